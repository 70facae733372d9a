// Sends requests of attackers and of broken programs. None of them may be answered with a 5xx, block the event loop for
// more than a tenth of a second, delay /health, or make the process large. The gateway runs as `npm start` starts it.
// In the first half its rate limits are raised, so that the gateway and not the limiter handles every request. In the
// second half they have their defaults.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { getIntrospectionQuery } from "graphql";
import { freePort } from "../support/free-port.ts";
import { type Gateway, startGateway, raisedLimits } from "./support/gateway.ts";

const bounds = { loopMilliseconds: 100, healthMilliseconds: 250, residentBytes: 600 * 2 ** 20, requests: 150 };

/**
 * Other programs can slow the machine down too. So a slow case is measured again, and counts only if it is slow each
 * time.
 */
const attempts = 3;

/** How long the machine for which the bound of the event loop was set takes for {@link slownessOfMachine}'s work. */
const referenceMilliseconds = 60;

/** Cases that take longer than this are printed at once. */
const slowMilliseconds = 2_000;

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** A case: its name, and what is sent, which is one request, many at once, or bytes over a socket. */
type Hostile = readonly [name: string, sent: Sent | readonly Sent[] | { readonly raw: string | Buffer }];

const many = (count: number, one: (index: number) => string, separator = " ") =>
  Array.from({ length: count }, (_, index) => one(index)).join(separator);
const times = <Value>(count: number, value: Value): Value[] => Array.from({ length: count }, () => value);

const oddTexts: readonly string[] = [
  "",
  "\0",
  "\ud800",
  "x\udc00",
  "__proto__",
  "'; --",
  "%00",
  "🔧".repeat(5_000),
  "9".repeat(400),
  "../../etc/passwd",
  "a".repeat(200_000),
];

const gateway = await startMonitored({
  ...raisedLimits,
});
const idle = await startIdleServer();
const { specialist, customer } = gateway.demoKeys();
const failures: string[] = [];
let underWay = "";
try {
  const health = watchHealth(gateway, idle);
  const requests = hostileRequests(specialist);
  const results: Result[] = [];
  for (const [name, sent] of requests) {
    underWay = name;
    results.push(await measure(gateway, name, sent));
  }
  const slowestHealth = await health.stop();
  report(results, await confirmedSlowest(slowestHealth, requests));
} finally {
  idle.process.kill();
  await gateway.stop();
}
await throttles();

for (const failure of failures) console.log(`FAILED: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;

/**
 * Returns the slowest answer of /health, or a faster one if the case during which it was too slow is asked again and is
 * not: another program may have had the processor.
 */
async function confirmedSlowest(slowest: SlowestHealth, requests: readonly Hostile[]): Promise<SlowestHealth> {
  const asked = requests.find(([name]) => name === slowest.during);
  if (slowest.ofGateway <= bounds.healthMilliseconds || !asked) return slowest;
  underWay = slowest.during;
  const health = watchHealth(gateway, idle);
  await measure(gateway, ...asked);
  const again = await health.stop();
  console.log(
    `/health took ${Math.round(slowest.ofGateway)} ms, and ${Math.round(again.ofGateway)} ms when it was asked again`,
  );
  return again.ofGateway < slowest.ofGateway ? again : slowest;
}

interface Result {
  readonly name: string;
  readonly statuses: readonly number[];
  readonly milliseconds: number;
  readonly loopMilliseconds: number;
  readonly residentBytes: number;
}

function report(results: readonly Result[], slowestHealth: SlowestHealth): void {
  const sum = (values: readonly number[]) => values.reduce((one, other) => one + other, 0);
  const statuses = new Map<number, number>();
  for (const status of results.flatMap((result) => result.statuses)) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  const told = [...statuses].toSorted(([one], [other]) => one - other);
  const resident = Math.max(...results.map(({ residentBytes }) => residentBytes));
  const loopBound = bounds.loopMilliseconds * slownessOfMachine();
  if (loopBound > bounds.loopMilliseconds) console.log(`on this slower machine the event loop has ${Math.round(loopBound)} ms`);
  const slowest = results.toSorted((one, other) => other.loopMilliseconds - one.loopMilliseconds);

  console.log(`${results.length} hostile cases, ${sum(results.map((result) => result.statuses.length))} requests`);
  console.log(`statuses: ${told.map(([status, count]) => `${status === 0 ? "closed" : status} × ${count}`).join(", ")}`);
  console.log(
    `the slowest answer of /health: ${Math.round(slowestHealth.ofAll)} ms, ${Math.round(slowestHealth.ofGateway)} ms more than an idle server beside it took, during: ${slowestHealth.during}; resident memory at most: ${Math.round(resident / 2 ** 20)} MiB`,
  );
  console.log("what held the event loop longest:");
  for (const {
    name,
    loopMilliseconds,
    milliseconds,
    statuses: [status = 0],
  } of slowest.slice(0, 25))
    console.log(
      `  ${loopMilliseconds.toFixed(1).padStart(7)} ms of ${milliseconds.toFixed(0).padStart(6)} ms  ${status}  ${name}`,
    );

  const largest = results.toSorted((one, other) => other.residentBytes - one.residentBytes);
  console.log(
    `largest after: ${largest
      .slice(0, 3)
      .map(({ name, residentBytes }) => `${name} (${Math.round(residentBytes / 2 ** 20)} MiB)`)
      .join("; ")}`,
  );
  console.log(`at the end: ${Math.round((results.at(-1)?.residentBytes ?? 0) / 2 ** 20)} MiB`);

  if (results.length < bounds.requests) failures.push(`There are ${results.length} cases, not ${bounds.requests}.`);
  for (const { name, statuses: got } of results)
    if (got.some((status) => status >= 500)) failures.push(`${name}: ${got.filter((status) => status >= 500).join(", ")}`);
  for (const { name, loopMilliseconds } of results)
    if (loopMilliseconds > loopBound) failures.push(`${name}: the event loop was held for ${Math.round(loopMilliseconds)} ms`);
  // On a busy machine the wait for a processor is not the gateway's fault.
  const isMachineFree = loadavg()[0]! < 2 * availableParallelism();
  if (!isMachineFree) console.log(`NOT HELD TO ITS BOUND: /health, on a machine of load ${loadavg()[0]!.toFixed(1)}`);
  if (isMachineFree && slowestHealth.ofGateway > bounds.healthMilliseconds)
    failures.push(`/health took ${Math.round(slowestHealth.ofGateway)} ms`);
  if (resident > bounds.residentBytes) failures.push(`The process grew to ${Math.round(resident / 2 ** 20)} MiB`);
}

/** The second half, with the default limits. */
async function throttles(): Promise<void> {
  const throttled = await startMonitored({});
  try {
    const key = throttled.demoKeys().specialist;
    const ask = (apiKey: string | undefined, query = "{ viewer { role } }") =>
      send(throttled, {
        method: "POST",
        path: "/graphql",
        headers: { "content-type": "application/json", ...(apiKey !== undefined && { "x-api-key": apiKey }) },
        body: JSON.stringify({ query }),
      });
    await ask(key);
    const count = async (length: number, one: (index: number) => Promise<number>) => {
      const began = performance.now();
      const statuses: number[] = [];
      for (let index = 0; index < length; index += 1) statuses.push(await one(index));
      const of = (status: number) => statuses.filter((got) => got === status).length;
      return { of, seconds: ((performance.now() - began) / 1000).toFixed(1) };
    };
    const token = (index: number) =>
      send(throttled, {
        method: "POST",
        path: "/oauth2/token",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: `grant_type=client_credentials&client_id=0198c0de-0000-7000-8000-000000000000&client_secret=wrong${index}`,
      });
    const secrets = await count(600, token);
    const keys = await count(600, (index) => ask(`tnk_wrong${index}`));
    const anonymous = await count(400, () => ask(undefined, "{ __typename }"));
    const honest = await ask(key);
    console.log(`600 wrong secrets: ${secrets.of(401)} × 401, ${secrets.of(429)} × 429 in ${secrets.seconds} s`);
    console.log(`600 wrong keys: ${keys.of(401)} × 401, ${keys.of(429)} × 429 in ${keys.seconds} s`);
    console.log(`400 requests without a credential: ${anonymous.of(200)} × 200, ${anonymous.of(429)} × 429`);
    console.log(`a key that had worked, from the same address meanwhile: ${honest}`);
    if (secrets.of(429) < 570 || keys.of(429) < 540 || anonymous.of(429) < 50)
      failures.push("Guessing, or asking without a credential, is not throttled.");
    if (honest !== 200) failures.push("Somebody else's guessing shuts out a key that had worked.");
  } finally {
    await throttled.stop();
  }
}

/** Starts a server that does nothing, in a process of its own. */
async function startIdleServer(): Promise<{ readonly port: number; readonly process: ChildProcess }> {
  const port = await freePort();
  const program = `require("node:http").createServer((_request, response) => response.end()).listen(${port}, "127.0.0.1", () => console.log("listening"))`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return { port, process: child };
}

interface Monitored extends Gateway {
  readonly monitor: string;
}

async function startMonitored(environment: Readonly<Record<string, string>>): Promise<Monitored> {
  const port = await freePort();
  const started = await startGateway({
    environment: { ...environment, LOG_LEVEL: "error", FAULTS_MONITOR_PORT: String(port) },
    nodeArguments: [`--import=${join(import.meta.dirname, "support/loop-monitor.ts")}`],
  });
  return { ...started, monitor: `http://127.0.0.1:${port}/` };
}

