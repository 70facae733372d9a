import { type CursorScope, cursorSeparator, scopeTag } from "../model/cursor.ts";
import { neighboursOf, type Ordering, type Page, positionFields, type SortField } from "../model/page.ts";
import { column, empty, join, raw, sql, type Sql, integer } from "../../database/sql.ts";
import type { JsonEncoding } from "../model/selection.ts";
import type { PagePlan } from "../plan/plan.ts";
import { coalesce, type Piece, encoded, textOf } from "./json-text.ts";

// Writes pages as JSON. The JSON of their rows is given.

/**
 * What identifies the first and the last row of a page: a text of each row, and the name of the array of these texts.
 */
export interface EndsOf {
  readonly name: "positions" | "cursors";
  readonly text: readonly Piece[];
}

/** Returns the FROM item of a page, and the ORDER BY that puts aggregates of its rows in the order of the page. */
function readInOrder({ page, rows, target: { alias } }: PagePlan): {
  readonly read: Sql;
  readonly readAs: Sql;
  readonly inOrder: Sql;
} {
  const name = raw(alias);
  if (page.from === "start") return { read: sql`(${rows}) ${name}`, readAs: empty, inOrder: empty };
  // The statement reads such a page from its end, so the order is reversed.
  return {
    read: sql`(SELECT ${name}.*, row_number() OVER () AS read_as FROM (${rows}) ${name}) ${name}`,
    readAs: sql`, ${name}.read_as`,
    inOrder: sql` ORDER BY read_as DESC`,
  };
}

/** Returns the JSON list of the rows of a page, if nothing else is made of these rows. */
export function writeListAlone(row: readonly Piece[], page: PagePlan, weight: number): readonly Piece[] {
  const { written, inOrder } = writeInOrder([textOf(row)], ["json"], page, weight);
  return ["[", sql`coalesce((SELECT string_agg(json, ','${inOrder})${ofMet(page)} FROM ${written} listed), '')`, "]"];
}

/** Leaves the row where reading ended out of an aggregate, unless it is a row of the page. */
function ofMet({ mayEndEarly }: PagePlan): Sql {
  return mayEndEarly ? sql` FILTER (WHERE is_met)` : empty;
}

/** Returns the list with that number among those of {@link aggregated}, without the row beyond the page. */
export function writeList(page: Page, number: number): readonly Piece[] {
  const found = raw(`page.list_${number}`);
  const { first, last } = endsOf(found, page);
  return ["[", sql`array_to_string(${found}[${first}:${last}], ',')`, "]"];
}

/**
 * Returns a subquery with arrays over the rows of a page: each of `lists`, as `list_1` and so on, and the texts of
 * `ends`.
 */
export function aggregated(
  lists: readonly (readonly Piece[])[],
  ends: EndsOf | undefined,
  page: PagePlan,
  weight: number,
): Sql {
  const texts = [...lists, ...(ends ? [ends.text] : [])].map(textOf);
  const names = [...lists.map((_, index) => `list_${index + 1}`), ...(ends ? [ends.name] : [])];
  const { written, inOrder } = writeInOrder(texts, names, page, weight);
  const arrays = names.map((name) => sql`coalesce(array_agg(${raw(name)}${inOrder})${ofMet(page)}, '{}') AS ${raw(name)}`);
  const scanEnds = [sql`coalesce(bool_or(is_scan_end), false) AS reached_scan_end`];
  if (ends) scanEnds.push(sql`max(${raw(ends.name)}) FILTER (WHERE is_scan_end) AS scan_end`);
  return sql`(SELECT ${join(page.mayEndEarly ? [...arrays, ...scanEnds] : arrays, ", ")} FROM ${written} listed)`;
}

/** Returns a subquery with `texts` of each row as columns `names`, and the ORDER BY for aggregates of them. */
function writeInOrder(
  texts: readonly Sql[],
  names: readonly string[],
  page: PagePlan,
  weight: number,
): { readonly written: Sql; readonly inOrder: Sql } {
  const { read, readAs, inOrder } = readInOrder(page);
  const columns = texts.map((text, index) => sql`${text} AS ${raw(String(names[index]))}`);
  if (page.mayEndEarly) columns.push(sql`is_met`, sql`is_scan_end`);
  const written = sql`SELECT ${join(columns, ", ")}${readAs} FROM ${read}`;
  const bytes = names.map((name) => sql`coalesce(octet_length(${raw(name)}), 0)`);
  return { written: page.bounded(weight, written, join(bytes, " + ")), inOrder };
}

