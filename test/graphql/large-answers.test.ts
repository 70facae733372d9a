import type { Duplex } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import type { Database } from "../../src/database/database.ts";
import { openGatewayDatabase } from "../support/database.ts";
import { addNotes, addTicket, globalId, statementsOf } from "../support/factories.ts";

const maxResponseBytes = 400_000;
const textBytes = 20_000;

let database: Database;
let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  database = await openGatewayDatabase();
  app = await startApp({ maxResponseBytes, database });
  account = await addAccount(app);
  ticket = await addTicket(app, account);
  await addNotes(app, ticket, account.specialist, 40, () => ({ text: "x".repeat(textBytes) }));
});
afterAll(() => app.close());

const ask = (query: string, variables?: unknown) => sendText<never>(app.url, account.specialist.key, query, variables);
const ticketNotes = (size: number, selection: string) =>
  `ticket(id: "${globalId("Ticket", ticket.id)}") { notes(first: ${size}) { nodes { ${selection} } } }`;

function expectTooLarge({ status, errors }: Awaited<ReturnType<typeof ask>>) {
  expect(errors.map(({ extensions }) => extensions["code"])).toContain("ANSWER_TOO_LARGE");
  expect(status).toBe(400);
}

describe("an answer within the limit", () => {
  test("is answered, also where it is larger than those that go together", async () => {
    const { errors, data } = await ask(`{ ${ticketNotes(18, "text")} }`);
    expect(errors).toEqual([]);
    expect(JSON.stringify(data).length).toBeGreaterThan(18 * textBytes);
  });

  test("is answered to many who ask for it at once", async () => {
    // Together they have three times of what all answers under way may have.
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask(`{ ${ticketNotes(18, "text")} }`)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(new Set(answers.map(({ data }) => JSON.stringify(data))).size).toBe(1);
  });
});

test("large answers of one statement are read once each, though each has another size", async () => {
  const query = "query ($id: ID!) { ticket(id: $id) { notes(first: 19) { nodes { text } } } }";
  const tickets = await Promise.all(
    [15, 17, 14, 18, 14].map(async (count) => {
      const one = await addTicket(app, account);
      await addNotes(app, one, account.specialist, count, () => ({ text: "x".repeat(textBytes) }));
      return one;
    }),
  );
  // The first one tells that they are large.
  await ask(query, { id: tickets[0]?.id });
  for (const { id } of tickets) {
    const statements = await statementsOf(app, async () => expect((await ask(query, { id })).status).toBe(200));
    expect(statements).toHaveLength(1);
  }
});

test("a statement that had one large answer goes out for several again once it has a small one", async () => {
  const query = "query ($id: ID!) { ticket(id: $id) { notes(first: 18) { nodes { text } } } }";
  const [one, other] = [await addTicket(app, account), await addTicket(app, account)];
  expect((await ask(query, { id: ticket.id })).status).toBe(200);
  expect((await ask(query, { id: one.id })).status).toBe(200);
  const statements = await statementsOf(app, () => Promise.all([one, other].map(({ id }) => ask(query, { id }))));
  expect(statements.length).toBe(1);
});

