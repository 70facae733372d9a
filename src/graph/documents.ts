import {
  type DocumentNode,
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  validate,
} from "graphql";
import { LRUCache } from "lru-cache";
import { withHttp } from "./closed-errors.ts";
import { fieldsOf, weightyFieldsOf, parseWithinLimits, sizesVary, tooHeavy, asksTooMuch, type Variables } from "./limits.ts";

/** An operation of a valid document. It is the same object each time its document comes, for as long as the document is known. */
export interface Operation {
  readonly document: DocumentNode;
  readonly node: OperationDefinitionNode;
  /** How many fields it selects, with every fragment spread out. */
  readonly fields: number;
  /** Why it asks for too many nodes with these variables, or undefined. */
  refusal(variables: Variables): GraphQLError | undefined;
}

/** What is known of a document's text. */
export interface Prepared {
  /** What is wrong with the document, of which {@link Prepared.operation} may still know that it does not have the operation. */
  readonly errors: readonly GraphQLError[];
  /** The operation of that name, or the only one where none is given. */
  operation(name: string | null | undefined): Operation | undefined;
  /** Whether it could be parsed. */
  readonly parsed: boolean;
}

/** How much text of documents is kept, in characters. The tree of a dense text takes some 250 bytes for each of them. */
const keptCharacters = 400_000;
/** The longest document that is kept. */
const longestKept = 50_000;
/** What a document takes up beside its text. */
const overhead = 200;

/** Documents of `schema`, parsed, held against the limits, and validated; those that come often only once. */
export function createDocuments(schema: GraphQLSchema): (text: string) => Prepared {
  const weighty = weightyFieldsOf(schema);
  const known = new LRUCache<string, Prepared>({
    maxSize: keptCharacters,
    maxEntrySize: longestKept + overhead,
    sizeCalculation: (_prepared, text) => text.length + overhead,
  });

  function operationOf(document: DocumentNode, node: OperationDefinitionNode): Operation {
    const refusal = (variables: Variables) => asksTooMuch(document, node, variables, weighty);
    const always = sizesVary(document) ? undefined : { error: refusal({}) };
    return { document, node, fields: fieldsOf(document, node), refusal: always ? () => always.error : refusal };
  }

  function prepare(text: string): Prepared {
    const document = parsed(text);
    if (document instanceof GraphQLError) return { errors: [document], parsed: false, operation: () => undefined };
    const heavy = tooHeavy(document);
    const errors = heavy ? [heavy] : validate(schema, document);
    const nodes = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
    const operations = new Map(nodes.map((node) => [node, operationOf(document, node)]));
    return {
      errors: errors.map(asBadRequest),
      parsed: true,
      operation(name) {
        const node = getOperationAST(document, name);
        return node ? operations.get(node) : undefined;
      },
    };
  }

  return (text) => {
    const found = known.get(text);
    if (found) return found;
    const prepared = prepare(text);
    known.set(text, prepared);
    return prepared;
  };
}

function parsed(text: string): DocumentNode | GraphQLError {
  try {
    return parseWithinLimits(text);
  } catch (error) {
    if (error instanceof GraphQLError) return asBadRequest(error);
    throw error;
  }
}

/** `error` with the status it has in GraphQL's own media type; in plain JSON the specification wants another. */
function asBadRequest(error: GraphQLError): GraphQLError {
  return withHttp(error, { status: 400, spec: true });
}
