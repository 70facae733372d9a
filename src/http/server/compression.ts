import { pipeline, Readable, type Transform } from "node:stream";
import { promisify } from "node:util";
import {
  brotliCompress,
  brotliCompressSync,
  type BrotliOptions,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzip,
  gzipSync,
  zstdCompress,
  zstdCompressSync,
} from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import pLimit from "p-limit";
import { addVary } from "../kit/vary.ts";
import { acceptEncodingOf, codedTag, type ContentCoding, createCodingNegotiation } from "../kit/content-coding.ts";
import type { MaybePromise } from "../../lib/maybe-promise.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /**
     * Whether the route sends the same `Buffer` object each time. Then the body is compressed once, as well as
     * possible, and kept.
     */
    readonly constantBody?: boolean;
  }
}

/** Bodies of up to this many bytes are sent as they are: compressing them saves no packet. */
const uncompressedBytes = 1_024;

/**
 * Bodies of up to this many bytes are compressed at once, which takes a millisecond. For a small body a task of another
 * thread would take longer than the work itself.
 */
const synchronousBytes = 131_072;

/** How many larger bodies are compressed at the same time. Reading files and other work needs these threads too. */
const maxCompressing = 2;

/** The media types whose bodies become smaller. Others are compressed already, or are streams of parts. */
const compressible =
  /^(?:text\/(?!event-stream)|application\/(?:[\w.-]+\+)?(?:json|xml|yaml|javascript|graphql)\b|image\/svg\+xml)/;

/** The least effort of each coding: more of it takes several times as long and saves a few percent. */
const fastest = {
  zstd: { params: { [constants.ZSTD_c_compressionLevel]: 1 } },
  br: { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } },
  gzip: { level: 1 },
} as const;

/** The most effort of each coding, for what is compressed once. */
const best = {
  zstd: { params: { [constants.ZSTD_c_compressionLevel]: 19 } },
  br: { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } } satisfies BrotliOptions,
  gzip: { level: constants.Z_BEST_COMPRESSION },
} as const;

/** The header on which the coding depends. */
const varyingByCoding = ["accept-encoding"];

type Bytes = string | Buffer;

const compressAtOnce: Readonly<Record<ContentCoding, (body: Bytes) => Buffer>> = {
  zstd: (body) => zstdCompressSync(body, fastest.zstd),
  br: (body) => brotliCompressSync(body, fastest.br),
  gzip: (body) => gzipSync(body, fastest.gzip),
};

const [zstdInThread, brotliInThread, gzipInThread] = [promisify(zstdCompress), promisify(brotliCompress), promisify(gzip)];

const compressInThread: Readonly<Record<ContentCoding, (body: Bytes, effort: "fastest" | "best") => Promise<Buffer>>> = {
  zstd: (body, effort) => zstdInThread(body, effort === "best" ? best.zstd : fastest.zstd),
  br: (body, effort) => brotliInThread(body, effort === "best" ? best.br : fastest.br),
  gzip: (body, effort) => gzipInThread(body, effort === "best" ? best.gzip : fastest.gzip),
};

const createCompressor: Readonly<Record<ContentCoding, () => Transform>> = {
  zstd: () => createZstdCompress(fastest.zstd),
  br: () => createBrotliCompress(fastest.br),
  gzip: () => createGzip(fastest.gzip),
};

/** Returns the body of a response as it is to be sent, with its headers set. */
export type Compress = (request: FastifyRequest, reply: FastifyReply, body: unknown) => MaybePromise<unknown>;

/**
 * Returns the function that compresses the bodies of responses by what `Accept-Encoding` prefers (contract: "The
 * wire"). A body that is small, that has a content coding, that is a part of a file, or whose type is not
 * {@link compressible} stays as it is.
 */
export function createCompression(): Compress {
  const negotiate = createCodingNegotiation();
  const limit = pLimit(maxCompressing);
  const constantBodies = new WeakMap<Buffer, Map<ContentCoding, Promise<Buffer>>>();

  /** Returns a body that is always the same, compressed at the first request. */
  function compressOnce(body: Buffer, coding: ContentCoding): Promise<Buffer> {
    const known = constantBodies.get(body) ?? new Map<ContentCoding, Promise<Buffer>>();
    constantBodies.set(body, known);
    const compressing = known.get(coding) ?? limit(() => compressInThread[coding](body, "best"));
    known.set(coding, compressing);
    return compressing;
  }

  return (request, reply, body) => {
    if (!isWorthCompressing(reply, body)) return body;
    addVary(reply, varyingByCoding);
    const coding = negotiate(acceptEncodingOf(request));
    if (coding === undefined) return body;
    markAsCoded(reply, coding);
    if (body instanceof Readable) return compressedStream(body, coding);
    // A response to HEAD whose handler has left out the body. The host would send the length of an empty one.
    if (!isBytes(body) || body.length === 0) return null;
    if (typeof body !== "string" && request.routeOptions.config.constantBody) return compressOnce(body, coding);
    if (body.length <= synchronousBytes) return compressAtOnce[coding](body);
    return limit(() => compressInThread[coding](body, "fastest"));
  };
}

function isWorthCompressing(reply: FastifyReply, body: unknown): boolean {
  if (bodySizeOf(reply, body) <= uncompressedBytes) return false;
  const { statusCode } = reply;
  const hasWholeBody = statusCode !== 206 && statusCode !== 304 && statusCode !== 204;
  return hasWholeBody && !reply.hasHeader("content-encoding") && compressible.test(String(reply.getHeader("content-type")));
}

/** Returns the number of bytes of a body, or that of its header if it is a stream or left out. */
function bodySizeOf(reply: FastifyReply, body: unknown): number {
  if (typeof body === "string") return Buffer.byteLength(body);
  if (isBytes(body) && body.length > 0) return body.length;
  const length = reply.getHeader("content-length");
  if (length !== undefined) return Number(length);
  return body instanceof Readable ? Infinity : 0;
}

function isBytes(body: unknown): body is Bytes {
  return typeof body === "string" || Buffer.isBuffer(body);
}

function markAsCoded(reply: FastifyReply, coding: ContentCoding): void {
  reply.header("content-encoding", coding).removeHeader("content-length");
  // Parts of a file are parts of it as it is stored.
  reply.removeHeader("accept-ranges");
  const tag = reply.getHeader("etag");
  if (typeof tag === "string") reply.header("etag", codedTag(tag, coding));
}

/** Returns a stream of the compressed body. It fails with `body`, and destroys it if the client leaves. */
function compressedStream(body: Readable, coding: ContentCoding): Transform {
  // An error destroys the returned stream too, where the host logs it.
  return pipeline(body, createCompressor[coding](), () => undefined);
}