interface Held {
  readonly byClock: number;
  readonly ofProcessor: number;
  readonly residentBytes: number;
}

async function readMonitor({ monitor }: Monitored): Promise<Held> {
  // The shape is that of the reports of loop-monitor.ts.
  return (await (await fetch(monitor, { headers: { connection: "close" } })).json()) as Held;
}

/**
 * Returns how much longer this machine takes for a fixed work than the one for which the bound of the event loop was
 * set, and at least 1.
 */
function slownessOfMachine(): number {
  const text = `{${many(60_000, (index) => `"f${index}":1`, ",")}}`;
  const milliseconds = times(5, text).map((json) => {
    const began = performance.now();
    Object.keys(JSON.parse(json) as object); // as written above
    return performance.now() - began;
  });
  return Math.max(1, Math.min(...milliseconds) / referenceMilliseconds);
}

async function measure(of: Monitored, name: string, sent: Hostile[1]): Promise<Result> {
  let best: Result | undefined;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    await readMonitor(of);
    const began = performance.now();
    const statuses =
      "raw" in sent
        ? [await sendRaw(of, sent.raw)]
        : await Promise.all(("path" in sent ? [sent] : sent).map((one) => send(of, one)));
    const milliseconds = performance.now() - began;
    const { byClock, ofProcessor, residentBytes } = await readMonitor(of);
    // The time by the clock, but at most the time that the thread itself has worked, because others use the machine as
    // well.
    const loopMilliseconds = Math.min(byClock, ofProcessor);
    const result = { name, statuses, milliseconds, loopMilliseconds, residentBytes };
    if (milliseconds > slowMilliseconds) console.log(`  slow: ${Math.round(milliseconds)} ms, ${statuses[0]}, ${name}`);
    if (!best || loopMilliseconds < best.loopMilliseconds)
      best = { ...result, residentBytes: Math.max(residentBytes, best?.residentBytes ?? 0) };
    if (statuses.some((status) => status >= 500)) return result;
    if (loopMilliseconds <= bounds.loopMilliseconds) break;
  }
  if (!best) throw new Error("Nothing was measured.");
  return best;
}

/** Returns the status of the response, or 0 if the connection was closed without one. */
function send({ port }: { readonly port: number }, { method = "GET", path, headers = {}, body }: Sent): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = httpRequest(
      { host: "127.0.0.1", port, method, path, headers, agent: false, insecureHTTPParser: false },
      (incoming) => {
        incoming.resume();
        incoming.on("close", () => resolve(incoming.statusCode ?? 0));
      },
    );
    outgoing.on("error", () => resolve(0));
    outgoing.setTimeout(20_000, () => outgoing.destroy());
    outgoing.end(body);
  });
}

function sendRaw({ port }: Gateway, bytes: string | Buffer): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let text = "";
    let statuses: number[] = [];
    const done = () => {
      socket.destroy();
      resolve(Math.max(0, ...statuses));
    };
    socket.on("data", (data) => {
      text += data.toString("latin1");
      // The worst of several responses counts.
      statuses = [...text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map(([, status]) => Number(status));
    });
    socket.on("error", done);
    socket.on("close", done);
    socket.setTimeout(400, done);
  });
}

interface SlowestHealth {
  /** In milliseconds, without the time that an idle process took at the same moment. */
  readonly ofGateway: number;
  readonly ofAll: number;
  /** The case that was being sent. */
  readonly during: string;
}

async function timed<Value>(work: () => Promise<Value>): Promise<{ result: Value; milliseconds: number }> {
  const began = performance.now();
  return { result: await work(), milliseconds: performance.now() - began };
}

