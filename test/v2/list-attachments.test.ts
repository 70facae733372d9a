import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, keyWith, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addAttachment, addNote, addTicket, at, statementsOf, upload } from "../support/factories.ts";

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
  for (const index of [3, 1, 2, 0, 4]) await addAttachment(app, note, `${index}.png`, { createdAt: at(index) });
});
afterAll(() => app.close());

const list = (key: string | undefined, query: string) => call(app, key, "GET", `/v2/tickets/note-attachments?${query}`);

async function page(key: string, query = "", noteId = note.id) {
  const { status, body } = await list(key, `note_id=${noteId}${query}`);
  expect(status).toBe(200);
  const { result, ...rest } = body as {
    query: object;
    result: { filename: string; note_id: string; signed_url: string }[];
    total: number;
  };
  return { names: result.map(({ filename }) => filename), result, ...rest };
}

test("a page has the note's attachments, oldest first, and echoes what was applied", async () => {
  const { names, result, ...rest } = await page(account.specialist.key);
  expect(names).toEqual(["0.png", "1.png", "2.png", "3.png", "4.png"]);
  expect(rest).toEqual({ query: { limit: 25, offset: 0, note_id: note.id }, total: 5 });
  expect(Object.keys(result[0]!).toSorted()).toEqual(["filename", "note_id", "signed_url"]);
  expect(result[0]!.note_id).toBe(note.id);
});

test("pages are cut by limit and offset", async () => {
  expect(await page(account.specialist.key, "&limit=2&offset=3")).toMatchObject({
    names: ["3.png", "4.png"],
    query: { limit: 2, offset: 3 },
    total: 5,
  });
  expect(await page(account.specialist.key, "&limit=0")).toMatchObject({ names: [], total: 5 });
  expect(await page(account.specialist.key, "&offset=5")).toMatchObject({ names: [], total: 5 });
  expect(await page(account.specialist.key, "&offset=9223372036854775807")).toMatchObject({ names: [], total: 5 });
});

test("an attachment is listed once its bytes have arrived, and its URL reads them", async () => {
  const own = await addNote(app, ticket, account.specialist);
  await call(app, account.specialist.key, "POST", "/v2/tickets/note-attachments", { note_id: own.id, filename: "awaited.txt" });
  expect(await page(account.specialist.key, "", own.id)).toMatchObject({ names: [], total: 0 });
  await upload(app, account.specialist.key, own.id, "awaited.txt", "here", "text/plain");
  const { result, total } = await page(account.specialist.key, "", own.id);
  expect(total).toBe(1);
  const download = await fetch(result[0]!.signed_url);
  expect([download.headers.get("content-type"), await download.text()]).toEqual(["text/plain", "here"]);
});

test("a note without attachments has an empty list", async () => {
  expect(await page(account.specialist.key, "", (await addNote(app, ticket, account.specialist)).id)).toMatchObject({
    names: [],
    total: 0,
  });
});

test.each([
  ["no note", "limit=1", "#/note_id"],
  ["a note that is none", "note_id=1", "#/note_id"],
  ["a URN", `note_id=urn:uuid:${randomUUID()}`, "#/note_id"],
  ["two notes", `note_id=${randomUUID()}&note_id=${randomUUID()}`, "#/note_id"],
  ["a limit above the largest", `note_id=${randomUUID()}&limit=1001`, "#/limit"],
  ["an offset below zero", `note_id=${randomUUID()}&offset=-1`, "#/offset"],
  ["a limit in hexadecimal", `note_id=${randomUUID()}&limit=0x10`, "#/limit"],
])("with %s there is no list", async (_name, query, pointer) => {
  const { status, body } = await list(account.specialist.key, query);
  expect([status, body]).toMatchObject([400, { errors: [{ pointer }] }]);
});

test("unknown parameters are not echoed as if they were applied", async () => {
  expect((await page(account.specialist.key, "&state=PENDING")).query).toEqual({ limit: 25, offset: 0, note_id: note.id });
});

test("whoever sees the note sees the list; to everybody else there is no such note", async () => {
  expect((await page(account.customer.key)).total).toBe(5);
  const missing = await list(account.specialist.key, `note_id=${randomUUID()}`);
  expect(missing.status).toBe(404);
  const internal = await addNote(app, ticket, account.specialist, { isPublic: false });
  for (const [key, id] of [
    [account.customer.key, internal.id],
    [account.otherCustomer.key, note.id],
    [other.administrator.key, note.id],
  ] as const) {
    const { status, body } = await list(key, `note_id=${id}`);
    expect([status, body]).toEqual([404, missing.body]);
  }
});

test("without a credential, or without attachments:read, there is no list", async () => {
  expect((await list(undefined, `note_id=${note.id}`)).status).toBe(401);
  const narrow = await keyWith(app, account.specialist, ["tickets:read", "notes:read", "attachments:write"]);
  expect((await list(narrow, `note_id=${note.id}`)).status).toBe(403);
});

test("the statements of a list do not grow with its rows", async () => {
  const cost = async (count: number) => {
    const own = await addNote(app, ticket, account.specialist);
    for (let index = 0; index < count; index++) await addAttachment(app, own, `${index}.png`);
    return (await statementsOf(app, () => list(account.specialist.key, `note_id=${own.id}`))).length;
  };
  expect([await cost(2), await cost(20)]).toEqual([1, 1]);
});
