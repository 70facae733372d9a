import { RateLimiterMemory, RateLimiterRedis } from "rate-limiter-flexible";
import { TooManyRequests } from "../errors.ts";
import type { Clock } from "../platform/clock.ts";
import type { SharedCounts } from "./redis.ts";

/** What somebody may still ask for. */
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
  take(name: string, amount: number): Promise<Allowance>;
  /** What is left, without taking anything. */
  look(name: string): Promise<Allowance>;
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

/** Counts of a minute each, of which the library keeps as many as it is told. */
interface CountStore {
  penalty(key: string, points: number): Promise<{ readonly consumedPoints: number }>;
  get(key: string): Promise<{ readonly consumedPoints: number } | null>;
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
  // Twice the window: the minute before is weighed too.
  const options = { keyPrefix: `notes-gateway:${policy}`, points: limit, duration: 2 * windowSeconds };
  const own: CountStore = new RateLimiterMemory(options);
  const shared: CountStore | undefined = redis && new RateLimiterRedis({ ...options, storeClient: redis.client });

  /** What `work` gives of the shared counts, or of this process's where those are out of reach. */
  async function counted<Result>(work: (store: CountStore) => Promise<Result>): Promise<Result> {
    if (!shared || !redis?.isReady()) return work(own);
    try {
      return await work(shared);
    } catch (error) {
      redis.lost(error);
      return work(own);
    }
  }

  async function addTo(name: string, minute: number, amount: number): Promise<Counts> {
    return counted(async (store) => {
      const before = store.get(`${name}:${minute - 1}`);
      const now = amount === 0 ? store.get(`${name}:${minute}`) : store.penalty(`${name}:${minute}`, amount);
      const [previous, current] = await Promise.all([before, now]);
      return { previous: previous?.consumedPoints ?? 0, current: current?.consumedPoints ?? 0 };
    });
  }

  async function take(name: string, amount: number): Promise<Allowance> {
    const seconds = clock().getTime() / 1000;
    const minute = Math.floor(seconds / windowSeconds);
    const counts = await addTo(name, minute, amount);
    if (amount === 0 || usedAt(counts, minute, seconds) <= limit) return allowanceOf(counts, seconds);
    // What is refused is not counted: whoever tries again too early waits no longer for it.
    const { current } = await addTo(name, minute, -amount);
    const without = { ...counts, current: Math.max(0, Math.min(current, counts.current - amount)) };
    const retryAfterSeconds = waitFor(without, seconds, amount);
    return { ...allowanceOf(without, seconds), ...resetIn(retryAfterSeconds, seconds), retryAfterSeconds };
  }

  /** In how many seconds `amount` fits; a minute where it never does. */
  function waitFor(counts: Counts, seconds: number, amount: number): number {
    const minute = Math.floor(seconds / windowSeconds);
    for (let wait = 1; wait < windowSeconds; wait += 1)
      if (usedAt(counts, minute, seconds + wait) + amount <= limit) return wait;
    return windowSeconds;
  }

  function allowanceOf(counts: Counts, seconds: number): Allowance {
    const minute = Math.floor(seconds / windowSeconds);
    const used = Math.min(limit, usedAt(counts, minute, seconds));
    const untilEnd = Math.max(1, Math.ceil((minute + 1) * windowSeconds - seconds));
    return { policy, limit, used, remaining: limit - used, ...resetIn(untilEnd, seconds) };
  }

  return { take, look: (name) => take(name, 0) };
}

function resetIn(wait: number, seconds: number): Pick<Allowance, "resetSeconds" | "resetAt"> {
  return { resetSeconds: wait, resetAt: new Date(Math.ceil(seconds + wait) * 1000) };
}

/**
 * What was taken in the minute that ends at `seconds`, of counts of which `minute` is the current one: of the minute before, the part that the
 * sliding one still reaches, as if it had been taken evenly. By whole seconds, so that a whole minute's wait is always enough.
 */
function usedAt({ current, previous }: Counts, minute: number, seconds: number): number {
  const into = Math.floor(seconds - minute * windowSeconds);
  const fresh = (passed: number) => 1 - (passed + 1) / windowSeconds;
  if (into < windowSeconds) return current + Math.floor(previous * fresh(into));
  return Math.floor(current * fresh(into - windowSeconds));
}
