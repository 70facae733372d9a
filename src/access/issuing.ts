import type { ApiKey } from "#generated/prisma/client.ts";
import type { Database } from "../database/database.ts";
import { raw, sql, type Sql } from "../database/sql.ts";
import { insertInto, selectList, setList, type Table } from "../database/table.ts";
import { type Actor, auditInsert } from "./audit.ts";
import type { SecretKind } from "./input.ts";
import { hashOf, newSecret } from "./secrets.ts";
import { apiKeysTable, oauthClientsTable } from "./tables.ts";

/** A key or a client, without anything to use it by. The two have the same columns. */
export type Credential = Omit<ApiKey, "hash">;

const secretTables: Readonly<Record<SecretKind, Table<ApiKey>>> = { API_KEY: apiKeysTable, OAUTH_CLIENT: oauthClientsTable };

/** The table of the credentials of a kind, for a FROM. */
export function credentialTable(kind: SecretKind): Sql {
  return raw(secretTables[kind].name);
}

/** The columns of a {@link Credential} in the table alias `c`. */
export const credentialColumns = selectList(apiKeysTable, "c", ["hash"]);

/** Adds a credential and its event to the audit. The secret, a new one unless it is given, comes back this once, and is kept nowhere. */
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
      RETURNING *
    ), audited AS (${auditInsert(actor, { action: "CREATED", entity: kind, rows: "added", at: given.createdAt })})
    SELECT ${credentialColumns} FROM added c`);
  if (!credential) throw new Error("A credential was added and did not come back.");
  return { credential, secret };
}

/**
 * Revokes a credential permanently and returns it, or null if the account has no such credential. To revoke it again changes
 * nothing.
 */
export async function revokeCredential(
  database: Database,
  kind: SecretKind,
  actor: Actor,
  { id, accountId, at }: { id: string; accountId: string; at: Date },
): Promise<Credential | null> {
  const table = credentialTable(kind);
  const [credential] = await database.query<Credential>(sql`
    WITH revoked AS (
      UPDATE ${table} c SET ${setList(secretTables[kind], { revokedAt: at })}
      WHERE c.id = ${id}::uuid AND c.account_id = ${accountId}::uuid AND c.revoked_at IS NULL
      RETURNING c.*
    ), audited AS (${auditInsert(actor, { action: "REVOKED", entity: kind, rows: "revoked", at })})
    SELECT ${credentialColumns} FROM revoked c
    UNION ALL
    SELECT ${credentialColumns} FROM ${table} c WHERE c.id = ${id}::uuid AND c.account_id = ${accountId}::uuid AND c.revoked_at IS NOT NULL`);
  return credential ?? null;
}
