import { hash } from "node:crypto";
import { METHODS } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type ExecutionResult, GraphQLError, type GraphQLSchema, lexicographicSortSchema, printSchema } from "graphql";
import { isAsyncIterable } from "graphql-yoga";
import { jsonTextProblem, maximumJsonDepth } from "../../../lib/json-shape.ts";
import type { MaybePromise } from "../../../lib/maybe-promise.ts";
import { decodeUtf8 } from "../../../lib/text.ts";
import { asError, type FieldProblem, InvalidInput, invalid, retryAfterOf } from "../../../errors.ts";
import { addressOf } from "../../../http/server/authentication.ts";
import { isKnownTag } from "../../../http/kit/conditions.ts";
import { hostSentence } from "../../../http/kit/host-sentences.ts";
import { Refusal } from "../../../http/kit/refusal.ts";
import { addVary } from "../../../http/kit/vary.ts";
import type { Clock } from "../../../lib/clock.ts";
import { rateLimitHeaders } from "../../../limits/limiter.ts";
import type { Limits } from "../../../limits/limits.ts";
import type { Services } from "../../../services.ts";
import type { Viewer } from "../../../viewer.ts";
import { closed, closeErrors, hostStatus } from "../closed-errors.ts";
import { withHttp, wrap } from "../../kit/graphql-errors.ts";
import type { Envelop, OperationResult } from "../engine.ts";
import type { ExecutionCounts } from "../execution/execute.ts";
import { isLoopbackUrl, type NamedKeys, registerDemoKeys } from "../../graphiql/demo-keys.ts";
import { registerGraphiql } from "../../graphiql/graphiql.ts";
import { httpResultOf } from "./http-result.ts";
import { createNegotiation, isJsonType, type JsonType, negotiateStream, type StreamType } from "./negotiate.ts";
import { createPersistedDocuments, type Manifests, namesDocument } from "../../documents/persisted-documents.ts";
import { answerTag } from "./answer-tag.ts";
import { type Caller, createOperations, type Parameters, type Perform, type RequestParameters } from "../operations.ts";
import { bodyParameterProblem, isJsonObject, parseParams, parseUrlParams, urlParameterProblem } from "./parse-params.ts";
import { type GraphqlPlugin, plugIn, type ServerContext, withoutEmptyName } from "../plugins.ts";
import { readableOf } from "./readable.ts";

export interface GraphqlOptions {
  /** The schema. Plugins may change it. */
  readonly schema: GraphQLSchema;
  readonly services: Services;
  /** The maximum size of a result, in bytes. */
  readonly maximumBytes: number;
  /** Returns the viewer of a request. Throws {@link Unauthenticated} if the credential is not valid. */
  readonly authenticate: (request: FastifyRequest) => MaybePromise<Viewer>;
  readonly limits: Limits;
  readonly counts: ExecutionCounts;
  readonly publicUrl: string;
  /** The origin of the store to which files are uploaded, if it is not the gateway. */
  readonly uploadOrigin: string | undefined;
  /** The keys of the demo data, if the database is the embedded one and has it. */
  readonly demoKeys: NamedKeys | undefined;
  /** The operator's plugins, in the order in which their hooks are called. */
  readonly plugins: readonly GraphqlPlugin[];
  readonly clock: Clock;
  /** The operator's manifests of documents, as they are now. */
  readonly manifests: () => Manifests;
  /** Whether documents must be in a manifest. */
  readonly onlyManifests: boolean;
}

const graphqlPath = "/graphql";
/**
 * The maximum size of a body without a credential, in bytes. A document within the limits of such requests is not
 * longer.
 */
const anonymousBodyLimit = 65_536;

/** The methods of {@link graphqlPath}. The host answers OPTIONS, and HEAD as a GET without its body. */
const allowedMethods = "GET, HEAD, POST, OPTIONS";

/**
 * Headers of Yoga's responses about a connection that it does not have. The host frames its responses itself: clients
 * refuse two framings at once, which can smuggle requests past proxies (RFC 9112, 6.3). `content-encoding: none` is no
 * coding.
 */
const connectionHeaders: ReadonlySet<string> = new Set([
  "connection",
  "transfer-encoding",
  "content-encoding",
  "content-length",
]);

/**
 * A Fastify plugin for GraphQL over HTTP at {@link graphqlPath}: JSON by POST, queries by GET, GraphiQL for a browser.
 * The fast path answers plain POST requests that accept JSON, without a Request and a Response. All others go through
 * Yoga. Both perform operations by the same function.
 */
