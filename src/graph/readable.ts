import { Readable } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";

/**
 * `body` for Node.js: no part of it is made before there is room for it, and it is cancelled where the stream is destroyed, as it is when the client
 * goes.
 *
 * The bodies of Yoga's own Response stand for a stream of Node.js, and tell their source that they are cancelled by that alone: a reader waits for the
 * part that is being made.
 */
export function readableOf(body: ReadableStream<Uint8Array>): Readable {
  if ("readable" in body && body.readable instanceof Readable) return body.readable;
  return Readable.fromWeb(body as NodeReadableStream<Uint8Array>); // the same streams, under the types of another package
}
