import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test, onTestFinished } from "vitest";
import { type ConnectionLimits, defaultConnectionLimits } from "../../src/http/server/connections.ts";
import { addAccount, call, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket } from "../support/factories.ts";
import { openRaw, requestHead, statusesIn } from "../support/raw-http.ts";
import { formStart, offerStorage } from "../support/upload-form.ts";

const impatient: ConnectionLimits = {
  maximumConnections: 4_000,
  rates: {
    body: { bytes: 1_000, milliseconds: 500 },
    upload: { bytes: 1_000, milliseconds: 500 },
    response: { bytes: 1_000, milliseconds: 500 },
  },
};

let app: TestApp;
let account: TestAccount;
let key: string;

beforeAll(async () => {
  app = await startApp({ connectionLimits: impatient });
  account = await addAccount(app);
  ({ key } = account.specialist);
});
afterAll(() => app.close());

/** Sends `start` and then a character every now and then, until the connection is closed. */
async function drip(start: string | Buffer, character = " "): Promise<string> {
  const raw = await openRaw(app);
  raw.write(start);
  const dripping = setInterval(() => raw.write(character), 100);
  onTestFinished(() => clearInterval(dripping));
  const received = await raw.closed;
  clearInterval(dripping);
  return received;
}

function filesBelow(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true }) as string[]; // without file types they are names
  return entries.filter((entry) => statSync(join(directory, entry)).isFile());
}

describe("a body that drips", () => {
  const json = { "content-type": "application/json", "content-length": "1000" };

  test("is given up on /graphql, in its shape", async () => {
    const received = await drip(`${requestHead("POST", "/graphql", { ...json, "x-api-key": key })}{`);
    expect(statusesIn(received)).toEqual([408]);
    expect(received).toMatch(/^connection: close\r$/im);
    expect(received).toContain(
      '{"errors":[{"message":"The body came too slowly. Send it again on a better line.","extensions":',
    );
  });

  test("is given up on /v1, in its shape", async () => {
    const head = requestHead("POST", "/v1/requests/1/notes", { ...json, authorization: `Bearer ${key}` });
    const received = await drip(`${head}{`);
    expect(statusesIn(received)).toEqual([408]);
    expect(received).toMatch(/^connection: close\r$/im);
    expect(received).toMatch(/\{"message":"Request Timeout"\}$/);
  });

  test("is given up on /v2, in its shape", async () => {
    const received = await drip(`${requestHead("POST", "/v2/tickets/notes", { ...json, "x-api-key": key })}{`);
    expect(statusesIn(received)).toEqual([408]);
    expect(received).toContain('"type":"about:blank","status":408,"title":"Request Timeout"');
  });

  test("is given up where it comes in chunks, and where it is compressed", async () => {
    const chunked = { "content-type": "application/json", "transfer-encoding": "chunked", "x-api-key": key };
    expect(statusesIn(await drip(`${requestHead("POST", "/graphql", chunked)}1\r\n{\r\n`, "1\r\n \r\n"))).toEqual([408]);
    const compressed = { ...json, "content-encoding": "gzip", "x-api-key": key };
    // Uncompressed within gzip: any byte may come next.
    const start = gzipSync(Buffer.alloc(5_000, "a"), { level: 0 }).subarray(0, 20);
    const head = Buffer.from(requestHead("POST", "/graphql", compressed));
    expect(statusesIn(await drip(Buffer.concat([head, start]), "a"))).toEqual([408]);
  });

  test("is given up at each token endpoint, in its shape", async () => {
    for (const path of ["/oauth2/token", "/oauth/token", "/token"]) {
      const form = { "content-type": "application/x-www-form-urlencoded", "content-length": "1000" };
      const received = await drip(`${requestHead("POST", path, form)}grant_type=`, "x");
      expect(statusesIn(received)).toEqual([408]);
      expect(received).toContain('{"error":"invalid_request"');
    }
  });

  test("of a file is given up, and nothing of it is kept", async () => {
    const before = filesBelow(app.filesDirectory);
    const note = await addNote(app, await addTicket(app, account), account.specialist);
    const { body } = await call(app, key, "POST", "/v2/tickets/note-attachments", { note_id: note.id, filename: "slow.txt" });
    const { pathname, search } = new URL((body as { signed_url: string }).signed_url);
    const head = requestHead("PUT", `${pathname}${search}`, { "content-type": "text/plain", "content-length": "1000" });
    const received = await drip(`${head}x`, "x");
    expect(statusesIn(received)).toEqual([408]);
    expect(received).toContain("application/problem+json");
    await expect.poll(() => filesBelow(app.filesDirectory)).toEqual(before);
  });

  test("of an upload form is given up in the store's shape, before its file and within it", async () => {
    const before = filesBelow(app.filesDirectory);
    const offer = await offerStorage(app, key);
    const form = { "content-type": "multipart/form-data; boundary=b", "content-length": "100000" };
    const head = requestHead("POST", new URL(offer.upload_uri).pathname, form);
    for (const start of ['--b\r\nContent-Disposition: form-data; name="key"\r\n\r\n', formStart(offer, "slow.txt", "b")]) {
      const received = await drip(`${head}${start}`, "x");
      expect(statusesIn(received)).toEqual([408]);
      expect(received).toContain("<Error><Code>RequestTimeout</Code>");
    }
    await expect.poll(() => filesBelow(app.filesDirectory)).toEqual(before);
  });

  test("after its request was refused only closes the connection", async () => {
    for (const path of ["/nothing", "/graphql", "/v2/tickets/notes", "/v1/nothing"]) {
      const received = await drip(requestHead("POST", path, { ...json, "x-api-key": "tnk_none" }));
      expect(statusesIn(received)).toHaveLength(1);
      expect(statusesIn(received)[0]).toBeLessThanOrEqual(408);
    }
    expect(statusesIn(await drip(requestHead("GET", "/health", { "content-length": "1000" })))).toEqual([200]);
  });
});

