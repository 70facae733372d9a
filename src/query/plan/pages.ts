import type { PagedTable, Rows } from "../model/paged-table.ts";
import { type InFilter, type Predicate, type RangeFilter, predicateSql, valuesSql } from "../model/field-filter.ts";
import { keyset } from "./keyset.ts";
import { type GivenPosition, type OrderKey, type Ordering, type Page, readingOrder } from "../model/page.ts";
import { allOf, column, join, raw, sql, type Sql, integer } from "../../database/sql.ts";

// How a page is read. If one index holds all conditions and then the order, the statement is written so that the
// planner can use no other index. The planner assumes that rows are spread evenly, and would read past all internal
// notes to find the public ones.

/** A field that must equal a value. */
interface EqualityColumn {
  readonly field: string;
  readonly value: Sql;
}

/** The rows of an index range, and the range filters on the first key of the order. */
interface Source {
  readonly alias: string;
  readonly from: Sql;
  readonly rangeFilters: readonly RangeFilter[];
  /** How many of the equality columns are compared with `=`. The others are a part of the row comparison. */
  readonly equal: number;
}

/** A range of an index whose columns are `equalityColumns`, then `keys`. */
interface IndexRange {
  readonly equalityColumns: readonly EqualityColumn[];
  /** All keys have one direction. */
  readonly keys: readonly OrderKey[];
  readonly after?: readonly Sql[] | undefined;
  readonly before?: readonly Sql[] | undefined;
  /** The key that breaks ties, if the index lacks it. Positions have a value of it. */
  readonly ties?: OrderKey | undefined;
  readonly limit: Sql;
}

/** How many index ranges one page reads by default. Beyond that the planner's own choice mostly reads fewer rows. */
const defaultMaxIndexRanges = 16;

/** Which rows a page reads. */
export interface PageRows {
  /** Selects all columns of the rows that are read, in the order of the page. */
  readonly rows: Sql;
  /**
   * Whether the rows have the columns `is_met` and `is_scan_end` as well. The row where reading ended is one of them,
   * also if it does not meet the conditions.
   */
  readonly mayEndEarly: boolean;
}

/** Returns which rows `page` reads. */
export function pageFrom(table: PagedTable, rows: Rows, ordering: Ordering, page: Page): PageRows {
  const exact = byIndex(table, rows, ordering, page);
  if (exact) return { rows: exact, mayEndEarly: false };
  const scan = page.maxScanned === undefined ? undefined : byScan(table, rows, ordering, page, page.maxScanned);
  return scan ? { rows: scan, mayEndEarly: true } : { rows: byPlanner(table, rows, ordering, page), mayEndEarly: false };
}

/** Returns a statement that selects the number of `rows` as `count`. It stops counting at `max`, if given. */
export function countUpTo({ alias }: Pick<PagedTable, "alias">, { from, predicate }: Rows, max: number | undefined): Sql {
  const source = sql`${from} AND ${predicateSql(alias, predicate)}`;
  if (max === undefined) return sql`SELECT count(*) AS count FROM ${source}`;
  return sql`SELECT count(*) AS count FROM (SELECT 1 FROM ${source} LIMIT ${integer(max)}) counted`;
}

/** Returns a statement for which PostgreSQL's planner chooses the index. */
function byPlanner({ alias }: PagedTable, { from, predicate }: Rows, ordering: Ordering, page: Page): Sql {
  const { within, orderBy, limit, gather } = keyset(alias, ordering, page);
  const every = raw(`${alias}.*`);
  const source = sql`${from} AND ${predicateSql(alias, predicate)} AND ${within}`;
  if (!gather) return sql`SELECT ${every} FROM ${source} ORDER BY ${orderBy} ${limit}`;
  return sql`SELECT ${every} FROM (SELECT ${every} FROM ${source} ${gather}) ${raw(alias)} ORDER BY ${orderBy} ${limit}`;
}

/**
 * Returns a statement that reads at most `maxScanned` rows to find those of the page, or undefined if no index has the
 * order.
 *
 * If an index holds a condition that few rows may meet, the first half of these rows are read by it. If that is all of
 * them, they are sorted, and the page is complete. Otherwise rows are read in the order of the page.
 */
