import { LRUCache } from "lru-cache";
import { RateLimiterRedis } from "rate-limiter-flexible";
import { TooManyRequests } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { SharedCounts } from "./redis.ts";

/** The state of a caller's rate limit. */
export interface Allowance {
  /** The name of the limit, as in the `RateLimit` header. */
  readonly policy: string;
  /** The amount that may be taken in a minute. */
  readonly limit: number;
  /** The amount taken in the last minute. */
  readonly used: number;
  readonly remaining: number;
  /** The seconds until more may be taken than now: 1 to 60. */
  readonly resetSeconds: number;
  /** The same moment as a time, in whole seconds. */
  readonly resetAt: Date;
  /** Set if the amount was refused: the seconds after which it can be taken, 1 to 60. */
  readonly retryAfterSeconds?: number;
}

/** Counts the amounts that each name takes, over a sliding minute. */
export interface RateLimiter {
  /** Takes `amount`. If less than `amount` is left, takes nothing and sets `retryAfterSeconds`. */
  take(name: string, amount: number): Allowance | Promise<Allowance>;
  /** Returns the state without taking anything. */
  look(name: string): Allowance | Promise<Allowance>;
}

const windowSeconds = 60;

/** Throws {@link TooManyRequests} if the amount was refused. */
export function requireAllowance(allowance: Allowance): void {
  if (allowance.retryAfterSeconds !== undefined) throw new TooManyRequests(allowance.retryAfterSeconds);
}

/** Returns the `RateLimit` and `RateLimit-Policy` headers (draft-ietf-httpapi-ratelimit-headers-10). */
export function rateLimitHeaders({ policy, limit, remaining, resetSeconds }: Allowance): Record<string, string> {
  return {
    "ratelimit-policy": `"${policy}";q=${limit};w=${windowSeconds}`,
    ratelimit: `"${policy}";r=${remaining};t=${resetSeconds}`,
  };
}

interface Counts {
  readonly current: number;
  readonly previous: number;
}

/** Counts of whole minutes, by name. */
interface MinuteCounts<Result> {
  /** Adds `amount` to the count of `name` in `minute`. Returns the counts of that minute and of the one before. */
  add(name: string, minute: number, amount: number): Result;
}

/** The maximum number of names that this process counts. The least recently used name is dropped first. */
const maximumNames = 50_000;

/** Counts in this process, synchronously: this runs before every request and must not wait. */
function countInMemory(): MinuteCounts<Counts> {
  const counts = new LRUCache<string, Counts & { readonly minute: number }>({ max: maximumNames });

  function upTo(name: string, minute: number): Counts {
    const known = counts.get(name);
    if (known?.minute === minute) return known;
    return { current: 0, previous: known?.minute === minute - 1 ? known.current : 0 };
  }

  return {
    add(name, minute, amount) {
      const { current, previous } = upTo(name, minute);
      const added = { minute, current: current + amount, previous };
      if (amount !== 0) counts.set(name, added);
      return added;
    },
  };
}

/** Counts in Redis, for all processes. */
function countInRedis(policy: string, { client }: SharedCounts): MinuteCounts<Promise<Counts>> {
  // Twice the window, because the previous minute is counted too. The library's own limit is not used.
  const options = { keyPrefix: `notes-gateway:${policy}`, points: 1, duration: 2 * windowSeconds };
  const store = new RateLimiterRedis({ ...options, storeClient: client });
  return {
    async add(name, minute, amount) {
      const before = store.get(`${name}:${minute - 1}`);
      const now = amount === 0 ? store.get(`${name}:${minute}`) : store.penalty(`${name}:${minute}`, amount);
      const [previous, current] = await Promise.all([before, now]);
      return { previous: previous?.consumedPoints ?? 0, current: current?.consumedPoints ?? 0 };
    },
  };
}

/**
 * Returns a rate limiter that counts per minute. The previous minute counts with the part of it that lies in the last
 * sixty seconds. It counts in Redis if `redis` is set and answers, otherwise in this process.
 */
