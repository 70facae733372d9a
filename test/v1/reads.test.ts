import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { openDatabase, type Database } from "../../src/database/database.ts";
import { addAccount, keyWith, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { noteEntity } from "../../src/notes/relations.ts";
import { updatedNotes } from "../../src/notes/notes-by-update.ts";
import { ticketsByLastNote } from "../../src/notes/ticket-activity.ts";
import { ticketEntity } from "../../src/tickets/relations.ts";
import { createScratchDatabase, type ScratchDatabase } from "../support/database.ts";
import { addTicket } from "../support/factories.ts";
import { fillNoteCounts, fillTicketAuthors } from "../support/note-counts.ts";
import { columnsOf, indexesOf, rowsRead } from "../support/rows-read.ts";
import { linksOf, pathOf, v1 } from "../support/v1.ts";

// An account with more notes than totals are counted to, in a database of its own, and what its pages read of it.

const noteCount = 120_000;
const ticketCount = 3_000;

let scratch: ScratchDatabase;
let database: Database;
let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

// Where nothing is evenly spread: the last 10,000 notes are internal, the first ten are the administrator's, the first
// hundred came by mail, one in a thousand is the system's, none was redacted, and 5,001 are of one moment. Every other
// one is on one ticket.
const unevenCount = 40_000;
const unevenNotes = `
  INSERT INTO notes (id, account_id, ticket_id, author_number, text, is_public, categories, medium, created_at)
  SELECT gen_random_uuid(), $1, CASE WHEN i % 2 = 0 THEN $2::uuid ELSE (SELECT id FROM tickets WHERE account_id = $1 AND id <> $2) END,
    CASE WHEN i <= 10 THEN $3::integer ELSE $4::integer END, 'Note ' || i, i <= ${unevenCount - 10_000}, '{}',
    CASE WHEN i <= 100 THEN 'EMAIL' WHEN i % 1000 = 500 THEN 'SYSTEM' ELSE 'DEFAULT' END::"NoteMedium",
    '2026-01-01'::timestamptz + CASE WHEN i BETWEEN 20000 AND 25000 THEN 20000 ELSE i END * interval '1 second'
  FROM generate_series(1, ${unevenCount}) i`;
// Where every third note was deleted by an administrator: 10,000, of both authors and both visibilities.
const withdrawnFrom = 30_000;
const withdrawNotes = `
  WITH gone AS (DELETE FROM notes n WHERE n.account_id = $1 AND n.number % 3 = 0 RETURNING n.*)
  INSERT INTO withdrawn_notes (id, number, account_id, ticket_id, requester_id, author_number, is_public, created_at)
  SELECT id, number, account_id, ticket_id, requester_id, author_number, is_public, created_at FROM gone`;
let withdrawing: TestAccount;
let withdrawingTicket: Ticket;
let uneven: TestAccount;
let unevenTicket: Ticket;

beforeAll(async () => {
  scratch = await createScratchDatabase();
  database = await openDatabase(scratch.config, { warn: () => undefined });
  app = await startApp({ database });
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.otherCustomer });
  uneven = await addAccount(app);
  unevenTicket = await addTicket(app, uneven);
  await addTicket(app, uneven);
  const { pool, end } = database.openMaintenancePool();
  await pool.query(
    `INSERT INTO tickets (id, account_id, kind, status, subject, requester_id, created_at, updated_at)
     SELECT gen_random_uuid(), $1, (ARRAY['REQUEST', 'PROBLEM', 'TASK'])[1 + i % 3]::"TicketKind",
       (ARRAY['PENDING', 'CLOSED'])[1 + i % 2]::"TicketStatus", 'Ticket ' || i, CASE WHEN i % 10 = 0 THEN $2::uuid END,
       '2026-01-01'::timestamptz + i * interval '1 minute', '2026-02-01'::timestamptz + (i * 7 % ${ticketCount}) * interval '1 minute'
     FROM generate_series(1, ${ticketCount}) i`,
    [account.id, account.customer.id],
  );
  withdrawing = await addAccount(app);
  withdrawingTicket = await addTicket(app, withdrawing, { requester: withdrawing.customer });
  await addTicket(app, withdrawing, { requester: withdrawing.otherCustomer });
  // As a restored backup would come in: indexes last, and nothing asked of single rows, which are as the triggers would
  // have left them.
  const { rows: indexes } = await pool.query<{ name: string; definition: string }>(
    `SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
     WHERE i.indrelid = 'notes'::regclass AND NOT i.indisunique`,
  );
  await pool.query(indexes.map(({ name }) => `DROP INDEX ${name}`).join("; "));
  await pool.query("ALTER TABLE notes DISABLE TRIGGER ALL");
  // One in ten on one ticket, and of those as of the others: one in 20 internal, one in 50 by mail, one in 40 by the
  // administrator.
  await pool.query(
    `INSERT INTO notes (id, account_id, ticket_id, requester_id, author_number, text, is_public, categories, medium, created_at)
     SELECT gen_random_uuid(), $1, t.id, t.requester_id, CASE WHEN k % 40 = 7 THEN $3::integer ELSE $4::integer END, 'Note ' || i,
       k % 20 <> 3, '{}', CASE WHEN k % 50 = 11 THEN 'EMAIL' ELSE 'DEFAULT' END::"NoteMedium", '2026-01-01'::timestamptz + i * interval '1 second'
     FROM (SELECT i, CASE WHEN i % 10 = 0 THEN i / 10 ELSE i END AS k FROM generate_series(1, ${noteCount}) i) numbered
     JOIN (SELECT id, requester_id, number - min(number) OVER () AS place FROM tickets WHERE account_id = $1) t
       ON CASE WHEN i % 10 = 0 THEN t.id = $2::uuid ELSE t.place = 1 + i % ${ticketCount} END
     ORDER BY i`,
    [account.id, ticket.id, account.administrator.number, account.specialist.number],
  );
  await pool.query(unevenNotes, [uneven.id, unevenTicket.id, uneven.administrator.number, uneven.specialist.number]);
  await pool.query(
    `INSERT INTO notes (id, account_id, ticket_id, requester_id, author_number, text, is_public, categories, created_at)
     SELECT gen_random_uuid(), $1, t.id, t.requester_id, CASE WHEN i % 20 < 10 THEN $2::integer ELSE $3::integer END, 'Note ' || i,
       i % 8 >= 2, '{}', '2026-01-01'::timestamptz + i * interval '1 second'
     FROM generate_series(1, ${withdrawnFrom}) i
     JOIN (SELECT id, requester_id FROM tickets WHERE account_id = $1) t ON (t.id = $4) = (i % 2 = 0)
     ORDER BY i`,
    [withdrawing.id, withdrawing.administrator.number, withdrawing.specialist.number, withdrawingTicket.id],
  );
  await pool.query(withdrawNotes, [withdrawing.id]);
  await pool.query("ALTER TABLE notes ENABLE TRIGGER ALL");
  await pool.query(fillNoteCounts());
  await pool.query(fillTicketAuthors());
  await pool.query(indexes.map(({ definition }) => definition).join("; "));
  await pool.query("VACUUM ANALYZE notes");
  await pool.query("VACUUM ANALYZE withdrawn_notes");
  await pool.query("ANALYZE tickets");
  await pool.query("VACUUM ANALYZE note_counts");
  await pool.query("VACUUM ANALYZE ticket_authors");
  await end();
}, 180_000);

