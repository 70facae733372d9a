import { METHODS } from "node:http";
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { createYoga, type Plugin } from "graphql-yoga";
import { decodeUtf8 } from "../platform/text.ts";
import { InvalidInput, retryAfterOf } from "../errors.ts";
import { addressOf } from "../http/authentication.ts";
import { Refusal } from "../http/refusal.ts";
import { rateLimitHeaders } from "../limits/limiter.ts";
import type { Limits } from "../limits/limits.ts";
import type { Services } from "../services.ts";
import type { Viewer } from "../viewer.ts";
import { closed, closeErrors, hostStatus, wrap } from "./closed-errors.ts";
import type { ExecutionCounts } from "./execute.ts";
import { graphiqlPage, registerGraphiqlAssets } from "./graphiql.ts";
import type { ExampleIds } from "./graphiql-examples.ts";
import { httpResultOf } from "./http-result.ts";
import { createNegotiation, isJsonType, type JsonType, type StreamType } from "./negotiate.ts";
import { type Caller, createOperations, type Parameters, type Perform } from "./operations.ts";
import { isJsonObject, parseParams } from "./parse-params.ts";
import { schema } from "./schema.ts";

export interface GraphqlOptions {
  readonly services: Services;
  /** The largest answer of an operation. */
  readonly maximumBytes: number;
  /** Who is asking. @throws {Unauthenticated} where the credential is not valid. */
  readonly authenticate: (request: FastifyRequest) => Promise<Viewer>;
  readonly limits: Limits;
  readonly counts: ExecutionCounts;
  readonly publicUrl: string;
  readonly examples: ExampleIds;
}

interface ServerContext {
  readonly caller: Caller;
  readonly log: FastifyBaseLogger;
}

const graphqlPath = "/graphql";
/** The largest body without a credential, in bytes: no document that is taken of such callers is longer. */
const anonymousBodyLimit = 65_536;

/** What {@link graphqlPath} takes. OPTIONS is answered by the host, and HEAD as a GET without its body. */
const allowedMethods = "GET, HEAD, POST, OPTIONS";

/**
 * Headers of Yoga's answers that are about a connection it does not have: the host frames its own answers, and two framings at once (RFC 9112,
 * 6.3) are refused by clients and smuggle requests past proxies. `content-encoding: none` is no coding.
 */
const connectionHeaders: ReadonlySet<string> = new Set([
  "connection",
  "transfer-encoding",
  "content-encoding",
  "content-length",
]);

/**
 * GraphQL over HTTP at {@link graphqlPath}: JSON by POST, queries by GET, and GraphiQL for a browser. Who takes JSON and sends it in the plain
 * way is answered here, without a Request and a Response; all else goes through Yoga, which performs operations by the same function. A
 * Fastify plugin.
 */
export async function graphql(app: FastifyInstance, options: GraphqlOptions): Promise<void> {
  const { services, maximumBytes, authenticate, limits, counts, publicUrl, examples } = options;
  const perform = createOperations({ schema, services, maximumBytes, limits, counts });
  const negotiateOnce = createNegotiation();
  const page = graphiqlPage({ endpoint: graphqlPath, publicUrl, examples });
  await registerGraphiqlAssets(app, { endpoint: graphqlPath });

  const yoga = createYoga<ServerContext>({
    graphqlEndpoint: graphqlPath,
    plugins: [performing(perform), closingErrors],
    maskedErrors: false,
    graphiql: false,
    landingPage: false,
    logging: false,
    // CORS and body sizes are the host's; form and multipart bodies, which a page of another origin can send unasked, are nobody's.
    cors: false,
    multipart: false,
    maxRequestBodySize: false,
    batching: false,
  });

  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body: Buffer, done) => {
    const text = decodeUtf8(body);
    if (text === undefined) return done(Object.assign(new SyntaxError("The body is not UTF-8."), { statusCode: 400 }));
    done(null, text);
  });

  /** The media type for the answer. @throws {Refusal} where the request takes none that there is. */
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
    { viewer, type }: { viewer: Viewer; type: JsonType | StreamType },
  ): Promise<FastifyReply> {
    const response = await yoga.fetch(
      `http://gateway${request.url}`,
      {
        // The host leaves the body of a HEAD's answer out.
        method: request.method === "HEAD" ? "GET" : request.method,
        // The one that was chosen: Yoga knows no weights.
        headers: { accept: type, ...(request.method === "POST" && { "content-type": "application/json" }) },
        // The host's JSON parser has left it as text: Yoga parses it.
        ...(request.method === "POST" && { body: typeof request.body === "string" ? request.body : "" }),
      },
      { caller: callerOf(request, reply, viewer), log: request.log },
    );
    const headers = [...response.headers].filter(([name]) => !connectionHeaders.has(name.toLowerCase()));
    return reply
      .code(response.status)
      .headers({ ...Object.fromEntries(headers), "cache-control": "no-store" })
      .send(await response.text());
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
    if (!isJsonType(type) || !parameters) return answerByYoga(request, reply, { viewer, type });
    const result = closeErrors(await perform(parameters, callerOf(request, reply, viewer)), request.log);
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
    // Before the body is parsed: of whatever type it is, it is the method that is wrong.
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

/** @throws {InvalidInput} where a parameter of the URL that is to be a JSON object is none. */
function checkParameters({ searchParams }: URL): void {
  const problems = jsonParameters.flatMap((name) => {
    const text = searchParams.get(name);
    const isUsable = text === null || text === "" || isJsonObject(text);
    return isUsable ? [] : [{ path: [name], message: `The parameter ${name} must be a JSON object.` }];
  });
  if (problems.length > 0) throw new InvalidInput(problems);
}

/** Lets Yoga perform operations as they are performed without it. */
function performing(perform: Perform): Plugin<ServerContext, ServerContext> {
  return {
    onParams({ setParamsHandler }) {
      setParamsHandler(({ params, context: { caller } }) =>
        // Yoga has checked them by now: a query that is none does not come this far.
        perform(params as Parameters, caller),
      );
    },
  };
}

/** Closes the errors of results, and what Yoga itself finds wrong with a request. */
const closingErrors: Plugin<ServerContext, ServerContext> = {
  onResultProcess({ result, setResult, serverContext }) {
    if (Array.isArray(result) || !("errors" in result)) return;
    setResult(closeErrors(result, serverContext.log));
  },
};

function statusIn(http: unknown): number | undefined {
  return typeof http === "object" && http !== null && "status" in http && typeof http.status === "number"
    ? http.status
    : undefined;
}
