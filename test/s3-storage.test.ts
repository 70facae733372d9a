import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { Unavailable } from "../src/errors.ts";
import { createS3Storage, type S3Storage } from "../src/storage/s3-storage.ts";

// The tests that need no store. `npm run test:s3` checks the signatures with a real one.

const now = new Date("2026-05-04T10:00:00.250Z");
const key = "account/1";

beforeEach(() => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "access");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  onTestFinished(() => void vi.unstubAllEnvs());
});

function open(endpoint: string | undefined): S3Storage {
  const storage = createS3Storage({ bucket: "files", region: "eu-west-1", endpoint, clock: () => now });
  onTestFinished(() => storage.close());
  return storage;
}

describe("a signed URL", () => {
  test("signs the content type of an upload, and no checksum of a body it has not seen", async () => {
    const { url, method, headers } = await open("http://127.0.0.1:9000").signUpload({
      key,
      contentType: "image/png",
      expiresAt: new Date("2026-05-04T10:01:00.250Z"),
    });
    expect([method, headers]).toEqual(["PUT", { "content-type": "image/png" }]);
    const { origin, pathname, searchParams } = new URL(url);
    expect(origin + pathname).toBe("http://127.0.0.1:9000/files/account/1");
    expect(searchParams.get("X-Amz-SignedHeaders")).toBe("content-type;host");
    expect(searchParams.get("X-Amz-Date")).toBe("20260504T100000Z");
    expect(searchParams.get("X-Amz-Expires")).toBe("60");
    expect([...searchParams.keys()].filter((name) => /checksum/i.test(name))).toEqual([]);
  });

  test.each([undefined, "http://127.0.0.1:9000", "https://store.example/base"])(
    "has the origin that the storage names: %s",
    async (endpoint) => {
      const storage = open(endpoint);
      const { url } = await storage.signUpload({ key, contentType: "image/png", expiresAt: new Date("2026-05-04T10:01:00Z") });
      expect(storage.origin).toBe(new URL(url).origin);
    },
  );

  test("signs type and name of a download", async () => {
    const { url, method, headers } = await open(undefined).signDownload({
      key,
      contentType: "text/html",
      filename: "é.html",
      inline: true,
      expiresAt: new Date("2026-05-04T18:00:00.250Z"),
    });
    expect([method, headers]).toEqual(["GET", {}]);
    const { origin, pathname, searchParams } = new URL(url);
    expect(origin + pathname).toBe("https://files.s3.eu-west-1.amazonaws.com/account/1");
    expect(searchParams.get("response-content-type")).toBe("text/html");
    expect(searchParams.get("response-content-disposition")).toBe(
      "attachment; filename=\"?.html\"; filename*=UTF-8''%C3%A9.html",
    );
    expect(searchParams.get("X-Amz-Expires")).toBe("28800");
  });

  test("is given for keys of the gateway's own only", async () => {
    await expect(open(undefined).signUpload({ key: "../x", contentType: "a/b", expiresAt: now })).rejects.toThrow("not a key");
  });
});

describe("a store that cannot be reached", () => {
  test("that refuses connections is Unavailable", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    // The address of a server that listens on a TCP port is never a text.
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const storage = open(`http://127.0.0.1:${port}`);
    await expect(storage.check()).rejects.toThrow(Unavailable);
    await expect(storage.stat(key)).rejects.toThrow(Unavailable);
    await expect(storage.remove([key])).rejects.toThrow(Unavailable);
    await expect(storage.write(key, Readable.from(["x"]), { maximumBytes: 10 })).rejects.toThrow(Unavailable);
  });

  test("that takes connections and never answers is Unavailable before a probe gives up", async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    // As above.
    const { port } = server.address() as AddressInfo;
    await expect(open(`http://127.0.0.1:${port}`).check()).rejects.toThrow(Unavailable);
  });
});

test("the AWS SDK is not loaded where files are kept on disk", async () => {
  const directory = await mkdtemp(join(tmpdir(), "storage-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const program = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    const { openStorage } = await import("./src/storage/open-storage.ts");
    const { createSigner } = await import("./src/storage/signature.ts");
    const dependencies = { publicUrl: "http://localhost", signer: createSigner("s", "file-url"), clock: () => new Date(), maximumBytes: 1 };
    const count = () => loaded.filter((url) => url.includes("@aws-sdk")).length;
    const file = await openStorage({ kind: "file", directory: process.argv[1] }, dependencies);
    const before = count();
    await file.close();
    const s3 = await openStorage({ kind: "s3", bucket: "b", region: "r", endpoint: undefined }, dependencies);
    console.log(JSON.stringify([file.kind, before, s3.kind, count() > 0]));
  `;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module-typescript", "--eval", program, directory],
    { cwd: join(import.meta.dirname, "..") },
  );
  expect(JSON.parse(stdout)).toEqual(["file", 0, "s3", true]);
});
