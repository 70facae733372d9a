import { builder } from "./builder.ts";
import type { RateLimitStatus } from "./rate-limit-status.ts";

const RateLimitRef = builder.objectRef<RateLimitStatus>("RateLimit").implement({
  description:
    "What this operation costs, in points, and what is left of the caller's allowance: the points that a credential may spend in any minute, on this API and on the REST APIs together; without a credential, the requests of an address.",
  fields: (t) => ({
    limit: t.expose("limit", { type: "SafeInt", description: "What may be spent in a minute." }),
    cost: t.exposeInt("cost", { description: "The points of this operation, were its pages full." }),
    nodeCount: t.exposeInt("nodeCount", { description: "The nodes that its pages could hold." }),
    remaining: t.expose("remaining", { type: "SafeInt", description: "What may still be spent, this operation counted." }),
    used: t.expose("used", { type: "SafeInt", description: "What was spent in the last minute, this operation counted." }),
    resetAt: t.expose("resetAt", { type: "DateTime", description: "When more may be spent than now: in a minute at most." }),
  }),
});

builder.queryField("rateLimit", (t) =>
  t.field({
    type: RateLimitRef,
    description:
      "What this operation costs and what is left to spend. Asking for it costs nothing beside the operation, and needs no credential.",
    args: {
      dryRun: t.arg.boolean({
        defaultValue: false,
        description:
          "Only tell what the operation would cost: nothing else of it is performed or answered, and nothing is spent.",
      }),
    },
    extensions: { isFree: true },
    resolve: (_root, _args, { rateLimit }) => {
      if (!rateLimit) throw new Error("The operation is performed without having been counted.");
      return rateLimit;
    },
  }),
);
