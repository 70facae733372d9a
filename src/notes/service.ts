import type { Note } from "#generated/prisma/client.ts";
import { attempt, type DomainError, InvalidInput, NotFound, Unavailable } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import { empty, sql, type Sql } from "../database/sql.ts";
import type { KeyClaim } from "../idempotency/claim.ts";
import type { Idempotency } from "../idempotency/service.ts";
import type { ReadPages, Reads } from "../query/reads.ts";
import type { Total } from "../query/model/page.ts";
import type { CountedSlice, PageSelection, Selection } from "../query/model/selection.ts";
import type { PersonFilter, PersonRead } from "../people/input.ts";
import { personById } from "../people/relations.ts";
import type { Person } from "../people/service.ts";
import type { SearchQuery } from "../search/input.ts";
import { similarWords } from "../search/relations.ts";
import { respelledQueries, type SimilarWords, spelledWords } from "../search/spelling.ts";
import type { AddTicketInput, TicketRead, UpdateTicketInput } from "../tickets/input.ts";
import { editorOfTickets } from "../tickets/policy.ts";
import { ticketById } from "../tickets/relations.ts";
import type { Ticket, Tickets, TicketStatus } from "../tickets/service.ts";
import type { TicketWrite, TicketWriting } from "../tickets/writing.ts";
import { authorize, type PersonViewer, type Viewer, withScopes } from "../viewer.ts";
import { createNoteChanger } from "./change-notes.ts";
import { createDeletedNotes, type DeletedFiles } from "./deleted-notes.ts";
import { type InsertParts, createNoteInserter, type NewNote } from "./insert-notes.ts";
import {
  type AddNoteInput,
  type DeletedNote,
  categorySet,
  checkText,
  type DeleteNoteInput,
  type NewNoteInput,
  type NoteFilter,
  type NoteRead,
  type NoteSearchRead,
  type NoteUpload,
  type UndeleteNoteInput,
  type UpdateNoteInput,
} from "./input.ts";
import { authorOfNewNote, seesInternalNotes, undeletableNotes, visibleNotes } from "./policy.ts";
import {
  type FoundNote,
  foundNotes,
  noteById,
  noteByNumber,
  noteOrWithdrawnById,
  noteOrWithdrawnByNumber,
  notesOfAccount,
  notesOfPerson,
  notesOfTicket,
  participantsOfTicket,
} from "./relations.ts";
import { activityByTicketId, type TicketActivity, ticketsByLastNote } from "./ticket-activity.ts";

