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

/** What an upload URL permits. */
export interface UploadPermit {
  readonly contentType: string;
}

/** What a download URL permits. */
export interface DownloadPermit {
  readonly contentType: string;
  readonly filename: string;
  readonly inline: boolean;
  /** How long the URL is good for yet. */
  readonly secondsLeft: number;
}

/** An object opened for reading: its bytes do not change, whatever is written under its key meanwhile. */
export interface OpenObject {
  readonly facts: ObjectFacts;
  /** The bytes from `start` up to and without `end`. Ends the object's use, as {@link OpenObject.close} does. */
  read(start: number, end: number): Readable;
  close(): Promise<void>;
}

/** Keeps objects as files, and serves its own signed URLs: `http/files.ts` is the server. */
export interface FileStorage extends ObjectStorage {
  readonly kind: "file";
  readonly maximumBytes: number;
  /** @throws {Forbidden} where the URL was not signed here for a PUT of `key`, or has expired. */
  verifyUpload(key: string, query: URLSearchParams): UploadPermit;
  /** @throws {Forbidden} where the URL was not signed here for a GET of `key`, or has expired. */
  verifyDownload(key: string, query: URLSearchParams): DownloadPermit;
  /** Null where there is no such object. */
  open(key: string): Promise<OpenObject | null>;
}

export interface FileStorageOptions {
  /** Made where it is missing. Nothing else may write there; several processes of the gateway may share it. */
  readonly directory: string;
  /** Base of the signed URLs, without a slash at its end. */
  readonly publicUrl: string;
  readonly signer: Signer;
  readonly clock: Clock;
  /** The most that one upload by URL may have. */
  readonly maximumBytes: number;
}

const objectEnding = ".object";

/** The path, below the public URL, that the signed URLs point to. */
export const filesPath = "/files";

/**
 * Stores objects as files: `objects/<key>.object` below the directory, and `incoming/` beside it for files that are being
 * written.
 *
 * Each write goes to a file of its own in `incoming/`, is synced, and is renamed into place. A reader sees either the old object
 * or the new one, complete; after a crash one of the two is there. Files that a killed process left in `incoming/` are removed at
 * the next start.
 */
export async function createFileStorage(options: FileStorageOptions): Promise<FileStorage> {
  const { publicUrl, signer, clock, maximumBytes } = options;
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  // The directory itself may be a link, to a volume for example. Below it none is followed.
  const root = await realpath(options.directory);
  const objects = join(root, "objects");
  const incoming = join(root, "incoming");
  await mkdir(objects, { recursive: true, mode: 0o700 });
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  await syncDirectory(root);
  await removeAbandoned(incoming);
  const own = join(incoming, randomUUID());
  const lock = await lockDirectory(own);
  await mkdir(own, { mode: 0o700 });

  // No key holds a dot, so that with an ending the object "a" and the directory of "a/b" are not one name.
  function pathOf(key: string): string {
    return join(objects, `${requireKey(key)}${objectEnding}`);
  }

  /** Opens the file of an object; undefined where there is none. */
  async function openFile(key: string): Promise<{ handle: FileHandle; facts: ObjectFacts } | undefined> {
    const handle = await orUnavailable(unlessMissing(openPlainly(pathOf(key))));
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

  /** The time until a verified URL expires, in milliseconds. */
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
          // The stream closes the handle, also when it is destroyed halfway. Its `end` is the last byte, not the one after.
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
        // Where even this fails, the next start removes the draft.
        await rm(draft, { force: true }).catch(() => undefined);
        throw error;
      }
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
        if (await orUnavailable(unlessMissing(unlinkPlainly(path)))) changed.add(dirname(path));
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

// The first part says which request it is for, so that no URL of one kind can be read as one of the other.
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
 * The entity tag consists of the file's identity, its time of writing and its size. Here this is a strong tag: a file is written
 * once, before it gets its name, so other bytes are always in another file. A hash of the bytes would add nothing, and would need
 * a second file that could be lost apart from the first.
 */
function factsOf(stats: BigIntStats): ObjectFacts {
  const tag = [stats.ino, stats.mtimeNs, stats.size].map((value) => value.toString(36)).join("-");
  return { size: Number(stats.size), modifiedAt: stats.mtime, etag: `"${tag}"` };
}

/** Removes what processes that are gone have left in `incoming`; leaves alone what another one is writing at this moment. */
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

/** The objects below a directory of the store; `prefix` is what its keys begin with. */
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

/** Makes every missing directory below `base` down to `directory`, durably, and follows no link. */
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

/** Makes the names in a directory survive a power cut, as `fsync` of a file does not. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function openPlainly(path: string): Promise<FileHandle | undefined> {
  if (!(await isPlain(dirname(path)))) return undefined;
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
}

/** Whether there was a file, and now is none. */
async function unlinkPlainly(path: string): Promise<boolean> {
  if (!(await isPlain(dirname(path)))) return false;
  await unlink(path);
  return true;
}

/** Whether no part of the path is a link. */
async function isPlain(directory: string): Promise<boolean> {
  return (await realpath(directory)) === directory;
}

/** Undefined where the work failed for want of the file; a link in the file's place (ELOOP) is no file of the store's. */
async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errorCodeOf(error) === "ENOENT" || errorCodeOf(error) === "ELOOP") return undefined;
    throw error;
  }
}

/** Turns what the file system refuses (no space, no permission, no such device) into Unavailable. */
async function orUnavailable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new Unavailable({ cause: error });
  }
}