export async function graphql(app: FastifyInstance, options: GraphqlOptions): Promise<void> {
  const { schema, services, maximumBytes, authenticate, limits, counts, publicUrl, demoKeys, plugins, clock } = options;
  const plugged = plugIn({ endpoint: graphqlPath, schema, plugins, perform: (...given) => perform(...given) });
  const { yoga, resolversAreWrapped } = plugged;
  const perform: Perform = createOperations({
    ...{ schema: plugged.schema, services, maximumBytes, limits, counts, resolversAreWrapped },
    findDocument: createPersistedDocuments({ manifests: options.manifests, only: options.onlyManifests }),
  });
  if (resolversAreWrapped)
    app.log.warn("A plugin has other resolvers called than ours: all queries are executed as rows, which takes longer.");
  app.addHook("onClose", async () => yoga.dispose());
  const negotiateOnce = createNegotiation();
  const { origin } = new URL(publicUrl);
  const callerOf = (request: FastifyRequest, reply: FastifyReply, viewer: Viewer) => callerAt(origin, request, reply, viewer);
  const hasDemoKeys = demoKeys !== undefined && isLoopbackUrl(publicUrl);
  const page = registerGraphiql(app, {
    endpoint: graphqlPath,
    publicUrl,
    schema: plugged.schema,
    uploadOrigin: options.uploadOrigin,
    hasDemoKeys,
  });
  if (hasDemoKeys) await registerDemoKeys(app, { endpoint: graphqlPath, keys: demoKeys });

  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body: Buffer, done) => {
    const text = decodeUtf8(body);
    if (text === undefined) return done(Object.assign(new SyntaxError("The body is not UTF-8."), { statusCode: 400 }));
    // Variables that are a little too deep get an error of their own, which names them.
    const problem = jsonTextProblem(text, 2 * maximumJsonDepth);
    if (problem !== undefined) return done(Object.assign(new SyntaxError(problem), { statusCode: 400 }));
    done(null, text);
  });

  /** Returns the media type of the response. Throws a {@link Refusal} if the request accepts none of ours. */
  function acceptedBy({ headers }: FastifyRequest): JsonType | StreamType {
    const type = negotiateOnce(headers.accept);
    if (type) return type;
    throw new Refusal(
      406,
      "The Accept header takes none of application/graphql-response+json, application/json, multipart/mixed and text/event-stream.",
    );
  }

  interface ByYoga {
    readonly viewer: Viewer;
    readonly type: JsonType | StreamType;
    readonly result?: OperationResult;
    readonly ids?: ServerContext["ids"];
  }

  async function answerByYoga(
    request: FastifyRequest,
    reply: FastifyReply,
    { viewer, type, result, ids }: ByYoga,
  ): Promise<FastifyReply> {
    const told = { hasErrors: true };
    const response = await yoga.fetch(
      new URL(request.url, publicUrl),
      {
        // The host leaves out the body of a response to HEAD.
        method: request.method === "HEAD" ? "GET" : request.method,
        headers: headersFor(request, type),
        // The host's JSON parser left it as text: Yoga parses it.
        ...(request.method === "POST" && { body: typeof request.body === "string" ? request.body : "" }),
      },
      { caller: callerOf(request, reply, viewer), log: request.log, told, ...(result && { result }), ...(ids && { ids }) },
    );
    if (response.status === 406) throw partsNotTaken();
    const headers = [...response.headers]
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      // Yoga sends Allow with some answers of 400 too.
      .filter(([name]) => !connectionHeaders.has(name) && (name !== "allow" || response.status === 405));
    reply.code(response.status).headers({ ...Object.fromEntries(headers), "cache-control": "no-store" });
    const isStream = streamTypes.test(response.headers.get("content-type") ?? "");
    if (isStream && response.body) return reply.send(readableOf(response.body));
    const text = await response.text();
    return request.method === "POST" || told.hasErrors || response.status !== 200
      ? reply.send(text)
      : sendTagged(request, reply, text);
  }

  /** Sends the answer of a GET with its tag, or 304 if the client has it already (contract: "The wire"). */
  async function sendTagged(request: FastifyRequest, reply: FastifyReply, body: string | Buffer): Promise<FastifyReply> {
    const etag = await answerTag(body, clock());
    reply.headers({ etag, "cache-control": "private, no-cache" });
    if (!isKnownTag(request.headers["if-none-match"], etag)) return reply.send(body);
    return reply.code(304).removeHeader("content-type").send();
  }

  /** Answers a request whose parameters are well formed, without Yoga if no plugin and no media type needs it. */
  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    { viewer, type, parameters }: PlainRequest,
  ): Promise<FastifyReply> {
    const context = { caller: callerOf(request, reply, viewer), log: request.log };
    const envelopFor = (known: Parameters) => envelopIn(request, known, context);
    const performed = await perform(parameters, context.caller, envelopFor);
    if (isAsyncIterable(performed)) return answerInParts(request, reply, viewer, performed);
    const result = closeErrors(performed, request.log);
    const { status, headers, body } = httpResultOf(result, type);
    reply.code(status).headers({ ...headers, "cache-control": "no-store" });
    return request.method === "POST" || result.errors || status !== 200 ? reply.send(body) : sendTagged(request, reply, body);
  }

  /** Refuses a request whose parameters are not well formed, in the media type that it accepts. */
  function refuse(
    request: FastifyRequest,
    reply: FastifyReply,
    { type, problem: { path, message } }: { readonly type: JsonType; readonly problem: FieldProblem },
  ): FastifyReply {
    const error = withHttp(wrap(invalid(path, message)), { status: 400 });
    const { status, headers, body } = httpResultOf(closeErrors({ errors: [error] }, request.log), type);
    return reply
      .code(status)
      .headers({ ...headers, "cache-control": "no-store" })
      .send(body);
  }

  /** Sends a stream of results. Throws a {@link Refusal} if the request accepts no stream. */
  async function answerInParts(
    request: FastifyRequest,
    reply: FastifyReply,
    viewer: Viewer,
    result: AsyncIterable<ExecutionResult>,
  ) {
    const type = negotiateStream(request.headers.accept);
    if (type) return answerByYoga(request, reply, { viewer, type, result });
    await result[Symbol.asyncIterator]().return?.();
    throw partsNotTaken();
  }

  /** Returns the hooks of plugins for an operation that does not go through Yoga. */
  function envelopIn(request: FastifyRequest, params: Parameters, context: ServerContext): Envelop | undefined {
    if (!plugged.envelopIn) return undefined;
    // The URL and the headers are not taken apart before a plugin reads them. This host's headers have one value each,
    // but for set-cookie, which no request has.
    const headers = request.headers as Record<string, string>;
    const made = new yoga.fetchAPI.Request(`${origin}${request.url}`, { method: request.method, headers });
    return plugged.envelopIn({ ...context, request: made, params: withoutEmptyName(params) });
  }

  app.setErrorHandler((error, request, reply) => {
    const told = hostSentence(error, request);
    const wrapped = told === undefined ? wrap(error) : new GraphQLError(told, { originalError: asError(error) });
    const shown = closed(wrapped, request.log);
    const { http, ...extensions } = shown.extensions;
    const status = statusIn(http) ?? hostStatus(error) ?? 500;
    const seconds = retryAfterOf(error);
    if (status === 401) reply.header("www-authenticate", "Bearer");
    return reply
      .code(status)
      .headers({ "cache-control": "no-store", ...(seconds !== undefined && { "retry-after": String(seconds) }) })
      .send({ errors: [{ message: shown.message, extensions }] });
  });

  app.get(graphqlPath, async (request, reply) => {
    const url = new URL(request.url, publicUrl);
    const ids = { documentId: url.searchParams.get("documentId"), doc_id: url.searchParams.get("doc_id") };
    if (!namesDocument(ids) && wantsGraphiql(request.headers.accept, url))
      return reply.headers(page().headers).send(page().html);
    addVary(reply, varyingByGet);
    const type = acceptedBy(request);
    checkParameters(url);
    const viewer = await authenticate(request);
    if (plugged.isAboutHttp || !isJsonType(type)) return answerByYoga(request, reply, { viewer, type, ids });
    const parameters = parseUrlParams(url.searchParams);
    if (!parameters) return refuse(request, reply, { type, problem: urlParameterProblem });
    return answer(request, reply, { viewer, type, parameters });
  });
  app.post(graphqlPath, { config: { anonymousBodyLimit } }, async (request, reply) => {
    const type = acceptedBy(request);
    const viewer = await authenticate(request);
    if (plugged.isAboutHttp || !isJsonType(type)) return answerByYoga(request, reply, { viewer, type });
    const parameters = parseParams(request.body);
    if (!parameters) return refuse(request, reply, { type, problem: bodyParameterProblem(request.body) });
    return answer(request, reply, { viewer, type, parameters });
  });
  serveSchema(app, plugged.schema);
  for (const method of METHODS) if (!app.supportedMethods.includes(method)) app.addHttpMethod(method);
  app.route({
    method: app.supportedMethods.filter((method) => !allowedMethods.includes(method)),
    url: graphqlPath,
    // This runs before the body is parsed: the method is wrong for any type of body.
    onRequest: refuseMethod,
    handler: refuseMethod,
  });
}

