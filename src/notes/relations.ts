import { type Note, NoteMedium, Prisma, type WithdrawnNote } from "#generated/prisma/client.ts";
import type { PersonRead } from "../people/input.ts";
import { accountWhere, homeAccountOf, peopleNumbered, type Person, personEntity, personWhere } from "../people/relations.ts";
import { distinctNumbers, type DistinctRange, rangeOfPage } from "../query/model/distinct-numbers.ts";
import {
  type InFilter,
  combinePredicates,
  conditionPredicate,
  fieldPredicate,
  inPredicate,
  type Predicate,
  predicateSql,
  createdAtField,
  numberField,
  updatedAtField,
} from "../query/model/field-filter.ts";
import { maxTotal } from "../query/model/page.ts";
import type { Rows } from "../query/model/paged-table.ts";
import { type AccountCondition, empty, integer, join, param, raw, sql, type Sql, whereSql } from "../database/sql.ts";
import { defineEntity, withColumns } from "../query/model/entity.ts";
import type { SearchQuery } from "../search/input.ts";
import { maxMatches, searchMatches } from "../search/relations.ts";
import type { ManyRelation, OneRelation } from "../query/model/relation.ts";
import { ticketWhere } from "../tickets/relations.ts";
import type { Viewer } from "../viewer.ts";
import type { NoteFilter, NoteRead, NoteSearchRead } from "./input.ts";
import { byUpdate, isByUpdate } from "./notes-by-update.ts";
import { requireAttachments, seesInternalNotes, visibleAttachments, visibleNotes } from "./policy.ts";
import { notesTable } from "./table.ts";

const authorNumber = { field: "authorNumber", type: "bigint" } as const;
const medium = { field: "medium", type: '"NoteMedium"', values: Object.values(NoteMedium) } as const satisfies InFilter;
const isPublic = { field: "isPublic", type: "boolean", values: [true, false] } as const satisfies InFilter;

export const noteEntity = defineEntity<Note>({
  alias: "n",
  fields: Prisma.NoteScalarFieldEnum,
  revive: { createdAt: "instant", updatedAt: "instant", publicEditedAt: "instant", redactedAt: "instant" },
  indexes: [
    ["accountId", "number"],
    ["accountId", "createdAt", "id", "isPublic"],
    ["accountId", "authorNumber", "number", "isPublic", "medium"],
    ["ticketId", "createdAt", "id", "isPublic"],
    ["ticketId", "number", "isPublic", "medium", "authorNumber"],
  ],
  // What a customer sees.
  partialIndexes: [
    { only: "isPublic", fields: ["accountId", "requesterId", "createdAt", "id"] },
    { only: "isPublic", fields: ["accountId", "requesterId", "number"] },
  ],
  determined: { ticketId: ["requesterId"] },
  closed: [medium, isPublic],
});

/** What a withdrawn note has in place of the columns that are not kept of it. */
const withdrawnValues: Readonly<Record<Exclude<keyof Note, keyof WithdrawnNote>, string>> = {
  text: "''",
  categories: "'{}'",
  source: "NULL",
  updatedAt: "NULL",
  version: "1",
  editorNumber: "NULL",
  publicEditedAt: "NULL",
  publicEditorNumber: "NULL",
  redactedAt: "NULL",
};

const storedNote = notesTable.columns.map(({ name }) => `n.${name}`).join(", ");
const withdrawnNote = notesTable.columns.map(withdrawnColumn).join(", ");

const notes = raw("notes n");

/** Notes and withdrawn notes, with the columns of a note: the two together, and each of them. */
const notesAndWithdrawn = {
  together: raw(`(SELECT ${storedNote} FROM notes n UNION ALL SELECT ${withdrawnNote} FROM withdrawn_notes n) n`),
  each: [raw(`(SELECT ${storedNote} FROM notes n) n`), raw(`(SELECT ${withdrawnNote} FROM withdrawn_notes n) n`)],
};

function withdrawnColumn({ field, name, type }: (typeof notesTable.columns)[number]): string {
  const value = Object.entries(withdrawnValues).find(([one]) => one === field)?.[1];
  return value === undefined ? `n.${name}` : `${value}::${type} AS ${name}`;
}

/** The note for which `term` holds, as `n`. */
export function noteWhere(term: Sql, rows: Sql = notes): OneRelation<Note> {
  return {
    target: noteEntity,
    from: (viewer) => sql`${rows} WHERE ${whereSql("n", visibleNotes(viewer))} AND ${term}`,
  };
}

const hasId = sql`n.id = ${param("key")}::uuid`;
const hasNumber = sql`n.number = ${param("key")}::integer`;

