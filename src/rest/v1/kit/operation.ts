import type { IdempotencyKey } from "../../../lib/idempotency-key.ts";
import type { FieldContext, ReadSelection } from "./fields.ts";
import type { Query } from "./query.ts";

/** The input of an operation of /v1. */
export interface V1Request extends FieldContext {
  /** The `:id` of the path, or an empty text if the path has none. */
  readonly id: string;
  readonly query: Query;
  readonly body: unknown;
  /** The name of the client's program, in X-Xurrent-Source or X-4me-Source. */
  readonly source: string | undefined;
  /** The path of the request, without its query. */
  readonly path: string;
  /** The base of absolute URLs, without a trailing slash. */
  readonly publicUrl: string;
  readonly readSelection: ReadSelection;
  /** The key of a write, if the client has sent one. */
  readonly idempotencyKey: IdempotencyKey | undefined;
}

export interface V1Answer {
  readonly status?: number;
  /** It may be a `JsonText`. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Reads a request, calls a service, and returns the response with the result. */
export type V1Operation = (request: V1Request) => Promise<V1Answer>;
