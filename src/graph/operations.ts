import { type ExecutionResult, GraphQLError, type GraphQLSchema, OperationTypeNode } from "graphql";
import type { CursorCodec } from "../platform/cursor.ts";
import type { Services } from "../services.ts";
import type { Viewer } from "../viewer.ts";
import { createAnswering } from "./answers.ts";
import { wrap } from "./closed-errors.ts";
import { createGraphContext } from "./context.ts";
import { createDocuments, type Operation } from "./documents.ts";
import { createExecutor } from "./execution.ts";
import type { Variables } from "./limits.ts";
import { selectingRows } from "./selection.ts";
import { selectingJson } from "./shape.ts";

/** What a request asks for, once it is known to be well formed. */
export interface Parameters {
  readonly query: string;
  readonly variables?: Variables | null | undefined;
  readonly operationName?: string | null | undefined;
}

export interface OperationsDependencies {
  readonly schema: GraphQLSchema;
  readonly services: Services;
  readonly cursors: CursorCodec;
  /** The largest answer. */
  readonly maximumBytes: number;
}

/** What comes of `parameters`, whichever way they came. Its errors are still to be closed. */
export type Perform = (parameters: Parameters, by: { viewer: Viewer; onlyRead: boolean }) => Promise<ExecutionResult>;

/** Everything between well-formed parameters and a result: the document, its limits, the context, the execution. */
export function createOperations({ schema, services, cursors, maximumBytes }: OperationsDependencies): Perform {
  const documentOf = createDocuments(schema);
  const answer = createAnswering(schema, maximumBytes);
  const execute = createExecutor(schema, maximumBytes);
  const [inJson, asRows] = [selectingJson(cursors.peek), selectingRows(cursors.peek)];

  async function perform(
    { query, variables, operationName }: Parameters,
    { viewer, onlyRead }: { viewer: Viewer; onlyRead: boolean },
  ): Promise<ExecutionResult> {
    const document = documentOf(query);
    if (!document.parsed) return { errors: document.errors };
    const operation = document.operation(operationName);
    if (!operation) return { errors: [noOperation()] };
    if (onlyRead && operation.node.operation === OperationTypeNode.MUTATION) return { errors: [notByGet()] };
    if (document.errors.length > 0) return { errors: document.errors };
    if (!schema.getRootType(operation.node.operation)) return { errors: [noSuchOperations(operation)] };
    const refused = operation.refusal(variables ?? {});
    if (refused) return { errors: [refused] };
    const base = { viewer, services, cursors };
    const answered = await answer(operation, createGraphContext(base, inJson), variables ?? {});
    return answered ?? execute(operation, createGraphContext(base, asRows), variables ?? {});
  }

  return async (parameters, by) => {
    try {
      return await perform(parameters, by);
    } catch (error) {
      return { errors: [wrap(error)] };
    }
  };
}

const noOperation = () =>
  new GraphQLError("Could not determine what operation to execute.", { extensions: { http: { status: 400 } } });

const noSuchOperations = ({ node }: Operation) =>
  new GraphQLError(`Schema is not configured to execute ${node.operation} operation.`, { nodes: node });

const notByGet = () =>
  new GraphQLError("Can only perform a mutation operation from a POST request.", {
    extensions: { http: { status: 405, headers: { Allow: "POST" } } },
  });
