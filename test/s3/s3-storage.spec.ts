import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { CreateBucketCommand, ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { parse as parseDisposition } from "content-disposition";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { TooLarge, Unavailable } from "../../src/errors.ts";
import { openStorage } from "../../src/storage/open-storage.ts";
import { createS3Storage, type S3Storage } from "../../src/storage/s3-storage.ts";
import { createSigner } from "../../src/storage/signature.ts";
import { type Radosgw, startRadosgw } from "./radosgw.ts";

const region = "us-east-1";
const bucket = "attachments";
const maximumBytes = 30_000_000;
const key = "account/1";
const png = "image/png";

let store: Radosgw;
let client: S3Client;
let storage: S3Storage;

beforeAll(async () => {
  store = await startRadosgw();
  vi.stubEnv("AWS_ACCESS_KEY_ID", store.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", store.secretAccessKey);
  client = new S3Client({ region, endpoint: store.endpoint, forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
});

afterAll(async () => {
  client?.destroy();
  await store?.stop();
});

beforeEach(() => {
  storage = open();
});

afterEach(async () => {
  await storage.remove([key]);
});

function open(overrides: { bucket?: string; endpoint?: string; now?: () => Date } = {}): S3Storage {
  const opened = createS3Storage({
    bucket: overrides.bucket ?? bucket,
    region,
    endpoint: overrides.endpoint ?? store.endpoint,
    clock: overrides.now ?? (() => new Date()),
  });
  onTestFinished(() => opened.close());
  return opened;
}

function inSeconds(seconds: number): Date {
  return new Date(Date.now() + seconds * 1000);
}

function write(content: string | readonly Buffer[], limit = maximumBytes) {
  return storage.write(key, Readable.from(typeof content === "string" ? [Buffer.from(content)] : content), {
    maximumBytes: limit,
  });
}

async function keysInBucket(): Promise<string[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
  return Contents.map((object) => object.Key ?? "");
}

async function unfinishedUploads(): Promise<number> {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  return Uploads.length;
}

async function download(): Promise<Response> {
  const { url } = await storage.signDownload({
    key,
    contentType: png,
    filename: "a.png",
    inline: false,
    expiresAt: inSeconds(60),
  });
  return fetch(url);
}

describe("the bucket", () => {
  test("gives back what was written, with its facts", async () => {
    const facts = await write("hello");
    expect(facts.size).toBe(5);
    expect(facts.etag).toMatch(/^"[0-9a-f]+"$/);
    expect(Math.abs(facts.modifiedAt.getTime() - Date.now())).toBeLessThan(60_000);
    const { sha256, ...stated } = facts;
    expect(await storage.stat(key)).toEqual(stated);
    expect(sha256).toBe("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    expect(await (await download()).text()).toBe("hello");
    expect((await write("other")).etag).not.toBe(facts.etag);
  });

  test("keeps empty objects, and large ones from streams of unknown length", async () => {
    expect((await write("")).size).toBe(0);
    const chunks = Array.from({ length: 130 }, (_, index) => Buffer.alloc(100_000, index));
    expect((await write(chunks)).size).toBe(13_000_000);
    expect(Buffer.concat(chunks).equals(Buffer.from(await (await download()).arrayBuffer()))).toBe(true);
  });

  test("keeps nothing above the limit, be it small or already sent in parts", async () => {
    await write("old");
    await expect(write("123456", 5)).rejects.toThrow(TooLarge);
    await expect(
      write(
        Array.from({ length: 130 }, () => Buffer.alloc(100_000)),
        12_999_999,
      ),
    ).rejects.toThrow(TooLarge);
    expect(await (await download()).text()).toBe("old");
    expect(await unfinishedUploads()).toBe(0);
  });

  test("keeps nothing of a stream that breaks off, and throws what broke it", async () => {
    const broken = new Error("the network went away");
    async function* breaking(megabytes: number): AsyncGenerator<Buffer> {
      for (let sent = 0; sent < megabytes; sent++) yield Buffer.alloc(1_000_000);
      throw broken;
    }
    await expect(storage.write(key, Readable.from(breaking(1)), { maximumBytes })).rejects.toBe(broken);
    await expect(storage.write(key, Readable.from(breaking(12)), { maximumBytes })).rejects.toBe(broken);
    expect(await storage.stat(key)).toBeNull();
    expect(await unfinishedUploads()).toBe(0);
  });

  test("removes objects, and does not mind those that are not there", async () => {
    const keys = Array.from({ length: 20 }, (_, index) => `account/many-${index}`);
    for (const one of keys) await storage.write(one, Readable.from(["x"]), { maximumBytes });
    await write("stays");
    await storage.remove([...keys, "account/none"]);
    expect(await keysInBucket()).toEqual([key]);
  });

  test("reads and lists what is there", async () => {
    expect(await storage.read(key)).toBeNull();
    await write("hello");
    expect(await text((await storage.read(key))!)).toBe("hello");
    const listed = await Array.fromAsync(storage.list());
    expect(listed.map(({ key: name, size }) => [name, size])).toEqual([[key, 5]]);
  });

  test("keeps what has arrived under another key, whatever comes after it", async () => {
    await write("hello");
    expect(await storage.collect!({ from: key, to: "account/kept" })).toMatchObject({ size: 5 });
    await write("another");
    expect(await text((await storage.read("account/kept"))!)).toBe("hello");
    expect(await storage.collect!({ from: "account/none", to: "account/late" })).toBeNull();
    expect(await storage.stat("account/late")).toBeNull();
    await storage.remove(["account/kept"]);
  });

  test("is moved to another key, once or again, and a URL of before leads to nothing", async () => {
    await write("hello");
    const served = { contentType: png, filename: "a.png", inline: false, expiresAt: inSeconds(60) };
    const { url } = await storage.signDownload({ key, ...served });
    expect((await fetch(url)).status).toBe(200);
    const to = "account/moved";
    await storage.move({ from: key, to });
    expect((await fetch(url)).status).toBe(404);
    expect(await text((await storage.read(to))!)).toBe("hello");
    await storage.move({ from: key, to });
    await storage.move({ from: "account/none", to: "account/late" });
    expect([(await storage.stat(to))?.size, await storage.stat("account/late"), await storage.stat(key)]).toEqual([
      5,
      null,
      null,
    ]);
    const moved = await storage.signDownload({ key: to, ...served });
    expect(await (await fetch(moved.url)).text()).toBe("hello");
    await storage.remove([to]);
  });

  test("is told to others by the address they reach it by, and asked by its own", async () => {
    const publicEndpoint = store.endpoint.replace("127.0.0.1", "localhost");
    const opened = createS3Storage({ bucket, region, endpoint: store.endpoint, publicEndpoint, clock: () => new Date() });
    onTestFinished(() => opened.close());
    const request = await opened.signUpload({ key, contentType: png, size: 5, expiresAt: inSeconds(60) });
    expect(request.url).toMatch(`${publicEndpoint}/${bucket}/${key}?`);
    const send = (url: string) => fetch(url, { method: "PUT", headers: request.headers, body: "hello" });
    // The host is signed: the URL is good at that address alone.
    expect((await send(request.url.replace("localhost", "127.0.0.1"))).status).toBe(403);
    expect((await send(request.url)).status).toBe(200);
    expect((await opened.stat(key))?.size).toBe(5);
    const { url } = await opened.signDownload({
      ...{ key, contentType: png, filename: "a.png", inline: false },
      expiresAt: inSeconds(60),
    });
    expect(url).toMatch(`${publicEndpoint}/`);
    expect(await (await fetch(url)).text()).toBe("hello");
  });

  test("is opened by the configuration", async () => {
    const opened = await openStorage(
      { kind: "s3", bucket, region, endpoint: store.endpoint },
      { publicUrl: "http://localhost", signer: createSigner("secret", "file-url"), clock: () => new Date(), maximumBytes },
    );
    expect(opened.kind).toBe("s3");
    await opened.check();
    await opened.close();
  });
});

describe("a signed upload", () => {
  async function put(headers: Record<string, string>, change: (url: string) => string = (url) => url): Promise<number> {
    const { url, method } = await storage.signUpload({ key, contentType: png, expiresAt: inSeconds(60) });
    return (await fetch(change(url), { method, headers, body: "hello" })).status;
  }

  test("is taken as it was handed out", async () => {
    const request = await storage.signUpload({ key, contentType: png, expiresAt: inSeconds(60) });
    const response = await fetch(request.url, { method: request.method, headers: request.headers, body: "hello" });
    expect(response.status).toBe(200);
    expect((await storage.stat(key))?.size).toBe(5);
  });

  test("is refused in every other way", async () => {
    const headers = { "content-type": png };
    expect(await put({ "content-type": "text/html" })).toBe(403);
    expect(await put({ "content-type": "image/png; charset=utf-8" })).toBe(403);
    expect(await put({})).toBe(403);
    expect(await put(headers, (url) => url.replace("account/1", "account/2"))).toBe(403);
    expect(await put(headers, (url) => url.replace(/X-Amz-Expires=\d+/, "X-Amz-Expires=600"))).toBe(403);
    expect(
      await put(headers, (url) =>
        url.replace(/(X-Amz-Signature=)(.)/, (_all, name, first) => name + (first === "0" ? "1" : "0")),
      ),
    ).toBe(403);
    expect(await put(headers, (url) => url.replace(/\?.*/, ""))).toBe(403);
    const { url } = await storage.signUpload({ key, contentType: png, expiresAt: inSeconds(60) });
    expect((await fetch(url)).status).toBe(403);
    expect((await fetch(url, { method: "DELETE" })).status).toBe(403);
    expect(await keysInBucket()).toEqual([]);
  });

  test("is refused once it has expired", async () => {
    const early = open({ now: () => inSeconds(-61) });
    const request = await early.signUpload({ key, contentType: png, expiresAt: inSeconds(-1) });
    expect((await fetch(request.url, { method: "PUT", headers: request.headers, body: "hello" })).status).toBe(403);
    expect(await storage.stat(key)).toBeNull();
  });
});

describe("a signed download", () => {
  async function sign(overrides: { filename?: string; inline?: boolean; contentType?: string } = {}): Promise<string> {
    const wanted = { key, contentType: png, filename: "photo.png", inline: false, expiresAt: inSeconds(60), ...overrides };
    return (await storage.signDownload(wanted)).url;
  }

  beforeEach(async () => {
    await write("0123456789");
  });

  test.each(["photo.png", 'żółć + "1" & 100%;=#?💡.png', "it's (1)*.png"])("answers type and name: %s", async (filename) => {
    const response = await fetch(await sign({ filename, contentType: "image/svg+xml", inline: true }));
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("image/svg+xml");
    const disposition = parseDisposition(response.headers.get("content-disposition") ?? "");
    expect([disposition.type, disposition.parameters["filename"]]).toEqual(["attachment", filename]);
    expect(await response.text()).toBe("0123456789");
  });

  test("may be shown in place where it is harmless", async () => {
    const response = await fetch(await sign({ inline: true }));
    expect(response.headers.get("content-disposition")).toBe("inline; filename=photo.png");
  });

  test("honours ranges and conditions", async () => {
    const part = await fetch(await sign(), { headers: { range: "bytes=2-4" } });
    expect([part.status, await part.text(), part.headers.get("content-range")]).toEqual([206, "234", "bytes 2-4/10"]);
    const etag = (await storage.stat(key))?.etag ?? "";
    expect((await fetch(await sign(), { headers: { "if-none-match": etag } })).status).toBe(304);
  });

  test("is refused when anything in it was changed, and once it has expired", async () => {
    const url = await sign();
    const changed = [
      url.replace("image%2Fpng", "text%2Fhtml"),
      url.replace("attachment", "inline"),
      url.replace("photo.png", "photo.exe"),
      url.replace("account/1", "account/2"),
      url.replace(/&response-content-disposition=[^&]*/, ""),
      url.slice(0, url.indexOf("?")),
    ];
    for (const other of changed) {
      expect(other).not.toBe(url);
      expect((await fetch(other)).status).toBe(403);
    }
    const early = open({ now: () => inSeconds(-61) });
    const expired = await early.signDownload({ key, contentType: png, filename: "a", inline: false, expiresAt: inSeconds(-1) });
    expect((await fetch(expired.url)).status).toBe(403);
    await storage.remove([key]);
    expect((await fetch(url)).status).toBe(404);
  });
});

describe("where the store does not do its part", () => {
  test("a bucket that is not there is no store", async () => {
    await storage.check();
    const nowhere = open({ bucket: "nowhere" });
    await expect(nowhere.check()).rejects.toThrow(Unavailable);
    await expect(nowhere.write(key, Readable.from(["x"]), { maximumBytes })).rejects.toThrow(Unavailable);
  });

  test("credentials that it does not know are our failure, not the caller's", async () => {
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "another");
    try {
      const stranger = open();
      await expect(stranger.check()).rejects.toThrow(Unavailable);
      await expect(stranger.stat(key)).rejects.toThrow(Unavailable);
      await expect(stranger.write(key, Readable.from(["x"]), { maximumBytes })).rejects.toThrow(Unavailable);
      await expect(stranger.remove([key])).rejects.toThrow(Unavailable);
    } finally {
      vi.stubEnv("AWS_SECRET_ACCESS_KEY", store.secretAccessKey);
    }
  });

  test("one that has frozen is noticed, and is fine again when it goes on", async () => {
    store.pause();
    try {
      await expect(storage.check()).rejects.toThrow(Unavailable);
    } finally {
      store.resume();
    }
    await storage.check();
  });
});
