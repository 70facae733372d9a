import type { Param } from "../../database/sql.ts";

/**
 * The position of a row in an order: its values of the sort keys (ISO 8601 instants, numbers, names of an enumeration),
 * and its id last if the keys are not unique.
 */
export type Position = readonly (string | number)[];

/** A column to sort by. */
export interface SortField {
  readonly field: string;
  /** The PostgreSQL type for comparisons. */
  readonly type: "timestamptz" | "integer" | "uuid" | `"${string}"`;
  /** All values of an enumeration. */
  readonly values?: readonly string[];
  /**
   * The columns of which the first that is not null is the value of a row. Default: the field itself. If it is given,
   * the field is a column of the pages in this order only.
   */
  readonly firstOf?: readonly string[];
  /** The value that the database has in place of a missing one. It sorts before all others. Rows have null for it. */
  readonly missing?: typeof noInstant;
}

/** The value that stands for a missing time. */
export const noInstant = "-infinity";

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

/** By the time of creation. The only order of rows that no client sorts. */
export const oldestFirst: Ordering = [{ field: "createdAt", type: "timestamptz", ties: tiesById, direction: "ASC" }];

/**
 * A page of an order: `size` rows from its start or from its end, strictly after and before the given positions. A
 * position stays valid when rows are added or deleted. An `offset` does not: it is for /v1 and /v2, which offer it.
 */
export interface Page {
  readonly size: number;
  readonly from: "start" | "end";
  readonly after?: GivenPosition | undefined;
  readonly before?: GivenPosition | undefined;
  readonly offset?: number | undefined;
  /** Whether one row more is read, to know if there are more. Default: true. */
  readonly lookahead?: boolean | undefined;
  /**
   * How many rows may be read to find those of the page, if no index holds all conditions. The page then ends where
   * reading ended, and may be short or empty. Undefined: as many as there are.
   */
  readonly maxScanned?: number | undefined;
  /**
   * How many rows may be read by an index that holds a condition which few rows may meet. If that is all of them, the
   * page is complete. Default: half of `maxScanned`.
   */
  readonly maxFew?: number | undefined;
  /**
   * Whether another statement reads on where this one ends early. Then no client gets that position, and rows that the
   * viewer may not see are among those of `maxScanned`.
   */
  readonly isStep?: boolean | undefined;
  /** Whether reading goes on by itself where it ended early. It is for JSON lists. */
  readonly inSteps?: boolean | undefined;
}

/** A position, or parameters for its parts. */
export type GivenPosition = readonly (Position[number] | Param)[];

/** The rows of a page in their order, and whether there are more on either side. */
export interface Slice<Row> {
  readonly rows: readonly Row[];
  readonly hasNext: boolean;
  readonly hasPrevious: boolean;
  /** The cursor of the row where reading ended, if the page ended early: see {@link Page.maxScanned}. */
  readonly scanEnd?: string | undefined;
}

/** Rows are counted up to this number and one more, which says that there are more. */
export const maxTotal = 100_000;

/** How many rows are read at most to count those that meet a filter which no index holds. */
export const maxReadToCount = 1_000_000;

/** How many rows there are on all pages. */
export interface Total {
  readonly count: number;
  /** Whether there are no more: see {@link maxTotal} and {@link maxReadToCount}. */
  readonly isExact: boolean;
}

/** Returns whether there are rows before and after `page`. `more` says that one row more than its size was read. */
export function neighboursOf(page: Page, more: boolean): Omit<Slice<unknown>, "rows"> {
  // A cursor shows that there was a row beyond the page. The Relay specification allows this answer if an exact one is
  // not efficient.
  if (page.from === "start") return { hasNext: more || Boolean(page.before), hasPrevious: Boolean(page.after || page.offset) };
  return { hasNext: Boolean(page.before), hasPrevious: more || Boolean(page.after) };
}

/** Returns the fields of a position in `ordering`. */
export function positionFields(ordering: Ordering): readonly SortField[] {
  return completeKeys(ordering);
}

/** Returns the columns from which the value of a position is taken: the first one that is not null. */
export function columnsOfPosition({ field, firstOf = [field] }: SortField): readonly string[] {
  return firstOf;
}

/** Returns the position of `row` in `ordering`. Throws a TypeError if `row` lacks a field of it. */
export function positionOf(ordering: Ordering, row: object): Position {
  return completeKeys(ordering).map((sorted) => {
    const { field, missing } = sorted;
    const value: unknown =
      columnsOfPosition(sorted)
        .map((name): unknown => Reflect.get(row, name))
        .find((one) => one !== null) ?? null;
    if (value === null && missing !== undefined) return missing;
    if (value instanceof Date) return value.toISOString();
    if (typeof value === "number" || typeof value === "string") return value;
    throw new TypeError(`A row has no position by ${field}.`);
  });
}

/** Returns a name that is unique to `ordering`. */
export function nameOf(ordering: Ordering): string {
  return ordering.map(({ field, direction }) => `${field} ${direction}`).join(", ");
}

/**
 * Returns the complete sort keys in the direction in which `page` reads them: reversed if it is counted from the end.
 */
export function readingOrder(ordering: Ordering, { from }: Page): Ordering {
  const [first, ...others] = completeKeys(ordering);
  if (from === "start") return [first, ...others];
  const turned = (key: OrderKey): OrderKey => ({ ...key, direction: key.direction === "ASC" ? "DESC" : "ASC" });
  return [turned(first), ...others.map(turned)];
}

/** Returns the keys up to the first unique one, or all of them and the field that breaks the ties of the last one. */
export function completeKeys([first, ...others]: Ordering): Ordering {
  const last = others.at(-1) ?? first;
  const all: Ordering = last.ties ? [first, ...others, { ...last.ties, direction: last.direction }] : [first, ...others];
  const unique = all.findIndex((key) => key.ties === undefined);
  return [first, ...all.slice(1, unique + 1)];
}
