import { createWriteStream, mkdirSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { once } from "node:events";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import pLimit from "p-limit";
import type { NoteCategory } from "#generated/prisma/client.ts";
import { encodeNodeId } from "../lib/global-ids.ts";
import type { ObjectStorage } from "../storage/storage.ts";
import { shownStatuses } from "../tickets/v1-statuses.ts";
import type { ExportedAttachment, ExportedNote, ExportedPerson, ExportedTicket, ExportRows } from "./export-rows.ts";
import { bytesFolder } from "./folder-source.ts";
import { UnusableSource } from "./json-files.ts";
import type { Progress } from "./progress.ts";
import { ticketKinds, v1Collections } from "./shapes.ts";

/** An export, as an operator asks for it. */
export interface ExportRequest {
  readonly rows: ExportRows;
  readonly storage: ObjectStorage;
  readonly progress: Progress;
  /** The slug of the account. */
  readonly account: string;
  /** The folder to write into. Lists that are there already are replaced. */
  readonly directory: string;
}

/** The numbers of records that were written, and the files whose bytes are missing in the store. */
export interface ExportSummary {
  readonly people: number;
  readonly tickets: number;
  readonly notes: number;
  readonly attachments: number;
  readonly missingFiles: readonly string[];
}

const filesWrittenAtOnce = 8;

/**
 * Writes the account, its people, tickets, notes and files into a folder of /v1 lists, which an import reads. The
 * members that a response of /v1 has come first; the others keep what it leaves out. Each list appears when it is
 * complete. Throws {@link UnusableSource} if there is no such account.
 */
export async function exportAccount(request: ExportRequest): Promise<ExportSummary> {
  const { rows, progress, directory } = request;
  const account = await rows.account(request.account);
  if (!account) throw new UnusableSource(`There is no account ${request.account}.`);
  mkdirSync(join(directory, bytesFolder), { recursive: true });
  const stub = { id: account.slug, name: account.name };
  const counts = await rows.counts(account.id);
  await writeNdjson(directory, "accounts", async (write) => {
    const { id, timeZone, languages, createdAt } = account;
    await write({ ...stub, time_zone: timeZone, languages, created_at: createdAt, nodeID: encodeNodeId("Account", id) });
  });

  progress.begin("people", counts.people);
  const people = await writePages(request, "people", (after) => rows.people(account.id, after), toV1Person);
  progress.end();

  progress.begin("tickets", counts.tickets);
  let tickets = 0;
  for (const kind of ticketKinds) {
    const read = (after: number) => rows.tickets(account.id, kind, after);
    tickets += await writePages(request, v1Collections[kind], read, (ticket) => toV1Ticket(ticket, stub));
  }
  progress.end();

  progress.begin("notes", counts.notes);
  const files = { written: 0, missing: [] as string[] }; // filled below
  const notes = await writePages(
    request,
    "notes",
    async (after) => withFiles(request, account.id, await rows.notes(account.id, after), files),
    (note) => toV1Note(note, stub),
  );
  progress.end();
  return { people, tickets, notes, attachments: files.written, missingFiles: files.missing };
}

interface Stub {
  readonly id: string;
  readonly name: string;
}

type NoteWithFiles = ExportedNote & { readonly attachments: readonly ExportedAttachment[] };

/** Writes pages of records to a list until there is no more. Returns the number of records. */
async function writePages<Row extends { readonly number: number }>(
  { directory, progress }: ExportRequest,
  name: string,
  read: (after: number) => Promise<readonly Row[]>,
  toRecord: (row: Row) => object,
): Promise<number> {
  let count = 0;
  await writeNdjson(directory, name, async (write) => {
    for (let after = 0; ;) {
      const page = await read(after);
      const last = page.at(-1);
      if (!last) return;
      for (const row of page) await write(toRecord(row));
      after = last.number;
      count += page.length;
      progress.advance(page.length);
    }
  });
  return count;
}

/** Writes `name.ndjson`. It has its name only when it is complete. */
async function writeNdjson(
  directory: string,
  name: string,
  writeAll: (write: (record: object) => Promise<void>) => Promise<void>,
): Promise<void> {
  const path = join(directory, `${name}.ndjson`);
  const stream = createWriteStream(`${path}.part`, { flush: true });
  await writeAll(async (record) => {
    if (!stream.write(`${JSON.stringify(record)}\n`)) await once(stream, "drain");
  });
  stream.end();
  await once(stream, "close");
  await rename(`${path}.part`, path);
}

/** Returns the notes with their files, and writes the bytes of these. */
async function withFiles(
  { rows, storage, directory }: ExportRequest,
  accountId: string,
  notes: readonly ExportedNote[],
  files: { written: number; readonly missing: string[] },
): Promise<readonly NoteWithFiles[]> {
  const attachments = await rows.attachments(
    accountId,
    notes.map(({ id }) => id),
  );
  const limit = pLimit(filesWrittenAtOnce);
  await Promise.all(
    attachments.map((attachment) =>
      limit(async () => {
        if (await writeBytes(storage, attachment, join(directory, bytesFolder, attachment.id))) files.written += 1;
        else files.missing.push(`${attachment.filename} of note ${attachment.noteId}`);
      }),
    ),
  );
  const byNote = Map.groupBy(attachments, ({ noteId }) => noteId);
  return notes.map((note) => ({ ...note, attachments: byNote.get(note.id) ?? [] }));
}

async function writeBytes(storage: ObjectStorage, { storageKey }: ExportedAttachment, path: string): Promise<boolean> {
  const bytes = await storage.read(storageKey);
  if (bytes === null) {
    await rm(path, { force: true });
    return false;
  }
  await pipeline(bytes, createWriteStream(path));
  return true;
}

function toV1Person(person: ExportedPerson): object {
  return {
    id: person.number,
    name: person.name,
    primary_email: person.email,
    account: { id: person.homeSlug, name: person.homeName },
    nodeID: encodeNodeId("Person", person.id),
    role: person.endedAt === null ? person.role.toLowerCase() : "left",
    created_at: person.createdAt,
    left_at: person.endedAt,
  };
}

function toV1Ticket(ticket: ExportedTicket, account: Stub): object {
  const { requesterNumber: id, requesterName: name } = ticket;
  return {
    id: ticket.number,
    subject: ticket.subject,
    status: shownStatuses(ticket.kind)[ticket.status],
    requested_by: id === null ? null : { id, name },
    account,
    created_at: ticket.createdAt,
    updated_at: ticket.updatedAt,
    nodeID: encodeNodeId("Ticket", ticket.id),
    state: ticket.status,
  };
}

const shownCategories: Readonly<Record<NoteCategory, string>> = { PRE_SCAN: "pre-scan", POST_SCAN: "post-scan" };

function toV1Note(note: NoteWithFiles, account: Stub): object {
  return {
    id: note.number,
    nodeID: encodeNodeId("Note", note.id),
    person: { id: note.authorNumber, name: note.authorName },
    created_at: note.createdAt,
    text: note.text,
    medium: note.medium.toLowerCase(),
    internal: !note.isPublic,
    attachments: note.attachments.map((attachment) => ({
      id: attachment.number,
      name: attachment.filename,
      key: attachment.key,
      inline: attachment.inline,
      size: Number(attachment.size),
      created_at: attachment.createdAt,
      nodeID: encodeNodeId("Attachment", attachment.id),
      file: attachment.id,
      sha256: attachment.sha256,
      content_type: attachment.contentType,
      internal: attachment.isInternal,
    })),
    account,
    inbound_email:
      note.emailNumber === null
        ? null
        : {
            id: note.emailNumber,
            subject: note.emailSubject,
            message_id: note.emailMessageId,
            sender: note.emailSender,
            received_at: note.emailReceivedAt,
          },
    [note.ticketKind.toLowerCase()]: { id: note.ticketNumber, subject: note.ticketSubject },
    updated_at: note.updatedAt,
    editor: note.editorNumber === null ? null : { id: note.editorNumber, name: note.editorName },
    categories: note.categories.map((category) => shownCategories[category]),
    source: note.source,
  };
}
