import { Readable } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";

/**
 * Returns `body` as a stream of Node.js. The stream reads no part in advance, and cancels `body` if it is destroyed
 * because the client left.
 *
 * The bodies of Yoga's own Response wrap a stream of Node.js already. That one is returned: a reader of the body would
 * wait for the next part before it cancels.
 */
export function readableOf(body: ReadableStream<Uint8Array>): Readable {
  if ("readable" in body && body.readable instanceof Readable) return body.readable;
  // The same streams, under the types of another package
  return Readable.fromWeb(body as NodeReadableStream<Uint8Array>);
}
