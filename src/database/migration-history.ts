import pg from "pg";
import { type MadeObject, type Migration, objectsMadeBy } from "./migration-scripts.ts";

/** Thrown if migrations cannot continue from the state of the database. A later start will not find it changed. */
export class MigrationFailed extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "MigrationFailed";
  }
}

/** A row of `_prisma_migrations` that was not rolled back. */
export interface HistoryEntry {
  readonly name: string;
  readonly checksum: string;
  readonly isFinished: boolean;
  /** The {@link Migration.compatibleWith} of the script that was run. */
  readonly compatibleWith: string | null;
}

/** The prefix of that name in the column `logs`, which Prisma fills only if a migration fails. */
const compatiblePrefix = "Compatible with: ";

/**
 * Returns the history of `schema`, or undefined if there is none. It does not read dates, because their format depends
 * on the settings of the database.
 */
export async function readHistory(client: pg.ClientBase, schema: string): Promise<readonly HistoryEntry[] | undefined> {
  const { rows: tables } = await client.query(
    "SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = '_prisma_migrations'",
    [schema],
  );
  if (tables.length === 0) return undefined;
  const { rows } = await client.query<HistoryEntry>(
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS "isFinished",
       CASE WHEN starts_with(logs, $1) THEN substr(logs, length($1) + 1) END AS "compatibleWith"
     FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY migration_name`,
    [compatiblePrefix],
  );
  return rows;
}

/**
 * Creates the schema and the history table as Prisma does. Throws {@link MigrationFailed} if the schema has tables of
 * another program.
 */
export async function createHistory(client: pg.ClientBase, schema: string): Promise<void> {
  const { rows } = await client.query<{ table: string }>(
    `SELECT tablename AS "table" FROM pg_tables WHERE schemaname = $1 ORDER BY 1 LIMIT 1`,
    [schema],
  );
  const [other] = rows;
  if (other !== undefined) {
    throw new MigrationFailed(
      `The schema ${schema} is not empty: it holds the table ${other.table} of something else. ` +
        "Name an empty database in DATABASE_URL, or another schema by adding ?schema=… to it.",
    );
  }
  // Checked first, because a role that may use an existing schema may lack the right to create one.
  const { rowCount } = await client.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]);
  if (rowCount === 0) await client.query(`CREATE SCHEMA ${pg.escapeIdentifier(schema)}`);
  await client.query(`
    CREATE TABLE _prisma_migrations (
      id                  VARCHAR(36) PRIMARY KEY NOT NULL,
      checksum            VARCHAR(64) NOT NULL,
      finished_at         TIMESTAMPTZ,
      migration_name      VARCHAR(255) NOT NULL,
      logs                TEXT,
      rolled_back_at      TIMESTAMPTZ,
      started_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
      applied_steps_count INTEGER NOT NULL DEFAULT 0
    )`);
}

/** Adds `migration` to the history as applied. Call it in the transaction that applies the migration. */
export async function addToHistory(client: pg.ClientBase, { name, checksum, compatibleWith }: Migration): Promise<void> {
  await client.query(
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count, logs)
     VALUES (gen_random_uuid()::text, $1, $2, now(), clock_timestamp(), 1, $3)`,
    [checksum, name, compatibleWith === undefined ? null : compatiblePrefix + compatibleWith],
  );
}

/** The outcome of a migration that was started and not finished. */
export type Settlement = "applied" | "rolled-back";

/**
 * Records the outcome of the migration `name`, whose row says that it was started. Returns whether there was such a
 * row.
 */
export async function settleInHistory(client: pg.ClientBase, name: string, settlement: Settlement): Promise<boolean> {
  const change =
    settlement === "applied" ? "finished_at = now(), applied_steps_count = 1, logs = NULL" : "rolled_back_at = now()";
  const { rowCount } = await client.query(
    `UPDATE _prisma_migrations SET ${change} WHERE migration_name = $1 AND finished_at IS NULL AND rolled_back_at IS NULL`,
    [name],
  );
  return rowCount !== 0;
}

