import { type DestinationStream, destination, type Logger, pino, stdSerializers } from "pino";

/**
 * The maximum size of log lines that wait for the reader of the log, in bytes. Further lines are dropped until the
 * reader has taken some.
 */
const maxWaitingBytes = 16_777_216;

/** Lines are written together: when they have this many bytes, and at least this often. */
const writtenTogether = { minLength: 4_096, periodicFlush: 100 } as const;

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
  return createLog(level, destination({ dest: 2, sync: true }));
}

/** Returns standard output. Lines that wait are written when the process exits. */
function standardOutput(): DestinationStream {
  return destination({ dest: 1, sync: false, maxLength: maxWaitingBytes, ...writtenTogether });
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
  const [path = ""] = url.split("?", 1);
  return path.replace(filenameInPath, "$1…");
}
