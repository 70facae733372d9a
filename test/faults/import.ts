// node test/faults/import.ts [--notes 100000]
//
// Imports a generated folder and kills the import five times with SIGKILL. What is there in the end must be what the
// folder says, once: by an export, by the tables of an import that nobody killed, by the bytes in the store, and by
// thousands of reads of both REST APIs and every note of GraphQL. Prints how many notes a second were imported, and the
// processor time of each.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { createProvisioning } from "../../src/access/provisioning.ts";
import { checkStorage } from "../../src/attachments/storage-check.ts";
import { openDatabase } from "../../src/database/database.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createFileStorage } from "../../src/storage/file-storage.ts";
import { createSigner } from "../../src/storage/signature.ts";
import { scopesOf } from "../../src/viewer.ts";
import { linesOfFolder, writeLegacyFolder } from "../support/legacy-folder.ts";
import { createFigures } from "./support/figures.ts";
import { type Gateway, raisedLimits, startGateway } from "./support/gateway.ts";
import { createOwnDatabase, type OwnDatabase } from "./support/own-database.ts";

const { values } = parseArgs({ options: { notes: { type: "string", default: "100000" } } });
const noteCount = Number(values.notes);
const notesPerFile = 50;
const kills = 5;
const readCount = 5000;
const slug = "moved";
const root = resolve(import.meta.dirname, "../..");
const signingSecret = "a secret of the faults, of 32 characters or more";
const figures = createFigures();

/** The columns that do not depend on when a row was imported. */
const facts: Readonly<Record<string, string>> = {
  notes:
    "id, number, account_id, ticket_id, requester_id, author_number, text, is_public, categories, medium, created_at, updated_at",
  tickets: "id, number, account_id, kind, status, subject, requester_id, created_at, updated_at",
  people: "id, number, account_id, name, email",
  attachments: "id, number, note_id, filename, content_type, inline, state, size, sha256, key, created_at",
  note_counts: "ticket_id, public_notes, internal_notes, last_note_at, last_public_note_at, requester_id",
  search_documents: "id, ticket_id, number, is_public, requester_id, document",
  inbound_emails: "number, note_id, note_number, ticket_id, subject, received_at",
};

interface Target {
  readonly database: OwnDatabase;
  readonly environment: Readonly<Record<string, string>>;
  readonly dataDirectory: string;
}

const directory = mkdtempSync(join(tmpdir(), "faults-import-"));
const folder = join(directory, "folder");
await writeLegacyFolder({ directory: folder, slug, people: 200, tickets: noteCount / 20, notes: noteCount, notesPerFile });
const source = linesOfFolder(folder);
const targets: Target[] = [];
try {
  const whole = await createTarget("whole");
  const killed = await createTarget("killed");
  await importWhole(whole);
  await importKilled(killed);
  await compareTables(whole, killed);
  await compareExport(killed);
  await importAgain(killed);
  await checkBytes(killed);
  await compareReads(whole, killed);
} finally {
  for (const { database } of targets) await database.drop();
  rmSync(directory, { recursive: true, force: true });
}
figures.conclude();

async function createTarget(name: string): Promise<Target> {
  const database = await createOwnDatabase(`import_${name}`);
  const dataDirectory = join(directory, name);
  mkdirSync(dataDirectory);
  const environment = { DATABASE_URL: database.url, SIGNING_SECRET: signingSecret, DATA_DIR: dataDirectory };
  const target = { database, environment, dataDirectory };
  targets.push(target);
  await end(start(target, "migrate.ts"));
  return target;
}

