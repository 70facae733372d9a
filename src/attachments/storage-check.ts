import type { Readable } from "node:stream";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { type ListedObject, measured, type ObjectStorage } from "../storage/storage.ts";
import { isOwnKey, objectsWithoutRow } from "./stored-objects.ts";

/** The kinds of inconsistencies between rows and bytes. */
export const findings = ["missing", "size", "digest", "unrecorded", "rowless"] as const;

export type Finding = (typeof findings)[number];

/** How many inconsistencies of a kind were found, and how many were mended. */
export interface FindingCount {
  readonly found: number;
  readonly mended: number;
}

export interface StorageReport {
  /** The number of rows of READY files. */
  readonly rows: number;
  /** The number of objects in the store. */
  readonly objects: number;
  /** The number of objects that other programs have made in the bucket. They are not touched. */
  readonly foreign: number;
  readonly counts: Readonly<Record<Finding, FindingCount>>;
  /** Whether all inconsistencies are mended. A digest that was never recorded does not count as one. */
  readonly isSound: boolean;
}

export interface StorageCheck {
  readonly database: Database;
  readonly storage: ObjectStorage;
  readonly clock: Clock;
  /** Whether to mend the inconsistencies that can be mended safely. */
  readonly fix: boolean;
  /** Called with one line for each inconsistency. */
  readonly report: (line: string) => void;
}

/** A row of a READY file. */
interface ReadyRow {
  readonly table: "attachments" | "deleted_attachments" | "uploads";
  readonly accountId: string;
  readonly id: string;
  readonly storageKey: string;
  readonly size: string;
  readonly sha256: string | null;
}

const pageSize = 500;

/** The minimum age of the objects that are checked. A younger one may belong to a statement that is not sent yet. */
const minAgeMs = 60 * 60 * 1000;

/**
 * Compares rows and bytes in both directions: each READY file must have its bytes, with the size and the digest of its
 * row, and all bytes must have a row. It reads every byte. The gateway may run meanwhile: an inconsistency is checked
 * again before it is reported.
 *
 * It can mend two kinds: it sets the size and the digest of rows of earlier versions, which have none, from the stored
 * bytes, and it removes bytes without a row. Missing bytes, or bytes that differ from their digest, need a backup.
 */
