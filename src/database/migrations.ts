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
import { checkRights, requireTables, UnusableDatabase } from "./start-checks.ts";
import { asUnavailable, isUnavailable } from "./unavailable.ts";

/**
 * Ours, not Prisma's: processes that start at once queue here. Not the number that versions before used: theirs was a lock of a session, which a
 * pooler's connection keeps for as long as it lives.
 */
const lockKey = 7_466_311;
/** For one script. The embedded database's pool would give up as early as for a request. */
const scriptMilliseconds = 86_400_000;

/** What migrations say to the log; pino's loggers have this shape. */
export interface MigrationLog {
  warn(details: object, message: string): void;
}

export interface MigrationOptions {
  /** Those of prisma/migrations where they are left out. */
  readonly migrations?: readonly Migration[];
  readonly log?: MigrationLog;
}

const silent: MigrationLog = { warn: () => undefined };

/**
 * Applies the migrations that the database lacks, and returns their names. Each is one transaction, which holds the lock, runs the script and writes the
 * history that `prisma migrate deploy` keeps: whenever it is cut off, the next call finds it whole or not begun, and goes on. Of several processes
 * that start at once one applies a migration and the others wait for it.
 *
 * @throws {MigrationFailed} where a script fails, was edited after it was applied, or belongs to a version that this one does not work beside.
 * @throws {Unavailable} where the database cannot be reached, or a script was cut off.
 */
export async function migrate(database: Database, options: MigrationOptions = {}): Promise<readonly string[]> {
  const { migrations = await readMigrations(), log = silent } = options;
  const { schema } = database;
  return maintaining(database, async (pool) => {
    const applied = await withClient(pool, async (client) => {
      const history = await inMaintenanceTransaction(client, schema, () => readHistory(client, schema));
      // The common start: no migration is missing, and no lock is taken.
      if (history?.every(({ isFinished }) => isFinished) === true && missingFrom(history, migrations).length === 0) return [];
      await inMaintenanceTransaction(client, schema, () => prepareHistory(client, schema, { migrations, log }));
      const names: string[] = [];
      for (;;) {
        const name = await applyNext(client, { database, pool, migrations, log });
        if (name === undefined) return names;
        names.push(name);
      }
    });
    // Who migrates need not be who serves requests. What was there before was checked before.
    if (applied.length > 0) await checkRights(database.pool, schema);
    return applied;
  });
}

/**
 * Checks that the database has every migration that this version needs, and applies none: for what reads the rows and is not to change their tables.
 *
 * @throws {UnusableDatabase} where one is missing, or the tables are that they made.
 * @throws {MigrationFailed} where the database belongs to a version that this one does not work beside.
 * @throws {Unavailable} where it cannot be reached.
 */
export async function requireMigrated(database: Database): Promise<void> {
  const { schema } = database;
  const migrations = await readMigrations();
  await maintaining(database, async (pool) => {
    const history = await withClient(pool, (client) =>
      inMaintenanceTransaction(client, schema, () => readHistory(client, schema)),
    );
    if (history?.every(({ isFinished }) => isFinished) !== true || missingFrom(history, migrations).length > 0)
      throw new UnusableDatabase("The database has not been migrated: run npm run migrate.");
    await requireTables(database.pool, schema);
  });
}

/**
 * Records in the history what became of the migration `name`, which was started and not finished, so that {@link migrate} can go
 * on where it could not decide this itself.
 *
 * @throws {MigrationFailed} if no such migration was started and not finished.
 */
export async function settleMigration(database: Database, name: string, settlement: Settlement): Promise<void> {
  const { schema } = database;
  await maintaining(database, (pool) =>
    withClient(pool, (client) =>
      inMaintenanceTransaction(client, schema, async () => {
        await takeLock(client, silent);
        const history = await readHistory(client, schema);
        if (history === undefined || !(await settleInHistory(client, name, settlement)))
          throw new MigrationFailed(`The database knows of no migration ${name} that was started and did not finish.`);
      }),
    ),
  );
}

async function maintaining<Result>(database: Database, work: (pool: pg.Pool) => Promise<Result>): Promise<Result> {
  const maintenance = database.openMaintenancePool();
  try {
    return await work(maintenance.pool);
  } catch (error) {
    const isTold = [MigrationFailed, UnusableDatabase, Unavailable].some((type) => error instanceof type);
    throw isTold ? error : asUnavailable(error);
  } finally {
    await maintenance.end();
  }
}

/** Makes the history where there is none, and settles what an earlier version left unfinished in it. */
async function prepareHistory(
  client: pg.ClientBase,
  schema: string,
  { migrations, log }: Required<MigrationOptions>,
): Promise<void> {
  await takeLock(client, log);
  const history = await readHistory(client, schema);
  if (history === undefined) {
    await requireCreate(client, schema);
    await createHistory(client, schema);
    return;
  }
  for (const { name } of history.filter(({ isFinished }) => !isFinished)) {
    const migration = migrations.find((candidate) => candidate.name === name);
    // One of a newer version, which missingFrom refuses.
    if (migration === undefined) continue;
    const settlement = await settlementOf(client, schema, migration);
    await settleInHistory(client, name, settlement);
    log.warn({ migration: name, settlement }, "A migration that was cut off is settled");
  }
}

