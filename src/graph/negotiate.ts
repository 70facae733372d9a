import { LRUCache } from "lru-cache";

/** The media types in which the result of an operation is one JSON text. */
export type JsonType = "application/json" | "application/graphql-response+json";

/** The media types in which it comes in parts. A query's result is one part of them. */
export type StreamType = "multipart/mixed" | "text/event-stream";

/** What is taken where nothing is said. */
const defaultAccept = "application/graphql-response+json, application/json";

/** The JSON types, and after them the others, for clients that take no JSON. */
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
 * The media type in which `accept` wants the result of a query or a mutation (RFC 9110, 12.5.1; GraphQL over HTTP); undefined where it takes
 * none that is offered. JSON wherever it is taken at all, with whatever else and in whatever order: clients list types for parts in
 * case there are some, and a query's result has none. Of two types of the same weight, the one that is listed first; plain JSON where a
 * wildcard leaves the choice.
 */
export function negotiate(accept = defaultAccept): JsonType | StreamType | undefined {
  const ranges = rangesIn(accept);
  return bestOf(offered[0], ranges)[0] ?? negotiateStream(accept);
}

/** The media type in which `accept` wants a result that comes in parts; undefined where it takes none. */
export function negotiateStream(accept = defaultAccept): StreamType | undefined {
  return bestOf(offered[1], rangesIn(accept))[0];
}

/** Those of `types` that are taken, the best first. */
function bestOf<Type extends string>(types: readonly Type[], ranges: readonly MediaRange[]): readonly Type[] {
  return types
    .map((type) => ({ type, range: rangeOf(type, ranges) }))
    .filter(({ range }) => range !== undefined && range.weight > 0)
    .toSorted((a, b) => byPreference(a.range, b.range))
    .map(({ type }) => type);
}

/** How many headers are known: clients send the same one again and again. Longer ones than any client's are read each time. */
const maximumKnown = 200;
const maxCachedAccept = 300;

/** {@link negotiate}, which knows what it has chosen for a header before. */
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
      // JSON is UTF-8, and so is all that is offered. Other parameters, such as deferSpec, say more about what is not asked for here.
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

/** The range that says most about `type`, whose weight is the one that counts. */
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
