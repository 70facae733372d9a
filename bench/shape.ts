// npm run bench:shape                  how the gateway's cost behaves, as ratios within one run: bench/shape.md
// npm run bench:shape -- --seconds=20  the same, 20 seconds for each thing measured
// npm run bench:shape -- --only=/v1    the sections whose titles begin so, and no report
// --profile=gateway as bench/run.ts
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, type IncomingMessage, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../test/support/free-port.ts";
import { openWorkingTree } from "./checkout.ts";
import { positionsOf } from "./cursors.ts";
import { accountId, type DataSetSize, fullSize, personId, ticketId } from "./data-set.ts";
import { dropDatabase, makeDatabase } from "./databases.ts";
import { cursorsFor, makeKeys, median, posted, type Running, start, versions } from "./harness.ts";
import { findLoadGenerator, type Sent } from "./load.ts";
import { answerTo, countAlone, countPerRequest, measure } from "./measure.ts";
import {
  askerCount,
  type ContestantName,
  type Cursors,
  inTurn,
  mixedRequestsOf,
  mixedTitle,
  operationOf,
  plainAccept,
  type QuestionName,
  ticketOfTurn,
} from "./questions.ts";
import { openServer, versionOf, withClient } from "./server.ts";
import { type Compared, renderShape, type Section, type Stall } from "./shape-report.ts";
import { countStatements, type StatementCounter } from "./statement-counter.ts";

/** Returns the nth request. */
type Asking = (n: number) => Sent;

/** A contestant whose event loop is watched, with a twin that reaches the database through a counter of statements. */
interface Watched extends Running {
  readonly cursors: Cursors;
  readonly twin: Running;
  readonly counter: StatementCounter;
  /** Returns the memory, and the longest delay of the event loop since the previous call. */
  vitals(): Promise<{ readonly residentBytes: number; readonly byClock: number }>;
}

/** A measurement in a section. Its result is a multiple of the first one's. */
interface Variant {
  readonly label: string;
  readonly contestant: Watched;
  readonly asking: Asking;
  /** The maximum of the multiple. */
  readonly bound?: number;
  /** The label of the variant of which this one is a multiple. Default: the first variant. */
  readonly against?: string;
}

const option = (name: string) => process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split("=")[1];
const seconds = Number(option("seconds") ?? 5);
/** A contestant whose CPU profiles are written to bench/profiles. */
const profiled = option("profile");
/** Only sections whose titles begin with this text are run. */
const only = option("only") ?? "";
const alternations = 5;
const loadAlternations = 3;
const loadConnections = 32;
const warmUps = 100;
const smallSize: DataSetSize = { tickets: 500, notesPerTicket: 20, attachments: 3_000, people: 500 };
const longTicket = "00000000-0000-7000-8000-00000000010a";
const longTicketNotes = 50_000;

const noteFields = "uuid text isPublic createdAt author { uuid name }";

