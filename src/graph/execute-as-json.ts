import {
  type DocumentNode,
  getVariableValues,
  GraphQLError,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  Kind,
  OperationTypeNode,
} from "graphql";
import { AnswerTooLarge, asError, attempt, DomainError, TooExpensive } from "../errors.ts";
import { type MaybePromise, mapMaybePromise, mapMaybePromises, orRejected } from "../platform/maybe-promise.ts";
import { isUnavailable } from "../platform/unavailable.ts";
import { UnsupportedAsJson } from "../reading/json-result.ts";
import { collectFields, type FieldGroup } from "./collect-fields.ts";
import type { GraphContext } from "./context.ts";
import type { Operation } from "./documents.ts";
import type { Variables } from "./limits.ts";
import { executeField, typenameField } from "./values.ts";

/** Why a field is executed again as rows. */
export type FallbackReason = "unsupported" | "client_error";

/** What came of a root field that was executed as JSON. */
export type Outcome =
  | { readonly kind: "json"; readonly json: string }
  /** It cannot be executed as JSON. Without a reason where that was known before anything was read. */
  | { readonly kind: "rows"; readonly reason: FallbackReason | undefined }
  /** The gateway's own mistake. */
  | { readonly kind: "fault"; readonly error: JsonExecutionFault };

/** A root field of a query, with its name in the answer and what came of it. */
export interface RootField {
  readonly name: string;
  readonly nodes: FieldGroup;
  /** Undefined for introspection and `__typename`. */
  readonly field: GraphQLField<unknown, unknown> | undefined;
  readonly outcome: Outcome;
}

/** A mistake of the gateway, met while a field was executed as JSON. It is never asked again as rows, which would hide it. */
export class JsonExecutionFault extends Error {
  constructor(cause: Error) {
    super("A field failed while it was executed as JSON.", { cause });
    this.name = "JsonExecutionFault";
  }
}

/**
 * Executes the root fields of a query with what the database writes as JSON, by the same resolvers and services as rows: the context's selections
 * have to ask for JSON. Fields that introspect the schema are left to graphql-js before anything is read.
 *
 * Returns the fields in the order of the document; undefined where it is no query, or its variables or directives cannot be used: graphql-js says why.
 * What it returns throws {@link AnswerTooLarge}, {@link TooExpensive} and {@link Unavailable}, which rows would only meet again.
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
    // Of the root itself, which no resolver has been asked for. Each field has its own.
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

/** The fragments of a document, as resolvers are told of them. */
export function namedFragments({ definitions }: DocumentNode): GraphQLResolveInfo["fragments"] {
  const fragments = definitions.flatMap((one) => (one.kind === Kind.FRAGMENT_DEFINITION ? [one] : []));
  return Object.fromEntries(fragments.map((one) => [one.name.value, one]));
}

/** What comes of `nodes`, which select no field of the root type: they ask about the schema, or for the name of the type. */
function outcomeOfMeta(query: GraphQLObjectType, nodes: FieldGroup): Outcome {
  if (nodes[0].name.value !== "__typename") return { kind: "rows", reason: undefined };
  return { kind: "json", json: JSON.stringify(typenameField(query, nodes)) };
}

/** What comes of `work`, at once where it is there. What it returns is rejected by what is about the whole answer. */
function outcomeOf(work: () => MaybePromise<string>): Outcome | Promise<Outcome> {
  try {
    const json = work();
    return json instanceof Promise ? json.then(jsonOutcome, asOutcome) : jsonOutcome(json);
  } catch (error) {
    // Of anything: asOutcome says what is what.
    return orRejected(() => asOutcome(error));
  }
}

function jsonOutcome(json: string): Outcome {
  return { kind: "json", json };
}

/** What `error`, which was thrown by a field, makes of it. @throws what is about the whole answer. */
function asOutcome(error: unknown): Outcome {
  if (isForWholeAnswer(error)) throw error;
  if (error instanceof UnsupportedAsJson) return { kind: "rows", reason: "unsupported" };
  // graphql-js meets it again, and says in which place.
  if (error instanceof DomainError || error instanceof GraphQLError) return { kind: "rows", reason: "client_error" };
  return { kind: "fault", error: new JsonExecutionFault(asError(error)) };
}

/** Whether `error` would only be met again where rows are read: it is about the whole answer, or the database has no time or room for it now. */
function isForWholeAnswer(error: unknown): boolean {
  return error instanceof AnswerTooLarge || error instanceof TooExpensive || isUnavailable(error);
}
