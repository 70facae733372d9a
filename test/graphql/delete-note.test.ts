import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { graphql } from "../generated/gql.ts";
import { addAccount, keyWith, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket, globalId, statementsOf, upload } from "../support/factories.ts";

const DeleteNoteMutation = graphql(`
  mutation DeleteNote($input: DeleteNoteInput!) {
    deleteNote(input: $input) {
      __typename
      ... on DeleteNotePayload {
        deletedNoteId
        ticket {
          uuid
          notes {
            totalCount
          }
        }
      }
      ... on Error {
        code
        message
      }
      ... on InvalidInputError {
        fields {
          path
        }
      }
    }
  }
`);

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

async function remove(key: string | undefined, id: string) {
  const { data, errors } = await send(app, key, DeleteNoteMutation, { input: { id } });
  return { result: data?.deleteNote, errors };
}

const isThere = async (id: string) => (await app.database.prisma.note.count({ where: { id } })) === 1;

test("a note is gone, and its ticket's list is shorter by one", async () => {
  const own = await addTicket(app, account);
  const [kept, gone] = [await addNote(app, own, account.specialist), await addNote(app, own, account.specialist)];
  const { result } = await remove(account.specialist.key, globalId("Note", gone.id));
  expect(result).toEqual({
    __typename: "DeleteNotePayload",
    deletedNoteId: globalId("Note", gone.id),
    ticket: { uuid: own.id, notes: { totalCount: 1 } },
  });
  expect([await isThere(kept.id), await isThere(gone.id)]).toEqual([true, false]);
});

test("a second deletion finds nothing", async () => {
  const note = await addNote(app, ticket, account.specialist);
  await remove(account.specialist.key, note.id);
  expect((await remove(account.specialist.key, note.id)).result).toMatchObject({
    __typename: "NotFoundError",
    code: "NOT_FOUND",
  });
});

test("its attachments go with it, and their bytes are kept under keys that nobody knows", async () => {
  const note = await addNote(app, ticket, account.specialist);
  expect((await upload(app, account.specialist.key, note.id, "a.txt", "aaa", "text/plain")).status).toBe(200);
  expect((await upload(app, account.specialist.key, note.id, "b.txt", "bbb", "text/plain")).status).toBe(200);
  const objects = () =>
    readdirSync(app.filesDirectory, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".object"));
  const before = objects();
  expect((await remove(account.specialist.key, note.id)).result?.__typename).toBe("DeleteNotePayload");
  expect(await app.database.prisma.attachment.count({ where: { noteId: note.id } })).toBe(0);
  const after = objects();
  expect(after).toHaveLength(before.length);
  expect(before.filter((name) => !after.includes(name))).toHaveLength(2);
});

describe("who may delete", () => {
  test("every note of the account: staff", async () => {
    for (const { key } of [account.specialist, account.administrator]) {
      const note = await addNote(app, ticket, account.customer);
      expect((await remove(key, note.id)).result?.__typename).toBe("DeleteNotePayload");
    }
  });

  test("what they wrote: a customer; not what others wrote", async () => {
    const [own, anothers] = [await addNote(app, ticket, account.customer), await addNote(app, ticket, account.specialist)];
    expect((await remove(account.customer.key, own.id)).result?.__typename).toBe("DeleteNotePayload");
    expect((await remove(account.customer.key, anothers.id)).result).toMatchObject({
      __typename: "ForbiddenError",
      code: "FORBIDDEN",
    });
    expect(await isThere(anothers.id)).toBe(true);
  });

  test("nobody who does not see it, to whom it does not exist", async () => {
    const missing = await remove(account.specialist.key, randomUUID());
    const internal = await addNote(app, ticket, account.specialist, { isPublic: false });
    for (const { key } of [account.customer, account.otherCustomer, other.specialist, other.administrator]) {
      expect(await remove(key, internal.id)).toEqual(missing);
    }
    expect(await isThere(internal.id)).toBe(true);
  });

  test("nobody without a credential, or without notes:write", async () => {
    const note = await addNote(app, ticket, account.specialist);
    expect((await remove(undefined, note.id)).errors).toMatchObject([{ extensions: { code: "UNAUTHENTICATED" } }]);
    const narrow = await keyWith(app, account.specialist, ["tickets:read", "notes:read"]);
    expect((await remove(narrow, note.id)).result).toMatchObject({ __typename: "ForbiddenError" });
    expect(await isThere(note.id)).toBe(true);
  });
});

test.each([["1"], [""], [globalId("Ticket", randomUUID())], ["\ud800"]])("%j is not the id of a note", async (id) => {
  expect((await remove(account.specialist.key, id)).result).toMatchObject({
    __typename: "InvalidInputError",
    fields: [{ path: ["id"] }],
  });
});

test("deleting a note takes its read, the deletion, and what is asked of its ticket", async () => {
  const note = await addNote(app, ticket, account.specialist);
  expect(await statementsOf(app, () => remove(account.specialist.key, note.id))).toHaveLength(3);
});