/** Requests /health all the time, and at the same moments an idle server in a process of its own. */
function watchHealth(of: Gateway, bare: { readonly port: number }): { stop(): Promise<SlowestHealth> } {
  let [slowest, slowestOfAll, during] = [0, 0, ""];
  let isWatching = true;
  const watching = (async () => {
    while (isWatching) {
      const [asked, control] = await Promise.all([
        timed(() => send(of, { path: "/health" })),
        timed(() => send(bare, { path: "/" })),
      ]);
      // The time that an idle process takes at the same moment is that of the machine.
      const beyond = asked.milliseconds - control.milliseconds;
      if (beyond > slowest) [slowest, during] = [beyond, underWay];
      slowestOfAll = Math.max(slowestOfAll, asked.milliseconds);
      if (asked.result !== 200) failures.push(`/health answered ${asked.result}`);
      await new Promise((wake) => setTimeout(wake, 20));
    }
  })();
  return {
    async stop() {
      isWatching = false;
      await watching;
      return { ofGateway: slowest, ofAll: slowestOfAll, during };
    },
  };
}

function hostileRequests(key: string): Hostile[] {
  return [
    ...ofDocuments(key),
    ...ofIntrospection(key),
    ...ofVariables(key),
    ...ofGraphqlOverHttp(key),
    ...ofV1(key),
    ...ofV2(key),
    ...ofTokens(),
    ...ofFiles(key),
    ...ofHeaders(key),
    ...ofSockets(),
  ];
}

