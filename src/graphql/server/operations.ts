import {
  type DocumentNode,
  type FieldNode,
  getArgumentValues,
  getVariableValues,
  GraphQLError,
  type GraphQLField,
  type GraphQLSchema,
  Kind,
  OperationTypeNode,
} from "graphql";
import { isAsyncIterable } from "graphql-yoga";
import { attempt, InvalidInput } from "../../errors.ts";
import { nameOfAddress } from "../../limits/address.ts";
import { prices } from "../../limits/cost.ts";
import { type Allowance, requireAllowance } from "../../limits/limiter.ts";
import { type Limits, nameOfCredential } from "../../limits/limits.ts";
import { type MaybePromise, mapMaybePromise } from "../../lib/maybe-promise.ts";
import { countStatements } from "../../lib/statement-count.ts";
import { createOneATurn } from "../../lib/one-a-turn.ts";
import type { Services } from "../../services.ts";
import type { Viewer } from "../../viewer.ts";
import { withHttp, wrap } from "../kit/graphql-errors.ts";
import { createGraphContext } from "./execution/context.ts";
import type { OperationCost } from "../documents/cost.ts";
import { collectFields, namedFragments } from "../documents/fields.ts";
import type { DocumentAsker, DocumentParameters, FindDocument } from "../documents/persisted-documents.ts";
import { createDocuments, type Operation, type Prepared } from "../documents/documents.ts";
import { type Chosen, createEngine, type Envelop, type Enveloped, prepareBy, type OperationResult } from "./engine.ts";
import { createExecute, type ExecutionCounts } from "./execution/execute.ts";
import { withExtensions } from "./execution/execution-result.ts";
import { type Variables } from "../documents/limits.ts";
import { anonymousLimits, documentLimits } from "../kit/document-limits.ts";
import { rateLimitStatus } from "../kit/rate-limit-status.ts";
import { createSelectionBuilders } from "../select/select.ts";
import { checkVariables } from "../documents/variables.ts";

/** The parameters of a well-formed request (GraphQL over HTTP, "Request Parameters"). */
export interface RequestParameters extends DocumentParameters {
  readonly variables?: Variables | null | undefined;
  readonly operationName?: string | null | undefined;
}

/** The parameters of a request whose document is known. */
export interface Parameters extends RequestParameters {
  readonly query: string;
}

export interface OperationsDependencies {
  readonly schema: GraphQLSchema;
  readonly services: Services;
  /** The maximum size of a result, in bytes. */
  readonly maximumBytes: number;
  readonly limits: Pick<Limits, "points" | "anonymous">;
  readonly counts: ExecutionCounts;
  readonly findDocument: FindDocument;
  /** Whether plugins replaced resolvers. The JSON of the database would not call them. */
  readonly resolversAreWrapped?: boolean;
}

/** The sender of a request, and its method. */
export interface Caller {
  readonly viewer: Viewer;
  readonly address: string | null;
  /** Whether the method is safe (GET), so that no mutation is allowed. */
  readonly onlyRead: boolean;
  /** Whether a page of the gateway sends it, such as GraphiQL. */
  readonly isOwnPage: boolean;
  /** Receives what is left to the caller. */
  readonly tell: (allowance: Allowance) => void;
}

/** Returns what wraps an operation in the hooks of plugins, if there are any. */
export type EnvelopFor = (parameters: Parameters) => Envelop | undefined;

/**
 * Performs the operation of `parameters`. `envelopFor` is called when its document is known. The errors of the result
 * are not closed yet.
 */
export type Perform = (parameters: RequestParameters, caller: Caller, envelopFor?: EnvelopFor) => Promise<OperationResult>;

/** The maximum size of cached documents, in characters. */
const documentCacheSize = { known: 400_000, anonymous: 50_000 };
/** Longer documents take some milliseconds to check. They wait while other requests are served. */
const longDocument = 500;

/**
 * Returns the function for everything between well-formed parameters and a result: document, limits, cost, context and
 * execution.
 */
