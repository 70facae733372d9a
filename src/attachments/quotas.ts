import { Forbidden } from "../errors.ts";
import { sql, type Sql } from "../database/sql.ts";

/** The maximum number of awaited files of one note. */
const maxAwaitedOfNote = 100;

/**
 * The maximum number of a person's open uploads: those that were requested or sent within {@link openMs} and have not
 * become attachments.
 */
const maxOpenOfPerson = 1_000;

/** The maximum size of a person's open uploads together, as a multiple of the maximum size of one file. */
const maxSizesOfPerson = 10n;

/** How long an upload may stay open. After this time it is removed. */
export const openMs = 24 * 60 * 60 * 1000;

/**
 * How long the declared size of an upload counts towards the quota. After this time the bytes have arrived and count
 * themselves, or do not arrive.
 */
const underWayMs = 10 * 60 * 1000;

/** The person whose uploads are counted, the time, and the size of the next upload if it is known. */
export interface UploadCount {
  readonly accountId: string;
  readonly personId: string;
  readonly at: Date;
  readonly bytes: number | null;
  readonly maximumBytes: number;
}

/**
 * Returns a query whose one row has the column `refusal`: the quota that forbids the upload (`person` or `bytes`), or
 * null if it is allowed. Concurrent requests do not see each other, so a quota can be exceeded by the number of
 * database connections.
 */
export function quotaOfPerson({ accountId, personId, at, bytes, maximumBytes }: UploadCount): Sql {
  const since = new Date(at.getTime() - openMs);
  const announcedSince = new Date(at.getTime() - underWayMs);
  return sql`
    SELECT CASE
      WHEN count(*) >= ${maxOpenOfPerson}::int THEN 'person'
      WHEN coalesce(sum(CASE WHEN u.state = 'READY' THEN u.size WHEN u.created_at > ${announcedSince}::timestamptz THEN u.announced_size END), 0)
        + coalesce(${bytes}::bigint, 0) > ${maxBytesOfPerson(maximumBytes)}::bigint THEN 'bytes'
    END AS refusal
    FROM uploads u
    WHERE u.account_id = ${accountId}::uuid AND u.person_id = ${personId}::uuid AND u.consumed_at IS NULL
      AND u.created_at > ${since}::timestamptz`;
}

/** Like {@link quotaOfPerson}. `refusal` is `note` if too many other files of the note than `filename` are awaited. */
export function quotaOfNote(count: UploadCount, noteId: string, filename: string): Sql {
  return sql`
    SELECT CASE WHEN (
      SELECT count(*) FROM attachments a
      WHERE a.account_id = ${count.accountId}::uuid AND a.note_id = ${noteId}::uuid AND a.state = 'PENDING' AND a.filename <> ${filename}
    ) >= ${maxAwaitedOfNote}::int THEN 'note' ELSE person.refusal END AS refusal
    FROM (${quotaOfPerson(count)}) person`;
}

export type QuotaRefusal = "note" | "person" | "bytes";

/** Returns the error for an exceeded quota. Its message says what to do. */
export function quotaExceeded(refusal: QuotaRefusal, maximumBytes: number): Forbidden {
  const sentences: Readonly<Record<QuotaRefusal, string>> = {
    note: `The note awaits ${maxAwaitedOfNote} files already, and no more at a time: send those, or delete the ones that will not come.`,
    person:
      `You have ${maxOpenOfPerson} uploads of the last 24 hours that have not arrived, or that no note has taken, and no more at a time: ` +
      "send or use those, or try again later.",
    bytes:
      `Your uploads that no note has taken would have more than ${maxBytesOfPerson(maximumBytes)} bytes with this one, and no more are kept at a time: ` +
      "add them to a note, or try again later.",
  };
  return new Forbidden(sentences[refusal]);
}

function maxBytesOfPerson(maximumBytes: number): bigint {
  return BigInt(maximumBytes) * maxSizesOfPerson;
}
