import { createHash, randomBytes } from "node:crypto";
import type { Database } from "../platform/database.ts";
import type { Clock } from "../platform/clock.ts";
import { sql } from "../platform/sql.ts";
import { type PersonViewer, type Role, type Scope, scopes } from "../viewer.ts";

/** Marks a text as one of our keys, for people and for the scanners that look for leaked ones. */
const keyPrefix = "tnk_";

/** A new key: 256 random bits. It is shown once, and only its hash is kept. */
export function newApiKey(): { key: string; hash: Uint8Array<ArrayBuffer> } {
  const key = `${keyPrefix}${randomBytes(32).toString("base64url")}`;
  return { key, hash: hashOf(key) };
}

/** Turns credentials into viewers. */
export interface Credentials {
  /** The person an API key acts for; null where the key is unknown, expired or revoked: the three cannot be told apart. */
  viewerOfKey(key: string): Promise<PersonViewer | null>;
}

interface KeyRow {
  readonly personId: string;
  readonly personNumber: number;
  readonly personName: string;
  readonly accountId: string;
  readonly accountSlug: string;
  readonly accountName: string;
  readonly timeZone: string;
  readonly role: Role;
  readonly scopes: readonly string[];
}

export function createCredentials({ database, clock }: { database: Database; clock: Clock }): Credentials {
  return {
    async viewerOfKey(key) {
      const [row] = await database.query<KeyRow>(sql`
        SELECT p.id AS "personId", p.number AS "personNumber", p.name AS "personName",
               a.id AS "accountId", a.slug AS "accountSlug", a.name AS "accountName", a.time_zone AS "timeZone", m.role, k.scopes
        FROM api_keys k
        JOIN memberships m ON m.account_id = k.account_id AND m.person_id = k.person_id
        JOIN people p ON p.id = m.person_id
        JOIN accounts a ON a.id = m.account_id
        WHERE k.hash = ${Buffer.from(hashOf(key))} AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ${clock()}::timestamptz)`);
      return row ? toViewer(row) : null;
    },
  };
}

function toViewer(row: KeyRow): PersonViewer {
  return {
    kind: "person",
    person: { id: row.personId, number: row.personNumber, name: row.personName },
    account: { id: row.accountId, slug: row.accountSlug, name: row.accountName, timeZone: row.timeZone },
    role: row.role,
    scopes: new Set(row.scopes.filter((scope): scope is Scope => scopes.some((known) => known === scope))),
  };
}

function hashOf(key: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(createHash("sha256").update(key).digest());
}
