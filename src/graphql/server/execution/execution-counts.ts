import type { Counters } from "../../../http/server/health.ts";
import type { ExecutionCounts } from "./execute.ts";
import type { FallbackReason } from "./execute-as-json.ts";

/** Returns counters of the fields that could not be executed as JSON, by reason, for `/metrics`. */
export function createExecutionCounts(): ExecutionCounts & { readonly counters: Counters } {
  const fallbacks: Record<FallbackReason, number> = { unsupported: 0, client_error: 0 };
  let faults = 0;
  return {
    fellBack(reason) {
      fallbacks[reason] += 1;
    },
    failed() {
      faults += 1;
    },
    counters: {
      graphql_json_fallback_total: {
        help: "Root fields that were executed as rows because they could not be executed as JSON, by reason.",
        values: () => Object.entries(fallbacks).map(([reason, value]) => ({ labels: { reason }, value })),
      },
      graphql_json_fault_total: {
        help: "Root fields that failed by a mistake of the gateway while they were executed as JSON.",
        values: () => [{ labels: {}, value: faults }],
      },
    },
  };
}
