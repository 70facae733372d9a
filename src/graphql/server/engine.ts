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
import { type Documents, type Operation, type Prepared, refused } from "../documents/documents.ts";
import type { Contexts, Execute } from "./execution/execute.ts";

/** The result of an operation: one, or several for a stream. */
export type OperationResult = ExecutionResult | AsyncIterable<ExecutionResult>;

/** The functions of one operation that Envelop's hooks wrap. */
export interface Engine {
  /** Throws a {@link GraphQLError} if the text cannot be parsed or exceeds a limit. */
  parse(text: string): DocumentNode;
  /** Returns the errors of `document`. `rules` has the rules of plugins too. */
  validate(document: DocumentNode, rules: readonly ValidationRule[]): readonly GraphQLError[];
  execute(args: ExecutionArgs): Promise<OperationResult>;
  subscribe(args: ExecutionArgs): Promise<OperationResult>;
}

/** The functions of an engine, wrapped by the hooks of all plugins. */
export interface Enveloped {
  readonly parse: (text: string) => DocumentNode;
  readonly validate: (schema: GraphQLSchema, document: DocumentNode) => readonly GraphQLError[];
  readonly contextFactory: () => object | Promise<object>;
  readonly execute: (args: ExecutionArgs) => OperationResult | Promise<OperationResult>;
  readonly subscribe: (args: ExecutionArgs) => OperationResult | Promise<OperationResult>;
}

/** Wraps an engine in the hooks of plugins. */
export type Envelop = (engine: Engine) => Enveloped;

/** The rules that documents are always validated by. Yoga adds them to those of plugins for each operation. */
const specified: ReadonlySet<ValidationRule> = new Set(specifiedRules);

/** The operation that is to be executed. */
export interface Chosen {
  readonly document: DocumentNode;
  readonly operation: Operation;
  readonly contexts: Contexts;
}

/** Returns the engine of one operation. It executes `chosen`, unless a plugin replaced the document. */
export function createEngine(documents: Documents, executeOperation: Execute, chosen: () => Chosen): Engine {
  function operationIn({ document, operationName }: ExecutionArgs): Operation | readonly GraphQLError[] {
    const { document: usual, operation } = chosen();
    if (document === usual) return operation;
    const prepared = documents.of(document);
    if (prepared.errors.length > 0) return prepared.errors;
    return prepared.operation(operationName) ?? [new GraphQLError("Could not determine what operation to execute.")];
  }

  /** Returns the contexts with the properties that plugins added. */
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
      const added = errors.length > 0 ? [] : rules.filter((rule) => !specified.has(rule));
      if (added.length === 0) return errors;
      return validate(documents.schema, document, added);
    },
    async execute(args) {
      const operation = operationIn(args);
      if (!("node" in operation)) return { errors: operation };
      return executeOperation(operation, contextsOf(args), args.variableValues ?? {});
    },
    async subscribe(args) {
      return subscribe({ ...args, contextValue: contextsOf(args).asRows() });
    },
  };
}

/**
 * Returns the prepared document that plugins made from `text`. Throws what plugins throw, except a
 * {@link GraphQLError}.
 */
export function prepareBy({ parse }: Enveloped, text: string, documents: Documents): Prepared {
  try {
    return documents.of(parse(text));
  } catch (error) {
    if (error instanceof GraphQLError) return refused(error);
    throw error;
  }
}
