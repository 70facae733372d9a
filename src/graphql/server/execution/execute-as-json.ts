import {
  getVariableValues,
  GraphQLError,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  OperationTypeNode,
} from "graphql";
import { AnswerTooLarge, asError, attempt, DomainError, TooExpensive } from "../../../errors.ts";
import { type MaybePromise, mapMaybePromise, mapMaybePromises, orRejected } from "../../../lib/maybe-promise.ts";
import { isUnavailable } from "../../../database/unavailable.ts";
import { UnsupportedAsJson } from "../../../query/model/unsupported-as-json.ts";
import { collectFields, type FieldGroup, typenameField, namedFragments } from "../../documents/fields.ts";
import type { GraphContext } from "../../kit/context.ts";
import type { Operation } from "../../documents/documents.ts";
import type { Variables } from "../../documents/limits.ts";
import { executeField } from "./complete-value.ts";

/** Why a field is executed again as rows. */
export type FallbackReason = "unsupported" | "client_error";

/** The result of a root field that was executed as JSON. */
export type Outcome =
  | { readonly kind: "json"; readonly json: string }
  /** The field must be executed as rows. There is no reason if that was known before any read. */
  | { readonly kind: "rows"; readonly reason: FallbackReason | undefined }
  /** A mistake of the gateway. */
  | { readonly kind: "fault"; readonly error: JsonExecutionFault };

/** A root field of a query and its outcome. `name` is its response name. */
export interface RootField {
  readonly name: string;
  readonly nodes: FieldGroup;
  /** Undefined for introspection and `__typename`. */
  readonly field: GraphQLField<unknown, unknown> | undefined;
  readonly outcome: Outcome;
}

/**
 * A mistake of the gateway in the execution of a field as JSON. The field is not executed as rows, which would hide the
 * mistake.
 */
export class JsonExecutionFault extends Error {
  constructor(cause: Error) {
    super("A field failed while it was executed as JSON.", { cause });
    this.name = "JsonExecutionFault";
  }
}

/**
 * Returns a function that executes the root fields of a query as JSON, by the same resolvers and services as rows. The
 * selections of `context` must be of JSON. Introspection is left to graphql-js before anything is read.
 *
 * The function returns the fields in the order of the document, or undefined if it is no query or its variables or
 * directives are not valid: graphql-js then reports that. Its promise rejects with {@link AnswerTooLarge},
 * {@link TooExpensive} and {@link Unavailable}, which rows would only meet again.
 */
export function createExecuteAsJson(
  schema: GraphQLSchema,
): (
  operation: Operation,
  context: GraphContext,
  variables: Variables,
) => readonly RootField[] | Promise<readonly RootField[]> | undefined {
  const query = schema.getQueryType();
  const fragments = new WeakMap<Operation, GraphQLResolveInfo["fragments"]>();

  return (operation, context, variables) => {
    if (!query || operation.node.operation !== OperationTypeNode.QUERY) return undefined;
    const { coerced } = getVariableValues(schema, operation.node.variableDefinitions ?? [], variables);
    if (!coerced) return undefined;
    const known = fragments.get(operation) ?? namedFragments(operation.document);
    fragments.set(operation, known);
    // This is the info of the root, for which there is no resolver. Each field gets its own.
    const info: GraphQLResolveInfo = {
      ...{ schema, fragments: known, operation: operation.node, variableValues: coerced, rootValue: undefined },
      ...{ fieldName: "", fieldNodes: [], returnType: query, parentType: query },
      path: { prev: undefined, key: "", typename: undefined },
    };
    const collected = attempt(() => collectFields(info, query, [operation.node]), GraphQLError);
    if (collected instanceof GraphQLError) return undefined;
    const fields = query.getFields();

    const executed = [...collected].map(([name, nodes]) => {
      const field = fields[nodes[0].name.value];
      const outcome = field
        ? outcomeOf(() => executeField(undefined, { type: query, field, nodes }, { context, info }))
        : outcomeOfMeta(query, nodes);
      return mapMaybePromise(outcome, (one) => ({ name, nodes, field, outcome: one }));
    });
    return mapMaybePromises(executed, (all) => all);
  };
}

/** Returns the outcome of a root field that the query type does not define: introspection or `__typename`. */
function outcomeOfMeta(query: GraphQLObjectType, nodes: FieldGroup): Outcome {
  if (nodes[0].name.value !== "__typename") return { kind: "rows", reason: undefined };
  return { kind: "json", json: JSON.stringify(typenameField(query, nodes)) };
}

/**
 * Returns the outcome of `work`, without a promise if `work` returns none. Throws, or rejects with, an error of the
 * whole operation.
 */
function outcomeOf(work: () => MaybePromise<string>): Outcome | Promise<Outcome> {
  try {
    const json = work();
    return json instanceof Promise ? json.then(jsonOutcome, asOutcome) : jsonOutcome(json);
  } catch (error) {
    // asOutcome tells all kinds of errors apart.
    return orRejected(() => asOutcome(error));
  }
}

function jsonOutcome(json: string): Outcome {
  return { kind: "json", json };
}

/** Returns the outcome of a field that threw `error`. Throws `error` if it is one of the whole operation. */
function asOutcome(error: unknown): Outcome {
  if (isForWholeAnswer(error)) throw error;
  if (error instanceof UnsupportedAsJson) return { kind: "rows", reason: "unsupported" };
  // graphql-js meets the error again and adds its path.
  if (error instanceof DomainError || error instanceof GraphQLError) return { kind: "rows", reason: "client_error" };
  return { kind: "fault", error: new JsonExecutionFault(asError(error)) };
}

/**
 * Whether rows would only meet `error` again: the result is too large, or the database is not available or overloaded.
 */
function isForWholeAnswer(error: unknown): boolean {
  return error instanceof AnswerTooLarge || error instanceof TooExpensive || isUnavailable(error);
}
