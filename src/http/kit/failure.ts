import type { FastifyRequest } from "fastify";
import { DomainError, KeyReused, retryAfterOf, Unavailable } from "../../errors.ts";
import { isUnavailable } from "../../database/unavailable.ts";
import { hostSentence } from "./host-sentences.ts";
import { statusOf } from "./problem.ts";

/** What HTTP says of a failure. */
export interface DescribedFailure {
  readonly status: number;
  readonly detail: string;
  readonly retryAfterSeconds?: number | undefined;
}

/** Returns the status and the message of the failure of `request`. An unexpected failure has no details. */
export function describeFailure(error: unknown, request: FastifyRequest): DescribedFailure {
  if (error instanceof DomainError)
    return { status: statusOfError(error), detail: error.message, retryAfterSeconds: retryAfterOf(error) };
  const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
  // The host's own refusals (too large, no such media type) are about the request and say so. A client that hung up in
  // its body is one of them: the code of that error alone could be a lost connection of the database.
  if (status >= 400 && status < 500 && error instanceof Error)
    return { status, detail: hostSentence(error, request) ?? error.message };
  if (isUnavailable(error)) return describeFailure(new Unavailable({ cause: error }), request);
  return { status: 500, detail: "Something went wrong here. The request id in x-request-id finds it in our log." };
}

/** Returns the status of a domain error. That of a reused key is the one of the IETF's draft of `Idempotency-Key`. */
function statusOfError(error: DomainError): number {
  return error instanceof KeyReused ? 422 : statusOf[error.code];
}
