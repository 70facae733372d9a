import { isDeepStrictEqual } from "node:util";
import type { Note } from "#generated/prisma/client.ts";
import { auditInsert } from "../access/audit.ts";
import { attempt, type DomainError, Forbidden, invalid, InvalidInput, NotFound, Unavailable } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import { allOf, type Condition, empty, matches, sql, type Sql, whereSql } from "../database/sql.ts";
import { type ChangedValues, setList } from "../database/table.ts";
import type { ReadPages, Reads } from "../query/reads.ts";
import type { Total } from "../query/model/page.ts";
import type { CountedSlice, PageSelection, Selection } from "../query/model/selection.ts";
import type { AddTicketInput, UpdateTicketInput } from "../tickets/input.ts";
import { ticketById } from "../tickets/relations.ts";
import type { Ticket, Tickets, TicketStatus } from "../tickets/service.ts";
import type { TicketWrite, TicketWriting } from "../tickets/writing.ts";
import { authorize, type PersonViewer, type Viewer } from "../viewer.ts";
import { type InsertParts, createNoteInserter, type NewNote, noteColumns } from "./insert-notes.ts";
import {
  type AddNoteInput,
  categorySet,
  checkText,
  type DeleteNoteInput,
  type NewNoteInput,
  type NoteFilter,
  type NoteRead,
  type NoteUpload,
  type UpdateNoteInput,
} from "./input.ts";
import { NoteChanged } from "./note-changed.ts";
import { authorOfNewNote, changeableNotes, requireVisibility, updatableNotes, visibleNotes } from "./policy.ts";
import { noteById, noteByNumber, notesOfAccount, notesOfTicket } from "./relations.ts";
import { notesTable } from "./table.ts";

export type { Note, NoteCategory, NoteMedium } from "#generated/prisma/client.ts";

declare module "../services.ts" {
  interface Services {
    readonly notes: Notes;
  }
}

export interface Notes {
  /**
   * Returns notes in the order of `ids` with the selected fields, or null for one that is missing or that the viewer
   * may not see.
   */
  byIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Note | null)[]>;
  byNumbers(viewer: Viewer, numbers: readonly number[], selection?: Selection): Promise<(Note | null)[]>;
  /** Returns a page of notes across tickets. */
  list(viewer: Viewer, read: NoteRead, selection?: PageSelection): Promise<CountedSlice<Note>>;
  /** Returns the number of them, or one more than `maxTotal` if there are more, however many are read for it. */
  count(viewer: Viewer, filter: NoteFilter): Promise<number>;
  total(viewer: Viewer, filter: NoteFilter): Promise<Total>;
  /**
   * Returns the same page of the notes of each ticket, in the order of their ids: null if the viewer sees no such
   * ticket.
   */
  readonly ofTickets: ReadPages<Note, NoteRead>;
  countOfTickets(viewer: Viewer, ticketIds: readonly string[], filter: NoteFilter): Promise<number[]>;
  totalOfTickets(viewer: Viewer, ticketIds: readonly string[], filter: NoteFilter): Promise<Total[]>;
  /**
   * Adds a note. Throws {@link NotFound} if the viewer may not see the ticket, {@link Forbidden} if they may not add
   * such a note, and {@link InvalidInput} if a field is not valid.
   */
  add(viewer: Viewer, input: AddNoteInput): Promise<Note>;
  /**
   * Opens a ticket with its first notes in one statement. Throws as {@link Tickets.add} and {@link Notes.add}; the path
   * of an error in a note begins with `notes` and the index of the note.
   */
  openTicket(viewer: Viewer, input: AddTicketInput, notes: readonly NewNoteInput[]): Promise<Ticket>;
  /**
   * Changes the given fields of a ticket and adds notes to it in one statement. A change of status adds a public SYSTEM
   * note that tells of it. Nothing is written if all fields have the given values already and no note is added. Throws
   * as {@link TicketWriting.change} and {@link Notes.openTicket}.
   */
  updateTicket(viewer: Viewer, input: UpdateTicketInput, notes?: readonly NewNoteInput[]): Promise<void>;
  /**
   * Changes a note, of which the viewer becomes the editor. Nothing is written if all fields have the given values
   * already. Throws {@link NotFound} if the viewer may not see it, {@link Forbidden} if they may not change it,
   * {@link NoteChanged} if it is in none of the expected versions, and {@link InvalidInput} if a field is not valid.
   */
  update(viewer: Viewer, input: UpdateNoteInput): Promise<Note>;
  /**
   * Deletes a note and its attachments, and returns the note. Throws {@link NotFound}, {@link Forbidden} and
   * {@link NoteChanged} as {@link Notes.update}.
   */
  delete(viewer: Viewer, input: DeleteNoteInput): Promise<Note>;
}

