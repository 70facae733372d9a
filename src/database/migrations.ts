import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { Unavailable } from "../errors.ts";
import type { Database } from "./database.ts";
import { inMaintenanceTransaction, sendForMaintenance, withClient } from "./maintenance.ts";
import {
  addToHistory,
  createHistory,
  type HistoryEntry,
  MigrationFailed,
  missingFrom,
  readHistory,
  settleInHistory,
  settlementOf,
  type Settlement,
} from "./migration-history.ts";
import { type IndexStep, type Migration, readMigrations } from "./migration-scripts.ts";
import { insufficientPrivilege, missingRightOf } from "./missing-right.ts";
import { checkRights, requireTables, UnusableDatabase } from "./start-checks.ts";
import { asUnavailable, isUnavailable } from "./unavailable.ts";

/**
 * The key of the advisory lock for which processes that start at once wait. It is neither Prisma's nor the key of
 * earlier versions, which was a lock of a session: a pooler's connection holds such a lock as long as it lives.
 */
const lockKey = 7_466_311;
/** The time between two attempts to take it. */
const lockPauseMilliseconds = 100;
/** How long a script waits for a table that a transaction uses. Requests for that table wait behind it. */
const tableLockMilliseconds = 2_000;
/** The time between two attempts of a script, in which those requests are answered. */
const inUsePauseMilliseconds = 1_000;
/** How long a script is tried. */
const maxInUseMilliseconds = 600_000;
/**
 * The time limit of one script. The pool of the embedded database would otherwise give up as early as for a request.
 */
const scriptMilliseconds = 86_400_000;

/** The log of migrations. Pino's loggers have this shape. */
export interface MigrationLog {
  warn(details: object, message: string): void;
}

export interface MigrationOptions {
  /** Default: the migrations of prisma/migrations. */
  readonly migrations?: readonly Migration[];
  readonly log?: MigrationLog;
  /** How long a script is tried while others use its tables. Default: {@link maxInUseMilliseconds}. */
  readonly inUseMilliseconds?: number;
}

const silentLog: MigrationLog = { warn: () => undefined };

/**
 * Applies the migrations that the database lacks, and returns their names. Each migration is one transaction, which
 * holds the lock, runs the script and writes the history of `prisma migrate deploy`. If it is interrupted, the next
 * call finds the migration complete or not begun, and continues. If several processes start at once, one of them
 * applies a migration and the others wait for it. A script that does not get its tables within two seconds gives way to
 * the requests behind it, and is tried again.
 *
 * Throws {@link MigrationFailed} if a script fails, was edited after it was applied, belongs to a version that is not
 * compatible with this one, or does not get its tables for ten minutes. Throws {@link Unavailable} if the database
 * cannot be reached or a script was interrupted.
 */
export async function migrate(database: Database, options: MigrationOptions = {}): Promise<readonly string[]> {
  const { migrations = await readMigrations(), log = silentLog, inUseMilliseconds = maxInUseMilliseconds } = options;
  const { schema } = database;
  return withMaintenancePool(database, async (pool) => {
    const applied = await withClient(pool, async (client) => {
      const history = await inMaintenanceTransaction(client, schema, () => readHistory(client, schema));
      // The usual start: no migration is missing, and no lock is taken.
      if (history?.every(({ isFinished }) => isFinished) === true && missingFrom(history, migrations).length === 0) return [];
      await whileLocked(client, { schema, log }, () => prepareHistory(client, schema, { migrations, log }));
      const names: string[] = [];
      for (;;) {
        const name = await applyOrWait(client, { database, pool, migrations, log, inUseMilliseconds });
        if (name === undefined) return names;
        names.push(name);
      }
    });
    // The role that migrates may differ from the role that serves requests. The tables that existed before have been
    // checked before.
    if (applied.length > 0) await checkRights(database.pool, schema);
    return applied;
  });
}

/**
 * Checks that the database has every migration that this version needs, and applies none. It is for commands that are
 * not there to change tables, which nobody expects of them.
 *
 * Throws {@link UnusableDatabase} if a migration or one of the tables is missing, {@link MigrationFailed} if the
 * database belongs to a version that is not compatible with this one, and {@link Unavailable} if it cannot be reached.
 */