export function createOperations(dependencies: OperationsDependencies): Perform {
  const { schema, services, maximumBytes, limits, counts, findDocument } = dependencies;
  const documents = createDocuments(schema, documentLimits, documentCacheSize.known);
  const anonymousDocuments = createDocuments(schema, anonymousLimits, documentCacheSize.anonymous);
  const execute = createExecute(schema, { maximumBytes, counts, onlyRows: dependencies.resolversAreWrapped ?? false });
  const turn = createOneATurn();
  const builders = createSelectionBuilders();

  async function perform(given: RequestParameters, caller: Caller, envelopFor?: EnvelopFor): Promise<OperationResult> {
    const charge = chargerOf(limits, caller);
    // Requests without a credential are counted before any other work.
    const admitted = caller.viewer.kind === "anonymous" ? await charge(1) : undefined;
    const query = findDocument(given, askerOf(caller));
    if (typeof query !== "string") {
      if (!admitted) await charge(prices.call);
      return { errors: [query] };
    }
    const { variables, extensions } = given;
    const parameters = query === given.query ? (given as Parameters) : { ...given, query }; // its query is this text
    const known = caller.viewer.kind === "anonymous" ? anonymousDocuments : documents;
    if (query.length > longDocument && !known.knows(query)) await turn();

    const run: { chosen?: Chosen } = {};
    const enveloped = envelopFor?.(parameters)?.(createEngine(known, execute, () => present(run.chosen)));
    const prepared = enveloped ? prepareBy(enveloped, query, known) : known.prepare(query);
    const chosen = choose(prepared, parameters, caller.onlyRead, enveloped);
    if ("errors" in chosen) {
      // Finding the errors of a document has a price too.
      if (!admitted) await charge(prices.call);
      return chosen;
    }

    const { operation, cost } = chosen;
    const dryRun = dryRunOf(schema, operation, variables ?? {});
    const allowance = admitted ?? (await charge(dryRun ? 0 : cost.points));
    const rateLimit = rateLimitStatus(cost, allowance);
    const base = { viewer: caller.viewer, services, rateLimit };
    if (operation.introspects) await turn();
    const contexts = {
      inJson: () => createGraphContext(base, builders, "json"),
      asRows: () => createGraphContext(base, builders, "rows"),
    };
    const toExecute: Chosen = { document: operation.document, operation: dryRun ?? operation, contexts };
    run.chosen = toExecute;
    const executeOnce = async () =>
      enveloped ? executeBy(enveloped, toExecute, parameters) : execute(toExecute.operation, contexts, variables ?? {});
    if (extensions?.["cost"] !== true && extensions?.["statements"] !== true) return executeOnce();
    const { result, statements, sharedStatements } = await countStatements(executeOnce);
    if (isAsyncIterable(result)) return result;
    return withExtensions(result, {
      ...(extensions["cost"] === true && { cost: rateLimit }),
      ...(extensions["statements"] === true && { statements, ...(sharedStatements > 0 && { sharedStatements }) }),
    });
  }

  async function executeBy(
    enveloped: Enveloped,
    { document, operation }: Chosen,
    parameters: Parameters,
  ): Promise<OperationResult> {
    const isSubscription = operation.node.operation === OperationTypeNode.SUBSCRIPTION;
    const contextValue = await enveloped.contextFactory();
    const run = isSubscription ? enveloped.subscribe : enveloped.execute;
    return run({
      ...{ schema, document, contextValue, variableValues: parameters.variables ?? {} },
      operationName: operation.node.name?.value ?? null,
    });
  }

  /** Returns the operation to perform and its cost, or errors. */
  function choose(
    prepared: Prepared,
    { operationName, variables }: Parameters,
    onlyRead: boolean,
    enveloped: Enveloped | undefined,
  ): { readonly operation: Operation; readonly cost: OperationCost } | { readonly errors: readonly GraphQLError[] } {
    const { document } = prepared;
    if (!document) return { errors: prepared.errors };
    // An empty name counts as none, for GET and POST.
    const operation = prepared.operation(operationName === "" ? undefined : operationName);
    if (!operation) return { errors: [noOperation(document, operationName)] };
    if (onlyRead && operation.node.operation === OperationTypeNode.MUTATION) return { errors: [notByGet()] };
    const errors = enveloped ? enveloped.validate(schema, document) : prepared.errors;
    if (errors.length > 0) return { errors };
    if (!schema.getRootType(operation.node.operation)) return { errors: [noSuchOperations(operation)] };
    const refused = attempt(() => checkVariables(variables ?? {}), InvalidInput);
    if (refused) return { errors: [withHttp(wrap(refused), { status: 400 })] };
    const cost = operation.cost(variables ?? {});
    return cost instanceof GraphQLError ? { errors: [cost] } : { operation, cost };
  }

  return async (parameters, caller, envelopFor) => {
    try {
      return await perform(parameters, caller, envelopFor);
    } catch (error) {
      return { errors: [wrap(error)] };
    }
  };
}

