import type { FastifyBaseLogger } from "fastify";
import { type ExecutionResult, GraphQLError } from "graphql";
import { DomainError, type ErrorCode, InvalidInput, retryAfterOf, Unavailable } from "../../errors.ts";
import { errorPlace, PersistedQueryNotFound } from "../kit/graphql-errors.ts";
import { statusOf } from "../../http/kit/problem.ts";
import { isUnavailable } from "../../database/unavailable.ts";

/** Returns `result` with errors of the closed list only, and logs the others. */
export function closeErrors(result: ExecutionResult, log: FastifyBaseLogger): ExecutionResult {
  if (!result.errors) return result;
  return { ...result, errors: result.errors.map((error) => closed(error, log)) };
}

/** The codes that determine the status of the whole response, in any place of the result. */
const httpStatuses: Readonly<Partial<Record<ErrorCode, number>>> = {
  UNAVAILABLE: 503,
  TOO_MANY_REQUESTS: 429,
  TOO_EXPENSIVE: 400,
  ANSWER_TOO_LARGE: 400,
};

/** Returns an error of the closed list for `error`. An unknown error is logged and becomes INTERNAL without details. */
export function closed(error: GraphQLError, log: FastifyBaseLogger): GraphQLError {
  if (error instanceof PersistedQueryNotFound) return error;
  const cause = rootCause(error);
  const isDown = cause !== undefined && !isRefusedByHost(cause) && isUnavailable(cause);
  // An Unavailable without a cause is the gateway's own: it has no room at the moment.
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
    // The status of other codes depends on where the error was thrown: before the execution, or in a field.
    const http = status === undefined ? error.extensions["http"] : { status, ...headers };
    return shown(original.message, { code: original.code, ...fields, ...(http === undefined ? {} : { http }) });
  }
  // An error of graphql-js has no cause. It is about the request: a syntax error or a variable.
  if (original === undefined || isRefusedByHost(original)) {
    const { http } = error.extensions;
    const code = original && hostStatus(original) === statusOf.TOO_LARGE ? "TOO_LARGE" : "INVALID_INPUT";
    return shown(asSentence(error), { code, ...(http === undefined ? {} : { http: httpOf(error, http) }) });
  }
  log.error({ err: original, path: error.path }, "a GraphQL operation failed");
  return shown("Something went wrong here. The request id in x-request-id finds it in our log.", {
    code: "INTERNAL",
    http: { status: 500 },
  });
}

/** Returns the message. Some of graphql-js about a place in the document end with a value, and without a full stop. */
function asSentence({ message, locations }: GraphQLError): string {
  return locations === undefined || /[.?!]$/.test(message) ? message : `${message}.`;
}

/** Returns the status that the host or the API gives `error`, or undefined if it gives none. */
export function hostStatus(error: unknown): number | undefined {
  if (error instanceof DomainError) return statusOf[error.code];
  if (error instanceof Error && "statusCode" in error && typeof error.statusCode === "number") return error.statusCode;
  return undefined;
}

/**
 * Returns the HTTP status for Yoga. For `application/json`, GraphQL over HTTP requires 200 if the document is wrong,
 * whose errors have locations, and 400 if the request is not well formed. Yoga does not distinguish them.
 */
function httpOf(error: GraphQLError, http: unknown): unknown {
  return error.locations === undefined && typeof http === "object" ? { ...http, spec: false } : http;
}

function rootCause(error: GraphQLError): Error | undefined {
  let cause: Error | undefined | null = error.originalError;
  while (cause instanceof GraphQLError) cause = cause.originalError;
  return cause ?? undefined;
}

/** Whether the host refused the request: it is too large, not JSON, or of another media type. */
function isRefusedByHost(error: Error): boolean {
  const status = hostStatus(error);
  return status !== undefined && status < 500;
}
