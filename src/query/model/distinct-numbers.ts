import { column, integer, join, raw, sql, type Sql } from "../../database/sql.ts";
import { maxTotal, type Page } from "./page.ts";

/** Where distinct numbers begin, in which direction they are read, and how many. */
export interface DistinctRange {
  readonly direction: "ASC" | "DESC";
  readonly beyond: Sql;
  readonly count: number;
}

/** No row has a number below the one, or above the other. */
const ends = { ASC: raw("(-1)"), DESC: raw("2147483647") } as const;

/**
 * Returns the range of numbers from which `page` is read, in the order of the numbers, or that of all pages. `further`
 * numbers are read beside those of the page.
 */
export function rangeOfPage(page: Page | undefined, further = 0): DistinctRange {
  if (!page) return { direction: "ASC", beyond: ends.ASC, count: maxTotal + 1 };
  const direction = page.from === "start" ? "ASC" : "DESC";
  const [position] = (page.from === "start" ? page.after : page.before) ?? [];
  return {
    direction,
    beyond: position === undefined ? ends[direction] : sql`${position}::integer`,
    count: page.size + 1 + (page.offset ?? 0) + further,
  };
}

/** An index that ends with the numbers. */
export interface NumberIndex {
  /** The columns before the numbers, and the values that they have. */
  readonly prefix: readonly { readonly field: string; readonly value: Sql }[];
  readonly field: string;
}

/**
 * Returns a query for the distinct numbers of an index as `number`, in their order. It takes one step in the index for
 * each number, however many rows have it. `from` is a FROM item and conditions.
 *
 * The prefix is compared in one row with the number, and is a part of the order: PostgreSQL could otherwise read
 * another index, past rows with other values.
 */
export function distinctNumbers(alias: string, { prefix, field }: NumberIndex, range: DistinctRange, from: Sql): Sql {
  const columns = [...prefix.map((one) => column(alias, one.field)), column(alias, field)];
  const values = prefix.map(({ value }) => value);
  const [further, within] = range.direction === "ASC" ? [raw(">"), raw("<=")] : [raw("<"), raw(">=")];
  const order = columns.map((one) => sql`${one} ${raw(range.direction)}`);
  // Two columns at least: of two bounds on one column PostgreSQL knows that few rows are between them.
  const last = sql`(${join([...columns.slice(0, -1), raw("0")], ", ")}) ${within} (${join([...values, raw("0")], ", ")})`;
  const next = (beyond: Sql) => sql`
    SELECT ${column(alias, field)} AS number FROM ${from} AND (${join(columns, ", ")}) ${further} (${join([...values, beyond], ", ")}) AND ${last}
    ORDER BY ${join(order, ", ")} LIMIT 1`;
  return sql`SELECT step.number FROM (
    WITH RECURSIVE step(number) AS (
      (${next(range.beyond)}) UNION ALL SELECT (${next(raw("step.number"))}) FROM step WHERE step.number IS NOT NULL
    ) SELECT step.number FROM step WHERE step.number IS NOT NULL LIMIT ${integer(range.count)}
  ) step`;
}
