import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { auditEventsIn } from "../../src/access/audit-events.ts";
import { openDatabase } from "../../src/database/database.ts";
import { sql } from "../../src/database/sql.ts";
import { addAccount, call, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { createScratchDatabase } from "../support/database.ts";
import { addNote, addTicket } from "../support/factories.ts";
import { addClient, tokenOf } from "../support/oauth.ts";
import { openRaw, requestHead, statusesIn } from "../support/raw-http.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { v1 } from "../support/v1.ts";

let app: TestApp;
let account: TestAccount;
let key: string;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  ({ key } = account.specialist);
});
afterAll(() => app.close());

const viewerQuery = JSON.stringify({ query: "{ viewer { role } }" });
const json = { "content-type": "application/json" };

const postGraphql = (headers: Record<string, string>, body: BodyInit = viewerQuery) =>
  fetch(`${app.url}/graphql`, { method: "POST", headers: { ...json, ...headers }, body });

describe("what is no request is answered with a problem, and its connection closed", () => {
  const long = "x".repeat(20_000);
  test.each([
    ["headers of more than 16 KiB", `GET /v2/tickets/notes HTTP/1.1\r\nHost: a\r\nX-Long: ${long}\r\n\r\n`, 431],
    ["a URL of more than 16 KiB", `GET /v1/notes?x=${long} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ["no request line", "nonsense\r\n\r\n", 400],
    ["a method that is none", "BREW /graphql HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["another protocol", "GET / HTTP/3.7\r\nHost: a\r\n\r\n", 400],
    ["a header without a name", "GET /health HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400],
    ["two lengths", requestHead("POST", "/graphql", { "content-length": "1, 2" }), 400],
    ["a length and chunks", requestHead("POST", "/graphql", { "content-length": "1", "transfer-encoding": "chunked" }), 400],
    ["a chunk that is none", `${requestHead("POST", "/graphql", { ...json, "transfer-encoding": "chunked" })}zz\r\n`, 400],
  ])("%s", async (_name, text, status) => {
    const raw = await openRaw(app);
    raw.write(text);
    const received = await raw.closed;
    expect(statusesIn(received)).toEqual([status]);
    const [head = "", body = ""] = received.split("\r\n\r\n");
    expect(head).toMatch(/^content-type: application\/problem\+json\r?$/m);
    expect(head).toMatch(/^connection: close\r?$/m);
    expect(JSON.parse(body)).toMatchObject({ type: "about:blank", status, detail: expect.any(String) });
  });

  test("headers that are still being sent when they are refused", async () => {
    const raw = await openRaw(app);
    raw.write("GET / HTTP/1.1\r\nHost: a\r\n");
    for (let line = 0; line < 200; line += 1) raw.write(`X-${line}: ${"x".repeat(1_000)}\r\n`);
    expect(statusesIn(await raw.closed)).toEqual([431]);
  });
});

describe("a body with a Content-Encoding", () => {
  const codings = { gzip: gzipSync, "x-gzip": gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync };

  test.each(Object.entries(codings))("is decoded: %s, by every API", async (coding, encode) => {
    const encoding = { "content-encoding": coding };
    const byGraphql = await postGraphql({ "x-api-key": key, ...encoding }, new Uint8Array(encode(viewerQuery)));
    expect(await byGraphql.json()).toEqual({ data: { viewer: { role: "SPECIALIST" } } });

    const ticket = await addTicket(app, account);
    const note = encode(JSON.stringify({ ticket_id: ticket.id, value: "Compressed." }));
    const headers = { ...json, ...encoding, "x-api-key": key };
    const byV2 = await fetch(`${app.url}/v2/tickets/notes`, { method: "POST", headers, body: new Uint8Array(note) });
    expect([byV2.status, await byV2.json()]).toMatchObject([201, { value: "Compressed." }]);

    const text = encode(JSON.stringify({ text: "Compressed." }));
    const byV1 = await v1(app, `/v1/requests/${ticket.number}/notes`, { key, method: "POST", headers: encoding, body: text });
    expect(byV1.status).toBe(201);

    const client = await addClient(app, account.specialist, ["notes:read"]);
    const form = new URLSearchParams({ grant_type: "client_credentials", client_id: client.id, client_secret: client.secret });
    const formHeaders = { "content-type": "application/x-www-form-urlencoded", ...encoding };
    for (const path of ["/oauth2/token", "/oauth/token", "/token"]) {
      const body = new Uint8Array(encode(form.toString()));
      const answer = await fetch(`${app.url}${path}`, { method: "POST", headers: formHeaders, body });
      expect([answer.status, await answer.json()]).toMatchObject([200, { token_type: "Bearer" }]);
    }
  });

  test("of chunks, or of an unusual spelling, is decoded too", async () => {
    const body = new Blob([new Uint8Array(gzipSync(viewerQuery))]).stream();
    const init = { method: "POST", headers: { ...json, "x-api-key": key, "content-encoding": " GZip" }, body, duplex: "half" };
    expect((await fetch(`${app.url}/graphql`, init as RequestInit)).status).toBe(200); // its type does not know duplex
    expect((await postGraphql({ "x-api-key": key, "content-encoding": "identity" })).status).toBe(200);
  });

  test("that decodes to more than a body may have is refused, and decoded no further", async () => {
    const spaces = Buffer.alloc(50_000_000, " ");
    const bombs = {
      gzip: gzipSync(spaces),
      br: brotliCompressSync(spaces, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
      zstd: zstdCompressSync(spaces),
    };
    for (const [coding, bomb] of Object.entries(bombs)) {
      expect(bomb.length).toBeLessThan(1_000_000);
      const answer = await postGraphql({ "x-api-key": key, "content-encoding": coding }, new Uint8Array(bomb));
      expect([answer.status, await answer.json()]).toMatchObject([413, { errors: [{ extensions: { code: "TOO_LARGE" } }] }]);
    }
  });

  test("that does not decode is refused with 400, and one of another coding with 415, each in its API's shape", async () => {
    const send = async (path: string, coding: string, type = "application/json") => {
      const headers = { "content-type": type, "content-encoding": coding, authorization: `Bearer ${key}` };
      const response = await fetch(`${app.url}${path}`, { method: "POST", headers, body: "nonsense" });
      return { status: response.status, accepts: response.headers.get("accept-encoding"), body: await response.json() };
    };
    const form = "application/x-www-form-urlencoded";
    expect(await send("/graphql", "gzip")).toMatchObject({
      status: 400,
      body: { errors: [{ message: expect.stringContaining("Content-Encoding") }] },
    });
    expect(await send("/v2/tickets/notes", "br")).toMatchObject({
      status: 400,
      body: { status: 400, detail: expect.stringContaining("Content-Encoding") },
    });
    expect(await send("/v1/requests/1/notes", "deflate")).toMatchObject({
      status: 400,
      body: { message: "Invalid JSON string posted" },
    });
    expect(await send("/oauth2/token", "gzip", form)).toMatchObject({ status: 400, body: { error: "invalid_request" } });
    for (const coding of ["compress", "gzip, br", "nonsense", "constructor"]) {
      const accepts = "gzip, deflate, br, zstd";
      expect(await send("/graphql", coding)).toMatchObject({ status: 415, accepts, body: { errors: [{}] } });
      expect(await send("/v2/tickets/notes", coding)).toMatchObject({ status: 415, accepts, body: { status: 415 } });
      expect(await send("/v1/requests/1/notes", coding)).toMatchObject({
        status: 415,
        body: { message: "Unsupported Media Type" },
      });
      expect(await send("/token", coding, form)).toMatchObject({ status: 415, body: { error: "invalid_request" } });
    }
    expect((await fetch(`${app.url}/health`, { headers: { "content-encoding": "nonsense" } })).status).toBe(200);
  });
});

describe("/graphql", () => {
  test.each(["PUT", "PATCH", "DELETE"])("refuses %s with what it takes instead, whatever the body", async (method) => {
    for (const headers of [json, { "content-type": "text/xml" }]) {
      const response = await fetch(`${app.url}/graphql`, { method, headers, body: "<x/>" });
      expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD, POST, OPTIONS"]);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "INVALID_INPUT" } }] });
    }
  });

  test("says by which scheme to come with every 401", async () => {
    for (const headers of [{ "x-api-key": "tnk_none" }, { authorization: "Basic eDp5" }, { authorization: "Bearer x" }]) {
      const response = await postGraphql(headers);
      expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    }
  });

  test("answers who takes nothing that it has with 406, by POST and by GET", async () => {
    for (const accept of ["text/html", "application/json;q=0", "image/png"]) {
      const byPost = await postGraphql({ "x-api-key": key, accept });
      expect([byPost.status, byPost.headers.get("content-type")]).toEqual([406, "application/json; charset=utf-8"]);
      expect(await byPost.json()).toMatchObject({ errors: [{ extensions: { code: "INVALID_INPUT" } }] });
    }
    const query = `?query=${encodeURIComponent("{ viewer { role } }")}`;
    expect((await fetch(`${app.url}/graphql${query}`, { headers: { accept: "image/png" } })).status).toBe(406);
  });

  test("frames an answer in parts once, so that clients read it", async () => {
    for (const accept of ["multipart/mixed", "text/event-stream", "multipart/mixed;deferSpec=20220824"]) {
      const response = await postGraphql({ "x-api-key": key, accept });
      expect(await response.text()).toContain('{"data":{"viewer":{"role":"SPECIALIST"}}}');
      const raw = await openRaw(app);
      const headers = { ...json, accept, "x-api-key": key, "content-length": String(viewerQuery.length), connection: "close" };
      raw.write(`${requestHead("POST", "/graphql", headers)}${viewerQuery}`);
      const [head = ""] = (await raw.closed).split("\r\n\r\n");
      expect(head.match(/^(transfer-encoding|content-length):/gim)).toHaveLength(1);
      expect(head).not.toMatch(/content-encoding/i);
    }
  });
});

describe("a bearer token and an API key together", () => {
  const everywhere = async (headers: Record<string, string>): Promise<number[]> => {
    const byGraphql = await postGraphql(headers);
    const byV2 = await fetch(`${app.url}/v2/tickets/notes?ticket_id=${(await addTicket(app, account)).id}`, { headers });
    const byV1 = await fetch(`${app.url}/v1/me`, { headers });
    return [byGraphql.status, byV2.status, byV1.status];
  };
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  test("are the bearer's where the key is stale, and nobody's where the token is", async () => {
    expect(await everywhere({ ...bearer(key), "x-api-key": "tnk_stale" })).toEqual([200, 200, 200]);
    expect(await everywhere({ ...bearer(key), "x-api-key": "" })).toEqual([200, 200, 200]);
    expect(await everywhere({ ...bearer("tnk_stale"), "x-api-key": key })).toEqual([401, 401, 401]);
  });

  test("are that person's where both are the same person's", async () => {
    const client = await addClient(app, account.specialist, ["notes:read", "tickets:read"]);
    const token = await tokenOf(app, client);
    expect(await everywhere({ ...bearer(token), "x-api-key": key })).toEqual([200, 200, 200]);
    expect(await everywhere({ ...bearer(key), "x-api-key": key })).toEqual([200, 200, 200]);
  });

  test("are refused, and it is said why, where they are two people's", async () => {
    const headers = { ...bearer(key), "x-api-key": account.administrator.key };
    expect(await everywhere(headers)).toEqual([401, 401, 401]);
    const message = "The bearer token and the API key are of two people: send one of them.";
    expect(await (await postGraphql(headers)).json()).toMatchObject({
      errors: [{ message, extensions: { code: "UNAUTHENTICATED" } }],
    });
    const problem = await fetch(`${app.url}/v2/tickets/notes?ticket_id=${account.id}`, { headers });
    expect(await problem.json()).toMatchObject({ status: 401, detail: message });
  });

  test("are the key's where the Authorization is a proxy's own", async () => {
    expect(await everywhere({ authorization: "Basic eDp5", "x-api-key": key })).toEqual([200, 200, 200]);
  });
});

describe("the address in the audit", () => {
  const addressesOf = async (at: TestApp, headers: Record<string, string>): Promise<string | null> => {
    const { id, specialist } = await addAccount(at);
    const response = await fetch(`${at.url}/graphql`, {
      method: "POST",
      headers: { ...json, "x-api-key": specialist.key, ...headers },
      body: viewerQuery,
    });
    expect(response.status).toBe(200);
    const [event] = await at.database.query<{ address: string | null }>(
      sql`SELECT e.address FROM ${auditEventsIn(id)} WHERE e.person_id = ${specialist.id}::uuid AND e.action = 'USED'`,
    );
    return event?.address ?? null;
  };

  test("is the connection's where no proxy is trusted", async () => {
    expect(await addressesOf(app, { "x-forwarded-for": "192.0.2.7" })).toBe("127.0.0.1");
  });

  test("is the one that trusted proxies have seen, and never one that a client has made up", async () => {
    const behind = await startApp({ trustedProxies: ["127.0.0.0/8", "10.0.0.0/8", "2001:db8:1::/48"] });
    onTestFinished(() => behind.close());
    const cases = {
      "192.0.2.7": "192.0.2.7",
      "203.0.113.9, 192.0.2.7": "192.0.2.7",
      "192.0.2.7, 10.1.2.3": "192.0.2.7",
      "192.0.2.7, 2001:db8:1::5": "192.0.2.7",
      "2001:db8:2::7": "2001:db8:2::7",
      "::ffff:192.0.2.7": "192.0.2.7",
      "192.0.2.7:4711": "192.0.2.7",
      "[2001:db8:2::7]:4711": "2001:db8:2::7",
      unknown: "127.0.0.1",
      "": "127.0.0.1",
    };
    for (const [forwarded, address] of Object.entries(cases))
      expect([forwarded, await addressesOf(behind, { "x-forwarded-for": forwarded })]).toEqual([forwarded, address]);
  });
});

// The embedded database is a part of the process: it is not away.
test.skipIf(inject("testServer").kind === "embedded")(
  "every 503 says when to try again, and /ready says it in time",
  async () => {
    const scratch = await createScratchDatabase();
    if (scratch.config.kind === "embedded") throw new Error("This is not run on the embedded database");
    const url = new URL(scratch.config.url);
    const proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port || 5432) });
    url.hostname = "127.0.0.1";
    url.port = String(proxy.port);
    const limits = { connectMilliseconds: 1_500, statementMilliseconds: 1_500, answerMilliseconds: 1_500 };
    const database = await openDatabase({ kind: "postgresql", url: url.href }, { warn: () => undefined }, limits);
    const away = await startApp({ database });
    onTestFinished(async () => {
      proxy.thaw();
      await away.close();
      await database.close();
      await proxy.close();
      await scratch.drop();
    });
    const { specialist } = await addAccount(away);
    const client = await addClient(away, specialist, ["notes:read"]);
    proxy.freeze();
    const form = new URLSearchParams({ grant_type: "client_credentials", client_id: client.id, client_secret: client.secret });
    const keyed = { ...json, "x-api-key": specialist.key };
    const requests: [string, RequestInit][] = [
      ["/ready", {}],
      ["/graphql", { method: "POST", headers: keyed, body: viewerQuery }],
      ["/graphql?query=%7Bviewer%7Brole%7D%7D", { headers: keyed }],
      ["/v2/tickets/notes?ticket_id=019ea5c6-0b92-780d-81d5-3774e154484e", { headers: keyed }],
      ["/v1/notes", { headers: { authorization: `Bearer ${specialist.key}` } }],
      ["/oauth2/token", { method: "POST", body: form }],
      ["/token", { method: "POST", body: form }],
      ["/.well-known/jwks.json", {}],
    ];
    for (const [path, init] of requests) {
      const { status, headers } = await fetch(`${away.url}${path}`, init);
      expect([path, status, headers.get("retry-after")]).toEqual([path, 503, "2"]);
    }
  },
);

describe("what a client leaves out or makes up is told as its mistake", () => {
  const write = (method: string, path: string, headers: Record<string, string> = {}) =>
    fetch(`${app.url}${path}`, { method, headers: { "x-api-key": key, ...headers } });

  test.each([
    ["POST", "/v2/tickets/notes"],
    ["PUT", "/v2/tickets/notes/01900000-0000-7000-8000-000000000000"],
    ["POST", "/v2/tickets/note-attachments"],
  ])("%s %s without a body or its type is 400", async (method, path) => {
    const answer = await write(method, path);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ status: 400, title: "Bad Request" });
  });

  test("fields of /v1 that are called as members of every object are told by their names", async () => {
    const ticket = await addTicket(app, account, {});
    const answer = await fetch(`${app.url}/v1/requests/${ticket.number}`, {
      method: "PATCH",
      headers: { ...json, authorization: `Bearer ${key}` },
      body: '{"__proto__":1,"constructor":1,"toString":1}',
    });
    expect(answer.status).toBe(422);
    const { errors } = (await answer.json()) as { errors: [string, string][] };
    expect(errors.map(([field]) => field)).toEqual(["__proto__", "constructor", "toString"]);
  });

  test("a media type that is called so is not that of an upload URL", async () => {
    const ticket = await addTicket(app, account, {});
    const note = await addNote(app, ticket, account.specialist);
    const asked = await call(app, key, "POST", "/v2/tickets/note-attachments", { note_id: note.id, filename: "a.txt" });
    const { signed_url: url } = asked.body as { signed_url: string };
    for (const type of ["constructor/constructor", "__proto__/x"]) {
      const answer = await fetch(url, { method: "PUT", headers: { "content-type": type }, body: "x" });
      expect(answer.status, type).toBe(403);
    }
  });

  test.each(["PROPFIND", "LOCK", "REPORT", "QUERY", "TRACE", "PUT"])(
    "GraphQL by %s is 405 and says what is taken",
    async (method) => {
      const connection = await openRaw(app);
      connection.write(requestHead(method, "/graphql"));
      const answer = await connection.until(/\r\n\r\n/);
      connection.socket.destroy();
      expect(statusesIn(answer)).toEqual([405]);
      expect(answer.toLowerCase()).toContain("allow: get, head, post, options");
    },
  );

  test("GraphQL by HEAD is answered as by GET", async () => {
    const answer = await fetch(`${app.url}/graphql?query=%7B__typename%7D`, { method: "HEAD", headers: { "x-api-key": key } });
    expect(answer.status).toBe(200);
  });

  test("a body of GraphQL that is too large is said to be that", async () => {
    const answer = await postGraphql({ "x-api-key": key }, JSON.stringify({ query: `{ a # ${"x".repeat(1_100_000)} }` }));
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: "TOO_LARGE" } }] });
  });
});

describe("bodies that are under way", () => {
  test("are small without a credential", async () => {
    const answer = await postGraphql({}, JSON.stringify({ query: `{ __typename } # ${"x".repeat(70_000)}` }));
    expect(answer.status).toBe(413);
  });

  test("have room for so many bytes together, and large ones beyond that are refused unread", async () => {
    const half = "x".repeat(500_000);
    const head = requestHead("POST", "/graphql", { ...json, "x-api-key": key, "content-length": "1000000" });
    const slow = await Promise.all(Array.from({ length: 72 }, () => openRaw(app)));
    onTestFinished(() => slow.forEach(({ socket }) => socket.destroy()));
    for (const { write } of slow) write(`${head}{"query":"${half}`);
    expect(await Promise.any(slow.map(({ until }) => until(/ 503 [^]*\r\n\r\n/)))).toMatch(/retry-after: \d/i);
    expect((await postGraphql({ "x-api-key": key })).status).toBe(200);
  });
});
