import type { FastifyBaseLogger } from "fastify";
import { type ExecutionResult, GraphQLError, type GraphQLErrorOptions } from "graphql";
import { asError, DomainError, type ErrorCode, InvalidInput, retryAfterOf, Unavailable } from "../errors.ts";
import { statusOf } from "../http/problem.ts";
import { isUnavailable } from "../platform/unavailable.ts";

/** `result` with errors of the closed list only. One that says more than that is logged instead. */
export function closeErrors(result: ExecutionResult, log: FastifyBaseLogger): ExecutionResult {
  if (!result.errors) return result;
  return { ...result, errors: result.errors.map((error) => closed(error, log)) };
}

/** The codes that decide about the status of the whole answer, wherever in it they stand. */
const httpStatuses: Readonly<Partial<Record<ErrorCode, number>>> = {
  UNAVAILABLE: 503,
  TOO_MANY_REQUESTS: 429,
  TOO_EXPENSIVE: 400,
  ANSWER_TOO_LARGE: 400,
};

/** An error as it may leave: of the closed list, or saying nothing but that something went wrong. */
export function closed(error: GraphQLError, log: FastifyBaseLogger): GraphQLError {
  const cause = rootCause(error);
  const isDown = cause !== undefined && !isRefusedByHost(cause) && isUnavailable(cause);
  // What has no cause of its own is the gateway's: it has no room for the moment.
  if (isDown && (cause.cause !== undefined || !(cause instanceof Unavailable)))
    log.error({ err: cause }, "the database cannot be reached");
  const original = isDown && !(cause instanceof Unavailable) ? new Unavailable({ cause }) : cause;
  const shown = (message: string, extensions: Record<string, unknown>) =>
    new GraphQLError(message, { ...errorPlace(error), extensions });

  if (original instanceof DomainError) {
    const fields = original instanceof InvalidInput ? { fields: original.fields } : {};
    const status = httpStatuses[original.code];
    const seconds = retryAfterOf(original);
    const headers = seconds === undefined ? {} : { headers: { "retry-after": String(seconds) } };
    // A code that decides nothing by itself has the status of where it was found: before the operation was begun, or in a field.
    const http = status === undefined ? error.extensions["http"] : { status, ...headers };
    return shown(original.message, { code: original.code, ...fields, ...(http === undefined ? {} : { http }) });
  }
  // What graphql-js itself refuses, a syntax or a variable, has no cause and is about what was sent.
  if (original === undefined || isRefusedByHost(original)) {
    const { http } = error.extensions;
    const code = original && hostStatus(original) === statusOf.TOO_LARGE ? "TOO_LARGE" : "INVALID_INPUT";
    return shown(error.message, { code, ...(http === undefined ? {} : { http: httpOf(error, http) }) });
  }
  log.error({ err: original, path: error.path }, "a GraphQL operation failed");
  return shown("Something went wrong here. The request id in x-request-id finds it in our log.", {
    code: "INTERNAL",
    http: { status: 500 },
  });
}

/** `error` with what Yoga is told of the answer's status. */
export function withHttp(error: GraphQLError, http: { readonly status: number; readonly spec?: boolean }): GraphQLError {
  const { message, originalError, extensions } = error;
  return new GraphQLError(message, {
    ...errorPlace(error),
    originalError: originalError ?? null,
    extensions: { ...extensions, http },
  });
}

/** What was thrown outside any field, as an error that {@link closed} takes. */
export function wrap(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const original = asError(error);
  return new GraphQLError(original.message, { originalError: original });
}

/** The status that the host or the face gives `error`, where it has one for it. */
export function hostStatus(error: unknown): number | undefined {
  if (error instanceof DomainError) return statusOf[error.code];
  if (error instanceof Error && "statusCode" in error && typeof error.statusCode === "number") return error.statusCode;
  return undefined;
}

/**
 * What Yoga is told of the answer's status. GraphQL over HTTP answers `application/json` with 200 where a document is wrong, which has a place
 * in it, and with 400 where the request is none; Yoga makes no difference between them.
 */
function httpOf(error: GraphQLError, http: unknown): unknown {
  return error.locations === undefined && typeof http === "object" ? { ...http, spec: false } : http;
}

function errorPlace({ nodes, source, positions, path }: GraphQLError): GraphQLErrorOptions {
  return { ...(nodes && { nodes }), ...(source && { source, positions: positions ?? null }), ...(path && { path }) };
}

function rootCause(error: GraphQLError): Error | undefined {
  let cause: Error | undefined | null = error.originalError;
  while (cause instanceof GraphQLError) cause = cause.originalError;
  return cause ?? undefined;
}

/** Refusals of the host: too large, not JSON, no such media type. */
function isRefusedByHost(error: Error): boolean {
  const status = hostStatus(error);
  return status !== undefined && status < 500;
}
