import { columnName } from "../../src/database/sql.ts";
import type { PagedTable } from "../../src/query/model/paged-table.ts";
import type { Database } from "../../src/database/database.ts";
import type { RecordedStatement } from "./statements.ts";

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Index Recheck"?: number;
  readonly Plans?: readonly PlanNode[];
}

/**
 * Returns the number of rows of a table, with all of its partitions, that a statement reads, including those that it
 * drops again.
 */
export async function rowsRead(database: Database, { text, values }: RecordedStatement, table: string): Promise<number> {
  const { rows } = await database.pool.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, [
    ...values,
  ]);
  const isOfTable = new RegExp(`^${table}(_\\d{4}_\\d{2}|_default)?$`);
  const count = (node: PlanNode): number => {
    const read = node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0);
    const own = isOfTable.test(node["Relation Name"] ?? "") ? read * node["Actual Loops"] : 0;
    return own + (node.Plans ?? []).reduce((sum, child) => sum + count(child), 0);
  };
  return count(rows[0]!["QUERY PLAN"][0].Plan);
}

/** Returns the indexes of a table, each as its columns in their order. */
export async function indexesOf(database: Database, table: string): Promise<readonly string[]> {
  const { rows } = await database.pool.query<{ columns: string[] }>(
    `SELECT array_agg(a.attname::text ORDER BY k.place) AS columns
     FROM pg_index i CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(attribute, place)
     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attribute
     WHERE i.indrelid = $1::regclass GROUP BY i.indexrelid`,
    [table],
  );
  return rows.map(({ columns }) => columns.join(" ")).toSorted();
}

/** Returns the indexes of an entity, also the partial ones, as {@link indexesOf} returns those of its table. */
export function columnsOf({ indexes, partialIndexes = [] }: Pick<PagedTable, "indexes" | "partialIndexes">): readonly string[] {
  return [...indexes, ...partialIndexes.map(({ fields }) => fields)]
    .map((fields) => fields.map(columnName).join(" "))
    .toSorted();
}
