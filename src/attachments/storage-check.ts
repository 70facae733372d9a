import type { Readable } from "node:stream";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { type ListedObject, measured, type ObjectStorage } from "../storage/storage.ts";
import { isOwnKey, objectsWithoutRow } from "./stored-objects.ts";

/** What does not fit together, by kind. */
export const findings = ["missing", "size", "digest", "unrecorded", "rowless"] as const;

export type Finding = (typeof findings)[number];

/** How often a kind was found, and how often it was mended. */
export interface FindingCount {
  readonly found: number;
  readonly mended: number;
}

export interface StorageReport {
  /** Files that are said to be there. */
  readonly rows: number;
  /** Objects in the store. */
  readonly objects: number;
  /** Objects that the gateway has not made: other programs' in a bucket. They are left alone. */
  readonly foreign: number;
  readonly counts: Readonly<Record<Finding, FindingCount>>;
  /** Whether something is wrong that was not mended. What was only never recorded is not wrong. */
  readonly isSound: boolean;
}

export interface StorageCheck {
  readonly database: Database;
  readonly storage: ObjectStorage;
  readonly clock: Clock;
  /** Whether to mend what can be mended without a guess. */
  readonly fix: boolean;
  /** Told of each thing that is found, a line each. */
  readonly report: (line: string) => void;
}

/** A row of a file that is READY. */
interface ReadyRow {
  readonly table: "attachments" | "uploads";
  readonly id: string;
  readonly storageKey: string;
  readonly size: string;
  readonly sha256: string | null;
}

const pageSize = 500;

/** Bytes that are younger may belong to a statement that is about to be sent. */
const settledMs = 60 * 60 * 1000;

/**
 * Compares rows and bytes in both directions: each READY file must have its bytes, with the size and the digest of its row, and
 * all bytes must have a row. It reads every byte. The gateway may run meanwhile: what looks wrong is checked again before it is
 * reported.
 *
 * It mends two things: it sets a size or digest that was not recorded with the bytes (rows of earlier versions) from the bytes
 * that are served, and it removes bytes without a row. It cannot mend missing bytes, or bytes that differ from their digest:
 * these need a backup.
 */
export async function checkStorage({ database, storage, clock, fix, report }: StorageCheck): Promise<StorageReport> {
  const counts: Record<Finding, { found: number; mended: number }> = {
    missing: { found: 0, mended: 0 },
    size: { found: 0, mended: 0 },
    digest: { found: 0, mended: 0 },
    unrecorded: { found: 0, mended: 0 },
    rowless: { found: 0, mended: 0 },
  };

  function tell(finding: Finding, what: string, isMended: boolean): void {
    counts[finding].found += 1;
    if (isMended) counts[finding].mended += 1;
    report(`${what}${isMended ? ": mended" : ""}`);
  }

  async function checkRow(row: ReadyRow): Promise<void> {
    const bytes = await storage.read(row.storageKey);
    const actual = bytes === null ? null : await measureStored(bytes);
    const name = `${row.table} ${row.id} (object ${row.storageKey})`;
    const isSound = actual !== null && actual.size === Number(row.size) && actual.sha256 === row.sha256;
    // Replaced or deleted while it was looked at.
    if (isSound || !(await isStill(database, row))) return;
    if (actual === null) return tell("missing", `${name}: its bytes are missing`, false);
    const isRecorded = row.sha256 !== null;
    const isMended = fix && !isRecorded && (await recordFacts(database, row, actual));
    if (actual.size !== Number(row.size))
      return tell("size", `${name}: it says ${row.size} bytes, and has ${actual.size}`, isMended);
    if (isRecorded) return tell("digest", `${name}: its bytes are not those of its digest`, false);
    tell("unrecorded", `${name}: its digest was never recorded`, isMended);
  }

  let rows = 0;
  for await (const row of readyRows(database)) {
    rows += 1;
    await checkRow(row);
  }

  let objects = 0;
  let foreign = 0;
  const checkObjects = async (page: readonly ListedObject[]): Promise<void> => {
    objects += page.length;
    foreign += page.filter(({ key }) => !isOwnKey(key)).length;
    const settled = page.filter(({ modifiedAt }) => clock().getTime() - modifiedAt.getTime() > settledMs);
    for (const { key, size } of await objectsWithoutRow(database, settled)) {
      if (fix) await storage.remove([key]);
      tell("rowless", `object ${key}: ${size} bytes that no row knows of`, fix);
    }
  };
  let page: ListedObject[] = [];
  for await (const object of storage.list()) {
    page.push(object);
    if (page.length < pageSize) continue;
    await checkObjects(page);
    page = [];
  }
  await checkObjects(page);

  const isSound = findings.every((kind) => kind === "unrecorded" || counts[kind].found === counts[kind].mended);
  return { rows, objects, foreign, counts, isSound };
}

/** All rows of READY files: of attachments, and of uploads that no note has claimed. */
async function* readyRows(database: Database): AsyncGenerator<ReadyRow> {
  const nobody = "00000000-0000-0000-0000-000000000000";
  for (const table of ["attachments", "uploads"] as const) {
    for (let after = nobody; ;) {
      const page = await (table === "attachments" ? attachmentsAfter(database, after) : uploadsAfter(database, after));
      for (const row of page) yield { table, ...row };
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.id;
    }
  }
}

function attachmentsAfter(database: Database, id: string): Promise<Omit<ReadyRow, "table">[]> {
  return database.query(sql`
    SELECT a.id, a.storage_key AS "storageKey", a.size::text AS size, a.sha256 FROM attachments a
    WHERE a.state = 'READY' AND a.id > ${id}::uuid ORDER BY a.id LIMIT ${pageSize}::int`);
}

function uploadsAfter(database: Database, id: string): Promise<Omit<ReadyRow, "table">[]> {
  return database.query(sql`
    SELECT u.id, u.storage_key AS "storageKey", u.size::text AS size, u.sha256 FROM uploads u
    WHERE u.state = 'READY' AND u.consumed_at IS NULL AND u.id > ${id}::uuid ORDER BY u.id LIMIT ${pageSize}::int`);
}

/** Whether the row says what it said. */
async function isStill({ prisma }: Database, { table, id, storageKey }: ReadyRow): Promise<boolean> {
  const where = { id, storageKey, state: "READY" } as const;
  const count =
    table === "attachments"
      ? prisma.attachment.count({ where })
      : prisma.upload.count({ where: { ...where, consumedAt: null } });
  return (await count) > 0;
}

/** Writes down what the bytes are, where the row has no digest yet. Whether it did. */
async function recordFacts({ prisma }: Database, row: ReadyRow, actual: { size: number; sha256: string }): Promise<boolean> {
  const where = { id: row.id, storageKey: row.storageKey, sha256: null };
  const { count } = await (row.table === "attachments"
    ? prisma.attachment.updateMany({ where, data: actual })
    : prisma.upload.updateMany({ where, data: actual }));
  return count > 0;
}

async function measureStored(bytes: Readable): Promise<{ size: number; sha256: string }> {
  const { blocks, end } = measured(bytes, { maximumBytes: Number.MAX_SAFE_INTEGER });
  for await (const _block of blocks);
  return end();
}
