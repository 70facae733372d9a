import { empty, integer, raw, sql, type Sql } from "../../database/sql.ts";
import { predicateSql } from "../model/field-filter.ts";
import { maxReadToCount, maxTotal } from "../model/page.ts";
import { canMeetNone, type PagedTable, type Rows } from "../model/paged-table.ts";
import { conditionCount, mostHoldingIndexFor } from "./index-choice.ts";
import { readInAnyOrder } from "./index-range.ts";

// How rows are counted.

/**
 * Returns a statement that selects the number of `rows` as `count`. It stops counting at `max`, if given. The planner
 * chooses the index.
 */
export function countUpTo({ alias }: Pick<PagedTable, "alias">, rows: Rows, max: number | undefined): Sql {
  if (canMeetNone(rows)) return sql`SELECT 0::bigint AS count`;
  const { from, predicate, withParts } = rows;
  const source = sql`${from} AND ${predicateSql(alias, predicate)}`;
  const start = withParts ? sql`WITH ${withParts} ` : empty;
  if (max === undefined) return sql`${start}SELECT count(*) AS count FROM ${source}`;
  return sql`${start}SELECT count(*) AS count FROM (SELECT 1 FROM ${source} LIMIT ${integer(max)}) counted`;
}

/** The bounds of a {@link Total}: see {@link maxTotal} and {@link maxReadToCount}. */
interface TotalBounds {
  readonly maxCount: number;
  readonly maxRead: number;
}

/**
 * Returns a statement that selects how many of `rows` were counted as `total`, and whether these are all as `is_exact`.
 * The index that holds the most conditions is read, and the others are tested.
 */
export function totalFrom(
  table: PagedTable,
  rows: Rows,
  { maxCount, maxRead }: TotalBounds = { maxCount: maxTotal, maxRead: maxReadToCount },
): Sql {
  const most = integer(maxCount + 1);
  const found = conditionCount(rows.predicate) === 0 || canMeetNone(rows) ? undefined : mostHoldingIndexFor(table, rows);
  if (!found || rows.areFew === true) {
    const counted = countUpTo(table, rows, maxCount + 1);
    return sql`SELECT counted.count AS total, counted.count < ${most} AS is_exact FROM (${counted}) counted`;
  }
  const { alias } = table;
  const { rest } = found.choice;
  if (conditionCount(rest) === 0) {
    const read = readInAnyOrder(table, rows, found, maxCount + 1);
    return sql`SELECT counted.total, counted.total < ${most} AS is_exact FROM (SELECT count(*) AS total FROM (${read}) counted) counted`;
  }
  const isMet = predicateSql(alias, rest);
  const read = readInAnyOrder(table, rows, found, maxRead);
  // The place of the last row that is read says whether there may be more.
  return sql`
    SELECT counted.total, counted.total < ${most} AND NOT coalesce(counted.reached_end, false) AS is_exact FROM (
      SELECT count(*) FILTER (WHERE met.is_met) AS total, bool_or(met.place = ${integer(maxRead)}) AS reached_end FROM (
        SELECT tested.is_met, tested.place
        FROM (SELECT (${isMet}) IS TRUE AS is_met, row_number() OVER () AS place FROM (${read}) ${raw(alias)}) tested
        WHERE tested.is_met OR tested.place = ${integer(maxRead)} LIMIT ${most}
      ) met
    ) counted`;
}
