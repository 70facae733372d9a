import type { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { FastifyInstance, FastifyReply } from "fastify";
import { Unavailable } from "../../errors.ts";
import { createPace, type MinimumRate, type Pace } from "./pace.ts";
import { Refusal } from "../kit/refusal.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** `upload`: the body is a file, which the handler streams into the store, and which may take long. */
    readonly body?: "upload";
  }
}

export interface ConnectionLimits {
  /** Connections that are served. Beyond them a request is answered with 503 and its connection closed. */
  readonly maximumConnections: number;
  /** How slowly a body may come, a file may come, and an answer may be read. */
  readonly rates: { readonly body: MinimumRate; readonly upload: MinimumRate; readonly answer: MinimumRate };
}

/** A body that comes at less than 1 KiB a second, a file at less than 4, and an answer that is read at less than 1, are given up. */
export const defaultConnectionLimits: ConnectionLimits = {
  maximumConnections: 4_000,
  rates: {
    body: { bytes: 10 * 1024, milliseconds: 10_000 },
    // Phones lose their network for some seconds.
    upload: { bytes: 80 * 1024, milliseconds: 20_000 },
    answer: { bytes: 20 * 1024, milliseconds: 20_000 },
  },
};

/** The open connections of a server. */
export interface Connections {
  /** Whether the process is about to end: every answer says `Connection: close` from then on. */
  readonly isDraining: boolean;
  readonly count: number;
  /** How many have been opened since the start. */
  readonly opened: number;
  /** To be called before each answer is sent: says `Connection: close` where nothing may follow on the connection. */
  beforeSending(reply: FastifyReply): void;
  beginDraining(): void;
  /** Closes the connections on which nothing has moved for `milliseconds`, and that owe no answer. */
  closeIdle(milliseconds: number): void;
  /** Cuts off every connection, even with requests under way. */
  destroyAll(): void;
}

interface OpenConnection {
  /** The last request that has come, and its answer. */
  request: IncomingMessage | undefined;
  response: ServerResponse | undefined;
  receives: "body" | "upload";
  /** How its client keeps up with the request, and with the answer. */
  readonly receiving: Pace;
  readonly sending: Pace;
  /** What the client has taken of answers, as {@link takenBytes} finds it. */
  taken: Taken;
  moved: { bytes: number; at: number };
  /** It came when there were too many: its requests are refused. */
  readonly isSurplus: boolean;
}

interface Taken {
  readonly bytes: number;
  /** The bytes of writes that are done. */
  readonly done: number;
  /** What is left of the write that is under way. */
  readonly left: number;
}

/** How often connections are looked at, in milliseconds. */
const paceCheckMilliseconds = 1_000;

/** How long a connection may be idle where there is hardly room for another one, in milliseconds. */
const idleUnderPressureMilliseconds = 5_000;

/**
 * Watches the connections of `app`. It bounds their number, cuts off clients that send or read too slowly (408 in the API's own
 * shape if no response has begun), and sends `Connection: close` with all responses once the process is about to end. Call it on
 * the root, before any route. The HTTP server itself closes silent sockets and slow headers (`headersTimeout`).
 */