async function refuseMethod(_request: FastifyRequest, reply: FastifyReply): Promise<never> {
  reply.header("allow", allowedMethods);
  throw new Refusal(405, `GraphQL is asked by POST, or by GET for queries: this address takes ${allowedMethods}.`);
}

/** A request that is answered without Yoga. */
interface PlainRequest {
  readonly viewer: Viewer;
  readonly type: JsonType;
  readonly parameters: RequestParameters;
}

/** The headers on which the answer of a GET depends. */
const varyingByGet = ["authorization", "x-api-key", "x-account", "accept", "accept-encoding"];

/** Serves the schema as a text, which clients' generators read. */
function serveSchema(app: FastifyInstance, schema: GraphQLSchema): void {
  let printed: { readonly body: Buffer; readonly etag: string } | undefined;
  app.get("/schema.graphql", { config: { constantBody: true } }, async (request, reply) => {
    // At the first request, because it takes some milliseconds.
    printed ??= printedSchema(schema);
    const { body, etag } = printed;
    reply.headers({ etag, "cache-control": "public, max-age=300", "x-content-type-options": "nosniff" });
    if (isKnownTag(request.headers["if-none-match"], etag)) return reply.code(304).send();
    return reply.type("text/plain; charset=utf-8").send(body);
  });
}

