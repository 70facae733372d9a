// node test/faults/settings.ts [case …]
//
// Starts the gateway on databases with unusual settings. On each it must either work or end at once with one sentence
// and exit code 1. It works if the demo data loads, and notes that are written, changed and read through all three APIs
// have equal bytes and times.
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import {
  type Cluster,
  programDirectory,
  startCluster,
  unprivilegedDirectory,
  unprivilegedUser,
  until,
} from "./support/cluster.ts";
import { freePort } from "../support/free-port.ts";
import { type Gateway, startGateway } from "./support/gateway.ts";

interface Case {
  readonly name: string;
  /** Statements for the server before the start. `$database` stands for the database's name. */
  readonly statements?: readonly string[];
  /** The end of the URL. */
  readonly query?: string;
  /** The options of CREATE DATABASE. */
  readonly encoding?: string;
  /** The message of the start. If it is undefined, the start must succeed. */
  readonly refusal?: RegExp;
}

const set = (setting: string): readonly string[] => [`ALTER DATABASE $database SET ${setting}`];
const dateStyles = ["ISO, DMY", "ISO, YMD", "SQL, MDY", "SQL, DMY", "Postgres, MDY", "German"];
const timeZones = ["Pacific/Chatham", "America/St_Johns", "Asia/Kathmandu", "Europe/Amsterdam"];

const cases: readonly Case[] = [
  { name: "as it comes" },
  ...dateStyles.map((style) => ({ name: `DateStyle ${style}`, statements: set(`datestyle = '${style}'`) })),
  ...timeZones.map((zone) => ({ name: `TimeZone ${zone}`, statements: set(`timezone = '${zone}'`) })),
  { name: "IntervalStyle", statements: set("intervalstyle = 'iso_8601'") },
  { name: "search_path of another schema", statements: ["CREATE SCHEMA elsewhere", ...set("search_path = elsewhere")] },
  { name: "search_path of nothing", statements: set("search_path = ''") },
  { name: "?schema= that is not there", query: "?schema=notes" },
  { name: "?schema= beside another product's tables", query: "?schema=notes", statements: ["CREATE TABLE notes (other int)"] },
  { name: "client_encoding", statements: set("client_encoding = 'LATIN1'") },
  { name: "bytea_output", statements: set("bytea_output = 'escape'") },
  { name: "standard_conforming_strings", statements: set("standard_conforming_strings = off") },
  { name: "extra_float_digits", statements: set("extra_float_digits = -15") },
  { name: "transform_null_equals", statements: set("transform_null_equals = on") },
  { name: "array_nulls", statements: set("array_nulls = off") },
  { name: "statement_timeout 15 ms", statements: set("statement_timeout = 15") },
  { name: "lock_timeout 15 ms", statements: set("lock_timeout = 15") },
  { name: "idle_in_transaction_session_timeout 15 ms", statements: set("idle_in_transaction_session_timeout = 15") },
  { name: "serializable", statements: set("default_transaction_isolation = serializable") },
  { name: "repeatable read", statements: set("default_transaction_isolation = 'repeatable read'") },
  { name: "deferrable", statements: set("default_transaction_deferrable = on") },
  { name: "LATIN1", encoding: "LATIN1", refusal: /keeps text as LATIN1/ },
  { name: "SQL_ASCII", encoding: "SQL_ASCII", refusal: /keeps text as SQL_ASCII/ },
  { name: "read-only", statements: set("default_transaction_read_only = on"), refusal: /takes no writes/ },
  {
    name: "tables of something else",
    statements: ["CREATE TABLE other ()"],
    refusal: /is not empty: it holds the table other/,
  },
];

const root = resolve(import.meta.dirname, "../..");
const signingSecret = "a secret of more than thirty-two characters";
const text =
  "Ünïcödé — ß, 日本, 🎉, \\ and \\\\ and \\n, ' and '' and \", $1, %s, {\"a\": [1]}, NULL\n\tline two, 03.02.2026 04:05:06";

