import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { openDatabase, type Database } from "../../src/platform/database.ts";
import { addAccount, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { createScratchDatabase, type ScratchDatabase } from "../support/database.ts";
import { addTicket } from "../support/factories.ts";
import type { RecordedStatement } from "../support/statements.ts";
import { linksOf, pathOf, v1 } from "../support/v1.ts";

// An account with more notes than totals are counted to, in a database of its own, and what its pages read of it.

const noteCount = 120_000;
const ticketCount = 3_000;

let scratch: ScratchDatabase;
let database: Database;
let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  scratch = await createScratchDatabase();
  database = await openDatabase(scratch.config, { warn: () => undefined });
  app = await startApp({ database });
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.otherCustomer });
  const { pool, end } = database.openMaintenancePool();
  await pool.query(
    `INSERT INTO tickets (id, account_id, kind, status, subject, requester_id, created_at, updated_at)
     SELECT gen_random_uuid(), $1, (ARRAY['REQUEST', 'PROBLEM', 'TASK'])[1 + i % 3]::"TicketKind",
       (ARRAY['PENDING', 'CLOSED'])[1 + i % 2]::"TicketStatus", 'Ticket ' || i, CASE WHEN i % 10 = 0 THEN $2::uuid END,
       '2026-01-01'::timestamptz + i * interval '1 minute', '2026-02-01'::timestamptz + (i * 7 % ${ticketCount}) * interval '1 minute'
     FROM generate_series(1, ${ticketCount}) i`,
    [account.id, account.customer.id],
  );
  // As a restored backup would come in: indexes last, and nothing asked of single rows, which are as the triggers would have left them.
  const { rows: indexes } = await pool.query<{ name: string; definition: string }>(
    `SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
     WHERE i.indrelid = 'notes'::regclass AND NOT i.indisunique`,
  );
  await pool.query(indexes.map(({ name }) => `DROP INDEX ${name}`).join("; "));
  await pool.query("ALTER TABLE notes DISABLE TRIGGER ALL");
  // One in ten on one ticket, and of those as of the others: one in 20 internal, one in 50 by mail, one in 40 by the administrator.
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
  await pool.query("ALTER TABLE notes ENABLE TRIGGER ALL");
  await pool.query(indexes.map(({ definition }) => definition).join("; "));
  await pool.query("VACUUM ANALYZE notes");
  await pool.query("ANALYZE tickets");
  await end();
}, 180_000);

afterAll(async () => {
  await app.close();
  await database.close();
  await scratch.drop();
});

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Index Recheck"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** How many rows of a table a statement reads, those it drops again among them. */
async function rowsRead({ text, values }: RecordedStatement, table: string): Promise<number> {
  const { rows } = await database.pool.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, [
    ...values,
  ]);
  const count = (node: PlanNode): number => {
    const read = node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0);
    const own = node["Relation Name"] === table ? read * node["Actual Loops"] : 0;
    return own + (node.Plans ?? []).reduce((sum, child) => sum + count(child), 0);
  };
  return count(rows[0]!["QUERY PLAN"][0].Plan);
}

/** The statement that reads the page itself. */
async function pageStatement(path: string, key: string, table: string) {
  const { result, statements } = await app.statements.during(() => v1(app, path, { key }));
  expect(result.status, result.text.slice(0, 300)).toBe(200);
  const statement = statements.find(
    ({ text }) => new RegExp(`FROM ${table} \\w`).test(text) && text.includes("LIMIT") && !text.includes("count(*)"),
  );
  return { page: result, statement: statement! };
}

/**
 * What a page of so many rows may read: one more, and one that shows where the ties of the last one end, in orders that have to gather them.
 * The first row of a later page may be looked at again, since the cursor stands for the one before it.
 */
const allowed = (rows: number, path: string) => rows + 1 + (/sort=[^&]*,/.test(path) ? 1 : 0);

