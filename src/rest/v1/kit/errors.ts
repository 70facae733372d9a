import type { FastifyRequest } from "fastify";
import { Conflict, DomainError, type ErrorCode, Forbidden, InvalidInput, KeyReused, retryAfterOf } from "../../../errors.ts";
import { Refusal } from "../../../http/kit/refusal.ts";
import { describeFailure } from "../../../http/kit/failure.ts";

/** The only shape of an error. Clients treat every object with a `message` as an error, whatever its status. */
export interface V1Failure {
  readonly message: string;
  readonly errors?: readonly (readonly [field: string, sentence: string])[];
}

export interface FailureAnswer {
  readonly status: number;
  readonly body: V1Failure;
  readonly headers: Readonly<Record<string, string>>;
}

/** Thrown for a parameter or a body that is not valid. The message is the one that /v1 sends. */
export class BadRequest extends Error {
  readonly status = 400;

  constructor(message: string) {
    super(message);
    this.name = "BadRequest";
  }
}

/** Returns the error for a parameter whose value is not valid. */
export function invalidParameter(name: string, value: string): BadRequest {
  return new BadRequest(`Invalid value for parameter '${name}': '${value}'`);
}

/** Thrown if the client does not accept JSON, the only media type. */
export class NotAcceptable extends Error {
  readonly status = 406;

  constructor() {
    super("Not Acceptable");
    this.name = "NotAcceptable";
  }
}

/** The status of each domain error on /v1. */
const v1StatusOf: Readonly<Record<ErrorCode, number>> = {
  INVALID_INPUT: 422,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CHANGED: 412,
  CONFLICT: 409,
  TOO_LARGE: 413,
  TOO_EXPENSIVE: 400,
  ANSWER_TOO_LARGE: 413,
  TOO_MANY_REQUESTS: 429,
  UNAVAILABLE: 503,
};

const messages: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Request Entity Too Large",
  415: "Unsupported Media Type",
  422: "Validation Failed",
  429: "Too Many Requests",
};

export const invalidJson = "Invalid JSON string posted";

/** The /v1 names of fields that have other names in the services. */
const v1FieldNames: ReadonlyMap<string, string> = new Map([
  ["isPublic", "internal"],
  ["uploads", "attachments"],
  ["requesterId", "requested_by_id"],
]);

/** Returns the response to any error of `request`. That to an unexpected error has no details. */
export function describeV1Failure(error: unknown, request: FastifyRequest): FailureAnswer {
  if (error instanceof BadRequest || error instanceof NotAcceptable)
    return failureAnswer(error.status, { message: error.message });
  if (error instanceof InvalidInput) {
    const errors = error.fields.map(
      ({ path: [field = "base"], message }) => [v1FieldNames.get(field) ?? field, message] as const,
    );
    return failureAnswer(422, { message: "Validation Failed", errors });
  }
  if (error instanceof KeyReused) return failureAnswer(422, { message: error.message });
  if (error instanceof DomainError)
    return failureAnswer(v1StatusOf[error.code], { message: v1Message(error) }, headersOf(error));
  if (error instanceof Refusal) return failureAnswer(error.statusCode, { message: messageOfStatus(error.statusCode) });
  const { status, retryAfterSeconds } = describeFailure(error, request);
  // A body that the host cannot parse is reported as invalid JSON, whatever its media type.
  if (status === 400 || status === 415) return failureAnswer(400, { message: invalidJson });
  return failureAnswer(status, { message: messageOfStatus(status) }, retryAfter(retryAfterSeconds));
}

function failureAnswer(status: number, body: V1Failure, headers: Readonly<Record<string, string>> = {}): FailureAnswer {
  return { status, body, headers };
}

function headersOf(error: DomainError): Readonly<Record<string, string>> {
  if (error.code === "UNAUTHENTICATED") return { "www-authenticate": "Bearer" };
  // The body says only "Forbidden". This header gives the reason (RFC 6750, section 3.1).
  if (error instanceof Forbidden && error.missingScopes.length > 0) {
    return { "www-authenticate": `Bearer error="insufficient_scope", scope="${error.missingScopes.join(" ")}"` };
  }
  return retryAfter(retryAfterOf(error));
}

function retryAfter(seconds: number | undefined): Readonly<Record<string, string>> {
  return seconds === undefined ? {} : { "retry-after": String(seconds) };
}

/** Returns the error's own message if it states a limit or a conflict, and otherwise the message of its status. */
function v1Message(error: DomainError): string {
  const isTold = error instanceof Conflict || error.code === "TOO_EXPENSIVE" || error.code === "ANSWER_TOO_LARGE";
  return isTold ? error.message : messageOfStatus(v1StatusOf[error.code]);
}

function messageOfStatus(status: number): string {
  return messages[status] ?? (status >= 500 ? "Internal Server Error" : "Bad Request");
}
