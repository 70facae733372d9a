import { type GraphQLField, type GraphQLFieldResolver, GraphQLError, type GraphQLObjectType } from "graphql";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { schema } from "../../src/schema.ts";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { addAccount, call, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { createScratchDatabase, type ScratchDatabase } from "../support/database.ts";
import { addNote, addTicket, statementsOf } from "../support/factories.ts";
import { takeFaults } from "../support/faults.ts";

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly reqId?: string;
  readonly err?: { readonly type: string; readonly stack: string };
  readonly path?: readonly string[];
}

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;
let note: Note;
const written: Line[] = [];

beforeAll(async () => {
  app = await startApp({ logLevel: "error", logTo: { write: (line) => void written.push(JSON.parse(line) as Line) } });
  account = await addAccount(app);
  ticket = await addTicket(app, account);
  note = await addNote(app, ticket, account.specialist);
});
afterAll(() => app.close());

const ask = (query: string) => sendText<Record<string, unknown> | null>(app.url, account.specialist.key, query);

/** The answer to `query`, and how many statements it took. */
async function costOf(query: string) {
  let answer: Awaited<ReturnType<typeof ask>> | undefined;
  const statements = await statementsOf(app, async () => {
    answer = await ask(query);
  });
  return { ...answer!, statements: statements.length };
}