const chosen = process.argv.slice(2);
const cluster = await startCluster(["wal_level = replica", "max_wal_senders = 4"]);
const failed: string[] = [];
let worked = 0;
let refused = 0;
try {
  for (const [index, one] of cases.entries()) {
    if (chosen.length === 0 || chosen.includes(one.name)) await report(one.name, () => tryCase(one, `case_${index}`));
  }
  if (chosen.length === 0 || chosen.includes("standby")) await report("standby", tryStandby);
} finally {
  await cluster.remove();
}
console.log(`${worked} settings work, ${refused} are refused in one sentence, ${failed.length} fail`);
if (failed.length > 0) {
  console.log(`FAILED: ${failed.join("; ")}`);
  process.exitCode = 1;
}

/** Prints the result of one case. After a failure the other cases continue. */
async function report(name: string, work: () => Promise<string>): Promise<void> {
  const began = performance.now();
  try {
    const outcome = await work();
    console.log(`${name}: ${outcome} (${Math.round(performance.now() - began)} ms)`);
  } catch (error) {
    failed.push(name);
    console.log(`${name}: FAILED: ${errorLines(error)}`);
  }
}

/**
 * Returns the informative lines of an error. A process that crashes also prints the source around the error, which may
 * be a line of a megabyte.
 */
function errorLines(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).split("\n");
  const telling = lines.filter((line) => /error|not|does|said|is/i.test(line) && line.length < 500);
  return telling.slice(0, 4).join(" / ");
}

async function tryCase({ statements = [], query = "", encoding = "UTF8", refusal }: Case, database: string): Promise<string> {
  await cluster.query("postgres", `CREATE DATABASE ${database} ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`);
  for (const statement of statements) await cluster.query(database, statement.replaceAll("$database", database));
  const url = cluster.url(database) + query;
  if (refusal !== undefined) return requireRefusal(url, refusal);
  const dataDirectory = mkdtempSync(join(tmpdir(), "gateway-settings-"));
  const environment = { DATABASE_URL: url, SIGNING_SECRET: signingSecret };
  try {
    await runScript("load-demo.ts", { ...environment, DATA_DIR: dataDirectory });
    // Starts again on the existing database. A start that misread its own history would refuse.
    await runScript("migrate.ts", { ...environment, DATA_DIR: dataDirectory });
    const gateway = await startGateway({ environment, dataDirectory });
    try {
      const count = await writeAndRead(gateway, database, query === "" ? "public" : "notes");
      worked += 1;
      return `works, ${count} notes written, changed and read back over three APIs`;
    } finally {
      await gateway.stop();
    }
  } finally {
    rmSync(dataDirectory, { recursive: true, force: true });
    await cluster.query("postgres", `DROP DATABASE ${database} WITH (FORCE)`);
  }
}

async function runScript(script: string, environment: Record<string, string>): Promise<void> {
  await promisify(execFile)(process.execPath, [join(root, "src", script)], { env: { ...process.env, ...environment } });
}

/** Starts the gateway, which must end with one line on standard error that matches `refusal`. Returns that line. */
async function requireRefusal(url: string, refusal: RegExp): Promise<string> {
  const dataDirectory = mkdtempSync(join(tmpdir(), "gateway-settings-"));
  const outcome: unknown = await promisify(execFile)(process.execPath, [join(root, "src/main.ts")], {
    env: { ...process.env, DATABASE_URL: url, SIGNING_SECRET: signingSecret, DATA_DIR: dataDirectory, PORT: "0" },
    timeout: 90_000,
  }).catch((error: unknown) => error);
  rmSync(dataDirectory, { recursive: true, force: true });
  // execFile resolves and rejects with such an object.
  const { code, stdout, stderr } = outcome as { code?: unknown; stdout: string; stderr: string };
  if (code !== 1) throw new Error(`it did not end with exit code 1 but with ${String(code)}: ${stdout}${stderr}`);
  const lines = `${stdout}${stderr}`.trim().split("\n");
  if (lines.length !== 1 || !refusal.test(lines[0] ?? "")) throw new Error(`it said something else: ${lines.join("\n")}`);
  refused += 1;
  return `refused: ${lines[0]}`;
}

interface Row {
  readonly uuid: string;
  readonly number: number;
  readonly text: string;
  /** In milliseconds since 1970. */
  readonly created: number;
  readonly updated: number | null;
}

