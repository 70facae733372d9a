import type { GivenPosition, Page } from "../platform/keyset.ts";
import { isSlot, slot, sql, type Sql, varying } from "../platform/sql.ts";

/** A statement that answers with one JSON value, and what is made of it. */
export interface Plan<Value> {
  /** Selects one column, `json`, a text, in one row, or in none where there is nothing. */
  readonly statement: Sql;
  readonly decode: (json: string | null) => Value;
  /** How many rows it is likely to read at most. */
  readonly weight: number;
}

/**
 * How much goes into one statement. What is beyond is read by statements of its own, a level at a time: PostgreSQL takes longer to plan a
 * statement than to run it where hundreds of relations are nested, and a function takes no more than 100 arguments.
 */
const most = { depth: 10, relations: 40 } as const;

/** Counts what a statement holds already. */
export interface Budget {
  /** Whether another relation goes into it at that depth, which is counted then. */
  takes(depth: number): boolean;
}

export function createBudget(): Budget {
  let relations = 0;
  return {
    takes(depth) {
      if (depth >= most.depth || relations >= most.relations) return false;
      relations += 1;
      return true;
    },
  };
}

/** The name of the slot that holds how many bytes an answer may have. */
export const maximumBytesParam = "maximumBytes";

/** Pages that may read more rows than this are stopped as soon as what they write is larger than an answer may be. A text has 64 KB at most. */
const unboundedRows = 256;

/** Whether a page of that weight may write more than an answer may have. */
export function mayWriteTooMuch(weight: number): boolean {
  return weight > unboundedRows;
}

/** Rows of `written`, a subquery, in their order, and the statement's end where their texts, by the expression `bytes`, are too large together. */
export function stoppedForSize(written: Sql, bytes: Sql): Sql {
  return sql`(SELECT sized.* FROM (SELECT written.*, sum(${bytes}) OVER (ROWS UNBOUNDED PRECEDING) AS bytes_so_far FROM (${written} OFFSET 0) written) sized WHERE within_bytes(sized.bytes_so_far, ${slot(maximumBytesParam)}::bigint))`;
}

/** Pages of more are asked for to have all that there are, which are few. */
const likelySize = 100;

/** How many rows a page is likely to read at most, each of which reads `weight`. */
export function weightOfPage({ size }: Page, weight: number): number {
  return 1 + Math.min(size, likelySize) * weight;
}

/** Cursors differ from one asking to the next, so that their values must not make another statement. */
export function varyingPage(page: Page): Page {
  const varied = (position: GivenPosition | undefined): GivenPosition | undefined =>
    position?.map((value) => (isSlot(value) ? value : varying(value)));
  return { ...page, after: varied(page.after), before: varied(page.before) };
}
