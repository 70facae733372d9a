import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadDemo, type DemoKeys } from "../src/demo/load.ts";
import { curlLines, demoExamples, prepareDemo } from "../src/demo/start.ts";
import { openDatabase, type Database } from "../src/database/database.ts";
import { accountIdOf } from "../src/transfer/folder-source.ts";
import { graphql } from "./generated/gql.ts";
import { call, send, startApp, type TestApp } from "./support/app.ts";
import { createScratchDatabase, type ScratchDatabase } from "./support/database.ts";

const DemoTickets = graphql(`
  query DemoTickets($after: String) {
    tickets(first: 100, after: $after) {
      nodes {
        uuid
        number
        kind
        account {
          slug
        }
      }
    }
  }
`);

const DemoNotes = graphql(`
  query DemoNotes($after: String) {
    notes(first: 100, after: $after, orderBy: { field: NUMBER, direction: ASC }) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        text
        isPublic
        medium
        categories
        author {
          name
        }
        ticket {
          number
          kind
        }
        attachments(first: 100) {
          nodes {
            filename
            contentType
            size
            state
            download {
              url
            }
          }
        }
      }
    }
  }
`);

let scratch: ScratchDatabase;
let database: Database;
let app: TestApp;
let keys: DemoKeys;

beforeAll(async () => {
  scratch = await createScratchDatabase();
  database = await openDatabase(scratch.config, { warn: () => undefined });
  app = await startApp({ database });
  keys = await loadDemo({ database, storage: app.storage });
});
afterAll(async () => {
  await app.close();
  await database.close();
  await scratch.drop();
});

async function notesOf(key: string) {
  const notes = [];
  for (let after: string | null = null, more = true; more;) {
    const { data, errors }: Awaited<ReturnType<typeof send<Awaited<ReturnType<typeof page>>["data"], unknown>>> = await page(
      key,
      after,
    );
    expect(errors).toEqual([]);
    notes.push(...data.notes.nodes);
    [after, more] = [data.notes.pageInfo.endCursor ?? null, data.notes.pageInfo.hasNextPage];
  }
  return notes;
}

const page = (key: string, after: string | null) => send(app, key, DemoNotes, { after });

test("there is enough of everything to look like work", async () => {
  const { prisma } = database;
  expect(await prisma.account.count()).toBeGreaterThanOrEqual(2);
  expect(await prisma.person.count()).toBeGreaterThanOrEqual(8);
  expect(await prisma.ticket.count()).toBeGreaterThanOrEqual(30);
  expect(await prisma.note.count()).toBeGreaterThanOrEqual(300);
  expect(await prisma.attachment.count({ where: { state: "READY" } })).toBeGreaterThanOrEqual(40);
  expect(await prisma.attachment.count({ where: { state: { not: "READY" } } })).toBe(0);
});

test("every kind of ticket, every medium but redaction, and every category is met", async () => {
  const tickets = (await send(app, keys.specialist, DemoTickets, {})).data.tickets.nodes;
  expect(new Set(tickets.map(({ kind }) => kind)).size).toBe(8);
  const notes = await notesOf(keys.specialist);
  expect(new Set(notes.map(({ medium }) => medium)).size).toBeGreaterThanOrEqual(5);
  expect(new Set(notes.flatMap(({ categories }) => categories))).toEqual(new Set(["PRE_SCAN", "POST_SCAN"]));
  expect(new Set(notes.map(({ isPublic }) => isPublic))).toEqual(new Set([true, false]));
});

test("every attachment downloads, with the bytes and the type it is said to have", async () => {
  const all = [...(await notesOf(keys.specialist)), ...(await notesOf(keys.outsider))].flatMap(
    ({ attachments }) => attachments.nodes,
  );
  expect(all.length).toBe(await database.prisma.attachment.count());
  for (const { filename, contentType, size, download } of all) {
    const response = await fetch(download!.url);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect([filename, response.status, response.headers.get("content-type"), bytes.length]).toEqual([
      filename,
      200,
      contentType,
      size,
    ]);
    const begins: Record<string, string> = { "image/png": "89504e47", "image/jpeg": "ffd8ff", "application/pdf": "25504446" };
    expect(bytes.toString("hex").startsWith(begins[contentType] ?? ""), filename).toBe(true);
    expect(bytes.length).toBeGreaterThan(0);
  }
});