afterAll(async () => {
  await app.close();
  await database.close();
  await scratch.drop();
});

/** The page, and how many rows of the table each of the statements reads that read the page itself. */
async function pageRead(path: string, key: string, table: string) {
  const { result, statements } = await app.statements.during(() => v1(app, path, { key }));
  expect(result.status, result.text.slice(0, 300)).toBe(200);
  const ofPage = statements.filter(
    ({ text }) =>
      new RegExp(`FROM ${table} \\w`).test(text) &&
      /LIMIT|FETCH FIRST/.test(text) &&
      !text.includes("SELECT count(*) AS count"),
  );
  expect(ofPage.length).toBeGreaterThan(0);
  const steps: number[] = [];
  for (const statement of ofPage) steps.push(await rowsRead(database, statement, table));
  return { page: result, steps, read: steps.reduce((sum, rows) => sum + rows, 0) };
}

/** One row more than it returns, for each value of the filter. */
const sorted = (values: number) => (rows: number) => (rows + 1) * values;
const pinned = sorted(1);
/** One row more than it returns, and the next one of each other value of the filter. */
const merged = (values: number) => (rows: number) => rows + values;
/** One in that many rows meets the conditions, which no index holds. */
const scanned = (oneIn: number) => (rows: number) => (rows + 1) * oneIn;
/** And one for each value of the first key that it comes by, and the one after those. */
const stepped = (steps: number) => (rows: number) => rows + 1 + steps + 1;
/**
 * Where no index holds the order: one that shows where the ties of the last one end, and the one that the cursor stands
 * for.
 */
const gathered = (rows: number) => rows + 3;

