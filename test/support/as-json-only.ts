import type { ExecutionResult, GraphQLSchema } from "graphql";
import type { GraphContext } from "../../src/graphql/kit/context.ts";
import type { Operation } from "../../src/graphql/documents/documents.ts";
import { createExecute } from "../../src/graphql/server/execution/execute.ts";
import type { Variables } from "../../src/graphql/documents/limits.ts";
import { usualMaximumBytes } from "../../src/lib/response-budget.ts";

/**
 * Executes as the gateway does, but for what is left to rows: undefined where anything is. A fault is thrown.
 *
 * What is executed as JSON has no use for the context of rows, so none is made.
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
