import {
  getNamedType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLOutputType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  isUnionType,
} from "graphql";

import { encodeGlobalId } from "../../../lib/global-ids.ts";

/** An operation for a root field, as GraphiQL takes it. */
export interface GeneratedOperation {
  readonly query: string;
  /** The variables as JSON, or undefined if there are none. */
  readonly variables: string | undefined;
}

/** Ids of things that the reader of the examples may see. */
export interface SampleIds {
  readonly ticketId?: string | undefined;
  readonly noteId?: string | undefined;
}

type Root = "query" | "mutation" | "subscription";

/** The fields of an object that say most of it, before others. */
const telling = [
  "id",
  "uuid",
  "number",
  "name",
  "subject",
  "text",
  "status",
  "role",
  "filename",
  "code",
  "message",
  "createdAt",
];
/** The most fields of one object in an example. */
const maxFields = 6;
/** How deep a selection goes. */
const maxDepth = 3;

/**
 * Returns an operation that asks for a root field with all arguments that it requires, and selects what says most of
 * its result. It is valid in the field's schema.
 */
export function operationExample(root: Root, field: GraphQLField<unknown, unknown>, ids: SampleIds): GeneratedOperation {
  const required = field.args.filter((arg) => isRequiredArgument(arg));
  const hasPages = field.args.some(({ name, type }) => name === "first" && String(type) === "Int");
  const declared = required.map(({ name, type }) => `$${name}: ${String(type)}`);
  const given = [...required.map(({ name }) => `${name}: $${name}`), ...(hasPages ? ["first: 3"] : [])];
  const name = field.name.charAt(0).toUpperCase() + field.name.slice(1);
  const head = `${root} ${name}${parenthesized(declared)}`;
  const selection = selectionOf(field.type, 0);
  const variables = Object.fromEntries(required.map((arg) => [arg.name, sampleOf(arg, arg.type, field.name, ids)]));
  return {
    query: `${head} {\n${indented(`${field.name}${parenthesized(given)}${selection}`)}\n}\n`,
    variables: required.length === 0 ? undefined : JSON.stringify(variables, null, 2),
  };
}

function parenthesized(parts: readonly string[]): string {
  return parts.length === 0 ? "" : `(${parts.join(", ")})`;
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}

/** Returns the selection set for a type, with a space before it. Empty for a leaf. */
function selectionOf(type: GraphQLOutputType, depth: number): string {
  const named = getNamedType(type);
  if (isLeafType(named)) return "";
  const parts: string[] = isUnionType(named)
    ? ["__typename", ...named.getTypes().flatMap((member) => (isError(member) ? [] : [fragment(member, depth)])), errors]
    : fieldsOf(named, depth);
  return ` {\n${indented(parts.filter((part) => part !== "").join("\n"))}\n}`;
}

const errors = "... on Error {\n  code\n  message\n}";

function isError(type: GraphQLOutputType): boolean {
  return isObjectType(type) && type.getInterfaces().some(({ name }) => name === "Error");
}

function fragment(type: GraphQLOutputType, depth: number): string {
  return `... on ${getNamedType(type).name}${selectionOf(type, depth)}`;
}

function fieldsOf(type: GraphQLOutputType, depth: number): string[] {
  if (!isObjectType(type) && !isInterfaceType(type)) return ["__typename"];
  const all = Object.values(type.getFields()).filter(
    ({ deprecationReason, args }) => !deprecationReason && !args.some((arg) => isRequiredArgument(arg)),
  );
  const nodes = all.find(({ name }) => name === "nodes");
  if (nodes) return [`nodes${selectionOf(nodes.type, depth)}`, "pageInfo {\n  hasNextPage\n  endCursor\n}"];
  const rank = ({ name }: { readonly name: string }) => (telling.includes(name) ? telling.indexOf(name) : telling.length);
  const leaves = all.filter((field) => isLeafType(getNamedType(field.type))).toSorted((one, other) => rank(one) - rank(other));
  // One level below the root field's own type is enough, unless nothing else can be selected.
  const isThin = leaves.length === 0;
  const objects = all.filter((field) => isObjectType(getNamedType(field.type)) && !isPage(field));
  const nested = (isThin && depth < maxDepth) || depth === 0 ? objects.slice(0, 2) : [];
  const parts = [
    ...leaves.slice(0, maxFields).map(({ name }) => name),
    ...nested.map((field) => `${field.name}${selectionOf(field.type, depth + 1)}`),
  ];
  return isInterfaceType(type) || parts.length === 0 ? ["__typename", ...parts] : parts;
}

function isPage(field: GraphQLField<unknown, unknown>): boolean {
  return getNamedType(field.type).name.endsWith("Connection") || isListType(field.type);
}

/** Returns a value for an argument or an input field. */
function sampleOf(
  { name }: Pick<GraphQLArgument | GraphQLInputField, "name">,
  type: GraphQLInputType,
  root: string,
  ids: SampleIds,
): unknown {
  if (isNonNullType(type)) return sampleOf({ name }, type.ofType, root, ids);
  if (isListType(type)) return [sampleOf({ name }, type.ofType, root, ids)];
  if (isInputObjectType(type)) {
    const all = Object.values(type.getFields());
    const needed = all.filter((field) => isRequiredInputField(field));
    // An input of one field, or one where any is enough, shows its first.
    const shown = needed.length === 0 ? all.slice(0, 1) : needed;
    return Object.fromEntries(shown.map((field) => [field.name, sampleOf(field, field.type, root, ids)]));
  }
  if (isEnumType(type)) return type.getValues()[0]?.name;
  return sampleOfScalar(name, getNamedType(type).name, root, ids);
}

function sampleOfScalar(name: string, type: string, root: string, ids: SampleIds): unknown {
  if (type === "Boolean") return true;
  if (type === "Int" || type === "SafeInt" || type === "Float") return 1;
  if (type === "DateTime") return "2026-11-20T09:30:00Z";
  if (type === "ID" || type === "UUID") return idFor(name, root, ids);
  if (/email/i.test(name)) return "nora.vance@brightwater.example";
  return samples.get(name) ?? "Cleared the fault codes and drove 12 km: none came back.";
}

/** The texts of fields, by their names. */
const samples: ReadonlyMap<string, string> = new Map([
  ["name", "Nora Vance"],
  ["subject", "Kestrel hatchback: the engine lamp is on again"],
  ["filename", "post-scan.pdf"],
  ["query", "gearbox"],
  ["reason", "It names a person who asked to be left out."],
]);

function idFor(name: string, root: string, { ticketId, noteId }: SampleIds): string {
  // Only a global id says of which type its object is.
  if (/^nodes?$/.test(root)) return noteId === undefined ? "the id of anything" : encodeGlobalId("Note", noteId);
  const about = `${name} ${root}`;
  if (/ticket/i.test(name) || (/ticket/i.test(about) && !/note/i.test(about))) return ticketId ?? "the id of a ticket";
  if (/note/i.test(about) || name === "id") return noteId ?? "the id of a note";
  return `the ${name}`;
}
