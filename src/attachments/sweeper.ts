import { auditInsert } from "../access/audit.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { ListedObject, ObjectStorage } from "../storage/storage.ts";
import { setList } from "../database/table.ts";
import { openMs } from "./quotas.ts";
import { objectsWithoutRow } from "./stored-objects.ts";
import { attachmentsTable } from "./tables.ts";

/** Removes what is no longer needed. Each step is safe to run at any time, in several processes at once. */
export interface Sweeper {
  /** Removes the bytes of rows that are gone. */
  removeDiscarded(): Promise<void>;
  /**
   * Removes what has not arrived within a day, what no note has taken within a day, rows of attachments whose bytes never came, and bytes that no
   * row knows of. What there is beyond the work of one run is left to the next.
   */
  run(settleArrivals: (before: Date, limit: number) => Promise<void>): Promise<void>;
}

/** The number of rows that are locked, or objects that are looked up, at a time. */
const batchSize = 100;
/** Batches of one kind in one run. */
const maxBatches = 50;
/** Objects of the store that one run looks at. */
const maxObjects = 5_000;

export function createSweeper({
  database,
  storage,
  clock,
}: {
  readonly database: Database;
  readonly storage: ObjectStorage;
  readonly clock: Clock;
}): Sweeper {
  const { prisma } = database;
  let walk: StoreWalk | undefined;

  async function removeDiscarded(): Promise<void> {
    for (let batch = 0; batch < maxBatches; batch += 1) {
      const discarded = await database.query<{ storageKey: string }>(sql`
        SELECT d.storage_key AS "storageKey" FROM discarded_objects d WHERE d.discarded_at <= now() ORDER BY d.discarded_at LIMIT ${batchSize}::int`);
      const keys = discarded.map(({ storageKey }) => storageKey);
      if (keys.length === 0) return;
      // Another process may do the same meanwhile. No key is ever used again, so nothing is removed that is not to be.
      await storage.remove(keys);
      await prisma.discardedObject.deleteMany({ where: { storageKey: { in: keys } } });
    }
  }

  /**
   * Deletes a batch of uploads from before `before`, and returns how many. A trigger records the objects of those that did not
   * become attachments.
   */
  async function deleteUploads(before: Date): Promise<number> {
    const deleted = await database.query(sql`
      DELETE FROM uploads u WHERE u.id IN (
        SELECT o.id FROM uploads o WHERE o.created_at < ${before}::timestamptz ORDER BY o.created_at, o.id LIMIT ${batchSize}::int
        FOR UPDATE SKIP LOCKED
      ) RETURNING u.id`);
    return deleted.length;
  }

  /**
   * Ends the wait of a batch of attachments whose uploads are gone, deletes those that never had bytes, and returns how many
   * there were.
   */
  async function endWaits(before: Date): Promise<number> {
    const ended = await database.query(sql`
      WITH overdue AS (
        SELECT a.id, a.account_id, a.state FROM attachments a
        WHERE (a.state = 'PENDING' OR a.upload_expires_at IS NOT NULL) AND coalesce(a.upload_expires_at, a.created_at) < ${before}::timestamptz
          AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.attachment_id = a.id AND u.state = 'PENDING')
        ORDER BY coalesce(a.upload_expires_at, a.created_at) LIMIT ${batchSize}::int
        FOR UPDATE OF a SKIP LOCKED
      ), deleted AS (
        DELETE FROM attachments a USING overdue WHERE a.id = overdue.id AND a.account_id = overdue.account_id AND overdue.state = 'PENDING'
        RETURNING a.id, a.account_id
      ), ended AS (
        UPDATE attachments a SET ${setList(attachmentsTable, { uploadExpiresAt: null })} FROM overdue
        WHERE a.id = overdue.id AND a.account_id = overdue.account_id AND overdue.state = 'READY'
      ), audited AS (${auditInsert(sweepActor, { action: "DELETED", entity: "ATTACHMENT", rows: "deleted", at: clock() })})
      SELECT o.id FROM overdue o`);
    return ended.length;
  }

  /** Removes, of the next objects of the store, those that no row knows of. It goes through the store in turns, and begins anew at its end. */
  async function removeUnknown(before: Date): Promise<void> {
    for (let seen = 0; seen < maxObjects;) {
      walk ??= storage.list()[Symbol.asyncIterator]();
      const { objects, isEnd } = await nextOf(walk);
      if (isEnd) walk = undefined;
      const unknown = await objectsWithoutRow(database, objects);
      // Younger objects may belong to uploads under way: bytes are stored a moment before the statement that claims them.
      await storage.remove(unknown.filter(({ modifiedAt }) => modifiedAt < before).map(({ key }) => key));
      if (isEnd) return;
      seen += objects.length;
    }
  }

  return {
    removeDiscarded,

    async run(settleArrivals) {
      const before = new Date(clock().getTime() - openMs);
      await untilNone(async () => {
        await settleArrivals(before, batchSize);
        return deleteUploads(before);
      });
      await untilNone(() => endWaits(before));
      await removeDiscarded();
      await storage.removeUnfinished(before);
      try {
        await removeUnknown(before);
      } catch (error) {
        // A listing that has failed cannot go on.
        walk = undefined;
        throw error;
      }
    },
  };
}

const sweepActor = { origin: { address: null, userAgent: "sweep", requestId: null } } as const;

async function untilNone(work: () => Promise<number>): Promise<void> {
  for (let batch = 0; batch < maxBatches; batch += 1) {
    if ((await work()) === 0) return;
  }
}

/** Where a walk through the store has come to. */
type StoreWalk = AsyncIterator<ListedObject, undefined>;

async function nextOf(walk: StoreWalk): Promise<{ objects: ListedObject[]; isEnd: boolean }> {
  const objects: ListedObject[] = [];
  while (objects.length < batchSize) {
    const { value } = await walk.next();
    if (value === undefined) return { objects, isEnd: true };
    objects.push(value);
  }
  return { objects, isEnd: false };
}
