import { randomUUID } from "node:crypto";
import fc from "fast-check";
import type { GraphQLField } from "graphql";
import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { schema } from "../src/schema.ts";
import { v1Document } from "../src/rest/v1/server/routes.ts";
import { v2Document } from "../src/rest/v2/server/routes.ts";
import { addAccount, call, keyWith, startApp, type TestAccount, type TestApp, type TestPerson } from "./support/app.ts";
import { addNote, addTicket, globalId, upload } from "./support/factories.ts";
import { addClient } from "./support/oauth.ts";

/**
 * Nothing of one account is visible or changeable from another, and what may not be seen answers exactly as what does
 * not exist. There are three accounts, all requests, foreign ids and invented ids. Each request is sent twice, once
 * with each kind of id, and the two responses must be the same bytes except for the id itself.
 */

type Kind = (typeof nodeKinds)[number];

/** A thing with an id, whose name in a text shows that it was seen. */
interface Thing {
  readonly kind: Kind;
  readonly accountId: string;
  readonly id: string;
  readonly number: number;
  /** Of an attachment or a note that has one: what the attachment is called, and the note it is of. */
  readonly filename?: string;
  readonly noteId?: string;
}

interface Asker {
  readonly name: string;
  readonly accountId: string;
  readonly key: string;
  /** What exists and this person may not see. */
  readonly hidden: readonly Thing[];
  /** A ticket and a note of their own account, which they may see: other things are requested below these. */
  readonly ownTicket: Thing;
  readonly ownNote: Thing;
}

interface World {
  readonly accounts: readonly TestAccount[];
  readonly askers: readonly Asker[];
  /** What occurs in texts of an account, and may not occur in a response to another account. */
  readonly marks: ReadonlyMap<string, string>;
  readonly things: readonly Thing[];
}

let app: TestApp;
let world: World;
let attempts = 0;

beforeAll(async () => {
  app = await startApp();
  world = await createWorld();
});
afterAll(() => app.close());

/**
 * Numbers of rows have ten digits from here on, other ones for each table, so that none is found within another or
 * within a header.
 */
async function countFromABillion(): Promise<void> {
  for (const [index, table] of ["people", "tickets", "notes", "attachments"].entries()) {
    const sequence = `${table}_number_seq`;
    await app.database.pool.query(
      `SELECT setval('${sequence}', greatest(nextval('${sequence}'), ${1_000_000_000 + index * 100_000_000}))`,
    );
  }
}

async function createWorld(): Promise<World> {
  await countFromABillion();
  const accounts = [await addAccount(app), await addAccount(app), await addAccount(app)];
  const marks = new Map(accounts.map((account) => [account.id, `mark-${randomUUID().slice(0, 8)}`]));
  const things: Thing[] = [];
  const visible = new Map<string, Set<string>>();
  const askers: Omit<Asker, "hidden">[] = [];
  const seenBy = (key: string, ...seen: readonly Thing[]) => {
    const known = visible.get(key) ?? new Set();
    visible.set(key, known);
    for (const { id } of seen) known.add(id);
  };

  for (const account of accounts) {
    const mark = marks.get(account.id)!;
    const { administrator, specialist, customer, otherCustomer } = account;
    const withoutInternal = await keyWith(app, specialist, [
      "tickets:read",
      "tickets:write",
      "notes:read",
      "notes:write",
      "attachments:read",
      "attachments:write",
    ]);
    const people = [administrator, specialist, customer, otherCustomer];
    const staffKeys = [administrator.key, specialist.key];
    const allKeys = [...people.map(({ key }) => key), withoutInternal];
    const shared: Thing[] = [
      { kind: "Account", accountId: account.id, id: account.id, number: 0 },
      ...people.map((person): Thing => ({ kind: "Person", accountId: account.id, id: person.id, number: person.number })),
    ];
    things.push(...shared);
    for (const key of allKeys) seenBy(key, ...shared);

    const { apiKey } = await app.provisioning.addApiKey({
      accountId: account.id,
      personId: specialist.id,
      name: mark,
      scopes: ["notes:read"],
    });
    const client = await addClient(app, specialist, ["notes:read"]);
    const credentials: Thing[] = [
      { kind: "ApiKey", accountId: account.id, id: apiKey.id, number: 0 },
      { kind: "OAuthClient", accountId: account.id, id: client.id, number: 0 },
    ];
    things.push(...credentials);
    seenBy(administrator.key, ...credentials);

    const own: { ticket: Thing; note: Thing; requester: TestPerson | undefined }[] = [];
    for (const requester of [customer, customer, otherCustomer, undefined]) {
      const row = await addTicket(app, account, { subject: `Ticket ${mark}`, ...(requester && { requester }) });
      const ticket: Thing = { kind: "Ticket", accountId: account.id, id: row.id, number: row.number };
      const requesterKeys = requester ? [requester.key] : [];
      things.push(ticket);
      for (const key of [...staffKeys, withoutInternal, ...requesterKeys]) seenBy(key, ticket);
      for (const isPublic of [true, false, true]) {
        const noteRow = await addNote(app, row, specialist, { text: `Earlier ${mark}`, isPublic });
        await app.database.prisma.note.updateMany({ where: { id: noteRow.id }, data: { text: `Note ${mark}` } });
        const editRow = await app.database.prisma.noteEdit.findFirstOrThrow({ where: { noteId: noteRow.id } });
        const edit: Thing = { kind: "NoteEdit", accountId: account.id, id: editRow.id, number: 0, noteId: noteRow.id };
        const filename = `${mark}-${noteRow.number}.txt`;
        const note: Thing = { kind: "Note", accountId: account.id, id: noteRow.id, number: noteRow.number, filename };
        await upload(app, specialist.key, noteRow.id, filename, `Bytes ${mark}`, "text/plain");
        const file = await app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: noteRow.id } });
        const attachment: Thing = {
          kind: "Attachment",
          accountId: account.id,
          id: file.id,
          number: file.number,
          filename,
          noteId: noteRow.id,
        };
        things.push(note, edit, attachment);
        for (const key of staffKeys) seenBy(key, note, edit, attachment);
        if (isPublic) for (const key of [withoutInternal, ...requesterKeys]) seenBy(key, note, edit, attachment);
        own.push({ ticket, note, requester });
      }
    }
    const ask = (name: string, key: string, whose: (one: (typeof own)[number]) => boolean) => {
      const { ticket, note } = own.find(whose)!;
      askers.push({ name, accountId: account.id, key, ownTicket: ticket, ownNote: note });
    };
    ask("administrator", administrator.key, () => true);
    ask("specialist", specialist.key, () => true);
    ask("specialist without notes:internal", withoutInternal, () => true);
    ask("customer", customer.key, ({ requester }) => requester === customer);
    ask("other customer", otherCustomer.key, ({ requester }) => requester === otherCustomer);
  }
  return {
    accounts,
    marks,
    things,
    askers: askers.map((asker) => ({ ...asker, hidden: things.filter(({ id }) => !visible.get(asker.key)?.has(id)) })),
  };
}

