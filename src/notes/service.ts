import { type Note, Prisma } from "#generated/prisma/client.ts";
import { auditInsert } from "../access/audit.ts";
import { Forbidden, invalid, type InvalidInput, NotFound } from "../errors.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import { columns, join, matches, sql, whereSql } from "../platform/sql.ts";
import type { Reads } from "../reading/reads.ts";
import { type CountedSlice, type Selection, totalOnly, type WantedOfPage } from "../reading/selection.ts";
import { ticketById } from "../tickets/relations.ts";
import { authorize, type PersonViewer, type Viewer } from "../viewer.ts";
import { type Companion, createAdding, type NewNote } from "./adding.ts";
import {
  type AddNoteInput,
  categorySet,
  checkText,
  type NoteFilter,
  noteOrderings,
  type NoteRead,
  type NoteUpload,
  type UpdateNoteInput,
} from "./input.ts";
import { authorOfNewNote, changeableNotes, requireVisibility, visibleNotes } from "./policy.ts";
import { noteById, noteByNumber, notesOfAccount, notesOfTicket } from "./relations.ts";

export type { Note, NoteCategory, NoteMedium } from "#generated/prisma/client.ts";

export interface Notes {
  /** In the order of `ids` with what is selected, null where there is none or the viewer may not see it. */
  byIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Note | null)[]>;
  byNumbers(viewer: Viewer, numbers: readonly number[], selection?: Selection): Promise<(Note | null)[]>;
  /** Notes across tickets. */
  list(viewer: Viewer, read: NoteRead, wanted?: WantedOfPage, selection?: Selection): Promise<CountedSlice<Note>>;
  /** How many there are; no more than `most` are counted where that is given. */
  count(viewer: Viewer, filter: NoteFilter, most?: number): Promise<number>;
  /** The same page of each ticket's notes, in the order of `ticketIds`, null where there is no ticket or the viewer may not see it. */
  ofTickets(
    viewer: Viewer,
    ticketIds: readonly string[],
    read: NoteRead,
    wanted?: WantedOfPage,
    selection?: Selection,
  ): Promise<(CountedSlice<Note> | null)[]>;
  countOfTickets(viewer: Viewer, ticketIds: readonly string[], filter: NoteFilter): Promise<number[]>;
  /** @throws {NotFound} where the viewer sees no such ticket, {@link Forbidden}, {@link InvalidInput} */
  add(viewer: Viewer, input: AddNoteInput): Promise<Note>;
  /** @throws {NotFound} where the viewer sees no such note, {@link Forbidden} where they see it and may not edit it, {@link InvalidInput} */
  update(viewer: Viewer, input: UpdateNoteInput): Promise<Note>;
  /** Deletes a note and its attachments; tells what was deleted. @throws {NotFound}, {@link Forbidden} as {@link Notes.update} */
  delete(viewer: Viewer, id: string): Promise<Note>;
}

/** Files that were uploaded beforehand, as a new note takes them with it. What attachments are is theirs to say: they come later in the house. */
export interface UploadIntake {
  /** @throws {InvalidInput} of `uploads` where one is not there to be taken, {@link Forbidden} */
  claim(viewer: Viewer, uploads: readonly NoteUpload[], text: string): Promise<UploadClaim>;
}

/** The uploads' part of the statement that adds a note: both come about, or neither does. */
export interface UploadClaim extends Companion {
  /** What to say where {@link UploadClaim.condition} did not hold: an upload is not there any more. */
  readonly refusal: InvalidInput;
}

export interface NotesDependencies {
  readonly database: Database;
  readonly reads: Reads;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly uploads: UploadIntake;
  /** Told after a note is gone, with its attachments' rows: their bytes can go too. */
  readonly onDeleted: () => void;
}

const noteColumns = columns("n", Prisma.NoteScalarFieldEnum, ["categories"]);
/** A count needs no page, and a read has one. */
const firstByNumber = { ordering: [{ ...noteOrderings.NUMBER, direction: "ASC" }], page: { size: 1, from: "start" } } as const;

