// npm run bench:shape                  how the gateway's cost behaves, as ratios within one run: bench/shape.md
// npm run bench:shape -- --seconds=20  the same, 20 seconds for each thing measured
// npm run bench:shape -- --only=/v1    the sections whose titles begin so, and no report
// --profile=gateway as bench/run.ts
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { Agent, type IncomingMessage, request as httpRequest } from "node:http";
import pg from "pg";
import type { Role } from "../src/viewer.ts";
import { accountId, type DataSetSize, fullSize, noteId, personId, ticketId } from "./data-set.ts";
import { startFlags } from "./gateway-process.ts";
import {
  answerOf,
  type Asking,
  fill,
  findDeepPosition,
  makeKeys,
  measure,
  median,
  posted,
  type Running,
  rowsOf,
  type Sent,
  start,
  statementsOf,
  stop,
  usageOf,
  versions,
} from "./harness.ts";
import { type Contestant, deepOffset, type DeepPosition, type QuestionName, requestOf } from "./questions.ts";
import { startServer } from "./server.ts";
import { type Compared, renderShape, type Section, type Stall } from "./shape-report.ts";

/** A measurement in a section. Its result is a multiple of the first one's. */
interface Variant {
  readonly label: string;
  readonly contestant: Running;
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
const running: Running[] = [];
const full = await startServer("full", (url) => fill(url, fullSize));
// Earlier runs have added notes to the full data set, which are on its tickets' pages. The small one gets as many for
// each ticket.
const addedToFull = await addedNotes(full.url, fullSize);
const small = await startServer(
  "shape_small",
  async (url) => {
    await fill(url, smallSize);
    await addAsBefore(url, smallSize, Math.round((addedToFull / fullSize.tickets) * smallSize.tickets));
  },
  full.url,
);
const long = await startServer(
  "shape_long",
  async (url) => {
    await fill(url, smallSize);
    await addLongTicket(url);
  },
  full.url,
);
try {
  const gateway = await begin("gateway", full.url);
  const postgraphile = await begin("postgraphile", full.url);
  const gatewayOfSmall = await begin("gateway", small.url);
  const gatewayOfLong = await begin("gateway", long.url);
  // It gets no requests, so its delays come from the machine.
  const idle = await begin("bare", full.url);
  await usageOf(idle);

  const deep = await findDeepPosition(full.url, addedToFull + deepOffset(fullSize), [gateway, postgraphile]);
  const page2000 = await findDeepPosition(full.url, deepOffset(fullSize), [gateway, postgraphile]);
  const addedToSmall = await addedNotes(small.url, smallSize);
  const deepOfSmall = await findDeepPosition(small.url, addedToSmall + deepOffset(smallSize), [gatewayOfSmall]);
  const asked = (contestant: Running, question: QuestionName, size: DataSetSize, position: DeepPosition): Asking => {
    return (n) => posted(contestant, requestOf(contestant.name, question, n, size, position));
  };

  await compare("Depth: 50 notes at the start of a connection, and after 100,000", [
    { label: "page 1", contestant: gateway, asking: pageOf(gateway, { first: 50 }) },
    {
      label: "page 2,000",
      contestant: gateway,
      asking: pageOf(gateway, { first: 50, after: page2000.cursors.gateway }),
      bound: 1.2,
    },
  ]);
  await compare("A long ticket: the newest 20 notes, their authors, 5 attachments each", [
    { label: "20 notes", contestant: gatewayOfLong, asking: (n) => ticketPage(gatewayOfLong, ticketId(1 + (n % 500))) },
    { label: "50,000 notes", contestant: gatewayOfLong, asking: () => ticketPage(gatewayOfLong, longTicket), bound: 1.2 },
  ]);
  for (const question of ["Q1", "Q2", "Q3", "Q4", "Q5"] as const) {
    await compare(`Flat in what is stored: ${question}`, [
      { label: "10,000 notes", contestant: gatewayOfSmall, asking: asked(gatewayOfSmall, question, smallSize, deepOfSmall) },
      { label: "1,000,000 notes", contestant: gateway, asking: asked(gateway, question, fullSize, deep), bound: 1.3 },
    ]);
  }
  // As many tickets as in the small data set, so that the difference does not come from rows in different places.
  await compare("Flat in what is stored: Q2 of 500 tickets", [
    { label: "10,000 notes", contestant: gatewayOfSmall, asking: asked(gatewayOfSmall, "Q2", smallSize, deepOfSmall) },
    {
      label: "1,000,000 notes",
      contestant: gateway,
      asking: (n) => asked(gateway, "Q2", fullSize, deep)(n % smallSize.tickets),
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
          { label: "PostGraphile", contestant: postgraphile, asking: asked(postgraphile, question, fullSize, deep) },
          { label: "gateway", contestant: gateway, asking: asked(gateway, question, fullSize, deep) },
        ],
        { connections, turn: 20 },
      );
    }
  }

