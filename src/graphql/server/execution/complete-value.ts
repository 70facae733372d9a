import {
  defaultFieldResolver,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  type SelectionSetNode,
} from "graphql";
import { UnsupportedAsJson } from "../../../query/model/unsupported-as-json.ts";
import { jsonOf } from "../../../query/model/result.ts";
import { argumentsOf, collectFields, type SelectedField, typenameField } from "../../documents/fields.ts";
import type { GraphContext } from "../../kit/context.ts";
import type { FieldExecutor } from "../../select/select.ts";
import { type MaybePromise, mapMaybePromise, mapMaybePromises, orRejected } from "../../../lib/maybe-promise.ts";

/** What resolvers get. The path of `info` is not set: only errors need a path, and graphql-js reports them. */
export interface ExecutionContext {
  readonly context: GraphContext;
  readonly info: GraphQLResolveInfo;
}

/**
 * Returns `value` as JSON: CompleteValue of the GraphQL specification (6.4.3), where rows already have their JSON.
 *
 * Throws, or rejects with, {@link UnsupportedAsJson} if a row has no JSON or `value` is not of its type, and the errors
 * of resolvers and serializers.
 */
function completeValue(value: unknown, type: GraphQLOutputType, execution: ExecutionContext): MaybePromise<string> {
  if (value instanceof Promise) return value.then((known: unknown) => completeValue(known, type, execution));
  if (value instanceof Error) throw value;
  if (value === null || value === undefined) {
    if (isNonNullType(type)) throw new UnsupportedAsJson();
    return "null";
  }
  if (isNonNullType(type)) return completeValue(value, type.ofType, execution);
  if (isLeafType(type)) return orThrow(JSON.stringify(type.serialize(value)));
  if (isListType(type)) return completeList(value, type.ofType, execution);
  const json = typeof value === "object" ? jsonOf(value) : undefined;
  if (json) return json.text(fieldExecutorOf(execution));
  // An object with a global id is a row: it has JSON, or must be read as rows.
  if (!isObjectType(type) || type.getInterfaces().length > 0) throw new UnsupportedAsJson();
  return executeSelectionSet(value, type, execution.info.fieldNodes, execution);
}

/** Returns what computed fields of JSON take from `execution`. */
function fieldExecutorOf(execution: ExecutionContext): FieldExecutor {
  return { executeField: (source, selected, args) => executeField(source, selected, execution, args) };
}

/**
 * Returns the object `value` as JSON: ExecuteSelectionSet of the GraphQL specification (6.3). Throws as
 * {@link completeValue}.
 */
function executeSelectionSet(
  value: unknown,
  type: GraphQLObjectType,
  parents: readonly { readonly selectionSet?: SelectionSetNode | undefined }[],
  { context, info }: ExecutionContext,
): MaybePromise<string> {
  const members = [...collectFields(info, type, parents)].map(([name, nodes]) => {
    const field = type.getFields()[nodes[0].name.value];
    const text = orRejected(() =>
      field ? executeField(value, { type, field, nodes }, { context, info }) : JSON.stringify(typenameField(type, nodes)),
    );
    return mapMaybePromise(text, (known) => `"${name}":${known}`);
  });
  return mapMaybePromises(members, (known) => `{${known.join(",")}}`);
}

/**
 * Returns the JSON of the field `selected` of `source`: ExecuteField of the GraphQL specification (6.4). Throws as
 * {@link completeValue}.
 */
export function executeField(
  source: unknown,
  selected: SelectedField,
  execution: ExecutionContext,
  args = argumentsOf(selected, execution.info),
): MaybePromise<string> {
  const { type, field, nodes } = selected;
  const { resolve = defaultFieldResolver } = field;
  const info = { ...execution.info, fieldName: field.name, fieldNodes: nodes, returnType: field.type, parentType: type };
  return completeValue(resolve(source, args, execution.context, info), field.type, { context: execution.context, info });
}

function completeList(value: unknown, type: GraphQLOutputType, execution: ExecutionContext): MaybePromise<string> {
  if (!Array.isArray(value)) throw new UnsupportedAsJson();
  return mapMaybePromises(
    value.map((item: unknown) => orRejected(() => completeValue(item, type, execution))),
    (items) => `[${items.join(",")}]`,
  );
}

function orThrow(json: string | undefined): string {
  if (json === undefined) throw new UnsupportedAsJson();
  return json;
}
