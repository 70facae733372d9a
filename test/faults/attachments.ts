// Two gateways on one database and one store. Clients request upload URLs and send several files to each of them at
// once through both gateways, while one or both are killed at any moment. After each of twenty rounds, every file that
// exists according to its row is read and compared with the row. At the end, after the sweep, the store has no object
// without a row.
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { createProvisioning } from "../../src/access/provisioning.ts";
import { checkStorage } from "../../src/attachments/storage-check.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { createFileStorage } from "../../src/storage/file-storage.ts";
import { createResponseBudget, usualMaximumBytes } from "../../src/lib/response-budget.ts";
import { createSigner } from "../../src/storage/signature.ts";
import { createServices } from "../../src/create-services.ts";
import { scopesOf } from "../../src/viewer.ts";
import { type Gateway, startGateway, raisedLimits } from "./support/gateway.ts";
import { createOwnDatabase } from "./support/own-database.ts";

const rounds = 20;
const clients = 8;
const notesCount = 12;
const takenBeforeKill = 10;
const day = 24 * 60 * 60 * 1000;
/** This script measures no times, so a start may take as long as it needs on a busy machine. */
const readyMilliseconds = 180_000;
const signingSecret = "a secret of the faults, of 32 characters or more";

const own = await createOwnDatabase("attachments");
const dataDirectory = mkdtempSync(join(tmpdir(), "gateway-faults-"));
const environment = {
  ...{ DATABASE_URL: own.url, SIGNING_SECRET: signingSecret, LOG_LEVEL: "error", DRAIN_MS: "0" },
  ...raisedLimits,
};
const database = await openDatabase({ kind: "postgresql", url: own.url }, { warn: () => undefined });
const gateways: Gateway[] = [];
let key = "";
let notes: readonly string[] = [];

const counts = { asked: 0, taken: 0, refused: 0, cut: 0, retried: 0, kills: 0 };
const failures: string[] = [];
let filesRead = 0;

/** A file that was sent to a URL, and the result. */
interface Sent {
  readonly url: string;
  readonly bytes: Buffer;
  readonly status: number | "cut";
}

try {
  // The first gateway applies the migrations.
  for (let count = 0; count < 2; count += 1) gateways.push(await start());
  ({ key, notes } = await prepare(database));
  for (let round = 0; round < rounds; round += 1) await playRound(round);
  await proveSwept();
} finally {
  for (const gateway of gateways) await gateway.stop("SIGKILL");
  await database.close();
  await own.drop();
  rmSync(dataDirectory, { recursive: true, force: true });
}

console.log(`rounds ${rounds}, gateways killed ${counts.kills}`);
console.log(
  `upload URLs ${counts.asked}; files sent to them: taken ${counts.taken}, refused ${counts.refused}, cut off ${counts.cut}`,
);
console.log(`sent again after a restart: ${counts.retried}`);
console.log(`READY files read and compared: ${filesRead}`);
console.log(`wrong: ${failures.length}`);
for (const failure of failures.slice(0, 20)) console.log(`  ${failure}`);
if (counts.taken < rounds * takenBeforeKill) failures.push("too few files were taken for this to prove anything");
if (counts.cut < rounds) failures.push("too few uploads were cut off for this to prove anything");
process.exit(failures.length === 0 ? 0 : 1);

function start(): Promise<Gateway> {
  return startGateway({ environment, dataDirectory, readyMilliseconds });
}

/** Adds an account with an API key, and notes to which files are attached. Returns the key and the notes. */
async function prepare({ prisma }: Database): Promise<{ key: string; notes: string[] }> {
  const provisioning = createProvisioning({ database, clock: systemClock, newId: () => uuidv7() });
  const account = await provisioning.addAccount({ slug: "faults", name: "Faults", timeZone: "UTC" });
  const person = await provisioning.addPerson({
    ...{ accountId: account.id, name: "Sam", email: "sam@example.com", role: "SPECIALIST" as const },
  });
  const scopes = scopesOf("SPECIALIST");
  const { key: secret } = await provisioning.addApiKey({ accountId: account.id, personId: person.id, name: "faults", scopes });
  const now = new Date();
  const ticket = await prisma.ticket.create({
    data: { id: uuidv7(), accountId: account.id, kind: "REQUEST", subject: "Files", createdAt: now, updatedAt: now },
  });
  const ids = Array.from({ length: notesCount }, () => uuidv7());
  await prisma.note.createMany({
    data: ids.map((id) => ({
      ...{
        id,
        accountId: account.id,
        ticketId: ticket.id,
        authorNumber: person.number,
        text: "Files",
        isPublic: true,
        categories: [],
      },
      createdAt: now,
    })),
  });
  return { key: secret, notes: ids };
}

