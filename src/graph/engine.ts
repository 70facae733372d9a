import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  specifiedRules,
  subscribe,
  validate,
  type ValidationRule,
} from "graphql";
import { type Documents, type Operation, type Prepared, refused } from "./documents.ts";
import type { Contexts, Execute } from "./execute.ts";
import { forPlugins } from "./execution-result.ts";

/** What comes of an operation: in one, or in parts. */
export type OperationResult = ExecutionResult | AsyncIterable<ExecutionResult>;

/** The functions that Envelop's hooks go around, as they are for one operation. */
export interface Engine {
  /** @throws {GraphQLError} where the text cannot be parsed, or is more than is taken. */
  parse(text: string): DocumentNode;
  /** What is wrong with `document`, by `rules` that plugins have added too. */
  validate(document: DocumentNode, rules: readonly ValidationRule[]): readonly GraphQLError[];
  execute(args: ExecutionArgs): Promise<OperationResult>;
  subscribe(args: ExecutionArgs): Promise<OperationResult>;
}

/** An engine's functions with the hooks of all plugins around them. */
export interface Enveloped {
  readonly parse: (text: string) => DocumentNode;
  readonly validate: (schema: GraphQLSchema, document: DocumentNode) => readonly GraphQLError[];
  readonly contextFactory: () => object | Promise<object>;
  readonly execute: (args: ExecutionArgs) => OperationResult | Promise<OperationResult>;
  readonly subscribe: (args: ExecutionArgs) => OperationResult | Promise<OperationResult>;
}

/** Puts the hooks of plugins around an engine. */
export type Envelop = (engine: Engine) => Enveloped;

/** What was chosen to be executed, once that is known. */
export interface Chosen {
  readonly document: DocumentNode;
  readonly operation: Operation;
  readonly contexts: Contexts;
}

/** The engine of one operation. `chosen` is what is executed, unless a plugin puts another document in its place. */
export function createEngine(documents: Documents, executeOperation: Execute, chosen: () => Chosen): Engine {
  function operationIn({ document, operationName }: ExecutionArgs): Operation | readonly GraphQLError[] {
    const { document: usual, operation } = chosen();
    if (document === usual) return operation;
    const prepared = documents.of(document);
    if (prepared.errors.length > 0) return prepared.errors;
    return prepared.operation(operationName) ?? [new GraphQLError("Could not determine what operation to execute.")];
  }

  /** The contexts with what plugins have put beside what is ours. */
  function contextsOf({ contextValue }: ExecutionArgs): Contexts {
    const { inJson, asRows } = chosen().contexts;
    const extended = contextValue as object; // as contextFactory made it
    return { inJson: () => ({ ...extended, ...inJson() }), asRows: () => ({ ...extended, ...asRows() }) };
  }

  return {
    parse(text) {
      const { document, errors } = documents.prepare(text);
      if (document) return document;
      throw errors[0] ?? new GraphQLError("The document cannot be read.");
    },
    validate(document, rules) {
      const { errors } = documents.of(document);
      const added = rules.filter((rule) => !specifiedRules.includes(rule));
      if (errors.length > 0 || added.length === 0) return errors;
      return validate(documents.schema, document, added);
    },
    async execute(args) {
      const operation = operationIn(args);
      if (!("node" in operation)) return { errors: operation };
      return forPlugins(await executeOperation(operation, contextsOf(args), args.variableValues ?? {}));
    },
    async subscribe(args) {
      return subscribe({ ...args, contextValue: contextsOf(args).asRows() });
    },
  };
}

/** What is known of the document that plugins have made of `text`. Throws what plugins throw that is no {@link GraphQLError}. */
export function prepareBy({ parse }: Enveloped, text: string, documents: Documents): Prepared {
  try {
    return documents.of(parse(text));
  } catch (error) {
    if (error instanceof GraphQLError) return refused(error);
    throw error;
  }
}
