// npm run bench:search              the speed of searches over 1,000,000 notes, and how good the results are
// npm run bench:search -- 100000    with that many notes
// It writes bench/search.md.
import { readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { createProvisioning } from "../src/access/provisioning.ts";
import { type Database, openDatabase } from "../src/database/database.ts";
import { readMigrations } from "../src/database/migration-scripts.ts";
import { migrate } from "../src/database/migrations.ts";
import { systemClock } from "../src/lib/clock.ts";
import { scopesOf } from "../src/viewer.ts";
import { startGateway } from "./gateway-process.ts";
import { judge } from "./search/judge.ts";
import { startServer, versionOf } from "./server.ts";

/** The first migration of the search. The notes are there before it, so that it has to read them. */
const firstOfSearch = "20261127163001_search";
const repetitions = 60;
const noteCount = Number(process.argv[2] ?? 1_000_000);
const longMilliseconds = 3_600_000;
/** A tick of the CPU times that Linux shows of processes. */
const millisecondsOfTick = 10;

/** A kind of search, with a variable part so that no two are the same. */
interface SearchKind {
  readonly name: string;
  readonly as: "specialist" | "customer";
  readonly query: (turn: number) => string;
  readonly filter?: Readonly<Record<string, unknown>>;
  /** Whether a correction is asked for as well. Such searches do not count among all. */
  readonly suggests?: true;
}

const misspelt = ["tenht", "needel", "seldmo"] as const;

const kinds: readonly SearchKind[] = [
  { name: "a word of one note in 10", as: "specialist", query: () => "tenth" },
  { name: "a word of nearly every note", as: "specialist", query: () => "w1" },
  { name: "a word of one note in 333", as: "specialist", query: () => "seldom" },
  { name: "a word of 10 notes", as: "specialist", query: () => "needle" },
  { name: "a word of no note", as: "specialist", query: (turn) => `absent${turn}` },
  { name: "random words of any frequency", as: "specialist", query: (turn) => `w${(turn * 7919) % 30_000}` },
  { name: "two random common words", as: "specialist", query: (turn) => `w${2 + (turn % 50)} w${60 + (turn % 40)}` },
  { name: "a common and a rare word", as: "specialist", query: () => "tenth needle" },
  { name: "a phrase of common words", as: "specialist", query: () => '"w1 w2"' },
  { name: "a phrase that is rare, of common words", as: "specialist", query: () => '"w9 w7 w8 w6"' },
  { name: "a prefix of every word", as: "specialist", query: () => "w*" },
  { name: "a prefix", as: "specialist", query: (turn) => `w${10 + turn}*` },
  { name: "16 words", as: "specialist", query: () => Array.from({ length: 16 }, (_, index) => `w${index + 1}`).join(" ") },
  { name: "a word, without another", as: "specialist", query: () => "tenth -w1" },
  { name: "a common word, internal notes", as: "specialist", query: () => "tenth", filter: { isPublic: false } },
  { name: "a common word, a medium of no note", as: "specialist", query: () => "tenth", filter: { medium: ["EMAIL"] } },
  { name: "a common word, of a customer", as: "customer", query: () => "tenth" },
  { name: "a word of nearly every note, of a customer", as: "customer", query: () => "w1" },
  { name: "a word of one note in 333, of a customer", as: "customer", query: () => "seldom" },
  { name: "a misspelt word, with its correction", as: "specialist", query: misspeltAt, suggests: true },
  { name: "a misspelt word, with its correction, of a customer", as: "customer", query: misspeltAt, suggests: true },
];

const document = `query ($query: String!, $filter: NoteFilter, $suggests: Boolean!) {
  searchNotes(query: $query, filter: $filter, first: 25) {
    suggestion @include(if: $suggests)
    isPartial edges { cursor score highlights { text isMatch } node { id text createdAt author { name } ticket { subject } } } pageInfo { endCursor hasNextPage }
  }
}`;

function misspeltAt(turn: number): string {
  return misspelt[turn % misspelt.length] ?? misspelt[0];
}

const server = await startServer("search");
const limits = { connectMilliseconds: 5_000, statementMilliseconds: longMilliseconds, answerMilliseconds: longMilliseconds };
const log = { warn: (details: object, message: string) => console.warn(message, details) };
const database = await openDatabase({ kind: "postgresql", url: server.url }, log, limits);
try {
  const seconds = await prepare(database);
  const lines = await measure(database);
  const sizes = await sizesOf(server.url);
  const judged = await judge();
  const text = `${[
    "# Search",
    "",
    `${noteCount.toLocaleString("en")} notes of one account with 30 to 49 random words each, whose frequencies follow Zipf's law, on PostgreSQL ${await versionOf(server.url)}, Node.js ${process.version}. One connection asks the gateway ${repetitions} times for 25 notes with their excerpts, authors and tickets. The load average of the machine was ${loadavg()[0]?.toFixed(1)}: above the number of its cores, the times are those of waiting for a core too, and the CPU time says what a search costs. \`npm run bench:search\` writes this file.`,
    "",
    "| search | found | partial | median ms | p95 ms | CPU ms of PostgreSQL |",
    "| --- | ---: | --- | ---: | ---: | ---: |",
    ...lines,
    "",
    `The migrations took ${seconds.toFixed(0)} s to read the notes. ${sizes}`,
    "",
    judged,
  ].join("\n")}\n`;
  writeFileSync(new URL("search.md", import.meta.url), text);
  console.log(text);
} finally {
  await database.close();
  await server.stop();
}

/** Fills the database, and returns how many seconds the migrations of the search took then. */
async function prepare(filled: Database): Promise<number> {
  const migrations = await readMigrations();
  await migrate(filled, { migrations: migrations.filter(({ name }) => name < firstOfSearch) });
  await fill(server.url);
  const begun = performance.now();
  await migrate(filled);
  const seconds = (performance.now() - begun) / 1000;
  await filled.pool.query("VACUUM (ANALYZE)");
  return seconds;
}

/** Adds one account with a specialist, 400 customers, 50,000 tickets and their notes. */
async function fill(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const account = uuidv7();
  const person = "('00000000-0000-7000-8000-' || lpad((i)::text, 12, '0'))::uuid";
  const ticket = (number: string) => `('00000000-0000-7000-9000-' || lpad((${number})::text, 12, '0'))::uuid`;
  const requester = (number: string) => `('00000000-0000-7000-8000-' || lpad((1 + (${number}) % 400)::text, 12, '0'))::uuid`;
  await client.query(`
    SET synchronous_commit = off;
    INSERT INTO accounts (id, slug, name, created_at) VALUES ('${account}', 'search', 'Search', now());
    INSERT INTO people (id, account_id, name, email, created_at)
      SELECT ${person}, '${account}', 'Person ' || i, 'person' || i || '@example.com', now() FROM generate_series(1, 401) i;
    INSERT INTO memberships (account_id, person_id, role, created_at)
      SELECT '${account}', id, (CASE WHEN number = 401 THEN 'SPECIALIST' ELSE 'CUSTOMER' END)::"Role", now() FROM people;
    SET session_replication_role = replica;
    INSERT INTO tickets (id, account_id, kind, status, subject, requester_id, created_at, updated_at)
      SELECT ${ticket("i")}, '${account}', 'REQUEST', 'PENDING', 'Ticket ' || i, ${requester("i")}, now(), now() FROM generate_series(0, 49999) i;
    INSERT INTO notes (id, account_id, ticket_id, requester_id, author_number, text, is_public, categories, medium, created_at)
      SELECT gen_random_uuid(), '${account}', ${ticket("i % 50000")}, ${requester("i % 50000")}, 401, (
          SELECT string_agg(CASE WHEN r < 0.0026 THEN 'tenth' ELSE 'w' || floor(power(30000, random()))::integer END, ' ')
          FROM (SELECT random() AS r FROM generate_series(1, 30 + i % 20)) words
        ) || CASE WHEN i % (${noteCount} / 10) = 7 THEN ' needle' ELSE '' END || CASE WHEN i % 333 = 7 THEN ' seldom' ELSE '' END,
        i % 3 = 0, '{}', 'DEFAULT', timestamptz '2024-01-01' + i * interval '1 minute'
      FROM generate_series(1, ${noteCount}) i;
    SET session_replication_role = DEFAULT`);
  await client.end();
}

async function measure(filled: Database): Promise<readonly string[]> {
  const provisioning = createProvisioning({ database: filled, clock: systemClock, newId: () => uuidv7() });
  const { id: accountId } = await provisioning.accountBySlug("search");
  const keyOf = async (email: string, role: "SPECIALIST" | "CUSTOMER") => {
    const { person } = await provisioning.personByEmail("search", email);
    return (await provisioning.addApiKey({ accountId, personId: person.id, name: "bench", scopes: scopesOf(role) })).key;
  };
  const keys = {
    specialist: await keyOf("person401@example.com", "SPECIALIST"),
    customer: await keyOf("person1@example.com", "CUSTOMER"),
  };
  const gateway = await startGateway({ DATABASE_URL: server.url });
  const lines: string[] = [];
  const all: number[] = [];
  let allCpu = 0;
  for (const kind of kinds) {
    const { name, as, query } = kind;
    const times: number[] = [];
    let last: Answer["data"]["searchNotes"] | undefined;
    const before = await cpuMilliseconds(filled);
    for (let turn = 0; turn < repetitions; turn += 1) {
      const begun = performance.now();
      last = await ask(gateway.url, keys[as], query(turn), kind);
      times.push(performance.now() - begun);
    }
    const cpu = (await cpuMilliseconds(filled)) - before;
    if (!kind.suggests) {
      all.push(...times);
      allCpu += cpu;
    }
    const count = last?.pageInfo.hasNextPage === true ? "more than 25" : String(last?.edges.length);
    const found = kind.suggests ? `${count}; "${last?.suggestion ?? "none"}"` : count;
    lines.push(
      `| ${name} | ${found} | ${last?.isPartial === true ? "yes" : "no"} | ${at(times, 0.5)} | ${at(times, 0.95)} | ${(cpu / repetitions).toFixed(1)} |`,
    );
    console.log(lines.at(-1));
  }
  lines.push(`| **all of them** | | | ${at(all, 0.5)} | ${at(all, 0.95)} | ${(allCpu / all.length).toFixed(1)} |`);
  await gateway.stop();
  return lines;
}

/** Returns the CPU time of all sessions of the database so far, if the server is on this machine; otherwise NaN. */
async function cpuMilliseconds({ pool }: Database): Promise<number> {
  const { rows } = await pool.query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
  );
  const ticks = rows.map(({ pid }) => {
    try {
      // The name of the process, in brackets, may have spaces. The times are the fields 14 and 15.
      const [, , , , , , , , , , , , user, system] = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "0 ")
        .split(" ");
      return Number(user) + Number(system);
    } catch (error) {
      // Another machine, or no Linux: there is no such file.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
      return Number.NaN;
    }
  });
  return ticks.reduce((sum, one) => sum + one, 0) * millisecondsOfTick;
}

interface Answer {
  readonly data: {
    readonly searchNotes: {
      readonly suggestion?: string | null;
      readonly isPartial: boolean;
      readonly edges: readonly object[];
      readonly pageInfo: { readonly hasNextPage: boolean };
    };
  };
  readonly errors?: readonly object[];
}

async function ask(
  url: string,
  key: string,
  query: string,
  { filter, suggests = false }: Pick<SearchKind, "filter"> & { readonly suggests?: boolean },
): Promise<Answer["data"]["searchNotes"]> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": key },
    body: JSON.stringify({ query: document, variables: { query, filter, suggests } }),
  });
  const { data, errors } = (await response.json()) as Answer; // as the document asks
  if (errors) throw new Error(JSON.stringify(errors));
  return data.searchNotes;
}

function at(times: readonly number[], share: number): string {
  const sorted = times.toSorted((one, other) => one - other);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(1);
}

async function sizesOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ rows: number; keys: number; notes: number }>(
    `SELECT (pg_relation_size('search_documents') / 1e6)::integer AS rows, (pg_relation_size('search_documents_keys') / 1e6)::integer AS keys,
       (pg_relation_size('notes') / 1e6)::integer AS notes`,
  );
  await client.end();
  const [size] = rows;
  return `The documents take ${size?.rows} MB and their index ${size?.keys} MB, beside ${size?.notes} MB of notes.`;
}
