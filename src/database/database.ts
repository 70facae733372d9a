import pg from "pg";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "#generated/prisma/client.ts";
import { asDataDirectoryProblem, type DatabaseConfig } from "../config.ts";
import { type DatabaseAddress, readConnectionString } from "./connection-string.ts";
import { startEmbeddedDatabase } from "./embedded/embedded-database.ts";
import { clientFor } from "./failover.ts";
import { createSessions, type Sessions, type SessionSettings, type SessionsOptions } from "./sessions.ts";
import { asUnavailable } from "./unavailable.ts";

/** What the database says to the log; pino's loggers have this shape. */
export interface DatabaseLog {
  warn(details: object, message: string): void;
}

/** A statement with its values in `$1, $2, …`; what `Prisma.sql` makes is one. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The rows, reached by Prisma for writes and by {@link Database.query} for reads, over one pool of connections. */
export interface Database {
  readonly kind: DatabaseConfig["kind"];
  /** The schema that has the tables. It is the search path of every connection, {@link openMaintenancePool}'s too. */
  readonly schema: string;
  readonly prisma: PrismaClient;
  readonly pool: pg.Pool;
  /**
   * The rows of one statement, prepared once a connection. `Row` is what the statement selects, which only its author can know.
   *
   * @throws Unavailable where the database cannot be reached, is too slow, or has no connection left.
   */
  query<Row extends pg.QueryResultRow>(statement: Statement): Promise<Row[]>;
  /**
   * Connections for migrations, past a pooler where the configuration names the way (`DATABASE_URL_DIRECT`). They have no limits of time, and find every
   * setting as the server has it: what migrations need they set themselves, for a transaction. Ended by the caller.
   */
  openMaintenancePool(): MaintenancePool;
  /** Resolves where a note could be written now. It writes none. @throws Unavailable or pg.DatabaseError otherwise. */
  check(): Promise<void>;
  /** Ends every connection, and the embedded database. What is under way gets a few seconds. */
  close(): Promise<void>;
}

export interface MaintenancePool {
  readonly pool: pg.Pool;
  end(): Promise<void>;
}

export interface TimeLimits {
  /** For a connection: to be made, to become free, to be given back when the database is closed. */
  readonly connectMilliseconds: number;
  /** For a statement. The server enforces it; the embedded database cannot, so there the client gives up. */
  readonly statementMilliseconds: number;
  /** For an answer, longer than the server's own limit: it is met only where the server is silent. */
  readonly answerMilliseconds: number;
}

const usualLimits: TimeLimits = { connectMilliseconds: 5_000, statementMilliseconds: 10_000, answerMilliseconds: 12_000 };
const connectionsOfPool = 10;

/** Needs everything that the write of a note needs, the absence of locks included, and meets no row. */
const writeOfNothing: Statement = {
  text: `WITH noted AS (INSERT INTO audit_events SELECT * FROM audit_events WHERE false) UPDATE notes SET text = text WHERE false`,
  values: [],
};

/**
 * Opens the database that `config` names and checks that it answers. Migrations are the caller's next step.
 *
 * @throws Unavailable where the PostgreSQL does not answer; {@link DirectoryInUse} where another process has the embedded one; {@link ConfigError}
 * where its URL or its directory cannot be used.
 */
