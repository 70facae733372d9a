import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addAccount, send, startApp, type TestAccount, type TestApp } from "./support/app.ts";
import { addNote, addTicket } from "./support/factories.ts";
import { takeFaults } from "./support/faults.ts";
import { graphql } from "./generated/gql.ts";

const listed = "https://app.example.com";

let app: TestApp;
let account: TestAccount;
/** The gateway with nothing on its allow-list: what it is unless somebody says otherwise. */
let closed: TestApp;

beforeAll(async () => {
  app = await startApp({ corsOrigins: [listed] });
  closed = await startApp();
  account = await addAccount(app);
});
afterAll(async () => {
  await app.close();
  await closed.close();
});

const viewerQuery = "{ viewer { role } }";

const graphqlRequest = (init: RequestInit & { headers?: Record<string, string> }, path = "/graphql") =>
  fetch(`${app.url}${path}`, { ...init, headers: { "x-api-key": account.specialist.key, ...init.headers } });

const postGraphql = (body: BodyInit, headers: Record<string, string> = {}) =>
  graphqlRequest({ method: "POST", body, headers: { "content-type": "application/json", ...headers } });

async function expectGraphqlError(response: Response, status: number, code = "INVALID_INPUT"): Promise<void> {
  const text = await response.text();
  expect([response.status, text]).toEqual([status, expect.stringContaining(`"code":"${code}"`)]);
  expect(response.headers.get("content-type")).toMatch(/json/);
  expect(text).not.toMatch(/node_modules|\.ts\b|at \w+ \(/);
}

describe("GraphQL over HTTP", () => {
  test("takes JSON by POST, also with a charset", async () => {
    for (const type of ["application/json", "application/json; charset=utf-8"]) {
      const response = await postGraphql(JSON.stringify({ query: viewerQuery }), { "content-type": type });
      expect([response.status, await response.json()]).toEqual([200, { data: { viewer: { role: "SPECIALIST" } } }]);
    }
  });

  test("takes queries by GET, with variables", async () => {
    const plain = await graphqlRequest({}, `/graphql?query=${encodeURIComponent(viewerQuery)}`);
    expect(await plain.json()).toEqual({ data: { viewer: { role: "SPECIALIST" } } });
    const query = "query T($id: ID!) { ticket(id: $id) { id } }";
    const withVariables = await graphqlRequest(
      {},
      `/graphql?${new URLSearchParams({ query, variables: JSON.stringify({ id: account.id }), operationName: "T" })}`,
    );
    expect(await withVariables.json()).toEqual({ data: { ticket: null } });
  });

  test("takes no mutation by GET, and does nothing of it", async () => {
    const ticket = await addTicket(app, account);
    const mutation = `mutation { addNote(input: { ticketId: "${ticket.id}", text: "x" }) { __typename } }`;
    const response = await graphqlRequest({}, `/graphql?query=${encodeURIComponent(mutation)}`);
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
    expect(await app.database.prisma.note.count({ where: { ticketId: ticket.id } })).toBe(0);
  });

  test.each([
    ["a form", "application/x-www-form-urlencoded", `query=${encodeURIComponent(viewerQuery)}`],
    [
      "a multipart form",
      "multipart/form-data; boundary=b",
      `--b\r\ncontent-disposition: form-data; name="query"\r\n\r\n${viewerQuery}\r\n--b--`,
    ],
    ["text", "text/plain", JSON.stringify({ query: viewerQuery })],
    ["a document of its own", "application/graphql", viewerQuery],
    ["XML", "application/xml", "<query/>"],
    ["what has no type", "nonsense", JSON.stringify({ query: viewerQuery })],
  ])("takes no %s", async (_name, type, body) => {
    await expectGraphqlError(await postGraphql(body, { "content-type": type }), 415);
  });

  test.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["null", "null"],
    ["a string", '"{ viewer { role } }"'],
    ["a number", "1"],
    ["an object without a query", "{}"],
    ["a query that is a number", '{"query":1}'],
    ["a query that is null", '{"query":null}'],
    ["variables that are a string", `{"query":"${viewerQuery}","variables":"x"}`],
    ["an operation name that is a number", `{"query":"${viewerQuery}","operationName":1}`],
    ["a batch", `[{"query":"${viewerQuery}"},{"query":"${viewerQuery}"}]`],
    ["an empty batch", "[]"],
  ])("takes no body that is %s", async (_name, body) => {
    await expectGraphqlError(await postGraphql(body), 400);
  });

  test("takes no body that is not UTF-8", async () => {
    await expectGraphqlError(
      await postGraphql(Buffer.concat([Buffer.from('{"query":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')])),
      400,
    );
  });

  test("takes no body of more than a mebibyte", async () => {
    await expectGraphqlError(
      await postGraphql(JSON.stringify({ query: viewerQuery, variables: { x: "x".repeat(1_048_576) } })),
      413,
      "TOO_LARGE",
    );
  });

  test("answers a document that is none with 400 in its own media type, and with 200 in plain JSON", async () => {
    for (const [accept, status] of [
      ["application/graphql-response+json", 400],
      ["application/json", 200],
    ] as const) {
      const response = await postGraphql(JSON.stringify({ query: "{ nonsense }" }), { accept });
      expect([response.status, response.headers.get("content-type")]).toEqual([status, expect.stringContaining(accept)]);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "INVALID_INPUT" } }] });
    }
  });

  test("answers the rest of what was asked for where one field fails", async () => {
    const TwoTickets = graphql(`
      query TwoTickets($id: ID!) {
        there: ticket(id: $id) {
          uuid
        }
        wrong: ticket(id: "nonsense") {
          uuid
        }
      }
    `);
    const ticket = await addTicket(app, account);
    const { status, data, errors } = await send(app, account.specialist.key, TwoTickets, { id: ticket.id });
    expect([status, data]).toEqual([200, { there: { uuid: ticket.id }, wrong: null }]);
    expect(errors).toMatchObject([{ path: ["wrong"], extensions: { code: "INVALID_INPUT" } }]);
  });

  test("answers nobody's to keep, and with the id that the log has", async () => {
    const response = await postGraphql(JSON.stringify({ query: viewerQuery }));
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each(["PUT", "DELETE", "PATCH"])("knows no %s", async (method) => {
    expect((await graphqlRequest({ method })).status).toBeGreaterThanOrEqual(404);
  });
});

