import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import pg from "pg";
import { startPostgresql } from "../test/support/postgresql.ts";

/** A PostgreSQL with the data set in it. */
export interface BenchServer {
  readonly url: string;
  version(): Promise<string>;
  stop(): Promise<void>;
}

/**
 * A database of its own on the PostgreSQL of `DATABASE_URL` (or of `given`), or else on one that is brought along and removed at the end. On a given server the
 * full data set is kept for the next run.
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

/** Names the data set by what makes it, so that one that was made otherwise is not taken for it. */
const filledMark = `filled by the benchmark, ${createHash("sha256")
  .update(readFileSync(new URL("data-set.ts", import.meta.url)))
  .update(readFileSync(new URL("../prisma/schema.prisma", import.meta.url)))
  .digest("hex")}`;

/** The PostgreSQL of `given`, or else one that is brought along and removed by `stop`. @throws {Error} where none can be brought along */
export async function openServer(given = process.env["DATABASE_URL"]): Promise<{ url: string; stop: () => Promise<void> }> {
  if (given !== undefined) return { url: given, stop: () => Promise.resolve() };
  const { url, problem, stop } = await startPostgresql();
  if (url === undefined) throw new Error(`There is no PostgreSQL: ${problem}. Name one as DATABASE_URL.`);
  return { url, stop };
}

/** What `work` returns, done on a connection of its own. */
export async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
