import {
  type FieldNode,
  getNamedType,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  isLeafType,
  isObjectType,
  isInterfaceType,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
  type ValueNode,
} from "graphql";
import { prices, wholePoints } from "../../limits/cost.ts";
import { defaultSize } from "../kit/connections.ts";
import type { Fragments, Variables } from "./limits.ts";
import { askedSize, sizeArguments, type SizeOf } from "./page-sizes.ts";

/** The cost of an operation with certain variables, if all its pages were full. */
export interface OperationCost {
  /** Whole points. */
  readonly points: number;
  /** How many nodes its pages can contain. */
  readonly nodes: number;
  /** How many texts it can render. */
  readonly texts: number;
}

/** The cost of a selection. Points are not rounded yet. */
interface Sum {
  nodes: number;
  texts: number;
  points: number;
}

/** The cost of a selection: its own, and that of each row of its pages. Variables determine the number of rows. */
interface CostPart {
  readonly own: Sum;
  readonly pages: { readonly size: SizeOf; readonly row: CostPart }[];
}

/** How many aliases of one field are cheap in a row. With more, the row is completed value by value. */
const cheapNames = 4;

/**
 * Compiles the cost of a valid operation of `schema`, without its introspection. The returned function only multiplies
 * for each page whose size is a variable.
 */
export function compileCost(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: Fragments,
): (variables: Variables) => OperationCost {
  const root = schema.getRootType(operation.operation);
  const part = newPart();
  if (root)
    addSelections(part, operation.selectionSet, { schema, fragments, operation, type: root, isRoot: true, names: new Map() });
  const isMutation = operation.operation === OperationTypeNode.MUTATION;
  // The price of the call includes the first read.
  const base = prices.call - (isMutation ? 0 : prices.read);

  return (variables) => {
    const { nodes, texts, points } = sumOf(part, variables);
    return { nodes, texts, points: wholePoints(base + points) };
  };
}

interface CostPlace {
  readonly schema: GraphQLSchema;
  readonly fragments: Fragments;
  readonly operation: OperationDefinitionNode;
  readonly type: GraphQLNamedType;
  readonly isRoot: boolean;
  /** How often each field occurs at this place. */
  readonly names: Map<string, number>;
  /** For a connection: the cost of its rows, and whether it is a root field. */
  readonly connection?: { readonly row: CostPart; readonly isRoot: boolean };
}

function newPart(): CostPart {
  return { own: { nodes: 0, texts: 0, points: 0 }, pages: [] };
}

function sumOf({ own, pages }: CostPart, variables: Variables): Sum {
  let { nodes, texts, points } = own;
  for (const { size, row } of pages) {
    const rows = size(variables);
    const each = sumOf(row, variables);
    nodes += rows * each.nodes;
    texts += rows * each.texts;
    points += rows * each.points;
  }
  return { nodes, texts, points };
}

function addSelections(part: CostPart, { selections }: SelectionSetNode, place: CostPlace): void {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      addField(part, selection, place);
      continue;
    }
    const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : place.fragments.get(selection.name.value);
    if (!fragment) continue;
    const condition = fragment.typeCondition && place.schema.getType(fragment.typeCondition.name.value);
    addSelections(part, fragment.selectionSet, condition ? { ...place, type: condition } : place);
  }
}

function addField(part: CostPart, node: FieldNode, place: CostPlace): void {
  const name = node.name.value;
  const field = isObjectType(place.type) || isInterfaceType(place.type) ? place.type.getFields()[name] : undefined;
  const count = (place.names.get(name) ?? 0) + 1;
  place.names.set(name, count);
  part.own.points += count > cheapNames && !place.isRoot ? prices.repeatedValue : prices.value;
  // Introspection is counted by its result. __typename costs as much as any value.
  if (!field) return;
  // See priced and its like
  const { points, rendersText } = field.extensions as { readonly points?: number; readonly rendersText?: boolean };
  part.own.points += points ?? 0;
  if (rendersText === true) {
    part.own.texts += 1;
    part.own.points += prices.renderedText;
  }
  if (place.isRoot) part.own.points += rootPrice(place, field);
  for (const { name: argument, value } of node.arguments ?? []) if (!sizeArguments.has(argument.value)) addListed(part, value);
  if (place.connection) return addMember(part, node, field, place, place.connection);

  const type = getNamedType(field.type);
  if (isLeafType(type) || !node.selectionSet) return;
  const inner = { ...place, type, isRoot: false, names: new Map<string, number>() };
  const size = askedSize(node, place.operation);
  if (type.name.endsWith("Connection")) {
    const row = newPart();
    row.own.nodes = 1;
    part.pages.push({ size: size ?? (() => defaultSize), row });
    return addSelections(part, node.selectionSet, { ...inner, connection: { row, isRoot: place.isRoot } });
  }
  if (size) {
    const row = newPart();
    row.own.nodes = 1;
    row.own.points = prices.lookup;
    part.pages.push({ size, row });
    return addSelections(row, node.selectionSet, inner);
  }
  part.own.points += prices.row;
  addSelections(part, node.selectionSet, inner);
}

/** Adds the values of lists in an argument: rows are compared with each of them. */
function addListed(part: CostPart, value: ValueNode): void {
  if (value.kind === Kind.VARIABLE) {
    const row = newPart();
    row.own.points = prices.listedValue;
    part.pages.push({ size: (variables) => listedIn(variables[value.name.value]), row });
  } else if (value.kind === Kind.LIST) {
    part.own.points += value.values.length * prices.listedValue;
    for (const item of value.values) addListed(part, item);
  } else if (value.kind === Kind.OBJECT) {
    for (const field of value.fields) addListed(part, field.value);
  }
}

/** Returns the number of values in the lists of a variable's value. */
function listedIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const own = Array.isArray(value) ? value.length : 0;
  return Object.values(value).reduce<number>((sum, part) => sum + listedIn(part), own);
}

/** The fields of a connection for which its rows are counted. */
const totals: readonly string[] = ["totalCount", "totalCountIsExact"];

/**
 * Adds a field of a connection. The cost of a row counts once for each row, a total counts once. A page with nothing
 * but a total reads no rows.
 */
function addMember(
  part: CostPart,
  node: FieldNode,
  field: GraphQLField<unknown, unknown>,
  place: CostPlace,
  { row, isRoot }: { readonly row: CostPart; readonly isRoot: boolean },
): void {
  const isTotal = totals.includes(field.name);
  // Both fields about the total are counted once.
  const isCounted = totals.some((name) => name !== field.name && place.names.has(name));
  if (isTotal) part.own.points += isCounted ? 0 : isRoot ? prices.total : prices.totalOfRow;
  else row.own.points = Math.max(row.own.points, prices.row);
  if (!node.selectionSet) return;
  const isRows = field.name === "nodes" || field.name === "edges";
  const { connection: _connection, ...outside } = place;
  const inner = { ...outside, type: getNamedType(field.type), names: new Map<string, number>() };
  addSelections(isRows ? row : part, node.selectionSet, inner);
}

function rootPrice({ operation }: CostPlace, field: GraphQLField<unknown, unknown>): number {
  if (operation.operation === OperationTypeNode.MUTATION) return prices.write;
  return field.extensions["isFree"] === true ? 0 : prices.read;
}