function post(body: object | string, key?: string, headers: Readonly<Record<string, string>> = {}): Sent {
  return {
    method: "POST",
    path: "/graphql",
    headers: { "content-type": "application/json", ...(key !== undefined && { "x-api-key": key }), ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  };
}

function ofDocuments(key: string): Hostile[] {
  const each = (name: string, query: string, variables?: object): Hostile[] => [
    [`${name}, without a credential`, post({ query, variables })],
    [`${name}, with one`, post({ query, variables }, key)],
  ];
  const nested = (levels: number, field: string) => `${`${field} { `.repeat(levels)}id${" }".repeat(levels)}`;
  const ids = Array.from({ length: 100 }, (_, index) =>
    Buffer.from(`Ticket:0198c0de-0000-7000-8000-${String(index).padStart(12, "0")}`).toString("base64"),
  );
  return [
    ...each(
      "3,300 operations",
      many(3_300, () => "{a}"),
    ),
    ...each(
      "3,300 named operations",
      many(1_600, (index) => `query q${index}{a}`),
    ),
    ...each("40 × 30 fields of one place", `{${many(40, () => `viewer{${many(30, () => "person{id}")}}`)}}`),
    ...each("140 fields of one place", `{${many(140, () => "viewer{role}")}}`),
    ...each("3,000 times one field", `{viewer{${many(2_990, () => "role")}}}`),
    ...each("3,000 fields of other names", `{viewer{${many(2_990, (index) => `a${index}:role`)}}}`),
    ...each(
      "a field that repeats a list of 900 values",
      `{${many(8, () => `nodes(ids:[${many(900, () => '"x"', ",")}]){id}`)}}`,
    ),
    ...each(
      "fragments that double 30 times",
      `{...f0} ${many(30, (index) => `fragment f${index} on Query{...f${index + 1} ...f${index + 1}}`)} fragment f30 on Query{viewer{role}}`,
    ),
    ...each(
      "1,000 fragments in one place",
      `{viewer{${many(1_000, (index) => `...f${index}`)}}} ${many(1_000, (index) => `fragment f${index} on Viewer{role}`)}`,
    ),
    ...each(
      "240 fragments in one place",
      `{viewer{${many(240, (index) => `...f${index}`)}}} ${many(240, (index) => `fragment f${index} on Viewer{role}`)}`,
    ),
    ...each(
      "190 fragments in one place",
      `{viewer{${many(190, (index) => `...f${index}`)}}} ${many(190, (index) => `fragment f${index} on Viewer{a${index}:role}`)}`,
    ),
    ...each(
      "a chain of 240 fragments",
      `{...f0} ${many(239, (index) => `fragment f${index} on Query{...f${index + 1}}`)} fragment f239 on Query{viewer{role}}`,
    ),
    ...each("fragments that spread themselves", '{...a} fragment a on Query{node(id:"x"){...b}} fragment b on Node{id ...b}'),
    ...each("fragments that go round below fields", "{notes{nodes{...a}}} fragment a on Note{ticket{notes{nodes{...a}}}}"),
    ...each("3,300 levels", `{${nested(3_300, "a")}}`),
    ...each("4,900 levels of lists", `{tickets(filter:{ids:${"[".repeat(4_900)}${"]".repeat(4_900)}}){totalCount}}`),
    ...each("3,000 levels of objects", `{tickets(filter:${"{ids:".repeat(3_000)}1${"}".repeat(3_000)}){totalCount}}`),
    ...each("4,900 levels of a type", `query($v:${"[".repeat(4_900)}Int${"]".repeat(4_900)}){viewer{role}}`),
    ...each("100,000 brackets", "{".repeat(100_000)),
    ...each("a name of 900,000 characters", `{${"a".repeat(900_000)}}`),
    ...each("an argument's name of 900,000 characters", `{tickets(${"a".repeat(900_000)}:1){totalCount}}`),
    ...each("an enum's value of 900,000 characters", `{tickets(orderBy:${"A".repeat(900_000)}){totalCount}}`),
    ...each("a key of 900,000 characters in an input", `{tickets(filter:{${"a".repeat(900_000)}:1}){totalCount}}`),
    ...each("a type's name of 900,000 characters", `{viewer{...on ${"A".repeat(900_000)}{id}}}`),
    ...each("a fragment's name of 900,000 characters", `{viewer{...${"a".repeat(900_000)}}}`),
    ...each("a directive of 900,000 characters", `{viewer{role @${"a".repeat(900_000)}}}`),
    ...each("a variable's name of 900,000 characters", `{tickets(first:$${"a".repeat(900_000)}){totalCount}}`),
    ...each("a string of 900,000 characters", `{ticket(id:"${"a".repeat(900_000)}"){id}}`),
    ...each("a block string of 300,000 lines", `{ticket(id:"""${" \n".repeat(300_000)}"""){id}}`),
    ...each("a comment of 900,000 characters", `#${"a".repeat(900_000)}\n{viewer{role}}`),
    ...each("900,000 spaces", `{${" ".repeat(900_000)}viewer{role}}`),
    ...each("900,000 commas", `{${",".repeat(900_000)}viewer{role}}`),
    ...each("a number of 100,000 digits", `{tickets(first:${"9".repeat(100_000)}){totalCount}}`),
    ...each("2,000 unknown fields", `{${many(2_000, (index) => `nots${index}`)}}`),
    ...each("an unknown field of 5,000 characters, 90 times", `{${many(90, (index) => `${"viewer".repeat(800)}${index}`)}}`),
    ...each("3,000 variables", `query(${many(2_400, (index) => `$v${index}:Int`)}){viewer{role}}`),
    ...each("1,000 directives", `{viewer{role ${many(1_500, () => "@skip(if:false)")}}}`),
    ...each("1,000 unknown directives", `{viewer{role ${many(2_000, (index) => `@d${index}`)}}}`),
    [
      "40 mutations",
      post({ query: `mutation{${many(40, (index) => `m${index}:deleteNote(input:{id:"x"}){__typename}`)}}` }, key),
    ],
    [
      "40 mutations in fragments",
      post(
        {
          query: `mutation{${many(40, (index) => `...f${index}`)}}${many(40, (index) => `fragment f${index} on Mutation{m${index}:deleteNote(input:{id:"x"}){__typename}}`)}`,
        },
        key,
      ),
    ],
    [
      "10 mutations",
      post({ query: `mutation{${many(10, (index) => `m${index}:deleteNote(input:{id:"x"}){__typename}`)}}` }, key),
    ],
    [
      "400 aliases of nodes of 100 ids",
      post({ query: `query($ids:[ID!]!){${many(400, (index) => `a${index}:nodes(ids:$ids){id}`)}}`, variables: { ids } }, key),
    ],
    [
      "60 aliases of nodes of 100 ids",
      post({ query: `query($ids:[ID!]!){${many(60, (index) => `a${index}:nodes(ids:$ids){id}`)}}`, variables: { ids } }, key),
    ],
    [
      "450 totals with filters of their own",
      post(
        {
          query: `{${many(450, (index) => `a${index}:notes(filter:{createdAt:{gt:"2026-01-01T00:00:00.${String(index).padStart(3, "0")}Z"}}){totalCount}`)}}`,
        },
        key,
      ),
    ],
    [
      "39 totals with filters of their own",
      post(
        {
          query: `{${many(39, (index) => `a${index}:notes(filter:{createdAt:{gt:"2026-01-01T00:00:00.${String(index).padStart(3, "0")}Z"}}){totalCount}`)}}`,
        },
        key,
      ),
    ],
    [
      "1,000 aliases of a ticket",
      post(
        { query: `query($id:ID!){${many(1_000, (index) => `a${index}:ticket(id:$id){subject}`)}}`, variables: { id: ids[0] } },
        key,
      ),
    ],
    [
      "190 aliases of a ticket",
      post(
        { query: `query($id:ID!){${many(190, (index) => `a${index}:ticket(id:$id){subject}`)}}`, variables: { id: ids[0] } },
        key,
      ),
    ],
    [
      "2,900 aliases of a field of 100 notes",
      post({ query: `{notes(first:100){nodes{${many(2_900, (index) => `a${index}:text`)}}}}` }, key),
    ],
    [
      "190 aliases of a field of 100 notes",
      post({ query: `{notes(first:100){nodes{${many(190, (index) => `a${index}:uuid`)}}}}` }, key),
    ],
    [
      "1,000 aliases of the author of 100 notes",
      post({ query: `{notes(first:100){nodes{${many(900, (index) => `a${index}:author{name}`)}}}}` }, key),
    ],
    [
      "full pages three levels deep",
      post(
        {
          query:
            "{tickets(first:100){nodes{subject notes(first:100){nodes{number createdAt attachments(first:3){nodes{filename}}}}}}}",
        },
        key,
      ),
    ],
    [
      "pages that go round",
      post({ query: "{tickets(first:20){nodes{notes(first:20){nodes{ticket{notes(first:20){nodes{uuid number}}}}}}}}" }, key),
    ],
    ["1,000 texts that are rendered", post({ query: "{tickets(first:10){nodes{notes(first:100){nodes{textHtml}}}}}" }, key)],
    [
      "800 texts that are rendered, 100 notes eight times",
      post({ query: `{notes(first:100){nodes{${many(8, (index) => `a${index}:textHtml`)}}}}` }, key),
    ],
    [
      "download URLs by the thousand",
      post({ query: "{notes(first:100){nodes{attachments(first:40){nodes{download{url}}}}}}" }, key),
    ],
    [
      "20 heavy documents at once, each another",
      times(20, 0).map((_, index) => post({ query: `{viewer{${many(2_900, (field) => `a${index}x${field}:role`)}}}` }, key)),
    ],
    ["20 of 3,300 operations at once", times(20, post({ query: many(3_300, () => "{a}") }))],
  ];
}

function ofIntrospection(key: string): Hostile[] {
  const full = getIntrospectionQuery({
    inputValueDeprecation: true,
    specifiedByUrl: true,
    schemaDescription: true,
    oneOf: true,
  });
  const descriptions = `{__schema{types{${many(2_900, (index) => `a${index}:description`)}}}}`;
  const types = `{__schema{types{fields{${many(60, (index) => `a${index}:type{name kind ofType{name kind}}`)}}}}}`;
  return [
    ["introspection", post({ query: full })],
    ["2,900 descriptions of each type", post({ query: descriptions })],
    ["2,900 descriptions of each type, with a credential", post({ query: descriptions }, key)],
    ["twenty times 2,900 descriptions at once", times(20, post({ query: descriptions }))],
    [
      "140 descriptions of each type",
      post({ query: `{__schema{types{${many(140, (index) => `a${index}:description`)}}}}` }, key),
    ],
    ["every type of every field 60 times", post({ query: types }, key)],
    [
      "introspection twenty times at once, each another document",
      times(20, 0).map((_, index) => post({ query: `${full}#${index}` })),
    ],
    ["types of types of types", post({ query: `{__schema{types{${"fields{type{".repeat(6)}name${"}}".repeat(6)}}}}` }, key)],
    [
      "100 times __type",
      post({ query: `{${many(100, (index) => `t${index}:__type(name:"Note"){fields{name description}}`)}}` }, key),
    ],
  ];
}

function ofVariables(key: string): Hostile[] {
  const deepObject = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
  const deepList = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
  const withVariables = (query: string, variables: string) =>
    post(`{"query":${JSON.stringify(query)},"variables":${variables}}`, key);
  const since = "query($v:DateTime!){notes(filter:{createdAt:{gt:$v}}){nodes{id}}}";
  const scalars: readonly (readonly [string, string])[] = [
    ["DateTime", since],
    ["ID", "query($v:ID!){note(id:$v){id}}"],
    ["Int", "query($v:Int){notes(first:$v){nodes{id}}}"],
    ["filter", "query($v:NoteFilter){notes(filter:$v){nodes{id}}}"],
    ["order", "query($v:NoteOrder){notes(orderBy:$v){nodes{id}}}"],
    ["order's field", "query($v:NoteOrderField!){notes(orderBy:{field:$v,direction:ASC}){nodes{id}}}"],
    ["cursor", "query($v:String){notes(after:$v){nodes{id}}}"],
    ["ids", "query($v:[ID!]!){nodes(ids:$v){id}}"],
    ["input", "mutation($v:AddNoteInput!){addNote(input:$v){__typename}}"],
    ["Boolean", "query($v:Boolean!){notes{nodes{id @skip(if:$v)}}}"],
  ];
  return [
    ...scalars.flatMap(([name, query]): Hostile[] => [
      [`an object 100,000 deep for ${name}`, withVariables(query, `{"v":${deepObject(100_000)}}`)],
      [`a list 100,000 deep for ${name}`, withVariables(query, `{"v":${deepList(100_000)}}`)],
      [`a number beyond all for ${name}`, withVariables(query, '{"v":1e400}')],
      [`a list of 200,000 numbers for ${name}`, withVariables(query, `{"v":[${many(200_000, () => "1", ",")}]}`)],
      [
        `an object of 50,000 names for ${name}`,
        withVariables(query, `{"v":{${many(50_000, (index) => `"a${index}":1`, ",")}}}`),
      ],
    ]),
    ...oddTexts.flatMap((text): Hostile[] => {
      const name = JSON.stringify(text.slice(0, 12));
      return [
        [
          `${name} for an id`,
          withVariables("query($v:ID!){note(id:$v){id} ticket(id:$v){id} node(id:$v){id}}", JSON.stringify({ v: text })),
        ],
        [`${name} for a time`, withVariables(since, JSON.stringify({ v: text }))],
        [`${name} for a cursor`, withVariables("query($v:String){notes(after:$v){nodes{id}}}", JSON.stringify({ v: text }))],
        [
          `${name} for a filename`,
          withVariables(
            'mutation($v:String!){requestAttachmentUpload(input:{noteId:"x",filename:$v}){__typename}}',
            JSON.stringify({ v: text }),
          ),
        ],
      ];
    }),
    ...scalars.flatMap(([name, query]): Hostile[] => [
      [`a text of 900,000 characters for ${name}`, withVariables(query, JSON.stringify({ v: "A".repeat(900_000) }))],
      [`a key of 900,000 characters for ${name}`, withVariables(query, JSON.stringify({ v: { ["a".repeat(900_000)]: 1 } }))],
    ]),
    [
      "30 enums of 30,000 characters",
      withVariables(
        `query(${many(30, (index) => `$v${index}:NoteOrderField!`)}){${many(30, (index) => `a${index}:notes(orderBy:{field:$v${index},direction:ASC}){totalCount}`)}}`,
        JSON.stringify(Object.fromEntries(times(30, 0).map((_, index) => [`v${index}`, "A".repeat(30_000)]))),
      ),
    ],
    [
      "1,000 ids in a filter, 60 times",
      post(
        {
          query: `query($f:NoteFilter){${many(60, (index) => `a${index}:notes(filter:$f){nodes{id}}`)}}`,
          variables: { f: { ids: times(1_000, "0198c0de-0000-7000-8000-000000000000") } },
        },
        key,
      ),
    ],
    [
      "27,000 ids in a filter",
      post(
        {
          query: "query($f:NoteFilter){notes(filter:$f){nodes{id}}}",
          variables: { f: { ids: times(26_000, "0198c0de-0000-7000-8000-000000000000") } },
        },
        key,
      ),
    ],
    ["variables that are no object", post('{"query":"{viewer{role}}","variables":[1]}', key)],
    ["extensions that are no object", post('{"query":"{viewer{role}}","extensions":"cost"}', key)],
  ];
}

function ofGraphqlOverHttp(key: string): Hostile[] {
  const get = (query: string): Sent => ({
    path: `/graphql?${query}`,
    headers: { accept: "application/json", "x-api-key": key },
  });
  return [
    ["&variables={ by GET", get("query={__typename}&variables={")],
    ["&extensions={ by GET", get("query={__typename}&extensions={")],
    ["&variables=[] by GET", get("query={__typename}&variables=[]")],
    ["&variables=1 by GET", get("query={__typename}&variables=1")],
    ["variables 2,000 deep by GET", get(`query={__typename}&variables=${"[".repeat(2_000)}${"]".repeat(2_000)}`)],
    ["a mutation by GET", get(`query=${encodeURIComponent('mutation{deleteNote(input:{id:"x"}){__typename}}')}`)],
    ["odd percent signs by GET", get("query=%E0%A4%A&variables=%")],
    ["no query by GET", get("")],
    ["15 KB of a query by GET", get(`query=${"a".repeat(15_000)}`)],
    ["an empty body", post("", key)],
    ["a body that is no JSON", post("{", key)],
    ["a body that is a list", post("[]", key)],
    ["a batch of 1,000", post(JSON.stringify(times(1_000, { query: "{__typename}" })), key)],
    ["a body that is null", post("null", key)],
    ["a body 500,000 deep", post("[".repeat(500_000), key)],
    ["a body of 2 MB", post(`{"query":"${"a".repeat(2_000_000)}"}`, key)],
    ["a query that is a number", post('{"query":1}', key)],
    ["a body that is no UTF-8", { ...post("x", key), body: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]) }],
    ["an operationName that is empty", post('{"query":"{__typename}","operationName":""}', key)],
    [
      "an operationName of 500,000 characters",
      post(JSON.stringify({ query: "{__typename}", operationName: "a".repeat(500_000) }), key),
    ],
    ["__proto__ in a body", post('{"query":"{__typename}","__proto__":{"a":1}}', key)],
    ["accept: multipart/mixed", post({ query: "{viewer{role}}" }, key, { accept: "multipart/mixed" })],
    ["accept: text/event-stream", post({ query: "{viewer{role}}" }, key, { accept: "text/event-stream" })],
    ["an accept of 10,000 ranges", post({ query: "{viewer{role}}" }, key, { accept: many(3_000, () => "a/b", ",") })],
    [
      "a form",
      {
        ...post("query={__typename}", key),
        headers: { "content-type": "application/x-www-form-urlencoded", "x-api-key": key },
      },
    ],
    [
      "a multipart form",
      { ...post("--x\r\n\r\n--x--", key), headers: { "content-type": "multipart/form-data; boundary=x", "x-api-key": key } },
    ],
    ["a compressed body", post("\u001f\u008b", key, { "content-encoding": "gzip" })],
    ["PUT", { method: "PUT", path: "/graphql", headers: { "x-api-key": key } }],
    ["a document of the catalogue of mistakes", post({ query: "subscription{a} query{b}" }, key)],
  ];
}