/** One id in the spellings that the APIs accept. */
interface Probe {
  readonly uuid: string;
  readonly number: number;
  readonly filename: string;
  readonly noteId: string;
  readonly spelling: "uuid" | "global";
}

const spelled = (kind: Kind, probe: Probe): string =>
  JSON.stringify(probe.spelling === "uuid" ? probe.uuid : globalId(kind, probe.uuid));
const globally = (kind: Kind, probe: Probe): string => JSON.stringify(globalId(kind, probe.uuid));

interface GraphTemplate {
  readonly root: string;
  readonly kind: Kind;
  /** The field with its arguments and its selection, without an alias. */
  readonly text: (probe: Probe, asker: Asker) => string;
}

const noteFields =
  "id text number isPublic ticket { id subject } author { name email } account { slug } edits(first: 2) { totalCount nodes { id text diff { text } } } attachments(first: 2) { totalCount nodes { id filename download { url } } }";
const ticketFields = `id subject number lastNoteAt noteCount requester { name } account { slug } notes(first: 2) { totalCount nodes { id text } }`;
const nodeFields = `__typename id ... on Ticket { ${ticketFields} } ... on Note { ${noteFields} } ... on NoteEdit { text version } ... on Attachment { filename download { url } note { text } } ... on Person { name email } ... on Account { slug name } ... on ApiKey { name person { name } } ... on OAuthClient { name clientId }`;
const errorFields = "... on Error { code message }";
const personNodeFields = "id name email role notes(first: 2) { totalCount nodes { text } }";
const nodeKinds = [
  ...(["Account", "Person", "Ticket", "Note", "NoteEdit", "Attachment"] as const),
  ...(["ApiKey", "OAuthClient"] as const),
] as const;

