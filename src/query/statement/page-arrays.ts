import { type CursorScope, cursorSeparator, scopeTag } from "../model/cursor.ts";
import { neighboursOf, type Ordering, type Page, positionFields, type SortField } from "../model/page.ts";
import { column, empty, join, raw, sql, type Sql, integer } from "../../database/sql.ts";
import type { JsonEncoding } from "../model/selection.ts";
import type { PagePlan } from "../plan/plan.ts";
import { coalesce, type Piece, encoded, textOf } from "./json-text.ts";

// Writes pages as JSON. The JSON of their rows is given.

/** What identifies the first and the last row of a page: a text made of the values of a position. */
export interface EndsOf {
  readonly ordering: Ordering;
  readonly textOf: (valueOf: ValueOf) => readonly Piece[];
}

/** Returns the stored value of a field of a position as SQL. */
export type ValueOf = (field: SortField) => Sql;

/** Returns where the values of a position are in a row. */
export const valuesIn =
  (alias: string): ValueOf =>
  ({ field }) =>
    column(alias, field);

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
  const { written, inOrder } = writeInOrder([{ name: "json", text: textOf(row) }], [], page, weight);
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
 * Returns a subquery with arrays over the rows of a page: each of `lists`, as `list_1` and so on, and the positions of
 * `ends`, as `position_1` and so on. Their texts are made for the ends alone.
 */
export function aggregated(
  lists: readonly (readonly Piece[])[],
  ends: EndsOf | undefined,
  page: PagePlan,
  weight: number,
): Sql {
  const texts = lists.map((list, index) => ({ name: `list_${index + 1}`, text: textOf(list) }));
  const values = ends ? positionColumns(ends, page.target.alias) : [];
  const { written, inOrder } = writeInOrder(texts, values, page, weight);
  const arrays = [
    ...texts.map(({ name }) => sql`coalesce(array_agg(${raw(name)}${inOrder})${ofMet(page)}, '{}') AS ${raw(name)}`),
    ...values.map(({ name }) => sql`array_agg(${raw(name)}${inOrder})${ofMet(page)} AS ${raw(name)}`),
  ];
  const atScanEnd = values.map(
    ({ name }) => sql`(array_agg(${raw(name)}) FILTER (WHERE is_scan_end))[1] AS ${raw(`${name}_at_scan_end`)}`,
  );
  const scanEnds = [sql`coalesce(bool_or(is_scan_end), false) AS reached_scan_end`, ...atScanEnd];
  return sql`(SELECT ${join(page.mayEndEarly ? [...arrays, ...scanEnds] : arrays, ", ")} FROM ${written} listed)`;
}

/** Returns the columns of a position, `position_1` and so on. */
function positionColumns({ ordering }: EndsOf, alias: string): readonly { readonly name: string; readonly value: Sql }[] {
  const valueOf = valuesIn(alias);
  return positionFields(ordering).map((field, index) => ({ name: positionName(index), value: valueOf(field) }));
}

const positionName = (index: number) => `position_${index + 1}`;

/** Returns a subquery with `texts` and `values` of each row, and the ORDER BY for aggregates of them. */
function writeInOrder(
  texts: readonly { readonly name: string; readonly text: Sql }[],
  values: readonly { readonly name: string; readonly value: Sql }[],
  page: PagePlan,
  weight: number,
): { readonly written: Sql; readonly inOrder: Sql } {
  const { read, readAs, inOrder } = readInOrder(page);
  const columns = [
    ...texts.map(({ name, text }) => sql`${text} AS ${raw(name)}`),
    ...values.map(({ name, value }) => sql`${value} AS ${raw(name)}`),
    ...(page.mayEndEarly ? [sql`is_met`, sql`is_scan_end`] : []),
  ];
  const written = sql`SELECT ${join(columns, ", ")}${readAs} FROM ${read}`;
  const bytes = texts.map(({ name }) => sql`coalesce(octet_length(${raw(name)}), 0)`);
  return { written: page.bounded(weight, written, bytes.length === 0 ? integer(0) : join(bytes, " + ")), inOrder };
}

/** Returns the first and the last index of the page in `list`, which may have one more row at the far end. */
function endsOf(list: Sql, { size, from }: Page): { readonly first: Sql; readonly last: Sql } {
  const count = cardinality(list);
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
  const atScanEnd = (text: Sql) => sql`CASE WHEN ${endedEarly(plan, ends)} THEN ${textAtScanEnd(ends)} ELSE ${text} END`;
  return page.from === "start" ? { first, last: atScanEnd(last) } : { first: atScanEnd(first), last };
}

