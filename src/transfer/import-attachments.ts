import pLimit from "p-limit";
import { distinctNames } from "../attachments/distinct-names.ts";
import { contentTypeOf, parseFilename } from "../attachments/filename.ts";
import { InvalidInput } from "../errors.ts";
import {
  differences,
  differsIn,
  type Entry,
  type ImportContext,
  type RefusedRow,
  addMissing,
  type Verdict,
} from "./import-context.ts";
import type { AddedRow, KnownAttachment, NewAttachment } from "./import-rows.ts";
import { type AttachmentRecord, derivedId, UnusableRecord } from "./records.ts";

/** The files of an imported note. */
export interface NoteFiles {
  readonly at: string;
  readonly sourceId: string;
  readonly noteId: string;
  readonly createdAt: Date;
  readonly attachments: readonly AttachmentRecord[];
}

interface AttachmentEntry extends Omit<NewAttachment, "size" | "sha256"> {
  readonly originalId: string;
  readonly record: AttachmentRecord;
}

/** The number of files of a batch that are stored at the same time. */
const filesAtOnce = 8;

/**
 * Imports the files of notes. The bytes go through the store like those of an upload, and the row is added when they
 * are there. An import that ends in between writes them under the same key again.
 */
export async function importAttachments(context: ImportContext, accountId: string, files: readonly NoteFiles[]): Promise<void> {
  if (files.length === 0) return;
  const entries = files.flatMap((ofNote) => entriesOf(context, accountId, ofNote));
  await addMissing<AttachmentEntry>(context, entries, {
    kind: "attachment",
    judge: async (open) => {
      const known = await context.rows.knownAttachments(accountId, {
        ids: open.map(({ row }) => row.id),
        numbers: open.flatMap(({ row }) => row.number ?? []),
        noteIds: [...new Set(open.map(({ row }) => row.noteId))],
      });
      return verdicts(context, known);
    },
    add: (wanted) => addAll(context, accountId, wanted),
    onPresent: ({ row }, { id, number }) => {
      const from = row.record.number;
      if (from !== undefined && from !== number)
        context.idMap?.add({ kind: "attachment", from: { id: row.originalId, number: from }, to: { id, number } });
    },
  });
}

function entriesOf(
  context: ImportContext,
  accountId: string,
  { at, sourceId, noteId, createdAt, attachments }: NoteFiles,
): Entry<AttachmentEntry>[] {
  const names = distinctNames(attachments.map(({ filename }) => filename));
  return attachments.flatMap((record, index): Entry<AttachmentEntry>[] => {
    const filename = names[index] ?? record.filename;
    try {
      parseFilename(filename);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      context.reject("attachment", at, `${sourceId} ${record.filename}`, error.message);
      return [];
    }
    const writtenAt = record.createdAt ?? createdAt;
    const originalId = record.id ?? derivedId(`attachment ${filename} of ${noteId}`, writtenAt);
    const mapped = context.idMap?.get("attachment", originalId);
    const id = mapped?.id ?? originalId;
    const row: AttachmentEntry = {
      ...{ id, originalId, record, noteId, filename, createdAt: writtenAt, storageKey: `${accountId}/${id}` },
      number: mapped?.number ?? record.number ?? null,
      contentType: record.contentType ?? contentTypeOf(filename),
      ...{ inline: record.inline, isInternal: record.isInternal, key: record.key ?? null },
    };
    return [{ at, sourceId: `${sourceId} ${filename}`, row }];
  });
}

function verdicts(
  { idMap }: ImportContext,
  known: readonly KnownAttachment[],
): (entry: Entry<AttachmentEntry>) => Verdict<AttachmentEntry> {
  const byId = new Map(known.map((attachment) => [attachment.id, attachment]));
  const numbers = new Set(known.map(({ number }) => number));
  const byName = new Map(known.map((attachment) => [`${attachment.noteId} ${attachment.filename}`, attachment]));
  return ({ row }) => {
    const namesake = byName.get(`${row.noteId} ${row.filename}`);
    // /v2 has no ids of files: there a file is known by its note and its name.
    const same = byId.get(row.id) ?? (row.record.id === undefined && row.record.number === undefined ? namesake : undefined);
    if (same) {
      const { size = same.size, sha256 = same.sha256 } = row.record;
      const differing = differences({
        note: [same.noteId, row.noteId],
        name: [same.filename, row.filename],
        size: [Number(same.size), Number(size)],
        digest: [same.sha256, sha256],
        number: [same.number, idMap || row.number === null ? same.number : row.number],
      });
      return differing.length === 0 ? { kind: "unchanged", row: same } : { kind: "reject", reason: differsIn(differing) };
    }
    if (namesake) return { kind: "reject", reason: "the note has another file of that name" };
    if (row.number === null || !numbers.has(row.number)) return { kind: "add", row };
    if (idMap) return { kind: "add", row: { ...row, number: null } };
    return { kind: "reject", reason: `the number ${row.number} is that of another file; --id-map gives another one` };
  };
}

/** Stores the bytes of all files, and adds the rows of those of which that succeeds. The others are refused. */
async function addAll(
  context: ImportContext,
  accountId: string,
  wanted: readonly Entry<AttachmentEntry>[],
): Promise<readonly (AddedRow | RefusedRow)[]> {
  const limit = pLimit(filesAtOnce);
  const outcomes = await Promise.all(wanted.map(({ row }) => limit(() => storedOrRefused(context, row))));
  const refused = outcomes.filter((outcome): outcome is RefusedRow => "refusal" in outcome);
  const rows = outcomes.filter((outcome): outcome is NewAttachment => !("refusal" in outcome));
  if (context.isDryRun) return [...refused, ...rows.map(({ id, number }) => ({ id, number: number ?? 0 }))];
  return rows.length === 0 ? refused : [...refused, ...(await context.rows.addAttachments(accountId, rows))];
}

async function storedOrRefused(context: ImportContext, row: AttachmentEntry): Promise<NewAttachment | RefusedRow> {
  try {
    return await storeBytes(context, row);
  } catch (error) {
    if (!(error instanceof UnusableRecord || error instanceof InvalidInput)) throw error;
    return { id: row.id, refusal: error.message };
  }
}

/** Returns the row of a file once its bytes are stored. Throws {@link UnusableRecord} or {@link InvalidInput}. */
async function storeBytes(
  { source, storage, isDryRun }: ImportContext,
  { record, ...row }: AttachmentEntry,
): Promise<NewAttachment> {
  if (isDryRun) {
    await source.checkBytes(record);
    return { ...row, size: "0", sha256: null };
  }
  const bytes = await source.openBytes(record);
  const written = await storage.write(row.storageKey, bytes, {
    maximumBytes: Number.MAX_SAFE_INTEGER,
    exactBytes: record.size,
  });
  if (record.sha256 !== undefined && record.sha256 !== written.sha256) {
    await storage.remove([row.storageKey]);
    throw new UnusableRecord(`its bytes have the digest ${written.sha256}, not ${record.sha256}`);
  }
  return { ...row, size: String(written.size), sha256: written.sha256 };
}
