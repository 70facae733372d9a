import type { RateLimits } from "../config.ts";
import type { Clock } from "../lib/clock.ts";
import type { PersonViewer } from "../viewer.ts";
import { createGuessThrottle, type GuessThrottle } from "./guessing.ts";
import { createRateLimiter, type RateLimiter } from "./limiter.ts";
import { connectRedis, type LimitsLog } from "./redis.ts";

/** Every limit of the gateway. */
export interface Limits {
  /** Points that a credential spends on all three APIs together. */
  readonly points: RateLimiter;
  /** Requests of a credential on /v1. */
  readonly requests: RateLimiter;
  /** Requests without a credential from one address. */
  readonly anonymous: RateLimiter;
  readonly guesses: GuessThrottle;
  close(): Promise<void>;
}

/**
 * Returns the rate limits, which are counted in Redis if `redisUrl` is set, otherwise in this process. While Redis does
 * not answer, each process counts by itself: no call fails or waits because of it.
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
      // A person who mistypes a credential fails a few times; somebody who guesses fails nearly always.
      ofAddress: limiter("wrong-credentials", Math.ceil(limits.anonymous / 10)),
      ofClient: limiter("wrong-secrets", Math.ceil(limits.anonymous / 30)),
      clock,
    }),
    async close() {
      redis?.close();
    },
  };
}

/** Returns the name under which a credential is counted. It is the same in every account. */
export function nameOfCredential({ credential, person }: PersonViewer): string {
  return credential ? `${credential.kind}:${credential.id}` : person.id;
}