/** Every root field that takes an id, by each of the ways in which it takes one. */
const queries: readonly GraphTemplate[] = [
  ...nodeKinds.flatMap((kind): GraphTemplate[] => [
    { root: "node", kind, text: (probe) => `node(id: ${globally(kind, probe)}) { ${nodeFields} }` },
    {
      root: "nodes",
      kind,
      text: (probe, { ownNote }) =>
        `nodes(ids: [${globally(kind, probe)}, "${globalId("Note", ownNote.id)}"]) { ${nodeFields} }`,
    },
  ]),
  {
    root: "ticket",
    kind: "Ticket",
    text: (probe) => `ticket(id: ${spelled("Ticket", probe)}) { ${ticketFields} viewerCanAddNote }`,
  },
  {
    root: "ticketByNumber",
    kind: "Ticket",
    text: (probe) => `ticketByNumber(number: ${probe.number}) { ${ticketFields} viewerCanAddNote }`,
  },
  {
    root: "noteByNumber",
    kind: "Note",
    text: (probe) => `noteByNumber(number: ${probe.number}) { ${noteFields} viewerCanUpdate version editor { name } }`,
  },
  {
    root: "searchNotes",
    kind: "Note",
    text: (probe) =>
      `searchNotes(query: "note", first: 2, filter: { ids: [${spelled("Note", probe)}] }) { isPartial edges { score highlights { text } node { ${noteFields} } } }`,
  },
  {
    root: "tickets",
    kind: "Ticket",
    text: (probe) =>
      `tickets(first: 2, filter: { query: "ticket", ids: [${spelled("Ticket", probe)}] }) { totalCount nodes { ${ticketFields} } }`,
  },
  {
    root: "tickets",
    kind: "Ticket",
    text: (probe) => `tickets(first: 2, filter: { numbers: [${probe.number}] }) { totalCount nodes { ${ticketFields} } }`,
  },
  { root: "note", kind: "Note", text: (probe) => `note(id: ${spelled("Note", probe)}) { ${noteFields} viewerCanUpdate }` },
  {
    root: "tickets",
    kind: "Ticket",
    text: (probe) =>
      `tickets(first: 2, filter: { ids: [${spelled("Ticket", probe)}] }) { totalCount nodes { ${ticketFields} } }`,
  },
  {
    root: "tickets",
    kind: "Person",
    text: (probe) =>
      `tickets(first: 2, filter: { requesterId: ${spelled("Person", probe)} }) { totalCount nodes { ${ticketFields} } }`,
  },
  {
    root: "notes",
    kind: "Note",
    text: (probe) => `notes(first: 2, filter: { ids: [${spelled("Note", probe)}] }) { totalCount nodes { ${noteFields} } }`,
  },
  {
    root: "tickets",
    kind: "Person",
    text: (probe) =>
      `tickets(first: 2, filter: { requesterId: ${spelled("Person", probe)} }, orderBy: { field: LAST_NOTE_AT, direction: DESC }) { totalCount nodes { ${ticketFields} } }`,
  },
  {
    root: "notes",
    kind: "Ticket",
    text: (probe) =>
      `notes(first: 2, filter: { ticketId: ${spelled("Ticket", probe)}, hasAttachments: true }) { totalCount nodes { ${noteFields} } }`,
  },
  {
    root: "notes",
    kind: "Ticket",
    text: (probe) =>
      `notes(first: 2, filter: { ticketId: ${spelled("Ticket", probe)} }, orderBy: { field: UPDATED_AT, direction: ASC }) { totalCount nodes { ${noteFields} } }`,
  },
  {
    root: "notes",
    kind: "Person",
    text: (probe) =>
      `notes(first: 2, filter: { authorId: ${spelled("Person", probe)} }) { totalCount nodes { ${noteFields} } }`,
  },
  {
    root: "ticket",
    kind: "Note",
    text: (probe, { ownTicket }) =>
      `ticket(id: "${ownTicket.id}") { notes(first: 2, filter: { ids: [${spelled("Note", probe)}] }) { totalCount nodes { ${noteFields} } } }`,
  },
  {
    root: "ticket",
    kind: "Person",
    text: (probe, { ownTicket }) =>
      `ticket(id: "${ownTicket.id}") { notes(first: 2, filter: { authorId: ${spelled("Person", probe)} }) { totalCount nodes { ${noteFields} } } }`,
  },
  {
    root: "people",
    kind: "Person",
    text: (probe) =>
      `people(first: 2, filter: { ids: [${spelled("Person", probe)}] }) { totalCount nodes { ${personNodeFields} } }`,
  },
  {
    root: "people",
    kind: "Person",
    text: (probe) =>
      `viewer { account { people(first: 2, filter: { ids: [${spelled("Person", probe)}], role: [SPECIALIST, CUSTOMER] }) { totalCount nodes { ${personNodeFields} } } } }`,
  },
];

/** Those that are for administrators. Asked by themselves: to anyone else the whole operation is refused. */
const administratorQueries: readonly GraphTemplate[] = [
  {
    root: "auditEvents",
    kind: "Note",
    text: (probe) => `auditEvents(first: 2, filter: { entityId: ${spelled("Note", probe)} }) { totalCount nodes { entityId } }`,
  },
  {
    root: "auditEvents",
    kind: "Attachment",
    text: (probe) =>
      `auditEvents(first: 2, filter: { entityId: ${spelled("Attachment", probe)} }) { totalCount nodes { entityId } }`,
  },
  {
    root: "auditEvents",
    kind: "ApiKey",
    text: (probe) => `auditEvents(first: 2, filter: { entityId: "${probe.uuid}" }) { totalCount nodes { entityId } }`,
  },
  {
    root: "auditEvents",
    kind: "Person",
    text: (probe) =>
      `auditEvents(first: 2, filter: { personId: ${spelled("Person", probe)} }) { totalCount nodes { address } }`,
  },
  {
    root: "apiKeys",
    kind: "Person",
    text: (probe) => `apiKeys(first: 2, filter: { personId: ${spelled("Person", probe)} }) { totalCount nodes { name } }`,
  },
  {
    root: "oauthClients",
    kind: "Person",
    text: (probe) => `oauthClients(first: 2, filter: { personId: ${spelled("Person", probe)} }) { totalCount nodes { name } }`,
  },
];