/** The name under which documents of requests without a credential are stored, which share their room. */
const anonymousOwner = "anonymous";

function askerOf({ viewer, isOwnPage }: Caller): DocumentAsker {
  if (viewer.kind === "anonymous") return { owner: anonymousOwner, mayAskAnything: false };
  return { owner: nameOfCredential(viewer), mayAskAnything: isOwnPage && viewer.role === "ADMINISTRATOR" };
}

function present(chosen: Chosen | undefined): Chosen {
  if (!chosen) throw new Error("A plugin executes an operation that was not chosen yet.");
  return chosen;
}

/**
 * Returns a function that takes an amount of the caller's allowance: points of a credential, or one request of an
 * address at any cost.
 *
 * The function throws {@link TooManyRequests} if less is left.
 */
function chargerOf(
  { points, anonymous }: OperationsDependencies["limits"],
  { viewer, address, tell }: Caller,
): (amount: number) => MaybePromise<Allowance> {
  const taken = (allowance: Allowance) => {
    tell(allowance);
    requireAllowance(allowance);
    return allowance;
  };
  const take = (amount: number) =>
    viewer.kind === "anonymous"
      ? anonymous.take(nameOfAddress(address), amount)
      : points.take(nameOfCredential(viewer), amount);
  return (amount) => mapMaybePromise(take(amount), taken);
}

/** Returns the operation with `rateLimit` alone if that field has `dryRun: true`, or undefined. */
function dryRunOf(schema: GraphQLSchema, operation: Operation, variables: Variables): Operation | undefined {
  const query = schema.getQueryType();
  const field = query?.getFields()["rateLimit"];
  if (!query || !field || operation.node.operation !== OperationTypeNode.QUERY) return undefined;
  const asked = operation.rootFields.filter(({ name }) => name.value === field.name);
  if (asked.length === 0) return undefined;
  const { coerced } = getVariableValues(schema, operation.node.variableDefinitions ?? [], variables);
  // The executor reports variables that are not valid.
  if (!coerced) return undefined;
  const info = { schema, fragments: namedFragments(operation.document), variableValues: coerced };
  const included = [...collectFields(info, query, [operation.node]).values()].map(([first]) => first);
  if (!included.some((one) => one.name.value === field.name && isDry(field, one, coerced))) return undefined;
  const node = { ...operation.node, selectionSet: { ...operation.node.selectionSet, selections: asked } };
  const others = operation.document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  return { ...operation, node, document: { ...operation.document, definitions: [node, ...others] } };
}

function noOperation({ definitions }: DocumentNode, name: string | null | undefined): GraphQLError {
  const hasSome = definitions.some(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  return new GraphQLError(sentenceOfMissing(hasSome, name), { extensions: { http: { status: 400 } } });
}

function sentenceOfMissing(hasSome: boolean, name: string | null | undefined): string {
  if (!hasSome) return "The document has no operation: it has fragments only.";
  return name
    ? "The document has no operation of the name that operationName gives."
    : "The document has several operations: send the name of one as operationName.";
}

const noSuchOperations = ({ node }: Operation) => new GraphQLError(`The schema has no ${node.operation}s.`, { nodes: node });

const notByGet = () =>
  new GraphQLError("A mutation is sent by POST: GET is for queries.", {
    extensions: { http: { status: 405, headers: { Allow: "POST" } } },
  });

function isDry(field: GraphQLField<unknown, unknown>, node: FieldNode, variables: Variables): boolean {
  const args = attempt(() => getArgumentValues(field, node, variables), GraphQLError);
  // The executor reports arguments that are not valid.
  return !(args instanceof GraphQLError) && args["dryRun"] === true;
}
