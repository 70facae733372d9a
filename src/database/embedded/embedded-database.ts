import { constants, cpSync, existsSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { MessageChannel, Worker, type MessagePort } from "node:worker_threads";
import { joinBytes } from "../../lib/bytes.ts";
import { DirectoryInUse, type DirectoryLock, lockDirectory } from "../../lib/directory-lock.ts";
import { errorCodeOf } from "../../lib/error-code.ts";
import { UnusableDatabase } from "../start-checks.ts";
import { templateDirectory } from "./embedded-template.ts";
import { settleWebAssembly } from "./webassembly.ts";
import { makeDirectory } from "../../lib/make-directory.ts";

export interface WorkerStart {
  /** Null keeps the database in memory. */
  readonly directory: string | null;
}

export type WorkerCommand =
  | { readonly kind: "connect"; readonly port: MessagePort }
  /** `port` is closed when the maintenance is done. */
  | { readonly kind: "maintain"; readonly port: MessagePort }
  | { readonly kind: "close" };

export type WorkerReport =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "maintenanceFailed"; readonly message: string }
  | { readonly kind: "closed" };

/** A reply to a chunk. Every chunk gets any number of replies with bytes, and then one with `isDone`. */
export interface Reply {
  readonly bytes: Uint8Array | undefined;
  readonly isDone: boolean;
}

/** PostgreSQL in this process, in a thread of its own. */
export interface EmbeddedDatabase {
  /**
   * Returns a stream that speaks PostgreSQL's protocol, for the `stream` option of a pg client. There is no port and no
   * socket that another process could reach. PGlite has a single session, which belongs to the newest connection, so a
   * pool may have at most one connection.
   */
  connect(): Duplex;
  /**
   * Vacuums and analyses the tables that have changed, and writes a checkpoint if one is due. The database does this by
   * itself from time to time; after a load of many rows it should be done before they are read. No transaction may be
   * under way.
   */
  maintain(): Promise<void>;
  /** Shuts the database down like a PostgreSQL server, and unlocks its directory. Close the connections first. */
  close(): Promise<void>;
}

/**
 * The time that a statement may still run after its caller has given up. Then its thread is ended, because PGlite
 * cannot interrupt a statement.
 */
const abandonedStatementMilliseconds = 1_000;
const shutdownMilliseconds = 10_000;

/**
 * Starts PGlite on `directory`, or in memory if it is null. The directory is locked for this process. Throws {@link
 * DirectoryInUse} if another process uses the directory.
 *
 * If the thread breaks down, or is ended because an abandoned statement kept it busy, connections end with an error.
 * The next connection starts a new thread, which recovers as PostgreSQL does after a crash. Every commit that was
 * acknowledged survives the end of the process. After a power failure it may be lost, because PGlite does not wait
 * until its files are on the disk.
 *
 * `onMaintenanceFailure` is called with the message of the database if it cannot maintain its tables.
 */
export async function startEmbeddedDatabase(
  directory: string | null,
  onMaintenanceFailure: (message: string) => void,
): Promise<EmbeddedDatabase> {
  settleWebAssembly();
  const lock = directory === null ? undefined : await lockWithPidFile(directory);

  let running: Promise<Worker> | undefined;
  let isClosed = false;
  const connections = new Set<EmbeddedConnection>();

  const started = (): Promise<Worker> => {
    if (isClosed) return Promise.reject(connectionLost("The embedded database is closed"));
    running ??= startWorker(directory, {
      onMaintenanceFailure,
      onStop() {
        running = undefined;
        for (const connection of connections) connection.onWorkerStop();
      },
    }).catch((error: unknown) => {
      running = undefined;
      throw error;
    });
    return running;
  };

  try {
    await started();
  } catch (error) {
    await lock?.release();
    throw error;
  }

  return {
    connect() {
      const connection = openConnection(started);
      connections.add(connection);
      connection.stream.once("close", () => connections.delete(connection));
      return connection.stream;
    },
    async maintain() {
      const worker = await started();
      const { port1, port2 } = new MessageChannel();
      // It is closed as well if the thread ends.
      const done = new Promise<void>((resolve) => port1.once("close", () => resolve()));
      // A port without a listener would not keep the process alive.
      port1.ref();
      worker.postMessage({ kind: "maintain", port: port2 } satisfies WorkerCommand, [port2]);
      await done;
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      const worker = await running?.catch(() => undefined);
      if (worker !== undefined) await stopWorker(worker);
      await lock?.release();
    },
  };
}

