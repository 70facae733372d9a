import { getIntrospectionQuery } from "graphql";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { Note } from "#generated/prisma/client.ts";
import { negotiate } from "../../src/graphql/server/http/negotiate.ts";
import { openDatabase, type Database } from "../../src/database/database.ts";
import { addAccount, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { createScratchDatabase, type ScratchDatabase } from "../support/database.ts";
import { addNote, addTicket } from "../support/factories.ts";
import { takeFaults } from "../support/faults.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";

/** What clients accept, and the media type of their answers. */
const accepted: readonly (readonly [accept: string | undefined, type: string])[] = [
  [undefined, "application/graphql-response+json"],
  ["*/*", "application/json"],
  ["application/*", "application/json"],
  ["application/json", "application/json"],
  ["application/graphql-response+json", "application/graphql-response+json"],
  ["application/json, application/graphql-response+json", "application/json"],
  // Apollo's clients for Android and iOS.
  [
    "multipart/mixed;deferSpec=20220824, application/graphql-response+json, application/json",
    "application/graphql-response+json",
  ],
  [
    "multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json",
    "application/graphql-response+json",
  ],
  ["multipart/mixed;deferSpec=20220824,application/json", "application/json"],
  // Apollo's client for the web, now and before.
  ["application/graphql-response+json,application/json;q=0.9", "application/graphql-response+json"],
  ["multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json", "application/json"],
  // urql.
  [
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed",
    "application/graphql-response+json",
  ],
  // axios.
  ["application/json, text/plain, */*", "application/json"],
  ["application/json;q=0.2, application/graphql-response+json;q=0.3", "application/graphql-response+json"],
  ["application/graphql-response+json;q=0, */*", "application/json"],
  ["application/json;q=0, */*;q=0.1", "application/graphql-response+json"],
  ["Application/GraphQL-Response+JSON;charset=utf-8, application/json; q=0.9, */*;q=0.1", "application/graphql-response+json"],
];

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
}

interface Asked {
  readonly accept: string | undefined;
  readonly body: string | Buffer;
  readonly key?: string;
}

/** What differs from one answer to the next, whatever was asked. */
const passing: readonly string[] = ["x-request-id", "date", "ratelimit"];

async function post({ app }: TestApp, { accept, body, key }: Asked): Promise<Answer> {
  const response = await app.server.inject({
    method: "POST",
    url: "/graphql",
    headers: {
      "content-type": "application/json",
      ...(key === undefined ? {} : { "x-api-key": key }),
      ...(accept === undefined ? {} : { accept }),
    },
    payload: body,
  });
  const headers = Object.entries(response.headers).filter(([name]) => !passing.includes(name));
  return { status: response.statusCode, headers: Object.fromEntries(headers), body: response.body };
}

/** A gateway, and one on the same database that answers through Yoga: an operator's plugin looks at its requests. */
interface Both {
  readonly fast: TestApp;
  readonly yoga: TestApp;
}

async function startBoth(options: { readonly database?: Database } = {}): Promise<Both> {
  const fast = await startApp(options);
  const yoga = await startApp({ ...options, database: fast.database, plugins: [{ onRequest: () => undefined }] });
  return { fast, yoga };
}

/** A refusal without its words: with a plugin, those are Yoga's. */
function withoutWords({ status, body }: Answer): object {
  const { errors } = JSON.parse(body) as { errors?: readonly { extensions?: { code?: string } }[] };
  return { status, codes: errors?.map(({ extensions }) => extensions?.code) };
}

/** Of what clients accept, one of each kind. */
const kinds = [undefined, "application/json", "multipart/mixed;deferSpec=20220824,application/json"];

/** Asks as clients do, on the fast path and through Yoga. */
async function expectSameAnswers(
  { fast: app, yoga }: Both,
  body: string | Buffer,
  { key, inOwnWords = false }: { readonly key?: string | undefined; readonly inOwnWords?: boolean } = {},
): Promise<Answer[]> {
  const compared = inOwnWords ? withoutWords : (answer: Answer) => answer;
  const answers: Answer[] = [];
  for (const accept of kinds) {
    const given = { accept, ...(key === undefined ? {} : { key }) };
    const fast = await post(app, { ...given, body });
    expect([accept, compared(fast)]).toEqual([accept, compared(await post(yoga, { ...given, body }))]);
    // Both take the body from one result, so what is no JSON would be equal too.
    expect(() => void JSON.parse(fast.body)).not.toThrow();
    answers.push(fast);
  }
  return answers;
}

