import { type FilledAccount, timeAt } from "./accounts.ts";

// The operations whose rows are counted, and what each may read, as data: a line each.

/** The most rows that a page reads where no index serves its filter in its order. */
export const maxScanned = 5_000;
/** How many rows a page may read beside those that it returns: one after it, and the ends of index ranges. */
export const spare = 50;
/** The most documents that a search reads of one kind: those that it compares, and the rest of a segment. */
export const maxSearched = 5_000 + 8_192;
/** The most rows that a count reads, and the most that a page with a number skips. */
export const maxCounted = 100_001;

/**
 * How many rows of its table an operation may read:
 *
 * - `page`: as many as it returns, and {@link spare} more
 * - `scan`: as `page`, and {@link maxScanned} that do not meet the filter. GraphQL then says that the page is partial;
 *   /v1 and /v2 read on by another statement.
 * - `count`: as `page`, and {@link maxCounted} for a total
 * - `offset`: as `page`, and {@link maxCounted} before a page with a number
 * - `search`: documents of notes and of tickets, {@link maxSearched} of each
 * - `spelling`: as `search`, for the words, for those that are similar, and for each of up to three queries
 *
 * /v1 counts each list by a statement of its own, which reads at most {@link maxCounted} too.
 */
export type Growth = "page" | "scan" | "count" | "offset" | "search" | "spelling";

/** The tables whose pages operations read. Rows of others are looked up by the keys of these. */
export type Table =
  | "notes"
  | "tickets"
  | "attachments"
  | "audit_events"
  | "api_keys"
  | "people"
  | "search_documents"
  | "note_edits"
  | "redactions";

export interface Operation {
  readonly api: "GraphQL" | "/v1" | "/v2";
  /** What is asked, as the table shows it: the field with its arguments, or the path. */
  readonly text: string;
  readonly table: Table;
  readonly growth: Growth;
  /** What an operation of GraphQL selects. Default: {@link pageFields}. */
  readonly selection?: string;
  /** An operation whose page is asked for first. Its cursor, of a row in the middle, stands for `:cursor`. */
  readonly from?: string;
  /** Asks for the page after the one with this path, by its link. */
  readonly isNext?: boolean;
}

const pageFields = "{ nodes { id } pageInfo { isPartial hasNextPage hasPreviousPage startCursor endCursor } }";
const relayFields =
  "{ edges { cursor node { id text author { id name } ticket { id subject } attachments(first: 5) { nodes { id } } } } pageInfo { isPartial hasNextPage endCursor } }";
const totalFields = "{ totalCount totalCountIsExact }";
const foundFields = "{ edges { cursor score node { id } } isPartial pageInfo { hasNextPage endCursor } }";

type Options = Partial<Omit<Operation, "api" | "text">>;
const graphql =
  (table: Table) =>
  (text: string, growth: Operation["growth"], options: Options = {}): Operation => ({
    ...{ api: "GraphQL", table, text, growth, selection: pageFields },
    ...options,
  });
const rest =
  (api: "/v1" | "/v2", table: Table) =>
  (text: string, growth: Operation["growth"], options: Options = {}): Operation => ({ api, table, text, growth, ...options });

const notes = graphql("notes");
const tickets = graphql("tickets");
const attachments = graphql("attachments");
const audit = graphql("audit_events");
const keys = graphql("api_keys");
const people = graphql("people");
const documents = graphql("search_documents");
const edits = graphql("note_edits");
const redactions = graphql("redactions");
const v1Search = rest("/v1", "search_documents");
const v1Notes = rest("/v1", "notes");
const v1Tickets = rest("/v1", "tickets");
const v1People = rest("/v1", "people");
const v2Notes = rest("/v2", "notes");
const v2Attachments = rest("/v2", "attachments");

const byNumber = "orderBy: { field: NUMBER, direction: ASC }";
const byLastNote = "orderBy: { field: LAST_NOTE_AT, direction: DESC }";
const byUpdate = "orderBy: { field: UPDATED_AT, direction: DESC }";
const middle = 'notes(first: 1, filter: { createdAt: { lt: ":middle" } })';
const ofTicket = (given: string) => `ticket(id: ":ticket") { notes(${given}) :fields }`;

