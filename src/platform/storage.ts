import type { Readable } from "node:stream";
import { create as createDisposition } from "content-disposition";

/** What is known of a stored object. */
export interface ObjectFacts {
  readonly size: number;
  readonly modifiedAt: Date;
  /** Strong entity tag, in its quotes: another one whenever the bytes are others. */
  readonly etag: string;
  /** What it was uploaded as, where that is known. */
  readonly contentType?: string | undefined;
}

/** A request that whoever holds it may send, without a credential, until `expiresAt`. */
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
  /** Whether the gateway itself takes the uploads and so learns of each. A store elsewhere has to be asked with `stat`. */
  readonly announcesArrivals: boolean;
  /** A PUT of the raw bytes, with exactly this content type. */
  signUpload(upload: { key: string; contentType: string; expiresAt: Date }): Promise<SignedRequest>;
  /** A GET that answers with this content type and offers this filename. `inline` lets a browser show it when its type is harmless. */
  signDownload(download: {
    key: string;
    contentType: string;
    filename: string;
    inline: boolean;
    expiresAt: Date;
  }): Promise<SignedRequest>;
  /**
   * Stores a stream; resolves when the object is durable. Throws TooLarge above `maximumBytes`, and what the stream throws when it
   * breaks off, and keeps nothing then. The stream is left as it is at that point, not destroyed: behind it may be a connection
   * that still has to carry the answer.
   */
  write(key: string, bytes: Readable, limits: { maximumBytes: number }): Promise<ObjectFacts>;
  /** Null where there is no such object. */
  stat(key: string): Promise<ObjectFacts | null>;
  /** Removes objects; a key without one is no failure. Resolves when they are gone for good. */
  remove(keys: readonly string[]): Promise<void>;
  /** Resolves where the store can be reached and written to, throws Unavailable otherwise. */
  check(): Promise<void>;
  /** Frees what the store holds. Nothing is asked of it afterwards. */
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

/** The media type of a Content-Type header, in lower case and without parameters. */
export function mediaType(contentType: string): string {
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}

// Types that a browser shows without running anything in them. SVG, HTML, XML and PDF can hold scripts and are not among them.
const harmlessTypes: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"]);

/** The Content-Disposition (RFC 6266) of a download: shown in place only where that was asked for and the type is harmless. */
export function dispositionOf(download: { contentType: string; filename: string; inline: boolean }): string {
  const shown = download.inline && harmlessTypes.has(mediaType(download.contentType));
  return createDisposition(download.filename, { type: shown ? "inline" : "attachment" });
}