test("a query is answered as JSON wherever that is taken, in the type of the greatest weight", () => {
  for (const [accept, type] of accepted) {
    expect([accept, negotiate(accept)]).toEqual([accept, type]);
    expect(negotiate(`text/html, ${accept ?? type}`)).toBe(type);
  }
  expect(negotiate("")).toBe("application/graphql-response+json");
  expect(negotiate("multipart/mixed;deferSpec=20220824")).toBe("multipart/mixed");
  expect(negotiate("text/event-stream, application/json;q=0")).toBe("text/event-stream");
  const none = [
    "text/html",
    "nonsense",
    "image/*",
    "application/json;charset=latin1",
    "application/json;q=0",
    "application/json; q=0.0, application/graphql-response+json;q=0.000",
    "*/*;q=0",
    ", ,",
  ];
  for (const accept of none) expect([accept, negotiate(accept)]).toEqual([accept, undefined]);
});

/** Requests without an operation to execute. What is wrong with their parameters is told, and not known to Yoga. */
const refusedBeforeTheDocument: ReadonlySet<string> = new Set([
  "nothing but a fragment",
  "an unknown operation name",
  "an operation name for none that has one",
  "an operation name that is a number",
  "several operations",
  "an invalid document with several operations",
  "no query",
  "a query that is null",
  "a query that is a number",
  "a query that is a list",
  "variables that are a string",
  "variables that are a list",
  "extensions that are a string",
  "extensions that are a list",
  "a parameter that is none",
  "a parameter __proto__",
  "a batch",
  "an empty batch",
  "null",
  "a string",
  "a number",
  "an empty body",
  "what is not JSON",
  "JSON after a byte order mark",
]);

