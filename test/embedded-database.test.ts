import { spawn, type ChildProcessByStdio } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { Unavailable } from "../src/errors.ts";
import { openDatabase, type Database } from "../src/database/database.ts";
import { isUnavailable } from "../src/database/unavailable.ts";
import { DirectoryInUse, lockDirectory } from "../src/lib/directory-lock.ts";
import { migrate } from "../src/database/migrations.ts";

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const log = { warn: () => undefined };
const writer = fileURLToPath(new URL("support/embedded-writer.ts", import.meta.url));
const children = new Set<Child>();

let root: string;
/** A directory with every migration and no rows, to be copied: starting for the first time takes seconds. */
let template: string;

/** Beside it, when the process of its first start had been killed. */
let leftByKilledStart: readonly string[];

// Starting for the first time takes seconds of work, so it is done once, and killed once before.
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "ticket-notes-embedded-"));
  template = join(root, "first", "template");
  const { child } = startWriter(template);
  await vi.waitUntil(async () => (await readdir(template).catch(() => [])).length > 3, { timeout: 100_000, interval: 5 });
  await kill(child);
  leftByKilledStart = await readdir(join(root, "first"));

  const database = await openDatabase({ kind: "embedded", directory: template }, log);
  await migrate(database);
  await database.close();
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function freshDirectory(): Promise<string> {
  const directory = join(root, randomUUID(), "database");
  await cp(template, directory, { recursive: true });
  return directory;
}

async function withDatabase(directory: string, work: (database: Database) => Promise<void>): Promise<void> {
  const database = await openDatabase({ kind: "embedded", directory }, log);
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

test("a first start finds every migration there, and takes the memory that one session needs", async () => {
  await withDatabase(join(root, randomUUID(), "database"), async (database) => {
    expect(await migrate(database)).toEqual([]);
    const { rows } = await database.pool.query<{ shared_buffers: string }>("SHOW shared_buffers");
    expect(rows).toEqual([{ shared_buffers: "16MB" }]);
  });
});

/** Another process on `directory`, and what it prints, line by line. */
function startWriter(directory: string, count?: number): { child: Child; lines: AsyncIterator<string>; errors: () => string } {
  const child = spawn(process.execPath, [writer, directory, ...(count === undefined ? [] : [String(count)])], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  children.add(child);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](), errors: () => errors };
}

async function kill(child: Child): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

async function accountIds(database: Database): Promise<Set<string>> {
  return new Set((await database.prisma.account.findMany({ select: { id: true } })).map(({ id }) => id));
}

