// The worker thread of PGlite. In the main thread one slow statement would stall every request. Started by
// embedded-database.ts.
import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";
import { pg_trgm } from "@electric-sql/pglite/contrib/pg_trgm";
import { joinBytes } from "../../lib/bytes.ts";
import type { Reply, WorkerCommand, WorkerReport, WorkerStart } from "./embedded-database.ts";
import { createRoutineMaintenance } from "./routine-maintenance.ts";

const messageTypes = { query: "Q".charCodeAt(0), sync: "S".charCodeAt(0), terminate: "X".charCodeAt(0) } as const;
const pieceSize = 256 * 1024;

/**
 * PostgreSQL touches all shared buffers when it starts, by default 128 MB. The operating system caches the files as
 * well.
 */
const settings = [
  "shared_buffers=16MB",
  "maintenance_work_mem=16MB",
  // ANALYZE reads 300 rows for each, in this memory, while requests wait.
  "default_statistics_target=30",
  // A checkpoint keeps files of the write-ahead log for later use, up to these sizes. 32 MB is the least.
  "min_wal_size=32MB",
  "max_wal_size=32MB",
].flatMap((setting) => ["-c", setting]);

const databaseParent = parentPort;
if (databaseParent === null) throw new Error("embedded-database-worker.ts runs as a worker only");

/** A database that has an extension needs its files at every start. */
const extensions = { pg_trgm };

const report = (message: WorkerReport) => databaseParent.postMessage(message);

try {
  // worker_threads types workerData as any; the only caller passes a WorkerStart.
  const { directory } = workerData as WorkerStart;
  const startParams = [...PGlite.defaultStartParams, ...settings];
  serveConnections(await PGlite.create(directory ?? "memory://", { startParams, extensions }));
  report({ kind: "ready" });
} catch (error) {
  report({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  databaseParent.close();
}

function serveConnections(database: PGlite): void {
  let current: MessagePort | undefined;
  const turns = createTurns(database);
  const maintenance = createRoutineMaintenance({
    database,
    whenFree: turns.whenFree,
    onFailure: (error) => report({ kind: "maintenanceFailed", message: String(error) }),
  });
  databaseParent?.on("message", (command: WorkerCommand) => {
    if (command.kind === "maintain") {
      const { port } = command;
      void maintenance.run().finally(() => port.close());
      return;
    }
    // PGlite is one session. It belongs to the newest connection; the client has given up the earlier one.
    current?.close();
    current = undefined;
    if (command.kind === "connect") {
      const { port } = command;
      current = port;
      answerConnection({ database, port, turns, isCurrent: () => current === port, onWork: maintenance.onWork });
    } else {
      void turns
        .take(() => database.close())
        .finally(() => {
          report({ kind: "closed" });
          databaseParent?.close();
        });
    }
  });
}

/** The order in which the session is used. */
interface Turns {
  /** Runs `work` when all earlier work is done. */
  take<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Like `take`, unless the session is then in the middle of a client's request or transaction. */
  whenFree<Result>(work: () => Promise<Result>): Promise<Result | undefined>;
  /** Whether the client may send further messages of a request that it has begun. */
  isWithinRequest: boolean;
}

function createTurns(database: PGlite): Turns {
  let last: Promise<unknown> = Promise.resolve();
  const turns: Turns = {
    isWithinRequest: false,
    take(work) {
      const done = last.then(work);
      // Whoever has asked for the work learns of its failure.
      last = done.catch((_error: unknown) => undefined);
      return done;
    },
    whenFree: (work) =>
      turns.take(async () => {
        if (database.closed || turns.isWithinRequest || database.isInTransaction()) return undefined;
        return work();
      }),
  };
  return turns;
}

interface ServedConnection {
  readonly database: PGlite;
  readonly port: MessagePort;
  readonly turns: Turns;
  readonly isCurrent: () => boolean;
  /** Is called after each piece of work. */
  readonly onWork: () => void;
}

/** Passes the messages that arrive over `port` to the database, complete messages only, and sends back its replies. */
function answerConnection({ database, port, turns, isCurrent, onWork }: ServedConnection): void {
  let unread: Uint8Array = new Uint8Array(0);
  let isStarting = true;

  const execute = async (chunk: Uint8Array) => {
    if (!isCurrent()) return;
    unread = unread.length === 0 ? chunk : joinBytes([unread, chunk]);
    const { end, lastType } = wholeMessages(unread, isStarting);
    const whole = unread.subarray(0, end);
    unread = unread.subarray(end);
    if (end > 0) {
      if (isStarting) await resetSession(database);
      turns.isWithinRequest = !isStarting && lastType !== messageTypes.query && lastType !== messageTypes.sync;
      isStarting = false;
      await runMessages(database, whole, port);
      onWork();
    }
    port.postMessage({ bytes: undefined, isDone: true } satisfies Reply);
  };

  // Reports that the connection is open, as an accepted socket does.
  port.postMessage({ bytes: undefined, isDone: true } satisfies Reply);
  port.on("message", (chunk: Uint8Array) => {
    turns
      .take(() => execute(chunk))
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
 * Returns the end of the last complete message, and its type. The first message of a connection consists of its length
 * and its text. Every other one begins with a byte for its type.
 */
function wholeMessages(bytes: Uint8Array, isStarting: boolean): { end: number; lastType: number | undefined } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const typeSize = isStarting ? 0 : 1;
  let end = 0;
  let lastType: number | undefined;
  while (end + typeSize + 4 <= bytes.length) {
    const type = isStarting ? undefined : view.getUint8(end);
    const next = end + typeSize + view.getUint32(end + typeSize);
    if (type === messageTypes.terminate || next > bytes.length) break;
    end = next;
    lastType = type;
    if (isStarting) break;
  }
  return { end, lastType };
}
