import cors from "@fastify/cors";
import Fastify, { type FastifyInstance, type RawServerDefault } from "fastify";
import type { Logger } from "pino";
import { bodyProblem, jsonTextProblem } from "../../lib/json-shape.ts";
import type { OpenResponse, ResponseBudget } from "../../lib/response-budget.ts";
import { decodeUtf8 } from "../../lib/text.ts";
import { answerClientError } from "./client-errors.ts";
import { type ConnectionLimits, type Connections, defaultConnectionLimits, watchConnections } from "./connections.ts";
import { createCompression } from "./compression.ts";
import { decodeBodies } from "./encoded-bodies.ts";
import { boundBodies } from "./bodies.ts";
import { type Counters, serveMetrics } from "./health.ts";
import { OneLineEachRequest } from "./request-log.ts";
import { describeFailure } from "../kit/failure.ts";
import { sendProblem } from "../kit/problem.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The memory that the response may use. */
    responseAllowance: OpenResponse;
  }
}

/**
 * The maximum size of a body that is not an upload. It is several times the longest note, doubled by JSON's escapes.
 */
const maximumBodyBytes = 1_048_576;
/** The maximum size of all arriving bodies together. */
const maximumBodiesBytes = 64 * maximumBodyBytes;

/**
 * How long the headers of a request may take, counted from the opening of the connection or, if it is kept alive, from
 * their first byte.
 */
const headersMilliseconds = 10_000;

/** The time after which a connection without any traffic is dropped while a request is under way. */
const silentMilliseconds = 30_000;

/** The `retry-after` of a 503 or 429 for which the API has set none. */
const defaultRetrySeconds = 2;

/** The response headers that scripts of other origins may read. */
const exposedHeaders = [
  ...[
    "x-request-id",
    "etag",
    "link",
    "location",
    "retry-after",
    "idempotent-replayed",
    "content-range",
    "content-disposition",
    "accept-ranges",
  ],
  ...["ratelimit", "ratelimit-policy"],
  ...["limit", "remaining", "reset"].map((name) => `x-ratelimit-${name}`),
  ...["per-page", "current-page", "total-pages", "total-entries", "throttled"].map((name) => `x-pagination-${name}`),
].join(", ");

export interface ServerOptions {
  readonly log: Logger;
  readonly newId: () => string;
  /**
   * The memory that responses may use together. A response is charged from the start of its request until it is sent.
   */
  readonly budget: ResponseBudget;
  readonly corsOrigins: readonly string[];
  /** Addresses and networks whose `X-Forwarded-For` is trusted. */
  readonly trustedProxies: readonly string[];
  readonly connectionLimits?: ConnectionLimits | undefined;
  /** The counters of the APIs, for `/metrics`. */
  readonly counters?: Counters;
  /**
   * The path to which a URL that the router cannot read is sent, by the beginning of the URL. The host responds to
   * others.
   */
  readonly unreadable?: Readonly<Record<string, string>>;
}

/** The HTTP host, and its open connections. */
export interface Server {
  readonly app: FastifyInstance;
  readonly connections: Connections;
}

/**
 * The HTTP host: limits, logging, request ids, CORS by an allow-list, and responses to requests that no API answers.
 * APIs are registered on it.
 */