describe("a page reads the rows it returns and one more", () => {
  /** No index holds the conditions, and few or none of the newest notes meet them. Each note is read once. */
  const all = () => unevenCount;
  /** No index breaks the ties, of which there are 5,001. */
  const tied = (rows: number) => rows + 5_001;
  const day = (date: string) => `2026-01-0${date}T00:00:00Z`;
  const replaced = (template: string, of: TestAccount, on: Ticket) =>
    template
      .replaceAll(":ticket", String(on.number))
      .replaceAll(":administrator", String(of.administrator.number))
      .replaceAll(":specialist", String(of.specialist.number));

  /** The first page, and the second if there is one, read no more rows than allowed; the first returns this many. */
  async function expectReads(path: string, key: string, table: string, allowed: (rows: number) => number) {
    const first = await pageRead(path, key, table);
    expect(first.read, "first page").toBeLessThanOrEqual(allowed(first.page.body.length));
    const next = linksOf(first.page)["next"];
    if (next !== undefined) {
      const second = await pageRead(pathOf(next), key, table);
      expect(second.read, "second page").toBeLessThanOrEqual(allowed(second.page.body.length));
      const previous = await pageRead(pathOf(linksOf(second.page)["prev"]!), key, table);
      expect(previous.read, "and back").toBeLessThanOrEqual(allowed(previous.page.body.length));
    }
    return first.page.body.length;
  }

  test.each([
    ["/v1/notes?per_page=100", pinned],
    ["/v1/notes?per_page=20&sort=id", pinned],
    ["/v1/notes?per_page=50&sort=created_at", pinned],
    ["/v1/notes?per_page=50&sort=-created_at", pinned],
    ["/v1/notes?per_page=50&sort=-created_at,id", gathered],
    ["/v1/notes?per_page=50&sort=created_at,id", gathered],
    ["/v1/notes?per_page=50&sort=person_id", pinned],
    ["/v1/notes?per_page=50&sort=-person_id,-id", pinned],
    ["/v1/notes?per_page=50&sort=person_id,-id", stepped(1)],
    ["/v1/notes/internal?per_page=100", scanned(20)],
    ["/v1/notes/public?per_page=100", scanned(20 / 18)],
    ["/v1/notes?state=internal&sort=id", scanned(20)],
    ["/v1/notes?medium=email", scanned(50)],
    ["/v1/notes?medium=email,default", pinned],
    ["/v1/notes?person=:administrator", pinned],
    ["/v1/notes?person=:administrator,:specialist&sort=id", sorted(2)],
    ["/v1/notes?person_id=:administrator&sort=-person_id", pinned],
    ["/v1/notes?person=:specialist&medium=default&state=internal&sort=id", pinned],
    [`/v1/notes?created_at=>${day("1")}<${day("2")}&sort=created_at`, pinned],
    [`/v1/notes?created_at=<${day("2")}&sort=-created_at,id`, gathered],
    ["/v1/requests/:ticket/notes?per_page=100", pinned],
    ["/v1/requests/:ticket/notes?sort=-id", pinned],
    ["/v1/requests/:ticket/notes?sort=-created_at,id", gathered],
    ["/v1/requests/:ticket/notes?sort=created_at", pinned],
    ["/v1/requests/:ticket/notes/internal", pinned],
    ["/v1/requests/:ticket/notes/public", pinned],
    ["/v1/requests/:ticket/notes?state=internal&sort=-id", pinned],
    ["/v1/requests/:ticket/notes?medium=email", pinned],
    ["/v1/requests/:ticket/notes?person=:administrator", pinned],
    [`/v1/requests/:ticket/notes?created_at=>${day("2")}&sort=created_at`, pinned],
  ])("%s", async (template, allowed) => {
    const path = replaced(template, account, ticket);
    expect(await expectReads(path, account.administrator.key, "notes", allowed)).toBeGreaterThanOrEqual(20);
  });

  test.each([
    ["/v1/notes/public", all, 20],
    ["/v1/notes/internal?sort=id", all, 20],
    ["/v1/notes?medium=email", all, 20],
    ["/v1/notes?medium=redacted", all, 0],
    ["/v1/notes?medium=system,email", all, 20],
    ["/v1/notes?medium=email,redacted&sort=-id", all, 20],
    ["/v1/notes?medium=redacted,automation", all, 0],
    ["/v1/notes?medium=!default", all, 20],
    ["/v1/notes?medium=!default&medium=!system", all, 20],
    ["/v1/notes?person=:administrator", pinned, 10],
    ["/v1/notes?person=!:specialist", all, 10],
    ["/v1/notes?person=:administrator,:specialist", sorted(2), 20],
    ["/v1/notes?person=:administrator&medium=default", pinned, 0],
    ["/v1/notes?person=:administrator&state=internal", pinned, 0],
    ["/v1/notes?person=:administrator&state=internal&medium=email", pinned, 0],
    ["/v1/notes?sort=person_id,-id", stepped(2), 20],
    ["/v1/notes?sort=-person_id,id", stepped(2), 20],
    ["/v1/notes?sort=created_at,-id&created_at=>=2026-01-01T05:33:10Z", tied, 20],
    ["/v1/notes?sort=created_at,id&created_at=>=2026-01-01T05:33:10Z", tied, 20],
    ["/v1/requests/:ticket/notes/public?sort=-id", pinned, 20],
    ["/v1/requests/:ticket/notes/internal", pinned, 20],
    ["/v1/requests/:ticket/notes?medium=email&sort=-id", pinned, 20],
    ["/v1/requests/:ticket/notes?medium=!default&sort=-id", merged(5), 20],
    ["/v1/requests/:ticket/notes?person=:administrator&sort=-id", pinned, 5],
    // No index has the notes of a ticket by their author: half are read by the ticket, and half by the author.
    ["/v1/requests/:ticket/notes?sort=person_id,-id", stepped(5_000), 20],
  ])("%s, where nothing is evenly spread", async (template, allowed, returned) => {
    const path = replaced(template, uneven, unevenTicket);
    expect(await expectReads(path, uneven.administrator.key, "notes", allowed)).toBe(returned);
  });

  test("for a customer, across their records and on one of them", async () => {
    const { id } = (await v1(app, "/v1/requests?per_page=1", { key: account.customer.key })).body[0] as { id: number };
    for (const path of ["/v1/notes?per_page=100", "/v1/notes/public?sort=id", `/v1/requests/${id}/notes`]) {
      const { page, read } = await pageRead(path, account.customer.key, "notes");
      expect(page.body.length).toBeGreaterThanOrEqual(20);
      expect(read, path).toBeLessThanOrEqual(page.body.length + 1);
    }
  });

  test.each([
    ["/v1/requests?", pinned],
    ["/v1/requests?sort=-id", pinned],
    ["/v1/requests?sort=created_at", pinned],
    ["/v1/requests?sort=-updated_at,id", gathered],
    ["/v1/requests?sort=status", pinned],
    ["/v1/requests?sort=-status,id", stepped(2)],
    ["/v1/requests?status=completed", pinned],
    ["/v1/requests?status=declined,waiting_for", merged(2)],
    ["/v1/requests?status=!completed", merged(5)],
    ["/v1/requests?created_at=>2026-01-01T02:00:00Z&sort=created_at", pinned],
    // Half of the requests are closed, and no index has them by time: those that are not are read and dropped.
    ["/v1/requests?status=completed&sort=created_at", scanned(2)],
  ])("%s", async (path, allowed) => {
    await expectReads(path, account.specialist.key, "tickets", allowed);
  });

  test("the five hundredth page by cursor reads no more than the first", async () => {
    const before = await v1(app, "/v1/notes?per_page=100&fields=id&page=499", { key: account.specialist.key });
    const path = pathOf(linksOf(before)["next"]!);
    expect(path).toContain("search_after=");
    const { page, read } = await pageRead(path, account.specialist.key, "notes");
    expect(page.headers.get("x-pagination-current-page")).toBe("500");
    expect(read).toBeLessThanOrEqual(101);
  });
});

