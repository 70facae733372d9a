import { setTimeout as wait } from "node:timers/promises";
import type { DemoKeys } from "../../src/demo/load.ts";
import type { Examples, OperationExample } from "../../src/rest/kit/openapi.ts";
import type { TestApp } from "../support/app.ts";

/** A request of an example. */
interface ExampleRequest {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** The path with the parameters in braces, as the document has it. */
  readonly path: string;
  readonly parameters?: Readonly<Record<string, string | number>>;
  readonly body?: unknown;
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
}

async function send(app: TestApp, request: ExampleRequest): Promise<Answer> {
  const { method = "GET", path, parameters = {}, body, key, headers = {} } = request;
  const inPath = new Set([...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name));
  const filled = path.replaceAll(/\{([^}]+)\}/g, (_match, name: string) => encodeURIComponent(String(parameters[name])));
  const query = new URLSearchParams(
    Object.entries(parameters).flatMap(([name, value]) => (inPath.has(name) ? [] : [[name, String(value)]])),
  );
  const response = await fetch(`${app.url}${filled}${query.size > 0 ? `?${query}` : ""}`, {
    method,
    headers: {
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
}

/** Collects what is sent and answered as the examples of a document. */
function collectExamples(app: TestApp, prefix: string) {
  const operations: Record<string, OperationExample> = {};
  const failures: Record<string, unknown> = {};
  return {
    /** Sends the example of an operation. Throws if the answer is not one of success. */
    async operation(id: string, request: ExampleRequest): Promise<Answer> {
      const answer = await send(app, { ...request, path: prefix + request.path });
      if (answer.status >= 300) throw new Error(`${id} answered ${answer.status} ${JSON.stringify(answer.body)}`);
      operations[id] = {
        parameters: request.parameters ?? {},
        ...(request.body !== undefined && { request: request.body }),
        status: answer.status,
        ...(answer.body !== undefined && { response: answer.body }),
      };
      return answer;
    },
    /** Sends the example of a failure. Throws if the answer has another status. */
    async failure(name: string, status: number, request: ExampleRequest): Promise<void> {
      const answer = await send(app, { ...request, path: prefix + request.path });
      if (answer.status !== status)
        throw new Error(`${name} answered ${answer.status} ${JSON.stringify(answer.body)} instead of ${status}`);
      failures[name] = answer.body;
    },
    examples: (): Examples => ({ operations, failures }),
  };
}

/** Sends one request until the credential's limit is reached. Throws if it is not reached. */
async function useUp(app: TestApp, request: ExampleRequest): Promise<void> {
  for (let sent = 0; sent < 200; sent += 1) if ((await send(app, request)).status === 429) return;
  throw new Error("The rate limit was not reached.");
}

/**
 * Calls `ask` while `write` is under way: the row that it changes is locked until then. Throws if `write` fails.
 */
async function whileInFlight(
  { database: { pool } }: TestApp,
  row: { readonly table: "notes" | "tickets"; readonly id: string },
  write: () => Promise<Answer>,
  ask: () => Promise<void>,
): Promise<void> {
  const blocker = await pool.connect();
  try {
    await blocker.query("BEGIN");
    await blocker.query(`SELECT FROM ${row.table} WHERE id = $1 FOR UPDATE`, [row.id]);
    const writing = write();
    const held = `SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
      WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()`;
    const startedAt = performance.now();
    while ((await pool.query(held)).rows.length === 0) {
      if (performance.now() - startedAt > 10_000) throw new Error("The write did not begin.");
      await wait(20);
    }
    await ask();
    await blocker.query("COMMIT");
    const { status, body } = await writing;
    if (status !== 200) throw new Error(`The write answered ${status} ${JSON.stringify(body)}`);
  } finally {
    await blocker.query("ROLLBACK");
    blocker.release();
  }
}

/** A ticket of the demo data, and a note of it with a file. */
const norvik = "019ea5c6-0b92-780d-81d5-3774e154484e";
const marits = "019ea5ca-863a-7ee0-a848-7276cd78b1ab";

/** Asks a gateway with the demo data the examples of /v2. Throws if one is answered otherwise than it should be. */
export async function askV2(app: TestApp, { customer, specialist }: DemoKeys): Promise<Examples> {
  const { operation, failure, examples } = collectExamples(app, "");
  const notes = "/v2/tickets/notes";
  const note = `${notes}/{note-id}`;
  const attachments = "/v2/tickets/note-attachments";
  const key = specialist;
  await operation("listNotes", { path: notes, parameters: { limit: 2, offset: 0, ticket_id: norvik }, key });
  const write = {
    categories: ["post-scan"],
    is_public: true,
    ticket_id: norvik,
    value: "Cleared the fault codes and drove 12 km: none came back.",
  };
  const added = await operation("addNote", { method: "POST", path: notes, body: write, key });
  const id = (added.body as { id: string }).id;
  const parameters = { "note-id": id };
  const etag = added.headers.get("etag") ?? "";
  // Of the demo data, so that it can be tried.
  await operation("getNote", { path: note, parameters: { "note-id": marits }, key });
  const changed = { ...write, value: "Cleared the fault codes and drove 40 km: none came back." };
  await operation("updateNote", { method: "PUT", path: note, parameters, body: changed, key });
  const file = { filename: "post-scan.pdf", note_id: id };
  await operation("addNoteAttachment", { method: "POST", path: attachments, body: file, key });
  await operation("listNoteAttachments", { path: attachments, parameters: { limit: 25, offset: 0, note_id: marits }, key });
  await operation("getNoteAttachment", {
    path: `${attachments}/{note-id}/{filename}`,
    parameters: { "note-id": marits, filename: "taxi14-dashboard.jpg" },
    key,
  });

  await failure("BadRequest", 400, { path: notes, parameters: { limit: 2_000, ticket_id: norvik }, key });
  await failure("Unauthorized", 401, { path: notes, parameters: { ticket_id: norvik } });
  const internal = { ...write, is_public: false };
  await failure("Forbidden", 403, { method: "POST", path: notes, body: internal, key: customer });
  const absent = "01970000-0000-7000-8000-000000000000";
  await failure("NotFound", 404, { path: note, parameters: { "note-id": absent }, key });
  const stale = { "if-match": etag };
  await failure("PreconditionFailed", 412, { method: "PUT", path: note, parameters, body: changed, key, headers: stale });
  const long = JSON.stringify({ ...write, value: "x".repeat(1_100_000) });
  await failure("ContentTooLarge", 413, { method: "POST", path: notes, body: long, key });
  const xml = { "content-type": "application/xml" };
  await failure("UnsupportedMediaType", 415, { method: "POST", path: notes, body: "<note/>", key, headers: xml });
  const sentKey = { "idempotency-key": "b9d5ae5b-6f63-4a40-9a6a-0e8a4f0cf1a1" };
  await send(app, { method: "POST", path: notes, body: write, key, headers: sentKey });
  const otherwise = { method: "POST", path: notes, body: changed, key, headers: sentKey } as const;
  await failure("UnprocessableContent", 422, otherwise);
  const putting = { method: "PUT", path: note, parameters, body: { ...changed, value: "Once." }, key } as const;
  const secondKey = { "idempotency-key": "b9d5ae5b-6f63-4a40-9a6a-0e8a4f0cf1a2" };
  await whileInFlight(
    app,
    { table: "notes", id },
    () => send(app, { ...putting, headers: secondKey }),
    () => failure("Conflict", 409, { ...putting, headers: secondKey }),
  );
  await operation("deleteNote", { method: "DELETE", path: note, parameters, key });
  const large = { path: notes, parameters: { limit: 1_000, ticket_id: norvik }, key: customer };
  await useUp(app, large);
  await failure("TooManyRequests", 429, large);
  return examples();
}

/** Asks a gateway with the demo data the examples of /v1. Throws if one is answered otherwise than it should be. */
export async function askV1(app: TestApp, { outsider, specialist }: DemoKeys): Promise<Examples> {
  const { operation, failure, examples } = collectExamples(app, "/v1");
  const key = specialist;
  const page = { per_page: 2, page: 1 };
  const read = (id: string, path: string, parameters: ExampleRequest["parameters"] = {}) =>
    operation(id, { path, parameters, key });
  await read("getRoot", "/");
  await read("getRateLimit", "/rate_limit");
  const me = (await read("getMe", "/me")).body as { id: number };
  await read("getPeopleMe", "/people/me");
  await read("getAccount", "/account");
  await read("listPeople", "/people", page);
  await read("getPerson", "/people/{id}", { id: String(me.id) });
  await read("listTeams", "/people/{id}/teams", { id: String(me.id) });
  await read("search", "/search", { q: "gearbox", per_page: 2 });
  const notes = (await read("listNotes", "/notes", page)).body as { id: number }[];
  await read("listPublicNotes", "/notes/public", page);
  await read("listInternalNotes", "/notes/internal", page);
  await read("getNote", "/notes/{id}", { id: String(notes[0]?.id) });
  const listed = (await read("listRecords", "/{records}", { records: "requests", ...page })).body as { id: number }[];
  const record = { records: "requests", id: String(listed[0]?.id) };
  await read("listOpenRecords", "/{records}/open", { records: "requests", ...page });
  await read("listCompletedRecords", "/{records}/completed", { records: "requests", ...page });
  await read("listFinishedTasks", "/tasks/finished", page);
  await read("listFinishedProjectTasks", "/project_tasks/finished", page);
  await read("listActiveProblems", "/problems/active", page);
  await read("listSolvedProblems", "/problems/solved", page);
  await read("listClosedRisks", "/risks/closed", page);
  await read("getRecord", "/{records}/{id}", record);
  await read("listNotesOfRecord", "/{records}/{id}/notes", { ...record, ...page });
  await read("listPublicNotesOfRecord", "/{records}/{id}/notes/public", { ...record, ...page });
  await read("listInternalNotesOfRecord", "/{records}/{id}/notes/internal", { ...record, ...page });
  await read("offerStorage", "/attachments/storage");
  const text = "Cleared the fault codes and drove 12 km: none came back.";
  const adding = { method: "POST", path: "/{records}/{id}/notes", parameters: record, key } as const;
  await operation("addNote", { ...adding, body: { text, internal: false } });
  const opening = { subject: "Kestrel hatchback: the engine lamp is on again", note: "It came on this morning." };
  await operation("openRequest", { method: "POST", path: "/requests", body: opening, key });
  const changing = { method: "PATCH", path: "/{records}/{id}", parameters: record, key } as const;
  await operation("updateRecord", { ...changing, body: { status: "in_progress", internal_note: text } });

  await failure("BadRequest", 400, { path: "/notes", parameters: { per_page: 0 }, key });
  await failure("Unauthorized", 401, { path: "/me" });
  await failure("Forbidden", 403, { ...adding, body: { text, internal: true, medium: "system" } });
  await failure("NotFound", 404, { path: "/notes/{id}", parameters: { id: 2_147_483_647 }, key });
  await failure("NotAcceptable", 406, { path: "/notes", key, headers: { accept: "application/xml" } });
  await failure("ContentTooLarge", 413, { ...adding, body: { text: "x".repeat(1_100_000) } });
  await failure("ValidationFailed", 422, { ...adding, body: { text: "", colour: "red" } });
  const { id } = await app.database.prisma.ticket.findFirstOrThrow({ where: { number: Number(record.id) } });
  const keyed = {
    ...changing,
    body: { subject: text },
    headers: { "idempotency-key": "5d0f6a3e-6b0e-4f1c-9a53-0c7f3f2b8e11" },
  };
  await whileInFlight(
    app,
    { table: "tickets", id },
    () => send(app, { ...keyed, path: `/v1${keyed.path}` }),
    () => failure("Conflict", 409, keyed),
  );
  const list = { path: "/notes", parameters: { per_page: 100 }, key: outsider };
  await useUp(app, { ...list, path: `/v1${list.path}` });
  await failure("TooManyRequests", 429, list);
  return examples();
}