/**
 * Returns the outcome of `migration`, which was started by Prisma's own tools or by a version that wrote its history
 * apart from the script. The server ran the script as one transaction, so the database has either everything that it
 * creates, or nothing. Throws {@link MigrationFailed} if neither is the case.
 */
export async function settlementOf(client: pg.ClientBase, schema: string, migration: Migration): Promise<Settlement> {
  const made = objectsMadeBy(migration.script);
  const present = await findExisting(client, schema, made);
  const missing = made.filter(({ kind, name }) => !present.some((found) => found.kind === kind && found.name === name));
  if (made.length > 0 && missing.length === 0) return "applied";
  if (made.length > 0 && present.length === 0) return "rolled-back";
  const found =
    made.length === 0
      ? "and what it does leaves no trace that could be looked for"
      : `and of what it makes ${namesOfObjects(present)} is there while ${namesOfObjects(missing)} is not, so somebody has changed the database since`;
  throw new MigrationFailed(
    `The migration ${migration.name} was started and did not finish, ${found}. Bring the database to where it was before this ` +
      `migration and run npm run migrate -- --rolled-back ${migration.name}, or to where the migration leads and run ` +
      `npm run migrate -- --applied ${migration.name}.`,
  );
}

async function findExisting(
  client: pg.ClientBase,
  schema: string,
  made: readonly MadeObject[],
): Promise<readonly MadeObject[]> {
  const { rows } = await client.query<MadeObject>(
    `WITH home AS (SELECT oid FROM pg_namespace WHERE nspname = $1)
     SELECT kind, name FROM unnest($2::text[], $3::text[]) AS made (kind, name), home
     WHERE CASE kind
       WHEN 'relation' THEN EXISTS (SELECT 1 FROM pg_class WHERE relname = name AND relnamespace = home.oid)
       WHEN 'type' THEN EXISTS (SELECT 1 FROM pg_type WHERE typname = name AND typnamespace = home.oid)
       WHEN 'function' THEN EXISTS (SELECT 1 FROM pg_proc WHERE proname = name AND pronamespace = home.oid)
       WHEN 'constraint' THEN EXISTS (SELECT 1 FROM pg_constraint WHERE conname = name AND connamespace = home.oid)
       WHEN 'trigger' THEN EXISTS (
         SELECT 1 FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE tgname = name AND relnamespace = home.oid)
     END`,
    [schema, made.map(({ kind }) => kind), made.map(({ name }) => name)],
  );
  return rows;
}

function namesOfObjects(objects: readonly MadeObject[]): string {
  const shown = objects.slice(0, 5).map(({ kind, name }) => `${kind === "relation" ? "" : `${kind} `}${name}`);
  const more = objects.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/**
 * Returns the migrations that the history lacks. Throws {@link MigrationFailed} if the history does not lead to
 * `migrations`: a migration was edited after it was applied, or belongs to a newer version that does not declare this
 * one compatible.
 */
export function missingFrom(history: readonly HistoryEntry[], migrations: readonly Migration[]): readonly Migration[] {
  const newest = migrations.at(-1)?.name ?? "";
  const applied = new Set(history.map(({ name }) => name));
  const missing = migrations.filter(({ name }) => !applied.has(name));
  for (const entry of history) {
    const known = migrations.find(({ name }) => name === entry.name);
    if (known === undefined) requireCompatible(entry, newest, missing);
    else if (known.checksum !== entry.checksum) {
      throw new MigrationFailed(
        `The migration ${entry.name} was edited after it was applied to this database. Restore its file and write the change as a new migration.`,
      );
    }
  }
  return missing;
}

function requireCompatible({ name, compatibleWith }: HistoryEntry, newest: string, missing: readonly Migration[]): void {
  const isCompatible = compatibleWith !== null && compatibleWith <= newest;
  if (isCompatible && missing.length === 0) return;
  throw new MigrationFailed(
    `The database has the migration ${name}, which this version does not know: it belongs to a newer one, ` +
      (isCompatible
        ? `and lacks ${missing[0]?.name}, which this version needs. `
        : "beside which this version does not work. ") +
      "Start that newer version.",
  );
}
