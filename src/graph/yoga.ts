import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type DocumentNode, type ExecutionArgs, getOperationAST, GraphQLError } from "graphql";
import { createYoga, type Plugin } from "graphql-yoga";
import { DomainError, InvalidInput } from "../errors.ts";
import { statusOf } from "../http/problem.ts";
import { isUnavailable } from "../platform/unavailable.ts";
import type { CursorCodec } from "../platform/cursor.ts";
import { decodeUtf8 } from "../platform/text.ts";
import type { Services } from "../services.ts";
import type { Viewer } from "../viewer.ts";
import { createGraphContext, type GraphContext } from "./context.ts";
import { graphiqlPage, registerGraphiqlAssets } from "./graphiql.ts";
import type { ExampleIds } from "./graphiql-examples.ts";
import { pageFieldsOf, parseWithinLimits, tooHeavy, tooManyNodes } from "./limits.ts";
import { schema } from "./schema.ts";

export interface GraphqlOptions {
  readonly services: Services;
  readonly cursors: CursorCodec;
  /** Who is asking. @throws {Unauthenticated} where the credential is not valid. */
  readonly authenticate: (request: FastifyRequest) => Promise<Viewer>;
  readonly publicUrl: string;
  readonly examples: ExampleIds;
}

interface ServerContext {
  readonly viewer: Viewer;
  readonly log: FastifyBaseLogger;
}

const graphqlPath = "/graphql";

/** GraphQL over HTTP at {@link graphqlPath}: JSON by POST, queries by GET, and GraphiQL for a browser. A Fastify plugin. */
export async function graphql(app: FastifyInstance, options: GraphqlOptions): Promise<void> {
  const { services, cursors, authenticate, publicUrl, examples } = options;
  const page = graphiqlPage({ endpoint: graphqlPath, publicUrl, examples });
  await registerGraphiqlAssets(app, { endpoint: graphqlPath });

  const yoga = createYoga<ServerContext, GraphContext>({
    schema,
    graphqlEndpoint: graphqlPath,
    context: ({ viewer }) => createGraphContext({ viewer, services, cursors }),
    plugins: [limits, closedErrors()],
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

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const viewer = await authenticate(request);
    const response = await yoga.fetch(
      `http://gateway${request.url}`,
      {
        method: request.method,
        headers: headersOf(request),
        // The host's JSON parser has left it as text: Yoga parses it.
        ...(request.method === "POST" && { body: typeof request.body === "string" ? request.body : "" }),
      },
      { viewer, log: request.log },
    );
    return reply
      .code(response.status)
      .headers({ ...Object.fromEntries(response.headers), "cache-control": "no-store" })
      .send(await response.text());
  }

  app.setErrorHandler((error, request, reply) => {
    const shown = closed(error instanceof GraphQLError ? error : wrap(error), request.log);
    const { http, ...extensions } = shown.extensions;
    const status = statusIn(http) ?? hostStatus(error) ?? 500;
    return reply
      .code(status)
      .header("cache-control", "no-store")
      .send({ errors: [{ message: shown.message, extensions }] });
  });

  app.get(graphqlPath, async (request, reply) => {
    const wantsPage =
      request.headers.accept?.includes("text/html") && !new URL(request.url, publicUrl).searchParams.has("query");
    if (wantsPage) return reply.headers(page.headers).send(page.html);
    return answer(request, reply);
  });
  app.post(graphqlPath, answer);
}

function headersOf(request: FastifyRequest): Record<string, string> {
  return {
    accept: request.headers.accept ?? "application/graphql-response+json, application/json",
    ...(request.method === "POST" && { "content-type": "application/json" }),
  };
}

const pageFields = pageFieldsOf(schema);

const limits: Plugin<GraphContext & ServerContext> = {
  onParse({ setParseFn }) {
    setParseFn(parseWithinLimits);
  },
  onValidate({ params, setResult }) {
    const refused = tooHeavy(params.documentAST as DocumentNode); // Yoga leaves its type open
    if (refused) setResult([refused]);
  },
  onExecute({ args, setResultAndStopExecution }) {
    const { document, operationName, variableValues } = args as ExecutionArgs; // Yoga leaves their type open
    const operation = getOperationAST(document, operationName);
    const refused = operation && tooManyNodes(document, operation, variableValues ?? {}, pageFields);
    if (refused) setResultAndStopExecution({ errors: [refused] });
  },
};

/** Every error that leaves is of the closed list, or says nothing but that something went wrong. */
function closedErrors(): Plugin<GraphContext & ServerContext, ServerContext> {
  return {
    onResultProcess({ result, setResult, serverContext }) {
      if (Array.isArray(result) || !("errors" in result) || !result.errors) return;
      const { log } = serverContext;
      setResult({ ...result, errors: result.errors.map((error) => closed(error, log)) });
    },
  };
}

function closed(error: GraphQLError, log: FastifyBaseLogger): GraphQLError {
  const original = rootCause(error);
  const shown = (message: string, extensions: Record<string, unknown>) =>
    new GraphQLError(message, {
      ...(error.nodes && { nodes: error.nodes }),
      ...(error.source && { source: error.source, positions: error.positions ?? null }),
      ...(error.path && { path: error.path }),
      extensions,
    });

  if (original instanceof DomainError) {
    const fields = original instanceof InvalidInput ? { fields: original.fields } : {};
    return shown(original.message, {
      code: original.code,
      ...fields,
      ...(original.code === "UNAVAILABLE" && { http: { status: 503 } }),
    });
  }
  if (original !== undefined && isUnavailable(original)) {
    log.error({ err: original }, "the database cannot be reached");
    return shown("The service cannot reach its data at the moment. Try again in a few seconds.", {
      code: "UNAVAILABLE",
      http: { status: 503 },
    });
  }
  // What graphql-js itself refuses, a syntax or a variable, has no cause and is about what was sent.
  if (original === undefined || isRefusedByHost(original)) {
    const { http } = error.extensions;
    return shown(error.message, { code: "INVALID_INPUT", ...(http === undefined ? {} : { http: httpOf(error, http) }) });
  }
  log.error({ err: original, path: error.path }, "a GraphQL operation failed");
  return shown("Something went wrong here. The request id in x-request-id finds it in our log.", {
    code: "INTERNAL",
    http: { status: 500 },
  });
}

/**
 * What Yoga is told of the answer's status. GraphQL over HTTP answers `application/json` with 200 where a document is wrong, which has a place
 * in it, and with 400 where the request is none; Yoga makes no difference between them.
 */
function httpOf(error: GraphQLError, http: unknown): unknown {
  return error.locations === undefined && typeof http === "object" ? { ...http, spec: false } : http;
}

function rootCause(error: GraphQLError): Error | undefined {
  let cause: Error | undefined | null = error.originalError;
  while (cause instanceof GraphQLError) cause = cause.originalError;
  return cause ?? undefined;
}

function wrap(error: unknown): GraphQLError {
  const original = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(original.message, { originalError: original });
}

/** Refusals of the host: too large, not JSON, no such media type. */
function isRefusedByHost(error: Error): boolean {
  const status = hostStatus(error);
  return status !== undefined && status < 500;
}

function hostStatus(error: unknown): number | undefined {
  if (error instanceof DomainError) return statusOf[error.code];
  if (error instanceof Error && "statusCode" in error && typeof error.statusCode === "number") return error.statusCode;
  return undefined;
}

function statusIn(http: unknown): number | undefined {
  return typeof http === "object" && http !== null && "status" in http && typeof http.status === "number"
    ? http.status
    : undefined;
}
