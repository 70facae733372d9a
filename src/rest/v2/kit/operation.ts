import type { IncomingHttpHeaders } from "node:http";
import type { FastifyRequest } from "fastify";
import type { IdempotencyKey } from "../../../lib/idempotency-key.ts";
import type { Services } from "../../../services.ts";
import type { PersonViewer } from "../../../viewer.ts";

/**
 * The input of an operation of /v2: the viewer, and the parts of the request, which the OpenAPI document has validated.
 */
export interface OperationRequest<Part extends RequestParts> {
  readonly viewer: PersonViewer;
  readonly query: Part["query"];
  readonly path: Part["path"];
  readonly body: Part["body"];
  readonly headers: IncomingHttpHeaders;
  /** The key of a write, if the client has sent one. */
  readonly idempotencyKey: IdempotencyKey | undefined;
}

/** The response of an operation. */
export interface V2Response {
  /** The body, which may be a `JsonText`. Undefined if the response has none. */
  readonly body?: unknown;
  /** The status, if it is not the one that the operation always has. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RequestParts {
  readonly query: unknown;
  readonly path: unknown;
  readonly body: unknown;
}

/** Reads a request, calls a service, and returns the response. */
export type V2Operation<Part extends RequestParts> = (
  services: Services,
  request: OperationRequest<Part>,
) => Promise<V2Response>;

/** The page parameters of a /v2 list. */
export interface Window {
  readonly limit: number;
  /** A bigint if a number would lose digits. */
  readonly offset: number | bigint;
}

/**
 * Returns the JSON of a list's `query`, which repeats the page parameters and `filter`, with every digit of the offset.
 */
export function appliedQuery({ limit, offset }: Window, filter: Readonly<Record<string, string>>): string {
  return `{"limit":${limit},"offset":${offset},${JSON.stringify(filter).slice(1)}`;
}

/** Returns the offset as a number for the services. A page at `MAX_SAFE_INTEGER` is as empty as one beyond it. */
export function offsetOf({ offset }: Window): number {
  return typeof offset === "bigint" ? Number.MAX_SAFE_INTEGER : offset;
}

/** The operation ids of the OpenAPI document. */
export type OperationId =
  | "listNotes"
  | "addNote"
  | "getNote"
  | "updateNote"
  | "deleteNote"
  | "listNoteAttachments"
  | "addNoteAttachment"
  | "getNoteAttachment";

/** An operation whose request parts only the OpenAPI document describes. */
export type AnyOperation = V2Operation<RequestParts>;

/**
 * Calls an operation with the parts of `request`. The OpenAPI document's schemas have validated them and set defaults.
 */
export function runV2Operation(
  operation: AnyOperation,
  services: Services,
  viewer: PersonViewer,
  request: FastifyRequest,
  idempotencyKey: IdempotencyKey | undefined,
): Promise<V2Response> {
  const { query, params: path, body, headers } = request;
  return operation(services, { viewer, query, path, body, headers, idempotencyKey });
}
