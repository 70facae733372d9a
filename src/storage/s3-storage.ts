import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  type CopyObjectCommandOutput,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { Unavailable } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { dispositionOf, type ListedObject, measured, type ObjectFacts, type ObjectStorage, requireKey } from "./storage.ts";

/**
 * Stores objects in a bucket. Its signed URLs lead to the bucket itself, so uploads and downloads do not pass through
 * the gateway.
 */
export interface S3Storage extends ObjectStorage {
  readonly kind: "s3";
  /** The origin of its signed URLs. */
  readonly origin: string;
}

export interface S3StorageOptions {
  readonly bucket: string;
  readonly region: string;
  /** The base URL of a store that is not Amazon's. */
  readonly endpoint: string | undefined;
  /** The base URL in signed URLs, if clients reach the store at another address than the gateway does. */
  readonly publicEndpoint?: string | undefined;
  readonly clock: Clock;
}

// Long enough for the store to accept a part of an upload, and short enough to notice a frozen store before clients
// give up.
const connectMilliseconds = 2_000;
const idleSocketMilliseconds = 10_000;
const storeCheckMilliseconds = 5_000;

const maxConcurrentRemovals = 8;

/** Returns the origin of a bucket's URLs, by the rules of the SDK: Amazon's has a host name for most buckets. */
function bucketOrigin(
  client: S3Client,
  { bucket, region, endpoint }: Pick<S3StorageOptions, "bucket" | "region" | "endpoint">,
): string {
  const { url } = client.config.endpointProvider({
    ...{ Bucket: bucket, Region: region, UseFIPS: false, UseDualStack: false },
    ...(endpoint !== undefined && { Endpoint: endpoint, ForcePathStyle: true }),
  });
  return url.origin;
}

/** Returns a client of the store at `endpoint`, or of Amazon's if that is undefined. */
function openClient(region: string, endpoint: string | undefined): S3Client {
  return new S3Client({
    region,
    // Stores other than Amazon's seldom have a host name for each bucket.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    // By default the SDK signs into every upload URL a checksum of a body that does not exist yet, and a header that
    // older stores refuse.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { connectionTimeout: connectMilliseconds, socketTimeout: idleSocketMilliseconds },
  });
}

/**
 * Stores objects in an S3 bucket, with the credentials that the AWS SDK finds (environment, files, instance role).
 *
 * It cannot keep two promises of the file store: a signed PUT has no maximum size, and the gateway is not notified when
 * an upload arrives.
 */
