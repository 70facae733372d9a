import { getIntrospectionQuery } from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anonymousLimits, documentLimits } from "../../src/graphql/kit/document-limits.ts";
import { addAccount, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { globalId } from "../support/factories.ts";

let app: TestApp;
let account: TestAccount;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
});
afterAll(() => app.close());

const ask = (query: string, variables?: unknown) => sendText<unknown>(app.url, account.specialist.key, query, variables);

const expectRefusal = (query: string, said: RegExp, variables?: unknown) =>
  expectError("TOO_EXPENSIVE", query, said, variables);
const expectInvalid = (query: string, said: RegExp, variables?: unknown) =>
  expectError("INVALID_INPUT", query, said, variables);

async function expectError(code: string, query: string, said: RegExp, variables?: unknown): Promise<void> {
  const { statements, result } = await app.statements.during(() => ask(query, variables));
  expect(result.errors, query.slice(0, 200)).toMatchObject([{ message: expect.stringMatching(said), extensions: { code } }]);
  expect(result.data ?? null).toBeNull();
  expect(result.status).toBeLessThan(500);
  // Nothing but who is asking.
  expect(statements.length).toBeLessThanOrEqual(1);
}

async function expectAnswer(query: string, variables?: unknown): Promise<void> {
  const { status, errors } = await ask(query, variables);
  expect([status, errors]).toEqual([200, []]);
}

/** `text` in `levels` levels of `field { … }`. */
const nested = (levels: number, text: string, ...fields: string[]) => {
  const opened = Array.from({ length: levels }, (_, level) => `${fields[level % fields.length]} {`);
  return `${opened.join(" ")} ${text} ${"}".repeat(levels)}`;
};

describe("fragments", () => {
  test("that spread each other do not multiply beyond the number of fields that is taken, and cost no time", async () => {
    const levels = 30;
    const fragments = Array.from(
      { length: levels },
      (_, level) => `fragment f${level} on Query { ...f${level + 1} ...f${level + 1} }`,
    );
    const bomb = `{ ...f0 } ${fragments.join(" ")} fragment f${levels} on Query { viewer { role } }`;
    expect(bomb.length).toBeLessThan(1_700);
    await expectRefusal(bomb, /fields/);
  });

  test("that hide depth are seen through", async () => {
    const fragments = Array.from(
      { length: 12 },
      (_, level) => `fragment f${level} on Ticket { notes { nodes { ticket { ...f${level + 1} } } } }`,
    );
    await expectRefusal(`{ tickets { nodes { ...f0 } } } ${fragments.join(" ")} fragment f12 on Ticket { id }`, /levels deep/);
  });

  test("that stand inline are seen through too", async () => {
    await expectRefusal(
      `{ tickets { nodes { ${nested(27, "id", "... on Ticket", "notes", "nodes", "ticket")} } } }`,
      /levels deep/,
    );
  });

  test("that spread themselves are refused", async () => {
    await expectInvalid("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a viewer { role } }", /itself/);
  });

  test("that spread themselves below a field are refused as well", async () => {
    await expectInvalid("{ notes { nodes { ...a } } } fragment a on Note { ticket { notes { nodes { ...a } } } }", /itself/);
  });

  test("that are many, small and harmless are taken", async () => {
    const fragments = Array.from({ length: 50 }, (_, index) => `fragment f${index} on Viewer { role }`);
    await expectAnswer(`{ viewer { ${fragments.map((_, index) => `...f${index}`).join(" ")} } } ${fragments.join(" ")}`);
  });
});

