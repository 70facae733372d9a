import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import pg from "pg";
import { startPostgresql } from "../test/support/postgresql.ts";

/** A PostgreSQL server with the data set. */
export interface BenchServer {
  readonly url: string;
  version(): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Returns a new database on the PostgreSQL server of `DATABASE_URL` (or of `given`), or otherwise on an embedded server
 * that is removed at the end. On an external server the full data set stays for the next run.
 */
export async function startServer(
  name: string,
  fill: (url: string) => Promise<void>,
  given = process.env["DATABASE_URL"],
): Promise<BenchServer> {
  const { url: base, stop: stopServer } = await openServer(given);
  const database = `gateway_bench_${name}`;
  const url = Object.assign(new URL(base), { pathname: `/${database}` }).href;
  const marked = await withClient(base, async (client) => {
    const { rows } = await client.query<{ filled: string | null }>(
      "SELECT shobj_description(oid, 'pg_database') AS filled FROM pg_database WHERE datname = $1",
      [database],
    );
    return rows[0]?.filled === filledMark && name === "full";
  });
  if (!marked) {
    await withClient(base, async (client) => {
      await client.query(`DROP DATABASE IF EXISTS ${database}`);
      await client.query(`CREATE DATABASE ${database}`);
    });
    await fill(url);
    await withClient(base, (client) => client.query(`COMMENT ON DATABASE ${database} IS '${filledMark}'`));
  }
  return {
    url,
    version: () =>
      withClient(url, async (client) =>
        String((await client.query<{ v: string }>("SELECT current_setting('server_version') AS v")).rows[0]?.v),
      ),
    async stop() {
      if (name !== "full") await withClient(base, (client) => client.query(`DROP DATABASE ${database} WITH (FORCE)`));
      await stopServer();
    },
  };
}

/**
 * The mark of a filled database. It contains a hash of the sources of the data set, so that another data set is
 * recognised.
 */
const filledMark = `filled by the benchmark, ${createHash("sha256")
  .update(readFileSync(new URL("data-set.ts", import.meta.url)))
  .update(readFileSync(new URL("../prisma/schema.prisma", import.meta.url)))
  .digest("hex")}`;

/**
 * Returns the PostgreSQL server of `given`, or otherwise an embedded one that `stop` removes. Throws an `Error` if
 * there is no embedded one.
 */
export async function openServer(given = process.env["DATABASE_URL"]): Promise<{ url: string; stop: () => Promise<void> }> {
  if (given !== undefined) return { url: given, stop: () => Promise.resolve() };
  const { url, problem, stop } = await startPostgresql();
  if (url === undefined) throw new Error(`There is no PostgreSQL: ${problem}. Name one as DATABASE_URL.`);
  return { url, stop };
}

/** Returns the result of `work` on a connection of its own. */
export async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
