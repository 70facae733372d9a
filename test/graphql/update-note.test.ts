import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { graphql } from "../generated/gql.ts";
import type { UpdateNoteInput } from "../generated/graphql.ts";
import { addAccount, keyWith, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket, at, globalId, statementsOf } from "../support/factories.ts";

const UpdateNoteMutation = graphql(`
  mutation UpdateNote($input: UpdateNoteInput!) {
    updateNote(input: $input) {
      __typename
      ... on UpdateNotePayload {
        note {
          uuid
          text
          categories
          isPublic
          createdAt
          updatedAt
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

const before = { text: "Before", categories: ["PRE_SCAN"], isPublic: true } as const;
const noteOf = (author = account.specialist, given: Parameters<typeof addNote>[3] = {}) =>
  addNote(app, ticket, author, { ...before, categories: ["PRE_SCAN"], ...given });

async function update(key: string | undefined, input: UpdateNoteInput) {
  const { data, errors } = await send(app, key, UpdateNoteMutation, { input });
  return { result: data?.updateNote, errors };
}

const stored = (note: Note) => app.database.prisma.note.findFirstOrThrow({ where: { id: note.id } });

async function expectUntouched<Result>(note: Note, work: () => Promise<Result>): Promise<Result> {
  const result = await work();
  expect(await stored(note)).toEqual(note);
  return result;
}

test.each<[string, Partial<UpdateNoteInput>, object]>([
  ["the text alone", { text: "After" }, { ...before, text: "After" }],
  ["the categories alone", { categories: ["POST_SCAN"] }, { ...before, categories: ["POST_SCAN"] }],
  ["no categories any more", { categories: [] }, { ...before, categories: [] }],
  ["the visibility alone", { isPublic: false }, { ...before, isPublic: false }],
  [
    "all of it",
    { text: "A", categories: ["POST_SCAN", "PRE_SCAN"], isPublic: false },
    { text: "A", categories: ["PRE_SCAN", "POST_SCAN"], isPublic: false },
  ],
  ["nothing, by null", { text: null, categories: null, isPublic: null }, before],
  ["nothing, by silence", {}, before],
])("changes %s, and leaves the rest", async (_name, input, after) => {
  const note = await noteOf();
  const { result } = await update(account.specialist.key, { id: note.id, ...input });
  expect(result).toMatchObject({
    __typename: "UpdateNotePayload",
    note: { uuid: note.id, ...after, createdAt: note.createdAt.toISOString() },
  });
  expect(await stored(note)).toMatchObject(after);
});

test("says when the note was edited, and never a time before it was written", async () => {
  const note = await noteOf(account.specialist, { createdAt: at(100) });
  app.time.now = new Date("2026-02-03T04:05:06.789Z");
  const later = await update(account.specialist.key, { id: globalId("Note", note.id), text: "Later" });
  expect(later.result).toMatchObject({ note: { updatedAt: "2026-02-03T04:05:06.789Z" } });
  app.time.now = at(0);
  const earlier = await update(account.specialist.key, { id: note.id, text: "Earlier" });
  app.time.now = undefined;
  expect(earlier.result).toMatchObject({ note: { updatedAt: at(100).toISOString() } });
});

test.each([
  ["nothing", ""],
  ["65,537 bytes", "a".repeat(65_537)],
  ["a NUL", "\0"],
  ["a lone surrogate", "\udfff"],
])("does not take %s for a text", async (_name, text) => {
  const note = await noteOf();
  const { result } = await expectUntouched(note, () => update(account.specialist.key, { id: note.id, text, isPublic: false }));
  expect(result).toMatchObject({ __typename: "InvalidInputError", fields: [{ path: ["text"] }] });
});

describe("who may edit", () => {
  test("every note of the account: staff", async () => {
    for (const note of [
      await noteOf(account.customer),
      await noteOf(account.administrator),
      await noteOf(account.specialist, { isPublic: false }),
    ]) {
      expect((await update(account.specialist.key, { id: note.id, text: "x" })).result?.__typename).toBe("UpdateNotePayload");
    }
  });

  test("what they wrote: a customer; who may neither edit what others wrote nor make their own internal", async () => {
    const [own, anothers] = [await noteOf(account.customer), await noteOf(account.specialist)];
    expect((await update(account.customer.key, { id: own.id, text: "Mine" })).result).toMatchObject({ note: { text: "Mine" } });
    const refused = await expectUntouched(anothers, () => update(account.customer.key, { id: anothers.id, text: "Mine now" }));
    expect(refused.result).toMatchObject({ __typename: "ForbiddenError", code: "FORBIDDEN" });
    const hidden = await update(account.customer.key, { id: own.id, isPublic: false });
    expect(hidden.result).toMatchObject({ __typename: "ForbiddenError" });
    expect(await stored(own)).toMatchObject({ isPublic: true });
  });

  test("nobody who does not see it, to whom it does not exist", async () => {
    const [open, internal] = [await noteOf(), await noteOf(account.specialist, { isPublic: false })];
    const missing = await update(account.specialist.key, { id: randomUUID(), text: "x" });
    expect(missing.result).toMatchObject({ __typename: "NotFoundError" });
    expect(await expectUntouched(internal, () => update(account.customer.key, { id: internal.id, text: "x" }))).toEqual(
      missing,
    );
    for (const { key } of [account.otherCustomer, other.specialist, other.administrator]) {
      expect(await expectUntouched(open, () => update(key, { id: open.id, text: "x" }))).toEqual(missing);
      expect(await expectUntouched(internal, () => update(key, { id: internal.id, text: "x" }))).toEqual(missing);
    }
  });

  test("nobody without a credential, or without notes:write", async () => {
    const note = await noteOf();
    const anonymous = await expectUntouched(note, () => update(undefined, { id: note.id, text: "x" }));
    expect(anonymous.errors).toMatchObject([{ extensions: { code: "UNAUTHENTICATED" } }]);
    const narrow = await keyWith(app, account.specialist, ["tickets:read", "notes:read", "notes:internal"]);
    const refused = await expectUntouched(note, () => update(narrow, { id: note.id, text: "x" }));
    expect(refused.result).toMatchObject({ __typename: "ForbiddenError", message: expect.stringContaining("notes:write") });
  });

  test("no internal note, nor a note into an internal one, without notes:internal", async () => {
    const [open, internal] = [await noteOf(), await noteOf(account.specialist, { isPublic: false })];
    const narrow = await keyWith(app, account.specialist, ["tickets:read", "notes:read", "notes:write"]);
    expect((await expectUntouched(internal, () => update(narrow, { id: internal.id, text: "x" }))).result?.__typename).toBe(
      "NotFoundError",
    );
    const hidden = await expectUntouched(open, () => update(narrow, { id: open.id, isPublic: false }));
    expect(hidden.result).toMatchObject({ __typename: "ForbiddenError", message: expect.stringContaining("notes:internal") });
  });
});

test.each([["1"], [""], [globalId("Ticket", randomUUID())]])("%j is not the id of a note", async (id) => {
  const { result } = await update(account.specialist.key, { id, text: "x" });
  expect(result).toMatchObject({ __typename: "InvalidInputError", fields: [{ path: ["id"] }] });
});

test("editing a note takes its read and the update", async () => {
  const note = await noteOf();
  expect(await statementsOf(app, () => update(account.specialist.key, { id: note.id, text: "x" }))).toHaveLength(2);
});
