import type { RateLimits } from "../config.ts";
import type { Clock } from "../lib/clock.ts";
import type { PersonViewer } from "../viewer.ts";
import { createGuessThrottle, type GuessThrottle } from "./guessing.ts";
import { createRateLimiter, type RateLimiter } from "./limiter.ts";
import { connectRedis, type LimitsLog } from "./redis.ts";

/** Every limit of the gateway. */
export interface Limits {
  /** Points of a credential, on all three APIs together. */
  readonly points: RateLimiter;
  /** Requests of a credential on /v1. */
  readonly requests: RateLimiter;
  /** Requests of an address without a credential. */
  readonly anonymous: RateLimiter;
  readonly guesses: GuessThrottle;
  close(): Promise<void>;
}

/**
 * The limits of `limits`, counted in Redis where `redisUrl` is given, else in this process. Where Redis is away, each process counts by itself
 * until it is back: no call fails or waits for it.
 */
export function createLimits({
  limits,
  redisUrl,
  clock,
  log,
}: {
  limits: RateLimits;
  redisUrl: string | undefined;
  clock: Clock;
  log: LimitsLog;
}): Limits {
  const redis = redisUrl === undefined ? undefined : connectRedis(redisUrl, log);
  const limiter = (policy: string, limit: number) => createRateLimiter({ policy, limit, clock, redis });
  return {
    points: limiter("points", limits.points),
    requests: limiter("requests", limits.requests),
    anonymous: limiter("anonymous", limits.anonymous),
    guesses: createGuessThrottle({
      // Somebody who mistypes does so a few times; somebody who guesses does little else.
      ofAddress: limiter("wrong-credentials", Math.ceil(limits.anonymous / 10)),
      ofClient: limiter("wrong-secrets", Math.ceil(limits.anonymous / 30)),
      clock,
    }),
    async close() {
      redis?.close();
    },
  };
}

/** The name under which a credential is counted, the same in every account. */
export function nameOfCredential({ credential, person }: PersonViewer): string {
  return credential ? `${credential.kind}:${credential.id}` : person.id;
}
