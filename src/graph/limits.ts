import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from "graphql";

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
} as const;

interface Weight {
  readonly depth: number;
  readonly fields: number;
  readonly nodes: number;
}

type Variables = Readonly<Record<string, unknown>>;

const nothing: Weight = { depth: 0, fields: 0, nodes: 0 };

/**
 * Why `document` is too much, or undefined. To be asked before validation: comparing every pair of fields, which validation does, takes
 * seconds for a kilobyte of fragments that spread each other. Each fragment is weighed once, so this is linear in the document.
 */
export function tooHeavy(document: DocumentNode): GraphQLError | undefined {
  const weigh = weigher(document);
  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  for (const operation of operations) {
    const { depth, fields } = weigh(operation.selectionSet, {});
    if (depth > documentLimits.depth) return refusal(`The operation is nested ${depth} levels deep; at most ${documentLimits.depth} are taken.`);
    if (fields > documentLimits.fields) return refusal(`The operation selects ${fields} fields; at most ${documentLimits.fields} are taken.`);
  }
  return undefined;
}

/** Why `operation` asks for too many nodes with these variables, or undefined. */
export function tooManyNodes(document: DocumentNode, operation: OperationDefinitionNode, variables: Variables): GraphQLError | undefined {
  const { nodes } = weigher(document)(operation.selectionSet, variables);
  if (nodes <= documentLimits.nodes) return undefined;
  return refusal(`The pages asked for could hold ${nodes} nodes; at most ${documentLimits.nodes} are taken. Ask for smaller pages.`);
}

function weigher(document: DocumentNode): (selections: SelectionSetNode, variables: Variables) => Weight {
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
        const size = pageSize(selection.arguments ?? [], variables);
        sum = add(sum, { depth: inner.depth + 1, fields: inner.fields + 1, nodes: size === undefined ? inner.nodes : size * (1 + inner.nodes) });
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
  return { depth: Math.max(one.depth, other.depth), fields: one.fields + other.fields, nodes: one.nodes + other.nodes };
}

/** How many nodes a field's `first` or `last` asks for. */
function pageSize(args: readonly { name: { value: string }; value: ValueNode }[], variables: Variables): number | undefined {
  for (const { name, value } of args) {
    if (name.value !== "first" && name.value !== "last") continue;
    if (value.kind === Kind.INT) return Number(value.value);
    if (value.kind === Kind.VARIABLE) {
      const given = variables[value.name.value];
      if (typeof given === "number") return given;
    }
  }
  return undefined;
}

function refusal(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "INVALID_INPUT", http: { status: 400 } } });
}
