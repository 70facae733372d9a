import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { TooManyRequests } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { nameOfAddress } from "./address.ts";
import type { RateLimiter } from "./limiter.ts";

/** An attempt to use a credential. */
export interface Guess {
  readonly address: string | null;
  /** The hash of the credential, which identifies one that has worked before. */
  readonly hash: string;
  /** The client whose secret is sent, at the token endpoint. */
  readonly clientId?: string | undefined;
}

/**
 * Slows down callers that try one credential after the other. Addresses and clients with too many failures are refused
 * for up to a minute without a check. A credential that has worked lately is always checked, so other users of the same
 * address are not affected.
 */
export interface GuessThrottle {
  /** Throws {@link TooManyRequests} if the credential must not be checked now. */
  admit(guess: Guess): void;
  /** Counts a wrong credential. */
  failed(guess: Guess): Promise<void>;
  /** Records that the credential was right. */
  trust(guess: Guess): void;
}

/** How long a credential that has worked is checked regardless of failures from its address. */
const trustedMilliseconds = 60 * 60 * 1000;
const guessCacheSize = 10_000;

export function createGuessThrottle({
  ofAddress,
  ofClient,
  clock,
}: {
  ofAddress: RateLimiter;
  ofClient: RateLimiter;
  clock: Clock;
}): GuessThrottle {
  const trusted = new LRUCache<string, true>({ max: guessCacheSize, ttl: trustedMilliseconds });
  /** The end of each name's refusal, in milliseconds since 1970. */
  const refused = new LRUCache<string, number>({ max: guessCacheSize });

  async function count(limiter: RateLimiter, name: string): Promise<void> {
    const { remaining, resetSeconds } = await limiter.take(name, 1);
    if (remaining === 0) refused.set(name, clock().getTime() + resetSeconds * 1000);
  }

  function waitOf(name: string): number {
    const wait = (refused.get(name) ?? 0) - clock().getTime();
    if (wait <= 0) refused.delete(name);
    return Math.max(0, wait);
  }

  return {
    admit(guess) {
      // The usual case: there were no failures.
      if (refused.size === 0) return;
      const { address, client } = namesOf(guess);
      const wait = Math.max(waitOf(address), client === undefined ? 0 : waitOf(client));
      if (wait > 0 && !trusted.has(guess.hash)) throw new TooManyRequests(Math.ceil(wait / 1000));
    },

    async failed(guess) {
      trusted.delete(guess.hash);
      const { address, client } = namesOf(guess);
      await Promise.all([count(ofAddress, address), client !== undefined && count(ofClient, client)]);
    },

    trust({ hash }) {
      if (!trusted.has(hash)) trusted.set(hash, true);
    },
  };
}

/**
 * Returns the names under which a failure is counted: its address, and its client together with that address, so that a
 * caller at another address cannot lock the client out.
 */
function namesOf({ address, clientId }: Guess): { readonly address: string; readonly client?: string } {
  const name = nameOfAddress(address);
  if (clientId === undefined) return { address: name };
  // Hashed, because an id in a request may be of any length.
  return { address: name, client: `${name} ${createHash("sha256").update(clientId).digest("base64url")}` };
}