export function createNotes({ database, reads, clock, newId, uploads, onDeleted }: NotesDependencies): Notes {
  const { prisma } = database;
  const adding = createAdding(database);

  /** A note the viewer may change. Forbidden is said only to who may read it. */
  async function changeable(viewer: Viewer, id: string): Promise<Note> {
    const allowed = changeableNotes(viewer);
    const note = await prisma.note.findFirst({ where: { id, ...visibleNotes(viewer) } });
    if (!note) throw new NotFound("note");
    if (!matches(allowed, note)) throw new Forbidden("A customer changes the notes they wrote, not those of others.");
    return note;
  }

  function newNoteOf(input: AddNoteInput): NewNote {
    return {
      id: newId(),
      ticketId: input.ticketId,
      text: input.text,
      isPublic: input.isPublic,
      categories: categorySet(input.categories),
      medium: input.medium ?? "DEFAULT",
      source: input.source ?? null,
      createdAt: clock(),
    };
  }

  /** Files are claimed for a ticket that is there: whoever sees none is not told of them. */
  async function addWithUploads(
    author: PersonViewer,
    input: AddNoteInput,
    note: NewNote,
    wanted: readonly NoteUpload[],
  ): Promise<Note> {
    const [ticket] = await reads.byKeys(author, ticketById, [input.ticketId]);
    if (!ticket) throw new NotFound("ticket");
    const claim = await uploads.claim(author, wanted, input.text);
    const added = await adding.addWith(author, note, claim);
    if (!added) throw claim.refusal;
    return added;
  }

  return {
    byIds: (viewer, ids, selection) => reads.byKeys(viewer, noteById, ids, selection),
    byNumbers: (viewer, numbers, selection) => reads.byKeys(viewer, noteByNumber, numbers, selection),
    list: (viewer, read, wanted, selection) => reads.page(viewer, notesOfAccount, read, wanted, selection),

    async count(viewer, filter, most) {
      const wanted = { ...totalOnly, total: most === undefined ? true : { most } };
      const { total } = await reads.page(viewer, notesOfAccount, { filter, ...firstByNumber }, wanted);
      return total ?? 0;
    },

    async ofTickets(viewer, ticketIds, read, wanted, selection) {
      const parent = { relation: ticketById, keys: ticketIds };
      const found = await reads.pagesOf(viewer, parent, notesOfTicket, read, wanted, selection);
      return found.map((one) => one && one.page);
    },

    async countOfTickets(viewer, ticketIds, filter) {
      const parent = { relation: ticketById, keys: ticketIds };
      const found = await reads.pagesOf(viewer, parent, notesOfTicket, { filter, ...firstByNumber }, totalOnly);
      return found.map((one) => one?.page.total ?? 0);
    },

    async add(viewer, input) {
      const author = authorOfNewNote(viewer, input);
      checkText(input.text);
      const note = newNoteOf(input);
      if (input.uploads?.length) return addWithUploads(author, input, note, input.uploads);
      const added = await adding.add(author, note);
      if (!added) throw new NotFound("ticket");
      return added;
    },

    async update(viewer, input) {
      const editor = authorize(viewer);
      const note = await changeable(viewer, input.id);
      if (input.ticketId !== undefined && input.ticketId !== note.ticketId) {
        throw invalid("ticketId", "The note is of another ticket, and notes do not move.");
      }
      const text = input.text === input.shownAs?.(note.text) ? undefined : input.text;
      if (text !== undefined) checkText(text);
      if (input.isPublic !== undefined) requireVisibility(editor, input.isPublic);

      const now = clock();
      const changes = [
        sql`updated_at = ${latest(now, note.createdAt)}::timestamptz`,
        ...(text === undefined ? [] : [sql`text = ${text}`]),
        ...(input.categories === undefined ? [] : [sql`categories = ${categorySet(input.categories)}::"NoteCategory"[]`]),
        ...(input.isPublic === undefined ? [] : [sql`is_public = ${input.isPublic}`]),
      ];
      const [updated] = await database.query<Note>(sql`
        WITH edited AS (
          UPDATE notes n SET ${join(changes, ", ")} WHERE ${whereSql("n", changeableNotes(viewer))} AND n.id = ${note.id}::uuid RETURNING n.*
        ), audited AS (${auditInsert(editor, { action: "EDITED", entity: "NOTE", rows: "edited", at: now })})
        SELECT ${noteColumns} FROM edited n`);
      if (!updated) throw new NotFound("note");
      return updated;
    },

    async delete(viewer, id) {
      const deleter = authorize(viewer);
      const note = await changeable(viewer, id);
      const at = clock();
      // Its attachments go with it, by the foreign key: they are listed from before that.
      const deleted = await database.query(sql`
        WITH deleted AS (
          DELETE FROM notes n WHERE ${whereSql("n", changeableNotes(viewer))} AND n.id = ${id}::uuid RETURNING n.id, n.account_id
        ), attached AS (
          SELECT a.id, a.account_id FROM attachments a JOIN deleted d ON d.id = a.note_id AND d.account_id = a.account_id
          WHERE a.account_id = ${note.accountId}::uuid
        ), audited AS (${auditInsert(deleter, { action: "DELETED", entity: "NOTE", rows: "deleted", at })}),
          audited_attachments AS (${auditInsert(deleter, { action: "DELETED", entity: "ATTACHMENT", rows: "attached", at })})
        SELECT d.id FROM deleted d`);
      if (deleted.length === 0) throw new NotFound("note");
      onDeleted();
      return note;
    },
  };
}

/** Clocks of two machines may differ, and an edit must not lie before the note. */
function latest(one: Date, other: Date): Date {
  return one > other ? one : other;
}
