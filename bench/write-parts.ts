// npm run bench:write-parts            what each part of a note's life costs when notes are added and updated
// npm run bench:write-parts -- 50000   with that many tickets of 20 notes in place of 10,000
// It writes bench/write-parts.md. The server should do nothing else: its write-ahead log is that of all databases.
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import type { Database } from "../src/database/database.ts";
import { sql } from "../src/database/sql.ts";
import type { KeyColumns } from "../src/idempotency/claim.ts";
import { accountId, type DataSetSize, fullSize, noteId } from "./data-set.ts";
import {
  addNotes,
  authors,
  createCopy,
  createEmpty,
  drop,
  fill,
  measure,
  medianOf,
  open,
  withoutPart,
  type Written,
} from "./note-writing.ts";
import { openServer, versionOf, withClient } from "./server.ts";

const rounds = 9;
const notesOfRound = 4_000;
const hourMilliseconds = 3_600_000;

/** A schema to which notes are added. */
interface Schema {
  readonly name: string;
  /** What is removed from the whole schema, as SQL. */
  readonly without?: string;
  readonly isKeyed?: true;
}

const whole: Schema = { name: "everything" };
const without: readonly Schema[] = [
  { name: "without the search", without: withoutPart.search },
  { name: "without the counters and last times of tickets", without: withoutPart.counters },
  { name: "without the order of changes", without: withoutPart.order },
  { name: "without the history", without: withoutPart.history },
  { name: "without the authors of tickets", without: withoutPart.authors },
  {
    name: "without all of these",
    without: Object.values(withoutPart).join(" "),
  },
];
const added: readonly Schema[] = [whole, ...without, { name: "everything, with an idempotency key", isKeyed: true }];
const updated: readonly Schema[] = [whole, ...without];

/** A schema with what was measured on it. */
interface Contestant {
  readonly schema: Schema;
  readonly url: string;
  readonly database: Database;
  readonly rounds: Written[];
}

const size: DataSetSize = { ...fullSize, tickets: Number(process.argv[2] ?? 10_000) };
const server = await openServer();
try {
  const original = await createEmpty(server.url, "original");
  try {
    await fill(original, size);
    const tables = [
      { title: "Notes added", contestants: await compare(added, add) },
      { title: "Texts of notes updated", contestants: await compare(updated, update) },
    ];
    const text = render(tables, await versionOf(server.url));
    writeFileSync(new URL("write-parts.md", import.meta.url), text);
    console.log(text);
  } finally {
    await drop(server.url, original);
  }

  /** Measures `write` on each schema in turn: what the machine does meanwhile meets all. Round 0 is not measured. */
  async function compare(schemas: readonly Schema[], write: Write): Promise<readonly Contestant[]> {
    const contestants: Contestant[] = [];
    try {
      for (const schema of schemas) contestants.push(await prepare(schema, contestants.length));
      for (let round = 0; round <= rounds; round += 1) {
        for (const contestant of contestants) {
          const written = await write(contestant, round);
          if (round > 0) contestant.rounds.push(written);
        }
      }
      return contestants;
    } finally {
      for (const { database, url } of contestants) {
        await database.close();
        await drop(server.url, url);
      }
    }
  }

  async function prepare(schema: Schema, index: number): Promise<Contestant> {
    const url = await createCopy(server.url, `part${index}`, original);
    await withClient(url, async (client) => {
      if (schema.without !== undefined) await client.query(schema.without);
    });
    return { schema, url, database: await open(url), rounds: [] };
  }
} finally {
  await server.stop();
}

type Write = (contestant: Contestant, round: number) => Promise<Written>;

async function add({ schema, url, database }: Contestant, round: number): Promise<Written> {
  const parts = { count: notesOfRound, round, tickets: size.tickets };
  return await addNotes(database, url, schema.isKeyed === true ? { ...parts, keyOf: newKey } : parts);
}

function newKey(): KeyColumns {
  return { keyHash: randomUUID(), inputHash: randomUUID(), keptSince: new Date(Date.now() - 24 * hourMilliseconds) };
}

/** Updates the texts of notes all over the account, one in a statement. */
async function update({ url, database }: Contestant, round: number): Promise<Written> {
  const notes = size.tickets * size.notesPerTicket;
  return await measure(url, notesOfRound, async (_author, turn) => {
    const id = noteId(1 + ((turn * 7919 + round * 104_729) % notes));
    const text = `Updated by the benchmark, ${round} ${turn} ${"found, said and decided. ".repeat(4 + (turn % 8))}`;
    const changed = await database.query(sql`UPDATE notes SET text = ${text}, updated_at = ${new Date()}
      WHERE account_id = ${accountId}::uuid AND id = ${id}::uuid RETURNING id`);
    if (changed.length !== 1) throw new Error("A note could not be updated.");
  });
}

function render(tables: readonly { title: string; contestants: readonly Contestant[] }[], version: string): string {
  const notes = (size.tickets * size.notesPerTicket).toLocaleString("en");
  return `${[
    "# What each part of a note's life costs to write",
    "",
    `${notes} notes on PostgreSQL ${version}, Node.js ${process.version}. ${authors} authors write ${notesOfRound.toLocaleString("en")} notes in a round, one after another each; notes are added with the statement and the audit of the gateway, and updated by a statement of one note. Medians of ${rounds} rounds in turn, each after a checkpoint, so the log has whole pages. A ratio is the median of the rounds' own ratios to “everything”. \`npm run bench:write-parts\` writes this file.`,
    ...tables.flatMap(({ title, contestants }) => ["", `## ${title}`, "", ...tableOf(contestants)]),
  ].join("\n")}\n`;
}

function tableOf(contestants: readonly Contestant[]): readonly string[] {
  const [first] = contestants;
  const everything = first?.rounds ?? [];
  return [
    "| | a second | everything ÷ this (lowest and highest) | log bytes a note | everything − this |",
    "| --- | ---: | ---: | ---: | ---: |",
    ...contestants.map(({ schema, rounds: measured }) => {
      const ratios = measured.map((one, round) => (everything[round]?.notesPerSecond ?? Number.NaN) / one.notesPerSecond);
      const wal = medianOf(measured.map((one) => one.walBytesPerNote));
      const walOfEverything = medianOf(everything.map((one) => one.walBytesPerNote));
      const rate = Math.round(medianOf(measured.map((one) => one.notesPerSecond)));
      const range = `${medianOf(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
      return `| ${schema.name} | ${rate} | ${range} | ${Math.round(wal)} | ${Math.round(walOfEverything - wal)} |`;
    }),
  ];
}
