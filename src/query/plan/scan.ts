import { type InFilter, type Predicate, predicateSql } from "../model/field-filter.ts";
import type { OrderKey, Ordering, Page } from "../model/page.ts";
import type { PagedTable, Rows } from "../model/paged-table.ts";
import { integer, raw, sql, type Sql } from "../../database/sql.ts";
import { scanIndexFor } from "./index-choice.ts";
import { byIndex, combined, readIndexRange } from "./index-range.ts";
import { keyset } from "./keyset.ts";

// How a page is read if no index holds all of its conditions: a bounded number of rows is read, and tested.

/**
 * Returns a statement that reads at most `maxScanned` rows to find those of the page, or undefined if no index has the
 * order.
 *
 * If an index holds a condition that few rows may meet, the first half of these rows are read by it. If that is all of
 * them, they are sorted, and the page is complete. Otherwise rows are read in the order of the page.
 */
export function byScan(table: PagedTable, rows: Rows, ordering: Ordering, page: Page, maxScanned: number): Sql | undefined {
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