export async function checkStorage({ database, storage, clock, fix, report }: StorageCheck): Promise<StorageReport> {
  const counts: Record<Finding, { found: number; mended: number }> = {
    missing: { found: 0, mended: 0 },
    size: { found: 0, mended: 0 },
    digest: { found: 0, mended: 0 },
    unrecorded: { found: 0, mended: 0 },
    rowless: { found: 0, mended: 0 },
  };

  function count(finding: Finding, what: string, isMended: boolean): void {
    counts[finding].found += 1;
    if (isMended) counts[finding].mended += 1;
    report(`${what}${isMended ? ": mended" : ""}`);
  }

  async function checkRow(row: ReadyRow): Promise<void> {
    const bytes = await storage.read(row.storageKey);
    const actual = bytes === null ? null : await measureStored(bytes);
    const name = `${row.table} ${row.id} (object ${row.storageKey})`;
    const isSound = actual !== null && actual.size === Number(row.size) && actual.sha256 === row.sha256;
    // If the row has changed, the file was replaced or deleted during the check.
    if (isSound || !(await isUnchanged(database, row))) return;
    if (actual === null) return count("missing", `${name}: its bytes are missing`, false);
    const isRecorded = row.sha256 !== null;
    const isMended = fix && !isRecorded && (await recordFacts(database, row, actual));
    if (actual.size !== Number(row.size))
      return count("size", `${name}: it says ${row.size} bytes, and has ${actual.size}`, isMended);
    if (isRecorded) return count("digest", `${name}: its bytes are not those of its digest`, false);
    count("unrecorded", `${name}: its digest was never recorded`, isMended);
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
    const oldEnough = page.filter(({ modifiedAt }) => clock().getTime() - modifiedAt.getTime() > minAgeMs);
    for (const { key, size } of await objectsWithoutRow(database, oldEnough)) {
      if (fix) await storage.remove([key]);
      count("rowless", `object ${key}: ${size} bytes that no row knows of`, fix);
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

/** Yields all rows of READY files: attachments, also of deleted notes, and uploads that no note has claimed. */
async function* readyRows(database: Database): AsyncGenerator<ReadyRow> {
  const nobody = "00000000-0000-0000-0000-000000000000";
  for (const table of ["attachments", "deleted_attachments", "uploads"] as const) {
    for (let after: StoredRowKey = { accountId: nobody, id: nobody }; ;) {
      const page = await readersAfter[table](database, after);
      for (const row of page) yield { table, ...row };
      const last = page.at(-1);
      if (last === undefined) break;
      after = last;
    }
  }
}

type StoredRowKey = Pick<ReadyRow, "accountId" | "id">;
type RowsAfter = (database: Database, after: StoredRowKey) => Promise<Omit<ReadyRow, "table">[]>;

/** How the rows of each table are read in pages. */
const readersAfter: Readonly<Record<ReadyRow["table"], RowsAfter>> = {
  attachments: attachmentsAfter,
  deleted_attachments: deletedAttachmentsAfter,
  uploads: uploadsAfter,
};

function attachmentsAfter(database: Database, { id }: StoredRowKey): Promise<Omit<ReadyRow, "table">[]> {
  return database.query(sql`
    SELECT a.account_id AS "accountId", a.id, a.storage_key AS "storageKey", a.size::text AS size, a.sha256 FROM attachments a
    WHERE a.state = 'READY' AND a.id > ${id}::uuid ORDER BY a.id LIMIT ${pageSize}::int`);
}

function deletedAttachmentsAfter(database: Database, { accountId, id }: StoredRowKey): Promise<Omit<ReadyRow, "table">[]> {
  return database.query(sql`
    SELECT d.account_id AS "accountId", d.id, ${keyOfDeleted} AS "storageKey", d.size::text AS size, d.sha256 FROM deleted_attachments d
    WHERE d.state = 'READY' AND (d.account_id, d.id) > (${accountId}::uuid, ${id}::uuid) ORDER BY d.account_id, d.id LIMIT ${pageSize}::int`);
}

/** Where the bytes of an attachment `d` of a deleted note are. */
const keyOfDeleted = sql`CASE WHEN d.is_moved THEN d.kept_key ELSE d.storage_key END`;

function uploadsAfter(database: Database, { id }: StoredRowKey): Promise<Omit<ReadyRow, "table">[]> {
  return database.query(sql`
    SELECT u.account_id AS "accountId", u.id, u.storage_key AS "storageKey", u.size::text AS size, u.sha256 FROM uploads u
    WHERE u.state = 'READY' AND u.consumed_at IS NULL AND u.id > ${id}::uuid ORDER BY u.id LIMIT ${pageSize}::int`);
}

/** Returns whether the row still has the same object. */
async function isUnchanged(database: Database, { table, accountId, id, storageKey }: ReadyRow): Promise<boolean> {
  const { prisma } = database;
  if (table === "deleted_attachments") {
    const same = await database.query(sql`
      SELECT d.id FROM deleted_attachments d
      WHERE d.account_id = ${accountId}::uuid AND d.id = ${id}::uuid AND ${keyOfDeleted} = ${storageKey}`);
    return same.length > 0;
  }
  const where = { id, storageKey, state: "READY" } as const;
  const count =
    table === "attachments"
      ? prisma.attachment.count({ where })
      : prisma.upload.count({ where: { ...where, consumedAt: null } });
  return (await count) > 0;
}

/** Sets the size and the digest of a row that has no digest. Returns whether it did. */
async function recordFacts({ prisma }: Database, row: ReadyRow, actual: { size: number; sha256: string }): Promise<boolean> {
  if (row.table === "deleted_attachments") {
    const { accountId, id } = row;
    const { count } = await prisma.deletedAttachment.updateMany({ where: { accountId, id, sha256: null }, data: actual });
    return count > 0;
  }
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
