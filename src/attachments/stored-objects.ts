import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { ListedObject } from "../storage/storage.ts";
import { uuidSource } from "../lib/uuid.ts";

/** The length of `<account>/<upload>`, the key of an upload, with which the keys of its attempts begin. */
const uploadKeyLength = 73;

/**
 * `<account>/<id>`, followed by a further id for an attempt. Objects of other programs in the bucket have other keys.
 */
const ownKey = new RegExp(`^${uuidSource}/${uuidSource}(-|$)`);

/** Returns whether the key has the form of this gateway's keys. */
export function isOwnKey(key: string): boolean {
  return ownKey.test(key);
}

/**
 * Returns the objects to which no row refers: neither an attachment, also of a deleted note, nor an upload, and not one
 * that is queued for removal. Only objects of accounts in this database are returned, so that a gateway with the wrong
 * database removes nothing.
 */
export async function objectsWithoutRow(database: Database, objects: readonly ListedObject[]): Promise<ListedObject[]> {
  const own = objects.filter(({ key }) => isOwnKey(key));
  if (own.length === 0) return [];
  const rows = await database.query<{ key: string }>(sql`
    SELECT o.key FROM unnest(${own.map(({ key }) => key)}::text[]) AS o(key)
    JOIN accounts c ON c.id = split_part(o.key, '/', 1)::uuid
    WHERE NOT EXISTS (SELECT 1 FROM attachments a WHERE a.account_id = c.id AND a.storage_key = o.key)
      AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.account_id = c.id AND u.storage_key IN (o.key, left(o.key, ${uploadKeyLength}::int)))
      AND NOT EXISTS (SELECT 1 FROM deleted_attachments k WHERE k.account_id = c.id AND k.kept_key = o.key)
      AND NOT EXISTS (SELECT 1 FROM deleted_attachments k WHERE k.account_id = c.id AND k.storage_key = o.key)
      AND NOT EXISTS (SELECT 1 FROM discarded_objects d WHERE d.storage_key = o.key)`);
  const unknown = new Set(rows.map(({ key }) => key));
  return own.filter(({ key }) => unknown.has(key));
}
