import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, keyWith, sendText, startApp, type TestAccount, type TestApp } from "./support/app.ts";
import { addNotes, addTicket, globalId } from "./support/factories.ts";
import { addClient, type TestClient, tokenOf } from "./support/oauth.ts";
import { offerStorage, type StorageOffer } from "./support/upload-form.ts";
import { addressOfPerson, authservId, mailOf } from "./mail/support.ts";

/** What the rows of the tables speak of. */
interface World {
  readonly app: TestApp;
  readonly account: TestAccount;
  /** The key of a specialist. */
  readonly key: string;
  readonly ticket: Ticket;
  readonly note: Note;
  /** A cursor of the notes by creation. */
  readonly cursor: string;
  readonly client: TestClient;
  readonly storage: StorageOffer;
  /** A signed URL for an upload, and one whose time is over. */
  readonly uploadUrl: string;
  readonly staleUrl: string;
  /** The address of a member. */
  readonly address: string;
}

let world: World;

interface Sent {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit | undefined;
}

interface Requested {
  readonly requestAttachmentUpload: { readonly upload: { readonly url: string } };
}

interface Page {
  readonly pageInfo: { readonly endCursor: string };
}

/** What an answer says, whatever the shape of its API. */
interface Said {
  readonly status: number;
  readonly headers: Headers;
  /** The code of GraphQL, OAuth and S3; the title of a problem. /v1 has none. */
  readonly code: string;
  /** The whole message. On /v1 with what it says of single fields. */
  readonly message: string;
}

/** A mistake: what is wrong, its request, and its status, code and whole message. */
type Mistake = readonly [
  what: string,
  sent: (given: World) => Sent | Promise<Sent>,
  status: number,
  code: string,
  message: string,
];

const longText = "x".repeat(70_000);
const nobody = "019ea5c6-0b92-780d-81d5-3774e154484e";
const json = { "content-type": "application/json" };

