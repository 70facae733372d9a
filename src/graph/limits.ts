import {
  BREAK,
  type DocumentNode,
  type FragmentDefinitionNode,
  getNamedType,
  GraphQLError,
  type GraphQLField,
  type GraphQLSchema,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  parse,
  type ParseOptions,
  type SelectionSetNode,
  type ValueNode,
  visit,
} from "graphql";
import { defaultSize } from "./connections.ts";

/** What a document may be, counted as the executor would meet it: with every fragment spread out. */
export const documentLimits = {
  /** Tokens of the text: more are not even parsed. */
  tokens: 10_000,
  /** How deep fields may be nested. The introspection query of GraphiQL has 13 to 15 levels. */
  depth: 20,
  /** Fields in all. */
  fields: 3_000,
  /** Nodes that the pages asked for could hold in all, were they full: 100 tickets with 100 notes with 4 attachments each. */
  nodes: 50_000,
  /** Texts that are rendered, were the pages full: the one of each note on 40 pages of the usual size. */
  texts: 1_000,
} as const;

interface Weight {
  readonly depth: number;
  readonly fields: number;
  readonly nodes: number;
  readonly texts: number;
}

/** The values of an operation's variables, by name. */
export type Variables = Readonly<Record<string, unknown>>;

/** The fields that weigh more than themselves, by name. */
export interface WeightyFields {
  /** Pages: what they hold where no number is given. */
  readonly pages: ReadonlySet<string>;
  /** Texts that are rendered. Their extensions say `rendersText`. */
  readonly texts: ReadonlySet<string>;
}

const nothingWeighty: WeightyFields = { pages: new Set(), texts: new Set() };
const nothing: Weight = { depth: 0, fields: 0, nodes: 0, texts: 0 };

/** Parses what is not too long. @throws {GraphQLError} */
export function parseWithinLimits(source: string, options?: ParseOptions): DocumentNode {
  try {
    return parse(source, { ...options, maxLexicalTokens: documentLimits.tokens });
  } catch (error) {
    // The parser calls itself for each level, and there is an end to the stack before there is one to the tokens.
    if (error instanceof RangeError) throw refusal("The document is nested too deeply to be read.");
    throw error;
  }
}

/** The fields of `schema` that weigh more than themselves. */
export function weightyFieldsOf(schema: GraphQLSchema): WeightyFields {
  const fields = Object.values(schema.getTypeMap()).flatMap((type) =>
    isObjectType(type) ? Object.values(type.getFields()) : [],
  );
  const names = (which: (field: GraphQLField<unknown, unknown>) => boolean) =>
    new Set(fields.filter(which).map((field) => field.name));
  return {
    pages: names((field) => getNamedType(field.type).name.endsWith("Connection")),
    texts: names((field) => field.extensions["rendersText"] === true),
  };
}

/**
 * Why `document` is too much, or undefined. To be asked before validation: comparing every pair of fields, which validation does, takes
 * seconds for a kilobyte of fragments that spread each other. Each fragment is weighed once, so this is linear in the document.
 */
export function tooHeavy(document: DocumentNode): GraphQLError | undefined {
  const weigh = weigher(document, nothingWeighty);
  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  for (const operation of operations) {
    const { depth, fields } = weigh(operation.selectionSet, {});
    if (depth > documentLimits.depth)
      return refusal(`The operation is nested ${depth} levels deep; at most ${documentLimits.depth} are taken.`);
    if (fields > documentLimits.fields)
      return refusal(`The operation selects ${fields} fields; at most ${documentLimits.fields} are taken.`);
  }
  return undefined;
}

/** Why `operation` asks for too many nodes, or for too many texts, with these variables, or undefined. */
export function asksTooMuch(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
  weighty: WeightyFields,
): GraphQLError | undefined {
  const { nodes, texts } = weigher(document, weighty)(operation.selectionSet, withDefaults(operation, variables));
  if (nodes > documentLimits.nodes)
    return refusal(
      `The pages asked for could hold ${nodes} nodes; at most ${documentLimits.nodes} are taken. Ask for smaller pages.`,
    );
  if (texts > documentLimits.texts)
    return refusal(
      `The notes asked for could have ${texts} texts to render; at most ${documentLimits.texts} are taken. Ask for smaller pages.`,
    );
  return undefined;
}

