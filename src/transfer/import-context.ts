import { InvalidInput } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { ObjectStorage } from "../storage/storage.ts";
import type { IdMap } from "./id-map.ts";
import type { AddedRow, ImportRows } from "./import-rows.ts";
import type { Progress } from "./progress.ts";
import { UnusableRecord } from "./records.ts";
import type { RecordKind, Rejects } from "./rejects.ts";
import type { Reading, TransferSource } from "./source.ts";

/** What became of the records of a kind. */
export interface Tally {
  added: number;
  unchanged: number;
  rejected: number;
}

/** What an import works with, and what it has learned of the records so far. */
export interface ImportContext {
  readonly source: TransferSource;
  readonly rows: ImportRows;
  readonly storage: ObjectStorage;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly isDryRun: boolean;
  /** The number of batches that are written at the same time. */
  readonly concurrency: number;
  /** Renumbers what clashes, and keeps how. Undefined: what clashes is rejected. */
  readonly idMap: IdMap | undefined;
  readonly tallies: Readonly<Record<RecordKind, Tally>>;
  reject(kind: RecordKind, at: string, id: string, reason: string): void;
  /** The accounts by their slugs, and the one of records that name none. */
  readonly accounts: Map<string, KnownAccount>;
  readonly people: Map<string, PersonRow>;
  readonly tickets: Map<string, TicketRow>;
  /** The people who are or were members of an account, as `<account> <person>`. */
  readonly members: Set<string>;
  /** The numbers here of the people and tickets that have another one in the source, by reference. */
  readonly renumbered: Map<string, number>;
}

export interface KnownAccount {
  readonly id: string;
  readonly slug: string;
}

export interface PersonRow {
  readonly id: string;
  readonly number: number;
}

export interface TicketRow {
  readonly id: string;
  readonly accountId: string;
}

export function createTallies(): Record<RecordKind, Tally> {
  const tally = (): Tally => ({ added: 0, unchanged: 0, rejected: 0 });
  return {
    ...{ account: tally(), person: tally(), ticket: tally(), note: tally(), attachment: tally() },
    "inbound email": tally(),
  };
}

export function rejecting(rejects: Rejects, tallies: Readonly<Record<RecordKind, Tally>>): ImportContext["reject"] {
  return (kind, at, id, reason) => {
    tallies[kind].rejected += 1;
    rejects.add({ kind, id, at, reason });
  };
}

/** What is to be done with a record. */
export type Verdict<Row> =
  | { readonly kind: "add"; readonly row: Row }
  | { readonly kind: "unchanged"; readonly row: AddedRow }
  | { readonly kind: "reject"; readonly reason: string };

/** A record on its way into the database. */
export interface Entry<Row> {
  readonly at: string;
  /** The id in the source, as `rejects.ndjson` names it. */
  readonly sourceId: string;
  readonly row: Row;
}

const entriesOfBatch = 500;

/** How records of a kind are imported. */
interface BatchImport<Item, Row> {
  readonly kind: RecordKind;
  /**
   * Returns the entry of a record, or undefined if it has been rejected. An {@link UnusableRecord} or
   * {@link InvalidInput} that it throws rejects the record.
   */
  readonly entryOf: (at: string, item: Item) => Entry<Row> | undefined | Promise<Entry<Row>>;
  readonly write: (entries: readonly Entry<Row>[]) => Promise<void>;
}

/** Reads records, rejects those that cannot be taken, and writes the others batch by batch. */
export async function importInBatches<Item, Row>(
  context: ImportContext,
  readings: AsyncIterable<Reading<Item>>,
  { kind, entryOf, write }: BatchImport<Item, Row>,
): Promise<void> {
  let batch: Entry<Row>[] = [];
  const flush = async () => {
    const entries = batch;
    batch = [];
    await write(entries);
    context.progress.advance(entries.length);
  };
  for await (const reading of readings) {
    const { at, id } = reading;
    if ("problem" in reading) {
      context.reject(kind, at, id, reading.problem);
      continue;
    }
    try {
      const entry = await entryOf(at, reading.item);
      if (entry) batch.push(entry);
    } catch (error) {
      if (!(error instanceof UnusableRecord || error instanceof InvalidInput)) throw error;
      context.reject(kind, at, id, error.message);
    }
    if (batch.length >= entriesOfBatch) await flush();
  }
  await flush();
}

/** A row that turned out to be unusable when it was prepared. */
export interface RefusedRow {
  readonly id: string;
  readonly refusal: string;
}

export interface AddMissingOptions<Row extends { readonly id: string }> {
  readonly kind: RecordKind;
  /** Reads what is there already, and returns the verdict on each entry. */
  readonly judge: (entries: readonly Entry<Row>[]) => Promise<(entry: Entry<Row>) => Verdict<Row>>;
  /** Prepares and adds rows. Returns those that were added, with their numbers, and those that cannot be. */
  readonly add: (entries: readonly Entry<Row>[]) => Promise<readonly (AddedRow | RefusedRow)[]>;
  /** Called for each entry that is in the database now. */
  readonly onPresent?: (entry: Entry<Row>, row: AddedRow) => void;
}

/** One round for what is new, one for what is twice in the batch, and one for what others add at the same moment. */
const maxRounds = 3;

/**
 * Adds what is not there, counts what is there unchanged, and rejects the rest. Entries that were not added, because
 * their id or number was taken at the same moment, are judged again.
 */
export async function addMissing<Row extends { readonly id: string }>(
  context: ImportContext,
  entries: readonly Entry<Row>[],
  { kind, judge, add, onPresent }: AddMissingOptions<Row>,
): Promise<void> {
  const tally = context.tallies[kind];
  let open = entries;
  for (let round = 0; round < maxRounds && open.length > 0; round += 1) {
    const verdictOn = await judge(open);
    const wanted = new Map<string, Entry<Row>>();
    const repeated: Entry<Row>[] = [];
    for (const entry of open) {
      const verdict = verdictOn(entry);
      if (verdict.kind === "reject") context.reject(kind, entry.at, entry.sourceId, verdict.reason);
      else if (verdict.kind === "unchanged") {
        tally.unchanged += 1;
        onPresent?.(entry, verdict.row);
      } else if (wanted.has(verdict.row.id)) repeated.push(entry);
      else wanted.set(verdict.row.id, { ...entry, row: verdict.row });
    }
    const asked = [...wanted.values()];
    const added = asked.length === 0 ? [] : await add(asked);
    const outcomes = new Map(added.map((row) => [row.id, row]));
    for (const entry of asked) {
      const outcome = outcomes.get(entry.row.id);
      if (!outcome) continue;
      if ("refusal" in outcome) {
        context.reject(kind, entry.at, entry.sourceId, outcome.refusal);
        continue;
      }
      tally.added += 1;
      onPresent?.(entry, outcome);
    }
    open = [...repeated, ...asked.filter(({ row }) => !outcomes.has(row.id))];
  }
  for (const entry of open) context.reject(kind, entry.at, entry.sourceId, "its id or number is in use by another record");
}

/** Returns the names of the fields in which two records differ. */
export function differences(pairs: Readonly<Record<string, readonly [unknown, unknown]>>): string[] {
  return Object.entries(pairs)
    .filter(([, [one, other]]) => comparable(one) !== comparable(other))
    .map(([name]) => name);
}

function comparable(value: unknown): unknown {
  if (value instanceof Date) return value.getTime();
  return Array.isArray(value) ? value.join(",") : (value ?? null);
}

export function differsIn(names: readonly string[]): string {
  return `it is there already, with another ${names.join(", ")}`;
}
