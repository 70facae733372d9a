import { afterAll, beforeAll, expect, test } from "vitest";
import { addAccount, call, startApp, type TestAccount, type TestApp } from "./support/app.ts";
import { addTicket } from "./support/factories.ts";
import { v1 } from "./support/v1.ts";

let app: TestApp;
let account: TestAccount;
let notes: string;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  const ticket = await addTicket(app, account, { requester: account.customer });
  notes = `/v1/requests/${ticket.number}/notes`;
});
afterAll(() => app.close());

const add = (body: unknown) => v1(app, notes, { key: account.specialist.key, method: "POST", body });
const deep = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;

test("a key of an attachment that cannot be stored was never uploaded", async () => {
  for (const key of ["a\0b", "\ud800", "x".repeat(900_000)]) {
    const { status, body, text } = await add({ text: "Hi", attachments: [{ key }] });
    expect([status, body.message, body.errors]).toEqual([
      ...[422, "Validation Failed"],
      [["attachments", expect.stringContaining("was not uploaded or is already used")]],
    ]);
    expect(text.length).toBeLessThan(4_000);
  }
});

test("a note takes 100 uploads, and what is wrong with more is said in one sentence", async () => {
  const keys = (count: number) => Array.from({ length: count }, (_, index) => ({ key: `attachments/${index}` }));
  expect((await add({ text: "Hi", attachments: keys(100) })).body.errors).toHaveLength(100);
  const { statements, result } = await app.statements.during(() => add({ text: "Hi", attachments: keys(4_000) }));
  expect([result.status, result.body]).toEqual([
    422,
    { message: "Validation Failed", errors: [["attachments", "Attachments has 4000 keys; at most 100 are taken"]] },
  ]);
  expect(statements.filter(({ text }) => text.includes("uploads"))).toEqual([]);
});

test("filters of /v1 have 100 values together", async () => {
  const dates = (count: number) =>
    Array.from({ length: count }, (_, index) => `2026-01-01T00:00:${String(index % 60).padStart(2, "0")}Z`).join(",");
  const get = (query: string) => v1(app, `/v1/notes?${query}`, { key: account.specialist.key });
  expect((await get(`created_at=!${dates(100)}`)).status).toBe(200);
  for (const query of [`created_at=!${dates(101)}`, `created_at=${dates(60)}&id=${"1,".repeat(60)}1`]) {
    const { status, body } = await get(query);
    expect([status, body]).toEqual([400, { message: "Filters cannot have more than 100 values" }]);
  }
});

test("bodies that are nested beyond all need are refused by every API", async () => {
  expect((await add(deep)).body).toEqual({ message: "Invalid JSON string posted" });
  const { key } = account.specialist;
  const v2 = await call(app, key, "POST", "/v2/tickets/notes", deep.slice(0, 60_000).concat("1", "}".repeat(12_000)));
  expect([v2.status, v2.body]).toMatchObject([400, { detail: "The body is nested more than 32 levels deep." }]);
  const token = await call(app, undefined, "POST", "/oauth/token", `${'{"a":'.repeat(2_000)}1${"}".repeat(2_000)}`);
  expect([token.status, token.body]).toMatchObject([400, { error: "invalid_request" }]);
  const graphql = await call(
    app,
    key,
    "POST",
    "/graphql",
    `{"query":"query($v:DateTime!){notes(filter:{createdAt:{gt:$v}}){nodes{id}}}","variables":{"v":${deep}}}`,
  );
  expect([graphql.status, graphql.body]).toMatchObject([400, { errors: [{ extensions: { code: "INVALID_INPUT" } }] }]);
});

test("bodies of parts without number are refused before each is looked at", async () => {
  const { key } = account.specialist;
  const many = { ticket_id: account.id, value: "Hi", is_public: true, categories: Array.from({ length: 5_000 }, () => 1) };
  const { status, body } = await call(app, key, "POST", "/v2/tickets/notes", many);
  expect([status, body]).toMatchObject([
    400,
    { detail: "The body has a list or an object of 5000 parts; at most 1000 are taken." },
  ]);
  expect((await call(app, undefined, "POST", "/oauth/token", { client_id: "x".repeat(20_000) })).status).toBe(400);
});

test("bodies of names without number are refused before they are parsed", async () => {
  const { key } = account.specialist;
  const many = `{${Array.from({ length: 10_002 }, (_, index) => `"f${index}":1`).join(",")}}`;
  const reason = "The body has more than 10000 members of lists and objects; no more are taken.";
  const v2 = await call(app, key, "POST", "/v2/tickets/notes", many);
  expect([v2.status, v2.body]).toMatchObject([400, { detail: reason }]);
  const graphql = await call(app, key, "POST", "/graphql", `{"query":"{ __typename }","variables":${many}}`);
  expect([graphql.status, graphql.body]).toEqual([
    400,
    { errors: [{ message: reason, extensions: { code: "INVALID_INPUT" } }] },
  ]);
  expect((await add(many)).body).toEqual({ message: "Invalid JSON string posted" });
});

test("what stands in a text is no member of a body", async () => {
  const text = '[{,"\\\\"'.repeat(10_001).concat("\\");
  const { status, body } = await call(app, account.specialist.key, "POST", "/graphql", {
    query: "query ($text: String!) { __type(name: $text) { name } }",
    variables: { text },
  });
  expect([status, body]).toEqual([200, { data: { __type: null } }]);
});

test.each(["variables={", "variables=[]", "variables=1", "extensions={", "variables=%7B%22a%22"])(
  "GET /graphql?%s says what is wrong with it",
  async (parameter) => {
    const response = await fetch(`${app.url}/graphql?query={__typename}&${parameter}`, {
      headers: { accept: "application/json" },
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      errors: [{ message: expect.stringContaining("must be a JSON object"), extensions: { code: "INVALID_INPUT" } }],
    });
  },
);

test("an empty operation name is none, by POST and by GET", async () => {
  const post = await call(app, undefined, "POST", "/graphql", { query: "{ __typename }", operationName: "" });
  const get = await call(app, undefined, "GET", "/graphql?query={__typename}&operationName=", undefined, {
    accept: "application/json",
  });
  expect([post.body, get.body]).toEqual([{ data: { __typename: "Query" } }, { data: { __typename: "Query" } }]);
});