export type { Note, NoteCategory, NoteMedium } from "#generated/prisma/client.ts";
export type { FoundNote } from "./relations.ts";

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
  /** As {@link Notes.byIds}, with withdrawn notes: see {@link NoteFilter.withWithdrawn}. */
  orWithdrawnByIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Note | null)[]>;
  orWithdrawnByNumbers(viewer: Viewer, numbers: readonly number[], selection?: Selection): Promise<(Note | null)[]>;
  /** Returns a page of notes across tickets. */
  list(viewer: Viewer, read: NoteRead, selection?: PageSelection): Promise<CountedSlice<Note>>;
  /** Returns the number of them, or one more than `maxTotal` if there are more, however many are read for it. */
  count(viewer: Viewer, filter: NoteFilter): Promise<number>;
  total(viewer: Viewer, filter: NoteFilter): Promise<Total>;
  /** Returns a page of the notes that a search finds, of at most `maxMatches` that are ranked. */
  search(viewer: Viewer, read: NoteSearchRead, selection?: PageSelection): Promise<CountedSlice<FoundNote>>;
  /** Returns how many notes a search finds and ranks. */
  countFound(viewer: Viewer, search: Pick<NoteSearchRead, "query" | "filter">): Promise<number>;
  /**
   * Returns the query of a search that finds nothing because of its spelling, with similar words of visible notes in
   * place of those that no visible note has, such that it finds something. Null if there is none.
   */
  suggest(viewer: Viewer, search: Pick<NoteSearchRead, "query" | "filter">): Promise<string | null>;
  /**
   * Returns the same page of the notes of each ticket, in the order of their ids: null if the viewer sees no such
   * ticket.
   */
  readonly ofTickets: ReadPages<Note, NoteRead>;
  /**
   * Returns a page of tickets in the order LAST_NOTE_AT: by the time of the last note that the viewer may see. Throws
   * {@link Forbidden} if they may see no notes.
   */
  ticketsByLastNote(viewer: Viewer, read: TicketRead, selection?: PageSelection): Promise<CountedSlice<Ticket>>;
  /** Returns the activity on tickets in the order of `ids`: null if the viewer sees no such ticket. */
  activityOfTickets(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(TicketActivity | null)[]>;
  countOfTickets(viewer: Viewer, ticketIds: readonly string[], filter: NoteFilter): Promise<number[]>;
  totalOfTickets(viewer: Viewer, ticketIds: readonly string[], filter: NoteFilter): Promise<Total[]>;
  /** Returns for each person a page of the notes that they wrote: null for a person whom the viewer may not see. */
  readonly ofPeople: ReadPages<Note, NoteRead>;
  totalOfPeople(viewer: Viewer, personIds: readonly string[], filter: NoteFilter): Promise<Total[]>;
  /** Returns for each ticket a page of its participants: null for a ticket that the viewer may not see. */
  readonly participants: ReadPages<Person, PersonRead>;
  totalOfParticipants(viewer: Viewer, ticketIds: readonly string[], filter: PersonFilter): Promise<Total[]>;
  /**
   * Adds a note. Throws {@link NotFound} if the viewer may not see the ticket, `Forbidden` if they may not add
   * such a note, and {@link InvalidInput} if a field is not valid.
   */
  add(viewer: Viewer, input: AddNoteInput): Promise<Note>;
  /**
   * Adds a note in one statement with what a later feature writes, under the claim of its caller. Throws as
   * {@link Notes.add}.
   */
  addTogether(viewer: Viewer, input: AddNoteInput, parts: AddedTogether): Promise<Note>;
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
   * already. Throws {@link NotFound} if the viewer may not see it, `Forbidden` if they may not change it,
   * `NoteChanged` if it is in none of the expected versions, and {@link InvalidInput} if a field is not valid.
   */
  update(viewer: Viewer, input: UpdateNoteInput): Promise<Note>;
  /**
   * Deletes a note and its attachments. It can be undeleted until it is purged. Throws {@link NotFound}, `Forbidden`
   * and `NoteChanged` as {@link Notes.update}, and {@link Unavailable} if the note is deleted, but the store did not
   * revoke the URLs of its files.
   */
  delete(viewer: Viewer, input: DeleteNoteInput): Promise<DeletedNote>;
  /**
   * Brings a deleted note back with its attachments, in a version of its own. Throws `Forbidden` if the viewer is no
   * administrator, and {@link NotFound} if there is no such deleted note, if it has been deleted for too long, or if
   * the viewer could not see it.
   */
  undelete(viewer: Viewer, input: UndeleteNoteInput): Promise<Note>;
  /**
   * Removes for good the notes that have been deleted for too long, with their attachments. The work of one run is
   * bounded. Safe to run at any time, in several processes at once.
   */
  purge(): Promise<void>;
}

/** What is written in one statement with a note. */
export interface AddedTogether {
  readonly key: KeyClaim;
  /** WITH parts that may refer to the note as `added`, each preceded by a comma. */
  readonly after: Sql;
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
   * {@link NoteUploads.path} if an upload cannot be claimed, and `Forbidden` if the viewer may not attach files.
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
  readonly idempotency: Idempotency;
  readonly files: DeletedFiles;
  /** How many days a deleted note is kept. */
  readonly deletedRetentionDays: number;
  /** Called after notes are deleted or purged, so that the bytes of their attachments can be removed. */
  readonly onDeleted: () => void;
}

