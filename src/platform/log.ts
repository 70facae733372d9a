import { type DestinationStream, type Logger, pino } from "pino";

/**
 * The process's log: JSON lines, without credentials, and with a request's path but not its query, which may hold a signature. It goes to
 * standard output where no `destination` is given.
 */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    redact: { paths: ["*.headers.authorization", "*.headers.cookie", '*.headers["x-api-key"]'], censor: "[redacted]" },
    serializers: {
      req: (request: { method: string; url: string; ip?: string }) => ({
        method: request.method,
        path: request.url.split("?")[0],
        remoteAddress: request.ip,
      }),
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
