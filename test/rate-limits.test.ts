import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, sendText, startApp, type TestAccount, type TestApp, unlimited } from "./support/app.ts";
import { addNotes, addTicket } from "./support/factories.ts";
import { v1 } from "./support/v1.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

const limits = { points: 100, requests: 8, anonymous: 60 };

beforeAll(async () => {
  app = await startApp({ rateLimits: limits });
});
afterAll(() => app.close());
afterEach(() => {
  app.time.now = undefined;
  app.time.elapsed = undefined;
});

let minutes = 0;

/** A time at which nothing has been taken yet: three minutes after the time before. */
async function newMinute(): Promise<void> {
  minutes += 3;
  app.time.now = new Date(Date.UTC(2026, 4, 1) + minutes * 60_000);
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
  await addNotes(app, ticket, account.specialist, 3);
}

const ask = (key: string | undefined, body: object, method = "POST") =>
  method === "POST"
    ? fetch(`${app.url}/graphql`, {
        method,
        headers: { "content-type": "application/json", ...(key !== undefined && { "x-api-key": key }) },
        body: JSON.stringify(body),
      })
    : fetch(`${app.url}/graphql?${new URLSearchParams(body as Record<string, string>)}`, {
        headers: { accept: "application/json", ...(key !== undefined && { "x-api-key": key }) },
      });

describe("points", () => {
  test("are counted together over all three APIs, and told by each in its own way", async () => {
    await newMinute();
    const { key } = account.specialist;
    const first = await ask(key, { query: "{ notes(first: 1) { totalCount } }" });
    expect([first.status, first.headers.get("ratelimit"), first.headers.get("ratelimit-policy")]).toEqual([
      200,
      '"points";r=79;t=60',
      '"points";q=100;w=60',
    ]);
    const list = await call(app, key, "GET", `/v2/tickets/notes?ticket_id=${ticket.id}&limit=100`);
    expect([list.status, list.headers.get("ratelimit")]).toEqual([200, '"points";r=57;t=60']);
    // 22 for a page, 1 for a record.
    expect((await v1(app, "/v1/notes", { key })).status).toBe(200);
    expect((await v1(app, "/v1/me", { key })).status).toBe(200);
    const { data } = await sendText<{ rateLimit: object }>(
      app.url,
      key,
      "{ rateLimit { limit cost nodeCount remaining used resetAt } }",
    );
    expect(data.rateLimit).toEqual({
      ...{ limit: 100, cost: 1, nodeCount: 0, remaining: 33, used: 67 },
      resetAt: new Date(app.time.now!.getTime() + 60_000).toISOString(),
    });
  });

  test("of a list on /v2 are those of the page that is asked for", async () => {
    await newMinute();
    const { key } = account.specialist;
    const left = async (limit: string) =>
      (await call(app, key, "GET", `/v2/tickets/notes?ticket_id=${ticket.id}${limit}`)).headers.get("ratelimit");
    expect(await left("&limit=1000")).toMatch(/r=69;/);
    expect(await left("")).toMatch(/r=48;/);
  });

  test("that are used up are refused by each API in its own shape, until they have come back", async () => {
    await newMinute();
    const { key } = account.specialist;
    for (let count = 0; count < 4; count += 1)
      expect((await ask(key, { query: "{ notes(first: 1) { totalCount } }" })).status).toBe(200);

    const refused = await ask(key, { query: "{ notes(first: 1) { totalCount } }" });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "60"]);
    expect(await refused.json()).toEqual({
      errors: [{ message: "Too many requests: try again in 60 s.", extensions: { code: "TOO_MANY_REQUESTS" } }],
    });
    const byGet = await ask(key, { query: "{ notes(first: 1) { totalCount } }" }, "GET");
    expect([byGet.status, byGet.headers.get("retry-after"), byGet.headers.get("ratelimit")]).toEqual([
      429,
      "60",
      '"points";r=16;t=60',
    ]);

    const list = await call(app, key, "GET", `/v2/tickets/notes?ticket_id=${ticket.id}`);
    expect([list.status, list.headers.get("retry-after"), list.headers.get("content-type")]).toEqual([
      ...[429, "60", "application/problem+json"],
    ]);
    expect(list.body).toMatchObject({ status: 429, title: "Too Many Requests" });
    const page = await v1(app, "/v1/notes", { key });
    expect([page.status, page.body, page.headers.get("retry-after")]).toEqual([429, { message: "Too Many Requests" }, "60"]);

    // What costs less than is left is still answered.
    expect((await ask(key, { query: "{ viewer { role } }" })).status).toBe(200);
    app.time.now = new Date(app.time.now!.getTime() + 80_000);
    expect((await ask(key, { query: "{ notes(first: 1) { totalCount } }" })).status).toBe(200);
  });

  test("cost no statement, and nothing is read for what is refused", async () => {
    await newMinute();
    const { key } = account.specialist;
    const query = "{ notes(first: 1) { nodes { uuid } } }";
    // The credential is not looked up again meanwhile.
    app.time.elapsed = performance.now();
    await ask(key, { query });
    const { statements } = await app.statements.during(() => ask(key, { query }));
    expect(statements).toHaveLength(1);
    for (let count = 0; count < 120; count += 1) await ask(key, { query });
    const { statements: none, result } = await app.statements.during(() => ask(key, { query }));
    expect([result.status, none]).toEqual([429, []]);
  });

  test("of one credential are nobody else's", async () => {
    await newMinute();
    for (let count = 0; count < 110; count += 1) await ask(account.specialist.key, { query: "{ viewer { role } }" });
    expect((await ask(account.specialist.key, { query: "{ viewer { role } }" })).status).toBe(429);
    expect((await ask(account.customer.key, { query: "{ viewer { role } }" })).status).toBe(200);
  });
});