function ofV1(key: string): Hostile[] {
  const headers = { authorization: `Bearer ${key}` };
  const get = (path: string): Sent => ({ path: `/v1${path}`, headers });
  const write = (body: string | Buffer): Sent => ({
    method: "POST",
    path: "/v1/requests/1/notes",
    headers: { ...headers, "content-type": "application/json" },
    body,
  });
  const dates = (count: number) =>
    many(
      count,
      (index) => `2026-01-01T00:${String(Math.floor(index / 60)).padStart(2, "0")}:${String(index % 60).padStart(2, "0")}Z`,
      ",",
    );
  return [
    ["/v1: 650 dates that are not", get(`/notes?created_at=!${dates(650)}`)],
    ["/v1: 650 dates", get(`/notes?created_at=${dates(650)}`)],
    ["/v1: 100 dates that are not", get(`/notes?created_at=!${dates(100)}`)],
    ["/v1: 100 dates, twenty at once", times(20, get(`/notes?created_at=${dates(100)}`))],
    ["/v1: 800 bounds of a date", get(`/notes?${many(400, () => "created_at=>2026-01-01T00:00:00Z", "&")}`)],
    ["/v1: 5,000 ids", get(`/notes?id=${many(5_000, (index) => String(index % 10), ",")}`)],
    ["/v1: 4,000 parameters", get(`/notes?${many(4_000, () => "a=1", "&")}`)],
    ["/v1: 3,000 fields", get(`/notes?fields=${many(3_000, () => "id", ",")}`)],
    ["/v1: 3,000 sorts", get(`/notes?sort=${many(3_000, () => "id", ",")}`)],
    ["/v1: a page far out", get("/notes?page=9007199254740991")],
    ["/v1: page 1e9", get("/notes?page=1000000000&per_page=100")],
    ["/v1: per_page 1e30", get(`/notes?per_page=1${"0".repeat(30)}`)],
    ["/v1: a cursor that is none", get(`/notes?search_after=${"A".repeat(10_000)}`)],
    ["/v1: an id that is none", get("/notes/%00")],
    ["/v1: NUL in a filter", get("/notes?medium=%00")],
    ["/v1: odd percent signs", get("/notes?medium=%E0%A4%A&created_at=%")],
    ["/v1: odd percent signs in a path", get("/notes/%E0%A4%A")],
    ["/v1: lone surrogates in a path", get("/notes/%ED%A0%80")],
    ["/v1: an id of 1,900 digits", get(`/notes/${"9".repeat(1_900)}`)],
    ["/v1: an id of 10,000 digits", get(`/notes/${"9".repeat(10_000)}`)],
    ["/v1: the year 0", get("/notes?created_at=>0000-01-01T00:00:00Z")],
    ["/v1: the year 275760", get("/notes?created_at=>+275760-09-13T00:00:00Z")],
    ["/v1: a filter of nothing but signs", get(`/notes?created_at=${"><=!".repeat(500)}`)],
    ["/v1: NUL in the key of an attachment", write(JSON.stringify({ text: "x", attachments: [{ key: "a\0b" }] }))],
    ["/v1: a lone surrogate in the key of an attachment", write('{"text":"x","attachments":[{"key":"\\ud800"}]}')],
    [
      "/v1: 12,000 unknown keys of attachments",
      write(
        JSON.stringify({
          text: "x",
          attachments: Array.from({ length: 12_000 }, (_, index) => ({ key: `attachments/${"k".repeat(50)}${index}` })),
        }),
      ),
    ],
    [
      "/v1: 20,000 unknown keys of attachments",
      write(
        JSON.stringify({
          text: "x",
          attachments: Array.from({ length: 20_000 }, (_, index) => ({ key: `attachments/${"k".repeat(50)}${index}` })),
        }),
      ),
    ],
    ["/v1: a key of 900,000 characters", write(JSON.stringify({ text: "x", attachments: [{ key: "k".repeat(900_000) }] }))],
    ["/v1: attachments 100,000 deep", write(`{"text":"x","attachments":${"[".repeat(100_000)}${"]".repeat(100_000)}}`)],
    ["/v1: a text 100,000 deep", write(`{"text":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}`)],
    ["/v1: NUL in a text", write('{"text":"a\\u0000b"}')],
    ["/v1: a lone surrogate in a text", write('{"text":"\\ud800"}')],
    ["/v1: a text that is too long", write(JSON.stringify({ text: "x".repeat(500_000) }))],
    ["/v1: 50,000 unknown fields", write(`{"text":1,${many(50_000, (index) => `"f${index}":1`, ",")}}`)],
    ["/v1: a body that is no UTF-8", write(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]))],
    ["/v1: __proto__ in a body", write('{"__proto__":{"text":"x"}}')],
    ["/v1: an account of 8,000 characters", { ...get("/me"), headers: { ...headers, "x-4me-account": "a".repeat(8_000) } }],
    ["/v1: a source that is no UTF-8", { ...write('{"internal":2}'), headers: { ...headers, "x-4me-source": "\u00ff\u00fe" } }],
    ["/v1: an account that is NUL, as it can be sent", { ...get("/me"), headers: { ...headers, "x-4me-account": "%00" } }],
  ];
}

