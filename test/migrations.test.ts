import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import pg from "pg";
import { beforeAll, describe, expect, inject, test, vi } from "vitest";
import { openDatabase, type Database } from "../src/database/database.ts";
import { MigrationFailed } from "../src/database/migration-history.ts";
import { type Migration, readMigration, readMigrations, readTableNames } from "../src/database/migration-scripts.ts";
import { migrate, settleMigration } from "../src/database/migrations.ts";
import { migrationDifference, migrationStatus } from "../prisma/schema-engine.ts";
import { createScratchDatabase, openWorkerDatabase } from "./support/database.ts";
import { recordStatements } from "./support/statements.ts";

const log = { warn: () => undefined };
const isEmbedded = inject("testServer").kind === "embedded";

async function withEmptyDatabase(
  work: (database: Database, another: () => Promise<Database>, url: string) => Promise<void>,
): Promise<void> {
  const scratch = await createScratchDatabase({ empty: true });
  const opened: Database[] = [];
  const open = async () => {
    const database = await openDatabase(scratch.config, log);
    opened.push(database);
    return database;
  };
  try {
    await work(await open(), open, scratch.config.kind === "embedded" ? "" : scratch.config.url);
  } finally {
    for (const database of opened) await database.close();
    await scratch.drop();
  }
}

/** What goes over the connections of migrations while `work` runs. */
async function recordMaintenance<Result>(database: Database, work: (recorded: Database) => Promise<Result>) {
  const maintenance = database.openMaintenancePool();
  const recorded = { ...database, openMaintenancePool: () => ({ ...maintenance, end: () => Promise.resolve() }) };
  const recording = await recordStatements(maintenance.pool).during(() => work(recorded));
  await maintenance.end();
  return recording;
}

