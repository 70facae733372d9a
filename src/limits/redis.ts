import { Redis } from "ioredis";

/** A Redis in which limits are counted for all processes. */
export interface SharedCounts {
  readonly client: Redis;
  /** Whether it answers, as far as is known. */
  isReady(): boolean;
  /** Called when a command has failed. */
  lost(error: unknown): void;
  close(): void;
}

/** As much of a log as is needed here. */
export interface LimitsLog {
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

/** How long Redis may take before the process counts by itself. */
const redisMilliseconds = 100;

/**
 * Connects to the Redis at `url`, and keeps trying while it is not reachable. It logs each loss of the connection once, and never
 * fails.
 */
export function connectRedis(url: string, log: LimitsLog): SharedCounts {
  const client = new Redis(url, {
    commandTimeout: redisMilliseconds,
    connectTimeout: 2_000,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(times * 200, 5_000),
  });
  let isAway = false;
  const away = (error: unknown) => {
    if (isAway) return;
    isAway = true;
    log.warn({ err: error }, "Redis cannot be reached: each process counts its limits by itself until it is back");
  };
  client.on("error", away);
  client.on("close", () => away(new Error("The connection to Redis has ended.")));
  client.on("ready", () => {
    if (isAway) log.info({}, "Redis is back: limits are counted for all processes again");
    isAway = false;
  });
  return {
    client,
    isReady: () => client.status === "ready",
    lost(error) {
      away(error);
      // A Redis that hangs would make every call wait. It is used again after a new connection has answered.
      if (client.status === "ready") client.disconnect(true);
    },
    close() {
      client.removeAllListeners("close");
      client.disconnect();
    },
  };
}