describe("a credential", () => {
  test.each<[string, Record<string, string>, number]>([
    ["as X-API-Key", { "x-api-key": "KEY" }, 200],
    ["as a bearer", { authorization: "Bearer KEY" }, 200],
    ["as a bearer in other letters", { authorization: "bearer  KEY " }, 200],
    ["with a wrong letter", { "x-api-key": "KEYx" }, 401],
    ["cut", { authorization: "Bearer KE" }, 401],
    ["of nothing", { "x-api-key": "" }, 401],
    ["as a bearer of nothing", { authorization: "Bearer" }, 401],
    ["as Basic", { authorization: "Basic S0VZ" }, 401],
    ["in a scheme without one", { authorization: "KEY" }, 401],
    ["twice", { "x-api-key": "KEY, KEY" }, 401],
  ])("%s answers as it should", async (_name, headers, status) => {
    const given = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replaceAll("KEY", account.specialist.key)]),
    );
    const response = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", ...given },
      body: JSON.stringify({ query: viewerQuery }),
    });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject(
      status === 200 ? { data: { viewer: {} } } : { errors: [{ extensions: { code: "UNAUTHENTICATED" } }] },
    );
  });

  test("in the query string is none", async () => {
    const response = await fetch(
      `${app.url}/graphql?api_key=${account.specialist.key}&query=${encodeURIComponent(viewerQuery)}`,
    );
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "UNAUTHENTICATED" } }] });
  });

  test("that was revoked or has expired is not valid, in the words of one that never was", async () => {
    const { prisma } = app.database;
    const answer = async (key: string) => {
      const response = await fetch(`${app.url}/v2/tickets/notes?ticket_id=${account.id}`, { headers: { "x-api-key": key } });
      return { status: response.status, body: await response.json() };
    };
    const never = await answer("tnk_never");
    expect(never.status).toBe(401);
    const given = {
      accountId: account.id,
      personId: account.specialist.id,
      name: "short",
      scopes: ["notes:read" as const, "tickets:read" as const],
    };
    const revoked = await app.provisioning.addApiKey(given);
    expect((await answer(revoked.key)).status).toBe(404);
    await app.provisioning.revoke(revoked.apiKey.id);
    await expect.poll(() => answer(revoked.key)).toEqual(never);
    const expired = await app.provisioning.addApiKey(given);
    await prisma.apiKey.update({ where: { id: expired.apiKey.id }, data: { createdAt: new Date(0), expiresAt: new Date(1) } });
    expect(await answer(expired.key)).toEqual(never);
  });
});

