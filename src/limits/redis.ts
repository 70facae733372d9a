import { Redis } from "ioredis";

/** A Redis that counts the limits of all processes. */
export interface SharedCounts {
  readonly client: Redis;
  /** Whether it is connected, as far as this process knows. */
  isReady(): boolean;
  /** Call it when a command has failed. */
  lost(error: unknown): void;
  close(): void;
}

/** The part of a log that this folder uses. */
export interface LimitsLog {
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

/** The timeout of a Redis command. After it the process counts by itself. */
const redisMilliseconds = 100;

/**
 * Connects to the Redis at `url` and keeps trying while it is not reachable. It logs each loss of the connection once,
 * and never throws.
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
  const logLoss = (error: unknown) => {
    if (isAway) return;
    isAway = true;
    log.warn({ err: error }, "Redis cannot be reached: each process counts its limits by itself until it is back");
  };
  client.on("error", logLoss);
  client.on("close", () => logLoss(new Error("The connection to Redis has ended.")));
  client.on("ready", () => {
    if (isAway) log.info({}, "Redis is back: limits are counted for all processes again");
    isAway = false;
  });
  return {
    client,
    isReady: () => client.status === "ready",
    lost(error) {
      logLoss(error);
      // Every call would wait for a Redis that hangs. It is used again when a new connection is ready.
      if (client.status === "ready") client.disconnect(true);
    },
    close() {
      client.removeAllListeners("close");
      client.disconnect();
    },
  };
}
