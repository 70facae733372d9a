import { constants, cpSync, existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { MessageChannel, Worker, type MessagePort } from "node:worker_threads";
import { joinBytes } from "../../lib/bytes.ts";
import { DirectoryInUse, type DirectoryLock, lockDirectory } from "../../lib/directory-lock.ts";
import { templateDirectory } from "./embedded-template.ts";
import { settleWebAssembly } from "./webassembly.ts";

export interface WorkerStart {
  /** Null keeps everything in memory. */
  readonly directory: string | null;
}

export type WorkerCommand = { readonly kind: "connect"; readonly port: MessagePort } | { readonly kind: "close" };

export type WorkerReport =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "closed" };

/** Every chunk that is sent gets any number of replies with bytes, then one that says it is done. */
export interface Reply {
  readonly bytes: Uint8Array | undefined;
  readonly isDone: boolean;
}

/** PostgreSQL inside this process, in a thread of its own. */
export interface EmbeddedDatabase {
  /**
   * A stream that speaks PostgreSQL's protocol, for the `stream` option of a pg client; there is no port and no socket that another process could reach.
   * PGlite is a single session: the newest connection has it, so a pool on it has one connection at most.
   */
  connect(): Duplex;
  /** Ends the database as a PostgreSQL server is shut down, and frees its directory. Connections are closed before. */
  close(): Promise<void>;
}

/**
 * How long a statement may run after its caller has given up. PGlite cannot interrupt a statement, so its thread is ended then.
 */
const abandonedStatementMilliseconds = 1_000;
const shutdownMilliseconds = 10_000;

/**
 * Starts PGlite on `directory`, or in memory. The directory is locked for this process. If the thread breaks down, or is ended
 * because an abandoned statement kept it busy, connections end with an error. The next one starts a new thread, which recovers as
 * PostgreSQL does after a crash. Every commit that was acknowledged survives the end of the process. After a power failure it may
 * be lost, because PGlite does not wait until its files are on the disk.
 *
 * @throws {DirectoryInUse} if another process has the directory.
 */
export async function startEmbeddedDatabase(directory: string | null): Promise<EmbeddedDatabase> {
  settleWebAssembly();
  const lock = directory === null ? undefined : await lockNamingHolder(directory);

  let running: Promise<Worker> | undefined;
  let isClosed = false;
  const connections = new Set<EmbeddedConnection>();

  const started = (): Promise<Worker> => {
    if (isClosed) return Promise.reject(connectionLost("The embedded database is closed"));
    running ??= startWorker(directory, () => {
      running = undefined;
      for (const connection of connections) connection.onWorkerStop();
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
    async close() {
      if (isClosed) return;
      isClosed = true;
      const worker = await running?.catch(() => undefined);
      if (worker !== undefined) await stopWorker(worker);
      await lock?.release();
    },
  };
}

/** The lock of `directory`, and beside it in `<directory>.pid` which process has it, for the people who wonder. */
async function lockNamingHolder(directory: string): Promise<DirectoryLock> {
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
    const said = await readFile(path, "utf8").catch(() => "");
    throw new DirectoryInUse(directory, /^\d+$/.test(said) ? Number(said) : undefined);
  }
}

async function startWorker(directory: string | null, onStop: () => void): Promise<Worker> {
  const isFirstStart = directory !== null && (await prepareDirectory(directory));

  const worker = new Worker(new URL("./embedded-database-worker.ts", import.meta.url), {
    workerData: { directory } satisfies WorkerStart,
    // Rows pass through it as bytes outside its heap: what it makes is short-lived and small.
    resourceLimits: { maxYoungGenerationSizeMb: 6 },
  });
  try {
    await readiness(worker);
  } catch (error) {
    await worker.terminate();
    throw new Error(`The embedded database in ${directory ?? "memory"} does not start`, { cause: error });
  }

  // An error is followed by the exit, and there the connections learn of it.
  worker.on("error", () => undefined);
  worker.once("exit", onStop);
  // Open connections keep the process alive, not the thread behind them.
  worker.unref();
  if (isFirstStart) await rm(unfinishedMark(directory));
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

/** Says whether `directory` is to be filled by its first start; refuses one that holds something else. */
async function prepareDirectory(directory: string): Promise<boolean> {
  // Stands beside the directory during its first start. While it is there, nothing was ever acknowledged, and what a first start that was
  // killed has left cannot be started again.
  const mark = unfinishedMark(directory);
  if (existsSync(mark)) await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (existsSync(join(directory, "PG_VERSION"))) return false;
  if ((await readdir(directory)).length > 0) throw new Error(`${directory} is neither empty nor an embedded database`);
  await writeFile(mark, "");
  // Without it PGlite makes the files itself, which takes seconds.
  const template = await templateDirectory();
  // In one go: nothing is served yet, and a thousand small files take a tenth of the time.
  if (existsSync(template)) cpSync(template, directory, { recursive: true, mode: constants.COPYFILE_FICLONE });
  return true;
}

function unfinishedMark(directory: string): string {
  return `${directory}.unfinished`;
}

async function stopWorker(worker: Worker): Promise<void> {
  worker.ref();
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  worker.postMessage({ kind: "close" } satisfies WorkerCommand);
  const impatience = setTimeout(() => void worker.terminate(), shutdownMilliseconds);
  await exited;
  clearTimeout(impatience);
}

interface EmbeddedConnection {
  readonly stream: Duplex;
  onWorkerStop(): void;
}

/** The part of net.Socket that pg uses, over a message port. */
function openConnection(started: () => Promise<Worker>): EmbeddedConnection {
  let channel: MessagePort | undefined;
  let worker: Worker | undefined;
  let isConnected = false;
  /** How many chunks were sent and not answered. While there are none, the database does nothing for this connection. */
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
      send(chunks.map(({ chunk }) => chunk as Uint8Array)); // typed any; in no object mode and without an encoding they are bytes
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
    // Closed from the other side: the thread ended, or has answered what it had and serves a newer connection.
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
      // One that waits behind a statement that was ended with its thread has lost nothing: it goes to the next thread.
      if (isConnected) stream.destroy(connectionLost("The embedded database stopped"));
      else attachOrFail();
    },
  };
}

/** Returns an error with the code of a socket error, so that callers can tell it from a failed statement. */
function connectionLost(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code: "ECONNRESET" });
}