describe("a document", () => {
  test("may nest fields 20 levels deep, and no deeper", async () => {
    // tickets, nodes, and then notes, nodes, ticket again and again.
    const levels = (count: number) =>
      `{ tickets(first: 1) { nodes { ${nested(count, "id", "notes(first: 1)", "nodes", "ticket")} } } }`;
    expect(documentLimits.depth).toBe(20);
    await expectAnswer(levels(15));
    await expectRefusal(levels(18), /levels deep/);
  });

  test("may select 3,000 fields, and no more", async () => {
    const fields = (count: number) =>
      `{ viewer { ${Array.from({ length: count - 1 }, (_, index) => `f${index}: role`).join(" ")} } }`;
    await expectAnswer(fields(documentLimits.fields));
    await expectRefusal(fields(documentLimits.fields + 1), /3001 fields/);
  });

  test("of more than 10,000 tokens is not even parsed", async () => {
    await expectRefusal(`{ viewer { ${"role ".repeat(10_000)} } }`, /token/i);
  });

  test("may have names of 1,000 characters, and no longer ones, wherever there are names", async () => {
    expect(documentLimits.nameCharacters).toBe(1_000);
    const [taken, long] = ["a".repeat(1_000), "a".repeat(1_001)];
    await expectAnswer(`query ${taken} { ${taken}: viewer { ...${taken} } } fragment ${taken} on Viewer { role }`);
    const said = /A name in the document has 1001 characters; at most 1000 are taken/;
    for (const query of [
      `{ ${long} }`,
      `{ viewer { ${long}: role } }`,
      `{ viewer { ... on ${long} { id } } }`,
      `{ viewer { ...${long} } }`,
      `{ viewer { role @${long} } }`,
      `{ tickets(${long}: 1) { totalCount } }`,
      `{ tickets(filter: { ${long}: 1 }) { totalCount } }`,
      `{ tickets(orderBy: { field: ${long} }) { totalCount } }`,
      `{ tickets(first: $${long}) { totalCount } }`,
      `query ${long} { viewer { role } }`,
    ])
      await expectRefusal(query, said);
    await expectAnswer(`{ tickets(filter: { query: "${"a b ".repeat(60)}" }) { ...x } } # ${long}
      fragment x on TicketConnection { totalCount }`);
  });

  test("takes no longer names in its variables either, and no longer values of enums", async () => {
    const query =
      "query ($filter: NoteFilter, $field: NoteOrderField = NUMBER) { notes(filter: $filter, orderBy: { field: $field, direction: ASC }) { totalCount } }";
    await expectInvalid(query, /The name of a field has 1001 characters/, { filter: { ["a".repeat(1_001)]: 1 } });
    await expectInvalid(query, /The name of a field has 1001 characters/, { filter: { number: { ["a".repeat(1_001)]: 1 } } });
    await expectInvalid(query, /no value of the enum "NoteOrderField" has more than 1000/, { field: "A".repeat(1_001) });
    await expectInvalid(query, /Did you mean the enum value "NUMBER"/, { field: "NUMBERS" });
  });

  test("nested as deep as its tokens let it is refused, in every place where it can nest", async () => {
    await expectRefusal(`{ ${"a { ".repeat(3_300)} a ${"} ".repeat(3_300)} }`, /.+/);
    await expectRefusal(`{ tickets(filter: { ids: ${"[".repeat(4_900)}${"]".repeat(4_900)} }) { totalCount } }`, /.+/);
    await expectRefusal(`{ tickets(filter: ${"{ ids: ".repeat(3_000)} 1 ${"}".repeat(3_000)}) { totalCount } }`, /.+/);
    await expectInvalid(`query ($v: ${"[".repeat(4_900)}Int${"]".repeat(4_900)}) { viewer { role } }`, /.+/);
  });

  test("may be GraphiQL's introspection", async () => {
    const { status, errors, data } = await ask(
      getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true, schemaDescription: true, oneOf: true }),
    );
    expect([status, errors]).toEqual([200, []]);
    expect(data).toHaveProperty("__schema.types");
  });

  test("may have several operations, of which one is chosen; each of them counts", async () => {
    const response = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": account.specialist.key },
      body: JSON.stringify({ query: "query A { viewer { role } } query B { __typename }", operationName: "B" }),
    });
    expect(await response.json()).toEqual({ data: { __typename: "Query" } });
    await expectInvalid("query A { viewer { role } } query B { __typename }", /operation/i);
  });
});

