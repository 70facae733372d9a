import { allOf, column, join, raw, type Param, sql, type Sql } from "./sql.ts";

/**
 * The position of a row in an order: its values of the sort keys (ISO 8601 instants, numbers, names of an enumeration), and its
 * id last if the keys are not unique.
 */
export type Position = readonly (string | number)[];

/** A column to sort by. */
export interface SortField {
  readonly field: string;
  /** The PostgreSQL type for comparisons. */
  readonly type: "timestamptz" | "integer" | "uuid" | `"${string}"`;
  /** All values of an enumeration. */
  readonly values?: readonly string[];
}

/** A sort key. */
export interface OrderKey extends SortField {
  readonly direction: "ASC" | "DESC";
  /** The field that breaks ties, in the same direction and in the same index. Undefined for a unique field. */
  readonly ties?: SortField;
}

export const tiesById = { field: "id", type: "uuid" } as const satisfies SortField;
export const tiesByNumber = { field: "number", type: "integer" } as const satisfies SortField;

/** The sort keys, the most significant one first. */
export type Ordering = readonly [OrderKey, ...OrderKey[]];

/**
 * A page of an order: `size` rows from its start or from its end, strictly after and before the given positions. A position
 * stays valid when rows are added or deleted. An `offset` does not: it is for /v1 and /v2, which offer it.
 */
export interface Page {
  readonly size: number;
  readonly from: "start" | "end";
  readonly after?: GivenPosition | undefined;
  readonly before?: GivenPosition | undefined;
  readonly offset?: number | undefined;
  /** Whether one row more is read, to know if there are more. Default: true. */
  readonly lookahead?: boolean | undefined;
}

/** A position, or parameters for its parts. */
export type GivenPosition = readonly (Position[number] | Param)[];

/** The rows of a page in their order, and whether there are more on either side. */
export interface Slice<Row> {
  readonly rows: readonly Row[];
  readonly hasNext: boolean;
  readonly hasPrevious: boolean;
}

/** The parts of the statement of a page. */
export interface Keyset {
  /** The condition that a row is after and before the positions of the page. */
  readonly within: Sql;
  /** The order in which rows are read: reversed for a page from the end. */
  readonly orderBy: Sql;
  /** The number of rows to read: one more than the size, unless `lookahead` is false. */
  readonly limit: Sql;
  /**
   * If no index has the whole order: ORDER BY and limit of a subquery, whose rows are sorted afterwards. It reads in the order
   * of the first key, which an index has, up to the last row of the page and the rows that equal it in that key.
   */
  readonly gather: Sql | undefined;
}

export function keyset(alias: string, ordering: Ordering, page: Page): Keyset {
  const keys = completed(ordering);
  const readFrom = (key: OrderKey): Sql => raw((key.direction === "ASC") === (page.from === "start") ? "ASC" : "DESC");
  const inOrder = (some: readonly OrderKey[]): Sql =>
    join(
      some.map((key) => sql`${column(alias, key.field)} ${readFrom(key)}`),
      ", ",
    );
  const orderBy = inOrder(keys);
  const size = integer(page.lookahead === false ? page.size : page.size + 1);
  const limit = page.offset ? sql`LIMIT ${size} OFFSET ${page.offset}` : sql`LIMIT ${size}`;
  // An offset counts rows, so it has to count them in the whole order.
  const byLeadingKey = !isIndexed(keys) && !page.offset;
  return {
    within: allOf([
      page.after && beyond(alias, keys, page.after, "after"),
      page.before && beyond(alias, keys, page.before, "before"),
    ]),
    orderBy,
    limit,
    gather: byLeadingKey ? sql`ORDER BY ${inOrder(keys.slice(0, 1))} FETCH FIRST ${size} ROWS WITH TIES` : undefined,
  };
}

/**
 * Returns a number as SQL text. As a parameter it would hide from the planner how few rows are needed, and PostgreSQL would
 * plan the statement each time instead of using a generic plan. Throws a TypeError if it is no integer.
 */
export function integer(number: number): Sql {
  if (!Number.isSafeInteger(number)) throw new TypeError(`${number} is not a number of rows.`);
  return raw(String(number));
}

