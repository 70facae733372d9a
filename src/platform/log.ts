import { type Logger, pino } from "pino";

/** The process's log: JSON lines, without credentials, and with a request's path but not its query, which may hold a signature. */
export function createLog(level: string): Logger {
  return pino({
    level,
    redact: { paths: ["*.headers.authorization", "*.headers.cookie", '*.headers["x-api-key"]'], censor: "[redacted]" },
    serializers: {
      req: (request: { method: string; url: string; ip?: string }) => ({
        method: request.method,
        path: request.url.split("?")[0],
        remoteAddress: request.ip,
      }),
    },
  });
}
