import { afterAll, beforeAll, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, sendText, startApp, type TestAccount, type TestApp } from "./support/app.ts";
import { addNotes, addTicket, at } from "./support/factories.ts";
import {
  AddNoteDocument,
  FindNotesDocument,
  MyTicketsDocument,
  NotesOfTicketDocument,
  RequestUploadDocument,
  type TypedDocumentString,
  UpdateNoteDocument,
} from "./generated/examples/graphql.ts";

// The operations of examples/mobile as an app sends them. Their types are generated from that file, so an operation
// that does not fit the schema fails `npm run codegen -- --check`.

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
  await addNotes(app, ticket, account.customer, 30, (index) => ({ createdAt: at(index), text: `The lamp flickers, ${index}` }));
});
afterAll(() => app.close());

const ask = <Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: NoInfer<Variables>, key?: string) =>
  sendText<Data>(app.url, key ?? account.customer.key, document.toString(), variables);
const inputOf = (text: string) => ({ ticketId: ticket.id, text, isPublic: true, idempotencyKey: crypto.randomUUID() });

async function add(text: string) {
  const { data } = await ask(AddNoteDocument, { input: inputOf(text) });
  if (!("note" in data.addNote)) throw new Error("The note was not added.");
  return data.addNote.note;
}

test("the tickets, and all notes of one by its pages", async () => {
  const tickets = await ask(MyTicketsDocument, {});
  expect(tickets.data.tickets.nodes).toMatchObject([{ subject: ticket.subject, noteCount: 30 }]);
  const texts: string[] = [];
  for (let after: string | null = null, more = true; more;) {
    const page: Awaited<ReturnType<typeof pageAfter>> = await pageAfter(after);
    texts.push(...page.nodes.map(({ text }) => text));
    [after, more] = [page.pageInfo.endCursor ?? null, page.pageInfo.hasNextPage];
  }
  expect(new Set(texts).size).toBe(30);
});

async function pageAfter(after: string | null) {
  const { data } = await ask(NotesOfTicketDocument, { id: ticket.id, after });
  return data.ticket!.notes;
}

test("a note that is sent twice is added once, and one that is not valid says in which field", async () => {
  const input = inputOf("Sent from the tunnel.");
  const [first, second] = [await ask(AddNoteDocument, { input }), await ask(AddNoteDocument, { input })];
  expect(first.data.addNote).toMatchObject({ note: { text: input.text, version: 1 } });
  expect(second.data).toEqual(first.data);
  expect(await app.database.prisma.note.count({ where: { ticketId: ticket.id, text: input.text } })).toBe(1);
  const empty = await ask(AddNoteDocument, { input: inputOf("") });
  expect(empty.data.addNote).toMatchObject({ code: "INVALID_INPUT", fields: [{ path: ["text"] }] });
});

test("who changes a version that is gone gets the note as it is", async () => {
  const { id, version } = await add("First.");
  const change = (text: string) => ask(UpdateNoteDocument, { input: { id, text, expectedVersion: version } });
  expect((await change("By one.")).data.updateNote).toMatchObject({ note: { text: "By one.", version: version + 1 } });
  expect((await change("By another.")).data.updateNote).toMatchObject({
    ...{ code: "CHANGED", current: { text: "By one." } },
  });
});

test("an upload arrives, and is read with its note", async () => {
  const { id } = await add("With a picture.");
  const input = { noteId: id, filename: "lamp.jpg", size: 5 };
  const { data } = await ask(RequestUploadDocument, { input });
  if (!("upload" in data.requestAttachmentUpload)) throw new Error("No URL was handed out.");
  const { url, method, headers } = data.requestAttachmentUpload.upload;
  const sent = await fetch(url, { method, headers: headers.map(({ name, value }) => [name, value]), body: "bytes" });
  expect(sent.status).toBe(200);
  const { nodes } = await pageAfter(null);
  const file = nodes.find((note) => note.id === id)?.attachments.nodes[0];
  expect(file).toMatchObject({ filename: "lamp.jpg", contentType: "image/jpeg", size: 5, state: "READY" });
  expect(await (await fetch(file!.download!.url)).text()).toBe("bytes");
});

test("notes are found by their words, and another account finds none", async () => {
  const { data } = await ask(FindNotesDocument, { query: "lamp 7" });
  expect(data.searchNotes.edges).toMatchObject([{ node: { ticket: { id: expect.any(String) } } }]);
  expect(data.searchNotes.edges[0]!.highlights.some(({ isMatch }) => isMatch)).toBe(true);
  const stranger = await addAccount(app);
  const none = await ask(FindNotesDocument, { query: "lamp" }, stranger.administrator.key);
  expect(none.data.searchNotes.edges).toEqual([]);
});