describe("the cost of an operation", () => {
  const query = "{ notes(first: 10) { nodes { uuid } } }";
  const status = { limit: 100, cost: 1, nodeCount: 10, resetAt: expect.stringMatching(/^2026-05-01T.*Z$/) };

  test("stands in extensions.cost where that is asked for, whichever way the operation is executed", async () => {
    await newMinute();
    const { key } = account.specialist;
    const extensions = { cost: true };
    const inJson = await (await ask(key, { query, extensions })).json();
    expect(inJson).toMatchObject({ data: { notes: { nodes: [{}, {}, {}] } }, extensions: { cost: { ...status, used: 1 } } });
    const byGet = await (await ask(key, { query, extensions: JSON.stringify(extensions) }, "GET")).json();
    expect(byGet).toMatchObject({ data: { notes: { nodes: [{}, {}, {}] } }, extensions: { cost: { ...status, used: 2 } } });
    const failing = { query: '{ notes(first: 10) { nodes { uuid } } node(id: "none") { id } }', extensions };
    const asRows = await (await ask(key, failing)).json();
    expect(asRows).toMatchObject({ errors: [{ path: ["node"] }], extensions: { cost: { cost: 6, used: 8 } } });
    const mutation = { query: 'mutation { deleteNote(input: { id: "none" }) { __typename } }', extensions };
    expect(await (await ask(key, mutation)).json()).toMatchObject({ extensions: { cost: { cost: 11, used: 19 } } });
  });

  test("is not told where it is not asked for", async () => {
    await newMinute();
    for (const extensions of [undefined, {}, { cost: false }, { cost: "true" }])
      expect(await (await ask(account.specialist.key, { query, extensions })).json()).not.toHaveProperty("extensions");
  });

  test("is told by a dry run, which does nothing else and spends nothing", async () => {
    await newMinute();
    const { key } = account.specialist;
    const dry =
      "query ($dry: Boolean!) { rateLimit(dryRun: $dry) { cost remaining } notes(first: 10) { totalCount } viewer { role } }";
    // The credential is not looked up again meanwhile.
    app.time.elapsed = performance.now();
    await ask(key, { query: "{ viewer { role } }" });
    const { statements, result } = await app.statements.during(() => sendText(app.url, key, dry, { dry: true }));
    expect([result.status, result.errors, result.data]).toEqual([200, [], { rateLimit: { cost: 26, remaining: 99 } }]);
    expect(statements).toEqual([]);
    const { data } = await sendText(app.url, key, dry, { dry: false });
    expect(data).toEqual({ rateLimit: { cost: 26, remaining: 73 }, notes: { totalCount: 3 }, viewer: { role: "SPECIALIST" } });
  });

  test("is no dry run where the field that would make it one is left out", async () => {
    await newMinute();
    const { key } = account.specialist;
    const skipping = "query ($skip: Boolean!) { rateLimit(dryRun: true) @skip(if: $skip) { cost } viewer { role } }";
    expect((await sendText(app.url, key, skipping, { skip: true })).data).toEqual({ viewer: { role: "SPECIALIST" } });
    expect((await sendText(app.url, key, skipping, { skip: false })).data).toEqual({ rateLimit: { cost: 1 } });
    const spread = "{ ... @include(if: false) { rateLimit(dryRun: true) { cost } } viewer { role } }";
    expect((await sendText(app.url, key, spread)).data).toEqual({ viewer: { role: "SPECIALIST" } });
  });

  test("is refused where it is more than any operation may cost, whatever is left", async () => {
    await newMinute();
    const totals = Array.from({ length: 60 }, (_, index) => `a${index}: notes { totalCount }`).join(" ");
    const { status: code, errors } = await sendText(app.url, account.specialist.key, `{ ${totals} }`);
    expect([code, errors]).toEqual([
      400,
      [
        {
          message: "The operation would cost 1497 points; at most 1000 are taken. Ask for smaller pages or for less at once.",
          extensions: { code: "TOO_EXPENSIVE" },
        },
      ],
    ]);
  });
});