export function createRateLimiter({
  policy,
  limit,
  clock,
  redis,
}: {
  policy: string;
  limit: number;
  clock: Clock;
  redis: SharedCounts | undefined;
}): RateLimiter {
  const own = countInMemory();
  const shared = redis && countInRedis(policy, redis);

  function takeFromMemory(name: string, amount: number, seconds: number): Allowance {
    const minute = minuteOf(seconds);
    const counts = own.add(name, minute, amount);
    if (fits(counts, seconds, amount)) return allowanceOf(counts, seconds);
    return refusalOf(counts, own.add(name, minute, -amount), seconds, amount);
  }

  async function takeFromRedis(
    store: MinuteCounts<Promise<Counts>>,
    lost: (error: unknown) => void,
    { name, amount, seconds }: { name: string; amount: number; seconds: number },
  ): Promise<Allowance> {
    const minute = minuteOf(seconds);
    try {
      const counts = await store.add(name, minute, amount);
      if (fits(counts, seconds, amount)) return allowanceOf(counts, seconds);
      return refusalOf(counts, await store.add(name, minute, -amount), seconds, amount);
    } catch (error) {
      lost(error);
      return takeFromMemory(name, amount, seconds);
    }
  }

  function take(name: string, amount: number): Allowance | Promise<Allowance> {
    const seconds = clock().getTime() / 1000;
    return shared && redis?.isReady()
      ? takeFromRedis(shared, redis.lost, { name, amount, seconds })
      : takeFromMemory(name, amount, seconds);
  }

  function fits(counts: Counts, seconds: number, amount: number): boolean {
    return amount === 0 || usedAt(counts, minuteOf(seconds), seconds) <= limit;
  }

  /**
   * Returns the allowance after a refusal. A refused amount does not count, so a client that retries too early does not
   * wait longer. `counts` includes the refused amount; `after` is the count without it.
   */
  function refusalOf(counts: Counts, after: Counts, seconds: number, amount: number): Allowance {
    const without = { ...counts, current: Math.max(0, Math.min(after.current, counts.current - amount)) };
    const retryAfterSeconds = waitFor(without, seconds, amount);
    return { ...allowanceOf(without, seconds), ...resetIn(retryAfterSeconds, seconds), retryAfterSeconds };
  }

  /** Returns the seconds until `amount` fits, or a minute if it never does. */
  function waitFor(counts: Counts, seconds: number, amount: number): number {
    const minute = minuteOf(seconds);
    for (let wait = 1; wait < windowSeconds; wait += 1)
      if (usedAt(counts, minute, seconds + wait) + amount <= limit) return wait;
    return windowSeconds;
  }

  function allowanceOf(counts: Counts, seconds: number): Allowance {
    const minute = minuteOf(seconds);
    const used = Math.min(limit, usedAt(counts, minute, seconds));
    const untilEnd = Math.max(1, Math.ceil((minute + 1) * windowSeconds - seconds));
    return { policy, limit, used, remaining: limit - used, ...resetIn(untilEnd, seconds) };
  }

  return { take, look: (name) => take(name, 0) };
}

function minuteOf(seconds: number): number {
  return Math.floor(seconds / windowSeconds);
}

function resetIn(wait: number, seconds: number): Pick<Allowance, "resetSeconds" | "resetAt"> {
  return { resetSeconds: wait, resetAt: new Date(Math.ceil(seconds + wait) * 1000) };
}

/**
 * Returns the amount taken in the 60 seconds that end at `seconds`. `minute` is the current minute of `counts`. The
 * previous minute counts with the part that lies within the 60 seconds, as if its amount had been spread evenly. It
 * uses whole seconds, so waiting for one minute is always enough.
 */
function usedAt({ current, previous }: Counts, minute: number, seconds: number): number {
  const into = Math.floor(seconds - minute * windowSeconds);
  const fresh = (passed: number) => 1 - (passed + 1) / windowSeconds;
  if (into < windowSeconds) return current + Math.floor(previous * fresh(into));
  return Math.floor(current * fresh(into - windowSeconds));
}
