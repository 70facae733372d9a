import type { InFilter } from "../model/field-filter.ts";
import { type OrderKey, type Ordering, type Page, readingOrder } from "../model/page.ts";
import type { PagedTable, Rows } from "../model/paged-table.ts";

// Which index a page is read by.

/** How many index ranges one page reads by default. Beyond that the planner's own choice mostly reads fewer rows. */
const defaultMaxIndexRanges = 16;

/** The columns of an index before the keys of the order. */
export interface IndexPrefix {
  readonly equalityColumns: readonly InFilter[];
  /** How many of them are compared with `=`. */
  readonly equal: number;
  /** Whether the index ends before the key that breaks ties. */
  readonly lacksTies: boolean;
}

/**
 * Returns the fields before `keys` in the index that holds all conditions: the fields with a condition, and, with all
 * of their values, the fields without one. Undefined if there is no such index. Of several it takes the one with the
 * fewest ranges to read.
 */
export function indexPrefixFor(
  { indexes, closed, maxIndexRanges = defaultMaxIndexRanges }: PagedTable,
  { scope, predicate }: Rows,
  keys: readonly OrderKey[],
): IndexPrefix | undefined {
  if (keys.length > 2 || predicate.others.length > 0 || predicate.rangeFilters.some(({ field }) => field !== keys[0]?.field))
    return undefined;
  const prefixes = indexes.flatMap((declared): IndexPrefix[] => {
    const fields = declared.slice(declared[0] === scope ? 1 : 0);
    const order = [keys, keysWithoutTies(keys)].find((some) => endsWith(fields, some));
    if (!order) return [];
    const ordered = fields.splice(-order.length);
    const equalityColumns = fields.flatMap(
      (field) => [...predicate.inFilters, ...closed].find((one) => one.field === field) ?? [],
    );
    const isWhole =
      equalityColumns.length === fields.length && predicate.inFilters.every(({ field }) => fields.includes(field));
    const others = indexes.filter((other) => other !== declared);
    const lacksTies = order.length < keys.length;
    return isWhole ? [{ equalityColumns, equal: equalAtMost(others, scope, fields, ordered), lacksTies }] : [];
  });
  const countOf = ({ equalityColumns }: IndexPrefix) =>
    equalityColumns.reduce((product, { values }) => product * values.length, 1);
  const [best] = prefixes.toSorted((one, other) => countOf(one) - countOf(other));
  return best && countOf(best) <= maxIndexRanges ? best : undefined;
}

/** Returns `keys` without the last one if it only breaks the ties of the one before it. */
function keysWithoutTies(keys: readonly OrderKey[]): readonly OrderKey[] {
  const [last, before] = keys.toReversed();
  const breaksTies = before !== undefined && before.ties?.field === last?.field && before.direction === last?.direction;
  return breaksTies ? keys.slice(0, -1) : keys;
}

function endsWith(fields: readonly string[], keys: readonly OrderKey[]): boolean {
  const end = fields.slice(-keys.length);
  return keys.every(({ field }, place) => field === end[place]);
}

/**
 * Returns how many of the equality columns can be compared with `=`, which makes a range smaller. A column with `=` is
 * no part of the order, so that the planner could choose another index: the count ends where one of `others` would have
 * the rest of the order too.
 */
function equalAtMost(
  others: PagedTable["indexes"],
  scope: string,
  equalityColumns: readonly string[],
  ordered: readonly string[],
): number {
  const isAlone = (count: number): boolean => {
    const equal = new Set([scope, ...equalityColumns.slice(0, count)]);
    const order = [...equalityColumns.slice(count), ...ordered];
    return others.every((other) => {
      const fields = other.filter((field) => !equal.has(field));
      return order.some((field, place) => field !== fields[place]);
    });
  };
  return Math.max(
    0,
    equalityColumns.findLastIndex((_, count) => isAlone(count)),
  );
}

/**
 * Returns the fields of the index that has the order of `page`, and before it most of the fields that must have one
 * value. The first field of the order is the last of them. Undefined if no index has the order.
 */
export function scanIndexFor(
  { indexes }: PagedTable,
  { scope, predicate }: Rows,
  ordering: Ordering,
  page: Page,
): readonly string[] | undefined {
  const keys = readingOrder(ordering, page);
  const hasOneValue = (field: string) => predicate.inFilters.some((one) => one.field === field && one.values.length === 1);
  const [longest] = indexes
    .map((declared) => declared.slice(declared[0] === scope ? 1 : 0))
    .filter((fields) => endsWith(fields, keys) && fields.slice(0, -keys.length).every(hasOneValue))
    .toSorted((one, other) => other.length - one.length);
  return longest?.slice(0, longest.length - keys.length + 1);
}
