import { Redis } from "ioredis";
import { errorCodeOf, isCertificateFault } from "../lib/error-code.ts";

/** Thrown if the Redis cannot be used as it is configured. The message says in one sentence what to do. */
export class UnusableRedis extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UnusableRedis";
  }
}

const attemptMilliseconds = 2_000;

/**
 * Connects to the Redis at `url` once. A Redis that does not answer is no fault of a start, because limits are then
 * counted by each process until it does (docs/decisions/0086). Throws {@link UnusableRedis} if it will never answer: it
 * refuses the password or the number of the database, its host is not known, or its certificate is not trusted.
 */
export async function checkRedis(url: string): Promise<void> {
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: attemptMilliseconds,
    commandTimeout: attemptMilliseconds,
  });
  let first: Error | undefined;
  client.on("error", (error: Error) => (first ??= error));
  // The error of `connect` says only that the connection is closed. The listener has the reason.
  await client.connect().catch((error: Error) => (first ??= error));
  client.disconnect();
  const problem = first === undefined ? undefined : lastingRedisProblem(first);
  if (problem !== undefined) throw new UnusableRedis(problem, { cause: first });
}

function lastingRedisProblem(error: Error): string | undefined {
  const code = errorCodeOf(error) ?? "";
  if (/^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR invalid password)/.test(error.message))
    return "The Redis of REDIS_URL refuses the user and password: correct them there (redis://user:password@host:6379).";
  if (error.message.startsWith("ERR DB index"))
    return "The Redis of REDIS_URL has no database of that number: correct the number after the last / there.";
  if (code === "ENOTFOUND")
    return `The host of REDIS_URL is not known (${error.message}): correct REDIS_URL, or the name service.`;
  if (isCertificateFault(error))
    return `The certificate of the Redis of REDIS_URL is not trusted (${error.message}): renew it, or name its authority in NODE_EXTRA_CA_CERTS.`;
  return undefined;
}
