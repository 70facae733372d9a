import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Database, openDatabase } from "../src/database/database.ts";
import { dueTasks, type MaintainedDatabase } from "../src/database/embedded/routine-maintenance.ts";
import { migrate } from "../src/database/migrations.ts";

const accountId = "00000000-0000-7000-8000-000000000001";
const warnings: object[] = [];
const log = { warn: (details: object) => void warnings.push(details) };

let root: string;
let directory: string;
let database: Database;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "ticket-notes-maintenance-"));
  directory = join(root, "database");
  database = await openDatabase({ kind: "embedded", directory }, log);
  await migrate(database);
  await ask(`INSERT INTO accounts (id, slug, name, created_at) VALUES ('${accountId}', 'kept', 'Kept', now())`);
});
afterAll(async () => {
  await database.close();
  await rm(root, { recursive: true, force: true });
});
beforeEach(() => void warnings.splice(0));

async function ask<Row extends Record<string, unknown>>(text: string): Promise<Row[]> {
  return (await database.pool.query<Row>(text)).rows;
}

async function addAccounts(prefix: string, count: number): Promise<void> {
  await ask(`INSERT INTO accounts (id, slug, name, created_at)
    SELECT gen_random_uuid(), '${prefix}' || i, 'Added', now() FROM generate_series(1, ${count}) i`);
}

async function addTickets(count: number): Promise<void> {
  await ask(`INSERT INTO tickets (id, account_id, kind, subject, created_at, updated_at)
    SELECT gen_random_uuid(), '${accountId}', 'REQUEST', 'Added', now(), now() FROM generate_series(1, ${count}) i`);
}

interface TableCounts {
  readonly rows: number;
  readonly estimated: number;
  readonly dead: number;
  readonly analyzed: number;
  readonly vacuumed: number;
}

/** Returns the number of rows, what the planner takes it for, and what was counted since the database was opened. */
async function countsOf(table: string): Promise<TableCounts> {
  await ask("SELECT pg_stat_force_next_flush()");
  const [counts] = await ask<TableCounts & Record<string, number>>(
    `SELECT (SELECT count(*)::int FROM ${table}) AS rows, c.reltuples::int AS estimated, s.n_dead_tup::int AS dead,
       s.analyze_count::int AS analyzed, s.vacuum_count::int AS vacuumed
     FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid WHERE c.oid = '${table}'::regclass`,
  );
  if (!counts) throw new Error(`There is no table ${table}.`);
  return counts;
}

