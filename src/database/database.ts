import pg from "pg";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "#generated/prisma/client.ts";
import { asDataDirectoryProblem, type DatabaseConfig } from "../config.ts";
import { type DatabaseAddress, readConnectionString } from "./connection-string.ts";
import { startEmbeddedDatabase } from "./embedded/embedded-database.ts";
import { clientFor } from "./failover.ts";
import { createSessions, type Sessions, type SessionSettings, type SessionsOptions } from "./sessions.ts";
import { asUnavailable } from "./unavailable.ts";

/** The log of the database. Pino's loggers have this shape. */
export interface DatabaseLog {
  warn(details: object, message: string): void;
}

/** A statement with its values for `$1, $2, …`. A `Prisma.sql` is one. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The database, with one pool of connections for Prisma, which writes, and for {@link Database.query}, which reads. */
export interface Database {
  readonly kind: DatabaseConfig["kind"];
  /**
   * The schema of the tables. It is the search path of every connection, including those of {@link
   * openMaintenancePool}.
   */
  readonly schema: string;
  readonly prisma: PrismaClient;
  readonly pool: pg.Pool;
  /** The time for a statement. */
  readonly statementMilliseconds: number;
  /**
   * Returns the rows of one statement, which is prepared once for each connection. `Row` is the shape of its result,
   * which only the author of the statement can know. Throws `Unavailable` if the database cannot be reached, is too
   * slow, or has no connection left.
   */
  query<Row extends pg.QueryResultRow>(statement: Statement): Promise<Row[]>;
  /**
   * Opens connections for migrations. If `DATABASE_URL_DIRECT` is set, they bypass the pooler. They have no time limits
   * and the server's own settings; migrations set the settings that they need for each transaction. The caller ends the
   * pool.
   */
  openMaintenancePool(): MaintenancePool;
  /**
   * Resolves if a note could be written now. It writes nothing. Throws `Unavailable` or `pg.DatabaseError` otherwise.
   */
  check(): Promise<void>;
  /**
   * Vacuums and analyses what has changed in the embedded database. It is for the end of a load of many rows. A
   * PostgreSQL server does this by itself, so there it does nothing.
   */
  maintain(): Promise<void>;
  /** Ends every connection and the embedded database. Statements under way get a few seconds. */
  close(): Promise<void>;
}

export interface MaintenancePool {
  readonly pool: pg.Pool;
  end(): Promise<void>;
}

export interface TimeLimits {
  /** The time for a connection to be opened, to become free, and to be returned when the database is closed. */
  readonly connectMilliseconds: number;
  /** The time for a statement. The server enforces it. The embedded database cannot, so there the client gives up. */
  readonly statementMilliseconds: number;
  /**
   * The time for an answer. It is longer than the server's own limit, so it is reached only if the server does not
   * answer.
   */
  readonly answerMilliseconds: number;
}

const defaultLimits: TimeLimits = { connectMilliseconds: 5_000, statementMilliseconds: 10_000, answerMilliseconds: 12_000 };
const poolSize = 10;

/** A statement that needs everything that writing a note needs, including the locks, and changes no row. */
const emptyWrite: Statement = {
  text: `WITH noted AS (INSERT INTO audit_events SELECT * FROM audit_events WHERE false) UPDATE notes SET text = text WHERE false`,
  values: [],
};

/**
 * Opens the database that `config` names and checks that it answers. The caller must apply the migrations next. Throws
 * `Unavailable` if the PostgreSQL does not answer, `DirectoryInUse` if another process uses the embedded database, and
 * `ConfigError` if the URL or the directory cannot be used.
 */