describe("a page with withdrawn notes reads the rows it returns and one more of each of the two tables", () => {
  /** The rows that were read of both tables for the page at `path`. */
  async function readOfBoth(path: string, key: string) {
    const { page, read } = await pageRead(path, key, "notes");
    const { statements } = await app.statements.during(() => v1(app, path, { key }));
    const ofPage = statements.filter(({ text }) => text.includes("FROM withdrawn_notes n") && !/SELECT count\(\*\)/.test(text));
    expect(ofPage.length).toBeGreaterThan(0);
    let withdrawn = 0;
    for (const statement of ofPage) withdrawn += await rowsRead(database, statement, "withdrawn_notes");
    return { page, read: read + withdrawn };
  }

  test.each([
    ["/v1/notes?per_page=50", "administrator", 52],
    ["/v1/notes?per_page=50&sort=id", "specialist", 52],
    ["/v1/notes?per_page=50&sort=-created_at", "specialist", 52],
    ["/v1/notes?per_page=50&sort=-created_at,id", "specialist", 54],
    ["/v1/notes?per_page=50&sort=person_id", "specialist", 52],
    ["/v1/notes?per_page=50&person=:specialist", "specialist", 52],
    ["/v1/notes?per_page=50&person=:specialist&medium=redacted", "specialist", 52],
    ["/v1/notes?per_page=50", "customer", 52],
    ["/v1/notes?per_page=50&sort=-created_at", "customer", 52],
    ["/v1/requests/:ticket/notes?per_page=50", "specialist", 52],
    ["/v1/requests/:ticket/notes?per_page=50&sort=-id", "customer", 52],
    ["/v1/requests/:ticket/notes?per_page=50&sort=-created_at", "customer", 52],
    ["/v1/requests/:ticket/notes/internal?per_page=50", "specialist", 52],
    ["/v1/requests/:ticket/notes?per_page=50&medium=redacted", "specialist", 52],
    ["/v1/requests/:ticket/notes?per_page=50&medium=default", "specialist", 52],
    // No index has the media or the visibilities of an account: two in three are read and dropped, and one in four.
    ["/v1/notes?per_page=50&medium=redacted", "specialist", 160],
    ["/v1/notes/internal?per_page=50", "specialist", 210],
  ] as const)("%s for a %s", async (template, role, allowed) => {
    const { key } = withdrawing[role];
    const path = template
      .replace(":ticket", String(withdrawingTicket.number))
      .replace(":specialist", String(withdrawing.specialist.number));
    const first = await readOfBoth(path, key);
    expect(first.page.body.length).toBe(50);
    expect(first.read, "first page").toBeLessThanOrEqual(allowed);
    const second = await readOfBoth(pathOf(linksOf(first.page)["next"]!), key);
    expect(second.page.body.length).toBe(50);
    expect(second.read, "second page").toBeLessThanOrEqual(allowed);
    const media = [...first.page.body, ...second.page.body].map(({ medium }: { medium: string }) => medium);
    if (!path.includes("medium=")) expect(new Set(media)).toEqual(new Set(["default", "redacted"]));
  });

  test("and counts those of a ticket without reading its notes", async () => {
    const path = `/v1/requests/${withdrawingTicket.number}/notes?per_page=1`;
    const { result, statements } = await app.statements.during(() => v1(app, path, { key: withdrawing.specialist.key }));
    expect(result.headers.get("x-pagination-total-entries")).toBe(String(withdrawnFrom / 2));
    const counts = statements.filter(({ text }) => text.includes("note_counts"));
    expect(counts).toHaveLength(1);
    expect(await rowsRead(database, counts[0]!, "notes")).toBe(0);
  });
});

