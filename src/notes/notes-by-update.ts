import { column, join, raw, sql, type Sql, whereOfOne, whereSql } from "../database/sql.ts";
import type { Entity } from "../query/model/entity.ts";
import { combinePredicates } from "../query/model/field-filter.ts";
import type { Ordering } from "../query/model/page.ts";
import type { PagedTable, Rows } from "../query/model/paged-table.ts";
import type { Viewer } from "../viewer.ts";
import { noteOrderings } from "./input.ts";
import { visibleNotes } from "./policy.ts";

// Notes in the order UPDATED_AT. No index of notes has it. Two parts are merged, each of which has an index: the notes
// that were updated, of the table note_updates, by when they were, and all notes by when they were added. Of the second
// part those that were updated are left out.

/** Returns whether notes in this order are read by {@link byUpdate}. */
export function isByUpdate([{ field }]: Ordering): boolean {
  return field === noteOrderings.UPDATED_AT.field;
}

/**
 * Returns `rows`, which are notes `n` of `entity` that the viewer may see, with the column `changed_at` and its parts.
 */
export function byUpdate(viewer: Viewer, entity: Entity<unknown>, rows: Rows): Rows {
  const { accountId } = visibleNotes(viewer);
  const ofAccount = sql`WHERE ${whereSql("n", { accountId })}`;
  const notes = (changedAt: string, isUpdate: string): Sql =>
    sql`(SELECT ${noteColumnsOf(entity)}, ${raw(changedAt)} AS changed_at, ${raw(isUpdate)} AS is_update FROM notes n ${ofAccount}) n ${ofAccount}`;
  const hasUpdate = "n.updated_at IS NOT NULL";
  const predicate = combinePredicates("n", [rows.predicate, { others: [raw(`n.is_update = (${hasUpdate})`)] }]);
  const all = { ...rows, predicate, from: notes("coalesce(n.updated_at, n.created_at)", hasUpdate) };
  const updates = sql`(
    SELECT u.note_id AS id, u.account_id, u.ticket_id, u.requester_id, u.is_public, u.updated_at AS changed_at
    FROM note_updates u WHERE ${whereSql("u", { accountId })}
  ) n ${ofAccount}`;
  return {
    ...all,
    parts: [
      { table: addedNotes(entity), rows: { ...all, from: notes("n.created_at", "false") } },
      {
        table: updatedNotes(entity),
        rows: { ...all, indexed: { from: updates, completed: (read) => completedNotes(viewer, entity, read) } },
      },
    ],
  };
}

function noteColumnsOf({ fields }: Entity<unknown>): Sql {
  return join(
    fields.map((field) => column("n", field)),
    ", ",
  );
}

/** The indexes of notes, with the time of the addition as that of the change. */
function addedNotes(entity: Entity<unknown>): PagedTable {
  const changed = (fields: readonly string[]) => fields.map((field) => (field === "createdAt" ? "changedAt" : field));
  const { indexes, partialIndexes = [] } = entity;
  return {
    ...entity,
    indexes: indexes.map(changed),
    partialIndexes: partialIndexes.map((index) => ({ ...index, fields: changed(index.fields) })),
  };
}

/** The indexes of note_updates. */
export function updatedNotes(entity: PagedTable): PagedTable {
  return {
    ...entity,
    indexes: [
      ["accountId", "changedAt", "id", "isPublic"],
      ["accountId", "ticketId", "changedAt", "id", "isPublic"],
    ],
    partialIndexes: [{ only: "isPublic", fields: ["accountId", "requesterId", "changedAt", "id"] }],
  };
}

/**
 * The columns of note_updates that pages are read by. By these PostgreSQL knows that the completed rows are in order.
 */
const ofUpdates: ReadonlySet<string> = new Set(["id", "accountId", "ticketId", "requesterId", "isPublic"]);

/**
 * Returns a statement that adds the columns of notes to the rows of note_updates that `read` selects, in their order.
 */
function completedNotes(viewer: Viewer, entity: Entity<unknown>, read: Sql): Sql {
  const columns = entity.fields.map((field) => column(ofUpdates.has(field) ? "u" : "n", field));
  return sql`
    SELECT ${join(columns, ", ")}, u.changed_at, true AS is_update FROM (${read}) u CROSS JOIN LATERAL (
      SELECT ${noteColumnsOf(entity)} FROM notes n WHERE ${whereOfOne("n", visibleNotes(viewer))} AND n.id = u.id OFFSET 0
    ) n`;
}
