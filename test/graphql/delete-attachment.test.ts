import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { graphql } from "../generated/gql.ts";
import { addAccount, call, keyWith, send, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addAttachment, addNote, addTicket, globalId, statementsOf, upload } from "../support/factories.ts";

const DeleteAttachmentMutation = graphql(`
  mutation DeleteAttachment($input: DeleteAttachmentInput!) {
    deleteAttachment(input: $input) {
      __typename
      ... on DeleteAttachmentPayload {
        deletedAttachmentId
        note {
          uuid
          attachments {
            totalCount
          }
        }
      }
      ... on Error {
        code
        message
      }
    }
  }
`);

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
});
afterAll(() => app.close());

async function remove(key: string | undefined, noteId: string, filename: string) {
  const { data, errors } = await send(app, key, DeleteAttachmentMutation, { input: { noteId, filename } });
  return { result: data?.deleteAttachment, errors };
}

const isThere = async (filename: string) =>
  (await app.database.prisma.attachment.count({ where: { noteId: note.id, filename } })) === 1;

test("an attachment is gone with its bytes, and its note stays with the others", async () => {
  const own = await addNote(app, ticket, account.specialist);
  for (const filename of ["gone.txt", "kept.txt"])
    await upload(app, account.specialist.key, own.id, filename, filename, "text/plain");
  const row = await app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: own.id, filename: "gone.txt" } });
  const { body } = await call(app, account.specialist.key, "GET", `/v2/tickets/note-attachments/${own.id}/gone.txt`);
  const url = (body as { signed_url: string }).signed_url;
  expect((await fetch(url)).status).toBe(200);

  const { result } = await remove(account.specialist.key, globalId("Note", own.id), "gone.txt");
  expect(result).toEqual({
    __typename: "DeleteAttachmentPayload",
    deletedAttachmentId: globalId("Attachment", row.id),
    note: { uuid: own.id, attachments: { totalCount: 1 } },
  });
  expect((await fetch(url)).status).toBe(404);
  expect((await remove(account.specialist.key, own.id, "gone.txt")).result).toMatchObject({ __typename: "NotFoundError" });
});

test("one that was never uploaded can be deleted, and its upload is refused from then on", async () => {
  const { body } = await call(app, account.specialist.key, "POST", "/v2/tickets/note-attachments", {
    note_id: note.id,
    filename: "never.txt",
  });
  expect((await remove(account.specialist.key, note.id, "never.txt")).result?.__typename).toBe("DeleteAttachmentPayload");
  const put = await fetch((body as { signed_url: string }).signed_url, {
    method: "PUT",
    headers: { "content-type": "text/plain" },
    body: "late",
  });
  expect(put.status).toBe(403);
});

describe("by its id", () => {
  const removeById = async (key: string, input: object) => {
    const query = `mutation ($input: DeleteAttachmentInput!) {
      deleteAttachment(input: $input) { __typename ... on DeleteAttachmentPayload { deletedAttachmentId note { uuid } } ... on Error { code } }
    }`;
    return (await sendText<{ deleteAttachment: object }>(app.url, key, query, { input })).data.deleteAttachment;
  };

  test("an attachment is deleted, and the same key does not delete again", async () => {
    const { id } = await addAttachment(app, note, "by-id.png");
    const input = { id: globalId("Attachment", id), idempotencyKey: randomUUID() };
    const deleted = { __typename: "DeleteAttachmentPayload", deletedAttachmentId: input.id, note: { uuid: note.id } };
    expect(await removeById(account.specialist.key, input)).toEqual(deleted);
    expect(await isThere("by-id.png")).toBe(false);
    expect(await removeById(account.specialist.key, input)).toEqual(deleted);
    expect(await removeById(account.specialist.key, { id })).toMatchObject({ code: "NOT_FOUND" });
  });

  test("a deletion that is sent again after its note is gone finds nothing", async () => {
    const own = await addNote(app, ticket, account.specialist);
    const { id } = await addAttachment(app, own, "before-the-note.png");
    const input = { id, idempotencyKey: randomUUID() };
    expect(await removeById(account.specialist.key, input)).toMatchObject({ __typename: "DeleteAttachmentPayload" });
    await app.database.prisma.note.delete({ where: { accountId_id: { accountId: account.id, id: own.id } } });
    expect(await removeById(account.specialist.key, input)).toMatchObject({ code: "NOT_FOUND" });
  });

  test("it is as hidden and as forbidden as by its name", async () => {
    const { id } = await addAttachment(app, note, "kept-by-id.png");
    const missing = await removeById(account.specialist.key, { id: randomUUID() });
    for (const { key } of [account.otherCustomer, other.specialist, other.administrator])
      expect(await removeById(key, { id })).toEqual(missing);
    expect(await removeById(account.customer.key, { id })).toMatchObject({ code: "FORBIDDEN" });
    expect(await isThere("kept-by-id.png")).toBe(true);
  });

  test.each([
    ["nothing", {}],
    ["a note alone", { noteId: randomUUID() }],
    ["a filename alone", { filename: "a.png" }],
    ["both", { id: randomUUID(), noteId: randomUUID(), filename: "a.png" }],
    ["the id of a note", { id: globalId("Note", randomUUID()) }],
  ])("%s names no attachment", async (_name, input) => {
    expect(await removeById(account.specialist.key, input)).toMatchObject({ code: "INVALID_INPUT" });
  });
});

