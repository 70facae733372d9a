import { METHODS } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ExecutionResult, GraphQLSchema } from "graphql";
import { isAsyncIterable } from "graphql-yoga";
import { jsonTextProblem, maximumJsonDepth } from "../../../lib/json-shape.ts";
import { decodeUtf8 } from "../../../lib/text.ts";
import { InvalidInput, retryAfterOf } from "../../../errors.ts";
import { addressOf } from "../../../http/server/authentication.ts";
import { Refusal } from "../../../http/kit/refusal.ts";
import { rateLimitHeaders } from "../../../limits/limiter.ts";
import type { Limits } from "../../../limits/limits.ts";
import type { Services } from "../../../services.ts";
import type { Viewer } from "../../../viewer.ts";
import { closed, closeErrors, hostStatus } from "../closed-errors.ts";
import { wrap } from "../../kit/graphql-errors.ts";
import type { Envelop, OperationResult } from "../engine.ts";
import type { ExecutionCounts } from "../execution/execute.ts";
import { graphiqlPage, registerGraphiqlAssets } from "../../graphiql/graphiql.ts";
import type { ExampleIds } from "../../graphiql/graphiql-examples.ts";
import { httpResultOf } from "./http-result.ts";
import { createNegotiation, isJsonType, type JsonType, negotiateStream, type StreamType } from "./negotiate.ts";
import { type Caller, createOperations, type Parameters, type Perform } from "../operations.ts";
import { isJsonObject, parseParams } from "./parse-params.ts";
import { type GraphqlPlugin, plugIn, type ServerContext, withoutEmptyName } from "../plugins.ts";
import { readableOf } from "./readable.ts";

export interface GraphqlOptions {
  /** The schema. Plugins may change it. */
  readonly schema: GraphQLSchema;
  readonly services: Services;
  /** The maximum size of a result, in bytes. */
  readonly maximumBytes: number;
  /** Returns the viewer of a request. Throws {@link Unauthenticated} if the credential is not valid. */
  readonly authenticate: (request: FastifyRequest) => Promise<Viewer>;
  readonly limits: Limits;
  readonly counts: ExecutionCounts;
  readonly publicUrl: string;
  readonly examples: ExampleIds;
  /** The operator's plugins, in the order in which their hooks are called. */
  readonly plugins: readonly GraphqlPlugin[];
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
  const { schema, services, maximumBytes, authenticate, limits, counts, publicUrl, examples, plugins } = options;
  const plugged = plugIn({ endpoint: graphqlPath, schema, plugins, perform: (...given) => perform(...given) });
  const { yoga, resolversAreWrapped } = plugged;
  const perform: Perform = createOperations({
    ...{ schema: plugged.schema, services, maximumBytes, limits, counts, resolversAreWrapped },
  });
  if (resolversAreWrapped)
    app.log.warn("A plugin has other resolvers called than ours: all queries are executed as rows, which takes longer.");
  app.addHook("onClose", async () => yoga.dispose());
  const negotiateOnce = createNegotiation();
  const page = graphiqlPage({ endpoint: graphqlPath, publicUrl, examples });
  await registerGraphiqlAssets(app, { endpoint: graphqlPath });

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

  async function answerByYoga(
    request: FastifyRequest,
    reply: FastifyReply,
    { viewer, type, result }: { viewer: Viewer; type: JsonType | StreamType; result?: OperationResult },
  ): Promise<FastifyReply> {
    const response = await yoga.fetch(
      new URL(request.url, publicUrl),
      {
        // The host leaves out the body of a response to HEAD.
        method: request.method === "HEAD" ? "GET" : request.method,
        headers: headersFor(request, type),
        // The host's JSON parser left it as text: Yoga parses it.
        ...(request.method === "POST" && { body: typeof request.body === "string" ? request.body : "" }),
      },
      { caller: callerOf(request, reply, viewer), log: request.log, ...(result && { result }) },
    );
    if (response.status === 406) throw partsNotTaken();
    const headers = [...response.headers]
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      // Yoga sends Allow with some answers of 400 too.
      .filter(([name]) => !connectionHeaders.has(name) && (name !== "allow" || response.status === 405));
    reply.code(response.status).headers({ ...Object.fromEntries(headers), "cache-control": "no-store" });
    const isStream = streamTypes.test(response.headers.get("content-type") ?? "");
    return reply.send(isStream && response.body ? readableOf(response.body) : await response.text());
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

  const { origin } = new URL(publicUrl);

  /** Returns the hooks of plugins for an operation that does not go through Yoga. */
  function envelopFor(request: FastifyRequest, params: Parameters, context: ServerContext): Envelop | undefined {
    if (!plugged.envelopIn) return undefined;
    // The URL and the headers are not taken apart before a plugin reads them. This host's headers have one value each,
    // but for set-cookie, which no request has.
    const headers = request.headers as Record<string, string>;
    const made = new yoga.fetchAPI.Request(`${origin}${request.url}`, { method: request.method, headers });
    return plugged.envelopIn({ ...context, request: made, params: withoutEmptyName(params) });
  }

  app.setErrorHandler((error, request, reply) => {
    const shown = closed(wrap(error), request.log);
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
    const wantsPage = request.headers.accept?.includes("text/html") && !url.searchParams.has("query");
    if (wantsPage) return reply.headers(page.headers).send(page.html);
    const type = acceptedBy(request);
    checkParameters(url);
    return answerByYoga(request, reply, { viewer: await authenticate(request), type });
  });
  app.post(graphqlPath, { config: { anonymousBodyLimit } }, async (request, reply) => {
    const type = acceptedBy(request);
    const viewer = await authenticate(request);
    const parameters = parseParams(request.body);
    if (plugged.isAboutHttp || !isJsonType(type) || !parameters) return answerByYoga(request, reply, { viewer, type });
    const context = { caller: callerOf(request, reply, viewer), log: request.log };
    const performed = await perform(parameters, context.caller, envelopFor(request, parameters, context));
    if (isAsyncIterable(performed)) return answerInParts(request, reply, viewer, performed);
    const result = closeErrors(performed, request.log);
    const { status, headers, body } = httpResultOf(result, type);
    return reply
      .code(status)
      .headers({ ...headers, "cache-control": "no-store" })
      .send(body);
  });
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

function callerOf(request: FastifyRequest, reply: FastifyReply, viewer: Viewer): Caller {
  return {
    viewer,
    address: addressOf(request),
    onlyRead: request.method !== "POST",
    tell: (allowance) => void reply.headers(rateLimitHeaders(allowance)),
  };
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