function byScan(table: PagedTable, rows: Rows, ordering: Ordering, page: Page, maxScanned: number): Sql | undefined {
  if (page.offset || rows.areFew === true || rows.visibleBy === undefined) return undefined;
  const index = scanIndexFor(table, rows, ordering, page);
  if (!index) return undefined;
  const half = Math.floor(maxScanned / 2);
  const few = fewRows(table, rows, { beside: index, count: half + 1 });
  const scanned = few ? maxScanned - half : maxScanned;
  const inOrder = scanInOrder(table, rows, index, ordering, { ...page, size: scanned, lookahead: false });
  if (!inOrder) return undefined;
  const { alias } = table;
  const { within, orderBy, limit } = keyset(alias, ordering, page);
  const name = raw(alias);
  const every = raw(`${alias}.*`);
  const isMet = predicateSql(alias, rows.predicate);
  const scan = sql`
    SELECT ${every} FROM (
      SELECT ${every}, (${isMet}) IS TRUE AS is_met, (row_number() OVER ()) = ${integer(scanned)} AS is_scan_end FROM (${inOrder}) ${name}
    ) ${name} WHERE (is_met OR is_scan_end)`;
  if (!few) return sql`${scan} ${limit}`;
  const areFew = sql`(SELECT count(*) FROM few) <= ${integer(half)}`;
  return sql`
    WITH few AS MATERIALIZED (${few})
    SELECT ${every} FROM (
      (SELECT ${every}, true AS is_met, false AS is_scan_end FROM few ${name} WHERE ${areFew} AND ${isMet} AND ${within} ORDER BY ${orderBy} ${limit})
      UNION ALL (${scan} AND NOT ${areFew} ${limit})
    ) ${name} ORDER BY ${orderBy} ${limit}`;
}

/**
 * Returns a statement that reads the first `count` rows of an index after a condition that few rows may meet, and that
 * the index `beside` does not hold. Undefined if there is none. Such a condition is a range, or a value of a field that
 * has not only a few values.
 */
function fewRows(
  { alias, indexes, closed }: PagedTable,
  { from, scope, predicate }: Rows,
  { beside, count }: { readonly beside: readonly string[]; readonly count: number },
): Sql | undefined {
  const isSelective = ({ field, values }: InFilter) => values.length === 1 && !closed.some((one) => one.field === field);
  const found = indexes
    .filter(([first]) => first === scope)
    .flatMap(([, field = "", ...rest]) => {
      if (beside.includes(field)) return [];
      const equal = predicate.inFilters.find((one) => one.field === field && isSelective(one));
      const rangeFilters = predicate.rangeFilters.filter((one) => one.field === field);
      if (!equal && rangeFilters.length === 0) return [];
      return [{ equal, rangeFilters, keys: (equal ? rest : [field, ...rest]).map(ascending) }];
    })
    .toSorted((one, other) => Number(other.equal !== undefined) - Number(one.equal !== undefined))[0];
  const [first, ...others] = found?.keys ?? [];
  if (!found || !first) return undefined;
  const equalityColumns = found.equal ? (combined([found.equal])[0] ?? []) : [];
  return readIndexRange(
    { alias, from, rangeFilters: found.equal ? [] : found.rangeFilters, equal: 0 },
    { equalityColumns, keys: [first, ...others], limit: sql`LIMIT ${integer(count)}` },
  );
}

/** The key of an order that is no client's: its type is not needed, since there is no position in it. */
function ascending(field: string): OrderKey {
  return { field, type: "integer", direction: "ASC" };
}

/**
 * Returns the fields of the index that has the order of `page`, and before it most of the fields that must have one
 * value. The first field of the order is the last of them. Undefined if no index has the order.
 */
