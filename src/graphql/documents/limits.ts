import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  parse,
  type ParseOptions,
  type SelectionSetNode,
  TokenKind,
  visit,
} from "graphql";
import { TooExpensive } from "../../errors.ts";
import type { DocumentLimits } from "../kit/document-limits.ts";

/** The values of an operation's variables, by name. */
export type Variables = Readonly<Record<string, unknown>>;

export type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/** Parses `source`. Throws a {@link GraphQLError} if it exceeds the limits or is not valid. */
export function parseWithinLimits(source: string, limits: DocumentLimits, options?: ParseOptions): DocumentNode {
  try {
    return parse(source, { ...options, maxLexicalTokens: limits.tokens });
  } catch (error) {
    // The parser is recursive, and the stack ends before the limit of tokens does.
    if (error instanceof RangeError) throw tooExpensive("The document is nested too deeply to be read.");
    if (error instanceof GraphQLError && error.message.includes(`more that ${limits.tokens} tokens`))
      throw tooExpensive(`The document has more than ${limits.tokens} tokens, and no more are read.`);
    throw error;
  }
}

/** Returns the fragments of `document` by name. */
export function fragmentsOf(document: DocumentNode): Fragments {
  const definitions = document.definitions.flatMap((one) => (one.kind === Kind.FRAGMENT_DEFINITION ? [one] : []));
  return new Map(definitions.map((one) => [one.name.value, one]));
}

/**
 * Returns the length of the longest name in the text of `document`, in characters. It is 0 if a plugin made the
 * document without a text. Validation compares an unknown name with all known ones, so that it can suggest one.
 */
function longestName({ loc }: DocumentNode): number {
  let longest = 0;
  for (let token = loc?.startToken ?? null; token; token = token.next)
    if (token.kind === TokenKind.NAME) longest = Math.max(longest, token.end - token.start);
  return longest;
}

/** Returns the operations of `document`. */
function operationsOf(document: DocumentNode): readonly OperationDefinitionNode[] {
  return document.definitions.flatMap((one) => (one.kind === Kind.OPERATION_DEFINITION ? [one] : []));
}

/**
 * Returns an error if `document` exceeds the limits, else undefined. It must run before validation, which compares all
 * pairs of fields in one place: that takes seconds for a kilobyte of fragments that spread each other. The first counts
 * are linear in the document and limit the later ones.
 */
export function tooHeavy(document: DocumentNode, limits: DocumentLimits): GraphQLError | undefined {
  const name = longestName(document);
  if (name > limits.nameCharacters)
    return tooExpensive(`A name in the document has ${name} characters; at most ${limits.nameCharacters} are taken.`);
  const operations = operationsOf(document);
  if (operations.length > limits.operations)
    return tooExpensive(`The document has ${operations.length} operations; at most ${limits.operations} are taken.`);
  const fragments = fragmentsOf(document);
  const definitions = document.definitions.length - operations.length;
  if (definitions > limits.fragments)
    return tooExpensive(`The document has ${definitions} fragments; at most ${limits.fragments} are taken.`);
  const measure = measurer(fragments);
  for (const operation of operations) {
    const { depth, fields } = measure(operation.selectionSet);
    if (depth > limits.depth)
      return tooExpensive(`The operation is nested ${depth} levels deep; at most ${limits.depth} are taken.`);
    if (fields > limits.fields)
      return tooExpensive(`The operation selects ${fields} fields; at most ${limits.fields} are taken.`);
  }
  for (const operation of operations) {
    if (operation.operation !== OperationTypeNode.MUTATION) continue;
    const mutations = rootFieldsOf(operation, fragments).length;
    if (mutations > limits.mutations)
      return tooExpensive(`The operation has ${mutations} mutations; at most ${limits.mutations} are taken.`);
  }
  return tooManyComparisons(document, fragments, measure, limits);
}

/** Returns the root fields of `operation`, with those of fragments and all aliases. */
export function rootFieldsOf({ selectionSet }: OperationDefinitionNode, fragments: Fragments): readonly FieldNode[] {
  const found: FieldNode[] = [];
  const spread = new Set<string>();
  const collect = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) found.push(selection);
      else if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet);
      else if (!spread.has(selection.name.value)) {
        spread.add(selection.name.value);
        const fragment = fragments.get(selection.name.value);
        if (fragment) collect(fragment.selectionSet);
      }
    }
  };
  collect(selectionSet);
  return found;
}

