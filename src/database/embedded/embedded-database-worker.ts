// The worker thread of PGlite. In the main thread one slow statement would stall every request. Started by
// embedded-database.ts.
import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";
import { joinBytes } from "../../lib/bytes.ts";
import type { Reply, WorkerCommand, WorkerReport, WorkerStart } from "./embedded-database.ts";

const terminateMessageType = "X".charCodeAt(0);
const pieceSize = 256 * 1024;

/**
 * PostgreSQL touches all shared buffers when it starts, by default 128 MB. The operating system caches the files as
 * well.
 */
const settings = ["shared_buffers=16MB", "maintenance_work_mem=16MB"].flatMap((setting) => ["-c", setting]);

const databaseParent = parentPort;
if (databaseParent === null) throw new Error("embedded-database-worker.ts runs as a worker only");

const report = (message: WorkerReport) => databaseParent.postMessage(message);

try {
  // worker_threads types workerData as any; the only caller passes a WorkerStart.
  const { directory } = workerData as WorkerStart;
  serveConnections(await PGlite.create(directory ?? "memory://", { startParams: [...PGlite.defaultStartParams, ...settings] }));
  report({ kind: "ready" });
} catch (error) {
  report({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  databaseParent.close();
}

function serveConnections(database: PGlite): void {
  let current: MessagePort | undefined;
  databaseParent?.on("message", (command: WorkerCommand) => {
    // PGlite is one session. It belongs to the newest connection; the client has given up the earlier one.
    current?.close();
    current = undefined;
    if (command.kind === "connect") {
      const { port } = command;
      current = port;
      answerConnection(database, port, () => current === port);
    } else {
      void database.close().finally(() => {
        report({ kind: "closed" });
        databaseParent?.close();
      });
    }
  });
}

/** Passes the messages that arrive over `port` to the database, complete messages only, and sends back its replies. */
function answerConnection(database: PGlite, port: MessagePort, isCurrent: () => boolean): void {
  let unread: Uint8Array = new Uint8Array(0);
  let isStarting = true;
  let work = Promise.resolve();

  const execute = async (chunk: Uint8Array) => {
    if (!isCurrent()) return;
    unread = unread.length === 0 ? chunk : joinBytes([unread, chunk]);
    const end = endOfWholeMessages(unread, isStarting);
    const whole = unread.subarray(0, end);
    unread = unread.subarray(end);
    if (end > 0) {
      if (isStarting) await resetSession(database);
      isStarting = false;
      await runMessages(database, whole, port);
    }
    port.postMessage({ bytes: undefined, isDone: true } satisfies Reply);
  };

  // Reports that the connection is open, as an accepted socket does.
  port.postMessage({ bytes: undefined, isDone: true } satisfies Reply);
  port.on("message", (chunk: Uint8Array) => {
    work = work
      .then(() => execute(chunk))
      .catch((error: unknown) => {
        // A failed statement is a reply like others. This error means that the database has broken down, so the worker
        // ends.
        report({ kind: "failed", message: String(error) });
        databaseParent?.close();
        port.close();
      });
  });
}

/** Resets the session, because a new connection must not inherit an open transaction or prepared statements. */
async function resetSession(database: PGlite): Promise<void> {
  if (database.isInTransaction()) await database.exec("ROLLBACK");
  await database.exec("DISCARD ALL");
}

async function runMessages(database: PGlite, messages: Uint8Array, port: MessagePort): Promise<void> {
  let pieces: Uint8Array[] = [];
  let size = 0;
  const flush = () => {
    if (size === 0) return;
    const bytes = joinBytes(pieces);
    port.postMessage({ bytes, isDone: false } satisfies Reply, [bytes.buffer]);
    pieces = [];
    size = 0;
  };
  await database.execProtocolRawStream(messages, {
    // PGlite writes its files directly, so there is nothing to synchronise afterwards.
    syncToFs: false,
    onRawData: (bytes) => {
      // The bytes are a view of the database's memory, which is valid only during this call.
      pieces.push(bytes.slice());
      size += bytes.length;
      if (size >= pieceSize) flush();
    },
  });
  flush();
}

/**
 * Returns the end of the last complete message. The first message of a connection consists of its length and its text.
 * Every other one begins with a byte for its type.
 */
function endOfWholeMessages(bytes: Uint8Array, isStarting: boolean): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = 0;
  while (true) {
    const lengthAt = isStarting ? end : end + 1;
    if (lengthAt + 4 > bytes.length || (!isStarting && bytes[end] === terminateMessageType)) return end;
    const next = lengthAt + view.getUint32(lengthAt);
    if (next > bytes.length) return end;
    end = next;
    if (isStarting) return end;
  }
}