export function watchConnections(app: FastifyInstance, limits: ConnectionLimits): Connections {
  const { maximumConnections, rates } = limits;
  const open = new Map<Socket, OpenConnection>();
  let isDraining = false;
  let opened = 0;

  function connectionOf(socket: Socket): OpenConnection {
    const known = open.get(socket);
    if (known) return known;
    const connection: OpenConnection = {
      ...{ request: undefined, response: undefined, receives: "body", moved: { bytes: 0, at: performance.now() } },
      taken: { bytes: 0, done: 0, left: 0 },
      ...{ receiving: createPace(), sending: createPace(), isSurplus: open.size >= maximumConnections },
    };
    open.set(socket, connection);
    socket.once("close", () => open.delete(socket));
    return connection;
  }

  app.server.on("connection", (socket: Socket) => {
    opened += 1;
    connectionOf(socket);
  });
  // Before any response begins: some responses bypass the host's hooks.
  app.server.prependListener("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    if (isDraining || open.get(socket)?.isSurplus) response.setHeader("connection", "close");
  });
  // Without an answer, where even the refusals would become too many.
  app.server.maxConnections = Math.ceil(maximumConnections * 1.1);

  app.addHook("onRequest", (request, reply, done) => {
    const { socket } = request.raw;
    // Requests that are injected have no connection.
    if (!(socket instanceof Socket)) return done();
    const connection = connectionOf(socket);
    connection.request = request.raw;
    connection.response = reply.raw;
    connection.receives = request.routeOptions.config.body ?? "body";
    connection.receiving.restart();
    connection.sending.restart();
    done(connection.isSurplus ? new Unavailable({}, "Too many connections are open. Try again in a few seconds.") : undefined);
  });

  function look(): void {
    const now = performance.now();
    for (const [socket, connection] of open) {
      const { receiving, sending, receives } = connection;
      connection.taken = takenBytes(socket, connection.taken);
      if (receiving.isTooSlow(waitingForBody(socket, connection), rates[receives], now)) giveUp(socket, connection);
      // Reset, or the system would keep megabytes for it until it gives up too.
      else if (sending.isTooSlow(waitingForReader(socket, connection), rates.answer, now)) socket.resetAndDestroy();
    }
    if (open.size > maximumConnections * 0.9) closeIdle(idleUnderPressureMilliseconds);
  }

  function closeIdle(milliseconds: number): void {
    const now = performance.now();
    for (const [socket, connection] of open) {
      const bytes = socket.bytesRead + socket.bytesWritten;
      if (owesAnswer(connection) || bytes !== connection.moved.bytes) connection.moved = { bytes, at: now };
      else if (now - connection.moved.at >= milliseconds) socket.destroySoon();
    }
  }

  const timer = setInterval(look, paceCheckMilliseconds).unref();
  app.addHook("onClose", async () => clearInterval(timer));

  return {
    get isDraining() {
      return isDraining;
    },
    get count() {
      return open.size;
    },
    get opened() {
      return opened;
    },
    beforeSending(reply) {
      // Clients of requests that were under way when draining began have not been told to close yet. After 408, the rest of the
      // connection's bytes belong to a body.
      if (isDraining || reply.statusCode === 408) reply.header("connection", "close").removeHeader("keep-alive");
    },
    beginDraining() {
      isDraining = true;
    },
    closeIdle,
    destroyAll() {
      for (const socket of open.keys()) socket.destroy();
    },
  };
}

/** Whether a request has a body (RFC 9112, 6). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function owesAnswer({ request, response }: OpenConnection): boolean {
  return request !== undefined && response !== undefined && !(request.complete && response.writableFinished);
}

/** The bytes of a body that have come so far, where it is the client that is waited for; undefined where it is not. */
function waitingForBody(socket: Socket, { request }: OpenConnection): number | undefined {
  // What has come and is not read yet: it is the gateway that is slow.
  if (request === undefined || request.complete || request.readableLength > 0) return undefined;
  return socket.bytesRead;
}

/** The bytes of answers that the client has taken so far, where some wait for it; undefined where none do. */
function waitingForReader(socket: Socket, { taken }: OpenConnection): number | undefined {
  return socket.writableLength === 0 ? undefined : taken.bytes;
}

/**
 * What the client's side has taken since `before`. While one write is under way that is exact; when it is done the whole of it counts, so that
 * a large answer may be read at half the rate before it is found to be slow.
 */
function takenBytes(socket: Socket, before: Taken): Taken {
  const done = socket.bytesWritten - socket.writableLength;
  const left = queuedBytes(socket);
  const moved = done === before.done ? before.left - left : done - before.done;
  return { bytes: before.bytes + Math.max(moved, 0), done, left };
}

/**
 * Returns how many bytes handed to the system are not sent yet. Node.js has no public name for this; it counts a write as a
 * whole, however large, when it is complete. Its own socket timeouts use this property too. Without it, large writes would seem
 * not to move.
 */
function queuedBytes(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly writeQueueSize?: unknown } | null };
  return typeof handle?.writeQueueSize === "number" ? handle.writeQueueSize : 0;
}

/** Tells a client that its body comes too slowly, or cuts it off where it has an answer already. */
function giveUp(socket: Socket, { request, response }: OpenConnection): void {
  const reads = request !== undefined && request.listenerCount("error") > 0;
  if (!reads || !response || response.headersSent) return void socket.destroy();
  // Whoever reads the body finds that it failed, and answers it as any failure. Destroying the request would take the connection along.
  request.emit("error", new Refusal(408, "The body came too slowly. Send it again on a better line."));
}
