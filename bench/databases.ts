import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type DataSetSize, type fillDataSet, fullSize } from "./data-set.ts";
import { withClient } from "./server.ts";
import type { Checkout } from "./checkout.ts";

/** The signing secret of all gateways. */
export const signingSecret = "a secret of the benchmark, 32 characters long";

/**
 * Returns a hash of the sources of a checkout's database. Checkouts with the same hash are compared on one database.
 */
export function dataSetHash({ directory }: Checkout): string {
  const files = ["bench/data-set.ts", ...globSync("prisma/migrations/**/*.sql", { cwd: directory }).toSorted()];
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(join(directory, file)));
  return hash.digest("hex").slice(0, 12);
}

/**
 * Creates a database with a checkout's own schema and data set on the server, and returns its URL. The full data set is
 * filled once and copied for each run, so that every run reads the same rows, whatever earlier ones have added.
 */
export async function makeDatabase(server: string, name: string, checkout: Checkout, size: DataSetSize): Promise<string> {
  const url = databaseUrl(server, name);
  await dropDatabase(server, name);
  if (size !== fullSize) {
    await execute(server, `CREATE DATABASE ${name}`);
    await fillFrom(checkout, url, size);
    return url;
  }
  const template = `gateway_bench_${dataSetHash(checkout)}`;
  if (!(await isFilled(server, template))) {
    await dropDatabase(server, template);
    await execute(server, `CREATE DATABASE ${template}`);
    await fillFrom(checkout, databaseUrl(server, template), size);
    await execute(server, `COMMENT ON DATABASE ${template} IS '${filledMark}'`);
  }
  await execute(server, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  return url;
}

/** Drops a database and closes the connections to it. */
export async function dropDatabase(server: string, name: string): Promise<void> {
  await execute(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}

const filledMark = "filled by the benchmark, whole";

function databaseUrl(server: string, name: string): string {
  return Object.assign(new URL(server), { pathname: `/${name}` }).href;
}

async function execute(server: string, statement: string): Promise<void> {
  await withClient(server, (client) => client.query(statement));
}

async function isFilled(server: string, database: string): Promise<boolean> {
  return await withClient(server, async (client) => {
    const { rows } = await client.query<{ mark: string | null }>(
      "SELECT shobj_description(oid, 'pg_database') AS mark FROM pg_database WHERE datname = $1",
      [database],
    );
    return rows[0]?.mark === filledMark;
  });
}

/** Migrates and fills a database with the checkout's own programs, which know its schema. */
async function fillFrom(checkout: Checkout, url: string, size: DataSetSize): Promise<void> {
  runCommand(checkout, ["src/migrate.ts"], url);
  const path = pathToFileURL(join(checkout.directory, "bench/data-set.ts")).href;
  // The same module, of another commit
  const dataSet = (await import(path)) as { readonly fillDataSet: typeof fillDataSet };
  await dataSet.fillDataSet(url, size);
}

/**
 * Runs one of a checkout's programs on a database, and returns its output. Throws an `Error` with its error output if
 * it fails.
 */
export function runCommand(
  { directory }: Pick<Checkout, "directory">,
  words: readonly string[],
  url: string,
  environment: Readonly<Record<string, string>> = {},
): string {
  const { status, stdout, stderr } = spawnSync(join(directory, "node_modules/.bin/node"), words, {
    cwd: directory,
    encoding: "utf8",
    env: { ...process.env, DATABASE_URL: url, SIGNING_SECRET: signingSecret, ...environment },
  });
  if (status !== 0) throw new Error(`${words.join(" ")} failed: ${stderr}`);
  return stdout.trim();
}