export function createServer(options: ServerOptions): Server {
  const {
    log,
    newId,
    budget,
    corsOrigins,
    trustedProxies,
    connectionLimits = defaultConnectionLimits,
    counters = {},
    unreadable = {},
  } = options;
  const app: FastifyInstance = Fastify<RawServerDefault>({
    loggerInstance: log,
    logController: new OneLineEachRequest(log),
    bodyLimit: maximumBodyBytes,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    // By default Node.js checks its time limits every half minute, which would lengthen each of them.
    http: { headersTimeout: headersMilliseconds, connectionsCheckingInterval: 1_000 },
    connectionTimeout: silentMilliseconds,
    clientErrorHandler: (error, socket) => answerClientError(error, socket, newId()),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 2_000 },
    genReqId: () => newId(),
    requestIdHeader: false,
    // Longer than the idle time of usual load balancers. Otherwise they would send requests on a connection that is
    // closing.
    keepAliveTimeout: 65_000,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    // Called for paths that the router refuses: invalid percent-encoding, or a parameter that is too long.
    frameworkErrors: (error, request, reply) => {
      const path = Object.entries(unreadable).find(([start]) => request.url.startsWith(start))?.[1];
      if (path === undefined)
        return void sendProblem(reply.header("x-request-id", request.id), describeFailure(error, request));
      // The request is routed once more: no hook has seen it, and an API adds more than its error, such as the rate
      // limit of a credential.
      Object.assign(request.raw, { originalUrl: request.url, url: path });
      app.routing(request.raw, reply.raw);
    },
  });

  const gauges = {
    response_budget_used_bytes: { help: "Bytes that answers under way take up.", value: () => budget.usedBytes },
    response_budget_waiting_requests: {
      help: "Requests that wait for room for their answers.",
      value: () => budget.waitingRequests,
    },
  };
  serveMetrics(app, gauges, counters);
  app.decorateRequest("responseAllowance");
  app.addHook("onRequest", (request, reply, done) => {
    reply.header("x-request-id", request.id);
    const response = budget.open(reply.raw);
    request.responseAllowance = response;
    // The event comes when the whole response is handed to the operating system, or the client is gone.
    reply.raw.once("close", () => response.release());
    done();
  });
  const connections = watchConnections(app, connectionLimits);
  boundBodies(app, { maximumBytes: maximumBodiesBytes });
  const compress = createCompression();
  // One hook for all response headers and the coding, because each further hook costs measurable time.
  app.addHook("onSend", (request, reply, payload, done) => {
    // Usually the API has set it. Without it, clients and proxies would retry at once.
    const isWorthRetrying = reply.statusCode === 503 || reply.statusCode === 429;
    if (isWorthRetrying && !reply.hasHeader("retry-after")) reply.header("retry-after", defaultRetrySeconds);
    // A response that no other origin may read has nothing to expose. These are 300 bytes.
    if (reply.hasHeader("access-control-allow-origin")) reply.header("access-control-expose-headers", exposedHeaders);
    connections.beforeSending(reply);
    const body = compress(request, reply, payload);
    // Most bodies are there at once, and an asynchronous hook would make each of them wait.
    // oxlint-disable-next-line promise/no-callback-in-promise -- see above
    if (body instanceof Promise) void body.then((compressed) => done(null, compressed), done);
    else done(null, body);
  });
  decodeBodies(app, { maximumBytes: maximumBodyBytes });
  app.register(cors, {
    origin: [...corsOrigins],
    credentials: false,
    strictPreflight: false,
    methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    maxAge: 600,
  });

  // Clients send Content-Type: application/json with an empty body, on GET and DELETE too.
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body: Buffer, done) => {
    if (body.length === 0) return done(null, undefined);
    const text = decodeUtf8(body);
    if (text === undefined) return done(new NotUtf8());
    const refuse = (reason: string) => done(Object.assign(new SyntaxError(reason), { statusCode: 400 }));
    const textProblem = jsonTextProblem(text);
    if (textProblem !== undefined) return refuse(textProblem);
    const json = tryParseJson(text);
    if (json === undefined) return refuse("The body is not JSON.");
    const problem = bodyProblem(json.value);
    if (problem !== undefined) return refuse(problem);
    done(null, json.value);
  });
  app.removeContentTypeParser("text/plain");

  app.setNotFoundHandler((_request, reply) => sendProblem(reply, { status: 404, detail: "There is nothing at this address." }));
  app.setErrorHandler((error, request, reply) => {
    const failure = describeFailure(error, request);
    if (failure.status >= 500) request.log.error({ err: error }, "a request failed");
    return sendProblem(reply, failure);
  });
  return { app, connections };
}

/** Thrown for a body that is not UTF-8. */
export class NotUtf8 extends SyntaxError {
  readonly statusCode = 400;

  constructor() {
    super("The body is not UTF-8.");
    this.name = "NotUtf8";
  }
}

function tryParseJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