export const noteById = noteWhere(hasId);
export const noteByNumber = noteWhere(hasNumber);
/** As {@link noteById}, also if the note is withdrawn. */
export const noteOrWithdrawnById = noteWhere(hasId, notesAndWithdrawn.together);
export const noteOrWithdrawnByNumber = noteWhere(hasNumber, notesAndWithdrawn.together);

/** Notes across tickets. */
export const notesOfAccount: ManyRelation<Note, NoteRead> = {
  target: noteEntity,
  from: (viewer, read) => visibleRows(viewer, read),
  countFrom: (viewer, { filter }) => filteredRows(viewer, filter),
};

export const notesOfTicket: ManyRelation<Note, NoteRead> = {
  target: noteEntity,
  from: (viewer, read) => visibleRows(viewer, read, { inFilters: [ofTicket] }),
  countFrom: (viewer, { filter }) => filteredRows(viewer, filter, { inFilters: [ofTicket] }),
  keptTotal: (viewer, { filter: { isPublic: visibility, fields = {}, withWithdrawn = false, ...others } }) => {
    const conditions = Object.values(fields) as readonly (readonly unknown[])[]; // a list for each field
    const isByVisibilityAlone =
      Object.values(others).every((condition) => condition === undefined) && conditions.every((list) => list.length === 0);
    if (!isByVisibilityAlone) return undefined;
    const { accountId, isPublic: visible } = visibleNotes(viewer);
    const visibilities = [true, false].filter((kind) => (visible ?? kind) === kind && (visibility ?? kind) === kind);
    const kept = countOfTicket(accountId, visibilities);
    return withWithdrawn ? sql`${kept} + ${withdrawnOfTicket(accountId, visibilities)}` : kept;
  },
};

/** The notes that a person wrote, in the viewer's account. */
export const notesOfPerson: ManyRelation<Note, NoteRead> = {
  target: noteEntity,
  from: (viewer, read) => visibleRows(viewer, read, { inFilters: [ofAuthor] }),
  countFrom: (viewer, { filter }) => filteredRows(viewer, filter, { inFilters: [ofAuthor] }),
};

/** The participants of a ticket: the authors of the notes on it that the viewer may see, and its requester. */
export const participantsOfTicket: ManyRelation<Person, PersonRead> = {
  target: personEntity,
  from: (viewer, { page }) => participants(viewer, rangeOfPage(page)),
  countFrom: (viewer) => participants(viewer, rangeOfPage(undefined)),
};

function participants(viewer: Viewer, range: DistinctRange): Rows {
  const { accountId, isPublic: visible, ...others } = visibleNotes(viewer);
  const visibilities = [true, false].filter((kind) => (visible ?? kind) === kind);
  // What the ticket determines is hidden from PostgreSQL, which could look for it by another index.
  const determined = Object.keys(others).length === 0 ? empty : sql`AND coalesce(${whereSql("a", others)}, false)`;
  const from = sql`ticket_authors a WHERE ${whereSql("a", { accountId })} ${determined}`;
  const authors = visibilities.map((kind) => {
    const prefix = [
      { field: "ticketId", value: sql`t.id` },
      { field: "isPublic", value: raw(String(kind)) },
    ];
    return distinctNumbers("a", { prefix, field: "authorNumber" }, range, from);
  });
  const requester = sql`SELECT m.person_number FROM memberships m WHERE ${whereSql("m", { accountId })} AND m.person_id = t.requester_id`;
  return {
    from: peopleNumbered(viewer, join([...authors, requester], " UNION ")),
    scope: "membership",
    visibleBy: [],
    predicate: combinePredicates("p", []),
  };
}

/** Returns how many notes the ticket `t` has, of those that are public or not as `visibilities` says. */
function countOfTicket(accountId: string, visibilities: readonly boolean[]): Sql {
  const counts = visibilities.map((isPublicNote) => raw(isPublicNote ? "c.public_notes" : "c.internal_notes"));
  if (counts.length === 0) return sql`0`;
  return sql`coalesce((SELECT ${join(counts, " + ")} FROM note_counts c WHERE c.account_id = ${accountId}::uuid AND c.ticket_id = t.id), 0)`;
}

/** As {@link countOfTicket}, for withdrawn notes. They are few, so they are counted. */
function withdrawnOfTicket(accountId: string, visibilities: readonly boolean[]): Sql {
  const isPublicNote = join(visibilities.length === 0 ? [raw("NULL")] : visibilities.map((one) => raw(String(one))), ", ");
  return sql`(SELECT count(*) FROM (
    SELECT FROM withdrawn_notes w WHERE w.account_id = ${accountId}::uuid AND w.ticket_id = t.id AND w.is_public IN (${isPublicNote})
    LIMIT ${integer(maxTotal + 1)}) counted)`;
}

