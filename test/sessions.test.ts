import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { DatabaseConfig } from "../src/config.ts";
import { openDatabase, type Database } from "../src/database/database.ts";
import { statementName } from "../src/database/statement-names.ts";
import { addAccount, call, sendText, startApp } from "./support/app.ts";
import { createScratchDatabase, type ScratchDatabase } from "./support/database.ts";
import { addTicket } from "./support/factories.ts";

const createdAt = new Date("2026-03-01T12:34:56.789Z");
const account = () => ({ id: randomUUID(), slug: `a${randomUUID()}`, name: "An account", createdAt });

/** What a database is to another program: settings that an administrator may have given it. */
const peculiarSettings = {
  DateStyle: "German, DMY",
  TimeZone: "Asia/Kolkata",
  IntervalStyle: "sql_standard",
  search_path: "nowhere",
  default_transaction_isolation: "serializable",
  bytea_output: "escape",
  extra_float_digits: "0",
  standard_conforming_strings: "off",
  array_nulls: "off",
  transform_null_equals: "on",
  plan_cache_mode: "force_custom_plan",
  statement_timeout: "1min",
  lock_timeout: "10ms",
  idle_session_timeout: "1min",
} as const;

const dateStyles = ["ISO, DMY", "ISO, YMD", "SQL, DMY", "SQL, MDY", "Postgres, DMY", "German, DMY"];

/** Asks past what our connections add to a question. */
async function askPlainly(client: pg.ClientBase, text: string): Promise<Record<string, string>[]> {
  // One of its overloads
  const query = pg.Client.prototype.query.bind(client) as (text: string) => Promise<pg.QueryResult>;
  const { rows } = await query(text);
  return rows as Record<string, string>[];
}

