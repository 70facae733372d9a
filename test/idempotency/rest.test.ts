import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { v7 as uuidv7 } from "uuid";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, keyWith, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket } from "../support/factories.ts";
import { offerStorage, uploadFile } from "../support/upload-form.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp({ corsOrigins: ["https://desk.example.com"] });
  account = await addAccount(app);
});
beforeEach(async () => {
  ticket = await addTicket(app, account, { requester: account.customer });
});
afterAll(() => app.close());

const ask = (method: string, path: string, body: unknown, idempotencyKey: string, headers: Record<string, string> = {}) =>
  call(app, account.specialist.key, method, path, body, { "idempotency-key": idempotencyKey, ...headers });
const notesOf = ({ id: ticketId }: Ticket) =>
  app.database.prisma.note.findMany({ where: { ticketId }, orderBy: { number: "asc" } });
const replayed = ({ headers }: { headers: Headers }) => headers.get("idempotent-replayed");
const newNote = (value = "Once") => ({ ticket_id: ticket.id, value, is_public: true });

test("POST on /v2 adds one note under a key, also in quotes, and says that it is a replay", async () => {
  const key = uuidv7();
  const first = await ask("POST", "/v2/tickets/notes", newNote(), key);
  expect([first.status, replayed(first)]).toEqual([201, null]);
  const again = await ask("POST", "/v2/tickets/notes", newNote(), `"${key}"`);
  expect([again.status, replayed(again), again.body]).toEqual([201, "true", first.body]);
  expect(again.headers.get("etag")).toBe(first.headers.get("etag"));
  expect(await notesOf(ticket)).toHaveLength(1);
});

test("PUT and DELETE on /v2 come before their preconditions", async () => {
  const note = await addNote(app, ticket, account.specialist, { text: "Before" });
  const path = `/v2/tickets/notes/${note.id}`;
  const tag = (await call(app, account.specialist.key, "GET", path)).headers.get("etag") ?? "";
  const [putting, deleting] = [uuidv7(), uuidv7()];
  const put = () => ask("PUT", path, newNote("After"), putting, { "if-match": tag });
  expect((await put()).status).toBe(200);
  expect([(await put()).status, replayed(await put())]).toEqual([200, "true"]);
  const changed = (await call(app, account.specialist.key, "GET", path)).headers.get("etag") ?? "";
  const remove = () => ask("DELETE", path, undefined, deleting, { "if-match": changed });
  expect([(await remove()).status, (await remove()).status, replayed(await remove())]).toEqual([204, 204, "true"]);
  expect((await put()).status).toBe(404);
});

test("a file is requested under a key on /v2, with a new URL each time", async () => {
  const note = await addNote(app, ticket, account.specialist);
  const key = uuidv7();
  const request = () => ask("POST", "/v2/tickets/note-attachments", { note_id: note.id, filename: "a.txt" }, key);
  const [first, again] = [await request(), await request()];
  expect([first.status, again.status, replayed(again)]).toEqual([200, 200, "true"]);
  expect(await app.database.prisma.upload.count({ where: { accountId: account.id } })).toBe(1);
});

test("another body, path or method under a key is 422 on both APIs", async () => {
  const key = uuidv7();
  await ask("POST", "/v2/tickets/notes", newNote(), key);
  const other = await ask("POST", "/v2/tickets/notes", newNote("Other"), key);
  expect([other.status, other.headers.get("content-type")]).toEqual([422, "application/problem+json"]);
  expect(other.body).toMatchObject({ status: 422, detail: expect.stringContaining("another input") });
  await ask("POST", `/v1/requests/${ticket.number}/notes`, { text: "Once" }, key);
  const otherOfV1 = await ask("POST", `/v1/requests/${ticket.number}/notes`, { text: "Other" }, key);
  expect([otherOfV1.status, otherOfV1.body]).toEqual([422, { message: expect.stringContaining("another input") }]);
  expect(await notesOf(ticket)).toHaveLength(2);
});

test("a malformed key is 400 on both APIs, and a GET ignores it", async () => {
  for (const key of ["two words", "k".repeat(256), '"open', "a, b"]) {
    const answer = await ask("POST", "/v2/tickets/notes", newNote(), key);
    if (key !== '"open') expect([key, answer.status]).toEqual([key, 400]);
  }
  const v1 = await ask("POST", `/v1/requests/${ticket.number}/notes`, { text: "x" }, "two words");
  expect([v1.status, v1.body]).toEqual([400, { message: expect.stringContaining("1 to 255 visible ASCII") }]);
  expect((await ask("GET", `/v2/tickets/notes?ticket_id=${ticket.id}`, undefined, "two words")).status).toBe(200);
});

