import type { FastifyRequest } from "fastify";
import type { Services } from "../../../services.ts";
import type { PersonViewer } from "../../../viewer.ts";

/** The input of an operation of /v2: the viewer, and the parts of the request, which the OpenAPI document has validated. */
export interface OperationRequest<Part extends RequestParts> {
  readonly viewer: PersonViewer;
  readonly query: Part["query"];
  readonly path: Part["path"];
  readonly body: Part["body"];
}

export interface RequestParts {
  readonly query: unknown;
  readonly path: unknown;
  readonly body: unknown;
}

/** A translation onto the services: it reads the request, calls a use case, and gives the answer's body, which may be a {@link JsonText}. */
export type V2Operation<Part extends RequestParts> = (services: Services, request: OperationRequest<Part>) => Promise<unknown>;

/** The page of a /v2 list. */
export interface Window {
  readonly limit: number;
  /** A bigint where a number would lose digits. */
  readonly offset: number | bigint;
}

/** What a list's `query` echoes of its page, and of `filter`: JSON, with every digit of the offset. */
export function appliedQuery({ limit, offset }: Window, filter: Readonly<Record<string, string>>): string {
  return `{"limit":${limit},"offset":${offset},${JSON.stringify(filter).slice(1)}`;
}

/** The offset as the services take it. No list is so long that what lies beyond it were not empty anyway. */
export function offsetOf({ offset }: Window): number {
  return typeof offset === "bigint" ? Number.MAX_SAFE_INTEGER : offset;
}

/** What the OpenAPI document calls its operations. */
export type OperationId =
  | "listNotes"
  | "addNote"
  | "getNote"
  | "updateNote"
  | "deleteNote"
  | "listNoteAttachments"
  | "addNoteAttachment"
  | "getNoteAttachment";

/** An operation whose parts are known to the OpenAPI document only. */
export type AnyOperation = (services: Services, request: OperationRequest<RequestParts>) => Promise<unknown>;

/** Hands an operation the parts of `request` as the OpenAPI document's schemas left them: of the operation's types, defaults filled in. */
export function runV2Operation(
  operation: AnyOperation,
  services: Services,
  viewer: PersonViewer,
  request: FastifyRequest,
): Promise<unknown> {
  return operation(services, { viewer, query: request.query, path: request.params, body: request.body });
}