export async function requireMigrated(database: Database): Promise<void> {
  const { schema } = database;
  const migrations = await readMigrations();
  await withMaintenancePool(database, async (pool) => {
    const history = await withClient(pool, (client) =>
      inMaintenanceTransaction(client, schema, () => readHistory(client, schema)),
    );
    const missing = missingFrom(
      (history ?? []).filter(({ isFinished }) => isFinished),
      migrations,
    );
    if (missing.length > 0) throw new UnusableDatabase(lacking(missing.length));
    if (history?.every(({ isFinished }) => isFinished) !== true)
      throw new UnusableDatabase("A migration of the database was cut off: run npm run migrate.");
    await requireTables(database.pool, schema);
  });
}

function lacking(count: number): string {
  const migrations = count === 1 ? "a migration" : `${count} migrations`;
  return `The database lacks ${migrations} of this version: run npm run migrate, or start the gateway.`;
}

/**
 * Records the outcome of the migration `name`, which was started and not finished, so that {@link migrate} can continue
 * where it could not decide this itself. Throws {@link MigrationFailed} if no such migration was started and not
 * finished.
 */
export async function settleMigration(database: Database, name: string, settlement: Settlement): Promise<void> {
  const { schema } = database;
  await withMaintenancePool(database, (pool) =>
    withClient(pool, (client) =>
      whileLocked(client, { schema, log: silentLog }, async () => {
        const history = await readHistory(client, schema);
        if (history === undefined || !(await settleInHistory(client, name, settlement)))
          throw new MigrationFailed(`The database knows of no migration ${name} that was started and did not finish.`);
      }),
    ),
  );
}

async function withMaintenancePool<Result>(database: Database, work: (pool: pg.Pool) => Promise<Result>): Promise<Result> {
  const maintenance = database.openMaintenancePool();
  try {
    return await work(maintenance.pool);
  } catch (error) {
    const isExpected = [MigrationFailed, UnusableDatabase, Unavailable].some((type) => error instanceof type);
    if (isExpected) throw error;
    const right = missingRightOf(error);
    if (right === undefined) throw asUnavailable(error);
    throw new UnusableDatabase(
      `The role that sees to migrations lacks a right (${right}): name the role that owns the tables in ` +
        "DATABASE_URL_DIRECT, or in DATABASE_URL if there is no other.",
      { cause: error },
    );
  } finally {
    await maintenance.end();
  }
}

/** Creates the history if there is none, and settles the migrations that an earlier version has left unfinished. */
async function prepareHistory(
  client: pg.ClientBase,
  schema: string,
  { migrations, log }: Pick<Required<MigrationOptions>, "migrations" | "log">,
): Promise<void> {
  const history = await readHistory(client, schema);
  if (history === undefined) {
    await requireCreate(client, schema);
    await createHistory(client, schema);
    return;
  }
  for (const { name } of history.filter(({ isFinished }) => !isFinished)) {
    const migration = migrations.find((candidate) => candidate.name === name);
    // It belongs to a newer version: missingFrom refuses it.
    if (migration === undefined) continue;
    const settlement = await settlementOf(client, schema, migration);
    await settleInHistory(client, name, settlement);
    log.warn({ migration: name, settlement }, "A migration that was cut off is settled");
  }
}

interface Application extends Required<MigrationOptions> {
  readonly database: Database;
  /** The pool of further connections, beside the one that holds the lock. */
  readonly pool: pg.Pool;
}

/**
 * As {@link applyNext}. If a script did not get its tables, it is tried again. Throws {@link TablesInUse} if it does
 * not get them in time.
 */
async function applyOrWait(client: pg.ClientBase, application: Application): Promise<string | undefined> {
  const end = performance.now() + application.inUseMilliseconds;
  for (;;) {
    try {
      return await applyNext(client, application);
    } catch (error) {
      if (!(error instanceof TablesInUse) || performance.now() > end) throw error;
      application.log.warn(
        { migration: error.migration },
        "Other transactions use the tables of a migration; waiting for them",
      );
    }
    await wait(inUsePauseMilliseconds);
  }
}