describe("the nodes that pages could hold", () => {
  const pages = (one: string, two: string, three: string) =>
    `tickets(${one}) { nodes { notes(${two}) { nodes { attachments(${three}) { nodes { filename } } } } } }`;

  test("are 50,000 at most", async () => {
    expect(documentLimits.nodes).toBe(50_000);
    // 100 + 100 × 100 + 100 × 100 × 3 = 40,100, and with 4 attachments 50,100.
    await expectAnswer(`{ ${pages("first: 100", "first: 100", "first: 3")} }`);
    await expectRefusal(`{ ${pages("first: 100", "first: 100", "first: 4")} }`, /50100 nodes/);
    await expectRefusal(`{ ${pages("last: 100", "last: 100", "last: 100")} }`, /nodes/);
  });

  test("are counted where their number is a variable", async () => {
    const query = `query ($n: Int!) { ${pages("first: $n", "first: $n", "first: $n")} }`;
    await expectAnswer(query, { n: 10 });
    await expectRefusal(query, /nodes/, { n: 100 });
  });

  test("are counted where their number is a variable's default", async () => {
    await expectRefusal(`query ($n: Int = 100) { ${pages("first: $n", "first: $n", "first: $n")} }`, /nodes/);
    await expectAnswer(`query ($n: Int = 100) { ${pages("first: $n", "first: $n", "first: $n")} }`, { n: 5 });
  });

  test("are counted where no number is given, or null: such a page has 25", async () => {
    await expectAnswer("{ tickets { nodes { notes { nodes { attachments { nodes { filename } } } } } } }");
    const walk = (size: string) => `{ tickets${size} { nodes { ${nested(6, "id", `notes${size}`, "nodes", "ticket")} } } }`;
    await expectAnswer("{ tickets { nodes { notes { nodes { ticket { notes(first: 2) { totalCount } } } } } } }");
    await expectRefusal(walk("").replace("{ id }", "{ notes { totalCount } }"), /nodes/);
    await expectRefusal(walk("(first: null)").replace("{ id }", "{ notes { totalCount } }"), /nodes/);
  });

  test("are counted through fragments, and for each alias", async () => {
    await expectRefusal(`{ ...f } fragment f on Query { ${pages("first: 100", "first: 100", "first: 100")} }`, /nodes/);
    const aliases = Array.from({ length: 6 }, (_, index) => `a${index}: ${pages("first: 100", "first: 100", "first: 0")}`);
    await expectRefusal(`{ ${aliases.join(" ")} }`, /nodes/);
  });

  test("are not made up for by numbers below zero", async () => {
    const large = pages("first: 100", "first: 100", "first: 100");
    await expectRefusal(`{ a: tickets(first: -2000000) { nodes { id } } ${large} }`, /nodes/);
    await expectRefusal(`query ($n: Int) { a: tickets(first: $n) { nodes { id } } ${large} }`, /nodes/, { n: -2_000_000 });
  });

  test("are counted for each id that nodes is given", async () => {
    const ids = Array.from({ length: 100 }, () => globalId("Ticket", crypto.randomUUID()));
    const selection = "... on Ticket { notes(first: 100) { nodes { attachments(first: 10) { nodes { filename } } } } }";
    await expectRefusal(`query ($ids: [ID!]!) { nodes(ids: $ids) { ${selection} } }`, /nodes/, { ids });
    await expectRefusal(`{ nodes(ids: ${JSON.stringify(ids)}) { ${selection} } }`, /nodes/);
    await expectAnswer(`query ($ids: [ID!]!) { nodes(ids: $ids) { ${selection} } }`, { ids: ids.slice(0, 10) });
  });
});

const many = (count: number, one: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => one(index)).join(" ");

