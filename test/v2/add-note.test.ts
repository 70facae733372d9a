import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, keyWith, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addTicket, statementsOf } from "../support/factories.ts";

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

const add = (key: string | undefined, body: unknown, headers?: Record<string, string>) =>
  call(app, key, "POST", "/v2/tickets/notes", body, headers);
const note = (fields: object = {}) => ({ ticket_id: ticket.id, value: "Pre-scan: 3 codes.", ...fields });
const noteCount = () => app.database.prisma.note.count({ where: { accountId: { in: [account.id, other.id] } } });

async function expectNothingAdded(work: () => ReturnType<typeof add>): ReturnType<typeof add> {
  const before = await noteCount();
  const answer = await work();
  expect(await noteCount()).toBe(before);
  return answer;
}

test("a note is added, its author the credential's person, whatever the body says", async () => {
  app.time.now = new Date("2026-07-01T12:00:00.001Z");
  const { status, body } = await add(
    account.specialist.key,
    note({ categories: ["post-scan"], is_public: true, author_id: account.administrator.id, author_name: "Root" }),
  );
  app.time.now = undefined;
  expect(status).toBe(201);
  expect(body).toEqual({
    id: expect.any(String),
    author_id: account.specialist.id,
    author_name: "Sam Specialist",
    categories: ["post-scan"],
    created_at: "2026-07-01T12:00:00.001Z",
    is_public: true,
    ticket_id: ticket.id,
    updated_at: null,
    value: "Pre-scan: 3 codes.",
  });
});

test("what is left out has its default: internal, and without categories", async () => {
  expect((await add(account.specialist.key, note())).body).toMatchObject({ is_public: false, categories: [] });
});

test("fields that a note does not have are ignored", async () => {
  const extra = {
    id: randomUUID(),
    created_at: "1999-01-01T00:00:00Z",
    updated_at: "x",
    medium: "SYSTEM",
    nested: { deep: [1] },
    constructor: 1,
  };
  const { status, body } = await add(account.specialist.key, note(extra));
  expect(status).toBe(201);
  expect(body).not.toMatchObject({ id: extra.id });
  expect(body).not.toMatchObject({ created_at: extra.created_at });
  const row = await app.database.prisma.note.findFirstOrThrow({ where: { id: (body as { id: string }).id } });
  expect(row.medium).toBe("DEFAULT");
});

test("__proto__ in a body is a field like any other that a note does not have", async () => {
  const { status, body } = await add(
    account.specialist.key,
    `{"__proto__":{"is_public":true},"ticket_id":"${ticket.id}","value":"x"}`,
  );
  expect([status, (body as { is_public: boolean }).is_public]).toEqual([201, false]);
});

test("categories are kept once each, in their own order", async () => {
  const { body } = await add(account.specialist.key, note({ categories: ["post-scan", "pre-scan", "post-scan"] }));
  expect(body).toMatchObject({ categories: ["pre-scan", "post-scan"] });
});

test.each([
  ["an empty value", ""],
  ["1500 letters", "x".repeat(1500)],
  ["1500 emoji, each of two UTF-16 units", "🔧".repeat(1500)],
  ["line endings and spaces", " \r\n\t \u2028 "],
  ["control characters", "\u0001\u001f\u007f"],
  ["a combining family", "👨‍👩‍👧‍👦é"],
])("%s is taken and stored untouched", async (_name, value) => {
  const { status, body } = await add(account.specialist.key, note({ value }));
  expect(status).toBe(201);
  expect(body).toMatchObject({ value });
  const row = await app.database.prisma.note.findFirstOrThrow({ where: { id: (body as { id: string }).id } });
  expect(row.text).toBe(value);
});

test("a UUID in capitals names the same ticket", async () => {
  expect((await add(account.specialist.key, note({ ticket_id: ticket.id.toUpperCase() }))).body).toMatchObject({
    ticket_id: ticket.id,
  });
});

test.each<[string, unknown, string]>([
  ["no ticket", { value: "x" }, "#/ticket_id"],
  ["no value", { ticket_id: randomUUID() }, "#/value"],
  ["a ticket that is a number", { ticket_id: 1, value: "x" }, "#/ticket_id"],
  ["a ticket that is null", { ticket_id: null, value: "x" }, "#/ticket_id"],
  ["a ticket that is a URN", { ticket_id: `urn:uuid:${randomUUID()}`, value: "x" }, "#/ticket_id"],
  ["a value that is a number", { ticket_id: randomUUID(), value: 5 }, "#/value"],
  ["a value that is null", { ticket_id: randomUUID(), value: null }, "#/value"],
  ["1501 letters", { ticket_id: randomUUID(), value: "x".repeat(1501) }, "#/value"],
  ["1501 emoji", { ticket_id: randomUUID(), value: "🔧".repeat(1501) }, "#/value"],
  ['is_public: "true"', { ticket_id: randomUUID(), value: "x", is_public: "true" }, "#/is_public"],
  ["is_public: 1", { ticket_id: randomUUID(), value: "x", is_public: 1 }, "#/is_public"],
  ["is_public: null", { ticket_id: randomUUID(), value: "x", is_public: null }, "#/is_public"],
  ["categories that are none", { ticket_id: randomUUID(), value: "x", categories: "pre-scan" }, "#/categories"],
  ["a category that is none", { ticket_id: randomUUID(), value: "x", categories: ["pre-scan", "PRE_SCAN"] }, "#/categories/1"],
  ["a category that is null", { ticket_id: randomUUID(), value: "x", categories: [null] }, "#/categories/0"],
])("%s is refused, and the problem points to it", async (_name, body, pointer) => {
  const { status, body: problem } = await expectNothingAdded(() => add(account.specialist.key, body));
  expect(status).toBe(400);
  expect((problem as { errors: object[] }).errors).toContainEqual(
    expect.objectContaining({ pointer, detail: expect.any(String) }),
  );
});

