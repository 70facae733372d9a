import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addTicket } from "../support/factories.ts";
import { linksOf, pathOf, v1 } from "../support/v1.ts";

const noteCount = 10_000;

let app: TestApp;
let account: TestAccount;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
});
afterAll(() => app.close());

async function addMany(ticket: Ticket, count: number): Promise<number[]> {
  const rows = await app.database.prisma.note.createManyAndReturn({
    data: Array.from({ length: count }, (_, index) => ({
      id: uuidv7(),
      accountId: account.id,
      ticketId: ticket.id,
      authorNumber: account.specialist.number,
      text: `Note ${index}`,
      isPublic: true,
      categories: [],
      // Many of one millisecond, as imports make them.
      createdAt: new Date(Date.UTC(2026, 0, 1) + Math.floor(index / 37) * 1000),
    })),
    select: { number: true },
  });
  return rows.map(({ number }) => number);
}

test.each([
  ["/v1/notes", "", "forward"],
  ["/v1/requests/:id/notes", "", "forward"],
  ["/v1/notes", "sort=-created_at,id&", "forward"],
  ["/v1/requests/:id/notes", "sort=person_id,-created_at,-id&", "forward"],
  ["/v1/requests/:id/notes", "sort=-created_at,id&", "back"],
] as const)("%s?%s: a walk %s by link while notes come and go", async (template, query, way) => {
  const ticket = await addTicket(app, account);
  const present = new Set(await addMany(ticket, noteCount));
  const path = template.replace(":id", String(ticket.number));
  const get = (where: string) => v1(app, where, { key: account.specialist.key });
  const start = await get(`${path}?${query}per_page=100${way === "back" ? `&page=${noteCount / 100}` : ""}`);
  const seen: number[] = [];
  const deleted = new Set<number>();

  let page = start;
  for (let turn = 0; ; turn += 1) {
    const ids: number[] = page.body.map(({ id }: { id: number }) => id);
    seen.push(...(way === "back" ? ids.toReversed() : ids));
    // The rows that cursors were made of go too: the first and the last of this page, some behind the walk, and some
    // before it.
    const candidates = [...present].filter((id) => !deleted.has(id));
    const victims = [
      ids[0],
      ids.at(-1),
      ...[0.1, 0.5, 0.9].map((share) => candidates[Math.floor(share * candidates.length)]),
    ].filter((id) => id !== undefined);
    for (const id of victims) deleted.add(id);
    await app.database.prisma.note.deleteMany({ where: { number: { in: victims } } });
    await addMany(ticket, 3);
    const next = linksOf(page)[way === "back" ? "prev" : "next"];
    if (next === undefined) break;
    expect(turn).toBeLessThan(300);
    page = await get(pathOf(next));
  }

  const throughout = [...present].filter((id) => !deleted.has(id));
  const met = new Set(seen);
  const lost = throughout.filter((id) => !met.has(id));
  expect(met.size).toBe(seen.length);
  expect(lost).toEqual([]);
  expect(deleted.size).toBeGreaterThan(300);
  await app.database.prisma.note.deleteMany({ where: { ticketId: ticket.id } });
});
