import { accountId, type DataSetSize, noteId, roleOf, ticketId } from "./data-set.ts";
import type { Sent } from "./load.ts";

export const questionTitles = {
  Q1: "one note",
  Q2: "a ticket, 25 notes, author, attachments",
  Q3: "50 tickets × 10 notes × author, 3 attachments",
  Q4: "Q2 and totalCount",
  Q5: "a deep page: 50 notes and authors",
  M1: "add a note",
} as const;

export type QuestionName = keyof typeof questionTitles;
export const questionNames = Object.keys(questionTitles) as QuestionName[]; // Object.keys forgets its keys
const readingQuestions = questionNames.filter((name) => name !== "M1");

/** The traffic of {@link askerCount} people: the reading questions in turn, each person about what they may see. */
export const mixedTitle = "mixed traffic of 50 people of three roles, Q1 to Q5 in turn";
export type Traffic = QuestionName | "mixed";

export const contestantNames = ["bare", "postgraphile", "mercurius", "plugin-prisma", "gateway"] as const;
export type ContestantName = (typeof contestantNames)[number];

/**
 * What is selected: the fields alone, or as the compilers of Relay and Apollo Client write it, with edges, cursors,
 * `pageInfo`, `__typename`, global ids and named operations.
 */
export type Selection = "lean" | "client";

/** The Accept headers of hand-written clients and Relay, and of Apollo's mobile clients. */
export const plainAccept = "application/json";
export const apolloAccept = "multipart/mixed;deferSpec=20220824, application/graphql-response+json, application/json";

