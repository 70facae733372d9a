import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, keyWith, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket, at, statementsOf } from "../support/factories.ts";

let app: TestApp;
let account: TestAccount;
let other: TestAccount;
let ticket: Ticket;
let open: Note;
let internal: Note;

beforeAll(async () => {
  app = await startApp();
  [account, other] = [await addAccount(app), await addAccount(app)];
  ticket = await addTicket(app, account, { requester: account.customer });
  open = await addNote(app, ticket, account.specialist, { text: "Wheels", categories: ["POST_SCAN"], createdAt: at(1) });
  internal = await addNote(app, ticket, account.specialist, { isPublic: false });
});
afterAll(() => app.close());

const get = (key: string | undefined, id: string, headers?: Record<string, string>) =>
  call(app, key, "GET", `/v2/tickets/notes/${id}`, undefined, headers);

test("a note is read by its id, in small letters or capitals", async () => {
  for (const id of [open.id, open.id.toUpperCase()]) {
    const { status, body } = await get(account.specialist.key, id);
    expect(status).toBe(200);
    expect(body).toEqual({
      id: open.id,
      author_id: account.specialist.id,
      author_name: "Sam Specialist",
      categories: ["post-scan"],
      created_at: "2026-01-01T00:00:01.000Z",
      is_public: true,
      ticket_id: ticket.id,
      updated_at: null,
      value: "Wheels",
    });
  }
});

test.each([
  ["1500 characters", "🔩".repeat(1500), "🔩".repeat(1500)],
  ["1501 characters", "🔩".repeat(1501), `${"🔩".repeat(1499)}…`],
  ["65,536 bytes", "x".repeat(65_536), `${"x".repeat(1499)}…`],
])("a text of %s is shown within the bound", async (_name, text, value) => {
  const note = await addNote(app, ticket, account.specialist, { text });
  expect((await get(account.specialist.key, note.id)).body).toMatchObject({ value });
});

test("a note that is missing, internal, another's or foreign is one answer, to the byte", async () => {
  const missing = await get(account.specialist.key, randomUUID());
  expect(missing.status).toBe(404);
  const attempts = [
    get(account.customer.key, internal.id),
    get(account.otherCustomer.key, open.id),
    get(other.administrator.key, open.id),
    get(other.specialist.key, internal.id),
    get(await keyWith(app, account.specialist, ["tickets:read", "notes:read"]), internal.id),
  ];
  for (const { status, body } of await Promise.all(attempts)) expect([status, body]).toEqual([404, missing.body]);
  expect((await get(account.customer.key, open.id)).status).toBe(200);
  expect((await get(account.administrator.key, internal.id)).status).toBe(200);
});

test.each([
  ["a number", "42"],
  ["a URN", `urn:uuid:${randomUUID()}`],
  ["a UUID in braces", `%7B${randomUUID()}%7D`],
  ["a UUID and more", `${randomUUID()}0`],
  ["a UUID with a line after it", `${randomUUID()}%0A`],
  ["a NUL", "%00"],
  ["what is no UTF-8", "%ff"],
  ["a path", "..%2Fnotes"],
  ["SQL", "'%20OR%201=1--"],
  ["long", "x".repeat(1_999)],
])("an id that is %s is refused", async (_name, id) => {
  const { status, body } = await get(account.specialist.key, id);
  expect([status, (body as { status: number }).status]).toEqual([400, 400]);
});

test("an id that is no percent-encoding at all is refused as a problem", async () => {
  expect((await get(account.specialist.key, "%ZZ")).status).toBe(400);
});

test("an id that is longer than any is refused as a problem", async () => {
  expect((await get(account.specialist.key, "x".repeat(5_000))).status).toBeGreaterThanOrEqual(400);
});

test("without a credential, or without notes:read, there is no note", async () => {
  expect((await get(undefined, open.id)).status).toBe(401);
  expect((await get(await keyWith(app, account.specialist, ["tickets:read"]), open.id)).status).toBe(403);
});

test("clients that send a Content-Type with nothing behind it are served", async () => {
  for (const type of ["application/json", "application/json; charset=utf-8", "text/plain", "nonsense"]) {
    expect((await get(account.specialist.key, open.id, { "content-type": type })).status).toBe(200);
  }
});

test("an answer is its client's alone to keep, and nobody's to change", async () => {
  expect((await get(account.specialist.key, open.id)).headers.get("cache-control")).toBe("private, no-transform");
});

test("a note and its author take one statement", async () => {
  expect(await statementsOf(app, () => get(account.specialist.key, open.id))).toHaveLength(1);
});
