import { type InFilter, predicateSql } from "../model/field-filter.ts";
import { type Ordering, type Page, readingOrder } from "../model/page.ts";
import type { PagedTable, Rows, RowsInOrder } from "../model/paged-table.ts";
import { integer, join, raw, sql, type Sql } from "../../database/sql.ts";
import { fewRowsIndexFor, type IndexChoice, rangeCount, scanIndexFor } from "./index-choice.ts";
import { orderOf, rangeByFirstKey, readByChoice } from "./index-range.ts";
import { keyset } from "./keyset.ts";

// How a page is read if no index holds all of its conditions: a bounded number of rows is read, and tested.

/**
 * Returns a statement that reads at most `maxScanned` rows to find those of the page, or undefined if no index has the
 * order.
 *
 * If an index holds a condition that few rows may meet, some rows are read by it first. If that is all of them, they
 * are sorted, and the page is complete. Otherwise rows are read in the order of the page.
 */
export function byScan(table: PagedTable, given: Rows, ordering: Ordering, page: Page, maxScanned: number): Sql | undefined {
  if (page.offset || given.areFew === true || given.visibleBy === undefined) return undefined;
  const keys = readingOrder(ordering, page);
  const rows = rangeByFirstKey(given, keys[0]);
  const parts = (given.parts ?? [{ table, rows }]).flatMap((part): readonly ScannedPart[] => {
    const choice = scanIndexFor(part.table, part.rows, keys);
    return choice ? [{ ...part, choice }] : [];
  });
  const [main, ...others] = parts;
  if (!main || parts.length < (given.parts?.length ?? 1)) return undefined;
  const maxFew = page.maxFew ?? Math.floor(maxScanned / 2);
  const few = maxFew > 0 ? fewRows(table, rows, main.choice, maxFew) : undefined;
  const most = few ? Math.max(maxScanned - maxFew, Math.floor(maxScanned / 5)) : maxScanned;
  const scanned = Math.min(...parts.map(({ choice }) => readable(choice, most)));
  const { alias } = table;
  const reads = parts.map((part) => scanOf(part, ordering, { ...page, size: scanned, lookahead: false }));
  const known = reads.filter((read) => read !== undefined);
  if (known.length < parts.length) return undefined;
  const { within, orderBy, limit } = keyset(alias, ordering, page);
  const name = raw(alias);
  const every = raw(`${alias}.*`);
  const isMet = predicateSql(alias, given.predicate);
  const inOrder = others.length === 0 ? known[0] : mergedInOrder(known, alias, mergeOrder(parts, alias, keys), scanned);
  const scan = sql`
    SELECT ${every} FROM (
      SELECT ${every}, (${isMet}) IS TRUE AS is_met, (row_number() OVER ()) = ${integer(scanned)} AS is_scan_end FROM (${inOrder}) ${name}
    ) ${name} WHERE (is_met OR is_scan_end)`;
  if (!few) return sql`${scan} ${limit}`;
  const areFew = sql`(SELECT count(*) FROM few) < ${integer(few.count)}`;
  return sql`
    WITH few AS MATERIALIZED (${few.read})
    SELECT ${every} FROM (
      (SELECT ${every}, true AS is_met, false AS is_scan_end FROM few ${name} WHERE ${areFew} AND ${isMet} AND ${within} ORDER BY ${orderBy} ${limit})
      UNION ALL (${scan} AND NOT ${areFew} ${limit})
    ) ${name} ORDER BY ${orderBy} ${limit}`;
}

/** Rows that are read in the order of a page, and the index that has them. */
interface ScannedPart extends RowsInOrder {
  readonly choice: IndexChoice;
}

function scanOf({ table, rows, choice }: ScannedPart, ordering: Ordering, page: Page): Sql | undefined {
  const visible = page.isStep === true ? rows : visibleOf(table, rows, choice);
  return readByChoice(table, visible, choice, ordering, page);
}

/**
 * Returns the order in which the parts are read: that of the page, after the columns that all parts compare with one
 * value. PostgreSQL does not know that these have one value.
 */
function mergeOrder([first, ...others]: readonly ScannedPart[], alias: string, keys: Ordering): Sql {
  const isInAll = ({ field }: InFilter) => others.every(({ choice }) => choice.prefix.some((one) => one.field === field));
  const fixed = first?.choice.prefix.filter((one) => one.values.length === 1 && isInAll(one)) ?? [];
  return orderOf(
    alias,
    [...fixed, ...keys].map(({ field }) => field),
    keys[0],
  );
}

/**
 * Returns a statement that reads the first `count` rows of several statements in their common order. Each is ordered
 * once more, which costs nothing: PostgreSQL else loses the order of a statement with a join, and sorts all of its
 * rows.
 */
function mergedInOrder(reads: readonly Sql[], alias: string, orderBy: Sql, count: number): Sql {
  const every = raw(`${alias}.*`);
  const union = join(
    reads.map((read) => sql`(SELECT ${every} FROM (${read}) ${raw(alias)} ORDER BY ${orderBy} LIMIT ${integer(count)})`),
    " UNION ALL ",
  );
  return sql`SELECT ${every} FROM (${union}) ${raw(alias)} ORDER BY ${orderBy} LIMIT ${integer(count)}`;
}

/** Returns `rows` with the conditions by which they are visible, as far as the index of `choice` does not hold them. */
function visibleOf({ alias }: PagedTable, rows: Rows, { rest }: IndexChoice): Rows {
  const { from, indexed, tables, visibleBy = [] } = rows;
  const inFilters = rest.inFilters.filter(({ field }: InFilter) => visibleBy.includes(field));
  const isVisible = predicateSql(alias, { inFilters, rangeFilters: [], others: [] });
  const within = (source: Sql) => sql`${source} AND ${isVisible}`;
  return {
    ...rows,
    from: within(from),
    indexed: indexed && { ...indexed, from: within(indexed.from) },
    tables: tables?.map(within),
  };
}

/**
 * Returns a statement that reads the first rows of an index after a condition that few rows may meet, and how many it
 * returns at most. It reads at most `maxRead` rows. Undefined if there is no such condition that the index of `scanned`
 * does not hold.
 */
function fewRows(
  table: PagedTable,
  rows: Rows,
  scanned: IndexChoice,
  maxRead: number,
): { readonly read: Sql; readonly count: number } | undefined {
  const found = fewRowsIndexFor(table, rows, scanned);
  if (!found) return undefined;
  const count = readable(found.choice, maxRead);
  const read = readByChoice(table, rows, found.choice, [found.key], { size: count, from: "start", lookahead: false });
  return read && { read, count };
}

/** Returns how many rows can be returned if `maxRead` are read: of each range that is merged one more is read. */
function readable(choice: IndexChoice, maxRead: number): number {
  return Math.max(1, maxRead + 1 - rangeCount(choice));
}
