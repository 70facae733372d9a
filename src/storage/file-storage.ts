import { randomUUID } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, realpath, rename, rm, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { Forbidden, Unavailable } from "../errors.ts";
import { errorCodeOf } from "../lib/error-code.ts";
import type { Clock } from "../lib/clock.ts";
import { DirectoryInUse, lockDirectory } from "../lib/directory-lock.ts";
import type { Signer } from "./signature.ts";
import { type ListedObject, measured, type ObjectFacts, type ObjectStorage, requireKey } from "./storage.ts";
import { makeDirectory } from "../lib/make-directory.ts";

/** The permissions of an upload URL. */
export interface UploadPermit {
  readonly contentType: string;
}

/** The permissions of a download URL. */
export interface DownloadPermit {
  readonly contentType: string;
  readonly filename: string;
  readonly inline: boolean;
  /** The seconds until the URL expires. */
  readonly secondsLeft: number;
}

/** An object opened for reading. Its bytes do not change, whatever is written under its key meanwhile. */
export interface OpenObject {
  readonly facts: ObjectFacts;
  /** Returns the bytes from `start` to before `end`. The object must not be used afterwards: the stream closes it. */
  read(start: number, end: number): Readable;
  close(): Promise<void>;
}

/** Stores objects as files. Its signed URLs lead to `http/server/files.ts`, which serves them. */
export interface FileStorage extends ObjectStorage {
  readonly kind: "file";
  readonly maximumBytes: number;
  /**
   * Returns the permissions of an upload URL. Throws {@link Forbidden} if this gateway did not sign it for a PUT of
   * `key`, or it has expired.
   */
  verifyUpload(key: string, query: URLSearchParams): UploadPermit;
  /**
   * Returns the permissions of a download URL. Throws {@link Forbidden} if this gateway did not sign it for a GET of
   * `key`, or it has expired.
   */
  verifyDownload(key: string, query: URLSearchParams): DownloadPermit;
  /** Opens an object for reading, or returns null if there is none. */
  open(key: string): Promise<OpenObject | null>;
}

export interface FileStorageOptions {
  /** Created if it is missing. Several processes of the gateway may share it, but nothing else may write there. */
  readonly directory: string;
  /** The base of the signed URLs, without a trailing slash. */
  readonly publicUrl: string;
  readonly signer: Signer;
  readonly clock: Clock;
  /** The maximum size of one upload. */
  readonly maximumBytes: number;
}

const objectEnding = ".object";

/** The path of the signed URLs, below the public URL. */
export const filesPath = "/files";

/**
 * Returns a storage that keeps objects as files `objects/<key>.object` below the directory. Files that are being
 * written are in `incoming/`.
 *
 * Each write goes to a file of its own in `incoming/`, is synced, and is renamed into place. A reader sees either the
 * whole old object or the whole new one, also after a crash. The next start removes files that a killed process has
 * left in `incoming/`.
 */