/** Returns the error of an operation that costs too much. */
export function tooExpensive(message: string): GraphQLError {
  return new GraphQLError(message, { originalError: new TooExpensive(message) });
}

interface Extent {
  readonly depth: number;
  readonly fields: number;
}

const noExtent: Extent = { depth: 0, fields: 0 };

/** Returns a function that measures a selection with its fragments. It measures each fragment once. */
function measurer(fragments: Fragments): (selections: SelectionSetNode) => Extent {
  const measured = new Map<string, Extent>();

  function ofFragment(name: string): Extent {
    const known = measured.get(name);
    if (known) return known;
    // A fragment that spreads itself gets no extent here: validation refuses it.
    measured.set(name, noExtent);
    const fragment = fragments.get(name);
    const extent = fragment ? ofSelections(fragment.selectionSet) : noExtent;
    measured.set(name, extent);
    return extent;
  }

  function ofSelections({ selections }: SelectionSetNode): Extent {
    let [depth, fields] = [0, 0];
    for (const selection of selections) {
      const isField = selection.kind === Kind.FIELD;
      const inner =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? ofFragment(selection.name.value)
          : selection.selectionSet
            ? ofSelections(selection.selectionSet)
            : noExtent;
      depth = Math.max(depth, inner.depth + (isField ? 1 : 0));
      fields += inner.fields + (isField ? 1 : 0);
    }
    return { depth, fields };
  }

  return ofSelections;
}

/**
 * Returns an error if validation would compare too much, else undefined. Validation compares all pairs of fields with
 * one response name in one place, with their arguments, and all pairs of fragments that are spread in one place. It
 * also checks each fragment by itself.
 */
function tooManyComparisons(
  document: DocumentNode,
  fragments: Fragments,
  measure: (selections: SelectionSetNode) => Extent,
  limits: DocumentLimits,
): GraphQLError | undefined {
  let comparisons = 0;
  let visited = 0;
  /** The maximum number of selections in all definitions together: each definition is checked by itself. */
  const maxVisited = limits.fields * 4;
  const tooMany = () => comparisons > limits.comparisons || visited > maxVisited;

  function ofPlace(parents: readonly SelectionSetNode[], depth: number): void {
    // Only a fragment that spreads itself is deeper. Validation finds it without a comparison.
    if (depth > limits.depth) return;
    const byName = new Map<string, FieldNode[]>();
    const spread = new Set<string>();
    let spreads = 0;
    const collect = ({ selections }: SelectionSetNode): void => {
      for (const selection of selections) {
        visited += 1;
        if (tooMany()) return;
        if (selection.kind === Kind.FIELD) {
          const name = selection.alias?.value ?? selection.name.value;
          const fields = byName.get(name);
          if (fields) fields.push(selection);
          else byName.set(name, [selection]);
        } else if (selection.kind === Kind.INLINE_FRAGMENT) {
          collect(selection.selectionSet);
        } else {
          spreads += 1;
          if (spread.has(selection.name.value)) continue;
          spread.add(selection.name.value);
          const fragment = fragments.get(selection.name.value);
          if (fragment) collect(fragment.selectionSet);
        }
      }
    };
    for (const parent of parents) collect(parent);
    comparisons += pairsOf(spreads);
    for (const fields of byName.values()) {
      if (tooMany()) return;
      // Validation prints the arguments for each pair.
      if (fields.length > 1) comparisons += pairsOf(fields.length) * (1 + Math.max(...fields.map(argumentSize)));
      ofPlace(
        fields.flatMap(({ selectionSet }) => selectionSet ?? []),
        depth + 1,
      );
    }
  }

  for (const definition of document.definitions) {
    if (!("selectionSet" in definition)) continue;
    if (measure(definition.selectionSet).depth > limits.depth)
      return tooExpensive(`A fragment is nested more than ${limits.depth} levels deep; no more are taken.`);
    ofPlace([definition.selectionSet], 0);
    if (tooMany())
      return tooExpensive(
        `The document repeats fields or fragments in one place so often that checking it takes more than ${limits.comparisons} comparisons, and no more are made. Give each its own place, or name it once.`,
      );
  }
  return undefined;
}

function pairsOf(count: number): number {
  return (count * (count - 1)) / 2;
}

/** Returns the number of nodes in the arguments of a field. */
function argumentSize({ arguments: given = [] }: FieldNode): number {
  let size = 0;
  for (const argument of given) visit(argument, { enter: () => void (size += 1) });
  return size;
}