const stalls: Stall[] = [];
const sections: Section[] = [];
const cleanups: (() => unknown)[] = [];
const scratch = mkdtempSync(join(tmpdir(), "gateway-bench-requests-"));
cleanups.push(() => rmSync(scratch, { recursive: true }));
const generator = findLoadGenerator(scratch);
try {
  const server = await openServer();
  cleanups.push(server.stop);
  const full = await open(server.url, "full", fullSize);
  const small = await open(server.url, "small", smallSize);
  const long = await open(server.url, "long", smallSize);
  await addLongTicket(long);

  const gateway = await begin("gateway", full, fullSize);
  const postgraphile = await begin("postgraphile", full, fullSize);
  const gatewayOfSmall = await begin("gateway", small, smallSize);
  const gatewayOfLong = await begin("gateway", long, smallSize);
  // It gets no requests, so its delays come from the machine.
  const idle = await begin("bare", full, fullSize);
  await idle.vitals();

  const asked = (contestant: Watched, question: QuestionName, size: DataSetSize): Asking => {
    const { name, cursors } = contestant;
    return (n) => posted(contestant, operationOf({ contestant: name, selection: "lean", size, cursors }, question, n));
  };

  await compare("Depth: 50 notes at the start of a connection, and after 100,000", [
    { label: "page 1", contestant: gateway, asking: pageOf(gateway, { first: 50 }) },
    {
      label: "page 2,000",
      contestant: gateway,
      asking: pageOf(gateway, { first: 50, after: gateway.cursors.notes[0]! }),
      bound: 1.2,
    },
  ]);
  await compare("A long ticket: the newest 20 notes, their authors, 5 attachments each", [
    { label: "20 notes", contestant: gatewayOfLong, asking: (n) => ticketPage(gatewayOfLong, ticketId(1 + (n % 500))) },
    { label: "50,000 notes", contestant: gatewayOfLong, asking: () => ticketPage(gatewayOfLong, longTicket), bound: 1.2 },
  ]);
  for (const question of ["Q1", "Q2", "Q3", "Q4", "Q5"] as const) {
    await compare(`Flat in what is stored: ${question}`, [
      { label: "10,000 notes", contestant: gatewayOfSmall, asking: asked(gatewayOfSmall, question, smallSize) },
      { label: "1,000,000 notes", contestant: gateway, asking: asked(gateway, question, fullSize), bound: 1.3 },
    ]);
  }
  // As many tickets as in the small data set, so that the difference does not come from rows in different places.
  await compare("Flat in what is stored: Q2 of 500 tickets", [
    { label: "10,000 notes", contestant: gatewayOfSmall, asking: asked(gatewayOfSmall, "Q2", smallSize) },
    {
      label: "1,000,000 notes",
      contestant: gateway,
      asking: (n) => asked(gateway, "Q2", fullSize)(n % smallSize.tickets),
      bound: 1.3,
    },
  ]);
  await compare("Linear in what is asked for: a page of notes and their authors", [
    { label: "10 notes", contestant: gateway, asking: pageOf(gateway, { first: 10 }) },
    { label: "25 notes", contestant: gateway, asking: pageOf(gateway, { first: 25 }), bound: 2.5 },
    { label: "50 notes", contestant: gateway, asking: pageOf(gateway, { first: 50 }), against: "25 notes", bound: 2 },
    { label: "100 notes", contestant: gateway, asking: pageOf(gateway, { first: 100 }), against: "50 notes", bound: 2 },
  ]);
  for (const connections of [1, 4]) {
    for (const question of ["Q1", "Q2"] as const) {
      await compare(
        `The median request of ${connections === 1 ? "one connection" : `${connections} connections`}: ${question}`,
        [
          { label: "PostGraphile", contestant: postgraphile, asking: asked(postgraphile, question, fullSize) },
          { label: "gateway", contestant: gateway, asking: asked(gateway, question, fullSize) },
        ],
        { connections, turn: 20 },
      );
    }
  }

  const mixed = await mixedTraffic(full);
  await load(mixedTitle, [
    { label: "PostGraphile", contestant: postgraphile, asking: mixed(postgraphile) },
    { label: "gateway", contestant: gateway, asking: mixed(gateway) },
  ]);
  await load("/v2 against GraphQL: 25 notes of a ticket, their authors, and how many there are", [
    { label: "GraphQL", contestant: gateway, asking: (n) => v2InGraphql(gateway, n) },
    { label: "/v2", contestant: gateway, asking: (n) => v2Request(gateway, n) },
  ]);
  for (const [contestant, database, stored] of [
    [gatewayOfSmall, small, "10,000"],
    [gateway, full, "1,000,000"],
  ] as const) {
    const ask = await byManyKeys(database);
    await load(`/v1 against GraphQL: 50 notes with all that /v1 shows, and how many there are of ${stored}`, [
      { label: "GraphQL", contestant, asking: ask((key) => v1InGraphql(key, contestant)) },
      { label: "/v1", contestant, asking: ask((key) => v1Request(key)) },
    ]);
  }

  const megabytes = async (contestant: Watched) => (await contestant.vitals()).residentBytes / 1e6;
  const markdown = renderShape({
    sections,
    stalls,
    memory: [
      { label: "gateway, 1,000,000 notes", megabytes: await megabytes(gateway) },
      { label: "gateway, 10,000 notes", megabytes: await megabytes(gatewayOfSmall) },
      { label: "PostGraphile, 1,000,000 notes", megabytes: await megabytes(postgraphile) },
    ],
    idleStall: (await idle.vitals()).byClock,
    seconds,
    versions: versions(),
    server: await versionOf(server.url),
  });
  if (only === "") writeFileSync(new URL("shape.md", import.meta.url), markdown);
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup();
}