function scanIndexFor(
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

/** Returns a statement that reads the visible rows in the order of `page`, by the index of {@link scanIndexFor}. */
function scanInOrder(
  table: PagedTable,
  { from, scope, predicate, visibleBy = [] }: Rows,
  index: readonly string[],
  ordering: Ordering,
  page: Page,
): Sql | undefined {
  const prefix = new Set(index.slice(0, -1));
  const isBefore = ({ field }: InFilter) => prefix.has(field);
  const visible = predicate.inFilters.filter((one) => visibleBy.includes(one.field) && !isBefore(one));
  const reduced: Predicate = {
    inFilters: predicate.inFilters.filter(isBefore),
    rangeFilters: predicate.rangeFilters.filter(({ field }) => field === index.at(-1)),
    others: [],
  };
  const seen = predicateSql(table.alias, { inFilters: visible, rangeFilters: [], others: [] });
  return byIndex(table, { from: sql`${from} AND ${seen}`, scope, predicate: reduced }, ordering, page);
}

/** Returns a statement that reads ranges of one index, or undefined if no index holds all conditions. */
function byIndex(table: PagedTable, given: Rows, ordering: Ordering, page: Page): Sql | undefined {
  const keys = readingOrder(ordering, page);
  const [first, second] = keys;
  const rows = rangeByFirstKey(given, first);
  const prefix = indexPrefixFor(table, rows, keys);
  if (!prefix || page.offset) return undefined;

  const source: Source = {
    alias: table.alias,
    from: rows.from,
    rangeFilters: rows.predicate.rangeFilters,
    equal: prefix.equal,
  };
  const { orderBy, count, limit } = keyset(table.alias, ordering, page);
  const [nearest, farthest] = page.from === "start" ? [page.after, page.before] : [page.before, page.after];
  const [after, before] = [typed(keys, nearest), typed(keys, farthest)];
  const combinations = combined(prefix.equalityColumns);
  const isOneWay = second === undefined || second.direction === first.direction;
  // If the planner expects about as many rows as are wanted, it reads all of them from the partitions and sorts them.
  // It may be wrong about that, and does not do it if it cannot know the number.
  const countInOrder = table.isPartitioned === true ? sql`(SELECT ${count})` : count;
  const range = prefix.lacksTies
    ? { keys: [first], ties: second, limit: sql`FETCH FIRST ${countInOrder} ROWS WITH TIES` }
    : { keys, limit: sql`LIMIT ${countInOrder}` };
  // An order in two directions is never read between two positions.
  if (!isOneWay && before) return undefined;
  const read = (equalityColumns: readonly EqualityColumn[]): Sql =>
    isOneWay
      ? readIndexRange(source, { equalityColumns, ...range, after, before })
      : looseIndexScan(source, { equalityColumns, keys: [first, second], after, limit: sql`LIMIT ${countInOrder}` });
  const found = merged(source, combinations, read);
  if (isOneWay && combinations.length === 1 && !prefix.lacksTies) return found;
  return sql`SELECT ${raw(`${table.alias}.*`)} FROM (${found}) ${raw(table.alias)} ORDER BY ${orderBy} ${limit}`;
}

/**
 * Returns `rows` with `first = value`, if they require it, as `first >= value AND first <= value`: ranges are on the
 * first key.
 */
function rangeByFirstKey(rows: Rows, { field }: OrderKey): Rows {
  const { inFilters, rangeFilters, others } = rows.predicate;
  const own = inFilters.find((one) => one.field === field);
  const [value, ...more] = own ? valuesSql(own) : [];
  if (!value || more.length > 0) return rows;
  const both = ([">=", "<="] as const).map((operator): RangeFilter => ({ field, operator, value }));
  return {
    ...rows,
    predicate: { inFilters: inFilters.filter((one) => one !== own), rangeFilters: [...rangeFilters, ...both], others },
  };
}

/** The columns of an index before the keys of the order. */
interface IndexPrefix {
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
function indexPrefixFor(
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

/** Returns every combination of the values of `prefix`. */
function combined(prefix: readonly InFilter[]): readonly (readonly EqualityColumn[])[] {
  return prefix.reduce<readonly (readonly EqualityColumn[])[]>(
    (combinations, one) =>
      combinations.flatMap((equalityColumns) =>
        valuesSql(one).map((value) => [...equalityColumns, { field: one.field, value }]),
      ),
    [[]],
  );
}

/**
 * Returns a statement that reads the index range of each of `combinations`, by a join with their VALUES. The caller
 * orders the rows.
 */
function merged(
  { alias, from }: Source,
  combinations: readonly (readonly EqualityColumn[])[],
  read: (equalityColumns: readonly EqualityColumn[]) => Sql,
): Sql {
  const every = raw(`${alias}.*`);
  const [first, ...others] = combinations;
  if (!first) return sql`SELECT ${every} FROM ${from} AND false`;
  if (others.length === 0) return read(first);
  const names = first.map((_, index) => raw(`value_${index + 1}`));
  const list = combinations.map((equalityColumns) => sql`(${commas(equalityColumns.map(({ value }) => value))})`);
  const named = first.map(({ field }, index) => ({ field, value: sql`one_of.${names[index]}` }));
  return sql`SELECT ${every} FROM (VALUES ${commas(list)}) one_of(${commas(names)}) CROSS JOIN LATERAL (${read(named)}) ${raw(alias)}`;
}

/**
 * Returns a statement for an order whose second key has the other direction than in the index. A recursive query steps
 * from one value of the first key to the next, and reads a page of each. It stops when there are enough rows:
 * PostgreSQL takes a step only if it needs its rows.
 */
function looseIndexScan(
  source: Source,
  {
    equalityColumns,
    keys: [first, second],
    after,
    limit,
  }: Omit<IndexRange, "before"> & { readonly keys: readonly [OrderKey, OrderKey] },
): Sql {
  const every = raw(`${source.alias}.*`);
  const next = (value: Sql | undefined) =>
    readIndexRange(
      source,
      { equalityColumns, keys: [first], after: value && [value], limit: sql`LIMIT 1` },
      column(source.alias, first.field),
    );
  const at = (value: Sql, from: readonly Sql[] | undefined) =>
    readIndexRange(source, {
      equalityColumns: [...equalityColumns, { field: first.field, value }],
      keys: [second],
      after: from,
      limit,
    });
  const [value, ...rest] = after ?? [];
  const steps = sql`
    WITH RECURSIVE step(value) AS (
      (${next(value)}) UNION ALL SELECT (${next(sql`step.value`)}) FROM step WHERE step.value IS NOT NULL
    ) SELECT ${every} FROM step CROSS JOIN LATERAL (${at(sql`step.value`, undefined)}) ${raw(source.alias)} ${limit}`;
  if (!value) return steps;
  return sql`SELECT ${every} FROM ((${at(value, rest)}) UNION ALL (${steps})) ${raw(source.alias)} ${limit}`;
}

/**
 * Returns the page of one combination of equality columns. Their row comparison and their place in the order make the
 * planner use this index alone. Ranges and positions are part of the same comparison: by themselves they would be
 * compared with every entry from its start.
 */
function readIndexRange(
  { alias, from, rangeFilters, equal }: Source,
  { equalityColumns, keys, after, before, ties, limit }: IndexRange,
  selected = raw(`${alias}.*`),
): Sql {
  const [first] = keys;
  const isUp = first?.direction === "ASC";
  const rowCompared = equalityColumns.slice(equal);
  const columns = [...rowCompared, ...keys].map(({ field }) => column(alias, field));
  const compared = (operator: string, values: readonly Sql[]) => {
    const all = [...rowCompared.map(({ value }) => value), ...values];
    return sql`${rowConstructor(columns.slice(0, all.length))} ${raw(operator)} ${rowConstructor(all)}`;
  };
  // Without the ties the index finds where the position is, and the rows that equal it are compared in the whole order.
  const beyond = (operator: string, position: readonly Sql[]) =>
    ties === undefined
      ? compared(operator, position)
      : allOf([compared(`${operator}=`, position.slice(0, -1)), comparedWhole(operator, position)]);
  const whole = [...keys, ...(ties ? [ties] : [])].map(({ field }) => column(alias, field));
  const comparedWhole = (operator: string, position: readonly Sql[]) =>
    sql`${rowConstructor(whole)} ${raw(operator)} ${rowConstructor(position)}`;
  const conditions = allOf([
    ...equalityColumns.slice(0, equal).map(({ field, value }) => sql`${column(alias, field)} = ${value}`),
    after && beyond(isUp ? ">" : "<", after),
    before && beyond(isUp ? "<" : ">", before),
    ...rangeFilters.map(({ field, operator, value }) =>
      field === first?.field ? compared(operator, [value]) : sql`${column(alias, field)} ${raw(operator)} ${value}`,
    ),
    ...(rowCompared.length > 0 ? [compared(">=", []), compared("<=", [])] : []),
  ]);
  const order = columns.map((one) => sql`${one} ${raw(isUp ? "ASC" : "DESC")}`);
  return sql`SELECT ${selected} FROM ${from} AND ${conditions} ORDER BY ${commas(order)} ${limit}`;
}

function rowConstructor(parts: readonly Sql[]): Sql {
  return parts.length === 1 ? sql`${parts[0]}` : sql`(${commas(parts)})`;
}

function commas(parts: readonly Sql[]): Sql {
  return join(parts, ", ");
}

function typed(keys: readonly OrderKey[], position: GivenPosition | undefined): readonly Sql[] | undefined {
  return position?.map((value, index) => sql`${value}${raw(`::${keys[index]?.type}`)}`);
}