/** The script of a migration did not get its tables, because other transactions use them. */
class TablesInUse extends MigrationFailed {
  readonly migration: string;

  constructor(migration: string, options: ErrorOptions) {
    super(
      `The migration ${migration} waits for tables that another transaction uses. pg_stat_activity shows it: end it, and start again.`,
      options,
    );
    this.name = "TablesInUse";
    this.migration = migration;
  }
}

/** Applies the first missing migration and returns its name. Returns undefined if none is missing. */
async function applyNext(client: pg.ClientBase, { database, pool, migrations, log }: Application): Promise<string | undefined> {
  const { schema, kind } = database;
  return whileLocked(client, { schema, log }, async () => {
    const [next] = missingFrom(await readFinishedHistory(client, schema), migrations);
    if (next === undefined) return undefined;
    await requireCreate(client, schema);
    try {
      await client.query(`SET LOCAL lock_timeout = ${tableLockMilliseconds}`);
      if (next.steps === undefined) await runScript(client, next.script);
      // The embedded database has one session, so no other connection writes meanwhile, and no second connection is
      // possible.
      else if (kind === "embedded") await runScript(client, next.script.replaceAll(/\bCONCURRENTLY\b/g, ""));
      else await runSteps(client, next.steps, { pool, schema });
      await addToHistory(client, next);
    } catch (error) {
      throw failureOf(next, error);
    }
    return next.name;
  });
}

/** Returns the history. Throws {@link MigrationFailed} if it has an unfinished migration. */
async function readFinishedHistory(client: pg.ClientBase, schema: string): Promise<readonly HistoryEntry[]> {
  const history = (await readHistory(client, schema)) ?? [];
  const unfinished = history.find(({ isFinished }) => !isFinished);
  if (unfinished === undefined) return history;
  throw new MigrationFailed(
    `The migration ${unfinished.name}, which this version does not know, was started and did not finish. Start the newer version that it belongs to.`,
  );
}

/** Runs a script. Without values the driver sends it unchanged, including the semicolons within functions. */
async function runScript(client: pg.ClientBase, text: string): Promise<void> {
  await client.query(withoutTimeLimit(text));
}

/** Returns `text` as a query for which the client waits as long as it takes. */
function withoutTimeLimit(text: string): pg.QueryConfig {
  const query = { text, query_timeout: scriptMilliseconds };
  return query;
}

/**
 * Runs each step outside any transaction over a second connection, while `holder` holds the lock. A step whose result
 * exists already is skipped. An incomplete index of an interrupted step is dropped and created again.
 */
async function runSteps(
  holder: pg.ClientBase,
  steps: readonly IndexStep[],
  { pool, schema }: { readonly pool: pg.Pool; readonly schema: string },
): Promise<void> {
  // The holder sends nothing while an index is created.
  await holder.query("SET LOCAL idle_in_transaction_session_timeout = 0");
  const client = await pool.connect();
  const ignore = () => undefined;
  client.on("error", ignore);
  try {
    // These settings are for the session, because there is no transaction, and the session ends below. A pooler's
    // session would go on with other clients, so it is left unchanged; DATABASE_URL_DIRECT bypasses the pooler.
    if (await hasOwnSession(client, schema))
      await sendForMaintenance(client, "SET statement_timeout = 0; SET lock_timeout = 0");
    for (const step of steps) await runStep(client, schema, step);
  } finally {
    client.off("error", ignore);
    client.release(true);
  }
}

/**
 * Returns whether `client` talks to the server process that it was told when it connected. A pooler tells a number of
 * its own.
 */
async function hasOwnSession(client: pg.ClientBase, schema: string): Promise<boolean> {
  return inMaintenanceTransaction(client, schema, async () => {
    const { rows } = await client.query<{ id: number }>("SELECT pg_backend_pid() AS id");
    return "processID" in client && client.processID === rows[0]?.id;
  });
}

