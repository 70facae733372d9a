import { hostname } from "node:os";
import { type DestinationStream, type Logger, pino, stdSerializers, symbols } from "pino";
import { createLineWriter, type LineWriter } from "./line-writer.ts";

/**
 * Lines of the log are written together: when they have this many characters, and at least this often. Up to 16 MB wait
 * for a reader.
 */
const writtenTogether = {
  ...{ togetherCharacters: 12_288, togetherMilliseconds: 100 },
  maxWaitingCharacters: 16_777_216,
} as const;

/**
 * Returns the log of the process. It writes JSON lines without credentials. A request has its path but not its query,
 * which may contain a signature. Lines go to `to`, by default standard output. They are written asynchronously, so a
 * process that is killed loses the last lines.
 */
export function createLog(level: string, to: DestinationStream = standardOutput()): Logger {
  return pino(
    {
      level,
      serializers: {
        req: (request: { method: string; url: string; ip?: string }) => ({
          method: request.method,
          path: loggedPath(request.url),
          remoteAddress: request.ip,
        }),
        err: withoutHeaders,
      },
    },
    to,
  );
}

/**
 * Returns the log of a command, which writes to standard error: what a command prints on standard output is for
 * scripts.
 */
export function createCommandLog(level: string): Logger {
  const writer = createLineWriter(process.stderr.fd, writtenTogether);
  return createLog(level, {
    write(line) {
      writer.write(line);
      writer.flush();
    },
  });
}

/** Returns standard output. Lines that wait are written when the process exits. */
function standardOutput(): LineWriter {
  // Node.js opens the stream as it is first named, and makes a pipe one that refuses what its reader does not take. A
  // write would wait for that reader otherwise, also at the end of the process.
  const writer = createLineWriter(process.stdout.fd, writtenTogether);
  process.on("exit", () => writer.flush());
  return writer;
}

/** What is logged of a request when its response has been sent. */
export interface CompletedRequest {
  readonly id: string;
  readonly method: string;
  readonly url: string;
  /** The address of the client. */
  readonly ip: string;
  readonly statusCode: number;
  readonly milliseconds: number;
}

/**
 * Returns a function that logs a completed request at level `info`, in the form in which pino would write it. Every
 * request has this line, and pino takes two to three times as long for it.
 */
export function createRequestLog(log: Logger): (request: CompletedRequest) => void {
  // The stream that `createLog` has given to pino.
  const { [symbols.streamSym]: stream } = log as Logger & { readonly [symbols.streamSym]: DestinationStream };
  const level = `{"level":${pino.levels.values["info"]},"time":`;
  const ofProcess = `,"pid":${process.pid},"hostname":${JSON.stringify(hostname())},"reqId":"`;
  return ({ id, method, url, ip, statusCode, milliseconds }) => {
    if (!log.isLevelEnabled("info")) return;
    const request = `{"method":"${method}","path":${JSON.stringify(loggedPath(url))},"remoteAddress":${JSON.stringify(ip)}}`;
    const response = `{"statusCode":${statusCode}},"responseTime":${milliseconds}`;
    stream.write(`${level}${Date.now()}${ofProcess}${id}","req":${request},"res":${response},"msg":"request completed"}\n`);
  };
}

/**
 * Returns the properties of an error for the log, without headers. HTTP clients add the headers that they have sent to
 * their errors, including credentials.
 */
function withoutHeaders(error: Error): object {
  const { headers: _, ...shown } = stdSerializers.err(error);
  return shown;
}

/** The name of a file at the end of a path of /v2. */
const filenameInPath = /(\/note-attachments\/[^/]+\/).+/;

/**
 * Returns the path of a URL without its query, which may have a signature, and without the name of a file: a name that
 * is redacted later must not stay in logs.
 */
function loggedPath(url: string): string {
  const query = url.indexOf("?");
  return (query === -1 ? url : url.slice(0, query)).replace(filenameInPath, "$1…");
}