function start({ environment, dataDirectory }: Target, program: string, ...given: readonly string[]): ChildProcess {
  return spawn(process.execPath, [join(root, "src", program), ...given], {
    cwd: dataDirectory,
    env: { PATH: process.env["PATH"], ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

function startImport(target: Target): ChildProcess {
  return start(target, "import-data.ts", "--from", "v1", "--files", folder);
}

/** Returns what a program has printed. Throws an `Error` if it has failed. */
async function end(child: ChildProcess): Promise<string> {
  let out = "";
  child.stdout?.on("data", (chunk: Buffer) => (out += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null]; // null if a signal has ended it
  if (code !== 0) throw new Error(`A program ended with ${code}: ${out}`);
  return out;
}

async function ask<Row extends pg.QueryResultRow>({ database }: Target, statement: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end();
  }
}

async function countOf(target: Target): Promise<number> {
  const [counted] = await ask<{ n: number }>(target, "SELECT count(*)::integer AS n FROM notes");
  return counted?.n ?? 0;
}

async function importWhole(target: Target): Promise<void> {
  const child = startImport(target);
  const ended = end(child);
  let [began, backends] = [0, 0];
  const processor = new Map<string, number>();
  const state = { isOver: false };
  const over = () => (state.isOver = true);
  ended.then(over, over);
  while (!state.isOver) {
    if (began === 0 && (await countOf(target)) > 0) began = performance.now();
    for (const { pid } of await backendsOf(target))
      processor.set(`${pid}`, processorSecondsOf(pid) ?? processor.get(`${pid}`) ?? 0);
    if (child.pid !== undefined) processor.set("client", processorSecondsOf(child.pid) ?? processor.get("client") ?? 0);
    await pause(200);
  }
  await ended;
  const seconds = (performance.now() - began) / 1000;
  for (const [name, used] of processor) if (name !== "client") backends += used;
  const perNote = (used: number) => `${Math.round((used / noteCount) * 1e6)} µs`;
  figures.report("notes", noteCount);
  figures.report("files", noteCount / notesPerFile);
  figures.report("notes a second, with their files, search, history and audit", Math.round(noteCount / seconds));
  figures.report("processor time of a note: PostgreSQL", perNote(backends));
  figures.report("processor time of a note: the import", perNote(processor.get("client") ?? 0));
  figures.report("load average of the machine meanwhile", loadavg()[0]?.toFixed(1) ?? "");
  figures.report("notes imported without a kill", await countOf(target), (await countOf(target)) === noteCount);
}

function backendsOf(target: Target): Promise<{ pid: number }[]> {
  const own = "datname = current_database() AND pid <> pg_backend_pid()";
  return ask(target, `SELECT pid FROM pg_stat_activity WHERE ${own}`);
}

/** Returns the processor time that a process of this machine has used, or undefined if it has ended. */
function processorSecondsOf(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    // ENOENT: it has ended.
    return undefined;
  }
}

async function importKilled(target: Target): Promise<void> {
  const moments: number[] = [];
  for (let kill = 1; kill <= kills; kill += 1) {
    const child = startImport(target);
    const closed = once(child, "close");
    while ((await countOf(target)) < (noteCount * (kill - 0.5)) / kills && child.exitCode === null) await pause(20);
    child.kill("SIGKILL");
    await closed;
    moments.push(await countOf(target));
  }
  const isMidway = moments.every((count) => count > 0 && count < noteCount);
  figures.report(`notes there after each of ${kills} kills`, moments.join(", "), isMidway);
  const out = await end(startImport(target));
  figures.report("notes imported with the kills", await countOf(target), (await countOf(target)) === noteCount);
  figures.require(!/^note .* [1-9]\d*$/m.test(out), `the last run has rejected notes: ${out}`);
}

async function compareTables(whole: Target, killed: Target): Promise<void> {
  for (const [table, columns] of Object.entries(facts)) {
    const statement = `SELECT count(*)::integer AS n, md5(string_agg(r, E'\\n' ORDER BY r)) AS digest FROM (SELECT ROW(${columns})::text AS r FROM ${table}) rows`;
    const [one] = await ask<{ n: number; digest: string }>(whole, statement);
    const [other] = await ask<{ n: number; digest: string }>(killed, statement);
    figures.report(`rows of ${table} alike in both`, other?.n ?? 0, one?.digest === other?.digest && one?.n === other?.n);
  }
  const [events] = await ask<{ n: number; ids: number; bytes: number }>(
    killed,
    `SELECT count(*)::integer AS n, count(DISTINCT entity_id)::integer AS ids,
      (SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'audit_events'::regclass)::bigint / count(*) AS bytes
    FROM audit_events WHERE entity = 'NOTE'`,
  );
  figures.report("audit events of notes, one for each", events?.n ?? 0, events?.n === noteCount && events.ids === noteCount);
  figures.report("bytes of an audit event with its indexes", events?.bytes ?? 0);
}

async function compareExport(target: Target): Promise<void> {
  const exported = join(directory, "exported");
  await end(start(target, "export-data.ts", "--account", slug, "--to", exported));
  const lines = linesOfFolder(exported);
  const differing = lines.filter((line, index) => line !== source[index]).length;
  figures.report(
    "records of an export that differ from the source",
    differing,
    differing === 0 && lines.length === source.length,
  );
}

async function importAgain(target: Target): Promise<void> {
  const state = async () => {
    const statement = `SELECT (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables)::bigint AS changes,
      (SELECT sum(last_value) FROM pg_sequences)::bigint AS numbers, (SELECT count(*) FROM audit_events)::bigint AS events`;
    return JSON.stringify(await ask(target, statement));
  };
  // Statistics are reported a moment after the sessions end.
  await pause(3000);
  const before = await state();
  await end(startImport(target));
  await pause(3000);
  figures.report("a second run changes nothing", before === (await state()) ? "yes" : "no", before === (await state()));
}

async function checkBytes({ database, dataDirectory }: Target): Promise<void> {
  const opened = await openDatabase({ kind: "postgresql", url: database.url }, { warn: () => undefined });
  const storage = await createFileStorage({
    ...{ directory: join(dataDirectory, "files"), publicUrl: "http://127.0.0.1:1", clock: systemClock },
    ...{ signer: createSigner(signingSecret, "files"), maximumBytes: 1e9 },
  });
  // Two hours later also the youngest objects are looked at.
  const clock = () => new Date(Date.now() + 2 * 60 * 60 * 1000);
  const report = (line: string) => console.log(line);
  const { rows, objects, isSound } = await checkStorage({ database: opened, storage, clock, fix: false, report });
  figures.report("files with their bytes, and no bytes besides", rows, isSound && rows === objects);
  await storage.close();
  await opened.close();
}

async function keyOf({ database }: Target): Promise<string> {
  const opened = await openDatabase({ kind: "postgresql", url: database.url }, { warn: () => undefined });
  try {
    const provisioning = createProvisioning({ database: opened, clock: systemClock, newId: () => uuidv7() });
    const { person, account } = await provisioning.personByEmail(slug, `person4@${slug}.example`);
    const scopes = scopesOf("ADMINISTRATOR");
    return (await provisioning.addApiKey({ accountId: account.id, personId: person.id, name: "faults", scopes })).key;
  } finally {
    await opened.close();
  }
}

async function compareReads(whole: Target, killed: Target): Promise<void> {
  const gateways: Gateway[] = [];
  try {
    for (const { environment, dataDirectory } of [whole, killed])
      gateways.push(
        await startGateway({ environment: { ...environment, ...raisedLimits, LOG_LEVEL: "error" }, dataDirectory }),
      );
    const [there, here] = gateways;
    if (!there || !here) throw new Error("A gateway is missing.");
    const keys = [await keyOf(whole), await keyOf(killed)] as const;
    const readsPath = join(directory, "reads.txt");
    writeFileSync(readsPath, (await recordedReads(whole)).map((path) => `GET ${path}`).join("\n"));
    const given = ["--against", there.url, "--against-key", keys[0], "--url", here.url, "--key", keys[1], "--reads", readsPath];
    const alike = await outcome(start(killed, "compare-reads.ts", ...given));
    const isAlike = alike.code === 0 && alike.out.includes(`${readCount} reads compared, 0 with 0 unexplained differences.`);
    figures.report(`unexplained differences in ${readCount} reads`, isAlike ? 0 : alike.out.slice(0, 2000), isAlike);

    const digests = await Promise.all([graphqlDigest(there, keys[0]), graphqlDigest(here, keys[1])]);
    figures.report("notes of GraphQL alike in both", digests[1].split("\n").length, digests[0] === digests[1]);

    const planted = [100_100, 100_200, 100_300, 100_400, 100_500].filter((number) => number < 100_000 + noteCount);
    await ask(killed, `UPDATE notes SET text = 'planted ' || number WHERE number IN (${planted.join(", ")})`);
    const planting = await outcome(start(killed, "compare-reads.ts", ...given));
    const found = planted.filter((number) => planting.out.includes(`here "planted ${number}"`)).length;
    figures.report(
      `of ${planted.length} planted differences were found`,
      found,
      found === planted.length && planting.code === 1,
    );
  } finally {
    for (const gateway of gateways) await gateway.stop();
  }
}

async function outcome(child: ChildProcess): Promise<{ readonly code: number | null; readonly out: string }> {
  let out = "";
  child.stdout?.on("data", (chunk: Buffer) => (out += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null]; // as above
  return { code, out };
}

async function recordedReads(target: Target): Promise<string[]> {
  const notes = await ask<{ id: string; number: number; ticket_id: string }>(
    target,
    `SELECT id, number, ticket_id FROM notes WHERE number % ${Math.max(1, Math.floor(noteCount / 1000))} = 0 OR number % 100 = 0 ORDER BY number`,
  );
  const reads = notes.flatMap(({ id, number, ticket_id: ticket }) => [
    `/v1/notes/${number}`,
    `/v2/tickets/notes/${id}`,
    `/v2/tickets/note-attachments?note_id=${id}`,
    `/v2/tickets/notes?ticket_id=${ticket}&limit=30`,
    `/v1/notes?per_page=5&id=%3E${number}&sort=id`,
    `/v1/requests/${20_000 + (number % 1000) * 8}/notes?per_page=5`,
  ]);
  return [...reads, ...reads].slice(0, readCount);
}

/** Returns all notes as GraphQL shows them, without what is of the server: the URLs of files. */
async function graphqlDigest({ url }: Gateway, key: string): Promise<string> {
  const query = `query ($after: String) { notes(first: 100, after: $after, orderBy: { field: NUMBER, direction: ASC }) {
    pageInfo { hasNextPage endCursor }
    nodes { uuid number text isPublic medium createdAt updatedAt author { uuid number name } ticket { uuid number } attachments(first: 5) { nodes { filename size } } } } }`;
  const pages: string[] = [];
  for (let after: string | null = null; ;) {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": key },
      body: JSON.stringify({ query, variables: { after } }),
    });
    // The shape of the query above.
    const answer = (await response.json()) as {
      data?: { notes: { pageInfo: { hasNextPage: boolean; endCursor: string | null }; nodes: unknown[] } };
      errors?: unknown;
    };
    if (!answer.data) throw new Error(`GraphQL has answered ${JSON.stringify(answer.errors)}`);
    const { pageInfo, nodes } = answer.data.notes;
    pages.push(...nodes.map((node) => JSON.stringify(node)));
    after = pageInfo.endCursor;
    if (!pageInfo.hasNextPage) return pages.join("\n");
  }
}
