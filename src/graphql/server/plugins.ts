import type { FastifyBaseLogger } from "fastify";
import { type DocumentNode, type GraphQLSchema, isObjectType, type Source, type ValidationRule } from "graphql";
import { createYoga, isAsyncIterable, mapAsyncIterator, type Plugin, type YogaServerInstance } from "graphql-yoga";
import { closeErrors } from "./closed-errors.ts";
import { wrap } from "../kit/graphql-errors.ts";
import type { Engine, Envelop, OperationResult } from "./engine.ts";
import { negotiateStream } from "./http/negotiate.ts";
import { namesDocument } from "../documents/persisted-documents.ts";
import type { Caller, Parameters, Perform, RequestParameters } from "./operations.ts";

/** A plugin of GraphQL Yoga or of Envelop. */
// Plugins are written for contexts of their own, and take ours as well.
// oxlint-disable-next-line typescript/no-explicit-any -- see above
export type GraphqlPlugin = Plugin<any, any, any>;

/** What plugins find in the context of a request, beside their own properties. */
export interface ServerContext {
  readonly caller: Caller;
  readonly log: FastifyBaseLogger;
  /** The result, if the operation was performed already and only has to be sent. */
  readonly result?: OperationResult;
  /** The ids of the document in the URL of a GET, which Yoga does not read. */
  readonly ids?: Pick<RequestParameters, "documentId" | "doc_id">;
  /** What the sender of the response is to be told of the result. */
  readonly told?: { hasErrors: boolean };
}

/** The context of one request, as Yoga completes it. */
export interface RequestContext extends ServerContext {
  readonly request: Request;
  readonly params: Parameters;
}

/** Yoga with all plugins, and the schema as they changed it. */
export interface Plugged {
  readonly yoga: YogaServerInstance<ServerContext, object>;
  readonly schema: GraphQLSchema;
  /** Whether plugins replaced resolvers. */
  readonly resolversAreWrapped: boolean;
  /** Whether a plugin hooks into HTTP, so that all requests must go through Yoga. */
  readonly isAboutHttp: boolean;
  /** Wraps an operation in the hooks of plugins. Undefined if there are none. */
  readonly envelopIn: ((context: RequestContext) => Envelop) | undefined;
}

export interface PluginsOptions {
  readonly endpoint: string;
  readonly schema: GraphQLSchema;
  readonly plugins: readonly GraphqlPlugin[];
  readonly perform: Perform;
}

/** The key of an operation's engine in its context. */
const engineKey = Symbol("the engine of the operation");

/**
 * Returns Yoga with all plugins: the operator's between ours. So the operator's plugins find our parsing, validation
 * and execution, and their errors are closed. Yoga's own caches and checks are off where the gateway has its own.
 */
