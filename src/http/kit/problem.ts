import { STATUS_CODES } from "node:http";
import type { FastifyReply } from "fastify";
import type { ErrorCode } from "../../errors.ts";

/** The HTTP status of each domain error, for the APIs that use HTTP statuses. */
export const statusOf: Readonly<Record<ErrorCode, number>> = {
  INVALID_INPUT: 400,
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

export interface Problem {
  readonly status: number;
  readonly detail?: string | undefined;
  /** The seconds after which a retry can succeed. */
  readonly retryAfterSeconds?: number | undefined;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[] | undefined;
}

/** Returns the JSON of an RFC 9457 problem of type about:blank, whose title is the status phrase. */
export function problemText({ status, detail, errors }: Problem): string {
  return JSON.stringify({ type: "about:blank", status, title: STATUS_CODES[status], detail, errors });
}

/** Sends an RFC 9457 problem of type about:blank, whose title is the status phrase. */
export function sendProblem(reply: FastifyReply, { status, detail, errors, retryAfterSeconds }: Problem): FastifyReply {
  if (retryAfterSeconds !== undefined) reply.header("retry-after", retryAfterSeconds);
  return (
    reply
      .code(status)
      .headers({ "content-type": "application/problem+json", "cache-control": "no-store" })
      // Serialised here, because a route's response schema would drop members.
      .serializer((body: unknown) => String(body))
      .send(problemText({ status, detail, errors }))
  );
}
