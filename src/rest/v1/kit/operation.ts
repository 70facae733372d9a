import type { FieldContext, ReadSelection } from "./fields.ts";
import type { Query } from "./query.ts";

/** What an operation of /v1 is given. */
export interface V1Request extends FieldContext {
  /** The `:id` of the path, empty where it has none. */
  readonly id: string;
  readonly query: Query;
  readonly body: unknown;
  /** What the client says it is, in X-Xurrent-Source or X-4me-Source. */
  readonly source: string | undefined;
  /** The path of the request, without its query. */
  readonly path: string;
  /** Base of absolute URLs, without a slash at its end. */
  readonly publicUrl: string;
  readonly readSelection: ReadSelection;
}

export interface V1Answer {
  readonly status?: number;
  /** May be a {@link JsonText}. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Translates a request into a call of a service: it reads the request, calls the service, and presents the result. */
export type V1Operation = (request: V1Request) => Promise<V1Answer>;