test("everything that is wrong is said at once", async () => {
  const { body } = await expectNothingAdded(() => add(account.specialist.key, { is_public: "no", categories: ["x"] }));
  const pointers = (body as { errors: { pointer: string }[] }).errors.map(({ pointer }) => pointer);
  expect(pointers.toSorted()).toEqual(["#/categories/0", "#/is_public", "#/ticket_id", "#/value"]);
});

test("a body with a hundred thousand mistakes gets a short answer", async () => {
  const { status, body } = await expectNothingAdded(() =>
    add(account.specialist.key, note({ categories: Array(100_000).fill("x") })),
  );
  expect(status).toBe(400);
  expect(JSON.stringify(body).length).toBeLessThan(20_000);
});

test.each([
  ["a NUL", "a\0b"],
  ["a lone high surrogate", "\ud83d"],
  ["a lone low surrogate", "x\udc00"],
])("a value with %s is refused", async (_name, value) => {
  const { status, body } = await expectNothingAdded(() => add(account.specialist.key, note({ value })));
  expect([status, body]).toEqual([400, expect.objectContaining({ errors: [expect.objectContaining({ pointer: "#/value" })] })]);
});

test.each([
  ["nothing", undefined],
  ["half an object", "{"],
  ["an array", "[]"],
  ["a string", '"note"'],
  ["a number", "1"],
  ["null", "null"],
  ["a comment", "/* */ {}"],
  ["JavaScript", "{ticket_id: 1}"],
  ["deep nesting", "[".repeat(100_000)],
])("a body that is %s is refused", async (_name, body) => {
  expect((await expectNothingAdded(() => add(account.specialist.key, body))).status).toBe(400);
});

test("a body that is not UTF-8 is refused", async () => {
  const before = await noteCount();
  const bytes = Buffer.concat([
    Buffer.from(`{"ticket_id":"${ticket.id}","value":"`),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('"}'),
  ]);
  const response = await fetch(`${app.url}/v2/tickets/notes`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": account.specialist.key },
    body: bytes,
  });
  expect([response.status, response.headers.get("content-type")]).toEqual([400, "application/problem+json"]);
  expect(await noteCount()).toBe(before);
});

test("a body of another type than JSON is refused", async () => {
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/xml",
    "nonsense",
  ]) {
    const { status } = await expectNothingAdded(() => add(account.specialist.key, note(), { "content-type": type }));
    expect([type, status]).toEqual([type, 415]);
  }
});

test("JSON with a charset, in any case, is JSON", async () => {
  expect((await add(account.specialist.key, note(), { "content-type": "Application/JSON; Charset=UTF-8" })).status).toBe(201);
});

test("a body of more than a mebibyte is refused", async () => {
  const { status } = await expectNothingAdded(() =>
    add(account.specialist.key, JSON.stringify(note({ extra: "x".repeat(1_048_576) }))),
  );
  expect(status).toBe(413);
});

describe("who may add", () => {
  test("staff, public and internal notes", async () => {
    for (const { key } of [account.specialist, account.administrator]) {
      for (const is_public of [true, false]) expect((await add(key, note({ is_public }))).status).toBe(201);
    }
  });

  test("the ticket's requester, public notes; internal ones they may not, also by leaving is_public out", async () => {
    expect((await add(account.customer.key, note({ is_public: true }))).status).toBe(201);
    expect((await expectNothingAdded(() => add(account.customer.key, note({ is_public: false })))).status).toBe(403);
    expect((await expectNothingAdded(() => add(account.customer.key, note()))).status).toBe(403);
  });

  test("nobody else: a ticket that is missing, foreign or another's is one answer", async () => {
    const missing = await add(account.specialist.key, note({ ticket_id: randomUUID(), is_public: true }));
    expect(missing.status).toBe(404);
    for (const { key } of [account.otherCustomer, other.specialist, other.administrator]) {
      const { status, body } = await expectNothingAdded(() => add(key, note({ is_public: true })));
      expect([status, body]).toEqual([404, missing.body]);
    }
  });

  test("nobody without a credential, or without notes:write", async () => {
    expect((await expectNothingAdded(() => add(undefined, note()))).status).toBe(401);
    const narrow = await keyWith(app, account.specialist, ["tickets:read", "notes:read", "notes:internal"]);
    expect((await expectNothingAdded(() => add(narrow, note()))).status).toBe(403);
  });

  test("nobody learns what is wrong with a body before saying who they are", async () => {
    expect((await add(undefined, "{")).status).toBe(401);
  });
});

test("adding a note takes one statement, and its author another", async () => {
  expect(await statementsOf(app, () => add(account.specialist.key, note()))).toHaveLength(2);
});
