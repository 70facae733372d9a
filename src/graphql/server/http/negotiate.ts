import { LRUCache } from "lru-cache";

/** The media types for a result that is one JSON text. */
export type JsonType = "application/json" | "application/graphql-response+json";

/** The media types for a stream of results. A query sends one result. */
export type StreamType = "multipart/mixed" | "text/event-stream";

/** The type if the request has no `accept`. */
const defaultAccept = "application/graphql-response+json, application/json";

/** The JSON types first, then the others, for clients that accept no JSON. */
const offered = [
  ["application/json", "application/graphql-response+json"],
  ["multipart/mixed", "text/event-stream"],
] as const satisfies readonly (readonly (JsonType | StreamType)[])[];

interface MediaRange {
  readonly type: string;
  readonly weight: number;
  readonly position: number;
}

/**
 * Returns the media type for the result of a query or a mutation from `accept` (RFC 9110, 12.5.1; GraphQL over HTTP),
 * or undefined if it accepts none of ours. JSON wins over streams if it is accepted at all: clients list stream types
 * in case of a stream, and a query has none. Of two types with the same weight the first one listed wins; for a
 * wildcard it is `application/json`.
 */
export function negotiate(accept = defaultAccept): JsonType | StreamType | undefined {
  const ranges = rangesIn(accept);
  return bestOf(offered[0], ranges)[0] ?? negotiateStream(accept);
}

/** Returns the media type for a stream of results, or undefined if `accept` accepts none. */
export function negotiateStream(accept = defaultAccept): StreamType | undefined {
  return bestOf(offered[1], rangesIn(accept))[0];
}

/** Returns the accepted ones of `types`, the best first. */
function bestOf<Type extends string>(types: readonly Type[], ranges: readonly MediaRange[]): readonly Type[] {
  return types
    .map((type) => ({ type, range: rangeOf(type, ranges) }))
    .filter(({ range }) => range !== undefined && range.weight > 0)
    .toSorted((a, b) => byPreference(a.range, b.range))
    .map(({ type }) => type);
}

/**
 * The maximum number of cached headers. Clients repeat theirs. A header that is longer than any client's is not cached.
 */
const maximumKnown = 200;
const maxCachedAccept = 300;

/** Returns {@link negotiate} with a cache. */
export function createNegotiation(): (accept: string | undefined) => JsonType | StreamType | undefined {
  const known = new LRUCache<string, { readonly type: ReturnType<typeof negotiate> }>({ max: maximumKnown });
  return (header) => {
    const accept = header ?? defaultAccept;
    const found = known.get(accept);
    if (found) return found.type;
    const type = negotiate(accept);
    if (accept.length <= maxCachedAccept) known.set(accept, { type });
    return type;
  };
}

export function isJsonType(type: JsonType | StreamType): type is JsonType {
  return type === "application/json" || type === "application/graphql-response+json";
}

function rangesIn(given: string): MediaRange[] {
  const accept = given.trim() === "" ? defaultAccept : given;
  return accept
    .toLowerCase()
    .split(",")
    .map((range, position) => {
      const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
      // JSON is UTF-8, and so are all our types. Other parameters, such as deferSpec, are about features that are not
      // requested here.
      const charset = parameters.find((parameter) => parameter.startsWith("charset="));
      const isUtf8 = charset === undefined || /^charset="?utf-8"?$/.test(charset);
      return { type, weight: isUtf8 ? weightIn(parameters) : 0, position };
    });
}

function weightIn(parameters: readonly string[]): number {
  const weight = parameters.find((parameter) => parameter.startsWith("q="));
  if (weight === undefined) return 1;
  const value = Number(weight.slice(2));
  return value >= 0 && value <= 1 ? value : 1;
}

/** Returns the most specific range for `type`, whose weight applies. */
function rangeOf(type: string, ranges: readonly MediaRange[]): MediaRange | undefined {
  const wildcard = `${type.split("/", 1)[0]}/*`;
  for (const name of [type, wildcard, "*/*"]) {
    const range = ranges.find((candidate) => candidate.type === name);
    if (range) return range;
  }
  return undefined;
}

function byPreference(a: MediaRange | undefined, b: MediaRange | undefined): number {
  return (b?.weight ?? 0) - (a?.weight ?? 0) || (a?.position ?? 0) - (b?.position ?? 0);
}
