import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addAccount, call, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addClient, askForToken, post, type TestClient, tokenOf } from "../support/oauth.ts";

let app: TestApp;
let account: TestAccount;
let client: TestClient;
let grant: Record<string, string>;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  client = await addClient(app, account.specialist, ["tickets:read", "notes:read"]);
  grant = { grant_type: "client_credentials", client_id: client.id, client_secret: client.secret };
});
afterAll(() => app.close());

const basic = (id: string, secret: string) => ({ authorization: `Basic ${btoa(`${id}:${secret}`)}` });

describe("a token", () => {
  test.each(["/oauth2/token", "/oauth/token", "/token", "/token/"])(
    "is given at %s for a form, with what the contracts name and no more",
    async (path) => {
      const { status, headers, body } = await askForToken(app, grant, { path });
      expect(status).toBe(200);
      expect(body).toEqual({ access_token: expect.any(String), token_type: "Bearer", expires_in: 3600 });
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("content-type")).toMatch(/^application\/json/);
    },
  );

  test("is given for a JSON body", async () => {
    const { status, body } = await post(`${app.url}/oauth/token`, JSON.stringify(grant), {
      "content-type": "application/json",
    });
    expect([status, body["token_type"], body["expires_in"]]).toEqual([200, "Bearer", 3600]);
  });

  test("is given where the body has parameters that nobody knows, and the Authorization header is empty", async () => {
    const unknown = { ...grant, audience: ["a", "b"], extra: { of: 1 } };
    const { status } = await post(`${app.url}/oauth/token`, JSON.stringify(unknown), {
      "content-type": "application/json",
      authorization: "",
    });
    expect(status).toBe(200);
  });

  test("is given for the secret by HTTP Basic", async () => {
    const { status } = await askForToken(
      app,
      { grant_type: "client_credentials" },
      { headers: basic(client.id, client.secret) },
    );
    expect(status).toBe(200);
  });

  test("is a signed at+jwt that the published documents verify", async () => {
    const configuration = await call(app, undefined, "GET", "/.well-known/openid-configuration");
    const metadata = configuration.body as { issuer: string; jwks_uri: string; token_endpoint: string };
    expect(metadata).toMatchObject({ issuer: app.url, token_endpoint: `${app.url}/oauth2/token` });
    expect((await call(app, undefined, "GET", "/.well-known/oauth-authorization-server")).body).toEqual(metadata);

    const token = await tokenOf(app, client);
    const { payload, protectedHeader } = await jwtVerify(token, createRemoteJWKSet(new URL(metadata.jwks_uri)), {
      issuer: app.url,
      audience: app.url,
      typ: "at+jwt",
    });
    expect(protectedHeader).toMatchObject({ alg: "EdDSA", typ: "at+jwt" });
    expect(payload).toMatchObject({
      sub: client.id,
      client_id: client.id,
      scope: "tickets:read notes:read",
      jti: expect.any(String),
    });
    expect(payload.exp! - payload.iat!).toBe(3600);
  });

  test("opens every API as its client's person, and no longer than an hour", async () => {
    const token = await tokenOf(app, client);
    const bearer = { authorization: `Bearer ${token}` };
    const query = JSON.stringify({ query: "{ viewer { person { name } scopes } }" });
    const graphql = await call(app, undefined, "POST", "/graphql", query, bearer);
    expect(graphql.body).toEqual({
      data: { viewer: { person: { name: "Sam Specialist" }, scopes: ["TICKETS_READ", "NOTES_READ"] } },
    });
    const path = "/v2/tickets/notes?ticket_id=019a0000-0000-7000-8000-000000000000";
    expect((await call(app, undefined, "GET", path, undefined, bearer)).status).toBe(404);
    expect((await call(app, token, "GET", path)).status).toBe(404);
    app.time.now = new Date(Date.now() + 3_600_000 + 6_000);
    try {
      expect((await call(app, undefined, "GET", path, undefined, bearer)).status).toBe(401);
    } finally {
      app.time.now = undefined;
    }
  });

  test("has fewer scopes where fewer are asked for, and says so", async () => {
    const { body } = await askForToken(app, { ...grant, scope: "notes:read" });
    expect(body["scope"]).toBe("notes:read");
    const { body: refused } = await call(
      app,
      undefined,
      "GET",
      "/v2/tickets/notes?ticket_id=019a0000-0000-7000-8000-000000000000",
      undefined,
      { authorization: `Bearer ${String(body["access_token"])}` },
    );
    expect(refused).toMatchObject({ status: 403, detail: expect.stringContaining("tickets:read") });
  });
});

