import type { Allowance } from "../limits/limiter.ts";
import type { OperationCost } from "./cost.ts";

/** The fields of RateLimit in the schema: the cost of an operation, and what is left to its caller. */
export interface RateLimitStatus {
  readonly limit: number;
  readonly cost: number;
  readonly nodeCount: number;
  readonly remaining: number;
  readonly used: number;
  readonly resetAt: Date;
}

/** Returns the status of an operation with that cost. */
export function rateLimitStatus({ points, nodes }: OperationCost, allowance: Allowance): RateLimitStatus {
  const { limit, remaining, used, resetAt } = allowance;
  return { limit, cost: points, nodeCount: nodes, remaining, used, resetAt };
}
