import { allOf, column, integer, join, raw, sql, type Sql } from "../../database/sql.ts";
import { completeKeys, type GivenPosition, type OrderKey, type Ordering, type Page } from "../model/page.ts";

/** The parts of the statement of a page. */
export interface Keyset {
  /** The condition that a row is after and before the positions of the page. */
  readonly within: Sql;
  /** The order in which rows are read: reversed for a page from the end. */
  readonly orderBy: Sql;
  /** The number of rows to read: one more than the size, unless `lookahead` is false. */
  readonly count: Sql;
  /** The LIMIT and the OFFSET of the page. */
  readonly limit: Sql;
  /**
   * If no index has the whole order: ORDER BY and limit of a subquery, whose rows are sorted afterwards. It reads in
   * the order of the first key, which an index has, up to the last row of the page and the rows that equal it in that
   * key.
   */
  readonly gather: Sql | undefined;
}

export function keyset(alias: string, ordering: Ordering, page: Page): Keyset {
  const keys = completeKeys(ordering);
  const readFrom = (key: OrderKey): Sql => raw((key.direction === "ASC") === (page.from === "start") ? "ASC" : "DESC");
  const inOrder = (some: readonly OrderKey[]): Sql =>
    join(
      some.map((key) => sql`${column(alias, key.field)} ${readFrom(key)}`),
      ", ",
    );
  const orderBy = inOrder(keys);
  const count = integer(page.lookahead === false ? page.size : page.size + 1);
  const limit = page.offset ? sql`LIMIT ${count} OFFSET ${page.offset}` : sql`LIMIT ${count}`;
  // An offset counts rows, so it has to count them in the whole order.
  const byLeadingKey = !isIndexed(keys) && !page.offset;
  return {
    within: allOf([
      page.after && beyond(alias, keys, page.after, "after"),
      page.before && beyond(alias, keys, page.before, "before"),
    ]),
    orderBy,
    count,
    limit,
    gather: byLeadingKey ? sql`ORDER BY ${inOrder(keys.slice(0, 1))} FETCH FIRST ${count} ROWS WITH TIES` : undefined,
  };
}

/** Whether an index has the whole order. Each field has an index with its tie-breaker. */
function isIndexed([first, second, ...others]: readonly OrderKey[]): boolean {
  if (second === undefined) return true;
  return others.length === 0 && second.field === first?.ties?.field && second.direction === first.direction;
}

/** Returns the condition that a row is strictly after, or before, a position. */
function beyond(alias: string, keys: readonly OrderKey[], position: GivenPosition, side: "after" | "before"): Sql {
  const parts = keys.map((key, index) => ({
    column: column(alias, key.field),
    value: sql`${position[index]}${raw(`::${key.type}`)}`,
    comparison: raw((key.direction === "ASC") === (side === "after") ? ">" : "<"),
    key,
  }));
  const [first] = parts;
  if (!first) return sql`true`;
  if (parts.length === 1) return sql`${first.column} ${first.comparison} ${first.value}`;
  if (keys.every((key) => key.direction === first.key.direction)) {
    const columns = parts.map((part) => part.column);
    const values = parts.map((part) => part.value);
    return sql`(${join(columns, ", ")}) ${first.comparison} (${join(values, ", ")})`;
  }
  // A row comparison has one direction. With two, the condition compares by the first key that differs. The rest
  // implies the comparison of the first key, but the planner needs it to find the index range.
  const further = parts.map((part, index) => {
    const same = parts.slice(0, index).map((before) => sql`${before.column} = ${before.value}`);
    return sql`(${allOf([...same, sql`${part.column} ${part.comparison} ${part.value}`])})`;
  });
  return sql`${first.column} ${first.comparison}${raw("=")} ${first.value} AND (${join(further, " OR ")})`;
}