export const operations: readonly Operation[] = [
  // Notes of the account.
  notes("notes(first: 25)", "page"),
  notes("notes(first: 25)", "page", { selection: relayFields }),
  notes("notes(last: 25)", "page"),
  notes(`notes(first: 25, ${byNumber})`, "page"),
  notes("notes(first: 25, orderBy: { field: AUTHOR, direction: ASC })", "page"),
  notes('notes(first: 25, after: ":cursor")', "page", { from: middle }),
  notes('notes(last: 25, before: ":cursor")', "page", { from: middle }),
  notes("notes(filter: { isPublic: true })", "scan"),
  notes("notes(filter: { isPublic: false })", "page"),
  notes(`notes(filter: { isPublic: false }, ${byNumber})`, "page"),
  notes("notes(filter: { medium: [DEFAULT] })", "scan"),
  notes("notes(filter: { medium: [SYSTEM] })", "scan"),
  notes("notes(filter: { medium: [OUTBOUND_EMAIL, REDACTED] })", "scan"),
  notes(`notes(filter: { medium: [OUTBOUND_EMAIL] }, ${byNumber})`, "scan"),
  notes("notes(filter: { categories: [POST_SCAN] })", "scan"),
  notes("notes(filter: { categories: [PRE_SCAN] })", "scan"),
  notes('notes(filter: { categories: [PRE_SCAN] }, after: ":cursor")', "scan", { from: middle }),
  notes("notes(last: 25, filter: { categories: [PRE_SCAN] })", "scan"),
  notes('notes(filter: { authorId: ":specialist" })', "scan"),
  notes('notes(filter: { authorId: ":administrator" })', "scan"),
  notes('notes(filter: { authorId: ":nobody" })', "scan"),
  notes('notes(filter: { createdAt: { lt: ":early" } })', "page"),
  notes(`notes(filter: { createdAt: { lt: ":early" } }, ${byNumber})`, "scan"),
  notes(`notes(filter: { createdAt: { gt: ":middle" } }, ${byNumber})`, "scan"),
  notes('notes(filter: { authorId: ":administrator", isPublic: true })', "scan"),
  notes('notes(filter: { authorId: ":specialist", categories: [PRE_SCAN] })', "scan"),
  notes('notes(filter: { authorId: ":nobody", medium: [DEFAULT] })', "scan"),
  notes('notes(filter: { medium: [SYSTEM], createdAt: { lt: ":middle" } })', "scan"),
  notes("notes(filter: { isPublic: true, categories: [POST_SCAN] })", "scan"),
  notes(`notes(first: 25, ${byUpdate})`, "scan"),
  notes(`notes(last: 25, ${byUpdate})`, "scan"),
  notes("notes(first: 25, orderBy: { field: UPDATED_AT, direction: ASC })", "scan"),
  notes(`notes(first: 25, ${byUpdate}, after: ":cursor")`, "scan", { from: `notes(first: 100, ${byUpdate})` }),
  notes(`notes(filter: { categories: [PRE_SCAN] }, ${byUpdate})`, "scan"),
  notes(`notes(filter: { authorId: ":administrator" }, ${byUpdate})`, "scan"),
  notes('notes(filter: { ticketId: ":ticket" })', "page"),
  notes('notes(filter: { updatedAt: { gt: ":middle" } })', "scan"),
  notes('notes(filter: { updatedAt: { lt: ":early" } })', "scan"),
  notes("notes(filter: { hasAttachments: true })", "scan"),
  notes("notes(filter: { hasAttachments: false })", "scan"),
  notes('notes(filter: { ids: [":note"] })', "page"),
  notes("notes", "count", { selection: totalFields }),
  notes("notes(filter: { isPublic: true })", "count", { selection: totalFields }),
  notes("notes(filter: { categories: [PRE_SCAN] })", "count", { selection: totalFields }),
  notes('notes(filter: { authorId: ":nobody" })', "count", { selection: totalFields }),
  notes('note(id: ":note")', "page", { selection: "{ id }" }),
  notes('note: node(id: ":note-node")', "page", { selection: "{ id }" }),
  notes('notes: nodes(ids: [":note-node", ":note-node"])', "page", { selection: "{ id }" }),

  // Notes of a ticket that has one in fifty of them.
  notes(ofTicket("first: 25"), "page"),
  notes(ofTicket("first: 25"), "page", { selection: relayFields }),
  notes(ofTicket("last: 25"), "page"),
  notes(ofTicket(`first: 25, ${byNumber}`), "page"),
  notes(ofTicket('first: 25, after: ":cursor"'), "page", {
    from: ofTicket('first: 1, filter: { createdAt: { lt: ":middle" } }'),
  }),
  notes(ofTicket(`first: 25, ${byUpdate}`), "scan"),
  notes(ofTicket(`last: 25, ${byUpdate}`), "scan"),
  notes(ofTicket("filter: { hasAttachments: true }"), "scan"),
  notes(ofTicket("filter: { isPublic: true }"), "page"),
  notes(ofTicket("filter: { isPublic: false }"), "page"),
  notes(ofTicket("filter: { medium: [SYSTEM] }"), "scan"),
  notes(ofTicket("filter: { categories: [PRE_SCAN] }"), "scan"),
  notes(ofTicket('filter: { authorId: ":nobody" }'), "scan"),
  notes(ofTicket('filter: { authorId: ":specialist" }'), "scan"),
  notes(ofTicket('filter: { createdAt: { lt: ":early" } }'), "page"),
  notes(ofTicket(`filter: { createdAt: { gt: ":middle" } }, ${byNumber}`), "scan"),
  notes(ofTicket("first: 1"), "page", { selection: totalFields }),
  notes(ofTicket("filter: { isPublic: true }"), "page", { selection: totalFields }),
  notes(ofTicket("filter: { medium: [SYSTEM] }"), "count", { selection: totalFields }),

  // Pages below pages.
  notes("tickets(first: 10) { nodes { notes(first: 10) :fields } }", "page"),
  notes("tickets(first: 50) { nodes { notes(filter: { categories: [PRE_SCAN] }) :fields } }", "scan"),
  notes("tickets(first: 50) { nodes { notes(first: 1) :fields } }", "page", { selection: totalFields }),

  // Tickets.
  tickets("tickets(first: 25)", "page"),
  tickets("tickets(last: 25)", "page"),
  tickets(`tickets(first: 25, ${byNumber})`, "page"),
  tickets("tickets(orderBy: { field: UPDATED_AT, direction: DESC })", "page"),
  tickets(`tickets(first: 25, ${byLastNote})`, "page"),
  tickets(`tickets(first: 25, ${byLastNote})`, "page", { selection: "{ nodes { id lastNoteAt noteCount } }" }),
  tickets("tickets(first: 25, orderBy: { field: LAST_NOTE_AT, direction: ASC })", "page"),
  tickets(`tickets(last: 25, ${byLastNote})`, "page"),
  tickets(`tickets(first: 25, ${byLastNote}, after: ":cursor")`, "page", { from: `tickets(first: 100, ${byLastNote})` }),
  tickets(`tickets(filter: { status: [CANCELLED] }, ${byLastNote})`, "scan"),
  tickets(`tickets(filter: { requesterId: ":customer" }, ${byLastNote})`, "scan"),
  tickets(`tickets(filter: { requesterId: ":nobody" }, ${byLastNote})`, "page"),
  tickets("tickets(filter: { kind: [REQUEST] })", "scan"),
  tickets("tickets(filter: { kind: [RISK] })", "scan"),
  tickets("tickets(filter: { kind: [PROJECT] })", "scan"),
  tickets("tickets(filter: { status: [CLOSED] })", "scan"),
  tickets("tickets(filter: { status: [OUTSOURCED] })", "scan"),
  tickets("tickets(filter: { status: [CANCELLED] })", "scan"),
  tickets('tickets(filter: { requesterId: ":customer" })', "page"),
  tickets('tickets(filter: { requesterId: ":nobody" })', "page"),
  tickets('tickets(filter: { createdAt: { lt: ":early" } })', "page"),
  tickets(`tickets(filter: { createdAt: { lt: ":early" } }, ${byNumber})`, "scan"),
  tickets('tickets(filter: { updatedAt: { lt: ":early" } })', "scan"),
  tickets("tickets(filter: { kind: [RISK], status: [CLOSED] })", "scan"),
  tickets("tickets", "count", { selection: totalFields }),
  tickets("tickets(filter: { status: [CANCELLED] })", "count", { selection: totalFields }),
  tickets('ticket(id: ":ticket")', "page", { selection: "{ id }" }),

  // Searches. All notes have the word "decided", one has its number, and none has "absent".
  documents('searchNotes(query: "decided")', "search", { selection: foundFields }),
  documents('searchNotes(query: "decided", first: 25, after: ":cursor")', "search", {
    selection: foundFields,
    from: 'searchNotes(query: "decided", first: 25)',
  }),
  documents('searchNotes(query: ":note-word")', "search", { selection: foundFields }),
  documents('searchNotes(query: "absent")', "search", { selection: foundFields }),
  documents('searchNotes(query: "\\"decided said\\"")', "search", { selection: foundFields }),
  documents('searchNotes(query: "dec*")', "search", { selection: foundFields }),
  documents('searchNotes(query: "decided -found")', "search", { selection: foundFields }),
  documents('searchNotes(query: "decided", filter: { isPublic: false })', "search", { selection: foundFields }),
  documents('searchNotes(query: "decided", filter: { medium: [SYSTEM] })', "search", { selection: foundFields }),
  documents('searchNotes(query: "decided", filter: { ticketId: ":ticket" })', "search", { selection: foundFields }),
  documents('searchNotes(query: "decided", filter: { createdAt: { lt: ":early" } })', "search", { selection: foundFields }),
  documents('searchNotes(query: "desided")', "spelling", { selection: "{ nodes { id } suggestion }" }),
  documents('searchNotes(query: "desided absent fuond")', "spelling", { selection: "{ nodes { id } suggestion }" }),
  documents('tickets(filter: { query: "decided" })', "search"),
  documents('tickets(filter: { query: "ticket" })', "search"),
  documents('tickets(filter: { query: ":note-word" })', "search"),
  documents('tickets(filter: { query: "absent" })', "search"),
  documents('tickets(filter: { query: "decided" })', "search", { selection: totalFields }),

  // What is kept of a note: of one that has 200 edits.
  edits('note(id: ":edited") { edits(first: 25) :fields }', "page", {
    selection: "{ nodes { id diff { kind } } pageInfo { hasNextPage endCursor } }",
  }),
  edits('note(id: ":edited") { edits(last: 25) :fields }', "page"),
  edits('note(id: ":edited") { edits :fields }', "count", { selection: totalFields }),
  edits("notes(first: 25) { nodes { edits(first: 3) :fields } }", "page"),
  redactions('note(id: ":edited") { redactions { at reason by { name } } }', "page", { selection: "" }),
  redactions("notes(first: 25) { nodes { redactions { at } } }", "page", { selection: "" }),
  notes("notes(first: 25)", "page", {
    selection: "{ nodes { id version isEdited editor { name } inboundEmail { subject } viewerCanRedact viewerCanRestore } }",
  }),
  notes("noteByNumber(number: :note-number)", "page", { selection: "{ id }" }),
  tickets("ticketByNumber(number: :number)", "page", { selection: "{ id }" }),

  // Attachments, people, and what administrators read.
  attachments('note(id: ":note") { attachments(first: 25) :fields }', "page"),
  attachments('note(id: ":note") { attachments(last: 1) :fields }', "page"),
  attachments('note(id: ":note") { attachments :fields }', "count", { selection: totalFields }),
  attachments("notes(first: 25) { nodes { attachments(first: 5) :fields } }", "page"),
  people("people(first: 25)", "scan"),
  people("people(last: 25)", "scan"),
  people("people(filter: { role: [SPECIALIST] })", "scan"),
  people('people(filter: { query: "nobody" })', "scan"),
  people('people(filter: { ids: [":nobody"] })', "page"),
  people("people", "count", { selection: totalFields }),
  people('ticket(id: ":ticket") { participants(first: 25) :fields }', "page"),
  people('ticket(id: ":ticket") { participants :fields }', "count", { selection: totalFields }),
  notes('person: node(id: ":specialist-node") { ... on Person { notes(first: 25) :fields } }', "scan"),
  people('ticket(id: ":ticket") { account { people(first: 25) :fields } }', "scan"),
  audit("auditEvents(first: 25)", "page"),
  audit("auditEvents(last: 25)", "page"),
  audit("auditEvents(filter: { action: [EDITED] })", "page"),
  audit("auditEvents(filter: { action: [DELETED] })", "page"),
  audit("auditEvents(filter: { action: [USED] })", "page"),
  audit("auditEvents(filter: { entity: [TICKET] })", "page"),
  audit('auditEvents(filter: { personId: ":customer" })', "page"),
  audit('auditEvents(filter: { personId: ":nobody" })', "page"),
  audit('auditEvents(filter: { entityId: ":note" })', "page"),
  audit('auditEvents(filter: { createdAt: { lt: ":middle" } })', "page"),
  audit('auditEvents(filter: { personId: ":customer", action: [DELETED] })', "scan"),
  audit('auditEvents(filter: { personId: ":specialist", action: [EDITED] })', "scan"),
  audit('auditEvents(filter: { personId: ":specialist", action: [CREATED], entity: [NOTE] })', "scan"),
  audit('auditEvents(filter: { entityId: ":note", personId: ":customer" })', "scan"),
  audit("auditEvents", "count", { selection: totalFields }),
  audit("auditEvents(filter: { action: [DELETED] })", "count", { selection: totalFields }),
  keys("apiKeys(first: 25)", "page"),
  keys('apiKeys(filter: { personId: ":customer" })', "page"),
  keys('apiKeys(filter: { personId: ":nobody" })', "page"),
  keys("apiKeys(filter: { isRevoked: false })", "scan"),
  keys("apiKeys(filter: { isRevoked: true })", "scan"),
  keys('apiKeys(filter: { personId: ":specialist", isRevoked: true })', "scan"),

  // Notes of /v1. Each list counts its entries too.
  v1Notes("/v1/notes", "scan"),
  v1Notes("/v1/notes?sort=id", "page"),
  v1Notes("/v1/notes?sort=created_at", "page"),
  v1Notes("/v1/notes?sort=-created_at,id", "scan"),
  v1Notes("/v1/notes?sort=person_id", "scan"),
  v1Notes("/v1/notes?sort=person_id,-id", "scan"),
  v1Notes("/v1/notes?sort=person_id,created_at", "scan"),
  v1Notes("/v1/notes?page=100", "offset"),
  v1Notes("/v1/notes?page=100&per_page=20", "page", { isNext: true }),
  v1Notes("/v1/notes/internal", "page"),
  v1Notes("/v1/notes/public?sort=id", "page"),
  v1Notes("/v1/notes?state=internal&sort=created_at", "scan"),
  v1Notes("/v1/notes?medium=system", "scan"),
  v1Notes("/v1/notes?medium=outbound_email", "scan"),
  v1Notes("/v1/notes?medium=redacted,automation", "scan"),
  v1Notes("/v1/notes?medium=!default", "scan"),
  v1Notes("/v1/notes?medium=!default&sort=person_id", "scan"),
  v1Notes("/v1/notes?medium=email&sort=created_at", "scan"),
  v1Notes("/v1/notes?medium=redacted&sort=created_at", "scan"),
  v1Notes("/v1/notes?person_id=:specialist", "scan"),
  v1Notes("/v1/notes?person_id=:administrator&sort=id", "scan"),
  v1Notes("/v1/notes?person_id=:nobody", "scan"),
  v1Notes("/v1/notes?person_id=!:specialist", "scan"),
  v1Notes("/v1/notes?person_id=:nobody&sort=created_at", "scan"),
  v1Notes("/v1/notes?person_id=:administrator,:specialist", "scan"),
  v1Notes("/v1/notes?person_id=:specialist&medium=redacted", "scan"),
  v1Notes("/v1/notes?person_id=:specialist&state=internal", "page"),
  v1Notes("/v1/notes?created_at=<:early", "scan"),
  v1Notes("/v1/notes?created_at=<:early&sort=created_at", "page"),
  v1Notes("/v1/notes?created_at=>:middle", "scan"),
  v1Notes("/v1/notes?created_at=>:middle&sort=person_id", "scan"),
  v1Notes("/v1/notes?medium=system&created_at=<:early", "scan"),
  v1Notes("/v1/requests/:number/notes", "page"),
  v1Notes("/v1/requests/:number/notes?sort=-created_at", "page"),
  v1Notes("/v1/requests/:number/notes?page=10", "offset"),
  v1Notes("/v1/requests/:number/notes/internal", "page"),
  v1Notes("/v1/requests/:number/notes/public?sort=-id", "page"),
  v1Notes("/v1/requests/:number/notes?medium=system", "page"),
  v1Notes("/v1/requests/:number/notes?medium=redacted", "page"),
  v1Notes("/v1/requests/:number/notes?person=:specialist", "scan"),
  v1Notes("/v1/requests/:number/notes?person=:nobody", "page"),
  v1Notes("/v1/requests/:number/notes?person=:specialist&medium=redacted", "scan"),
  v1Notes("/v1/requests/:number/notes?created_at=<:early&sort=-id", "scan"),
  v1Notes("/v1/notes/:note-number", "page"),

  v1Search("/v1/search?q=decided", "search"),
  v1Search("/v1/search?q=decided&per_page=100&page=3", "search"),
  v1Search("/v1/search?q=:note-word", "search"),
  v1Search("/v1/search?q=absent", "search"),

  // Other lists of /v1.
  v1Tickets("/v1/requests", "page"),
  v1Tickets("/v1/requests?sort=-updated_at", "page"),
  v1Tickets("/v1/requests?sort=status", "scan"),
  v1Tickets("/v1/requests?status=completed", "scan"),
  v1Tickets("/v1/requests?status=declined", "scan"),
  v1Tickets("/v1/requests?status=declined&sort=created_at", "scan"),
  v1Tickets("/v1/requests/open", "page"),
  v1Tickets("/v1/risks", "scan"),
  v1Tickets("/v1/requests?created_at=<:early", "scan"),
  v1Tickets("/v1/requests?page=50", "offset"),
  v1Tickets("/v1/requests/:number", "page"),
  v1People("/v1/people", "scan"),
  v1People("/v1/people?sort=-id", "scan"),
  v1People("/v1/people?name=Nobody", "scan"),
  v1People("/v1/people?primary_email=nobody@example.com", "scan"),
  v1People("/v1/people/:administrator", "page"),

  // /v2.
  v2Notes("/v2/tickets/notes?ticket_id=:ticket", "page"),
  v2Notes("/v2/tickets/notes?ticket_id=:ticket&limit=100", "page"),
  v2Notes("/v2/tickets/notes?ticket_id=:ticket&offset=1000", "offset"),
  v2Notes("/v2/tickets/notes/:note", "page"),
  v2Attachments("/v2/tickets/note-attachments?note_id=:note", "page"),
];

