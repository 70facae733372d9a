import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PrismaPg } from "@prisma/adapter-pg";
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlMigrationAwareDriverAdapterFactory,
  type SqlQuery,
  type SqlResultSet,
} from "@prisma/driver-adapter-utils";
import type { MigrationList, SchemaEngine } from "@prisma/schema-engine-wasm";
import pg from "pg";
import type { Database } from "./database.ts";
import { asUnavailable } from "./unavailable.ts";

const migrationsDirectory = fileURLToPath(new URL("../../prisma/migrations", import.meta.url));
const schemaPath = fileURLToPath(new URL("../../prisma/schema.prisma", import.meta.url));

/** The engine finds its way around by these two; our schema has one file and nothing that is managed elsewhere. */
const noFilters = { externalTables: [], externalEnums: [] };
const scriptName = "migration.sql";

/** Ours, not Prisma's: two processes that start at once queue here, and the engine takes its own lock besides. */
const lockKey = 7_466_310;
const lockMilliseconds = 60_000;
/** For one script. The embedded database's pool would give up as early as for a request. */
const migrationMilliseconds = 3_600_000;

/** The database is not in a state that migrations can go on from, and no later start will find it better. */
export class MigrationFailed extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "MigrationFailed";
  }
}

interface Migration {
  readonly name: string;
  readonly script: string;
  readonly checksum: string;
}

interface AppliedMigration {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
}

/**
 * Applies the migrations of prisma/migrations that the database lacks, and answers their names. Of several processes that
 * start at once one applies them and the others wait. Keeps the history that `prisma migrate deploy` keeps, in `_prisma_migrations`.
 *
 * @throws {MigrationFailed} where a migration fails or failed before, or was edited after it was applied, or is unknown to this version.
 * @throws {Unavailable} where the database cannot be reached.
 */
export async function migrate(database: Database): Promise<readonly string[]> {
  const migrations = await readMigrations();
  // The common start: everything is there. One query, and the engine is never loaded.
  if ((await missingMigrations(database.pool, migrations)).length === 0) return [];

  const maintenance = database.openMaintenancePool();
  try {
    return await withMigrationLock(database, maintenance.pool, async () => {
      if ((await missingMigrations(maintenance.pool, migrations)).length === 0) return [];
      const engine = await loadEngine(adapterFactory(maintenance.pool));
      try {
        const { appliedMigrationNames } = await engine.applyMigrations({
          migrationsList: migrationList(migrations),
          filters: noFilters,
        });
        return appliedMigrationNames;
      } catch (error) {
        throw new MigrationFailed(`A migration failed: ${messageOf(error)}`, { cause: error });
      } finally {
        engine.free();
      }
    });
  } catch (error) {
    throw asUnavailable(error);
  } finally {
    await maintenance.end();
  }
}

/**
 * Says in the history that the migration `name`, which failed, left nothing behind, so that the next {@link migrate} tries it again. A
 * migration is one transaction unless it says otherwise, so that is the rule.
 */
export async function markRolledBack(database: Database, name: string): Promise<void> {
  const maintenance = database.openMaintenancePool();
  try {
    await withMigrationLock(database, maintenance.pool, async () => {
      const engine = await loadEngine(adapterFactory(maintenance.pool));
      try {
        await engine.markMigrationRolledBack({ migrationName: name });
      } catch (error) {
        throw new MigrationFailed(messageOf(error), { cause: error });
      } finally {
        engine.free();
      }
    });
  } finally {
    await maintenance.end();
  }
}

/**
 * The SQL that leads from what the migrations make to what prisma/schema.prisma says; empty where they agree. Works on `scratch`, an
 * empty database that is of no use afterwards.
 */
export async function migrationDifference(scratch: pg.Pool): Promise<string> {
  const engine = await loadEngine(adapterFactory(scratch));
  try {
    const { stdout, exitCode } = await engine.diff({
      from: { tag: "migrations", ...migrationList(await readMigrations()) },
      to: { tag: "schemaDatamodel", files: [{ path: schemaPath, content: await readFile(schemaPath, "utf8") }] },
      script: true,
      exitCode: true,
      filters: noFilters,
    });
    return exitCode === 0 ? "" : (stdout ?? "");
  } finally {
    engine.free();
  }
}

