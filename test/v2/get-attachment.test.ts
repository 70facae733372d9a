import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, keyWith, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addAttachment, addNote, addTicket, statementsOf, upload } from "../support/factories.ts";

let app: TestApp;
let account: TestAccount;
let other: TestAccount;
let ticket: Ticket;
let note: Note;

beforeAll(async () => {
  app = await startApp();
  [account, other] = [await addAccount(app), await addAccount(app)];
  ticket = await addTicket(app, account, { requester: account.customer });
  note = await addNote(app, ticket, account.specialist);
  expect((await upload(app, account.specialist.key, note.id, "log.txt", "0123456789", "text/plain")).status).toBe(200);
});
afterAll(() => app.close());

const get = (key: string | undefined, id: string, filename: string) =>
  call(app, key, "GET", `/v2/tickets/note-attachments/${id}/${filename}`);

test("an attachment says where to read it, for 8 hours", async () => {
  app.time.now = new Date("2026-09-01T00:00:00Z");
  try {
    const { status, body } = await get(account.specialist.key, note.id.toUpperCase(), "log.txt");
    expect(status).toBe(200);
    expect(body).toEqual({ filename: "log.txt", note_id: note.id, signed_url: expect.stringMatching(`^${app.url}/files/`) });
    const { signed_url: url } = body as { signed_url: string };
    app.time.now = new Date("2026-09-01T07:59:59Z");
    expect(await (await fetch(url)).text()).toBe("0123456789");
    app.time.now = new Date("2026-09-01T08:00:00Z");
    expect((await fetch(url)).status).toBe(403);
  } finally {
    app.time.now = undefined;
  }
});

test("a download honours a range, and its URL is good for no upload", async () => {
  const { body } = await get(account.specialist.key, note.id, "log.txt");
  const { signed_url: url } = body as { signed_url: string };
  const part = await fetch(url, { headers: { range: "bytes=2-5" } });
  expect([part.status, part.headers.get("content-range"), await part.text()]).toEqual([206, "bytes 2-5/10", "2345"]);
  expect((await fetch(url, { method: "PUT", body: "x", headers: { "content-type": "text/plain" } })).status).toBe(403);
});

test("one whose bytes have not arrived is not there", async () => {
  await call(app, account.specialist.key, "POST", "/v2/tickets/note-attachments", {
    note_id: note.id,
    filename: "awaited.txt",
  });
  const awaited = await get(account.specialist.key, note.id, "awaited.txt");
  const missing = await get(account.specialist.key, note.id, "missing.txt");
  expect([awaited.status, awaited.body]).toEqual([404, missing.body]);
});

test("of a note that is missing, internal, another's or foreign is one answer", async () => {
  const internal = await addNote(app, ticket, account.specialist, { isPublic: false });
  await addAttachment(app, internal, "log.txt");
  const missing = await get(account.specialist.key, randomUUID(), "log.txt");
  expect(missing.status).toBe(404);
  for (const [key, id] of [
    [account.customer.key, internal.id],
    [account.otherCustomer.key, note.id],
    [other.administrator.key, note.id],
  ] as const) {
    const { status, body } = await get(key, id, "log.txt");
    expect([status, body]).toEqual([404, missing.body]);
  }
  expect((await get(account.customer.key, note.id, "log.txt")).status).toBe(200);
});

test.each([
  ["a NUL", "%00"],
  ["a NUL in the middle", "log%00.txt"],
  ["a slash", "..%2Flog.txt"],
  ["a backslash", "..%5Clog.txt"],
  ["a line", "log.txt%0D%0A"],
  ["another case", "LOG.TXT"],
  ["a space behind", "log.txt%20"],
  ["a thousand characters", "x".repeat(1_000)],
  ["LIKE's wildcard", "%25"],
])("a name with %s names nothing, and does no harm", async (_name, filename) => {
  expect((await get(account.specialist.key, note.id, filename)).status).toBe(404);
});

test("a name that is no UTF-8 is a problem of the request", async () => {
  for (const name of ["%ff.txt", "caf%E9.txt", "%c3"]) {
    const { status, body } = await get(account.specialist.key, note.id, name);
    expect([status, body]).toEqual([400, expect.objectContaining({ detail: "The filename is not UTF-8." })]);
    expect((await get(undefined, note.id, name)).status).toBe(401);
  }
  const { status, body } = await get(account.specialist.key, note.id, `${"x".repeat(3_000)}.txt`);
  expect([status, body]).toEqual([
    400,
    expect.objectContaining({ detail: "The filename must have at most 255 bytes as UTF-8." }),
  ]);
});

test("an id that is none is refused", async () => {
  for (const id of ["1", `urn:uuid:${randomUUID()}`, "%00"])
    expect((await get(account.specialist.key, id, "log.txt")).status).toBe(400);
});

test("without a credential, or without attachments:read, there is no attachment", async () => {
  expect((await get(undefined, note.id, "log.txt")).status).toBe(401);
  const narrow = await keyWith(app, account.specialist, ["tickets:read", "notes:read", "attachments:write"]);
  expect((await get(narrow, note.id, "log.txt")).status).toBe(403);
});

test("an attachment is one statement", async () => {
  expect(await statementsOf(app, () => get(account.specialist.key, note.id, "log.txt"))).toHaveLength(1);
});