describe("migrate", () => {
  test("applies what is missing, in order, and keeps Prisma's history; the next time it changes nothing", async () => {
    await withEmptyDatabase(async (database) => {
      const applied = await migrate(database);
      expect(applied.length).toBeGreaterThan(0);
      expect(applied).toEqual(applied.toSorted());

      const history = await database.query({
        text: "SELECT *, started_at <= finished_at AS is_ordered FROM _prisma_migrations ORDER BY migration_name",
        values: [],
      });
      expect(history.map((row) => row["migration_name"])).toEqual(applied);
      for (const row of history) {
        expect(row).toMatchObject({
          checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
          applied_steps_count: 1,
          rolled_back_at: null,
          is_ordered: true,
        });
      }

      const again = await recordMaintenance(database, (recorded) => migrate(recorded));
      expect(again.result).toEqual([]);
      expect(again.statements.map(({ text }) => text.split(" ")[0])).toEqual(["SELECT", "SELECT", "SELECT"]);
    });
  });

  test("leaves what `prisma migrate status` calls up to date", async () => {
    await withEmptyDatabase(async (database) => {
      await migrate(database);
      expect(await migrationStatus(database.pool)).toMatchObject({
        hasMigrationsTable: true,
        history: null,
        failedMigrationNames: [],
        editedMigrationNames: [],
      });
    });
  });

  test.skipIf(isEmbedded)("of two that start at once, one applies a migration and the other waits for it", async () => {
    await withEmptyDatabase(async (one, another) => {
      const two = await another();
      const applied = await Promise.all([migrate(one), migrate(two)]);
      const { rows } = await one.pool.query<{ name: string }>(
        "SELECT migration_name AS name FROM _prisma_migrations ORDER BY 1",
      );
      expect(applied.flat().toSorted()).toEqual(rows.map(({ name }) => name));
    });
  });

  test.skipIf(isEmbedded)("leaves no lock and no setting on a connection that others use next", async () => {
    await withEmptyDatabase(async (database, _another, url) => {
      // As behind a transaction pooler: connections for all, which stay open. Indexes are made over a second one.
      const pool = new pg.Pool({ connectionString: url, max: 2 });
      try {
        const settings = "SELECT name, setting FROM pg_settings WHERE name !~ '_auth_delay$|[.]' ORDER BY name";
        const before = (await pool.query(settings)).rows;
        const maintenance = { pool, end: () => Promise.resolve() };
        expect(await migrate({ ...database, openMaintenancePool: () => maintenance })).not.toEqual([]);
        expect((await pool.query(settings)).rows).toEqual(before);
        const locks = await pool.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()");
        expect(locks.rowCount).toBe(0);
      } finally {
        await pool.end();
      }
    });
  });

  test.skipIf(isEmbedded)("is complete without the right to create an extension, which may come later", async () => {
    await withEmptyDatabase(async (owner, _another, url) => {
      const role = `plain_${randomUUID().replaceAll("-", "")}`;
      const given = new URL(url);
      const name = given.pathname.slice(1);
      await owner.pool.query(`CREATE ROLE ${role} LOGIN PASSWORD ${pg.escapeLiteral(given.password)}`);
      try {
        await owner.pool.query(
          `REVOKE CREATE ON DATABASE ${name} FROM PUBLIC; GRANT USAGE, CREATE ON SCHEMA public TO ${role}`,
        );
        given.username = role;
        const database = await openDatabase({ kind: "postgresql", url: given.href }, log);
        try {
          expect(await migrate(database)).not.toEqual([]);
          const extensions = () => owner.pool.query("SELECT extname FROM pg_extension WHERE extname = 'pg_trgm'");
          expect((await extensions()).rows).toEqual([]);
          const similar = () =>
            database.pool.query("SELECT s.word FROM search_similar(gen_random_uuid(), NULL, NULL, '{gearbox}') AS s");
          expect((await similar()).rows).toEqual([]);
          // In a schema that the role may not use, it is not there for the role.
          await owner.pool.query("CREATE SCHEMA closed; CREATE EXTENSION pg_trgm SCHEMA closed");
          expect((await similar()).rows).toEqual([]);
          await owner.pool.query("DROP EXTENSION pg_trgm; CREATE EXTENSION pg_trgm");
          expect((await similar()).rows).toEqual([]);
        } finally {
          await database.close();
        }
      } finally {
        await owner.pool.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
      }
    });
  });

  test("refuses a migration that was edited after it was applied", async () => {
    await withEmptyDatabase(async (database) => {
      const [first] = await migrate(database);
      await database.prisma.$executeRaw`UPDATE _prisma_migrations SET checksum = 'another' WHERE migration_name = ${first}`;
      await expect(migrate(database)).rejects.toThrow(`The migration ${first} was edited after it was applied`);
    });
  });

  test("refuses one of a newer version, unless that says that this version works beside it", async () => {
    await withEmptyDatabase(async (database) => {
      const own = await readMigrations();
      const newest = own.at(-1)?.name ?? "";
      await migrate(database);
      const add = (name: string, script: string) => migrate(database, { migrations: [...own, readMigration(name, script)] });

      expect(await add("99990101000000_beside", `-- Compatible with: ${newest}\nCREATE TABLE beside ()`)).toHaveLength(1);
      expect(await migrate(database)).toEqual([]);
      await expect(migrate(database, { migrations: own.slice(0, -1) })).rejects.toThrow(
        "beside which this version does not work",
      );

      await database.prisma.$executeRaw`DELETE FROM _prisma_migrations WHERE migration_name = ${newest}`;
      await expect(migrate(database)).rejects.toThrow(`and lacks ${newest}, which this version needs`);

      await database.prisma.$executeRaw`UPDATE _prisma_migrations SET logs = NULL WHERE migration_name LIKE '9999%'`;
      await expect(migrate(database)).rejects.toThrow(
        new MigrationFailed(
          "The database has the migration 99990101000000_beside, which this version does not know: it belongs to a newer one, " +
            "beside which this version does not work. Start that newer version.",
        ),
      );
    });
  });

  test("says what failed, keeps nothing of it, and tries it again the next time", async () => {
    await withEmptyDatabase(async (database) => {
      await database.prisma.$executeRaw`CREATE FUNCTION notes_take_requester() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'`;
      const failure = await migrate(database).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(MigrationFailed);
      expect(String(failure)).toContain('function "notes_take_requester" already exists');

      const { rows: tables } = await database.pool.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
      expect(tables).toEqual([{ tablename: "_prisma_migrations" }]);
      await database.prisma.$executeRaw`DROP FUNCTION notes_take_requester()`;
      expect(await migrate(database)).toHaveLength((await readMigrations()).length);
      expect(await migrate(database)).toEqual([]);
    });
  });

  test("refuses a database that holds something else", async () => {
    await withEmptyDatabase(async (database) => {
      await database.prisma.$executeRaw`CREATE TABLE something_else (id int)`;
      await expect(migrate(database)).rejects.toThrow(/The schema public is not empty: it holds the table something_else/);
    });
  });

  test.skipIf(isEmbedded)("goes on after a script was cut off in the middle", async () => {
    await withEmptyDatabase(async (database) => {
      const own = await readMigrations();
      await migrate(database);
      const slow = readMigration("99990101000000_slow", "CREATE TABLE slow (); SELECT pg_sleep(count) FROM patience;");
      await database.prisma.$executeRaw`CREATE TABLE patience (count float8)`;
      await database.prisma.$executeRaw`INSERT INTO patience VALUES (600)`;
      const cutOff = migrate(database, { migrations: [...own, slow] }).catch((error: unknown) => error);
      const kill = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%FROM patience;' AND pid <> pg_backend_pid()`;
      await expect.poll(async () => (await database.pool.query(kill)).rowCount).toBe(1);
      expect(await cutOff).toMatchObject({
        message: "The migration 99990101000000_slow was cut off. Start again: it goes on by itself.",
      });

      expect((await database.pool.query("SELECT to_regclass('slow') AS slow")).rows).toEqual([{ slow: null }]);
      await database.prisma.$executeRaw`UPDATE patience SET count = 0`;
      expect(await migrate(database, { migrations: [...own, slow] })).toEqual(["99990101000000_slow"]);
    });
  });

  test.skipIf(isEmbedded)("does not obey the settings of the database", async () => {
    await withEmptyDatabase(async (database, another) => {
      const settings = [
        ...["statement_timeout = 15", "lock_timeout = 15", "idle_in_transaction_session_timeout = 15", "datestyle = 'German'"],
        ...[
          "intervalstyle = 'sql_standard'",
          "timezone = 'Pacific/Chatham'",
          "search_path = 'elsewhere'",
          "bytea_output = 'escape'",
        ],
        ...[
          "standard_conforming_strings = off",
          "default_transaction_isolation = 'serializable'",
          "client_encoding = 'LATIN1'",
        ],
      ];
      const { rows } = await database.pool.query<{ name: string }>("SELECT current_database() AS name");
      for (const setting of settings) await database.pool.query(`ALTER DATABASE ${rows[0]?.name} SET ${setting}`);
      const ordered = await another();
      const own = await readMigrations();
      const slow = readMigration(
        "99990101000000_slow",
        "CREATE TABLE slow AS SELECT pg_sleep(0.1)::text AS rest, '\\'::text AS backslash;",
      );
      expect(await migrate(ordered, { migrations: [...own, slow] })).toHaveLength(own.length + 1);
      expect((await ordered.pool.query("SELECT backslash FROM public.slow")).rows).toEqual([{ backslash: "\\" }]);
      expect(await migrate(ordered, { migrations: [...own, slow] })).toEqual([]);
    });
  });

  test.skipIf(isEmbedded)("fills the schema that the URL names, which may be one that is not there yet", async () => {
    const scratch = await createScratchDatabase({ empty: true });
    if (scratch.config.kind === "embedded") throw new Error("Skipped there");
    const database = await openDatabase({ ...scratch.config, url: `${scratch.config.url}?schema=the%20notes` }, log);
    try {
      expect(await migrate(database)).toHaveLength((await readMigrations()).length);
      expect(await migrate(database)).toEqual([]);
      const tables = await database.pool.query(
        `SELECT relnamespace::regnamespace::text AS schemaname, count(*)::int FROM pg_class
         WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace::regnamespace::text !~ '^(pg_|information)' GROUP BY 1`,
      );
      expect(tables.rows).toEqual([{ schemaname: '"the notes"', count: (await readTableNames()).length + 1 }]);
      // What is done to rows outside the statement that asks for it.
      const functions = await database.pool.query<{ name: string; settings: string[] }>(
        `SELECT proname AS name, proconfig AS settings FROM pg_proc
         WHERE pronamespace = '"the notes"'::regnamespace AND prosrc ~ '(FROM|INTO|UPDATE) '`,
      );
      expect(functions.rows.map(({ name }) => name).toSorted()).toEqual(
        expect.arrayContaining(["attachments_discard_object", "notes_take_requester", "tickets_give_requester"]),
      );
      for (const { settings } of functions.rows) expect(settings).toContain('search_path="the notes", pg_temp');
    } finally {
      await database.close();
      await scratch.drop();
    }
  });
});

