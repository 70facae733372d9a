import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addTickets } from "../support/factories.ts";
import { rowsRead } from "../support/rows-read.ts";

// One operation reads at most 5,000 rows to find those of all of its pages, where no index holds their filters.

const maxScanned = 5_000;
const ticketCount = 20;
const notesOfTicket = 400;
const notesFound = 4;

let app: TestApp;
let account: TestAccount;
let tickets: Ticket[];

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  tickets = await addTickets(app, account, ticketCount);
  await app.database.pool.query(
    `INSERT INTO notes (id, account_id, ticket_id, author_number, text, is_public, categories, created_at)
     SELECT gen_random_uuid(), $1, t.id, $2, 'Note ' || i, true,
       CASE WHEN i % 100 = 50 THEN '{POST_SCAN}' ELSE '{}' END::"NoteCategory"[], '2026-01-01'::timestamptz + i * interval '1 minute'
     FROM tickets t, generate_series(1, ${notesOfTicket}) i WHERE t.account_id = $1`,
    [account.id, account.specialist.number],
  );
  await app.database.pool.query("ANALYZE notes");
});
afterAll(() => app.close());

interface FoundPage {
  readonly nodes: readonly { readonly uuid: string }[];
  readonly pageInfo: { readonly isPartial: boolean; readonly hasNextPage: boolean; readonly endCursor: string | null };
}

const filter = "filter: { categories: [POST_SCAN] }";
const fields = "{ nodes { uuid } pageInfo { isPartial hasNextPage endCursor } }";

interface Asked<Data> {
  readonly data: Data;
  /** How many notes were read. */
  readonly read: number;
}

async function asked<Data>(text: string, variables?: unknown): Promise<Asked<Data>> {
  const { result, statements } = await app.statements.during(() =>
    sendText<Data>(app.url, account.specialist.key, text, variables),
  );
  expect(result.errors).toEqual([]);
  const reads = await Promise.all(
    statements.filter(({ text: sql }) => sql.includes("notes n")).map((one) => rowsRead(app.database, one, "notes")),
  );
  return { data: result.data, read: reads.reduce((sum, rows) => sum + rows, 0) };
}

interface Nested {
  readonly tickets: { readonly nodes: readonly { readonly uuid: string; readonly notes: FoundPage }[] };
}
const nested = `query ($size: Int) { tickets(first: $size) { nodes { uuid notes(first: 5, ${filter}) ${fields} } } }`;

describe("pages below a page", () => {
  test("share the rows of the operation, however many there are", async () => {
    for (const size of [2, 10, ticketCount]) {
      const { data, read } = await asked<Nested>(nested, { size });
      expect(data.tickets.nodes.length).toBe(size);
      expect(read, `${size} tickets`).toBeLessThanOrEqual(maxScanned);
    }
    const { read } = await asked<Nested>(nested, { size: ticketCount });
    expect(read).toBeGreaterThan(maxScanned / 4);
  });

  test("have all rows between them, if each is gone on with", async () => {
    const { data } = await asked<Nested>(nested, { size: ticketCount });
    expect(data.tickets.nodes.some(({ notes }) => notes.pageInfo.isPartial)).toBe(true);
    for (const ticket of data.tickets.nodes) {
      const found = ticket.notes.nodes.map(({ uuid }) => uuid);
      let { pageInfo } = ticket.notes;
      while (pageInfo.hasNextPage) {
        const { data: next } = await asked<{ ticket: { notes: FoundPage } }>(
          `{ ticket(id: "${ticket.uuid}") { notes(first: 5, ${filter}, after: "${pageInfo.endCursor}") ${fields} } }`,
        );
        found.push(...next.ticket.notes.nodes.map(({ uuid }) => uuid));
        ({ pageInfo } = next.ticket.notes);
      }
      expect(new Set(found).size).toBe(notesFound);
      expect(found.length).toBe(notesFound);
    }
  });

  test("can all be full, also if there are more of them than rows to read", async () => {
    const size = 100;
    const aliases = Array.from({ length: 20 }, (_, index) => `t${index}: ticket(id: "${tickets[index]?.id}") { ...notes }`);
    const whole = `notes(first: ${size}, filter: { createdAt: { gte: "2026-01-01T00:00:00Z" }, medium: [DEFAULT] })`;
    const { data, read } = await asked<Record<string, Record<string, FoundPage>>>(
      `{ ${aliases.join(" ")} } fragment notes on Ticket { a: ${whole} ${fields} b: ${whole} ${fields} c: ${whole} ${fields} }`,
    );
    const pages = Object.values(data).flatMap((ticket) => Object.values(ticket));
    expect(pages.length).toBe(60);
    for (const page of pages) expect(page.nodes.length).toBe(size);
    expect(read).toBeLessThanOrEqual(60 * (size + 1) * 2);
  });
});

test("fields side by side share the rows of the operation", async () => {
  // Of other sizes, since equal pages of one moment are read once.
  const pages = [1, 2, 3, 4].map((size) => `n${size}: notes(first: ${size}, filter: { categories: [PRE_SCAN] }) ${fields}`);
  const { data, read } = await asked<Record<string, FoundPage>>(`{ ${pages.join(" ")} }`);
  expect(Object.values(data).every(({ pageInfo }) => pageInfo.isPartial)).toBe(true);
  expect(read).toBeLessThanOrEqual(maxScanned);
});