export function createNotes(dependencies: NotesDependencies): Notes {
  const { database, reads, clock, newId, uploads, tickets, ticketWriting, idempotency } = dependencies;
  const { files, onDeleted, deletedRetentionDays: retentionDays } = dependencies;
  const inserter = createNoteInserter(database);
  const changer = createNoteChanger({ database, clock, idempotency, files, onDeleted });
  const deletedNotes = createDeletedNotes({ database, clock, files, retentionDays, onPurged: onDeleted });

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
    { key, after }: AddedTogether,
  ): Promise<Note> {
    const [ticket] = await reads.byKeys(author, ticketById, [input.ticketId]);
    if (!ticket) throw new NotFound("ticket");
    const claim = await uploads.claim(author, [{ noteId: note.id, text: note.text, uploads: noteUploads, path: ["uploads"] }]);
    const [added] = await inserter.insertWith(author, [note], {
      before: claim.before,
      condition: sql`${key.condition} AND ${claim.condition}`,
      after: sql`${claim.after}${key.kept("added", [note.id])}${after}`,
    });
    if (!added) throw claim.refusal;
    return added;
  }

  async function addAlone(author: PersonViewer, input: AddNoteInput, key: KeyClaim): Promise<Note> {
    const note = newNoteOf(input);
    if (input.uploads?.length) return addWithUploads(author, input, note, input.uploads, { key, after: empty });
    const added = await inserter.insert(author, note, key.columns);
    if (!added) throw new NotFound("ticket");
    return added;
  }

  /** Returns the note as of now. Throws {@link NotFound} if the viewer may not see it any more. */
  async function requireNote(viewer: Viewer, id: string | undefined): Promise<Note> {
    const [note] = id === undefined ? [] : await reads.byKeys(viewer, noteById, [id]);
    if (!note) throw new NotFound("note");
    return note;
  }

  async function requireTicket(viewer: Viewer, id: string | undefined): Promise<Ticket> {
    const [ticket] = id === undefined ? [] : await reads.byKeys(viewer, ticketById, [id]);
    if (!ticket) throw new NotFound("ticket");
    return ticket;
  }

  /**
   * Returns the checked notes that are added together. Throws {@link InvalidInput} with the index of the note in the
   * path, and `Forbidden` if the viewer may not add such a note.
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
   * Adds the notes in one statement with the write of their ticket, the claim of their uploads and that of the key.
   * Returns why nothing was written, or undefined if all is.
   */
  async function send(
    { author, notes }: PreparedNotes,
    inputs: readonly NewNoteInput[],
    { write, ticket, ticketId, key }: NotesOfTicket,
  ): Promise<DomainError | undefined> {
    const noteUploads = notes.map(({ id: noteId, text }, index) => {
      return { noteId, text, uploads: inputs[index]?.uploads ?? [], path: ["notes", String(index), "uploads"] };
    });
    const hasUploads = noteUploads.some((one) => one.uploads.length > 0);
    const claim = hasUploads ? await uploads.claim(author, noteUploads) : undefined;
    const claimed = sql`${key.condition} AND ${claim?.condition ?? sql`true`}`;
    const added = await inserter.insertWith(author, notes, {
      before: sql`${claim?.before ?? empty}${write ? sql`${write.parts(claimed)}, ` : empty}`,
      condition: write ? sql`EXISTS (SELECT FROM written)` : claimed,
      after: sql`${claim?.after ?? empty}${key.kept("added", [ticketId])}`,
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
    key: KeyClaim,
  ): Promise<boolean> {
    const { ticket, write } = await ticketWriting.change(viewer, input);
    const all = write?.newStatus ? [...notes, statusNote(ticket, write.newStatus)] : notes;
    if (all.length === 0 && write) return (await tickets.send(write, key)) !== undefined;
    if (all.length === 0) {
      await key.keep([ticket.id]);
      return true;
    }
    const refusal = await send({ author, notes: all }, inputs, { write, ticket: undefined, ticketId: ticket.id, key });
    if (!refusal) return true;
    const [current] = await reads.byKeys(viewer, ticketById, [ticket.id]);
    if (!write || !current || current.version === ticket.version) throw refusal;
    return false;
  }

  /** Changes a ticket and adds notes to it as {@link Notes.updateTicket}, under the claim of a key. */
  async function changeTicket(
    viewer: Viewer,
    input: UpdateTicketInput,
    prepared: PreparedNotes,
    notes: readonly NewNoteInput[],
    key: KeyClaim,
  ): Promise<void> {
    if (notes.length > 0 && !isChange(input)) {
      const refusal = await send(prepared, notes, { write: undefined, ticket: undefined, ticketId: input.id, key });
      if (refusal) throw refusal;
      return;
    }
    for (let attempts = 0; attempts < maxTicketAttempts; attempts += 1) {
      if (await tryUpdate(viewer, input, prepared, notes, key)) return;
    }
    throw new Unavailable({}, "Too many people are changing this ticket. Try again in a few seconds.");
  }

  /** Returns the words that can be meant by those of a query that no visible note has. */
  async function similarWordsOf(viewer: Viewer, query: SearchQuery): Promise<SimilarWords> {
    const visible = visibleNotes(viewer);
    const words = spelledWords(query);
    if (words.length === 0) return new Map();
    const found = await database.query<{ word: string; similarWord: string }>(
      sql`SELECT s.word, s.similar_word AS "similarWord" FROM ${similarWords(visible, words)}`,
    );
    const similar = new Map<string, string[]>();
    for (const { word, similarWord } of found) similar.set(word, [...(similar.get(word) ?? []), similarWord]);
    return similar;
  }

  return {
    byIds: (viewer, ids, selection) => reads.byKeys(viewer, noteById, ids, selection),
    byNumbers: (viewer, numbers, selection) => reads.byKeys(viewer, noteByNumber, numbers, selection),
    orWithdrawnByIds: (viewer, ids, selection) => reads.byKeys(viewer, noteOrWithdrawnById, ids, selection),
    orWithdrawnByNumbers: (viewer, numbers, selection) => reads.byKeys(viewer, noteOrWithdrawnByNumber, numbers, selection),
    list: (viewer, read, selection) => reads.page(viewer, notesOfAccount, read, selection),
    count: (viewer, filter) => reads.count(viewer, notesOfAccount, { filter }),
    total: (viewer, filter) => reads.total(viewer, notesOfAccount, { filter }),
    search: (viewer, read, selection) => reads.page(viewer, foundNotes, read, selection),
    countFound: (viewer, { query, filter }) => reads.count(viewer, foundNotes, { query, filter }),
    async suggest(viewer, { query, filter }) {
      for (const respelled of respelledQueries(query, await similarWordsOf(viewer, query)))
        if ((await reads.count(viewer, foundNotes, { query: respelled, filter })) > 0) return respelled.text;
      return null;
    },
    ofTickets: (viewer, ticketIds, read, selection) =>
      reads.pagesOf(viewer, { relation: ticketById, keys: ticketIds }, notesOfTicket, read, selection),
    ticketsByLastNote: (viewer, read, selection) =>
      reads.page(viewer, ticketsByLastNote[seesInternalNotes(viewer) ? "all" : "public"], read, selection),
    activityOfTickets: (viewer, ids, selection) => reads.byKeys(viewer, activityByTicketId, ids, selection),
    countOfTickets: (viewer, ticketIds, filter) =>
      reads.countsOf(viewer, { relation: ticketById, keys: ticketIds }, notesOfTicket, { filter }),
    totalOfTickets: (viewer, ticketIds, filter) =>
      reads.totalsOf(viewer, { relation: ticketById, keys: ticketIds }, notesOfTicket, { filter }),
    ofPeople: (viewer, personIds, read, selection) =>
      reads.pagesOf(viewer, { relation: personById, keys: personIds }, notesOfPerson, read, selection),
    totalOfPeople: (viewer, personIds, filter) =>
      reads.totalsOf(viewer, { relation: personById, keys: personIds }, notesOfPerson, { filter }),
    participants: (viewer, ticketIds, read, selection) =>
      reads.pagesOf(viewer, { relation: ticketById, keys: ticketIds }, participantsOfTicket, read, selection),
    totalOfParticipants: (viewer, ticketIds, filter) =>
      reads.totalsOf(viewer, { relation: ticketById, keys: ticketIds }, participantsOfTicket, { filter }),

    async add(viewer, input) {
      const author = authorOfNewNote(viewer, input);
      checkText(input.text);
      return idempotency.once(author, input.idempotencyKey, {
        write: (key) => addAlone(author, input, key),
        replay: ([id]) => requireNote(withScopes(author, "notes:read"), id),
      });
    },

    async addTogether(viewer, input, parts) {
      const author = authorOfNewNote(viewer, input);
      checkText(input.text);
      return addWithUploads(author, input, newNoteOf(input), input.uploads ?? [], parts);
    },

    async openTicket(viewer, input, notes) {
      if (notes.length === 0) return tickets.add(viewer, input);
      const write = await ticketWriting.opening(viewer, input);
      const { ticketId } = write;
      const prepared = prepare(viewer, ticketId, notes);
      return idempotency.once(prepared.author, input.idempotencyKey, {
        write: async (key) => {
          const refusal = await send(prepared, notes, { write, ticket: sql`written t`, ticketId, key });
          if (refusal) throw refusal;
          return requireTicket(withScopes(prepared.author, "tickets:read"), ticketId);
        },
        replay: ([id]) => requireTicket(withScopes(prepared.author, "tickets:read"), id),
      });
    },

    async updateTicket(viewer, input, notes = []) {
      if (notes.length > 0) await requireTicket(viewer, input.id);
      const prepared = prepare(viewer, input.id, notes);
      await idempotency.once(prepared.author, input.idempotencyKey, {
        write: (key) => changeTicket(viewer, input, prepared, notes, key),
        replay: async ([id]) => {
          if (isChange(input)) editorOfTickets(viewer);
          await requireTicket(viewer, id);
        },
      });
    },

    update: changer.update,
    delete: changer.delete,

    async undelete(viewer, input) {
      undeletableNotes(viewer);
      const person = authorize(viewer);
      return idempotency.once(person, input.idempotencyKey, {
        write: (key) => deletedNotes.undelete(person, input.id, key),
        replay: ([id]) => requireNote(viewer, id),
      });
    },

    purge: deletedNotes.purge,
  };
}

/** Whether the input changes the ticket itself, or requires a version of it. */
function isChange({ subject, status, requesterId, expectedVersion }: UpdateTicketInput): boolean {
  return [subject, status, requesterId, expectedVersion].some((value) => value !== undefined);
}

/** How often an update of a ticket is tried while others change the ticket. */
const maxTicketAttempts = 10;

/** The ticket of notes that are added together. */
interface NotesOfTicket {
  readonly ticketId: string;
  /** The write of the ticket in the same statement. */
  readonly write: TicketWrite | undefined;
  /** The ticket as a FROM item `t`, if the write opens it. */
  readonly ticket: Sql | undefined;
  readonly key: KeyClaim;
}

/** Checked notes that are added together, and their author. */
interface PreparedNotes {
  readonly author: PersonViewer;
  readonly notes: readonly NewNote[];
}

/** Returns `problem` with `path` before the path of each field. */
function below(path: readonly string[], problem: InvalidInput): InvalidInput {
  return new InvalidInput(problem.fields.map((field) => ({ ...field, path: [...path, ...field.path] })));
}