/** Those that versions applied which kept the history apart from the script, and refused every later migration. */
const scriptsOfEarlierVersions = 5;

describe("a migration that an earlier version left unfinished", () => {
  /** As `prisma migrate deploy`, and this product before it kept its history itself, began one. */
  const begin = (database: Database, { name, checksum }: Migration) =>
    database.prisma.$executeRaw`
      INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES (gen_random_uuid()::text, ${checksum}, ${name})`;

  test("is taken for applied where all that it makes is there, and is tried again where nothing is", async () => {
    const own = await readMigrations();
    for (const [count, migration] of own.slice(0, scriptsOfEarlierVersions).entries()) {
      await withEmptyDatabase(async (database) => {
        await migrate(database, { migrations: own.slice(0, count) });
        await begin(database, migration);
        await database.pool.query(migration.script);
        expect(await migrate(database)).toEqual(own.slice(count + 1).map(({ name }) => name));
      });
      await withEmptyDatabase(async (database) => {
        await migrate(database, { migrations: own.slice(0, count) });
        await begin(database, migration);
        expect(await migrate(database)).toEqual(own.slice(count).map(({ name }) => name));
        expect(await migrationStatus(database.pool)).toMatchObject({ history: null, failedMigrationNames: [] });
      });
    }
  });

  test("is said to be neither where somebody has changed the database, and what is said to be done helps", async () => {
    const own = await readMigrations();
    const [half, traceless] = [
      readMigration("99990101000000_half", 'CREATE TABLE "one" ();\nCREATE TABLE "two" ();'),
      readMigration("99990101000000_traceless", "UPDATE notes SET text = 'x'"),
    ];
    await withEmptyDatabase(async (database) => {
      await migrate(database);
      await begin(database, half);
      await database.pool.query("CREATE TABLE one ()");
      const refusal = await migrate(database, { migrations: [...own, half] }).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(MigrationFailed);
      expect(String(refusal)).toContain("of what it makes one is there while two is not");
      await database.pool.query("DROP TABLE one");
      expect(String(refusal)).toContain(`--rolled-back ${half.name}`);
      await settleMigration(database, half.name, "rolled-back");
      expect(await migrate(database, { migrations: [...own, half] })).toEqual([half.name]);
      await expect(settleMigration(database, half.name, "applied")).rejects.toThrow(
        `The database knows of no migration ${half.name} that was started and did not finish.`,
      );
    });
    await withEmptyDatabase(async (database) => {
      await migrate(database);
      await begin(database, traceless);
      const refusal = await migrate(database, { migrations: [...own, traceless] }).catch((error: unknown) => error);
      expect(String(refusal)).toContain("leaves no trace");
      expect(String(refusal)).toContain(`--applied ${traceless.name}`);
      await settleMigration(database, traceless.name, "applied");
      expect(await migrate(database, { migrations: [...own, traceless] })).toEqual([]);
    });
  });
});

