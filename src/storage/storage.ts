import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { create as createDisposition } from "content-disposition";
import { invalid, TooLarge } from "../errors.ts";

/** What is known of a stored object. */
export interface ObjectFacts {
  readonly size: number;
  readonly modifiedAt: Date;
  /** Strong entity tag, in its quotes: another one whenever the bytes are others. */
  readonly etag: string;
}

/** An object as it was just written. */
export interface WrittenObject extends ObjectFacts {
  /** SHA-256 of its bytes, in hexadecimal. */
  readonly sha256: string;
}

/** An object as a listing of the store has it. */
export interface ListedObject {
  readonly key: string;
  readonly size: number;
  readonly modifiedAt: Date;
}

/** How many bytes a stream may have. */
export interface WriteLimits {
  readonly maximumBytes: number;
  /** Where the number was said before: no other is taken. */
  readonly exactBytes?: number | undefined;
}

/** A request that can be sent without a credential until `expiresAt`, by anyone who knows it. */
export interface SignedRequest {
  readonly url: string;
  readonly method: "GET" | "PUT";
  /** Headers the request must carry, exactly. */
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAt: Date;
}

/**
 * Keeps bytes under keys. Keys are made by the gateway (`<account>/<id>`, see {@link requireKey}), never by a client. An object is
 * there whole or not at all; writing a key again replaces its object at once. Every method throws Unavailable where the store
 * cannot be reached, with the reason as its cause.
 */
export interface ObjectStorage {
  /** Whether the gateway itself receives the uploads. If not, it must check for them with `stat`. */
  readonly announcesArrivals: boolean;
  /** A PUT of the raw bytes, with exactly this content type, and of exactly this `size` in bytes where it is given. */
  signUpload(upload: { key: string; contentType: string; size?: number | undefined; expiresAt: Date }): Promise<SignedRequest>;
  /** A GET that answers with this content type and offers this filename. `inline` lets a browser show it when its type is harmless. */
  signDownload(download: {
    key: string;
    contentType: string;
    filename: string;
    inline: boolean;
    expiresAt: Date;
  }): Promise<SignedRequest>;
  /**
   * Stores a stream; resolves when the object is durable. Throws TooLarge above `maximumBytes`, InvalidInput of `size` where there are
   * other than `exactBytes`, and what the stream throws when it breaks off, and keeps nothing then. The stream is left as it is at
   * that point, not destroyed: behind it may be a connection that still has to carry the answer.
   */
  write(key: string, bytes: Readable, limits: WriteLimits): Promise<WrittenObject>;
  /**
   * Copies the current object of `from` to `to`, which no signed URL reaches, and returns the facts of the copy; null if there is
   * no object. The digest is included if the store reports it. Only stores that do not report uploads have this, and need it.
   */
  readonly collect?: (object: {
    from: string;
    to: string;
  }) => Promise<(ObjectFacts & { readonly sha256: string | null }) | null>;
  /** Null where there is no such object. */
  stat(key: string): Promise<ObjectFacts | null>;
  /** The bytes of an object; null where there is none. */
  read(key: string): Promise<Readable | null>;
  /** Every object, in no order that may be relied on; of those written or removed meanwhile, some. */
  list(): AsyncIterable<ListedObject, undefined>;
  /** Removes objects; a key without an object is no failure. Resolves when they are permanently gone. */
  remove(keys: readonly string[]): Promise<void>;
  /** Removes what writes that were begun before `before` and never ended have left beside the objects. */
  removeUnfinished(before: Date): Promise<void>;
  /** Resolves where the store can be reached and written to, throws Unavailable otherwise. */
  check(): Promise<void>;
  /** Releases what the store holds. It must not be used afterwards. */
  close(): Promise<void>;
}

// The 200 leave room for what a file system adds within its 255 bytes a name.
const keyShape = /^(?!.{513})[A-Za-z0-9][A-Za-z0-9_-]{0,199}(\/[A-Za-z0-9_-]{1,200})*$/;

/**
 * Takes what can name an object: segments of ASCII letters, digits, `-` and `_`, with one `/` between two of them.
 *
 * @throws where `key` is none, which is a mistake of the gateway's own: clients do not make keys.
 */
export function requireKey(key: string): string {
  if (!keyShape.test(key)) throw new Error("That is not a key of the object store.");
  return key;
}

/**
 * The bytes of a stream as they come, counted and hashed; `end` answers for all of them. The stream is not destroyed where reading it is given up.
 *
 * @throws {TooLarge} above `maximumBytes`; by `end`, and by the bytes that are one too many, {@link InvalidInput} of `size` where there are
 * other than `exactBytes`.
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

/** The media type of a Content-Type header, in lower case and without parameters. */
export function mediaType(contentType: string): string {
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}

// Types that a browser shows without running anything in them. SVG, HTML, XML and PDF can hold scripts and are not among them.
const harmlessTypes: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"]);

/** The Content-Disposition (RFC 6266) of a download: `inline` only if requested and if the type is harmless. */
export function dispositionOf(download: { contentType: string; filename: string; inline: boolean }): string {
  const shown = download.inline && harmlessTypes.has(mediaType(download.contentType));
  return createDisposition(download.filename, { type: shown ? "inline" : "attachment" });
}
