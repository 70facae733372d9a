import { isDeepStrictEqual } from "node:util";
import type { Note } from "#generated/prisma/client.ts";
import { auditInsert } from "../access/audit.ts";
import { type DomainError, Forbidden, invalid, NotFound } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import { allOf, type Condition, empty, matches, sql, type Sql, whereSql } from "../database/sql.ts";
import { type ChangedValues, setList } from "../database/table.ts";
import type { KeyClaim } from "../idempotency/claim.ts";
import type { Idempotency } from "../idempotency/service.ts";
import { ticketsOf } from "../tickets/policy.ts";
import { authorize, type Viewer } from "../viewer.ts";
import { type DeletedFiles, keepDeleted, withdraw } from "./deleted-notes.ts";
import { noteColumns } from "./insert-notes.ts";
import { categorySet, checkText, type DeletedNote, type DeleteNoteInput, type UpdateNoteInput } from "./input.ts";
import { NoteChanged } from "./note-changed.ts";
import { changeableNotes, isWithdrawnBy, requireVisibility, updatableNotes, visibleNotes } from "./policy.ts";
import { notesTable } from "./table.ts";

/** Changes notes that are there. */
export interface NoteChanger {
  /** Throws as `Notes.update`. */
  update(viewer: Viewer, input: UpdateNoteInput): Promise<Note>;
  /** Throws as `Notes.delete`. */
  delete(viewer: Viewer, input: DeleteNoteInput): Promise<DeletedNote>;
}

export interface NoteChangerDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly idempotency: Idempotency;
  readonly files: DeletedFiles;
  /** Called after a note and its attachments are deleted, so that bytes which are not kept can be removed. */
  readonly onDeleted: () => void;
}

