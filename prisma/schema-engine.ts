import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { PrismaPg } from "@prisma/adapter-pg";
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlMigrationAwareDriverAdapterFactory,
  type SqlQuery,
  type SqlResultSet,
} from "@prisma/driver-adapter-utils";
import type { DiagnoseMigrationHistoryOutput, MigrationList, SchemaEngine } from "@prisma/schema-engine-wasm";
import type pg from "pg";
import {
  type Migration,
  migrationsDirectory,
  readMigrations,
  schemaPath,
  scriptName,
} from "../src/database/migration-scripts.ts";

/**
 * The engine requires these two lists. The schema has one file and no tables or enumerations that are managed
 * elsewhere.
 */
const noFilters = { externalTables: [], externalEnums: [] };

/**
 * Returns the SQL that leads from the result of the migrations to prisma/schema.prisma, or an empty text if they agree.
 * `scratch` must be an empty database, and cannot be used for anything else afterwards.
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

/** Returns what `prisma migrate status` finds in the database of `pool`. It only reads. */
export async function migrationStatus(pool: pg.Pool): Promise<DiagnoseMigrationHistoryOutput> {
  const engine = await loadEngine(adapterFactory(pool));
  try {
    const migrationsList = migrationList(await readMigrations());
    return await engine.diagnoseMigrationHistory({ migrationsList, optInToShadowDatabase: false, filters: noFilters });
  } finally {
    engine.free();
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
  const factory = new PrismaPg(withCharactersAsArrays(pool));
  const connect = async () => {
    const adapter = await factory.connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    // The adapter's own executeScript splits a script at every semicolon, including those in function bodies. Without
    // arguments the script goes to the server unchanged, which runs it as one transaction.
    return Object.assign(adapter, {
      executeScript: async (script: string) => {
        // No other connection uses a scratch database, and a transaction cannot contain concurrent steps.
        await adapter.executeRaw({ sql: script.replaceAll(/\bCONCURRENTLY\b/g, ""), args: [], argTypes: [] });
      },
      queryRaw: async (query: SqlQuery) => catalogueCharacters(await queryRaw(query)),
    });
  };
  // Only a diff requests a shadow database. It gets the scratch database, which has no other use.
  return { provider: factory.provider, adapterName: factory.adapterName, connect, connectToShadowDb: connect };
}

/** The type ids of the one-byte "char" and of its arrays in the catalogue. */
const [characterType, characterArrayType] = [18, 1002];

/**
 * Returns a pool that reports the type "char" as its array type. The engine reads columns of this one-byte type when it
 * describes a database, but the adapter knows its array type only. {@link catalogueCharacters} converts the types of
 * the result back.
 */
function withCharactersAsArrays(pool: pg.Pool): pg.Pool {
  const query = async (config: pg.QueryConfig) => {
    const result = await pool.query(config);
    // A script of several statements has several results, contrary to the type declarations. Nothing reads them.
    for (const field of result.fields ?? []) if (field.dataTypeID === characterType) field.dataTypeID = characterArrayType;
    return result;
  };
  return new Proxy(pool, { get: (target, key): unknown => (key === "query" ? query : Reflect.get(target, key)) });
}

function catalogueCharacters(result: SqlResultSet): SqlResultSet {
  const { CharacterArray, Character } = ColumnTypeEnum;
  return { ...result, columnTypes: result.columnTypes.map((type) => (type === CharacterArray ? Character : type)) };
}

/** The part of WebAssembly that the engine's module needs. Its types are in the browser's library only. */
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

/**
 * The engine's module, created once in a process. Its bindings hold one instance, so a second one would replace that of
 * engines that are still at work.
 */
let engineModule: ReturnType<typeof instantiateEngine> | undefined;

async function instantiateEngine() {
  const entry = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm/schema_engine_bg");
  const [bindings, bytes] = await Promise.all([
    import("@prisma/schema-engine-wasm/schema_engine_bg"),
    readFile(join(dirname(entry), "schema_engine_bg.wasm")),
  ]);
  // The module's main file is not imported, because it leaves this to Node.js, which prints a warning about an
  // experimental feature.
  const imports: Record<string, unknown> = { ...bindings };
  for (const name of Object.keys(imports)) if (name.startsWith("__wbg_setTimeout")) imports[name] = setIdleTimeout;
  const { instance } = await WebAssembly.instantiate(bytes, { "./schema_engine_bg.js": imports });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  return bindings;
}

/**
 * Sets a timer that does not keep the process alive. The engine does not clear its timers, and the longest one would
 * keep the process for ten more seconds.
 */
function setIdleTimeout(callback: () => void, milliseconds: number): NodeJS.Timeout {
  return setTimeout(callback, milliseconds).unref();
}
