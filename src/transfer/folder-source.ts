import { createReadStream, existsSync } from "node:fs";
import { access } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import type { z } from "zod";
import { readCsv, readRecords, type ReadValue, UnusableSource } from "./json-files.ts";
import {
  type AccountRecord,
  type AttachmentRecord,
  derivedId,
  noteOfV1,
  noteOfV2,
  personOfV1,
  personOfV2,
  referenceToPerson,
  roleOfName,
  ticketOfV1,
  ticketOfV2,
  UnusableRecord,
  uuidOfNode,
} from "./records.ts";
import {
  legacyAccountShape,
  type LegacyRole,
  ticketKinds,
  v1Collections,
  v1NoteShape,
  v1PersonShape,
  v1TicketShape,
  type V2AttachmentRecord,
  v2AttachmentShape,
  v2NoteShape,
  v2PersonShape,
  v2TicketShape,
} from "./shapes.ts";
import { type Extents, readingOf, type TransferSource } from "./source.ts";

/** What an import is told besides the folder or the API. */
export interface SideFiles {
  /** A CSV file of the tickets, which /v2 does not list. */
  readonly tickets: string | undefined;
  /** A CSV file of the people, which /v2 does not list, and of their roles, which neither API tells. */
  readonly people: string | undefined;
}

/** The folder of the files of attachments. */
export const bytesFolder = "files";

const integersOfTickets = ["number"];

/** Returns the rows of a CSV file that was given or is in the folder, or else of the list in the folder. */
async function* rowsOfFile(given: string | undefined, directory: string, name: string, integers: readonly string[]) {
  const path = given ?? join(directory, `${name}.csv`);
  if (given !== undefined || existsSync(path)) yield* readCsv(path, integers);
  else yield* readRecords(directory, name);
}

export function accountRecordOf(account: z.output<typeof legacyAccountShape>): AccountRecord {
  const slug = account.slug ?? account.id;
  if (slug === undefined) throw new UnusableRecord("it has neither slug nor id");
  const { name, time_zone: timeZone, languages, created_at: createdAt } = account;
  return { id: uuidOfNode("Account", account.nodeID) ?? accountIdOf(slug), slug, name, timeZone, languages, createdAt };
}

/** Returns the id of an account whose source has only its slug. */
export function accountIdOf(slug: string): string {
  return derivedId(`account ${slug}`, new Date("2026-05-01T08:00:00Z"));
}

/** Returns the roles in a CSV file of people of /v1 with the columns `id` and `role`. */
export async function readRoles(path: string | undefined): Promise<ReadonlyMap<string, LegacyRole>> {
  const roles = new Map<string, LegacyRole>();
  if (path === undefined) return roles;
  const shape = v1PersonShape.pick({ id: true, role: true }).required();
  for await (const { at, value } of readCsv(path, ["id"])) {
    const reading = readingOf({ at, value }, shape, (row) => row);
    if (reading.item === undefined) throw new UnusableSource(`${at}: ${reading.problem}`);
    roles.set(referenceToPerson(reading.item.id), reading.item.role);
  }
  return roles;
}

async function* mapped<Item>(values: AsyncIterable<ReadValue>, map: (value: ReadValue) => Item): AsyncGenerator<Item> {
  for await (const value of values) yield map(value);
}

/** Returns the parts of a source that read the bytes of the files in `directory`. */
function bytesIn(directory: string): Pick<TransferSource, "openBytes" | "checkBytes"> {
  const root = resolve(directory, bytesFolder);
  async function pathOf({ file }: AttachmentRecord): Promise<string> {
    if (file === undefined) throw new UnusableRecord("it names no file of the folder");
    const path = resolve(root, file);
    // A name from a file that somebody else has written must not lead out of the folder.
    if (!path.startsWith(root + sep)) throw new UnusableRecord(`${file} is not in the folder ${bytesFolder}`);
    try {
      await access(path);
    } catch {
      // Missing, or not readable: either way there are no bytes to take.
      throw new UnusableRecord(`the folder has no file ${bytesFolder}/${file}`);
    }
    return path;
  }
  return {
    openBytes: async (attachment) => createReadStream(await pathOf(attachment)),
    checkBytes: async (attachment) => void (await pathOf(attachment)),
  };
}

