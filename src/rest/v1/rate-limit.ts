import { createHash } from "node:crypto";
import type { Clock } from "../../platform/clock.ts";

/** Counts the requests of each credential, an hour at a time. */
export interface RateLimiter {
  /** Counts a request of `credential`, or only looks. */
  take(credential: string, cost: 0 | 1): Allowance;
}

export interface Allowance {
  readonly limit: number;
  readonly remaining: number;
  /** When the allowance is whole again: seconds since 1970, UTC. */
  readonly reset: number;
  /** Whether there was nothing left for this request. Then, in how many seconds it is worth trying again. */
  readonly exceeded?: { readonly retryAfterSeconds: number };
}

const windowSeconds = 3_600;
const sweepEvery = 1_000;

/**
 * A fixed window for each credential, begun by its first request and kept in this process's memory: see docs/decisions/0052-rate-limit-of-a-process.md for
 * why that is enough. Credentials are kept as hashes.
 */
export function createRateLimiter({ limit, clock }: { limit: number; clock: Clock }): RateLimiter {
  const windows = new Map<string, { used: number; reset: number }>();
  let begun = 0;

  function windowOf(credential: string, now: number): { used: number; reset: number } {
    const key = createHash("sha256").update(credential).digest("base64url");
    const open = windows.get(key);
    if (open && open.reset > now) return open;
    begun += 1;
    // Those that have ended are of use to nobody; looking for them now and then bounds the memory by the credentials of an hour.
    if (begun % sweepEvery === 0) for (const [other, { reset }] of windows) if (reset <= now) windows.delete(other);
    const window = { used: 0, reset: Math.ceil(now) + windowSeconds };
    windows.set(key, window);
    return window;
  }

  return {
    take(credential, cost) {
      const now = clock().getTime() / 1000;
      const window = windowOf(credential, now);
      const { reset } = window;
      if (window.used + cost > limit) {
        return { limit, remaining: 0, reset, exceeded: { retryAfterSeconds: Math.max(1, Math.ceil(reset - now)) } };
      }
      window.used += cost;
      return { limit, remaining: limit - window.used, reset };
    },
  };
}

export function rateHeaders({ limit, remaining, reset }: Allowance): Record<string, string> {
  return {
    "x-ratelimit-limit": String(limit),
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-reset": String(reset),
  };
}
