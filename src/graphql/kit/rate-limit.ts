import { builder } from "./builder.ts";
import type { RateLimitStatus } from "./rate-limit-status.ts";

const RateLimitRef = builder.objectRef<RateLimitStatus>("RateLimit").implement({
  description:
    "The cost of this operation, and what remains of the rate limit. With a credential the limit is a number of points in any " +
    "60 seconds, on GraphQL, /v1 and /v2 together. Without a credential it is a number of requests of one network address in " +
    "any 60 seconds.",
  fields: (t) => ({
    limit: t.expose("limit", {
      type: "SafeInt",
      description:
        "The rate limit: the most that can be spent in any 60 seconds. Points with a credential, requests without one.",
    }),
    cost: t.exposeInt("cost", { description: "The cost of this operation in points. Each page counts as full." }),
    nodeCount: t.exposeInt("nodeCount", {
      description: "The number of nodes that this operation can return at most. Each page counts as full.",
    }),
    remaining: t.expose("remaining", { type: "SafeInt", description: "What can still be spent now, after this operation." }),
    used: t.expose("used", { type: "SafeInt", description: "What was spent in the last 60 seconds, with this operation." }),
    resetAt: t.expose("resetAt", {
      type: "DateTime",
      description: "The time from which more can be spent than now. It is at most 60 seconds away.",
    }),
  }),
});

builder.queryField("rateLimit", (t) =>
  t.field({
    type: RateLimitRef,
    description:
      "Returns the cost of this operation and what remains of the rate limit. This field adds no points to the cost, and it " +
      "needs no credential.",
    args: {
      dryRun: t.arg.boolean({
        defaultValue: false,
        description:
          "If true, the operation is not executed and spends nothing: the response has only this field, with what the " +
          "operation would cost.",
      }),
    },
    extensions: { isFree: true },
    resolve: (_root, _args, { rateLimit }) => {
      if (!rateLimit) throw new Error("The operation is performed without having been counted.");
      return rateLimit;
    },
  }),
);
