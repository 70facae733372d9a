// Two gateways on one PgBouncer in transaction mode, and 20,000 requests over all three APIs. Each response is compared
// with the right one: reads with the responses of a gateway without a pooler, writes with what was written. Then it
// checks what the gateways left in the sessions that other programs get from the pool.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startCluster } from "./support/cluster.ts";
import { createFigures } from "./support/figures.ts";
import { type DemoKeys, type Gateway, startGateway, raisedLimits } from "./support/gateway.ts";
import { type PgBouncer, startPgBouncer } from "./support/pgbouncer.ts";
import {
  type Asked,
  ask,
  combinations,
  graphql,
  inParallel,
  requestOf,
  type Ticket,
  ticketsOf,
  writeOf,
} from "./support/requests.ts";

const requests = 20_000;
const width = 32;
/** The number of notes that are written. Each is also read and changed, which takes {@link requestsOfNote} requests. */
const notes = 700;
const requestsOfNote = 6;
/** Fewer connections than the gateways have, so that each server connection serves both. */
const poolSize = 6;
/**
 * Settings of the database that would make responses wrong, and that differ from the gateway's. Other programs of the
 * pool must keep them.
 */
const databaseSettings = {
  DateStyle: "German, DMY",
  TimeZone: "Asia/Kolkata",
  IntervalStyle: "sql_standard",
  bytea_output: "escape",
  extra_float_digits: "0",
  search_path: "nowhere",
  statement_timeout: "17s",
  default_transaction_isolation: "serializable",
  standard_conforming_strings: "off",
} as const;

const { report, conclude } = createFigures();
const cluster = await startCluster();
const bouncer = await startPgBouncer(cluster, poolSize);
const dataDirectory = mkdtempSync(join(tmpdir(), "gateway-pooler-"));
const gateways: Gateway[] = [];
try {
  await run(bouncer);
} finally {
  await Promise.all(gateways.map((gateway) => gateway.stop("SIGKILL")));
  await bouncer.stop();
  await cluster.remove();
  rmSync(dataDirectory, { recursive: true, force: true });
}
conclude();

async function run({ url }: PgBouncer): Promise<void> {
  await cluster.query("postgres", "CREATE DATABASE notes");
  for (const [name, value] of Object.entries(databaseSettings))
    await cluster.query("postgres", `ALTER DATABASE notes SET ${name} = '${value}'`);
  const environment = {
    SIGNING_SECRET: "a secret of this script, of 32 characters or more",
    DATA_DIR: dataDirectory,
    // All gateways have the same public URL, because responses contain it.
    PUBLIC_URL: "http://gateway.test",
    ...raisedLimits,
    DRAIN_MS: "0",
    LOG_LEVEL: "warn",
  };
  const pooled = { ...environment, DATABASE_URL: url("notes") };

  const before = await settingsOfPool(url("notes"));
  await runCommands(pooled);

  const direct = await start({ ...environment, DATABASE_URL: cluster.url("notes") });
  const first = await start(pooled);
  const second = await start(pooled);
  const said = [first, second].map(({ logPath }) => readFileSync(logPath, "utf8").match(/A pooler shares/g)?.length ?? 0);
  report("times each gateway says that there is a pooler", said.join(", "), said.join() === "1,1");

  const keys = direct.demoKeys();
  const reads = await comparedReads(direct.url, keys);
  report("different reads", reads.length, reads.length >= 500);
  const tally = { wrong: 0, failed: 0, total: 0, examples: [] as string[] };
  const urls = [first.url, second.url] as const;
  const began = performance.now();
  await Promise.all([askReads(urls, reads, tally), askWrites(urls, keys, tally)]);
  const seconds = (performance.now() - began) / 1000;
  report("requests", tally.total, tally.total >= requests);
  report("requests a second", Math.round(tally.total / seconds));
  report("wrong answers", tally.wrong, tally.wrong === 0);
  report("answers of 5xx", tally.failed, tally.failed === 0);
  for (const example of tally.examples) console.log(`  ${example}`);

  await reportSessions(url("notes"), before);
  for (const gateway of [first, second]) {
    const errors = readFileSync(gateway.logPath, "utf8").match(/"level":[56]0/g)?.length ?? 0;
    report("errors in a gateway's log", errors, errors === 0);
  }
}

