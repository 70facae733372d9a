import { type CryptoKey, errors, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import type { Clock } from "../lib/clock.ts";
import { signingAlgorithm, type SigningKeys, tokenLifetimeSeconds } from "./signing-keys.ts";

/** The access tokens that this gateway gives out and takes: JWTs as RFC 9068 has them. */
export interface AccessTokens {
  issue(grant: { readonly clientId: string; readonly scopes: readonly string[] }): Promise<string>;
  /** What a token that names this gateway as its issuer says; null where it is not one of ours, or not valid now. */
  verify(token: string): Promise<OwnToken | null>;
}

export interface OwnToken {
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date;
}

/** Clocks of two machines differ by less. */
export const clockToleranceSeconds = 5;

const ownClaimsShape = z.object({ client_id: z.uuid(), scope: z.string(), exp: z.number() });

export function createAccessTokens(dependencies: {
  signingKeys: SigningKeys;
  clock: Clock;
  newId: () => string;
  issuer: string;
}): AccessTokens {
  const { signingKeys, clock, newId, issuer } = dependencies;

  async function keyNamed(id: string | undefined): Promise<CryptoKey> {
    // By its name among our own keys: neither a key in the token nor an address in it is ever looked at.
    const key = id === undefined ? null : await signingKeys.publicKey(id);
    if (!key) throw new errors.JWKSNoMatchingKey();
    return key;
  }

  return {
    async issue({ clientId, scopes }) {
      const { id, privateKey } = await signingKeys.current();
      const now = Math.floor(clock().getTime() / 1000);
      return new SignJWT({ client_id: clientId, scope: scopes.join(" ") })
        .setProtectedHeader({ alg: signingAlgorithm, typ: "at+jwt", kid: id })
        .setIssuer(issuer)
        .setAudience(issuer)
        .setSubject(clientId)
        .setJti(newId())
        .setIssuedAt(now)
        .setExpirationTime(now + tokenLifetimeSeconds)
        .sign(privateKey);
    },

    async verify(token) {
      return refusedAsNull(async () => {
        const { payload } = await jwtVerify(token, ({ kid }) => keyNamed(kid), {
          issuer,
          audience: issuer,
          typ: "at+jwt",
          algorithms: [signingAlgorithm],
          requiredClaims: ["exp", "iat", "sub", "jti"],
          currentDate: clock(),
          clockTolerance: clockToleranceSeconds,
        });
        const { data } = ownClaimsShape.safeParse(payload);
        if (data === undefined) return null;
        return { clientId: data.client_id, scopes: data.scope.split(" "), expiresAt: new Date(data.exp * 1000) };
      });
    },
  };
}

/** The answer of `verify`; null where it refuses the token. What else goes wrong is not the token's fault, and goes on. */
export async function refusedAsNull<Answer>(verify: () => Promise<Answer>): Promise<Answer | null> {
  try {
    return await verify();
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    // Web Crypto's own error for a text that is no signature, or no key of the algorithm.
    if (error instanceof DOMException || error instanceof TypeError) return null;
    throw error;
  }
}
