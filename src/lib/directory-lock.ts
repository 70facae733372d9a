import { rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeDirectory } from "./make-directory.ts";

/** A lock on a directory. It lasts until it is released or its process ends. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/** Thrown if another process, or another part of this one, holds the lock of the directory. */
export class DirectoryInUse extends Error {
  /** The id of the process that holds the lock. Undefined if it is not known. */
  readonly pid: number | undefined;

  constructor(directory: string, pid?: number) {
    super(
      `${directory} is in use by ${pid === undefined ? "another process" : `process ${pid}`}. Two processes on one directory would lose ` +
        "what the other one writes: stop that one, or give this one another DATA_DIR or a DATABASE_URL.",
    );
    this.name = "DirectoryInUse";
    this.pid = pid;
  }
}

/**
 * Locks `directory`, which need not exist, with a lock of the operating system on the file `<directory>.lock`. Throws
 * {@link DirectoryInUse} if the directory is locked already.
 *
 * The operating system releases the lock when the last thread of the process has ended, whatever ended it. So there are
 * no stale locks, a reused process id cannot be mistaken for the holder, and the lock also works between containers
 * that share a volume.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = `${directory}.lock`;
  makeDirectory(dirname(path));
  while (true) {
    const before = await fileIdentity(path);
    const file = lockFile(path);
    if (file === undefined) throw new DirectoryInUse(directory);
    // A holder removes the file before it unlocks it. The file that was locked here may be such a removed file, which
    // other processes do not find any more. So the lock counts only if the path has led to the same file before and
    // after. Otherwise the next round tries again with the file that this round has created.
    if (before !== undefined && before === (await fileIdentity(path))) {
      return {
        async release() {
          // After the first release the file may belong to another process.
          if (!file.isOpen) return;
          // If the system does not allow the removal of open files, the file stays and is unlocked.
          await rm(path, { force: true }).catch(() => undefined);
          file.close();
        },
      };
    }
    file.close();
  }
}

/**
 * Locks the file of `path` with a transaction of SQLite, because Node.js has no file locks. Returns undefined if
 * another holder has locked it.
 */
function lockFile(path: string): DatabaseSync | undefined {
  const file = new DatabaseSync(path, { timeout: 0 });
  try {
    // Nothing is written. The in-memory journal avoids a journal file beside the lock.
    file.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return file;
  } catch (error) {
    file.close();
    const busy = 5;
    if (error instanceof Error && "errcode" in error && error.errcode === busy) return undefined;
    throw error;
  }
}

/** Returns a text that identifies the file at `path`, or undefined if there is none. */
async function fileIdentity(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? undefined : `${found.dev} ${found.ino} ${found.birthtimeNs}`;
}