/** A note that a search finds: how well it matches, what was searched for, and the digest of that. */
export interface FoundNote extends Note {
  readonly score: number;
  readonly query: string;
  readonly searched: string;
}

const foundNoteEntity = withColumns<Note, Omit<FoundNote, keyof Note>>(noteEntity, {
  ...{ score: "score", query: "query", searched: "searched" },
});

/**
 * The newest notes that a search finds, as many as it ranks. With a filter, they are found among the newest
 * {@link maxFiltered} matches.
 */
export const foundNotes: ManyRelation<FoundNote, NoteSearchRead> = {
  target: foundNoteEntity,
  from: (viewer, { query, filter, ordering }) => {
    const visible = visibleNotes(viewer);
    const note = sql`notes n ON ${whereSql("n", visible)}`;
    const columns = sql`n.*, chosen.score, chosen.searched, ${query.text}::text AS query`;
    const chosen = sql`(SELECT f.id, f.score, ${query.digest}::uuid AS searched FROM found f WHERE f.place <= ${integer(maxMatches)})`;
    const { isPublic: visibility, ...conditions } = filter;
    // The index has the visibility. Who sees public notes only finds no internal ones.
    const isTested = hasConditions(conditions) || (visibility === false && visible["isPublic"] === true);
    // A count has the order of the id. It would read all notes that the viewer sees, to join them with those found.
    const isOfMatches = ["searched", "score", "id"].includes(ordering[0].field);
    return {
      withParts: isTested
        ? filteredMatches(viewer, visible, { query, filter })
        : rankedMatches(visible, query, filter.isPublic),
      // Of those that are ranked, only the rows of a page are looked up.
      from: isOfMatches
        ? sql`${chosen} n WHERE true`
        : sql`(SELECT ${columns} FROM ${chosen} chosen JOIN ${note} AND n.id = chosen.id) n WHERE true`,
      completion: isOfMatches ? { columns, join: sql`${note} AND n.id = chosen.id` } : undefined,
      isPartial: sql`EXISTS (SELECT FROM matches m WHERE m.id IS NULL) OR EXISTS (SELECT FROM found f WHERE f.place > ${integer(maxMatches)})`,
      ...{ scope: "found", visibleBy: [], areFew: true, predicate: combinePredicates("n", []) },
    };
  },
};

function rankedMatches(visible: AccountCondition, query: SearchQuery, visibility: boolean | undefined): Sql {
  const matches = searchMatches({ kind: "NOTE", visible, query, isPublic: visibility, most: maxMatches, isRanked: true });
  return sql`matches AS MATERIALIZED (SELECT m.id, m.score, m.place FROM ${matches}),
    found AS MATERIALIZED (SELECT m.id, m.score, m.place FROM matches m WHERE m.id IS NOT NULL)`;
}

/** How many matches are tested by a filter: as many as the function search_newest_matches compares. */
const maxFiltered = 5_000;

function filteredMatches(
  viewer: Viewer,
  visible: AccountCondition,
  { query, filter }: Pick<NoteSearchRead, "query" | "filter">,
): Sql {
  const { accountId } = visible;
  const matches = searchMatches({
    ...{ kind: "NOTE", visible, query, isPublic: filter.isPublic, most: maxFiltered, isRanked: false },
    among: amongNotes(accountId, filter),
  });
  const { from: filtered, predicate } = filteredRows(viewer, filter);
  // By their numbers: notes of neighbouring numbers are beside each other, in the index and in the table.
  return sql`matches AS MATERIALIZED (SELECT m.id, m.number, m.ranked, m.place FROM ${matches}),
    found AS MATERIALIZED (
      SELECT m.id, search_rank(s.document, m.ranked) AS score, row_number() OVER (ORDER BY m.place) AS place FROM (
        SELECT m.id, m.ranked, m.place FROM matches m
        WHERE m.id IS NOT NULL AND EXISTS (SELECT FROM ${filtered} AND n.number = m.number AND ${predicateSql("n", predicate)})
        ORDER BY m.place LIMIT ${integer(maxMatches + 1)}
      ) m JOIN search_documents s ON s.account_id = ${accountId}::uuid AND s.id = m.id
    )`;
}

function hasConditions({ fields = {}, ...conditions }: NoteFilter): boolean {
  const lists = Object.values(fields) as readonly (readonly unknown[])[]; // a list for each field
  return Object.values(conditions).some((condition) => condition !== undefined) || lists.some((list) => list.length > 0);
}

