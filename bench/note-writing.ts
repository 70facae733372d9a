import { type Database, openDatabase } from "../src/database/database.ts";
import { readMigrations } from "../src/database/migration-scripts.ts";
import { migrate } from "../src/database/migrations.ts";
import type { KeyColumns } from "../src/idempotency/claim.ts";
import { createIds } from "../src/lib/ids.ts";
import { createNoteInserter, type NewNote } from "../src/notes/insert-notes.ts";
import { type PersonViewer, scopesOf } from "../src/viewer.ts";
import { accountId, type DataSetSize, insertDataSet, personId, ticketId } from "./data-set.ts";
import { rowsOf, withClient } from "./server.ts";

/** What removes each part of a note's life from the whole schema, as SQL. */
export const withoutPart = {
  search: "DROP TRIGGER notes_search_added ON notes; DROP TRIGGER notes_search_changed ON notes;",
  counters: withoutTriggers("notes_count"),
  order: "DROP TRIGGER notes_update_added ON notes; DROP TRIGGER notes_update_changed ON notes;",
  history: "DROP TRIGGER notes_edited ON notes; DROP TRIGGER notes_edited_in_public ON notes;",
  authors: withoutTriggers("notes_list_authors"),
} as const;

function withoutTriggers(name: string): string {
  return ["added", "changed", "removed"].map((when) => `DROP TRIGGER ${name}_${when} ON notes;`).join(" ");
}

/** How many authors write at a time. One author writes one note after another. */
export const authors = 8;
const newId = createIds();
const longMilliseconds = 600_000;

/** Creates an empty database on the server, in place of one of the same name, and returns its URL. */
export async function createEmpty(serverUrl: string, name: string): Promise<string> {
  return await create(serverUrl, name, "");
}

/** Creates a copy of the database of `original`, to which nobody may be connected, and returns its URL. */
export async function createCopy(serverUrl: string, name: string, original: string): Promise<string> {
  return await create(serverUrl, name, ` TEMPLATE ${nameOf(original)}`);
}

async function create(serverUrl: string, name: string, from: string): Promise<string> {
  const database = `gateway_bench_writes_${name}`;
  await withClient(serverUrl, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${database}${from}`);
  });
  return Object.assign(new URL(serverUrl), { pathname: `/${database}` }).href;
}

/** Removes a database with those who are connected to it. */
export async function drop(serverUrl: string, url: string): Promise<void> {
  await withClient(serverUrl, (client) => client.query(`DROP DATABASE ${nameOf(url)} WITH (FORCE)`));
}

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

/** Opens a database as the gateway does, but waits for long statements. */
export async function open(url: string): Promise<Database> {
  const limits = { connectMilliseconds: 5_000, statementMilliseconds: longMilliseconds, answerMilliseconds: longMilliseconds };
  return await openDatabase({ kind: "postgresql", url }, log, limits);
}

const log = { warn: (_details: object, message: string) => console.warn(message) };

/** Applies the migrations that `applies` chooses to an empty database and fills it with the data set. */
export async function fill(url: string, size: DataSetSize, applies: (name: string) => boolean = () => true): Promise<void> {
  const database = await open(url);
  await migrate(database, { migrations: (await readMigrations()).filter(({ name }) => applies(name)) });
  await database.close();
  await withClient(url, async (client) => {
    // As the gateway's maintenance does, but for what an older schema does not have.
    await client.query("SELECT audit_events_maintain(now(), interval '1 year')");
    await client.query("SET synchronous_commit = off");
    await insertDataSet(client, size);
    await client.query("VACUUM (ANALYZE)");
  });
}

/** What was measured while notes were written. */
export interface Written {
  readonly notesPerSecond: number;
  readonly walBytesPerNote: number;
}

/**
 * Adds `count` notes as the gateway does, to tickets all over the account, after a checkpoint, by {@link authors} at a
 * time. `keyOf` may give each note an idempotency key.
 */
export async function addNotes(
  database: Database,
  url: string,
  { count, round, tickets, keyOf }: { count: number; round: number; tickets: number; keyOf?: () => KeyColumns },
): Promise<Written> {
  const inserter = createNoteInserter(database);
  return await measure(url, count, async (author, turn) => {
    const note: NewNote = {
      ...{ id: newId(), ticketId: ticketId(1 + ((turn * 7919 + round * 104_729) % tickets)) },
      ...{ text: `Added by the benchmark, ${turn} ${"found, said and decided. ".repeat(4 + (turn % 8))}` },
      ...{ isPublic: turn % 3 === 0, categories: [], medium: "DEFAULT", source: null, createdAt: new Date() },
    };
    if (!(await inserter.insert(author, note, keyOf?.()))) throw new Error("A note could not be added.");
  });
}

/** Measures `count` writes after a checkpoint. `write` is called with the author and the turn, from 1. */
export async function measure(
  url: string,
  count: number,
  write: (author: PersonViewer, turn: number) => Promise<void>,
): Promise<Written> {
  await withClient(url, (client) => client.query("CHECKPOINT"));
  const walBefore = await walPosition(url);
  const began = performance.now();
  let turn = 0;
  const work = async (author: PersonViewer) => {
    while (turn < count) await write(author, (turn += 1));
  };
  await Promise.all(Array.from({ length: authors }, (_, index) => work(authorOf(5 * (1 + index)))));
  const seconds = (performance.now() - began) / 1_000;
  return { notesPerSecond: turn / seconds, walBytesPerNote: ((await walPosition(url)) - walBefore) / turn };
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

/** Returns the middle one of `values`. */
export function medianOf(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
