import { type InFilter, predicateSql } from "../model/field-filter.ts";
import { type Ordering, type Page, readingOrder } from "../model/page.ts";
import type { PagedTable, Rows } from "../model/paged-table.ts";
import { integer, raw, sql, type Sql } from "../../database/sql.ts";
import { fewRowsIndexFor, type IndexChoice, rangeCount, scanIndexFor } from "./index-choice.ts";
import { rangeByFirstKey, readByChoice } from "./index-range.ts";
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
  const choice = scanIndexFor(table, rows, keys);
  if (!choice) return undefined;
  const maxFew = page.maxFew ?? Math.floor(maxScanned / 2);
  const few = maxFew > 0 ? fewRows(table, rows, choice, maxFew) : undefined;
  const scanned = readable(choice, few ? Math.max(maxScanned - maxFew, Math.floor(maxScanned / 5)) : maxScanned);
  const { alias } = table;
  const from = page.isStep === true ? rows.from : visibleOf(table, rows, choice);
  const inOrder = readByChoice(table, from, choice, ordering, {
    ...page,
    size: scanned,
    lookahead: false,
  });
  if (!inOrder) return undefined;
  const { within, orderBy, limit } = keyset(alias, ordering, page);
  const name = raw(alias);
  const every = raw(`${alias}.*`);
  const isMet = predicateSql(alias, given.predicate);
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

/** Returns `rows` with the conditions by which they are visible, as far as the index of `choice` does not hold them. */
function visibleOf({ alias }: PagedTable, { from, visibleBy = [] }: Rows, { rest }: IndexChoice): Sql {
  const visible = rest.inFilters.filter(({ field }: InFilter) => visibleBy.includes(field));
  return sql`${from} AND ${predicateSql(alias, { inFilters: visible, rangeFilters: [], others: [] })}`;
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
  const read = readByChoice(table, rows.from, found.choice, [found.key], { size: count, from: "start", lookahead: false });
  return read && { read, count };
}

/** Returns how many rows can be returned if `maxRead` are read: of each range that is merged one more is read. */
function readable(choice: IndexChoice, maxRead: number): number {
  return Math.max(1, maxRead + 1 - rangeCount(choice));
}
