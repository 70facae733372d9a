import { randomBytes } from "node:crypto";
import { appendFileSync } from "node:fs";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { inject } from "vitest";
import type { DatabaseConfig } from "../../src/config.ts";
import { openDatabase, type Database } from "../../src/database/database.ts";
import { urlOfDatabase } from "./global-setup.ts";
import { watchStatements } from "./statements.ts";

/** A database for one test only. */
export interface ScratchDatabase {
  readonly config: DatabaseConfig;
  drop(): Promise<void>;
}

const log = { warn: (details: object, message: string) => console.warn(message, details) };
const poolId = process.env["VITEST_POOL_ID"] ?? "1";

let opened: Promise<Database> | undefined;
let openedForGateway: Promise<Database> | undefined;

/**
 * Returns the migrated database of this worker. Its test files share it, one after the other, so a test creates its own
 * account and reads its own rows only. Nothing closes it; it ends with the worker.
 */
export function openWorkerDatabase(): Promise<Database> {
  opened ??= workerCopy().then(({ config }) => openDatabase(config, log));
  return opened;
}

/**
 * Opens the same database as the gateway over other connections. The statements on them are recorded, and the end of
 * the run checks that each names an account (see account-guard.ts). Statements that tests send themselves use other
 * connections and are not checked.
 */
export function openGatewayDatabase(): Promise<Database> {
  openedForGateway ??= openWatched();
  return openedForGateway;
}

async function openWatched(): Promise<Database> {
  const { config } = await workerCopy();
  // The embedded database has only one session for both. A run on it has no guard.
  if (config.kind === "embedded") return openWorkerDatabase();
  const database = await openDatabase(config, log);
  const path = join(inject("statementsDirectory"), `${poolId}-${process.pid}`);
  const known = new Set<string>();
  watchStatements(database.pool, ({ text }) => {
    if (known.has(text)) return;
    known.add(text);
    appendFileSync(path, `${JSON.stringify(text)}\n`);
  });
  return database;
}

/**
 * Creates a database for one test that stops, fills or migrates it. An `empty` one has no tables; otherwise every
 * migration is applied.
 */
export async function createScratchDatabase({ empty = false } = {}): Promise<ScratchDatabase> {
  const name = `scratch_${poolId}_${randomBytes(4).toString("hex")}`;
  const config = await copyOf(empty ? undefined : inject("testServer").template, name);
  return { config, drop: () => dropDatabase(config) };
}

let copied: Promise<{ config: DatabaseConfig }> | undefined;

/** Returns this worker's copy of the template, which is created once. */
function workerCopy(): Promise<{ config: DatabaseConfig }> {
  copied ??= copyOf(inject("testServer").template, `worker_${poolId}`).then((config) => ({ config }));
  return copied;
}

async function copyOf(template: string | undefined, name: string): Promise<DatabaseConfig> {
  const server = inject("testServer");
  if (server.kind === "embedded") {
    const directory = join(server.directory, name);
    if (template !== undefined) await cp(template, directory, { recursive: true, force: false });
    return { kind: "embedded", directory };
  }
  const database = `${server.prefix}${name}`;
  await withClient(server.url, async (client) => {
    const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [database]);
    // An earlier file of this worker may have created it.
    if (rowCount === 0) await client.query(`CREATE DATABASE ${database} TEMPLATE ${template ?? "template0"}`);
  });
  return { kind: "postgresql", url: urlOfDatabase(server.url, database) };
}

async function dropDatabase(config: DatabaseConfig): Promise<void> {
  const server = inject("testServer");
  if (config.kind === "embedded" || server.kind === "embedded") {
    if (config.kind === "embedded") await rm(config.directory, { recursive: true, force: true });
    return;
  }
  const database = new URL(config.url).pathname.slice(1);
  await withClient(server.url, (client) => client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`));
}

async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
