import { type Note, Prisma } from "#generated/prisma/client.ts";
import { auditInsert } from "../access/audit.ts";
import { Forbidden, invalid, type InvalidInput, NotFound } from "../errors.ts";
import { inOrder } from "../platform/batch.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import { meets } from "../platform/field-filter.ts";
import { withinRange } from "../platform/instants.ts";
import { countUpTo, keyset, type Ordering, type Page, pageFrom, type Slice, slicesOf, toSlice } from "../platform/keyset.ts";
import { allOf, columns, empty, join, matches, sql, type Sql, whereSql } from "../platform/sql.ts";
import { visibleTickets } from "../tickets/policy.ts";
import { authorize, type Viewer } from "../viewer.ts";
import { type AddNoteInput, categorySet, checkText, type NoteFilter, type NoteUpload, type UpdateNoteInput } from "./input.ts";
import { authorOfNewNote, changeableNotes, requireVisibility, visibleNotes } from "./policy.ts";

export type { Note, NoteCategory, NoteMedium } from "#generated/prisma/client.ts";

export interface NoteRead {
  readonly filter: NoteFilter;
  readonly ordering: Ordering;
  readonly page: Page;
}

export interface Notes {
  /** In the order of `ids`, null where there is none or the viewer may not see it. */
  byIds(viewer: Viewer, ids: readonly string[]): Promise<(Note | null)[]>;
  byNumbers(viewer: Viewer, numbers: readonly number[]): Promise<(Note | null)[]>;
  /** Notes across tickets. */
  list(viewer: Viewer, read: NoteRead): Promise<Slice<Note>>;
  /** How many there are; no more than `most` are counted where that is given. */
  count(viewer: Viewer, filter: NoteFilter, most?: number): Promise<number>;
  /** The same page of each ticket's notes, in the order of `ticketIds`, null where there is no ticket or the viewer may not see it. */
  ofTickets(viewer: Viewer, ticketIds: readonly string[], read: NoteRead): Promise<(Slice<Note> | null)[]>;
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
export interface UploadClaim {
  /** WITH parts that stand before the one that adds the note, which is called `added`. */
  readonly before: Sql;
  /** Whether every upload is still there. */
  readonly condition: Sql;
  /** WITH parts that stand after it. */
  readonly after: Sql;
  /** What to say where {@link UploadClaim.condition} did not hold. */
  readonly refusal: InvalidInput;
}

export interface NotesDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly uploads: UploadIntake;
  /** Told after a note is gone, with its attachments' rows: their bytes can go too. */
  readonly onDeleted: () => void;
}

const noteColumns = columns("n", Prisma.NoteScalarFieldEnum, ["categories"]);