  const mixed = await mixedTraffic(full.url, deep);
  await load("Mixed traffic: Q1 to Q5 at once, by three specialists and three customers", [
    { label: "PostGraphile", contestant: postgraphile, asking: mixed(postgraphile) },
    { label: "gateway", contestant: gateway, asking: mixed(gateway) },
  ]);
  await load("/v2 against GraphQL: 25 notes of a ticket, their authors, and how many there are", [
    { label: "GraphQL", contestant: gateway, asking: (n) => v2InGraphql(gateway, n) },
    { label: "/v2", contestant: gateway, asking: (n) => v2Request(gateway, n) },
  ]);
  for (const [contestant, server, stored] of [
    [gatewayOfSmall, small, "10,000"],
    [gateway, full, "1,000,000"],
  ] as const) {
    const ask = await byManyKeys(server.url);
    await load(`/v1 against GraphQL: 50 notes with all that /v1 shows, and how many there are of ${stored}`, [
      { label: "GraphQL", contestant, asking: ask((key) => v1InGraphql(key, contestant)) },
      { label: "/v1", contestant, asking: ask((key) => v1Request(key)) },
    ]);
  }

  const megabytes = async (contestant: Running) => (await usageOf(contestant)).rssBytes / 1e6;
  const markdown = renderShape({
    sections,
    stalls,
    memory: [
      { label: "gateway, 1,000,000 notes", megabytes: await megabytes(gateway) },
      { label: "gateway, 10,000 notes", megabytes: await megabytes(gatewayOfSmall) },
      { label: "PostGraphile, 1,000,000 notes", megabytes: await megabytes(postgraphile) },
    ],
    idleStall: (await usageOf(idle)).stallMilliseconds,
    seconds,
    versions: versions(),
    server: await full.version(),
  });
  if (only === "") writeFileSync(new URL("shape.md", import.meta.url), markdown);
} finally {
  for (const contestant of running) await stop(contestant);
  for (const server of [long, small, full]) await server.stop();
}

async function begin(name: Contestant, database: string): Promise<Running> {
  const flags = name === "gateway" ? startFlags() : [];
  const contestant = await start(name, { database, port: 5150 + running.length, flags, profiled: profiled === name });
  running.push(contestant);
  return contestant;
}

/** Returns the number of notes that were added to the data set. */
async function addedNotes(url: string, size: DataSetSize): Promise<number> {
  const [row] = await rowsOf<{ count: string }>(url, "SELECT count(*) FROM notes");
  return Number(row?.count ?? 0) - size.tickets * size.notesPerTicket;
}

/** Adds notes as M1 does. */
async function addAsBefore(url: string, size: DataSetSize, count: number): Promise<void> {
  await withoutTriggers(
    url,
    `INSERT INTO notes (id, account_id, ticket_id, requester_id, author_number, text, is_public, categories, medium, created_at)
     SELECT gen_random_uuid(), t.account_id, t.id, t.requester_id, 5, 'Added by the benchmark, ' || i, true, '{}', 'DEFAULT',
            timestamptz '2026-01-01' + i * interval '1 second'
     FROM generate_series(1, ${count}) i
     JOIN (SELECT *, row_number() OVER (ORDER BY created_at) AS place FROM tickets) t ON t.place = 1 + i % ${size.tickets}`,
  );
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
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("SET session_replication_role = replica");
    await client.query(statements);
    await client.query("VACUUM (ANALYZE)");
  } finally {
    await client.end();
  }
}

function pageOf(contestant: Running, variables: { readonly first: number; readonly after?: string }): Asking {
  const query = `query($first: Int!, $after: String) { notes(first: $first, after: $after) { nodes { ${noteFields} } pageInfo { hasNextPage endCursor } } }`;
  return () => posted(contestant, { query, variables });
}

function ticketPage(contestant: Running, id: string): Sent {
  const query = `query($id: ID!) { ticket(id: $id) { uuid subject notes(first: 20) { nodes { ${noteFields} attachments(first: 5) { nodes { filename size } } } } } }`;
  return posted(contestant, { query, variables: { id } });
}

function ticketOfTurn(n: number): string {
  return ticketId(1 + ((n * 7919) % fullSize.tickets));
}

function v2Request({ headers }: Running, n: number): Sent {
  return {
    method: "GET",
    path: `/v2/tickets/notes?ticket_id=${ticketOfTurn(n)}&limit=25`,
    headers: { ...credentialOf(headers) },
  };
}

function v2InGraphql(contestant: Running, n: number): Sent {
  const query = `query($id: ID!) { ticket(id: $id) { uuid notes(first: 25, orderBy: { field: CREATED_AT, direction: ASC }) { totalCount nodes {
    uuid author { uuid name } categories createdAt isPublic updatedAt text } } } }`;
  return posted(contestant, { query, variables: { id: ticketOfTurn(n) } });
}

