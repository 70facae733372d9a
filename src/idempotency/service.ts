import pg from "pg";
import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { DomainError, KeyInFlight, KeyReused, Unavailable } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { PersonViewer } from "../viewer.ts";
import { createClaim, type KeyClaim, noClaim } from "./claim.ts";
import { hashesOf, type KeyHashes } from "./hashes.ts";
import type { IdempotencyKey } from "../lib/idempotency-key.ts";

declare module "../services.ts" {
  interface Services {
    readonly idempotency: Idempotency;
  }
}

/** A call that writes, and how it is answered if it has written before. */
export interface RetryableCall<Result> {
  /** Writes with the claim's parts in its statement. It must do nothing before that which may not be done twice. */
  readonly write: (claim: KeyClaim) => Promise<Result>;
  /** Returns the result as of now. `ids` are those that the claim of the earlier call was given. */
  readonly replay: (ids: readonly string[]) => Promise<Result>;
}

export interface Idempotency {
  /**
   * Returns the result of a call that writes at most once under `key` in a day. Without a key it writes. Throws
   * {@link KeyReused} if the key was sent with another input, and {@link KeyInFlight} at once if a call with this key
   * is writing now. A call that fails keeps no key.
   */
  once<Result>(person: PersonViewer, key: IdempotencyKey | undefined, call: RetryableCall<Result>): Promise<Result>;
  /** Removes the keys that are no longer kept. Safe to run at any time, in several processes at once. */
  sweep(): Promise<void>;
}

/** How long a key is kept. */
const keptMilliseconds = 24 * 60 * 60 * 1000;

/** The number of keys that one statement removes, and the number of statements of one sweep. */
const sweepSize = 1_000;
const maxSweeps = 1_000;

export function createIdempotency({ database, clock }: { database: Database; clock: Clock }): Idempotency {
  const keptSince = () => new Date(clock().getTime() - keptMilliseconds);

  /** Returns the ids of the earlier call, or undefined if there was none. Throws {@link KeyReused}. */
  async function idsOf({ account }: PersonViewer, { keyHash, inputHash }: KeyHashes): Promise<readonly string[] | undefined> {
    const [found] = await database.query<{ ids: string[]; isSame: boolean }>(sql`
      SELECT k.ids::text[] AS ids, k.input_hash = ${inputHash}::uuid AS "isSame" FROM idempotency_keys k
      WHERE k.account_id = ${account.id}::uuid AND k.key_hash = ${keyHash}::uuid AND k.created_at > ${keptSince()}::timestamptz`);
    if (found && !found.isSame) throw new KeyReused();
    return found?.ids;
  }

  return {
    async once(person, key, { write, replay }) {
      if (!key) return write(noClaim);
      const hashes = hashesOf(person, key);
      const send = (statement: Parameters<Database["query"]>[0]) => database.query(statement);
      try {
        return await write(createClaim({ person, hashes, now: clock(), keptSince: keptSince(), send }));
      } catch (error) {
        // Any refusal may come of the earlier call: its note has another version now, or its upload is used.
        if (!isOfKey(error) && !isRefusal(error)) throw error;
        const ids = await idsOf(person, hashes);
        if (!ids) throw isOfKey(error) ? new KeyInFlight() : error;
        key.onReplay?.();
        return replay(ids);
      }
    },

    async sweep() {
      for (let sweeps = 0; sweeps < maxSweeps; sweeps += 1) {
        const removed = await database.query(sql`
          DELETE FROM idempotency_keys k USING (
            SELECT o.account_id, o.key_hash FROM idempotency_keys o WHERE o.created_at <= ${keptSince()}::timestamptz
            ORDER BY o.created_at LIMIT ${sweepSize}::int FOR UPDATE SKIP LOCKED
          ) old WHERE k.account_id = old.account_id AND k.key_hash = old.key_hash RETURNING k.key_hash`);
        if (removed.length < sweepSize) return;
      }
    },
  };
}

/** Whether the database refused a statement because another one writes or has written under its key. */
function isOfKey(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false;
  const isUsed = error.code === "23505" && error.constraint === "idempotency_keys_pkey";
  return isUsed || error.code === "NK001" || error.code === "NK002";
}

function isRefusal(error: unknown): error is DomainError {
  return error instanceof DomainError && !(error instanceof Unavailable);
}
