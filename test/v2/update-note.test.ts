import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, keyWith, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket, at, statementsOf } from "../support/factories.ts";

let app: TestApp;
let account: TestAccount;
let other: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
  [account, other] = [await addAccount(app), await addAccount(app)];
  ticket = await addTicket(app, account, { requester: account.customer });
});
afterAll(() => app.close());

const put = (key: string | undefined, id: string, body: unknown, headers?: Record<string, string>) =>
  call(app, key, "PUT", `/v2/tickets/notes/${id}`, body, headers);
const write = (fields: object = {}) => ({ ticket_id: ticket.id, value: "After", ...fields });
const noteOf = (author = account.specialist, given: Parameters<typeof addNote>[3] = {}) =>
  addNote(app, ticket, author, { text: "Before", categories: ["PRE_SCAN"], createdAt: at(1), ...given });
const stored = (note: Note) => app.database.prisma.note.findFirstOrThrow({ where: { id: note.id } });

async function expectUntouched(note: Note, work: () => ReturnType<typeof put>): ReturnType<typeof put> {
  const answer = await work();
  expect(await stored(note)).toEqual(note);
  return answer;
}

test("a note is replaced, and says when", async () => {
  const note = await noteOf();
  app.time.now = new Date("2026-08-01T00:00:00.5Z");
  const { status, body } = await put(
    account.specialist.key,
    note.id.toUpperCase(),
    write({ categories: ["post-scan"], is_public: true }),
  );
  app.time.now = undefined;
  expect(status).toBe(200);
  expect(body).toEqual({
    id: note.id,
    author_id: account.specialist.id,
    author_name: "Sam Specialist",
    categories: ["post-scan"],
    created_at: "2026-01-01T00:00:01.000Z",
    is_public: true,
    ticket_id: ticket.id,
    updated_at: "2026-08-01T00:00:00.500Z",
    value: "After",
  });
  expect(await call(app, account.specialist.key, "GET", `/v2/tickets/notes/${note.id}`)).toMatchObject({ body });
});

test("what is left out is replaced by its default, not kept", async () => {
  const note = await noteOf();
  expect((await put(account.specialist.key, note.id, write())).body).toMatchObject({
    is_public: false,
    categories: [],
    value: "After",
  });
});

test("the author stays who it was", async () => {
  const note = await noteOf(account.administrator);
  const { body } = await put(account.specialist.key, note.id, write({ author_id: account.specialist.id }));
  expect(body).toMatchObject({ author_id: account.administrator.id });
});

test("another ticket than the note's own is refused, one that exists as one that does not", async () => {
  const elsewhere = await addTicket(app, account);
  for (const ticket_id of [elsewhere.id, randomUUID()]) {
    const note = await noteOf();
    const { status, body } = await expectUntouched(note, () => put(account.specialist.key, note.id, write({ ticket_id })));
    expect(status).toBe(400);
    expect(body).toMatchObject({ errors: [{ pointer: "#/ticket_id" }] });
  }
});

describe("a text that is longer than /v2 shows", () => {
  const text = `${"🚙".repeat(1499)}, and what /v2 never shows`;

  test("survives being read and written back as it was shown", async () => {
    const note = await noteOf(account.specialist, { text });
    const { body } = await call(app, account.specialist.key, "GET", `/v2/tickets/notes/${note.id}`);
    const { value } = body as { value: string };
    expect([...value]).toHaveLength(1500);
    const answer = await put(account.specialist.key, note.id, write({ value, is_public: true }));
    expect(answer.body).toMatchObject({ value, is_public: true, categories: [], updated_at: expect.any(String) });
    expect(await stored(note)).toMatchObject({ text, isPublic: true });
  });

  test("is replaced by anything else, one letter beside what was shown included", async () => {
    const note = await noteOf(account.specialist, { text });
    const value = `${"🚙".repeat(1498)}!…`;
    expect((await put(account.specialist.key, note.id, write({ value }))).status).toBe(200);
    expect((await stored(note)).text).toBe(value);
  });
});

test("an empty value is legal", async () => {
  const note = await noteOf();
  expect((await put(account.specialist.key, note.id, write({ value: "" }))).body).toMatchObject({ value: "" });
  expect((await stored(note)).text).toBe("");
});

test.each<[string, unknown]>([
  ["nothing", undefined],
  ["not JSON", "{"],
  ["an array", []],
  ["without a ticket", { value: "x" }],
  ["without a value", { ticket_id: randomUUID() }],
  ["with a ticket that is none", { ticket_id: "1", value: "x" }],
  ["with 1501 characters", { ticket_id: randomUUID(), value: "é".repeat(1501) }],
  ["with is_public as a string", { ticket_id: randomUUID(), value: "x", is_public: "false" }],
  ["with a category that is none", { ticket_id: randomUUID(), value: "x", categories: ["scan"] }],
])("a body that is %s is refused", async (_name, body) => {
  const note = await noteOf();
  expect((await expectUntouched(note, () => put(account.specialist.key, note.id, body))).status).toBe(400);
});

test.each([["\0"], ["\ud800"], ["\udfff x"]])("the value %j is refused", async (value) => {
  const note = await noteOf();
  const { status, body } = await expectUntouched(note, () => put(account.specialist.key, note.id, write({ value })));
  expect([status, body]).toMatchObject([400, { errors: [{ pointer: "#/value" }] }]);
});

test("an id that is none is refused, one that names nothing is not found", async () => {
  expect((await put(account.specialist.key, "42", write())).status).toBe(400);
  expect((await put(account.specialist.key, randomUUID(), write())).status).toBe(404);
});

describe("who may edit", () => {
  test("staff, every note of the account", async () => {
    for (const note of [await noteOf(account.customer), await noteOf(account.specialist, { isPublic: false })]) {
      expect((await put(account.administrator.key, note.id, write())).status).toBe(200);
    }
  });

  test("a customer, what they wrote, as long as it stays public", async () => {
    const [own, anothers] = [await noteOf(account.customer), await noteOf()];
    expect((await put(account.customer.key, own.id, write({ is_public: true }))).status).toBe(200);
    expect((await put(account.customer.key, own.id, write())).status).toBe(403);
    expect((await stored(own)).isPublic).toBe(true);
    expect(
      (await expectUntouched(anothers, () => put(account.customer.key, anothers.id, write({ is_public: true })))).status,
    ).toBe(403);
  });

  test("nobody who does not see it, and they get the answer of a note that is not there", async () => {
    const missing = await put(account.specialist.key, randomUUID(), write());
    const [open, internal] = [await noteOf(), await noteOf(account.specialist, { isPublic: false })];
    for (const [key, note] of [
      [account.customer.key, internal],
      [account.otherCustomer.key, open],
      [other.administrator.key, open],
      [other.specialist.key, internal],
    ] as const) {
      const { status, body } = await expectUntouched(note, () => put(key, note.id, write()));
      expect([status, body]).toEqual([404, missing.body]);
    }
  });

  test("nobody without a credential, or without notes:write", async () => {
    const note = await noteOf();
    expect((await expectUntouched(note, () => put(undefined, note.id, write()))).status).toBe(401);
    const narrow = await keyWith(app, account.specialist, ["tickets:read", "notes:read", "notes:internal"]);
    expect((await expectUntouched(note, () => put(narrow, note.id, write()))).status).toBe(403);
  });
});

test("editing a note takes its read, the update and its author", async () => {
  const note = await noteOf();
  expect(await statementsOf(app, () => put(account.specialist.key, note.id, write()))).toHaveLength(3);
});
