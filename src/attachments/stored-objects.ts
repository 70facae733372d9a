import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { ListedObject } from "../storage/storage.ts";
import { uuidSource } from "../lib/uuid.ts";

/** `<account>/<upload>`: what the key of an upload has, and the keys of all attempts at it begin with. */
const uploadKeyLength = 73;

/** `<account>/<id>`, and a further id where it is one of several attempts. Other programs' objects in a bucket have other keys. */
const ownKey = new RegExp(`^${uuidSource}/${uuidSource}(-|$)`);

/** Whether the gateway has made the key. */
export function isOwnKey(key: string): boolean {
  return ownKey.test(key);
}

/**
 * Returns those of `objects` that no row refers to: no attachment has them, no upload awaits or keeps them, and they are not
 * queued for removal. It returns only objects of accounts of this database, so that a gateway with the wrong database removes
 * nothing.
 */
export async function objectsWithoutRow(database: Database, objects: readonly ListedObject[]): Promise<ListedObject[]> {
  const own = objects.filter(({ key }) => isOwnKey(key));
  if (own.length === 0) return [];
  const rows = await database.query<{ key: string }>(sql`
    SELECT o.key FROM unnest(${own.map(({ key }) => key)}::text[]) AS o(key)
    JOIN accounts c ON c.id = split_part(o.key, '/', 1)::uuid
    WHERE NOT EXISTS (SELECT 1 FROM attachments a WHERE a.account_id = c.id AND a.storage_key = o.key)
      AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.account_id = c.id AND u.storage_key IN (o.key, left(o.key, ${uploadKeyLength}::int)))
      AND NOT EXISTS (SELECT 1 FROM discarded_objects d WHERE d.storage_key = o.key)`);
  const unknown = new Set(rows.map(({ key }) => key));
  return own.filter(({ key }) => unknown.has(key));
}
