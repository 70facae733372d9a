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
import { maximumPoints, prices } from "../../limits/cost.ts";
import { withHttp } from "../kit/graphql-errors.ts";
import { compileCost, type OperationCost } from "./cost.ts";
import { countIntrospected, hasVariables, type Introspected, introspects } from "./introspection.ts";
import {
  type Fragments,
  fragmentsOf,
  parseWithinLimits,
  rootFieldsOf,
  tooExpensive,
  tooHeavy,
  type Variables,
} from "./limits.ts";
import type { DocumentLimits } from "../kit/document-limits.ts";
import { longListIn } from "./variables.ts";

/** An operation of a valid document. As long as the document is cached, it is the same object each time. */
export interface Operation {
  readonly document: DocumentNode;
  readonly node: OperationDefinitionNode;
  readonly fragments: Fragments;
  /** The root fields, with those of fragments. */
  readonly rootFields: readonly FieldNode[];
  /** Whether it introspects the schema, which takes some milliseconds of CPU time. */
  readonly introspects: boolean;
  /** Returns the cost with these variables, or an error if it exceeds a limit. */
  cost(variables: Variables): OperationCost | GraphQLError;
}

/** A document that was parsed, checked against the limits and validated. */
export interface Prepared {
  /** The errors of the document. {@link Prepared.operation} works if there are some. */
  readonly errors: readonly GraphQLError[];
  /** Returns the operation of that name, or the only one without a name. Undefined if there is none. */
  operation(name: string | null | undefined): Operation | undefined;
  /** Undefined if the text could not be parsed or exceeds a limit. Then it has no operations. */
  readonly document: DocumentNode | undefined;
}

/** The documents of one schema with certain limits. */
export interface Documents {
  readonly schema: GraphQLSchema;
  /** Whether `text` is cached, so that {@link Documents.prepare} has nothing to do. */
  knows(text: string): boolean;
  prepare(text: string): Prepared;
  /** Prepares a document that was parsed here or made by a plugin. The limits apply to both. */
  of(document: DocumentNode): Prepared;
}

/** The length of the longest document that is cached, in characters. */
const maxCachedDocument = 50_000;
/** The size of a cache entry beside its text, in characters. */
const overhead = 200;

/**
 * Returns a cache of the documents of `schema`: parsed, checked against the limits, and validated. It holds at most
 * `maxCachedCharacters` of text. The tree of a dense text takes some 250 bytes for each character.
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
    // The cost is compiled at first use: a document that is not valid has none.
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

/** Returns a refused document. Only its error is cached. */
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

/** Returns `error` with status 400, which GraphQL over HTTP requires for its own media type only. */
function asBadRequest(error: GraphQLError): GraphQLError {
  return withHttp(error, { status: 400, spec: true });
}