async function open(server: string, name: string, size: DataSetSize): Promise<string> {
  const database = `gateway_bench_shape_${name}`;
  cleanups.push(() => dropDatabase(server, database));
  return await makeDatabase(server, database, openWorkingTree(), size);
}

async function begin(name: ContestantName, database: string, size: DataSetSize): Promise<Watched> {
  const profile = ["--cpu-prof", `--cpu-prof-dir=${join(import.meta.dirname, "profiles")}`];
  const monitorPort = await freePort();
  const running = await start(name, {
    database,
    nodeArguments: [
      `--import=${join(import.meta.dirname, "../test/faults/support/loop-monitor.ts")}`,
      ...(profiled === name ? profile : []),
    ],
    environment: { FAULTS_MONITOR_PORT: String(monitorPort) },
  });
  cleanups.push(() => running.stop());
  const counter = await countStatements(database);
  cleanups.push(() => counter.close());
  const twin = await start(name, { database: counter.url });
  cleanups.push(() => twin.stop());
  const cursors = await cursorsFor(running, await positionsOf(database, size), size);
  const vitals: Watched["vitals"] = async () => {
    const response = await fetch(`http://127.0.0.1:${monitorPort}`);
    return (await response.json()) as Awaited<ReturnType<Watched["vitals"]>>; // what loop-monitor.ts reports
  };
  return { ...running, cursors, twin, counter, vitals };
}

/** Adds a ticket whose notes and attachments are like those of the data set. */
async function addLongTicket(url: string): Promise<void> {
  await withoutTriggers(
    url,
    `INSERT INTO tickets (id, account_id, kind, status, subject, requester_id, created_at, updated_at)
       VALUES ('${longTicket}', '${accountId}', 'REQUEST', 'PENDING', 'A long one', '${personId(7)}', '2023-01-01', '2023-01-01');
     INSERT INTO notes (id, account_id, ticket_id, requester_id, author_number, text, is_public, categories, medium, created_at)
       SELECT gen_random_uuid(), '${accountId}', '${longTicket}', '${personId(7)}', 1 + i % 500,
              'Note ' || i || ': ' || repeat('found, said and decided. ', 4 + i % 8), i % 3 = 0, '{}', 'DEFAULT',
              timestamptz '2024-01-01' + i * interval '1 minute'
       FROM generate_series(1, ${longTicketNotes}) i;
     INSERT INTO attachments (id, account_id, note_id, filename, content_type, state, size, storage_key, created_at)
       SELECT gen_random_uuid(), account_id, id, 'file.png', 'image/png', 'READY', 1000, 'bench/long/' || number, created_at
       FROM notes WHERE ticket_id = '${longTicket}' AND number % 10 < 3`,
  );
}

async function withoutTriggers(url: string, statements: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query("SET session_replication_role = replica");
    await client.query(statements);
    await client.query("VACUUM (ANALYZE)");
  });
}

function pageOf(contestant: Running, variables: { readonly first: number; readonly after?: string }): Asking {
  const query = `query($first: Int!, $after: String) { notes(first: $first, after: $after) { nodes { ${noteFields} } pageInfo { hasNextPage endCursor } } }`;
  return () => posted(contestant, { query, variables });
}

function ticketPage(contestant: Running, id: string): Sent {
  const query = `query($id: ID!) { ticket(id: $id) { uuid subject notes(first: 20) { nodes { ${noteFields} attachments(first: 5) { nodes { filename size } } } } } }`;
  return posted(contestant, { query, variables: { id } });
}

function v2Request({ headers }: Running, n: number): Sent {
  return {
    method: "GET",
    path: `/v2/tickets/notes?ticket_id=${ticketOfTurn(n, fullSize)}&limit=25`,
    headers,
  };
}

