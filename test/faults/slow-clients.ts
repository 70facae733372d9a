// Four hundred slow clients at once: headers that arrive in drips, silence, bodies that arrive in drips at each URL
// that takes one, half a request and nothing more, and large responses that are not read. All are disconnected within
// 35 s, and other clients do not notice.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { startGateway, raisedLimits } from "./support/gateway.ts";
import { load, mixedCalls, newTally, percentile } from "./support/load.ts";

const slowClients = 400;
const goneMilliseconds = 35_000;
const honestMilliseconds = 250;
const honestClients = 4;
const dripMilliseconds = 5_000;
const largeNotes = 110;
const largeNoteBytes = 60_000;

interface SlowKind {
  readonly name: string;
  /** The text that is sent at once, and then every {@link dripMilliseconds}. An empty `drip` sends nothing more. */
  readonly start: () => string;
  readonly drip: string;
  /** Whether it reads only the beginning of the response. */
  readonly stopsReading?: true;
}

const gateway = await startGateway({ environment: { ...raisedLimits, LOG_LEVEL: "warn" }, readyMilliseconds: 180_000 });
const { specialist: key } = gateway.demoKeys();
const json = { "content-type": "application/json", "x-api-key": key };
const problems: string[] = [];
try {
  const kinds = await slowKinds(await largeTicket());
  const ticketId = await addTicket("Small");
  const alone = await honest(ticketId, wait(5_000));
  const began = performance.now();
  const gone = Promise.all(
    // `kinds` is not empty, so there is always an element.
    Array.from({ length: slowClients }, (_, number) => goneAfter(kinds[number % kinds.length] as SlowKind)),
  );
  const together = await honest(ticketId, gone);
  const lives = await gone;
  report(kinds, lives);
  console.log(`honest p99: ${Math.round(alone)} ms alone, ${Math.round(together)} ms beside them`);
  console.log(`resident afterwards: ${Math.round(gateway.residentBytes() / 1e6)} MB`);
  if (together > honestMilliseconds) problems.push(`honest clients waited ${Math.round(together)} ms`);
  console.log(`${slowClients} slow clients were gone after ${Math.round((performance.now() - began) / 1000)} s`);
} finally {
  await gateway.stop("SIGKILL");
}
for (const problem of problems) console.log(`  broken: ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);

function report(kinds: readonly SlowKind[], lives: readonly number[]): void {
  for (const [index, { name }] of kinds.entries()) {
    const own = lives.filter((_, number) => number % kinds.length === index);
    const longest = Math.max(...own);
    console.log(`${own.length} × ${name}: gone after ${(longest / 1000).toFixed(1)} s at the latest`);
    if (longest > goneMilliseconds) problems.push(`${name}: open after ${goneMilliseconds / 1000} s`);
  }
}

async function slowKinds(ticketId: string): Promise<SlowKind[]> {
  const note = await post("/v2/tickets/notes", { ticket_id: ticketId, value: "With a file." });
  const upload = await post("/v2/tickets/note-attachments", { note_id: note["id"], filename: "slow.txt" });
  const { pathname, search } = new URL(String(upload["signed_url"]));
  // The response has 13 MB. The system buffers about 6 MB, and a connection whose response is buffered completely
  // counts as idle.
  const large = `{ ticket(id: "${ticketId}") { a: notes(first: 100) { nodes { text } } b: notes(first: 100) { nodes { text isPublic } } } }`;
  const query = JSON.stringify({ query: large });
  const length = { "content-length": "1000" };
  const form = { "content-type": "application/x-www-form-urlencoded", ...length };
  const multipart = { "content-type": "multipart/form-data; boundary=b", ...length };
  const body = (path: string, headers: Record<string, string>, method = "POST"): SlowKind => ({
    ...{ name: `a body that drips to ${method} ${path.split("?")[0]?.replace(/\/files\/.*/, "/files/…")}`, drip: " " },
    start: () => head(method, path, headers),
  });
  return [
    { name: "headers that drip", start: () => "GET /health HTTP/1.1\r\nHost: a\r\nX-Slow: ", drip: "x" },
    { name: "a request line that drips", start: () => "GE", drip: "x" },
    { name: "silence", start: () => "", drip: "" },
    { name: "half a request", start: () => "POST /graphql HTTP/1.1\r\nHost: a\r\n", drip: "" },
    { name: "half a body", start: () => `${head("POST", "/graphql", { ...json, ...length })}{"query"`, drip: "" },
    body("/graphql", { ...json, ...length }),
    body("/v1/requests/1/notes", { "content-type": "application/json", authorization: `Bearer ${key}`, ...length }),
    body("/v2/tickets/notes", { ...json, ...length }),
    body("/oauth2/token", form),
    body("/oauth/token", form),
    body("/token", form),
    body("/uploads", multipart),
    body("/nothing", { ...json, ...length }),
    body("/graphql", { ...length, "x-api-key": "tnk_wrong" }),
    body(`${pathname}${search}`, { "content-type": "text/plain", ...length }, "PUT"),
    body("/files/forged", { "content-type": "text/plain", ...length }, "PUT"),
    {
      name: "a large answer that is not read",
      // Some get an error because there is no room for such a response. They are not slow readers, so they may end.
      start: () =>
        `${head("POST", "/graphql", { ...json, "content-length": String(query.length), connection: "close" })}${query}`,
      ...{ drip: "", stopsReading: true },
    },
  ];
}

function head(method: string, path: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\nHost: gateway\r\n${lines.join("")}\r\n`;
}

/**
 * Returns how long the gateway keeps such a client, in milliseconds. For one that stops reading, the time begins with
 * the first bytes of the response.
 */
async function goneAfter({ start, drip, stopsReading }: SlowKind): Promise<number> {
  // The clients do not all start at the same moment.
  await wait(Math.random() * 1_000);
  let began = performance.now();
  const socket = connect(gateway.port, "127.0.0.1");
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  // The disconnection for which the test waits may be an error of the socket.
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(start());
  const dripping = setInterval(() => {
    if (drip !== "" && socket.writable) socket.write(drip);
  }, dripMilliseconds);
  if (stopsReading) {
    await Promise.race([once(socket, "data"), closed]);
    socket.pause();
    began = performance.now();
  } else socket.resume();
  const limit = new AbortController();
  const gone = stopsReading ? untilClosedThere(socket, limit.signal) : closed;
  await Promise.race([gone, wait(goneMilliseconds + 10_000, undefined, { signal: limit.signal }).catch(() => undefined)]);
  limit.abort();
  clearInterval(dripping);
  socket.destroy();
  return performance.now() - began;
}

/**
 * Waits until the gateway has closed its end of `socket`, according to Linux, because a socket that is not read does
 * not notice it. Checks once a second until `signal` aborts.
 */
async function untilClosedThere(socket: Socket, signal: AbortSignal): Promise<void> {
  const hexadecimal = (port = 0) => port.toString(16).toUpperCase().padStart(4, "0");
  const [here, there] = [hexadecimal(socket.localPort), hexadecimal(gateway.port)];
  // The columns are sl, local address, remote address and state. 01 is an established connection.
  const established = new RegExp(`^ *\\d+: [0-9A-F]{8}:${there} [0-9A-F]{8}:${here} 01 `, "m");
  while (!signal.aborted && established.test(readFileSync("/proc/net/tcp", "utf8"))) await wait(1_000);
}

/** Returns the 99th percentile of the response times of honest clients until `end`, in milliseconds. */
async function honest(ticketId: string, end: Promise<unknown>): Promise<number> {
  const tally = newTally();
  let isOver = false;
  const loading = load({
    ...{ port: gateway.port, calls: mixedCalls(key, ticketId), clients: honestClients, pauseMilliseconds: 50, tally },
    isOver: () => isOver,
  });
  await end;
  isOver = true;
  await loading;
  problems.push(...new Set(tally.failed));
  console.log(`honest clients: ${tally.answered} answered, ${tally.failed.length} failed`);
  return percentile(tally.milliseconds, 0.99);
}

async function addTicket(subject: string): Promise<string> {
  const added = await graphql(
    "mutation ($input: AddTicketInput!) { addTicket(input: $input) { ... on AddTicketPayload { ticket { uuid } } } }",
    { input: { kind: "REQUEST", subject } },
  );
  const id = /"uuid":"([^"]+)"/.exec(added)?.[1];
  if (id === undefined) throw new Error(`No ticket was added: ${added}`);
  return id;
}

/** Adds a ticket whose response is larger than what the system buffers for a client that does not read. */
async function largeTicket(): Promise<string> {
  const id = await addTicket("Large");
  const text = "x".repeat(largeNoteBytes);
  for (let note = 0; note < largeNotes; note += 1)
    await graphql("mutation ($input: AddNoteInput!) { addNote(input: $input) { __typename } }", {
      input: { ticketId: id, text },
    });
  return id;
}

async function graphql(query: string, variables: object = {}): Promise<string> {
  const body = JSON.stringify({ query, variables });
  return (await fetch(`${gateway.url}/graphql`, { method: "POST", headers: json, body })).text();
}

async function post(path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${gateway.url}${path}`, { method: "POST", headers: json, body: JSON.stringify(body) });
  return (await response.json()) as Record<string, unknown>; // /v2 answers with objects here
}
