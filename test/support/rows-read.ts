import { columnName } from "../../src/database/sql.ts";
import type { PagedTable } from "../../src/query/model/paged-table.ts";
import type { Database } from "../../src/database/database.ts";
import type { RecordedStatement } from "./statements.ts";

export interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Index Recheck"?: number;
  readonly "Shared Hit Blocks"?: number;
  readonly "Shared Read Blocks"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** What one node of a plan read of a table. */
export interface Scan {
  /** The table: of a partition the one to which it belongs. */
  readonly table: string;
  /** The index, without the name of a partition. Undefined for a sequential scan. */
  readonly index: string | undefined;
  /** The rows that it read, including those that it dropped again. PostgreSQL rounds them for each loop. */
  readonly rows: number;
}

const partition = /_(?:\d{4}_\d{2}|default)(?=_|$)/;

/** Returns what the nodes of an executed plan read. Nodes that were never executed are left out. */
export function scansOf(node: PlanNode): readonly Scan[] {
  const below = (node.Plans ?? []).flatMap(scansOf);
  const relation = node["Relation Name"];
  if (relation === undefined || node["Actual Loops"] === 0) return below;
  const read = node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0);
  const table = relation.replace(partition, "");
  return [{ table, index: node["Index Name"]?.replace(partition, ""), rows: read * node["Actual Loops"] }, ...below];
}

/**
 * Returns the number of rows of a table, with all of its partitions, that a statement reads, including those that it
 * drops again.
 */
export async function rowsRead(database: Database, { text, values }: RecordedStatement, table: string): Promise<number> {
  const { rows } = await database.pool.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, [
    ...values,
  ]);
  const scans = scansOf(rows[0]!["QUERY PLAN"][0].Plan);
  return scans.filter((scan) => scan.table === table).reduce((sum, scan) => sum + scan.rows, 0);
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
