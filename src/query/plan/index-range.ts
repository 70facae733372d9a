import { type InFilter, type RangeFilter, valuesSql } from "../model/field-filter.ts";
import { type GivenPosition, type OrderKey, type Ordering, type Page, readingOrder } from "../model/page.ts";
import type { PagedTable, Rows } from "../model/paged-table.ts";
import { allOf, column, join, raw, sql, type Sql } from "../../database/sql.ts";
import { indexPrefixFor } from "./index-choice.ts";
import { keyset } from "./keyset.ts";

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

/** Returns a statement that reads ranges of one index, or undefined if no index holds all conditions. */
export function byIndex(table: PagedTable, given: Rows, ordering: Ordering, page: Page): Sql | undefined {
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

/** Returns every combination of the values of `prefix`. */
export function combined(prefix: readonly InFilter[]): readonly (readonly EqualityColumn[])[] {
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
export function readIndexRange(
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
