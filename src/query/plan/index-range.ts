import { inFilterSql, type RangeFilter, valuesSql } from "../model/field-filter.ts";
import { type GivenPosition, type OrderKey, type Ordering, type Page, readingOrder } from "../model/page.ts";
import type { PagedTable, Rows } from "../model/paged-table.ts";
import { allOf, column, integer, join, raw, sql, type Sql } from "../../database/sql.ts";
import { equalInMerge, type IndexByKey, type IndexChoice, wholeIndexFor } from "./index-choice.ts";
import { keyset } from "./keyset.ts";

// How a page is read by an index. The statement is written so that the planner can use no other index. The planner
// assumes that rows are spread evenly, and would read past all internal notes to find the public ones.

/** A field that must equal a value. */
interface EqualityColumn {
  readonly field: string;
  readonly value: Sql;
}

/** The values of one range: of the columns before the order, and of those that are tested in the index. */
interface Combination {
  readonly prefix: readonly EqualityColumn[];
  readonly tested: readonly EqualityColumn[];
}

/** The rows of an index range, and the range filters on the first key of the order. */
interface Source {
  readonly alias: string;
  /** One for each table in which the rows are. */
  readonly from: readonly Sql[];
  readonly rangeFilters: readonly RangeFilter[];
  /** How many of the equality columns are compared with `=`. The others are a part of the row comparison. */
  readonly equal: number;
}

/** A range of an index whose columns are those of the combination's prefix, then `keys`. */
interface IndexRange {
  readonly combination: Combination;
  /** All keys have one direction. */
  readonly keys: readonly OrderKey[];
  readonly after?: readonly Sql[] | undefined;
  readonly before?: readonly Sql[] | undefined;
  /** The condition that rows are beyond the positions in the whole order, if `keys` are only the first part of it. */
  readonly within?: Sql | undefined;
  readonly limit: Sql;
}

/** Returns a statement that reads ranges of one index, or undefined if no index holds all conditions. */
export function byIndex(table: PagedTable, given: Rows, ordering: Ordering, page: Page): Sql | undefined {
  const keys = readingOrder(ordering, page);
  const rows = rangeByFirstKey(given, keys[0]);
  const choice = wholeIndexFor(table, rows, keys);
  return choice && readByChoice(table, rows, choice, ordering, page);
}

/**
 * Returns a statement that reads the ranges of `choice` in the order of `page`, without the conditions that its index
 * does not hold. Undefined if an order in two directions would be read between two positions or with an offset.
 */
export function readByChoice(
  table: PagedTable,
  rows: IndexedFrom,
  choice: IndexChoice,
  ordering: Ordering,
  page: Page,
): Sql | undefined {
  const read = readRanges(table, tablesOf(rows), choice, ordering, page);
  return read && rows.indexed ? rows.indexed.completed(read) : read;
}

/** What says of which tables rows are read by an index. */
type IndexedFrom = Pick<Rows, "from" | "indexed" | "tables">;

/** Returns the FROM items of rows that are read by an index: one for each table. */
function tablesOf({ from, indexed, tables = [from] }: IndexedFrom): readonly Sql[] {
  return indexed ? [indexed.from] : tables;
}

function readRanges(
  { alias, isPartitioned = false }: PagedTable,
  from: readonly Sql[],
  choice: IndexChoice,
  ordering: Ordering,
  page: Page,
): Sql | undefined {
  const keys = readingOrder(ordering, page);
  const [first, second] = keys;
  const { orderBy, count, limit, within } = keyset(alias, ordering, page);
  const [nearest, farthest] = page.from === "start" ? [page.after, page.before] : [page.before, page.after];
  const [after, before] = [typed(keys, nearest), typed(keys, farthest)];
  const isLoose = !choice.lacksTies && second !== undefined && second.direction !== first.direction;
  if (isLoose && (before || page.offset)) return undefined;

  const combinations = combined(choice);
  const merges = combinations.length > 1 && choice.mergesInOrder && !isLoose;
  const equal = merges ? Math.max(choice.equal, equalInMerge(choice.prefix)) : choice.equal;
  const source: Source = {
    alias,
    from: withHeld(alias, from, choice),
    rangeFilters: choice.rangeFilters,
    equal,
  };
  // If the planner expects about as many rows as are wanted, it reads all of them from the partitions and sorts them.
  // It may be wrong about that, and does not do it if it cannot know the number.
  const countInOrder = isPartitioned ? sql`(SELECT ${count})` : count;
  const reach = page.offset ? sql`(${page.offset}::bigint + ${count})` : countInOrder;
  const rangeLimit = choice.lacksTies ? sql`FETCH FIRST ${reach} ROWS WITH TIES` : sql`LIMIT ${reach}`;
  const range = choice.lacksTies ? { keys: [first], within } : { keys };
  // Of several tables the rows before the offset are known only when they are merged.
  const isMergedAfter = from.length > 1 && Boolean(page.offset);
  const isWhole = combinations.length === 1 && !choice.lacksTies && !isLoose && !isMergedAfter;
  const read = (combination: Combination): Sql =>
    isLoose
      ? looseIndexScan(source, { combination, keys: [first, second], after, limit: rangeLimit })
      : readIndexRange(source, { combination, ...range, after, before, limit: isWhole && page.offset ? limit : rangeLimit });
  if (isWhole) return read(combinations[0] ?? noValues);

  const every = raw(`${alias}.*`);
  const name = raw(alias);
  if (!merges) return sql`SELECT ${every} FROM (${lateral(source, combinations, read)}) ${name} ORDER BY ${orderBy} ${limit}`;
  const rowCompared = choice.prefix.slice(equal).map(({ field }) => field);
  const inOrder = orderOf(alias, [...rowCompared, ...range.keys.map(({ field }) => field)], first);
  const union = sql`SELECT ${every} FROM (${join(
    combinations.map((combination) => sql`(${read(combination)})`),
    " UNION ALL ",
  )}) ${name} ORDER BY ${inOrder}`;
  if (!choice.lacksTies) return sql`${union} ${limit}`;
  return sql`SELECT ${every} FROM (${union} ${rangeLimit}) ${name} ORDER BY ${orderBy} ${limit}`;
}