/** Returns the source that reads a folder with lists of /v1, such as `npm run export` writes. */
export async function openV1Folder(directory: string, side: SideFiles): Promise<TransferSource> {
  const roles = await readRoles(side.people);
  const source: Omit<TransferSource, "extents"> = {
    accounts: () =>
      mapped(readRecords(directory, "accounts"), (value) => readingOf(value, legacyAccountShape, accountRecordOf)),
    people: () =>
      mapped(readRecords(directory, "people"), (value) =>
        readingOf(value, v1PersonShape, (person) => {
          const record = personOfV1(person);
          return { ...record, role: record.role === undefined ? roleOfName(roles.get(record.reference)) : record.role };
        }),
      ),
    async *tickets() {
      for (const kind of ticketKinds)
        yield* mapped(readRecords(directory, v1Collections[kind]), (value) =>
          readingOf(value, v1TicketShape, (ticket) => ticketOfV1(kind, ticket)),
        );
    },
    notes: () => mapped(readRecords(directory, "notes"), (value) => readingOf(value, v1NoteShape, noteOfV1)),
    ...bytesIn(directory),
  };
  return { ...source, extents: () => extentsOf(source) };
}

/** Returns the source that reads a folder with lists of /v2, and CSV files of the tickets and the people. */
export async function openV2Folder(directory: string, side: SideFiles): Promise<TransferSource> {
  const attachments = new Map<string, V2AttachmentRecord[]>();
  for await (const value of readRecords(directory, "note-attachments")) {
    const reading = readingOf(value, v2AttachmentShape, (attachment) => attachment);
    if (reading.item === undefined) throw new UnusableSource(`${reading.at}: ${reading.problem}`);
    const ofNote = attachments.get(reading.item.note_id) ?? [];
    attachments.set(reading.item.note_id, [...ofNote, reading.item]);
  }
  const source: Omit<TransferSource, "extents"> = {
    accounts: () =>
      mapped(readRecords(directory, "accounts"), (value) => readingOf(value, legacyAccountShape, accountRecordOf)),
    people: () => v2People(side.people, directory),
    tickets: () => v2Tickets(side.tickets, directory),
    notes: () =>
      mapped(readRecords(directory, "notes"), (value) =>
        readingOf(value, v2NoteShape, (note) => noteOfV2(note, attachments.get(note.id) ?? [])),
      ),
    ...bytesIn(directory),
  };
  return { ...source, extents: () => extentsOf(source) };
}

export function v2Tickets(path: string | undefined, directory = "."): ReturnType<TransferSource["tickets"]> {
  return mapped(rowsOfFile(path, directory, "tickets", integersOfTickets), (value) =>
    readingOf(value, v2TicketShape, ticketOfV2),
  );
}

export function v2People(path: string | undefined, directory = "."): ReturnType<TransferSource["people"]> {
  return mapped(rowsOfFile(path, directory, "people", integersOfTickets), (value) =>
    readingOf(value, v2PersonShape, personOfV2),
  );
}

/** Reads everything once, because the numbers must be reserved before the first of them is written. */
async function extentsOf(source: Omit<TransferSource, "extents">): Promise<Extents> {
  const counts = { people: 0, tickets: 0, notes: 0 };
  const numbers = { people: 0, tickets: 0, notes: 0, attachments: 0, inbound_emails: 0 };
  const raise = (table: keyof typeof numbers, number = 0) => {
    numbers[table] = Math.max(numbers[table], number);
  };
  for await (const { item } of source.people()) {
    counts.people += 1;
    raise("people", item?.number);
  }
  for await (const { item } of source.tickets()) {
    counts.tickets += 1;
    raise("tickets", item?.number);
  }
  for await (const { item } of source.notes()) {
    counts.notes += 1;
    raise("notes", item?.number);
    raise("inbound_emails", item?.inboundEmail?.number);
    for (const attachment of item?.attachments ?? []) raise("attachments", attachment.number);
  }
  return { counts, numbers };
}