/**
 * Locks `directory`, and writes the id of this process to `<directory>.pid` to tell people who holds the lock. Throws
 * {@link DirectoryInUse} if another process has it.
 */
export async function lockWithPidFile(directory: string): Promise<DirectoryLock> {
  const path = `${directory}.pid`;
  try {
    const lock = await lockDirectory(directory);
    await writeFile(path, String(process.pid), { mode: 0o600 });
    return {
      async release() {
        await rm(path, { force: true });
        await lock.release();
      },
    };
  } catch (error) {
    if (!(error instanceof DirectoryInUse)) throw error;
    const holder = await readFile(path, "utf8").catch(() => "");
    throw new DirectoryInUse(directory, /^\d+$/.test(holder) ? Number(holder) : undefined);
  }
}

interface WorkerListeners {
  onMaintenanceFailure(message: string): void;
  onStop(): void;
}

async function startWorker(directory: string | null, { onMaintenanceFailure, onStop }: WorkerListeners): Promise<Worker> {
  const isFirstStart = directory !== null && (await prepareDirectory(directory));

  const worker = new Worker(new URL("./embedded-database-worker.ts", import.meta.url), {
    workerData: { directory } satisfies WorkerStart,
    // Rows pass through the thread as bytes outside its heap. Its objects are small and short-lived.
    resourceLimits: { maxYoungGenerationSizeMb: 6 },
  });
  try {
    await readiness(worker);
  } catch (error) {
    await worker.terminate();
    throw new Error(`The embedded database in ${directory ?? "memory"} does not start`, { cause: error });
  }

  // An error is followed by the exit, whose handler informs the connections.
  worker.on("error", () => undefined);
  worker.once("exit", onStop);
  worker.on("message", (report: WorkerReport) => {
    if (report.kind === "maintenanceFailed") onMaintenanceFailure(report.message);
  });
  // Open connections keep the process alive; the thread itself does not.
  worker.unref();
  if (isFirstStart) await rm(unfinishedMarkPath(directory));
  return worker;
}

function readiness(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once("message", (report: WorkerReport) => {
      if (report.kind === "ready") resolve();
      else reject(new Error(report.kind === "failed" ? report.message : "It closed"));
    });
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`Its thread ended with ${code}`)));
  });
}

/**
 * Creates `directory` and copies the template into it if it has no database yet. Returns whether this is its first
 * start. Throws {@link UnusableDatabase} if the directory has other files, or no room.
 */
async function prepareDirectory(directory: string): Promise<boolean> {
  // This file exists beside the directory during its first start. While it exists, nothing was ever acknowledged. A
  // first start that was killed leaves a directory that cannot be started again, so it is removed.
  const mark = unfinishedMarkPath(directory);
  if (existsSync(mark)) await rm(directory, { recursive: true, force: true });
  makeDirectory(directory);
  if (existsSync(join(directory, "PG_VERSION"))) return false;
  if ((await readdir(directory)).length > 0)
    throw new UnusableDatabase(`${directory} is neither empty nor an embedded database`);
  await writeFile(mark, "");
  // Without the template PGlite creates the files itself, which takes seconds.
  const template = await templateDirectory();
  // The copy is synchronous, because nothing is served yet and copying a thousand small files takes a tenth of the
  // time.
  if (existsSync(template)) copyTemplate(template, directory);
  return true;
}

