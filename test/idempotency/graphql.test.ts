import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { v7 as uuidv7 } from "uuid";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, keyWith, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket, statementsOf } from "../support/factories.ts";
import { mutate as mutateIn } from "../support/mutate.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
});
beforeEach(async () => {
  ticket = await addTicket(app, account, { requester: account.customer });
});
afterAll(() => app.close());

const mutate = (...[key, name, input, selection]: [key: string, name: string, input: object, selection?: string]) =>
  mutateIn(app, key, name, input, selection);

const notesOf = ({ id: ticketId }: Ticket) =>
  app.database.prisma.note.findMany({ where: { ticketId }, orderBy: { number: "asc" } });
const kept = () => app.database.prisma.idempotencyKey.findMany({ where: { accountId: account.id } });
const addedNote = "... on AddNotePayload { note { uuid text version } noteEdge { cursor node { uuid } } }";
const newKey = () => uuidv7();
const staff = () => account.specialist.key;

test("a note that is sent again under its key is added once, and is shown as it is now", async () => {
  const input = { ticketId: ticket.id, text: "I never agreed", idempotencyKey: newKey() };
  const first = await mutate(staff(), "addNote", input, addedNote);
  expect(await mutate(staff(), "addNote", input, addedNote)).toEqual(first);
  const [note] = await notesOf(ticket);
  await mutate(staff(), "updateNote", { id: note?.id, text: "Edited since" });
  expect(await mutate(staff(), "addNote", input, addedNote)).toMatchObject({ note: { text: "Edited since", version: 2 } });
  expect(await notesOf(ticket)).toHaveLength(1);
});

test("the same input in another order and as literals is the same, and without a key each is added", async () => {
  const idempotencyKey = newKey();
  await mutate(staff(), "addNote", { ticketId: ticket.id, text: "Once", isPublic: true, idempotencyKey });
  await mutate(staff(), "addNote", { idempotencyKey, isPublic: true, text: "Once", ticketId: ticket.id });
  const text = `mutation { addNote(input: { text: "Once", idempotencyKey: "${idempotencyKey}", isPublic: true, ticketId: "${ticket.id}" }) { __typename } }`;
  await sendText(app.url, staff(), text);
  expect(await notesOf(ticket)).toHaveLength(1);
  await mutate(staff(), "addNote", { ticketId: ticket.id, text: "Once", isPublic: true });
  expect(await notesOf(ticket)).toHaveLength(2);
});

test("another input under a key is a conflict, which says what to do, and writes nothing", async () => {
  const idempotencyKey = newKey();
  await mutate(staff(), "addNote", { ticketId: ticket.id, text: "One", idempotencyKey });
  expect(await mutate(staff(), "addNote", { ticketId: ticket.id, text: "Other", idempotencyKey })).toEqual({
    __typename: "ConflictError",
    code: "CONFLICT",
    message: expect.stringMatching(/^This idempotency key was sent with another input before\./),
  });
  expect(await notesOf(ticket)).toHaveLength(1);
});

test("a key counts for its person and its mutation only, with whichever credential of that person", async () => {
  const idempotencyKey = newKey();
  const input = { ticketId: ticket.id, text: "Hello", isPublic: true, idempotencyKey };
  await mutate(staff(), "addNote", input);
  await mutate(await keyWith(app, account.specialist, ["tickets:read", "notes:read", "notes:write"]), "addNote", input);
  expect(await notesOf(ticket)).toHaveLength(1);
  await mutate(account.administrator.key, "addNote", input);
  await mutate(account.customer.key, "addNote", input);
  expect(await notesOf(ticket)).toHaveLength(3);
  const [note] = await notesOf(ticket);
  const updated = await mutate(staff(), "updateNote", { id: note?.id, text: "New", idempotencyKey });
  expect(updated.__typename).toBe("UpdateNotePayload");
});

