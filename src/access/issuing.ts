import type { ApiKey } from "#generated/prisma/client.ts";
import type { Database } from "../database/database.ts";
import { raw, sql, type Sql } from "../database/sql.ts";
import { insertInto, selectList, setList, type Table } from "../database/table.ts";
import { type KeyClaim, noClaim } from "../idempotency/claim.ts";
import { type Actor, auditInsert } from "./audit.ts";
import { isStillAdministrator, requireStillAdministrator } from "./still-administrator.ts";
import type { SecretKind } from "./input.ts";
import { hashOf, newSecret } from "./secrets.ts";
import { apiKeysTable, oauthClientsTable } from "./tables.ts";

/** An API key or an OAuth client without its secret's hash. The two have the same columns. */
export type Credential = Omit<ApiKey, "hash">;

const secretTables: Readonly<Record<SecretKind, Table<ApiKey>>> = { API_KEY: apiKeysTable, OAUTH_CLIENT: oauthClientsTable };

/** Returns the table of a kind of credentials, for a FROM clause. */
export function credentialTable(kind: SecretKind): Sql {
  return raw(secretTables[kind].name);
}

/** The columns of a {@link Credential} of the table alias `c`, for a SELECT list. */
export const credentialColumns = selectList(apiKeysTable, "c", ["hash"]);

/**
 * Adds a credential and its audit event. Returns the secret, which is a new one unless `givenSecret` is set. The secret
 * is not stored, so it cannot be read again. Throws `Forbidden` if the actor is no administrator any more.
 */
export async function addCredential(
  database: Database,
  kind: SecretKind,
  actor: Actor,
  given: Pick<Credential, "id" | "accountId" | "personId" | "name" | "scopes" | "everyAccount" | "createdAt" | "expiresAt">,
  givenSecret?: string,
): Promise<{ credential: Credential; secret: string }> {
  const { secret, hash } = givenSecret === undefined ? newSecret(kind) : { secret: givenSecret, hash: hashOf(givenSecret) };
  const [credential] = await database.query<Credential>(sql`
    WITH added AS (
      ${insertInto(secretTables[kind], { ...given, hash: Buffer.from(hash), revokedAt: null, lastUsedAt: null })}
      WHERE ${isStillAdministrator(actor)} RETURNING *
    ), audited AS (${auditInsert(actor, { action: "CREATED", entity: kind, rows: "added", at: given.createdAt })})
    SELECT ${credentialColumns} FROM added c`);
  if (!credential) {
    await requireStillAdministrator(database, actor);
    throw new Error("A credential was added and did not come back.");
  }
  return { credential, secret };
}

/**
 * Revokes a credential permanently. Returns it, or null if the account has no such credential. Revoking it again
 * changes nothing.
 */
export async function revokeCredential(
  database: Database,
  kind: SecretKind,
  actor: Actor,
  { id, accountId, at }: { id: string; accountId: string; at: Date },
  key: KeyClaim = noClaim,
): Promise<Credential | null> {
  const table = credentialTable(kind);
  const [credential] = await database.query<Credential>(sql`
    WITH revoked AS (
      UPDATE ${table} c SET ${setList(secretTables[kind], { revokedAt: at })}
      WHERE c.id = ${id}::uuid AND c.account_id = ${accountId}::uuid AND c.revoked_at IS NULL AND ${key.condition}
        AND ${isStillAdministrator(actor)}
      RETURNING c.*
    ), audited AS (${auditInsert(actor, { action: "REVOKED", entity: kind, rows: "revoked", at })})
    ${key.kept("revoked", [id])}
    SELECT ${credentialColumns} FROM revoked c
    UNION ALL
    SELECT ${credentialColumns} FROM ${table} c WHERE c.id = ${id}::uuid AND c.account_id = ${accountId}::uuid AND c.revoked_at IS NOT NULL`);
  return credential ?? null;
}

/**
 * Changes what is given of a credential. Returns it, or null if the account has no such credential that is not revoked.
 */
export async function changeCredential(
  database: Database,
  kind: SecretKind,
  actor: Actor,
  {
    id,
    accountId,
    at,
    changes,
  }: {
    id: string;
    accountId: string;
    at: Date;
    changes: {
      readonly name?: string | undefined;
      readonly scopes?: readonly string[] | undefined;
      readonly expiresAt?: Date | null | undefined;
    };
  },
): Promise<Credential | null> {
  const [credential] = await database.query<Credential>(sql`
    WITH changed AS (
      UPDATE ${credentialTable(kind)} c SET ${setList(secretTables[kind], changes)}
      WHERE c.id = ${id}::uuid AND c.account_id = ${accountId}::uuid AND c.revoked_at IS NULL AND ${isStillAdministrator(actor)}
      RETURNING c.*
    ), audited AS (${auditInsert(actor, { action: "EDITED", entity: kind, rows: "changed", at })})
    SELECT ${credentialColumns} FROM changed c`);
  return credential ?? null;
}

/** Returns a credential of an account, or null if there is none with that id. */
export async function findCredential(
  database: Database,
  kind: SecretKind,
  { id, accountId }: { id: string; accountId: string },
): Promise<Credential | null> {
  const [credential] = await database.query<Credential>(sql`
    SELECT ${credentialColumns} FROM ${credentialTable(kind)} c WHERE c.id = ${id}::uuid AND c.account_id = ${accountId}::uuid`);
  return credential ?? null;
}
