import type { FastifyRequest } from "fastify";
import { LRUCache } from "lru-cache";
import Negotiator from "negotiator";

/**
 * The content codings of responses (RFC 9110, 8.4.1). Of those that a client accepts with the same weight the first one
 * is taken: it needs the least time.
 */
const contentCodings = ["zstd", "br", "gzip"] as const;

export type ContentCoding = (typeof contentCodings)[number];

/**
 * The maximum number of cached headers. Clients repeat theirs. A header that is longer than any client's is not cached.
 */
const maxKnownHeaders = 200;
const maxCachedHeader = 300;

/**
 * Returns a function that chooses the content coding of a response from `Accept-Encoding` (RFC 9110, 12.5.3): that of
 * the greatest weight among `codings`, or undefined if the response is to be sent as it is.
 */
export function createCodingNegotiation(
  codings: readonly ContentCoding[] = contentCodings,
): (header: string | undefined) => ContentCoding | undefined {
  const known = new LRUCache<string, { readonly coding: ContentCoding | undefined }>({ max: maxKnownHeaders });
  return (header) => {
    if (header === undefined) return undefined;
    const found = known.get(header);
    if (found) return found.coding;
    const coding = negotiateCoding(header, codings);
    if (header.length <= maxCachedHeader) known.set(header, { coding });
    return coding;
  };
}

/** What is used of `Negotiator`. Its published types are of a version that knew no preferred order. */
interface EncodingNegotiator {
  encodings(available: readonly string[], options: { readonly preferred: readonly string[] }): readonly string[];
}

function negotiateCoding(header: string, codings: readonly ContentCoding[]): ContentCoding | undefined {
  const offered = [...codings, "identity"];
  const negotiator: EncodingNegotiator = new Negotiator({ headers: { "accept-encoding": header } });
  const [best] = negotiator.encodings(offered, { preferred: offered });
  return codings.find((coding) => coding === best);
}

/** The end of a strong entity tag that was sent with a coded body. */
const codingOfTag = new RegExp(`-(?:${contentCodings.join("|")})"$`);

/**
 * Returns the entity tag of a body under a content coding. A strong tag stands for bytes, so each coding has its own
 * (RFC 9110, 8.8.3.3). A weak one stays as it is.
 */
export function codedTag(tag: string, coding: ContentCoding): string {
  return tag.startsWith("W/") ? tag : `${tag.slice(0, -1)}-${coding}"`;
}

/** Returns the entity tag of the body before it was coded: what {@link codedTag} has added is removed. */
export function uncodedTag(tag: string): string {
  return tag.replace(codingOfTag, '"');
}

/** Returns the Accept-Encoding header of a request, of which there may be several. */
export function acceptEncodingOf({ headers }: FastifyRequest): string | undefined {
  const header = headers["accept-encoding"];
  return Array.isArray(header) ? header.join(", ") : header;
}
