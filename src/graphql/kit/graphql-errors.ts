import { GraphQLError, type GraphQLErrorOptions } from "graphql";
import { asError } from "../../errors.ts";

/** Returns `error` with the HTTP status for Yoga. */
export function withHttp(error: GraphQLError, http: { readonly status: number; readonly spec?: boolean }): GraphQLError {
  const { message, originalError, extensions } = error;
  return new GraphQLError(message, {
    ...errorPlace(error),
    originalError: originalError ?? null,
    extensions: { ...extensions, http },
  });
}

/** Returns an error that was thrown outside any field as an error for {@link closed}. */
export function wrap(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const original = asError(error);
  return new GraphQLError(original.message, { originalError: original });
}

/** Returns the place of an error in the document and in the result. */
export function errorPlace({ nodes, source, positions, path }: GraphQLError): GraphQLErrorOptions {
  return { ...(nodes && { nodes }), ...(source && { source, positions: positions ?? null }), ...(path && { path }) };
}

/**
 * The document of an automatic persisted query is not known. Clients then send it with its hash. Message, code and
 * status are those of Apollo's protocol (contract: "The wire"), so it is beside the closed list.
 */
export class PersistedQueryNotFound extends GraphQLError {
  constructor() {
    super("PersistedQueryNotFound", { extensions: { code: "PERSISTED_QUERY_NOT_FOUND", http: { status: 200 } } });
  }
}