/** Writes a note through each API, changes it, reads it through each API and compares. Returns the number of notes. */
async function writeAndRead(gateway: Gateway, database: string, schema: string): Promise<number> {
  const began = Date.now();
  const ask = asker(gateway.url, gateway.demoKeys().specialist);
  const ticket = await someRequest(ask);
  const written = [
    await addByGraphql(ask, ticket.uuid),
    await addByV2(ask, ticket.uuid),
    await addByV1(ask, ticket.number, database, schema),
  ];
  for (const uuid of written) {
    const { status } = await ask("PUT", `/v2/tickets/notes/${uuid}`, { ticket_id: ticket.uuid, value: `${text} changed` });
    requireEqual("the status of a change", status, 200);
    const row = await rowOf(database, schema, uuid);
    requireEqual("the text in the database", row.text, `${text} changed`);
    if (row.created < began - 1_000 || row.created > Date.now() + 1_000)
      throw new Error(`the note was made at ${new Date(row.created).toISOString()}, it is said`);
    await requireSameByGraphql(ask, row);
    await requireSameByV1(ask, row);
    await requireSameByV2(ask, row);
  }
  return written.length;
}

type Ask = (
  method: string,
  path: string,
  body?: unknown,
) => Promise<{ status: number; headers: Headers; json: Record<string, unknown> }>;

