import {
  type FieldNode,
  getNamedType,
  getNullableType,
  type GraphQLField,
  GraphQLError,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
} from "graphql";
import { attempt, DomainError } from "../../errors.ts";
import { createObjectIds } from "../../lib/object-ids.ts";
import type {
  Compute,
  EdgeContent,
  JsonEncoding,
  Member,
  PageContent,
  PageInfoContent,
  PageMembers,
  ResponseContext,
  RowContent,
  RowMembers,
  Selection,
  ToMany,
  ToOne,
} from "../../query/model/selection.ts";
import { argumentsOf, collectFields, type FieldGroup, keyOf, type SelectedField } from "../documents/fields.ts";
import type { FieldOptions } from "../kit/field-options.ts";
import { withinBudget } from "../kit/connections.ts";
import type { SelectionBuilder } from "../kit/selection-builder.ts";
import { createScanBudgets, type ScanBudgets } from "../documents/scan-budget.ts";
import { createSelectionCache } from "./selection-cache.ts";

/** The builders of both executors. */
export interface SelectionBuilders {
  readonly json: SelectionBuilder;
  readonly rows: SelectionBuilder;
  /** Returns a number of its own for each selection. */
  readonly idOf: (selection: object) => number;
}

/** What a computed field takes from the execution that asks for its value. */
export interface FieldExecutor extends ResponseContext {
  /** Returns the JSON of a field of `source`. */
  readonly executeField: (source: object, selected: SelectedField, args: Record<string, unknown>) => string | Promise<string>;
}

/** Returns builders that cache their selections: the same fields with the same variables are the same object. */
export function createSelectionBuilders(): SelectionBuilders {
  const cache = createSelectionCache();
  const scanBudgets = createScanBudgets();
  const builder = (as: Selection["as"]): SelectionBuilder => ({
    selected(info, typename) {
      const type = typename === undefined ? getNamedType(info.returnType) : info.schema.getType(typename);
      if (!isObjectType(type)) throw new TypeError("The field has no object type: name the type whose fields are selected.");
      const given = { typename: type.name, budgets: scanBudgets.nameOf(info) };
      return cache.row(info, given, () => rowMembers({ ...info, scanBudgets }, type, info.fieldNodes))[as];
    },
    selectedPage(info, scope) {
      const given = { scope, budgets: scanBudgets.nameOf(info) };
      return cache.page(info, given, () => pageMembers({ ...info, scanBudgets }, info.returnType, info.fieldNodes))[as];
    },
    scanBudget: (info) => scanBudgets.of(info, info.fieldNodes),
  });
  return { json: builder("json"), rows: builder("rows"), idOf: createObjectIds() };
}

/** What a selection is built from: a field of an operation, and the budgets of the pages in it. */
interface SelectionInfo extends GraphQLResolveInfo {
  readonly scanBudgets: ScanBudgets;
}

type Field = GraphQLField<unknown, unknown>;

/** Returns the members of an object: one for each response name, in the order of the document. */
function membersOf<Content>(
  info: SelectionInfo,
  type: GraphQLObjectType,
  parents: readonly FieldNode[],
  contentOf: (field: Field, nodes: FieldGroup) => Content,
): Member<Content | TypenameContent>[] {
  return [...collectFields(info, type, parents)].map(([name, nodes]) => {
    const field = type.getFields()[nodes[0].name.value];
    // Validation leaves only __typename besides the fields of the type.
    return { name, content: field ? contentOf(field, nodes) : { kind: "constant", json: JSON.stringify(type.name) } };
  });
}

type TypenameContent = Extract<RowContent, { kind: "constant" }>;

/**
 * How many aliases of one field a row may have in JSON. The statement writes a text of 64 KB once for each alias, and
 * would read it once as a row.
 */
const maxAliases = 4;

function rowMembers(info: SelectionInfo, type: GraphQLObjectType, parents: readonly FieldNode[]): RowMembers {
  const counts = new Map<string, number>();
  return membersOf(info, type, parents, (field, nodes): RowContent => {
    const count = (counts.get(field.name) ?? 0) + 1;
    counts.set(field.name, count);
    const content = rowContent(info, type, field, nodes);
    return count > maxAliases ? { kind: "onlyRows", content } : content;
  });
}

function rowContent(info: SelectionInfo, type: GraphQLObjectType, field: Field, nodes: FieldGroup): RowContent {
  const { fieldOptions: options, pothosExposedField: exposed } = field.extensions as {
    readonly fieldOptions?: FieldOptions; // see FieldOptionsExtensions
    readonly pothosExposedField?: string;
  };
  const nullable = !isNonNullType(field.type);
  if (options?.kind === "toOne") {
    const members = rowMembers(info, objectTypeOf(field.type), nodes);
    const { relation, fallbackColumns } = options;
    return { kind: "toOne", relation, nullable, members, key: keyOf(nodes), fallbackColumns };
  }
  if (options?.kind === "toOneColumn") return { ...columnOfRelated(options, field), key: keyOf(nodes) };
  if (options?.kind === "toMany") return toManyContent(info, options, field, nodes);
  // The id of a node. Ids of other types are columns.
  if (options === undefined && exposed === undefined && field.name === "id") {
    return { kind: "column", field: "id", encoding: { globalIdOf: type.name }, nullable };
  }
  const stored = options?.stored ? options.columns[0] : exposed;
  const encoding = stored === undefined ? undefined : encodingOf(field.type);
  if (stored !== undefined && encoding) return { kind: "column", field: stored, encoding, nullable };
  const columns = options?.columns ?? (exposed === undefined ? undefined : [exposed]);
  const args = attempt(() => argumentsOf({ field, nodes }, info), GraphQLError);
  // graphql-js reports arguments that are not valid.
  if (args instanceof GraphQLError) return { kind: "onlyRows" };
  return { kind: "computed", columns, compute: computeOf({ type, field, nodes }, args) };
}

