import type { TestApp } from "./app.ts";

/** Returns every row of every table of the database as text, as `pg_dump` would show it. */
export async function dump({ database }: TestApp): Promise<string> {
  const { rows } = await database.pool.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace",
  );
  const tables: string[] = [];
  for (const { name } of rows) {
    const table = await database.pool.query<{ row: string }>(`SELECT t::text AS row FROM "${name}" t`);
    tables.push(...table.rows.map(({ row }) => `${name} ${row}`));
  }
  return tables.join("\n");
}