// The embedded database has one session, which belongs to the gateway alone, and whose settings do not change.
describe.skipIf(inject("testServer").kind === "embedded")("sessions of a PostgreSQL", () => {
  let scratch: ScratchDatabase;
  let name: string;
  let warnings: string[];
  const opened: Database[] = [];

  beforeAll(async () => {
    scratch = await createScratchDatabase();
    name = new URL(urlOf(scratch.config)).pathname.slice(1);
  });
  afterAll(async () => {
    await Promise.all(opened.map((database) => database.close()));
    await scratch.drop();
  });

  async function open(change: Partial<Extract<DatabaseConfig, { kind: "postgresql" }>> = {}): Promise<Database> {
    warnings = [];
    const log = { warn: (_details: object, message: string) => warnings.push(message) };
    const database = await openDatabase({ kind: "postgresql", url: urlOf(scratch.config), ...change }, log);
    opened.push(database);
    return database;
  }

  async function withSettings(settings: Readonly<Record<string, string>>, work: () => Promise<void>): Promise<void> {
    const administrator = new pg.Client({ connectionString: urlOf(scratch.config) });
    await administrator.connect();
    try {
      for (const [setting, value] of Object.entries(settings))
        await administrator.query(`ALTER DATABASE ${name} SET ${setting} = '${value}'`);
      await work();
    } finally {
      await administrator.query(`ALTER DATABASE ${name} RESET ALL`);
      await administrator.end();
    }
  }

  const prepared = async (database: Database): Promise<string[]> => {
    const { rows } = await database.pool.query<{ name: string }>(
      "SELECT name FROM pg_prepared_statements ORDER BY prepare_time",
    );
    return rows.map((row) => row.name);
  };

  describe("names of statements", () => {
    const read = { text: "SELECT slug FROM accounts WHERE id = $1::uuid", values: [randomUUID()] };

    test("are of the text alone: in two processes the same", async () => {
      const both = [await open(), await open()];
      for (const database of both) {
        await database.query(read);
        await database.query(read);
        expect(await prepared(database)).toEqual([statementName(read.text)]);
      }
      expect(statementName(read.text)).not.toBe(statementName(`${read.text} `));
      expect(statementName("x".repeat(100_000)).length).toBeLessThan(64);
    });

    const write = (row: ReturnType<typeof account>) => ({
      text: "INSERT INTO accounts (id, slug, name, created_at) VALUES ($1::uuid, $2, $3, $4::timestamptz) RETURNING slug",
      values: [row.id, row.slug, row.name, row.createdAt],
    });
    const takeName = (text: string) => `PREPARE "${statementName(text)}" AS SELECT 'of somebody else' AS slug`;

    /** What a pooler that does not show does to a session, and what comes of it. */
    const mishaps: Record<string, (text: string) => string> = {
      "taken by another client (42P05)": takeName,
      "lost with the session (26000)": () => "DEALLOCATE ALL",
    };

    test.each(Object.keys(mishaps))(
      "%s: a read and a write are answered, each by one more attempt, and names are given up",
      async (kind) => {
        const mishap = mishaps[kind] ?? String;
        for (const askFor of [() => read, () => write(account())]) {
          const database = await open();
          const known = askFor();
          await database.query(known);
          if (kind.includes("26000")) await database.query(askFor());
          await database.pool.query(mishap(known.text));
          const asked = askFor();
          const rows = await database.query<{ slug: string }>(asked);
          expect(rows).toEqual(asked.text === read.text ? [] : [{ slug: asked.values[1] }]);
          expect(warnings).toEqual([expect.stringContaining("DATABASE_PREPARE=off")]);

          await database.pool.query("DEALLOCATE ALL");
          for (let time = 0; time < 3; time++) await database.query({ text: "SELECT 7 AS n", values: [] });
          expect(await prepared(database)).toEqual([]);
          expect(warnings).toHaveLength(1);
        }
      },
    );

    test("Prisma's, too: a write that was refused for its name is stored once", async () => {
      const database = await open();
      await database.prisma.account.create({ data: account() });
      await database.prisma.account.create({ data: account() });
      expect(await prepared(database)).toHaveLength(1);
      await database.pool.query("DEALLOCATE ALL");
      const row = account();
      expect(await database.prisma.account.create({ data: row })).toMatchObject(row);
      expect(await database.prisma.account.count({ where: { slug: row.slug } })).toBe(1);
      expect(warnings).toHaveLength(1);
    });

    test("outlive a change of the table: the statement is asked once more, and named again on another connection", async () => {
      const database = await open();
      const all = { text: "SELECT * FROM altered", values: [] };
      await database.pool.query("CREATE TABLE altered AS SELECT 1 AS one");
      await database.query(all);
      await database.query(all);
      await database.pool.query("ALTER TABLE altered ADD COLUMN two integer DEFAULT 2");
      expect(await database.query(all)).toEqual([{ one: 1, two: 2 }]);
      expect(await database.query(all)).toEqual([{ one: 1, two: 2 }]);
      expect(await prepared(database)).toEqual([statementName(all.text)]);
      expect(warnings).toEqual([]);
    });

    test("a statement that the server cannot do fails, and is no pooler", async () => {
      const database = await open();
      const impossible = { text: "SELECT 1 FROM accounts FOR UPDATE NOWAIT SKIP LOCKED", values: [] };
      const unsupported = { text: "INSERT INTO accounts SELECT * FROM accounts FOR UPDATE OF nobody", values: [] };
      const recursive = {
        text: "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r ORDER BY 1) SELECT n FROM r",
        values: [],
      };
      for (const asked of [impossible, unsupported, recursive]) {
        for (let time = 0; time < 3; time++) await expect(database.query(asked)).rejects.toBeInstanceOf(pg.DatabaseError);
      }
      expect(warnings).toEqual([]);
    });

    test("are not given within a transaction", async () => {
      const database = await open();
      await database.prisma.$transaction(async (transaction) => {
        for (let time = 0; time < 3; time++) await transaction.account.create({ data: account() });
      });
      expect(await prepared(database)).toEqual([]);
    });
  });

  describe("settings", () => {
    test("have a statement planned once for all values", async () => {
      const database = await open();
      const client = await database.pool.connect();
      try {
        const text = "SELECT count(*) FROM notes n WHERE n.account_id = $1";
        for (let count = 1; count <= 4; count += 1) await client.query({ text, values: [randomUUID()] });
        const { rows } = await client.query(
          "SELECT generic_plans::integer, custom_plans::integer FROM pg_prepared_statements WHERE statement = $1",
          [text],
        );
        // The first one is sent without a name.
        expect(rows).toEqual([{ generic_plans: 3, custom_plans: 0 }]);
      } finally {
        client.release();
      }
    });

    const looked = Object.keys(peculiarSettings);
    const show = `SELECT ${looked.map((setting) => `current_setting('${setting}') AS "${setting}"`).join(", ")}`;

    test.each(["off", "detect"] as const)(
      "are what statements need, whatever the database has (DATABASE_PREPARE: %s)",
      async (prepare) => {
        await withSettings(peculiarSettings, async () => {
          const database = await open({ prepare });
          const expected = {
            ...{ DateStyle: "ISO, MDY", TimeZone: "UTC", IntervalStyle: "postgres", search_path: "public" },
            ...{ bytea_output: "hex", extra_float_digits: "1", standard_conforming_strings: "on", array_nulls: "on" },
            ...{ transform_null_equals: "off", plan_cache_mode: "force_generic_plan", statement_timeout: "10s" },
            ...{ lock_timeout: "0", idle_session_timeout: "0" },
          };
          const [inQuery] = await database.query({ text: show, values: [] });
          expect(inQuery).toMatchObject(expected);
          const inTransaction = await database.prisma.$transaction(async (transaction) => {
            const isolation = await transaction.$queryRawUnsafe<object[]>(
              "SELECT current_setting('transaction_isolation') AS isolation",
            );
            return [await transaction.$queryRawUnsafe<object[]>(show), isolation];
          });
          expect(inTransaction).toEqual([[expect.objectContaining(expected)], [{ isolation: "read committed" }]]);
        });
      },
    );

    test("of a session that is shared are left as they were, and nothing is prepared in it", async () => {
      await withSettings(peculiarSettings, async () => {
        const database = await open({ prepare: "off" });
        const row = account();
        await database.prisma.account.create({ data: row });
        for (let time = 0; time < 3; time++)
          await database.query({ text: "SELECT slug FROM accounts WHERE id = $1::uuid", values: [row.id] });
        await database.prisma.$transaction((transaction) => transaction.account.findMany());
        await expect(database.query({ text: "SELECT 1 / 0", values: [] })).rejects.toMatchObject({ code: "22012" });

        const client = await database.pool.connect();
        expect(await askPlainly(client, show)).toEqual([peculiarSettings]);
        expect(await askPlainly(client, "SELECT name FROM pg_prepared_statements")).toEqual([]);
        client.release();
        expect(warnings).toEqual([]);
      });
    });

    test("a write in a shared session is kept whole or not at all", async () => {
      const database = await open({ prepare: "off" });
      const row = account();
      await database.prisma.account.create({ data: row });
      const twice = {
        text: `WITH added AS (INSERT INTO accounts (id, slug, name, created_at) VALUES ($1::uuid, $2, 'n', now()))
          INSERT INTO accounts (id, slug, name, created_at) VALUES ($3::uuid, $4, 'n', now())`,
        values: [randomUUID(), `b${randomUUID()}`, randomUUID(), row.slug],
      };
      await expect(database.query(twice)).rejects.toMatchObject({ code: "23505" });
      expect(await database.prisma.account.count({ where: { slug: { in: [twice.values[1] ?? "", row.slug] } } })).toBe(1);
      expect(database.pool.totalCount - database.pool.idleCount).toBe(0);
    });

    test.each(dateStyles)("DateStyle %s: what is written and read is the same through every API", async (style) => {
      await withSettings({ DateStyle: style, TimeZone: "America/St_Johns" }, async () => {
        for (const prepare of ["detect", "off"] as const) {
          const database = await open({ prepare });
          const app = await startApp({ database });
          try {
            const own = await addAccount(app);
            const ticket = await addTicket(app, own);
            app.time.now = new Date("2026-07-04T21:09:08.765Z");
            const added = await call(app, own.specialist.key, "POST", "/v2/tickets/notes", {
              ...{ ticket_id: ticket.id, value: style, is_public: true, categories: [] },
            });
            expect([added.status, added.body]).toEqual([
              201,
              expect.objectContaining({ created_at: "2026-07-04T21:09:08.765Z" }),
            ]);
            const read = await sendText(app.url, own.specialist.key, "{ notes { nodes { text createdAt } } }");
            expect(read.data).toEqual({ notes: { nodes: [{ text: style, createdAt: "2026-07-04T21:09:08.765Z" }] } });
            const stored = await database.prisma.note.findMany({ where: { ticketId: ticket.id } });
            expect(stored.map((note) => note.createdAt)).toEqual([app.time.now]);
          } finally {
            await app.close();
          }
        }
      });
    });
  });

  test("?schema= names the schema of the tables, for reads, writes and Prisma", async () => {
    const setting = new pg.Client({ connectionString: urlOf(scratch.config) });
    await setting.connect();
    await setting.query("CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.accounts (LIKE public.accounts INCLUDING ALL)");
    await setting.end();
    const url = new URL(urlOf(scratch.config));
    url.searchParams.set("schema", "elsewhere");
    for (const prepare of ["detect", "off"] as const) {
      const database = await open({ url: url.href, prepare });
      expect(database.schema).toBe("elsewhere");
      const row = account();
      await database.prisma.account.create({ data: row });
      expect(await database.query({ text: "SELECT slug FROM accounts WHERE id = $1::uuid", values: [row.id] })).toEqual([
        { slug: row.slug },
      ]);
      expect(
        await database.query({ text: "SELECT slug FROM elsewhere.accounts WHERE id = $1::uuid", values: [row.id] }),
      ).toHaveLength(1);
      expect(await database.query({ text: "SELECT slug FROM public.accounts WHERE id = $1::uuid", values: [row.id] })).toEqual(
        [],
      );
    }
  });

  describe("/ready", () => {
    async function readiness(database: Database): Promise<number> {
      const app = await startApp({ database });
      try {
        return (await fetch(`${app.url}/ready`)).status;
      } finally {
        await app.close();
      }
    }

    test("is red where the database takes no writes, and a write is unavailable there", async () => {
      const database = await open();
      await withSettings({ default_transaction_read_only: "on" }, async () => {
        const readOnly = await open();
        expect(await readiness(readOnly)).toBe(503);
        expect(await readiness(await open({ prepare: "off" }))).toBe(503);
        await expect(readOnly.query({ text: "DELETE FROM accounts WHERE false", values: [] })).rejects.toMatchObject({
          code: "UNAVAILABLE",
        });
        // Such a connection is not used again: the next may lead to a server that takes writes.
        expect(readOnly.pool.totalCount).toBe(0);
      });
      expect(await readiness(database)).toBe(200);
    });

    test("is red where the tables are not there, or are locked against writes, and leaves nothing behind", async () => {
      const database = await open();
      const client = await database.pool.connect();
      const versions = async () => {
        const { rows } = await client.query(
          "SELECT ctid::text, xmin::text FROM notes UNION ALL SELECT ctid::text, xmin::text FROM audit_events ORDER BY 1, 2",
        );
        return rows;
      };
      try {
        const before = await versions();
        expect(await readiness(database)).toBe(200);
        await client.query("BEGIN; LOCK TABLE notes IN SHARE MODE");
        expect(await readiness(database)).toBe(503);
        await client.query("ROLLBACK");
        await client.query("ALTER TABLE notes RENAME TO away");
        expect(await readiness(database)).toBe(503);
        await client.query("ALTER TABLE away RENAME TO notes");
        expect(await readiness(database)).toBe(200);
        expect(await versions()).toEqual(before);
      } finally {
        client.release(true);
      }
    });

    test("takes one connection, however many ask while the database is slow", async () => {
      const database = await open();
      const client = await database.pool.connect();
      const app = await startApp({ database });
      await client.query("BEGIN; LOCK TABLE notes IN SHARE MODE");
      const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(`${app.url}/ready`)).status));
      expect(new Set(statuses)).toEqual(new Set([503]));
      expect(database.pool.totalCount - database.pool.idleCount).toBe(2);
      client.release(true);
      await app.close();
    });
  });
});

function urlOf(config: DatabaseConfig): string {
  if (config.kind === "embedded") throw new Error("This is not run on the embedded database");
  return config.url;
}
