import { type DestinationStream, destination, type Logger, pino, stdSerializers } from "pino";

/** How many bytes of log lines may wait to be read. Further lines are dropped until some are read. */
const maximumWaitingBytes = 16_777_216;

/**
 * The process's log: JSON lines, without credentials, and with a request's path but not its query, which may hold a signature. It goes to
 * standard output where no `to` is given, and is written beside the requests: a process that is killed takes the last lines with it.
 */
export function createLog(level: string, to: DestinationStream = standardOutput()): Logger {
  return pino(
    {
      level,
      serializers: {
        req: (request: { method: string; url: string; ip?: string }) => ({
          method: request.method,
          path: request.url.split("?", 1)[0],
          remoteAddress: request.ip,
        }),
        err: withoutHeaders,
      },
    },
    to,
  );
}

/** Whatever waits in it is written as the process exits. */
function standardOutput(): DestinationStream {
  return destination({ dest: 1, sync: false, maxLength: maximumWaitingBytes });
}

/** An error as it is logged. Clients of other servers put what they have sent into theirs, credentials too. */
function withoutHeaders(error: Error): object {
  const { headers: _, ...shown } = stdSerializers.err(error);
  return shown;
}
