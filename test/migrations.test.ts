import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import pg from "pg";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { openDatabase, type Database } from "../src/platform/database.ts";
import { markRolledBack, migrate, migrationDifference, MigrationFailed } from "../src/platform/migrations.ts";
import { createScratchDatabase, openWorkerDatabase } from "./support/database.ts";
import { recordStatements } from "./support/statements.ts";

const log = { warn: () => undefined };

async function withEmptyDatabase(work: (database: Database, another: () => Promise<Database>) => Promise<void>): Promise<void> {
  const scratch = await createScratchDatabase({ empty: true });
  const opened: Database[] = [];
  const open = async () => {
    const database = await openDatabase(scratch.config, log);
    opened.push(database);
    return database;
  };
  try {
    await work(await open(), open);
  } finally {
    for (const database of opened) await database.close();
    await scratch.drop();
  }
}

describe("migrate", () => {
  test("applies what is missing, in order, and keeps Prisma's history; the next time it sends one statement", async () => {
    await withEmptyDatabase(async (database) => {
      const applied = await migrate(database);
      expect(applied.length).toBeGreaterThan(0);
      expect(applied).toEqual(applied.toSorted());

      const history = await database.query({ text: "SELECT * FROM _prisma_migrations ORDER BY migration_name", values: [] });
      expect(history.map((row) => row["migration_name"])).toEqual(applied);
      for (const row of history) {
        expect(row).toMatchObject({
          checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
          applied_steps_count: 1,
          rolled_back_at: null,
        });
        expect(row["finished_at"]).toBeInstanceOf(Date);
      }

      const again = await recordStatements(database.pool).during(() => migrate(database));
      expect(again.result).toEqual([]);
      expect(again.statements).toHaveLength(1);
    });
  });

  test.skipIf(inject("testServer").kind === "embedded")(
    "of two that start at once, one applies and the other waits for it",
    async () => {
      await withEmptyDatabase(async (one, another) => {
        const two = await another();
        const applied = await Promise.all([migrate(one), migrate(two)]);
        expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
        const { rows } = await one.pool.query("SELECT migration_name FROM _prisma_migrations");
        expect(rows).toHaveLength(applied.flat().length);
      });
    },
  );

  test("refuses a migration that was edited after it was applied, and one of a newer version", async () => {
    await withEmptyDatabase(async (database) => {
      const [first] = await migrate(database);
      await database.prisma.$executeRaw`
        INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('x', 'x', '99990101000000_newer', now())`;
      await expect(migrate(database)).rejects.toThrow(
        new MigrationFailed(
          "The database has the migration 99990101000000_newer, which this version does not know: it belongs to a newer one.",
        ),
      );
      await database.prisma.$executeRaw`DELETE FROM _prisma_migrations WHERE id = 'x'`;
      await database.prisma.$executeRaw`UPDATE _prisma_migrations SET checksum = 'another' WHERE migration_name = ${first}`;
      await expect(migrate(database)).rejects.toThrow(`The migration ${first} was edited after it was applied`);
    });
  });

  test("says what failed, goes no further until it is told to, and then tries again", async () => {
    await withEmptyDatabase(async (database) => {
      await database.prisma.$executeRaw`CREATE FUNCTION notes_take_requester() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'`;
      const failure = await migrate(database).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(MigrationFailed);
      expect(String(failure)).toContain('function "notes_take_requester" already exists');

      const { rows: tables } = await database.pool.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
      expect(tables).toEqual([{ tablename: "_prisma_migrations" }]);

      const refusal = await migrate(database).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(MigrationFailed);
      const name = /--again (\S+)$/.exec(String(refusal))?.[1] ?? "";
      expect(String(refusal)).toContain(`The migration ${name} was started and did not finish`);

      await database.prisma.$executeRaw`DROP FUNCTION notes_take_requester()`;
      await markRolledBack(database, name);
      expect(await migrate(database)).toContain(name);
      expect(await migrate(database)).toEqual([]);
    });
  });

  test("refuses a database that holds something else", async () => {
    await withEmptyDatabase(async (database) => {
      await database.prisma.$executeRaw`CREATE TABLE something_else (id int)`;
      await expect(migrate(database)).rejects.toThrow(/A migration failed: .*not empty/s);
    });
  });
});

describe("the migrations", () => {
  test("make what schema.prisma says", async () => {
    await withEmptyDatabase(async (database) => {
      expect(await migrationDifference(database.pool)).toBe("");
    });
  });

  test("fail their check where they do not", async () => {
    const root = resolve(import.meta.dirname, "..");
    const house = await mkdtemp(join(tmpdir(), "ticket-notes-house-"));
    try {
      for (const path of ["src", "package.json", "prisma/schema.prisma", "prisma/migrations", "prisma/write-migration.ts"]) {
        await cp(join(root, path), join(house, path), { recursive: true });
      }
      await symlink(join(root, "node_modules"), join(house, "node_modules"));
      const schema = join(house, "prisma/schema.prisma");
      await writeFile(schema, (await readFile(schema, "utf8")).replace("model Account {", "model Account {\n  colour String?"));

      const check = await run(house, ["prisma/write-migration.ts", "--check"]);
      expect(check.code).toBe(1);
      expect(check.errors).toContain('ALTER TABLE "accounts" ADD COLUMN     "colour" TEXT;');
      expect(await run(house, ["prisma/write-migration.ts", "Not A Name"])).toMatchObject({ code: 2 });
    } finally {
      await rm(house, { recursive: true });
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

    const unknown = await run(root, ["src/migrate.ts", "--again", "20000101000000_nothing"], environment);
    expect(unknown.code).toBe(1);
    expect(unknown.errors).toContain("20000101000000_nothing");
    expect(await run(root, ["src/migrate.ts", "--help"], environment)).toMatchObject({ code: 2 });
    const nowhere = await run(root, ["src/migrate.ts"], {
      ...environment,
      DATABASE_URL: "postgresql://nobody@127.0.0.1:1/nothing",
    });
    expect(nowhere.code).toBe(1);
    expect(nowhere.errors).toContain("ECONNREFUSED");
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
    expect((await database.prisma.note.update({ where: { id: note.id }, data: { requesterId: null } })).requesterId).toBe(one);
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
