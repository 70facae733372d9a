import { asDataDirectoryProblem, type Config, type StorageConfig } from "../config.ts";
import type { Clock } from "../lib/clock.ts";
import { createFileStorage, type FileStorage, type FileStorageOptions } from "./file-storage.ts";
import type { S3Storage } from "./s3-storage.ts";
import { createSigner } from "./signature.ts";

/** What of the configuration decides about the object store. */
type ConfigOfStorage = Pick<Config, "storage" | "publicUrl" | "signingSecret" | "maxUploadBytes">;

/** Opens the object store of a configuration, as {@link openStorage} does. All of its processes sign alike. */
export async function openConfiguredStorage(config: ConfigOfStorage, clock: Clock): Promise<FileStorage | S3Storage> {
  return openStorage(config.storage, {
    publicUrl: config.publicUrl,
    signer: createSigner(config.signingSecret, "files"),
    clock,
    maximumBytes: config.maxUploadBytes,
  });
}

/**
 * Opens the object store that the configuration names. For the kind `file`, `http/server/files.ts` must serve its URLs.
 * Throws `ConfigError` if its directory cannot be created or written to.
 */
export async function openStorage(
  config: StorageConfig,
  dependencies: Omit<FileStorageOptions, "directory">,
): Promise<FileStorage | S3Storage> {
  if (config.kind === "file") {
    return createFileStorage({ ...dependencies, directory: config.directory }).catch((error: unknown) => {
      throw asDataDirectoryProblem(error);
    });
  }
  // Loaded only here, because the AWS SDK would cost every start without S3 time and memory.
  const { createS3Storage } = await import("./s3-storage.ts");
  return createS3Storage({ ...config, clock: dependencies.clock });
}
