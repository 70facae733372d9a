import {
  type DocumentNode,
  type ExecutionResult,
  getVariableValues,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  Kind,
  OperationTypeNode,
} from "graphql";
import { AnswerTooLarge, TooExpensive } from "../errors.ts";
import { isUnavailable } from "../platform/unavailable.ts";
import { wrap } from "./closed-errors.ts";
import type { GraphContext } from "./context.ts";
import { requireBytes } from "./result-size.ts";
import type { Operation } from "./documents.ts";
import type { Variables } from "./limits.ts";
import { writeObject } from "./values.ts";

/**
 * Answers queries with what the database has written as JSON, by the same resolvers and services as ever: in a context whose selections ask for
 * JSON. Undefined where that cannot be had, or anything is wrong: whoever executes with rows finds out what.
 */
export function createAnswering(
  schema: GraphQLSchema,
  maximumBytes: number,
): (operation: Operation, context: GraphContext, variables: Variables) => Promise<ExecutionResult | undefined> {
  const query = schema.getQueryType();
  const fragments = new WeakMap<Operation, GraphQLResolveInfo["fragments"]>();

  return async (operation, context, variables) => {
    if (!query || operation.node.operation !== OperationTypeNode.QUERY) return undefined;
    const { coerced } = getVariableValues(schema, operation.node.variableDefinitions ?? [], variables);
    if (!coerced) return undefined;
    const known = fragments.get(operation) ?? namedFragments(operation.document);
    fragments.set(operation, known);
    // Of the root itself, which no resolver has been asked for. Each field has its own.
    const info: GraphQLResolveInfo = {
      ...{ schema, fragments: known, operation: operation.node, variableValues: coerced, rootValue: undefined },
      ...{ fieldName: "", fieldNodes: [], returnType: query, parentType: query },
      path: { prev: undefined, key: "", typename: undefined },
    };
    try {
      return resultOf(await writeObject(undefined, query, [operation.node], { context, info }), maximumBytes);
    } catch (error) {
      if (isForWholeAnswer(error)) return { errors: [wrap(error)] };
      return undefined;
    }
  };
}

/** The fragments of a document, as resolvers are told of them. */
export function namedFragments({ definitions }: DocumentNode): GraphQLResolveInfo["fragments"] {
  const fragments = definitions.flatMap((one) => (one.kind === Kind.FRAGMENT_DEFINITION ? [one] : []));
  return Object.fromEntries(fragments.map((one) => [one.name.value, one]));
}

/** Whether `error` would only be met again where rows are read: it is about the whole answer, or the database has no time or room for it now. */
function isForWholeAnswer(error: unknown): boolean {
  return error instanceof AnswerTooLarge || error instanceof TooExpensive || isUnavailable(error);
}

/** The result of which `data` is the text. @throws {AnswerTooLarge} where that is too long. Yoga's processors of results, which the JSON lane has as well, ask `stringify` for the body. */
function resultOf(data: string, maximumBytes: number): ExecutionResult {
  requireBytes(data, maximumBytes);
  const result = {
    get data(): Record<string, unknown> {
      return JSON.parse(data) as Record<string, unknown>; // an object, by its braces
    },
    stringify: () => `{"data":${data}}`,
  };
  return result;
}

/** `result` with `extensions` beside its data, whichever executor it comes from. */
export function withExtensions(result: ExecutionResult, extensions: Readonly<Record<string, unknown>>): ExecutionResult {
  const { stringify } = result as { readonly stringify?: () => string }; // as resultOf makes them
  if (!stringify) return { ...result, extensions };
  const text = stringify();
  const extended = {
    get data() {
      return result.data ?? null;
    },
    extensions,
    stringify: () => `${text.slice(0, -1)},"extensions":${JSON.stringify(extensions)}}`,
  };
  return extended;
}