test("a body that comes steadily is taken, however long it takes", async () => {
  const raw = await openRaw(app);
  const body = JSON.stringify({ query: "{ viewer { role } }", variables: { x: "x".repeat(20_000) } });
  const headers = { "content-type": "application/json", "x-api-key": key, "content-length": String(body.length) };
  raw.write(requestHead("POST", "/graphql", headers));
  for (let sent = 0; sent < body.length; sent += 700) {
    raw.write(body.slice(sent, sent + 700));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(await raw.until(/"role":"SPECIALIST"/)).toContain("HTTP/1.1 200");
  raw.socket.destroy();
});

test("an answer that nobody reads is cut off, and one that is read steadily is not", async () => {
  // Its connections are this test's alone.
  const own = await startApp({ connectionLimits: impatient });
  onTestFinished(() => own.close());
  const ticket = await addTicket(app, account);
  for (let note = 0; note < 100; note += 1) await addNote(app, ticket, account.specialist, { text: "x".repeat(65_000) });
  const query = `{ ticket(id: "${ticket.id}") { a: notes(first: 100) { nodes { text } } b: notes(first: 100) { nodes { text isPublic } } } }`;
  const body = JSON.stringify({ query });
  const headers = { "content-type": "application/json", "x-api-key": key, "content-length": String(body.length) };
  const { connections } = own.app;

  const raw = await openRaw(own);
  raw.write(`${requestHead("POST", "/graphql", headers)}${body}`);
  await raw.until(/^HTTP\/1\.1 200/);
  raw.socket.pause();
  await expect.poll(() => connections.count, { timeout: 20_000 }).toBe(0);
  raw.socket.destroy();

  const steady = await openRaw(own);
  steady.write(`${requestHead("POST", "/graphql", headers)}${body}`);
  await steady.until(/^HTTP\/1\.1 200/);
  const length = Number(/content-length: (\d+)/i.exec(steady.received())?.[1]);
  expect(length).toBeGreaterThan(12_000_000);
  while (steady.received().length < length) {
    steady.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 40));
    steady.socket.resume();
    await once(steady.socket, "data");
  }
  expect(steady.received()).toMatch(/\]\}\}\}\}$/);
  steady.socket.destroy();
});

test("a connection too many is told so and closed, and has room again when others are gone", async () => {
  const small = await startApp({ connectionLimits: { ...defaultConnectionLimits, maximumConnections: 10 } });
  onTestFinished(() => small.close());
  const held = await Promise.all(Array.from({ length: 10 }, () => openRaw(small)));
  await expect.poll(() => small.app.connections.count).toBe(10);
  const surplus = await openRaw(small);
  surplus.write(requestHead("GET", "/v2/tickets/notes"));
  const received = await surplus.closed;
  expect(statusesIn(received)).toEqual([503]);
  expect(received).toMatch(/^retry-after: 2\r$/im);
  expect(received).toContain("Too many connections are open.");
  for (const { socket } of held) socket.destroy();
  await expect.poll(() => small.app.connections.count).toBe(0);
  const next = await openRaw(small);
  next.write(requestHead("GET", "/health", { connection: "close" }));
  expect(statusesIn(await next.closed)).toEqual([200]);
});