/** The uploads that a new note claims. */
export interface NoteUploads {
  readonly noteId: string;
  readonly text: string;
  readonly uploads: readonly NoteUpload[];
  /** The path of the uploads in the caller's input, for errors. */
  readonly path: readonly string[];
}

/** Claims uploads for notes. The attachments feature, which comes later in the feature order, implements it. */
export interface UploadClaims {
  /**
   * Returns the parts with which the notes claim their uploads. Throws {@link InvalidInput} with
   * {@link NoteUploads.path} if an upload cannot be claimed, and {@link Forbidden} if the viewer may not attach files.
   */
  claim(viewer: Viewer, notes: readonly NoteUploads[]): Promise<UploadClaim>;
}

/** The parts with which the statement that adds notes also claims their uploads. Both are written, or neither is. */
export interface UploadClaim extends InsertParts {
  /** The error to throw if the condition did not hold because an upload is gone or claimed. */
  readonly refusal: InvalidInput;
}

export interface NotesDependencies {
  readonly database: Database;
  readonly reads: Reads;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly uploads: UploadClaims;
  readonly tickets: Tickets;
  readonly ticketWriting: TicketWriting;
  /** Called after a note and its attachments are deleted, so that the bytes of the attachments can be removed. */
  readonly onDeleted: () => void;
}