function ofV2(key: string): Hostile[] {
  const headers = { "x-api-key": key, "content-type": "application/json" };
  const get = (path: string): Sent => ({ path: `/v2${path}`, headers });
  const write = (body: string | Buffer): Sent => ({ method: "POST", path: "/v2/tickets/notes", headers, body });
  const ticket = "019ea5c6-0b92-780d-81d5-3774e154484e";
  return [
    ["/v2: no ticket", get("/tickets/notes")],
    ["/v2: a ticket that is NUL", get("/tickets/notes?ticket_id=%00")],
    ["/v2: a limit beyond all", get(`/tickets/notes?ticket_id=${ticket}&limit=99999999999999999999`)],
    ["/v2: an offset beyond all", get(`/tickets/notes?ticket_id=${ticket}&offset=9223372036854775807`)],
    ["/v2: an offset of 400 digits", get(`/tickets/notes?ticket_id=${ticket}&offset=${"9".repeat(400)}`)],
    ["/v2: a negative offset", get(`/tickets/notes?ticket_id=${ticket}&offset=-1`)],
    ["/v2: limit=0x10", get(`/tickets/notes?ticket_id=${ticket}&limit=0x10`)],
    ["/v2: 1,000 tickets", get(`/tickets/notes?${many(300, () => `ticket_id=${ticket}`, "&")}`)],
    ["/v2: odd percent signs", get("/tickets/notes?ticket_id=%E0%A4%A")],
    ["/v2: odd percent signs in a path", get("/tickets/notes/%E0%A4%A")],
    ["/v2: a path of 10,000 characters", get(`/tickets/notes/${"a".repeat(10_000)}`)],
    ["/v2: a filename that is no UTF-8", get(`/tickets/notes/${ticket}/attachments/%FF%FE`)],
    ["/v2: a filename that is NUL", get(`/tickets/notes/${ticket}/attachments/%00`)],
    ["/v2: a body 100,000 deep", write(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`)],
    [
      "/v2: categories 100,000 deep",
      write(`{"ticket_id":"${ticket}","value":"x","is_public":true,"categories":${"[".repeat(100_000)}${"]".repeat(100_000)}}`),
    ],
    [
      "/v2: 100,000 categories",
      write(`{"ticket_id":"${ticket}","value":"x","is_public":true,"categories":[${many(100_000, () => "1", ",")}]}`),
    ],
    ["/v2: 60,000 unknown fields", write(`{${many(60_000, (index) => `"f${index}":1`, ",")}}`)],
    ["/v2: NUL in a value", write(`{"ticket_id":"${ticket}","value":"a\\u0000","is_public":true}`)],
    ["/v2: a lone surrogate in a value", write(`{"ticket_id":"${ticket}","value":"\\ud800","is_public":true}`)],
    [
      "/v2: a value of 900,000 characters",
      write(`{"ticket_id":"${ticket}","value":"${"x".repeat(900_000)}","is_public":true}`),
    ],
    ["/v2: a body of a number", write("1e400")],
    ["/v2: an empty body", write("")],
    ["/v2: __proto__ in a body", write('{"__proto__":1,"constructor":{"prototype":1}}')],
  ];
}

function ofTokens(): Hostile[] {
  const form = (body: string, headers: Readonly<Record<string, string>> = {}): Sent => ({
    method: "POST",
    path: "/oauth2/token",
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body,
  });
  const json = (body: string): Sent => ({
    method: "POST",
    path: "/oauth/token",
    headers: { "content-type": "application/json" },
    body,
  });
  const usual = "grant_type=client_credentials&client_id=a&client_secret=b";
  return [
    ["a token for NUL", form("grant_type=client_credentials&client_id=%00&client_secret=%00")],
    [
      "a token for a lone surrogate",
      json('{"grant_type":"client_credentials","client_id":"\\ud800","client_secret":"\\ud800"}'),
    ],
    [
      "a token for an id of 500,000 characters",
      form(`grant_type=client_credentials&client_id=${"a".repeat(500_000)}&client_secret=b`),
    ],
    [
      "a token for a secret of 500,000 characters",
      form(`grant_type=client_credentials&client_id=a&client_secret=${"b".repeat(500_000)}`),
    ],
    ["a token with 100,000 parameters", form(many(100_000, (index) => `p${index}=1`, "&"))],
    ["a token with a parameter twice", form(`${usual}&client_id=c`)],
    ["a token with a scope of 500,000 words", form(`${usual}&scope=${"a+".repeat(250_000)}`)],
    ["a token by a body 100,000 deep", json(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`)],
    ["a token by a list", json("[]")],
    ["a token by numbers", json('{"grant_type":1,"client_id":1e400,"client_secret":{}}')],
    ["a token by Basic that is no base64", form("grant_type=client_credentials", { authorization: "Basic ÿÿÿ" })],
    [
      "a token by Basic without a colon",
      form("grant_type=client_credentials", { authorization: `Basic ${Buffer.from("abc").toString("base64")}` }),
    ],
    [
      "a token by Basic with NUL",
      form("grant_type=client_credentials", { authorization: `Basic ${Buffer.from("a\0:b\0").toString("base64")}` }),
    ],
    [
      "a token by Basic with bytes that are no UTF-8",
      form("grant_type=client_credentials", { authorization: `Basic ${Buffer.from([0xff, 0x3a, 0xfe]).toString("base64")}` }),
    ],
    ["a token with odd percent signs", form("grant_type=%E0%A4%A&client_id=%&client_secret=%zz")],
    ["a token for another grant", form("grant_type=password&client_id=a&client_secret=b&username=c&password=d")],
    ["a token whose grant every object has", form("grant_type=__proto__&client_id=constructor&client_secret=toString")],
    ["600 wrong secrets at once", times(100, form(usual))],
  ];
}