export function createNotes({ database, clock, newId, uploads, onDeleted }: NotesDependencies): Notes {
  const { prisma } = database;

  /** A note the viewer may change. Forbidden is said only to who may read it. */
  async function changeable(viewer: Viewer, id: string): Promise<Note> {
    const allowed = changeableNotes(viewer);
    const note = await prisma.note.findFirst({ where: { id, ...visibleNotes(viewer) } });
    if (!note) throw new NotFound("note");
    if (!matches(allowed, note)) throw new Forbidden("A customer changes the notes they wrote, not those of others.");
    return note;
  }

  return {
    async byIds(viewer, ids) {
      const visible = visibleNotes(viewer);
      const rows = await database.query<Note>(sql`
        SELECT ${noteColumns} FROM notes n WHERE ${whereSql("n", visible)} AND n.id = ANY(${ids}::uuid[])`);
      return inOrder(ids, rows, (note) => note.id);
    },

    async byNumbers(viewer, numbers) {
      const visible = visibleNotes(viewer);
      const rows = await database.query<Note>(sql`
        SELECT ${noteColumns} FROM notes n WHERE ${whereSql("n", visible)} AND n.number = ANY(${numbers}::integer[])`);
      return inOrder(numbers, rows, (note) => note.number);
    },

    async list(viewer, { filter, ordering, page }) {
      const visible = visibleNotes(viewer);
      const read = keyset("n", ordering, page);
      const rows = await database.query<Note>(sql`
        SELECT ${noteColumns}
        FROM (${pageFrom("n", sql`notes n WHERE ${whereSql("n", visible)} AND ${filterSql(filter)}`, read)}) n
        ORDER BY ${read.orderBy}`);
      return toSlice(rows, page);
    },

    async count(viewer, filter, most) {
      const visible = visibleNotes(viewer);
      const [row] = await database.query<{ count: bigint }>(
        countUpTo(sql`notes n WHERE ${whereSql("n", visible)} AND ${filterSql(filter)}`, most),
      );
      return Number(row?.count ?? 0);
    },

    async ofTickets(viewer, ticketIds, { filter, ordering, page }) {
      const visible = visibleNotes(viewer);
      const read = keyset("n", ordering, page);
      const ofTicket = sql`notes n WHERE n.ticket_id = t.id AND ${whereSql("n", visible)} AND ${filterSql(filter)}`;
      // LATERAL reads no more than a page of each ticket; Prisma's nested `take` would read every note of all of them.
      const rows = await database.query<Note & { readonly parent: string }>(sql`
        SELECT t.id AS parent, ${noteColumns}
        FROM tickets t
        LEFT JOIN LATERAL (${pageFrom("n", ofTicket, read)}) n ON true
        WHERE ${whereSql("t", visibleTickets(viewer))} AND t.id = ANY(${ticketIds}::uuid[])
        ORDER BY t.id, ${read.orderBy}`);
      return slicesOf(ticketIds, rows, page);
    },

    async countOfTickets(viewer, ticketIds, filter) {
      const visible = visibleNotes(viewer);
      const rows = await database.query<{ parent: string; count: bigint }>(sql`
        SELECT n.ticket_id AS parent, count(*) AS count FROM notes n
        WHERE n.ticket_id = ANY(${ticketIds}::uuid[]) AND ${whereSql("n", visible)} AND ${filterSql(filter)}
        GROUP BY n.ticket_id`);
      return inOrder(ticketIds, rows, (row) => row.parent).map((row) => Number(row?.count ?? 0));
    },

    async add(viewer, input) {
      const author = authorOfNewNote(viewer, input);
      checkText(input.text);
      const ticket = await prisma.ticket.findFirst({ where: { id: input.ticketId, ...visibleTickets(viewer) } });
      if (!ticket) throw new NotFound("ticket");
      const claim = input.uploads?.length ? await uploads.claim(viewer, input.uploads, input.text) : undefined;
      const now = clock();
      const [note] = await database.query<Note>(sql`
        WITH ${claim ? sql`${claim.before},` : empty} added AS (
          INSERT INTO notes (id, account_id, ticket_id, author_number, text, is_public, categories, medium, source, created_at)
          SELECT ${newId()}::uuid, ${ticket.accountId}::uuid, ${ticket.id}::uuid, ${author.person.number}::integer, ${input.text}::text,
            ${input.isPublic}::boolean, ${categorySet(input.categories)}::"NoteCategory"[], ${input.medium ?? "DEFAULT"}::"NoteMedium",
            ${input.source ?? null}::text, ${now}::timestamptz
          WHERE ${claim?.condition ?? sql`true`}
          RETURNING *
        ), audited AS (${auditInsert(author, { action: "CREATED", entity: "NOTE", rows: "added", at: now })})
        ${claim ? sql`, ${claim.after}` : empty}
        SELECT ${noteColumns} FROM added n`);
      if (!note && claim) throw claim.refusal;
      if (!note) throw new Error("A note was added and did not come back.");
      return note;
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

function filterSql(filter: NoteFilter): Sql {
  const { fields = {} } = filter;
  return allOf([
    filter.ids && sql`n.id = ANY(${filter.ids}::uuid[])`,
    filter.authorId === undefined
      ? undefined
      : sql`n.author_number = (
      SELECT p.number FROM memberships m JOIN people p ON p.id = m.person_id
      WHERE m.account_id = n.account_id AND m.person_id = ${filter.authorId}::uuid)`,
    filter.isPublic === undefined ? undefined : sql`n.is_public = ${filter.isPublic}`,
    filter.categories && sql`n.categories && ${filter.categories}::"NoteCategory"[]`,
    filter.media && sql`n.medium = ANY(${filter.media}::"NoteMedium"[])`,
    withinRange("n", "createdAt", filter.createdAt),
    filter.ticketId === undefined ? undefined : sql`n.ticket_id = ${filter.ticketId}::uuid`,
    ...(fields.number ?? []).map((field) => meets("n", "number", "bigint", field)),
    ...(fields.authorNumber ?? []).map((field) => meets("n", "authorNumber", "bigint", field)),
    ...(fields.createdAt ?? []).map((field) => meets("n", "createdAt", "timestamptz", field)),
    ...(fields.medium ?? []).map((field) => meets("n", "medium", '"NoteMedium"', field)),
  ]);
}
