import { asDataDirectoryProblem, type StorageConfig } from "../config.ts";
import { createFileStorage, type FileStorage, type FileStorageOptions } from "./file-storage.ts";
import type { S3Storage } from "./s3-storage.ts";

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