function asker(url: string, key: string): Ask {
  return async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answered = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${answered}`);
    const { status, headers } = response;
    // Each API returns an object here.
    return { status, headers, json: JSON.parse(answered) as Record<string, unknown> };
  };
}

async function askGraphql<Data>(ask: Ask, query: string, variables: object): Promise<Data> {
  const { json } = await ask("POST", "/graphql", { query, variables });
  if (json["errors"] !== undefined) throw new Error(`GraphQL answered ${JSON.stringify(json["errors"])}`);
  return json["data"] as Data; // as the query asks
}

async function someRequest(ask: Ask): Promise<{ uuid: string; number: number }> {
  interface Found {
    tickets: { nodes: { uuid: string; number: number; kind: string }[] };
  }
  const { tickets } = await askGraphql<Found>(ask, "{ tickets(first: 50) { nodes { uuid number kind } } }", {});
  const ticket = tickets.nodes.find(({ kind }) => kind === "REQUEST");
  if (ticket === undefined) throw new Error("the demo data has no request");
  return ticket;
}

async function addByGraphql(ask: Ask, ticketId: string): Promise<string> {
  const mutation = "mutation ($input: AddNoteInput!) { addNote(input: $input) { ... on AddNotePayload { note { uuid } } } }";
  const { addNote } = await askGraphql<{ addNote: { note: { uuid: string } } }>(ask, mutation, { input: { ticketId, text } });
  return addNote.note.uuid;
}

async function addByV2(ask: Ask, ticketId: string): Promise<string> {
  const { status, json } = await ask("POST", "/v2/tickets/notes", { ticket_id: ticketId, value: text });
  requireEqual("the status of POST /v2/tickets/notes", status, 201);
  return String(json["id"]);
}

async function addByV1(ask: Ask, ticket: number, database: string, schema: string): Promise<string> {
  const { status, json } = await ask("POST", `/v1/requests/${ticket}/notes`, { text });
  requireEqual("the status of POST /v1/requests/…/notes", status, 201);
  const rows = await rowsOf<{ id: string }>(database, `SELECT id FROM ${schema}.notes WHERE number = $1`, [json["id"]]);
  return rows[0]?.id ?? "";
}

/** Returns the row of a note, in formats that no setting changes. */
async function rowOf(database: string, schema: string, uuid: string): Promise<Row> {
  const rows = await rowsOf<Row>(
    database,
    `SELECT id AS uuid, number, text, (extract(epoch FROM created_at) * 1000)::float8 AS created,
       (extract(epoch FROM updated_at) * 1000)::float8 AS updated
     FROM ${schema}.notes WHERE id = $1`,
    [uuid],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`there is no note ${uuid}`);
  return row;
}

async function rowsOf<Result extends pg.QueryResultRow>(
  database: string,
  statement: string,
  parameters: unknown[],
): Promise<Result[]> {
  const client = new pg.Client({
    connectionString: cluster.url(database),
    options: "-c statement_timeout=0 -c extra_float_digits=1",
  });
  await client.connect();
  try {
    return (await client.query<Result>(statement, parameters)).rows;
  } finally {
    await client.end();
  }
}

async function requireSameByGraphql(ask: Ask, row: Row): Promise<void> {
  interface Found {
    note: { text: string; createdAt: string; updatedAt: string | null };
    notes: { nodes: { uuid: string }[] };
  }
  const document = `query ($id: ID!, $at: DateTime!) {
    note(id: $id) { text createdAt updatedAt }
    notes(first: 100, filter: { createdAt: { gte: $at, lte: $at } }) { nodes { uuid } }
  }`;
  const { note, notes } = await askGraphql<Found>(ask, document, { id: row.uuid, at: new Date(row.created).toISOString() });
  requireEqual("the text of GraphQL", note.text, row.text);
  requireEqual("createdAt", Date.parse(note.createdAt), row.created);
  requireEqual("updatedAt", note.updatedAt === null ? null : Date.parse(note.updatedAt), row.updated);
  requireEqual("the note among those of its instant", String(notes.nodes.some(({ uuid }) => uuid === row.uuid)), "true");
}

/** /v1 has whole seconds only. */
async function requireSameByV1(ask: Ask, row: Row): Promise<void> {
  const { json } = await ask("GET", `/v1/notes/${row.number}`);
  requireEqual("the text of /v1", json["text"], row.text);
  requireEqual("created_at of /v1", Date.parse(String(json["created_at"])), Math.floor(row.created / 1000) * 1000);
}

async function requireSameByV2(ask: Ask, row: Row): Promise<void> {
  const { json } = await ask("GET", `/v2/tickets/notes/${row.uuid}`);
  requireEqual("the value of /v2", json["value"], row.text);
  requireEqual("created_at of /v2", Date.parse(String(json["created_at"])), row.created);
  requireEqual(
    "updated_at of /v2",
    typeof json["updated_at"] === "string" ? Date.parse(json["updated_at"]) : null,
    row.updated,
  );
}

function requireEqual(what: string, found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`${what} is ${JSON.stringify(found)} and not ${JSON.stringify(wanted)}`);
}

/** Tries a standby that streams from the cluster, before and after its promotion. */
async function tryStandby(): Promise<string> {
  const database = "replicated";
  await cluster.query("postgres", `CREATE DATABASE ${database} ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0`);
  const standby = await startStandby(cluster);
  try {
    const url = `postgresql://postgres@127.0.0.1:${standby.port}/${database}`;
    await until(20_000, () => promisify(execFile)(join(programDirectory(), "psql"), [url, "-c", "SELECT 1"]));
    const whileEmpty = await requireRefusal(url, /is a standby, which takes no writes/);
    await runScript("migrate.ts", { DATABASE_URL: cluster.url(database), SIGNING_SECRET: signingSecret });
    await requireRefusal(url, /is a standby, which takes no writes/);
    refused -= 1; // These two starts tried one setting.
    return whileEmpty;
  } finally {
    await standby.remove();
  }
}

async function startStandby(primary: Cluster): Promise<{ port: number; remove(): Promise<void> }> {
  const directory = unprivilegedDirectory("gateway-standby-");
  const data = join(directory, "data");
  const port = await freePort();
  const from = ["-h", "127.0.0.1", "-p", String(primary.port), "-U", "postgres"];
  const run = { ...unprivilegedUser(), cwd: directory };
  execFileSync(join(programDirectory(), "pg_basebackup"), [...from, "-D", data, "-R", "-X", "stream", "-c", "fast"], {
    ...run,
    stdio: ["ignore", "ignore", "inherit"],
  });
  appendFileSync(join(data, "postgresql.conf"), `port = ${port}\nunix_socket_directories = '${directory}'\n`);
  const server = spawn(join(programDirectory(), "postgres"), ["-D", data], { ...run, stdio: "ignore" });
  return {
    port,
    async remove() {
      const exited = once(server, "exit");
      if (server.exitCode === null && server.signalCode === null) {
        server.kill("SIGQUIT");
        await exited;
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