export function createS3Storage(options: S3StorageOptions): S3Storage {
  const { bucket, region, endpoint, publicEndpoint = endpoint, clock } = options;
  const client = openClient(region, endpoint);
  // The signature includes the host, so a URL for another address is signed for that address. This client only signs,
  // and sends nothing.
  const signingClient = publicEndpoint === endpoint ? client : openClient(region, publicEndpoint);

  function lifetime(expiresAt: Date): { signingDate: Date; expiresIn: number } {
    const signingDate = clock();
    // X-Amz-Date has no fraction and X-Amz-Expires is in whole seconds: the URL may live up to one second less than
    // requested, never more.
    return {
      signingDate,
      expiresIn: Math.floor((expiresAt.getTime() - Math.floor(signingDate.getTime() / 1000) * 1000) / 1000),
    };
  }

  async function stat(key: string): Promise<ObjectFacts | null> {
    const command = new HeadObjectCommand({ Bucket: bucket, Key: requireKey(key) });
    const head = await client.send(command).catch((error: unknown) => {
      if (isMissing(error)) return null;
      throw new Unavailable({ cause: error });
    });
    if (head === null) return null;
    const { ContentLength: size, LastModified: modifiedAt, ETag: etag } = head;
    if (size === undefined || modifiedAt === undefined || etag === undefined) {
      throw new Unavailable({ cause: new Error("The store tells of an object without its length, time or tag.") });
    }
    return { size, modifiedAt, etag };
  }

  /** Copies an object. Returns the store's answer, or null if there is no object at `from`. */
  function copy({ from, to }: { from: string; to: string }): Promise<CopyObjectCommandOutput | null> {
    const command = new CopyObjectCommand({
      Bucket: bucket,
      Key: requireKey(to),
      CopySource: `${bucket}/${requireKey(from)}`,
      ChecksumAlgorithm: "SHA256",
    });
    return client.send(command).catch((error: unknown) => {
      if (isMissing(error)) return null;
      throw new Unavailable({ cause: error });
    });
  }

  return {
    kind: "s3",
    origin: bucketOrigin(signingClient, { bucket, region, endpoint: publicEndpoint }),
    announcesArrivals: false,

    async signUpload({ key, contentType, size, expiresAt }) {
      const command = new PutObjectCommand({
        Bucket: bucket,
        Key: requireKey(key),
        ContentType: contentType,
        ...(size === undefined ? {} : { ContentLength: size }),
      });
      // Without this list the presigner leaves these headers unsigned, and the store would accept any type and length.
      // A client does not set the length itself: its HTTP library sends it.
      const signableHeaders = new Set(["content-type", "host", ...(size === undefined ? [] : ["content-length"])]);
      const url = await onS3(getSignedUrl(signingClient, command, { ...lifetime(expiresAt), signableHeaders }));
      return { url, method: "PUT", headers: { "content-type": contentType }, expiresAt };
    },

    async signDownload({ key, contentType, filename, inline, expiresAt }) {
      const command = new GetObjectCommand({
        Bucket: bucket,
        Key: requireKey(key),
        ResponseContentType: contentType,
        ResponseContentDisposition: dispositionOf({ contentType, filename, inline }),
      });
      return {
        url: await onS3(getSignedUrl(signingClient, command, lifetime(expiresAt))),
        method: "GET",
        headers: {},
        expiresAt,
      };
    },

    async write(key, bytes, limits) {
      // A stream that fails before anything reads it would end the process. The reader below throws its error.
      bytes.on("error", () => undefined);
      let failure: { readonly error: unknown } | undefined;
      let sha256 = "";
      async function* limited(): AsyncGenerator<Buffer> {
        try {
          const { blocks, end } = measured(bytes, limits);
          yield* blocks;
          ({ sha256 } = end());
        } catch (error) {
          failure = { error };
          throw error;
        }
      }
      try {
        // The upload is sent in parts, because its length is not known before its end. The object exists only after the
        // last call, which completes the upload.
        await new Upload({ client, params: { Bucket: bucket, Key: requireKey(key), Body: Readable.from(limited()) } }).done();
      } catch (error) {
        if (failure !== undefined) throw failure.error;
        throw new Unavailable({ cause: error });
      }
      const facts = await stat(key);
      if (facts === null) throw new Unavailable({ cause: new Error("What was just written is not there.") });
      return { ...facts, sha256 };
    },

    async collect({ from, to }) {
      const copied = await copy({ from, to });
      const facts = copied === null ? null : await stat(to);
      if (facts === null) return null;
      const checksum = copied?.CopyObjectResult?.ChecksumSHA256;
      return { ...facts, sha256: checksum === undefined ? null : Buffer.from(checksum, "base64").toString("hex") };
    },

    async move({ from, to }) {
      if ((await copy({ from, to })) === null) return;
      await onS3(client.send(new DeleteObjectCommand({ Bucket: bucket, Key: requireKey(from) })));
    },

    async read(key) {
      const command = new GetObjectCommand({ Bucket: bucket, Key: requireKey(key) });
      const found = await client.send(command).catch((error: unknown) => {
        if (isMissing(error)) return null;
        throw new Unavailable({ cause: error });
      });
      // On Node.js the body is a stream of Node's HTTP client.
      return found === null ? null : (found.Body as Readable);
    },

    async *list(): AsyncGenerator<ListedObject, undefined> {
      const pages = paginateListObjectsV2({ client }, { Bucket: bucket })[Symbol.asyncIterator]();
      for (;;) {
        const { done, value: page } = await onS3(pages.next());
        if (done === true) return undefined;
        for (const { Key: key, Size: size, LastModified: modifiedAt } of page.Contents ?? []) {
          if (key !== undefined && size !== undefined && modifiedAt !== undefined) yield { key, size, modifiedAt };
        }
      }
    },

    async removeUnfinished(before) {
      const command = new ListMultipartUploadsCommand({ Bucket: bucket });
      // The first page is enough, because the next call finds the rest.
      const { Uploads: unfinished = [] } = await onS3(client.send(command));
      for (const { Key, UploadId, Initiated } of unfinished) {
        if (Key === undefined || UploadId === undefined || Initiated === undefined || Initiated >= before) continue;
        const abort = client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }));
        await onS3(
          abort.catch((error: unknown) => {
            // Another process has aborted the upload, or it has been completed.
            if (!isMissing(error)) throw error;
          }),
        );
      }
    },

    stat,

    async remove(keys) {
      const left = keys.map(requireKey);
      // One request for each object, because a request for many needs a checksum that not all stores support.
      const worker = async (): Promise<void> => {
        for (let key = left.pop(); key !== undefined; key = left.pop()) {
          await onS3(client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })));
        }
      };
      await Promise.all(Array.from({ length: maxConcurrentRemovals }, worker));
    },

    async check() {
      await onS3(
        client.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal: AbortSignal.timeout(storeCheckMilliseconds) }),
      );
    },

    async close() {
      client.destroy();
      signingClient.destroy();
    },
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404;
}

/**
 * Returns the result of `work`. Throws {@link Unavailable} for every failure of the store, including refusals of the
 * gateway's own credentials.
 */
async function onS3<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new Unavailable({ cause: error });
  }
}
