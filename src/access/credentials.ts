import { decodeJwt } from "jose";
import { LRUCache } from "lru-cache";
import type { ApiKey, IdentityLink } from "#generated/prisma/client.ts";
import type { GuessThrottle } from "../limits/guessing.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import type { ResponseAllowance } from "../lib/response-budget.ts";
import { type MaybePromise, mapMaybePromise } from "../lib/maybe-promise.ts";
import { createRefreshAheadCache } from "../lib/refresh-ahead-cache.ts";
import { raw, sql, type Sql } from "../database/sql.ts";
import { setList, type Table } from "../database/table.ts";
import { type CredentialKind, type Origin, type PersonViewer, type Role, type Scope, scopes, scopesOf } from "../viewer.ts";
import { auditInsertOnBehalf } from "./audit.ts";
import type { Issuers } from "./issuers.ts";
import { hashTextOf } from "./secrets.ts";
import { apiKeysTable, identityLinksTable, oauthClientsTable } from "./tables.ts";
import type { AccessTokens } from "./tokens.ts";

/** The outcome of checking a credential. */
export type Resolution =
  | { readonly outcome: "viewer"; readonly viewer: PersonViewer }
  /** The credential is unknown, expired or revoked. The error does not say which. */
  | { readonly outcome: "invalid" }
  /** The credential is valid but may not be used in that account, whether the account exists or not. */
  | { readonly outcome: "account-refused" };

export interface CredentialUse {
  /** The slug of the account to act in. Default: the credential's own account. */
  readonly account?: string | undefined;
  readonly origin: Origin;
  /** The memory that the response may use. */
  readonly response: ResponseAllowance;
}

/** A client of the token endpoint that has sent the right secret. */
export interface AuthenticatedClient {
  readonly id: string;
  readonly scopes: readonly Scope[];
}

/** Checks credentials and finds the viewers they belong to. */
export interface Credentials {
  /**
   * Returns the person for whom the credential acts: an API key, an access token of this gateway, or a token of a
   * trusted external issuer. It returns no promise if its holder is known, because a promise for each step would cost
   * more than the steps.
   */
  resolve(credential: string, use: CredentialUse): MaybePromise<Resolution>;
  /**
   * Returns whether an account with that slug exists. Only for an API whose contract has two different answers for a
   * refused account.
   */
  accountExists(slug: string): Promise<boolean>;
  /** Returns the client with that id and secret, or null if there is none or it is expired or revoked. */
  authenticateClient(clientId: string, secret: string, origin: Origin): Promise<AuthenticatedClient | null>;
}

export interface CredentialsDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly tokens: AccessTokens;
  readonly issuers: Issuers;
  /** The issuer name of this gateway. */
  readonly ownIssuer: string;
  /** A monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** Slows down callers that guess credentials. */
  readonly guesses: GuessThrottle;
}

interface Holder {
  readonly id: string;
  readonly accountId: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
  readonly person: PersonViewer["person"];
  /** The accounts where the credential may be used, including its own. */
  readonly memberships: readonly Membership[];
}

interface Membership {
  readonly account: PersonViewer["account"];
  readonly role: Role;
  /** The scopes granted to the credential that its person's role also has. */
  readonly scopes: ReadonlySet<Scope>;
}

/** A holder as the database returns it. */
interface HolderRow extends Omit<Holder, "memberships" | "scopes"> {
  readonly scopes: readonly string[];
  readonly memberships: readonly (PersonViewer["account"] & { readonly role: Role })[];
}

/** The verified content of a credential, before the person for whom it acts is known. */
type Proof =
  | { readonly kind: "API_KEY"; readonly hash: string }
  | { readonly kind: "OAUTH_CLIENT"; readonly clientId: string; readonly scopes: readonly string[]; readonly expiresAt: Date }
  | {
      readonly kind: "IDENTITY_LINK";
      readonly issuer: string;
      readonly subject: string;
      readonly scopes: readonly string[];
      readonly expiresAt: Date;
    };

/**
 * How long a holder read from the database is used. Within a second of being revoked a credential stops working in
 * every process.
 */
const lifetimeMilliseconds = 900;
const refreshMilliseconds = 500;
const credentialCacheSize = 10_000;
/** How long a verified token is not verified again. It is short because an issuer can withdraw its keys. */
const tokenCacheMs = 30_000;
/** In characters. Longer than any token of this gateway, and about the limit that servers set for headers. */
const maxCredentialLength = 8_192;

/** The column that this file writes, which all kinds of credentials have. */
type UsedCredential = Pick<ApiKey & IdentityLink, "lastUsedAt">;