describe.skipIf(isEmbedded)("a migration beside other transactions", () => {
  const table = readMigration("99990101000000_table", 'CREATE TABLE "busy" (number int);');
  const alteration = readMigration("99990101000001_alteration", 'ALTER TABLE "busy" ADD COLUMN "name" text;');

  async function withTable(work: (database: Database, all: readonly Migration[]) => Promise<void>): Promise<void> {
    await withEmptyDatabase(async (database) => {
      const own = await readMigrations();
      await migrate(database, { migrations: [...own, table] });
      await work(database, [...own, table, alteration]);
    });
  }

  /** Runs `work` while a transaction has run `statement`. */
  async function during<Result>(database: Database, statement: string, work: (end: () => Promise<unknown>) => Promise<Result>) {
    const client = await database.pool.connect();
    try {
      await client.query("BEGIN");
      await client.query(statement);
      return await work(() => client.query("COMMIT"));
    } finally {
      client.release(true);
    }
  }

  test("lets requests pass while a transaction uses its table, and goes on when that one ends", async () => {
    await withTable((database, migrations) =>
      during(database, "SELECT count(*) FROM busy", async (end) => {
        const told: string[] = [];
        let isDone = false;
        const migrating = migrate(database, { migrations, log: { warn: (_details, message) => told.push(message) } });
        void migrating.then(() => (isDone = true));
        await vi.waitFor(async () => {
          const { rows } = await database.pool.query("SELECT FROM pg_locks WHERE NOT granted AND relation = 'busy'::regclass");
          expect(rows).toHaveLength(1);
        }, 5_000);
        // It waits behind the migration, which gives way.
        await database.pool.query("SELECT count(*) FROM busy");
        expect(isDone).toBe(false);
        await end();
        expect(await migrating).toEqual([alteration.name]);
        expect(told).toContain("Other transactions use the tables of a migration; waiting for them");
      }),
    );
  });

  test("says what to do if that one does not end", async () => {
    await withTable((database, migrations) =>
      during(database, "SELECT count(*) FROM busy", async () => {
        const failure = await migrate(database, { migrations, inUseMilliseconds: 0 }).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(MigrationFailed);
        expect(String(failure)).toContain(`${alteration.name} waits for tables that another transaction uses`);
      }),
    );
  });

  test("keeps no transaction open while another process migrates", async () => {
    await withTable((database, migrations) =>
      during(database, "SELECT pg_advisory_xact_lock(7466311)", async (end) => {
        const told: string[] = [];
        const migrating = migrate(database, { migrations, log: { warn: (_details, message) => told.push(message) } });
        await vi.waitFor(() => expect(told).toEqual(["Another process migrates the database; waiting for it"]), 5_000);
        const idle = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'";
        // One is that of this test.
        await vi.waitFor(async () => expect((await database.pool.query(idle)).rows).toHaveLength(1), 5_000);
        await end();
        expect(await migrating).toEqual([alteration.name]);
      }),
    );
  });
});