export function plugIn({ endpoint, schema, plugins, perform }: PluginsOptions): Plugged {
  const before = resolversOf(schema);
  let current = schema;
  // A plugin may add other plugins.
  let all: readonly GraphqlPlugin[] = [];
  const ours: Plugin<ServerContext, ServerContext> = {
    onPluginInit: (init) => void (all = init.plugins),
    onSchemaChange: (changed: { readonly schema: GraphQLSchema }) => void (current = changed.schema),
    onParse({ context, setParseFn }) {
      const engine = engineIn(context);
      if (engine) setParseFn((source: string | Source) => engine.parse(typeof source === "string" ? source : source.body));
    },
    onValidate({ context, setValidationFn }) {
      const engine = engineIn(context);
      if (engine)
        setValidationFn((_schema: GraphQLSchema, document: DocumentNode, rules: readonly ValidationRule[] = []) =>
          engine.validate(document, rules),
        );
    },
    onExecute({ context, setExecuteFn }) {
      const engine = engineIn(context);
      if (engine) setExecuteFn((args) => engine.execute(args) as never); // in parts, where a plugin has it so
    },
    onSubscribe({ context, setSubscribeFn }) {
      const engine = engineIn(context);
      if (engine) setSubscribeFn((args) => engine.subscribe(args) as never); // as above
    },
    onParams({ params: sent, setParams, setParamsHandler, context: { ids } }) {
      if (ids) setParams({ ...sent, ...ids });
      setParamsHandler(async ({ request, params, context }) => {
        if (context.result) return context.result;
        // Yoga has checked the parameters before.
        const checked = params as RequestParameters;
        // A plugin that put a text in the place of an id has its own documents.
        const parameters = checked.query && !sent.query ? withoutIds(checked) : checked;
        // It is the same object in all hooks: plugins use it as the key of their state of a request.
        const envelopFor = (known: Parameters) =>
          envelopIn?.(Object.assign(context, { request, params: withoutEmptyName(known) }));
        const result = await perform(parameters, context.caller, envelopFor);
        // Yoga refuses to send it.
        const isTaken = !isAsyncIterable(result) || negotiateStream(request.headers.get("accept") ?? undefined);
        if (!isTaken) await result[Symbol.asyncIterator]().return?.();
        return result;
      });
    },
  };
  const [first, last]: readonly [GraphqlPlugin, GraphqlPlugin] = [ours, { ...closingErrors, ...namedDocuments }];

  const yoga = createYoga<ServerContext>({
    graphqlEndpoint: endpoint,
    schema,
    plugins: [first, ...plugins, last],
    parserAndValidationCache: false,
    maskedErrors: false,
    graphiql: false,
    landingPage: false,
    logging: false,
    // The host handles CORS and body sizes. Form and multipart bodies are refused: a page of another origin can send
    // them without a preflight.
    cors: false,
    multipart: false,
    maxRequestBodySize: false,
    batching: false,
    extraParamNames: ["documentId", "doc_id"],
  });
  const given = all.slice(all.indexOf(first) + 1, all.indexOf(last));
  const envelopIn =
    given.length === 0
      ? undefined
      : (context: RequestContext): Envelop =>
          (engine) =>
            yoga.getEnveloped(Object.assign(context, { [engineKey]: engine }));

  return {
    yoga,
    schema: current,
    resolversAreWrapped: !isSame(before, resolversOf(current)),
    isAboutHttp: given.some(isAboutHttp),
    envelopIn,
  };
}

function engineIn(context: object): Engine | undefined {
  return (context as { readonly [engineKey]?: Engine })[engineKey]; // as envelopIn puts it there
}

/** An empty name counts as none, for GET and POST. */
export function withoutEmptyName(parameters: Parameters): Parameters {
  return parameters.operationName === "" ? { ...parameters, operationName: undefined } : parameters;
}

const httpHooks = ["onRequest", "onRequestParse", "onParams", "onExecutionResult", "onResultProcess", "onResponse"] as const;
const httpInstruments = ["request", "requestParse", "operation", "resultProcess"] as const;

/** Whether `plugin` has hooks of Yoga beside those of Envelop. */
function isAboutHttp(plugin: GraphqlPlugin): boolean {
  const { instrumentation = {} } = plugin;
  return httpHooks.some((hook) => plugin[hook]) || httpInstruments.some((name) => name in instrumentation);
}

function resolversOf(schema: GraphQLSchema): ReadonlyMap<string, unknown> {
  const types = Object.values(schema.getTypeMap()).filter(isObjectType);
  return new Map(
    types.flatMap((type) => Object.values(type.getFields()).map(({ name, resolve }) => [`${type.name}.${name}`, resolve])),
  );
}

function isSame(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): boolean {
  return one.size === other.size && [...one].every(([name, resolver]) => other.get(name) === resolver);
}

/** Yoga demands a text. The document of an id is found when the operation is performed, after all plugins. */
const namedDocuments: Pick<Plugin, "onParams"> = {
  onParams({ params, setParams }) {
    if (!params.query && namesDocument(params)) setParams({ ...params, query: "" });
  },
};

function withoutIds({ documentId: _documentId, doc_id: _docId, extensions, ...others }: RequestParameters): RequestParameters {
  const { persistedQuery: _persistedQuery, ...left } = extensions ?? {};
  return { ...others, extensions: left };
}

/** Closes the errors of results, of each part of a stream, and of Yoga's own refusals. */
const closingErrors: Plugin<ServerContext, ServerContext> = {
  onResultProcess({ result, setResult, serverContext: { log, told } }) {
    if (Array.isArray(result)) return;
    if (told) told.hasErrors = isAsyncIterable(result) || "errors" in result;
    if (isAsyncIterable(result)) {
      const failed = (error: unknown) => closeErrors({ errors: [wrap(error)] }, log);
      setResult(mapAsyncIterator(result, (part) => closeErrors(part, log), failed));
    } else if ("errors" in result) setResult(closeErrors(result, log));
  },
};