test("a replay needs the scopes and the visibility of now", async () => {
  const input = { ticketId: ticket.id, text: "Mine", isPublic: true, idempotencyKey: newKey() };
  const { customer } = account;
  await mutate(customer.key, "addNote", input);
  const reading = await keyWith(app, customer, ["tickets:read", "notes:read"]);
  expect((await mutate(reading, "addNote", input)).__typename).toBe("ForbiddenError");
  await app.database.prisma.note.updateMany({ where: { ticketId: ticket.id }, data: { isPublic: false } });
  expect((await mutate(customer.key, "addNote", input)).__typename).toBe("NotFoundError");
  await app.database.prisma.note.deleteMany({ where: { ticketId: ticket.id } });
  expect((await mutate(customer.key, "addNote", input)).__typename).toBe("NotFoundError");
  expect(await notesOf(ticket)).toEqual([]);
});

test("what fails or changes nothing keeps no key, and a key of a failed call can be used with another input", async () => {
  const idempotencyKey = newKey();
  const before = (await kept()).length;
  expect((await mutate(staff(), "addNote", { ticketId: uuidv7(), text: "x", idempotencyKey })).__typename).toBe(
    "NotFoundError",
  );
  expect((await mutate(staff(), "addNote", { ticketId: ticket.id, text: "", idempotencyKey })).__typename).toBe(
    "InvalidInputError",
  );
  expect(await kept()).toHaveLength(before);
  expect((await mutate(staff(), "addNote", { ticketId: ticket.id, text: "y", idempotencyKey })).__typename).toBe(
    "AddNotePayload",
  );
  expect(await kept()).toHaveLength(before + 1);
});

test("an update is done once although others change the note between its tries, and comes before its precondition", async () => {
  const note = await addNote(app, ticket, account.specialist, { text: "Before" });
  const input = { id: note.id, text: "Mine", expectedVersion: 1, idempotencyKey: newKey() };
  const selection = "... on UpdateNotePayload { note { text version } }";
  expect(await mutate(staff(), "updateNote", input, selection)).toMatchObject({ note: { text: "Mine", version: 2 } });
  await mutate(account.administrator.key, "updateNote", { id: note.id, text: "Theirs" });
  expect(await mutate(staff(), "updateNote", input, selection)).toMatchObject({ note: { text: "Theirs", version: 3 } });
  const other = { ...input, idempotencyKey: newKey() };
  expect((await mutate(staff(), "updateNote", other)).__typename).toBe("NoteChangedError");
});

test("an update that finds its values there keeps its key, so that a later try does not undo what others did", async () => {
  const note = await addNote(app, ticket, account.specialist, { text: "Same" });
  const input = { id: note.id, text: "Same", idempotencyKey: newKey() };
  await mutate(staff(), "updateNote", input);
  await mutate(account.administrator.key, "updateNote", { id: note.id, text: "Theirs" });
  await mutate(staff(), "updateNote", input);
  expect((await notesOf(ticket))[0]).toMatchObject({ text: "Theirs", version: 2 });
});

test("a deletion that is sent again is answered as the first time", async () => {
  const note = await addNote(app, ticket, account.specialist);
  const input = { id: note.id, expectedVersion: 1, idempotencyKey: newKey() };
  const selection = "... on DeleteNotePayload { deletedNoteId ticket { uuid } }";
  const first = await mutate(staff(), "deleteNote", input, selection);
  expect(first).toMatchObject({ __typename: "DeleteNotePayload", ticket: { uuid: ticket.id } });
  expect(await mutate(staff(), "deleteNote", input, selection)).toEqual(first);
  expect((await mutate(staff(), "deleteNote", { id: note.id })).__typename).toBe("NotFoundError");
});

