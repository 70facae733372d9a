import { auditInsert } from "../access/audit.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { ListedObject, ObjectStorage } from "../storage/storage.ts";
import { setList } from "../database/table.ts";
import { openMs } from "./quotas.ts";
import { objectsWithoutRow } from "./stored-objects.ts";
import { attachmentsTable } from "./tables.ts";

/**
 * Removes rows and bytes that are no longer needed. Each step is safe to run at any time, in several processes at once.
 */
export interface Sweeper {
  /** Removes the bytes of deleted rows. */
  removeDiscarded(): Promise<void>;
  /**
   * Removes uploads that have not arrived or that no note has claimed within a day, attachments whose bytes never
   * arrived, and bytes without a row. The work of one run is bounded; the next run continues.
   */
  run(reconcileArrivals: (before: Date, limit: number) => Promise<void>): Promise<void>;
}

/** The number of rows that are locked, or objects that are looked up, at a time. */
const batchSize = 100;
/** The maximum number of batches of each step in one run. */
const maxBatches = 50;
/** The maximum number of the store's objects that one run checks. */
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
  let listing: ObjectListing | undefined;

  async function removeDiscarded(): Promise<void> {
    for (let batch = 0; batch < maxBatches; batch += 1) {
      const discarded = await database.query<{ storageKey: string }>(sql`
        SELECT d.storage_key AS "storageKey" FROM discarded_objects d WHERE d.discarded_at <= now() ORDER BY d.discarded_at LIMIT ${batchSize}::int`);
      const keys = discarded.map(({ storageKey }) => storageKey);
      if (keys.length === 0) return;
      // Others may remove the same keys. That is safe, because a key is never used again.
      await storage.remove(keys);
      // This statement waits for none of them. Two that waited for each other would fail, and with one of them a
      // request whose change is already written.
      const deleted = await database.query(sql`
        DELETE FROM discarded_objects d WHERE d.storage_key IN (
          SELECT o.storage_key FROM discarded_objects o WHERE o.storage_key = ANY(${keys}::text[]) FOR UPDATE SKIP LOCKED
        ) RETURNING d.storage_key`);
      if (deleted.length < keys.length) return;
    }
  }

  /**
   * Deletes a batch of uploads that were created before `before`, and returns how many. A trigger queues the objects of
   * those that have not become attachments for removal.
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
   * Processes a batch of attachments that await uploads which are gone: deletes those that never had bytes, and marks
   * the others as not awaiting any. Returns how many there were.
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

  /**
   * Removes those of the store's next objects that have no row. Each run continues the listing of the last one, and
   * begins again at its end.
   */
  async function removeUnknown(before: Date): Promise<void> {
    for (let seen = 0; seen < maxObjects;) {
      listing ??= storage.list()[Symbol.asyncIterator]();
      const { objects, isEnd } = await nextOf(listing);
      if (isEnd) listing = undefined;
      const unknown = await objectsWithoutRow(database, objects);
      // Younger objects may belong to uploads under way, because bytes are stored before the statement that refers to
      // them.
      await storage.remove(unknown.filter(({ modifiedAt }) => modifiedAt < before).map(({ key }) => key));
      if (isEnd) return;
      seen += objects.length;
    }
  }

  return {
    removeDiscarded,

    async run(reconcileArrivals) {
      const before = new Date(clock().getTime() - openMs);
      await untilNone(async () => {
        await reconcileArrivals(before, batchSize);
        return deleteUploads(before);
      });
      await untilNone(() => endWaits(before));
      await removeDiscarded();
      await storage.removeUnfinished(before);
      try {
        await removeUnknown(before);
      } catch (error) {
        // A failed listing cannot be continued.
        listing = undefined;
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

/** A listing of the store's objects that is continued by the next run. */
type ObjectListing = AsyncIterator<ListedObject, undefined>;

async function nextOf(listing: ObjectListing): Promise<{ objects: ListedObject[]; isEnd: boolean }> {
  const objects: ListedObject[] = [];
  while (objects.length < batchSize) {
    const { value } = await listing.next();
    if (value === undefined) return { objects, isEnd: true };
    objects.push(value);
  }
  return { objects, isEnd: false };
}
