import { allOf, column, join, raw, type Param, sql, type Sql } from "./sql.ts";

/**
 * Where a row stands in an order: the values it is sorted by (ISO instants, numbers, names of an enumeration), and its id last where they
 * leave ties.
 */
export type Position = readonly (string | number)[];

/** A column to sort by. */
export interface SortField {
  readonly field: string;
  /** The PostgreSQL type its values are compared as. */
  readonly type: "timestamptz" | "integer" | "uuid" | `"${string}"`;
  /** All values of an enumeration. */
  readonly values?: readonly string[];
}

/** One of the things rows are sorted by. */
export interface OrderKey extends SortField {
  readonly direction: "ASC" | "DESC";
  /** What breaks ties, in the same direction and in the same index. Left out of a field that is unique. */
  readonly ties?: SortField;
}

export const tiesById = { field: "id", type: "uuid" } as const satisfies SortField;
export const tiesByNumber = { field: "number", type: "integer" } as const satisfies SortField;

/** What rows are sorted by, the first key foremost. */
export type Ordering = readonly [OrderKey, ...OrderKey[]];

/**
 * Which rows of an order are wanted: `size` of them counted from its start or from its end, strictly after and before the given positions.
 * Positions stay true when rows are added or deleted; `offset`, which /v2 and /v1 offer, does not, and is kept to them.
 */
export interface Page {
  readonly size: number;
  readonly from: "start" | "end";
  readonly after?: GivenPosition | undefined;
  readonly before?: GivenPosition | undefined;
  readonly offset?: number | undefined;
  /** Whether one row more is read, which tells that there are more. It is, where this is left out. */
  readonly lookahead?: boolean | undefined;
}

/** A position, or the places in a statement where the parts of one are put when it is sent. */
export type GivenPosition = readonly (Position[number] | Param)[];

/** The rows of a page in their order, and whether there are more on either side. */
export interface Slice<Row> {
  readonly rows: readonly Row[];
  readonly hasNext: boolean;
  readonly hasPrevious: boolean;
}

/** The SQL of a page, in the pieces that its statement is put together from. */
export interface Keyset {
  /** Which rows lie in the page's stretch of the order. */
  readonly within: Sql;
  /** The order in which they are read. */
  readonly orderBy: Sql;
  /** How many rows are read: one more than wanted, unless that is not asked for. */
  readonly limit: Sql;
  /**
   * Where no index holds the whole order: the ORDER BY and the limit to gather rows with before they are put in that order. They are read in the
   * order of the first key, which an index does hold, up to and with the ties of the last one wanted.
   */
  readonly gather: Sql | undefined;
}

export function keyset(alias: string, ordering: Ordering, page: Page): Keyset {
  const keys = completed(ordering);
  const readFrom = (key: OrderKey): Sql => raw((key.direction === "ASC") === (page.from === "start") ? "ASC" : "DESC");
  const inOrder = (wanted: readonly OrderKey[]): Sql =>
    join(
      wanted.map((key) => sql`${column(alias, key.field)} ${readFrom(key)}`),
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
 * A number spelled out in the statement. As a value of it, the planner would not know how few rows are wanted, and would find that a plan made
 * for any number is worse than planning anew each time.
 */
export function integer(number: number): Sql {
  if (!Number.isSafeInteger(number)) throw new TypeError(`${number} is no number of rows.`);
  return raw(String(number));
}

/** What was read by {@link keyset}, cut to the page and put in the order asked for. */
export function toSlice<Row>(read: readonly Row[], page: Page): Slice<Row> {
  const kept = read.slice(0, page.size);
  const rows = page.from === "start" ? kept : kept.toReversed();
  return { rows, ...neighboursOf(page, read.length > page.size) };
}

/** Whether there are rows on either side of `page`, of which one `more` than it holds was read, or not. */
export function neighboursOf(page: Page, more: boolean): Omit<Slice<unknown>, "rows"> {
  // That a cursor was given says that a row stood beyond it. Relay allows this answer where an exact one would cost a statement.
  if (page.from === "start") return { hasNext: more || Boolean(page.before), hasPrevious: Boolean(page.after || page.offset) };
  return { hasNext: Boolean(page.before), hasPrevious: more || Boolean(page.after) };
}

/** The fields that a row's position in `ordering` is made of. */
export function positionFields(ordering: Ordering): readonly SortField[] {
  return completed(ordering);
}

/** The position of `row` in `ordering`. */
export function positionOf(ordering: Ordering, row: object): Position {
  return completed(ordering).map(({ field }) => {
    const value: unknown = Reflect.get(row, field);
    if (value instanceof Date) return value.toISOString();
    if (typeof value === "number" || typeof value === "string") return value;
    throw new TypeError(`Rows cannot be placed by ${field}.`);
  });
}

/** `ordering` as a text, of which there is one for each order. */
export function nameOf(ordering: Ordering): string {
  return ordering.map(({ field, direction }) => `${field} ${direction}`).join(", ");
}

/** The keys that decide, with the directions in which they are read: the order itself, or its reverse for a page that is counted from its end. */
export function readingOrder(ordering: Ordering, { from }: Page): Ordering {
  const [first, ...others] = completed(ordering);
  if (from === "start") return [first, ...others];
  const turned = (key: OrderKey): OrderKey => ({ ...key, direction: key.direction === "ASC" ? "DESC" : "ASC" });
  return [turned(first), ...others.map(turned)];
}

/** The keys that decide: up to the first that is unique, or all and what breaks the last one's ties. */
function completed([first, ...others]: Ordering): Ordering {
  const last = others.at(-1) ?? first;
  const all: Ordering = last.ties ? [first, ...others, { ...last.ties, direction: last.direction }] : [first, ...others];
  const unique = all.findIndex((key) => key.ties === undefined);
  return [first, ...all.slice(1, unique + 1)];
}

/** Whether an index may be expected to hold the whole order: every field has one, with what breaks its ties. */
function isIndexed([first, second, ...others]: readonly OrderKey[]): boolean {
  if (second === undefined) return true;
  return others.length === 0 && second.field === first?.ties?.field && second.direction === first.direction;
}

/** The rows strictly after, or before, a position. */
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
  // No comparison of rows goes two ways at once. Spelled out instead: further by the first key that differs. What bounds the index is the
  // first term, which the rest implies and the planner would not find in it.
  const further = parts.map((part, index) => {
    const same = parts.slice(0, index).map((before) => sql`${before.column} = ${before.value}`);
    return sql`(${allOf([...same, sql`${part.column} ${part.comparison} ${part.value}`])})`;
  });
  return sql`${first.column} ${first.comparison}${raw("=")} ${first.value} AND (${join(further, " OR ")})`;
}
