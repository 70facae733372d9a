import { v7 as uuidv7 } from "uuid";
import type {
  Attachment,
  InboundEmail,
  Note,
  NoteCategory,
  NoteMedium,
  Ticket,
  TicketKind,
  TicketStatus,
} from "#generated/prisma/client.ts";
import type { NodeType } from "../../src/lib/global-ids.ts";
import type { RecordedStatement } from "./statements.ts";
import { call, type TestAccount, type TestApp, type TestPerson } from "./app.ts";

/** Returns the `seconds`th second of a day on which no test runs. */
export function at(seconds: number): Date {
  return new Date(Date.UTC(2026, 0, 1) + seconds * 1000);
}

/**
 * Adds a ticket. This file writes rows without the gateway, so that a failing test points to the read or write that it
 * tests.
 */
export async function addTicket(
  { database }: TestApp,
  account: Pick<TestAccount, "id">,
  given: {
    readonly requester?: TestPerson;
    readonly kind?: TicketKind;
    readonly status?: TicketStatus;
    readonly subject?: string;
    readonly createdAt?: Date;
    readonly updatedAt?: Date;
  } = {},
): Promise<Ticket> {
  const { requester, createdAt = at(0), updatedAt = createdAt, ...rest } = given;
  return database.prisma.ticket.create({
    data: {
      id: uuidv7(),
      accountId: account.id,
      requesterId: requester?.id ?? null,
      kind: "REQUEST",
      status: "PENDING",
      subject: "The gearbox grinds in third",
      createdAt,
      updatedAt,
      ...rest,
    },
  });
}

export async function addTickets(
  app: TestApp,
  account: Pick<TestAccount, "id">,
  count: number,
  given: (index: number) => Parameters<typeof addTicket>[2] = () => ({}),
): Promise<Ticket[]> {
  const tickets: Ticket[] = [];
  for (let index = 0; index < count; index++) tickets.push(await addTicket(app, account, given(index)));
  return tickets;
}

interface NoteGiven {
  readonly text?: string;
  readonly isPublic?: boolean;
  readonly categories?: NoteCategory[];
  readonly medium?: NoteMedium;
  readonly createdAt?: Date;
  readonly updatedAt?: Date;
  readonly editorNumber?: number;
}

export async function addNote({ database }: TestApp, ticket: Ticket, author: TestPerson, given: NoteGiven = {}): Promise<Note> {
  return database.prisma.note.create({
    data: {
      id: uuidv7(),
      accountId: ticket.accountId,
      ticketId: ticket.id,
      authorNumber: author.number,
      text: "Looked at it.",
      isPublic: true,
      categories: [],
      createdAt: at(0),
      ...given,
    },
  });
}

/** Adds notes in this order, a second apart unless `given` says otherwise. */
export async function addNotes(
  app: TestApp,
  ticket: Ticket,
  author: TestPerson,
  count: number,
  given: (index: number) => NoteGiven = () => ({}),
): Promise<Note[]> {
  const notes: Note[] = [];
  for (let index = 0; index < count; index++) {
    notes.push(await addNote(app, ticket, author, { text: `Note ${index}`, createdAt: at(index), ...given(index) }));
  }
  return notes;
}

/** Adds the row of an attachment without bytes. */
export async function addAttachment(
  { database }: TestApp,
  note: Note,
  filename: string,
  given: Partial<
    Pick<Attachment, "state" | "size" | "createdAt" | "uploadExpiresAt" | "inline" | "isInternal" | "contentType">
  > = {},
): Promise<Attachment> {
  const id = uuidv7();
  return database.prisma.attachment.create({
    data: {
      id,
      accountId: note.accountId,
      noteId: note.id,
      filename,
      contentType: "image/png",
      state: "READY",
      size: 3n,
      storageKey: `${note.accountId}/${id}`,
      createdAt: at(0),
      ...given,
    },
  });
}

/** Adds the row of the email as which a note was received. */
export async function addInboundEmail(
  { database }: TestApp,
  note: Note,
  { sender = "a@b.example" }: { readonly sender?: string | null } = {},
): Promise<InboundEmail> {
  const { id, number, accountId, ticketId, authorNumber, createdAt } = note;
  const ofNote = { accountId, noteId: id, noteNumber: number, ticketId, authorNumber, receivedAt: createdAt };
  return database.prisma.inboundEmail.create({
    data: { ...ofNote, id: uuidv7(), messageId: `<${id}@b.example>`, sender, subject: `Mail ${number}` },
  });
}

/** Uploads as the mobile clients do: requests a URL and sends the bytes to it with PUT. */
export async function upload(
  app: TestApp,
  key: string,
  noteId: string,
  filename: string,
  bytes: string | Uint8Array<ArrayBuffer>,
  contentType: string,
): Promise<Response> {
  const { body } = await call(app, key, "POST", "/v2/tickets/note-attachments", { note_id: noteId, filename });
  return fetch((body as { signed_url: string }).signed_url, {
    method: "PUT",
    headers: { "content-type": contentType },
    body: bytes,
  });
}

/** Returns the global id of a row. It is written out here, because clients store such ids for years. */
export function globalId(type: NodeType, id: string): string {
  return btoa(`${type}:${id}`);
}

/** Returns the `nodeID` of a row on /v1: the global id without the padding of its base64. */
export function nodeId(...[type, id]: Parameters<typeof globalId>): string {
  return globalId(type, id).replace(/=+$/, "");
}

/**
 * Returns the statements of `work`, without two kinds: the lookup of the credential, whose number is always the same,
 * and the cleaning in the background after a deletion.
 */
export async function statementsOf(app: TestApp, work: () => Promise<unknown>): Promise<readonly RecordedStatement[]> {
  const { statements } = await app.statements.during(work);
  return statements.filter(({ text }) => !/\b(api_keys|discarded_objects)\b/.test(text));
}
