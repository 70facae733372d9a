import { getIntrospectionQuery } from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { documentLimits } from "../../src/graph/limits.ts";
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

async function expectRefusal(query: string, said: RegExp, variables?: unknown): Promise<void> {
  const { statements, result } = await app.statements.during(() => ask(query, variables));
  expect(result.errors, query.slice(0, 200)).toMatchObject([
    { message: expect.stringMatching(said), extensions: { code: "INVALID_INPUT" } },
  ]);
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
    await expectRefusal("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a viewer { role } }", /itself/);
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

  test("nested as deep as its tokens let it is refused, in every place where it can nest", async () => {
    await expectRefusal(`{ ${"a { ".repeat(3_300)} a ${"} ".repeat(3_300)} }`, /.+/);
    await expectRefusal(`{ tickets(filter: { ids: ${"[".repeat(4_900)}${"]".repeat(4_900)} }) { totalCount } }`, /.+/);
    await expectRefusal(`{ tickets(filter: ${"{ ids: ".repeat(3_000)} 1 ${"}".repeat(3_000)}) { totalCount } }`, /.+/);
    await expectRefusal(`query ($v: ${"[".repeat(4_900)}Int${"]".repeat(4_900)}) { viewer { role } }`, /.+/);
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
    await expectRefusal("query A { viewer { role } } query B { __typename }", /operation/i);
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