async function start(environment: Record<string, string>): Promise<Gateway> {
  const gateway = await startGateway({ environment, dataDirectory });
  gateways.push(gateway);
  return gateway;
}

async function runCommands(environment: Record<string, string>): Promise<void> {
  const key = [
    "keys",
    "--",
    "create",
    "--account",
    "brightwater",
    "--person",
    "ellen.brown@brightwater.example",
    "--name",
    "pooled",
  ];
  const commands: [string, readonly string[], RegExp][] = [
    ["migrate", ["migrate"], /^Applied /m],
    ["migrate, again", ["migrate"], /up to date/],
    ["demo", ["demo"], /The demo data is loaded/],
    ["demo, again: refuses", ["demo"], /is not empty/],
    ["keys create", key, /^\S{20,}$/m],
    ["keys create, again", key, /^\S{20,}$/m],
    ["keys list", ["keys", "--", "list"], /pooled/],
  ];
  for (const [label, words, expected] of commands) {
    const { output, milliseconds } = await npm(words, environment);
    const isGood = expected.test(output);
    report(`npm run ${label}`, `${milliseconds} ms`, isGood);
    if (!isGood) console.log(output);
  }
}

async function npm(words: readonly string[], environment: Record<string, string>) {
  const began = performance.now();
  const child = spawn("npm", ["run", "--silent", ...words], {
    cwd: join(import.meta.dirname, "../.."),
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk.toString()));
  await once(child, "close");
  return { output: chunks.join(""), milliseconds: Math.round(performance.now() - began) };
}

interface ComparedRead {
  readonly asked: Asked;
  readonly status: number;
  readonly text: string;
}

/** Returns reads of all kinds, each with the response of a gateway that is connected to the database directly. */
async function comparedReads(url: string, keys: DemoKeys): Promise<readonly ComparedRead[]> {
  const readers = [keys.admin, keys.specialist, keys.customer];
  const tickets = await ticketsOf(url, keys.admin);
  const cursors = await cursorsOf(url, keys.admin);
  const asked = [
    ...graphqlReads(readers, tickets, cursors),
    ...v1Reads(readers),
    ...readers.flatMap((key) =>
      tickets.slice(0, 12).flatMap(({ uuid }, index) => [
        {
          key,
          method: "GET",
          path: `/v2/tickets/notes?ticket_id=${uuid}&limit=${(index % 7) + 1}&offset=${index % 3}`,
        } as const,
        { key, method: "GET", path: `/v2/tickets/notes?ticket_id=${uuid}` } as const,
      ]),
    ),
  ];
  const reads: ComparedRead[] = [];
  await inParallel(asked.length, 8, async (index) => {
    const one = asked[index];
    if (one === undefined) return;
    const answer = await ask(url, one);
    // The customer gets 404 for what they may not see, through the pool too.
    if (answer.status !== 200 && answer.status !== 404)
      throw new Error(`${JSON.stringify(one)} is answered with ${answer.status}: ${answer.text}`);
    reads.push({ asked: one, status: answer.status, text: answer.text });
  });
  return reads;
}

function graphqlReads(readers: readonly string[], tickets: readonly Ticket[], cursors: readonly string[]): Asked[] {
  const fields = [
    "number",
    "uuid createdAt",
    "text isPublic",
    "author { name }",
    "ticket { number subject }",
    "categories medium updatedAt",
  ];
  const filters = [
    "",
    "filter: { isPublic: true }",
    'filter: { createdAt: { gt: "2026-07-01T00:00:00Z" } }',
    "filter: { medium: [DEFAULT] }",
  ];
  const orders = ["", "orderBy: { field: NUMBER, direction: ASC }"];
  const pages = combinations(fields, filters, orders).map(([field = "", filter = "", order = ""], index) => {
    const page = `first: ${(index % 20) + 1} ${filter} ${order}`;
    return `{ notes(${page}) { ${index % 3 === 0 ? "totalCount" : ""} nodes { id ${field} } pageInfo { endCursor hasNextPage } } }`;
  });
  const ofTicket =
    "query ($id: ID!, $first: Int) { ticket(id: $id) { subject status requester { name } notes(first: $first) { totalCount nodes { text createdAt author { number } attachments { nodes { filename size } } } } } }";
  const after =
    "query ($after: String!) { notes(first: 5, after: $after) { edges { cursor node { number text createdAt } } } }";
  return [
    ...readers.flatMap((key) => pages.map((page) => graphql(key, page))),
    ...readers.flatMap((key) =>
      tickets.map(({ uuid }, index) => graphql(key, ofTicket, { id: uuid, first: (index % 10) + 1 })),
    ),
    ...cursors.map((cursor) => graphql(readers[0] ?? "", after, { after: cursor })),
  ];
}

