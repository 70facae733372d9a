import { empty, type Sql, sql, raw } from "../database/sql.ts";
import { insertInto } from "../database/table.ts";
import type { PersonViewer } from "../viewer.ts";
import type { KeyHashes } from "./hashes.ts";
import { idempotencyKeysTable } from "./table.ts";

/** The parts with which a statement writes under an idempotency key, once. */
export interface KeyClaim {
  /**
   * The condition of the part that writes first. It is true, or the statement fails because another one writes or has
   * written under the key.
   */
  readonly condition: Sql;
  /**
   * Returns a WITH part, preceded by a comma, that keeps the key with the ids of what is written, if the WITH part
   * `rows` has written anything.
   */
  kept(rows: string, ids: readonly string[]): Sql;
  /** Keeps the key of a call for which there is nothing to write. */
  keep(ids: readonly string[]): Promise<void>;
  /** The key as columns of a statement that writes for several calls. Absent if the call has no key. */
  readonly columns?: KeyColumns;
}

/** The columns of a call in a recordset, from which {@link claimedIn} and {@link keptIn} are made. */
export interface KeyColumns extends KeyHashes {
  /** Keys from before this time do not count any more. */
  readonly keptSince: Date;
}

/** The types of {@link KeyColumns}. */
export const keyColumnTypes = { keyHash: "uuid", inputHash: "uuid", keptSince: "timestamptz" } as const;

/** The claim of a call without a key. */
export const noClaim: KeyClaim = { condition: sql`true`, kept: () => empty, keep: () => Promise.resolve() };

/**
 * Returns a condition on the row `asked` of a recordset with {@link KeyColumns}. It is true if the call has no key or
 * may write under it. Otherwise the statement fails.
 */
export function claimedIn(asked: string, accountId: Sql): Sql {
  const name = raw(asked);
  return sql`(${name}."keyHash" IS NULL OR claim_idempotency_key(${accountId}, ${name}."keyHash", ${name}."keptSince"))`;
}

/**
 * Returns an INSERT that keeps the keys of the rows `asked` for the rows `added`, which have the same ids, an account
 * and a time.
 */
export function keptIn(asked: string, added: string): Sql {
  const [calls, rows] = [raw(asked), raw(added)];
  const insert = insertInto(idempotencyKeysTable, {
    accountId: sql`${rows}.account_id`,
    keyHash: sql`${calls}."keyHash"`,
    inputHash: sql`${calls}."inputHash"`,
    ids: sql`ARRAY[${rows}.id]`,
    createdAt: sql`${rows}.created_at`,
  });
  return sql`${insert} FROM ${rows} JOIN ${calls} ON ${calls}.id = ${rows}.id WHERE ${calls}."keyHash" IS NOT NULL`;
}

/** What a claim needs to know. */
export interface ClaimOptions {
  readonly person: PersonViewer;
  readonly hashes: KeyHashes;
  readonly now: Date;
  /** Keys from before this time do not count any more. */
  readonly keptSince: Date;
  readonly send: (statement: Sql) => Promise<unknown>;
}

export function createClaim({ person, hashes, now, keptSince, send }: ClaimOptions): KeyClaim {
  const accountId = person.account.id;
  const insert = (ids: readonly string[]) => insertInto(idempotencyKeysTable, { accountId, ...hashes, ids, createdAt: now });
  // A subquery is evaluated once, before the rows are looked for that are written.
  const condition = sql`(SELECT claim_idempotency_key(${accountId}::uuid, ${hashes.keyHash}::uuid, ${keptSince}::timestamptz))`;
  return {
    condition,
    columns: { ...hashes, keptSince },
    kept: (rows, ids) => sql`, key_kept AS (${insert(ids)} WHERE EXISTS (SELECT FROM ${raw(rows)}))`,
    async keep(ids) {
      await send(sql`${insert(ids)} WHERE ${condition}`);
    },
  };
}
