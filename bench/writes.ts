// npm run bench:writes                        the cost of adding notes, against the schema before notes had few indexes
// npm run bench:writes -- <migration>         against the schema that this migration and those before it make
// npm run bench:writes -- <migration> 10000   with that many tickets of 20 notes in place of 50,000
// It writes bench/writes.md. The server should do nothing else, since its write-ahead log is that of all databases.
import { writeFileSync } from "node:fs";
import type { Database } from "../src/database/database.ts";
import { readMigrations } from "../src/database/migration-scripts.ts";
import { type DataSetSize, fullSize } from "./data-set.ts";
import {
  addNotes,
  authors,
  createCopy,
  createEmpty,
  drop,
  fill,
  medianOf,
  open,
  withoutPart,
  type Written,
} from "./note-writing.ts";
import { openServer, rowsOf, versionOf, withClient } from "./server.ts";

const defaultMigration = "20261126150000_audit_by_month";
const rounds = 5;
/** How many notes are added in a round. */
const notesOfRound = 4_000;

/** The parts of a note that came after its indexes were halved: it had counters then already. */
const { search, order, history, authors: listOfAuthors } = withoutPart;
const withoutLaterParts = [search, order, history, listOfAuthors].join(" ");

/** A database with the notes of the data set, to which notes are added. */
interface Contestant {
  readonly url: string;
  readonly database: Database;
  readonly sizes: Sizes;
  readonly rounds: Written[];
}

interface Sizes {
  readonly indexes: number;
  readonly indexBytes: number;
  readonly heapBytes: number;
}

/** A figure of the schemas, and the bound for that of the newer one. */
interface Figure {
  readonly name: string;
  readonly before: string;
  /** With the parts of a note that came after its indexes were halved, and without them. */
  readonly after: string;
  readonly reduced?: string;
  /** What is within the bound or not: the figure without those parts, if there is one. */
  readonly compared: string;
  readonly bound: string;
  readonly isWithin: boolean;
}

const [lastMigration = defaultMigration, tickets = String(fullSize.tickets)] = process.argv.slice(2);
const size: DataSetSize = { ...fullSize, tickets: Number(tickets) };
const server = await openServer();
try {
  const urls = [await filled("before", lastMigration), await filled("after")] as const;
  // PostgreSQL copies a database only while no client is connected to it.
  const copy = await copyWithoutLaterParts(urls[1]);
  const [before, after, reduced] = [await contestantAt(urls[0]), await contestantAt(urls[1]), await contestantAt(copy)];
  const contestants = [before, after, reduced];
  try {
    await addColumns(before, after);
    // In turn, so that what the machine does meanwhile meets all.
    for (let round = 0; round <= rounds; round += 1) for (const contestant of contestants) await add(contestant, round);
    const figures = figuresOf(before, after, reduced);
    const text = render(figures, await versionOf(server.url));
    writeFileSync(new URL("writes.md", import.meta.url), text);
    console.log(text);
    if (figures.some(({ isWithin }) => !isWithin)) process.exitCode = 1;
  } finally {
    for (const { database, url } of contestants) {
      await database.close();
      await drop(server.url, url);
    }
  }
} finally {
  await server.stop();
}

/** Fills a database with the schema up to `last`, or the whole one, and returns its URL. */
async function filled(name: string, last?: string): Promise<string> {
  const all = await readMigrations();
  if (last !== undefined && all.every((one) => one.name !== last)) throw new Error(`There is no migration ${last}.`);
  const url = await createEmpty(server.url, name);
  await fill(url, size, (migration) => last === undefined || migration <= last);
  return url;
}

/** Returns the URL of a copy that writes none of the parts of a note that came later. */
async function copyWithoutLaterParts(original: string): Promise<string> {
  const url = await createCopy(server.url, "reduced", original);
  await withClient(url, (client) => client.query(withoutLaterParts));
  return url;
}

async function contestantAt(url: string): Promise<Contestant> {
  return { url, database: await open(url), sizes: await sizesOf(url), rounds: [] };
}

/** Adds the columns of `notes` that came later, since the gateway's statement sets them. */
async function addColumns(before: Contestant, after: Contestant): Promise<void> {
  const list =
    "SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = 'notes'::regclass AND attnum > 0 AND NOT attisdropped";
  const there = new Set((await rowsOf<{ name: string }>(before.url, list)).map(({ name }) => name));
  const later = (await rowsOf<{ name: string; type: string }>(after.url, list)).filter(({ name }) => !there.has(name));
  for (const { name, type } of later) await rowsOf(before.url, `ALTER TABLE notes ADD COLUMN "${name}" ${type}`);
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

/** Adds the notes of a round. Round 0 is not measured. */
async function add({ database, url, rounds: measured }: Contestant, round: number): Promise<void> {
  const written = await addNotes(database, url, { count: notesOfRound, round, tickets: size.tickets });
  if (round > 0) measured.push(written);
}

function figuresOf(before: Contestant, after: Contestant, reduced: Contestant): readonly Figure[] {
  const median = (figure: keyof Written) => (one: Contestant) => medianOf(one.rounds.map((written) => written[figure]));
  const [rateOf, walOf] = [median("notesPerSecond"), median("walBytesPerNote")];
  const rates = { before: rateOf(before), after: rateOf(after), reduced: rateOf(reduced) };
  const wal = { before: walOf(before), after: walOf(after), reduced: walOf(reduced) };
  const rounded = (value: number) => String(Math.round(value));
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
      ...{ name: "notes added a second", before: rounded(rates.before), after: rounded(rates.after) },
      ...{ reduced: rounded(rates.reduced), compared: times(rates.reduced / rates.before) },
      ...{ bound: "at least 1.2", isWithin: rates.reduced / rates.before >= 1.2 },
    },
    {
      ...{ name: "bytes of the write-ahead log for a note", before: rounded(wal.before), after: rounded(wal.after) },
      ...{ reduced: rounded(wal.reduced), compared: times(wal.reduced / wal.before) },
      ...{ bound: "at most 0.5", isWithin: wal.reduced / wal.before <= 0.5 },
    },
  ];
}

function render(figures: readonly Figure[], version: string): string {
  const notes = (size.tickets * size.notesPerTicket).toLocaleString("en");
  return `${[
    "# What a note costs to write",
    "",
    `${notes} notes on PostgreSQL ${version}, Node.js ${process.version}, with the schema up to \`${lastMigration}\`, with the whole one, and with the whole one without the parts of a note that came after its indexes were halved: search, history, the order of changes and the authors of tickets. The bounds are for halving the indexes, so the last column but one compares the first schema with the last.`,
    `${authors} authors add ${notesOfRound.toLocaleString("en")} notes in a round, one after another each, with the statement and the audit of the gateway; medians of ${rounds} rounds in turn. A checkpoint precedes each round, so the log has whole pages.`,
    "",
    "| | before | whole | without later parts | compared | bound | |",
    "| --- | ---: | ---: | ---: | ---: | --- | --- |",
    ...figures.map(({ name, before, after, reduced = "", compared, bound, isWithin }) => {
      return `| ${name} | ${before} | ${after} | ${reduced} | ${compared} | ${bound} | ${bound === "" ? "" : isWithin ? "within" : "**missed**"} |`;
    }),
  ].join("\n")}\n`;
}