describe("a process that is killed", () => {
  test("while it adds rows loses none that was acknowledged, however often", async () => {
    const directory = await freshDirectory();
    const acknowledged: string[] = [];
    for (const atLeast of [60, 40]) {
      const { child, lines } = startWriter(directory);
      expect((await lines.next()).value).toBe("open");
      for (let number = 0; number < atLeast; number++) acknowledged.push((await lines.next()).value);
      child.kill("SIGKILL");
      // What it printed before it died was acknowledged too.
      for (let line = await lines.next(); line.done !== true; line = await lines.next()) acknowledged.push(line.value);
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(100);
    await withDatabase(directory, async (database) => {
      const present = await accountIds(database);
      expect(acknowledged.filter((id) => !present.has(id))).toEqual([]);
      // At most one row for each process: one that was sent and not acknowledged yet.
      expect(present.size - acknowledged.length).toBeLessThanOrEqual(2);
    });
  });

  test("during its first start leaves nothing that hinders the next one", async () => {
    expect(leftByKilledStart).toContain("template.unfinished");
    expect(await readdir(join(root, "first"))).toEqual(["template"]);
    await withDatabase(await freshDirectory(), async (database) => {
      expect(await migrate(database)).toEqual([]);
      expect(await accountIds(database)).toEqual(new Set());
    });
  });
});

describe("the lock of a directory", () => {
  test("refuses a second process, which names the first and its way out, and frees it when that one ends", async () => {
    const directory = await freshDirectory();
    const first = startWriter(directory);
    expect((await first.lines.next()).value).toBe("open");

    const second = startWriter(directory);
    expect((await once(second.child, "exit"))[0]).toBe(1);
    expect(second.errors()).toContain(`${directory} is in use by process ${first.child.pid}.`);
    expect(second.errors()).toContain("DATA_DIR");
    await expect(openDatabase({ kind: "embedded", directory }, log)).rejects.toMatchObject({
      name: "DirectoryInUse",
      pid: first.child.pid,
    });

    first.child.stdin.end();
    for (let line = await first.lines.next(); line.done !== true;) line = await first.lines.next();
    // Ends by itself: nothing is left running after close().
    expect(await once(first.child, "exit").catch(() => [first.child.exitCode])).toEqual([0, null]);
    await withDatabase(directory, async (database) => expect((await accountIds(database)).size).toBeGreaterThan(0));
  });

  test("is held by one part of a process as well, and by one of many that ask for it, again and again", async () => {
    const directory = join(root, randomUUID(), "database");
    let holders = 0;
    const use = async () => {
      for (let round = 0; round < 20;) {
        const lock = await lockDirectory(directory).catch((error: unknown) => {
          if (error instanceof DirectoryInUse) return undefined;
          throw error;
        });
        if (lock === undefined) {
          await new Promise((resolve) => setImmediate(resolve));
          continue;
        }
        holders += 1;
        expect(holders).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        await expect(lockDirectory(directory)).rejects.toThrow(`${directory} is in use by another process`);
        holders -= 1;
        await lock.release();
        round += 1;
      }
    };
    await Promise.all(Array.from({ length: 5 }, use));
    expect(await readdir(join(directory, ".."))).toEqual([]);
  });
});

describe("the embedded database", () => {
  const account = (name: string) => ({
    id: randomUUID(),
    slug: `e${randomUUID()}`,
    name,
    createdAt: new Date("2026-05-06T07:08:09.123Z"),
  });
  const limits = { connectMilliseconds: 50_000, statementMilliseconds: 4_000, answerMilliseconds: 4_000 };
  let database: Database;

  beforeAll(async () => {
    database = await openDatabase({ kind: "embedded", directory: await freshDirectory() }, log, limits);
  });
  afterAll(() => database.close());

  test("keeps times, transactions and big values as a server does", async () => {
    const kept = await database.prisma.account.create({ data: account("kept") });
    expect((await database.prisma.account.findUniqueOrThrow({ where: { id: kept.id } })).createdAt).toEqual(kept.createdAt);

    const lost = account("rolled back");
    const failing = database.prisma.$transaction(async (transaction) => {
      await transaction.account.create({ data: lost });
      await transaction.account.create({ data: { ...account("taken"), slug: kept.slug } });
    });
    await expect(failing).rejects.toMatchObject({ code: "P2002" });
    const present = await accountIds(database);
    expect([present.has(kept.id), present.has(lost.id)]).toEqual([true, false]);

    const long = "é".repeat(1_500_000);
    expect(await database.query({ text: "SELECT $1::text AS back, length($1::text) AS length", values: [long] })).toEqual([
      { back: long, length: 1_500_000 },
    ]);
  });

  test("serves many at once, one after the other, through failures that end the connection, with prepared statements", async () => {
    const asked = Array.from({ length: 200 }, async (_, number) => {
      const ask = database.query<{ n: number }>({ text: `SELECT ${100 * (number % 2)} / $1::int AS n`, values: [number % 20] });
      return number % 20 === 0 ? ask.catch((error: { code: string }) => error.code) : (await ask)[0]?.n;
    });
    const answers = await Promise.all(asked);
    expect(answers.filter((answer) => answer === "22012")).toHaveLength(10);
    expect(answers.filter((answer) => typeof answer === "number")).toHaveLength(190);
    expect([answers[1], answers[199]]).toEqual([100, 5]);
  });

  test("forgets what a connection that was given up has left in its session", async () => {
    const client = await database.pool.connect();
    await client.query("BEGIN");
    await client.query("CREATE TABLE left_open (id int)");
    await client.query({ name: "left", text: "SELECT 1", values: [] });
    client.release(new Error("given up"));
    const left =
      "SELECT (SELECT count(*)::int FROM pg_tables WHERE tablename = 'left_open') + (SELECT count(*)::int FROM pg_prepared_statements WHERE name = 'left') AS count";
    expect(await database.query({ text: left, values: [] })).toEqual([{ count: 0 }]);
  });

  test("leaves the main thread free while it works", async () => {
    const order: string[] = [];
    const heavy = database
      .query({ text: "SELECT count(*) FROM generate_series(1, 500000)", values: [] })
      .then(() => order.push("heavy"));
    await new Promise((resolve) => setTimeout(resolve, 1)).then(() => order.push("timer"));
    await heavy;
    expect(order).toEqual(["timer", "heavy"]);
  });

  test("gives up a statement that takes too long, and is back with all that was acknowledged", async () => {
    const endless = "SELECT count(*) FROM generate_series(1, 1000000000)";
    const [kept, abandoned] = [account("kept"), account("abandoned")];
    await database.prisma.account.create({ data: kept });
    const failing = database.prisma.$transaction(async (transaction) => {
      await transaction.account.create({ data: abandoned });
      await transaction.$queryRawUnsafe(endless);
    });
    // Waits for the one connection, and for the next thread, and is served.
    const waiting = accountIds(database);
    expect(isUnavailable(await failing.catch((error: unknown) => error))).toBe(true);
    const present = await waiting;
    expect([present.has(kept.id), present.has(abandoned.id)]).toEqual([true, false]);
    expect((await accountIds(database)).has(kept.id)).toBe(true);
  });

  test("is closed once, and then unavailable", async () => {
    await database.close();
    await database.close();
    await expect(database.check()).rejects.toBeInstanceOf(Unavailable);
  });
});

test("a directory that the embedded database cannot start on is named, and free again", async () => {
  const directory = await freshDirectory();
  await writeFile(join(directory, "PG_VERSION"), "9\n");
  await expect(openDatabase({ kind: "embedded", directory }, log)).rejects.toThrow(directory);
  await rm(join(directory, "PG_VERSION"));
  await expect(openDatabase({ kind: "embedded", directory }, log)).rejects.toThrow(
    `${directory} is neither empty nor an embedded database`,
  );
  await (await lockDirectory(directory)).release();
});
