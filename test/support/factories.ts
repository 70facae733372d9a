import { v7 as uuidv7 } from "uuid";
import type { Attachment, Note, NoteCategory, NoteMedium, Ticket, TicketKind, TicketStatus } from "#generated/prisma/client.ts";
import type { RecordedStatement } from "./statements.ts";
import { call, type TestAccount, type TestApp, type TestPerson } from "./app.ts";

/** The `seconds`th second of a day that no test happens on. */
export function at(seconds: number): Date {
  return new Date(Date.UTC(2026, 0, 1) + seconds * 1000);
}

/** Written without the product, so that what a test finds wrong is the read or the write it is about. */
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

/** Notes in the order in which they were added, a second apart unless `given` says otherwise. */
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

/** The row of an attachment whose bytes are not needed. */
export async function addAttachment(
  { database }: TestApp,
  note: Note,
  filename: string,
  given: Partial<Pick<Attachment, "state" | "size" | "createdAt" | "uploadExpiresAt" | "inline" | "contentType">> = {},
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

/** What the mobile clients do: request a URL, and PUT the bytes to it. */
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

/** What GraphQL calls a row. Spelled out here, since clients keep such ids for years. */
export function globalId(type: "Account" | "Person" | "Ticket" | "Note" | "Attachment", id: string): string {
  return btoa(`${type}:${id}`);
}

/** What /v1 calls a row under `nodeID`: the same text without the padding of its base64. */
export function nodeId(...[type, id]: Parameters<typeof globalId>): string {
  return globalId(type, id).replace(/=+$/, "");
}

/**
 * Returns the statements of `work`, without two kinds: those that look up the credential, whose number is always the same, and
 * those that clean up in the background after a deletion.
 */
export async function statementsOf(app: TestApp, work: () => Promise<unknown>): Promise<readonly RecordedStatement[]> {
  const { statements } = await app.statements.during(work);
  return statements.filter(({ text }) => !/\b(api_keys|discarded_objects)\b/.test(text));
}
