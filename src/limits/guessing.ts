import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { TooManyRequests } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { nameOfAddress } from "./address.ts";
import type { RateLimiter } from "./limiter.ts";

/** A credential that somebody presents. */
export interface Guess {
  readonly address: string | null;
  /** The credential's hash, by which one that has worked is known again. */
  readonly hash: string;
  /** The client of the token endpoint that it is said to be the secret of. */
  readonly clientId?: string | undefined;
}

/**
 * Slows down callers that try one credential after the other. Addresses and clients with too many failures are refused for up to
 * a minute without a check. A credential that has worked lately is always checked, so that others behind the same address are not
 * affected.
 */
export interface GuessThrottle {
  /** @throws {TooManyRequests} where the guess is not to be heard. */
  admit(guess: Guess): void;
  /** Counts one that was wrong. */
  failed(guess: Guess): Promise<void>;
  /** Remembers one that was right. */
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
  /** Until when names are refused, in milliseconds since 1970. */
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
      // Nearly always: there were no failures.
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
 * The names under which a failure is counted: its address, and its client together with that address, so that a caller elsewhere
 * cannot lock the client out.
 */
function namesOf({ address, clientId }: Guess): { readonly address: string; readonly client?: string } {
  const name = nameOfAddress(address);
  if (clientId === undefined) return { address: name };
  // Hashed, because an id in a request may be of any length.
  return { address: name, client: `${name} ${createHash("sha256").update(clientId).digest("base64url")}` };
}
