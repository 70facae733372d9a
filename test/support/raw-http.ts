import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A connection that a test writes to by hand, and all that has come back on it. */
export interface RawConnection {
  readonly socket: Socket;
  readonly received: () => string;
  /** Resolves with all that has come once the gateway has closed the connection. */
  readonly closed: Promise<string>;
  write(bytes: string | Buffer): void;
  /** Waits until `shape` has come. */
  until(shape: RegExp): Promise<string>;
}

/** Opens a connection to the gateway at `url`. It is closed with the gateway at the latest. */
export async function openRaw({ url }: { readonly url: string }): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  // Being cut off is one of the ways in which a connection ends.
  socket.on("error", () => undefined);
  const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(text)));
  return {
    socket,
    received: () => text,
    closed,
    write: (more) => void socket.write(more),
    async until(shape) {
      while (!shape.test(text)) {
        if (socket.destroyed) throw new Error(`The connection was closed before ${shape} came: ${text}`);
        await Promise.race([once(socket, "data"), closed]);
      }
      return text;
    },
  };
}

/** The text of a request with a body that is still to come. */
export function requestHead(method: string, path: string, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\nHost: gateway\r\n${lines.join("")}\r\n`;
}

/** The statuses in what has come on a connection. */
export function statusesIn(text: string): number[] {
  // An answer begins where the body of the one before ends, in the middle of a line.
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}