const credentialTables: Readonly<Record<CredentialKind, Table<UsedCredential>>> = {
  API_KEY: apiKeysTable,
  OAUTH_CLIENT: oauthClientsTable,
  IDENTITY_LINK: identityLinksTable,
};

export function createCredentials(dependencies: CredentialsDependencies): Credentials {
  const { database, clock, tokens, issuers, ownIssuer, now: elapsed, guesses } = dependencies;
  const holders = createRefreshAheadCache<Holder | null>({
    maximumEntries: credentialCacheSize,
    lifetimeMilliseconds,
    refreshMilliseconds,
    now: elapsed,
  });
  const tokenProofs = new LRUCache<string, Proof>({ max: credentialCacheSize, ttl: tokenCacheMs });

  /**
   * Returns the holder of a credential: null if it is not valid, or if its person has left the account to which it
   * belongs. Existing and missing credentials take the same single statement. That statement
   * also records the first use in an hour, so only one of all processes records it and no further round trip is needed.
   */
  async function findHolder(kind: CredentialKind, condition: Sql, origin: Origin): Promise<Holder | null> {
    const now = clock();
    const isLink = kind === "IDENTITY_LINK";
    const table = raw(credentialTables[kind].name);
    const alive = isLink
      ? sql`true`
      : sql`c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > ${now}::timestamptz)`;
    const [row] = await database.query<HolderRow & Record<string, unknown>>(sql`
      WITH found AS (
        SELECT c.id, c.account_id, c.person_id, c.scopes, c.every_account, ${isLink ? raw("NULL::timestamptz") : raw("c.expires_at")} AS expires_at
        FROM ${table} c
        JOIN memberships own ON own.account_id = c.account_id AND own.person_id = c.person_id AND own.ended_at IS NULL
        WHERE ${condition} AND ${alive}
      ), used AS (
        UPDATE ${table} c SET ${setList(credentialTables[kind], { lastUsedAt: now })} FROM found
        WHERE c.id = found.id AND c.account_id = found.account_id
          AND (c.last_used_at IS NULL OR c.last_used_at <= ${now}::timestamptz - interval '1 hour')
        RETURNING c.id, c.account_id, c.person_id, ${kind}::"CredentialKind" AS credential_kind, c.id AS credential_id
      ), audited AS (${auditInsertOnBehalf(origin, { action: "USED", entity: kind, rows: "used", at: now })})
      SELECT found.id, found.account_id AS "accountId", found.scopes, found.expires_at AS "expiresAt",
        json_build_object('id', p.id, 'number', p.number, 'name', p.name) AS person,
        (SELECT json_agg(json_build_object('id', a.id, 'slug', a.slug, 'name', a.name, 'timeZone', a.time_zone, 'role', m.role))
         FROM memberships m JOIN accounts a ON a.id = m.account_id
         WHERE m.person_id = found.person_id AND m.ended_at IS NULL
           AND (m.account_id = found.account_id OR found.every_account)) AS memberships
      FROM found JOIN people p ON p.id = found.person_id`);
    return row ? holderIn(row) : null;
  }

  function holderOf(proof: Proof, origin: Origin): MaybePromise<Holder | null> {
    if (proof.kind === "API_KEY") {
      const { hash } = proof;
      return holders.get(`API_KEY ${hash}`, () => findHolder("API_KEY", sql`c.hash = ${bytesOf(hash)}`, origin));
    }
    if (proof.kind === "OAUTH_CLIENT") {
      return holders.get(`OAUTH_CLIENT ${proof.clientId}`, () =>
        findHolder("OAUTH_CLIENT", sql`c.id = ${proof.clientId}::uuid`, origin),
      );
    }
    const { issuer, subject } = proof;
    return holders.get(`IDENTITY_LINK ${JSON.stringify([issuer, subject])}`, () =>
      findHolder("IDENTITY_LINK", sql`c.issuer = ${issuer} AND c.subject = ${subject}`, origin),
    );
  }

  function proofOf(credential: string, hash: string): MaybePromise<Proof | null> {
    // Everything that is not a token is looked up as an API key, so that a malformed key takes as long as a right one.
    if (!hasFormOfToken(credential)) return { kind: "API_KEY", hash };
    const known = tokenProofs.get(hash);
    if (known !== undefined) return known;
    const issuer = issuerIn(credential);
    return issuer === undefined ? { kind: "API_KEY", hash } : newProofOf(issuer, credential, hash);
  }

  async function newProofOf(issuer: string, token: string, hash: string): Promise<Proof | null> {
    const proof = await verified(issuer, token);
    if (proof) tokenProofs.set(hash, proof);
    return proof;
  }

  async function verified(issuer: string, token: string): Promise<Proof | null> {
    if (issuer === ownIssuer) {
      const own = await tokens.verify(token);
      return own && { kind: "OAUTH_CLIENT", ...own };
    }
    if (!issuers.trusts(issuer)) return null;
    const outside = await issuers.verify(issuer, token);
    return outside && { kind: "IDENTITY_LINK", ...outside };
  }

  function resolved(credential: string, hash: string, use: CredentialUse): MaybePromise<Resolution> {
    return mapMaybePromise(proofOf(credential, hash), (proof) => {
      if (proof === null) return { outcome: "invalid" };
      return mapMaybePromise(holderOf(proof, use.origin), (holder) => resolutionOf(proof, holder, use));
    });
  }

  function resolutionOf(proof: Proof, holder: Holder | null, { account, origin, response }: CredentialUse): Resolution {
    const now = clock();
    // Checked here too, because the holder may come from the cache.
    const isOver = (end: Date | null) => end !== null && end <= now;
    if (!holder || isOver(holder.expiresAt) || (proof.kind !== "API_KEY" && isOver(proof.expiresAt)))
      return { outcome: "invalid" };
    const membership = holder.memberships.find(({ account: one }) =>
      account === undefined ? one.id === holder.accountId : one.slug === account,
    );
    if (!membership) return { outcome: "account-refused" };
    return {
      outcome: "viewer",
      viewer: {
        kind: "person",
        credential: { kind: proof.kind, id: holder.id },
        origin,
        response,
        person: holder.person,
        account: membership.account,
        role: membership.role,
        scopes: scopesWithin(membership, proof),
      },
    };
  }

  return {
    resolve(credential, use) {
      if (credential.length > maxCredentialLength) return { outcome: "invalid" };
      const hash = hashTextOf(credential);
      const guess = { address: use.origin.address, hash };
      guesses.admit(guess);
      return mapMaybePromise(resolved(credential, hash, use), (resolution) => {
        if (resolution.outcome === "invalid") return guesses.failed(guess).then(() => resolution);
        guesses.trust(guess);
        return resolution;
      });
    },
    async accountExists(slug) {
      const rows = await database.query(sql`SELECT 1 FROM accounts a WHERE a.slug = ${slug}`);
      return rows.length > 0;
    },

    async authenticateClient(clientId, secret, origin) {
      const hash = hashTextOf(secret);
      const guess = { address: origin.address, hash, clientId };
      guesses.admit(guess);
      // The lookup is by the secret, which is as unique as the id: the id alone finds nothing.
      const holder = await findHolder("OAUTH_CLIENT", sql`c.hash = ${bytesOf(hash)} AND c.id::text = ${clientId}`, origin);
      if (!holder) {
        await guesses.failed(guess);
        return null;
      }
      guesses.trust(guess);
      return { id: holder.id, scopes: holder.scopes };
    },
  };
}

