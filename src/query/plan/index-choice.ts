import { type InFilter, isKnownToBe, type Predicate, type RangeFilter } from "../model/field-filter.ts";
import type { OrderKey } from "../model/page.ts";
import type { PagedTable, Rows } from "../model/paged-table.ts";

// Which index a page is read by, and what of the conditions it holds.

/** How many index ranges one page reads by default. Beyond that the planner's own choice mostly reads fewer rows. */
const defaultMaxIndexRanges = 16;

/** An index, and how the conditions and the order of a page are met by it. */
export interface IndexChoice {
  /** The fields before the order. There is a range for each combination of their values. */
  readonly prefix: readonly InFilter[];
  /** How many of them are compared with `=` if there is one range. */
  readonly equal: number;
  /** Whether PostgreSQL can merge the ranges in the order of the page, without sorting them. */
  readonly mergesInOrder: boolean;
  /** Conditions on fields after the order. They are tested in the index, so only rows that meet them are read. */
  readonly tested: readonly InFilter[];
  /** The condition that all rows of a partial index meet. */
  readonly only: InFilter | undefined;
  /** Conditions that all rows of a range meet, or none. */
  readonly determined: readonly InFilter[];
  /** Range filters on the first key of the order. */
  readonly rangeFilters: readonly RangeFilter[];
  /** Whether the index has the first key of the order only. */
  readonly lacksTies: boolean;
  /** The conditions that the index does not hold. */
  readonly rest: Predicate;
}

/** An index of a table: see {@link PagedTable.indexes} and {@link PagedTable.partialIndexes}. */
interface Index {
  /** Without the scope. */
  readonly fields: readonly string[];
  readonly only: string | undefined;
}

/**
 * Returns the index that holds all conditions of `rows` and has the order `keys`. Undefined if there is none. Of
 * several it returns one with the whole order, then the one with the fewest ranges.
 */
export function wholeIndexFor(table: PagedTable, rows: Rows, keys: readonly OrderKey[]): IndexChoice | undefined {
  const [best] = choicesFor(table, rows, keys)
    .filter(({ rest }) => conditionCount(rest) === 0)
    .toSorted((one, other) => compareOrders(one, other) || rangeCount(one) - rangeCount(other));
  return best;
}

/**
 * Returns the index that has the order `keys` and holds the most conditions of `rows`. Undefined if no index has the
 * order.
 */
export function scanIndexFor(table: PagedTable, rows: Rows, keys: readonly OrderKey[]): IndexChoice | undefined {
  const [best] = choicesFor(table, rows, keys).toSorted(
    (one, other) =>
      compareOrders(one, other) || conditionCount(one.rest) - conditionCount(other.rest) || rangeCount(one) - rangeCount(other),
  );
  return best;
}

/** The choice of an index, and the key by which its rows come. It is no client's order. */
export interface IndexByKey {
  readonly key: OrderKey;
  readonly choice: IndexChoice;
}

/**
 * Returns the index with a condition that few rows may meet and that `scanned` does not hold. Undefined if there is
 * none. Such a condition is a range, or one value of a field that has not only a few values.
 */
export function fewRowsIndexFor(table: PagedTable, rows: Rows, scanned: IndexChoice): IndexByKey | undefined {
  const isNew = (one: InFilter) => isSelective(table, one) && scanned.rest.inFilters.some(({ field }) => one.field === field);
  const isRange = (field: string) => scanned.rest.rangeFilters.some((one) => one.field === field);
  return mostHolding(
    choicesByField(table, rows).filter(
      ({ key, choice }) => [...choice.prefix, ...choice.tested].some(isNew) || isRange(key.field),
    ),
  );
}

/** Returns the index that holds the most conditions of `rows`, in any order. Undefined if there is none. */
export function mostHoldingIndexFor(table: PagedTable, rows: Rows): IndexByKey | undefined {
  return mostHolding(choicesByField(table, rows));
}

/** Returns each index with each order that it has. */
function choicesByField(table: PagedTable, rows: Rows): readonly IndexByKey[] {
  return indexesOf(table, rows.scope).flatMap((index) =>
    index.fields.flatMap((field, place): IndexByKey[] => {
      // The type is not needed, since no position is in this order.
      const key: OrderKey = { field, type: "integer", direction: "ASC" };
      const choice = choiceOf(table, rows, index, [key]);
      return choice?.prefix.length === place ? [{ key, choice }] : [];
    }),
  );
}

function mostHolding(choices: readonly IndexByKey[]): IndexByKey | undefined {
  return choices.toSorted((one, other) => conditionCount(one.choice.rest) - conditionCount(other.choice.rest))[0];
}

/** Returns whether `filter` has one value, of a field that has not only a few values. */
function isSelective({ closed }: PagedTable, { field, values }: InFilter): boolean {
  return values.length === 1 && !closed.some((one) => one.field === field);
}

/** Returns how many ranges of the index are read. */
export function rangeCount({ prefix, tested }: IndexChoice): number {
  return [...prefix, ...tested].reduce((product, { values }) => product * values.length, 1);
}