function printedSchema(schema: GraphQLSchema): { readonly body: Buffer; readonly etag: string } {
  const body = Buffer.from(`${printSchema(lexicographicSortSchema(schema))}\n`);
  return { body, etag: `W/"${hash("sha256", body, "base64url")}"` };
}

/** Returns whether a page of the gateway at `origin` sends the request, as browsers say and scripts cannot. */
function isOfPage({ headers }: FastifyRequest, origin: string): boolean {
  return headers["sec-fetch-site"] === "same-origin" || headers.origin === origin;
}

function callerAt(origin: string, request: FastifyRequest, reply: FastifyReply, viewer: Viewer): Caller {
  return {
    viewer,
    address: addressOf(request),
    onlyRead: request.method !== "POST",
    isOwnPage: isOfPage(request, origin),
    tell: (allowance) => void reply.headers(rateLimitHeaders(allowance)),
  };
}

/**
 * Whether a GET is a browser's, which shows a page. A browser names that type first; then a query in the URL is for the
 * editor. A client may name it among others: then a query is one to answer.
 */
function wantsGraphiql(accept: string | undefined, { searchParams }: URL): boolean {
  if (accept === undefined) return false;
  return accept.startsWith("text/html") || (accept.includes("text/html") && !searchParams.has("query"));
}

/** The parameters of a URL that are JSON. */
const jsonParameters = ["variables", "extensions"] as const;

/** Throws {@link InvalidInput} if a parameter of the URL must be a JSON object and is none. */
function checkParameters({ searchParams }: URL): void {
  const problems = jsonParameters.flatMap((name) => {
    const text = searchParams.get(name);
    const isUsable = text === null || text === "" || isJsonObject(text);
    return isUsable ? [] : [{ path: [name], message: `The parameter ${name} must be a JSON object.` }];
  });
  if (problems.length > 0) throw new InvalidInput(problems);
}

const partsNotTaken = () =>
  new Refusal(406, "The result comes in parts: the Accept header takes neither multipart/mixed nor text/event-stream.");

const streamTypes = /^(multipart\/mixed|text\/event-stream)\b/;

/** Headers about the body as it was sent. The host has decoded the body. */
const bodyHeaders: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "content-encoding",
  "transfer-encoding",
  "expect",
]);

/** Returns the headers of `request` for Yoga. */
function headersFor(request: FastifyRequest, type: JsonType | StreamType): Record<string, string> {
  const given = Object.entries(request.headers).flatMap(([name, value]): [string, string][] =>
    value === undefined || bodyHeaders.has(name) ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]],
  );
  // `accept` gets the chosen type and the one for a stream, since Yoga ignores weights.
  const stream = isJsonType(type) ? negotiateStream(request.headers.accept) : undefined;
  const accept = stream ? `${type}, ${stream}` : type;
  return { ...Object.fromEntries(given), accept, ...(request.method === "POST" && { "content-type": "application/json" }) };
}

function statusIn(http: unknown): number | undefined {
  return typeof http === "object" && http !== null && "status" in http && typeof http.status === "number"
    ? http.status
    : undefined;
}