describe("a page of /v1 whose filter no index serves in its order", () => {
  /** Returns the ids of all notes, by following the links, and the rows that were read by the steps of each page. */
  async function walk(path: string, key: string, rel: "next" | "prev" = "next") {
    const found: number[] = [];
    const pages: (readonly number[])[] = [];
    for (let next: string | undefined = path; next !== undefined;) {
      const { page, steps } = await pageRead(next, key, "notes");
      found.push(...(page.body as { id: number }[]).map(({ id }) => id));
      pages.push(steps);
      const link: string | undefined = linksOf(page)[rel];
      next = link === undefined ? undefined : pathOf(link);
    }
    return { found, pages };
  }

  test("goes on in steps until it is full, reads no note twice, and loses none", async () => {
    const { found, pages } = await walk("/v1/notes?medium=email,system&per_page=60&fields=id", uneven.specialist.key);
    const expected = await database.prisma.note.findMany({
      where: { accountId: uneven.id, medium: { in: ["EMAIL", "SYSTEM"] } },
      orderBy: { number: "desc" },
    });
    expect(found).toEqual(expected.map(({ number }) => number));
    expect(pages.length).toBe(3);
    expect(Math.max(...pages.flat())).toBeLessThanOrEqual(5_000);
    // The first page goes on after its first step, and the steps of all pages together read each note once.
    expect(pages[0]!.length).toBeGreaterThan(1);
    expect(pages.flat().reduce((sum, rows) => sum + rows, 0)).toBeLessThanOrEqual(unevenCount + 2 * pages.flat().length);
  });

  test("has the same rows and links from either end", async () => {
    const path = "/v1/notes?medium=email,system&per_page=60&fields=id";
    const { page: first } = await pageRead(path, uneven.specialist.key, "notes");
    const { page: second } = await pageRead(pathOf(linksOf(first)["next"]!), uneven.specialist.key, "notes");
    const { page: back } = await pageRead(pathOf(linksOf(second)["prev"]!), uneven.specialist.key, "notes");
    expect(back.body).toEqual(first.body);
    expect(linksOf(back)["next"]).toBe(linksOf(first)["next"]);
  });

  test("shows a customer no more than they may see", async () => {
    const { found } = await walk("/v1/notes?medium=email&per_page=100&sort=person_id&fields=id", account.customer.key);
    const expected = await database.prisma.note.findMany({
      where: { accountId: account.id, requesterId: account.customer.id, isPublic: true, medium: "EMAIL" },
      orderBy: [{ authorNumber: "asc" }, { number: "asc" }],
    });
    expect(found.length).toBeGreaterThan(100);
    expect(found).toEqual(expected.map(({ number }) => number));
  });

  test("is refused with 503 if the steps take longer than a statement may", async () => {
    const hurried = await startApp({ database: { ...database, statementMilliseconds: 0 } });
    const { key } = uneven.specialist;
    const slow = await v1(hurried, "/v1/notes?medium=redacted", { key });
    expect([slow.status, slow.headers.get("retry-after")]).toEqual([503, "2"]);
    expect((await v1(hurried, "/v1/notes?medium=default", { key })).status).toBe(200);
    await hurried.close();
  });
});

test.each([
  ["notes", noteEntity],
  ["withdrawn_notes", noteEntity],
  ["tickets", ticketEntity],
] as const)("the indexes that pages of %s are read by are there", async (table, entity) => {
  // All but those that rows are found by their ids with, and those of the authors of a ticket or of a customer's notes.
  const others = ["id", "account_id id", "ticket_id is_public author_number", "account_id requester_id author_number"];
  expect(columnsOf(entity)).toEqual((await indexesOf(database, table)).filter((columns) => !others.includes(columns)));
});