export async function openDatabase(config: DatabaseConfig, log: DatabaseLog, limits = usualLimits): Promise<Database> {
  const address = config.kind === "postgresql" ? readConnectionString(config.url) : undefined;
  const embedded = config.kind === "embedded" ? await startEmbedded(config.directory) : undefined;
  const schema = address?.schema ?? "public";
  const server: pg.PoolConfig = address
    ? { ...serverOptions(address, limits), max: connectionsOfPool }
    : {
        stream: () => embedded?.connect(),
        // PGlite is one session. A connection that idles costs nothing there, and a new one forgets all that was prepared.
        max: 1,
        idleTimeoutMillis: 0,
        ssl: false,
        user: "postgres",
        database: "postgres",
      };

  const sessions = createSessions({
    settings: { ...timeouts(limits), ...settingsOf(schema) },
    shared: sharingOf(config),
    onShared: (sign) =>
      log.warn(
        { sign },
        "A pooler shares the sessions of the database: from now on no statement is prepared, and settings are made for each transaction. DATABASE_PREPARE=off says so from the start.",
      ),
  });
  const pool = openPool(server, log, limits, sessions);
  // Statements are named, or not, by the connections.
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool, { schema }),
    errorFormat: "minimal",
    transactionOptions: { maxWait: limits.connectMilliseconds, timeout: limits.answerMilliseconds },
  });

  let closed: Promise<void> | undefined;
  const database: Database = {
    kind: config.kind,
    schema,
    prisma,
    pool,
    async query<Row extends pg.QueryResultRow>({ text, values }: Statement) {
      try {
        const result = await pool.query<Row>({ text, values: [...values] });
        return result.rows;
      } catch (error) {
        throw asUnavailable(error);
      }
    },
    openMaintenancePool() {
      // The embedded database has one session, and this pool has it.
      if (config.kind === "embedded") return { pool, end: () => Promise.resolve() };
      const direct = readConnectionString(config.directUrl ?? config.url, "DATABASE_URL_DIRECT");
      // One holds the lock, the other works.
      const maintenance = new pg.Pool({ ...serverOptions(direct, limits), max: 2, idleTimeoutMillis: 0 });
      maintenance.on("error", (error) => log.warn({ err: error }, "The connection for migrations was lost"));
      return { pool: maintenance, end: () => maintenance.end() };
    },
    async check() {
      await database.query(writeOfNothing);
    },
    close() {
      closed ??= (async () => {
        await prisma.$disconnect();
        await settledWithin(limits.connectMilliseconds, pool.end());
        await embedded?.close();
      })();
      return closed;
    },
  };

  try {
    await database.query({ text: "SELECT 1", values: [] });
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

async function startEmbedded(directory: string): ReturnType<typeof startEmbeddedDatabase> {
  try {
    return await startEmbeddedDatabase(directory);
  } catch (error) {
    throw asDataDirectoryProblem(error);
  }
}

/** How a pool reaches the servers of `address`. */
function serverOptions(address: DatabaseAddress, limits: TimeLimits): pg.PoolConfig {
  const client = clientFor(address, limits.connectMilliseconds);
  return { ...address.servers[0], Client: client, connectionTimeoutMillis: limits.connectMilliseconds, keepAlive: true };
}

/**
 * What our statements rely on. UTC and ISO: the adapter drops the offset of a time it reads, and the driver reads no other order of its parts. The rest is how
 * statements write texts, arrays and bytes, and how servers answer numbers.
 *
 * Without jit: compiling costs more than our statements take. Without bitmap scans: they lose the order that our indexes keep, and a page of a few
 * rows is then sorted out of all that there are, where the planner takes a ticket with very many notes for one like the others. Without
 * incremental sorts, for the same reason: an index that holds only the beginning of an order would do for it.
 */
function settingsOf(schema: string): SessionSettings {
  return {
    search_path: schema,
    TimeZone: "UTC",
    DateStyle: "ISO, MDY",
    IntervalStyle: "postgres",
    client_encoding: "UTF8",
    standard_conforming_strings: "on",
    array_nulls: "on",
    transform_null_equals: "off",
    bytea_output: "hex",
    extra_float_digits: 1,
    jit: "off",
    enable_bitmapscan: "off",
    enable_incremental_sort: "off",
  };
}

function timeouts({ statementMilliseconds, answerMilliseconds }: TimeLimits): SessionSettings {
  return { statement_timeout: statementMilliseconds, idle_in_transaction_session_timeout: answerMilliseconds };
}

function sharingOf(config: DatabaseConfig): SessionsOptions["shared"] {
  if (config.kind === "embedded") return "never";
  return config.prepare === "off" ? "always" : "detect";
}

/** The pool of requests. */
function openPool(server: pg.PoolConfig, log: DatabaseLog, limits: TimeLimits, sessions: Sessions): pg.Pool {
  const pool = new pg.Pool({
    ...server,
    connectionTimeoutMillis: limits.connectMilliseconds,
    query_timeout: limits.answerMilliseconds,
    onConnect: (client) => sessions.prepare(client),
  });
  pool.on("error", (error) => log.warn({ err: error }, "An idle database connection was lost"));
  pool.on("release", (_error, client) => {
    // A client that is ending is not taken back.
    if (sessions.isSpent(client)) void client.end();
  });
  return pool;
}

async function settledWithin(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, patience]);
  clearTimeout(timer);
}
