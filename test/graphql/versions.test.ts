import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, NoteMedium, Ticket } from "#generated/prisma/client.ts";
import { graphql } from "../generated/gql.ts";
import type { DeleteNoteInput, UpdateNoteInput } from "../generated/graphql.ts";
import { addAccount, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket } from "../support/factories.ts";

const UpdateVersionMutation = graphql(`
  mutation UpdateVersion($input: UpdateNoteInput!) {
    updateNote(input: $input) {
      __typename
      ... on UpdateNotePayload {
        note {
          text
          version
          isEdited
          updatedAt
          editor {
            uuid
          }
          author {
            uuid
          }
        }
      }
      ... on NoteChangedError {
        code
        message
        current {
          text
          version
          viewerCanUpdate
        }
      }
      ... on Error {
        code
        message
      }
    }
  }
`);

const DeleteVersionMutation = graphql(`
  mutation DeleteVersion($input: DeleteNoteInput!) {
    deleteNote(input: $input) {
      __typename
      ... on NoteChangedError {
        current {
          version
        }
      }
    }
  }
`);

const VersionQuery = graphql(`
  query Version($id: ID!, $number: SafeInt!) {
    note(id: $id) {
      version
      isEdited
      editor {
        name
      }
      viewerCanUpdate
      viewerCanDelete
    }
    noteByNumber(number: $number) {
      uuid
      version
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

const noteOf = (author = account.specialist, given: Parameters<typeof addNote>[3] = {}) =>
  addNote(app, ticket, author, { text: "Before", isPublic: true, categories: ["PRE_SCAN"], ...given });

async function update(key: string, input: UpdateNoteInput) {
  const { data, errors } = await send(app, key, UpdateVersionMutation, { input });
  expect(errors).toEqual([]);
  return data?.updateNote;
}

async function remove(key: string, input: DeleteNoteInput) {
  return (await send(app, key, DeleteVersionMutation, { input })).data?.deleteNote;
}

async function read(key: string, { id, number }: Note) {
  return (await send(app, key, VersionQuery, { id, number })).data;
}

const stored = (note: Note) => app.database.prisma.note.findFirstOrThrow({ where: { id: note.id } });
const eventsOf = (note: Note) => app.database.prisma.auditEvent.count({ where: { entityId: note.id } });

test("a note begins with version 1 and without an editor; each change raises it and names who made it", async () => {
  const note = await noteOf(account.customer);
  const fresh = { version: 1, isEdited: false, editor: null, viewerCanUpdate: true, viewerCanDelete: true };
  expect(await read(account.customer.key, note)).toEqual({ note: fresh, noteByNumber: { uuid: note.id, version: 1 } });
  expect(await update(account.specialist.key, { id: note.id, text: "Theirs" })).toMatchObject({
    note: { version: 2, isEdited: true, editor: { uuid: account.specialist.id }, author: { uuid: account.customer.id } },
  });
  expect(await read(account.customer.key, note)).toMatchObject({
    note: { version: 2, isEdited: true, editor: { name: "Sam Specialist" } },
  });
  expect(await update(account.customer.key, { id: note.id, text: "Mine again" })).toMatchObject({
    note: { version: 3, editor: { uuid: account.customer.id } },
  });
});

test.each<[string, Partial<UpdateNoteInput>]>([
  ["nothing", {}],
  ["the same text", { text: "Before" }],
  ["all it has, in another order", { text: "Before", isPublic: true, categories: ["POST_SCAN", "PRE_SCAN", "POST_SCAN"] }],
])("an update with %s changes nothing: no version, time, editor or event", async (_name, input) => {
  const note = await noteOf(account.customer, { categories: ["PRE_SCAN", "POST_SCAN"] });
  const events = await eventsOf(note);
  expect(await update(account.specialist.key, { id: note.id, ...input })).toMatchObject({
    note: { version: 1, isEdited: false, updatedAt: null, editor: null },
  });
  expect(await stored(note)).toEqual(note);
  expect(await eventsOf(note)).toBe(events);
});

test("who changes it by hand raises the version too; a new requester of the ticket does not", async () => {
  const note = await noteOf();
  await app.database.prisma.note.updateMany({ where: { id: note.id }, data: { text: "By hand" } });
  expect(await stored(note)).toMatchObject({ version: 2 });
  const { id } = await addTicket(app, account, { requester: account.customer });
  const own = await addNote(app, { ...ticket, id }, account.specialist, { text: "x" });
  await app.database.prisma.ticket.updateMany({ where: { id }, data: { requesterId: account.otherCustomer.id } });
  expect(await stored(own)).toMatchObject({ version: 1, requesterId: account.otherCustomer.id });
});

describe("a note in another version than expected", () => {
  test("is not changed, and is shown as it is now", async () => {
    const note = await noteOf(account.customer);
    expect(await update(account.customer.key, { id: note.id, text: "First", expectedVersion: 1 })).toMatchObject({
      note: { version: 2 },
    });
    const lost = await update(account.specialist.key, { id: note.id, text: "Second", expectedVersion: 1 });
    expect(lost).toMatchObject({
      __typename: "NoteChangedError",
      code: "CHANGED",
      current: { text: "First", version: 2, viewerCanUpdate: true },
    });
    expect(await stored(note)).toMatchObject({ text: "First", version: 2, editorNumber: account.customer.number });
  });

  test("is not deleted", async () => {
    const note = await noteOf();
    const lost = await remove(account.specialist.key, { id: note.id, expectedVersion: 7 });
    expect(lost).toEqual({ __typename: "NoteChangedError", current: { version: 1 } });
    expect(await stored(note)).toEqual(note);
    expect(await remove(account.specialist.key, { id: note.id, expectedVersion: 1 })).toEqual({
      __typename: "DeleteNotePayload",
    });
  });

  test("is refused even if nothing would change", async () => {
    const note = await noteOf();
    const lost = await update(account.specialist.key, { id: note.id, text: "Before", expectedVersion: 2 });
    expect(lost).toMatchObject({ __typename: "NoteChangedError", current: { version: 1 } });
  });

  test("does not exist for those who do not see it, and may not be changed by those who may not change it", async () => {
    const [internal, anothers] = [await noteOf(account.specialist, { isPublic: false }), await noteOf()];
    for (const { key } of [account.customer, account.otherCustomer, other.administrator])
      expect(await update(key, { id: internal.id, text: "x", expectedVersion: 9 })).toMatchObject({
        __typename: "NotFoundError",
      });
    expect(await update(account.customer.key, { id: anothers.id, text: "x", expectedVersion: 9 })).toMatchObject({
      __typename: "ForbiddenError",
    });
  });
});

test("of ten editors at once who expect one version, one succeeds, and nine learn what that one wrote", async () => {
  const note = await noteOf();
  const results = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      update(account.specialist.key, { id: note.id, text: `Text ${index}`, expectedVersion: 1 }),
    ),
  );
  const { text } = await stored(note);
  const won = results.filter((result) => result?.__typename === "UpdateNotePayload");
  const lost = results.filter((result) => result?.__typename === "NoteChangedError");
  expect(won).toMatchObject([{ note: { text, version: 2 } }]);
  expect(lost).toMatchObject(Array.from({ length: 9 }, () => ({ current: { text, version: 2 } })));
});

test.each<NoteMedium>(["EMAIL", "OUTBOUND_EMAIL", "SYSTEM", "REDACTED", "AUTOMATION"])(
  "a note of medium %s can be deleted, but updated by nobody",
  async (medium) => {
    const note = await noteOf(account.specialist, { medium });
    expect(await read(account.administrator.key, note)).toMatchObject({
      note: { viewerCanUpdate: false, viewerCanDelete: true },
    });
    for (const [{ key }, expectedVersion] of [
      [account.specialist, null],
      [account.administrator, 1],
      [account.administrator, 9],
    ] as const)
      expect(await update(key, { id: note.id, text: "x", expectedVersion })).toMatchObject({
        __typename: "ForbiddenError",
        message:
          medium === "REDACTED"
            ? "A note that was redacted as a whole cannot be updated. It can be deleted."
            : "Only notes that people wrote can be updated. This one can be deleted.",
      });
    expect(await stored(note)).toEqual(note);
    expect(await remove(account.administrator.key, { id: note.id })).toEqual({ __typename: "DeleteNotePayload" });
  },
);

test("a number finds the note in the viewer's account alone, and only one that they see", async () => {
  const note = await noteOf(account.specialist, { isPublic: false });
  expect((await read(account.specialist.key, note))?.noteByNumber).toEqual({ uuid: note.id, version: 1 });
  for (const { key } of [account.customer, other.administrator]) expect((await read(key, note))?.noteByNumber).toBeNull();
  for (const number of [0, -1, 2_147_483_647, 2_147_483_648, Number.MAX_SAFE_INTEGER])
    expect((await read(account.specialist.key, { ...note, number }))?.noteByNumber).toBeNull();
});
