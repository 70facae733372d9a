import type { Note } from "#generated/prisma/client.ts";
import { auditInsert } from "../access/audit.ts";
import type { Database } from "../database/database.ts";
import { raw, sql, type Sql, whereSql } from "../database/sql.ts";
import { insertInto } from "../database/table.ts";
import { NotFound, Unavailable } from "../errors.ts";
import type { KeyClaim } from "../idempotency/claim.ts";
import type { Clock } from "../lib/clock.ts";
import type { PersonViewer } from "../viewer.ts";
import { noteColumns } from "./insert-notes.ts";
import { undeletableNotes } from "./policy.ts";
import { notesTable, withdrawnNotesTable } from "./table.ts";

// A deleted note leaves `notes` and is kept in tables of its own until it is purged. A trigger keeps its attachments.

/** The files of deleted notes. The attachments feature, which comes later in the feature order, implements it. */
export interface DeletedFiles {
  /**
   * Makes the uploads of a note that have arrived, and of which the store does not tell, its files, so that they are
   * kept with it. Throws `Unavailable`.
   */
  collectArrived(accountId: string, noteId: string): Promise<void>;
  /**
   * Moves the bytes of a deleted note, so that no URL that was signed before leads to them. Does nothing if they have
   * been moved. Throws `Unavailable`; the sweep tries again.
   */
  hide(accountId: string, noteId: string): Promise<void>;
  /** Returns the condition that the bytes of the deleted note `d` have been moved. */
  areHidden(accountId: string): Sql;
  /**
   * Returns an INSERT that makes the kept files of the notes `restored` their attachments again, and returns their ids
   * and accounts.
   */
  bringBack(accountId: string): Sql;
}

/** Brings deleted notes back, or removes them for good. */
export interface DeletedNotes {
  /** Undeletes a note under the claim of a key. Throws as `Notes.undelete`. */
  undelete(viewer: PersonViewer, id: string, key: KeyClaim): Promise<Note>;
  /** As `Notes.purge`. */
  purge(): Promise<void>;
}

export interface DeletedNotesDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly files: DeletedFiles;
  /** How many days a deleted note is kept. */
  readonly retentionDays: number;
  /** Called after notes are purged, so that the bytes of their attachments can be removed. */
  readonly onPurged: () => void;
}

const dayMilliseconds = 24 * 60 * 60 * 1000;

/** How often an undeletion is tried while somebody else deletes the note. */
const maxUndeletionAttempts = 10;

/** The number of notes that one statement purges, and the number of statements of one purge. */
const purgeSize = 100;
const maxPurges = 50;

const noteColumnNames = notesTable.columns.map(({ name }) => name);
const everyNoteColumn = raw(noteColumnNames.join(", "));

/** Returns an INSERT that keeps the deleted notes of the WITH part `rows`. */
export function keepDeleted(rows: string, deleter: PersonViewer, at: Date): Sql {
  return sql`
    INSERT INTO deleted_notes (${everyNoteColumn}, deleted_at, deleter_number)
    SELECT ${everyNoteColumn}, ${at}::timestamptz, ${deleter.person.number}::integer FROM ${raw(rows)}`;
}

/** Returns an INSERT by which /v1 goes on showing, as redacted, the deleted notes of the WITH part `rows`. */
export function withdraw(rows: string): Sql {
  const insert = insertInto(withdrawnNotesTable, {
    id: sql`d.id`,
    number: sql`d.number`,
    accountId: sql`d.account_id`,
    ticketId: sql`d.ticket_id`,
    requesterId: sql`d.requester_id`,
    authorNumber: sql`d.author_number`,
    isPublic: sql`d.is_public`,
    createdAt: sql`d.created_at`,
  });
  return sql`${insert} FROM ${raw(rows)} d`;
}

