import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { graphql } from "../generated/gql.ts";
import { addAccount, keyWith, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket, at, globalId, statementsOf } from "../support/factories.ts";

const NoteQuery = graphql(`
  query Note($id: ID!) {
    note(id: $id) {
      id
      uuid
      number
      ticket {
        uuid
        subject
      }
      author {
        uuid
        name
      }
      account {
        slug
      }
      text
      categories
      isPublic
      medium
      createdAt
      updatedAt
      viewerCanUpdate
      viewerCanDelete
    }
  }
`);

let app: TestApp;
let account: TestAccount;
let other: TestAccount;
let ticket: Ticket;
let publicNote: Note;
let internalNote: Note;
let customersNote: Note;

beforeAll(async () => {
  app = await startApp();
  [account, other] = [await addAccount(app), await addAccount(app)];
  ticket = await addTicket(app, account, { requester: account.customer, subject: "Brakes" });
  publicNote = await addNote(app, ticket, account.specialist, {
    text: "  Pads are thin.\r\n\tNext: discs 🛞  ",
    categories: ["PRE_SCAN", "POST_SCAN"],
    medium: "EMAIL",
    createdAt: at(3),
    updatedAt: at(4),
  });
  internalNote = await addNote(app, ticket, account.specialist, { text: "He never pays.", isPublic: false });
  customersNote = await addNote(app, ticket, account.customer, { text: "They squeal." });
});
afterAll(() => app.close());

test("a note tells all about itself, by its global id and by its UUID, its text untouched", async () => {
  for (const id of [globalId("Note", publicNote.id), publicNote.id, publicNote.id.toUpperCase()]) {
    const { data, errors } = await send(app, account.specialist.key, NoteQuery, { id });
    expect(errors).toEqual([]);
    expect(data.note).toEqual({
      id: globalId("Note", publicNote.id),
      uuid: publicNote.id,
      number: publicNote.number,
      ticket: { uuid: ticket.id, subject: "Brakes" },
      author: { uuid: account.specialist.id, name: "Sam Specialist" },
      account: { slug: account.slug },
      text: "  Pads are thin.\r\n\tNext: discs 🛞  ",
      categories: ["PRE_SCAN", "POST_SCAN"],
      isPublic: true,
      medium: "EMAIL",
      createdAt: "2026-01-01T00:00:03.000Z",
      updatedAt: "2026-01-01T00:00:04.000Z",
      // The note is an email.
      viewerCanUpdate: false,
      viewerCanDelete: true,
    });
  }
});

test("staff may read internal notes, the ticket's requester may not, and an account's notes are nobody else's", async () => {
  const read = async (key: string, note: Note) => (await send(app, key, NoteQuery, { id: note.id })).data.note?.text ?? null;
  for (const key of [account.specialist.key, account.administrator.key]) {
    expect(await read(key, internalNote)).toBe("He never pays.");
    expect(await read(key, customersNote)).toBe("They squeal.");
  }
  expect(await read(account.customer.key, publicNote)).toContain("Pads");
  expect(await read(account.customer.key, internalNote)).toBeNull();
  for (const key of [account.otherCustomer.key, other.specialist.key, other.administrator.key, other.customer.key]) {
    expect(await read(key, publicNote)).toBeNull();
    expect(await read(key, internalNote)).toBeNull();
  }
});

test("an internal note, a foreign one and none at all are one answer, to the byte", async () => {
  const none = await send(app, account.customer.key, NoteQuery, { id: randomUUID() });
  expect(none).toEqual({ status: 200, data: { note: null }, errors: [] });
  expect(await send(app, account.customer.key, NoteQuery, { id: internalNote.id })).toEqual(none);
  expect(await send(app, other.administrator.key, NoteQuery, { id: internalNote.id })).toEqual(none);
});

test("a customer may change what they wrote and not what others wrote; staff may change both", async () => {
  const may = async (key: string, note: Note) => {
    const { data } = await send(app, key, NoteQuery, { id: note.id });
    return [data.note?.viewerCanUpdate, data.note?.viewerCanDelete];
  };
  expect(await may(account.customer.key, customersNote)).toEqual([true, true]);
  expect(await may(account.customer.key, publicNote)).toEqual([false, false]);
  expect(await may(account.specialist.key, customersNote)).toEqual([true, true]);
  expect(await may(await keyWith(app, account.specialist, ["tickets:read", "notes:read"]), customersNote)).toEqual([
    false,
    false,
  ]);
});

test("without notes:internal a specialist's key does not see internal notes", async () => {
  const narrow = await keyWith(app, account.specialist, ["tickets:read", "notes:read"]);
  expect((await send(app, narrow, NoteQuery, { id: publicNote.id })).data.note?.uuid).toBe(publicNote.id);
  expect((await send(app, narrow, NoteQuery, { id: internalNote.id })).data.note).toBeNull();
});

test("with notes:internal a customer's key sees no more than before", async () => {
  const wide = await keyWith(app, account.customer, ["tickets:read", "notes:read", "notes:internal"]);
  expect((await send(app, wide, NoteQuery, { id: internalNote.id })).data.note).toBeNull();
});

test("without a credential or without its scope there is no note", async () => {
  const anonymous = await send(app, undefined, NoteQuery, { id: publicNote.id });
  expect(anonymous).toMatchObject({ data: { note: null }, errors: [{ extensions: { code: "UNAUTHENTICATED" } }] });
  const narrow = await keyWith(app, account.specialist, ["tickets:read"]);
  const refused = await send(app, narrow, NoteQuery, { id: publicNote.id });
  expect(refused.errors).toMatchObject([{ extensions: { code: "FORBIDDEN" }, message: expect.stringContaining("notes:read") }]);
});

test("through a note its ticket is reached only with the ticket's own scope", async () => {
  const narrow = await keyWith(app, account.specialist, ["notes:read"]);
  const { errors } = await send(app, narrow, NoteQuery, { id: publicNote.id });
  expect(errors).toMatchObject([{ path: ["note", "ticket"], extensions: { code: "FORBIDDEN" } }]);
});

test.each([["42"], [""], [globalId("Ticket", randomUUID())], ["Note:1"], ["\0"], ["💣"]])(
  "%j is not the id of a note",
  async (id) => {
    const { data, errors } = await send(app, account.specialist.key, NoteQuery, { id });
    expect(data).toEqual({ note: null });
    expect(errors).toMatchObject([{ extensions: { code: "INVALID_INPUT", fields: [{ path: ["id"] }] } }]);
  },
);

test("when a ticket gets another requester, its notes go with it", async () => {
  const moved = await addTicket(app, account, { requester: account.customer });
  const note = await addNote(app, moved, account.specialist);
  const reads = async (key: string) => (await send(app, key, NoteQuery, { id: note.id })).data.note?.uuid === note.id;
  expect([await reads(account.customer.key), await reads(account.otherCustomer.key)]).toEqual([true, false]);
  await app.database.prisma.ticket.update({ where: { id: moved.id }, data: { requesterId: account.otherCustomer.id } });
  expect([await reads(account.customer.key), await reads(account.otherCustomer.key)]).toEqual([false, true]);
});

test("a note with its ticket, author and account costs one statement", async () => {
  const statements = await statementsOf(app, () => send(app, account.specialist.key, NoteQuery, { id: publicNote.id }));
  expect(statements).toHaveLength(1);
});
