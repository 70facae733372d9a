import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, readlink, rename, rm, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";

/** A directory that this process alone uses, until it releases it. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/** Another process uses the directory. */
export class DirectoryInUse extends Error {
  readonly pid: number;

  constructor(directory: string, path: string, holder: Holder) {
    super(
      `${directory} is in use by process ${holder.pid} on ${holder.hostname} (says ${path}). ` +
        "Two processes on one embedded database lose rows: stop the other one, or give this one another DATA_DIR or a DATABASE_URL.",
    );
    this.name = "DirectoryInUse";
    this.pid = holder.pid;
  }
}

const holderShape = z.object({
  token: z.string(),
  pid: z.number(),
  hostname: z.string(),
  /** Names the boot and the process namespace that give `pid` its meaning; null where the system has no such names. */
  world: z.string().nullable(),
  /** When the process began, in the system's own terms; tells a process from a later one of the same number. Null where unknown. */
  startedAt: z.string().nullable(),
});

type Holder = z.infer<typeof holderShape>;

const heartbeatMilliseconds = 1_000;
const heartbeatsBeforeDead = 5;

/**
 * Takes `directory` for this process: a file beside it, `<directory>.lock`, says who has it. A lock whose process is gone is taken over. Where that
 * cannot be told from here (another container on the same volume), the lock counts as held while its file is touched, as
 * every holder does each second.
 *
 * @throws {DirectoryInUse} naming the process that has it.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = `${directory}.lock`;
  const holder: Holder = { token: randomUUID(), pid: process.pid, hostname: hostname(), ...(await describeProcess(process.pid)) };
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });

  const draft = `${path}.${holder.token}`;
  await writeFile(draft, JSON.stringify(holder), { mode: 0o600 });
  try {
    // A few rounds are enough: each one that fails means that another process took or freed the lock in between.
    for (let round = 0; !(await linked(draft, path)); round++) {
      const current = await readHolder(path);
      if (current === undefined) continue;
      if (round === 10 || (await isHeld(path, current))) throw new DirectoryInUse(directory, path, current);
      await discard(path, current.token);
    }
  } finally {
    await rm(draft, { force: true });
  }

  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {
      // The directory was removed under us; there is nothing left to guard.
      clearInterval(heartbeat);
    });
  }, heartbeatMilliseconds);
  heartbeat.unref();

  return {
    async release() {
      clearInterval(heartbeat);
      await discard(path, holder.token);
    },
  };
}

/** Makes `path` a name of the finished `draft`, in one step; false where `path` exists. */
async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

/** Undefined where the lock is gone by now. A file that says nothing sensible, as after a full disk, is held by nobody. */
async function readHolder(path: string): Promise<Holder | undefined> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const parsed = holderShape.safeParse(parseJson(text));
  return parsed.success ? parsed.data : { token: "", pid: 0, hostname: hostname(), world: null, startedAt: null };
}

async function isHeld(path: string, holder: Holder): Promise<boolean> {
  if (holder.pid === 0) return false;
  const { world } = await describeProcess(process.pid);
  if (holder.hostname === hostname() && holder.world === world) {
    if (!isAlive(holder.pid)) return false;
    const { startedAt } = await describeProcess(holder.pid);
    if (startedAt !== null && holder.startedAt !== null) return startedAt === holder.startedAt;
  }
  return isTouched(path);
}

/** Whether somebody touches the file while we look at it, or released it. */
async function isTouched(path: string): Promise<boolean> {
  const before = await modifiedAt(path);
  await wait(heartbeatMilliseconds * heartbeatsBeforeDead);
  return (await modifiedAt(path)) !== before;
}

async function modifiedAt(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.mtimeMs;
}

/**
 * Removes the lock if it still is the one of `token`. It is moved aside first, so that of two processes that both found a dead lock one
 * removes it, and the other does not remove what the first has put in its place.
 */
async function discard(path: string, token: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  const moved = await readHolder(aside);
  if (moved !== undefined && moved.token !== token) await linked(aside, path);
  await unlink(aside);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, "EPERM");
  }
}

async function describeProcess(pid: number): Promise<Pick<Holder, "world" | "startedAt">> {
  try {
    const [bootId, namespace, status] = await Promise.all([
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
      readlink("/proc/self/ns/pid"),
      readFile(`/proc/${pid}/stat`, "utf8"),
    ]);
    // The name of the program, in parentheses, may itself hold spaces and parentheses; the start time is the 20th field after it.
    const startedAt = status.slice(status.lastIndexOf(")") + 2).split(" ")[19] ?? null;
    return { world: `${bootId.trim()} ${namespace}`, startedAt };
  } catch {
    // No /proc: macOS, Windows.
    return { world: null, startedAt: null };
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