test("/v1 adds a note, opens a record and changes one once under a key each", async () => {
  const [adding, opening, changing] = [uuidv7(), uuidv7(), uuidv7()];
  const add = () => ask("POST", `/v1/requests/${ticket.number}/notes`, { text: "Once" }, adding);
  const added = await add();
  const addedAgain = await add();
  expect([addedAgain.status, addedAgain.body, replayed(addedAgain)]).toEqual([201, added.body, "true"]);
  expect(addedAgain.headers.get("location")).toBe(added.headers.get("location"));
  const open = () => ask("POST", "/v1/requests", { subject: "Once", note: "With a note" }, opening);
  const opened = await open();
  expect([opened.status, (await open()).body]).toEqual([201, opened.body]);
  const change = () =>
    ask("PATCH", `/v1/requests/${ticket.number}`, { subject: "Changed", internal_note: "Because" }, changing);
  const changed = await change();
  expect([changed.status, replayed(changed)]).toEqual([200, null]);
  const changedAgain = await change();
  expect([changedAgain.status, replayed(changedAgain), changedAgain.body]).toEqual([200, "true", changed.body]);
  expect((await notesOf(ticket)).map(({ text }) => text)).toEqual(["Once", "Because"]);
});

test("a file that a note of /v1 claims is not missing when the note is sent again", async () => {
  const { key } = await uploadFile(await offerStorage(app, account.specialist.key), "a.txt");
  const idempotencyKey = uuidv7();
  const body = { text: "With a file", attachments: [{ key }] };
  const add = () => ask("POST", `/v1/requests/${ticket.number}/notes`, body, idempotencyKey);
  const first = await add();
  expect(first.status).toBe(201);
  expect((await add()).body).toEqual(first.body);
  expect((await ask("POST", `/v1/requests/${ticket.number}/notes`, body, uuidv7())).status).toBe(422);
});

test("a replay needs the scopes of now", async () => {
  const key = uuidv7();
  await ask("POST", "/v2/tickets/notes", newNote(), key);
  const reading = await keyWith(app, account.specialist, ["tickets:read", "notes:read"]);
  const refused = await call(app, reading, "POST", "/v2/tickets/notes", newNote(), { "idempotency-key": key });
  expect([refused.status, replayed(refused)]).toEqual([403, null]);
});

test("in flight is 409 with a time to wait on both APIs", async () => {
  const note = await addNote(app, ticket, account.specialist, { text: "Before" });
  const [v2Key, v1Key] = [uuidv7(), uuidv7()];
  const put = () => ask("PUT", `/v2/tickets/notes/${note.id}`, newNote("After"), v2Key);
  const patch = () => ask("PATCH", `/v1/requests/${ticket.number}`, { subject: "After" }, v1Key);
  const blocker = await app.database.pool.connect();
  try {
    await blocker.query("BEGIN");
    await blocker.query("SELECT FROM tickets WHERE account_id = $1 AND id = $2 FOR UPDATE", [account.id, ticket.id]);
    await blocker.query("SELECT FROM notes WHERE account_id = $1 AND id = $2 FOR UPDATE", [account.id, note.id]);
    const first = [put(), patch()];
    const held = async () => {
      const { rows } = await app.database.pool.query(
        "SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()",
      );
      return rows.length;
    };
    await expect.poll(held, { timeout: 10_000 }).toBeGreaterThan(1);
    for (const answer of [await put(), await patch()]) {
      expect([answer.status, answer.headers.get("retry-after")]).toEqual([409, "1"]);
      expect(JSON.stringify(answer.body)).toContain("still being answered");
    }
    await blocker.query("COMMIT");
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200]);
  } finally {
    blocker.release();
  }
});

test("scripts of other origins may send the key and read that it is a replay", async () => {
  const origin = "https://desk.example.com";
  const preflight = await fetch(`${app.url}/v2/tickets/notes`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "idempotency-key, if-match" },
  });
  expect(preflight.headers.get("access-control-allow-headers")).toContain("idempotency-key");
  const answer = await ask("POST", "/v2/tickets/notes", newNote(), uuidv7(), { origin });
  expect(answer.headers.get("access-control-expose-headers")).toContain("idempotent-replayed");
});

test("a path with and without .json is one operation of /v1, so its key is known with another path", async () => {
  const key = uuidv7();
  expect((await ask("POST", `/v1/requests/${ticket.number}/notes`, { text: "Once" }, key)).status).toBe(201);
  expect((await ask("POST", `/v1/requests/${ticket.number}/notes.json`, { text: "Once" }, key)).status).toBe(422);
  expect(await notesOf(ticket)).toHaveLength(1);
});

test("who may only write is told of what they have written, also again", async () => {
  const writing = await keyWith(app, account.specialist, ["tickets:read", "notes:write"]);
  const key = uuidv7();
  const add = () => call(app, writing, "POST", "/v2/tickets/notes", newNote(), { "idempotency-key": key });
  const first = await add();
  expect(first.status).toBe(201);
  expect((await add()).body).toEqual(first.body);
  const adding = uuidv7();
  const addOnV1 = () =>
    call(app, writing, "POST", `/v1/requests/${ticket.number}/notes`, { text: "x" }, { "idempotency-key": adding });
  expect([(await addOnV1()).status, (await addOnV1()).status]).toEqual([201, 201]);
});