const mutations: readonly GraphTemplate[] = [
  {
    root: "updatePerson",
    kind: "Person",
    text: (probe) => `updatePerson(input: { id: ${spelled("Person", probe)}, role: SPECIALIST }) { __typename ${errorFields} }`,
  },
  {
    root: "removePerson",
    kind: "Person",
    text: (probe) => `removePerson(input: { id: ${spelled("Person", probe)} }) { __typename ${errorFields} }`,
  },
  {
    root: "addTicket",
    kind: "Person",
    text: (probe) =>
      `addTicket(input: { kind: REQUEST, subject: "x", requesterId: ${spelled("Person", probe)} }) { __typename ${errorFields} }`,
  },
  {
    root: "updateTicket",
    kind: "Ticket",
    text: (probe) =>
      `updateTicket(input: { id: ${spelled("Ticket", probe)}, status: CLOSED, expectedVersion: 9 }) { __typename ${errorFields} ... on TicketChangedError { current { subject } } }`,
  },
  {
    root: "updateTicket",
    kind: "Person",
    text: (probe, { ownTicket }) =>
      `updateTicket(input: { id: "${ownTicket.id}", requesterId: ${spelled("Person", probe)} }) { __typename ${errorFields} }`,
  },
  {
    root: "addNote",
    kind: "Ticket",
    text: (probe) =>
      `addNote(input: { ticketId: ${spelled("Ticket", probe)}, text: "x", isPublic: true }) { __typename ${errorFields} }`,
  },
  {
    root: "updateNote",
    kind: "Note",
    text: (probe) =>
      `updateNote(input: { id: ${spelled("Note", probe)}, text: "changed", isPublic: true }) { __typename ${errorFields} }`,
  },
  {
    root: "updateNote",
    kind: "Note",
    text: (probe) =>
      `updateNote(input: { id: ${spelled("Note", probe)}, text: "changed", expectedVersion: 9 }) { __typename ${errorFields} ... on NoteChangedError { current { text } } }`,
  },
  {
    root: "redactNote",
    kind: "Note",
    text: (probe) => `redactNote(input: { id: ${spelled("Note", probe)}, reason: SECRET }) { __typename ${errorFields} }`,
  },
  {
    root: "redactAttachment",
    kind: "Attachment",
    text: (probe) =>
      `redactAttachment(input: { id: ${spelled("Attachment", probe)}, reason: SECRET }) { __typename ${errorFields} }`,
  },
  {
    root: "restoreNote",
    kind: "NoteEdit",
    text: (probe, { ownNote }) =>
      `restoreNote(input: { id: "${ownNote.id}", editId: ${spelled("NoteEdit", probe)} }) { __typename ${errorFields} }`,
  },
  {
    root: "deleteNote",
    kind: "Note",
    text: (probe) => `deleteNote(input: { id: ${spelled("Note", probe)} }) { __typename ${errorFields} }`,
  },
  {
    root: "undeleteNote",
    kind: "Note",
    text: (probe) => `undeleteNote(input: { id: ${spelled("Note", probe)} }) { __typename ${errorFields} }`,
  },
  {
    root: "requestAttachmentUpload",
    kind: "Note",
    text: (probe) =>
      `requestAttachmentUpload(input: { noteId: ${spelled("Note", probe)}, filename: ${JSON.stringify(probe.filename)} }) { __typename ${errorFields} }`,
  },
  {
    root: "deleteAttachment",
    kind: "Note",
    text: (probe) =>
      `deleteAttachment(input: { noteId: ${spelled("Note", probe)}, filename: ${JSON.stringify(probe.filename)} }) { __typename ${errorFields} }`,
  },
  {
    root: "deleteAttachment",
    kind: "Attachment",
    text: (probe) => `deleteAttachment(input: { id: ${spelled("Attachment", probe)} }) { __typename ${errorFields} }`,
  },
  {
    root: "createApiKey",
    kind: "Person",
    text: (probe) => `createApiKey(input: { name: "x", personId: ${spelled("Person", probe)} }) { __typename ${errorFields} }`,
  },
  {
    root: "createOAuthClient",
    kind: "Person",
    text: (probe) =>
      `createOAuthClient(input: { name: "x", personId: ${spelled("Person", probe)} }) { __typename ${errorFields} }`,
  },
  {
    root: "revokeApiKey",
    kind: "ApiKey",
    text: (probe) => `revokeApiKey(input: { id: ${spelled("ApiKey", probe)} }) { __typename ${errorFields} }`,
  },
  {
    root: "revokeOAuthClient",
    kind: "OAuthClient",
    text: (probe) => `revokeOAuthClient(input: { id: ${spelled("OAuthClient", probe)} }) { __typename ${errorFields} }`,
  },
];

interface RestTemplate {
  readonly method: string;
  /** As the API's OpenAPI document has it. */
  readonly route: string;
  readonly kind: Kind;
  readonly path: (probe: Probe, asker: Asker) => string;
  readonly body?: (probe: Probe, asker: Asker) => unknown;
}

const v1Id = (kind: "Person" | "Ticket" | "Note", probe: Probe): string | number =>
  probe.spelling === "uuid" ? probe.number : encodeURIComponent(globalId(kind, probe.uuid));