describe("another origin", () => {
  const preflight = (at: TestApp, origin: string, path: string) =>
    fetch(`${at.url}${path}`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type,x-api-key" },
    });

  test.each(["/graphql", "/v2/tickets/notes", "/v2/tickets/note-attachments"])(
    "that is listed may call %s, without cookies",
    async (path) => {
      const { status, headers } = await preflight(app, listed, path);
      expect(status).toBe(204);
      expect(headers.get("access-control-allow-origin")).toBe(listed);
      expect(headers.get("access-control-allow-methods")).toContain("POST");
      expect(headers.get("access-control-allow-headers")).toContain("x-api-key");
      expect(headers.get("access-control-allow-credentials")).toBeNull();
      expect(headers.get("vary")).toMatch(/origin/i);
    },
  );

  test.each([
    "https://evil.example.com",
    "https://app.example.com.evil.net",
    "http://app.example.com",
    "https://app.example.com:8443",
    "null",
    "https://APP.example.com",
  ])("such as %s may not", async (origin) => {
    expect((await preflight(app, origin, "/graphql")).headers.get("access-control-allow-origin")).toBeNull();
    const response = await postGraphql(JSON.stringify({ query: viewerQuery }), { origin });
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("may do nothing where none is listed", async () => {
    for (const path of ["/graphql", "/v2/tickets/notes", "/"]) {
      expect((await preflight(closed, listed, path)).headers.get("access-control-allow-origin")).toBeNull();
      expect(
        (await fetch(`${closed.url}${path}`, { headers: { origin: listed } })).headers.get("access-control-allow-origin"),
      ).toBeNull();
    }
  });

  test("may read an answer's request id, also of a refusal", async () => {
    const response = await fetch(`${app.url}/v2/tickets/notes`, { headers: { origin: listed } });
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([401, listed]);
    expect(response.headers.get("access-control-expose-headers")).toContain("x-request-id");
  });

  test("gets no list of headers that it may not read", async () => {
    for (const headers of [{}, { origin: "https://elsewhere.example" }]) {
      const response = await fetch(`${app.url}/health`, { headers });
      expect([response.headers.get("access-control-expose-headers"), response.headers.get("vary")]).toEqual([null, "Origin"]);
    }
  });
});

describe("for operators", () => {
  test("/health says that the process lives", async () => {
    const response = await fetch(`${app.url}/health`);
    expect([response.status, await response.json(), response.headers.get("cache-control")]).toEqual([
      200,
      { status: "alive" },
      "no-store",
    ]);
  });

  test("/ready says that the database and the storage answer", async () => {
    const response = await fetch(`${app.url}/ready`);
    expect([response.status, await response.json()]).toEqual([200, { status: "ready" }]);
  });

  test("/metrics counts by route, and never by id or by key", async () => {
    const note = await addNote(app, await addTicket(app, account), account.specialist);
    await fetch(`${app.url}/v2/tickets/notes/${note.id}`, { headers: { "x-api-key": account.specialist.key } });
    const text = await (await fetch(`${app.url}/metrics`)).text();
    expect(text).toMatch(
      /http_request_duration_seconds_count\{method="GET",route="\/v2\/tickets\/notes\/:note.id",status="200"\} \d+/,
    );
    expect(text).not.toContain(note.id);
    expect(text).not.toContain(account.specialist.key);
  });
});

describe("what is at no address", () => {
  test.each(["/nothing", "/graphql/x", "/v3/tickets", "/.env", "/..%2f..%2fetc/passwd", "/admin"])(
    "%s is a problem of its own",
    async (path) => {
      const response = await fetch(`${app.url}${path}`);
      expect([response.status, response.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
      expect(await response.json()).toMatchObject({ type: "about:blank", status: 404, title: "Not Found" });
    },
  );

  test("or at an address that is none is a problem too", async () => {
    const response = await fetch(`${app.url}/%ZZ`);
    expect([response.status, response.headers.get("content-type")]).toEqual([400, "application/problem+json"]);
  });
});

test("in development as in production, what is unexpected says nothing of itself", async () => {
  // A failure that no API can be made to have from outside: a service that breaks.
  const before = process.env["NODE_ENV"];
  process.env["NODE_ENV"] = "development";
  try {
    const ticket = await addTicket(app, account);
    await app.database.pool.query("ALTER TABLE tickets RENAME COLUMN subject TO hidden");
    try {
      const response = await postGraphql(JSON.stringify({ query: `{ ticket(id: "${ticket.id}") { subject } }` }));
      const body = await response.text();
      expect([response.status, JSON.parse(body)]).toMatchObject([500, { errors: [{ extensions: { code: "INTERNAL" } }] }]);
      expect(body).not.toMatch(/hidden|SELECT|does not exist|42703|\.ts\b|stack|node_modules/);
      expect(takeFaults()).toHaveLength(1);
      await app.database.pool.query("ALTER TABLE notes RENAME COLUMN source TO hidden");
      const rest = await fetch(`${app.url}/v2/tickets/notes`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-api-key": account.specialist.key },
        body: JSON.stringify({ ticket_id: ticket.id, value: "x" }),
      });
      const problem = await rest.text();
      expect([rest.status, rest.headers.get("content-type")]).toEqual([500, "application/problem+json"]);
      expect(problem).not.toMatch(/hidden|SELECT|does not exist|42703|P20|\.ts\b|stack|node_modules|prisma/i);
      expect(JSON.parse(problem)).toMatchObject({ status: 500, detail: expect.stringContaining("x-request-id") });
    } finally {
      await app.database.pool.query("ALTER TABLE notes RENAME COLUMN hidden TO source");
      await app.database.pool.query("ALTER TABLE tickets RENAME COLUMN hidden TO subject");
    }
  } finally {
    process.env["NODE_ENV"] = before;
  }
});
