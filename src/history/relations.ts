import type { NoteEdit as StoredEdit } from "#generated/prisma/client.ts";
import { param, raw, sql, type Sql, whereSql } from "../database/sql.ts";
import { seesInternalNotes, visibleNotes } from "../notes/policy.ts";
import { personWhere } from "../people/relations.ts";
import { defineEntity } from "../query/model/entity.ts";
import type { ManyRelation, OneRelation } from "../query/model/relation.ts";
import type { Viewer } from "../viewer.ts";
import type { EditRead } from "./input.ts";

/** An edit as a viewer sees it: the state before it, and the text after it. */
export interface NoteEdit extends StoredEdit {
  /** Null if it was redacted. */
  readonly laterText: string | null;
}

const noteEditEntity = defineEntity<NoteEdit>({
  alias: "ed",
  fields: {
    id: "id",
    accountId: "accountId",
    noteId: "noteId",
    version: "version",
    text: "text",
    isPublic: "isPublic",
    categories: "categories",
    editedAt: "editedAt",
    editorNumber: "editorNumber",
    laterText: "laterText",
  },
  revive: { editedAt: "instant" },
});

/**
 * Returns a FROM item with the edits `x` of the visible note `n` for which `term` holds, as the viewer sees them.
 *
 * Who sees internal notes sees every edit. Others see the public states of a note only: an edit leads from one of them
 * to the next one, whatever was between them, and is that of the person who made the next one. If there were internal
 * states between two public ones that are equal, there was no edit.
 */
function seenEdits(viewer: Viewer, term: Sql): Sql {
  const { accountId } = visibleNotes(viewer);
  const isLimited = !seesInternalNotes(viewer);
  const ofNote = (alias: string) => sql`${whereSql(alias, { accountId })} AND ${raw(alias)}.note_id = n.id`;
  const seen = (alias: string) => (isLimited ? sql`${ofNote(alias)} AND ${raw(alias)}.is_public` : ofNote(alias));
  const isEdit = isLimited
    ? sql`(made.version = x.version OR (x.text, x.categories) IS DISTINCT FROM (later.text, later.categories))`
    : sql`true`;
  return sql`(
    SELECT x.id, x.account_id, x.note_id, x.version, x.text, x.is_public, x.categories, made.edited_at, made.editor_number,
      later.text AS later_text
    FROM note_edits x
    CROSS JOIN LATERAL (
      SELECT states.* FROM (
        (SELECT l.version, l.text, l.categories FROM note_edits l WHERE ${seen("l")} AND l.version > x.version ORDER BY l.version LIMIT 1)
        UNION ALL SELECT n.version, n.text, n.categories
      ) states ORDER BY states.version LIMIT 1
    ) later
    CROSS JOIN LATERAL (
      SELECT m.version, m.edited_at, m.editor_number FROM note_edits m
      WHERE ${ofNote("m")} AND m.version >= x.version AND m.version < later.version ORDER BY m.version DESC LIMIT 1
    ) made
    WHERE ${seen("x")} AND ${term} AND ${isEdit}
  ) ed`;
}

export const editsOfNote: ManyRelation<NoteEdit, EditRead> = {
  target: noteEditEntity,
  // The viewer sees the note: the statement around this one has selected it.
  from: (viewer) => ({
    from: sql`${seenEdits(viewer, sql`true`)} WHERE true`,
    scope: "noteId",
    predicate: { inFilters: [], rangeFilters: [], others: [] },
  }),
};

export const editById: OneRelation<NoteEdit> = {
  target: noteEditEntity,
  from: (viewer) => {
    const { accountId, ...visible } = visibleNotes(viewer);
    return sql`
      note_edits asked JOIN notes n ON n.account_id = asked.account_id AND n.id = asked.note_id
      CROSS JOIN LATERAL ${seenEdits(viewer, sql`x.version = asked.version`)}
      WHERE ${whereSql("asked", { accountId })} AND asked.id = ${param("key")}::uuid AND ${whereSql("n", { accountId, ...visible })}`;
  },
};

export const editorOfEdit = personWhere(sql`p.number = ed.editor_number`);
