// npm run bench:writes                        the cost of adding notes, against the schema before notes had few indexes
// npm run bench:writes -- <migration>         against the schema that this migration and those before it make
// npm run bench:writes -- <migration> 10000   with that many tickets of 20 notes in place of 50,000
// It writes bench/writes.md. The server should do nothing else, since its write-ahead log is that of all databases.
import { writeFileSync } from "node:fs";
import { createAuditMaintenance } from "../src/database/audit-maintenance.ts";
import { type Database, openDatabase } from "../src/database/database.ts";
import { readMigrations } from "../src/database/migration-scripts.ts";
import { migrate } from "../src/database/migrations.ts";
import { createIds } from "../src/lib/ids.ts";
import { createNoteInserter, type NewNote } from "../src/notes/insert-notes.ts";
import { type PersonViewer, scopesOf } from "../src/viewer.ts";
import { accountId, type DataSetSize, fullSize, insertDataSet, personId, ticketId } from "./data-set.ts";
import { openServer, rowsOf, versionOf, withClient } from "./server.ts";

const defaultMigration = "20261126150000_audit_by_month";
/** Later migrations that are applied to both schemas: they make the columns that the gateway's statement sets. */
const common = ["20261127100000_versions_of_tickets", "20261127100100_versions_of_notes"];
const rounds = 5;
/** How many notes are added in a round, by how many authors at a time. One author adds them one after another. */
const notesOfRound = 4_000;
const authors = 8;
const newId = createIds();
const fillMilliseconds = 600_000;

/** A database with the notes of the data set, to which notes are added. */
interface Contestant {
  readonly name: string;
  readonly url: string;
  readonly database: Database;
  readonly sizes: Sizes;
  readonly notesPerSecond: number[];
  readonly walBytesPerNote: number[];
}

interface Sizes {
  readonly indexes: number;
  readonly indexBytes: number;
  readonly heapBytes: number;
}

/** A figure of both schemas, and the bound for that of the newer one. */
interface Figure {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  readonly compared: string;
  readonly bound: string;
  readonly isWithin: boolean;
}

const [lastMigration = defaultMigration, tickets = String(fullSize.tickets)] = process.argv.slice(2);
const size: DataSetSize = { ...fullSize, tickets: Number(tickets) };
const server = await openServer();
try {
  const [before, after] = [await prepare("before", lastMigration), await prepare("after", undefined)];
  try {
    // In turn, so that what the machine does meanwhile meets both.
    for (let round = 0; round <= rounds; round += 1) for (const contestant of [before, after]) await add(contestant, round);
    const figures = figuresOf(before, after);
    const text = render(figures, await versionOf(server.url));
    writeFileSync(new URL("writes.md", import.meta.url), text);
    console.log(text);
    if (figures.some(({ isWithin }) => !isWithin)) process.exitCode = 1;
  } finally {
    for (const { database, url } of [before, after]) {
      await database.close();
      await withClient(server.url, (client) => client.query(`DROP DATABASE ${nameOf(url)} WITH (FORCE)`));
    }
  }
} finally {
  await server.stop();
}

