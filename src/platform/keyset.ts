import { allOf, column, join, raw, sql, type Sql } from "./sql.ts";

/** Where a row stands in an order: the value it is sorted by (an ISO instant or a number), and its id to break ties. */
export interface Position {
  readonly value: string | number;
  readonly id: string;
}

/** What rows are sorted by. A field that is unique needs no tie-break, and so a narrower index serves it. */
export interface Ordering {
  readonly field: string;
  readonly type: "timestamptz" | "integer";
  readonly unique: boolean;
  readonly direction: "ASC" | "DESC";
}

/**
 * Which rows of an order are wanted: `size` of them counted from its start or from its end, strictly after and before the given positions.
 * Positions stay true when rows are added or deleted; `offset`, which /v2 and /v1 offer, does not, and is kept to them.
 */
export interface Page {
  readonly size: number;
  readonly from: "start" | "end";
  readonly after?: Position | undefined;
  readonly before?: Position | undefined;
  readonly offset?: number | undefined;
}

/** The rows of a page in their order, and whether there are more on either side. */
export interface Slice<Row> {
  readonly rows: readonly Row[];
  readonly hasNext: boolean;
  readonly hasPrevious: boolean;
}

/** The SQL of a page: which rows lie in it, how they are read, and one row more than wanted, which tells that there are more. */
export function keyset(alias: string, ordering: Ordering, page: Page): { within: Sql; orderBy: Sql; limit: Sql } {
  const key = keyColumns(alias, ordering);
  const ascending = ordering.direction === "ASC";
  const readAscending = ascending === (page.from === "start");
  return {
    within: allOf([
      page.after && sql`${tuple(key)} ${raw(ascending ? ">" : "<")} ${values(ordering, page.after)}`,
      page.before && sql`${tuple(key)} ${raw(ascending ? "<" : ">")} ${values(ordering, page.before)}`,
    ]),
    orderBy: join(
      key.map((part) => sql`${part} ${raw(readAscending ? "ASC" : "DESC")}`),
      ", ",
    ),
    limit: page.offset ? sql`LIMIT ${page.size + 1} OFFSET ${page.offset}` : sql`LIMIT ${page.size + 1}`,
  };
}

/** What was read by {@link keyset}, cut to the page and put in the order asked for. */
export function toSlice<Row>(read: readonly Row[], page: Page): Slice<Row> {
  const more = read.length > page.size;
  const kept = read.slice(0, page.size);
  // That a cursor was given says that a row stood beyond it. Relay allows this answer where an exact one would cost a statement.
  if (page.from === "start") return { rows: kept, hasNext: more || Boolean(page.before), hasPrevious: Boolean(page.after || page.offset) };
  return { rows: kept.toReversed(), hasNext: Boolean(page.before), hasPrevious: more || Boolean(page.after) };
}

/** Rows of a LATERAL read, a page for each parent. A parent without rows comes once, with nulls for them. */
export function slicesOf<Row extends { readonly parent: string; readonly id: string }>(
  parents: readonly string[],
  rows: readonly Row[],
  page: Page,
): (Slice<Row> | null)[] {
  const byParent = Map.groupBy(rows, (row) => row.parent);
  return parents.map((parent) => {
    const read = byParent.get(parent);
    return read ? toSlice(read.filter((row) => row.id !== null), page) : null;
  });
}

/** The position of `row` in `ordering`. */
export function positionOf(ordering: Ordering, row: { readonly id: string } & Readonly<Record<string, unknown>>): Position {
  const value = row[ordering.field];
  if (value instanceof Date) return { value: value.toISOString(), id: row.id };
  if (typeof value === "number") return { value, id: row.id };
  throw new TypeError(`Rows cannot be placed by ${ordering.field}.`);
}

function keyColumns(alias: string, ordering: Ordering): readonly Sql[] {
  const primary = column(alias, ordering.field);
  return ordering.unique ? [primary] : [primary, column(alias, "id")];
}

function values(ordering: Ordering, position: Position): Sql {
  const primary = sql`${position.value}${raw(`::${ordering.type}`)}`;
  return ordering.unique ? primary : sql`(${primary}, ${position.id}::uuid)`;
}

function tuple(key: readonly Sql[]): Sql {
  return key.length === 1 ? join([...key], "") : sql`(${join([...key], ", ")})`;
}