describe("an answer beyond the limit is refused", () => {
  test("in one statement's answer", async () => expectTooLarge(await ask(`{ ${ticketNotes(40, "text")} }`)));

  test("in several that are within it each", async () => {
    const aliases = Array.from({ length: 10 }, (_, index) => `a${index}: ${ticketNotes(5, "text")}`);
    expectTooLarge(await ask(`{ ${aliases.join(" ")} }`));
  });

  test("while it is being written, where its pages are within others", async () => {
    const query = `{ tickets(first: 100) { nodes { notes(first: 20) { nodes { text ticket { notes(first: 20) { nodes { text } } } } } } } }`;
    const { result, statements } = await app.statements.during(() => ask(query));
    expectTooLarge(result);
    expect(statements.filter(({ text }) => text.includes("within_bytes")).length).toBe(1);
  });

  test("where one text stands in it under many names", async () => {
    const names = Array.from({ length: 60 }, (_, index) => `t${index}: text`);
    expectTooLarge(await ask(`{ ${ticketNotes(1, names.join(" "))} }`));
  });

  test("where the names are those of pages of one parent", async () => {
    const pages = Array.from({ length: 12 }, (_, index) => `n${index}: notes(first: 10) { nodes { text } }`);
    expectTooLarge(await ask(`{ ticket(id: "${ticket.id}") { ${pages.join(" ")} } }`));
  });

  test("where it is rendered", async () => {
    const names = Array.from({ length: 25 }, (_, index) => `t${index}: textHtml`);
    expectTooLarge(await ask(`{ ${ticketNotes(1, names.join(" "))} }`));
  });

  test("where it is a mutation's, which is done", async () => {
    const names = Array.from({ length: 60 }, (_, index) => `t${index}: text`);
    const input = { ticketId: ticket.id, text: "y".repeat(textBytes) };
    const answer = await ask(
      `mutation ($input: AddNoteInput!) { addNote(input: $input) { ... on AddNotePayload { note { ${names.join(" ")} } } } }`,
      { input },
    );
    expectTooLarge(answer);
  });

  test("by /v1 and /v2, with 413 and the same words", async () => {
    const v1 = await call(app, account.specialist.key, "GET", "/v1/notes?per_page=100", undefined, {
      authorization: `Bearer ${account.specialist.key}`,
    });
    expect(v1.status).toBe(413);
    expect(v1.body).toMatchObject({ message: expect.stringContaining(`the ${maxResponseBytes} bytes`) });
    const many = await addTicket(app, account);
    await addNotes(app, many, account.specialist, 400, () => ({ text: "z".repeat(1_400) }));
    const v2 = await call(app, account.specialist.key, "GET", `/v2/tickets/notes?ticket_id=${many.id}&limit=1000`);
    expect(v2.status).toBe(413);
    expect(v2.body).toMatchObject({ detail: expect.stringContaining(`the ${maxResponseBytes} bytes`) });
  });

  test("before its bytes travel", async () => {
    const received = countBytes(database);
    expectTooLarge(await ask(`{ ${ticketNotes(39, "text number")} }`));
    expect(received()).toBeLessThan(10_000);
  });
});

/** Counts what arrives over the connections of `pool` that are used from now on. */
function countBytes({ pool }: Database): () => number {
  let bytes = 0;
  const listened = new Set<Duplex>();
  pool.on("acquire", (client) => {
    const { stream } = client.connection;
    if (listened.has(stream)) return;
    listened.add(stream);
    stream.on("data", (chunk: Buffer) => (bytes += chunk.length));
  });
  return () => bytes;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void; // what the flag gives every new context

function heapMegabytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1_000_000;
}

test.each([
  [
    "GraphQL",
    (after: string) =>
      ask("query ($gt: DateTime) { notes(first: 18, filter: { createdAt: { gt: $gt } }) { nodes { text } } }", { gt: after }),
  ],
  [
    "/v1",
    (after: string) =>
      call(app, undefined, "GET", `/v1/notes?per_page=18&created_at=%3E${after}`, undefined, {
        authorization: `Bearer ${account.specialist.key}`,
      }),
  ],
])("of answers to other filters each time nothing is kept by %s", async (_api, read) => {
  const day = (index: number) => new Date(Date.UTC(2000, 0, 1 + index)).toISOString();
  for (let index = 0; index < 10; index += 1) expect((await read(day(index))).status).toBe(200);
  const before = heapMegabytes();
  for (let index = 10; index < 130; index += 1) expect((await read(day(index))).status).toBe(200);
  // They had 42 MB together. What else a process does changes its heap by some megabytes.
  expect(heapMegabytes() - before).toBeLessThan(15);
});
