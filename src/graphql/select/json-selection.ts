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
import { attempt } from "../../errors.ts";
import { type CursorScope, scopeTag } from "../../query/model/cursor.ts";
import { type ResponseContext, UnsupportedAsJson } from "../../query/result/json-result.ts";
import { type Selection, totalOnly } from "../../query/model/selection.ts";
import type {
  EdgeContent,
  Member,
  PageContent,
  PageInfoContent,
  PageShape,
  RowContent,
  RowShape,
  JsonEncoding,
  Compute,
} from "../../query/model/shape.ts";
import { collectFields, type FieldGroup } from "./collect-fields.ts";
import { cachedSelection } from "./selection-cache.ts";
import type { SelectedPage, SelectionBuilder } from "../kit/selection-builder.ts";
import { type FieldOptions, inputOf } from "../kit/field-options.ts";
import {
  argumentsOf,
  type ExecutionContext,
  type SelectedField,
  typenameField,
  executeField,
} from "../server/execution/complete-value.ts";

/** Builds selections of JSON. Both functions throw {@link UnsupportedAsJson} if the field must be read as rows. */
export const jsonSelectionBuilder: SelectionBuilder = { selected: rowsInJson, selectedPage: pageInJson };

function rowsInJson(info: GraphQLResolveInfo, typename: string | undefined): Selection {
  const type = typename === undefined ? getNamedType(info.returnType) : info.schema.getType(typename);
  if (!isObjectType(type)) throw new UnsupportedAsJson();
  const selection = cachedSelection(info, `rows ${type.name} in JSON`, () => {
    const json = shapeOrNone(() => rowShape(info, type, info.fieldNodes));
    return json ? { ...nothing, json } : nothing;
  });
  if (!selection.json) throw new UnsupportedAsJson();
  return selection;
}

function pageInJson(info: GraphQLResolveInfo, scope: CursorScope): SelectedPage {
  // The order is an argument of the field itself, and the cache's key has only the variables below the field: so the scope is
  // part of the key.
  const page = cachedSelection(info, `page in JSON of ${scopeTag(scope)}`, () => {
    const json = shapeOrNone(() => pageShape(info, info.returnType, info.fieldNodes, scope));
    return { pageSelection: json ? { ...totalOnly, json } : totalOnly, selection: nothing };
  });
  if (!page.pageSelection.json) throw new UnsupportedAsJson();
  return page;
}

const nothing: Selection = { fields: new Set(), relations: new Map() };

/** Returns undefined if there is no shape, which is cached too. */
function shapeOrNone<Shape>(make: () => Shape): Shape | undefined {
  // Arguments that are not valid: their resolver throws the error.
  const made = attempt<Shape, UnsupportedAsJson | GraphQLError>(make, UnsupportedAsJson, GraphQLError);
  return made instanceof UnsupportedAsJson || made instanceof GraphQLError ? undefined : made;
}

/** The context of a JSON result in this API is always an {@link ExecutionContext}: completeValue passes it. */
function executionContextOf(context: ResponseContext): ExecutionContext {
  return context as ExecutionContext;
}

type Field = GraphQLField<unknown, unknown>;

/** Returns the members of an object: one for each response name, in the order of the document. */
function membersOf<Content>(
  info: GraphQLResolveInfo,
  type: GraphQLObjectType,
  parents: readonly FieldNode[],
  contentOf: (field: Field, nodes: FieldGroup) => Content,
): Member<Content | Constant>[] {
  return [...collectFields(info, type, parents)].map(([name, nodes]) => {
    const field = type.getFields()[nodes[0].name.value];
    return { name, content: field ? contentOf(field, nodes) : constant(typenameField(type, nodes)) };
  });
}

type Constant = Extract<RowContent, { kind: "constant" }>;

const constant = (value: string): Constant => ({ kind: "constant", json: JSON.stringify(value) });

function objectTypeOf(type: GraphQLOutputType): GraphQLObjectType {
  const named = getNamedType(type);
  if (!isObjectType(named)) throw new UnsupportedAsJson();
  return named;
}

/**
 * How many aliases of one field a row may have. The statement writes a text of 64 KB once for each alias, and would read it
 * once as a row.
 */
const maxAliases = 4;