describe("a refusal, as RFC 6749 has them", () => {
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const text = (parameters: Record<string, string>) => new URLSearchParams(parameters).toString();
  const cases: [string, () => Promise<{ status: number; headers: Headers; body: Record<string, unknown> }>, number, string][] =
    [
      ["of a wrong secret", () => askForToken(app, { ...grant, client_secret: "wrong" }), 401, "invalid_client"],
      ["of a client that is none", () => askForToken(app, { ...grant, client_id: "nobody" }), 401, "invalid_client"],
      [
        "of another client's secret",
        async () => {
          const other = await addClient(app, account.specialist, ["notes:read"]);
          return askForToken(app, { ...grant, client_secret: other.secret });
        },
        401,
        "invalid_client",
      ],
      [
        "of no secret",
        () => askForToken(app, { grant_type: "client_credentials", client_id: client.id }),
        401,
        "invalid_client",
      ],
      [
        "of an API key as a secret",
        () => askForToken(app, { ...grant, client_secret: account.specialist.key }),
        401,
        "invalid_client",
      ],
      [
        "of a wrong secret by Basic",
        () => askForToken(app, { grant_type: "client_credentials" }, { headers: basic(client.id, "wrong") }),
        401,
        "invalid_client",
      ],
      [
        "of a scheme that is not Basic",
        () => askForToken(app, { grant_type: "client_credentials" }, { headers: { authorization: "Bearer x" } }),
        401,
        "invalid_client",
      ],
      [
        "of two ways to authenticate",
        () => askForToken(app, grant, { headers: basic(client.id, client.secret) }),
        400,
        "invalid_request",
      ],
      [
        "of no grant type",
        () => askForToken(app, { client_id: client.id, client_secret: client.secret }),
        400,
        "invalid_request",
      ],
      [
        "of a grant type that is none",
        () => askForToken(app, { ...grant, grant_type: "telepathy" }),
        400,
        "unsupported_grant_type",
      ],
      ...["password", "refresh_token", "authorization_code"].map((type): (typeof cases)[number] => [
        `of the grant type ${type}`,
        () => askForToken(app, { ...grant, grant_type: type }),
        400,
        "unsupported_grant_type",
      ]),
      [
        "of a scope that the client does not have",
        () => askForToken(app, { ...grant, scope: "notes:read admin" }),
        400,
        "invalid_scope",
      ],
      ["of a scope that is none", () => askForToken(app, { ...grant, scope: "everything" }), 400, "invalid_scope"],
      ["of a parameter twice", () => post(`${app.url}/token`, `${text(grant)}&scope=a&scope=b`, form), 400, "invalid_request"],
      ["of parameters in the query", () => post(`${app.url}/token?${text(grant)}`, "", form), 400, "invalid_request"],
      ["of one parameter in the query", () => askForToken(app, grant, { path: "/oauth/token?x=1" }), 400, "invalid_request"],
      [
        "of JSON that is none",
        () => post(`${app.url}/token`, "{", { "content-type": "application/json" }),
        400,
        "invalid_request",
      ],
      [
        "of JSON that is no object",
        () => post(`${app.url}/token`, "[1]", { "content-type": "application/json" }),
        400,
        "invalid_request",
      ],
      [
        "of JSON values that are no texts",
        () => post(`${app.url}/token`, JSON.stringify({ ...grant, scope: ["a"] }), { "content-type": "application/json" }),
        400,
        "invalid_request",
      ],
      ["of an empty body", () => post(`${app.url}/token`, "", form), 401, "invalid_client"],
      [
        "of another media type",
        () => post(`${app.url}/token`, "<a/>", { "content-type": "application/xml" }),
        400,
        "invalid_request",
      ],
    ];
  test.each(cases)("%s", async (_of, ask, status, error) => {
    const answer = await ask();
    expect({ status: answer.status, body: answer.body }).toEqual({
      status,
      body: { error, error_description: expect.any(String) },
    });
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(String(answer.body["error_description"])).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
    expect(answer.headers.get("www-authenticate")).toBe(
      status === 401 ? 'Basic realm="token endpoint", charset="UTF-8"' : null,
    );
  });

  test("of another method", async () => {
    const answer = await call(app, undefined, "GET", "/oauth2/token");
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
  });
});

