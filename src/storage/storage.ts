import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { create as createDisposition } from "content-disposition";
import { invalid, TooLarge } from "../errors.ts";

/** The facts of a stored object. */
export interface ObjectFacts {
  readonly size: number;
  readonly modifiedAt: Date;
  /** The strong entity tag with its quotes. Other bytes have another tag. */
  readonly etag: string;
}

/** An object that was just written. */
export interface WrittenObject extends ObjectFacts {
  /** SHA-256 of its bytes, in hexadecimal. */
  readonly sha256: string;
}

/** An object in a listing of the store. */
export interface ListedObject {
  readonly key: string;
  readonly size: number;
  readonly modifiedAt: Date;
}

/** The limits on the size of a stream. */
export interface WriteLimits {
  readonly maximumBytes: number;
  /** The declared size. Any other size is refused. */
  readonly exactBytes?: number | undefined;
}

/** A request that can be sent without a credential until `expiresAt`, by anyone who knows it. */
export interface SignedRequest {
  readonly url: string;
  readonly method: "GET" | "PUT";
  /** The headers that the request must have, with exactly these values. */
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAt: Date;
}

/**
 * Stores bytes under keys. The gateway makes the keys (`<account>/<id>`, see {@link requireKey}), never a client. An
 * object is stored whole or not at all; writing a key again replaces its object atomically. Every method throws
 * `Unavailable` if the store cannot be reached, with the reason as its cause.
 */
export interface ObjectStorage {
  /** Whether the gateway itself receives the uploads. If not, it must check for them with `stat`. */
  readonly announcesArrivals: boolean;
  /**
   * Returns a PUT request for the raw bytes. They must have exactly this content type and, if `size` is set, exactly
   * this size in bytes.
   */
  signUpload(upload: { key: string; contentType: string; size?: number | undefined; expiresAt: Date }): Promise<SignedRequest>;
  /**
   * Returns a GET request whose response has this content type and filename. `inline` lets a browser show the file if
   * its type is harmless.
   */
  signDownload(download: {
    key: string;
    contentType: string;
    filename: string;
    inline: boolean;
    expiresAt: Date;
  }): Promise<SignedRequest>;
  /**
   * Stores a stream. Resolves when the object is durable. Throws {@link TooLarge} above `maximumBytes`, `InvalidInput`
   * with the field `size` if the size is not `exactBytes`, and the error of the stream; nothing is stored then. It does
   * not destroy the stream, because its connection may still have to send the response.
   */
  write(key: string, bytes: Readable, limits: WriteLimits): Promise<WrittenObject>;
  /**
   * Copies the current object of `from` to `to`, which no signed URL reaches. Returns the facts of the copy, with its
   * digest if the store reports one, or null if there is no object. Only stores that do not report uploads have this
   * method.
   */
  readonly collect?: (object: {
    from: string;
    to: string;
  }) => Promise<(ObjectFacts & { readonly sha256: string | null }) | null>;
  /**
   * Moves an object to another key, to which no URL has been signed. Resolves when that is durable. If there is no
   * object at `from`, nothing is done: it may have been moved before. So a move that failed can be tried again.
   */
  move(keys: { readonly from: string; readonly to: string }): Promise<void>;
  /** Returns the facts of an object, or null if there is none. */
  stat(key: string): Promise<ObjectFacts | null>;
  /** Returns the bytes of an object, or null if there is none. */
  read(key: string): Promise<Readable | null>;
  /** Returns every object in any order. Objects written or removed meanwhile may be included or not. */
  list(): AsyncIterable<ListedObject, undefined>;
  /** Removes objects permanently. A key without an object is ignored. */
  remove(keys: readonly string[]): Promise<void>;
  /** Removes the remains of writes that began before `before` and never ended. */
  removeUnfinished(before: Date): Promise<void>;
  /** Resolves if the store can be reached and written to. Throws `Unavailable` otherwise. */
  check(): Promise<void>;
  /** Releases the resources of the store. It must not be used afterwards. */
  close(): Promise<void>;
}

/**
 * Segments have at most 200 characters, which leaves room for the endings that the file store adds within the 255 bytes
 * of a name.
 */
const keyShape = /^(?!.{513})[A-Za-z0-9][A-Za-z0-9_-]{0,199}(\/[A-Za-z0-9_-]{1,200})*$/;

/**
 * Returns `key` if it can be the key of an object: segments of ASCII letters, digits, `-` and `_`, separated by single
 * slashes. Throws an `Error` otherwise, because the gateway itself makes the keys.
 */
export function requireKey(key: string): string {
  if (!keyShape.test(key)) throw new Error("That is not a key of the object store.");
  return key;
}

/**
 * Returns the bytes of a stream as they arrive, and `end`, which returns their number and digest. It does not destroy
 * the stream if reading ends early. `blocks` throws {@link TooLarge} above `maximumBytes`. `blocks` and `end` throw
 * `InvalidInput` with the field `size` if the size is not `exactBytes`.
 */
export function measured(
  bytes: Readable,
  { maximumBytes, exactBytes }: WriteLimits,
): { blocks: AsyncIterable<Buffer>; end(): { size: number; sha256: string } } {
  const hash = createHash("sha256");
  let size = 0;
  const wrongSize = () => invalid("size", `The file was to have ${exactBytes} bytes, and has ${moreOrFewer()}.`);
  const moreOrFewer = () => (size > (exactBytes ?? size) ? "more" : `${size}`);
  async function* blocks(): AsyncGenerator<Buffer> {
    const chunks: AsyncIterable<Buffer | string> = bytes.iterator({ destroyOnReturn: false });
    for await (const chunk of chunks) {
      const block = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      size += block.length;
      if (exactBytes !== undefined && size > exactBytes) throw wrongSize();
      if (size > maximumBytes) throw new TooLarge(`A file may have at most ${maximumBytes} bytes.`);
      hash.update(block);
      yield block;
    }
  }
  return {
    blocks: blocks(),
    end() {
      if (exactBytes !== undefined && size !== exactBytes) throw wrongSize();
      return { size, sha256: hash.digest("hex") };
    },
  };
}

/** Returns the media type of a Content-Type header, in lower case and without parameters. */
export function mediaType(contentType: string): string {
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}

/** Types that a browser shows without running anything in them. SVG, HTML, XML and PDF can contain scripts. */
const harmlessTypes: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"]);

/**
 * Returns the Content-Disposition (RFC 6266) of a download. It is `inline` only if that is requested and the type is
 * harmless.
 */
export function dispositionOf(download: { contentType: string; filename: string; inline: boolean }): string {
  const shown = download.inline && harmlessTypes.has(mediaType(download.contentType));
  return createDisposition(download.filename, { type: shown ? "inline" : "attachment" });
}
