import { type CryptoKey, errors, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import type { Clock } from "../lib/clock.ts";
import { signingAlgorithm, type SigningKeys, tokenLifetimeSeconds } from "./signing-keys.ts";

/** Issues and verifies the access tokens of this gateway, which are JWTs as RFC 9068 defines them. */
export interface AccessTokens {
  issue(grant: { readonly clientId: string; readonly scopes: readonly string[] }): Promise<string>;
  /** Returns the claims of a token of this gateway, or null if the gateway did not sign it or it is not valid now. */
  verify(token: string): Promise<OwnToken | null>;
}

export interface OwnToken {
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date;
}

/** The greatest difference expected between the clocks of two machines. */
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
    // Only the gateway's own keys are searched. A key or a key's URL in the token's header is never used.
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

/**
 * Returns the result of `verify`, or null if it refuses the token. Other errors are not the token's fault and are
 * thrown.
 */
export async function refusedAsNull<Answer>(verify: () => Promise<Answer>): Promise<Answer | null> {
  try {
    return await verify();
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    // Web Crypto throws these for a malformed signature or for a key of another algorithm.
    if (error instanceof DOMException || error instanceof TypeError) return null;
    throw error;
  }
}