function ofFiles(key: string): Hostile[] {
  const part = (name: string, value: string, filename?: string) =>
    `--b\r\ncontent-disposition: form-data; name="${name}"${filename === undefined ? "" : `; filename="${filename}"`}\r\n\r\n${value}\r\n`;
  const form = (body: string): Sent => ({
    method: "POST",
    path: "/v1/uploads",
    headers: { "content-type": "multipart/form-data; boundary=b" },
    body: `${body}--b--\r\n`,
  });
  const upload = (path: string): Sent => ({ method: "PUT", path, headers: { "content-type": "text/plain" }, body: "x" });
  return [
    ["an upload form without anything", form("")],
    ["an upload form of 20,000 fields", form(many(8_000, (index) => part(`f${index}`, "x"), ""))],
    [
      "an upload form with a policy that is none",
      form(`${part("key", "a")}${part("policy", "e30=")}${part("signature", "x")}${part("file", "x", "a.txt")}`),
    ],
    [
      "an upload form with NUL everywhere",
      form(`${part("key", "\0")}${part("policy", "\0")}${part("signature", "\0")}${part("file", "\0", "\0.txt")}`),
    ],
    ["an upload form that ends early", { ...form(""), body: "--b\r\ncontent-disposition: form-data; name=" }],
    ["an upload form without a boundary", { ...form(""), headers: { "content-type": "multipart/form-data" } }],
    ["an upload form whose header is 100,000 long", form(`--b\r\nx: ${"a".repeat(100_000)}\r\n\r\n`)],
    ["a file with a path upwards", { path: "/files/../../etc/passwd" }],
    ["a file with an encoded path upwards", { path: "/files/%2e%2e%2f%2e%2e%2fetc%2fpasswd" }],
    ["a file whose name is NUL", { path: "/files/%00?expires=1&signature=x" }],
    ["a file with an odd signature", { path: "/files/a/b?expires=99999999999999999999&signature=%E0%A4%A" }],
    ["an upload to nowhere", upload("/files/a/b?expires=1&signature=x")],
    ["an upload to a path of 10,000 characters", upload(`/files/${"a".repeat(10_000)}`)],
    [
      "a range of 5,000 ranges",
      { path: "/files/a/b?expires=1&signature=x", headers: { range: `bytes=${many(1_500, (index) => `${index}-`, ",")}` } },
    ],
    [
      "GraphiQL asked for as everything",
      { path: "/graphql", headers: { accept: `text/html,${many(2_000, () => "a/b", ",")}`, "x-api-key": key } },
    ],
    ["a path of nothing but slashes", { path: "/".repeat(5_000) }],
    ["a path of nothing but dots", { path: `/${"../".repeat(2_000)}` }],
    ["the metrics, twenty at once", times(20, { path: "/metrics" })],
  ];
}