/** Returns the ids of the few notes among which a filter leaves the matches, or undefined if they may be many. */
function amongNotes(accountId: string, { ids, ticketId }: NoteFilter): Sql | undefined {
  if (ids) return sql`${ids}`;
  if (ticketId === undefined) return undefined;
  return sql`ARRAY(
    SELECT n.id FROM notes n WHERE ${whereSql("n", { accountId, ticketId })} ORDER BY n.created_at DESC, n.id DESC LIMIT ${integer(maxFiltered)}
  )`;
}

export const ticketOfNote = ticketWhere(sql`t.id = n.ticket_id`);
export const authorOfNote = personWhere(sql`p.number = n.author_number`);
export const editorOfNote: OneRelation<Person> = {
  target: personEntity,
  from: (viewer) =>
    personWhere(seesInternalNotes(viewer) ? sql`p.number = n.editor_number` : sql`p.number = n.public_editor_number`).from(
      viewer,
    ),
};
/** Where the author is at home. Who sees the author sees its name, as with {@link homeAccountOfPerson}. */
export const homeAccountOfAuthor = homeAccountOf(sql`p.number = n.author_number`);
export const accountOfNote = accountWhere(sql`c.id = n.account_id`);

const ofAuthor: InFilter = { ...authorNumber, values: [sql`p.number`] };
const ofTicket: InFilter = { field: "ticketId", type: "uuid", values: [sql`t.id`] };

function visibleRows(viewer: Viewer, { filter, ordering }: NoteRead, within?: Partial<Predicate>): Rows {
  const rows = filteredRows(viewer, filter, within);
  return isByUpdate(ordering) ? byUpdate(viewer, noteEntity, rows) : rows;
}

function filteredRows(viewer: Viewer, filter: NoteFilter, within?: Partial<Predicate>): Rows {
  const { accountId, ...visible } = visibleNotes(viewer);
  const { fields = {} } = filter;
  const isOfAccount = whereSql("n", { accountId });
  const withWithdrawn = filter.withWithdrawn === true;
  return {
    from: sql`${withWithdrawn ? notesAndWithdrawn.together : notes} WHERE ${isOfAccount}`,
    tables: withWithdrawn ? notesAndWithdrawn.each.map((table) => sql`${table} WHERE ${isOfAccount}`) : undefined,
    scope: "accountId",
    visibleBy: Object.keys(visible),
    areFew: filter.ids !== undefined,
    predicate: combinePredicates("n", [
      within,
      conditionPredicate(visible),
      filter.ids && { others: [sql`n.id = ANY(${filter.ids}::uuid[])`] },
      filter.authorId === undefined
        ? undefined
        : { inFilters: [{ ...authorNumber, values: [memberNumber(accountId, filter.authorId)] }] },
      filter.isPublic === undefined ? undefined : inPredicate(isPublic, [filter.isPublic]),
      filter.categories && { others: [sql`n.categories && ${filter.categories}::"NoteCategory"[]`] },
      filter.media && inPredicate(medium, filter.media),
      filter.createdAt && fieldPredicate("n", createdAtField, filter.createdAt),
      filter.updatedAt && fieldPredicate("n", updatedAtField, filter.updatedAt),
      filter.ticketId === undefined ? undefined : conditionPredicate({ ticketId: filter.ticketId }),
      filter.hasAttachments === undefined ? undefined : { others: [withAttachments(viewer, filter.hasAttachments)] },
      ...(fields.number ?? []).map((field) => fieldPredicate("n", numberField, field)),
      ...(fields.authorNumber ?? []).map((field) => fieldPredicate("n", authorNumber, field)),
      ...(fields.createdAt ?? []).map((field) => fieldPredicate("n", createdAtField, field)),
      ...(fields.medium ?? []).map((field) => fieldPredicate("n", medium, field, medium.values)),
    ]),
  };
}

/**
 * The condition that the note `n` has a file, or has none. Not EXISTS: PostgreSQL could read all attachments of the
 * account for it, and not those of the notes that it reads.
 */
function withAttachments(viewer: Viewer, isWanted: boolean): Sql {
  requireAttachments(viewer);
  const found = sql`coalesce((SELECT true FROM attachments f
    WHERE ${whereSql("f", visibleAttachments(viewer))} AND f.note_id = n.id AND f.state = 'READY' LIMIT 1), false)`;
  return isWanted ? found : sql`NOT ${found}`;
}

/** The number of a person of the account; null, which no author has, where they are none. */
function memberNumber(accountId: string, personId: string): Sql {
  return sql`(SELECT p.number FROM memberships m JOIN people p ON p.id = m.person_id
    WHERE ${whereSql("m", { accountId, personId })})`;
}
