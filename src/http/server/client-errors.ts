import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { problemText } from "../kit/problem.ts";

/** The responses to requests that the HTTP parser refuses, by the parser's error codes. */
const parserRefusals: Readonly<Record<string, { readonly status: number; readonly detail: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, detail: "The request line and the headers may have at most 16 KiB together." },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, detail: "The extensions of the body's chunks are too large." },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: "The headers of the request came too slowly." },
};

const malformed = { status: 400, detail: "This is no HTTP request, or its headers contradict each other." };

/**
 * How long bytes that a refused client still sends are dropped before the connection is cut, in milliseconds. A client
 * that is cut off while it sends never sees the response.
 */
const lingerMilliseconds = 1_000;

/**
 * Responds to a request that cannot be parsed with an RFC 9457 problem and closes its connection. It is not known for
 * which API the request was. For a server's `clientError` event, which has only the socket.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, requestId: string): void {
  if (error.code === "ECONNRESET" || !socket.writable || hasBegunResponse(socket)) return void socket.destroy();
  const { status, detail } = parserRefusals[error.code ?? ""] ?? malformed;
  const body = problemText({ status, detail });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/problem+json",
    `content-length: ${Buffer.byteLength(body)}`,
    "cache-control: no-store",
    `x-request-id: ${requestId}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  // The parser no longer reads the socket. Without a reader the socket would not see the client's end.
  socket.removeAllListeners("data").resume();
  setTimeout(() => socket.destroy(), lingerMilliseconds).unref();
}

/**
 * Returns whether a part of a response has been sent on the socket, which a second response would corrupt. Node.js has
 * no public property for the current response of a socket.
 */
function hasBegunResponse(socket: Socket): boolean {
  const { _httpMessage: response } = socket as Socket & { readonly _httpMessage?: { readonly headersSent?: boolean } | null };
  return response?.headersSent === true;
}
