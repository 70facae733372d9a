import type { GivenPosition, Page } from "../model/page.ts";
import { maximumBytesParam } from "../model/params.ts";
import { isParam, param, sql, type Sql, boundParam } from "../../database/sql.ts";

/**
 * How many relations one statement reads, and how deep they nest. Deeper ones have statements of their own, one a
 * level. With hundreds of nested relations PostgreSQL plans for longer than it runs, and a function takes at most 100
 * arguments.
 */
const maximum = { depth: 10, relations: 40 } as const;

/** Counts the relations of a statement. */
export interface Budget {
  /** Returns whether there is room for another relation at `depth`, and counts it if so. */
  takes(depth: number): boolean;
}

export function createBudget(): Budget {
  let relations = 0;
  return {
    takes(depth) {
      if (depth >= maximum.depth || relations >= maximum.relations) return false;
      relations += 1;
      return true;
    },
  };
}

/**
 * A page that may read more rows is stopped as soon as its JSON exceeds the maximum size. A stored text has at most 64
 * KB.
 */
const maxUnboundedRows = 256;

/**
 * Returns the rows of the subquery `written` in their order. If they may have too much JSON, since they probably read
 * `weight` rows, the statement fails as soon as the sum of `bytes` exceeds the maximum size of a result.
 */
export function boundedRows(weight: number, written: Sql, bytes: Sql): Sql {
  if (weight <= maxUnboundedRows) return sql`(${written})`;
  return sql`(SELECT sized.* FROM (SELECT written.*, sum(${bytes}) OVER (ROWS UNBOUNDED PRECEDING) AS bytes_so_far FROM (${written} OFFSET 0) written) sized WHERE within_bytes(sized.bytes_so_far, ${param(maximumBytesParam)}::bigint))`;
}

/** A larger page is requested to get all rows, which are few. */
const maxLikelyRows = 100;

/** Returns how many rows a page probably reads at most, if each of its rows reads `weight` rows. */
export function weightOfPage({ size }: Page, weight: number): number {
  return 1 + Math.min(size, maxLikelyRows) * weight;
}

/** Returns `page` with its cursors as bound parameters: their values must not make another statement. */
export function withBoundPositions(page: Page): Page {
  const bound = (position: GivenPosition | undefined): GivenPosition | undefined =>
    position?.map((value) => (isParam(value) ? value : boundParam(value)));
  return { ...page, after: bound(page.after), before: bound(page.before) };
}
