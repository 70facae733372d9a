import { execute, type ExecutionResult, type GraphQLSchema } from "graphql";
import { AnswerTooLarge, attempt } from "../errors.ts";
import { withHttp, wrap } from "./closed-errors.ts";
import type { GraphContext } from "./context.ts";
import type { Operation } from "./documents.ts";
import type { Variables } from "./limits.ts";
import { requireJsonBytes } from "./result-size.ts";

/** Executes operations of `schema` with rows, by graphql-js: mutations, and what has an error or cannot be answered otherwise. */
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
    // What was not even begun, by now for its variables, is no result in any media type.
    return { errors: result.errors.map((error) => withHttp(error, { status: 400 })) };
  };
}

/** `result`, or the error that it would be too large as JSON: then it is never written. */
function withinMaximum(result: ExecutionResult, maximumBytes: number): ExecutionResult {
  const refused = attempt(() => requireJsonBytes(result.data, maximumBytes), AnswerTooLarge);
  return refused ? { errors: [wrap(refused)] } : result;
}