test("the indexes that tickets are read by in the order of their last notes are there", async () => {
  const ofNotes = ([, ...fields]: readonly string[]) => fields.some((field) => /^last.*NoteAt$/.test(field));
  const declared = (["all", "public"] as const).flatMap((kind) =>
    ticketsByLastNote[kind].target.indexes.filter(ofNotes).map((fields) =>
      fields.map((field) => {
        if (field === "id") return "ticketId";
        return field === "lastNoteAt" && kind === "public" ? "lastPublicNoteAt" : field;
      }),
    ),
  );
  const there = await indexesOf(database, "note_counts");
  expect([...new Set(columnsOf({ indexes: declared })), "account_id ticket_id"].toSorted()).toEqual(there);
});

test("the indexes that updated notes are read by are there", async () => {
  const names: Readonly<Record<string, string>> = { id: "noteId", changedAt: "updatedAt" };
  const named = (fields: readonly string[]) => fields.map((field) => names[field] ?? field);
  const { indexes, partialIndexes = [] } = updatedNotes(noteEntity);
  const declared = columnsOf({
    indexes: indexes.map(named),
    partialIndexes: partialIndexes.map((index) => ({ ...index, fields: named(index.fields) })),
  });
  expect([...declared, "account_id note_id"].toSorted()).toEqual(await indexesOf(database, "note_updates"));
});

describe("a page of tickets in the order of their last notes", () => {
  interface Found {
    readonly nodes: readonly { readonly uuid: string; readonly lastNoteAt: string | null; readonly noteCount: number }[];
    readonly pageInfo: { readonly isPartial: boolean; readonly hasNextPage: boolean; readonly endCursor: string | null };
  }

  /** Returns the page, and how many rows of each table were read for it, with those that its fields look up. */
  async function tickets(given: string, key: string) {
    const { result, statements } = await app.statements.during(() =>
      sendText<{ tickets: Found }>(
        app.url,
        key,
        `{ tickets(${given}) { nodes { uuid lastNoteAt noteCount } pageInfo { isPartial hasNextPage endCursor } } }`,
      ),
    );
    expect(result.errors).toEqual([]);
    const [statement, ...others] = statements.filter(({ text }) => text.includes("note_counts"));
    expect(others).toEqual([]);
    return {
      ...result.data.tickets,
      counts: await rowsRead(database, statement!, "note_counts"),
      tickets: await rowsRead(database, statement!, "tickets"),
      notes: await rowsRead(database, statement!, "notes"),
    };
  }

  test.each(["specialist", "customer", "specialist without internal notes"] as const)(
    "reads its tickets and one more, and no note, for a %s",
    async (role) => {
      const { specialist, customer, id: accountId } = account;
      const isStaff = role !== "customer";
      const key =
        isStaff && role !== "specialist"
          ? await keyWith(app, specialist, ["tickets:read", "notes:read"])
          : account[isStaff ? "specialist" : "customer"].key;
      const { rows: visible } = await database.pool.query<{ id: string; last: Date | null }>(
        `SELECT t.id, max(n.created_at) AS last FROM tickets t
         LEFT JOIN notes n ON n.account_id = t.account_id AND n.ticket_id = t.id AND (n.is_public OR $2)
         WHERE t.account_id = $1 AND (t.requester_id = $3 OR $3 IS NULL) GROUP BY t.id`,
        [accountId, role === "specialist", isStaff ? null : customer.id],
      );
      const inOrder = visible
        .map(({ id, last }) => ({ id, last: last?.getTime() ?? Number.NEGATIVE_INFINITY }))
        .toSorted((one, other) => other.last - one.last || (one.id < other.id ? 1 : -1));
      const orderBy = "orderBy: { field: LAST_NOTE_AT, direction: DESC }";
      let after = "";
      for (const page of [0, 1, 2]) {
        const found = await tickets(`first: 25, ${orderBy}${after}`, key);
        expect(found.nodes.map(({ uuid }) => uuid)).toEqual(inOrder.slice(page * 25, page * 25 + 25).map(({ id }) => id));
        expect(found.pageInfo).toMatchObject({ isPartial: false, hasNextPage: true });
        // In the order, and two for each row: its time and its number.
        expect(found.counts).toBe(26 + 2 * 26);
        expect([found.tickets, found.notes]).toEqual([26, 0]);
        after = `, after: "${found.pageInfo.endCursor}"`;
      }
      const ends = await tickets(`last: 25, ${orderBy}`, key);
      expect(ends.nodes.map(({ uuid }) => uuid)).toEqual(inOrder.slice(-25).map(({ id }) => id));
      expect([ends.tickets, ends.notes]).toEqual([26, 0]);
    },
  );

  test("reads a bounded number of tickets to find those of a filter, and a requester's by their index", async () => {
    const { specialist, customer } = account;
    const orderBy = "first: 25, orderBy: { field: LAST_NOTE_AT, direction: DESC }";
    const none = await tickets(`${orderBy}, filter: { status: [OUTSOURCED] }`, specialist.key);
    expect(none.nodes).toEqual([]);
    expect(none.tickets).toBeLessThanOrEqual(5_000);
    const theirs = await tickets(`${orderBy}, filter: { requesterId: "${customer.id}" }`, specialist.key);
    expect(theirs.nodes.length).toBe(25);
    expect(theirs.pageInfo.isPartial).toBe(false);
    expect(theirs.tickets).toBeLessThanOrEqual(ticketCount / 10 + 1);
    const one = await tickets(`${orderBy}, filter: { numbers: [${ticket.number}] }`, specialist.key);
    expect(one.nodes.map(({ uuid }) => uuid)).toEqual([ticket.id]);
    expect(one.tickets).toBeLessThanOrEqual(2);
  });
});

