import pg from "pg";
import { setTimeout as pause } from "node:timers/promises";
import type { Attachment, Note, Redaction, RedactionReason } from "#generated/prisma/client.ts";
import { requireStillAdministrator } from "../access/still-administrator.ts";
import type { KeptFiles } from "../attachments/deleted-files.ts";
import { attachmentById } from "../attachments/relations.ts";
import type { Database } from "../database/database.ts";
import { raw, sql, type Sql, whereSql } from "../database/sql.ts";
import { selectList } from "../database/table.ts";
import { DomainError, invalid, NotFound, Unavailable } from "../errors.ts";
import { type KeyClaim, noClaim } from "../idempotency/claim.ts";
import type { Idempotency } from "../idempotency/service.ts";
import type { Clock } from "../lib/clock.ts";
import { byteLength } from "../lib/text.ts";
import { maximumTextBytes } from "../notes/input.ts";
import { noteColumns } from "../notes/insert-notes.ts";
import { NoteChanged } from "../notes/note-changed.ts";
import { visibleNotes } from "../notes/policy.ts";
import { noteById } from "../notes/relations.ts";
import type { TextRenderer } from "../notes/richtext/rendering.ts";
import type { Reads } from "../query/reads.ts";
import type { PersonViewer, Viewer } from "../viewer.ts";
import { hiddenRuns, type MarkedText, whollyHidden, withoutHidden } from "./hidden-characters.ts";
import { markSpans, type RedactAttachmentInput, redactFilename, type RedactNoteInput } from "./input.ts";
import { redactor } from "./policy.ts";
import { createQuotations, markOccurrences, type Quotations } from "./quotations.ts";
import { type ReadVersions, redactionsOfQuotingNotes } from "./quoting-notes.ts";
import { redactionsTable } from "./table.ts";
import { type NoteRedaction, redactionStatement } from "./write-redactions.ts";

export type { Redaction } from "#generated/prisma/client.ts";

declare module "../services.ts" {
  interface Services {
    readonly redactions: Redactions;
  }
}

/** Removes what should never have been written, for ever and from every copy. */
export interface Redactions {
  /** Returns the redactions of each of the notes, the oldest first; none for a note that the viewer may not see. */
  ofNotes(viewer: Viewer, noteIds: readonly string[]): Promise<Redaction[][]>;
  /**
   * Redacts parts of a note, or the whole note with its attachments, and the text of all its earlier states. The note
   * may be deleted, as long as it is kept: then null is returned. Nothing is written if there is nothing left to
   * redact. Throws {@link NotFound} if the viewer may not see the note,
   * `Forbidden` if they may not redact, {@link NoteChanged} if it is in none of the expected versions, and
   * `InvalidInput` if a span is not valid.
   */
  redactNote(viewer: Viewer, input: RedactNoteInput): Promise<Note | null>;
  /**
   * Removes the file of an attachment and its name. If the text of the note or of an earlier state names the file, its
   * name is removed there too, and all earlier states lose their text. Throws {@link NotFound} if the viewer may not
   * see the attachment, and `Forbidden` if they may not redact.
   */
  redactAttachment(viewer: Viewer, input: RedactAttachmentInput): Promise<Attachment>;
}

export interface RedactionsDependencies {
  readonly database: Database;
  readonly reads: Reads;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly idempotency: Idempotency;
  readonly texts: Pick<TextRenderer, "renderPlain">;
  /** Hides the bytes of the files of a deleted note, so that they are at one place. */
  readonly keptFiles: Pick<KeptFiles, "hide">;
  /** Removes the bytes of redacted files. */
  readonly removeDiscarded: () => Promise<void>;
}

/** How often a redaction is tried while others change the note. */
const maxRedactionAttempts = 10;

/** How long a note may be on its way to the database that was sent before the redaction. */
const sendingMilliseconds = 100;

/** The number of notes that one statement redacts. A text can have 64 KiB. */
const redactedAtOnce = 200;

const redactionColumns = selectList(redactionsTable, "r");

/** A note, and whether it is deleted. */
interface RedactableNote {
  readonly note: Note;
  readonly isDeleted: boolean;
}