/** Returns a column of a related row as the value of the field. */
function columnOfRelated(options: Extract<FieldOptions, { kind: "toOneColumn" }>, { name, type }: Field): ToOne {
  const encoding = encodingOf(type);
  if (!encoding) throw new TypeError(`The database cannot write ${name} as JSON.`);
  const { relation, fallbackColumns, column } = options;
  const nullable = !isNonNullType(type);
  const members = [{ name: column, content: { kind: "column", field: column, encoding, nullable } }] as const;
  return { kind: "toOne", relation, nullable, members, fallbackColumns, isValue: true };
}

/** Returns the encoding of columns of a type, or undefined if the value must be computed. */
function encodingOf(type: GraphQLOutputType): JsonEncoding | undefined {
  const nullable = getNullableType(type);
  const named = getNamedType(nullable);
  if (isEnumType(named)) {
    if (!named.getValues().every(({ name, value }) => name === value)) return undefined;
    return isListType(nullable) ? "json" : "quoted";
  }
  return isListType(nullable) ? undefined : encodings[named.name];
}

const encodings: Readonly<Record<string, JsonEncoding>> = {
  ID: "json",
  String: "json",
  Boolean: "bare",
  Int: "bare",
  SafeInt: "bare",
  UUID: "quoted",
  DateTime: "instant",
};

/** Returns a function that computes the value of a field by its resolver. */
function computeOf(selected: SelectedField, args: Record<string, unknown>): Compute<object> {
  return (row, context) => (context as FieldExecutor).executeField(row, selected, args); // as completeValue passes it
}

function toManyContent(
  info: SelectionInfo,
  options: Extract<FieldOptions, { kind: "toMany" }>,
  field: Field,
  nodes: FieldGroup,
): RowContent {
  const read = (): Pick<ToMany, "input" | "scope"> => {
    const args = argumentsOf({ field, nodes }, info) as never; // the field's own: see t.toMany
    return { input: withinBudget(options.input(args), info.scanBudgets.of(info, nodes)), scope: options.scope(args) };
  };
  const page = attempt<Pick<ToMany, "input" | "scope">, DomainError | GraphQLError>(read, DomainError, GraphQLError);
  // Its resolver reads the arguments again and throws the error.
  if (page instanceof DomainError || page instanceof GraphQLError) return { kind: "onlyRows" };
  const members = pageMembers(info, field.type, nodes);
  return { kind: "toMany", relation: options.relation, ...page, members, key: keyOf(nodes) };
}

function pageMembers(info: SelectionInfo, connection: GraphQLOutputType, parents: readonly FieldNode[]): PageMembers {
  const type = objectTypeOf(connection);
  return membersOf(info, type, parents, (field, nodes): PageContent => {
    switch (field.name) {
      case "nodes":
        return { kind: "rows", members: rowMembers(info, objectTypeOf(field.type), nodes) };
      case "edges":
        return { kind: "edges", members: edgeMembers(info, objectTypeOf(field.type), nodes) };
      case "pageInfo":
        return { kind: "pageInfo", members: membersOf(info, objectTypeOf(field.type), nodes, pageInfoContent) };
      case "totalCount":
        return { kind: "totalCount" };
      case "totalCountIsExact":
        return { kind: "totalIsExact" };
      case "isPartial":
        return { kind: "isPartial" };
      default:
        return { kind: "onlyRows" };
    }
  });
}

function edgeMembers(
  info: SelectionInfo,
  edge: GraphQLObjectType,
  parents: readonly FieldNode[],
): readonly Member<EdgeContent>[] {
  return membersOf(info, edge, parents, (field, nodes): EdgeContent => {
    switch (field.name) {
      case "node":
        return { kind: "node", members: rowMembers(info, objectTypeOf(field.type), nodes) };
      case "cursor":
        return { kind: "cursor" };
      default:
        return edgeContent(info, edge, field, nodes);
    }
  });
}

/** Returns the content of a field of an edge that the kit does not know: it is computed from columns of the node. */
function edgeContent(info: SelectionInfo, type: GraphQLObjectType, field: Field, nodes: FieldGroup): EdgeContent {
  const { fieldOptions: options } = field.extensions as { readonly fieldOptions?: FieldOptions }; // as in rowContent
  const args = attempt(() => argumentsOf({ field, nodes }, info), GraphQLError);
  if (options?.kind !== "columns" || args instanceof GraphQLError) return { kind: "onlyRows" };
  const compute = computeOf({ type, field, nodes }, args);
  return {
    kind: "computed",
    columns: options.columns,
    compute: (node: object, context) => compute({ node }, context),
  };
}

function pageInfoContent({ name }: Field): PageInfoContent {
  switch (name) {
    case "hasNextPage":
    case "hasPreviousPage":
    case "startCursor":
    case "endCursor":
    case "isPartial":
      return { kind: name };
    default:
      return { kind: "onlyRows" };
  }
}

/** Returns the object type of a row or a connection. Rows of an interface are selected by the name of their type. */
function objectTypeOf(type: GraphQLOutputType): GraphQLObjectType {
  const named = getNamedType(type);
  if (!isObjectType(named)) throw new TypeError(`${named.name} is no object type: its fields cannot be read with their row.`);
  return named;
}