/** Returns a filled database with the schema up to `last`, or the whole one. */
async function prepare(name: string, last: string | undefined): Promise<Contestant> {
  const url = Object.assign(new URL(server.url), { pathname: `/gateway_bench_writes_${name}` }).href;
  await withClient(server.url, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${nameOf(url)} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${nameOf(url)}`);
  });
  const limits = { connectMilliseconds: 5_000, statementMilliseconds: fillMilliseconds, answerMilliseconds: fillMilliseconds };
  const log = { warn: (details: object, message: string) => console.warn(message, details), info: () => undefined };
  const database = await openDatabase({ kind: "postgresql", url }, log, limits);
  const all = await readMigrations();
  const migrations = last === undefined ? all : all.filter((one) => one.name <= last || common.includes(one.name));
  if (last !== undefined && all.every((one) => one.name !== last)) throw new Error(`There is no migration ${last}.`);
  await migrate(database, { migrations });
  await createAuditMaintenance({ database, retentionDays: 365, clock: () => new Date(), log })();
  await withClient(url, async (client) => {
    await client.query("SET synchronous_commit = off");
    await insertDataSet(client, size);
    await client.query("VACUUM (ANALYZE)");
  });
  return { name, url, database, sizes: await sizesOf(url), notesPerSecond: [], walBytesPerNote: [] };
}

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

async function sizesOf(url: string): Promise<Sizes> {
  const [row] = await rowsOf<{ indexes: number; index_bytes: string; heap_bytes: string }>(
    url,
    `SELECT (SELECT count(*)::integer FROM pg_index WHERE indrelid = 'notes'::regclass) AS indexes,
       pg_indexes_size('notes') AS index_bytes, pg_relation_size('notes') AS heap_bytes`,
  );
  if (!row) throw new Error("The server told no sizes.");
  return { indexes: row.indexes, indexBytes: Number(row.index_bytes), heapBytes: Number(row.heap_bytes) };
}

/** Adds notes as the gateway does, to tickets all over the account, after a checkpoint. Round 0 is not measured. */
async function add({ database, url, notesPerSecond, walBytesPerNote }: Contestant, round: number): Promise<void> {
  await withClient(url, (client) => client.query("CHECKPOINT"));
  const inserter = createNoteInserter(database);
  const walBefore = await walPosition(url);
  const began = performance.now();
  let added = 0;
  const work = async (author: PersonViewer) => {
    while (added < notesOfRound) {
      added += 1;
      const note: NewNote = {
        ...{ id: newId(), ticketId: ticketId(1 + ((added * 7919 + round * 104_729) % size.tickets)) },
        ...{ text: `Added by the benchmark, ${added} ${"found, said and decided. ".repeat(4 + (added % 8))}` },
        ...{ isPublic: added % 3 === 0, categories: [], medium: "DEFAULT", source: null, createdAt: new Date() },
      };
      if (!(await inserter.insert(author, note))) throw new Error("A note could not be added.");
    }
  };
  await Promise.all(Array.from({ length: authors }, (_, index) => work(authorOf(5 * (1 + index)))));
  const seconds = (performance.now() - began) / 1_000;
  const walBytes = (await walPosition(url)) - walBefore;
  if (round === 0) return;
  notesPerSecond.push(added / seconds);
  walBytesPerNote.push(walBytes / added);
}

/** Returns how many bytes the server has written to its log so far. */
async function walPosition(url: string): Promise<number> {
  const [row] = await rowsOf<{ bytes: string }>(url, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS bytes");
  return Number(row?.bytes);
}

/** Returns the nth person as a specialist. */
function authorOf(n: number): PersonViewer {
  return {
    kind: "person",
    person: { id: personId(n), number: n, name: `Person ${n}` },
    account: { id: accountId, slug: "bench", name: "Bench", timeZone: "UTC" },
    role: "SPECIALIST",
    scopes: new Set(scopesOf("SPECIALIST")),
  };
}

function figuresOf(before: Contestant, after: Contestant): readonly Figure[] {
  const rates = [medianOf(before.notesPerSecond), medianOf(after.notesPerSecond)] as const;
  const wal = [medianOf(before.walBytesPerNote), medianOf(after.walBytesPerNote)] as const;
  const weight = ({ sizes }: Contestant) => sizes.indexBytes / sizes.heapBytes;
  const times = (value: number) => value.toFixed(2);
  const megabytes = (bytes: number) => `${Math.round(bytes / 1_000_000)} MB`;
  return [
    {
      ...{ name: "indexes of `notes`", before: String(before.sizes.indexes), after: String(after.sizes.indexes) },
      ...{ compared: "", bound: "at most 8", isWithin: after.sizes.indexes <= 8 },
    },
    {
      ...{ name: "bytes of rows", before: megabytes(before.sizes.heapBytes), after: megabytes(after.sizes.heapBytes) },
      ...{ compared: times(after.sizes.heapBytes / before.sizes.heapBytes), bound: "", isWithin: true },
    },
    {
      ...{ name: "bytes of indexes", before: megabytes(before.sizes.indexBytes), after: megabytes(after.sizes.indexBytes) },
      ...{ compared: times(after.sizes.indexBytes / before.sizes.indexBytes), bound: "", isWithin: true },
    },
    {
      ...{ name: "bytes of indexes for one of rows", before: times(weight(before)), after: times(weight(after)) },
      ...{ compared: times(weight(after) / weight(before)), bound: "after: at most 1.3", isWithin: weight(after) <= 1.3 },
    },
    {
      ...{ name: "notes added a second", before: String(Math.round(rates[0])), after: String(Math.round(rates[1])) },
      ...{ compared: times(rates[1] / rates[0]), bound: "at least 1.2", isWithin: rates[1] / rates[0] >= 1.2 },
    },
    {
      ...{
        name: "bytes of the write-ahead log for a note",
        before: String(Math.round(wal[0])),
        after: String(Math.round(wal[1])),
      },
      ...{ compared: times(wal[1] / wal[0]), bound: "at most 0.5", isWithin: wal[1] / wal[0] <= 0.5 },
    },
  ];
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function render(figures: readonly Figure[], version: string): string {
  const notes = (size.tickets * size.notesPerTicket).toLocaleString("en");
  return `${[
    "# What a note costs to write",
    "",
    `${notes} notes on PostgreSQL ${version}, Node.js ${process.version}, with the schema up to \`${lastMigration}\` and with the whole one.`,
    `${authors} authors add ${notesOfRound.toLocaleString("en")} notes in a round, one after another each, with the statement and the audit of the gateway; medians of ${rounds} rounds in turn. A checkpoint precedes each round, so the log has whole pages.`,
    "",
    "| | before | after | after / before | bound | |",
    "| --- | ---: | ---: | ---: | --- | --- |",
    ...figures.map(({ name, before, after, compared, bound, isWithin }) => {
      return `| ${name} | ${before} | ${after} | ${compared} | ${bound} | ${bound === "" ? "" : isWithin ? "within" : "**missed**"} |`;
    }),
  ].join("\n")}\n`;
}
