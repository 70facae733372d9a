import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { link, mkdir, mkdtemp, readFile, realpath, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request as httpRequest } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { parse as parseDisposition } from "content-disposition";
import { assert, asyncProperty, string } from "fast-check";
import Fastify from "fastify";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { parseFilename } from "../src/attachments/filename.ts";
import { Forbidden, TooLarge, Unavailable } from "../src/errors.ts";
import { type FilesOptions, serveFiles } from "../src/http/server/files.ts";
import { createFileStorage, type FileStorage } from "../src/storage/file-storage.ts";
import { createSigner } from "../src/storage/signature.ts";
import type { ObjectFacts, WrittenObject } from "../src/storage/storage.ts";

const secret = "a secret of at least thirty-two characters";
// More than the body limit that Fastify has by default: it is none of ours.
const maximumBytes = 3_000_000;
const uploadMs = 60_000;
const downloadMs = 8 * 60 * 60 * 1000;

let directory: string;
let now: Date;
let storage: FileStorage;

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), "file-storage-")));
  now = new Date("2026-05-04T10:00:00.000Z");
  storage = await openStore();
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function openStore(overrides: { directory?: string; secret?: string; purpose?: string } = {}): Promise<FileStorage> {
  const store = await createFileStorage({
    directory: overrides.directory ?? directory,
    publicUrl: "https://gateway.example/base",
    signer: createSigner(overrides.secret ?? secret, overrides.purpose ?? "file-url"),
    clock: () => now,
    maximumBytes,
  });
  onTestFinished(() => store.close());
  return store;
}

function inMs(milliseconds: number): Date {
  return new Date(now.getTime() + milliseconds);
}

function put(key: string, content: string | Buffer, limit = maximumBytes): Promise<WrittenObject> {
  return storage.write(key, Readable.from([Buffer.from(content)]), { maximumBytes: limit });
}

async function contentOf(key: string): Promise<string | null> {
  const object = await storage.open(key);
  if (object === null) return null;
  if (object.facts.size > 0) return text(object.read(0, object.facts.size));
  await object.close();
  return "";
}

/** Every file below the store's directory, without the lock of the running store. */
function filesBelow(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && !entry.name.endsWith(".lock"))
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .toSorted();
}

describe("a move", () => {
  const from = "account/1";
  const to = "account/2";

  test("gives the object another key, and the old one is as if nothing had been written", async () => {
    const { etag } = await put(from, "hello");
    await storage.move({ from, to });
    expect([await contentOf(from), await contentOf(to)]).toEqual([null, "hello"]);
    expect(await storage.stat(to)).toMatchObject({ size: 5, etag });
    expect(await storage.stat(from)).toBeNull();
    expect(filesBelow(directory)).toEqual(["objects/account/2.object"]);
  });

  test("that was done can be done again, also after a restart", async () => {
    await put(from, "hello");
    await storage.move({ from, to });
    await storage.move({ from, to });
    await (await openStore()).move({ from, to });
    expect([await contentOf(from), await contentOf(to)]).toEqual([null, "hello"]);
  });

  test("of nothing does nothing, also to another directory", async () => {
    await storage.move({ from: "nobody/1", to: "somebody/1" });
    expect(await contentOf("somebody/1")).toBeNull();
    await put(from, "hello");
    await storage.move({ from, to: "somebody/1" });
    expect([await contentOf(from), await contentOf("somebody/1")]).toEqual([null, "hello"]);
  });

  test("by ten at once loses nothing", async () => {
    await put(from, "hello");
    await Promise.all(Array.from({ length: 10 }, () => storage.move({ from, to })));
    expect([await contentOf(from), await contentOf(to)]).toEqual([null, "hello"]);
  });

  test("of a link moves nothing, and of no key is a mistake", async () => {
    await mkdir(join(directory, "outside"));
    await writeFile(join(directory, "outside", "1.object"), "outside");
    await symlink(join(directory, "outside"), join(directory, "objects", "linked"));
    await storage.move({ from: "linked/1", to });
    expect(await contentOf(to)).toBeNull();
    expect(await readFile(join(directory, "outside", "1.object"), "utf8")).toBe("outside");
    await expect(storage.move({ from: "../outside", to })).rejects.toThrow("not a key");
    await expect(storage.move({ from, to: "../outside" })).rejects.toThrow("not a key");
  });

  test("that the file system refuses is told, and leaves the object where it was", async () => {
    await put(from, "hello");
    await writeFile(join(directory, "objects", "blocked"), "a file");
    await expect(storage.move({ from, to: "blocked/1" })).rejects.toThrow(Unavailable);
    expect(await contentOf(from)).toBe("hello");
  });
});