function ofHeaders(key: string): Hostile[] {
  const me = (headers: Readonly<Record<string, string>>): Sent => post({ query: "{viewer{role}}" }, undefined, headers);
  const token = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from('{"iss":"x"}').toString("base64url")}.`;
  return [
    ["a key of 12,000 characters", me({ "x-api-key": "k".repeat(12_000) })],
    ["an empty key", me({ "x-api-key": "" })],
    ["a key that is Latin-1", me({ "x-api-key": "\u00ff\u00fe" })],
    ["a bearer of dots", me({ authorization: `Bearer ${".".repeat(5_000)}` })],
    ["a token without a signature", me({ authorization: `Bearer ${token}` })],
    [
      "a token whose claims are 5,000 deep",
      me({
        authorization: `Bearer ${Buffer.from("{}").toString("base64url")}.${Buffer.from("[".repeat(4_000)).toString("base64url")}.a`,
      }),
    ],
    ["Basic where a bearer is wanted", me({ authorization: "Basic YTpi" })],
    ["an account that is none", me({ "x-api-key": key, "x-account": "%00\u00ff" })],
    ["an account of 10,000 characters", me({ "x-api-key": key, "x-account": "a".repeat(10_000) })],
    ["an origin of 10,000 characters", me({ origin: `https://${"a".repeat(10_000)}` })],
    ["17 KB of headers", me({ "x-a": "a".repeat(17_000) })],
    ["1,900 headers", me(Object.fromEntries(times(1_900, 0).map((_, index) => [`x${index}`, "1"])))],
    ["a forwarded address that is none", me({ "x-forwarded-for": many(1_000, () => "\u00ff", ","), "x-api-key": key })],
    [
      "an if-none-match of 3,000 tags",
      { path: "/v1/me", headers: { authorization: `Bearer ${key}`, "if-none-match": many(3_000, () => "W/", ",") } },
    ],
    ["a customer's key on what staff reads", post({ query: "{auditEvents(first:100){nodes{id}}}" }, customer)],
  ];
}

function ofSockets(): Hostile[] {
  const line = "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
  const raw = (name: string, bytes: string | Buffer): Hostile => [`raw: ${name}`, { raw: bytes }];
  return [
    raw(
      "a length and chunks",
      `${line}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`,
    ),
    raw("two lengths", `${line}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x`),
    raw("a negative length", `${line}Content-Length: -1\r\n\r\n`),
    raw("a length that is no number", `${line}Content-Length: 1e3\r\n\r\n`),
    raw("a length beyond all", `${line}Content-Length: 99999999999999999999\r\n\r\n`),
    raw("two encodings", `${line}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`),
    raw("an encoding that is hidden", `${line}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`),
    raw("an encoding behind a tab", `${line}Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n`),
    raw("an encoding before a space", `${line}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`),
    raw("a chunk whose size is none", `${line}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`),
    raw("a chunk whose size is beyond all", `${line}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n`),
    raw(
      "a chunk whose extension is 100 KB",
      `${line}Transfer-Encoding: chunked\r\n\r\n2;${"a".repeat(100_000)}\r\n{}\r\n0\r\n\r\n`,
    ),
    raw("chunks that end with a line feed", `${line}Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n`),
    raw("a trailer that names a length", `${line}Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 50\r\n\r\n`),
    raw("17 KB of headers", `GET /health HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(17_000)}\r\n\r\n`),
    raw("a URL of 20 KB", `GET /${"a".repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`),
    raw("no host", "GET /health HTTP/1.1\r\n\r\n"),
    raw("two hosts", "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    raw("HTTP/1.0", "GET /health HTTP/1.0\r\n\r\n"),
    raw("HTTP/0.9", "GET /health\r\n\r\n"),
    raw("HTTP/2.0 in clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    raw("a version that is none", "GET /health HTTP/9.9\r\nHost: a\r\n\r\n"),
    raw("bare line feeds", "GET /health HTTP/1.1\nHost: a\n\n"),
    raw("a header that is folded", "GET /health HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
    raw("NUL in a header", "GET /health HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    raw("NUL in a URL", "GET /he\0alth HTTP/1.1\r\nHost: a\r\n\r\n"),
    raw("a method that is none", "HACK /health HTTP/1.1\r\nHost: a\r\n\r\n"),
    raw("an absolute URL", "GET http://elsewhere/health HTTP/1.1\r\nHost: a\r\n\r\n"),
    raw("a URL of nothing but an asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    raw("CONNECT", "CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\n"),
    raw(
      "an upgrade to HTTP/2",
      "GET /health HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    ),
    raw(
      "an upgrade to WebSocket",
      "GET /graphql HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    ),
    raw("expect what cannot be", `${line}Expect: a-miracle\r\nContent-Length: 2\r\n\r\n{}`),
    raw("expect 100-continue and say no more", `${line}Expect: 100-continue\r\nContent-Length: 20\r\n\r\n`),
    raw("100 requests in one write", "GET /health HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100)),
    raw("a TLS hello", Buffer.from("16030100f8010000f40303", "hex")),
    raw("bytes of chance", Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index * 97 + 13) % 256))),
    raw("a body that ends early", `${line}Content-Length: 100\r\n\r\n{"query":`),
  ];
}