describe("a document is refused before it is validated", () => {
  test("where it has more than 10 operations", async () => {
    await expectInvalid(
      many(10, () => "{ viewer { role } }"),
      /operation/i,
    );
    await expectRefusal(
      many(11, () => "{ viewer { role } }"),
      /11 operations; at most 10/,
    );
    await expectRefusal(
      many(3_300, () => "{a}"),
      /3300 operations; at most 10/,
    );
  });

  test("where an operation of it has more than 10 mutations, by whatever aliases and fragments", async () => {
    const mutation = (index: number) => `m${index}: deleteNote(input: { id: "none" }) { __typename }`;
    await expectAnswer(`mutation { ${many(10, mutation)} }`);
    await expectRefusal(`mutation { ${many(40, mutation)} }`, /40 mutations; at most 10/);
    const spread = many(11, (index) => `...f${index}`);
    const fragments = many(11, (index) => `fragment f${index} on Mutation { ... on Mutation { ${mutation(index)} } }`);
    await expectRefusal(`mutation { ${spread} } ${fragments}`, /11 mutations/);
  });

  test("where fields repeat each other so often that comparing them takes long", async () => {
    await expectAnswer(`{ ${many(30, () => "viewer { person { id } }")} }`);
    await expectRefusal(`{ ${many(40, () => `viewer { ${many(30, () => "person { id }")} }`)} }`, /comparisons/);
    const ids = `["${many(900, () => "x").replaceAll(" ", '", "')}"]`;
    await expectRefusal(`{ ${many(8, () => `nodes(ids: ${ids}) { id }`)} }`, /comparisons/);
  });

  test("where fragments are so many that comparing them takes long", async () => {
    const fragments = many(240, (index) => `fragment f${index} on Viewer { role }`);
    await expectRefusal(`{ viewer { ${many(240, (index) => `...f${index}`)} } } ${fragments}`, /comparisons/);
    await expectRefusal(
      `{ viewer { role } } ${many(251, (index) => `fragment g${index} on Viewer { role }`)}`,
      /251 fragments/,
    );
  });

  test("without a credential far earlier", async () => {
    const refused = async (query: string, said: RegExp) => {
      const { statements, result } = await app.statements.during(() => sendText(app.url, undefined, query));
      expect(result.errors).toMatchObject([{ message: expect.stringMatching(said), extensions: { code: "TOO_EXPENSIVE" } }]);
      expect([result.status, statements.length]).toEqual([400, 0]);
    };
    expect(anonymousLimits.fields).toBe(500);
    await refused(`{ viewer { ${many(500, () => "role")} } }`, /501 fields; at most 500/);
    await refused(`{ viewer { ${many(1_500, () => "role")} } }`, /more than 1500 tokens/);
    await refused(`{ ${many(70, () => "viewer { role }")} }`, /comparisons/);
  });
});

describe("introspection", () => {
  const full = getIntrospectionQuery({
    inputValueDeprecation: true,
    specifiedByUrl: true,
    schemaDescription: true,
    oneOf: true,
  });

  test("of the whole schema is answered, with a credential and without", async () => {
    for (const key of [account.specialist.key, undefined]) {
      const { status, errors } = await sendText(app.url, key, full);
      expect([status, errors]).toEqual([200, []]);
    }
  });

  test.each([
    ["every description many times", `{ __schema { types { ${many(2_900, (index) => `a${index}: description`)} } } }`],
    [
      "every type of every field many times",
      `{ __schema { types { fields { ${many(60, (index) => `a${index}: type { name kind ofType { name kind } }`)} } } } }`,
    ],
  ])("is refused where it would answer more than there is to learn: %s", async (_name, query) => {
    await expectRefusal(query, /asks the schema for more than 50000 values/);
  });

  test("is counted with its variables, and for each alias", async () => {
    const types = many(36, (index) => `t${index}: __type(name: $name) { ...f }`);
    const deep = `fields { ${many(20, (index) => `a${index}: type { name kind description }`)} }`;
    const query = `query ($name: String!) { ${types} } fragment f on __Type { ${deep} }`;
    await expectRefusal(query, /asks the schema/, { name: "Note" });
    await expectAnswer(query, { name: "NoSuchType" });
  });

  test("is refused far earlier without a credential", async () => {
    const query = `{ __schema { types { ${many(300, (index) => `a${index}: description`)} } } }`;
    const { status, errors } = await sendText(app.url, undefined, query);
    expect([status, errors[0]?.extensions["code"]]).toEqual([400, "TOO_EXPENSIVE"]);
  });
});

