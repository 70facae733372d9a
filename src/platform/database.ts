import pg from "pg";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "#generated/prisma/client.ts";
import type { DatabaseConfig } from "../config.ts";
import { startEmbeddedDatabase } from "./embedded-database.ts";
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
  readonly prisma: PrismaClient;
  readonly pool: pg.Pool;
  /**
   * The rows of one statement, prepared once a connection. `Row` is what the statement selects, which only its author can know.
   *
   * @throws Unavailable where the database cannot be reached, is too slow, or has no connection left.
   */
  query<Row extends pg.QueryResultRow>(statement: Statement): Promise<Row[]>;
  /** Connections without the time limits that requests have, for migrations. Ended by the caller. */
  openMaintenancePool(): MaintenancePool;
  /** Resolves where the database answers. @throws Unavailable otherwise. */
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

/**
 * Opens the database that `config` names and checks that it answers. Migrations are the caller's next step.
 *
 * @throws Unavailable where the PostgreSQL does not answer; {@link DirectoryInUse} where another process has the embedded one.
 */
export async function openDatabase(config: DatabaseConfig, log: DatabaseLog, limits = usualLimits): Promise<Database> {
  const embedded = config.kind === "embedded" ? await startEmbeddedDatabase(config.directory) : undefined;
  const server: pg.PoolConfig =
    config.kind === "postgresql"
      ? { connectionString: config.url, max: connectionsOfPool, keepAlive: true }
      : {
          stream: () => embedded?.connect(),
          // PGlite is one session. A connection that idles costs nothing there, and a new one forgets all that was prepared.
          max: 1,
          idleTimeoutMillis: 0,
          ssl: false,
          user: "postgres",
          database: "postgres",
        };

  const names = statementNames();
  const pool = openPool(server, log, limits, names);
  const adapter = new PrismaPg(pool, { statementNameGenerator: ({ sql }) => names.nameOf(sql) });
  const prisma = new PrismaClient({
    adapter,
    errorFormat: "minimal",
    transactionOptions: { maxWait: limits.connectMilliseconds, timeout: limits.answerMilliseconds },
  });

  let closed: Promise<void> | undefined;
  const database: Database = {
    kind: config.kind,
    prisma,
    pool,
    async query<Row extends pg.QueryResultRow>({ text, values }: Statement) {
      try {
        const result = await pool.query<Row>({ name: names.nameOf(text), text, values: [...values] });
        return result.rows;
      } catch (error) {
        throw asUnavailable(error);
      }
    },
    openMaintenancePool() {
      // The embedded database has one session, and this pool has it.
      if (config.kind === "embedded") return { pool, end: () => Promise.resolve() };
      const maintenance = new pg.Pool({
        ...server,
        // One holds the lock, the other works.
        max: 2,
        idleTimeoutMillis: 0,
        connectionTimeoutMillis: limits.connectMilliseconds,
        onConnect: afterConnecting("SET TIME ZONE 'UTC'"),
      });
      maintenance.on("error", (error) => log.warn({ err: error }, "The connection for migrations was lost"));
      return { pool: maintenance, end: () => maintenance.end() };
    },
    async check() {
      await database.query({ text: "SELECT 1", values: [] });
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
    await database.check();
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

function openPool(server: pg.PoolConfig, log: DatabaseLog, limits: TimeLimits, names: StatementNames): pg.Pool {
  const pool = new pg.Pool({
    ...server,
    connectionTimeoutMillis: limits.connectMilliseconds,
    query_timeout: limits.answerMilliseconds,
    // UTC: the adapter drops the offset of a time it reads. Without jit: compiling costs more than our statements take.
    // Without bitmap scans: they lose the order that our indexes keep, and a page of a few rows is then sorted out of all that there are, where
    // the planner takes a ticket with very many notes for one like the others.
    // Without incremental sorts, for the same reason: an index that holds only the beginning of an order would do for it.
    // In one statement of its own, since poolers refuse unknown settings in the startup message.
    onConnect: afterConnecting(
      `SET TIME ZONE 'UTC'; SET jit = off; SET enable_bitmapscan = off; SET enable_incremental_sort = off;` +
        ` SET statement_timeout = ${limits.statementMilliseconds};` +
        ` SET idle_in_transaction_session_timeout = ${limits.answerMilliseconds}`,
    ),
  });
  pool.on("error", (error) => log.warn({ err: error }, "An idle database connection was lost"));
  const generations = new WeakMap<pg.PoolClient, number>();
  pool.on("connect", (client) => void generations.set(client, names.generation));
  pool.on("release", (_error, client) => {
    // A transaction whose COMMIT or ROLLBACK got no answer is given back like any other. Its connection is of no use to the next one:
    // a client that is ending is not taken back.
    // Nor is one that knows statements by names that are not used any more.
    if (client.getTransactionStatus() !== "I" || generations.get(client) !== names.generation) void client.end();
  });
  return pool;
}

/** Sends `settings` over each new connection before it is used: the pool waits for the promise. */
function afterConnecting(settings: string): (client: pg.ClientBase) => Promise<unknown> {
  return (client) => client.query(settings);
}

const namedStatements = 500;
const rememberedStatements = 5_000;

/** Names for statements, and which of them a connection may still know. */
interface StatementNames {
  nameOf(text: string): string;
  /** Counts how often all names were given anew. */
  readonly generation: number;
}

/**
 * Names statements by their text, so that each is prepared once a connection: when it comes a second time. The server keeps them as long as the
 * connection lives, so no more than {@link namedStatements} are named. Then names begin anew, and connections that know the old ones are of no further
 * use: or whoever sends many statements twice would have every later one parsed each time.
 */
function statementNames(): StatementNames {
  const names = new Map<string, string>();
  const seen = new Set<string>();
  let generation = 1;
  return {
    get generation() {
      return generation;
    },
    nameOf(text) {
      const name = names.get(text);
      if (name !== undefined) return name;
      if (!seen.has(text)) {
        if (seen.size >= rememberedStatements) seen.clear();
        seen.add(text);
        // Without a name it is parsed anew each time.
        return "";
      }
      if (names.size >= namedStatements) {
        names.clear();
        generation += 1;
      }
      const given = `s${generation}_${names.size + 1}`;
      names.set(text, given);
      seen.delete(text);
      return given;
    },
  };
}

async function settledWithin(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, patience]);
  clearTimeout(timer);
}