function v2InGraphql(contestant: Running, n: number): Sent {
  const query = `query($id: ID!) { ticket(id: $id) { uuid notes(first: 25, orderBy: { field: CREATED_AT, direction: ASC }) { totalCount nodes {
    uuid author { uuid name } categories createdAt isPublic updatedAt text } } } }`;
  return posted(contestant, { query, variables: { id: ticketOfTurn(n, fullSize) } });
}

function v1Request(key: string): Sent {
  return { method: "GET", path: "/v1/notes?per_page=50", headers: { "x-api-key": key } };
}

function v1InGraphql(key: string, contestant: Running): Sent {
  const query = `{ notes(first: 50, orderBy: { field: NUMBER, direction: DESC }) { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } nodes {
    number id author { number name } createdAt text medium isPublic account { slug name } ticket { kind number subject }
    attachments(first: 10) { nodes { id filename download { url } inline size createdAt } } } } }`;
  return posted({ ...contestant, headers: { "x-api-key": key } }, { query });
}

/**
 * Returns requests with many keys in turn, one for each second under load, because /v1 allows a credential 3,600
 * requests an hour. Both APIs use the keys.
 */
async function byManyKeys(url: string): Promise<(request: (key: string) => Sent) => Asking> {
  const count = Math.ceil(seconds) + 1;
  const keys = await makeKeys(
    url,
    Array.from({ length: count }, () => 5),
  );
  return (request) => (n) => request(keys[n % count] ?? "");
}

/** Returns mixed traffic, for which the gateway gets the keys of all people. */
async function mixedTraffic(url: string): Promise<(contestant: Watched) => Asking> {
  const people = Array.from({ length: askerCount }, (_, index) => index + 1);
  const keys = await makeKeys(url, people);
  return ({ name, path, cursors }) => {
    const asking = { contestant: name, selection: "lean", size: fullSize, cursors } as const;
    const requests = mixedRequestsOf(asking, path, (person) => ({
      accept: plainAccept,
      ...(name === "gateway" && { "x-api-key": keys[person - 1] ?? "" }),
    }));
    return (n) => requests[n % requests.length]!;
  };
}

/**
 * Measures how long requests take one after another on each connection. The variants take turns, so that other work of
 * the machine affects all of them.
 */
async function compare(title: string, variants: readonly Variant[], { connections = 1, turn = 1 } = {}): Promise<void> {
  if (!title.startsWith(only)) return;
  const agents = variants.map(() => new Agent({ keepAlive: true, maxSockets: connections }));
  const statements: number[] = [];
  for (const [index, { contestant, asking }] of variants.entries()) {
    statements.push(await countAlone(contestant.twin, contestant.counter, inTurn(asking)));
    for (let n = 0; n < warmUps; n += 1) await timed(agents[index], contestant, asking(n));
  }
  await forgetStalls(variants);
  const bytes = variants.map((): number[] => []);
  const medians = variants.map((): number[] => []);
  let n = Math.floor(Math.random() * 1_000_000);
  for (let alternation = 0; alternation < alternations; alternation += 1) {
    const times = variants.map((): number[] => []);
    const end = performance.now() + (seconds * 1000 * variants.length) / alternations;
    for (let turns = 0; performance.now() < end; turns += 1) {
      // The order alternates, so that no variant always comes after the same one.
      for (const index of turns % 2 === 0 ? variants.keys() : [...variants.keys()].toReversed()) {
        const { contestant, asking } = variants[index] ?? never();
        const work = async (connection: number) => {
          for (let place = 0; place < turn; place += 1) {
            const answered = await timed(agents[index], contestant, asking(n + connection * turn + place));
            times[index]?.push(answered.milliseconds);
            bytes[index]?.push(answered.bytes);
          }
        };
        await Promise.all(Array.from({ length: connections }, (_, connection) => work(connection)));
      }
      n += turn * connections;
    }
    for (const [index, measured] of times.entries()) medians[index]?.push(median(measured));
  }
  for (const agent of agents) agent.destroy();
  await noteStalls(title, variants);
  tell(
    title,
    "takes",
    variants.map((variant, index) => ({
      variant,
      figures: medians[index] ?? [],
      statements: statements[index] ?? 0,
      bytes: median(bytes[index] ?? []),
    })),
  );
}