async function playRound(round: number): Promise<void> {
  const state = { isOver: false };
  const work = Promise.all(Array.from({ length: clients }, (_, client) => upload(client, state)));
  // The kill waits for uploads, so that files are being sent in every round even on a slow machine.
  const enough = counts.taken + takenBeforeKill;
  while (counts.taken < enough) await pause(5);
  await pause(Math.random() * 250);
  const victims = round % 5 === 4 ? [0, 1] : [round % 2];
  await Promise.all(victims.map(async (index) => gateways[index]?.stop("SIGKILL")));
  counts.kills += victims.length;
  state.isOver = true;
  const sent = (await work).flat();
  await Promise.all(
    victims.map(async (index) => {
      gateways[index] = await start();
    }),
  );
  await sendAgain(sent);
  await proveReady(round, sent);
}

/**
 * Runs one client, which repeats these steps until the round is over: it requests a URL and sends one to three files to
 * it at once through either gateway.
 */
async function upload(client: number, state: { readonly isOver: boolean }): Promise<Sent[]> {
  const sent: Sent[] = [];
  while (!state.isOver) {
    const noteId = notes[Math.floor(Math.random() * notes.length)];
    // There are few names, so that files are often replaced.
    const answer = await ask("/v2/tickets/note-attachments", { note_id: noteId, filename: `${client % 4}.bin` });
    if (answer === "cut") continue;
    counts.asked += 1;
    const { signed_url: url } = answer as { signed_url: string }; // the contract of /v2
    const files = Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () =>
      randomBytes(1 + Math.floor(Math.random() * 150_000)),
    );
    sent.push(...(await Promise.all(files.map((bytes) => put(url, bytes)))));
  }
  return sent;
}

function anyGateway(): Gateway {
  const gateway = gateways[Math.floor(Math.random() * gateways.length)];
  if (!gateway) throw new Error("There are two gateways.");
  return gateway;
}

async function ask(path: string, body: object): Promise<unknown> {
  try {
    const response = await fetch(`${anyGateway().url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": key },
      body: JSON.stringify(body),
    });
    if (response.status !== 200) failures.push(`POST ${path}: ${response.status} ${await response.text()}`);
    return response.ok ? await response.json() : "cut";
  } catch (error) {
    return cutOff(error);
  }
}

async function put(url: string, bytes: Buffer<ArrayBuffer>): Promise<Sent> {
  const { pathname, search } = new URL(url);
  const address = `${anyGateway().url}${pathname}${search}`;
  try {
    const headers = { "content-type": "application/octet-stream" };
    const { status } = await fetch(address, { method: "PUT", headers, body: bytes });
    if (status === 200) counts.taken += 1;
    else if (status === 403) counts.refused += 1;
    else failures.push(`PUT: ${status}`);
    return { url, bytes, status };
  } catch (error) {
    counts.cut += 1;
    return { url, bytes, status: cutOff(error) };
  }
}

/** Returns "cut" for the error of a refused or reset connection, as of a dead process. Throws all other errors. */
function cutOff(error: unknown): "cut" {
  if (error instanceof TypeError) return "cut";
  throw error;
}

/** Sends interrupted files again, as a client does. They are accepted if no other file was sent to their URL. */
async function sendAgain(sent: readonly Sent[]): Promise<void> {
  for (const files of Map.groupBy(sent, ({ url }) => url).values()) {
    const [only] = files;
    if (files.length !== 1 || only?.status !== "cut") continue;
    counts.retried += 1;
    const { status } = await put(only.url, Buffer.from(only.bytes));
    if (status !== 200) failures.push(`A file that was sent again was answered ${status}`);
  }
}

/** Reads every file that exists according to its row: twelve notes with four names are one page. */
async function proveReady(round: number, sent: readonly Sent[]): Promise<void> {
  for (const files of Map.groupBy(sent, ({ url }) => url).values()) {
    const taken = files.filter(({ status }) => status === 200);
    if (taken.length > 1) failures.push(`round ${round}: ${taken.length} files were taken by one URL`);
  }
  const rows = new Map((await database.prisma.attachment.findMany()).map((row) => [row.id, row]));
  const response = await fetch(`${anyGateway().url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": key },
    body: JSON.stringify({
      query:
        "{ notes(first: 12) { nodes { attachments(first: 10) { nodes { id filename state size contentType download { url } } } } } }",
    }),
  });
  const { data } = (await response.json()) as { data: { notes: { nodes: { attachments: { nodes: Shown[] } }[] } } };
  for (const shown of data.notes.nodes.flatMap(({ attachments }) => attachments.nodes)) {
    if (shown.state !== "READY" || shown.download === null) continue;
    filesRead += 1;
    const file = await fetch(shown.download.url);
    const bytes = Buffer.from(await file.arrayBuffer());
    const row = rows.get(atob(shown.id).slice("Attachment:".length));
    const actual = [
      file.status,
      bytes.length,
      file.headers.get("content-length"),
      file.headers.get("content-type"),
      sha256(bytes),
    ];
    const said = [200, shown.size, String(shown.size), shown.contentType, row?.sha256];
    if (JSON.stringify(actual) !== JSON.stringify(said))
      failures.push(`round ${round}: said ${said.join(" ")}, is ${actual.join(" ")}`);
  }
}

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly size: number | null;
  readonly contentType: string;
  readonly download: { readonly url: string } | null;
}