/** Returns the bytes of a hash, as the database stores it. */
function bytesOf(hash: string): Buffer {
  return Buffer.from(hash, "base64url");
}

/** Whether a credential has the three parts of a signed JSON Web Token (RFC 7515, section 7.1). */
function hasFormOfToken(credential: string): boolean {
  return credential.split(".").length === 3;
}

/**
 * Returns the issuer that a token names, or undefined if `credential` is not a token. It is not verified: use it only
 * to choose the keys that verify the token.
 */
function issuerIn(credential: string): string | undefined {
  try {
    const { iss } = decodeJwt(credential);
    return typeof iss === "string" ? iss : "";
  } catch {
    // A JWTInvalid of jose: the parts are no JSON.
    return undefined;
  }
}

/**
 * Returns the holder in a row. The scopes of each membership are computed here, once, and not at each use of the
 * credential.
 */
function holderIn({ scopes: names, memberships, ...holder }: HolderRow): Holder {
  const granted = knownScopes(names);
  return {
    ...holder,
    scopes: granted,
    memberships: memberships.map(({ role, ...account }) => {
      const ofRole = scopesOf(role);
      return { account, role, scopes: new Set(granted.filter((scope) => ofRole.includes(scope))) };
    }),
  };
}

/**
 * Returns the granted scopes that the credential may use. A token of this gateway has the scopes it was issued for. A
 * token of an external issuer has all scopes of its link if it names none that this gateway knows, and otherwise only
 * those it names.
 */
function scopesWithin({ scopes: granted }: Membership, proof: Proof): ReadonlySet<Scope> {
  if (proof.kind === "API_KEY") return granted;
  const named = new Set<Scope>(knownScopes(proof.scopes));
  if (proof.kind === "IDENTITY_LINK" && named.size === 0) return granted;
  return granted.intersection(named);
}

function knownScopes(names: readonly string[]): Scope[] {
  return scopes.filter((scope) => names.includes(scope));
}