/** Returns the text of an operation as it is sent. */
export function filledIn(
  { api, text, selection = pageFields }: Operation,
  { account, ...filled }: FilledAccount,
  cursor = "",
): string {
  const person = (who: "administrator" | "specialist" | "customer" | "otherCustomer") =>
    api === "GraphQL" ? account[who].id : String(account[who].number);
  const values: Readonly<Record<string, string>> = {
    ...{ administrator: person("administrator"), specialist: person("specialist"), customer: person("customer") },
    ...{ nobody: person("otherCustomer"), ticket: filled.ticket.id, number: String(filled.ticket.number) },
    ...{ note: filled.note.id, "note-number": String(filled.note.number), "note-node": btoa(`Note:${filled.note.id}`) },
    edited: filled.edited.id,
    "note-word": String(filled.noteWord),
    "specialist-node": btoa(`Person:${account.specialist.id}`),
    ...{ early: timeAt(filled, 0.02), middle: timeAt(filled, 0.5), cursor },
  };
  const replaced = text.replaceAll(/:([a-z][a-z-]*)/g, (whole, name: string) => values[name] ?? whole);
  if (api !== "GraphQL") return replaced;
  return `{ ${replaced.includes(":fields") ? replaced.replace(":fields", selection) : `${replaced} ${selection}`} }`;
}

/** Returns the name of an operation in failures. */
export function nameOf({ text, selection = "" }: Operation): string {
  return `${text}${selection === totalFields ? ", its total" : ""}`;
}
