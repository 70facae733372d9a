// npm run bench:embedded          200,000 notes on the embedded database: its start, mixed load, memory, size on disk
// npm run bench:embedded -- 120   with 120 seconds of each load instead of 60
import { mkdtempSync, rmSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createProvisioning } from "../src/access/provisioning.ts";
import { type Database, openDatabase } from "../src/database/database.ts";
import { migrate } from "../src/database/migrations.ts";
import { type Role, scopesOf } from "../src/viewer.ts";
import { accountId, type DataSetSize, insertDataSet, personId, ticketId } from "./data-set.ts";
import { type GatewayProcess, startGateway } from "./gateway-process.ts";
import { type LoadKeys, startMixedLoad } from "./mixed-load.ts";

const size: DataSetSize = { tickets: 45, notesPerTicket: 4_444, attachments: 60_000, people: 500 };
const clients = 8;
/** How many notes are added and deleted again to see how the directory grows. */
const writtenNotes = 20_000;
/** Filling the database takes this long at most. */
const fillMilliseconds = 600_000;

/** A measured figure, and the value that it must reach or not exceed. */
interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

const seconds = Number(process.argv[2] ?? 60);
const directory = mkdtempSync(join(tmpdir(), "gateway-embedded-"));
const databaseDirectory = join(directory, "database");
const figures: Figure[] = [];
try {
  const keys = await fill();
  const filledBytes = await sizeOf(databaseDirectory);
  tell({ name: "directory after the load", value: megabytes(filledBytes), unit: "MB" });

  let gateway = await start("start");
  await load(gateway, keys, { isCounting: false, name: "mixed load without counts" });
  await load(gateway, keys, { isCounting: true, name: "mixed load" });
  await writeAndDelete(gateway, keys);
  await gateway.kill();

  gateway = await start("start after a crash");
  await gateway.stop();
  gateway = await start("start after a stop");
  const { highestRssBytes } = await gateway.vitals();
  tell({ name: "memory of a start, at most", value: megabytes(highestRssBytes), unit: "MB", atMost: 350 });
  await gateway.stop();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
const missed = figures.filter(({ value, atLeast = -Infinity, atMost = Infinity }) => value < atLeast || value > atMost);
if (missed.length > 0) {
  console.error(`Out of bounds: ${missed.map(({ name }) => name).join(", ")}.`);
  process.exitCode = 1;
}

/** Makes the data set, as a program does that loads it and ends, and returns API keys. */
async function fill(): Promise<LoadKeys> {
  const limits = { connectMilliseconds: 5_000, statementMilliseconds: fillMilliseconds, answerMilliseconds: fillMilliseconds };
  const log = { warn: (details: object, message: string) => console.warn(message, details) };
  const database = await openDatabase({ kind: "embedded", directory: databaseDirectory }, log, limits);
  try {
    await migrate(database);
    const client = await database.pool.connect();
    await insertDataSet(client, size);
    client.release();
    return await makeKeys(database);
  } finally {
    await database.close();
  }
}

async function makeKeys(database: Database): Promise<LoadKeys> {
  const provisioning = createProvisioning({ database, clock: () => new Date(), newId: () => crypto.randomUUID() });
  const keyOf = async (person: number, role: Role) => {
    const owner = { accountId, personId: personId(person) };
    await database.prisma.membership.update({ where: { accountId_personId: owner }, data: { role } });
    return (await provisioning.addApiKey({ ...owner, name: "bench", scopes: scopesOf(role) })).key;
  };
  return {
    admin: await keyOf(10, "ADMINISTRATOR"),
    specialist: await keyOf(5, "SPECIALIST"),
    customer: await keyOf(2, "CUSTOMER"),
  };
}

async function start(name: string): Promise<GatewayProcess> {
  const gateway = await startGateway({ DATA_DIR: directory });
  tell({ name, value: gateway.firstAnswerMilliseconds, unit: "ms", atMost: 3_000 });
  return gateway;
}

async function load(
  gateway: GatewayProcess,
  keys: LoadKeys,
  { isCounting, name }: { readonly isCounting: boolean; readonly name: string },
): Promise<void> {
  const end = performance.now() + seconds * 1_000;
  const { counts, longestMilliseconds, done } = await startMixedLoad({
    ...{ url: gateway.url, keys, clients, isCounting },
    isGoingOn: () => performance.now() < end,
  });
  await done;
  const answered = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const failed = [...counts].filter(([outcome]) => outcome.includes("answered"));
  const { highestRssBytes } = await gateway.vitals();
  tell({ name: `${name}: operations a second`, value: answered / seconds, unit: "", atLeast: 200 });
  tell({ name: `${name}: failed`, value: failed.reduce((sum, [, count]) => sum + count, 0), unit: "", atMost: 0 });
  tell({ name: `${name}: longest request`, value: Math.max(...longestMilliseconds.values()), unit: "ms" });
  tell({ name: `${name}: memory, at most`, value: megabytes(highestRssBytes), unit: "MB", atMost: 350 });
}

/** Adds notes and deletes them again, and watches the directory. */
async function writeAndDelete({ url }: GatewayProcess, { specialist }: LoadKeys): Promise<void> {
  const headers = { "x-api-key": specialist, "content-type": "application/json" };
  const before = await sizeOf(databaseDirectory);
  let largest = before;
  let written = 0;
  const work = async () => {
    while (written < writtenNotes) {
      written += 1;
      const body = JSON.stringify({
        ticket_id: ticketId(1 + (written % size.tickets)),
        value: `Written for the ${written}th time.`,
      });
      const added = await fetch(`${url}/v2/tickets/notes`, { method: "POST", headers, body });
      const { id } = (await added.json()) as { id: string }; // the contract of /v2
      const deleted = await fetch(`${url}/v2/tickets/notes/${id}`, { method: "DELETE", headers: { "x-api-key": specialist } });
      if (deleted.status !== 204) throw new Error(`A note could not be deleted: ${deleted.status}.`);
      if (written % 1_000 === 0) largest = Math.max(largest, await sizeOf(databaseDirectory));
    }
  };
  await Promise.all(Array.from({ length: clients }, work));
  const grown = megabytes(largest - before);
  tell({
    name: `growth of the directory in ${writtenNotes} writes and deletes, at most`,
    value: grown,
    unit: "MB",
    atMost: 128,
  });
  await wait(2_000);
  const wal = megabytes(await sizeOf(join(databaseDirectory, "pg_wal")));
  tell({ name: "write-ahead log afterwards", value: wal, unit: "MB", atMost: 96 });
}

/** Returns the bytes of the files below `path`. A file may vanish meanwhile. */
async function sizeOf(path: string): Promise<number> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        stat(join(entry.parentPath, entry.name)).then(
          ({ size: bytes }) => bytes,
          (_vanished: unknown) => 0,
        ),
      ),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

function tell(figure: Figure): void {
  const { name, value, unit, atLeast, atMost } = figure;
  figures.push(figure);
  const bound = [
    ...(atLeast === undefined ? [] : [`at least ${atLeast}`]),
    ...(atMost === undefined ? [] : [`at most ${atMost}`]),
  ];
  console.log(`${name}: ${value.toFixed(0)} ${unit}${bound.length === 0 ? "" : ` (${bound.join(", ")})`}`);
}

function megabytes(bytes: number): number {
  return bytes / 1e6;
}