export function createNotes(dependencies: NotesDependencies): Notes {
  const { database, reads, clock, newId, uploads, tickets, ticketWriting, onDeleted } = dependencies;
  const { prisma } = database;
  const inserter = createNoteInserter(database);

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

  /**
   * Adds a note that claims uploads. The ticket is checked first: if the author may not see it, the error must not say
   * anything about the uploads.
   */
  async function addWithUploads(
    author: PersonViewer,
    input: AddNoteInput,
    note: NewNote,
    noteUploads: readonly NoteUpload[],
  ): Promise<Note> {
    const [ticket] = await reads.byKeys(author, ticketById, [input.ticketId]);
    if (!ticket) throw new NotFound("ticket");
    const claim = await uploads.claim(author, [{ noteId: note.id, text: note.text, uploads: noteUploads, path: ["uploads"] }]);
    const [added] = await inserter.insertWith(author, [note], claim);
    if (!added) throw claim.refusal;
    return added;
  }

  /**
   * Returns the checked notes that are added together. Throws {@link InvalidInput} with the index of the note in the
   * path, and {@link Forbidden} if the viewer may not add such a note.
   */
  function prepare(viewer: Viewer, ticketId: string, notes: readonly NewNoteInput[]): PreparedNotes {
    const prepared = notes.map((note, index) => {
      const author = authorOfNewNote(viewer, note);
      const problem = attempt(() => checkText(note.text), InvalidInput);
      if (problem) throw below(["notes", String(index)], problem);
      return { author, note: newNoteOf({ ...note, ticketId }) };
    });
    return { author: prepared[0]?.author ?? authorize(viewer), notes: prepared.map(({ note }) => note) };
  }

  /**
   * Adds the notes in one statement with the write of their ticket and the claim of their uploads. Returns why nothing
   * was written, or undefined if all is.
   */
  async function send(
    { author, notes }: PreparedNotes,
    inputs: readonly NewNoteInput[],
    write: TicketWrite | undefined,
    ticket: Sql | undefined,
  ): Promise<DomainError | undefined> {
    const noteUploads = notes.map(({ id: noteId, text }, index) => {
      return { noteId, text, uploads: inputs[index]?.uploads ?? [], path: ["notes", String(index), "uploads"] };
    });
    const hasUploads = noteUploads.some((one) => one.uploads.length > 0);
    const claim = hasUploads ? await uploads.claim(author, noteUploads) : undefined;
    const claimed = claim?.condition ?? sql`true`;
    const added = await inserter.insertWith(author, notes, {
      before: sql`${claim?.before ?? empty}${write ? sql`${write.parts(claimed)}, ` : empty}`,
      condition: write ? sql`EXISTS (SELECT FROM written)` : claimed,
      after: claim?.after ?? empty,
      ticket,
    });
    return added.length < notes.length ? (claim?.refusal ?? new NotFound("ticket")) : undefined;
  }

  /** Returns the note that tells of a ticket's new status. */
  function statusNote({ id, status }: Ticket, newStatus: TicketStatus): NewNote {
    const text = `Status: ${status} → ${newStatus}`;
    return newNoteOf({ ticketId: id, text, isPublic: true, categories: [], medium: "SYSTEM" });
  }

  /**
   * Changes a ticket as {@link Notes.updateTicket}. Returns false if somebody else changed the ticket meanwhile, and
   * nothing was written.
   */
  async function tryUpdate(
    viewer: Viewer,
    input: UpdateTicketInput,
    { author, notes }: PreparedNotes,
    inputs: readonly NewNoteInput[],
  ): Promise<boolean> {
    const { ticket, write } = await ticketWriting.change(viewer, input);
    const all = write?.newStatus ? [...notes, statusNote(ticket, write.newStatus)] : notes;
    if (all.length === 0) return write === undefined || (await tickets.send(write)) !== undefined;
    const refusal = await send({ author, notes: all }, inputs, write, undefined);
    if (!refusal) return true;
    const [current] = await reads.byKeys(viewer, ticketById, [ticket.id]);
    if (!write || !current || current.version === ticket.version) throw refusal;
    return false;
  }

  return {
    byIds: (viewer, ids, selection) => reads.byKeys(viewer, noteById, ids, selection),
    byNumbers: (viewer, numbers, selection) => reads.byKeys(viewer, noteByNumber, numbers, selection),
    list: (viewer, read, selection) => reads.page(viewer, notesOfAccount, read, selection),
    count: (viewer, filter) => reads.count(viewer, notesOfAccount, { filter }),
    total: (viewer, filter) => reads.total(viewer, notesOfAccount, { filter }),
    ofTickets: (viewer, ticketIds, read, selection) =>
      reads.pagesOf(viewer, { relation: ticketById, keys: ticketIds }, notesOfTicket, read, selection),
    countOfTickets: (viewer, ticketIds, filter) =>
      reads.countsOf(viewer, { relation: ticketById, keys: ticketIds }, notesOfTicket, { filter }),
    totalOfTickets: (viewer, ticketIds, filter) =>
      reads.totalsOf(viewer, { relation: ticketById, keys: ticketIds }, notesOfTicket, { filter }),

    async add(viewer, input) {
      const author = authorOfNewNote(viewer, input);
      checkText(input.text);
      const note = newNoteOf(input);
      if (input.uploads?.length) return addWithUploads(author, input, note, input.uploads);
      const added = await inserter.insert(author, note);
      if (!added) throw new NotFound("ticket");
      return added;
    },

    async openTicket(viewer, input, notes) {
      if (notes.length === 0) return tickets.add(viewer, input);
      const write = await ticketWriting.opening(viewer, input);
      const refusal = await send(prepare(viewer, write.ticketId, notes), notes, write, sql`written t`);
      if (refusal) throw refusal;
      const [ticket] = await tickets.byIds(viewer, [write.ticketId]);
      if (!ticket) throw new NotFound("ticket");
      return ticket;
    },

    async updateTicket(viewer, input, notes = []) {
      const { id, expectedVersion, ...fields } = input;
      if (notes.length > 0) {
        const [ticket] = await reads.byKeys(viewer, ticketById, [id]);
        if (!ticket) throw new NotFound("ticket");
      }
      const prepared = prepare(viewer, id, notes);
      const isChange = expectedVersion !== undefined || Object.values(fields).some((value) => value !== undefined);
      if (notes.length > 0 && !isChange) {
        const refusal = await send(prepared, notes, undefined, undefined);
        if (refusal) throw refusal;
        return;
      }
      for (let attempts = 0; attempts < maxTicketAttempts; attempts += 1) {
        if (await tryUpdate(viewer, input, prepared, notes)) return;
      }
      throw new Unavailable({}, "Too many people are changing this ticket. Try again in a few seconds.");
    },

    async update(viewer, input) {
      const editor = authorize(viewer);
      const note = await changeableNote(viewer, input.id);
      const allowed = updatableNotes(viewer);
      if (!matches(allowed, note)) throw new Forbidden("Only notes that people wrote can be updated. This one can be deleted.");
      requireVersion(note, input.expectedVersions);
      if (input.ticketId !== undefined && input.ticketId !== note.ticketId) {
        throw invalid("ticketId", "The note is of another ticket, and notes do not move.");
      }
      const text = input.text === input.shownAs?.(note.text) ? undefined : input.text;
      if (text !== undefined) checkText(text);
      if (input.isPublic !== undefined) requireVisibility(editor, input.isPublic);

      const categories = input.categories && categorySet(input.categories);
      const given = { text, categories, isPublic: input.isPublic };
      if (hasAlready(note, given)) return note;
      const now = clock();
      // All that is given: somebody else may change the rest of it meanwhile.
      const written = { ...given, updatedAt: latest(now, note.createdAt), editorNumber: editor.person.number };
      const [updated] = await database.query<Note>(sql`
        WITH edited AS (
          UPDATE notes n SET ${setList(notesTable, written)}
          WHERE ${whereNote(note.id, allowed, input.expectedVersions)} RETURNING n.*
        ), audited AS (${auditInsert(editor, { action: "EDITED", entity: "NOTE", rows: "edited", at: now })})
        SELECT ${noteColumns} FROM edited n`);
      if (!updated) throw await lostTo(viewer, note.id);
      return updated;
    },

    async delete(viewer, input) {
      const deleter = authorize(viewer);
      const note = await changeableNote(viewer, input.id);
      requireVersion(note, input.expectedVersions);
      const at = clock();
      // The foreign key deletes the attachments. The statement still sees them, because it reads the state before the
      // deletion.
      const deleted = await database.query(sql`
        WITH deleted AS (
          DELETE FROM notes n WHERE ${whereNote(note.id, changeableNotes(viewer), input.expectedVersions)}
          RETURNING n.id, n.account_id
        ), attached AS (
          SELECT a.id, a.account_id FROM attachments a JOIN deleted d ON d.id = a.note_id AND d.account_id = a.account_id
          WHERE a.account_id = ${note.accountId}::uuid
        ), audited AS (${auditInsert(deleter, { action: "DELETED", entity: "NOTE", rows: "deleted", at })}),
          audited_attachments AS (${auditInsert(deleter, { action: "DELETED", entity: "ATTACHMENT", rows: "attached", at })})
        SELECT d.id FROM deleted d`);
      if (deleted.length === 0) throw await lostTo(viewer, note.id);
      onDeleted();
      return note;
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

/** How often an update of a ticket is tried while others change the ticket. */
const maxTicketAttempts = 10;

/** Checked notes that are added together, and their author. */
interface PreparedNotes {
  readonly author: PersonViewer;
  readonly notes: readonly NewNote[];
}

/** Returns `problem` with `path` before the path of each field. */
function below(path: readonly string[], problem: InvalidInput): InvalidInput {
  return new InvalidInput(problem.fields.map((field) => ({ ...field, path: [...path, ...field.path] })));
}

/**
 * Returns the later time. Clocks of two machines may differ, and the time of an edit must not be before that of the
 * note.
 */
function latest(one: Date, other: Date): Date {
  return one > other ? one : other;
}
