import pg from "pg";
import type { Attachment, Note, Redaction, RedactionReason } from "#generated/prisma/client.ts";
import { auditInsert } from "../access/audit.ts";
import { isStillAdministrator, requireStillAdministrator } from "../access/still-administrator.ts";
import type { KeptFiles } from "../attachments/deleted-files.ts";
import { attachmentById } from "../attachments/relations.ts";
import { attachmentsTable, discardedObjectsTable } from "../attachments/tables.ts";
import type { Database } from "../database/database.ts";
import { empty, raw, sql, type Sql, whereSql } from "../database/sql.ts";
import { insertInto, selectList, setList } from "../database/table.ts";
import { invalid, NotFound, Unavailable } from "../errors.ts";
import type { KeyClaim } from "../idempotency/claim.ts";
import type { Idempotency } from "../idempotency/service.ts";
import type { Clock } from "../lib/clock.ts";
import { redactionMark } from "../lib/redaction-mark.ts";
import { byteLength } from "../lib/text.ts";
import { inboundEmailsTable } from "../mail/table.ts";
import { maximumTextBytes } from "../notes/input.ts";
import { noteColumns } from "../notes/insert-notes.ts";
import { NoteChanged } from "../notes/note-changed.ts";
import { visibleNotes } from "../notes/policy.ts";
import { noteById } from "../notes/relations.ts";
import { notesTable } from "../notes/table.ts";
import type { Reads } from "../query/reads.ts";
import type { PersonViewer, Viewer } from "../viewer.ts";
import { type RedactAttachmentInput, redactFilename, type RedactNoteInput, redactSpans } from "./input.ts";
import { redactor } from "./policy.ts";
import { redactionsTable } from "./table.ts";

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
  /** Hides the bytes of the files of a deleted note, so that they are at one place. */
  readonly keptFiles: Pick<KeptFiles, "hide">;
  /** Removes the bytes of redacted files. */
  readonly removeDiscarded: () => Promise<void>;
}

/** How often a redaction is tried while others change the note. */
const maxRedactionAttempts = 10;

const redactionColumns = selectList(redactionsTable, "r");

/** The tables of a note and its files, and where the bytes of a file `a` are. */
interface NoteTables {
  readonly notes: Sql;
  readonly attachments: Sql;
  readonly storageKeys: Sql;
}

const currentTables: NoteTables = {
  notes: raw("notes"),
  attachments: raw("attachments"),
  storageKeys: raw("ARRAY[a.storage_key]"),
};
const deletedTables: NoteTables = {
  notes: raw("deleted_notes"),
  attachments: raw("deleted_attachments"),
  storageKeys: raw("ARRAY[a.storage_key, a.kept_key]"),
};

/** A note, and whether it is deleted. */
interface RedactableNote {
  readonly note: Note;
  readonly isDeleted: boolean;
}

/** What a redaction writes to a note. */
interface NoteRedaction extends RedactableNote {
  /** The text that the note gets. Undefined: only files are redacted, and no text can name them. */
  readonly text: string | undefined;
  readonly isWhole: boolean;
  /** The condition on attachments `a` for those that are redacted. */
  readonly files: Sql;
  /** Whether the subject and the sender of the email are redacted as which the note was received. */
  readonly isOfMail: boolean;
  readonly reason: RedactionReason;
}

