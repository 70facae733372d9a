import { execute, type ExecutionResult, type GraphQLSchema } from "graphql";
import { AnswerTooLarge, attempt } from "../../../errors.ts";
import { withHttp, wrap } from "../../kit/graphql-errors.ts";
import type { GraphContext } from "../../kit/context.ts";
import type { Operation } from "../../documents/documents.ts";
import type { Variables } from "../../documents/limits.ts";
import { requireJsonBytes } from "./result-size.ts";

/**
 * Returns a function that executes operations by graphql-js over rows: mutations, introspection and root fields with an
 * error.
 */
export function createExecuteAsRows(
  schema: GraphQLSchema,
  maximumBytes: number,
): (operation: Operation, context: GraphContext, variables: Variables) => Promise<ExecutionResult> {
  return async (operation, context, variables) => {
    const result = await execute({
      schema,
      document: operation.document,
      contextValue: context,
      variableValues: variables,
      operationName: operation.node.name?.value ?? null,
    });
    if ("data" in result || !result.errors) return withinMaximum(result, maximumBytes);
    // The execution did not start, by now because of the variables: a request error of the GraphQL specification
    // (7.1.2), which has status 400.
    return { errors: result.errors.map((error) => withHttp(error, { status: 400 })) };
  };
}

/** Returns `result`, or an error if its JSON would be too large. That JSON is then never written. */
function withinMaximum(result: ExecutionResult, maximumBytes: number): ExecutionResult {
  const refused = attempt(() => requireJsonBytes(result.data, maximumBytes), AnswerTooLarge);
  return refused ? { errors: [wrap(refused)] } : result;
}