export function createNoteChanger({ database, clock, idempotency, files, onDeleted }: NoteChangerDependencies): NoteChanger {
  const { prisma } = database;

  /**
   * Returns a note that the viewer may change. Throws {@link NotFound} if they may not see it, and {@link Forbidden} if
   * they may not change it.
   */
  async function changeableNote(viewer: Viewer, id: string): Promise<Note> {
    const allowed = changeableNotes(viewer);
    const note = await prisma.note.findFirst({ where: { id, ...visibleNotes(viewer) } });
    if (!note) throw new NotFound("note");
    if (!matches(allowed, note)) throw new Forbidden("A customer changes the notes they wrote, not those of others.");
    return note;
  }

  /**
   * Returns why a note was not written that the viewer could change just before: somebody has deleted, hidden or
   * changed it meanwhile.
   */
  async function lostTo(viewer: Viewer, id: string): Promise<DomainError> {
    const note = await prisma.note.findFirst({ where: { id, ...visibleNotes(viewer) } });
    return note ? new NoteChanged(note) : new NotFound("note");
  }

  /** Changes `note`, which the viewer may change, under the claim of a key. */
  async function change(viewer: Viewer, note: Note, input: UpdateNoteInput, key: KeyClaim): Promise<Note> {
    const editor = authorize(viewer);
    const allowed = updatableNotes(viewer);
    if (!matches(allowed, note)) {
      throw new Forbidden(
        note.medium === "REDACTED"
          ? "A note that was redacted as a whole cannot be updated. It can be deleted."
          : "Only notes that people wrote can be updated. This one can be deleted.",
      );
    }
    requireVersion(note, input.expectedVersions);
    if (input.ticketId !== undefined && input.ticketId !== note.ticketId) {
      throw invalid("ticketId", "The note is of another ticket, and notes do not move.");
    }
    const text = input.text === input.shownAs?.(note.text) ? undefined : input.text;
    if (text !== undefined) checkText(text);
    if (input.isPublic !== undefined) requireVisibility(editor, input.isPublic);

    const categories = input.categories && categorySet(input.categories);
    const given = { text, categories, isPublic: input.isPublic };
    if (hasAlready(note, given)) {
      await key.keep([note.id]);
      return note;
    }
    const now = clock();
    // All that is given: somebody else may change the rest of it meanwhile.
    const written = { ...given, updatedAt: latest(now, note.createdAt), editorNumber: editor.person.number };
    const [updated] = await database.query<Note>(sql`
      WITH edited AS (
        UPDATE notes n SET ${setList(notesTable, written)}
        WHERE ${whereNote(note.id, allowed, input.expectedVersions)} AND ${key.condition} RETURNING n.*
      ), audited AS (${auditInsert(editor, { action: "EDITED", entity: "NOTE", rows: "edited", at: now })})
      ${key.kept("edited", [note.id])}
      SELECT ${noteColumns} FROM edited n`);
    if (!updated) throw await lostTo(viewer, note.id);
    return updated;
  }

  /**
   * Deletes a note under the claim of a key. If the store fails afterwards, the note is deleted nevertheless, and the
   * caller is told to try again: URLs that were signed before may still lead to its files.
   */
  async function remove(viewer: Viewer, input: DeleteNoteInput, key: KeyClaim): Promise<DeletedNote> {
    const deleter = authorize(viewer);
    const note = await changeableNote(viewer, input.id);
    requireVersion(note, input.expectedVersions);
    const { id, ticketId, accountId } = note;
    await files.collectArrived(accountId, id);
    const at = clock();
    // The foreign key deletes the attachments, and a trigger keeps them. The statement still sees them, because it
    // reads the state before the deletion.
    const [deleted] = await database.query<{ attachments: number }>(sql`
      WITH deleted AS (
        DELETE FROM notes n WHERE ${whereNote(id, changeableNotes(viewer), input.expectedVersions)} AND ${key.condition}
        RETURNING n.*
      ), kept AS (${keepDeleted("deleted", deleter, at)}),
      ${isWithdrawnBy(deleter, note) ? sql`withdrawn AS (${withdraw("deleted")}),` : empty}
      attached AS (
        SELECT a.id, a.account_id FROM attachments a JOIN deleted d ON d.id = a.note_id AND d.account_id = a.account_id
        WHERE a.account_id = ${accountId}::uuid
      ), audited AS (${auditInsert(deleter, { action: "DELETED", entity: "NOTE", rows: "deleted", at })}),
        audited_attachments AS (${auditInsert(deleter, { action: "DELETED", entity: "ATTACHMENT", rows: "attached", at })})
      ${key.kept("deleted", [id, ticketId])}
      SELECT (SELECT count(*) FROM attached)::int AS attachments FROM deleted d`);
    if (!deleted) throw await lostTo(viewer, id);
    onDeleted();
    if (deleted.attachments > 0) await files.hide(accountId, id);
    return { id, ticketId };
  }

  return {
    async update(viewer, input) {
      const note = await changeableNote(viewer, input.id);
      return idempotency.once(authorize(viewer), input.idempotencyKey, {
        write: (key) => change(viewer, note, input, key),
        replay: () => Promise.resolve(note),
      });
    },

    async delete(viewer, input) {
      // Throws if the credential may not delete notes any more.
      changeableNotes(viewer);
      const deleter = authorize(viewer);
      return idempotency.once(deleter, input.idempotencyKey, {
        write: (key) => remove(viewer, input, key),
        replay: async ([id = "", ticketId = ""]) => {
          const where = { id: ticketId, ...ticketsOf(deleter) };
          if (!(await prisma.ticket.findFirst({ where, select: { id: true } }))) throw new NotFound("note");
          // The earlier call may have ended before it did this.
          await files.hide(deleter.account.id, id);
          return { id, ticketId };
        },
      });
    },
  };
}

/** Throws {@link NoteChanged} if the note is in none of the expected versions. */
function requireVersion(note: Note, expectedVersions: readonly number[] | undefined): void {
  if (expectedVersions?.includes(note.version) === false) throw new NoteChanged(note);
}

/** Returns the condition for the note `n` of that id, if `allowed` holds and it is in one of the expected versions. */
function whereNote(id: string, allowed: Condition, expectedVersions: readonly number[] | undefined): Sql {
  const expected = expectedVersions && sql`n.version = ANY(${expectedVersions}::integer[])`;
  return allOf([whereSql("n", allowed), sql`n.id = ${id}::uuid`, expected]);
}

/** Returns whether the note has all the given values already. A value that is undefined is not given. */
function hasAlready(note: Note, given: ChangedValues<Note>): boolean {
  const stored = new Map<string, unknown>(Object.entries(note));
  return Object.entries(given).every(([field, value]) => value === undefined || isDeepStrictEqual(value, stored.get(field)));
}

/**
 * Returns the later time. Clocks of two machines may differ, and the time of an edit must not be before that of the
 * note.
 */
function latest(one: Date, other: Date): Date {
  return one > other ? one : other;
}