describe("the customer", () => {
  test("sees public notes, and only those of their own tickets", async () => {
    const notes = await notesOf(keys.customer);
    expect(notes.length).toBeGreaterThan(0);
    expect(notes.every(({ isPublic }) => isPublic)).toBe(true);
    const own = (await send(app, keys.customer, DemoTickets, {})).data.tickets.nodes.map(({ number }) => number);
    expect(notes.filter(({ ticket }) => !own.includes(ticket.number))).toEqual([]);
    const { person } = await database.prisma.apiKey
      .findFirstOrThrow({ where: { name: "demo: customer" }, include: { membership: { include: { person: true } } } })
      .then(({ membership }) => membership);
    expect(notes.length).toBe(
      await database.prisma.note.count({ where: { isPublic: true, ticket: { requesterId: person.id } } }),
    );
    expect(notes.length).toBeLessThan((await notesOf(keys.specialist)).length);
  });

  test("finds the examples that are printed, which every one of the account may see", async () => {
    const { ticketId, noteId } = demoExamples();
    for (const key of [keys.admin, keys.specialist, keys.customer]) {
      expect((await call(app, key, "GET", `/v2/tickets/notes?ticket_id=${ticketId}`)).status).toBe(200);
      expect((await call(app, key, "GET", `/v2/tickets/notes/${noteId}`)).status).toBe(200);
    }
    expect((await call(app, keys.outsider, "GET", `/v2/tickets/notes?ticket_id=${ticketId}`)).status).toBe(404);
  });
});

test("the outsider's account shares nothing with the others'", async () => {
  const slugs = async (key: string) =>
    new Set((await send(app, key, DemoTickets, {})).data.tickets.nodes.map(({ account }) => account.slug));
  const [inside, outside] = [await slugs(keys.specialist), await slugs(keys.outsider)];
  expect([inside.size, outside.size]).toEqual([1, 1]);
  expect(inside).not.toEqual(outside);
});

test("mentions and references in the texts lead to what is there, of the kind that is said", async () => {
  const notes = await database.prisma.note.findMany();
  let mentions = 0;
  let references = 0;
  for (const { text, accountId } of notes) {
    for (const [, number, name] of text.matchAll(/<@(\d+)\|([^>]*)>/g)) {
      const person = await database.prisma.person.findUnique({ where: { number: Number(number) } });
      expect([text, person?.name]).toEqual([text, name]);
      mentions += 1;
    }
    for (const [, kind, number] of text.matchAll(/<([a-z_]+)#(\d+)>/g)) {
      const ticket = await database.prisma.ticket.findFirst({ where: { number: Number(number) } });
      expect([text, ticket?.kind.toLowerCase(), ticket?.accountId]).toEqual([text, kind, accountId]);
      references += 1;
    }
  }
  expect(mentions).toBeGreaterThan(0);
  expect(references).toBeGreaterThan(0);
});

test("an account of the demo data that was imported is no load that was interrupted", async () => {
  const other = await createScratchDatabase();
  const moved = await openDatabase(other.config, { warn: () => undefined });
  const dataDirectory = mkdtempSync(join(tmpdir(), "demo-moved-"));
  try {
    const [id, createdAt] = [accountIdOf("brightwater"), new Date()];
    await moved.prisma.account.create({ data: { id, slug: "brightwater", name: "Brightwater", createdAt } });
    const { storage } = app;
    expect(await prepareDemo(dataDirectory, { database: moved, storage })).toBeNull();
    expect([await moved.prisma.account.count(), readdirSync(dataDirectory)]).toEqual([1, []]);
    writeFileSync(join(dataDirectory, "demo-load-begun"), "");
    expect(await prepareDemo(dataDirectory, { database: moved, storage })).toMatchObject({ isNew: true });
    expect([await moved.prisma.account.count(), existsSync(join(dataDirectory, "demo-load-begun"))]).toEqual([2, false]);
  } finally {
    await moved.close();
    await other.drop();
    rmSync(dataDirectory, { recursive: true });
  }
});

test("the curl lines have no single quote in them that a shell would stumble over", () => {
  const lines = curlLines("http://127.0.0.1:4000", { keys, examples: demoExamples() });
  expect(lines.length).toBeGreaterThanOrEqual(2);
  for (const line of lines) expect(line.match(/'/g)!.length % 2).toBe(0);
});