test("a customer removes files from what they wrote, and from nothing else", async () => {
  const own = await addNote(app, ticket, account.customer);
  await addAttachment(app, own, "mine.png");
  await addAttachment(app, note, "theirs.png");
  expect((await remove(account.customer.key, own.id, "mine.png")).result?.__typename).toBe("DeleteAttachmentPayload");
  expect((await remove(account.customer.key, note.id, "theirs.png")).result).toMatchObject({
    __typename: "ForbiddenError",
    code: "FORBIDDEN",
  });
  expect(await isThere("theirs.png")).toBe(true);
});

test("who does not see the note is told that it does not exist", async () => {
  await addAttachment(app, note, "hidden.png");
  const missing = await remove(account.specialist.key, randomUUID(), "hidden.png");
  expect(missing.result).toMatchObject({ __typename: "NotFoundError", code: "NOT_FOUND" });
  for (const { key } of [account.otherCustomer, other.specialist, other.administrator]) {
    expect(await remove(key, note.id, "hidden.png")).toEqual(missing);
    expect(await remove(key, note.id, "not-even-there.png")).toEqual(missing);
  }
  expect(await isThere("hidden.png")).toBe(true);
});

test("without a credential, or without attachments:write, nothing is removed", async () => {
  await addAttachment(app, note, "safe.png");
  expect((await remove(undefined, note.id, "safe.png")).errors).toMatchObject([{ extensions: { code: "UNAUTHENTICATED" } }]);
  const narrow = await keyWith(app, account.administrator, [
    "tickets:read",
    "notes:read",
    "notes:write",
    "notes:internal",
    "attachments:read",
  ]);
  expect((await remove(narrow, note.id, "safe.png")).result).toMatchObject({ __typename: "ForbiddenError" });
  expect(await isThere("safe.png")).toBe(true);
});

test.each([["not-there.png"], ["a\0"], ["\ud800"], [""], ["../x"], ["x".repeat(100_000)]])(
  "a filename that names nothing finds nothing",
  async (filename) => {
    const { result, errors } = await remove(account.specialist.key, note.id, filename);
    expect(errors).toEqual([]);
    expect(["NotFoundError", "InvalidInputError"]).toContain(result?.__typename);
  },
);

test("deleting an attachment takes a bounded number of statements", async () => {
  await addAttachment(app, note, "counted.png");
  // The note, the attachment, the deletion, and the note of the answer with the number of its attachments.
  expect(await statementsOf(app, () => remove(account.specialist.key, note.id, "counted.png"))).toHaveLength(4);
});

test("a deletion does not wait for others who remove bytes", async () => {
  const own = await addNote(app, ticket, account.specialist);
  await upload(app, account.specialist.key, own.id, "gone.txt", "gone", "text/plain");
  const [locked, free] = [`${account.id}/${randomUUID()}`, `${account.id}/${randomUUID()}`];
  await app.database.prisma.discardedObject.createMany({
    data: [locked, free].map((storageKey) => ({ storageKey, discardedAt: new Date(0) })),
  });
  const left = async () => {
    const rows = await app.database.prisma.discardedObject.findMany({ where: { storageKey: { in: [locked, free] } } });
    return rows.map(({ storageKey }) => storageKey);
  };

  const remover = await app.database.pool.connect();
  try {
    await remover.query("BEGIN");
    await remover.query("SELECT FROM discarded_objects WHERE storage_key = $1 FOR UPDATE", [locked]);
    const { errors } = await remove(account.specialist.key, globalId("Note", own.id), "gone.txt");
    expect(errors).toEqual([]);
    expect(await left()).toEqual([locked]);
  } finally {
    await remover.query("ROLLBACK");
    remover.release();
  }

  await upload(app, account.specialist.key, own.id, "next.txt", "next", "text/plain");
  await remove(account.specialist.key, globalId("Note", own.id), "next.txt");
  expect(await left()).toEqual([]);
});
