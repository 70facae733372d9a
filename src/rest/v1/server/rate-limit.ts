import type { Allowance } from "../../../limits/limiter.ts";

/** What a credential has left of its requests, as /v1 says it. */
export interface Rate {
  readonly limit: number;
  readonly remaining: number;
  /** When more may be sent than now: seconds since 1970, UTC. */
  readonly reset: number;
}

export function rateOf({ limit, remaining, resetAt }: Allowance): Rate {
  return { limit, remaining, reset: resetAt.getTime() / 1000 };
}

/** The family's three headers, in every response to a request with a credential. */
export function rateHeaders(allowance: Allowance): Record<string, string> {
  const { limit, remaining, reset } = rateOf(allowance);
  return {
    "x-ratelimit-limit": String(limit),
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-reset": String(reset),
  };
}