const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Sent => ({
  ...{ path, method: "POST", headers: { ...json, ...headers } },
  body: typeof body === "string" ? body : JSON.stringify(body),
});
const v1Post = (given: World, path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  post(path, body, { authorization: `Bearer ${given.key}`, ...headers });
const v1Get = (given: World, path: string, headers: Readonly<Record<string, string>> = {}): Sent => ({
  path,
  headers: { authorization: `Bearer ${given.key}`, ...headers },
});
const keyed = (
  { key }: World,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
) => ({
  ...{ path, method, headers: { ...(body !== undefined && json), "x-api-key": key, ...headers } },
  body: typeof body === "string" || body === undefined ? body : JSON.stringify(body),
});
const graphqlAs = (key: string, query: string, variables?: object) =>
  post("/graphql", { query, variables }, { "x-api-key": key });
const ask = (query: string, variables?: object) => (given: World) => graphqlAs(given.key, query, variables);
const asked = (parameters: object) => (given: World) => post("/graphql", parameters, { "x-api-key": given.key });
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

function mutation(key: string, name: string, input: object): Sent {
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { result: ${name}(input: $input) { ... on Error { code message } } }`;
  return graphqlAs(key, query, { input });
}
const write = (name: string, input: (given: World) => object) => (given: World) => mutation(given.key, name, input(given));

const byHttp: readonly Mistake[] = [
  ["no query", asked({}), 400, "INVALID_INPUT", "The body needs a document: send its text as query."],
  ["an empty query", asked({ query: "" }), 200, "INVALID_INPUT", "Syntax Error: Unexpected <EOF>."],
  ["a query that is no text", asked({ query: 7 }), 400, "INVALID_INPUT", "The parameter query must be a text."],
  [
    "no body",
    (given) => keyed(given, "POST", "/graphql"),
    400,
    "INVALID_INPUT",
    "The body must be one JSON object, with the document as its query.",
  ],
  [
    "a body that is not JSON",
    (given) => keyed(given, "POST", "/graphql", "{query"),
    400,
    "INVALID_INPUT",
    "The body must be one JSON object, with the document as its query.",
  ],
  [
    "a body that is a list",
    (given) => keyed(given, "POST", "/graphql", "[]"),
    400,
    "INVALID_INPUT",
    "The body must be one JSON object, with the document as its query.",
  ],
  [
    "a parameter that is none",
    asked({ query: "{ __typename }", variable: {} }),
    400,
    "INVALID_INPUT",
    "The body must have no other members than query, variables, operationName, extensions, documentId, doc_id.",
  ],
  [
    "variables that are a text",
    asked({ query: "{ __typename }", variables: "{}" }),
    400,
    "INVALID_INPUT",
    "The parameter variables must be a JSON object.",
  ],
  [
    "an operation name that is a number",
    asked({ query: "{ __typename }", operationName: 1 }),
    400,
    "INVALID_INPUT",
    "The parameter operationName must be a text.",
  ],
  [
    "an operation that the document lacks",
    asked({ query: "query A { __typename }", operationName: "B" }),
    400,
    "INVALID_INPUT",
    "The document has no operation of the name that operationName gives.",
  ],
  [
    "several operations, and none named",
    asked({ query: "query A { __typename } query B { __typename }" }),
    400,
    "INVALID_INPUT",
    "The document has several operations: send the name of one as operationName.",
  ],
  [
    "another media type",
    (given) => keyed(given, "POST", "/graphql", "{}", { "content-type": "text/xml" }),
    415,
    "INVALID_INPUT",
    "The Content-Type of the body must be application/json.",
  ],
  [
    "a form",
    (given) => keyed(given, "POST", "/graphql", "query={__typename}", { "content-type": "application/x-www-form-urlencoded" }),
    415,
    "INVALID_INPUT",
    "The Content-Type of the body must be application/json.",
  ],
  [
    "an Accept of nothing that is had",
    (given) => keyed(given, "POST", "/graphql", { query: "{ __typename }" }, { accept: "image/png" }),
    406,
    "INVALID_INPUT",
    "The Accept header takes none of application/graphql-response+json, application/json, multipart/mixed and text/event-stream.",
  ],
  [
    "PUT",
    (given) => keyed(given, "PUT", "/graphql", {}),
    405,
    "INVALID_INPUT",
    "GraphQL is asked by POST, or by GET for queries: this address takes GET, HEAD, POST, OPTIONS.",
  ],
  [
    "a mutation by GET",
    (given) =>
      keyed(given, "GET", `/graphql?query=${encodeURIComponent('mutation { deleteNote(input: { id: "x" }) { __typename } }')}`),
    405,
    "INVALID_INPUT",
    "A mutation is sent by POST: GET is for queries.",
  ],
  [
    "variables of a GET that are no JSON",
    (given) => keyed(given, "GET", "/graphql?query=%7B__typename%7D&variables=x"),
    400,
    "INVALID_INPUT",
    "The parameter variables must be a JSON object.",
  ],
  [
    "a GET without a query",
    (given) => keyed(given, "GET", "/graphql", undefined, { accept: "application/json" }),
    400,
    "INVALID_INPUT",
    "The URL needs a document: send its text as the parameter query.",
  ],
  [
    "an unknown hash of an automatic persisted query",
    asked({ extensions: { persistedQuery: { version: 1, sha256Hash: sha256("none") } } }),
    200,
    "PERSISTED_QUERY_NOT_FOUND",
    "PersistedQueryNotFound",
  ],
  [
    "a hash of another document",
    asked({ query: "{ __typename }", extensions: { persistedQuery: { version: 1, sha256Hash: sha256("none") } } }),
    400,
    "INVALID_INPUT",
    "The persistedQuery is not the SHA-256 of the document: send one of them, or the right hash.",
  ],
  [
    "another version of persisted queries",
    asked({ extensions: { persistedQuery: { version: 2, sha256Hash: sha256("none") } } }),
    400,
    "INVALID_INPUT",
    "The extension persistedQuery must have version 1 and a sha256Hash.",
  ],
  [
    "a documentId and a doc_id that differ",
    asked({ documentId: `sha256:${sha256("one")}`, doc_id: sha256("another") }),
    400,
    "INVALID_INPUT",
    "The documentId and the doc_id differ: send one of them.",
  ],
  [
    "a documentId and a hash that differ",
    asked({
      query: "{ __typename }",
      documentId: "x",
      extensions: { persistedQuery: { version: 1, sha256Hash: sha256("{ __typename }") } },
    }),
    400,
    "INVALID_INPUT",
    "The documentId and the persistedQuery differ: send one of them.",
  ],
  [
    "an unknown documentId",
    asked({ documentId: `sha256:${sha256("none")}` }),
    404,
    "NOT_FOUND",
    "There is no such persisted document, or you may not see it.",
  ],
  [
    "an unknown doc_id",
    asked({ doc_id: "none" }),
    404,
    "NOT_FOUND",
    "There is no such persisted document, or you may not see it.",
  ],
  [
    "a documentId that is a number",
    asked({ documentId: 7 }),
    400,
    "INVALID_INPUT",
    "The parameter documentId must be a text that is not empty.",
  ],
  [
    "an extension that is a list",
    asked({ query: "{ __typename }", extensions: [] }),
    400,
    "INVALID_INPUT",
    "The parameter extensions must be a JSON object.",
  ],
  [
    "a body that is too large",
    asked({ query: `{ a # ${"x".repeat(1_100_000)}\n }` }),
    413,
    "TOO_LARGE",
    "The body of this request may have at most 1048576 bytes.",
  ],
  [
    "a body that is nested too deeply",
    (given) => keyed(given, "POST", "/graphql", `${"[".repeat(200)}${"]".repeat(200)}`),
    400,
    "INVALID_INPUT",
    "The body is nested more than 64 levels deep.",
  ],
  [
    "a body that does not decode",
    (given) => keyed(given, "POST", "/graphql", "nonsense", { "content-encoding": "gzip" }),
    400,
    "INVALID_INPUT",
    "The body is not what its Content-Encoding says.",
  ],
  [
    "an unknown Content-Encoding",
    (given) => keyed(given, "POST", "/graphql", "nonsense", { "content-encoding": "nonsense" }),
    415,
    "INVALID_INPUT",
    "The body's Content-Encoding is not taken: send it as it is, or as one of gzip, deflate, br, zstd.",
  ],
];

const inDocuments: readonly Mistake[] = [
  ["a syntax error", ask("{ viewer { "), 200, "INVALID_INPUT", "Syntax Error: Expected Name, found <EOF>."],
  [
    "an unknown field",
    ask("{ viewer { rolle } }"),
    200,
    "INVALID_INPUT",
    'Cannot query field "rolle" on type "Viewer". Did you mean "role"?',
  ],
  [
    "an unknown argument",
    ask("{ notes(frist: 1) { totalCount } }"),
    200,
    "INVALID_INPUT",
    'Unknown argument "frist" on field "Query.notes". Did you mean "first" or "last"?',
  ],
  [
    "an unknown type",
    ask("query ($id: Id!) { note(id: $id) { id } }"),
    200,
    "INVALID_INPUT",
    'Unknown type "Id". Did you mean "ID"?',
  ],
  [
    "fields of an object left out",
    ask("{ viewer }"),
    200,
    "INVALID_INPUT",
    'Field "viewer" of type "Viewer!" must have a selection of subfields. Did you mean "viewer { ... }"?',
  ],
  [
    "a variable of another type",
    ask("query ($id: Int!) { note(id: $id) { id } }", { id: 1 }),
    200,
    "INVALID_INPUT",
    'Variable "$id" of type "Int!" used in position expecting type "ID!".',
  ],
  [
    "a value of another type",
    ask("query ($first: Int) { notes(first: $first) { totalCount } }", { first: "ten" }),
    400,
    "INVALID_INPUT",
    'Variable "$first" got invalid value "ten"; Int cannot represent non-integer value: "ten".',
  ],
  [
    "a missing variable",
    ask("query ($id: ID!) { note(id: $id) { id } }"),
    400,
    "INVALID_INPUT",
    'Variable "$id" of required type "ID!" was not provided.',
  ],
  [
    "a null where none may be",
    ask("query ($id: ID!) { note(id: $id) { id } }", { id: null }),
    400,
    "INVALID_INPUT",
    'Variable "$id" of non-null type "ID!" must not be null.',
  ],
  [
    "a variable of an input that lacks a field",
    ask("mutation ($input: AddNoteInput!) { addNote(input: $input) { __typename } }", { input: { text: "x" } }),
    400,
    "INVALID_INPUT",
    'Variable "$input" got invalid value { text: "x" }; Field "ticketId" of required type "ID!" was not provided.',
  ],
  [
    "an unknown field of an input",
    ask("mutation ($input: DeleteNoteInput!) { deleteNote(input: $input) { __typename } }", { input: { id: "x", nope: 1 } }),
    400,
    "INVALID_INPUT",
    'Variable "$input" got invalid value { id: "x", nope: 1 }; Field "nope" is not defined by type "DeleteNoteInput".',
  ],
  [
    "an unknown value of an enumeration",
    ask("query ($s: [TicketStatus!]) { tickets(filter: { status: $s }) { totalCount } }", { s: ["OPEN"] }),
    400,
    "INVALID_INPUT",
    'Variable "$s" got invalid value "OPEN" at "s[0]"; Value "OPEN" does not exist in "TicketStatus" enum.',
  ],
  [
    "a literal that is none of an enumeration",
    ask("{ tickets(filter: { status: [OPEN] }) { totalCount } }"),
    200,
    "INVALID_INPUT",
    'Value "OPEN" does not exist in "TicketStatus" enum.',
  ],
  [
    "a date that is none",
    ask("query ($d: DateTime) { notes(filter: { createdAt: { gt: $d } }) { totalCount } }", { d: "yesterday" }),
    400,
    "INVALID_INPUT",
    'Variable "$d" got invalid value "yesterday"; A DateTime must be a date and a time with an offset, such as 2026-03-12T11:33:00Z.',
  ],
  [
    "a literal that is no date",
    ask('{ notes(filter: { createdAt: { gt: "yesterday" } }) { totalCount } }'),
    200,
    "INVALID_INPUT",
    "A DateTime must be a date and a time with an offset, such as 2026-03-12T11:33:00Z.",
  ],
  [
    "a number that is no safe integer",
    ask("query ($n: SafeInt!) { noteByNumber(number: $n) { id } }", { n: 1e300 }),
    400,
    "INVALID_INPUT",
    'Variable "$n" got invalid value 1e+300; SafeInt cannot represent unsafe integer value: 1e+300.',
  ],
  [
    "a text with NUL",
    write("addNote", ({ ticket }) => ({ ticketId: ticket.id, text: "a\0b" })),
    200,
    "INVALID_INPUT",
    "The text must not contain the character NUL.",
  ],
  [
    "a document that is too deep",
    ask(`{ notes ${"{ nodes { ticket { notes ".repeat(12)} { totalCount } ${"} } }".repeat(12)} }`),
    400,
    "TOO_EXPENSIVE",
    "The operation is nested 38 levels deep; at most 20 are taken.",
  ],
  [
    "a document that is too costly",
    ask(
      "{ tickets(first: 100) { nodes { notes(first: 100) { nodes { attachments(first: 100) { nodes { id note { attachments(first: 100) { nodes { id } } } } } } } } } }",
    ),
    400,
    "TOO_EXPENSIVE",
    "The pages asked for could hold 101010100 nodes; at most 50000 are taken. Ask for smaller pages.",
  ],
  [
    "too many operations in one document",
    ask(Array.from({ length: 30 }, (_, i) => `query A${i} { __typename }`).join(" ")),
    400,
    "TOO_EXPENSIVE",
    "The document has 30 operations; at most 10 are taken.",
  ],
  [
    "a fragment that spreads itself",
    ask("{ ...A } fragment A on Query { ...A }"),
    200,
    "INVALID_INPUT",
    'Cannot spread fragment "A" within itself.',
  ],
  ["a fragment that is not there", ask("{ ...A }"), 200, "INVALID_INPUT", 'Unknown fragment "A".'],
];

const inValues: readonly Mistake[] = [
  [
    "an id that is none",
    ask('{ note(id: "nonsense") { id } }'),
    200,
    "INVALID_INPUT",
    "This is not the id of a Note: give its global id or its UUID.",
  ],
  [
    "an id of another type",
    ({ key, ticket }) => graphqlAs(key, "query ($id: ID!) { note(id: $id) { id } }", { id: globalId("Ticket", ticket.id) }),
    200,
    "INVALID_INPUT",
    "This is not the id of a Note: give its global id or its UUID.",
  ],
  [
    "a node id that is none",
    ask('{ node(id: "nonsense") { id } }'),
    200,
    "INVALID_INPUT",
    "The id is none of this API: send the id of an object as the API has returned it.",
  ],
  [
    "too many ids",
    ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", { ids: Array.from({ length: 500 }, () => nobody) }),
    200,
    "INVALID_INPUT",
    "The id is none of this API: send the id of an object as the API has returned it.",
  ],
  [
    "a cursor that is none",
    ask('{ notes(after: "nonsense") { totalCount } }'),
    200,
    "INVALID_INPUT",
    "The cursor after was not handed out by this connection in this order.",
  ],
  [
    "a cursor of another order",
    ({ key, cursor }) =>
      graphqlAs(
        key,
        "query ($after: String) { notes(after: $after, orderBy: { field: NUMBER, direction: ASC }) { nodes { id } } }",
        { after: cursor },
      ),
    200,
    "INVALID_INPUT",
    "The cursor after was not handed out by this connection in this order.",
  ],
  ["first over 100", ask("{ notes(first: 101) { totalCount } }"), 200, "INVALID_INPUT", "The argument first must be 1 to 100."],
  ["first of 0", ask("{ notes(first: 0) { totalCount } }"), 200, "INVALID_INPUT", "The argument first must be 1 to 100."],
  ["first and last", ask("{ notes(first: 1, last: 1) { totalCount } }"), 200, "INVALID_INPUT", "Give first or last, not both."],
  [
    "first from a variable over 100",
    ask("query ($n: Int) { notes(first: $n) { totalCount } }", { n: 101 }),
    200,
    "INVALID_INPUT",
    "The argument first must be 1 to 100.",
  ],
  [
    "a search for nothing",
    ask('{ searchNotes(query: " ") { nodes { id } } }'),
    200,
    "INVALID_INPUT",
    "The query must not be blank.",
  ],
  [
    "a search for too much",
    ask("query ($q: String!) { searchNotes(query: $q) { nodes { id } } }", { q: "x".repeat(300) }),
    200,
    "INVALID_INPUT",
    "The query must have at most 256 characters.",
  ],
  [
    "a search of too many terms",
    ask("query ($q: String!) { searchNotes(query: $q) { nodes { id } } }", { q: "a b c d e f g h i j k l m n o p q r s t" }),
    200,
    "INVALID_INPUT",
    "The query must have at most 16 words and phrases.",
  ],
  [
    "a cursor of another search",
    async (given) => {
      const first = '{ searchNotes(query: "note", first: 1) { pageInfo { endCursor } } }';
      const { data } = await sendText<{ searchNotes: Page }>(given.app.url, given.key, first);
      return graphqlAs(given.key, 'query ($after: String) { searchNotes(query: "other", after: $after) { nodes { id } } }', {
        after: data.searchNotes.pageInfo.endCursor,
      });
    },
    200,
    "INVALID_INPUT",
    "The cursor after was not handed out by this connection in this order.",
  ],
  [
    "a cursor of notes in a search",
    ({ key, cursor }) =>
      graphqlAs(key, 'query ($after: String) { searchNotes(query: "x", after: $after) { nodes { id } } }', { after: cursor }),
    200,
    "INVALID_INPUT",
    "The cursor after was not handed out by this connection in this order.",
  ],
  [
    "a sync token that is none",
    ask('{ notesByUpdate: notes(orderBy: { field: UPDATED_AT, direction: ASC }, after: "x") { nodes { id } } }'),
    200,
    "INVALID_INPUT",
    "The cursor after was not handed out by this connection in this order.",
  ],
  [
    "a text that is empty",
    write("addNote", ({ ticket }) => ({ ticketId: ticket.id, text: "" })),
    200,
    "INVALID_INPUT",
    "The text must not be empty.",
  ],
  [
    "a text that is too long",
    write("addNote", ({ ticket }) => ({ ticketId: ticket.id, text: longText })),
    200,
    "INVALID_INPUT",
    "The text must have at most 65536 bytes of UTF-8.",
  ],
  [
    "a medium that nobody writes",
    write("addNote", ({ ticket }) => ({ ticketId: ticket.id, text: "x", medium: "EMAIL" })),
    200,
    "INVALID_INPUT",
    "A note can be added as DEFAULT, SYSTEM, AUTOMATION or OUTBOUND_EMAIL.",
  ],
  [
    "a ticket that is not there",
    write("addNote", () => ({ ticketId: nobody, text: "x" })),
    200,
    "NOT_FOUND",
    "There is no such ticket, or you may not see it.",
  ],
  [
    "a note that is not there",
    write("updateNote", () => ({ id: nobody, text: "x" })),
    200,
    "NOT_FOUND",
    "There is no such note, or you may not see it.",
  ],
  [
    "a note of another person, by a customer",
    ({ account, note }) => mutation(account.customer.key, "deleteNote", { id: note.id }),
    200,
    "FORBIDDEN",
    "A customer changes the notes they wrote, not those of others.",
  ],
  [
    "an internal note by a customer",
    ({ account, ticket }) => mutation(account.customer.key, "addNote", { ticketId: ticket.id, text: "x", isPublic: false }),
    200,
    "FORBIDDEN",
    "A customer writes public notes: send the note as public.",
  ],
  [
    "another version",
    write("updateNote", ({ note }) => ({ id: note.id, text: "y", expectedVersion: 7 })),
    200,
    "CHANGED",
    "Somebody has changed the note since you read it. Read it again, and repeat your change if it still fits.",
  ],
  [
    "an idempotency key with spaces",
    write("addNote", ({ ticket }) => ({ ticketId: ticket.id, text: "x", idempotencyKey: "a b" })),
    200,
    "INVALID_INPUT",
    "An idempotency key must be 1 to 255 visible ASCII characters without spaces.",
  ],
  [
    "an idempotency key that is used",
    async (given) => {
      await send(mutation(given.key, "addNote", { ticketId: given.ticket.id, text: "one", idempotencyKey: "once" }));
      return mutation(given.key, "addNote", { ticketId: given.ticket.id, text: "another", idempotencyKey: "once" });
    },
    200,
    "CONFLICT",
    "This idempotency key was sent with another input before. Use a new key for each thing that you want to do.",
  ],
  [
    "spans outside of the text",
    ({ account, note }) =>
      mutation(account.administrator.key, "redactNote", {
        id: note.id,
        reason: "SECRET",
        expectedVersion: 1,
        spans: [{ offset: 900, length: 5 }],
      }),
    200,
    "INVALID_INPUT",
    "The span must be within the text, which has 6 characters.",
  ],
  [
    "spans that overlap",
    ({ account, note }) =>
      mutation(account.administrator.key, "redactNote", {
        id: note.id,
        reason: "SECRET",
        expectedVersion: 1,
        spans: [
          { offset: 0, length: 5 },
          { offset: 2, length: 2 },
        ],
      }),
    200,
    "INVALID_INPUT",
    "The span overlaps another one.",
  ],
  [
    "spans without the version",
    ({ account, note }) =>
      mutation(account.administrator.key, "redactNote", { id: note.id, reason: "SECRET", spans: [{ offset: 0, length: 5 }] }),
    200,
    "INVALID_INPUT",
    "Send the version of the note in whose text the spans are.",
  ],
  [
    "a filename with a slash",
    write("requestAttachmentUpload", ({ note }) => ({ noteId: note.id, filename: "a/b.txt" })),
    200,
    "INVALID_INPUT",
    "The filename must not contain / or \\.",
  ],
  [
    "a file that is too large",
    write("requestAttachmentUpload", ({ note }) => ({ noteId: note.id, filename: "a.txt", size: 9e9 })),
    200,
    "INVALID_INPUT",
    "The size must be 0 to 1000000 bytes.",
  ],
  [
    "a content type that is none",
    write("requestAttachmentUpload", ({ note }) => ({ noteId: note.id, filename: "a.txt", contentType: "text" })),
    200,
    "INVALID_INPUT",
    "The content type must be a media type without parameters, such as image/png.",
  ],
  [
    "an attachment that is not there",
    write("deleteAttachment", ({ note }) => ({ noteId: note.id, filename: "none.txt" })),
    200,
    "NOT_FOUND",
    "There is no such attachment, or you may not see it.",
  ],
  [
    "a subject that is empty",
    write("addTicket", () => ({ kind: "REQUEST", subject: " " })),
    200,
    "INVALID_INPUT",
    "The subject must not be blank.",
  ],
  [
    "a status by a customer",
    ({ account, ticket }) => mutation(account.customer.key, "updateTicket", { id: ticket.id, status: "CLOSED" }),
    200,
    "FORBIDDEN",
    "A customer adds notes to a ticket: its subject, status and requester are for the service desk to change.",
  ],
  [
    "a person by a specialist",
    write("addPerson", () => ({ name: "X", email: "x@example.com", role: "CUSTOMER" })),
    200,
    "FORBIDDEN",
    "The credential lacks the scope people:manage.",
  ],
  [
    "an address that is none",
    ({ account }) => mutation(account.administrator.key, "addPerson", { name: "X", email: "x", role: "CUSTOMER" }),
    200,
    "INVALID_INPUT",
    "The mail address must be like name@example.com, with at most 64 characters before the @.",
  ],
  [
    "an address that is taken",
    ({ account, address }) => mutation(account.administrator.key, "addPerson", { name: "X", email: address, role: "CUSTOMER" }),
    200,
    "CONFLICT",
    "A member of the account has that mail address already.",
  ],
  [
    "the last administrator removed",
    ({ account }) => mutation(account.administrator.key, "removePerson", { id: account.administrator.id }),
    200,
    "CONFLICT",
    "They are the only administrator of the account. Make somebody else an administrator first.",
  ],
  [
    "nothing to restore",
    ({ account }) => mutation(account.administrator.key, "restoreNote", { id: nobody, editId: nobody }),
    200,
    "NOT_FOUND",
    "There is no such edit, or you may not see it.",
  ],
  [
    "an API key without scopes",
    ({ account }) =>
      mutation(account.administrator.key, "createApiKey", { name: "x", personId: account.specialist.id, scopes: [] }),
    200,
    "INVALID_INPUT",
    "Name one scope at least, or leave scopes out.",
  ],
];

const viewer = { query: "{ viewer { role } }" };
const inCredentials: readonly Mistake[] = [
  [
    "none",
    () => post("/graphql", viewer),
    200,
    "UNAUTHENTICATED",
    "This needs a credential: send an API key as X-API-Key or as Authorization: Bearer.",
  ],
  [
    "an unknown key",
    () => post("/graphql", viewer, { "x-api-key": "tnk_none" }),
    401,
    "UNAUTHENTICATED",
    "The credential is not valid: it is unknown, expired or revoked.",
  ],
  [
    "a key that is empty",
    () => post("/graphql", viewer, { "x-api-key": "" }),
    401,
    "UNAUTHENTICATED",
    "The credential cannot be read: send it as X-API-Key or as Authorization: Bearer.",
  ],
  [
    "another scheme",
    () => post("/graphql", viewer, { authorization: "Basic eDp5" }),
    401,
    "UNAUTHENTICATED",
    "The credential cannot be read: send it as X-API-Key or as Authorization: Bearer.",
  ],
  [
    "Bearer without a token",
    () => post("/graphql", viewer, { authorization: "Bearer" }),
    401,
    "UNAUTHENTICATED",
    "The credential cannot be read: send it as X-API-Key or as Authorization: Bearer.",
  ],
  [
    "a token with a blank",
    () => post("/graphql", viewer, { authorization: "Bearer a b" }),
    401,
    "UNAUTHENTICATED",
    "The credential cannot be read: send it as X-API-Key or as Authorization: Bearer.",
  ],
  [
    "an expired key",
    async ({ app, account }) => {
      const { key, apiKey } = await app.provisioning.addApiKey({
        accountId: account.id,
        personId: account.specialist.id,
        name: "old",
        scopes: ["notes:read"],
        expiresAt: new Date(Date.now() + 60_000),
      });
      const created = new Date(Date.now() - 60_000);
      await app.database.prisma.apiKey.updateMany({
        where: { id: apiKey.id, accountId: account.id },
        data: { createdAt: created, expiresAt: new Date(Date.now() - 1_000) },
      });
      return post("/graphql", viewer, { "x-api-key": key });
    },
    401,
    "UNAUTHENTICATED",
    "The credential is not valid: it is unknown, expired or revoked.",
  ],
  [
    "a revoked key",
    async ({ app, account }) => {
      const { key, apiKey } = await app.provisioning.addApiKey({
        accountId: account.id,
        personId: account.specialist.id,
        name: "gone",
        scopes: ["notes:read"],
      });
      await app.provisioning.revoke(apiKey.id);
      return post("/graphql", viewer, { "x-api-key": key });
    },
    401,
    "UNAUTHENTICATED",
    "The credential is not valid: it is unknown, expired or revoked.",
  ],
  [
    "a token that is altered",
    async ({ app, client }) => post("/graphql", viewer, { authorization: `Bearer ${await tokenOf(app, client)}x` }),
    401,
    "UNAUTHENTICATED",
    "The credential is not valid: it is unknown, expired or revoked.",
  ],
  [
    "without the scope, to GraphQL",
    async ({ app, account, ticket }) =>
      mutation(await keyWith(app, account.specialist, ["notes:read", "tickets:read"]), "addNote", {
        ticketId: ticket.id,
        text: "x",
      }),
    200,
    "FORBIDDEN",
    "The credential lacks the scope notes:write.",
  ],
  [
    "without the scope, to /v2",
    async ({ app, account, ticket }) =>
      post(
        "/v2/tickets/notes",
        { ticket_id: ticket.id, value: "x" },
        { "x-api-key": await keyWith(app, account.specialist, ["notes:read", "tickets:read"]) },
      ),
    403,
    "Forbidden",
    "The credential lacks the scope notes:write.",
  ],
  [
    "of two people",
    ({ account, key }) => post("/graphql", viewer, { "x-api-key": key, authorization: `Bearer ${account.administrator.key}` }),
    401,
    "UNAUTHENTICATED",
    "The bearer token and the API key are of two people: send one of them.",
  ],
  [
    "for another account",
    ({ key }) => post("/graphql", viewer, { "x-api-key": key, "x-account": "none" }),
    403,
    "FORBIDDEN",
    "The credential may not be used in the account that X-Account names.",
  ],
  [
    "none, to /v2",
    () => ({ path: `/v2/tickets/notes?ticket_id=${nobody}` }),
    401,
    "Unauthorized",
    "This needs a credential: send an API key as X-API-Key or as Authorization: Bearer.",
  ],
  [
    "an unknown key, to /v2",
    () => ({ path: `/v2/tickets/notes?ticket_id=${nobody}`, headers: { "x-api-key": "x" } }),
    401,
    "Unauthorized",
    "The credential is not valid: it is unknown, expired or revoked.",
  ],
];

const notes = "/v2/tickets/notes";
const attachments = "/v2/tickets/note-attachments";
const toV2: readonly Mistake[] = [
  ["a body that is no JSON", (given) => keyed(given, "POST", notes, "{value"), 400, "Bad Request", "The body is not JSON."],
  ["no body", (given) => keyed(given, "POST", notes), 400, "Bad Request", "The body must be a JSON object."],
  [
    "a body that is a text",
    (given) => keyed(given, "POST", notes, '"x"'),
    400,
    "Bad Request",
    "The body must be a JSON object.",
  ],
  [
    "a body that is a list",
    (given) => keyed(given, "POST", notes, "[]"),
    400,
    "Bad Request",
    "The body must be a JSON object.",
  ],
  [
    "a body that lacks fields",
    (given) => keyed(given, "POST", notes, {}),
    400,
    "Bad Request",
    "The field ticket_id is missing. The field value is missing.",
  ],
  [
    "a value that is a number",
    (given) => keyed(given, "POST", notes, { ticket_id: given.ticket.id, value: 7 }),
    400,
    "Bad Request",
    "The field value must be a text.",
  ],
  [
    "a value that is too long",
    (given) => keyed(given, "POST", notes, { ticket_id: given.ticket.id, value: "x".repeat(1_501) }),
    400,
    "Bad Request",
    "The field value must have at most 1500 characters.",
  ],
  [
    "a value with NUL",
    (given) => keyed(given, "POST", notes, { ticket_id: given.ticket.id, value: "\0" }),
    400,
    "Bad Request",
    "The text must not contain the character NUL.",
  ],
  [
    "is_public that is a text",
    (given) => keyed(given, "POST", notes, { ticket_id: given.ticket.id, value: "x", is_public: "yes" }),
    400,
    "Bad Request",
    "The field is_public must be true or false.",
  ],
  [
    "a category that is none",
    (given) => keyed(given, "POST", notes, { ticket_id: given.ticket.id, value: "x", categories: ["SCAN"] }),
    400,
    "Bad Request",
    "Each value of the field categories must be one of pre-scan, post-scan.",
  ],
  [
    "categories that are a text",
    (given) => keyed(given, "POST", notes, { ticket_id: given.ticket.id, value: "x", categories: "PRE_SCAN" }),
    400,
    "Bad Request",
    "The field categories must be a list.",
  ],
  [
    "a category twice",
    (given) =>
      keyed(given, "POST", notes, { ticket_id: given.ticket.id, value: "x", categories: ["PRE_SCAN", "PRE_SCAN", "PRE_SCAN"] }),
    400,
    "Bad Request",
    "Each value of the field categories must be one of pre-scan, post-scan.",
  ],
  [
    "a ticket id that is none",
    (given) => keyed(given, "POST", notes, { ticket_id: "7", value: "x" }),
    400,
    "Bad Request",
    "The field ticket_id must be a UUID, such as 019ea5c6-0b92-780d-81d5-3774e154484e.",
  ],
  [
    "a ticket that is not there",
    (given) => keyed(given, "POST", notes, { ticket_id: nobody, value: "x" }),
    404,
    "Not Found",
    "There is no such ticket, or you may not see it.",
  ],
  [
    "a list without its ticket",
    (given) => keyed(given, "GET", notes),
    400,
    "Bad Request",
    "The parameter ticket_id is missing.",
  ],
  [
    "a list of a ticket id that is none",
    (given) => keyed(given, "GET", `${notes}?ticket_id=7`),
    400,
    "Bad Request",
    "The parameter ticket_id must be a UUID, such as 019ea5c6-0b92-780d-81d5-3774e154484e.",
  ],
  [
    "a limit that is too large",
    (given) => keyed(given, "GET", `${notes}?ticket_id=${given.ticket.id}&limit=1001`),
    400,
    "Bad Request",
    "The parameter limit must be a whole number from 0 to 1000, in decimal digits.",
  ],
  [
    "a limit that is negative",
    (given) => keyed(given, "GET", `${notes}?ticket_id=${given.ticket.id}&limit=-1`),
    400,
    "Bad Request",
    "The parameter limit must be a whole number from 0 to 1000, in decimal digits.",
  ],
  [
    "an offset that is no number",
    (given) => keyed(given, "GET", `${notes}?ticket_id=${given.ticket.id}&offset=1e3`),
    400,
    "Bad Request",
    "The parameter offset must be a whole number below 2^63, in decimal digits.",
  ],
  [
    "an offset beyond 2^63",
    (given) => keyed(given, "GET", `${notes}?ticket_id=${given.ticket.id}&offset=9223372036854775808`),
    400,
    "Bad Request",
    "The parameter offset must be a whole number below 2^63, in decimal digits.",
  ],
  [
    "a parameter twice",
    (given) => keyed(given, "GET", `${notes}?ticket_id=${given.ticket.id}&limit=1&limit=2`),
    400,
    "Bad Request",
    "The parameter limit must be a whole number from 0 to 1000, in decimal digits.",
  ],
  [
    "an id in the path that is none",
    (given) => keyed(given, "GET", `${notes}/7`),
    400,
    "Bad Request",
    "The note-id in the path must be a UUID, such as 019ea5c6-0b92-780d-81d5-3774e154484e.",
  ],
  [
    "a note that is not there",
    (given) => keyed(given, "GET", `${notes}/${nobody}`),
    404,
    "Not Found",
    "There is no such note, or you may not see it.",
  ],
  [
    "another media type",
    (given) => keyed(given, "POST", notes, "x", { "content-type": "text/plain" }),
    415,
    "Unsupported Media Type",
    "The Content-Type of the body must be application/json.",
  ],
  [
    "a media type that is none",
    (given) => keyed(given, "POST", notes, "x", { "content-type": "nonsense" }),
    415,
    "Unsupported Media Type",
    "The Content-Type of the body must be application/json.",
  ],
  [
    "PATCH",
    (given) => keyed(given, "PATCH", `${notes}/${given.note.id}`, {}),
    405,
    "Method Not Allowed",
    "This address takes GET, PUT, DELETE, HEAD, OPTIONS.",
  ],
  [
    "an address that is not there",
    (given) => keyed(given, "GET", "/v2/tickets"),
    404,
    "Not Found",
    "There is nothing at this address.",
  ],
  [
    "an If-Match of another version",
    (given) =>
      keyed(given, "PUT", `${notes}/${given.note.id}`, { ticket_id: given.ticket.id, value: "x" }, { "if-match": '"none"' }),
    412,
    "Precondition Failed",
    "Somebody has changed the note since you read it. Read it again, and repeat your change if it still fits.",
  ],
  [
    "an If-Match that is no tag",
    (given) =>
      keyed(given, "PUT", `${notes}/${given.note.id}`, { ticket_id: given.ticket.id, value: "x" }, { "if-match": "none" }),
    412,
    "Precondition Failed",
    "Somebody has changed the note since you read it. Read it again, and repeat your change if it still fits.",
  ],
  [
    "an Idempotency-Key with spaces",
    (given) => keyed(given, "POST", notes, { ticket_id: given.ticket.id, value: "x" }, { "idempotency-key": "a b" }),
    400,
    "Bad Request",
    "An idempotency key must be 1 to 255 visible ASCII characters without spaces.",
  ],
  [
    "an Idempotency-Key that is used",
    async (given) => {
      const key = { "idempotency-key": "once-v2" };
      await send(keyed(given, "POST", notes, { ticket_id: given.ticket.id, value: "one" }, key));
      return keyed(given, "POST", notes, { ticket_id: given.ticket.id, value: "another" }, key);
    },
    422,
    "Unprocessable Entity",
    "This idempotency key was sent with another input before. Use a new key for each thing that you want to do.",
  ],
  [
    "another ticket than the note's",
    (given) => keyed(given, "PUT", `${notes}/${given.note.id}`, { ticket_id: nobody, value: "x" }),
    400,
    "Bad Request",
    "The note is of another ticket, and notes do not move.",
  ],
  [
    "a filename that is empty",
    (given) => keyed(given, "POST", attachments, { note_id: given.note.id, filename: "" }),
    400,
    "Bad Request",
    "The filename must not be empty.",
  ],
  [
    "a filename that is not UTF-8",
    (given) => keyed(given, "GET", `${attachments}/${given.note.id}/%ff`),
    400,
    "Bad Request",
    "The filename is not UTF-8.",
  ],
  [
    "an attachment that is not there",
    (given) => keyed(given, "GET", `${attachments}/${given.note.id}/none.txt`),
    404,
    "Not Found",
    "There is no such attachment, or you may not see it.",
  ],
  [
    "a body that is too large",
    (given) => keyed(given, "POST", notes, { ticket_id: given.ticket.id, value: "x".repeat(1_100_000) }),
    413,
    "Payload Too Large",
    "The body of this request may have at most 1048576 bytes.",
  ],
  [
    "a body of too many parts",
    (given) => keyed(given, "POST", notes, { categories: Array.from({ length: 2_000 }, () => 1) }),
    400,
    "Bad Request",
    "The body has a list or an object of 2000 parts; at most 1000 are taken.",
  ],
  [
    "an internal note by a customer",
    ({ account, ticket }) => post(notes, { ticket_id: ticket.id, value: "x" }, { "x-api-key": account.customer.key }),
    403,
    "Forbidden",
    "A customer writes public notes: send the note as public.",
  ],
  [
    "a path that cannot be read",
    (given) => keyed(given, "GET", "/v2/%ff"),
    400,
    "Bad Request",
    "The path of the URL cannot be decoded: percent-encode it as UTF-8.",
  ],
];

const requests = ({ ticket }: World) => `/v1/requests/${ticket.number}/notes`;
const toV1: readonly Mistake[] = [
  ["a body that is no JSON", (given) => v1Post(given, requests(given), "{text"), 400, "", "Invalid JSON string posted"],
  ["a body that is a list", (given) => v1Post(given, requests(given), "[]"), 400, "", "Invalid JSON string posted"],
  ["no text", (given) => v1Post(given, requests(given), {}), 422, "", "Validation Failed | text | Text can't be blank"],
  [
    "a text that is a number",
    (given) => v1Post(given, requests(given), { text: 7 }),
    422,
    "",
    "Validation Failed | text | Text is invalid",
  ],
  [
    "a text that is too long",
    (given) => v1Post(given, requests(given), { text: longText }),
    422,
    "",
    "Validation Failed | text | The text must have at most 65536 bytes of UTF-8.",
  ],
  [
    "a text with NUL",
    (given) => v1Post(given, requests(given), { text: "a\0" }),
    422,
    "",
    "Validation Failed | text | The text must not contain the character NUL.",
  ],
  [
    "an unknown field",
    (given) => v1Post(given, requests(given), { text: "x", colour: 1 }),
    422,
    "",
    "Validation Failed | colour | colour is not a field of a note",
  ],
  [
    "internal that is no truth",
    (given) => v1Post(given, requests(given), { text: "x", internal: "perhaps" }),
    422,
    "",
    "Validation Failed | internal | Internal is invalid",
  ],
  [
    "an attachment that was not uploaded",
    (given) => v1Post(given, requests(given), { text: "x", attachments: [{ key: "none" }] }),
    422,
    "",
    "Validation Failed | attachments | Attachments key 'none' was not uploaded or is already used",
  ],
  [
    "attachments that are a text",
    (given) => v1Post(given, requests(given), { text: "x", attachments: "none" }),
    422,
    "",
    "Validation Failed | attachments | Attachments is invalid",
  ],
  [
    "an Idempotency-Key with spaces",
    (given) => v1Post(given, requests(given), { text: "x" }, { "idempotency-key": "a b" }),
    400,
    "",
    "An idempotency key must be 1 to 255 visible ASCII characters without spaces.",
  ],
  [
    "an Idempotency-Key that is used",
    async (given) => {
      const key = { "idempotency-key": "once-v1" };
      await send(v1Post(given, requests(given), { text: "one" }, key));
      return v1Post(given, requests(given), { text: "another" }, key);
    },
    422,
    "",
    "This idempotency key was sent with another input before. Use a new key for each thing that you want to do.",
  ],
  ["per_page below 1", (given) => v1Get(given, "/v1/notes?per_page=0"), 400, "", "Parameter 'per_page' cannot be less than 1"],
  [
    "per_page over 100",
    (given) => v1Get(given, "/v1/notes?per_page=101"),
    400,
    "",
    "Parameter 'per_page' cannot be greater than 100",
  ],
  [
    "per_page that is no number",
    (given) => v1Get(given, "/v1/notes?per_page=x"),
    400,
    "",
    "Parameter 'per_page' must be an integer",
  ],
  ["a page below 1", (given) => v1Get(given, "/v1/notes?page=0"), 400, "", "Parameter 'page' cannot be less than 1"],
  [
    "a cursor that is none",
    (given) => v1Get(given, "/v1/notes?search_after=x"),
    400,
    "",
    "Parameter 'search_after' is not a cursor of this order",
  ],
  [
    "both cursors",
    (given) => v1Get(given, "/v1/notes?search_after=x&search_before=y"),
    400,
    "",
    "Parameter 'search_after' is not a cursor of this order",
  ],
  ["a sort by nothing", (given) => v1Get(given, "/v1/notes?sort=problem"), 400, "", "Sorting not allowed on fields: problem"],
  [
    "a filter by nothing",
    (given) => v1Get(given, "/v1/notes?times_applied=1"),
    400,
    "",
    "Filtering not allowed on fields: times_applied",
  ],
  [
    "unknown fields selected",
    (given) => v1Get(given, "/v1/notes?fields=disabled,strange"),
    400,
    "",
    "Unknown fields: disabled, strange",
  ],
  [
    "an operator that a field lacks",
    (given) => v1Get(given, "/v1/notes?medium=%3E%3Demail"),
    400,
    "",
    "Field 'medium' does not support the '=>=' operator",
  ],
  [
    "a value that a field lacks",
    (given) => v1Get(given, "/v1/notes?medium=bogus"),
    400,
    "",
    "Invalid value for parameter 'medium': 'bogus'",
  ],
  [
    "a date that is none",
    (given) => v1Get(given, "/v1/notes?created_at=%3Eyesterday"),
    400,
    "",
    "Invalid value for parameter 'created_at': 'yesterday'",
  ],
  ["an id that is none", (given) => v1Get(given, "/v1/notes?id=abc"), 400, "", "Invalid value for parameter 'id': 'abc'"],
  [
    "a search for nothing",
    (given) => v1Get(given, "/v1/search?types=note"),
    400,
    "",
    "Parameter 'q' is not valid. The query must not be blank.",
  ],
  [
    "a search of another type",
    (given) => v1Get(given, "/v1/search?q=x&types=cat"),
    400,
    "",
    "Invalid value for parameter 'types': 'cat'",
  ],
  ["a note that is not there", (given) => v1Get(given, "/v1/notes/999999999"), 404, "", "Not Found"],
  ["a record that is not there", (given) => v1Post(given, "/v1/requests/999999999/notes", { text: "x" }), 404, "", "Not Found"],
  ["an address that is not there", (given) => v1Get(given, "/v1/cats"), 404, "", "Not Found"],
  ["a method that an address lacks", (given) => v1Post(given, "/v1/notes", { text: "x" }), 404, "", "Not Found"],
  ["an Accept of nothing that is had", (given) => v1Get(given, "/v1/notes", { accept: "text/csv" }), 406, "", "Not Acceptable"],
  [
    "a body that is too large",
    (given) => v1Post(given, requests(given), { text: "x".repeat(1_100_000) }),
    413,
    "",
    "Request Entity Too Large",
  ],
  [
    "an unknown Content-Encoding",
    (given) => v1Post(given, requests(given), "x", { "content-encoding": "nonsense" }),
    415,
    "",
    "Unsupported Media Type",
  ],
  [
    "a status that is none",
    (given) => ({ ...v1Post(given, `/v1/requests/${given.ticket.number}`, { status: "bogus" }), method: "PATCH" }),
    422,
    "",
    "Validation Failed | status | Status is invalid",
  ],
  [
    "a request without a subject",
    (given) => v1Post(given, "/v1/requests", { note: "x" }),
    422,
    "",
    "Validation Failed | subject | Subject can't be blank",
  ],
  [
    "a requester that is none",
    (given) => ({ ...v1Post(given, `/v1/requests/${given.ticket.number}`, { requested_by_id: "x" }), method: "PATCH" }),
    422,
    "",
    "Validation Failed | requested_by_id | Requested by is invalid",
  ],
  [
    "a key without the scope",
    async ({ app, account, ticket }) =>
      post(
        `/v1/requests/${ticket.number}/notes`,
        { text: "x" },
        { authorization: `Bearer ${await keyWith(app, account.specialist, ["notes:read", "tickets:read"])}` },
      ),
    403,
    "",
    "Forbidden",
  ],
  ["no credential", () => ({ path: "/v1/notes" }), 401, "", "Unauthorized"],
  ["HTTP Basic", () => ({ path: "/v1/notes", headers: { authorization: "Basic eDp5" } }), 401, "", "Unauthorized"],
  [
    "an unknown account",
    (given) => v1Get(given, "/v1/notes", { "x-xurrent-account": "none" }),
    400,
    "",
    "Invalid x-xurrent-account header",
  ],
];

const mailTo = ({ account }: World, body: BodyInit, headers: Readonly<Record<string, string>> = {}): Sent => ({
  ...{ path: "/mail/inbound", method: "POST", body },
  headers: { "content-type": "message/rfc822", authorization: `Bearer ${account.administrator.key}`, ...headers },
});
const mailText = (from: string, number: number | undefined, headers: Readonly<Record<string, string | undefined>> = {}) =>
  new Uint8Array(mailOf(from, number, { headers }));
const toMail: readonly Mistake[] = [
  [
    "a sender that is not proven",
    (given) => mailTo(given, mailText(given.address, given.ticket.number, { "Authentication-Results": undefined })),
    422,
    "Unprocessable Entity",
    "Whether cleo@example.com sent the mail is not proven: the topmost Authentication-Results of mx.desk.example must have dmarc=pass with header.from=example.com.",
  ],
  [
    "a sender that nobody knows",
    (given) => mailTo(given, mailText("nobody@example.com", given.ticket.number)),
    422,
    "Unprocessable Entity",
    "Nobody in the account has the address nobody@example.com.",
  ],
  [
    "no sender",
    (given) => mailTo(given, mailText(given.address, given.ticket.number, { From: undefined })),
    422,
    "Unprocessable Entity",
    "From must have exactly one address, and only once.",
  ],
  [
    "a ticket that is not there",
    (given) => mailTo(given, mailText(given.address, 999_999_999)),
    422,
    "Unprocessable Entity",
    "There is no ticket 999999999, or Cleo Customer may not see it.",
  ],
  [
    "no ticket",
    (given) => mailTo(given, mailText(given.address, undefined)),
    422,
    "Unprocessable Entity",
    "The mail names no ticket: neither as a recipient ticket+<number>@…, nor in the subject as [#<number>], nor by a reply to a known mail.",
  ],
  [
    "a number of a ticket that goes on",
    (given) => mailTo(given, mailText(given.address, undefined, { To: `ticket+${given.ticket.number}\0@desk.example` })),
    422,
    "Unprocessable Entity",
    "The mail names no ticket: neither as a recipient ticket+<number>@…, nor in the subject as [#<number>], nor by a reply to a known mail.",
  ],
  [
    "an empty mail",
    (given) => mailTo(given, ""),
    422,
    "Unprocessable Entity",
    "From must have exactly one address, and only once.",
  ],
  [
    "another media type",
    (given) => mailTo(given, "x", { "content-type": "text/plain" }),
    415,
    "Unsupported Media Type",
    "The Content-Type of the body must be message/rfc822.",
  ],
  [
    "a key without the scope",
    (given) => mailTo(given, "x", { authorization: `Bearer ${given.key}` }),
    403,
    "Forbidden",
    "The credential lacks the scope mail:write.",
  ],
  ["GET", (given) => keyed(given, "GET", "/mail/inbound"), 405, "Method Not Allowed", "This address takes POST."],
  [
    "a mail that is too large",
    (given) => mailTo(given, "x".repeat(1_100_000)),
    413,
    "Payload Too Large",
    "The body of this request may have at most 1000000 bytes.",
  ],
];

const tokenOfForm = (form: Record<string, string>, headers: Readonly<Record<string, string>> = {}, method = "POST"): Sent => ({
  ...{ path: "/oauth2/token", method },
  ...(method === "POST" && { body: new URLSearchParams(form).toString() }),
  headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
});
const grant = ({ client }: World, changed: Record<string, string> = {}) =>
  tokenOfForm({ grant_type: "client_credentials", client_id: client.id, client_secret: client.secret, ...changed });
const toOAuth: readonly Mistake[] = [
  [
    "another grant",
    (given) => grant(given, { grant_type: "password" }),
    400,
    "unsupported_grant_type",
    "The grant_type must be client_credentials.",
  ],
  [
    "a grant that is none",
    (given) => grant(given, { grant_type: "nonsense" }),
    400,
    "unsupported_grant_type",
    "The grant_type must be client_credentials.",
  ],
  ["no grant", (given) => grant(given, { grant_type: "" }), 400, "invalid_request", "The parameter grant_type is missing."],
  [
    "an unknown client",
    (given) => grant(given, { client_id: nobody }),
    401,
    "invalid_client",
    "There is no client with this id and secret: it is unknown, expired or revoked.",
  ],
  [
    "a client id that is none",
    (given) => grant(given, { client_id: "x" }),
    401,
    "invalid_client",
    "There is no client with this id and secret: it is unknown, expired or revoked.",
  ],
  [
    "another secret",
    (given) => grant(given, { client_secret: "x" }),
    401,
    "invalid_client",
    "There is no client with this id and secret: it is unknown, expired or revoked.",
  ],
  [
    "a client id with characters of others",
    (given) => grant(given, { client_id: "\u{e9}" }),
    400,
    "invalid_request",
    "The parameter client_id has characters that it may not have.",
  ],
  [
    "no client",
    () => tokenOfForm({ grant_type: "client_credentials" }),
    401,
    "invalid_client",
    "The client is missing: send its id and secret by HTTP Basic, or in the body as client_id and client_secret.",
  ],
  [
    "a scope that the client lacks",
    (given) => grant(given, { scope: "admin" }),
    400,
    "invalid_scope",
    "The scope must be some of the client's own scopes, with spaces between them.",
  ],
  [
    "a scope that is none",
    (given) => grant(given, { scope: '"' }),
    400,
    "invalid_scope",
    "The scope must be some of the client's own scopes, with spaces between them.",
  ],
  [
    "Basic that is none",
    () => tokenOfForm({ grant_type: "client_credentials" }, { authorization: "Basic x" }),
    401,
    "invalid_client",
    "The client is missing: send its id and secret by HTTP Basic, or in the body as client_id and client_secret.",
  ],
  [
    "Bearer",
    () => tokenOfForm({ grant_type: "client_credentials" }, { authorization: "Bearer x" }),
    401,
    "invalid_client",
    "The client is missing: send its id and secret by HTTP Basic, or in the body as client_id and client_secret.",
  ],
  [
    "parameters in the query",
    (given) => ({ ...grant(given), path: "/oauth2/token?grant_type=client_credentials" }),
    400,
    "invalid_request",
    "Send the parameters in the body: what is in a URL ends up in logs.",
  ],
  ["GET", () => tokenOfForm({}, {}, "GET"), 405, "invalid_request", "Tokens are asked for by POST."],
  ["a body that is no JSON", () => post("/oauth2/token", "{"), 400, "invalid_request", "The body is not JSON."],
  [
    "a body that is a list",
    () => post("/token", "[]"),
    400,
    "invalid_request",
    "The body must be a form or a JSON object, of names and texts.",
  ],
  [
    "another media type",
    () => post("/token", "x", { "content-type": "text/xml" }),
    400,
    "invalid_request",
    "The Content-Type of the body must be application/json or application/x-www-form-urlencoded.",
  ],
];

const put = (
  url: string,
  body: BodyInit = "abc",
  headers: Readonly<Record<string, string>> = { "content-type": "text/plain" },
): Sent => ({
  ...{ path: url, method: "PUT", body, headers },
});
const form = (
  given: World,
  changed: Readonly<Record<string, string | undefined>>,
  file: string | undefined = "a.png",
): Sent => {
  const fields = new FormData();
  for (const [name, value] of Object.entries({ ...given.storage.s3, "Content-Type": "image/png", ...changed }))
    if (value !== undefined) fields.append(name, value);
  if (file !== undefined) fields.append("file", new Blob(["abc"], { type: "image/png" }), file);
  return { path: given.storage.upload_uri, method: "POST", body: fields };
};
const toSignedUrls: readonly Mistake[] = [
  [
    "no signature",
    ({ uploadUrl }) => put(uploadUrl.split("?")[0] ?? ""),
    403,
    "Forbidden",
    "This URL was not signed here for this request: use it as it was handed out.",
  ],
  [
    "a signature that is altered",
    ({ uploadUrl }) => put(uploadUrl.replace(/signature=(.)/, (_, first: string) => `signature=${first === "A" ? "B" : "A"}`)),
    403,
    "Forbidden",
    "This URL was not signed here for this request: use it as it was handed out.",
  ],
  ["a time that is over", ({ staleUrl }) => put(staleUrl), 403, "Forbidden", "This URL has expired: ask for a fresh one."],
  [
    "another method",
    ({ uploadUrl }) => ({ path: uploadUrl, method: "DELETE" }),
    405,
    "Method Not Allowed",
    "A file is read with GET or HEAD and written with PUT.",
  ],
  [
    "a download by the URL of an upload",
    ({ uploadUrl }) => ({ path: uploadUrl }),
    403,
    "Forbidden",
    "This URL was not signed here for this request: use it as it was handed out.",
  ],
  [
    "another media type",
    ({ uploadUrl }) => put(uploadUrl, "abc", { "content-type": "image/png" }),
    403,
    "Forbidden",
    "This URL takes a file with Content-Type: text/plain.",
  ],
  [
    "a Content-Encoding",
    ({ uploadUrl }) => put(uploadUrl, "abc", { "content-type": "text/plain", "content-encoding": "gzip" }),
    415,
    "Unsupported Media Type",
    "Send the bytes of the file as they are, without a Content-Encoding.",
  ],
  [
    "a part of a file",
    ({ uploadUrl }) => put(uploadUrl, "abc", { "content-type": "text/plain", "content-range": "bytes 0-2/6" }),
    400,
    "Bad Request",
    "Send the whole file, without a Content-Range.",
  ],
  [
    "more bytes than declared",
    async (given) => {
      const query =
        "mutation ($input: RequestAttachmentUploadInput!) { requestAttachmentUpload(input: $input) { ... on RequestAttachmentUploadPayload { upload { url } } } }";
      const input = { noteId: given.note.id, filename: "sized.txt", size: 3 };
      const { data } = await sendText<Requested>(given.app.url, given.key, query, { input });
      return put(data.requestAttachmentUpload.upload.url, "abcdef");
    },
    400,
    "Bad Request",
    "The file was to have 3 bytes, and has 6.",
  ],
  [
    "more bytes than are taken",
    ({ uploadUrl }) => put(uploadUrl, "x".repeat(1_000_001)),
    413,
    "Payload Too Large",
    "A file may have at most 1000000 bytes.",
  ],
  [
    "a form of an extension that is not taken",
    (given) => form(given, {}, "setup.exe"),
    403,
    "AccessDenied",
    'Invalid according to Policy: files with the extension "exe" are not taken.',
  ],
  [
    "a form that is altered",
    (given) => form(given, { policy: "x" }),
    403,
    "AccessDenied",
    "Invalid according to Policy: it was not signed here.",
  ],
  [
    "a form without its policy",
    (given) => form(given, { policy: undefined }),
    400,
    "MalformedPOSTRequest",
    "The form lacks the field policy, or has it after the file.",
  ],
  [
    "a form without its file",
    (given) => {
      const sent = form(given, {}, "");
      (sent.body as FormData).delete("file");
      return sent;
    },
    400,
    "MalformedPOSTRequest",
    "The form has no field called file.",
  ],
  [
    "a form with another key",
    (given) => form(given, { key: "x" }),
    403,
    "AccessDenied",
    'Invalid according to Policy: Policy Condition failed: ["starts-with", "$key"].',
  ],
  [
    "no form",
    ({ storage }) => ({ path: storage.upload_uri, method: "POST", body: "x" }),
    400,
    "MalformedPOSTRequest",
    "The body must be a form of the type multipart/form-data.",
  ],
];

const toTheHost: readonly Mistake[] = [
  ["an address that is not there", () => ({ path: "/nothing" }), 404, "Not Found", "There is nothing at this address."],
  [
    "a path that cannot be read",
    () => ({ path: "/%ff" }),
    400,
    "Bad Request",
    "The path of the URL cannot be decoded: percent-encode it as UTF-8.",
  ],
  [
    "a method that an address lacks",
    () => ({ path: "/health", method: "POST" }),
    404,
    "Not Found",
    "There is nothing at this address.",
  ],
];

async function send({ path, method = "GET", headers = {}, body }: Sent): Promise<Said> {
  const url = path.startsWith("/") ? `${world.app.url}${path}` : path;
  const response = await fetch(url, {
    ...{ method, headers: { accept: "application/json", ...headers } },
    ...(body !== undefined && { body }),
  });
  const { status } = response;
  const said = saidIn(await response.text());
  return { ...said, status, message: said.message.replaceAll(world.address, "cleo@example.com"), headers: response.headers };
}

/** Returns the code and the message of an answer, whatever the shape of its API. */
function saidIn(text: string): Pick<Said, "code" | "message"> {
  const element = (name: string) => new RegExp(`<${name}>(.*)</${name}>`).exec(text)?.[1] ?? "";
  if (text.startsWith("<")) return { code: element("Code"), message: element("Message").replaceAll("&quot;", '"') };
  const body = JSON.parse(text) as AnyFailure; // of one of the shapes of the APIs, or else the row fails
  if (body.error_description !== undefined) return { code: body.error ?? "", message: body.error_description };
  if (body.title !== undefined) return { code: body.title, message: body.detail ?? "" };
  if (body.message !== undefined) return { code: "", message: [body.message, ...(body.errors ?? []).flat()].join(" | ") };
  const [{ extensions, message } = { extensions: { code: "" }, message: "" }] = (body.errors ??
    []) as readonly GraphqlFailure[];
  return { code: extensions.code, message, ...body.data?.result };
}

interface GraphqlFailure {
  readonly message: string;
  readonly extensions: { readonly code: string };
}

/** The failures of all APIs. */
interface AnyFailure {
  readonly error?: string;
  readonly error_description?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly message?: string;
  readonly errors?: readonly unknown[];
  readonly data?: { readonly result?: Partial<Pick<Said, "code" | "message">> } | null;
}

beforeAll(async () => {
  const app = await startApp({ mail: { authservId, senders: [] } });
  const account = await addAccount(app);
  const { key } = account.specialist;
  const ticket = await addTicket(app, account, { requester: account.customer });
  const [note] = await addNotes(app, ticket, account.specialist, 3);
  if (!note) throw new Error("There is no note.");
  const client = await addClient(app, account.specialist, ["notes:read"]);
  world = {
    ...{ app, account, key, ticket, note, client, storage: await offerStorage(app, key) },
    ...{ cursor: "", uploadUrl: "", staleUrl: "", address: await addressOfPerson(app, account.customer) },
  };
  const urlFor = async (filename: string): Promise<string> => {
    const { body } = await call(app, world.key, "POST", attachments, { note_id: note.id, filename });
    return String((body as { signed_url: unknown }).signed_url); // as the contract of /v2 says
  };
  app.time.now = new Date(Date.now() - 3_600_000);
  const staleUrl = await urlFor("stale.txt");
  app.time.now = undefined;
  const query = "{ notes(first: 1) { pageInfo { endCursor } } }";
  const { data } = await sendText<{ notes: Page }>(app.url, world.key, query);
  world = { ...world, cursor: data.notes.pageInfo.endCursor, staleUrl, uploadUrl: await urlFor("a.txt") };
});
afterAll(() => world.app.close());

/** Sentences that a contract fixes, word for word. */
const fixed: ReadonlySet<string> = new Set(["PersistedQueryNotFound"]);
const words = /node_modules|\bat .+:\d+|fastify|\bajv\b|prisma|\bpg\b|\bzod\b|pglite|postgres|yoga|graphql-js|FST_|\bSELECT\b/i;

/** No stack, no path, no library, and no advice that cannot help: none of these faults passes by itself. */
function expectDiscreet({ message }: Said): void {
  expect(message).not.toMatch(words);
  expect(message).not.toContain(resolve(import.meta.dirname, ".."));
  expect(message).not.toMatch(/try (it )?again|retry|later/i);
}

/** One sentence or two, each from a capital to a full stop. */
function expectSentences({ message }: Said): void {
  if (fixed.has(message)) return;
  expect(message).toMatch(/^[A-Z].*[.?]$/);
  expect(message.match(/[.?](?= [A-Z]|$)/g)?.length).toBeLessThanOrEqual(2);
}

/** What HTTP requires beside some statuses (RFC 9110, sections 11.6.1 and 15.5.6). */
function expectHeaders({ status, headers }: Said): void {
  expect(headers.has("allow")).toBe(status === 405);
  if (status === 401) expect(headers.get("www-authenticate")).toMatch(/^(Bearer|Basic)/);
}

async function expectMistake([, sent, status, code, message]: Mistake): Promise<Said> {
  const said = await send(await sent(world));
  expect([said.status, said.code, said.message]).toEqual([status, code, message]);
  expectDiscreet(said);
  expectHeaders(said);
  return said;
}

describe.each<[where: string, mistakes: readonly Mistake[]]>([
  ["a request of GraphQL", byHttp],
  ["a document", inDocuments],
  ["the values of an operation", inValues],
  ["a credential", inCredentials],
  ["a request of /v2", toV2],
  ["a mail", toMail],
  ["a request for a token", toOAuth],
  ["the use of a signed URL or form", toSignedUrls],
  ["an address", toTheHost],
])("a mistake in %s", (_where, mistakes) => {
  test.each(mistakes)("%s", async (...mistake) => expectSentences(await expectMistake(mistake)));
});

// The sentences of this family have no full stop, and its contract fixes most of them.
describe("a mistake in a request of /v1", () => {
  test.each(toV1)("%s", async (...mistake) => {
    expect((await expectMistake(mistake)).message).toMatch(/^[A-Z]/);
  });
});
