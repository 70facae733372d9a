import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A proxy before a PostgreSQL that answers with other values in columns of some names. */
export interface RewritingProxy {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Starts a proxy before the PostgreSQL at `target`, for what a test cannot have in earnest, such as an old version.
 * `values` has the text to put into each column of that name.
 */
export async function startRewritingProxy(
  target: { host: string; port: number },
  values: Readonly<Record<string, string>>,
): Promise<RewritingProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    const rewrite = rewriter(values);
    client.pipe(upstream);
    upstream.on("data", (chunk: Buffer) => client.write(rewrite(chunk)));
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => other.destroy());
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("A TCP server has an address with a port.");
  return {
    port: address.port,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/**
 * Returns a function that takes the bytes of a server as they come and returns whole messages. Formats:
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
function rewriter(values: Readonly<Record<string, string>>): (chunk: Buffer) => Buffer {
  let waiting: Buffer = Buffer.alloc(0);
  let columns: readonly string[] = [];
  return (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    const sent: Buffer[] = [];
    while (waiting.length >= 5 && waiting.length >= 1 + waiting.readInt32BE(1)) {
      const end = 1 + waiting.readInt32BE(1);
      const [kind, body] = [waiting.toString("latin1", 0, 1), waiting.subarray(5, end)];
      if (kind === "T") columns = columnNames(body);
      sent.push(kind === "D" ? dataRow(body, columns, values) : waiting.subarray(0, end));
      waiting = waiting.subarray(end);
    }
    return Buffer.concat(sent);
  };
}

/** Each column of a RowDescription has its name, a zero byte and 18 bytes more. */
function columnNames(body: Buffer): readonly string[] {
  const names: string[] = [];
  for (let at = 2; at < body.length;) {
    const end = body.indexOf(0, at);
    names.push(body.toString("utf8", at, end));
    at = end + 1 + 18;
  }
  return names;
}

/** Each value of a DataRow has its length in four bytes, or -1 for NULL, and its bytes. */
function dataRow(body: Buffer, columns: readonly string[], values: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [body.subarray(0, 2)];
  let at = 2;
  for (const name of columns) {
    const end = at + 4 + Math.max(body.readInt32BE(at), 0);
    const text = values[name];
    parts.push(text === undefined ? body.subarray(at, end) : withLength(Buffer.from(text)));
    at = end;
  }
  const row = withLength(Buffer.concat(parts), 4);
  return Buffer.concat([Buffer.from("D"), row]);
}

/** Returns `bytes` after their length, to which `more` is added. */
function withLength(bytes: Buffer, more = 0): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length + more);
  return Buffer.concat([length, bytes]);
}