describe("a page of GraphQL whose filter no index serves in its order", () => {
  const maxScanned = 5_000;
  interface Found {
    readonly nodes: readonly { readonly uuid: string; readonly number: number }[];
    readonly pageInfo: {
      readonly isPartial: boolean;
      readonly hasNextPage: boolean;
      readonly hasPreviousPage: boolean;
      readonly startCursor: string | null;
      readonly endCursor: string | null;
    };
  }
  const fields = "nodes { uuid number } pageInfo { isPartial hasNextPage hasPreviousPage startCursor endCursor }";

  /** Returns the page of notes, and how many notes were read for it. */
  async function notes(given: string, key: string): Promise<Found & { readonly read: number }> {
    const { result, statements } = await app.statements.during(() =>
      sendText<{ notes: Found }>(app.url, key, `{ notes(${given}) { ${fields} } }`, {}),
    );
    expect(result.errors).toEqual([]);
    const statement = statements.find(({ text }) => text.includes("FROM notes n"));
    return { ...result.data.notes, read: await rowsRead(database, statement!, "notes") };
  }

  test.each(["administrator", "specialist", "customer"] as const)(
    "ends early for a %s, and can be gone on with",
    async (role) => {
      const { key } = account[role];
      const filter = "filter: { categories: [PRE_SCAN] }";
      let after = "";
      let pages = 0;
      for (let isPartial = true; isPartial; pages++) {
        const page = await notes(`${filter}${after}`, key);
        expect(page.nodes).toEqual([]);
        // A customer's notes are read with the internal ones between them: one in 20.
        expect(page.read).toBeLessThanOrEqual(role === "customer" ? maxScanned * 1.06 : maxScanned);
        expect(page.pageInfo.hasNextPage).toBe(page.pageInfo.isPartial);
        expect(page.pageInfo.endCursor === null).toBe(!page.pageInfo.isPartial);
        ({ isPartial } = page.pageInfo);
        after = `, after: "${page.pageInfo.endCursor}"`;
        const at = /\.([0-9a-f-]{36})"$/.exec(after)?.[1];
        if (role === "customer" && at !== undefined) {
          const ended = await database.prisma.note.findFirstOrThrow({ where: { id: at } });
          expect([ended.isPublic, ended.requesterId]).toEqual([true, account.customer.id]);
        }
      }
      const { id: accountId, customer } = account;
      const visible = { accountId, ...(role === "customer" && { isPublic: true, requesterId: customer.id }) };
      expect(pages).toBe(Math.floor((await database.prisma.note.count({ where: visible })) / maxScanned) + 1);
    },
  );

  test("ends early at its start if it is counted from the end", async () => {
    const filter = "filter: { categories: [PRE_SCAN] }, last: 10";
    const { pageInfo } = await notes(filter, account.specialist.key);
    expect(pageInfo).toMatchObject({ isPartial: true, hasPreviousPage: true, hasNextPage: false, endCursor: null });
    const further = await notes(`${filter}, before: "${pageInfo.startCursor}"`, account.specialist.key);
    expect(further.pageInfo).toMatchObject({ isPartial: true, hasPreviousPage: true, hasNextPage: true, endCursor: null });
    expect(further.pageInfo.startCursor).not.toBe(pageInfo.startCursor);
  });

  test("is whole if an index finds few rows for it, in whatever order", async () => {
    const { administrator, specialist, id } = uneven;
    const own = await database.prisma.note.findMany({
      where: { accountId: id, authorNumber: administrator.number },
      orderBy: { createdAt: "desc" },
    });
    const byAuthor = await notes(`filter: { authorId: "${administrator.id}" }`, specialist.key);
    expect(byAuthor.nodes.map(({ uuid }) => uuid)).toEqual(own.map((note) => note.id));
    expect(byAuthor.pageInfo).toMatchObject({ isPartial: false, hasNextPage: false });
    expect(byAuthor.read).toBeLessThanOrEqual(2 * own.length);
    const window = `filter: { createdAt: { gte: "2026-01-01T00:01:00Z", lt: "2026-01-01T00:02:00Z" } }, orderBy: { field: NUMBER, direction: ASC }`;
    const byTime = await notes(`${window}, first: 20`, specialist.key);
    expect(byTime.nodes.length).toBe(20);
    expect(byTime.pageInfo).toMatchObject({ isPartial: false, hasNextPage: true });
    expect(byTime.read).toBeLessThanOrEqual(3 * 60);
    const ofNobody = await notes(`filter: { authorId: "${uneven.otherCustomer.id}" }`, specialist.key);
    expect([ofNobody.nodes, ofNobody.pageInfo.isPartial, ofNobody.read]).toEqual([[], false, 0]);
  });

  test("ends at the same row where rows are read for resolvers", async () => {
    const filtered = `notes(filter: { categories: [PRE_SCAN] }) { ${fields} }`;
    const { data: asJson } = await sendText<{ ticket: { notes: Found } }>(
      app.url,
      uneven.specialist.key,
      `query ($id: ID!) { ticket(id: $id) { ${filtered} } }`,
      { id: unevenTicket.id },
    );
    expect(asJson.ticket.notes.pageInfo).toMatchObject({ isPartial: true, hasNextPage: true, endCursor: expect.any(String) });
    const { data: asRows, errors } = await sendText<{ addNote: { note: { ticket: { notes: Found } } } }>(
      app.url,
      uneven.specialist.key,
      `mutation ($id: ID!, $at: String!) { addNote(input: { ticketId: $id, text: "x" }) { ... on AddNotePayload { note { ticket {
        notes(filter: { categories: [PRE_SCAN] }, after: $at) { ${fields} } } } } } }`,
      { id: unevenTicket.id, at: asJson.ticket.notes.pageInfo.endCursor },
    );
    expect(errors).toEqual([]);
    const { data: further } = await sendText<{ ticket: { notes: Found } }>(
      app.url,
      uneven.specialist.key,
      `query ($id: ID!, $at: String!) { ticket(id: $id) { notes(filter: { categories: [PRE_SCAN] }, after: $at) { ${fields} } } }`,
      { id: unevenTicket.id, at: asJson.ticket.notes.pageInfo.endCursor },
    );
    expect(asRows.addNote.note.ticket.notes).toEqual(further.ticket.notes);
    expect(further.ticket.notes.pageInfo).toMatchObject({ isPartial: true, endCursor: expect.any(String) });
  });
});