/** As {@link firstAndLast}, without the row where reading ended. */
export function firstAndLastRow({ page }: PagePlan, ends: EndsOf): { readonly first: Sql; readonly last: Sql } {
  const indexes = endsOf(countedArray(ends), page);
  const at = (index: Sql) => textAt(ends, (name) => sql`(page.${raw(name)})[${index}]`);
  return { first: at(indexes.first), last: at(indexes.last) };
}

function textAtScanEnd(ends: EndsOf): Sql {
  return textAt(ends, (name) => sql`page.${raw(`${name}_at_scan_end`)}`);
}

/** Returns the text of a position, given where its columns are. It is the JSON `null` if there is none. */
function textAt(ends: EndsOf, columnAt: (name: string) => Sql): Sql {
  const fields = positionFields(ends.ordering);
  return coalesce(
    ends.textOf((field) => columnAt(positionName(fields.findIndex((one) => one.field === field.field)))),
    "null",
  );
}

/** Returns the text of the row where reading ended, or the JSON `null` if the page did not end early. */
export function scanEnd(plan: PagePlan, ends: EndsOf): Piece {
  return plan.mayEndEarly ? sql`CASE WHEN ${endedEarly(plan, ends)} THEN ${textAtScanEnd(ends)} ELSE 'null' END` : "null";
}

/** Returns the condition that reading ended before the page was full. */
export function endedEarly({ page, mayEndEarly }: PagePlan, ends: EndsOf | undefined): Sql {
  return mayEndEarly ? sql`(page.reached_scan_end AND ${countOfRead(ends)} <= ${integer(page.size)})` : sql`false`;
}

/** Returns how many rows were read. `ends` undefined: there is a list of them. */
export function countOfRead(ends: EndsOf | undefined): Sql {
  return cardinality(countedArray(ends));
}

function countedArray(ends: EndsOf | undefined): Sql {
  return raw(ends ? `page.${positionName(0)}` : "page.list_1");
}

/** An array over no rows is null if it is one of values. */
function cardinality(array: Sql): Sql {
  return sql`coalesce(cardinality(${array}), 0)`;
}

/** Returns `true` or `false`: whether there are rows beyond that side of the page. */
export function neighbour(side: "hasNext" | "hasPrevious", plan: PagePlan, ends: EndsOf | undefined): Piece {
  const { page } = plan;
  const [withMore, without] = [true, false].map((more) => neighboursOf(page, more)[side]);
  if (withMore === without) return String(without);
  // Beyond the row where reading ended there may be rows of the page.
  return sql`(${countOfRead(ends)} > ${integer(page.size)} OR ${endedEarly(plan, ends)})::text`;
}

/** Returns a position as a JSON array. */
export function positionOf(ordering: Ordering, valueOf: ValueOf): readonly Piece[] {
  const parts = positionFields(ordering).map((field) => positionPart(field, valueOf));
  return ["[", ...parts.flatMap((part, index) => (index === 0 ? part : [",", ...part])), "]"];
}

function positionPart(field: SortField, valueOf: ValueOf): readonly Piece[] {
  const { type, missing } = field;
  const part = encoded(presentValue(field, valueOf), encodingOfPosition(type));
  return missing === undefined ? part : [coalesce(part, `"${missing}"`)];
}

/** Returns the value of a field as SQL: null if it is missing. */
function presentValue(field: SortField, valueOf: ValueOf): Sql {
  const value = valueOf(field);
  return field.missing === undefined ? value : sql`nullif(${value}, ${raw(`'${field.missing}'`)})`;
}

function encodingOfPosition(type: SortField["type"]): JsonEncoding {
  if (type === "timestamptz") return "instant";
  return type === "integer" ? "bare" : "quoted";
}

/** Returns the cursor of a position, exactly as `encodeCursor` of src/query/model/cursor.ts writes it. */
export function cursorOf(scope: CursorScope, valueOf: ValueOf): readonly Piece[] {
  const parts = positionFields(scope.ordering).flatMap((field) => [cursorSeparator, cursorPart(field, valueOf)]);
  return [`"${scopeTag(scope)}`, ...parts, '"'];
}

function cursorPart(field: SortField, valueOf: ValueOf): Sql {
  const { type, missing } = field;
  const value = presentValue(field, valueOf);
  const part = type === "timestamptz" ? sql`to_char(${value} AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSMS')` : sql`${value}::text`;
  return missing === undefined ? part : sql`coalesce(${part}, '')`;
}