describe("requests", () => {
  test("of a credential on /v1 are counted by the minute, whatever they cost", async () => {
    await newMinute();
    const { key } = account.specialist;
    const answers = [];
    for (let count = 0; count < 9; count += 1) answers.push(await v1(app, "/v1/me", { key }));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200, 200, 200, 429]);
    expect(answers.map(({ headers }) => headers.get("x-ratelimit-remaining"))).toEqual([
      "7",
      "6",
      "5",
      "4",
      "3",
      "2",
      "1",
      "0",
      "0",
    ]);
    expect(answers[8]?.headers.get("retry-after")).toBe("60");
    expect((await v1(app, "/v1/rate_limit", { key })).status).toBe(200);
    expect((await ask(key, { query: "{ viewer { role } }" })).status).toBe(200);
  });

  test("without a credential are counted by the address, over all APIs, and are few", async () => {
    await newMinute();
    const { key } = account.specialist;
    for (let count = 0; count < 20; count += 1) {
      expect((await ask(undefined, { query: "{ __typename }" })).status).toBe(200);
      expect((await v1(app, "/v1/notes")).status).toBe(401);
      expect((await call(app, undefined, "GET", `/v2/tickets/notes?ticket_id=${ticket.id}`)).status).toBe(401);
    }
    const refused = await ask(undefined, { query: "{ __typename }" });
    expect([refused.status, refused.headers.get("retry-after"), refused.headers.get("ratelimit-policy")]).toEqual([
      429,
      "60",
      '"anonymous";q=60;w=60',
    ]);
    expect((await v1(app, "/v1/notes")).body).toEqual({ message: "Too Many Requests" });
    expect((await call(app, undefined, "GET", `/v2/tickets/notes?ticket_id=${ticket.id}`)).status).toBe(429);
    // Probes and callers with a credential are not refused.
    expect((await fetch(`${app.url}/health`)).status).toBe(200);
    expect((await ask(key, { query: "{ viewer { role } }" })).status).toBe(200);
  });
});

describe("guessing", () => {
  test("of keys is refused after a few, and those whose keys have worked go on", async () => {
    await newMinute();
    const { key } = account.specialist;
    expect((await ask(key, { query: "{ viewer { role } }" })).status).toBe(200);
    const statuses = [];
    for (let count = 0; count < 30; count += 1)
      statuses.push((await ask(`tnk_wrong${count}`, { query: "{ viewer { role } }" })).status);
    expect(statuses).toEqual([...Array<number>(6).fill(401), ...Array<number>(24).fill(429)]);
    const { statements, result } = await app.statements.during(() =>
      call(app, "tnk_other", "GET", `/v2/tickets/notes?ticket_id=${ticket.id}`),
    );
    expect([result.status, statements]).toEqual([429, []]);
    expect((await v1(app, "/v1/me", { key: "tnk_another" })).status).toBe(429);
    expect((await ask(key, { query: "{ viewer { role } }" })).status).toBe(200);
    app.time.now = new Date(app.time.now!.getTime() + 61_000);
    expect((await ask(account.customer.key, { query: "{ viewer { role } }" })).status).toBe(200);
  });

  test("of a client's secret is refused after two, as RFC 6749 shapes failures", async () => {
    await newMinute();
    const askToken = (secret: string) =>
      fetch(`${app.url}/oauth2/token`, {
        method: "POST",
        body: new URLSearchParams({ grant_type: "client_credentials", client_id: ticket.id, client_secret: secret }),
      });
    const answers = [];
    for (let count = 0; count < 4; count += 1) answers.push(await askToken(`wrong ${count}`));
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 429, 429]);
    expect(answers[2]?.headers.get("retry-after")).toBe("60");
    expect(await answers[2]?.json()).toEqual({
      error: "temporarily_unavailable",
      error_description: "Too many requests: try again in 60 s.",
    });
  });
});

test("tokens cost points, and those of a client that has none left are refused", async () => {
  await newMinute();
  const { client, secret } = await app.provisioning.addOAuthClient({
    ...{ accountId: account.id, personId: account.specialist.id, name: "much", scopes: ["notes:read"] },
  });
  const askToken = () =>
    fetch(`${app.url}/token`, {
      method: "POST",
      body: new URLSearchParams({ grant_type: "client_credentials", client_id: client.id, client_secret: secret }),
    });
  const statuses = [];
  for (let count = 0; count < 11; count += 1) statuses.push((await askToken()).status);
  expect(statuses).toEqual([...Array<number>(10).fill(200), 429]);
});

test("limits that nobody reaches are told as well", async () => {
  const generous = await startApp({ rateLimits: unlimited });
  const response = await fetch(`${generous.url}/graphql?query={__typename}`, { headers: { accept: "application/json" } });
  expect([response.status, response.headers.get("ratelimit-policy")]).toEqual([200, '"anonymous";q=1000000000;w=60']);
  await generous.close();
});