test("a ticket is opened and closed once", async () => {
  const opening = { kind: "REQUEST", subject: "Once", idempotencyKey: newKey() };
  const opened = "... on AddTicketPayload { ticket { uuid number } }";
  const first = await mutate(staff(), "addTicket", opening, opened);
  expect(await mutate(staff(), "addTicket", opening, opened)).toEqual(first);
  const { uuid: id } = first["ticket"] as { uuid: string };
  const closing = { id, status: "CLOSED", expectedVersion: 1, idempotencyKey: newKey() };
  const closed = "... on UpdateTicketPayload { ticket { status version } }";
  expect(await mutate(staff(), "updateTicket", closing, closed)).toMatchObject({ ticket: { status: "CLOSED", version: 2 } });
  await mutate(staff(), "updateTicket", { id, status: "PENDING" });
  expect(await mutate(staff(), "updateTicket", closing, closed)).toMatchObject({ ticket: { status: "PENDING", version: 3 } });
  expect((await app.database.prisma.note.findMany({ where: { ticketId: id } })).map(({ text }) => text)).toEqual([
    "Status: PENDING → CLOSED",
    "Status: CLOSED → PENDING",
  ]);
});

test("an upload that is requested again has a new URL of the same attachment, also after the first one expired", async () => {
  const note = await addNote(app, ticket, account.specialist);
  const input = { noteId: note.id, filename: "photo.png", idempotencyKey: newKey() };
  const selection =
    "... on RequestAttachmentUploadPayload { attachment { id state } upload { url method headers { name value } } }";
  const first = await mutate(staff(), "requestAttachmentUpload", input, selection);
  app.time.now = new Date(Date.now() + 10 * 60_000);
  try {
    const again = await mutate(staff(), "requestAttachmentUpload", input, selection);
    expect(again["attachment"]).toEqual(first["attachment"]);
    const { url, method, headers } = again["upload"] as {
      url: string;
      method: string;
      headers: { name: string; value: string }[];
    };
    expect(url).not.toBe((first["upload"] as { url: string }).url);
    const sent = await fetch(url, {
      method,
      headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])),
      body: "bytes",
    });
    expect(sent.status).toBe(200);
    expect(await mutate(staff(), "requestAttachmentUpload", input, selection)).toMatchObject({
      attachment: { state: "READY" },
    });
  } finally {
    app.time.now = undefined;
  }
  expect(await app.database.prisma.upload.count({ where: { accountId: account.id, filename: "photo.png" } })).toBe(1);
});

test("the deletion of a file is answered again, and does not delete a later file of that name", async () => {
  const note = await addNote(app, ticket, account.specialist);
  await mutate(staff(), "requestAttachmentUpload", { noteId: note.id, filename: "a.txt" });
  const input = { noteId: note.id, filename: "a.txt", idempotencyKey: newKey() };
  const selection = "... on DeleteAttachmentPayload { deletedAttachmentId note { uuid } }";
  const first = await mutate(staff(), "deleteAttachment", input, selection);
  await mutate(staff(), "requestAttachmentUpload", { noteId: note.id, filename: "a.txt" });
  expect(await mutate(staff(), "deleteAttachment", input, selection)).toEqual(first);
  expect(await app.database.prisma.attachment.count({ where: { noteId: note.id } })).toBe(1);
});

test("a revoked key is shown again", async () => {
  const { apiKey } = await app.provisioning.addApiKey({
    ...{ accountId: account.id, personId: account.specialist.id, name: "gone", scopes: ["notes:read"] },
  });
  const input = { id: apiKey.id, idempotencyKey: newKey() };
  const selection = "... on RevokeApiKeyPayload { apiKey { id revokedAt } }";
  const first = await mutate(account.administrator.key, "revokeApiKey", input, selection);
  expect(await mutate(account.administrator.key, "revokeApiKey", input, selection)).toEqual(first);
});