/** A text that a note had before. */
interface EarlierState {
  readonly text: string;
  readonly isPublic: boolean;
}

/** What a redaction removes of one state of a note: of its text, in the forms in which programs quote it. */
interface RemovedState {
  readonly isPublic: boolean;
  readonly removed: readonly MarkedText[];
}

/** A redaction of a note, and what it removes of all the states that the note has and had. */
interface WantedRedaction extends RedactableNote {
  readonly redaction: NoteRedaction;
  readonly states: readonly RemovedState[];
  readonly reason: RedactionReason;
}

export function createRedactions(dependencies: RedactionsDependencies): Redactions {
  const { database, reads, clock, newId, idempotency, texts, keptFiles, removeDiscarded } = dependencies;

  async function requireNote(viewer: Viewer, id: string | undefined): Promise<Note> {
    const [note] = id === undefined ? [] : await reads.byKeys(viewer, noteById, [id]);
    if (!note) throw new NotFound("note");
    return note;
  }

  /** Returns a note, also if it is deleted. Throws {@link NotFound} if the viewer may not see it. */
  async function findNote(viewer: Viewer, id: string | undefined): Promise<RedactableNote> {
    const [note] = id === undefined ? [] : await reads.byKeys(viewer, noteById, [id]);
    if (note) return { note, isDeleted: false };
    const [deleted] = await database.query<Note>(sql`
      SELECT ${noteColumns} FROM deleted_notes n WHERE ${whereSql("n", visibleNotes(viewer))} AND n.id = ${id}::uuid`);
    if (!deleted) throw new NotFound("note");
    return { note: deleted, isDeleted: true };
  }

  /** Returns the note, or null if it is deleted. Throws as {@link findNote}. */
  async function shownNote(viewer: Viewer, id: string | undefined): Promise<Note | null> {
    const { note, isDeleted } = await findNote(viewer, id);
    return isDeleted ? null : note;
  }

  async function requireAttachment(viewer: Viewer, id: string | undefined): Promise<Attachment> {
    const [attachment] = id === undefined ? [] : await reads.byKeys(viewer, attachmentById, [id]);
    if (!attachment) throw new NotFound("attachment");
    return attachment;
  }

  /** Returns whether the note has earlier states with a text, an email that it was received as, or files. */
  async function hasRemains({ note, isDeleted }: RedactableNote, files: Sql): Promise<boolean> {
    const attachments = raw(isDeleted ? "deleted_attachments" : "attachments");
    const ofNote = (alias: string) => whereSql(alias, { accountId: note.accountId, noteId: note.id });
    const [found] = await database.query<{ remains: boolean }>(sql`
      SELECT EXISTS (SELECT FROM note_edits e WHERE ${ofNote("e")} AND e.text IS NOT NULL)
        OR EXISTS (SELECT FROM inbound_emails i WHERE ${ofNote("i")} AND i.sender IS NOT NULL)
        OR EXISTS (SELECT FROM ${attachments} a WHERE ${ofNote("a")} AND a.state <> 'REDACTED' AND ${files}) AS remains`);
    return found?.remains === true;
  }

  /**
   * Writes a redaction, and those of the notes that quote what it removes, under the claim of a key. Returns false if
   * somebody has changed one of the notes since it was read, or if another redaction has taken the name for a file of
   * the same note. Then the note itself was not changed.
   */
  async function write(by: PersonViewer, wanted: WantedRedaction, key: KeyClaim, ids: readonly string[]): Promise<boolean> {
    const { note, redaction, states } = wanted;
    const publicStates = states.filter(({ isPublic }) => isPublic);
    const ofAll = await quotationsOf(states);
    const ofPublic = publicStates.length === states.length ? ofAll : await quotationsOf(publicStates);
    const quoted = { note, ofAll, ofPublic, wasPublic: publicStates.length > 0 };
    const read: ReadVersions = new Map();
    const quoting = await redactionsOfQuotingNotes(database, quoted, read);
    if (!(await writeAll(by, wanted, [redaction, ...quoting], { key, ids }))) return false;
    // Answers that were on their way meanwhile. They arrive in a moment.
    await pause(sendingMilliseconds);
    for (let passes = 0; passes < maxRedactionAttempts; passes += 1) {
      const late = await redactionsOfQuotingNotes(database, quoted, read);
      if (late.length === 0) return true;
      await writeAll(by, wanted, late, { key: noClaim, ids: [] });
      // If one of them was changed, the next pass reads it again.
      for (const { id } of late) read.delete(id);
    }
    return true;
  }

  /** Writes redactions, the first one last, with the key. Returns false if one of the notes was changed. */
  async function writeAll(
    by: PersonViewer,
    { note, reason }: WantedRedaction,
    notes: readonly NoteRedaction[],
    { key, ids }: { readonly key: KeyClaim; readonly ids: readonly string[] },
  ): Promise<boolean> {
    for (const { id, isDeleted } of notes) if (isDeleted) await keptFiles.hide(note.accountId, id);
    // The note itself comes last: what quotes it can be found as long as it has its text.
    for (let start = redactedAtOnce * Math.floor((notes.length - 1) / redactedAtOnce); start >= 0; start -= redactedAtOnce) {
      const batch = notes.slice(start, start + redactedAtOnce);
      const claim = start === 0 ? key : noClaim;
      const statement = redactionStatement({ by, now: clock(), reason, notes: batch, newId, key: claim, ids });
      if (!(await isWritten(statement))) return false;
    }
    return true;
  }

  async function isWritten(statement: Sql): Promise<boolean> {
    try {
      return (await database.query(statement)).length > 0;
    } catch (error) {
      if (isFilenameTaken(error)) return false;
      throw error;
    }
  }

  /** Returns the texts that the note had before, with whether it was public. */
  async function earlierStates({ accountId, id }: Note): Promise<EarlierState[]> {
    return database.query<EarlierState & Record<string, unknown>>(sql`
      SELECT DISTINCT e.text, e.is_public AS "isPublic" FROM note_edits e
      WHERE e.account_id = ${accountId}::uuid AND e.note_id = ${id}::uuid AND e.text IS NOT NULL`);
  }

  /** Returns what is removed of all states of the note, if `marked` is removed of its text. */
  async function removedStates(viewer: Viewer, note: Note, marked: MarkedText, isWhole: boolean): Promise<RemovedState[]> {
    const parts = hiddenRuns(marked);
    const earlier = (await earlierStates(note)).map(({ text, isPublic }) => ({
      isPublic,
      removed: isWhole ? whollyHidden(text) : markOccurrences(text, parts),
    }));
    const states = [{ isPublic: note.isPublic, removed: marked }, ...earlier];
    return Promise.all(
      states.map(async ({ isPublic, removed }) => ({
        isPublic,
        removed: [removed, whollyHidden(await plainText(viewer, hiddenRuns(removed).join("\n\n")))],
      })),
    );
  }

  /** Returns a text as programs quote it that show it without its markup. */
  async function plainText(viewer: Viewer, text: string): Promise<string> {
    try {
      return await texts.renderPlain(text, viewer);
    } catch (error) {
      // It is too costly to show, so nobody was shown it without its markup.
      if (error instanceof DomainError) return "";
      throw error;
    }
  }

  /** Redacts a note under the claim of a key. Tries again if others change the note in the same moment. */
  async function redactNote(viewer: Viewer, input: RedactNoteInput, key: KeyClaim): Promise<Note | null> {
    const by = redactor(viewer);
    const { id, spans, reason, expectedVersions } = input;
    for (let attempts = 0; attempts < maxRedactionAttempts; attempts += 1) {
      const found = await findNote(viewer, id);
      const { note, isDeleted } = found;
      if (expectedVersions?.includes(note.version) === false) throw new NoteChanged(note);
      const isWhole = spans === undefined;
      const marked = isWhole ? whollyHidden(note.text) : markSpans(note.text, spans);
      const text = isWhole ? "" : withoutHidden(marked);
      if (byteLength(text) > maximumTextBytes) throw invalid("spans", "The text would be too long: redact larger parts.");
      const isSame = text === note.text && (!isWhole || note.medium === "REDACTED");
      // The email that was kept has the whole text.
      const files = isWhole ? sql`true` : sql`a.is_internal`;
      if (isSame && !(await hasRemains(found, files))) {
        await key.keep([id]);
        return isDeleted ? null : note;
      }
      const redaction = { ...redactedBy(found), text, isWhole, mail: "REDACTED" } as const;
      const states = await removedStates(viewer, note, marked, isWhole);
      if (!(await write(by, { ...found, states, redaction, reason }, key, [id]))) {
        await requireStillAdministrator(database, by);
        continue;
      }
      await removeDiscarded();
      return shownNote(viewer, id);
    }
    throw new Unavailable({}, "Too many people are changing this note. Try again in a few seconds.");
  }

  /**
   * Returns the text of a note without the name of a file. Undefined if neither the text nor one of its earlier states
   * has the name.
   */
  async function textWithout(note: Note, { filename, key }: Attachment): Promise<string | undefined> {
    const text = redactFilename(note.text, filename, key);
    if (text !== note.text) return text;
    const [found] = await database.query<{ isNamed: boolean }>(sql`
      SELECT EXISTS (
        SELECT FROM note_edits e WHERE e.account_id = ${note.accountId}::uuid AND e.note_id = ${note.id}::uuid
          AND (strpos(e.text, ${filename}) > 0 OR strpos(e.text, ${key}::text) > 0)
      ) AS "isNamed"`);
    return found?.isNamed === true ? text : undefined;
  }

  async function redactAttachment(viewer: Viewer, { id, reason }: RedactAttachmentInput, key: KeyClaim): Promise<Attachment> {
    const by = redactor(viewer);
    for (let attempts = 0; attempts < maxRedactionAttempts; attempts += 1) {
      const attachment = await requireAttachment(viewer, id);
      if (attachment.state === "REDACTED") {
        await key.keep([id]);
        return attachment;
      }
      const note = await requireNote(viewer, attachment.noteId);
      const text = await textWithout(note, attachment);
      const found = { note, isDeleted: false };
      const redaction = { ...redactedBy(found), text: text ?? null, attachmentId: id };
      const names = [attachment.filename, attachment.key].filter((name) => name !== null).map(whollyHidden);
      const states = [note, ...(await earlierStates(note))].map(({ isPublic }) => ({ isPublic, removed: names }));
      if (!(await write(by, { ...found, states, redaction, reason }, key, [id]))) {
        await requireStillAdministrator(database, by);
        continue;
      }
      await removeDiscarded();
      return requireAttachment(viewer, id);
    }
    throw new Unavailable({}, "Too many people are changing this note. Try again in a few seconds.");
  }

  return {
    async ofNotes(viewer, noteIds) {
      const { accountId } = visibleNotes(viewer);
      const visible = await reads.byKeys(viewer, noteById, noteIds);
      const ids = visible.flatMap((note) => (note ? [note.id] : []));
      const rows = await database.query<Redaction>(sql`
        SELECT ${redactionColumns} FROM redactions r
        WHERE r.account_id = ${accountId}::uuid AND r.note_id = ANY(${ids}::uuid[]) ORDER BY r.redacted_at, r.id`);
      const byNote = Map.groupBy(rows, ({ noteId }) => noteId);
      return noteIds.map((id) => byNote.get(id) ?? []);
    },

    redactNote: (viewer, input) =>
      idempotency.once(redactor(viewer), input.idempotencyKey, {
        write: (key) => redactNote(viewer, input, key),
        replay: ([id]) => shownNote(viewer, id),
      }),

    redactAttachment: (viewer, input) =>
      idempotency.once(redactor(viewer), input.idempotencyKey, {
        write: (key) => redactAttachment(viewer, input, key),
        replay: ([id]) => requireAttachment(viewer, id),
      }),
  };
}

/** A redaction that removes nothing yet. */
function redactedBy({ note: { id, version }, isDeleted }: RedactableNote): NoteRedaction {
  return { id, version, isDeleted, text: null, isWhole: false, attachmentId: null, mail: "KEPT", isTold: true };
}

function quotationsOf(states: readonly RemovedState[]): Promise<Quotations> {
  return createQuotations(states.flatMap(({ removed }) => removed));
}

function isFilenameTaken(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "23505" && error.constraint === "attachments_note_id_filename_key";
}
