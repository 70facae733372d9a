import { type CursorScope, cursorSeparator, scopeTag } from "../platform/cursor.ts";
import { integer, neighboursOf, type Ordering, type Page, positionFields, type SortField } from "../platform/keyset.ts";
import { countUpTo, type PagedTable, type Rows } from "../platform/pages.ts";
import { column, empty, join, raw, sql, type Sql } from "../platform/sql.ts";
import type { JsonEncoding } from "./shape.ts";
import { mayWriteTooMuch, stoppedForSize } from "./statement.ts";
import { coalesce, type Piece, encoded, textOf } from "./text.ts";

// How pages are written as JSON, whatever their rows are written as.

/** How many `rows` there are, as far as that is asked for. */
export function writeTotal(table: PagedTable, rows: Rows, total: true | { readonly max: number }): Sql {
  return sql`(${countUpTo(table, rows, total === true ? undefined : total.max)})::text`;
}

/** A page, and what its rows are called where it is written. */
export interface Placed {
  readonly page: Page;
  readonly alias: string;
  /** How many rows it is likely to read at most, with all that its rows read. */
  readonly weight: number;
}

/** What the first and the last row of a page are told by: a text of each row, and the name of the array that they are in. */
export interface EndsOf {
  readonly name: "positions" | "cursors";
  readonly text: readonly Piece[];
}

/** What a page is read from, and what makes aggregates of it come in the order of the page. */
function readInOrder(rows: Sql, { page, alias }: Placed): { readonly read: Sql; readonly readAs: Sql; readonly inOrder: Sql } {
  const name = raw(alias);
  if (page.from === "start") return { read: sql`(${rows}) ${name}`, readAs: empty, inOrder: empty };
  // It is read from its end, and turned round.
  return {
    read: sql`(SELECT ${name}.*, row_number() OVER () AS read_as FROM (${rows}) ${name}) ${name}`,
    readAs: sql`, ${name}.read_as`,
    inOrder: sql` ORDER BY read_as DESC`,
  };
}

/** A list of rows that nothing else is made of. */
export function writeListAlone(row: readonly Piece[], rows: Sql, placed: Placed): readonly Piece[] {
  const { written, inOrder } = writeInOrder([textOf(row)], ["json"], rows, placed);
  return ["[", sql`coalesce((SELECT string_agg(json, ','${inOrder}) FROM ${written} listed), '')`, "]"];
}

/** The list of that number of what {@link aggregated} has made of a page, without what was read beyond it. */
export function writeList(page: Page, number: number): readonly Piece[] {
  const found = raw(`page.list_${number}`);
  const { first, last } = endsOf(found, page);
  return ["[", sql`array_to_string(${found}[${first}:${last}], ',')`, "]"];
}

/** Arrays of the rows of a page: of each of `lists`, as `list_1` and so on, and of what `ends` are told by. */
export function aggregated(lists: readonly (readonly Piece[])[], ends: EndsOf, rows: Sql, placed: Placed): Sql {
  const texts = [...lists, ends.text].map(textOf);
  const names = [...lists.map((_, index) => `list_${index + 1}`), ends.name];
  const { written, inOrder } = writeInOrder(texts, names, rows, placed);
  const arrays = names.map((name) => sql`coalesce(array_agg(${raw(name)}${inOrder}), '{}') AS ${raw(name)}`);
  return sql`(SELECT ${join(arrays, ", ")} FROM ${written} listed)`;
}

/** What is written of each row of a page, under the `names`, and what makes aggregates of it come in the order of the page. */
function writeInOrder(
  texts: readonly Sql[],
  names: readonly string[],
  rows: Sql,
  placed: Placed,
): { readonly written: Sql; readonly inOrder: Sql } {
  const { read, readAs, inOrder } = readInOrder(rows, placed);
  const columns = texts.map((text, index) => sql`${text} AS ${raw(String(names[index]))}`);
  const written = sql`SELECT ${join(columns, ", ")}${readAs} FROM ${read}`;
  if (!mayWriteTooMuch(placed.weight)) return { written: sql`(${written})`, inOrder };
  const bytes = names.map((name) => sql`coalesce(octet_length(${raw(name)}), 0)`);
  return { written: stoppedForSize(written, join(bytes, " + ")), inOrder };
}

/** Where a page begins and ends in `list`, which may hold one more on the far side. */
function endsOf(list: Sql, { size, from }: Page): { readonly first: Sql; readonly last: Sql } {
  const count = sql`cardinality(${list})`;
  if (from === "start") return { first: integer(1), last: sql`least(${integer(size)}, ${count})` };
  return { first: sql`greatest(${count} - ${integer(size)}, 0) + 1`, last: count };
}

/** What the first and the last row of the page are told by, or null where it has no rows. */
export function firstAndLast(page: Page, { name }: EndsOf): { readonly first: Sql; readonly last: Sql } {
  const texts = raw(`page.${name}`);
  const { first, last } = endsOf(texts, page);
  const at = (index: Sql) => coalesce([sql`${texts}[${index}]`], "null");
  return { first: at(first), last: at(last) };
}

/** Where the page of `ends` has neighbours, as true or false: a row more than it holds was read, where there is one. */
export function neighbour(side: "hasNext" | "hasPrevious", page: Page, { name }: EndsOf): Piece {
  const [withMore, without] = [true, false].map((more) => neighboursOf(page, more)[side]);
  return withMore === without ? String(without) : sql`(cardinality(${raw(`page.${name}`)}) > ${integer(page.size)})::text`;
}

/** The position of a row, as an array. */
export function positionOf(alias: string, ordering: Ordering): readonly Piece[] {
  const parts = positionFields(ordering).map(({ field, type }) => encoded(column(alias, field), encodingOfPosition(type)));
  return ["[", ...parts.flatMap((part, index) => (index === 0 ? part : [",", ...part])), "]"];
}

function encodingOfPosition(type: SortField["type"]): JsonEncoding {
  if (type === "timestamptz") return "instant";
  return type === "integer" ? "bare" : "quoted";
}

/** The cursor of a row, as `encodeCursor` of src/platform/cursor.ts writes it. */
export function cursorOf(alias: string, scope: CursorScope): readonly Piece[] {
  const parts = positionFields(scope.ordering).flatMap((field) => [cursorSeparator, cursorPart(alias, field)]);
  return [`"${scopeTag(scope)}`, ...parts, '"'];
}

function cursorPart(alias: string, { field, type }: SortField): Sql {
  const value = column(alias, field);
  return type === "timestamptz" ? sql`to_char(${value} AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSMS')` : sql`${value}::text`;
}
