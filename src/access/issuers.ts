import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify, type JWTVerifyGetKey } from "jose";
import { z } from "zod";
import { Unavailable } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { unstorable } from "../lib/text.ts";
import { clockToleranceSeconds, refusedAsNull } from "./tokens.ts";

/** The external issuers whose tokens are trusted. */
export interface Issuers {
  /** Returns whether tokens of `issuer` are accepted. The name must match exactly. */
  trusts(issuer: string): boolean;
  /**
   * Returns the claims of a token of a trusted issuer, or null if the token is not valid. Throws {@link Unavailable} if
   * the issuer does not answer and its keys were last fetched more than a day ago.
   */
  verify(issuer: string, token: string): Promise<OutsideToken | null>;
}

export interface OutsideToken {
  readonly issuer: string;
  /** The subject of the token, or its client if it has no subject. */
  readonly subject: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date;
}

export interface IssuersDependencies {
  readonly issuers: readonly string[];
  /** The audience that tokens must name: this gateway. */
  readonly audience: string;
  readonly clock: Clock;
  readonly log: { warn(details: object, message: string): void };
  /** A monotonic clock, in milliseconds. */
  readonly now: () => number;
}

/** The accepted signature algorithms, all asymmetric. */
const algorithms = [
  ...["EdDSA", "Ed25519", "ES256", "ES384", "ES512"],
  ...["PS256", "PS384", "PS512", "RS256", "RS384", "RS512"],
];

/** The accepted values of `typ`: the first two are those of RFC 9068; issuers older than it send the third or none. */
const types = new Set(["at+jwt", "application/at+jwt", "jwt", undefined]);

const minuteMs = 60_000;
/** The age at which keys are fetched again in the background. Keys that an issuer has withdrawn stop working then. */
const renewalMs = 10 * minuteMs;
/** How long fetched keys are used while the issuer does not answer. */
const maxOutageMs = 24 * 60 * minuteMs;
/** The shortest time between two fetches because of an unknown key. */
const cooldownMs = 30_000;
/** How long to wait before the next request to an issuer that did not answer. */
const retryMs = 5_000;
const responseTimeoutMs = 5_000;
/** In characters. */
const maxDocumentLength = 1_000_000;

const metadataShape = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });
const keySetShape = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });
const outsideClaimsShape = z.object({
  sub: z.string().min(1).optional(),
  client_id: z.string().min(1).optional(),
  azp: z.string().min(1).optional(),
  scope: z.string().optional(),
  exp: z.number(),
});

export function createIssuers(dependencies: IssuersDependencies): Issuers {
  const { issuers, audience, clock, log, now } = dependencies;
  const keySets = new Map(issuers.map((issuer) => [issuer, createKeySet(issuer, log, now)]));

  return {
    trusts: (issuer) => keySets.has(issuer),

    async verify(issuer, token) {
      const keySet = keySets.get(issuer);
      if (!keySet) return null;
      return refusedAsNull(async () => {
        const { payload, protectedHeader } = await jwtVerify(token, keySet, {
          issuer,
          audience,
          algorithms,
          requiredClaims: ["exp"],
          currentDate: clock(),
          clockTolerance: clockToleranceSeconds,
        });
        if (!types.has(protectedHeader.typ?.toLowerCase())) return null;
        const { data } = outsideClaimsShape.safeParse(payload);
        const subject = data?.sub ?? data?.client_id ?? data?.azp;
        if (data === undefined || subject === undefined || unstorable(subject) !== undefined) return null;
        return { issuer, subject, scopes: data.scope?.split(" ") ?? [], expiresAt: new Date(data.exp * 1000) };
      });
    },
  };
}

/**
 * Returns a key lookup for an issuer. It fetches the keys when they are first needed and caches them, for up to a day
 * if the issuer does not answer.
 */
function createKeySet(issuer: string, log: IssuersDependencies["log"], now: () => number): JWTVerifyGetKey {
  let keys: ReturnType<typeof createLocalJWKSet> | undefined;
  let fetchedAt = -Infinity;
  let triedAt = -Infinity;
  let fetching: Promise<void> | undefined;

  function fetchKeys(): Promise<void> {
    triedAt = now();
    fetching ??= fetchKeySet(issuer)
      .then((fetched) => {
        keys = createLocalJWKSet(fetched);
        fetchedAt = now();
      })
      .catch((error: unknown) => {
        log.warn({ err: error, issuer }, "the keys of an outside issuer cannot be fetched");
        throw error;
      })
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  }

  /** Fetches the issuer's keys, unless the last attempt was less than {@link retryMs} ago. */
  async function fetchNow(): Promise<void> {
    if (fetching === undefined && now() - triedAt < retryMs) return;
    await fetchKeys().catch(() => undefined);
  }

  return async (header, token) => {
    const age = now() - fetchedAt;
    if (age > maxOutageMs) await fetchNow();
    else if (age > renewalMs && now() - triedAt > retryMs) fetchKeys().catch(() => undefined);
    if (keys === undefined || now() - fetchedAt > maxOutageMs) {
      throw new Unavailable({ cause: new Error(`The issuer ${issuer} does not tell its keys.`) });
    }
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || now() - fetchedAt < cooldownMs) throw error;
      await fetchNow();
      return keys(header, token);
    }
  };
}

async function fetchKeySet(issuer: string): Promise<JSONWebKeySet> {
  const metadata = metadataShape.parse(await fetchJson(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`));
  if (metadata.issuer !== issuer) throw new Error(`The document found for the issuer ${issuer} is of ${metadata.issuer}.`);
  return keySetShape.parse(await fetchJson(metadata.jwks_uri));
}

async function fetchJson(url: string): Promise<unknown> {
  const response = await fetch(url, {
    headers: { accept: "application/json" },
    // A redirect could lead to keys that are not the issuer's.
    redirect: "error",
    signal: AbortSignal.timeout(responseTimeoutMs),
  });
  if (!response.ok) throw new Error(`${url} answers ${response.status}.`);
  const text = await response.text();
  if (text.length > maxDocumentLength) throw new Error(`${url} is too long.`);
  return JSON.parse(text);
}