describe("the embedded database", () => {
  test("is analysed and vacuumed when it is told to, after a load of many rows", async () => {
    await addAccounts("loaded", 3_000);
    await database.maintain();
    const { rows, estimated, analyzed, vacuumed } = await countsOf("accounts");
    expect([estimated, analyzed, vacuumed]).toEqual([rows, 1, 1]);
    // There is nothing more to do.
    await database.maintain();
    expect(await countsOf("accounts")).toMatchObject({ analyzed: 1, vacuumed: 1 });
  });

  test("is analysed by itself when it has nothing else to do", async () => {
    await addTickets(500);
    await vi.waitUntil(async () => (await countsOf("tickets")).estimated === 500, { timeout: 30_000, interval: 1_000 });
    expect(await countsOf("tickets")).toMatchObject({ rows: 500 });
  });

  test("is vacuumed while it is busy, so that dead rows stay few", async () => {
    const before = await countsOf("tickets");
    let dead = 0;
    for (let number = 1; number <= 5_000; number += 1) {
      // Its indexes contain the time, so each update leaves a dead row that only a vacuum removes.
      await ask("UPDATE tickets SET updated_at = clock_timestamp() WHERE number = (SELECT min(number) FROM tickets)");
      if (number % 250 === 0) dead = Math.max(dead, (await countsOf("tickets")).dead);
    }
    const after = await countsOf("tickets");
    expect(after.vacuumed).toBeGreaterThanOrEqual(before.vacuumed + 4);
    // Twice the threshold of autovacuum for 500 rows, and what is written between two rounds.
    expect(dead).toBeLessThanOrEqual(2 * (50 + 0.2 * 500) + 2 * 500);
    expect(dead).toBeGreaterThan(0);
  });

  test("keeps its write-ahead log small, however much is written", async () => {
    const megabyte = 1024 * 1024;
    const written = async () => {
      const [row] = await ask<{ bytes: number }>("SELECT (pg_current_wal_lsn() - '0/0')::float8 AS bytes");
      return row?.bytes ?? 0;
    };
    const before = await written();
    let largest = 0;
    for (let number = 1; number <= 3_000; number += 1) {
      await ask("SELECT pg_logical_emit_message(false, 'test', repeat('x', 100000))");
      if (number % 100 !== 0) continue;
      const [files] = await ask<{ bytes: number }>("SELECT sum(size)::float8 AS bytes FROM pg_ls_waldir()");
      largest = Math.max(largest, files?.bytes ?? 0);
    }
    expect((await written()) - before).toBeGreaterThan(280 * megabyte);
    expect(largest).toBeLessThanOrEqual(160 * megabyte);
  });

  test("leaves a client's transaction alone", async () => {
    const client = await database.pool.connect();
    await client.query("BEGIN");
    for (let number = 1; number <= 1_200; number += 1) {
      await client.query("INSERT INTO accounts (id, slug, name, created_at) VALUES (gen_random_uuid(), $1, 'Added', now())", [
        `within${number}`,
      ]);
    }
    await client.query("COMMIT");
    client.release();
    expect(await ask("SELECT count(*)::int AS count FROM accounts WHERE slug LIKE 'within%'")).toEqual([{ count: 1_200 }]);
    expect(warnings).toEqual([]);
  });

  test("tells of a table that it cannot maintain, and goes on with the others", async () => {
    // The names sort before and after it.
    await ask(`
      CREATE TABLE broken (id int);
      CREATE FUNCTION refuse_analyze(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
        BEGIN IF id > 100 THEN RAISE 'refused'; END IF; RETURN id; END $$;
      CREATE TABLE later (id int)`);
    await ask("INSERT INTO broken SELECT 1 FROM generate_series(1, 200)");
    await ask("CREATE INDEX ON broken (refuse_analyze(id))");
    await ask(`CREATE OR REPLACE FUNCTION refuse_analyze(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
        BEGIN RAISE 'refused'; END $$`);
    await ask("INSERT INTO later SELECT 1 FROM generate_series(1, 300)");
    await database.maintain();
    expect(await countsOf("later")).toMatchObject({ estimated: 300 });
    expect(warnings).toEqual([{ problem: expect.stringContaining("refused") }]);
    await ask("DROP TABLE broken, later; DROP FUNCTION refuse_analyze");
  });

  test("freezes old tables, so that it never runs out of transaction numbers", async () => {
    const adapted: MaintainedDatabase = {
      exec: (text) => database.pool.query(text),
      query: (text, values) => database.pool.query(text, values),
    };
    const freeze = "VACUUM (FREEZE) public.tickets";
    expect(await dueTasks(adapted, { moment: "busy" })).not.toContain(freeze);
    for (let number = 1; number <= 20; number += 1) await ask("UPDATE accounts SET name = 'Kept' WHERE slug = 'kept'");
    expect(await dueTasks(adapted, { moment: "busy", maxAge: 20 })).toContain(freeze);
    await ask(freeze);
    expect(await dueTasks(adapted, { moment: "busy", maxAge: 20 })).not.toContain(freeze);
  });
});

test("an existing directory that was never analysed is analysed after its start", async () => {
  const existing = join(root, "existing");
  const first = await openDatabase({ kind: "embedded", directory: existing }, log);
  await migrate(first);
  await first.pool.query(
    "INSERT INTO accounts (id, slug, name, created_at) SELECT gen_random_uuid(), 'a' || i, 'Added', now() FROM generate_series(1, 2000) i",
  );
  expect(await estimateOf(first)).toBe(-1);
  await first.close();
  const second = await openDatabase({ kind: "embedded", directory: existing }, log);
  await vi.waitUntil(async () => (await estimateOf(second)) === 2_000, { timeout: 30_000, interval: 100 });
  await second.close();
});

async function estimateOf({ pool }: Database): Promise<number | undefined> {
  const { rows } = await pool.query<{ estimated: number }>(
    "SELECT reltuples::int AS estimated FROM pg_class WHERE oid = 'accounts'::regclass",
  );
  return rows[0]?.estimated;
}
