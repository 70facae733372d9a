import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A connection to which a test writes raw text, and everything that was received on it. */
export interface RawConnection {
  readonly socket: Socket;
  readonly received: () => string;
  /** Resolves with everything that was received when the gateway has closed the connection. */
  readonly closed: Promise<string>;
  write(bytes: string | Buffer): void;
  /** Resolves when text of this `shape` has been received. */
  until(shape: RegExp): Promise<string>;
}

/** Opens a connection to the gateway at `url`. It is closed with the gateway at the latest. */
export async function openRaw({ url }: { readonly url: string }): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  // A reset is one of the ways in which a connection may end.
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

/** Returns the text of a request whose body is sent later. */
export function requestHead(method: string, path: string, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\nHost: gateway\r\n${lines.join("")}\r\n`;
}

/** Returns the statuses of the responses in the received text. */
export function statusesIn(text: string): number[] {
  // A response begins where the body of the one before ends, which may be in the middle of a line.
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}