/** A GraphQL request. The bare server gets the question's name as its `query`. */
export interface Operation {
  readonly operationName?: string;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** The names by which a contestant's schema has what is asked for. */
interface Dialect {
  readonly idType: string;
  readonly cursorType: string;
  /** The field with the id that is stored. */
  readonly id: string;
  /** The root fields for one row, with the argument. */
  readonly note: string;
  readonly ticket: string;
  /** The connections of the account, and those of a row. */
  readonly tickets: string;
  readonly notes: string;
  readonly notesOfTicket: string;
  readonly author: string;
  readonly attachments: string;
  /** Further arguments of connections, where their order has to be named. */
  readonly newestFirst: string;
  readonly oldestFirst: string;
  /** Returns the selection of a connection's rows and nothing else. */
  list(fields: string): string;
  readonly inputType: string;
  /** Returns the selection of a mutation, given that of the note. */
  mutation(note: string): string;
  inputOf(ticketId: string, text: string): Readonly<Record<string, unknown>>;
}

const nodes = (fields: string) => `nodes { ${fields} }`;

const plainDialect = {
  ...{ idType: "ID", cursorType: "String", id: "id", note: "note(id: $id)", ticket: "ticket(id: $id)" },
  ...{ tickets: "tickets", notes: "notes", notesOfTicket: "notes", author: "author", attachments: "attachments" },
  ...{ newestFirst: "", oldestFirst: "", inputType: "AddNoteInput", list: nodes },
  mutation: (note) => `addNote(input: $input) { note { ${note} } }`,
  inputOf: (ticket, text) => ({ ticketId: ticket, text }),
} satisfies Dialect;

const newestFirst = ", orderBy: [CREATED_AT_DESC, ROW_ID_DESC]";
const oldestFirst = ", orderBy: [CREATED_AT_ASC, ROW_ID_ASC]";

const dialects: Readonly<Record<Exclude<ContestantName, "bare">, Dialect>> = {
  mercurius: plainDialect,
  "plugin-prisma": {
    ...plainDialect,
    id: "uuid",
    list: (fields) => `edges { node { ${fields} } }`,
    mutation: (note) => `addNote(input: $input) { ${note} }`,
  },
  gateway: {
    ...plainDialect,
    id: "uuid",
    mutation: (note) => `addNote(input: $input) { __typename ... on AddNotePayload { note { ${note} } } }`,
    inputOf: (ticket, text) => ({ ticketId: ticket, text, isPublic: true }),
  },
  postgraphile: {
    ...{ idType: "UUID", cursorType: "Cursor", id: "rowId", note: "noteByRowId(rowId: $id)", list: nodes },
    ...{ ticket: "ticketByRowId(rowId: $id)", tickets: "allTickets", notes: "allNotes", newestFirst, oldestFirst },
    ...{ notesOfTicket: "notesByAccountIdAndTicketId", author: "personByAuthorNumber" },
    attachments: "attachmentsByAccountIdAndNoteId",
    inputType: "CreateNoteInput",
    mutation: (note) => `createNote(input: $input) { note { ${note} } }`,
    inputOf: (ticket, text) => ({
      note: { accountId, ticketId: ticket, authorNumber: 5, text, isPublic: true, categories: [] },
    }),
  },
};

/** Returns the documents of all questions in a contestant's schema. */
function documentsOf(dialect: Dialect, selection: Selection): Readonly<Record<QuestionName, string>> {
  const { idType, cursorType } = dialect;
  const isClient = selection === "client";
  const list = (fields: string) =>
    isClient ? `edges { cursor node { ${fields} } } pageInfo { hasNextPage endCursor }` : dialect.list(fields);
  const row = (fields: string) => `${isClient ? "__typename id" : dialect.id} ${fields}`;
  const named = (kind: string, name: string) => (isClient ? `${kind} ${name}` : kind);
  const note = "text isPublic createdAt";
  const author = `${dialect.author} { ${row("name")} }`;
  const attachments = `${dialect.attachments}(first: $files${dialect.oldestFirst}) { ${list(isClient ? row("filename size") : "filename size")} }`;
  const ticket = (extra: string) =>
    row(
      `subject ${dialect.notesOfTicket}(first: $notes${dialect.newestFirst}) { ${extra} ${list(row(`${note} ${author} ${attachments}`))} }`,
    );
  const oneTicket = (extra: string) =>
    `${named("query", "TicketQuery")}($id: ${idType}!, $notes: Int!, $files: Int!) { ${dialect.ticket} { ${ticket(extra)} } }`;
  const page = `first: $first, after: $after${dialect.newestFirst}`;
  return {
    Q1: `${named("query", "NoteQuery")}($id: ${idType}!) { ${dialect.note} { ${row(note)} } }`,
    Q2: oneTicket(""),
    Q3: `${named("query", "TicketsQuery")}($first: Int!, $after: ${cursorType}, $notes: Int!, $files: Int!) { ${dialect.tickets}(${page}) { ${list(ticket(""))} } }`,
    Q4: oneTicket("totalCount"),
    Q5: `${named("query", "NotesQuery")}($first: Int!, $after: ${cursorType}) { ${dialect.notes}(${page}) { ${list(row(`${note} ${author}`))} } }`,
    M1: `${named("mutation", "AddNoteMutation")}($input: ${dialect.inputType}!) { ${dialect.mutation(row("text"))} }`,
  };
}

type Documents = Readonly<Record<Selection, Readonly<Record<QuestionName, string>>>>;

const documents = Object.fromEntries(
  Object.entries(dialects).map(([name, dialect]) => [
    name,
    { lean: documentsOf(dialect, "lean"), client: documentsOf(dialect, "client") },
  ]),
) as Readonly<Record<keyof typeof dialects, Documents>>; // Object.fromEntries forgets its keys

/** A contestant's own cursors for rows of the account's connections. They name the same rows for every contestant. */
export interface Cursors {
  readonly tickets: readonly string[];
  readonly notes: readonly string[];
}

/** What requests are made from. */
export interface Asking {
  readonly contestant: ContestantName;
  readonly selection: Selection;
  readonly size: DataSetSize;
  readonly cursors: Cursors;
}

/** Returns the nth operation of a question. It reads the same rows on every contestant. */
export function operationOf(asking: Asking, question: QuestionName, n: number, customer?: number): Operation {
  const variables = variablesOf(asking, question, n, customer);
  if (asking.contestant === "bare") return { query: question, variables };
  const query = documents[asking.contestant][asking.selection][question];
  const operationName = /^\w+ (\w+)/.exec(query)?.[1];
  return { ...(operationName !== undefined && { operationName }), query, variables };
}

function variablesOf(
  { contestant, size, cursors }: Asking,
  question: QuestionName,
  n: number,
  customer: number | undefined,
): Operation["variables"] {
  const dialect = contestant === "bare" ? plainDialect : dialects[contestant];
  const ticket = customer === undefined ? spread(n, size.tickets) : ticketOf(customer, n, size);
  switch (question) {
    case "Q1":
      return {
        id: noteId(customer === undefined ? spread(n, size.tickets * size.notesPerTicket) : publicNoteOf(ticket, size)),
      };
    case "Q2":
    case "Q4":
      return { id: ticketId(ticket), notes: 25, files: 5 };
    case "Q3":
      return { first: 50, after: valueAt(cursors.tickets, n), notes: 10, files: 3 };
    case "Q5":
      return { first: 50, after: valueAt(cursors.notes, n) };
    case "M1":
      return { input: dialect.inputOf(ticketId(ticket), `Added by the benchmark, ${n}`) };
  }
}

/**
 * Returns the nth row number. The step shares no factor with the size of the data set, so the numbers spread over all
 * of it.
 */
const spread = (n: number, count: number) => 1 + ((n * 7919) % count);

/** Returns the id of the nth ticket. */
export const ticketOfTurn = (n: number, { tickets }: DataSetSize) => ticketId(spread(n, tickets));

/** Returns the number of the nth ticket that a customer has opened. */
const ticketOf = (customer: number, n: number, { people, tickets }: DataSetSize) =>
  customer - 1 + people * (1 + (n % (Math.floor(tickets / people) - 1)));

/** Returns the number of a public note of a ticket. */
const publicNoteOf = (ticket: number, { notesPerTicket }: DataSetSize) =>
  Math.ceil((1 + (ticket - 1) * notesPerTicket) / 3) * 3;

function valueAt(values: readonly string[], n: number): string {
  const value = values[n % values.length];
  if (value === undefined) throw new Error("There is nothing to choose from.");
  return value;
}

/** The number of different requests of a question. */
const requestCount = 1_000;

/** Returns the requests that are sent in turn, the first of which is made for 1. */
export function inTurn(make: (n: number) => Sent): Sent[] {
  return Array.from({ length: requestCount }, (_, index) => make(index + 1));
}

/** How many people ask in mixed traffic. */
export const askerCount = 50;

/** Returns the requests of a question, or with `isVarying` false the one that all connections send. */
export function requestsOf(
  asking: Asking,
  question: QuestionName,
  { path, headers, isVarying = true }: { path: string; headers: Sent["headers"]; isVarying?: boolean },
): Sent[] {
  const make = (n: number) => post(path, headers, operationOf(asking, question, n));
  return isVarying ? inTurn(make) : [make(1)];
}

/**
 * Returns the requests of mixed traffic, given the headers of each person. A customer asks for their own tickets and
 * notes; contestants without authorization get the same requests.
 */
export function mixedRequestsOf(asking: Asking, path: string, headersOf: (person: number) => Sent["headers"]): Sent[] {
  return inTurn((n) => {
    const person = 1 + (n % askerCount);
    // Each person asks every question.
    const question = readingQuestions[(n + Math.floor(n / askerCount)) % readingQuestions.length]!;
    const customer = roleOf(person) === "CUSTOMER" ? person : undefined;
    return post(path, headersOf(person), operationOf(asking, question, n, customer));
  });
}

/** Returns a request with a JSON body. */
export function post(path: string, headers: Sent["headers"], body: unknown): Sent {
  return { method: "POST", path, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}
