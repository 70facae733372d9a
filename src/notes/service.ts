import { type Note, Prisma } from "#generated/prisma/client.ts";
import { Forbidden, invalid, NotFound } from "../errors.ts";
import { inOrder } from "../platform/batch.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import { withinRange } from "../platform/instants.ts";
import { keyset, type Ordering, type Page, type Slice, slicesOf, toSlice } from "../platform/keyset.ts";
import { allOf, columns, matches, sql, type Sql, whereSql } from "../platform/sql.ts";
import { visibleTickets } from "../tickets/policy.ts";
import type { Viewer } from "../viewer.ts";
import { type AddNoteInput, categorySet, checkText, type NoteFilter, type UpdateNoteInput } from "./input.ts";
import { authorOfNewNote, changeableNotes, requireVisibility, visibleNotes } from "./policy.ts";

export type { Note } from "#generated/prisma/client.ts";

export interface NoteRead {
  readonly filter: NoteFilter;
  readonly ordering: Ordering;
  readonly page: Page;
}

export interface Notes {
  /** In the order of `ids`, null where there is none or the viewer may not see it. */
  byIds(viewer: Viewer, ids: readonly string[]): Promise<(Note | null)[]>;
  /** Notes across tickets. */
  list(viewer: Viewer, read: NoteRead): Promise<Slice<Note>>;
  count(viewer: Viewer, filter: NoteFilter): Promise<number>;
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

export interface NotesDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  /** Told after a note is gone, with its attachments' rows: their bytes can go too. */
  readonly onDeleted: () => void;
}

const noteColumns = columns("n", Prisma.NoteScalarFieldEnum, ["categories"]);

export function createNotes({ database, clock, newId, onDeleted }: NotesDependencies): Notes {
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

    async list(viewer, { filter, ordering, page }) {
      const visible = visibleNotes(viewer);
      const { within, orderBy, limit } = keyset("n", ordering, page);
      const rows = await database.query<Note>(sql`
        SELECT ${noteColumns} FROM notes n
        WHERE ${whereSql("n", visible)} AND ${filterSql(filter)} AND ${within}
        ORDER BY ${orderBy} ${limit}`);
      return toSlice(rows, page);
    },

    async count(viewer, filter) {
      const visible = visibleNotes(viewer);
      const [row] = await database.query<{ count: bigint }>(sql`
        SELECT count(*) AS count FROM notes n WHERE ${whereSql("n", visible)} AND ${filterSql(filter)}`);
      return Number(row?.count ?? 0);
    },

    async ofTickets(viewer, ticketIds, { filter, ordering, page }) {
      const visible = visibleNotes(viewer);
      const { within, orderBy, limit } = keyset("n", ordering, page);
      // LATERAL reads no more than a page of each ticket; Prisma's nested `take` would read every note of all of them.
      const rows = await database.query<Note & { readonly parent: string }>(sql`
        SELECT t.id AS parent, ${noteColumns}
        FROM tickets t
        LEFT JOIN LATERAL (
          SELECT n.* FROM notes n
          WHERE n.ticket_id = t.id AND ${whereSql("n", visible)} AND ${filterSql(filter)} AND ${within}
          ORDER BY ${orderBy} ${limit}
        ) n ON true
        WHERE ${whereSql("t", visibleTickets(viewer))} AND t.id = ANY(${ticketIds}::uuid[])
        ORDER BY t.id, ${orderBy}`);
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
      return prisma.note.create({
        data: {
          id: newId(),
          accountId: ticket.accountId,
          ticketId: ticket.id,
          authorNumber: author.person.number,
          text: input.text,
          isPublic: input.isPublic,
          categories: categorySet(input.categories),
          medium: input.medium ?? "DEFAULT",
          createdAt: clock(),
        },
      });
    },

    async update(viewer, input) {
      const note = await changeable(viewer, input.id);
      if (input.ticketId !== undefined && input.ticketId !== note.ticketId) {
        throw invalid("ticketId", "The note is of another ticket, and notes do not move.");
      }
      const text = input.text === input.shownAs?.(note.text) ? undefined : input.text;
      if (text !== undefined) checkText(text);
      if (viewer.kind === "person" && input.isPublic !== undefined) requireVisibility(viewer, input.isPublic);

      const changed = await prisma.note.updateManyAndReturn({
        where: { id: note.id, ...changeableNotes(viewer) },
        data: {
          ...(text === undefined ? {} : { text }),
          ...(input.categories === undefined ? {} : { categories: categorySet(input.categories) }),
          ...(input.isPublic === undefined ? {} : { isPublic: input.isPublic }),
          updatedAt: latest(clock(), note.createdAt),
        },
      });
      const [updated] = changed;
      if (!updated) throw new NotFound("note");
      return updated;
    },

    async delete(viewer, id) {
      const note = await changeable(viewer, id);
      const { count } = await prisma.note.deleteMany({ where: { id, ...changeableNotes(viewer) } });
      if (count === 0) throw new NotFound("note");
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
  return allOf([
    filter.ids && sql`n.id = ANY(${filter.ids}::uuid[])`,
    filter.authorId === undefined ? undefined : sql`n.author_number = (SELECT p.number FROM people p WHERE p.id = ${filter.authorId}::uuid)`,
    filter.isPublic === undefined ? undefined : sql`n.is_public = ${filter.isPublic}`,
    filter.categories && sql`n.categories && ${filter.categories}::"NoteCategory"[]`,
    filter.media && sql`n.medium = ANY(${filter.media}::"NoteMedium"[])`,
    withinRange("n", "createdAt", filter.createdAt),
  ]);
}