/** Every operation of both REST APIs that takes an id. */
const restCalls: readonly RestTemplate[] = [
  { method: "GET", route: "/v2/tickets/notes", kind: "Ticket", path: (probe) => `/v2/tickets/notes?ticket_id=${probe.uuid}` },
  {
    method: "POST",
    route: "/v2/tickets/notes",
    kind: "Ticket",
    path: () => "/v2/tickets/notes",
    body: (probe) => ({ ticket_id: probe.uuid, value: "x", is_public: true }),
  },
  { method: "GET", route: "/v2/tickets/notes/{note-id}", kind: "Note", path: (probe) => `/v2/tickets/notes/${probe.uuid}` },
  {
    method: "PUT",
    route: "/v2/tickets/notes/{note-id}",
    kind: "Note",
    path: (probe) => `/v2/tickets/notes/${probe.uuid}`,
    body: (_probe, { ownTicket }) => ({ ticket_id: ownTicket.id, value: "changed", is_public: true }),
  },
  { method: "DELETE", route: "/v2/tickets/notes/{note-id}", kind: "Note", path: (probe) => `/v2/tickets/notes/${probe.uuid}` },
  {
    method: "GET",
    route: "/v2/tickets/note-attachments",
    kind: "Note",
    path: (probe) => `/v2/tickets/note-attachments?note_id=${probe.uuid}`,
  },
  {
    method: "POST",
    route: "/v2/tickets/note-attachments",
    kind: "Note",
    path: () => "/v2/tickets/note-attachments",
    body: (probe) => ({ note_id: probe.uuid, filename: probe.filename }),
  },
  {
    method: "GET",
    route: "/v2/tickets/note-attachments/{note-id}/{filename}",
    kind: "Attachment",
    path: (probe) => `/v2/tickets/note-attachments/${probe.noteId}/${probe.filename}`,
  },
  { method: "GET", route: "/people/{id}", kind: "Person", path: (probe) => `/v1/people/${v1Id("Person", probe)}` },
  { method: "GET", route: "/people/{id}/teams", kind: "Person", path: (probe) => `/v1/people/${v1Id("Person", probe)}/teams` },
  { method: "GET", route: "/notes/{id}", kind: "Note", path: (probe) => `/v1/notes/${v1Id("Note", probe)}` },
  { method: "GET", route: "/notes", kind: "Note", path: (probe) => `/v1/notes?id=${probe.number}` },
  { method: "GET", route: "/notes", kind: "Person", path: (probe) => `/v1/notes?person=${probe.number}` },
  { method: "GET", route: "/notes/public", kind: "Note", path: (probe) => `/v1/notes/public?id=${probe.number}` },
  { method: "GET", route: "/notes/internal", kind: "Note", path: (probe) => `/v1/notes/internal?id=${probe.number}` },
  { method: "GET", route: "/{records}", kind: "Ticket", path: (probe) => `/v1/requests?id=${probe.number}` },
  { method: "GET", route: "/{records}/{id}", kind: "Ticket", path: (probe) => `/v1/requests/${v1Id("Ticket", probe)}` },
  {
    method: "GET",
    route: "/{records}/{id}/notes",
    kind: "Ticket",
    path: (probe) => `/v1/requests/${v1Id("Ticket", probe)}/notes`,
  },
  {
    method: "GET",
    route: "/{records}/{id}/notes/public",
    kind: "Ticket",
    path: (probe) => `/v1/requests/${v1Id("Ticket", probe)}/notes/public`,
  },
  {
    method: "GET",
    route: "/{records}/{id}/notes/internal",
    kind: "Ticket",
    path: (probe) => `/v1/requests/${v1Id("Ticket", probe)}/notes/internal`,
  },
  {
    method: "GET",
    route: "/{records}/{id}/notes",
    kind: "Note",
    path: (probe, { ownTicket }) => `/v1/requests/${ownTicket.number}/notes?id=${probe.number}`,
  },
  {
    method: "POST",
    route: "/{records}/{id}/notes",
    kind: "Ticket",
    path: (probe) => `/v1/requests/${v1Id("Ticket", probe)}/notes`,
    body: () => ({ text: "x" }),
  },
  {
    method: "PATCH",
    route: "/{records}/{id}",
    kind: "Ticket",
    path: (probe) => `/v1/requests/${v1Id("Ticket", probe)}`,
    body: () => ({ note: "x" }),
  },
  {
    method: "PATCH",
    route: "/{records}/{id}",
    kind: "Person",
    path: (_probe, { ownTicket }) => `/v1/requests/${ownTicket.number}`,
    body: (probe) => ({ requested_by_id: probe.number }),
  },
  {
    method: "POST",
    route: "/requests",
    kind: "Person",
    path: () => "/v1/requests",
    body: (probe) => ({ subject: "x", requested_by_id: probe.number }),
  },
  { method: "GET", route: "/people", kind: "Person", path: (probe) => `/v1/people?id=${probe.number}` },
];