interface Application extends Required<MigrationOptions> {
  readonly database: Database;
  /** For connections beside the one that holds the lock. */
  readonly pool: pg.Pool;
}

/** Applies the first migration that is missing, and returns its name; undefined where none is. */
async function applyNext(client: pg.ClientBase, { database, pool, migrations, log }: Application): Promise<string | undefined> {
  const { schema, kind } = database;
  return inMaintenanceTransaction(client, schema, async () => {
    await takeLock(client, log);
    const [next] = missingFrom(await unfinishedRefused(client, schema), migrations);
    if (next === undefined) return undefined;
    await requireCreate(client, schema);
    try {
      if (next.steps === undefined) await runScript(client, next.script);
      // The embedded database has one session: no other connection writes meanwhile, and no second connection is possible.
      else if (kind === "embedded") await runScript(client, next.script.replaceAll(/\bCONCURRENTLY\b/g, ""));
      else await runSteps(client, next.steps, { pool, schema });
      await addToHistory(client, next);
    } catch (error) {
      throw failureOf(next, error);
    }
    return next.name;
  });
}

async function unfinishedRefused(client: pg.ClientBase, schema: string): Promise<readonly HistoryEntry[]> {
  const history = (await readHistory(client, schema)) ?? [];
  const unfinished = history.find(({ isFinished }) => !isFinished);
  if (unfinished === undefined) return history;
  throw new MigrationFailed(
    `The migration ${unfinished.name}, which this version does not know, was started and did not finish. Start the newer version that it belongs to.`,
  );
}

/** Without values the statements go to the server as they are, semicolons within functions too. */
async function runScript(client: pg.ClientBase, text: string): Promise<void> {
  await client.query(unhurried(text));
}

/** `text`, for which the client waits as long as it takes. */
function unhurried(text: string): pg.QueryConfig {
  const query = { text, query_timeout: scriptMilliseconds };
  return query;
}

/**
 * Runs each step outside any transaction, over a second connection, while `holder` keeps the lock. A step that is there already is left out; an index that
 * was cut off half-made is dropped and made again.
 */
async function runSteps(
  holder: pg.ClientBase,
  steps: readonly IndexStep[],
  { pool, schema }: { readonly pool: pg.Pool; readonly schema: string },
): Promise<void> {
  // It says nothing for as long as an index takes.
  await holder.query("SET LOCAL idle_in_transaction_session_timeout = 0");
  const client = await pool.connect();
  const ignore = () => undefined;
  client.on("error", ignore);
  try {
    // Of the session, since there is no transaction, and the session ends below. A pooler's goes on, with others: DATABASE_URL_DIRECT leads past it.
    if (await hasOwnSession(client, schema))
      await sendForMaintenance(client, "SET statement_timeout = 0; SET lock_timeout = 0");
    for (const step of steps) await runStep(client, schema, step);
  } finally {
    client.off("error", ignore);
    client.release(true);
  }
}

/**
 * Returns whether `client` talks to the server process that it was given when it connected. A pooler gives a number of its own.
 */
async function hasOwnSession(client: pg.ClientBase, schema: string): Promise<boolean> {
  return inMaintenanceTransaction(client, schema, async () => {
    const { rows } = await client.query<{ id: number }>("SELECT pg_backend_pid() AS id");
    return "processID" in client && client.processID === rows[0]?.id;
  });
}

async function runStep(client: pg.ClientBase, schema: string, step: IndexStep): Promise<void> {
  const name = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(step.index)}`;
  const drop = unhurried(`DROP INDEX CONCURRENTLY ${name}`);
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
  await client.query(unhurried(`${create} ON ${table} ${step.definition}`));
}

/** Waits for the lock of migrations, which is released when the transaction of its holder ends. */
async function takeLock(client: pg.ClientBase, log: MigrationLog): Promise<void> {
  const { rows } = await client.query<{ isTaken: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS "isTaken"', [lockKey]);
  if (rows[0]?.isTaken === true) return;
  log.warn({}, "Another process migrates the database; waiting for it");
  await client.query({ ...unhurried("SELECT pg_advisory_xact_lock($1)"), values: [lockKey] });
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

const insufficientPrivilege = "42501";

function failureOf({ name, steps }: Migration, error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  if (isUnavailable(error))
    return new Unavailable({ cause: error }, `The migration ${name} was cut off. Start again: it goes on by itself.`);
  const isForbidden = error instanceof pg.DatabaseError && error.code === insufficientPrivilege;
  const advice = isForbidden ? ". Name the role that owns the tables in DATABASE_URL_DIRECT" : "";
  const kept = steps === undefined ? "nothing of it is kept" : "what it has made so far is kept for the next start";
  return new MigrationFailed(`The migration ${name} failed, and ${kept}: ${message}${advice}.`, { cause: error });
}
