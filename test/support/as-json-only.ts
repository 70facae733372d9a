import type { ExecutionResult, GraphQLSchema } from "graphql";
import type { GraphContext } from "../../src/graphql/kit/context.ts";
import type { Operation } from "../../src/graphql/documents/documents.ts";
import { createExecute } from "../../src/graphql/server/execution/execute.ts";
import type { Variables } from "../../src/graphql/documents/limits.ts";
import { usualMaximumBytes } from "../../src/lib/response-budget.ts";

/**
 * Returns a function that executes operations as the gateway does, but without the execution over rows. It returns
 * undefined if a field needs that execution, and throws the faults of the JSON executor. It creates no context for
 * rows, because the JSON executor does not use one.
 */
export function createAsJsonOnly(
  schema: GraphQLSchema,
): (operation: Operation, context: GraphContext, variables: Variables) => Promise<ExecutionResult | undefined> {
  return async (operation, context, variables) => {
    let [isFault, isLeft] = [false, false];
    const counts = { fellBack: () => undefined, failed: () => void (isFault = true) };
    const execute = createExecute(schema, { maximumBytes: usualMaximumBytes, counts, onlyRows: false });
    const asRows = () => {
      isLeft = true;
      throw new Error("There are no rows here.");
    };
    const result = await execute(operation, { inJson: () => context, asRows }, variables);
    if (isFault) throw result.errors?.[0]?.originalError?.cause;
    return isLeft ? undefined : result;
  };
}