describe("a page reads the rows it returns and one more", () => {
  const day = (date: string) => `2026-01-0${date}T00:00:00Z`;
  test.each([
    ["/v1/notes?per_page=100"],
    ["/v1/notes?per_page=20&sort=id"],
    ["/v1/notes?per_page=50&sort=created_at"],
    ["/v1/notes?per_page=50&sort=-created_at"],
    ["/v1/notes?per_page=50&sort=-created_at,id"],
    ["/v1/notes?per_page=50&sort=created_at,id"],
    ["/v1/notes?per_page=50&sort=person_id"],
    ["/v1/notes?per_page=50&sort=-person_id,-id"],
    ["/v1/notes/internal?per_page=100"],
    ["/v1/notes?state=internal&sort=id"],
    ["/v1/notes?medium=email"],
    ["/v1/notes?person=:administrator"],
    ["/v1/notes?person_id=:administrator&sort=-person_id"],
    [`/v1/notes?created_at=>${day("1")}<${day("2")}&sort=created_at`],
    [`/v1/notes?created_at=<${day("2")}&sort=-created_at,id`],
    ["/v1/requests/:ticket/notes?per_page=100"],
    ["/v1/requests/:ticket/notes?sort=-id"],
    ["/v1/requests/:ticket/notes?sort=-created_at,id"],
    ["/v1/requests/:ticket/notes?sort=created_at"],
    ["/v1/requests/:ticket/notes/internal"],
    ["/v1/requests/:ticket/notes?state=internal&sort=-id"],
    ["/v1/requests/:ticket/notes?medium=email"],
    ["/v1/requests/:ticket/notes?person=:administrator"],
    [`/v1/requests/:ticket/notes?created_at=>${day("2")}&sort=created_at`],
  ])("%s, on the first page and on the second", async (template) => {
    const path = template
      .replace(":ticket", String(ticket.number))
      .replace(":administrator", String(account.administrator.number));
    const first = await pageStatement(path, account.administrator.key, "notes");
    expect(first.page.body.length).toBeGreaterThanOrEqual(20);
    expect(await rowsRead(first.statement, "notes")).toBeLessThanOrEqual(allowed(first.page.body.length, path));
    const second = await pageStatement(pathOf(linksOf(first.page)["next"]!), account.administrator.key, "notes");
    expect(await rowsRead(second.statement, "notes")).toBeLessThanOrEqual(allowed(second.page.body.length, path) + 1);
  });

  test("for a customer, across their records and on one of them", async () => {
    const { id } = (await v1(app, "/v1/requests?per_page=1", { key: account.customer.key })).body[0] as { id: number };
    for (const path of ["/v1/notes?per_page=100", "/v1/notes/public?sort=id", `/v1/requests/${id}/notes`]) {
      const { page, statement } = await pageStatement(path, account.customer.key, "notes");
      expect(page.body.length).toBeGreaterThanOrEqual(20);
      expect(await rowsRead(statement, "notes"), path).toBeLessThanOrEqual(page.body.length + 1);
    }
  });

  // Where most of what lies in the way is wanted, PostgreSQL reads past the rest rather than by an index of its own: 19 of 20 notes are public, and
  // one record of three is a request.
  test.each([
    ["/v1/notes/public?per_page=100", "notes", 20 / 19],
    ["/v1/requests/:ticket/notes/public", "notes", 20 / 19],
    ["/v1/requests?", "tickets", 3],
    ["/v1/requests?sort=-id", "tickets", 3],
    ["/v1/requests?sort=created_at", "tickets", 3],
    ["/v1/requests?sort=-updated_at,id", "tickets", 3],
    ["/v1/requests?sort=status", "tickets", 3],
    ["/v1/requests?status=closed&sort=created_at", "tickets", 6],
    ["/v1/requests?created_at=>2026-01-01T02:00:00Z&sort=created_at", "tickets", 3],
  ] as const)("%s reads of %s no more than stand between the ones it returns", async (template, table, share) => {
    const path = template.replace(":ticket", String(ticket.number));
    const first = await pageStatement(path, account.specialist.key, table);
    const second = await pageStatement(pathOf(linksOf(first.page)["next"]!), account.specialist.key, table);
    for (const { page, statement } of [first, second]) {
      expect(await rowsRead(statement, table)).toBeLessThanOrEqual(share * (allowed(page.body.length, path) + 1) + 5);
    }
  });

  test("the five hundredth page by cursor reads no more than the first", async () => {
    const before = await v1(app, "/v1/notes?per_page=100&fields=id&page=499", { key: account.specialist.key });
    const path = pathOf(linksOf(before)["next"]!);
    expect(path).toContain("search_after=");
    const { page, statement } = await pageStatement(path, account.specialist.key, "notes");
    expect(page.headers.get("x-pagination-current-page")).toBe("500");
    expect(await rowsRead(statement, "notes")).toBeLessThanOrEqual(101);
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
