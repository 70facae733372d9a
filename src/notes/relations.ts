import { type Note, Prisma } from "#generated/prisma/client.ts";
import { accountWhere, personWhere } from "../people/relations.ts";
import { meets } from "../platform/field-filter.ts";
import { withinRange } from "../platform/instants.ts";
import { allOf, slot, sql, type Sql, whereSql } from "../platform/sql.ts";
import { defineEntity } from "../reading/entity.ts";
import type { ManyRelation, OneRelation } from "../reading/selection.ts";
import { ticketWhere } from "../tickets/relations.ts";
import type { NoteFilter, NoteRead } from "./input.ts";
import { visibleNotes } from "./policy.ts";

export const noteEntity = defineEntity<Note>({
  alias: "n",
  fields: Prisma.NoteScalarFieldEnum,
  revive: { createdAt: "instant", updatedAt: "instant" },
});

/** The note for which `term` holds, as `n`. */
export function noteWhere(term: Sql): OneRelation<Note> {
  return {
    kind: "one",
    target: noteEntity,
    from: (viewer) => sql`notes n WHERE ${whereSql("n", visibleNotes(viewer))} AND ${term}`,
  };
}

export const noteById = noteWhere(sql`n.id = ${slot("key")}::uuid`);
export const noteByNumber = noteWhere(sql`n.number = ${slot("key")}::integer`);

/** Notes across tickets. */
export const notesOfAccount: ManyRelation<Note, NoteRead> = {
  kind: "many",
  target: noteEntity,
  from: (viewer, { filter }) => sql`notes n WHERE ${whereSql("n", visibleNotes(viewer))} AND ${filterSql(filter)}`,
};

export const notesOfTicket: ManyRelation<Note, NoteRead> = {
  kind: "many",
  target: noteEntity,
  from: (viewer, { filter }) =>
    sql`notes n WHERE n.ticket_id = t.id AND ${whereSql("n", visibleNotes(viewer))} AND ${filterSql(filter)}`,
};

export const ticketOfNote = ticketWhere(sql`t.id = n.ticket_id`);
export const authorOfNote = personWhere(sql`p.number = n.author_number`);
export const accountOfNote = accountWhere(sql`c.id = n.account_id`);

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