describe("the fast path and Yoga answer the same, with the same status and headers, to", () => {
  let both: Both;
  let account: TestAccount;
  let note: Note;

  beforeAll(async () => {
    both = await startBoth();
    account = await addAccount(both.fast);
    note = await addNote(both.fast, await addTicket(both.fast, account), account.specialist);
  });
  afterAll(async () => {
    await both.yoga.close();
    await both.fast.close();
  });

  const asked = (query: unknown, more: object = {}) => JSON.stringify({ query, ...more });
  const pages =
    "tickets(first: 100) { nodes { notes(first: 100) { nodes { attachments(first: 100) { nodes { filename } } } } } }";
  const deep = `{ ${"tickets { nodes { notes { nodes { ticket { ".repeat(5)} id ${"} } } } } ".repeat(5)} }`;

  test.each<[string, (given: { noteId: string }) => string | Buffer]>([
    ["a query", () => asked("{ viewer { role person { name } } }")],
    [
      "a query with variables",
      ({ noteId }) => asked("query ($id: ID!) { note(id: $id) { uuid text } }", { variables: { id: noteId } }),
    ],
    [
      "a query for what is not there",
      ({ noteId }) => asked("query ($id: ID!) { ticket(id: $id) { uuid } }", { variables: { id: noteId } }),
    ],
    [
      "parameters that are null",
      () => asked("{ viewer { role } }", { variables: null, operationName: null, extensions: null, id: null }),
    ],
    ["extensions", () => asked("{ viewer { role } }", { extensions: { persistedQuery: { version: 1 } } })],
    ["introspection", () => asked(getIntrospectionQuery())],
    ["__typename", () => asked("{ __typename }")],
    ["a document with another sort of ending", () => asked("{ viewer { role } }\r\n# done\r\n")],
    ["a syntax error", () => asked("{ viewer {")],
    ["nothing but a comment", () => asked("# nothing")],
    ["an empty document", () => asked("")],
    ["nothing but a fragment", () => asked("fragment f on Query { viewer { role } }")],
    ["a validation error", () => asked("{ nonsense }")],
    ["several validation errors", () => asked("query ($a: Nothing, $b: Int) { nonsense viewer more }")],
    ["too deep a document", () => asked(deep)],
    ["a document nested as deep as tokens go", () => asked(`{ ${"a { ".repeat(3_300)} a ${"} ".repeat(3_300)} }`)],
    [
      "too many fields",
      () => asked(`{ viewer { ${Array.from({ length: 3_001 }, (_, index) => `f${index}: role`).join(" ")} } }`),
    ],
    ["too many tokens", () => asked(`{ viewer { ${"role ".repeat(10_000)} } }`)],
    ["too many nodes", () => asked(`{ ${pages} }`)],
    [
      "too many nodes by variables",
      () => asked(`query ($n: Int) { ${pages.replaceAll("100", "$n")} }`, { variables: { n: 100 } }),
    ],
    [
      "few enough nodes by variables",
      () => asked(`query ($n: Int) { ${pages.replaceAll("100", "$n")} }`, { variables: { n: 2 } }),
    ],
    ["too many nodes and a wrong variable", () => asked(`query ($n: Int!) { ${pages} tickets(first: $n) { totalCount } }`)],
    [
      "a variable of another type",
      () => asked("query ($n: Int) { tickets(first: $n) { totalCount } }", { variables: { n: "5" } }),
    ],
    ["a missing variable", () => asked("query ($id: ID!) { note(id: $id) { text } }")],
    ["a variable that is null", () => asked("query ($id: ID!) { note(id: $id) { text } }", { variables: { id: null } })],
    [
      "two wrong variables",
      () => asked("query ($a: ID!, $b: Int!) { note(id: $a) { text } tickets(first: $b) { totalCount } }"),
    ],
    ["an unknown operation name", () => asked("query A { viewer { role } }", { operationName: "B" })],
    ["an operation name for none that has one", () => asked("{ viewer { role } }", { operationName: "B" })],
    ["an empty operation name", () => asked("{ viewer { role } }", { operationName: "" })],
    ["an operation name that is a number", () => asked("{ viewer { role } }", { operationName: 1 })],
    ["several operations", () => asked("query A { viewer { role } } query B { __typename }")],
    ["one of several operations", () => asked("query A { viewer { role } } query B { __typename }", { operationName: "B" })],
    ["an invalid document with several operations", () => asked("query A { nonsense } query B { __typename }")],
    [
      "an invalid document of which a valid operation is asked for",
      () => asked("query A { nonsense } query B { __typename }", { operationName: "B" }),
    ],
    ["a subscription", () => asked("subscription { viewer { role } }")],
    ["no query", () => "{}"],
    ["a query that is null", () => asked(null)],
    ["a query that is a number", () => asked(1)],
    ["a query that is a list", () => asked(["{ viewer { role } }"])],
    ["variables that are a string", () => asked("{ viewer { role } }", { variables: "x" })],
    ["variables that are a list", () => asked("{ viewer { role } }", { variables: [1] })],
    ["extensions that are a string", () => asked("{ viewer { role } }", { extensions: "x" })],
    ["extensions that are a list", () => asked("{ viewer { role } }", { extensions: [] })],
    ["a parameter that is none", () => asked("{ viewer { role } }", { id: "x" })],
    ["a parameter __proto__", () => '{"query":"{ viewer { role } }","__proto__":{"query":"{ nonsense }"}}'],
    ["a batch", () => `[${asked("{ viewer { role } }")}]`],
    ["an empty batch", () => "[]"],
    ["null", () => "null"],
    ["a string", () => '"{ viewer { role } }"'],
    ["a number", () => "1"],
    ["an empty body", () => ""],
    ["what is not JSON", () => "{"],
    ["JSON after a byte order mark", () => `\ufeff${asked("{ viewer { role } }")}`],
    ["what is not UTF-8", () => Buffer.concat([Buffer.from('{"query":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')])],
    ["a body that is too large", () => asked("{ viewer { role } }", { variables: { x: "x".repeat(1_048_576) } })],
    [
      "a mutation that ends in a failure of its union",
      () => asked('mutation { addNote(input: { ticketId: "none", text: "" }) { __typename ... on Error { code message } } }'),
    ],
    [
      "a field that fails",
      ({ noteId }) =>
        asked(`query ($id: ID!) { note(id: $id) { uuid } wrong: note(id: "none") { uuid } }`, { variables: { id: noteId } }),
    ],
    ["a field that fails and takes all with it", () => asked("{ tickets(first: -1) { totalCount } viewer { role } }")],
    ["fields that fail in two places", () => asked('{ a: note(id: "x") { uuid } b: note(id: "y") { uuid } viewer { role } }')],
    ["a query whose fields are all skipped", () => asked("{ viewer @skip(if: true) { role } }")],
    [
      "skipped fields",
      () =>
        asked("query ($no: Boolean!) { viewer { role @skip(if: $no) account { slug @include(if: false) } } }", {
          variables: { no: true },
        }),
    ],
    [
      "aliases that every object has",
      () => asked("{ constructor: viewer { __proto__: role toString: role valueOf: __typename } }"),
    ],
  ])("%s", async (name, bodyOf) => {
    const body = bodyOf({ noteId: note.id });
    const inOwnWords = refusedBeforeTheDocument.has(name);
    const known = { key: account.specialist.key, inOwnWords };
    const answers = await expectSameAnswers(both, body, known);
    // Again and again: what is cached of a document must not change the result.
    for (let time = 0; time < 3; time += 1) expect(await expectSameAnswers(both, body, known)).toEqual(answers);
    await expectSameAnswers(both, body, { inOwnWords });
    await expectSameAnswers(both, body, { key: "tnk_none", inOwnWords });
  });

  test("what breaks", async () => {
    const body = asked("query ($id: ID!) { note(id: $id) { uuid text author { name } } viewer { role } }", {
      variables: { id: note.id },
    });
    for (let time = 0; time < 5; time += 1) await expectSameAnswers(both, body, { key: account.specialist.key });
    await both.fast.database.pool.query("ALTER TABLE notes RENAME COLUMN text TO hidden");
    try {
      for (let time = 0; time < 3; time += 1) {
        for (const { status, body: said } of await expectSameAnswers(both, body, { key: account.specialist.key })) {
          expect([status, JSON.parse(said)]).toMatchObject([
            500,
            { data: { note: null }, errors: [{ extensions: { code: "INTERNAL" } }] },
          ]);
        }
      }
    } finally {
      await both.fast.database.pool.query("ALTER TABLE notes RENAME COLUMN hidden TO text");
    }
    expect(takeFaults().length).toBe(3 * kinds.length * 2);
  });
});

