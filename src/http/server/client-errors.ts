import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { problemText } from "../kit/problem.ts";

/** What is answered to what the HTTP parser refuses, by the parser's own codes. */
const parserRefusals: Readonly<Record<string, { readonly status: number; readonly detail: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, detail: "The request line and the headers may have at most 16 KiB together." },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, detail: "The extensions of the body's chunks are too large." },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: "The headers of the request came too slowly." },
};

const malformed = { status: 400, detail: "This is no HTTP request, or its headers contradict each other." };

/**
 * How long a client may go on sending bytes that are not read, in milliseconds: a client that is cut off while it sends never
 * sees the response.
 */
const lingerMilliseconds = 1_000;

/**
 * Answers a request that cannot be parsed with an RFC 9457 problem, and closes its connection. Which API it was meant for is not known then.
 * For a server's `clientError` event, where the socket is all there is.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, requestId: string): void {
  if (error.code === "ECONNRESET" || !socket.writable || hasBegunAnswer(socket)) return void socket.destroy();
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
  // The parser is done with it. What still comes is dropped for a moment.
  socket.removeAllListeners("data").resume();
  setTimeout(() => socket.destroy(), lingerMilliseconds).unref();
}

/** Whether some of an answer has gone out, which another one would corrupt. Node.js has no other name for the answer under way on a socket. */
function hasBegunAnswer(socket: Socket): boolean {
  const { _httpMessage: response } = socket as Socket & { readonly _httpMessage?: { readonly headersSent?: boolean } | null };
  return response?.headersSent === true;
}
