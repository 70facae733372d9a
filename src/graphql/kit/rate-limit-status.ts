import type { Allowance } from "../../limits/limiter.ts";

/** The fields of RateLimit in the schema: the cost of an operation, and what is left to its caller. */
export interface RateLimitStatus {
  readonly limit: number;
  readonly cost: number;
  readonly nodeCount: number;
  readonly remaining: number;
  readonly used: number;
  readonly resetAt: Date;
}

/** Returns the status of an operation that costs `points` and can return `nodes`. */
export function rateLimitStatus(
  { points, nodes }: { readonly points: number; readonly nodes: number },
  allowance: Allowance,
): RateLimitStatus {
  const { limit, remaining, used, resetAt } = allowance;
  return { limit, cost: points, nodeCount: nodes, remaining, used, resetAt };
}
