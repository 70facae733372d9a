import pg from "pg";
import { startPostgresql } from "../test/support/postgresql.ts";

/** A PostgreSQL server with an empty database. */
export interface BenchServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Returns a new database on the PostgreSQL server, which `stop` drops. */
export async function startServer(name: string): Promise<BenchServer> {
  const { url: base, stop: stopServer } = await openServer();
  const database = `gateway_bench_${name}`;
  await withClient(base, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${database}`);
    await client.query(`CREATE DATABASE ${database}`);
  });
  return {
    url: Object.assign(new URL(base), { pathname: `/${database}` }).href,
    async stop() {
      await withClient(base, (client) => client.query(`DROP DATABASE ${database} WITH (FORCE)`));
      await stopServer();
    },
  };
}

/**
 * Returns the PostgreSQL server of `DATABASE_URL`, or otherwise an embedded one that `stop` removes. Throws an `Error`
 * if there is no embedded one.
 */
export async function openServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const given = process.env["DATABASE_URL"];
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

/** Returns the rows of a statement, which is sent on a connection of its own. */
export async function rowsOf<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  return await withClient(url, async (client) => (await client.query<Row>(text)).rows);
}

/** Returns the version of a server. */
export async function versionOf(url: string): Promise<string> {
  const [row] = await rowsOf<{ version: string }>(url, "SELECT current_setting('server_version') AS version");
  return String(row?.version);
}
