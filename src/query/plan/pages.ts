import { predicateSql } from "../model/field-filter.ts";
import type { Ordering, Page } from "../model/page.ts";
import { canMeetNone, type PagedTable, type Rows } from "../model/paged-table.ts";
import { raw, sql, type Sql } from "../../database/sql.ts";
import { byIndex } from "./index-range.ts";
import { keyset } from "./keyset.ts";
import { byScan } from "./scan.ts";

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
  const found = rowsOf(table, rows, ordering, page);
  if (rows.completion) {
    const { columns, join } = rows.completion;
    const { orderBy } = keyset("chosen", ordering, page);
    return { ...found, rows: sql`SELECT ${columns} FROM (${found.rows}) chosen JOIN ${join} ORDER BY ${orderBy}` };
  }
  if (!rows.lookups) return found;
  const alias = raw(table.alias);
  return { ...found, rows: sql`SELECT ${alias}.*, ${rows.lookups} FROM (${found.rows}) ${alias}` };
}

function rowsOf(table: PagedTable, rows: Rows, ordering: Ordering, page: Page): PageRows {
  if (canMeetNone(rows))
    return { rows: sql`SELECT ${raw(`${table.alias}.*`)} FROM ${rows.from} AND false`, mayEndEarly: false };
  const exact = byIndex(table, rows, ordering, page);
  if (exact) return { rows: exact, mayEndEarly: false };
  const scan = page.maxScanned === undefined ? undefined : byScan(table, rows, ordering, page, page.maxScanned);
  return scan ? { rows: scan, mayEndEarly: true } : { rows: byPlanner(table, rows, ordering, page), mayEndEarly: false };
}

/** Returns a statement for which PostgreSQL's planner chooses the index. */
function byPlanner({ alias }: PagedTable, { from, predicate, areFew }: Rows, ordering: Ordering, page: Page): Sql {
  const { within, orderBy, limit, gather } = keyset(alias, ordering, page);
  const every = raw(`${alias}.*`);
  const source = sql`${from} AND ${predicateSql(alias, predicate)} AND ${within}`;
  // OFFSET 0: the planner would otherwise look for the few rows in an index with the order.
  if (areFew === true)
    return sql`SELECT ${every} FROM (SELECT ${every} FROM ${source} OFFSET 0) ${raw(alias)} ORDER BY ${orderBy} ${limit}`;
  if (!gather) return sql`SELECT ${every} FROM ${source} ORDER BY ${orderBy} ${limit}`;
  return sql`SELECT ${every} FROM (SELECT ${every} FROM ${source} ${gather}) ${raw(alias)} ORDER BY ${orderBy} ${limit}`;
}