export async function createFileStorage(options: FileStorageOptions): Promise<FileStorage> {
  const { publicUrl, signer, clock, maximumBytes } = options;
  makeDirectory(options.directory);
  // The directory itself may be a link, for example to a volume. Links below it are not followed.
  const root = await realpath(options.directory);
  const objects = join(root, "objects");
  const incoming = join(root, "incoming");
  makeDirectory(objects);
  makeDirectory(incoming);
  await syncDirectory(root);
  await removeAbandoned(incoming);
  const own = join(incoming, randomUUID());
  const lock = await lockDirectory(own);
  await mkdir(own, { mode: 0o700 });

  // Keys contain no dots. With the ending, the file of the key "a" and the directory of the key "a/b" have different
  // names.
  function pathOf(key: string): string {
    return join(objects, `${requireKey(key)}${objectEnding}`);
  }

  /** Opens the file of an object. Returns undefined if there is none. */
  async function openFile(key: string): Promise<{ handle: FileHandle; facts: ObjectFacts } | undefined> {
    const handle = await orUnavailable(unlessMissing(openWithoutLinks(pathOf(key))));
    if (handle === undefined) return undefined;
    try {
      const stats = await orUnavailable(handle.stat({ bigint: true }));
      if (stats.isFile()) return { handle, facts: factsOf(stats) };
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return undefined;
  }

  function url(key: string, parameters: Readonly<Record<string, string>>): string {
    const query = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    return `${publicUrl}${filesPath}/${key}?${query.join("&")}`;
  }

  /** Returns the time until a verified URL expires, in milliseconds. Throws {@link Forbidden} if it has expired. */
  function timeLeft(expires: string): number {
    const left = Number(expires) - clock().getTime();
    if (!(left > 0)) throw new Forbidden("This URL has expired: ask for a fresh one.");
    return left;
  }

  function requireSignature(parts: readonly string[], query: URLSearchParams): void {
    if (!signer.verify(parts, query.get("signature") ?? "")) {
      throw new Forbidden("This URL was not signed here for this request: use it as it was handed out.");
    }
  }

  return {
    kind: "file",
    announcesArrivals: true,
    maximumBytes,

    async signUpload({ key, contentType, expiresAt }) {
      const expires = String(expiresAt.getTime());
      const signature = signer.sign(uploadParts(requireKey(key), expires, contentType));
      return {
        url: url(key, { expires, type: contentType, signature }),
        method: "PUT",
        headers: { "content-type": contentType },
        expiresAt,
      };
    },

    async signDownload({ key, contentType, filename, inline, expiresAt }) {
      const expires = String(expiresAt.getTime());
      const disposition = inline ? "inline" : "attachment";
      const signature = signer.sign(downloadParts(requireKey(key), expires, contentType, disposition, filename));
      return {
        url: url(key, { expires, type: contentType, disposition, filename, signature }),
        method: "GET",
        headers: {},
        expiresAt,
      };
    },

    verifyUpload(key, query) {
      const expires = query.get("expires") ?? "";
      const contentType = query.get("type") ?? "";
      requireSignature(uploadParts(key, expires, contentType), query);
      timeLeft(expires);
      return { contentType };
    },

    verifyDownload(key, query) {
      const expires = query.get("expires") ?? "";
      const contentType = query.get("type") ?? "";
      const disposition = query.get("disposition") ?? "";
      const filename = query.get("filename") ?? "";
      requireSignature(downloadParts(key, expires, contentType, disposition, filename), query);
      return { contentType, filename, inline: disposition === "inline", secondsLeft: Math.floor(timeLeft(expires) / 1000) };
    },

    async open(key) {
      const file = await openFile(key);
      if (file === undefined) return null;
      const { handle, facts } = file;
      return {
        facts,
        read(start, end) {
          // The stream closes the handle, even if it is destroyed early. Its `end` is the last byte, not the one
          // after it.
          return handle.createReadStream({ start, end: end - 1, highWaterMark: 256 * 1024 });
        },
        close: () => handle.close(),
      };
    },

    async write(key, bytes, limits) {
      const path = pathOf(key);
      const draft = join(own, randomUUID());
      // A stream that fails before anything reads it would end the process. The loop below throws its error.
      bytes.on("error", () => undefined);
      const handle = await orUnavailable(open(draft, "wx", 0o600));
      try {
        const { blocks, end } = measured(bytes, limits);
        for await (const block of blocks) await orUnavailable(handle.writeFile(block));
        const { sha256 } = end();
        await orUnavailable(handle.sync());
        const facts = factsOf(await orUnavailable(handle.stat({ bigint: true })));
        await handle.close();
        await orUnavailable(makeDirectories(objects, dirname(path)));
        await orUnavailable(rename(draft, path));
        await orUnavailable(syncDirectory(dirname(path)));
        return { ...facts, sha256 };
      } catch (error) {
        await handle.close();
        // If this fails too, the next start removes the draft.
        await rm(draft, { force: true }).catch(() => undefined);
        throw error;
      }
    },

    async move({ from, to }) {
      const [source, target] = [pathOf(from), pathOf(to)];
      await orUnavailable(makeDirectories(objects, dirname(target)));
      await orUnavailable(unlessMissing(renameWithoutLinks(source, target)));
      // Also if it was moved before: the process may have ended between the two.
      await orUnavailable(syncDirectory(dirname(target)));
      if (dirname(source) !== dirname(target)) await orUnavailable(unlessMissing(syncDirectory(dirname(source))));
    },

    async stat(key) {
      const file = await openFile(key);
      await file?.handle.close();
      return file?.facts ?? null;
    },

    async read(key) {
      const file = await openFile(key);
      return file?.handle.createReadStream({ highWaterMark: 256 * 1024 }) ?? null;
    },

    list: () => listBelow(objects, ""),

    removeUnfinished: () => removeAbandoned(incoming),

    async remove(keys) {
      const changed = new Set<string>();
      for (const path of keys.map(pathOf)) {
        if (await orUnavailable(unlessMissing(unlinkWithoutLinks(path)))) changed.add(dirname(path));
      }
      for (const directory of changed) await orUnavailable(syncDirectory(directory));
    },

    async check() {
      const probe = join(own, randomUUID());
      await orUnavailable(writeFile(probe, "", { flag: "wx", mode: 0o600 }));
      await orUnavailable(unlink(probe));
    },

    async close() {
      await rm(own, { recursive: true, force: true });
      await lock.release();
    },
  };
}

// The first signed part is the method, so that an upload URL is never valid as a download URL or the reverse.
function uploadParts(key: string, expires: string, contentType: string): readonly string[] {
  return ["PUT", key, expires, contentType];
}

function downloadParts(
  key: string,
  expires: string,
  contentType: string,
  disposition: string,
  filename: string,
): readonly string[] {
  return ["GET", key, expires, contentType, disposition, filename];
}

/**
 * Returns the facts of a file. The entity tag consists of the file's inode, its modification time and its size. It is a
 * strong tag, because a file is written once, before it gets its name, so other bytes are always in another file. A
 * hash would have to be stored in a second file, which could be lost.
 */
function factsOf(stats: BigIntStats): ObjectFacts {
  const tag = [stats.ino, stats.mtimeNs, stats.size].map((value) => value.toString(36)).join("-");
  return { size: Number(stats.size), modifiedAt: stats.mtime, etag: `"${tag}"` };
}

/** Removes the files that ended processes have left in `incoming`. Files of running processes stay. */
async function removeAbandoned(incoming: string): Promise<void> {
  const locks = (await readdir(incoming)).filter((name) => name.endsWith(".lock"));
  await Promise.all(
    locks.map(async (name) => {
      const directory = join(incoming, basename(name, ".lock"));
      const lock = await lockDirectory(directory).catch((error: unknown) => {
        if (error instanceof DirectoryInUse) return undefined;
        throw error;
      });
      if (lock === undefined) return;
      await rm(directory, { recursive: true, force: true });
      await lock.release();
    }),
  );
}

/** Yields the objects below a directory of the store. `prefix` is the beginning of their keys. */
async function* listBelow(directory: string, prefix: string): AsyncGenerator<ListedObject, undefined> {
  const entries = (await orUnavailable(unlessMissing(readdir(directory, { withFileTypes: true })))) ?? [];
  for (const entry of entries) {
    if (entry.isDirectory()) yield* listBelow(join(directory, entry.name), `${prefix}${entry.name}/`);
    if (!entry.isFile() || !entry.name.endsWith(objectEnding)) continue;
    const stats = await orUnavailable(unlessMissing(lstat(join(directory, entry.name))));
    if (stats === undefined) continue;
    yield { key: `${prefix}${entry.name.slice(0, -objectEnding.length)}`, size: stats.size, modifiedAt: stats.mtime };
  }
  return undefined;
}

/** Creates every missing directory below `base` down to `directory` durably, without following links. */
async function makeDirectories(base: string, directory: string): Promise<void> {
  if (directory === base) return;
  const parent = dirname(directory);
  await makeDirectories(base, parent);
  try {
    await mkdir(directory, { mode: 0o700 });
    await syncDirectory(parent);
  } catch (error) {
    if (errorCodeOf(error) !== "EEXIST") throw error;
    if (!(await lstat(directory)).isDirectory()) {
      throw new Error(`${directory} is not a directory of the store.`, { cause: error });
    }
  }
}

/** Makes the names in a directory survive a power cut. `fsync` of the files does not do that. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function openWithoutLinks(path: string): Promise<FileHandle | undefined> {
  if (!(await hasNoLinks(dirname(path)))) return undefined;
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
}

/** Removes a file. Returns whether there was one. */
async function unlinkWithoutLinks(path: string): Promise<boolean> {
  if (!(await hasNoLinks(dirname(path)))) return false;
  await unlink(path);
  return true;
}

/** Renames a file, also over an existing one. Does nothing if a part of the path of either is a link. */
async function renameWithoutLinks(source: string, target: string): Promise<void> {
  if (!(await hasNoLinks(dirname(source))) || !(await hasNoLinks(dirname(target)))) return;
  await rename(source, target);
}

/** Returns whether no part of the path is a link. */
async function hasNoLinks(directory: string): Promise<boolean> {
  return (await realpath(directory)) === directory;
}

/**
 * Returns the result of `work`, or undefined if the file is missing. A link instead of the file (ELOOP) counts as
 * missing.
 */
async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errorCodeOf(error) === "ENOENT" || errorCodeOf(error) === "ELOOP") return undefined;
    throw error;
  }
}

/**
 * Returns the result of `work`. Throws {@link Unavailable} if the file system refuses it (no space, no permission, no
 * such device).
 */
async function orUnavailable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new Unavailable({ cause: error });
  }
}