/**
 * Requires that a day later, after the sweep and the removal of replaced files, the store has exactly the objects of
 * the rows.
 */
async function proveSwept(): Promise<void> {
  const directory = join(dataDirectory, "files");
  const objects = () =>
    readdirSync(join(directory, "objects"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(join(directory, "objects"), join(entry.parentPath, entry.name)).replace(/[.]object$/, ""));
  const withoutRow = async () => {
    const known = new Set((await database.prisma.attachment.findMany()).map(({ storageKey }) => storageKey));
    return objects().filter((name) => !known.has(name)).length;
  };
  const before = await withoutRow();
  const clock = () => new Date(Date.now() + day + 60 * 60 * 1000);
  const maximumBytes = 100_000_000;
  const storage = await createFileStorage({
    ...{ directory, publicUrl: "http://127.0.0.1", signer: createSigner(signingSecret, "files"), clock, maximumBytes },
  });
  const { uploads } = createServices({
    ...{
      database,
      storage,
      clock,
      newId: () => uuidv7(),
      deletedRetentionDays: 30,
      uploadSigner: createSigner(signingSecret, "uploads"),
    },
    maximumUploadBytes: maximumBytes,
    mailTrust: { authservId: undefined, senders: [] },
    budget: createResponseBudget({ maximumBytes: usualMaximumBytes }),
    onBackgroundError: (error) => {
      throw error;
    },
  });
  const checked = await checkStorage({ database, storage, clock, fix: false, report: (line) => void failures.push(line) });
  await database.pool.query("UPDATE discarded_objects SET discarded_at = now() WHERE discarded_at > now()");
  await uploads.sweep();
  const after = await withoutRow();
  const again = await checkStorage({ database, storage, clock, fix: false, report: (line) => void failures.push(line) });
  await storage.close();
  const drafts = readdirSync(join(directory, "incoming"), { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.endsWith(".lock"),
  ).length;
  console.log(`storage:check before the sweep: ${checked.rows} rows, ${checked.objects} objects, sound: ${checked.isSound}`);
  console.log(`objects that no attachment has: ${before} before the sweep, ${after} after it`);
  console.log(`storage:check after the sweep: ${again.rows} rows, ${again.objects} objects, sound: ${again.isSound}`);
  console.log(`drafts of killed processes that are left: ${drafts}`);
  if (after > 0) failures.push(`${after} objects have no row after the sweep`);
  if (drafts > 0) failures.push(`${drafts} drafts are left`);
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