/** What /metrics counts under `name`, by its labels. */
async function counted(name: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return Object.fromEntries(
    lines.map((line) => [line.slice(name.length, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
  );
}

const rootField = (name: string): GraphQLField<unknown, unknown> => schema.getQueryType()!.getFields()[name]!;

/** Runs `work` while the root field `name` is resolved by `resolve`. */
async function resolvedBy<Result>(
  field: GraphQLField<unknown, unknown>,
  resolve: GraphQLFieldResolver<unknown, unknown>,
  work: () => Promise<Result>,
): Promise<Result> {
  const before = field.resolve!;
  field.resolve = resolve;
  try {
    return await work();
  } finally {
    field.resolve = before;
  }
}

const breakDown = () => {
  throw new TypeError("Cannot read properties of undefined");
};

describe("a fault in the JSON executor", () => {
  test("is logged with the request id, counted, and answered as INTERNAL, without reading anything again", async () => {
    const before = await counted("graphql_json_fault_total");
    written.length = 0;
    const answer = await resolvedBy(rootField("ticket"), breakDown, () =>
      costOf(`{ note(id: "${note.id}") { uuid } ticket(id: "${ticket.id}") { uuid } }`),
    );
    expect(answer).toMatchObject({
      status: 500,
      data: { note: { uuid: note.id }, ticket: null },
      errors: [{ path: ["ticket"], extensions: { code: "INTERNAL" } }],
    });
    expect(answer.errors[0]!.message).not.toContain("undefined");
    expect(answer.statements).toBe(1);
    expect(written).toMatchObject([{ level: 50, msg: "a GraphQL operation failed", path: ["ticket"] }]);
    expect(written[0]!.err).toMatchObject({ type: "JsonExecutionFault" });
    expect(written[0]!.err!.stack).toContain("TypeError: Cannot read properties of undefined");
    expect(written[0]!.reqId).toMatch(/^[\da-f-]{36}$/);
    expect(await counted("graphql_json_fault_total")).toEqual({ "": before[""]! + 1 });
    // As every test is made to fail that leaves one.
    expect(takeFaults().length).toBe(1);
  });

  test("takes the whole answer with it where its field cannot be null", async () => {
    const answer = await resolvedBy(rootField("viewer"), breakDown, () =>
      costOf(`{ note(id: "${note.id}") { uuid } viewer { role } }`),
    );
    expect(answer).toMatchObject({ status: 500, data: null, errors: [{ path: ["viewer"], extensions: { code: "INTERNAL" } }] });
    expect(takeFaults().length).toBe(1);
  });

  test("below the root is one as well", async () => {
    const { role } = (schema.getType("Viewer") as GraphQLObjectType).getFields();
    const answer = await resolvedBy(role!, breakDown, () => costOf("{ viewer { role } }"));
    expect(answer).toMatchObject({ status: 500, data: null, errors: [{ extensions: { code: "INTERNAL" } }] });
    expect(takeFaults().length).toBe(1);
  });
});

describe("what is told to the client", () => {
  test("is found by graphql-js with its place, counted, and no fault", async () => {
    const before = await counted("graphql_json_fallback_total");
    const answer = await ask(`{ note(id: "${note.id}") { uuid } wrong: note(id: "none") { uuid } }`);
    expect(answer).toMatchObject({
      status: 200,
      data: { note: { uuid: note.id }, wrong: null },
      errors: [{ path: ["wrong"], extensions: { code: "INVALID_INPUT" } }],
    });
    const told = await resolvedBy(
      rootField("ticket"),
      () => {
        throw new GraphQLError("No.");
      },
      () => ask('{ ticket(id: "x") { uuid } }'),
    );
    expect(told).toMatchObject({ data: { ticket: null }, errors: [{ message: "No.", path: ["ticket"] }] });
    expect(await counted("graphql_json_fallback_total")).toEqual({
      '{reason="unsupported"}': before['{reason="unsupported"}'],
      '{reason="client_error"}': before['{reason="client_error"}']! + 2,
    });
  });

  test("is counted apart from what cannot be written as JSON", async () => {
    const before = await counted("graphql_json_fallback_total");
    const names = Array.from({ length: 5 }, (_, index) => `a${index}: text`).join(" ");
    expect(await ask(`{ notes { nodes { ${names} } } }`)).toMatchObject({ status: 200, errors: [] });
    expect(await counted("graphql_json_fallback_total")).toEqual({
      '{reason="unsupported"}': before['{reason="unsupported"}']! + 1,
      '{reason="client_error"}': before['{reason="client_error"}'],
    });
  });
});

describe("neighbours are read once beside", () => {
  const neighbours = () => `note(id: "${note.id}") { uuid text } tickets { nodes { uuid } }`;

  test.each([
    ["introspection", "__schema { queryType { name } }", { __schema: { queryType: { name: "Query" } } }, []],
    ["a type", 'T: __type(name: "Note") { name }', { T: { name: "Note" } }, []],
    ["a field that fails", 'bad: note(id: "none") { uuid }', { bad: null }, [{ path: ["bad"] }]],
    [
      "a field that fails below the root",
      "bad: ticket(id: $id) { notes(first: -1) { totalCount } }",
      { bad: null },
      [{ path: ["bad", "notes"] }],
    ],
  ])("%s", async (_of, field, data, errors) => {
    const alone = await costOf(`{ ${neighbours()} }`);
    expect(alone.statements).toBe(2);
    const given = field.replace("$id", JSON.stringify(ticket.id));
    const own = (await costOf(`{ ${given} }`)).statements;
    const both = await costOf(`{ first: ${neighbours()} ${given} }`);
    expect(both.data).toEqual({ first: alone.data!["note"], tickets: alone.data!["tickets"], ...data });
    expect(both.errors).toMatchObject(errors);
    expect(both.statements).toBe(2 + own);
  });

  test("introspection, through fragments and in the order of the document", async () => {
    const query = `{ ...F note(id: "${note.id}") { uuid } ... { __schema { ...S } } } fragment F on Query { __schema { description } viewer { role } } fragment S on __Schema { queryType { name } }`;
    const { data, errors, statements } = await costOf(query);
    expect(errors).toEqual([]);
    expect(JSON.stringify(data)).toBe(
      JSON.stringify({
        __schema: { description: null, queryType: { name: "Query" } },
        viewer: { role: "SPECIALIST" },
        note: { uuid: note.id },
      }),
    );
    expect(statements).toBe(1);
  });

  test("a field that fails and cannot be null: then nothing is answered", async () => {
    const { data, errors } = await ask(`{ note(id: "${note.id}") { uuid } tickets(first: -1) { totalCount } }`);
    expect([data, errors]).toMatchObject([null, [{ path: ["tickets"] }]]);
  });
});

// The embedded database has one session, which a lock of its own does not stop.
describe.skipIf(inject("testServer").kind === "embedded")("what the database has no time for", () => {
  let scratch: ScratchDatabase;
  let database: Database;
  let beside: Database;
  let locked: TestApp;

  beforeAll(async () => {
    scratch = await createScratchDatabase();
    const limits = { connectMilliseconds: 2_000, statementMilliseconds: 300, answerMilliseconds: 2_000 };
    database = await openDatabase(scratch.config, { warn: () => undefined }, limits);
    beside = await openDatabase(scratch.config, { warn: () => undefined });
    locked = await startApp({ database });
  });
  afterAll(async () => {
    await locked.close();
    await database.close();
    await beside.close();
    await scratch.drop();
  });

  test("is asked once, and answered with 503 as on /v2", async () => {
    const own = await addAccount(locked);
    const ofTicket = await addTicket(locked, own);
    const ofNote = await addNote(locked, ofTicket, own.specialist);
    const send = (query: string) => sendText(locked.url, own.specialist.key, query);
    // Its credential is known, as is its statement.
    locked.time.elapsed = 0;
    const one = `{ note(id: "${ofNote.id}") { uuid text } }`;
    const two = `{ note(id: "${ofNote.id}") { uuid text } viewer { role } tickets { nodes { notes { totalCount } } } }`;
    for (const query of [one, two]) expect((await send(query)).status).toBe(200);

    const client = await beside.pool.connect();
    try {
      await client.query("BEGIN; LOCK TABLE notes IN ACCESS EXCLUSIVE MODE");
      for (const [query, statements] of [
        [one, 1],
        [two, 2],
      ] as const) {
        const asked = await locked.statements.during(() => send(query));
        expect(asked.result).toMatchObject({ status: 503, errors: [{ extensions: { code: "UNAVAILABLE" } }] });
        expect(asked.statements.map(({ text }) => text)).toHaveLength(statements);
      }
      const rest = await locked.statements.during(() =>
        call(locked, own.specialist.key, "GET", `/v2/tickets/notes/${ofNote.id}`),
      );
      expect([rest.result.status, rest.statements.length]).toEqual([503, 1]);
    } finally {
      await client.query("ROLLBACK");
      client.release();
    }
    expect((await send(two)).status).toBe(200);
  });
});
