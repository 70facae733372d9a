import { expect, onTestFinished, test } from "vitest";
import { stopServing } from "../../src/http/server/stop.ts";
import { addAccount, startApp, type TestApp } from "../support/app.ts";
import { openRaw, requestHead, statusesIn } from "../support/raw-http.ts";

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function start(): Promise<TestApp> {
  const app = await startApp();
  onTestFinished(() => app.close());
  return app;
}

const stop = ({ app }: TestApp, drainMilliseconds: number, workMilliseconds = 5_000) =>
  stopServing({ app: app.server, connections: app.connections }, { drainMilliseconds, workMilliseconds });

const headersOf = (text: string) => text.toLowerCase().split("\r\n\r\n", 1)[0]?.split("\r\n") ?? [];

test("while it drains /ready is red, all else is answered, and every answer says that the connection closes", async () => {
  const app = await start();
  const { specialist } = await addAccount(app);
  expect((await fetch(`${app.url}/ready`)).status).toBe(200);
  app.app.connections.beginDraining();
  const ready = await fetch(`${app.url}/ready`);
  expect([ready.status, ready.headers.get("retry-after"), ready.headers.get("connection")]).toEqual([503, "2", "close"]);
  expect(await ready.json()).toMatchObject({ detail: "This process is about to end." });
  const json = { "content-type": "application/json", "x-api-key": specialist.key };
  const body = JSON.stringify({ query: "{ viewer { role } }" });
  const requests: [string, RequestInit, number][] = [
    ["/health", {}, 200],
    ["/metrics", {}, 200],
    ["/", {}, 200],
    ["/graphql", { method: "POST", headers: json, body }, 200],
    ["/graphql", { method: "POST", headers: { ...json, accept: "multipart/mixed" }, body }, 200],
    ["/graphql?query=%7B__typename%7D", {}, 200],
    ["/v2/tickets/notes", {}, 401],
    ["/v1", {}, 200],
    ["/v1/notes", { headers: { authorization: `Bearer ${specialist.key}` } }, 200],
    ["/v1/%ZZ", {}, 404],
    ["/%ZZ", {}, 400],
    ["/nothing", {}, 404],
    ["/oauth2/token", { method: "POST" }, 400],
  ];
  for (const [path, init, status] of requests) {
    const { headers, status: answered } = await fetch(`${app.url}${path}`, init);
    expect([path, answered, headers.get("connection"), headers.get("keep-alive")]).toEqual([path, status, "close", null]);
  }
  await stop(app, 0);
  await expect(fetch(`${app.url}/health`)).rejects.toThrow("fetch failed");
});

test("a request on a connection that was idle when the port closed is answered, and then the connection closes", async () => {
  const app = await start();
  const raw = await openRaw(app);
  raw.write(requestHead("GET", "/health"));
  await raw.until(/alive/);
  const idle = await openRaw(app);
  idle.write(requestHead("GET", "/health"));
  await idle.until(/alive/);
  const stopped = stop(app, 0);
  await expect.poll(() => app.app.server.server.listening, { interval: 5 }).toBe(false);
  raw.write(requestHead("GET", "/health"));
  const received = await raw.closed;
  expect(statusesIn(received)).toEqual([200, 200]);
  expect(received.toLowerCase().match(/connection: [\w-]+/g)).toEqual(["connection: keep-alive", "connection: close"]);
  expect(statusesIn(await idle.closed)).toEqual([200]);
  await stopped;
});

test("a request whose headers or body are on their way is answered", async () => {
  const app = await start();
  const { specialist } = await addAccount(app);
  const body = JSON.stringify({ query: "{ viewer { role } }" });
  const headers = {
    ...{ "content-type": "application/json", "content-length": String(body.length) },
    "x-api-key": specialist.key,
  };
  const [byHeaders, byBody] = [await openRaw(app), await openRaw(app)];
  const head = requestHead("POST", "/graphql", headers);
  byHeaders.write(head.slice(0, 60));
  byBody.write(`${head}${body.slice(0, 5)}`);
  const stopped = stop(app, 0);
  // Longer than an idle connection is left open, in pauses that are much shorter than that.
  for (let at = 60; at < 90; at += 10) {
    await wait(400);
    byHeaders.write(head.slice(at, at + 10));
  }
  await wait(400);
  byHeaders.write(`${head.slice(90)}${body}`);
  byBody.write(body.slice(5));
  for (const received of await Promise.all([byHeaders.closed, byBody.closed])) {
    expect(headersOf(received)).toEqual(expect.arrayContaining(["http/1.1 200 ok", "connection: close"]));
    expect(received).toContain('"role":"SPECIALIST"');
  }
  await stopped;
});

test("what does not end in time is cut off", async () => {
  const app = await start();
  const raw = await openRaw(app);
  raw.write(requestHead("POST", "/graphql", { "content-type": "application/json", "content-length": "10" }));
  const pouring = setInterval(() => raw.write(" "), 300);
  onTestFinished(() => clearInterval(pouring));
  await stop(app, 0, 800);
  expect(statusesIn(await raw.closed)).toEqual([]);
});