describe("the store", () => {
  test("gives back what was written, with its facts", async () => {
    const facts = await put("account/1", "hello");
    expect(facts.size).toBe(5);
    expect(facts.etag).toMatch(/^"[0-9a-z-]+"$/);
    const { sha256, ...stated } = facts;
    expect(await storage.stat("account/1")).toEqual(stated);
    expect(sha256).toBe("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    expect(await contentOf("account/1")).toBe("hello");
    expect((await stat(join(directory, "objects/account/1.object"))).mode & 0o777).toBe(0o600);
  });

  test("knows nothing of what was never written", async () => {
    expect(await storage.stat("account/1")).toBeNull();
    expect(await storage.open("account/1")).toBeNull();
  });

  test("keeps empty objects, text streams, and objects of many chunks", async () => {
    expect((await put("a/empty", "")).size).toBe(0);
    expect(await contentOf("a/empty")).toBe("");
    await storage.write("a/text", Readable.from(["é", "💡"]), { maximumBytes: 6 });
    expect(await contentOf("a/text")).toBe("é💡");
    const chunks = Array.from({ length: 50 }, (_, index) => Buffer.alloc(10_000, index));
    await storage.write("a/many", Readable.from(chunks), { maximumBytes });
    const object = await storage.open("a/many");
    expect(Buffer.concat(chunks).equals(await buffer(object!.read(0, object!.facts.size)))).toBe(true);
  });

  test("replaces an object at once, with another tag even for the same bytes", async () => {
    const first = await put("account/1", "one");
    const reading = await storage.open("account/1");
    const second = await put("account/1", "two");
    expect(second.etag).not.toBe(first.etag);
    expect((await put("account/1", "two")).etag).not.toBe(second.etag);
    expect(await text(reading!.read(0, 3))).toBe("one");
    expect(await contentOf("account/1")).toBe("two");
  });

  test("keeps an object and those below its key apart", async () => {
    await put("a", "object");
    await put("a/b", "below");
    await put("a/b/c", "further below");
    expect([await contentOf("a"), await contentOf("a/b"), await contentOf("a/b/c")]).toEqual([
      "object",
      "below",
      "further below",
    ]);
  });

  test("removes objects, and does not mind those that are not there", async () => {
    await put("account/1", "one");
    await put("account/2", "two");
    await storage.remove(["account/1", "account/3", "elsewhere/1", "account/1"]);
    expect(filesBelow(directory)).toEqual(["objects/account/2.object"]);
  });

  test("takes the limit itself, and keeps nothing of one byte more", async () => {
    await put("account/1", "12345", 5);
    await expect(put("account/1", "123456", 5)).rejects.toThrow(TooLarge);
    expect(await contentOf("account/1")).toBe("12345");
    expect(filesBelow(directory)).toEqual(["objects/account/1.object"]);
  });

  test("keeps nothing of a stream that breaks off, and throws what broke it", async () => {
    const broken = new Error("the network went away");
    async function* breaking(): AsyncGenerator<Buffer> {
      yield Buffer.from("half");
      throw broken;
    }
    await expect(storage.write("account/1", Readable.from(breaking()), { maximumBytes })).rejects.toBe(broken);
    const failedBefore = new PassThrough();
    failedBefore.destroy(broken);
    await expect(storage.write("account/1", failedBefore, { maximumBytes })).rejects.toBe(broken);
    expect(filesBelow(directory)).toEqual([]);
  });

  test("leaves the stream that was too long to its owner", async () => {
    const stream = Readable.from([Buffer.alloc(10), Buffer.alloc(10), Buffer.from("rest")]);
    await expect(storage.write("account/1", stream, { maximumBytes: 15 })).rejects.toThrow(TooLarge);
    expect(stream.destroyed).toBe(false);
    expect(await text(stream)).toBe("rest");
  });

  test.each([
    "",
    "/",
    "/etc/passwd",
    "..",
    "../outside",
    "a/../../outside",
    "a/./b",
    "a//b",
    "a/",
    "a.b",
    "a\\b",
    "a b",
    "a\0b",
    "a%2e",
    "-a",
    "_a",
    "é",
    "a\n",
    "a".repeat(201),
    `${"a/".repeat(300)}a`,
  ])("refuses %j as a key", async (key) => {
    const failure = "That is not a key of the object store.";
    await expect(put(key, "x")).rejects.toThrow(failure);
    await expect(storage.open(key)).rejects.toThrow(failure);
    await expect(storage.stat(key)).rejects.toThrow(failure);
    await expect(storage.remove([key])).rejects.toThrow(failure);
    await expect(storage.signUpload({ key, contentType: "a/b", expiresAt: now })).rejects.toThrow(failure);
    expect(filesBelow(directory)).toEqual([]);
  });

  test("follows no link out of its directory", async () => {
    const outside = await mkdtemp(join(tmpdir(), "outside-"));
    onTestFinished(() => rm(outside, { recursive: true }));
    await writeFile(join(outside, "secret.object"), "secret");
    await put("account/1", "one");
    await symlink(join(outside, "secret.object"), join(directory, "objects/account/link.object"));
    await symlink(outside, join(directory, "objects/away"));

    expect(await storage.open("account/link")).toBeNull();
    expect(await storage.stat("away/secret")).toBeNull();
    await storage.remove(["away/secret", "account/link"]);
    await expect(put("away/new", "x")).rejects.toThrow(Unavailable);
    await expect(put("away/deeper/new", "x")).rejects.toThrow(Unavailable);
    expect(filesBelow(outside)).toEqual(["secret.object"]);
    expect(readdirSync(join(directory, "objects/account"))).toEqual(["1.object"]);
    // A link in an object's place is replaced, not written through.
    await symlink(join(outside, "secret.object"), join(directory, "objects/account/link.object"));
    await put("account/link", "mine");
    expect(await readFile(join(outside, "secret.object"), "utf8")).toBe("secret");
    expect(await contentOf("account/link")).toBe("mine");
  });

  test("may itself be reached by a link, and takes a directory for no object", async () => {
    await symlink(directory, `${directory}-link`);
    onTestFinished(() => rm(`${directory}-link`));
    const linked = await openStore({ directory: `${directory}-link` });
    await linked.write("account/1", Readable.from(["x"]), { maximumBytes });
    expect(await contentOf("account/1")).toBe("x");
    await mkdir(join(directory, "objects/account/2.object"));
    expect(await storage.stat("account/2")).toBeNull();
  });

  test("says Unavailable where the disk does not do its part", async () => {
    await storage.check();
    await rename(join(directory, "incoming"), join(directory, "gone"));
    await expect(storage.check()).rejects.toThrow(Unavailable);
    await expect(put("account/1", "x")).rejects.toThrow(Unavailable);
    await rename(join(directory, "gone"), join(directory, "incoming"));
    await storage.check();
    await writeFile(join(directory, "objects/file"), "");
    await expect(put("file/1", "x")).rejects.toThrow(Unavailable);
    await expect(storage.open("file/1")).rejects.toThrow(Unavailable);
    expect(filesBelow(directory)).toEqual(["objects/file"]);
  });

  test("leaves nothing but the objects when it is closed", async () => {
    const other = await openStore();
    await other.write("account/1", Readable.from(["x"]), { maximumBytes });
    await other.close();
    await storage.close();
    expect(readdirSync(join(directory, "incoming"))).toEqual([]);
    expect(filesBelow(directory)).toEqual(["objects/account/1.object"]);
  });
});

describe("a process that is killed while it writes", () => {
  /** Another process that has written half of `account/1`, and finishes on a message. */
  async function startWriter(): Promise<ChildProcess> {
    const program = `
      import { PassThrough } from "node:stream";
      import { createFileStorage } from "./src/storage/file-storage.ts";
      import { createSigner } from "./src/storage/signature.ts";
      const storage = await createFileStorage({ directory: process.argv[1], publicUrl: "http://localhost",
        signer: createSigner("secret", "file-url"), clock: () => new Date(), maximumBytes: 1e6 });
      const bytes = new PassThrough();
      const written = storage.write("account/1", bytes, { maximumBytes: 1e6 });
      bytes.write("half");
      process.stdin.once("data", async () => { bytes.end(" and half"); await written; await storage.close(); process.exit(0); });
      bytes.once("drain", () => undefined);
      const poll = setInterval(() => { if (bytes.readableLength === 0) { clearInterval(poll); setTimeout(() => console.log("half"), 50); } }, 5);
    `;
    const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", program, directory], {
      cwd: join(import.meta.dirname, ".."),
      stdio: ["pipe", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout, "data");
    return child;
  }

  test("leaves the old object, and the next start removes what it had begun", async () => {
    await put("account/1", "old");
    const child = await startWriter();
    expect(filesBelow(join(directory, "incoming"))).toHaveLength(1);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(filesBelow(join(directory, "incoming"))).toHaveLength(1);
    await openStore();
    expect(filesBelow(directory)).toEqual(["objects/account/1.object"]);
    expect(await contentOf("account/1")).toBe("old");
  });

  test("but a start leaves alone what a living process writes", async () => {
    const child = await startWriter();
    await openStore();
    expect(filesBelow(join(directory, "incoming"))).toHaveLength(1);
    child.stdin?.write("go on");
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
    expect(await contentOf("account/1")).toBe("half and half");
    expect(filesBelow(directory)).toEqual(["objects/account/1.object"]);
  });
});

describe("a signed URL", () => {
  async function signedUpload(): Promise<URL> {
    const { url } = await storage.signUpload({ key: "account/1", contentType: "image/png", expiresAt: inMs(uploadMs) });
    return new URL(url);
  }

  async function signedDownload(filename = "a b.png"): Promise<URL> {
    const { url } = await storage.signDownload({
      key: "account/1",
      contentType: "image/png",
      filename,
      inline: false,
      expiresAt: inMs(downloadMs),
    });
    return new URL(url);
  }

  test("says what it is for, below the public URL", async () => {
    const request = await storage.signUpload({ key: "account/1", contentType: "image/svg+xml", expiresAt: inMs(uploadMs) });
    expect(request).toMatchObject({ method: "PUT", headers: { "content-type": "image/svg+xml" }, expiresAt: inMs(uploadMs) });
    expect(request.url).toMatch(
      /^https:\/\/gateway\.example\/base\/files\/account\/1\?expires=\d+&type=image%2Fsvg%2Bxml&signature=[\w-]{43}$/,
    );
    expect(storage.verifyUpload("account/1", new URL(request.url).searchParams)).toEqual({ contentType: "image/svg+xml" });
  });

  test("carries any filename", async () => {
    const filename = 'żółć + "1" & 100%;=#?💡.png';
    const url = await signedDownload(filename);
    expect(url.href).toMatch(/^[!-~]+$/);
    expect(storage.verifyDownload("account/1", url.searchParams)).toEqual({
      contentType: "image/png",
      filename,
      inline: false,
      secondsLeft: downloadMs / 1000,
    });
  });

  test("lives to the millisecond", async () => {
    const { searchParams } = await signedUpload();
    now = inMs(uploadMs - 1);
    expect(storage.verifyUpload("account/1", searchParams)).toEqual({ contentType: "image/png" });
    now = inMs(1);
    expect(() => storage.verifyUpload("account/1", searchParams)).toThrow("This URL has expired: ask for a fresh one.");
  });

  test.each(["expires", "type", "disposition", "filename", "signature"])(
    "is refused without its %s, or with another",
    async (name) => {
      const { searchParams } = await signedDownload();
      const other = new URLSearchParams(searchParams);
      searchParams.delete(name);
      expect(() => storage.verifyDownload("account/1", searchParams)).toThrow(Forbidden);
      other.set(name, `${other.get(name)}0`);
      expect(() => storage.verifyDownload("account/1", other)).toThrow(Forbidden);
    },
  );

  test("is refused for another key, the other method, another secret and another purpose", async () => {
    const upload = await signedUpload();
    const download = await signedDownload();
    expect(() => storage.verifyUpload("account/2", upload.searchParams)).toThrow(Forbidden);
    expect(() => storage.verifyDownload("account/1", upload.searchParams)).toThrow(Forbidden);
    expect(() => storage.verifyUpload("account/1", download.searchParams)).toThrow(Forbidden);
    for (const other of [await openStore({ secret: `${secret}!` }), await openStore({ purpose: "cursor" })]) {
      expect(() => other.verifyUpload("account/1", upload.searchParams)).toThrow(Forbidden);
      expect(() => other.verifyDownload("account/1", download.searchParams)).toThrow(Forbidden);
    }
  });

  test("that never expires is not signed into being", async () => {
    const { url } = await storage.signUpload({ key: "account/1", contentType: "image/png", expiresAt: new Date(Number.NaN) });
    expect(() => storage.verifyUpload("account/1", new URL(url).searchParams)).toThrow(Forbidden);
  });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

describe("over HTTP", () => {
  let port: number;
  let stored: { key: string; size: number }[];
  let receive: FilesOptions["receive"];
  let failuresLogged: string[];

  beforeEach(async () => {
    stored = [];
    failuresLogged = [];
    receive = async (key, { bytes }) => {
      const facts = await storage.write(key, bytes, { maximumBytes });
      stored.push({ key, size: facts.size });
      return facts;
    };
    port = await serve();
  });

  async function serve(times: Partial<FilesOptions> = {}): Promise<number> {
    const app = Fastify({ logger: { level: "error", stream: { write: (line: string) => void failuresLogged.push(line) } } });
    await app.register(serveFiles, { storage, receive: (key, sent, request) => receive(key, sent, request), ...times });
    await app.listen({ host: "127.0.0.1", port: 0 });
    onTestFinished(async () => {
      app.server.closeAllConnections();
      await app.close();
    });
    // The address of a server that listens on a TCP port is never a text.
    return (app.server.address() as AddressInfo).port;
  }

  async function uploadPath(key = "account/1", contentType = "image/png"): Promise<string> {
    const { url } = await storage.signUpload({ key, contentType, expiresAt: inMs(uploadMs) });
    return url.slice("https://gateway.example/base".length);
  }

  async function downloadPath(
    overrides: { key?: string; contentType?: string; filename?: string; inline?: boolean } = {},
  ): Promise<string> {
    const { url } = await storage.signDownload({
      key: "account/1",
      contentType: "image/png",
      filename: "photo.png",
      inline: false,
      ...overrides,
      expiresAt: inMs(downloadMs),
    });
    return url.slice("https://gateway.example/base".length);
  }

  async function send(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders = {},
    body: string | Buffer | Readable = "",
    toPort = port,
  ): Promise<Answer> {
    const request = httpRequest({ host: "127.0.0.1", port: toPort, method, path, headers, agent: false });
    const answered = once(request, "response");
    if (body instanceof Readable) body.pipe(request);
    else request.end(body);
    const [response] = await answered;
    return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
  }

  async function upload(content: string | Buffer | Readable, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    return send("PUT", await uploadPath(), { "content-type": "image/png", ...headers }, content);
  }

  function problemOf(answer: Answer): { status: number; detail: string } {
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    const problem = JSON.parse(answer.body.toString());
    expect(problem).toMatchObject({ type: "about:blank", status: answer.status, title: expect.any(String) });
    // No path, no key, no file system.
    expect(answer.body.toString()).not.toMatch(/account|objects|incoming|ENO|Error:/);
    expect(answer.body.toString()).not.toContain(directory);
    return { status: answer.status, detail: problem.detail };
  }

  describe("PUT", () => {
    test("stores the bytes, tells of them, and answers 200 with an empty body", async () => {
      const answer = await upload("hello");
      expect(answer.status).toBe(200);
      expect(answer.body.length).toBe(0);
      expect(answer.headers["etag"]).toBe((await storage.stat("account/1"))?.etag);
      expect(stored).toEqual([{ key: "account/1", size: 5 }]);
      expect(await contentOf("account/1")).toBe("hello");
    });

    test("takes chunks of unknown length, empty files, and a file of exactly the limit", async () => {
      expect((await upload(Readable.from([Buffer.from("in "), Buffer.from("chunks")]))).status).toBe(200);
      expect(await contentOf("account/1")).toBe("in chunks");
      expect((await upload("", { "content-length": 0 })).status).toBe(200);
      expect(await contentOf("account/1")).toBe("");
      expect((await upload(Buffer.alloc(maximumBytes))).status).toBe(200);
      expect(stored.map((object) => object.size)).toEqual([9, 0, maximumBytes]);
    });

    test.each([
      ["application/json", "{ this is not JSON"],
      ["multipart/form-data", "--neither is this a form"],
      ["application/x-www-form-urlencoded", "a=1&b=2"],
      ["text/plain", "text"],
    ])("leaves a body of %s as it is", async (type, content) => {
      const answer = await send("PUT", await uploadPath("account/1", type), { "content-type": type }, content);
      expect(answer.status).toBe(200);
      expect(await contentOf("account/1")).toBe(content);
    });

    test.each([
      ["image/png", "image/png"],
      ["image/png", "IMAGE/PNG"],
      ["image/png", "image/png; charset=binary"],
      ["text/plain", "text/plain;charset=utf-8"],
      ["application/xml", "text/xml"],
      ["audio/wav", "audio/x-wav"],
      ["application/vnd.of-our-own", "application/vnd.of-our-own"],
    ])("takes for %s the Content-Type %s", async (signed, sent) => {
      expect((await send("PUT", await uploadPath("account/1", signed), { "content-type": sent }, "x")).status).toBe(200);
    });

    test.each([
      ["image/png", undefined],
      ["image/png", "image/jpeg"],
      ["image/png", "image/pngx"],
      ["image/png", "text/html"],
      ["image/png", "application/octet-stream"],
      ["image/png", ""],
      ["image/png", "image"],
      ["image/png", "not a type at all"],
      ["image/png", "constructor"],
      ["text/plain", "text/html"],
      ["application/vnd.of-our-own", "application/vnd.of-others"],
    ])("refuses for %s the Content-Type %s", async (signed, sent) => {
      const headers = sent === undefined ? {} : { "content-type": sent };
      expect(problemOf(await send("PUT", await uploadPath("account/1", signed), headers, "x")).status).toBe(403);
      expect(filesBelow(directory)).toEqual([]);
      expect(stored).toEqual([]);
    });

    test("refuses forged, expired and foreign URLs", async () => {
      const path = await uploadPath();
      const download = await downloadPath();
      const headers = { "content-type": "image/png" };
      const forgeries = [
        path.slice(0, -1),
        `${path}A`,
        path.replace(/signature=.*/, "signature="),
        path.replace(/signature=.*/, `signature=${createSigner(secret, "cursor").sign(["PUT", "account/1"])}`),
        path.replace("account/1", "account/2"),
        path.replace("account/1", "account/../account/1"),
        path.replace("account/1", "account//1"),
        path.replace("account/1", "account/1/"),
        path.replace("account/1", "..%2f..%2fetc%2fpasswd"),
        path.replace("account/1", ""),
        path.replace("image%2Fpng", "text%2Fhtml"),
        path.replace(/expires=(\d)/, "expires=9$1"),
        path.replace(/\?.*/, ""),
        download,
      ];
      const answers = await Promise.all(forgeries.map((forgery) => send("PUT", forgery, headers, "x")));
      expect(answers.map((answer) => problemOf(answer).status)).toEqual(forgeries.map(() => 403));
      expect(filesBelow(directory)).toEqual([]);

      now = inMs(uploadMs + 1000);
      expect(problemOf(await send("PUT", path, headers, "x"))).toEqual({
        status: 403,
        detail: "This URL has expired: ask for a fresh one.",
      });
      expect(filesBelow(directory)).toEqual([]);
    });

    test("spells a key in one way only", async () => {
      const path = (await uploadPath()).replace("account/1", "%61ccount%2F1");
      expect((await send("PUT", path, { "content-type": "image/png" }, "x")).status).toBe(200);
      expect(filesBelow(directory)).toEqual(["objects/account/1.object"]);
    });

    test("may end after the URL has expired, if it began before", async () => {
      const body = new PassThrough();
      body.write("begun ");
      const answer = upload(body);
      await expect.poll(() => filesBelow(join(directory, "incoming"))).toHaveLength(1);
      now = inMs(uploadMs + 1000);
      body.end("in time");
      expect((await answer).status).toBe(200);
      expect(await contentOf("account/1")).toBe("begun in time");
    });

    test("is refused by its Content-Length, before its bytes are read", async () => {
      const request = httpRequest({
        host: "127.0.0.1",
        port,
        method: "PUT",
        path: await uploadPath(),
        headers: { "content-type": "image/png", "content-length": maximumBytes + 1 },
        agent: false,
      });
      request.on("error", () => undefined);
      request.write("only the beginning");
      const [response] = await once(request, "response");
      const answer = { status: response.statusCode, headers: response.headers, body: await buffer(response) };
      expect(problemOf(answer)).toEqual({ status: 413, detail: `A file may have at most ${maximumBytes} bytes.` });
      expect(filesBelow(directory)).toEqual([]);
      request.destroy();
    });

    test("is refused when it turns out to be too large, and the client gets to know", async () => {
      await put("account/1", "old");
      const tooMuch = Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(100_000)));
      expect(problemOf(await upload(tooMuch)).status).toBe(413);
      expect(stored).toEqual([]);
      expect(await contentOf("account/1")).toBe("old");
      expect(filesBelow(directory)).toEqual(["objects/account/1.object"]);
    });

    test("that was refused and goes on sending is cut off", async () => {
      const impatient = await serve({ lingerMilliseconds: 50 });
      const socket = connect(impatient, "127.0.0.1");
      socket.write(
        `PUT ${await uploadPath()} HTTP/1.1\r\nHost: a\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n`,
      );
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.on("error", () => undefined);
      const pouring = setInterval(() => socket.write(`400\r\n${"x".repeat(1024)}\r\n`), 5);
      onTestFinished(() => clearInterval(pouring));
      const [answer] = await once(socket, "data");
      expect(String(answer)).toMatch(/^HTTP\/1\.1 403 /);
      await closed;
    });

    test("is refused with a Content-Encoding or as a part", async () => {
      expect(problemOf(await upload("x", { "content-encoding": "gzip" })).status).toBe(415);
      expect(problemOf(await upload("x", { "content-encoding": "br, identity" })).status).toBe(415);
      expect(problemOf(await upload("x", { "content-range": "bytes 0-0/10" })).status).toBe(400);
      expect(filesBelow(directory)).toEqual([]);
      expect((await upload("x", { "content-encoding": "Identity" })).status).toBe(200);
    });

    test("works for a client that waits for 100 Continue", async () => {
      const request = httpRequest({
        host: "127.0.0.1",
        port,
        method: "PUT",
        path: await uploadPath(),
        headers: { "content-type": "image/png", "content-length": 5, expect: "100-continue" },
        agent: false,
      });
      request.flushHeaders();
      await once(request, "continue");
      request.end("hello");
      const [response] = await once(request, "response");
      expect(response.statusCode).toBe(200);
      expect(await contentOf("account/1")).toBe("hello");
    });

    test("that breaks off leaves nothing, whether its length was told or not", async () => {
      await put("account/1", "old");
      for (const length of ["Content-Length: 1000", "Transfer-Encoding: chunked"]) {
        const socket = connect(port, "127.0.0.1");
        socket.write(
          `PUT ${await uploadPath()} HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\n${length}\r\n\r\n64\r\n${"x".repeat(100)}`,
        );
        await expect.poll(() => filesBelow(join(directory, "incoming"))).toHaveLength(1);
        socket.destroy();
        await expect.poll(() => filesBelow(join(directory, "incoming"))).toEqual([]);
      }
      expect(await contentOf("account/1")).toBe("old");
      expect(stored).toEqual([]);
      expect(failuresLogged).toEqual([]);
    });

    test("that ends before its Content-Length leaves nothing", async () => {
      const socket = connect(port, "127.0.0.1");
      socket.end(`PUT ${await uploadPath()} HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 6\r\n\r\nhello`);
      await once(socket.resume(), "close");
      await expect.poll(() => filesBelow(directory)).toEqual([]);
      expect(stored).toEqual([]);
    });

    test("takes no more than its Content-Length: what follows is the next request", async () => {
      const socket = connect(port, "127.0.0.1");
      const next = "GET /files/account/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
      socket.write(
        `PUT ${await uploadPath()} HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 5\r\n\r\nhello${next}`,
      );
      const answers = await text(socket);
      expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 403"]);
      expect(await contentOf("account/1")).toBe("hello");
    });

    test("that stands still is dropped", async () => {
      const impatient = await serve({ idleMilliseconds: 50 });
      const socket = connect(impatient, "127.0.0.1");
      socket.write(
        `PUT ${await uploadPath()} HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 6\r\n\r\nhello`,
      );
      await once(socket.resume(), "close");
      await expect.poll(() => filesBelow(directory)).toEqual([]);
    });

    test("that ends last wins, whole, also where it began first", async () => {
      const slow = new PassThrough();
      slow.write("slow, ");
      const first = upload(slow);
      await expect.poll(() => filesBelow(join(directory, "incoming"))).toHaveLength(1);
      expect((await upload("quick")).status).toBe(200);
      expect(await contentOf("account/1")).toBe("quick");
      slow.end("but last");
      expect((await first).status).toBe(200);
      expect(await contentOf("account/1")).toBe("slow, but last");
    });

    test("that is refused is answered with what was wrong", async () => {
      receive = async () => Promise.reject(new Forbidden("Nobody waits for this file any more."));
      expect(problemOf(await upload("hello"))).toEqual({ status: 403, detail: "Nobody waits for this file any more." });
      receive = async (key, { bytes }) => storage.write(key, bytes, { maximumBytes, exactBytes: 4 });
      for (const content of ["123", "12345"]) {
        const { status, detail } = problemOf(await upload(content));
        expect([status, detail]).toEqual([400, expect.stringMatching(/^The file was to have 4 bytes, and has/)]);
      }
      expect(filesBelow(directory)).toEqual([]);
    });

    test("says how long it is, where its request does", async () => {
      const lengths: (number | undefined)[] = [];
      receive = async (key, { bytes, length }) => {
        lengths.push(length);
        return storage.write(key, bytes, { maximumBytes });
      };
      await upload("hello", { "content-length": "5" });
      await upload(Readable.from(["hello"]));
      expect(lengths).toEqual([5, undefined]);
    });

    test("of which nobody could be told is a failure that says no more than that", async () => {
      const usual = receive;
      receive = async () => Promise.reject(new Unavailable({ cause: new Error("connect ECONNREFUSED 10.0.0.1") }));
      expect(problemOf(await upload("hello")).status).toBe(503);
      receive = async () => Promise.reject(new Error("SELECT * FROM attachments"));
      expect(problemOf(await upload("hello"))).toEqual({
        status: 500,
        detail: expect.stringMatching(/^Something went wrong here\./),
      });
      expect(failuresLogged.map((line) => /ECONNREFUSED|SELECT/.exec(line)?.[0])).toEqual(["ECONNREFUSED", "SELECT"]);
      receive = usual;
      expect((await upload("hello")).status).toBe(200);
    });

    test("into a store that is away is answered 503", async () => {
      await rename(join(directory, "incoming"), join(directory, "gone"));
      expect(problemOf(await upload("hello")).status).toBe(503);
      await rename(join(directory, "gone"), join(directory, "incoming"));
      expect((await upload("hello")).status).toBe(200);
    });
  });

  describe("GET", () => {
    const content = "0123456789";
    let facts: ObjectFacts;

    beforeEach(async () => {
      facts = await put("account/1", content);
    });

    test("answers the bytes with everything a client has to know", async () => {
      const answer = await send("GET", await downloadPath());
      expect(answer.status).toBe(200);
      expect(answer.body.toString()).toBe(content);
      expect(answer.headers).toMatchObject({
        "content-type": "image/png",
        "content-length": "10",
        "content-disposition": "attachment; filename=photo.png",
        "accept-ranges": "bytes",
        etag: facts.etag,
        "last-modified": facts.modifiedAt.toUTCString(),
        "cache-control": "private, max-age=300",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
      });
    });

    test("HEAD answers the same headers and no body", async () => {
      const path = await downloadPath();
      const get = await send("GET", path);
      const head = await send("HEAD", path, { range: "bytes=0-1" });
      const { date: _getDate, ...getHeaders } = get.headers;
      const { date: _headDate, ...headHeaders } = head.headers;
      expect(head.status).toBe(200);
      expect(headHeaders).toEqual(getHeaders);
      expect(head.body.length).toBe(0);
      expect((await send("HEAD", `${path}A`)).status).toBe(403);
    });

    test("lets nothing be cached beyond the life of the URL", async () => {
      const path = await downloadPath();
      now = inMs(downloadMs - 90_500);
      expect((await send("GET", path)).headers["cache-control"]).toBe("private, max-age=90");
    });

    test.each([
      "application/json",
      "text/plain",
      "text/html",
      "text/html; charset=utf-8",
      "application/xml",
      "application/octet-stream",
    ])("serves %s to the letter", async (contentType) => {
      const answer = await send("GET", await downloadPath({ contentType }));
      expect(answer.headers["content-type"]).toBe(contentType);
      expect(answer.body.toString()).toBe(content);
      expect((await send("HEAD", await downloadPath({ contentType }))).headers["content-type"]).toBe(contentType);
    });

    test("shows harmless types in place when asked to, and no others", async () => {
      const shown = await send("GET", await downloadPath({ inline: true }));
      expect(shown.headers["content-disposition"]).toBe("inline; filename=photo.png");
      const page = await send("GET", await downloadPath({ inline: true, contentType: "text/html", filename: "photo.html" }));
      expect(page.headers["content-disposition"]).toBe("attachment; filename=photo.html");
      const asked = (await downloadPath()).replace("disposition=attachment", "disposition=inline");
      expect(problemOf(await send("GET", asked)).status).toBe(403);
    });

    test("offers any filename as it was given", async () => {
      const names = string({ unit: "grapheme", minLength: 1, maxLength: 20 });
      let offered = 0;
      await assert(
        asyncProperty(names, async (name) => {
          try {
            parseFilename(name);
          } catch {
            return;
          }
          offered += 1;
          const { headers } = await send("HEAD", await downloadPath({ filename: name }));
          expect(parseDisposition(headers["content-disposition"] ?? "").parameters["filename"]).toBe(name);
        }),
        { numRuns: 100 },
      );
      expect(offered).toBeGreaterThan(50);
    });

    test("refuses forged and expired URLs, and does not know what is gone", async () => {
      const path = await downloadPath();
      const forgeries = [
        `${path}A`,
        path.replace("account/1", "account/2"),
        path.replace("photo.png", "photo.exe"),
        path.replace("image%2Fpng", "text%2Fhtml"),
        path.replace("account/1", "..%2F..%2F..%2Fetc%2Fpasswd"),
        path.replace(/\?.*/, ""),
        await uploadPath(),
      ];
      const answers = await Promise.all(forgeries.map((forgery) => send("GET", forgery)));
      expect(answers.map((answer) => problemOf(answer).status)).toEqual(forgeries.map(() => 403));
      expect(problemOf(await send("GET", await downloadPath({ key: "account/2" }))).status).toBe(404);
      await storage.remove(["account/1"]);
      expect(problemOf(await send("GET", path)).status).toBe(404);
      now = inMs(downloadMs);
      expect(problemOf(await send("GET", path)).status).toBe(403);
    });

    test.each([
      ["bytes=0-0", "0", "bytes 0-0/10"],
      ["bytes=0-9", content, "bytes 0-9/10"],
      ["bytes=2-4", "234", "bytes 2-4/10"],
      ["bytes=5-", "56789", "bytes 5-9/10"],
      ["bytes=9-", "9", "bytes 9-9/10"],
      ["bytes=5-99999999999999999999999", "56789", "bytes 5-9/10"],
      ["bytes=-3", "789", "bytes 7-9/10"],
      ["bytes=-10", content, "bytes 0-9/10"],
      ["bytes=-99999999999999999999999", content, "bytes 0-9/10"],
      ["Bytes=00-01", "01", "bytes 0-1/10"],
    ])("answers Range: %s with 206 and %s", async (range, part, contentRange) => {
      const answer = await send("GET", await downloadPath(), { range });
      expect(answer.status).toBe(206);
      expect(answer.body.toString()).toBe(part);
      expect(answer.headers).toMatchObject({
        "content-range": contentRange,
        "content-length": String(part.length),
        etag: facts.etag,
      });
    });

    test.each(["bytes=10-", "bytes=10-11", "bytes=99999999999999999999999-", "bytes=-0"])(
      "answers Range: %s with 416",
      async (range) => {
        const answer = await send("GET", await downloadPath(), { range });
        expect(problemOf(answer).status).toBe(416);
        expect(answer.headers["content-range"]).toBe("bytes */10");
      },
    );

    test.each([
      "bytes=4-2",
      "bytes=",
      "bytes=-",
      "bytes=a-b",
      "bytes=0x1-2",
      "bytes=1.5-2",
      "bytes=+1-2",
      "bytes = 0-1",
      "bytes=0-1,3-4",
      "bytes=0-1,",
      "lines=0-1",
      "0-1",
      "",
    ])("answers Range: %j with the whole", async (range) => {
      const answer = await send("GET", await downloadPath(), { range });
      expect(answer.status).toBe(200);
      expect(answer.body.toString()).toBe(content);
      expect(answer.headers["content-range"]).toBeUndefined();
    });

    test("answers an empty file, which has no part", async () => {
      await put("account/1", "");
      const answer = await send("GET", await downloadPath());
      expect([answer.status, answer.headers["content-length"], answer.headers["content-type"]]).toEqual([
        200,
        "0",
        "image/png",
      ]);
      for (const range of ["bytes=0-", "bytes=-5"]) {
        const part = await send("GET", await downloadPath(), { range });
        expect([part.status, part.headers["content-range"]]).toEqual([416, "bytes */0"]);
      }
    });

    test("answers a part only of the file that If-Range names", async () => {
      const range = "bytes=2-4";
      const path = await downloadPath();
      const statusFor = async (ifRange: string): Promise<number> =>
        (await send("GET", path, { range, "if-range": ifRange })).status;
      expect(await statusFor(facts.etag)).toBe(206);
      expect(await statusFor('"another"')).toBe(200);
      expect(await statusFor(`W/${facts.etag}`)).toBe(200);
      expect(await statusFor(facts.modifiedAt.toUTCString())).toBe(200);
      // What does not apply is not judged either.
      expect((await send("GET", path, { range: "bytes=10-", "if-range": '"another"' })).status).toBe(200);
    });

    test("answers 304 to a client that has it", async () => {
      const path = await downloadPath();
      for (const tag of [facts.etag, `W/${facts.etag}`, `"a", ${facts.etag}`, "*"]) {
        const answer = await send("GET", path, { "if-none-match": tag });
        expect(answer.status).toBe(304);
        expect(answer.body.length).toBe(0);
        expect(answer.headers["etag"]).toBe(facts.etag);
        expect(answer.headers["cache-control"]).toBe("private, max-age=300");
      }
      expect((await send("HEAD", path, { "if-none-match": facts.etag })).status).toBe(304);
      expect((await send("GET", path, { "if-modified-since": facts.modifiedAt.toUTCString() })).status).toBe(304);
      // A condition comes before a range.
      expect((await send("GET", path, { "if-none-match": facts.etag, range: "bytes=99-" })).status).toBe(304);
    });

    test("answers the bytes where a condition does not say otherwise", async () => {
      const before = new Date(facts.modifiedAt.getTime() - 2000).toUTCString();
      const after = new Date(facts.modifiedAt.getTime() + 2000).toUTCString();
      const path = await downloadPath();
      const conditions = [
        { "if-none-match": '"another"' },
        { "if-none-match": '"another"', "if-modified-since": after },
        { "if-modified-since": before },
        { "if-modified-since": "no date" },
        { "if-unmodified-since": "no date" },
        { "if-unmodified-since": after },
        { "if-match": `"a", ${facts.etag}` },
        { "if-match": facts.etag, "if-unmodified-since": before },
        { "if-match": "*" },
      ];
      for (const condition of conditions) expect((await send("GET", path, condition)).status).toBe(200);
      for (const condition of [
        { "if-match": '"another"' },
        { "if-match": `W/${facts.etag}` },
        { "if-unmodified-since": before },
      ]) {
        expect(problemOf(await send("GET", path, condition)).status).toBe(412);
      }
    });

    test("mixes no bytes where the file is replaced while it is read", async () => {
      const size = 20_000_000;
      await put("account/1", Buffer.alloc(size, "a"), size);
      const request = httpRequest({ host: "127.0.0.1", port, path: await downloadPath(), agent: false });
      request.end();
      const [response] = await once(request, "response");
      await once(response, "readable");
      const replaced = await put("account/1", Buffer.alloc(size + 1, "b"), size + 1);
      const whole = await buffer(response);
      expect(whole.equals(Buffer.alloc(size, "a"))).toBe(true);
      expect(replaced.etag).not.toBe(response.headers.etag);
      const rest = await send("GET", await downloadPath(), { range: `bytes=${size - 1}-`, "if-range": response.headers.etag });
      expect([rest.status, rest.body.length]).toEqual([200, size + 1]);
    });

    test.runIf(existsSync("/proc/self/fd"))("keeps no file open, however the request ends", async () => {
      const size = 5_000_000;
      await put("account/1", Buffer.alloc(size, "a"), size);
      const path = await downloadPath();
      await send("GET", path);
      await send("HEAD", path);
      await send("GET", path, { range: "bytes=1-2" });
      await send("GET", path, { range: `bytes=${size}-` });
      await send("GET", path, { "if-none-match": "*" });
      await send("GET", path, { "if-match": '"another"' });
      for (let round = 0; round < 5; round++) {
        const request = httpRequest({ host: "127.0.0.1", port, path, agent: false });
        request.on("error", () => undefined).end();
        await once(request, "response");
        request.destroy();
      }
      await expect.poll(openObjects).toEqual([]);
    });

    function openObjects(): string[] {
      return readdirSync("/proc/self/fd").flatMap((descriptor) => {
        try {
          const path = readlinkSync(join("/proc/self/fd", descriptor));
          return path.startsWith(join(directory, "objects")) ? [path] : [];
        } catch {
          // Closed since the directory was read.
          return [];
        }
      });
    }

    test("that nobody reads on is dropped", async () => {
      const impatient = await serve({ idleMilliseconds: 50 });
      const size = 50_000_000;
      await put("account/1", Buffer.alloc(size, "a"), size);
      const socket = connect(impatient, "127.0.0.1");
      socket.write(`GET ${await downloadPath()} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await once(socket, "readable");
      await expect.poll(openObjects).toEqual([]);
      socket.destroy();
    });
  });

  test.each(["POST", "PATCH", "DELETE"])("%s is answered 405", async (method) => {
    const answer = await send(method, await downloadPath(), { "content-type": "application/json", "content-length": 1 }, "{");
    expect(problemOf(answer).status).toBe(405);
    expect(answer.headers["allow"]).toBe("GET, HEAD, PUT");
  });

  test("a connection serves several requests, an early refusal among them", async () => {
    await put("account/2", "there");
    const socket = connect(port, "127.0.0.1");
    const body = "x".repeat(200_000);
    const head = "HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\n";
    socket.write(`PUT ${await uploadPath()}A ${head}Content-Length: ${body.length}\r\n\r\n${body}`);
    socket.write(`PUT ${await uploadPath()} ${head}Content-Length: 5\r\n\r\nhello`);
    socket.write(`GET ${await downloadPath({ key: "account/2" })} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const answers = await text(socket);
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 403", "HTTP/1.1 200", "HTTP/1.1 200"]);
    expect(answers.endsWith("there")).toBe(true);
    expect(await contentOf("account/1")).toBe("hello");
  });

  test("two names of one file on disk have nothing to do with it", async () => {
    await put("account/1", "one");
    await link(join(directory, "objects/account/1.object"), join(directory, "objects/account/2.object"));
    await put("account/1", "two");
    expect([await contentOf("account/1"), await contentOf("account/2")]).toEqual(["two", "one"]);
  });
});