/** The lists of records by how far they have come, with a filter by id. */
const listCalls = (
  [
    ["/{records}/open", "requests/open"],
    ["/{records}/completed", "requests/completed"],
    ["/problems/active", "problems/active"],
    ["/problems/solved", "problems/solved"],
    ["/project_tasks/finished", "project_tasks/finished"],
    ["/risks/closed", "risks/closed"],
    ["/tasks/finished", "tasks/finished"],
  ] as const
).map(([route, path]): RestTemplate => ({
  method: "GET",
  route,
  kind: "Ticket",
  path: (probe) => `/v1/${path}?id=${probe.number}`,
}));

const everyRestCall: readonly RestTemplate[] = [...restCalls, ...listCalls];

/** Operations that take no id of a row. Below, all that they show is searched. */
const withoutId = {
  queries: ["viewer", "rateLimit"],
  mutations: ["addPerson"],
  v2: [],
  v1: ["/", "/openapi.json", "/rate_limit", "/me", "/people/me", "/attachments/storage", "/account", "/search"],
};

describe("what is asked here", () => {
  test("is every root field of the schema", () => {
    const names = (fields: Record<string, GraphQLField<unknown, unknown>> | undefined) => Object.keys(fields ?? {}).toSorted();
    const covered = (templates: readonly GraphTemplate[], others: readonly string[] = []) =>
      [...new Set([...templates.map(({ root }) => root), ...others])].toSorted();
    expect(covered([...queries, ...administratorQueries], withoutId.queries)).toEqual(
      names(schema.getQueryType()?.getFields()),
    );
    expect(covered(mutations, withoutId.mutations)).toEqual(names(schema.getMutationType()?.getFields()));
  });

  test("is every operation of both REST APIs", () => {
    const operations = (paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>) =>
      Object.entries(paths).flatMap(([path, item]) =>
        ["get", "post", "put", "patch", "delete"]
          .filter((method) => method in item)
          .map((method) => `${method.toUpperCase()} ${path}`),
      );
    const covered = everyRestCall.map(({ method, route }) => `${method} ${route}`);
    const wanted = [
      ...operations(v2Document.paths),
      ...operations(v1Document.paths).filter((name) => !withoutId.v1.includes(name.replace(/^GET /, ""))),
    ];
    expect([...new Set(covered)].toSorted()).toEqual(wanted.toSorted());
  });
});

interface Attempt {
  readonly template: number;
  readonly target: number;
  readonly spelling: "uuid" | "global";
}

const attemptOf = fc.record<Attempt>({
  template: fc.nat(10_000),
  target: fc.nat(1_000_000),
  spelling: fc.constantFrom("uuid", "global"),
});

/** Numbers that no row has, of as many digits as a row's may have. */
let inventedNumber = 2_000_000_000;

/** The two probes of an attempt: one for a thing that is hidden from the asker, one for what does not exist. */
function probesOf({ target, spelling }: Attempt, kind: Kind, asker: Asker): { foreign: Probe; absent: Probe } | undefined {
  const candidates = asker.hidden.filter((thing) => thing.kind === kind);
  const thing = candidates[target % candidates.length];
  if (!thing) return undefined;
  const filename = thing.filename ?? "none.txt";
  return {
    foreign: { uuid: thing.id, number: thing.number, filename, noteId: thing.noteId ?? thing.id, spelling },
    absent: { uuid: uuidv7(), number: inventedNumber++, filename, noteId: uuidv7(), spelling },
  };
}

/** `text` without the id that was requested, in any spelling. */
function withoutProbe(text: string, probe: Probe): string {
  let left = text;
  for (const uuid of [probe.uuid, probe.noteId]) {
    left = left.replaceAll(uuid, "ID");
    for (const kind of nodeKinds)
      left = left.replaceAll(globalId(kind, uuid), "ID").replaceAll(encodeURIComponent(globalId(kind, uuid)), "ID");
  }
  return probe.number === 0 ? left : left.replaceAll(new RegExp(`\\b${probe.number}\\b`, "g"), "ID");
}

/** Headers that depend on the time and the request, not on what was requested. */
const ofTheMoment = new Set([
  "date",
  "x-request-id",
  "x-ratelimit-remaining",
  "x-ratelimit-reset",
  "ratelimit",
  "content-length",
]);

