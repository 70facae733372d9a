import { randomUUID } from "node:crypto";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { Unavailable } from "../src/errors.ts";
import { openDatabase, type Database } from "../src/database/database.ts";
import { asUnavailable, isUnavailable } from "../src/database/unavailable.ts";
import { createScratchDatabase, openWorkerDatabase, type ScratchDatabase } from "./support/database.ts";
import { recordStatements } from "./support/statements.ts";
import { startTcpProxy, type TcpProxy } from "./support/tcp-proxy.ts";

const limits = { connectMilliseconds: 1_000, statementMilliseconds: 300, answerMilliseconds: 600 };
const createdAt = new Date("2026-03-01T12:34:56.789Z");

const account = () => ({ id: randomUUID(), slug: `a${randomUUID()}`, name: "An account", createdAt });
const one = { text: "SELECT 1 AS one", values: [] };

/** What `work` throws; a test that expects an error fails where there is none. */
async function errorOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("It should have failed");
}

describe("a statement", () => {
  let database: Database;
  beforeAll(async () => {
    database = await openWorkerDatabase();
  });

  test("is prepared when it comes a second time, no more than 500 at once, and those that come later too", async () => {
    const scratch = await createScratchDatabase();
    const lone = await openDatabase(scratch.config, { warn: () => undefined });
    try {
      const prepared = async () => {
        const { rows } = await lone.pool.query<{ count: number }>("SELECT count(*)::int AS count FROM pg_prepared_statements");
        return rows[0]?.count;
      };
      expect(await lone.query(one)).toEqual([{ one: 1 }]);
      const before = await prepared();
      await lone.query(one);
      await lone.query(one);
      expect(await prepared()).toBe((before ?? 0) + 1);

      for (let round = 0; round < 2; round++) {
        for (let number = 0; number < 550; number++) await lone.query({ text: `SELECT ${number} AS n`, values: [] });
      }
      const after = (await prepared()) ?? 0;
      expect(after).toBeLessThanOrEqual(500);
      const late = { text: "SELECT 'late' AS n", values: [] };
      for (let time = 0; time < 3; time++) expect(await lone.query(late)).toEqual([{ n: "late" }]);
      const { rows } = await lone.pool.query("SELECT 1 FROM pg_prepared_statements WHERE statement = $1", [late.text]);
      expect(rows).toHaveLength(1);
      expect(await lone.query({ text: "SELECT 549 AS n", values: [] })).toEqual([{ n: 549 }]);
    } finally {
      await lone.close();
      await scratch.drop();
    }
  });

  test("that fails by its own fault is no absence of the database", async () => {
    const taken = account();
    await database.prisma.account.create({ data: taken });
    const failures = [
      await errorOf(database.query({ text: "SELECT no_such_column FROM accounts", values: [] })),
      await errorOf(database.query({ text: "SELECT $1::uuid", values: ["no uuid"] })),
      await errorOf(database.prisma.account.create({ data: { ...account(), slug: taken.slug } })),
      await errorOf(database.prisma.account.create({ data: { ...account(), slug: "No slug" } })),
      await errorOf(database.prisma.account.update({ where: { id: randomUUID() }, data: { name: "nobody" } })),
    ];
    for (const error of failures) {
      expect(isUnavailable(error)).toBe(false);
      expect(asUnavailable(error)).toBe(error);
    }
  });

  test("is recorded whether Prisma or query sends it, with its values, and transactions apart", async () => {
    const recorder = recordStatements(database.pool);
    const row = account();
    const { result, statements, transactions } = await recorder.during(async () => {
      await database.prisma.$transaction(async (transaction) => transaction.account.create({ data: row }));
      return database.query<{ name: string }>({ text: "SELECT name FROM accounts WHERE id = $1::uuid", values: [row.id] });
    });
    expect(result).toEqual([{ name: row.name }]);
    expect(statements.map(({ text }) => text.slice(0, 6))).toEqual(["INSERT", "SELECT"]);
    expect(statements[1]?.values).toEqual([row.id]);
    expect(transactions).toEqual(["BEGIN", "COMMIT"]);
  });
});

test.skipIf(inject("testServer").kind === "embedded")(
  "a statement that a rule of the data refuses keeps its connection, and another failure ends it",
  async () => {
    const scratch = await createScratchDatabase();
    const lone = await openDatabase(scratch.config, { warn: () => undefined });
    try {
      const process = async () =>
        (await lone.query<{ pid: number }>({ text: "SELECT pg_backend_pid() AS pid", values: [] }))[0]?.pid;
      const { id, slug, name } = account();
      const insert = {
        text: "INSERT INTO accounts (id, slug, name, created_at) VALUES ($1, $2, $3, now())",
        values: [id, slug, name],
      };
      const raise = (code: string) => ({
        text: `DO $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '${code}'; END $$`,
        values: [],
      });
      await lone.query(insert);
      const first = await process();
      for (const refused of [insert, raise("NK001"), raise("NK002")]) await errorOf(lone.query(refused));
      expect(await process()).toBe(first);
      await errorOf(lone.query(raise("0A000")));
      expect(await process()).not.toBe(first);
    } finally {
      await lone.close();
      await scratch.drop();
    }
  },
);