export function createDeletedNotes({
  database,
  clock,
  files,
  retentionDays,
  onPurged,
}: DeletedNotesDependencies): DeletedNotes {
  const keptSince = () => new Date(clock().getTime() - retentionDays * dayMilliseconds);

  /** Returns the deleted notes `d` with that id which the viewer may undelete: one or none. */
  function undeletable(viewer: PersonViewer, id: string): Sql {
    const allowed = undeletableNotes(viewer);
    return sql`deleted_notes d
      WHERE ${whereSql("d", allowed)} AND d.id = ${id}::uuid AND d.deleted_at > ${keptSince()}::timestamptz
        AND EXISTS (SELECT FROM tickets t WHERE t.account_id = ${allowed.accountId}::uuid AND t.id = d.ticket_id)`;
  }

  /** Brings a note back, if there is such a deleted note whose bytes have been moved. */
  async function bringBack(viewer: PersonViewer, id: string, key: KeyClaim): Promise<Note | undefined> {
    const accountId = viewer.account.id;
    const act = { action: "UNDELETED", at: clock() } as const;
    // The ticket is locked by the INSERT, and before what is withdrawn: a change of its requester takes this order too.
    const [note] = await database.query<Note>(sql`
      WITH brought AS (
        DELETE FROM ${undeletable(viewer, id)} AND ${files.areHidden(accountId)} AND ${key.condition} RETURNING d.*
      ), restored AS (
        INSERT INTO notes (${everyNoteColumn}) SELECT ${restoredColumns} FROM brought d RETURNING *
      ), shown_again AS (
        DELETE FROM withdrawn_notes w USING restored r WHERE w.account_id = ${accountId}::uuid AND w.id = r.id
      ), attached AS (${files.bringBack(accountId)}),
      audited AS (${auditInsert(viewer, { ...act, entity: "NOTE", rows: "restored" })}),
      audited_attachments AS (${auditInsert(viewer, { ...act, entity: "ATTACHMENT", rows: "attached" })})
      ${key.kept("restored", [id])}
      SELECT ${noteColumns} FROM restored n`);
    return note;
  }

  return {
    async undelete(viewer, id, key) {
      for (let attempts = 0; attempts < maxUndeletionAttempts; attempts += 1) {
        // The attachments get the keys to which their bytes are moved.
        await files.hide(viewer.account.id, id);
        const note = await bringBack(viewer, id, key);
        if (note) return note;
        const left = await database.query(sql`SELECT d.id FROM ${undeletable(viewer, id)}`);
        if (left.length === 0) throw new NotFound("note");
        // It was deleted just now, and its bytes are not moved yet.
      }
      throw new Unavailable({}, "The note is being deleted and undeleted. Try again in a few seconds.");
    },

    async purge() {
      let hasPurged = false;
      for (let purges = 0; purges < maxPurges; purges += 1) {
        const purged = await database.query(sql`
          WITH old AS (
            SELECT o.account_id, o.id FROM deleted_notes o WHERE o.deleted_at <= ${keptSince()}::timestamptz
            ORDER BY o.deleted_at LIMIT ${purgeSize}::int FOR UPDATE SKIP LOCKED
          ), edits AS (
            DELETE FROM note_edits e USING old WHERE e.account_id = old.account_id AND e.note_id = old.id
          ), redactions AS (
            DELETE FROM redactions r USING old WHERE r.account_id = old.account_id AND r.note_id = old.id
          ), mails AS (
            DELETE FROM inbound_emails i USING old WHERE i.account_id = old.account_id AND i.note_id = old.id
          )
          DELETE FROM deleted_notes d USING old WHERE d.account_id = old.account_id AND d.id = old.id RETURNING d.id`);
        hasPurged ||= purged.length > 0;
        if (purged.length < purgeSize) break;
      }
      if (hasPurged) onPurged();
    },
  };
}

/** The columns of a note that is back. Nobody has seen its version: it is another state than before the deletion. */
const restoredColumns = raw(noteColumnNames.map((name) => (name === "version" ? "d.version + 1" : `d.${name}`)).join(", "));
