import type { Database } from "../database/database.ts";
import { raw, sql } from "../database/sql.ts";
import type { DeletedFiles } from "../notes/deleted-notes.ts";
import type { ObjectStorage } from "../storage/storage.ts";
import { attachmentsTable } from "./tables.ts";

/** The files of deleted notes, with the work that no request has ended. */
export interface KeptFiles extends DeletedFiles {
  /**
   * Moves the bytes that deletions have left where they were, because a process ended or the store failed. The work of
   * one run is bounded. Throws `Unavailable`. Safe to run at any time, in several processes at once.
   */
  hideRest(): Promise<void>;
}

declare module "../services.ts" {
  interface Services {
    readonly keptFiles: KeptFiles;
  }
}

export interface KeptFilesDependencies extends Pick<DeletedFiles, "collectArrived"> {
  readonly database: Database;
  readonly storage: ObjectStorage;
}

/** A file of a deleted note whose bytes are to be moved. */
interface UnmovedFile {
  readonly accountId: string;
  readonly storageKey: string;
  readonly keptKey: string;
}

/** The number of files that are moved at the same time. */
const maxConcurrentMoves = 8;
/** The number of files that one statement of the sweep finds, and the number of its statements. */
const restSize = 100;
const maxRests = 50;

const unmovedColumns = raw(`d.account_id AS "accountId", d.storage_key AS "storageKey", d.kept_key AS "keptKey"`);

/** What an attachment that is back has in place of what it had. */
const returnedValues = new Map([["storage_key", "d.kept_key"]]);
const attachmentColumnNames = attachmentsTable.columns.map(({ name }) => name);
const everyAttachmentColumn = raw(attachmentColumnNames.join(", "));
const returnedColumns = raw(attachmentColumnNames.map((name) => returnedValues.get(name) ?? `d.${name}`).join(", "));

export function createKeptFiles({ database, storage, collectArrived }: KeptFilesDependencies): KeptFiles {
  /** Records that the bytes of files of an account have been moved to these keys. */
  async function recordMoves(accountId: string, keptKeys: readonly string[]): Promise<void> {
    // By the keys and not the ids: the note may have been undeleted and deleted again, with other keys. The rows are
    // locked in one order, because a request and the sweep may have moved the same files.
    await database.query(sql`
      UPDATE deleted_attachments d SET is_moved = true FROM (
        SELECT o.id FROM deleted_attachments o WHERE o.account_id = ${accountId}::uuid AND o.kept_key = ANY(${keptKeys}::text[])
        ORDER BY o.id FOR UPDATE
      ) moved WHERE d.account_id = ${accountId}::uuid AND d.id = moved.id`);
  }

  /** Moves the bytes of the files. Throws the first error, after it has recorded what was moved. */
  async function moveAll(files: readonly UnmovedFile[]): Promise<void> {
    const moved: UnmovedFile[] = [];
    const errors: unknown[] = [];
    for (let start = 0; start < files.length && errors.length === 0; start += maxConcurrentMoves) {
      const moves = files.slice(start, start + maxConcurrentMoves).map(async (file) => {
        await storage.move({ from: file.storageKey, to: file.keptKey });
        moved.push(file);
      });
      const results = await Promise.allSettled(moves);
      errors.push(...results.flatMap((result): unknown[] => (result.status === "rejected" ? [result.reason] : [])));
    }
    for (const [accountId, ofAccount] of Map.groupBy(moved, (file) => file.accountId)) {
      await recordMoves(
        accountId,
        ofAccount.map(({ keptKey }) => keptKey),
      );
    }
    if (errors.length > 0) throw errors[0];
  }

  return {
    collectArrived,

    async hide(accountId, noteId) {
      const files = await database.query<UnmovedFile>(sql`
        SELECT ${unmovedColumns} FROM deleted_attachments d
        WHERE d.account_id = ${accountId}::uuid AND d.note_id = ${noteId}::uuid AND NOT d.is_moved`);
      await moveAll(files);
    },

    async hideRest() {
      for (let rests = 0; rests < maxRests; rests += 1) {
        const files = await database.query<UnmovedFile>(sql`
          SELECT ${unmovedColumns} FROM deleted_attachments d WHERE NOT d.is_moved
          ORDER BY d.account_id, d.id LIMIT ${restSize}::int`);
        await moveAll(files);
        if (files.length < restSize) return;
      }
    },

    areHidden: (accountId) => sql`NOT EXISTS (
      SELECT FROM deleted_attachments a WHERE a.account_id = ${accountId}::uuid AND a.note_id = d.id AND NOT a.is_moved)`,

    bringBack: (accountId) => sql`
      INSERT INTO attachments (${everyAttachmentColumn})
      SELECT ${returnedColumns} FROM deleted_attachments d JOIN restored r ON r.id = d.note_id AND r.account_id = d.account_id
      WHERE d.account_id = ${accountId}::uuid
      RETURNING id, account_id`,
  };
}
