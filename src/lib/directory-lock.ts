import { mkdir, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** A directory that its holder alone uses, until it releases it or its process ends. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/** Another process, or another part of this one, uses the directory. */
export class DirectoryInUse extends Error {
  /** Undefined where it is not known. */
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
 * Takes `directory`, which need not exist, by a lock of the operating system on the file `<directory>.lock`. It ends with the process, however that
 * ends, when its last thread is gone: so no lock is ever stale, no process number is mistaken for another's, and containers on one
 * volume are kept apart too.
 *
 * @throws {DirectoryInUse} where somebody has it.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = `${directory}.lock`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  while (true) {
    const before = await identity(path);
    const file = lockFile(path);
    if (file === undefined) throw new DirectoryInUse(directory);
    // A holder removes the file before it lets go of it. What was locked here may be such a one, which others do not find any more, so
    // it counts only if it has been there all along; the next round finds one that this round has made.
    if (before !== undefined && before === (await identity(path))) {
      return {
        async release() {
          // By now it may be another's.
          if (!file.isOpen) return;
          // Where the system does not remove open files, it stays, unlocked.
          await rm(path, { force: true }).catch(() => undefined);
          file.close();
        },
      };
    }
    file.close();
  }
}

/** Node has no file locks of its own; SQLite has, on every platform, and takes one for a transaction. Undefined where another has it. */
function lockFile(path: string): DatabaseSync | undefined {
  const file = new DatabaseSync(path, { timeout: 0 });
  try {
    // Nothing is written. Without this there would be a journal file beside the lock.
    file.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return file;
  } catch (error) {
    file.close();
    const busy = 5;
    if (error instanceof Error && "errcode" in error && error.errcode === busy) return undefined;
    throw error;
  }
}

/** Which file `path` is the name of now. */
async function identity(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? undefined : `${found.dev} ${found.ino} ${found.birthtimeNs}`;
}