/**
 * Returns a statement that reads at most `size` rows of the ranges of a choice, in any order, without the conditions
 * that its index does not hold.
 */
export function readInAnyOrder({ alias }: PagedTable, rows: IndexedFrom, { key, choice }: IndexByKey, size: number): Sql {
  const { rangeFilters, equal } = choice;
  const source: Source = { alias, from: withHeld(alias, tablesOf(rows), choice), rangeFilters, equal };
  const limit = sql`LIMIT ${integer(size)}`;
  const read = (combination: Combination) => readIndexRange(source, { combination, keys: [key], limit });
  const every = raw(`${alias}.*`);
  const found = sql`SELECT ${every} FROM (${lateral(source, combined(choice), read)}) ${raw(alias)} ${limit}`;
  return rows.indexed ? rows.indexed.completed(found) : found;
}

function withHeld(alias: string, from: readonly Sql[], choice: IndexChoice): readonly Sql[] {
  const held = heldByAll(alias, choice);
  return from.map((table) => sql`${table} AND ${held}`);
}

/**
 * Returns the conditions that all rows of each range meet, or none. One that the range determines is written so that
 * the planner cannot look for it by another index, and assumes that half of the rows meet it.
 */
function heldByAll(alias: string, { only, determined }: IndexChoice): Sql {
  const hidden = determined.map((one) => sql`coalesce(${inFilterSql(alias, one)}, false)`);
  return allOf([...(only ? [inFilterSql(alias, only)] : []), ...hidden]);
}

/**
 * Returns `rows` with `first = value`, if they require it, as `first >= value AND first <= value`: ranges are on the
 * first key.
 */