async function readMigrations(): Promise<readonly Migration[]> {
  const entries = await readdir(migrationsDirectory, { withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.toSorted().map(async (name) => {
      const script = await readFile(`${migrationsDirectory}/${name}/${scriptName}`, "utf8");
      return { name, script, checksum: createHash("sha256").update(script).digest("hex") };
    }),
  );
}

/** @throws {MigrationFailed} where the history does not lead to `migrations`. */
async function missingMigrations(pool: pg.Pool, migrations: readonly Migration[]): Promise<readonly Migration[]> {
  const applied = await readHistory(pool);
  const failed = applied.find((migration) => migration.finished_at === null);
  if (failed !== undefined) {
    throw new MigrationFailed(
      `The migration ${failed.migration_name} was started and did not finish; its error stands in the logs column of _prisma_migrations. ` +
        `If it left nothing behind, as a migration in one transaction does, try it again: npm run migrate -- --again ${failed.migration_name}`,
    );
  }
  for (const { migration_name: name, checksum } of applied) {
    const migration = migrations.find((candidate) => candidate.name === name);
    if (migration === undefined) {
      throw new MigrationFailed(
        `The database has the migration ${name}, which this version does not know: it belongs to a newer one.`,
      );
    }
    if (migration.checksum !== checksum) {
      throw new MigrationFailed(
        `The migration ${name} was edited after it was applied to this database. Restore its file and write the change as a new migration.`,
      );
    }
  }
  const appliedNames = new Set(applied.map((migration) => migration.migration_name));
  return migrations.filter(({ name }) => !appliedNames.has(name));
}

async function readHistory(pool: pg.Pool): Promise<readonly AppliedMigration[]> {
  try {
    const { rows } = await pool.query<AppliedMigration>(
      "SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL",
    );
    return rows;
  } catch (error) {
    const undefinedTable = "42P01";
    if (error instanceof pg.DatabaseError && error.code === undefinedTable) return [];
    throw asUnavailable(error);
  }
}

async function withMigrationLock<Result>(database: Database, pool: pg.Pool, work: () => Promise<Result>): Promise<Result> {
  // The directory of the embedded database is locked already, and its one connection is needed for the work.
  if (database.kind === "embedded") return work();
  const client = await pool.connect();
  // Without a listener the loss of a connection ends the process; here the work fails by it.
  client.on("error", () => undefined);
  try {
    await client.query(`SET lock_timeout = ${lockMilliseconds}`);
    await client.query("SELECT pg_advisory_lock($1)", [lockKey]);
    return await work();
  } finally {
    // Ends the connection, and with it the lock.
    client.release(true);
  }
}

function migrationList(migrations: readonly Migration[]): MigrationList {
  return {
    baseDir: migrationsDirectory,
    lockfile: { path: "migration_lock.toml", content: readFileSync(`${migrationsDirectory}/migration_lock.toml`, "utf8") },
    shadowDbInitScript: "",
    migrationDirectories: migrations.map(({ name, script }) => ({
      path: name,
      migrationFile: { path: scriptName, content: { tag: "ok", value: script } },
    })),
  };
}

function adapterFactory(pool: pg.Pool): SqlMigrationAwareDriverAdapterFactory {
  const factory = new PrismaPg(readingCatalogue(pool));
  const connect = async () => {
    const adapter = await factory.connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    // The adapter's own executeScript cuts a script at every semicolon, those within a function's body too. Without arguments the statements go to
    // the server as they are, and it runs them as one transaction.
    return Object.assign(adapter, {
      executeScript: async (script: string) => {
        await adapter.executeRaw({ sql: script, args: [], argTypes: [] });
      },
      queryRaw: async (query: SqlQuery) => catalogueCharacters(await queryRaw(query)),
    });
  };
  // Nothing but a diff asks for a shadow database, and it is given one that holds nothing else.
  return { provider: factory.provider, adapterName: factory.adapterName, connect, connectToShadowDb: connect };
}

/** The types, in the catalogue, of the one-byte "char" and of its arrays. */
const [characterType, characterArrayType] = [18, 1002];

/**
 * `pool`, for an adapter that knows the arrays of the catalogue's one-byte type "char" and not that type itself, which the engine reads to describe
 * a database: answers it as its array, for {@link catalogueCharacters} to set right.
 */
function readingCatalogue(pool: pg.Pool): pg.Pool {
  const query = async (config: pg.QueryConfig) => {
    const unhurried = { ...config, query_timeout: migrationMilliseconds };
    const result = await pool.query(unhurried);
    // A script of several statements has several results, whatever the type declarations say, and nobody reads them.
    for (const field of result.fields ?? []) if (field.dataTypeID === characterType) field.dataTypeID = characterArrayType;
    return result;
  };
  return new Proxy(pool, { get: (target, key): unknown => (key === "query" ? query : Reflect.get(target, key)) });
}

function catalogueCharacters(result: SqlResultSet): SqlResultSet {
  const { CharacterArray, Character } = ColumnTypeEnum;
  return { ...result, columnTypes: result.columnTypes.map((type) => (type === CharacterArray ? Character : type)) };
}

/** What the engine's module needs of WebAssembly, whose types come with a browser's library only. */
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: Record<string, object>,
  ): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>;
};

async function loadEngine(factory: SqlMigrationAwareDriverAdapterFactory): Promise<SchemaEngine> {
  engineModule ??= instantiateEngine();
  const { SchemaEngine: Engine } = await engineModule;
  const schema = await readFile(schemaPath, "utf8");
  return Engine.new({ datamodels: [[schemaPath, schema]] }, () => undefined, bindMigrationAwareSqlAdapterFactory(factory));
}

/** Once a process: the module's bindings know one instance, and engines that are still at work would find themselves in another. */
let engineModule: ReturnType<typeof instantiateEngine> | undefined;

async function instantiateEngine() {
  const entry = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm/schema_engine_bg");
  const [bindings, bytes] = await Promise.all([
    import("@prisma/schema-engine-wasm/schema_engine_bg"),
    readFile(join(dirname(entry), "schema_engine_bg.wasm")),
  ]);
  // Not by importing the module's main file, which leaves this to Node: it does it, with a warning about an experimental feature.
  const imports: Record<string, unknown> = { ...bindings };
  for (const name of Object.keys(imports)) if (name.startsWith("__wbg_setTimeout")) imports[name] = setIdleTimeout;
  const { instance } = await WebAssembly.instantiate(bytes, { "./schema_engine_bg.js": imports });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  return bindings;
}

/** The engine forgets its timers when its work is done, and the longest would keep the process for ten seconds more. */
function setIdleTimeout(callback: () => void, milliseconds: number): NodeJS.Timeout {
  return setTimeout(callback, milliseconds).unref();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