async function answerOf(asker: Asker, method: string, path: string, body: unknown, probes: readonly Probe[]): Promise<string> {
  const answer = await fetch(`${app.url}${path}`, {
    method,
    headers: {
      "x-api-key": asker.key,
      ...(path.startsWith("/v1") && { authorization: `Bearer ${asker.key}` }),
      "content-type": "application/json",
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const headers = [...answer.headers].filter(([name]) => !ofTheMoment.has(name));
  const text = (await answer.text()).replaceAll(/expires=\d+[^"]*signature=[\w-]+/g, "SIGNED");
  requireNothingForeign(text, asker);
  // In the order in which they were asked; one that is part of another cannot be, since they are of one length.
  return probes.reduce(withoutProbe, `${answer.status} ${JSON.stringify(headers)} ${text}`);
}

/** No text of another account occurs in `text`. */
function requireNothingForeign(text: string, { accountId, name }: Asker): void {
  for (const [owner, mark] of world.marks) {
    if (owner !== accountId && text.includes(mark))
      throw new Error(`The ${name} is shown a row of another account: ${text.slice(0, 500)}`);
  }
}

/** Puts attempts to the graph, all in one document: the hidden things in one, what there is not in another. */
async function compareGraph(
  operation: "query" | "mutation",
  templates: readonly GraphTemplate[],
  asker: Asker,
  drawn: readonly Attempt[],
): Promise<void> {
  const chosen = drawn.flatMap((attempt) => {
    const template = templates[attempt.template % templates.length]!;
    const probes = probesOf(attempt, template.kind, asker);
    return probes ? [{ template, ...probes }] : [];
  });
  if (chosen.length === 0) return;
  const ask = async (which: "foreign" | "absent") => {
    const fields = chosen.map((one, index) => `a${index}: ${one.template.text(one[which], asker)}`);
    const probes = chosen.map((one) => one[which]);
    return answerOf(asker, "POST", "/graphql", { query: `${operation} { ${fields.join("\n")} }` }, probes);
  };
  const foreign = await counted(() => ask("foreign"));
  const absent = await counted(() => ask("absent"));
  expect(foreign.answer).toBe(absent.answer);
  // Fields resolve concurrently, so their statements come in any order and in one batch or two. Equal reads are sent
  // once, so they may be alone in a batch.
  expect(new Set(foreign.statements.map(unbatched))).toEqual(new Set(absent.statements.map(unbatched)));
  attempts += 2 * chosen.length;
}

/** The statement that several questions went out as, as it would have been sent for one of them. */
function unbatched(statement: string): string {
  return statement
    .replace(/^SELECT batch\.place.* CROSS JOIN LATERAL \(/, "")
    .replace(/\) answer$/, "")
    .replaceAll(/batch\.v\d+|\$\d+/g, "$");
}

async function compareRest(asker: Asker, drawn: Attempt): Promise<void> {
  const template = everyRestCall[drawn.template % everyRestCall.length]!;
  const probes = probesOf(drawn, template.kind, asker);
  if (!probes) return;
  const ask = (probe: Probe) =>
    answerOf(asker, template.method, template.path(probe, asker), template.body?.(probe, asker), [probe]);
  const foreign = await counted(() => ask(probes.foreign));
  const absent = await counted(() => ask(probes.absent));
  const about = `${asker.name}: ${template.method} ${template.path(probes.foreign, asker)}`;
  expect(foreign.answer, about).toBe(absent.answer);
  expect(foreign.statements.toSorted(), about).toEqual(absent.statements.toSorted());
  attempts += 2;
}

/**
 * The statements too: what costs the same takes the same time. Those that find out who is asking are known or not, as
 * it happens.
 */
async function counted(work: () => Promise<string>): Promise<{ answer: string; statements: readonly string[] }> {
  const { result, statements } = await app.statements.during(work);
  return { answer: result, statements: statements.map(({ text }) => text).filter((text) => !text.includes("every_account")) };
}

async function fingerprint(): Promise<unknown> {
  const tables = [
    "accounts",
    "people",
    "memberships",
    "tickets",
    "notes",
    "attachments",
    "uploads",
    "discarded_objects",
    "identity_links",
  ];
  const rows = await Promise.all(
    tables.map(
      async (table) =>
        (await app.database.pool.query(`SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM ${table} t`)).rows,
    ),
  );
  const keys = ["api_keys", "oauth_clients"].map(
    async (table) => (await app.database.pool.query(`SELECT count(*), count(revoked_at) FROM ${table} t`)).rows,
  );
  return [rows, await Promise.all(keys)];
}

test("what is of another account, or hidden, answers as what there is not, and nothing of it is read or changed", async () => {
  const before = await fingerprint();
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1000),
      fc.array(attemptOf, { minLength: 60, maxLength: 60 }),
      fc.array(attemptOf, { minLength: 20, maxLength: 20 }),
      fc.array(attemptOf, { minLength: 15, maxLength: 15 }),
      async (who, read, written, called) => {
        const asker = world.askers[who % world.askers.length]!;
        await compareGraph("query", queries, asker, read.slice(0, 50));
        await compareGraph("query", administratorQueries, asker, read.slice(50));
        await compareGraph("mutation", mutations, asker, written);
        for (const one of called) await compareRest(asker, one);
      },
    ),
    // The seed reproduces a failure. To shrink it would take longer than to read it.
    { numRuns: 60, endOnFailure: true },
  );
  expect(await fingerprint()).toEqual(before);
  expect(attempts).toBeGreaterThanOrEqual(10_000);
}, 240_000);

test("each operation was asked for by each asker at least once, whatever was drawn above", async () => {
  for (const asker of world.askers) {
    const every = (count: number): Attempt[] =>
      Array.from({ length: count }, (_, template) => ({
        template,
        target: template * 7,
        spelling: template % 2 === 0 ? "uuid" : "global",
      }));
    await compareGraph("query", queries, asker, every(queries.length));
    await compareGraph("query", administratorQueries, asker, every(administratorQueries.length));
    await compareGraph("mutation", mutations, asker, every(mutations.length));
    for (const one of every(everyRestCall.length)) await compareRest(asker, one);
  }
}, 120_000);

test("whatever can be walked to from what one sees is of one's own account", async () => {
  const everything = `{
    viewer { person { ${personFields} } account { ${accountFields} people { nodes { ${personFields} } } } }
    people(first: 50) { totalCount nodes { ${personFields} notes(first: 3) { totalCount nodes { text ticket { subject } } } } }
    tickets(first: 20) { totalCount nodes { subject participants { totalCount nodes { ${personFields} } } account { ${accountFields} } requester { ${personFields} }
      notes(first: 10) { totalCount nodes { text author { ${personFields} } account { ${accountFields} } ticket { subject requester { ${personFields} } }
        attachments(first: 3) { totalCount nodes { filename download { url } note { text ticket { subject } author { ${personFields} } } } } } } } }
    notes(first: 50) { totalCount nodes { text ticket { subject notes(first: 3) { totalCount nodes { text } } } } }
  }`;
  const paths = ["/v1/me", "/v1/people/me", "/v1/notes?per_page=100", "/v1/requests?per_page=100", "/v1/attachments/storage"];
  for (const asker of world.askers) {
    const owned = new Set(world.things.filter(({ id }) => !asker.hidden.some((thing) => thing.id === id)).map(({ id }) => id));
    const answer = await call(app, asker.key, "POST", "/graphql", { query: everything });
    const text = JSON.stringify(answer.body);
    expect(answer.body).not.toHaveProperty("errors");
    requireNothingForeign(text, asker);
    for (const { id } of asker.hidden) expect(text).not.toContain(id);
    const { data } = answer.body as { data: { tickets: { totalCount: number }; notes: { totalCount: number } } };
    const count = (kind: Kind) => world.things.filter((thing) => thing.kind === kind && owned.has(thing.id)).length;
    expect([data.tickets.totalCount, data.notes.totalCount]).toEqual([count("Ticket"), count("Note")]);
    for (const path of paths) await answerOf(asker, "GET", path, undefined, []);
  }
});

const personFields = "uuid name email role";
const accountFields = "uuid slug name";

test("a cursor from another account leads to nothing of it", async () => {
  const page = async (key: string, after: string | null) => {
    const query =
      "query($after: String) { notes(first: 3, after: $after) { totalCount pageInfo { endCursor } nodes { uuid text } } }";
    const { body } = await call(app, key, "POST", "/graphql", { query, variables: { after } });
    return (
      body as {
        data: {
          notes: { totalCount: number; pageInfo: { endCursor: string | null }; nodes: { uuid: string; text: string }[] };
        };
      }
    ).data.notes;
  };
  for (const [index, asker] of world.askers.entries()) {
    const stranger = world.askers[(index + 5) % world.askers.length]!;
    const cursor = (await page(stranger.key, null)).pageInfo.endCursor;
    const seen = await page(asker.key, cursor);
    requireNothingForeign(JSON.stringify(seen), asker);
    expect(seen.totalCount).toBe((await page(asker.key, null)).totalCount);
  }
});

test("a signed URL opens the one object it was signed for: with any other's key, there or not, it is refused in the same words", async () => {
  const [asker] = world.askers;
  const note = asker!.ownNote;
  const { body } = await call(app, asker!.key, "GET", `/v2/tickets/note-attachments/${note.id}/${note.filename}`);
  const signed = new URL((body as { signed_url: string }).signed_url);
  expect((await fetch(signed)).status).toBe(200);
  const { body: asked } = await call(app, asker!.key, "POST", "/v2/tickets/note-attachments", {
    note_id: note.id,
    filename: note.filename,
  });
  const signedUpload = new URL((asked as { signed_url: string }).signed_url);

  const rows = await app.database.prisma.attachment.findMany({
    where: { accountId: { in: world.accounts.map(({ id }) => id) } },
  });
  const own = rows.find(({ noteId }) => noteId === note.id)!;
  const answers = new Set<string>();
  for (const row of rows) {
    if (row.id === own.id) continue;
    for (const key of [row.storageKey, `${row.accountId}/${randomUUID()}`, `${randomUUID()}/${row.id}`]) {
      for (const [method, url] of [
        ["GET", signed],
        ["HEAD", signed],
        ["PUT", signedUpload],
      ] as const) {
        const forged = new URL(url);
        forged.pathname = `/files/${key}`;
        expect(forged.pathname).toContain(key);
        const answer = await fetch(forged, {
          method,
          ...(method === "PUT" && { body: "x", headers: { "content-type": "text/plain" } }),
        });
        answers.add(`${method} ${answer.status} ${(await answer.text()).replaceAll(key, "KEY")}`);
        attempts += 1;
      }
    }
  }
  expect([...answers].map((answer) => answer.slice(0, 8)).toSorted()).toEqual(["GET 403 ", "HEAD 403", "PUT 403 "]);
});