function v1Reads(readers: readonly string[]): Asked[] {
  const fields = ["id,text", "person,created_at", "request,medium,internal", "nodeID,text"];
  const filters = ["", "&created_at=>2026-07-01T00:00:00Z", "&sort=-id", "&sort=created_at"];
  const paths = combinations(["/v1/notes", "/v1/notes/public"], fields, filters).map(
    ([path = "", field = "", filter = ""], index) => `${path}?per_page=${(index % 9) + 1}&fields=${field}${filter}`,
  );
  return readers.flatMap((key) =>
    [...paths, "/v1/requests?per_page=10", "/v1/me", "/v1/problems"].map((path) => ({ key, method: "GET" as const, path })),
  );
}

async function cursorsOf(url: string, key: string): Promise<readonly string[]> {
  const { text } = await ask(url, graphql(key, "{ notes(first: 100) { edges { cursor } } }"));
  const { data } = JSON.parse(text) as { data: { notes: { edges: { cursor: string }[] } } }; // as the query selects
  return data.notes.edges.map(({ cursor }) => cursor);
}

interface Tally {
  wrong: number;
  failed: number;
  total: number;
  readonly examples: string[];
}

/** Counts a response, and whether it is the expected one. */
function count(tally: Tally, asked: Asked, answer: { status: number; text: string }, isExpected: boolean): void {
  tally.total += 1;
  if (answer.status >= 500) tally.failed += 1;
  else if (!isExpected) tally.wrong += 1;
  if ((answer.status >= 500 || !isExpected) && tally.examples.length < 10)
    tally.examples.push(`${answer.status} ${JSON.stringify(asked).slice(0, 300)} → ${answer.text.slice(0, 300)}`);
}

type Urls = readonly [string, string];
async function askReads(urls: Urls, reads: readonly ComparedRead[], tally: Tally): Promise<void> {
  await inParallel(requests - notes * requestsOfNote, width, async (index) => {
    // The step is coprime to the number of reads, so consecutive reads differ.
    const read = reads[(index * 7919) % reads.length];
    if (read === undefined) return;
    const answer = await ask(urls[index % 2 === 0 ? 0 : 1], read.asked);
    count(tally, read.asked, answer, answer.status === read.status && answer.text === read.text);
  });
}

/**
 * Writes notes in another account than that of the reads. Each note is written through one API of one gateway, and read
 * and changed through the others.
 */
