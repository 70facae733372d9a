import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A PostgreSQL server behind a proxy that counts the statements it receives. */
export interface StatementCounter {
  /** The URL of the server through the counter. */
  readonly url: string;
  /**
   * Returns the number of statements so far, of the simple and of the extended protocol, including BEGIN and COMMIT.
   */
  executed(): number;
  close(): Promise<void>;
}

/**
 * Starts a counter of statements on the wire, which misses none and needs nothing installed in the server (PostgreSQL's
 * "Frontend/Backend Protocol", chapter "Message Formats": Query and Execute). Throws an `Error` if the connection would
 * be encrypted, because then its messages cannot be read.
 */
export async function countStatements(databaseUrl: string): Promise<StatementCounter> {
  const target = new URL(databaseUrl);
  if ((target.searchParams.get("sslmode") ?? "disable") !== "disable")
    throw new Error("Statements are counted on connections without TLS only: DATABASE_URL asks for one with.");
  let executed = 0;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: target.hostname, port: Number(target.port || 5432), noDelay: true });
    const read = createMessageReader((type) => {
      if (type === "Q" || type === "E") executed += 1;
    });
    client.on("data", read);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      // The other side sees the end of its own connection.
      from.on("error", () => to.destroy());
      from.on("close", () => sockets.delete(from));
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return {
    url: Object.assign(new URL(databaseUrl), { hostname: "127.0.0.1", port: String(port) }).href,
    executed: () => executed,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/**
 * Returns a function for the chunks of a client's bytes. It calls `onMessage` with the type of each message, however
 * the bytes are split. The first message, the startup message, has no type.
 */
export function createMessageReader(onMessage: (type: string) => void): (chunk: Buffer) => void {
  let unread: Buffer = Buffer.alloc(0);
  let bytesToSkip = 0;
  let hasStarted = false;
  return (chunk) => {
    const bytes = unread.length > 0 ? Buffer.concat([unread, chunk]) : chunk;
    let at = 0;
    for (;;) {
      const skipped = Math.min(bytesToSkip, bytes.length - at);
      at += skipped;
      bytesToSkip -= skipped;
      const typeBytes = hasStarted ? 1 : 0;
      if (bytes.length - at < typeBytes + 4) break;
      if (hasStarted) onMessage(String.fromCharCode(bytes.readUInt8(at)));
      // The length includes itself but not the type.
      bytesToSkip = bytes.readUInt32BE(at + typeBytes) - 4;
      at += typeBytes + 4;
      hasStarted = true;
    }
    unread = bytes.subarray(at);
  };
}
