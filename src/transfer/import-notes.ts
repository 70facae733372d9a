import { InvalidInput } from "../errors.ts";
import { byteLength } from "../lib/text.ts";
import { checkText } from "../notes/input.ts";
import { importAttachments, type NoteFiles } from "./import-attachments.ts";
import { differences, differsIn, type Entry, type ImportContext, addMissing, type Verdict } from "./import-context.ts";
import { importInboundEmails, type NoteEmail } from "./import-emails.ts";
import { personMentioned } from "./import-people.ts";
import type { KnownNote, ImportedNote } from "./import-rows.ts";
import { createPartitions } from "./partitions.ts";
import { derivedId, type NoteRecord, UnusableRecord } from "./records.ts";
import { withNumbers } from "./rich-text-references.ts";

interface NoteEntry extends ImportedNote {
  readonly originalId: string;
  readonly originalNumber: number | undefined;
  readonly accountId: string;
}

/** A note on its way, with what belongs to it. */
interface NoteItem {
  readonly entry: Entry<NoteEntry>;
  readonly record: NoteRecord;
}

/** Larger batches are not faster, and one must be done long before a statement is given up. */
const maxBatchNotes = 500;
const maxBatchBytes = 2_000_000;

/**
 * Imports the notes of the source with their attachments. Notes of one ticket are written one batch after the other,
 * because each batch updates the counts of its tickets.
 */
export async function importNotes(context: ImportContext): Promise<void> {
  const partitions = createPartitions<NoteItem>({
    count: context.concurrency,
    maxItems: maxBatchNotes,
    maxSize: maxBatchBytes,
    write: async (items) => {
      for (const [accountId, ofAccount] of Map.groupBy(items, ({ entry }) => entry.row.accountId))
        await importBatch(context, accountId, ofAccount);
      context.progress.advance(items.length);
    },
  });
  for await (const reading of context.source.notes()) {
    if (reading.item === undefined) {
      context.reject("note", reading.at, reading.id, reading.problem);
      continue;
    }
    const item = await itemOf(context, reading.at, reading.id, reading.item);
    if (item) await partitions.add(item.entry.row.ticketId, item, byteLength(item.entry.row.text));
  }
  await partitions.end();
}

async function itemOf(context: ImportContext, at: string, sourceId: string, record: NoteRecord): Promise<NoteItem | undefined> {
  try {
    return { record, entry: { at, sourceId, row: await noteRowOf(context, at, record) } };
  } catch (error) {
    if (!(error instanceof UnusableRecord || error instanceof InvalidInput)) throw error;
    context.reject("note", at, sourceId, error.message);
    return undefined;
  }
}

/** Throws {@link UnusableRecord} or {@link InvalidInput} for a note that cannot be taken. */
async function noteRowOf(context: ImportContext, at: string, record: NoteRecord): Promise<NoteEntry> {
  const ticket = context.tickets.get(record.ticket);
  if (!ticket) throw new UnusableRecord(`its ticket ${record.ticket} was not imported`);
  const account = [...context.accounts.values()].find(({ id }) => id === ticket.accountId);
  if (!account) throw new UnusableRecord(`the account of its ticket ${record.ticket} was not imported`);
  const text =
    context.renumbered.size === 0 ? record.text : withNumbers(record.text, (reference) => context.renumbered.get(reference));
  checkText(text);
  const { updatedAt = null, createdAt, isPublic, medium, source = null } = record;
  if (updatedAt !== null && updatedAt < createdAt) throw new UnusableRecord("it was updated before it was created");
  const author = await personMentioned(context, record.author, account, at);
  const editor = record.editor && (await personMentioned(context, record.editor, account, at));
  const originalId = record.id ?? derivedId(`note ${record.number ?? ""} of ${account.slug}`, createdAt);
  const mapped = context.idMap?.get("note", originalId);
  return {
    ...{ id: mapped?.id ?? originalId, originalId, originalNumber: record.number, accountId: account.id },
    number: mapped?.number ?? record.number ?? null,
    ...{ ticketId: ticket.id, authorNumber: author.number, editorNumber: editor?.number ?? null },
    ...{ text, isPublic, categories: [...record.categories], medium, source, createdAt, updatedAt },
  };
}

async function importBatch(context: ImportContext, accountId: string, items: readonly NoteItem[]): Promise<void> {
  const records = new Map(items.map(({ entry, record }) => [entry, record]));
  const byRow = new Map(items.map(({ entry, record }) => [entry.row.id, record]));
  const files: NoteFiles[] = [];
  const emails: NoteEmail[] = [];
  await addMissing<NoteEntry>(context, [...records.keys()], {
    kind: "note",
    judge: async (open) => {
      const wanted = { ids: open.map(({ row }) => row.id), numbers: open.flatMap(({ row }) => row.number ?? []) };
      const known = await context.rows.knownNotes(accountId, wanted);
      const byId = new Map(known.map((note) => [note.id, note]));
      const taken = new Set(known.map(({ number }) => number));
      return ({ row }) => noteVerdict(context, row, byId.get(row.id), taken);
    },
    add: async (added) => {
      const rows = added.map(({ row }) => row);
      if (context.isDryRun) return rows.map(({ id, number }) => ({ id, number: number ?? 0 }));
      await context.rows.beginSegments(
        accountId,
        rows.flatMap(({ number }) => number ?? []),
      );
      return context.rows.addNotes(accountId, rows);
    },
    onPresent: ({ row, at, sourceId }, { id, number }) => {
      const { originalId, originalNumber: from } = row;
      if (from !== undefined && from !== number)
        context.idMap?.add({ kind: "note", from: { id: originalId, number: from }, to: { id, number } });
      const record = byRow.get(row.id);
      if (!record) return;
      const { attachments, inboundEmail } = record;
      if (attachments.length > 0) files.push({ at, noteId: id, createdAt: row.createdAt, attachments, sourceId });
      if (inboundEmail) emails.push({ at, noteId: id, noteNumber: number, row, inboundEmail, sourceId });
    },
  });
  await importInboundEmails(context, accountId, emails);
  await importAttachments(context, accountId, files);
}

function noteVerdict(
  { idMap }: ImportContext,
  row: NoteEntry,
  same: KnownNote | undefined,
  taken: ReadonlySet<number>,
): Verdict<NoteEntry> {
  if (same) {
    const differing = differences({
      text: [same.text, row.text],
      ticket: [same.ticketId, row.ticketId],
      author: [same.authorNumber, row.authorNumber],
      visibility: [same.isPublic, row.isPublic],
      categories: [same.categories, row.categories],
      medium: [same.medium, row.medium],
      "time of creation": [same.createdAt, row.createdAt],
      "time of update": [same.updatedAt, row.updatedAt],
      number: [same.number, idMap || row.number === null ? same.number : row.number],
    });
    return differing.length === 0 ? { kind: "unchanged", row: same } : { kind: "reject", reason: differsIn(differing) };
  }
  if (row.number === null || !taken.has(row.number)) return { kind: "add", row };
  if (idMap) return { kind: "add", row: { ...row, number: null } };
  return { kind: "reject", reason: `the number ${row.number} is that of another note; --id-map gives another one` };
}