async function askWrites(urls: Urls, { outsider: key }: DemoKeys, tally: Tally): Promise<void> {
  const ticket = await requestOf(urls[0], key);
  const written = new Map<string, string>();
  await inParallel(notes, 8, async (index) => {
    const text = `Note ${index} “${"ü€".repeat(index % 40)}” \\ ' "`;
    const changed = `${text}, changed`;
    const [own, other] = index % 2 === 0 ? urls : ([urls[1], urls[0]] as const);
    const step = async (url: string, asked: Asked, pattern: (value: string) => boolean) => {
      const answer = await ask(url, asked);
      count(tally, asked, answer, answer.status < 300 && pattern(answer.text));
      return answer.text;
    };
    const says = (value: string) => (answer: string) => answer.includes(JSON.stringify(value).slice(1, -1));

    const added = await step(own, writeOf(key, ticket, text, index), index % 3 === 2 ? says("id") : says(text));
    const uuid = index % 3 === 2 ? await uuidOfNewest(other, key, added) : /"(?:uu)?id":"([0-9a-f-]{36})"/.exec(added)?.[1];
    if (uuid === undefined) return;
    await step(other, graphql(key, "query ($id: ID!) { note(id: $id) { text } }", { id: uuid }), says(text));
    await step(own, { key, method: "GET", path: `/v2/tickets/notes/${uuid}` }, says(text));
    const update =
      "mutation ($input: UpdateNoteInput!) { updateNote(input: $input) { ... on UpdateNotePayload { note { text } } } }";
    await step(other, graphql(key, update, { input: { id: uuid, text: changed } }), says(changed));
    await step(own, { key, method: "GET", path: `/v1/notes/${btoa(`Note:${uuid}`)}?fields=text` }, says(changed));
    await step(other, { key, method: "GET", path: `/v2/tickets/notes/${uuid}` }, says(changed));
    written.set(uuid, changed);
  });
  const stored = await cluster.query<{ id: string; text: string }>(
    "notes",
    "SELECT id::text, text FROM public.notes WHERE text LIKE 'Note %, changed'",
  );
  const lost = [...written].filter(([id, text]) => !stored.some((row) => row.id === id && row.text === text));
  report("notes written", written.size, written.size === notes);
  report("of them lost, or not as written", lost.length, lost.length === 0);
  report("rows more than were written", stored.length - written.size, stored.length === written.size);
}

/** Returns the UUID of the note whose number /v1 has returned. */
async function uuidOfNewest(url: string, key: string, added: string): Promise<string | undefined> {
  const { id } = JSON.parse(added) as { id: number }; // as /v1 answers to a POST
  const { text } = await ask(url, { key, method: "GET", path: `/v1/notes/${id}?fields=nodeID` });
  const { nodeID } = JSON.parse(text) as { nodeID: string }; // as asked for
  return atob(nodeID).slice("Note:".length);
}

type Settings = Readonly<Record<string, string>>;

/** Returns the settings of every session of the pool, as another program reads them. */
async function settingsOfPool(url: string): Promise<readonly Settings[]> {
  return onEverySession(url, async (client) => {
    const { rows } = await client.query<{ name: string; setting: string }>("SHOW ALL");
    return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
  });
}

async function reportSessions(url: string, before: readonly Settings[]): Promise<void> {
  const after = await settingsOfPool(url);
  const expected = before[0] ?? {};
  // Settings of an extension that was loaded meanwhile are ignored. They have their default values.
  const touched = new Set(
    after.flatMap((settings) => Object.keys(expected).filter((name) => settings[name] !== expected[name])),
  );
  report("sessions of the pool that another program looked into", after.length, after.length === poolSize);
  report(
    "settings found as the database has them",
    Object.keys(expected).length,
    expected["DateStyle"] === databaseSettings.DateStyle,
  );
  report("settings that the gateways have touched", [...touched].join(", ") || 0, touched.size === 0);
  const left = await onEverySession(url, async (client) => {
    const { rows } = await client.query<{ statements: number; locks: number }>(
      `SELECT (SELECT count(*)::int FROM pg_prepared_statements) AS statements,
        (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks`,
    );
    return rows[0] ?? { statements: NaN, locks: NaN };
  });
  const sum = (name: "statements" | "locks") => left.reduce((total, session) => total + session[name], 0);
  report("prepared statements left in them", sum("statements"), sum("statements") === 0);
  report("advisory locks left in them", sum("locks"), sum("locks") === 0);
}

/**
 * Returns the result of `work` in each session of the pool. All transactions are open at the same time, because the
 * pool shares no session that is in a transaction.
 */
async function onEverySession<Found>(url: string, work: (client: pg.Client) => Promise<Found>): Promise<readonly Found[]> {
  const clients = Array.from({ length: poolSize }, () => new pg.Client({ connectionString: url }));
  try {
    await Promise.all(clients.map((client) => client.connect()));
    await Promise.all(clients.map((client) => client.query("BEGIN")));
    const found = await Promise.all(clients.map(work));
    await Promise.all(clients.map((client) => client.query("COMMIT")));
    return found;
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}