describe.skipIf(inject("testServer").kind === "embedded")("a PostgreSQL behind a network", () => {
  let scratch: ScratchDatabase;
  let proxy: TcpProxy;
  let database: Database;
  let warnings: string[];

  beforeAll(async () => {
    scratch = await createScratchDatabase();
  });
  afterAll(() => scratch.drop());

  beforeEach(async () => {
    if (scratch.config.kind === "embedded") throw new Error("Skipped there");
    const url = new URL(scratch.config.url);
    proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port || 5432) });
    url.host = `127.0.0.1:${proxy.port}`;
    warnings = [];
    database = await openDatabase(
      { kind: "postgresql", url: url.href },
      { warn: (_details, message) => warnings.push(message) },
      limits,
    );
  });
  afterEach(async () => {
    await database.close();
    await proxy.close();
  });

  test("tells the time as it was written, in whatever zone the server lives", async () => {
    await database.prisma.$executeRawUnsafe(
      `ALTER DATABASE ${new URL(scratch.config.kind === "postgresql" ? scratch.config.url : "").pathname.slice(1)} SET TimeZone = 'Asia/Kolkata'`,
    );
    const elsewhere = await openDatabase(scratch.config, { warn: () => undefined });
    try {
      const { id } = await elsewhere.prisma.account.create({ data: account() });
      expect((await elsewhere.prisma.account.findUniqueOrThrow({ where: { id } })).createdAt).toEqual(createdAt);
      const rows = await elsewhere.query({ text: "SELECT created_at FROM accounts WHERE id = $1", values: [id] });
      expect(rows).toEqual([{ created_at: createdAt }]);
    } finally {
      await elsewhere.close();
    }
  });

  /** Every way in which requests reach the database. */
  const ways: Record<string, (statement: string) => Promise<unknown>> = {
    query: (text) => database.query({ text, values: [] }),
    "Prisma's": (text) => database.prisma.$queryRawUnsafe(text),
    "Prisma's model": () => database.prisma.account.findMany(),
    "Prisma's transaction": (text) => database.prisma.$transaction((transaction) => transaction.$queryRawUnsafe(text)),
  };

  describe.each(Object.keys(ways))("by %s", (name) => {
    const ask = (text = "SELECT 1 AS one") => ways[name]?.(text) ?? Promise.reject(new Error(name));

    const expectUnavailableThenBack = async (failing: Promise<unknown>, back: () => void = () => undefined) => {
      expect(asUnavailable(await errorOf(failing))).toBeInstanceOf(Unavailable);
      back();
      expect(await ask()).toBeInstanceOf(Array);
      expect(database.pool.waitingCount).toBe(0);
      await expect.poll(() => database.pool.totalCount - database.pool.idleCount).toBe(0);
    };

    test("a connection that is cut", async () => {
      await ask();
      proxy.freeze();
      const failing = ask();
      setTimeout(() => proxy.cut(), 50);
      await expectUnavailableThenBack(failing, () => proxy.thaw());
    });

    test("a server that hangs", async () => {
      await ask();
      proxy.freeze();
      await expectUnavailableThenBack(ask(), () => proxy.thaw());
    });

    test("a server that cannot be connected to", async () => {
      proxy.cut();
      proxy.freeze();
      await expectUnavailableThenBack(ask(), () => proxy.thaw());
    });

    test("a server that is gone", async () => {
      await proxy.close();
      expect(asUnavailable(await errorOf(ask()))).toBeInstanceOf(Unavailable);
      proxy = await startTcpProxy({ host: "127.0.0.1", port: 1 });
    });

    test("no connection left", async () => {
      // One after the other: each has as long to connect as a slow machine may need for ten.
      const taken: pg.PoolClient[] = [];
      while (taken.length < 10) taken.push(await database.pool.connect());
      await expectUnavailableThenBack(ask(), () => {
        for (const client of taken) client.release();
      });
    });

    test.skipIf(name === "Prisma's model")("a statement that takes too long, or a session that is ended", async () => {
      await expectUnavailableThenBack(ask("SELECT pg_sleep(5)::text"));
      await expectUnavailableThenBack(ask("SELECT pg_terminate_backend(pg_backend_pid())"));
    });
  });

  test("survives that its idle connections are cut, and says so in the log", async () => {
    await database.check();
    proxy.cut();
    await expect.poll(() => warnings.length).toBe(1);
    await database.check();
  });

  test("a connection in a transaction that got no answer is not used again", async () => {
    const failing = database.prisma.$transaction(async (transaction) => {
      await transaction.$queryRaw`SELECT 1`;
      proxy.freeze();
      await transaction.$queryRaw`SELECT 2`;
    });
    expect(asUnavailable(await errorOf(failing))).toBeInstanceOf(Unavailable);
    proxy.thaw();
    await Promise.all(Array.from({ length: 10 }, () => database.check()));
  });

  test("closing does not wait for a connection that never comes back", async () => {
    const taken = await database.pool.connect();
    await database.close();
    expect(await errorOf(database.check())).toBeInstanceOf(Unavailable);
    taken.release();
    // For the clean-up of this test, which closes again.
    database = { ...database, close: () => Promise.resolve() };
  });
});

test("a server that is not there is unavailable when it is opened", async () => {
  const opening = openDatabase(
    { kind: "postgresql", url: "postgresql://nobody@127.0.0.1:1/nothing" },
    { warn: () => undefined },
  );
  await expect(opening).rejects.toBeInstanceOf(Unavailable);
});
