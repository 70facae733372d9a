import { execute, type ExecutionResult, type GraphQLSchema } from "graphql";
import { withHttp } from "./closed-errors.ts";
import type { GraphContext } from "./context.ts";
import type { Operation } from "./documents.ts";
import type { Variables } from "./limits.ts";

/** Executes operations of `schema` with rows, by graphql-js: mutations, and what has an error or cannot be answered otherwise. */
export function createExecutor(
  schema: GraphQLSchema,
): (operation: Operation, context: GraphContext, variables: Variables) => Promise<ExecutionResult> {
  return async (operation, context, variables) => {
    const result = await execute({
      schema,
      document: operation.document,
      contextValue: context,
      variableValues: variables,
      operationName: operation.node.name?.value ?? null,
    });
    if ("data" in result || !result.errors) return result;
    // What was not even begun, by now for its variables, is no result in any media type.
    return { errors: result.errors.map((error) => withHttp(error, { status: 400 })) };
  };
}