/** Throws {@link UnusableDatabase} if the file system does not take the copy. */
function copyTemplate(template: string, directory: string): void {
  try {
    cpSync(template, directory, { recursive: true, mode: constants.COPYFILE_FICLONE });
  } catch (error) {
    // Of the file system. On a full disk it may say no more than EIO.
    throw new UnusableDatabase(
      `The embedded database cannot be made in ${directory} (${errorCodeOf(error) ?? "no code"}): it needs 100 MB there. Make room, or set DATA_DIR to a directory on another disk.`,
      { cause: error },
    );
  }
}

function unfinishedMarkPath(directory: string): string {
  return `${directory}.unfinished`;
}

async function stopWorker(worker: Worker): Promise<void> {
  worker.ref();
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  worker.postMessage({ kind: "close" } satisfies WorkerCommand);
  const timeout = setTimeout(() => void worker.terminate(), shutdownMilliseconds);
  await exited;
  clearTimeout(timeout);
}

interface EmbeddedConnection {
  readonly stream: Duplex;
  onWorkerStop(): void;
}

/** Returns a stream over a message port that has the part of `net.Socket` that pg uses. */
function openConnection(started: () => Promise<Worker>): EmbeddedConnection {
  let channel: MessagePort | undefined;
  let worker: Worker | undefined;
  let isConnected = false;
  /** The number of chunks that were sent and not answered. At zero the database does nothing for this connection. */
  let unanswered = 0;
  let abandoned: NodeJS.Timeout | undefined;

  const send = (chunks: readonly Uint8Array[]): void => {
    const bytes = joinBytes(chunks);
    unanswered++;
    channel?.postMessage(bytes, [bytes.buffer]);
  };

  const duplex = new Duplex({
    read() {
      // The database pushes its data; there is nothing to request.
    },
    write(chunk: Uint8Array, _encoding, callback) {
      send([chunk]);
      callback();
    },
    writev(chunks, callback) {
      send(chunks.map(({ chunk }) => chunk as Uint8Array)); // typed any; without object mode they are bytes
      callback();
    },
    final(callback) {
      duplex.push(null);
      callback();
    },
    destroy(error, callback) {
      if (unanswered > 0) abandoned = setTimeout(() => void worker?.terminate(), abandonedStatementMilliseconds);
      else channel?.close();
      callback(error);
    },
  });

  const receive = ({ bytes, isDone }: Reply): void => {
    if (bytes !== undefined && !duplex.destroyed) duplex.push(bytes);
    if (!isDone) return;
    if (!isConnected) {
      isConnected = true;
      duplex.emit("connect");
      return;
    }
    unanswered--;
    if (duplex.destroyed && unanswered === 0) channel?.close();
  };

  const attach = async (): Promise<void> => {
    worker = await started();
    if (duplex.destroyed) return;
    const { port1, port2 } = new MessageChannel();
    channel?.close();
    channel = port1;
    channel.on("message", receive);
    // The other side has closed the port: the thread has ended, or has answered everything and serves a newer
    // connection.
    channel.on("close", () => clearTimeout(abandoned));
    worker.postMessage({ kind: "connect", port: port2 } satisfies WorkerCommand, [port2]);
  };
  const attachOrFail = () => {
    attach().catch((error: unknown) => duplex.destroy(connectionLost("The embedded database does not start", error)));
    return stream;
  };

  const stream = Object.assign(duplex, {
    connect: attachOrFail,
    setNoDelay: () => duplex,
    setKeepAlive: () => duplex,
    ref() {
      channel?.ref();
      return duplex;
    },
    unref() {
      channel?.unref();
      return duplex;
    },
  });

  return {
    stream,
    onWorkerStop() {
      // A connection that waits behind an abandoned statement has lost nothing, so it goes to the next thread.
      if (isConnected) stream.destroy(connectionLost("The embedded database stopped"));
      else attachOrFail();
    },
  };
}

/** Returns an error with the code of a socket error, so that callers can tell it from a failed statement. */
function connectionLost(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code: "ECONNRESET" });
}