describe("totals", () => {
  const headersOf = async (path: string) => {
    const { status, body, headers } = await v1(app, path, { key: account.specialist.key });
    return {
      status,
      body,
      total: headers.get("x-pagination-total-entries"),
      pages: headers.get("x-pagination-total-pages"),
      throttled: headers.get("x-pagination-throttled"),
    };
  };

  test("are exact up to 100,000", async () => {
    const first = await database.prisma.note.findFirstOrThrow({ where: { accountId: account.id }, orderBy: { number: "asc" } });
    expect(await headersOf(`/v1/requests/${ticket.number}/notes?per_page=1`)).toMatchObject({
      total: "12000",
      throttled: undefined,
    });
    expect(await headersOf("/v1/notes/internal?per_page=1")).toMatchObject({ total: "6600", throttled: undefined });
    const exactly = await headersOf(`/v1/notes?per_page=100&fields=id&id=<${first.number + 100_000}`);
    expect(exactly).toMatchObject({ total: "100000", pages: "1000", throttled: undefined });
  });

  test("beyond that GraphQL says 100,001, and that it is not exact, also with what needs no count", async () => {
    interface Total {
      readonly totalCount: number;
      readonly totalCountIsExact: boolean;
    }
    const total = (filter: string) =>
      sendText<{ notes: Total; ticket: { notes: Total } }>(
        app.url,
        account.specialist.key,
        `query ($id: ID!) { notes${filter} { totalCount totalCountIsExact } ticket(id: $id) { notes { totalCount totalCountIsExact } } }`,
        { id: ticket.id },
      );
    const ofTicket = { notes: { totalCount: 12_000, totalCountIsExact: true } };
    expect((await total("")).data).toEqual({ notes: { totalCount: 100_001, totalCountIsExact: false }, ticket: ofTicket });
    expect((await total("(filter: { isPublic: false })")).data).toEqual({
      notes: { totalCount: 6_600, totalCountIsExact: true },
      ticket: ofTicket,
    });
  });

  test("beyond that they say 100,000, and that they stop there", async () => {
    expect(await headersOf("/v1/notes?per_page=100&fields=id")).toMatchObject({
      total: "100000",
      pages: "1000",
      throttled: "true",
    });
  });

  test("the last counted page can be asked for by its number, and none beyond it", async () => {
    expect(await headersOf("/v1/notes?per_page=100&fields=id&page=1000")).toMatchObject({ status: 200, throttled: "true" });
    expect(await headersOf("/v1/notes?per_page=100&page=1001")).toMatchObject({
      status: 400,
      body: { message: "Parameter 'page' cannot be greater than 1000" },
    });
  });
});
