import { LRUCache } from "lru-cache";
import { RateLimiterRedis } from "rate-limiter-flexible";
import { TooManyRequests } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { SharedCounts } from "./redis.ts";

/** What a caller can still spend. */
export interface Allowance {
  /** Which limit it is of, as the `RateLimit` header names it. */
  readonly policy: string;
  /** What may be taken in a minute. */
  readonly limit: number;
  /** What was taken in the last minute. */
  readonly used: number;
  readonly remaining: number;
  /** In how many seconds more may be taken than now: 1 to 60. */
  readonly resetSeconds: number;
  /** The same as an instant, of whole seconds. */
  readonly resetAt: Date;
  /** Set where nothing was taken, since it would have been too much: in how many seconds it is worth trying again, 1 to 60. */
  readonly retryAfterSeconds?: number;
}

/** Counts what each name takes, over a minute that slides. */
export interface RateLimiter {
  /** Takes `amount`, unless that is more than is left: then nothing is taken, and `retryAfterSeconds` is set. */
  take(name: string, amount: number): Allowance | Promise<Allowance>;
  /** What is left, without taking anything. */
  look(name: string): Allowance | Promise<Allowance>;
}

const windowSeconds = 60;

/** @throws {TooManyRequests} where nothing was left to take. */
export function requireAllowance(allowance: Allowance): void {
  if (allowance.retryAfterSeconds !== undefined) throw new TooManyRequests(allowance.retryAfterSeconds);
}

/** The `RateLimit` and `RateLimit-Policy` headers (draft-ietf-httpapi-ratelimit-headers-10). */
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
  /** Adds `amount` to what `name` has taken in `minute`, and returns that minute's count and the one before. */
  add(name: string, minute: number, amount: number): Result;
}

/** How many names are counted in this process. The least recently used name is dropped first. */
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
  // Twice the window: the minute before is weighed too. The library's own limit is not used.
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
 * Counts by minutes, the one before weighed by how much of it the last sixty seconds hold: in Redis where it is given and answers, else in this
 * process.
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

  function takeOfOwn(name: string, amount: number, seconds: number): Allowance {
    const minute = minuteOf(seconds);
    const counts = own.add(name, minute, amount);
    if (fits(counts, seconds, amount)) return allowanceOf(counts, seconds);
    return refusalOf(counts, own.add(name, minute, -amount), seconds, amount);
  }

  async function takeOfShared(
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
      return takeOfOwn(name, amount, seconds);
    }
  }

  function take(name: string, amount: number): Allowance | Promise<Allowance> {
    const seconds = clock().getTime() / 1000;
    return shared && redis?.isReady()
      ? takeOfShared(shared, redis.lost, { name, amount, seconds })
      : takeOfOwn(name, amount, seconds);
  }

  function fits(counts: Counts, seconds: number, amount: number): boolean {
    return amount === 0 || usedAt(counts, minuteOf(seconds), seconds) <= limit;
  }

  /**
   * The allowance after a refusal. What is refused is not counted, so a client that tries again too early does not wait longer.
   * `after` is the count before the refused amount is taken off.
   */
  function refusalOf(counts: Counts, after: Counts, seconds: number, amount: number): Allowance {
    const without = { ...counts, current: Math.max(0, Math.min(after.current, counts.current - amount)) };
    const retryAfterSeconds = waitFor(without, seconds, amount);
    return { ...allowanceOf(without, seconds), ...resetIn(retryAfterSeconds, seconds), retryAfterSeconds };
  }

  /** In how many seconds `amount` fits; a minute where it never does. */
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
 * Returns what was taken in the 60 seconds that end at `seconds`. `minute` is the current minute of `counts`. The minute before
 * counts with the part that is still within the 60 seconds, as if its amount had been spread evenly. It works in whole seconds,
 * so that waiting for a whole minute is always enough.
 */
function usedAt({ current, previous }: Counts, minute: number, seconds: number): number {
  const into = Math.floor(seconds - minute * windowSeconds);
  const fresh = (passed: number) => 1 - (passed + 1) / windowSeconds;
  if (into < windowSeconds) return current + Math.floor(previous * fresh(into));
  return Math.floor(current * fresh(into - windowSeconds));
}
