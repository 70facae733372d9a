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
import { prices, wholePoints } from "../limits/cost.ts";
import { defaultSize, maximumSize } from "./connections.ts";
import type { Fragments, Variables } from "./limits.ts";

/** What an operation would cost with certain variables, were its pages full. */
export interface OperationCost {
  /** In whole points. */
  readonly points: number;
  /** Nodes that its pages could hold. */
  readonly nodes: number;
  /** Texts that it could have rendered. */
  readonly texts: number;
}

/** Sums of what one selection costs. Points are not rounded yet. */
interface Sum {
  nodes: number;
  texts: number;
  points: number;
}

/** What a selection costs: by itself, and for each row of its pages, of which only the variables know how many there are. */
interface CostPart {
  readonly own: Sum;
  readonly pages: { readonly size: SizeOf; readonly row: CostPart }[];
}

/** The arguments that say how many nodes a field asks for. */
const sizeArguments: ReadonlySet<string> = new Set(["first", "last", "ids"]);

/** Under how many names a row may have the same field before each costs more: beyond them rows are completed value by value. */
const cheapNames = 4;

/**
 * Prepares the cost of a valid operation of `schema`, that of its introspection left out: what is left to do for each request is a multiplication
 * a page whose size is a variable.
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
  // The first read is in the price of the call.
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
  /** How often each field has been met at this place. */
  readonly names: Map<string, number>;
  /** Of a connection: what its rows cost, and whether it is one of the root's own. */
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
  // Introspection is counted by what it answers, and __typename is a value like any other.
  if (!field) return;
  const { points, rendersText } = field.extensions as { readonly points?: number; readonly rendersText?: boolean }; // see priced and its like
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

/** The values of lists in an argument: each is something that rows are held against. */
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

/** How many values there are in the lists of what was sent as a variable. */
function listedIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const own = Array.isArray(value) ? value.length : 0;
  return Object.values(value).reduce<number>((sum, part) => sum + listedIn(part), own);
}

/** A field of a connection: what rows cost is counted as often as there are any, a total once. A page of which only the total is asked reads none. */
function addMember(
  part: CostPart,
  node: FieldNode,
  field: GraphQLField<unknown, unknown>,
  place: CostPlace,
  { row, isRoot }: { readonly row: CostPart; readonly isRoot: boolean },
): void {
  if (field.name === "totalCount") part.own.points += isRoot ? prices.total : prices.totalOfRow;
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

type SizeOf = (variables: Variables) => number;

/** How many nodes a field's `first`, `last` or `ids` ask for; undefined where it has none of them. */
function askedSize({ arguments: given = [] }: FieldNode, operation: OperationDefinitionNode): SizeOf | undefined {
  const sizes = given.filter(({ name }) => sizeArguments.has(name.value)).map(({ value }) => sizeIn(value, operation));
  if (sizes.length === 0) return undefined;
  return (variables) => {
    for (const size of sizes) {
      const known = size(variables);
      // A number out of bounds is refused where it is read; one below zero must not make up for another one here.
      if (known !== undefined) return Math.min(Math.max(0, known), maximumSize);
    }
    return defaultSize;
  };
}

/** The number that `value` is, or that the list it is has; undefined where it is neither. */
function sizeIn(value: ValueNode, operation: OperationDefinitionNode): (variables: Variables) => number | undefined {
  if (value.kind !== Kind.VARIABLE) {
    const size = value.kind === Kind.INT ? Number(value.value) : value.kind === Kind.LIST ? value.values.length : undefined;
    return () => size;
  }
  const name = value.name.value;
  const usual = operation.variableDefinitions?.find(({ variable }) => variable.name.value === name)?.defaultValue;
  const sizeLeftOut = usual && sizeIn(usual, operation)({});
  return (variables) => {
    const given = variables[name];
    if (given === undefined) return sizeLeftOut;
    if (typeof given === "number") return given;
    return Array.isArray(given) ? given.length : undefined;
  };
}
