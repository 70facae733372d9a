import {
  type DocumentNode,
  type FieldNode,
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  type OperationDefinitionNode,
  validate,
} from "graphql";
import { LRUCache } from "lru-cache";
import { maximumPoints, prices } from "../limits/cost.ts";
import { withHttp } from "./closed-errors.ts";
import { compileCost, type OperationCost } from "./cost.ts";
import { countIntrospected, hasVariables, type Introspected, introspects } from "./introspection.ts";
import {
  type DocumentLimits,
  type Fragments,
  fragmentsOf,
  parseWithinLimits,
  rootFieldsOf,
  tooExpensive,
  tooHeavy,
  type Variables,
} from "./limits.ts";
import { longListIn } from "./variables.ts";

/** An operation of a valid document. It is the same object each time its document comes, for as long as the document is known. */
export interface Operation {
  readonly document: DocumentNode;
  readonly node: OperationDefinitionNode;
  readonly fragments: Fragments;
  /** The fields at its root, through every fragment. */
  readonly rootFields: readonly FieldNode[];
  /** Whether it asks about the schema, which takes the process some milliseconds by itself. */
  readonly introspects: boolean;
  /** What it would cost with these variables, or why that is too much. */
  cost(variables: Variables): OperationCost | GraphQLError;
}

/** What is known of a document's text. */
export interface Prepared {
  /** What is wrong with the document, of which {@link Prepared.operation} may still know that it does not have the operation. */
  readonly errors: readonly GraphQLError[];
  /** The operation of that name, or the only one where none is given. */
  operation(name: string | null | undefined): Operation | undefined;
  /** Undefined where it could not be parsed, or is more than is taken: then its operations cannot be told apart. */
  readonly document: DocumentNode | undefined;
}

/** The documents of one schema, under certain limits. */
export interface Documents {
  readonly schema: GraphQLSchema;
  /** Whether `text` is known, so that {@link Documents.prepare} has nothing to do. */
  knows(text: string): boolean;
  prepare(text: string): Prepared;
  /** What is known of a document that was parsed here, or that a plugin has put in the place of one: it is held against the limits all the same. */
  of(document: DocumentNode): Prepared;
}

/** The longest document that is kept. */
const maxCachedDocument = 50_000;
/** What a document takes up beside its text. */
const overhead = 200;

/**
 * Documents of `schema`, parsed, held against the limits, and validated; those that come often only once. At most `keptCharacters` of their text
 * are kept: the tree of a dense text takes some 250 bytes for each.
 */
export function createDocuments(schema: GraphQLSchema, limits: DocumentLimits, maxCachedCharacters: number): Documents {
  const known = new LRUCache<string, Prepared>({
    maxSize: maxCachedCharacters,
    maxEntrySize: Math.min(maxCachedDocument, maxCachedCharacters) + overhead,
    sizeCalculation: (_prepared, text) => text.length + overhead,
  });

  const parsedHere = new WeakMap<DocumentNode, Prepared>();

  function operationOf(document: DocumentNode, node: OperationDefinitionNode): Operation {
    const fragments = fragmentsOf(document);
    const asksAboutSchema = introspects(node, fragments);
    // Not before it is asked for: of a document that is not valid it cannot be told.
    let compiled: ReturnType<typeof compileCost> | undefined;
    let usual: Introspected | undefined;
    const introspected = (variables: Variables) => countIntrospected(schema, node, fragments, variables, limits);

    return {
      ...{ document, node, fragments, rootFields: rootFieldsOf(node, fragments), introspects: asksAboutSchema },
      cost(variables) {
        compiled ??= compileCost(schema, node, fragments);
        const { points, nodes, texts } = compiled(variables);
        const isAlwaysSame = asksAboutSchema && !hasVariables(node);
        if (isAlwaysSame) usual ??= introspected({});
        const { values, characters } = asksAboutSchema ? (usual ?? introspected(variables)) : none;
        if (values > limits.introspectedValues || characters > limits.introspectedCharacters)
          return tooExpensive(
            `The operation asks the schema for more than ${limits.introspectedValues} values or ${limits.introspectedCharacters} characters; no more are answered.`,
          );
        if (nodes > limits.nodes)
          return tooExpensive(
            `The pages asked for could hold ${nodes} nodes; at most ${limits.nodes} are taken. Ask for smaller pages.`,
          );
        if (texts > limits.texts)
          return tooExpensive(
            `The notes asked for could have ${texts} texts to render; at most ${limits.texts} are taken. Ask for smaller pages.`,
          );
        const all = points + Math.round(values * prices.introspectedValue);
        if (all > maximumPoints)
          return tooExpensive(
            `The operation would cost ${all} points; at most ${maximumPoints} are taken. Ask for smaller pages or for less at once.`,
          );
        return { points: all, nodes, texts };
      },
    };
  }

  function prepareNew(text: string): Prepared {
    const document = parsed(text, limits);
    return document instanceof GraphQLError ? refused(document) : of(document);
  }

  function of(document: DocumentNode): Prepared {
    const found = parsedHere.get(document);
    if (found) return found;
    const prepared = prepareParsed(document);
    parsedHere.set(document, prepared);
    return prepared;
  }

  function prepareParsed(document: DocumentNode): Prepared {
    const heavy = tooHeavy(document, limits);
    if (heavy) return refused(heavy);
    const longList = longListIn(document);
    const errors = longList ? [asBadRequest(longList)] : validate(schema, document).map(asBadRequest);
    const operations = new Map<OperationDefinitionNode, Operation>();
    return {
      errors,
      document,
      operation(name) {
        const node = getOperationAST(document, name);
        if (!node) return undefined;
        const operation = operations.get(node) ?? operationOf(document, node);
        operations.set(node, operation);
        return operation;
      },
    };
  }

  return {
    schema,
    knows: (text) => known.has(text),
    prepare(text) {
      const found = known.get(text);
      if (found) return found;
      const prepared = prepareNew(text);
      known.set(text, prepared);
      return prepared;
    },
    of,
  };
}

const none: Introspected = { values: 0, characters: 0 };

/** Nothing is kept of a document that is refused but why. */
export function refused(error: GraphQLError): Prepared {
  return { errors: [error], document: undefined, operation: () => undefined };
}

function parsed(text: string, limits: DocumentLimits): DocumentNode | GraphQLError {
  try {
    return parseWithinLimits(text, limits);
  } catch (error) {
    if (error instanceof GraphQLError) return error.originalError ? error : asBadRequest(error);
    throw error;
  }
}

/** `error` with the status it has in GraphQL's own media type; in plain JSON the specification wants another. */
function asBadRequest(error: GraphQLError): GraphQLError {
  return withHttp(error, { status: 400, spec: true });
}