export async function openDatabase(config: DatabaseConfig, log: DatabaseLog, limits = defaultLimits): Promise<Database> {
  const address = config.kind === "postgresql" ? readConnectionString(config.url) : undefined;
  const embedded = config.kind === "embedded" ? await startEmbedded(config.directory, log) : undefined;
  const schema = address?.schema ?? "public";
  const server: pg.PoolConfig = address
    ? { ...serverOptions(address, limits), max: poolSize }
    : {
        stream: () => embedded?.connect(),
        // PGlite is one session. An idle connection costs nothing there, and a new one loses the prepared statements.
        max: 1,
        idleTimeoutMillis: 0,
        ssl: false,
        user: "postgres",
        database: "postgres",
      };

  const sessions = createSessions({
    settings: { ...timeouts(limits), ...statementSettings(schema) },
    shared: sharedSessionsOf(config),
    onShared: (sign) =>
      log.warn(
        { sign },
        "A pooler shares the sessions of the database: from now on no statement is prepared, and settings are made for each transaction. DATABASE_PREPARE=off says so from the start.",
      ),
  });
  const pool = openPool(server, log, limits, sessions);
  // The connections decide whether statements are named.
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
    statementMilliseconds: limits.statementMilliseconds,
    async query<Row extends pg.QueryResultRow>({ text, values }: Statement) {
      try {
        const { rows } = await queryPool<Row>(pool, { text, values: [...values] });
        return rows;
      } catch (error) {
        throw asUnavailable(error);
      }
    },
    openMaintenancePool() {
      // The embedded database has one session, which belongs to this pool.
      if (config.kind === "embedded") return { pool, end: () => Promise.resolve() };
      const direct = readConnectionString(config.directUrl ?? config.url, "DATABASE_URL_DIRECT");
      // One connection holds the lock, the other one runs the scripts.
      const maintenance = new pg.Pool({ ...serverOptions(direct, limits), max: 2, idleTimeoutMillis: 0 });
      maintenance.on("error", (error) => log.warn({ err: error }, "The connection for migrations was lost"));
      return { pool: maintenance, end: () => maintenance.end() };
    },
    async check() {
      await database.query(emptyWrite);
    },
    async maintain() {
      await embedded?.maintain();
    },
    close() {
      closed ??= (async () => {
        await prisma.$disconnect();
        await settleWithin(limits.connectMilliseconds, pool.end());
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

async function startEmbedded(directory: string, log: DatabaseLog): ReturnType<typeof startEmbeddedDatabase> {
  const onMaintenanceFailure = (message: string) =>
    log.warn({ problem: message }, "The embedded database could not be maintained; it will be tried again");
  try {
    return await startEmbeddedDatabase(directory, onMaintenanceFailure);
  } catch (error) {
    throw asDataDirectoryProblem(error);
  }
}

/** Returns the pool options for the servers of `address`. */
function serverOptions(address: DatabaseAddress, limits: TimeLimits): pg.PoolConfig {
  const client = clientFor(address, limits.connectMilliseconds);
  return { ...address.servers[0], Client: client, connectionTimeoutMillis: limits.connectMilliseconds, keepAlive: true };
}

/**
 * Returns the settings on which the gateway's statements rely.
 *
 * Times are in UTC and ISO format, because Prisma's adapter drops the offset of a time, and the driver parses only this
 * order of its parts. The other settings decide how statements write texts, arrays and bytes, and how the server writes
 * numbers.
 *
 * `jit` is off, because compiling costs more than the gateway's statements take. Bitmap scans and incremental sorts are
 * off, because they make the planner read and sort all rows of a ticket for a page of a few. A bitmap scan loses the
 * order of the index. An incremental sort uses an index with only the first columns of the order. The planner prefers
 * them if it takes a ticket with very many notes for an average one.
 *
 * A statement is planned once for all values (docs/decisions/0143). For the values of a customer PostgreSQL expects too
 * few rows, takes that plan for a cheap one, and would plan again for each request.
 */
function statementSettings(schema: string): SessionSettings {
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
    plan_cache_mode: "force_generic_plan",
  };
}

function timeouts({ statementMilliseconds, answerMilliseconds }: TimeLimits): SessionSettings {
  return {
    statement_timeout: statementMilliseconds,
    idle_in_transaction_session_timeout: answerMilliseconds,
    // Those of the database or the role could be shorter than writers of one ticket wait for each other, or than a
    // connection waits for its next statement.
    lock_timeout: 0,
    idle_session_timeout: 0,
  };
}

function sharedSessionsOf(config: DatabaseConfig): SessionsOptions["shared"] {
  if (config.kind === "embedded") return "never";
  return config.prepare === "off" ? "always" : "detect";
}

/** Returns the pool that serves requests. */
function openPool(server: pg.PoolConfig, log: DatabaseLog, limits: TimeLimits, sessions: Sessions): pg.Pool {
  const pool = new pg.Pool({
    ...server,
    connectionTimeoutMillis: limits.connectMilliseconds,
    query_timeout: limits.answerMilliseconds,
    onConnect: (client) => sessions.prepare(client),
  });
  pool.on("error", (error) => log.warn({ err: error }, "An idle database connection was lost"));
  pool.on("release", (_error, client) => {
    // The pool does not reuse a client that is ending.
    if (sessions.isSpent(client)) void client.end();
  });
  return pool;
}

/**
 * As `pool.query`, which closes the connection after each failure. Here a statement keeps its connection if a rule of
 * the data refuses it: a constraint, or the key of a write that is in flight or done. Those who send such a write again
 * and again would otherwise make PostgreSQL start a process for each.
 */
async function queryPool<Row extends pg.QueryResultRow>(pool: pg.Pool, query: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
  const client = await pool.connect();
  // A connection that is lost fails the statement, and says so once more by this event.
  const ignore = () => undefined;
  client.on("error", ignore);
  let failure: unknown;
  try {
    return await client.query<Row>(query);
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    client.off("error", ignore);
    client.release(failure !== undefined && !isRefusedByRule(failure));
  }
}

/** Classes of SQLSTATE: integrity constraint violation, and those that the idempotency keys raise. */
const refusals = /^(23|NK)/;

function isRefusedByRule(error: unknown): boolean {
  return error instanceof pg.DatabaseError && refusals.test(error.code ?? "");
}

async function settleWithin(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, timeout]);
  clearTimeout(timer);
}
