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

/** The engine finds its way around by these two; our schema has one file and nothing that is managed elsewhere. */
const noFilters = { externalTables: [], externalEnums: [] };

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

/** What `prisma migrate status` finds out about the database of `pool`, which it only reads. */
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
  const factory = new PrismaPg(readingCatalogue(pool));
  const connect = async () => {
    const adapter = await factory.connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    // The adapter's own executeScript cuts a script at every semicolon, those within a function's body too. Without arguments the statements go to
    // the server as they are, and it runs them as one transaction.
    return Object.assign(adapter, {
      executeScript: async (script: string) => {
        // Nobody else uses a scratch database, and a transaction takes no concurrent steps.
        await adapter.executeRaw({ sql: script.replaceAll(/\bCONCURRENTLY\b/g, ""), args: [], argTypes: [] });
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
    const result = await pool.query(config);
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
