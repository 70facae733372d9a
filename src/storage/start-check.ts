import { z } from "zod";
import type { StorageConfig } from "../config.ts";
import { Unavailable } from "../errors.ts";
import { type Patience, startPatience, withBackOff } from "../lib/back-off.ts";
import { errorCodeOf, isCertificateFault } from "../lib/error-code.ts";
import type { ObjectStorage } from "./storage.ts";

/** Thrown if the store cannot be used as it is configured. The message says in one sentence what to do. */
export class UnusableStore extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UnusableStore";
  }
}

/** The log of a start. Pino's loggers have this shape. */
export interface StoreLog {
  warn(details: object, message: string): void;
}

/**
 * Waits until the store answers, if it is one of S3. Throws {@link UnusableStore} if it refuses the bucket or the
 * credentials, or does not answer in time.
 */
export async function awaitStorage(
  config: StorageConfig,
  storage: Pick<ObjectStorage, "check">,
  log: StoreLog,
  patience: Patience = startPatience,
): Promise<void> {
  if (config.kind === "file") return;
  const { bucket, endpoint = "Amazon S3" } = config;
  const failures = {
    lasting(error: unknown) {
      const problem = lastingStoreProblem(storeFault(error), { bucket, endpoint });
      return problem === undefined ? undefined : new UnusableStore(problem, { cause: error });
    },
    waiting: (error: unknown) =>
      log.warn({ cause: storeFault(error).message }, `The store at ${endpoint} does not answer yet; waiting for it`),
    exhausted: (error: unknown, seconds: number) =>
      new UnusableStore(
        `The store of STORAGE at ${endpoint} did not answer in ${seconds} s (${storeFault(error).message}): start it, or correct STORAGE.`,
        { cause: error },
      ),
  };
  await withBackOff(() => storage.check(), failures, {
    ...patience,
    deadline: performance.now() + patience.totalMilliseconds,
  });
}

function storeFault(error: unknown): Error {
  if (error instanceof Unavailable && error.cause instanceof Error) return error.cause;
  return error instanceof Error ? error : new Error(String(error));
}

/** The part of an error of the AWS SDK by which it is told from others. The SDK is loaded only where there is an S3. */
const answeredShape = z.object({ $metadata: z.object({ httpStatusCode: z.number() }) });

/** Returns what is wrong and what to do, or undefined if the store may answer later. */
function lastingStoreProblem(cause: Error, { bucket, endpoint }: { bucket: string; endpoint: string }): string | undefined {
  if (cause.name === "CredentialsProviderError")
    return "STORAGE needs credentials, and there are none: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.";
  const code = errorCodeOf(cause) ?? "";
  if (code === "ENOTFOUND")
    return `The host of STORAGE is not known (${cause.message}): correct its endpoint, or the name service.`;
  if (isCertificateFault(cause))
    return `The certificate of the store of STORAGE is not trusted (${cause.message}): renew it, or name its authority in NODE_EXTRA_CA_CERTS.`;
  const { data } = answeredShape.safeParse(cause);
  return data === undefined ? undefined : problemsOfStatuses[data.$metadata.httpStatusCode]?.(bucket, endpoint);
}

/**
 * The statuses of HeadBucket, whose answers have no body that would say more
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html).
 */
const problemsOfStatuses: Readonly<Record<number, (bucket: string, endpoint: string) => string>> = {
  301: (bucket) => `The bucket ${bucket} is in another region: correct the region of STORAGE.`,
  400: (bucket, endpoint) =>
    `The store at ${endpoint} does not understand requests for the bucket ${bucket}: correct the region and the endpoint of STORAGE.`,
  401: (bucket) => refusedCredentials(bucket),
  403: (bucket) => refusedCredentials(bucket),
  404: (bucket, endpoint) => `The store at ${endpoint} has no bucket ${bucket}: make it, or correct STORAGE.`,
};

const refusedCredentials = (bucket: string) =>
  `The store of STORAGE refuses the credentials for the bucket ${bucket}: correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what they may do there.`;
