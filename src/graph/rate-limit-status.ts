import type { Allowance } from "../limits/limiter.ts";
import type { OperationCost } from "./cost.ts";

/** What an operation costs, and what its caller has left after it: the fields of the schema's RateLimit. */
export interface RateLimitStatus {
  readonly limit: number;
  readonly cost: number;
  readonly nodeCount: number;
  readonly remaining: number;
  readonly used: number;
  readonly resetAt: Date;
}

/** What is told of an operation of that cost. */
export function rateLimitStatus({ points, nodes }: OperationCost, allowance: Allowance): RateLimitStatus {
  const { limit, remaining, used, resetAt } = allowance;
  return { limit, cost: points, nodeCount: nodes, remaining, used, resetAt };
}