function v1Request(key: string): Sent {
  return { method: "GET", path: "/v1/notes?per_page=50", headers: { "x-api-key": key } };
}

function v1InGraphql(key: string, contestant: Running): Sent {
  const query = `{ notes(first: 50, orderBy: { field: NUMBER, direction: DESC }) { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } nodes {
    number id author { number name } createdAt text medium isPublic account { slug name } ticket { kind number subject }
    attachments(first: 10) { nodes { id filename download { url } inline size createdAt } } } } }`;
  return { ...posted(contestant, { query }), headers: { ...contestant.headers, "x-api-key": key } };
}

function credentialOf(headers: Readonly<Record<string, string>>): Record<string, string> {
  return { "x-api-key": headers["x-api-key"] ?? "" };
}

/**
 * Returns requests with many keys in turn, one for each second under load, because /v1 allows a credential 3,600
 * requests an hour. Both APIs use the keys.
 */
async function byManyKeys(url: string): Promise<(request: (key: string) => Sent) => Asking> {
  const count = Math.ceil(seconds) + 1;
  const keys = await makeKeys(
    url,
    Array.from({ length: count }, () => ({ person: 5, role: "SPECIALIST" as const })),
  );
  return (request) => (n) => request(keys[n % count] ?? "");
}

interface Asker {
  readonly person: number;
  readonly role: Role;
}

/**
 * Returns all reading questions in turn, for several people. A customer reads their own tickets, and PostGraphile reads
 * the same rows.
 */
async function mixedTraffic(url: string, deep: DeepPosition): Promise<(contestant: Running) => Asking> {
  const askers: readonly Asker[] = [
    ...[5, 10, 15].map((person) => ({ person, role: "SPECIALIST" }) as const),
    ...[1, 2, 3].map((person) => ({ person, role: "CUSTOMER" }) as const),
  ];
  const keys = await makeKeys(url, askers);
  const questions = ["Q1", "Q2", "Q3", "Q4", "Q5"] as const;
  return (contestant) => (n) => {
    const asker = n % askers.length;
    const question = questions[n % questions.length] ?? "Q1";
    const request = requestOf(contestant.name, question, n, fullSize, deep);
    const own = askers[asker]?.role === "CUSTOMER" ? ownOf(askers[asker].person, question, n) : {};
    const sent = posted(contestant, { ...request, variables: { ...request.variables, ...own } });
    const key = contestant.name === "gateway" ? { "x-api-key": keys[asker] ?? "" } : {};
    return { ...sent, headers: { ...sent.headers, ...key } };
  };
}

/** Returns the nth ticket that a customer has opened, or a public note on it. */
function ownOf(person: number, question: QuestionName, n: number): { readonly id?: string } {
  const ticket = person - 1 + fullSize.people * (1 + (n % (fullSize.tickets / fullSize.people - 1)));
  const firstNote = 1 + (ticket - 1) * fullSize.notesPerTicket;
  if (question === "Q1") return { id: noteId(Math.ceil(firstNote / 3) * 3) };
  return question === "Q2" || question === "Q4" ? { id: ticketId(ticket) } : {};
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
    statements.push(await statementsOf(contestant, asking, 0));
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
    for (let n = 0; n < warmUps; n += 1) answers.push(JSON.stringify(await answerOf(contestant, asking(n))).length);
    bytes.push(median(answers));
  }
  await forgetStalls(variants);
  const each = { connections: loadConnections, seconds: Math.max(1, Math.round(seconds / loadAlternations)) };
  for (let alternation = 0; alternation < loadAlternations; alternation += 1) {
    for (const [index, { label, contestant, asking }] of variants.entries()) {
      const measured = await measure(contestant, asking, each);
      figures[index]?.push(measured.requests);
      counted[index]?.push(measured.statementsUnderLoad);
      stalls.push({ section: title, label, milliseconds: measured.stall });
    }
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
  for (const contestant of new Set(variants.map((variant) => variant.contestant))) await usageOf(contestant);
}

async function noteStalls(section: string, variants: readonly Variant[]): Promise<void> {
  for (const contestant of new Set(variants.map((variant) => variant.contestant))) {
    const label = variants.find((variant) => variant.contestant === contestant)?.label ?? "";
    stalls.push({ section, label, milliseconds: (await usageOf(contestant)).stallMilliseconds });
  }
}

/** Sends one request with as little overhead in the client as possible. */
async function timed(
  agent: Agent | undefined,
  { origin, name }: Running,
  { method, path, headers, body = "" }: Sent,
): Promise<{ milliseconds: number; bytes: number }> {
  const begun = performance.now();
  const request = httpRequest(`${origin}${path}`, {
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