/** Returns the first and the last index of the page in `list`, which may have one more row at the far end. */
function endsOf(list: Sql, { size, from }: Page): { readonly first: Sql; readonly last: Sql } {
  const count = sql`cardinality(${list})`;
  if (from === "start") return { first: integer(1), last: sql`least(${integer(size)}, ${count})` };
  return { first: sql`greatest(${count} - ${integer(size)}, 0) + 1`, last: count };
}

/**
 * Returns the text of the first and of the last row of the page. It is the JSON `null` if the page is empty. If the
 * page ended early, that end is the row where reading ended.
 */
export function firstAndLast(plan: PagePlan, ends: EndsOf): { readonly first: Sql; readonly last: Sql } {
  const { page } = plan;
  const { first, last } = firstAndLastRow(plan, ends);
  if (!plan.mayEndEarly) return { first, last };
  const atScanEnd = (text: Sql) => sql`CASE WHEN ${endedEarly(plan, ends)} THEN page.scan_end ELSE ${text} END`;
  return page.from === "start" ? { first, last: atScanEnd(last) } : { first: atScanEnd(first), last };
}

/** As {@link firstAndLast}, without the row where reading ended. */
export function firstAndLastRow({ page }: PagePlan, ends: EndsOf): { readonly first: Sql; readonly last: Sql } {
  const texts = raw(`page.${ends.name}`);
  const indexes = endsOf(texts, page);
  const at = (index: Sql) => coalesce([sql`${texts}[${index}]`], "null");
  return { first: at(indexes.first), last: at(indexes.last) };
}

/** Returns the text of the row where reading ended, or the JSON `null` if the page did not end early. */
export function scanEnd(plan: PagePlan, ends: EndsOf | undefined): Piece {
  return plan.mayEndEarly ? sql`CASE WHEN ${endedEarly(plan, ends)} THEN page.scan_end ELSE 'null' END` : "null";
}

/** Returns the condition that reading ended before the page was full. */
export function endedEarly({ page, mayEndEarly }: PagePlan, ends: EndsOf | undefined): Sql {
  return mayEndEarly ? sql`(page.reached_scan_end AND ${countOfRead(ends)} <= ${integer(page.size)})` : sql`false`;
}

/** Returns how many rows were read. `ends` undefined: there is a list of them. */
export function countOfRead(ends: EndsOf | undefined): Sql {
  return sql`cardinality(${raw(`page.${ends?.name ?? "list_1"}`)})`;
}

/** Returns `true` or `false`: whether there are rows beyond that side of the page. */
export function neighbour(side: "hasNext" | "hasPrevious", plan: PagePlan, ends: EndsOf | undefined): Piece {
  const { page } = plan;
  const [withMore, without] = [true, false].map((more) => neighboursOf(page, more)[side]);
  if (withMore === without) return String(without);
  // Beyond the row where reading ended there may be rows of the page.
  return sql`(${countOfRead(ends)} > ${integer(page.size)} OR ${endedEarly(plan, ends)})::text`;
}

/** Returns the position of a row as a JSON array. */
export function positionOf(alias: string, ordering: Ordering): readonly Piece[] {
  const parts = positionFields(ordering).map((field) => positionPart(alias, field));
  return ["[", ...parts.flatMap((part, index) => (index === 0 ? part : [",", ...part])), "]"];
}

function positionPart(alias: string, field: SortField): readonly Piece[] {
  const { type, missing } = field;
  const part = encoded(presentValue(alias, field), encodingOfPosition(type));
  return missing === undefined ? part : [coalesce(part, `"${missing}"`)];
}

/** Returns the value of a field as SQL: null if it is missing. */
function presentValue(alias: string, { field, missing }: SortField): Sql {
  const value = column(alias, field);
  return missing === undefined ? value : sql`nullif(${value}, ${raw(`'${missing}'`)})`;
}

function encodingOfPosition(type: SortField["type"]): JsonEncoding {
  if (type === "timestamptz") return "instant";
  return type === "integer" ? "bare" : "quoted";
}

/** Returns the cursor of a row, exactly as `encodeCursor` of src/query/model/cursor.ts writes it. */
export function cursorOf(alias: string, scope: CursorScope): readonly Piece[] {
  const parts = positionFields(scope.ordering).flatMap((field) => [cursorSeparator, cursorPart(alias, field)]);
  return [`"${scopeTag(scope)}`, ...parts, '"'];
}

function cursorPart(alias: string, field: SortField): Sql {
  const { type, missing } = field;
  const value = presentValue(alias, field);
  const part = type === "timestamptz" ? sql`to_char(${value} AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSMS')` : sql`${value}::text`;
  return missing === undefined ? part : sql`coalesce(${part}, '')`;
}