async function runStep(client: pg.ClientBase, schema: string, step: IndexStep): Promise<void> {
  const name = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(step.index)}`;
  const drop = withoutTimeLimit(`DROP INDEX CONCURRENTLY ${name}`);
  const { rows } = await client.query<{ isValid: boolean }>(
    `SELECT indisvalid AS "isValid" FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
     WHERE relname = $1 AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $2)`,
    [step.index, schema],
  );
  const [present] = rows;
  if (step.action === "drop") {
    if (present !== undefined) await client.query(drop);
    return;
  }
  if (present?.isValid === true) return;
  if (present !== undefined) await client.query(drop);
  const table = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(step.table)}`;
  const create = `CREATE ${step.isUnique ? "UNIQUE " : ""}INDEX CONCURRENTLY ${pg.escapeIdentifier(step.index)}`;
  await client.query(withoutTimeLimit(`${create} ON ${table} ${step.definition}`));
}

/**
 * Returns the result of `work`, which runs in a transaction that holds the lock of migrations. A transaction that does
 * not get the lock ends at once, and another one tries again: behind a pooler it would keep a connection that the
 * process with the lock may need. A statement that waits would keep a snapshot, for whose end CREATE INDEX CONCURRENTLY
 * of that process waits.
 */
async function whileLocked<Result>(
  client: pg.ClientBase,
  { schema, log }: { readonly schema: string; readonly log: MigrationLog },
  work: () => Promise<Result>,
): Promise<Result> {
  for (let attempts = 0; ; attempts += 1) {
    const done = await inMaintenanceTransaction(client, schema, async () =>
      (await tryLock(client)) ? { result: await work() } : undefined,
    );
    if (done) return done.result;
    if (attempts === 0) log.warn({}, "Another process migrates the database; waiting for it");
    await wait(lockPauseMilliseconds);
  }
}

/** Without a value, which would leave a portal open that keeps the snapshot. */
async function tryLock(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ isTaken: boolean }>(`SELECT pg_try_advisory_xact_lock(${lockKey}) AS "isTaken"`);
  return rows[0]?.isTaken === true;
}

async function requireCreate(client: pg.ClientBase, schema: string): Promise<void> {
  const { rows } = await client.query<{ role: string; hasSchema: boolean; mayCreate: boolean }>(
    `SELECT current_user AS role, home.oid IS NOT NULL AS "hasSchema",
       CASE WHEN home.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
         ELSE has_schema_privilege(home.oid, 'CREATE') AND has_schema_privilege(home.oid, 'USAGE') END AS "mayCreate"
     FROM (SELECT 1) one LEFT JOIN (SELECT oid FROM pg_namespace WHERE nspname = $1) home ON true`,
    [schema],
  );
  const [rights] = rows;
  if (rights === undefined || rights.mayCreate) return;
  const [name, role] = [pg.escapeIdentifier(schema), pg.escapeIdentifier(rights.role)];
  const grant = rights.hasSchema
    ? `GRANT USAGE, CREATE ON SCHEMA ${name} TO ${role}`
    : `CREATE SCHEMA ${name} AUTHORIZATION ${role}`;
  throw new MigrationFailed(
    `Migrations are missing, and the role ${rights.role} may make no tables in the schema ${schema}: run ${grant}, ` +
      "or name a role that may in DATABASE_URL_DIRECT.",
  );
}

/** Not in time, or both would wait for each other. */
const lockFailures: ReadonlySet<string | undefined> = new Set(["55P03", "40P01"]);

function failureOf({ name, steps }: Migration, error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof pg.DatabaseError && lockFailures.has(error.code)) return new TablesInUse(name, { cause: error });
  if (isUnavailable(error))
    return new Unavailable({ cause: error }, `The migration ${name} was cut off. Start again: it goes on by itself.`);
  const isForbidden = error instanceof pg.DatabaseError && error.code === insufficientPrivilege;
  const advice = isForbidden ? ". Name the role that owns the tables in DATABASE_URL_DIRECT" : "";
  const kept = steps === undefined ? "nothing of it is kept" : "what it has made so far is kept for the next start";
  return new MigrationFailed(`The migration ${name} failed, and ${kept}: ${message}${advice}.`, { cause: error });
}