/** Returns how many conditions there are. */
export function conditionCount({ inFilters, rangeFilters, others }: Predicate): number {
  return inFilters.length + rangeFilters.length + others.length;
}

function compareOrders(one: IndexChoice, other: IndexChoice): number {
  return Number(one.lacksTies) - Number(other.lacksTies);
}

function choicesFor(table: PagedTable, rows: Rows, keys: readonly OrderKey[]): readonly IndexChoice[] {
  return indexesOf(table, rows.scope).flatMap((index) => choiceOf(table, rows, index, keys) ?? []);
}

function indexesOf({ indexes, partialIndexes = [] }: PagedTable, scope: string): readonly Index[] {
  const declared = [...indexes.map((fields) => ({ fields, only: undefined })), ...partialIndexes];
  return declared.map(({ fields, only }) => ({ fields: fields.slice(fields[0] === scope ? 1 : 0), only }));
}

/**
 * Returns how `index` reads a page, or undefined if it lacks the order, if a field before the order has no known
 * values, or if there would be too many ranges.
 */
function choiceOf(
  table: PagedTable,
  { scope, predicate }: Rows,
  index: Index,
  keys: readonly OrderKey[],
): IndexChoice | undefined {
  const { closed, determined: determinedBy = {}, maxIndexRanges = defaultMaxIndexRanges } = table;
  const { inFilters, rangeFilters, others } = predicate;
  const wholePlace = keys.length > 2 ? -1 : placeOf(index.fields, keys);
  const order = wholePlace >= 0 ? keys : keys.slice(0, 1);
  const place = wholePlace >= 0 ? wholePlace : placeOf(index.fields, order);
  if (place < 0) return undefined;
  const [before, ordered] = [index.fields.slice(0, place), index.fields.slice(place, place + order.length)];
  const after = new Set(index.fields.slice(place + order.length));

  const prefix = before.flatMap((field) => [...inFilters, ...closed].find((one) => one.field === field) ?? []);
  const only = inFilters.find((one) => one.field === index.only && isKnownToBe(one, true));
  if (prefix.length < before.length || (index.only !== undefined && !only)) return undefined;
  // After a value that few rows have, few entries are passed over. Without one it could be all of the account.
  const isShort = prefix.some((one) => isSelective(table, one));
  const tested = isShort ? inFilters.filter(({ field }) => after.has(field)) : [];
  const isDetermined = ({ field }: InFilter) =>
    prefix.some((one) => one.values.length === 1 && determinedBy[one.field]?.includes(field));
  const determined = inFilters.filter((one) => !tested.includes(one) && isDetermined(one));
  const held = new Set<unknown>([...prefix, ...tested, ...determined, only]);
  const isByFirstKey = ({ field }: RangeFilter) => field === ordered[0];

  const rivals = indexesOf(table, scope).filter(({ fields }) => fields.join() !== index.fields.join());
  const isAlone = (count: number) => hasAlone(rivals, scope, before, count, ordered);
  const choice: IndexChoice = {
    prefix,
    equal: Math.max(
      0,
      before.findLastIndex((_, count) => isAlone(count)),
    ),
    mergesInOrder: table.isPartitioned !== true && isAlone(equalInMerge(prefix)),
    tested,
    only,
    determined,
    rangeFilters: rangeFilters.filter(isByFirstKey),
    lacksTies: order.length < keys.length,
    rest: {
      inFilters: inFilters.filter((one) => !held.has(one)),
      rangeFilters: rangeFilters.filter((one) => !isByFirstKey(one)),
      others,
    },
  };
  return rangeCount(choice) <= maxIndexRanges ? choice : undefined;
}

/** Returns the place of `keys` in the fields of an index, or -1. */
function placeOf(fields: readonly string[], keys: readonly OrderKey[]): number {
  return fields.findIndex((_, place) => keys.every(({ field }, index) => fields[place + index] === field));
}

/**
 * Returns how many columns of `prefix` are compared with `=` in ranges that are merged: up to the last one with several
 * values. The others have one value in all ranges.
 */
export function equalInMerge(prefix: readonly InFilter[]): number {
  return 1 + prefix.findLastIndex(({ values }) => values.length > 1);
}

/**
 * Returns whether no index of `rivals` has the rest of the order, if the first `count` equality columns are compared
 * with `=`. A column with `=` is no part of the order, so that the planner could choose a rival. It would read past the
 * rows with other values.
 */
function hasAlone(
  rivals: readonly Index[],
  scope: string,
  equalityColumns: readonly string[],
  count: number,
  ordered: readonly string[],
): boolean {
  const equal = new Set([scope, ...equalityColumns.slice(0, count)]);
  const order = [...equalityColumns.slice(count), ...ordered];
  return rivals.every((rival) => {
    const fields = rival.fields.filter((field) => !equal.has(field));
    return order.some((field, place) => field !== fields[place]);
  });
}