export function createRedactions(dependencies: RedactionsDependencies): Redactions {
  const { database, reads, clock, newId, idempotency, keptFiles, removeDiscarded } = dependencies;

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
    const { attachments } = isDeleted ? deletedTables : currentTables;
    const ofNote = (alias: string) => whereSql(alias, { accountId: note.accountId, noteId: note.id });
    const [found] = await database.query<{ remains: boolean }>(sql`
      SELECT EXISTS (SELECT FROM note_edits e WHERE ${ofNote("e")} AND e.text IS NOT NULL)
        OR EXISTS (SELECT FROM inbound_emails i WHERE ${ofNote("i")} AND i.sender IS NOT NULL)
        OR EXISTS (SELECT FROM ${attachments} a WHERE ${ofNote("a")} AND a.state <> 'REDACTED' AND ${files}) AS remains`);
    return found?.remains === true;
  }

  /**
   * Writes a redaction under the claim of a key. Returns false if somebody has changed the note since it was read, and
   * nothing was written.
   */
  async function write(by: PersonViewer, redaction: NoteRedaction, key: KeyClaim, ids: readonly string[]): Promise<boolean> {
    const { note, isDeleted, text, isWhole, files, isOfMail, reason } = redaction;
    const { accountId, id: noteId } = note;
    const { notes, attachments, storageKeys } = isDeleted ? deletedTables : currentTables;
    const now = clock();
    const ofNote = sql`n.account_id = ${accountId}::uuid AND n.id = ${noteId}::uuid AND n.version = ${note.version}::integer AND ${key.condition}
      AND ${isStillAdministrator(by)}`;
    // The triggers of notes forget the earlier states when redacted_at changes.
    const changed = {
      text: text ?? note.text,
      ...(isWhole ? { medium: "REDACTED" as const } : {}),
      updatedAt: sql`greatest(n.created_at, ${now}::timestamptz)`,
      redactedAt: sql`greatest(${now}::timestamptz, n.redacted_at + interval '1 millisecond')`,
      ...(isDeleted ? { version: sql`n.version + 1` } : {}),
    };
    const written =
      text === undefined
        ? sql`SELECT n.id, n.account_id FROM ${notes} n WHERE ${ofNote} FOR NO KEY UPDATE`
        : sql`UPDATE ${notes} n SET ${setList(notesTable, changed)} WHERE ${ofNote} RETURNING n.id, n.account_id`;
    const redactedFile = setList(attachmentsTable, {
      state: "REDACTED",
      filename: sql`before.new_filename`,
      contentType: "application/octet-stream",
      inline: false,
      size: null,
      sha256: null,
      key: null,
      uploadExpiresAt: null,
    });
    const redacted = await database.query(sql`
      WITH redacted AS (${written}), before AS (
        SELECT a.id, a.storage_key, ${storageKeys} AS storage_keys, CASE WHEN row_number() OVER (ORDER BY a.number) = 1 AND NOT EXISTS (
          SELECT FROM ${attachments} o WHERE o.account_id = ${accountId}::uuid AND o.note_id = ${noteId}::uuid AND o.filename = 'redacted'
        ) THEN 'redacted' ELSE 'redacted (' || a.number || ')' END AS new_filename
        FROM ${attachments} a JOIN redacted r ON r.account_id = a.account_id AND r.id = a.note_id
        WHERE a.account_id = ${accountId}::uuid AND a.note_id = ${noteId}::uuid AND a.state <> 'REDACTED' AND ${files}
      ), files AS (
        UPDATE ${attachments} a SET ${redactedFile}${isDeleted ? sql`, is_moved = true` : empty} FROM before WHERE a.account_id = ${accountId}::uuid AND a.id = before.id
        RETURNING a.id, a.account_id
      ), uploads_gone AS (
        DELETE FROM uploads u USING before
        WHERE u.account_id = ${accountId}::uuid AND (u.attachment_id = before.id OR u.storage_key = before.storage_key)
      ), bytes_gone AS (
        ${insertInto(discardedObjectsTable, {
          storageKey: sql`place.storage_key`,
          discardedAt: sql`now()`,
          attachmentId: sql`before.id`,
        })} FROM before CROSS JOIN LATERAL unnest(before.storage_keys) AS place (storage_key)
        ON CONFLICT (storage_key) DO UPDATE SET discarded_at = least(discarded_objects.discarded_at, excluded.discarded_at)
      ), earlier_bytes_gone AS (
        UPDATE discarded_objects d SET discarded_at = now() FROM before WHERE d.attachment_id = before.id AND d.discarded_at > now()
      ), mail_redacted AS (
        UPDATE inbound_emails i SET ${setList(inboundEmailsTable, { subject: redactionMark, sender: null })} FROM redacted r
        WHERE i.account_id = ${accountId}::uuid AND i.note_id = r.id AND ${isOfMail}
      ), ${isDeleted ? forgetEdits(accountId, noteId) : empty}recorded AS (
        ${insertInto(redactionsTable, {
          ...{ id: newId(), accountId, noteId, redactedAt: now, redactorNumber: by.person.number, reason },
        })} WHERE EXISTS (SELECT FROM redacted)
      ), audited AS (${auditInsert(by, { action: "REDACTED", entity: "NOTE", rows: "redacted", at: now })}),
        audited_files AS (${auditInsert(by, { action: "REDACTED", entity: "ATTACHMENT", rows: "files", at: now })})
      ${key.kept("redacted", ids)}
      SELECT r.id FROM redacted r`);
    return redacted.length > 0;
  }

  /** Like {@link write}. Returns false also if another redaction has taken the name for a file of the same note. */
  async function attemptWrite(...given: Parameters<typeof write>): Promise<boolean> {
    try {
      return await write(...given);
    } catch (error) {
      if (isFilenameTaken(error)) return false;
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
      const text = isWhole ? "" : redactSpans(note.text, spans);
      if (byteLength(text) > maximumTextBytes) throw invalid("spans", "The text would be too long: redact larger parts.");
      const isSame = text === note.text && (!isWhole || note.medium === "REDACTED");
      // The email that was kept has the whole text.
      const files = isWhole ? sql`true` : sql`a.is_internal`;
      if (isSame && !(await hasRemains(found, files))) {
        await key.keep([id]);
        return isDeleted ? null : note;
      }
      if (isDeleted) await keptFiles.hide(note.accountId, id);
      if (!(await attemptWrite(by, { ...found, text, isWhole, files, isOfMail: true, reason }, key, [id]))) {
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
      // The email that was kept has the file in it.
      const files = sql`(a.id = ${id}::uuid OR a.is_internal)`;
      const redaction = { note, isDeleted: false, text, isWhole: false, files, isOfMail: false, reason };
      if (!(await attemptWrite(by, redaction, key, [id]))) {
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

/** The texts of the earlier states of a deleted note. Those of others are forgotten by a trigger. */
function forgetEdits(accountId: string, noteId: string): Sql {
  return sql`edits_forgotten AS (
    UPDATE note_edits e SET text = NULL
    WHERE e.account_id = ${accountId}::uuid AND e.note_id = ${noteId}::uuid AND EXISTS (SELECT FROM redacted)
  ), `;
}

function isFilenameTaken(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "23505" && error.constraint === "attachments_note_id_filename_key";
}