test.each([
  ["nothing", ""],
  ["a space", "a b"],
  ["a letter that is not ASCII", "é"],
  ["256 characters", "k".repeat(256)],
  ["a line break", "a\n"],
  ["an open quote", '" "'],
])("a key with %s is not valid", async (_what, idempotencyKey) => {
  const result = await mutate(
    staff(),
    "addNote",
    { ticketId: ticket.id, text: "x", idempotencyKey },
    "... on InvalidInputError { fields { path } }",
  );
  expect(result).toMatchObject({ __typename: "InvalidInputError", fields: [{ path: ["idempotencyKey"] }] });
});

test("the store has no text, and no hash that somebody who reads it could try texts with", async () => {
  const [text, idempotencyKey] = [`secret ${uuidv7()}`, newKey()];
  await mutate(staff(), "addNote", { ticketId: ticket.id, text, idempotencyKey });
  const stored = JSON.stringify(await kept());
  expect(stored).not.toContain(text);
  expect(stored).not.toContain(idempotencyKey);
});

test("keys are kept for a day, and are then removed", async () => {
  const input = { ticketId: ticket.id, text: "Daily", idempotencyKey: newKey() };
  await mutate(staff(), "addNote", input);
  const day = 24 * 60 * 60_000;
  try {
    app.time.now = new Date(Date.now() + day - 60_000);
    await mutate(staff(), "addNote", input);
    await app.app.services.idempotency.sweep();
    expect(await notesOf(ticket)).toHaveLength(1);
    app.time.now = new Date(Date.now() + day + 60_000);
    await mutate(staff(), "addNote", input);
    expect(await notesOf(ticket)).toHaveLength(2);
    await mutate(staff(), "addNote", input);
    expect(await notesOf(ticket)).toHaveLength(2);
    app.time.now = new Date(Date.now() + 2 * day + 120_000);
    await app.app.services.idempotency.sweep();
    expect(await kept()).toEqual([]);
  } finally {
    app.time.now = undefined;
  }
});

test("while a write under a key is in flight, another try is told at once", async () => {
  const note = await addNote(app, ticket, account.specialist, { text: "Before" });
  const input = { id: note.id, text: "After", idempotencyKey: newKey() };
  const blocker = await app.database.pool.connect();
  try {
    await blocker.query("BEGIN");
    await blocker.query("SELECT FROM notes WHERE account_id = $1 AND id = $2 FOR UPDATE", [account.id, note.id]);
    const first = mutate(staff(), "updateNote", input);
    // The first try holds the key as soon as it waits for the row.
    await expect
      .poll(
        async () => {
          const { rows } = await app.database.pool.query(
            "SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()",
          );
          return rows.length;
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThan(0);
    expect(await mutate(staff(), "updateNote", input)).toMatchObject({
      __typename: "ConflictError",
      message: expect.stringContaining("still being answered"),
    });
    await blocker.query("COMMIT");
    expect((await first).__typename).toBe("UpdateNotePayload");
  } finally {
    blocker.release();
  }
  expect((await mutate(staff(), "updateNote", input)).__typename).toBe("UpdateNotePayload");
});

test("a write under a key is one statement, as without", async () => {
  const write = async (key: object) => {
    const sent = () => mutate(staff(), "addNote", { ticketId: ticket.id, text: "x", ...key });
    return (await statementsOf(app, sent)).length;
  };
  expect(await write({ idempotencyKey: newKey() })).toBe(await write({}));
});

test("a deletion that is sent again is not found once its ticket is out of sight", async () => {
  const note = await addNote(app, ticket, account.customer);
  const input = { id: note.id, idempotencyKey: newKey() };
  const selection = "... on DeleteNotePayload { deletedNoteId ticket { number } }";
  expect((await mutate(account.customer.key, "deleteNote", input, selection)).__typename).toBe("DeleteNotePayload");
  await app.database.prisma.ticket.updateMany({ where: { id: ticket.id }, data: { requesterId: null } });
  expect((await mutate(account.customer.key, "deleteNote", input, selection)).__typename).toBe("NotFoundError");
});
