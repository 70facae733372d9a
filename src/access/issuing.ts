import { type ApiKey, Prisma } from "#generated/prisma/client.ts";
import type { Database } from "../platform/database.ts";
import { columns, raw, sql, type Sql } from "../platform/sql.ts";
import { type Actor, auditInsert } from "./audit.ts";
import type { SecretKind } from "./input.ts";
import { hashOf, newSecret } from "./secrets.ts";

/** A key or a client, without anything to use it by. The two have the same columns. */
export type Credential = Omit<ApiKey, "hash">;

export const credentialTables: Readonly<Record<SecretKind, Sql>> = {
  API_KEY: raw("api_keys"),
  OAUTH_CLIENT: raw("oauth_clients"),
};

const { hash: _secret, ...shownFields } = Prisma.ApiKeyScalarFieldEnum;

/** The columns of a {@link Credential} in the table alias `c`. */
export const credentialColumns = columns("c", shownFields);

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
      INSERT INTO ${credentialTables[kind]} (id, account_id, person_id, name, hash, scopes, every_account, created_at, expires_at)
      VALUES (${given.id}::uuid, ${given.accountId}::uuid, ${given.personId}::uuid, ${given.name}, ${Buffer.from(hash)}, ${given.scopes}::text[],
        ${given.everyAccount}, ${given.createdAt}::timestamptz, ${given.expiresAt}::timestamptz)
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
  const table = credentialTables[kind];
  const [credential] = await database.query<Credential>(sql`
    WITH revoked AS (
      UPDATE ${table} c SET revoked_at = ${at}::timestamptz
      WHERE c.id = ${id}::uuid AND c.account_id = ${accountId}::uuid AND c.revoked_at IS NULL
      RETURNING c.*
    ), audited AS (${auditInsert(actor, { action: "REVOKED", entity: kind, rows: "revoked", at })})
    SELECT ${credentialColumns} FROM revoked c
    UNION ALL
    SELECT ${credentialColumns} FROM ${table} c WHERE c.id = ${id}::uuid AND c.account_id = ${accountId}::uuid AND c.revoked_at IS NOT NULL`);
  return credential ?? null;
}
