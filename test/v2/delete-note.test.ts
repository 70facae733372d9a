import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, keyWith, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket, statementsOf, upload } from "../support/factories.ts";

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

const remove = (key: string | undefined, id: string, body?: unknown, headers?: Record<string, string>) =>
  call(app, key, "DELETE", `/v2/tickets/notes/${id}`, body, headers);
const isThere = async ({ id }: Note) => (await app.database.prisma.note.count({ where: { id } })) === 1;

test("a note is deleted with an answer of nothing, and a second time it is not there", async () => {
  const note = await addNote(app, ticket, account.specialist);
  const { status, body } = await remove(account.specialist.key, note.id);
  expect([status, body]).toEqual([204, ""]);
  expect(await isThere(note)).toBe(false);
  const again = await remove(account.specialist.key, note.id);
  expect(again.status).toBe(404);
  expect(again.body).toEqual((await remove(account.specialist.key, randomUUID())).body);
});

test("its attachments go with it: their download URLs find nothing any more", async () => {
  const note = await addNote(app, ticket, account.specialist);
  await upload(app, account.specialist.key, note.id, "a.txt", "bytes", "text/plain");
  const { body } = await call(app, account.specialist.key, "GET", `/v2/tickets/note-attachments/${note.id}/a.txt`);
  const url = (body as { signed_url: string }).signed_url;
  expect(await (await fetch(url)).text()).toBe("bytes");
  await remove(account.specialist.key, note.id);
  await expect.poll(async () => (await fetch(url)).status).toBe(404);
  expect((await call(app, account.specialist.key, "GET", `/v2/tickets/note-attachments/${note.id}/a.txt`)).status).toBe(404);
});

test("of two deletions at once one deletes and the other finds nothing", async () => {
  const note = await addNote(app, ticket, account.specialist);
  const answers = await Promise.all([remove(account.specialist.key, note.id), remove(account.specialist.key, note.id)]);
  expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 404]);
});

test("clients send Content-Type: application/json with an empty body, or with some body", async () => {
  for (const body of [undefined, "", "{}"]) {
    const note = await addNote(app, ticket, account.specialist);
    expect((await remove(account.specialist.key, note.id, body)).status).toBe(204);
  }
});

test.each([["42"], [`urn:uuid:${randomUUID()}`], ["%00"]])("%s is not the id of a note", async (id) => {
  expect((await remove(account.specialist.key, id)).status).toBe(400);
});

describe("who may delete", () => {
  test("staff, every note of the account; a customer, what they wrote", async () => {
    const [ofStaff, ofCustomer, own] = [
      await addNote(app, ticket, account.specialist, { isPublic: false }),
      await addNote(app, ticket, account.customer),
      await addNote(app, ticket, account.customer),
    ];
    expect((await remove(account.administrator.key, ofStaff.id)).status).toBe(204);
    expect((await remove(account.specialist.key, ofCustomer.id)).status).toBe(204);
    expect((await remove(account.customer.key, own.id)).status).toBe(204);
  });

  test("not a customer what others wrote", async () => {
    const note = await addNote(app, ticket, account.specialist);
    expect((await remove(account.customer.key, note.id)).status).toBe(403);
    expect(await isThere(note)).toBe(true);
  });

  test("not who does not see it, who gets the answer of a note that is not there", async () => {
    const missing = await remove(account.specialist.key, randomUUID());
    const internal = await addNote(app, ticket, account.specialist, { isPublic: false });
    for (const { key } of [account.customer, account.otherCustomer, other.specialist, other.administrator]) {
      const { status, body } = await remove(key, internal.id);
      expect([status, body]).toEqual([404, missing.body]);
    }
    expect(await isThere(internal)).toBe(true);
  });

  test("not without a credential, or without notes:write", async () => {
    const note = await addNote(app, ticket, account.specialist);
    expect((await remove(undefined, note.id)).status).toBe(401);
    expect((await remove(await keyWith(app, account.specialist, ["tickets:read", "notes:read"]), note.id)).status).toBe(403);
    expect(await isThere(note)).toBe(true);
  });
});

test("deleting a note takes its read and the deletion, and two for its files, however many it has", async () => {
  const note = await addNote(app, ticket, account.specialist);
  for (const name of ["a", "b", "c"]) await upload(app, account.specialist.key, note.id, `${name}.txt`, name, "text/plain");
  expect(await statementsOf(app, () => remove(account.specialist.key, note.id))).toHaveLength(4);
});
