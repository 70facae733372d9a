import { integer, type Ordering, type Page, type Position, positionFields, type SortField } from "../platform/keyset.ts";
import { countUpTo, type PagedTable, type Rows } from "../platform/pages.ts";
import { column, empty, join, raw, sql, type Sql } from "../platform/sql.ts";
import type { Spelling } from "./shape.ts";
import { mayWriteTooMuch, stoppedForSize } from "./statement.ts";
import { orElse, type Piece, spelled, textOf } from "./text.ts";

// How pages are written as JSON, whatever their rows are written as.

/** How many `rows` there are, as far as that is asked for. */
export function writeTotal(table: PagedTable, rows: Rows, total: true | { readonly most: number }): Sql {
  return sql`(${countUpTo(table, rows, total === true ? undefined : total.most)})::text`;
}

/** Where the rows of a page stand. */
export interface Place {
  readonly parentId: readonly Piece[];
  readonly alias: string;
  readonly ordering: Ordering;
}

export interface Placed {
  readonly page: Page;
  readonly place: Place;
  /** How many rows it is likely to read at most, with all that its rows read. */
  readonly weight: number;
}

/** What a page is read from, and what makes aggregates of it come in the order of the page. */
function readInOrder(rows: Sql, { page, place }: Placed): { readonly read: Sql; readonly readAs: Sql; readonly inOrder: Sql } {
  const name = raw(place.alias);
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

/** Arrays of the rows of a page: of each of `lists`, as `list_1` and so on, and of where they stand, as `positions`. */
export function aggregated(lists: readonly (readonly Piece[])[], rows: Sql, placed: Placed): Sql {
  const texts = [...lists, positionOf(placed.place)].map(textOf);
  const names = [...lists.map((_, index) => `list_${index + 1}`), "positions"];
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

export function endsOfPositions(page: Page): readonly Piece[] {
  const positions = raw("page.positions");
  const { first, last } = endsOf(positions, page);
  const at = (index: Sql) => orElse([sql`${positions}[${index}]`], "null");
  return [at(first), ",", at(last)];
}

/** As {@link surroundingsOf} writes it. */
export type SurroundingsPayload = [parentId: string | null, more: boolean, first: Position | null, last: Position | null];

export function surroundingsOf({ parentId }: Place, page: Page): readonly Piece[] {
  const more = sql`(cardinality(page.positions) > ${integer(page.size)})::text`;
  return ["[", ...parentId, ",", more, ",", ...endsOfPositions(page), "]"];
}

export function positionOf({ alias, ordering }: Place): readonly Piece[] {
  const parts = positionFields(ordering).map(({ field, type }) => spelled(column(alias, field), spellingOfPosition(type)));
  return ["[", ...parts.flatMap((part, index) => (index === 0 ? part : [",", ...part])), "]"];
}

function spellingOfPosition(type: SortField["type"]): Spelling {
  if (type === "timestamptz") return "instant";
  return type === "integer" ? "bare" : "quoted";
}
