// Creates the bucket of STORAGE, if it is not there: the store begins empty.
import { BucketAlreadyOwnedByYou, CreateBucketCommand, HeadBucketCommand, S3Client } from "@aws-sdk/client-s3";

const storage = new URL(process.env.STORAGE);
const client = new S3Client({
  region: storage.searchParams.get("region"),
  endpoint: storage.searchParams.get("endpoint"),
  forcePathStyle: true,
  // The store may start at the same time.
  maxAttempts: 10,
});
try {
  await client.send(new CreateBucketCommand({ Bucket: storage.hostname }));
} catch (error) {
  if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
}
await client.send(new HeadBucketCommand({ Bucket: storage.hostname }));
