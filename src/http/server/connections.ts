import type { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { FastifyInstance, FastifyReply } from "fastify";
import { Unavailable } from "../../errors.ts";
import { createPace, type MinimumRate, type Pace } from "./pace.ts";
import { Refusal } from "../kit/refusal.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** `upload`: the body is a file, which the handler streams to the store and which may take long. */
    readonly body?: "upload";
  }
}

export interface ConnectionLimits {
  /** How many connections are served. A request on a further one gets 503, and its connection is closed. */
  readonly maximumConnections: number;
  /** The minimum rates at which clients must send bodies, send uploads, and read responses. */
  readonly rates: { readonly body: MinimumRate; readonly upload: MinimumRate; readonly response: MinimumRate };
}

/** The minimum rates are 1 KiB a second for bodies, 4 KiB for uploads and 1 KiB for responses. */
export const defaultConnectionLimits: ConnectionLimits = {
  maximumConnections: 4_000,
  rates: {
    body: { bytes: 10 * 1024, milliseconds: 10_000 },
    // The window is long, because phones lose their network for some seconds.
    upload: { bytes: 80 * 1024, milliseconds: 20_000 },
    response: { bytes: 20 * 1024, milliseconds: 20_000 },
  },
};

/** The open connections of a server. */
export interface Connections {
  /** Whether the process is about to end. Every response has `Connection: close` from then on. */
  readonly isDraining: boolean;
  readonly count: number;
  /** The number of connections opened since the start. */
  readonly opened: number;
  /** Call it before each response is sent. It sets `Connection: close` if the connection must not be used again. */
  beforeSending(reply: FastifyReply): void;
  beginDraining(): void;
  /** Closes the connections that have been idle for `milliseconds` and have no request under way. */
  closeIdle(milliseconds: number): void;
  /** Destroys every connection, even with requests under way. */
  destroyAll(): void;
}

interface OpenConnection {
  /** The last request on the connection, and its response. */
  request: IncomingMessage | undefined;
  response: ServerResponse | undefined;
  receives: "body" | "upload";
  /** The pace at which the client sends its request. */
  readonly receiving: Pace;
  /** The pace at which the client reads the response. */
  readonly sending: Pace;
  /** The bytes that the client has read, as {@link updateSent} counts them. */
  sent: SentBytes;
  moved: { bytes: number; at: number };
  /** Whether it was opened beyond the maximum number of connections. Its requests are refused. */
  readonly isSurplus: boolean;
}

interface SentBytes {
  readonly bytes: number;
  /** The bytes of complete writes. */
  readonly complete: number;
  /** The bytes of the current write that are not sent yet. */
  readonly left: number;
}

/** How often the paces of connections are checked, in milliseconds. */
const paceCheckMilliseconds = 1_000;

/** How long a connection may be idle when the number of connections is near its maximum, in milliseconds. */
const idleUnderPressureMilliseconds = 5_000;

/**
 * Watches the connections of `app`. It bounds their number, cuts off clients that send or read too slowly (408 in the
 * API's own shape if no response has begun), and sends `Connection: close` with all responses once the process is about
 * to end. Call it on the root, before any route. The HTTP server itself closes silent sockets and slow headers
 * (`headersTimeout`).
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
      sent: { bytes: 0, complete: 0, left: 0 },
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
  // Beyond this number Node.js drops connections without a response, because even the refusals would become too many.
  app.server.maxConnections = Math.ceil(maximumConnections * 1.1);

  app.addHook("onRequest", (request, reply, done) => {
    const { socket } = request.raw;
    // Injected requests have no connection.
    if (!(socket instanceof Socket)) return done();
    const connection = connectionOf(socket);
    connection.request = request.raw;
    connection.response = reply.raw;
    connection.receives = request.routeOptions.config.body ?? "body";
    connection.receiving.restart();
    connection.sending.restart();
    done(connection.isSurplus ? new Unavailable({}, "Too many connections are open. Try again in a few seconds.") : undefined);
  });

  function checkPaces(): void {
    const now = performance.now();
    for (const [socket, connection] of open) {
      const { receiving, sending, receives } = connection;
      connection.sent = updateSent(socket, connection.sent);
      if (receiving.isTooSlow(waitingForBody(socket, connection), rates[receives], now)) giveUp(socket, connection);
      // Reset, because the system would otherwise hold megabytes for it until its own timeout.
      else if (sending.isTooSlow(waitingForReader(socket, connection), rates.response, now)) socket.resetAndDestroy();
    }
    if (open.size > maximumConnections * 0.9) closeIdle(idleUnderPressureMilliseconds);
  }

  function closeIdle(milliseconds: number): void {
    const now = performance.now();
    for (const [socket, connection] of open) {
      const bytes = socket.bytesRead + socket.bytesWritten;
      if (hasRequestUnderWay(connection) || bytes !== connection.moved.bytes) connection.moved = { bytes, at: now };
      else if (now - connection.moved.at >= milliseconds) socket.destroySoon();
    }
  }

  const timer = setInterval(checkPaces, paceCheckMilliseconds).unref();
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
      // Clients of requests that were under way when draining began have not been told to close yet. After 408, the
      // rest of the connection's bytes belong to a body.
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

/** Returns whether a request has a body (RFC 9112, section 6). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function hasRequestUnderWay({ request, response }: OpenConnection): boolean {
  return request !== undefined && response !== undefined && !(request.complete && response.writableFinished);
}

/** Returns the bytes of a body received so far, or undefined if the gateway is not waiting for the client to send. */
function waitingForBody(socket: Socket, { request }: OpenConnection): number | undefined {
  // If there are received bytes that are not read yet, the gateway is the slow side.
  if (request === undefined || request.complete || request.readableLength > 0) return undefined;
  return socket.bytesRead;
}

/**
 * Returns the response bytes that the client has read so far, or undefined if the gateway is not waiting for the client
 * to read.
 */
function waitingForReader(socket: Socket, { sent }: OpenConnection): number | undefined {
  return socket.writableLength === 0 ? undefined : sent.bytes;
}

/**
 * Returns the count of the bytes that the client has read, updated from `before`. It is exact while one write is under
 * way. When the write completes, all of its bytes count once more, so a client may read a large response at half the
 * rate before it is found to be slow.
 */
function updateSent(socket: Socket, before: SentBytes): SentBytes {
  const complete = socket.bytesWritten - socket.writableLength;
  const left = queuedBytes(socket);
  const moved = complete === before.complete ? before.left - left : complete - before.complete;
  return { bytes: before.bytes + Math.max(moved, 0), complete, left };
}

/**
 * Returns how many bytes handed to the system are not sent yet. Node.js has no public property for this: `bytesWritten`
 * counts a write only when it is complete, so large writes would seem not to progress. Its own socket timeouts read
 * this property too.
 */
function queuedBytes(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly writeQueueSize?: unknown } | null };
  return typeof handle?.writeQueueSize === "number" ? handle.writeQueueSize : 0;
}

/** Sends 408 to a client whose body arrives too slowly, or destroys the connection if a response has begun. */
function giveUp(socket: Socket, { request, response }: OpenConnection): void {
  const reads = request !== undefined && request.listenerCount("error") > 0;
  if (!reads || !response || response.headersSent) return void socket.destroy();
  // The reader of the body sees the error and responds to it as to any failure. Destroying the request would also
  // destroy the connection.
  request.emit("error", new Refusal(408, "The body came too slowly. Send it again on a better line."));
}