function rowShape(info: GraphQLResolveInfo, type: GraphQLObjectType, parents: readonly FieldNode[]): RowShape {
  const names = new Map<string, number>();
  return membersOf(info, type, parents, (field, nodes) => {
    const count = (names.get(field.name) ?? 0) + 1;
    names.set(field.name, count);
    if (count > maxAliases) throw new UnsupportedAsJson();
    return rowContent(info, type, field, nodes);
  });
}

function rowContent(info: GraphQLResolveInfo, type: GraphQLObjectType, field: Field, nodes: FieldGroup): RowContent {
  const { fieldOptions: options, pothosExposedField: exposed } = field.extensions as {
    readonly fieldOptions?: FieldOptions; // see FieldOptionsExtensions
    readonly pothosExposedField?: string;
  };
  const nullable = !isNonNullType(field.type);
  if (options?.kind === "toOne") {
    return { kind: "row", relation: options.relation, nullable, shape: rowShape(info, objectTypeOf(field.type), nodes) };
  }
  if (options?.kind === "toMany") return pageContent(info, options, field, nodes);
  if (options === undefined && field.name === "id") {
    return { kind: "stored", field: "id", encoding: { globalIdOf: type.name }, nullable };
  }
  const stored = options?.stored ? options.columns[0] : exposed;
  const encoding = stored === undefined ? undefined : encodingOf(field.type);
  if (stored !== undefined && encoding) return { kind: "stored", field: stored, encoding, nullable };
  const fields = options?.columns ?? (exposed === undefined ? undefined : [exposed]);
  return { kind: "computed", fields, compute: computeOf(info, { type, field, nodes }) };
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
  String: "json",
  Boolean: "bare",
  Int: "bare",
  SafeInt: "bare",
  UUID: "quoted",
  DateTime: "instant",
};

/** Returns a function that computes the value of a field by its resolver. */
function computeOf(info: GraphQLResolveInfo, selected: SelectedField): Compute<object> {
  const args = argumentsOf(selected, info);
  return (row, context) => executeField(row, selected, executionContextOf(context), args);
}

function pageContent(
  info: GraphQLResolveInfo,
  options: Extract<FieldOptions, { kind: "toMany" }>,
  field: Field,
  nodes: FieldGroup,
): RowContent {
  const input = inputOf(info, options, field, nodes[0]);
  if (!input) throw new UnsupportedAsJson();
  // The arguments are the field's own: see toMany.
  const scope = options.scope(argumentsOf({ field, nodes }, info) as never);
  return { kind: "page", relation: options.relation, input, shape: pageShape(info, field.type, nodes, scope) };
}

function pageShape(
  info: GraphQLResolveInfo,
  connection: GraphQLOutputType,
  parents: readonly FieldNode[],
  scope: CursorScope,
): PageShape {
  const type = objectTypeOf(connection);
  const members = membersOf(info, type, parents, (field, nodes): PageContent => {
    switch (field.name) {
      case "nodes":
        return { kind: "rows", shape: rowShape(info, objectTypeOf(field.type), nodes) };
      case "edges":
        return { kind: "edges", members: edgeMembers(info, objectTypeOf(field.type), nodes) };
      case "pageInfo":
        return { kind: "pageInfo", members: membersOf(info, objectTypeOf(field.type), nodes, pageInfoContent) };
      case "totalCount":
        return { kind: "total" };
      default:
        throw new UnsupportedAsJson();
    }
  });
  return { members, scope };
}

function edgeMembers(
  info: GraphQLResolveInfo,
  edge: GraphQLObjectType,
  parents: readonly FieldNode[],
): readonly Member<EdgeContent>[] {
  return membersOf(info, edge, parents, (field, nodes): EdgeContent => {
    switch (field.name) {
      case "node":
        return { kind: "row", shape: rowShape(info, objectTypeOf(field.type), nodes) };
      case "cursor":
        return { kind: "cursor" };
      default:
        throw new UnsupportedAsJson();
    }
  });
}

function pageInfoContent({ name }: Field): PageInfoContent {
  switch (name) {
    case "hasNextPage":
    case "hasPreviousPage":
    case "startCursor":
    case "endCursor":
      return { kind: name };
    default:
      throw new UnsupportedAsJson();
  }
}
