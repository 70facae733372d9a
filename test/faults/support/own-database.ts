import { randomBytes } from "node:crypto";
import pg from "pg";

/** A database that a script has created for itself. */
export interface OwnDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/**
 * Creates an empty database on the PostgreSQL of `FAULTS_DATABASE_URL`, or on the one that listens on this machine.
 * Throws an `Error` if there is no such server or it refuses.
 */
export async function createOwnDatabase(name: string): Promise<OwnDatabase> {
  const server = process.env["FAULTS_DATABASE_URL"] ?? "postgresql://postgres@127.0.0.1:5432/postgres";
  const database = `faults_${name}_${randomBytes(4).toString("hex")}`;
  await run(server, `CREATE DATABASE ${database}`);
  const url = new URL(server);
  url.pathname = `/${database}`;
  return { url: url.href, drop: () => run(server, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`) };
}

async function run(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