describe("the keys", () => {
  const keyIds = async () => {
    const { body } = await call(app, undefined, "GET", "/.well-known/jwks.json");
    const { keys } = body as { keys: Record<string, unknown>[] };
    for (const key of keys) expect(Object.keys(key).toSorted()).toEqual(["alg", "crv", "kid", "kty", "use", "x"]);
    return keys.map((key) => String(key["kid"]));
  };
  const at = async <Result>(time: number, work: () => Promise<Result>): Promise<Result> => {
    app.time.now = new Date(time);
    try {
      return await work();
    } finally {
      app.time.now = undefined;
    }
  };
  const day = 24 * 3_600_000;
  const period = 30 * day;
  // Far from the other tests' time, so that this test alone makes these keys.
  const start = (Math.floor(Date.now() / period) + 1000) * period;

  test("change every thirty days; the next is published a day ahead, the last while its tokens live", async () => {
    const now = await at(start + day, keyIds);
    expect(now).toHaveLength(1);
    const token = await at(start + period - 1000, () => tokenOf(app, client));
    expect(decodeProtectedHeader(token).kid).toBe(now[0]);

    const ahead = await at(start + period - day + 1000, keyIds);
    expect(ahead).toHaveLength(2);
    expect(ahead[0]).toBe(now[0]);
    const next = await at(start + period + 1000, () => tokenOf(app, client));
    expect(decodeProtectedHeader(next).kid).toBe(ahead[1]);

    const works = (using: string) => async () =>
      (await call(app, using, "GET", "/v2/tickets/note-attachments?note_id=1")).status;
    expect(await at(start + period + 3_000_000, works(token))).not.toBe(401);
    expect(await at(start + period + 3_000_000, keyIds)).toEqual(ahead);
    expect(await at(start + period + 3_700_000, works(token))).toBe(401);
    expect(await at(start + period + 4_200_000, keyIds)).toEqual([ahead[1]]);
  });

  test("are the same for every process on one database, and are made once", async () => {
    const others = await Promise.all([startApp(), startApp(), startApp()]);
    try {
      const keys = async ({ url, time }: TestApp) => {
        time.now = new Date(start + 100 * period);
        const response = await fetch(`${url}/.well-known/jwks.json`);
        return ((await response.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
      };
      const seen = await Promise.all(others.map(keys));
      expect(seen[0]).toHaveLength(1);
      expect(new Set(seen.flat()).size).toBe(1);
    } finally {
      for (const other of others) await other.close();
    }
  });

  test("are sealed: the database holds nothing that signs", async () => {
    const { rows } = await app.database.pool.query<{ sealed_key: Buffer }>("SELECT sealed_key FROM signing_keys");
    expect(rows.length).toBeGreaterThan(0);
    for (const { sealed_key: sealed } of rows) expect(sealed.toString("latin1")).not.toMatch(/"d"\s*:|"kty"|Ed25519/);
  });
});