describe("a migration of concurrent steps", () => {
  const script = `-- An index, while notes are written.
    DROP INDEX CONCURRENTLY "steps_old_idx";
    CREATE UNIQUE INDEX CONCURRENTLY "steps_number_key" ON "steps" ("number") WHERE number > 0;`;
  const table = readMigration(
    "99990101000000_table",
    'CREATE TABLE "steps" (number int); CREATE INDEX "steps_old_idx" ON "steps" (number);',
  );
  const steps = readMigration("99990101000001_steps", script);
  const indexes =
    "SELECT indexrelid::regclass::text AS name, indisvalid AS valid FROM pg_index WHERE indrelid = 'steps'::regclass";

  test("makes and drops indexes, and goes on where it was cut off with half an index", async () => {
    await withEmptyDatabase(async (database) => {
      const own = await readMigrations();
      await migrate(database, { migrations: [...own, table] });
      await database.pool.query("INSERT INTO steps VALUES (1), (1)");
      const failure = await migrate(database, { migrations: [...own, table, steps] }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(MigrationFailed);
      expect(String(failure)).toContain("could not create unique index");
      if (!isEmbedded) expect((await database.pool.query(indexes)).rows).toEqual([{ name: "steps_number_key", valid: false }]);

      await database.pool.query("DELETE FROM steps");
      expect(await migrate(database, { migrations: [...own, table, steps] })).toEqual([steps.name]);
      expect((await database.pool.query(indexes)).rows).toEqual([{ name: "steps_number_key", valid: true }]);
      expect(await migrate(database, { migrations: [...own, table, steps] })).toEqual([]);
    });
  });

  test.skipIf(isEmbedded)("takes what is there already, and waits for as long as it takes", async () => {
    await withEmptyDatabase(async (database, another) => {
      const own = await readMigrations();
      await migrate(database, { migrations: [...own, table] });
      await database.pool.query(
        'CREATE UNIQUE INDEX "steps_number_key" ON steps (number) WHERE number > 0; DROP INDEX steps_old_idx',
      );
      const { rows } = await database.pool.query<{ name: string }>("SELECT current_database() AS name");
      await database.pool.query(`ALTER DATABASE ${rows[0]?.name} SET statement_timeout = 15`);
      expect(await migrate(await another(), { migrations: [...own, table, steps] })).toEqual([steps.name]);
    });
  });

  test("holds nothing that cannot be run again", () => {
    const mixed = `${script} INSERT INTO steps VALUES (1);`;
    expect(() => readMigration("mixed", mixed)).toThrow(
      /^The migration mixed makes or drops an index concurrently, so .*INSERT INTO/,
    );
  });
});

describe("the migrations", () => {
  test("make what schema.prisma says", async () => {
    await withEmptyDatabase(async (database) => {
      expect(await migrationDifference(database.pool)).toBe("");
    });
  });

  test("say which versions work beside the schema they make, and none that comes later", async () => {
    const own = await readMigrations();
    for (const [index, { name, compatibleWith }] of own.slice(scriptsOfEarlierVersions).entries()) {
      const earlier = own.slice(0, scriptsOfEarlierVersions + index + 1).map((migration) => migration.name);
      expect(earlier, `${name} begins with "-- Compatible with: " and a migration up to itself`).toContain(compatibleWith);
    }
  });

  test("make the tables that prisma/schema.prisma names", async () => {
    const database = await openWorkerDatabase();
    const { rows } = await database.pool.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> '_prisma_migrations'
       ORDER BY 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual((await readTableNames()).toSorted());
  });

  test("fail their check where they do not", async () => {
    const root = resolve(import.meta.dirname, "..");
    const copy = await mkdtemp(join(tmpdir(), "ticket-notes-copy-"));
    try {
      for (const path of ["src", "package.json", "prisma"]) {
        await cp(join(root, path), join(copy, path), { recursive: true });
      }
      await symlink(join(root, "node_modules"), join(copy, "node_modules"));
      const schema = join(copy, "prisma/schema.prisma");
      await writeFile(schema, (await readFile(schema, "utf8")).replace("model Account {", "model Account {\n  colour String?"));

      const check = await run(copy, ["prisma/write-migration.ts", "--check"]);
      expect(check.code).toBe(1);
      expect(check.errors).toContain('ALTER TABLE "accounts" ADD COLUMN     "colour" TEXT;');
      expect(await run(copy, ["prisma/write-migration.ts", "Not A Name"])).toMatchObject({ code: 2 });
    } finally {
      await rm(copy, { recursive: true });
    }
  });
});

test.skipIf(inject("testServer").kind === "embedded")("npm run migrate says what it did, and why it could not", async () => {
  const root = resolve(import.meta.dirname, "..");
  const scratch = await createScratchDatabase({ empty: true });
  if (scratch.config.kind === "embedded") throw new Error("Skipped there");
  const environment = { DATABASE_URL: scratch.config.url, SIGNING_SECRET: "a secret of more than thirty-two characters" };
  try {
    const first = await run(root, ["src/migrate.ts"], environment);
    expect(first).toMatchObject({ code: 0, errors: "" });
    expect(first.output).toMatch(/^(Applied \d{14}_\w+\n)+$/);
    expect(await run(root, ["src/migrate.ts"], environment)).toEqual({
      code: 0,
      output: "The database is up to date.\n",
      errors: "",
    });

    const unknown = await run(root, ["src/migrate.ts", "--applied", "20000101000000_nothing"], environment);
    expect(unknown).toMatchObject({ code: 1, output: "" });
    expect(unknown.errors).toBe(
      "The database knows of no migration 20000101000000_nothing that was started and did not finish.\n",
    );
    expect(await run(root, ["src/migrate.ts", "--help"], environment)).toMatchObject({ code: 0, errors: "" });
    expect(await run(root, ["src/migrate.ts", "--halp"], environment)).toMatchObject({ code: 2, output: "" });
    const nowhere = await run(root, ["src/migrate.ts"], { ...environment, DATABASE_URL: `${scratch.config.url}_not` });
    expect(nowhere.code).toBe(1);
    expect(nowhere.errors).toMatch(/^PostgreSQL at \S+ has no database \S+_not for the role .*\n$/);
  } finally {
    await scratch.drop();
  }
});

function run(
  directory: string,
  parameters: readonly string[],
  environment: Record<string, string> = {},
): Promise<{ code: number | string | null | undefined; output: string; errors: string }> {
  return new Promise((finish) => {
    const options = { cwd: directory, env: { ...process.env, ...environment } };
    execFile(process.execPath, parameters, options, (error, output, errors) =>
      finish({ code: error === null ? 0 : error.code, output, errors }),
    );
  });
}

describe("the facts that the database keeps", () => {
  let database: Database;
  /** Rows that every fact holds for, one a table, by which to make one that a fact does not hold for. */
  let rows: Record<string, Record<string, unknown>>;

  beforeAll(async () => {
    database = await openWorkerDatabase();
    const now = new Date("2026-04-05T06:07:08.009Z");
    const [account, person, ticket] = [randomUUID(), randomUUID(), randomUUID()];
    rows = {
      accounts: { id: account, slug: `s${account}`, name: "An account", created_at: now },
      people: { id: person, account_id: account, name: "A person", email: "a@b", created_at: now },
      memberships: { account_id: account, person_id: person, role: "SPECIALIST", created_at: now },
      api_keys: {
        ...{ id: randomUUID(), account_id: account, person_id: person, name: "A key", hash: Buffer.alloc(32, account) },
        ...{ scopes: ["notes:read"], created_at: now },
      },
      tickets: { id: ticket, account_id: account, kind: "REQUEST", subject: "A ticket", created_at: now, updated_at: now },
    };
    for (const [table, row] of Object.entries(rows)) await insert(table, row);
    const author = await database.prisma.person.findUniqueOrThrow({ where: { id: person } });
    const note = { id: randomUUID(), account_id: account, ticket_id: ticket, author_number: author.number, text: "A note" };
    rows["notes"] = { ...note, categories: [], created_at: now };
    rows["attachments"] = {
      ...{ id: randomUUID(), account_id: account, note_id: note.id, filename: "a.txt", content_type: "text/plain" },
      ...{ storage_key: randomUUID(), created_at: now },
    };
    for (const table of ["notes", "attachments"]) await insert(table, rows[table] ?? {});
  });

  async function insert(table: string, row: Record<string, unknown>): Promise<void> {
    const columns = Object.keys(row);
    await database.pool.query(
      `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map((_, index) => `$${index + 1}`).join(", ")})`,
      Object.values(row),
    );
  }

  /** Another row like the good one of `table`, with nothing in it that must be unique. */
  function another(table: string, changes: Record<string, unknown>): Record<string, unknown> {
    const id = randomUUID();
    const fresh: Record<string, Record<string, unknown>> = {
      accounts: { id, slug: id },
      people: { id, email: `${id}@b` },
      api_keys: { id, hash: Buffer.alloc(32, id) },
      attachments: { id, filename: id, storage_key: id },
    };
    return { ...rows[table], id, ...fresh[table], ...changes };
  }

  const early = new Date("2020-01-01T00:00:00Z");
  const refused: readonly (readonly [table: string, constraint: string, changes: Record<string, unknown>])[] = [
    ["accounts", "accounts_slug_check", { slug: "" }],
    ["accounts", "accounts_slug_check", { slug: "-a" }],
    ["accounts", "accounts_slug_check", { slug: "Workshop" }],
    ["accounts", "accounts_slug_check", { slug: "a\nb" }],
    ["accounts", "accounts_slug_check", { slug: "a".repeat(64) }],
    ["people", "people_name_check", { name: "" }],
    ["people", "people_name_check", { name: "é".repeat(256) }],
    ["people", "people_email_check", { email: "nobody" }],
    ["api_keys", "api_keys_hash_check", { hash: Buffer.alloc(31, 1) }],
    ["api_keys", "api_keys_scopes_check", { scopes: [] }],
    ["api_keys", "api_keys_scopes_check", { scopes: [null] }],
    ["api_keys", "api_keys_expires_at_check", { expires_at: early }],
    ["tickets", "tickets_subject_check", { subject: "" }],
    ["tickets", "tickets_subject_check", { subject: "é".repeat(256) }],
    ["notes", "notes_text_check", { text: "é".repeat(32_769) }],
    ["notes", "notes_categories_check", { categories: ["PRE_SCAN", "PRE_SCAN"] }],
    ["notes", "notes_categories_check", { categories: ["PRE_SCAN", "POST_SCAN", "PRE_SCAN"] }],
    ["notes", "notes_categories_check", { categories: [null] }],
    ["notes", "notes_updated_at_check", { updated_at: early }],
    ["notes", "notes_account_id_ticket_id_fkey", { ticket_id: randomUUID() }],
    ["attachments", "attachments_filename_check", { filename: "" }],
    ["attachments", "attachments_filename_check", { filename: "é".repeat(128) }],
    ["attachments", "attachments_size_check", { size: -1 }],
    ["attachments", "attachments_ready_check", { state: "READY" }],
  ];
  test.each(refused)("%s refuses by %s: %j", async (table, constraint, changes) => {
    const failure = await insert(table, another(table, changes)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(pg.DatabaseError);
    expect(failure).toMatchObject({ constraint });
  });

  test("a note is in the account of its ticket", async () => {
    const other = another("accounts", {});
    await insert("accounts", other);
    const failure = await insert("notes", another("notes", { account_id: other["id"] })).catch((error: unknown) => error);
    expect(failure).toMatchObject({ constraint: "notes_account_id_ticket_id_fkey" });
  });

  const accepted: readonly (readonly [table: string, changes: Record<string, unknown>])[] = [
    ["accounts", { slug: "0" }],
    ["accounts", { slug: "z-".repeat(31) + "z" }],
    ["people", { name: "é".repeat(255) }],
    ["tickets", { subject: "é".repeat(255) }],
    ["notes", { text: "é".repeat(32_768), categories: ["POST_SCAN", "PRE_SCAN"] }],
    ["notes", { updated_at: new Date("2026-04-05T06:07:08.009Z") }],
    ["attachments", { filename: "é".repeat(127), size: 0, state: "READY" }],
  ];
  test.each(accepted)("%s accepts, at the limit: %j", async (table, changes) => {
    await expect(insert(table, another(table, changes))).resolves.toBeUndefined();
  });
});

describe("the requester of a note", () => {
  let database: Database;
  let accountId: string;
  let authorNumber: number;
  let customers: readonly string[];
  const createdAt = new Date();

  beforeAll(async () => {
    database = await openWorkerDatabase();
    accountId = randomUUID();
    await database.prisma.account.create({ data: { id: accountId, slug: `r${accountId}`, name: "An account", createdAt } });
    customers = [randomUUID(), randomUUID()];
    for (const id of customers) {
      const person = { id, accountId, name: "A customer", email: `${id}@example.com`, createdAt };
      const membership = { accountId, role: "CUSTOMER" as const, createdAt };
      ({ number: authorNumber } = await database.prisma.person.create({
        data: { ...person, memberships: { create: membership } },
      }));
    }
  });

  async function addTicket(requesterId: string | null): Promise<string> {
    const data = {
      id: randomUUID(),
      accountId,
      kind: "REQUEST" as const,
      subject: "A ticket",
      requesterId,
      createdAt,
      updatedAt: createdAt,
    };
    return (await database.prisma.ticket.create({ data })).id;
  }

  const noteOf = (ticketId: string) => ({
    id: randomUUID(),
    accountId,
    ticketId,
    authorNumber,
    text: "A note",
    categories: [],
    createdAt,
  });

  const requesters = async (ticketId: string) => {
    const notes = await database.prisma.note.findMany({ where: { ticketId }, orderBy: { number: "asc" } });
    return notes.map((note) => note.requesterId);
  };

  test("is its ticket's, whatever the statement says", async () => {
    const [one = "", two = ""] = customers;
    const ticketId = await addTicket(one);
    const note = await database.prisma.note.create({ data: { ...noteOf(ticketId), requesterId: two } });
    expect(note.requesterId).toBe(one);
    const where = { accountId_id: { accountId, id: note.id } };
    expect((await database.prisma.note.update({ where, data: { requesterId: null } })).requesterId).toBe(one);
    await database.prisma.note.createMany({ data: [noteOf(ticketId), noteOf(ticketId)] });
    expect(await requesters(ticketId)).toEqual([one, one, one]);
  });

  test("follows its ticket's, and no other ticket's", async () => {
    const [one = "", two = ""] = customers;
    const [ticketId, otherTicketId] = [await addTicket(one), await addTicket(one)];
    await database.prisma.note.createMany({ data: [noteOf(ticketId), noteOf(ticketId), noteOf(otherTicketId)] });
    await database.prisma.ticket.update({ where: { id: ticketId }, data: { requesterId: two } });
    expect(await requesters(ticketId)).toEqual([two, two]);
    expect(await requesters(otherTicketId)).toEqual([one]);
    await database.prisma.ticket.update({ where: { id: ticketId }, data: { requesterId: null } });
    expect(await requesters(ticketId)).toEqual([null, null]);
  });

  test.skipIf(inject("testServer").kind === "embedded")(
    "is the new one for a note that is added while it changes",
    async () => {
      const [one = "", two = ""] = customers;
      const ticketId = await addTicket(one);
      const adding = await database.prisma.$transaction(async (transaction) => {
        await transaction.ticket.update({ where: { id: ticketId }, data: { requesterId: two } });
        const added = database.prisma.note.create({ data: noteOf(ticketId) }).then((note) => note.requesterId);
        const waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        await expect.poll(async () => (await database.pool.query(waits)).rowCount).toBe(1);
        return { added };
      });
      expect(await adding.added).toBe(two);
      expect(await requesters(ticketId)).toEqual([two]);
    },
  );
});
