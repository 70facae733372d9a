import type { Allowance } from "../../../limits/limiter.ts";

/** The state of a credential's limit of requests, as /v1 shows it. */
export interface Rate {
  readonly limit: number;
  readonly remaining: number;
  /** The time from which more may be sent than now, in seconds since 1970, UTC. */
  readonly reset: number;
}

export function rateOf({ limit, remaining, resetAt }: Allowance): Rate {
  return { limit, remaining, reset: resetAt.getTime() / 1000 };
}

/** Returns the three headers of this API family, which every response to a request with a credential has. */
export function rateHeaders(allowance: Allowance): Record<string, string> {
  const { limit, remaining, reset } = rateOf(allowance);
  return {
    "x-ratelimit-limit": String(limit),
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-reset": String(reset),
  };
}
