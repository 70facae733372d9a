import cors from "@fastify/cors";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type RawServerDefault } from "fastify";
import { bodyProblem } from "../../lib/json-shape.ts";
import type { OpenResponse, ResponseBudget } from "../../lib/response-budget.ts";
import { decodeUtf8 } from "../../lib/text.ts";
import { answerClientError } from "./client-errors.ts";
import { type ConnectionLimits, type Connections, defaultConnectionLimits, watchConnections } from "./connections.ts";
import { decodeBodies } from "./encoded-bodies.ts";
import { boundBodies } from "./bodies.ts";
import { type Counters, serveMetrics } from "./health.ts";
import { OneLineEachRequest } from "./request-log.ts";
import { describeFailure } from "../kit/failure.ts";
import { sendProblem } from "../kit/problem.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** What the response may take up. */
    responseAllowance: OpenResponse;
  }
}

/** The largest body of a request that is not an upload. The longest note, doubled by JSON's escapes, fits several times. */
const maximumBodyBytes = 1_048_576;
/** All bodies under way together. */
const maximumBodiesBytes = 64 * maximumBodyBytes;

/** How long the headers of a request may take from when its connection is opened or, kept alive, from their first byte. */
const headersMilliseconds = 10_000;

/** A connection on which nothing at all moves for so long, while a request is under way, is dropped. */
const silentMilliseconds = 30_000;

/** When a request that failed for want of something is worth sending again, where nothing better is known. */
const usualRetrySeconds = 2;

export interface ServerOptions {
  readonly log: FastifyBaseLogger;
  readonly newId: () => string;
  /** What answers may take up: each is charged to the budget from its request's first moment until it has left. */
  readonly budget: ResponseBudget;
  readonly corsOrigins: readonly string[];
  /** Addresses and networks whose `X-Forwarded-For` names the client. */
  readonly trustedProxies: readonly string[];
  readonly connectionLimits?: ConnectionLimits | undefined;
  /** What faces count, for `/metrics`. */
  readonly counters?: Counters;
  /** The path that a URL which no router can read is taken for, by what it begins with. Others are answered by the host. */
  readonly unreadable?: Readonly<Record<string, string>>;
}

/** The host, and its open connections. */
export interface Server {
  readonly app: FastifyInstance;
  readonly connections: Connections;
}

/**
 * The HTTP host: limits, logging, request ids, CORS by an allow-list, and responses to requests that no API answers. APIs are
 * registered on it.
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
    logController: new OneLineEachRequest(),
    bodyLimit: maximumBodyBytes,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    // Looked for every second: Node.js does so every half minute, which would add to each of its time limits.
    http: { headersTimeout: headersMilliseconds, connectionsCheckingInterval: 1_000 },
    connectionTimeout: silentMilliseconds,
    clientErrorHandler: (error, socket) => answerClientError(error, socket, newId()),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 2_000 },
    genReqId: () => newId(),
    requestIdHeader: false,
    // Longer than the idle time of the usual load balancers, which would otherwise send a request into a closing connection.
    keepAliveTimeout: 65_000,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    // What the router itself refuses: a path that is no percent-encoding, or a part of one that is too long.
    frameworkErrors: (error, request, reply) => {
      const path = Object.entries(unreadable).find(([start]) => request.url.startsWith(start))?.[1];
      if (path === undefined) return void sendProblem(reply.header("x-request-id", request.id), describeFailure(error));
      // The request is routed once more: no hook has seen it, and an API adds more than its error, such as the rate limit of a
      // credential.
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
    // Comes once the last of it is handed to the operating system, or its client is gone.
    reply.raw.once("close", () => response.release());
    done();
  });
  const connections = watchConnections(app, connectionLimits);
  boundBodies(app, { maximumBytes: maximumBodiesBytes });
  // One hook for all that is said as an answer leaves: each takes as long as a statement's parameters do.
  app.addHook("onSend", (_request, reply, payload, done) => {
    // The APIs set it. Without it, clients and proxies would try again at once.
    const isWorthRetrying = reply.statusCode === 503 || reply.statusCode === 429;
    if (isWorthRetrying && !reply.hasHeader("retry-after")) reply.header("retry-after", usualRetrySeconds);
    connections.beforeSending(reply);
    done(null, payload);
  });
  decodeBodies(app, { maximumBytes: maximumBodyBytes });
  app.register(cors, {
    origin: [...corsOrigins],
    credentials: false,
    strictPreflight: false,
    methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    exposedHeaders: [
      ...["x-request-id", "etag", "link", "location", "retry-after", "content-range", "content-disposition", "accept-ranges"],
      ...["ratelimit", "ratelimit-policy"],
      ...["limit", "remaining", "reset"].map((name) => `x-ratelimit-${name}`),
      ...["per-page", "current-page", "total-pages", "total-entries", "throttled"].map((name) => `x-pagination-${name}`),
    ].join(", "),
    maxAge: 600,
  });

  // Clients send Content-Type: application/json with an empty body, on GET and DELETE too.
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body: Buffer, done) => {
    if (body.length === 0) return done(null, undefined);
    const text = decodeUtf8(body);
    if (text === undefined) return done(new NotUtf8());
    const json = tryParseJson(text);
    if (json === undefined) return done(Object.assign(new SyntaxError("The body is not JSON."), { statusCode: 400 }));
    const problem = bodyProblem(json.value);
    if (problem !== undefined) return done(Object.assign(new SyntaxError(problem), { statusCode: 400 }));
    done(null, json.value);
  });
  app.removeContentTypeParser("text/plain");

  app.setNotFoundHandler((_request, reply) => sendProblem(reply, { status: 404, detail: "There is nothing at this address." }));
  app.setErrorHandler((error, request, reply) => {
    const failure = describeFailure(error);
    if (failure.status >= 500) request.log.error({ err: error }, "a request failed");
    return sendProblem(reply, failure);
  });
  return { app, connections };
}

/** A body whose bytes are no text. */
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