export function rangeByFirstKey(rows: Rows, { field }: OrderKey): Rows {
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

const noValues: Combination = { prefix: [], tested: [] };

/** Returns every combination of the values of a choice's columns. */
function combined({ prefix, tested }: IndexChoice): readonly Combination[] {
  const columns = [...prefix, ...tested];
  const all = columns.reduce<readonly (readonly EqualityColumn[])[]>(
    (combinations, one) =>
      combinations.flatMap((equalityColumns) =>
        valuesSql(one).map((value) => [...equalityColumns, { field: one.field, value }]),
      ),
    [[]],
  );
  return all.map((one) => ({ prefix: one.slice(0, prefix.length), tested: one.slice(prefix.length) }));
}

/**
 * Returns a statement that reads the index range of each of `combinations`, by a join with their VALUES. The caller
 * orders the rows.
 */
function lateral({ alias, from }: Source, combinations: readonly Combination[], read: (combination: Combination) => Sql): Sql {
  const every = raw(`${alias}.*`);
  const [first, ...others] = combinations;
  if (!first) return sql`SELECT ${every} FROM ${from[0]} AND false`;
  if (others.length === 0) return read(first);
  const columnsOf = ({ prefix, tested }: Combination) => [...prefix, ...tested];
  const names = columnsOf(first).map((_, index) => raw(`value_${index + 1}`));
  const list = combinations.map((one) => sql`(${commas(columnsOf(one).map(({ value }) => value))})`);
  const named = columnsOf(first).map(({ field }, index) => ({ field, value: sql`one_of.${names[index]}` }));
  const combination = { prefix: named.slice(0, first.prefix.length), tested: named.slice(first.prefix.length) };
  return sql`SELECT ${every} FROM (VALUES ${commas(list)}) one_of(${commas(names)}) CROSS JOIN LATERAL (${read(combination)}) ${raw(alias)}`;
}

/**
 * Returns a statement for an order whose second key has the other direction than in the index. A recursive query steps
 * from one value of the first key to the next, and reads a page of each. It stops when there are enough rows:
 * PostgreSQL takes a step only if it needs its rows.
 */
function looseIndexScan(
  source: Source,
  {
    combination,
    keys: [first, second],
    after,
    limit,
  }: Omit<IndexRange, "before"> & { readonly keys: readonly [OrderKey, OrderKey] },
): Sql {
  const every = raw(`${source.alias}.*`);
  const next = (value: Sql | undefined) =>
    readIndexRange(
      source,
      { combination, keys: [first], after: value && [value], limit: sql`LIMIT 1` },
      column(source.alias, first.field),
    );
  const at = (value: Sql, from: readonly Sql[] | undefined) =>
    readIndexRange(source, {
      combination: { ...combination, prefix: [...combination.prefix, { field: first.field, value }] },
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
  { combination: { prefix, tested }, keys, after, before, within, limit }: IndexRange,
  selected = raw(`${alias}.*`),
): Sql {
  const [first] = keys;
  const isUp = first?.direction === "ASC";
  const rowCompared = prefix.slice(equal);
  const columns = [...rowCompared, ...keys].map(({ field }) => column(alias, field));
  const compared = (operator: string, values: readonly Sql[]) => {
    const all = [...rowCompared.map(({ value }) => value), ...values];
    return comparison(columns.slice(0, all.length), operator, all);
  };
  // If the index has only the first key of the order, that key finds where the position is.
  const beyond = (operator: string, position: readonly Sql[]) =>
    within === undefined ? compared(operator, position) : compared(`${operator}=`, position.slice(0, 1));
  const conditions = allOf([
    ...prefix.slice(0, equal).map(({ field, value }) => sql`${column(alias, field)} = ${value}`),
    ...tested.flatMap(({ field, value }) => bounds([column(alias, field)], [value])),
    after && beyond(isUp ? ">" : "<", after),
    before && beyond(isUp ? "<" : ">", before),
    // Hidden from the planner, which could look for it by an index of the first key alone.
    (after || before) && within ? sql`coalesce(${within}, false)` : undefined,
    ...rangeFilters.map(({ field, operator, value }) =>
      field === first?.field ? compared(operator, [value]) : sql`${column(alias, field)} ${raw(operator)} ${value}`,
    ),
    ...(rowCompared.length > 0
      ? bounds(
          columns.slice(0, rowCompared.length),
          rowCompared.map(({ value }) => value),
        )
      : []),
  ]);
  const order = orderOf(
    alias,
    [...rowCompared, ...keys].map(({ field }) => field),
    first,
  );
  const read = (columnsOfRow: Sql, table: Sql | undefined) =>
    sql`SELECT ${columnsOfRow} FROM ${table} AND ${conditions} ORDER BY ${order} ${limit}`;
  const [table, ...others] = from;
  if (others.length === 0) return read(selected, table);
  // Each with its limit: of all together PostgreSQL would sort the rows if it expects few.
  const each = from.map((one) => sql`(${read(raw(`${alias}.*`), one)})`);
  return sql`SELECT ${selected} FROM (${join(each, " UNION ALL ")}) ${raw(alias)} ORDER BY ${order} ${limit}`;
}

/**
 * Returns `columns = values` as two comparisons. Of two bounds on one column the planner knows that few rows are
 * between them: if it expects no more rows than a page has, it sorts those of any index. Of two comparisons of rows it
 * expects many.
 */
function bounds(columns: readonly Sql[], values: readonly Sql[]): readonly Sql[] {
  const same = columns.length === 1 ? [raw("0")] : [];
  return [">=", "<="].map((operator) => comparison([...columns, ...same], operator, [...values, ...same]));
}

/** Returns the ORDER BY of the fields, all in the direction of `first`. */
export function orderOf(alias: string, fields: readonly string[], first: OrderKey | undefined): Sql {
  const direction = raw(first?.direction === "ASC" ? "ASC" : "DESC");
  return commas(fields.map((field) => sql`${column(alias, field)} ${direction}`));
}

/** Returns a comparison of rows, or of two values. */
function comparison(columns: readonly Sql[], operator: string, values: readonly Sql[]): Sql {
  return sql`${rowConstructor(columns)} ${raw(operator)} ${rowConstructor(values)}`;
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