// The embedded database is a part of the process: it is not away.
describe.skipIf(inject("testServer").kind === "embedded")(
  "while the database is away, the fast path and Yoga answer the same",
  () => {
    let scratch: ScratchDatabase;
    let proxy: TcpProxy;
    let database: Database;
    let both: Both;
    let account: TestAccount;
    let note: Note;

    beforeAll(async () => {
      scratch = await createScratchDatabase();
      if (scratch.config.kind === "embedded") throw new Error("This is not run on the embedded database");
      const url = new URL(scratch.config.url);
      proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port || 5432) });
      url.hostname = "127.0.0.1";
      url.port = String(proxy.port);
      const limits = { connectMilliseconds: 100, statementMilliseconds: 100, answerMilliseconds: 100 };
      database = await openDatabase({ kind: "postgresql", url: url.href }, { warn: () => undefined }, limits);
      both = await startBoth({ database });
      account = await addAccount(both.fast);
      note = await addNote(both.fast, await addTicket(both.fast, account), account.specialist);
    });
    afterAll(async () => {
      proxy.thaw();
      await both.yoga.close();
      await both.fast.close();
      await database.close();
      await proxy.close();
      await scratch.drop();
    });

    test("with 503, whether it is missed for the credential or for the answer", async () => {
      const body = JSON.stringify({ query: `{ note(id: "${note.id}") { uuid } viewer { role } }` });
      // Known for as long as this clock stands still.
      both.fast.time.elapsed = 0;
      both.yoga.time.elapsed = 0;
      for (let time = 0; time < 5; time += 1) await expectSameAnswers(both, body, { key: account.specialist.key });
      proxy.freeze();
      for (const { status, body: said } of await expectSameAnswers(both, body, { key: account.specialist.key })) {
        expect([status, JSON.parse(said)]).toMatchObject([503, { errors: [{ extensions: { code: "UNAVAILABLE" } }] }]);
      }
      for (const { status } of await expectSameAnswers(both, body, { key: "tnk_another" })) expect(status).toBe(503);
    });
  },
);