/** How many fields `operation` selects, with every fragment spread out. */
export function fieldsOf(document: DocumentNode, operation: OperationDefinitionNode): number {
  return weigher(document, nothingWeighty)(operation.selectionSet, {}).fields;
}

/** Whether variables say how many nodes a page of `document` holds: if not, what {@link asksTooMuch} says of an operation is always the same. */
export function sizesVary(document: DocumentNode): boolean {
  let vary = false;
  visit(document, {
    Argument({ name, value }) {
      if (!sizeArguments.has(name.value) || value.kind !== Kind.VARIABLE) return undefined;
      vary = true;
      return BREAK;
    },
  });
  return vary;
}

/** The variables, with the numbers that the operation gives those that were left out. */
function withDefaults({ variableDefinitions = [] }: OperationDefinitionNode, variables: Variables): Variables {
  const defaults = variableDefinitions.map(({ variable, defaultValue }): [string, unknown] => [
    variable.name.value,
    defaultValue?.kind === Kind.INT
      ? Number(defaultValue.value)
      : defaultValue?.kind === Kind.LIST
        ? defaultValue.values
        : undefined,
  ]);
  return { ...Object.fromEntries(defaults), ...variables };
}

function weigher(
  document: DocumentNode,
  { pages, texts }: WeightyFields,
): (selections: SelectionSetNode, variables: Variables) => Weight {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const weighed = new Map<string, Weight>();

  function ofFragment(name: string, variables: Variables): Weight {
    const known = weighed.get(name);
    if (known) return known;
    // Weighs nothing while it is being weighed: a fragment that spreads itself is for validation to refuse.
    weighed.set(name, nothing);
    const fragment = fragments.get(name);
    const weight = fragment ? ofSelections(fragment.selectionSet, variables) : nothing;
    weighed.set(name, weight);
    return weight;
  }

  function ofSelections(selections: SelectionSetNode, variables: Variables): Weight {
    let sum = nothing;
    for (const selection of selections.selections) {
      if (selection.kind === Kind.FIELD) {
        const inner = selection.selectionSet ? ofSelections(selection.selectionSet, variables) : nothing;
        const size =
          nodesAskedFor(selection.arguments ?? [], variables) ?? (pages.has(selection.name.value) ? defaultSize : undefined);
        sum = add(sum, {
          depth: inner.depth + 1,
          fields: inner.fields + 1,
          nodes: size === undefined ? inner.nodes : size * (1 + inner.nodes),
          texts: (size ?? 1) * inner.texts + (texts.has(selection.name.value) ? 1 : 0),
        });
      } else {
        sum = add(
          sum,
          selection.kind === Kind.FRAGMENT_SPREAD
            ? ofFragment(selection.name.value, variables)
            : ofSelections(selection.selectionSet, variables),
        );
      }
    }
    return sum;
  }

  return ofSelections;
}

function add(one: Weight, other: Weight): Weight {
  return {
    depth: Math.max(one.depth, other.depth),
    fields: one.fields + other.fields,
    nodes: one.nodes + other.nodes,
    texts: one.texts + other.texts,
  };
}

/** The arguments that say how many nodes a field asks for. */
const sizeArguments: ReadonlySet<string> = new Set(["first", "last", "ids"]);

/** How many nodes a field's `first`, `last` or `ids` ask for. */
function nodesAskedFor(
  args: readonly { name: { value: string }; value: ValueNode }[],
  variables: Variables,
): number | undefined {
  for (const { name, value } of args) {
    if (!sizeArguments.has(name.value)) continue;
    const given =
      value.kind === Kind.VARIABLE ? variables[value.name.value] : value.kind === Kind.LIST ? value.values : undefined;
    // A number below zero is refused where it is read, and must not make up for another one here.
    if (value.kind === Kind.INT) return Math.max(0, Number(value.value));
    if (typeof given === "number") return Math.max(0, given);
    if (Array.isArray(given)) return given.length;
  }
  return undefined;
}

function refusal(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "INVALID_INPUT", http: { status: 400 } } });
}