/** Returns the page of the rows that {@link keyset} has `read`: without the row beyond it, in the order that was asked for. */
export function toSlice<Row>(read: readonly Row[], page: Page): Slice<Row> {
  const kept = read.slice(0, page.size);
  const rows = page.from === "start" ? kept : kept.toReversed();
  return { rows, ...neighboursOf(page, read.length > page.size) };
}

/** Returns whether there are rows before and after `page`. `more` says that one row more than its size was read. */
export function neighboursOf(page: Page, more: boolean): Omit<Slice<unknown>, "rows"> {
  // A cursor shows that there was a row beyond the page. The Relay specification allows this answer if an exact one is not
  // efficient.
  if (page.from === "start") return { hasNext: more || Boolean(page.before), hasPrevious: Boolean(page.after || page.offset) };
  return { hasNext: Boolean(page.before), hasPrevious: more || Boolean(page.after) };
}

/** Returns the fields of a position in `ordering`. */
export function positionFields(ordering: Ordering): readonly SortField[] {
  return completed(ordering);
}

/** Returns the position of `row` in `ordering`. Throws a TypeError if `row` lacks a field of it. */
export function positionOf(ordering: Ordering, row: object): Position {
  return completed(ordering).map(({ field }) => {
    const value: unknown = Reflect.get(row, field);
    if (value instanceof Date) return value.toISOString();
    if (typeof value === "number" || typeof value === "string") return value;
    throw new TypeError(`A row has no position by ${field}.`);
  });
}

/** Returns a name that is unique to `ordering`. */
export function nameOf(ordering: Ordering): string {
  return ordering.map(({ field, direction }) => `${field} ${direction}`).join(", ");
}

/** Returns the complete sort keys in the direction in which `page` reads them: reversed if it is counted from the end. */
export function readingOrder(ordering: Ordering, { from }: Page): Ordering {
  const [first, ...others] = completed(ordering);
  if (from === "start") return [first, ...others];
  const turned = (key: OrderKey): OrderKey => ({ ...key, direction: key.direction === "ASC" ? "DESC" : "ASC" });
  return [turned(first), ...others.map(turned)];
}

/** Returns the keys up to the first unique one, or all of them and the field that breaks the ties of the last one. */
function completed([first, ...others]: Ordering): Ordering {
  const last = others.at(-1) ?? first;
  const all: Ordering = last.ties ? [first, ...others, { ...last.ties, direction: last.direction }] : [first, ...others];
  const unique = all.findIndex((key) => key.ties === undefined);
  return [first, ...all.slice(1, unique + 1)];
}

/** Whether an index has the whole order. Each field has an index with its tie-breaker. */
function isIndexed([first, second, ...others]: readonly OrderKey[]): boolean {
  if (second === undefined) return true;
  return others.length === 0 && second.field === first?.ties?.field && second.direction === first.direction;
}

/** Returns the condition that a row is strictly after, or before, a position. */
function beyond(alias: string, keys: readonly OrderKey[], position: GivenPosition, side: "after" | "before"): Sql {
  const parts = keys.map((key, index) => ({
    column: column(alias, key.field),
    value: sql`${position[index]}${raw(`::${key.type}`)}`,
    comparison: raw((key.direction === "ASC") === (side === "after") ? ">" : "<"),
    key,
  }));
  const [first] = parts;
  if (!first) return sql`true`;
  if (parts.length === 1) return sql`${first.column} ${first.comparison} ${first.value}`;
  if (keys.every((key) => key.direction === first.key.direction)) {
    const columns = parts.map((part) => part.column);
    const values = parts.map((part) => part.value);
    return sql`(${join(columns, ", ")}) ${first.comparison} (${join(values, ", ")})`;
  }
  // A row comparison has one direction. With two, the condition compares by the first key that differs. The rest implies the
  // comparison of the first key, but the planner needs it to find the index range.
  const further = parts.map((part, index) => {
    const same = parts.slice(0, index).map((before) => sql`${before.column} = ${before.value}`);
    return sql`(${allOf([...same, sql`${part.column} ${part.comparison} ${part.value}`])})`;
  });
  return sql`${first.column} ${first.comparison}${raw("=")} ${first.value} AND (${join(further, " OR ")})`;
}