describe("the points of an operation", () => {
  const costOf = async (query: string, variables?: unknown) => {
    const dry = query.replace("{", "{ rateLimit(dryRun: true) { cost nodeCount } ");
    const { data, errors } = await ask(dry, variables);
    expect(errors).toEqual([]);
    return (data as { rateLimit: { cost: number; nodeCount: number } }).rateLimit;
  };

  test("are one for what is little, and grow with rows, totals, ids and texts", async () => {
    expect(await costOf("{ viewer { role } }")).toEqual({ cost: 1, nodeCount: 0 });
    expect(await costOf("{ notes(first: 100) { nodes { uuid } } }")).toEqual({ cost: 3, nodeCount: 100 });
    expect(await costOf("{ notes(first: 1) { totalCount } }")).toEqual({ cost: 21, nodeCount: 1 });
    const query =
      "query ($n: Int, $ids: [ID!]!) { tickets(first: $n) { nodes { notes(first: $n) { nodes { uuid } } } } nodes(ids: $ids) { id } }";
    expect(await costOf(query, { n: 10, ids: ["a"] })).toEqual({ cost: 8, nodeCount: 111 });
    expect(await costOf(query, { n: 100, ids: [] })).toEqual({ cost: 158, nodeCount: 10_100 });
    expect(await costOf("{ notes(first: 20) { nodes { textHtml } } }")).toEqual({ cost: 11, nodeCount: 20 });
  });

  test("are 1,000 at most, and nothing is read for more", async () => {
    const ids = many(100, () => '"x"').replaceAll(" ", ", ");
    await expectRefusal(
      `query ($ids: [ID!]!) { ${many(400, (index) => `a${index}: nodes(ids: $ids) { id }`)} }`,
      /points; at most 1000/,
      {
        ids: JSON.parse(`[${ids}]`) as unknown,
      },
    );
    const total = (index: number) =>
      `a${index}: notes(filter: { createdAt: { gt: "2026-01-01T00:00:0${index % 10}Z" } }) { totalCount }`;
    await expectRefusal(`{ ${many(450, total)} }`, /points; at most 1000/);
    await expectRefusal(`{ notes(first: 100) { nodes { ${many(2_900, (index) => `a${index}: uuid`)} } } }`, /points/);
    await expectRefusal(`query ($id: ID!) { ${many(600, (index) => `a${index}: ticket(id: $id) { uuid }`)} }`, /points/, {
      id: "x",
    });
    await expectRefusal(
      `{ notes(first: 100) { nodes { attachments(first: 100) { nodes { a: download { url } b: download { url } c: download { url } } } } } }`,
      /points/,
    );
  });
});

describe("lists", () => {
  test("have 1,000 values at most, in variables and in documents", async () => {
    const ids = Array.from({ length: 1_001 }, () => crypto.randomUUID());
    const query = "query ($f: NoteFilter) { notes(filter: $f) { nodes { uuid } } }";
    await expectAnswer(query, { f: { ids: ids.slice(1) } });
    await expectInvalid(query, /1001 values; at most 1000/, { f: { ids } });
    await expectInvalid(`{ notes(filter: { ids: ${JSON.stringify(ids)} }) { nodes { uuid } } }`, /1001 values; at most 1000/);
  });

  test("and objects have 100 fields at most", async () => {
    const id = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`a${index}`, 1]));
    await expectInvalid("query ($id: ID!) { ticket(id: $id) { id } }", /5000 fields; at most 100/, { id });
  });

  test("and objects are nested 32 levels deep at most", async () => {
    const deep = JSON.parse(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`) as unknown;
    await expectInvalid(
      "query ($at: DateTime!) { notes(filter: { createdAt: { gt: $at } }) { totalCount } }",
      /32 levels deep/,
      {
        at: deep,
      },
    );
  });
});

describe("the texts that are rendered", () => {
  const notes = (tickets: string, size: string, fields: string) =>
    `tickets(${tickets}) { nodes { notes(${size}) { nodes { ${fields} } } } }`;

  test("are 1,000 at most, in either form", async () => {
    expect(documentLimits.texts).toBe(1_000);
    await expectAnswer(`{ ${notes("first: 10", "first: 100", "textHtml")} }`);
    await expectAnswer("{ tickets { nodes { notes { nodes { textHtml } } } } }");
    await expectRefusal(`{ ${notes("first: 11", "first: 100", "textHtml")} }`, /1100 texts/);
    await expectRefusal(`{ ${notes("first: 10", "first: 100", "textHtml textPlain")} }`, /2000 texts/);
  });

  test("are counted through fragments, variables and for each alias", async () => {
    const query = `query ($n: Int!) { ${notes("first: $n", "first: $n", "...f")} } fragment f on Note { a: textPlain b: textPlain }`;
    await expectAnswer(query, { n: 20 });
    await expectRefusal(query, /1250 texts/, { n: 25 });
  });

  test("are those of notes that stand by themselves too", async () => {
    const ids = Array.from({ length: 100 }, () => globalId("Note", crypto.randomUUID()));
    const aliases = (count: number) => Array.from({ length: count }, (_, index) => `a${index}: textHtml`).join(" ");
    const query = (count: number) => `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Note { ${aliases(count)} } } }`;
    await expectAnswer(query(10), { ids });
    await expectRefusal(query(11), /1100 texts/, { ids });
    await expectAnswer("{ viewer { role } notes(first: 100) { nodes { text ticket { subject } } } }");
  });
});