/** Measures the requests per second. The variants take turns. */
async function load(title: string, variants: readonly Variant[]): Promise<void> {
  if (!title.startsWith(only)) return;
  const figures = variants.map((): number[] => []);
  const counted = variants.map((): number[] => []);
  const bytes: number[] = [];
  for (const { contestant, asking } of variants) {
    const answers = [];
    for (let n = 0; n < warmUps; n += 1) answers.push(JSON.stringify(await answerTo(contestant, asking(n))).length);
    bytes.push(median(answers));
  }
  await forgetStalls(variants);
  const each = { connections: loadConnections, seconds: Math.max(1, Math.round(seconds / loadAlternations)) };
  const prepared = variants.map(({ asking }) => generator.prepare(inTurn(asking)));
  for (let alternation = 0; alternation < loadAlternations; alternation += 1) {
    for (const [index, { contestant }] of variants.entries()) {
      const measured = await measure(contestant, prepared[index]!, each);
      figures[index]?.push(measured.requestsPerSecond);
    }
  }
  await noteStalls(title, variants);
  for (const [index, { contestant, asking }] of variants.entries()) {
    const { underLoad } = await countPerRequest(contestant.twin, contestant.counter, inTurn(asking), prepared[index]!, each);
    counted[index]?.push(underLoad);
  }
  tell(
    title,
    "answers",
    variants.map((variant, index) => ({
      variant,
      figures: figures[index] ?? [],
      statements: median(counted[index] ?? []),
      bytes: bytes[index] ?? 0,
    })),
  );
}

interface Measured {
  readonly variant: Variant;
  /** One figure for each alternation. */
  readonly figures: readonly number[];
  readonly statements: number;
  readonly bytes: number;
}

function tell(title: string, figure: Section["figure"], measured: readonly Measured[]): void {
  const compared = measured.map(({ variant, figures, statements, bytes }): Compared => {
    const { label, bound, against = measured[0]?.variant.label ?? "" } = variant;
    const other = measured.find((candidate) => candidate.variant.label === against) ?? never();
    const ratios = figures.map((value, index) => value / (other.figures[index] ?? Number.NaN));
    const spread = { ratio: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) };
    console.log(
      `${title}: ${label} ${spread.ratio.toFixed(2)} (${spread.lowest.toFixed(2)} to ${spread.highest.toFixed(2)}) of ${against}, ${median(figures).toFixed(2)}, ${statements.toFixed(2)} statements, ${bytes} bytes`,
    );
    return { label, against, bound, ...spread, statements, statementsOfOther: other.statements, bytes: bytes / other.bytes };
  });
  sections.push({ title, figure, compared });
}

/** Resets the longest delays. */
async function forgetStalls(variants: readonly Variant[]): Promise<void> {
  for (const contestant of new Set(variants.map((variant) => variant.contestant))) await contestant.vitals();
}

async function noteStalls(section: string, variants: readonly Variant[]): Promise<void> {
  for (const contestant of new Set(variants.map((variant) => variant.contestant))) {
    const label = variants.find((variant) => variant.contestant === contestant)?.label ?? "";
    stalls.push({ section, label, milliseconds: (await contestant.vitals()).byClock });
  }
}

/** Sends one request with as little overhead in the client as possible. */
async function timed(
  agent: Agent | undefined,
  { url, name }: Running,
  { method, path, headers, body = "" }: Sent,
): Promise<{ milliseconds: number; bytes: number }> {
  const begun = performance.now();
  const request = httpRequest(`${url}${path}`, {
    ...{ agent, method },
    headers: { ...headers, "content-length": Buffer.byteLength(body) },
  }).end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage]; // what the event comes with
  let bytes = 0;
  response.on("data", (chunk: Buffer) => (bytes += chunk.length));
  await once(response, "end");
  if (response.statusCode !== 200) throw new Error(`${name} answered ${path} with ${response.statusCode}.`);
  return { milliseconds: performance.now() - begun, bytes };
}

function never(): never {
  throw new Error("There is nothing in that place.");
}
