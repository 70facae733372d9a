import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { request } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
} from "@aws-sdk/client-s3";
import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { createS3Storage } from "../../src/storage/s3-storage.ts";
import { addAccount, call, sendText, startApp, type TestAccount, type TestApp, viewerOf } from "../support/app.ts";
import { addNote as addNoteRow, addTicket } from "../support/factories.ts";
import { formStart, offerStorage, type StorageOffer, uploadFile } from "../support/upload-form.ts";
import { v1 } from "../support/v1.ts";
import { type Radosgw, startRadosgw } from "./radosgw.ts";

// The files of /v1, in a bucket: the gateway passes them on as they come in, and its URLs lead to the bucket itself.

const region = "us-east-1";
const bucket = "uploads";
const mebibyte = 1024 * 1024;
/** Files go to the store in parts of five mebibytes. */
const severalParts = 12 * mebibyte;
const maximumBytes = 128 * mebibyte;

let store: Radosgw;
let client: S3Client;
let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  store = await startRadosgw();
  vi.stubEnv("AWS_ACCESS_KEY_ID", store.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", store.secretAccessKey);
  client = new S3Client({ region, endpoint: store.endpoint, forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const storage = createS3Storage({ bucket, region, endpoint: store.endpoint, clock: () => app.time.now ?? new Date() });
  app = await startApp({ storage, maximumUploadBytes: maximumBytes });
});

afterAll(async () => {
  await app?.close();
  client?.destroy();
  await store?.stop();
});

beforeEach(async () => {
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
});

const offer = () => offerStorage(app, account.specialist.key);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** What the bucket holds of this test's account: objects, and uploads that were begun and neither ended nor aborted. */
async function inBucket(): Promise<{ objects: number; unfinished: number }> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: `${account.id}/` }));
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: `${account.id}/` }));
  return { objects: Contents.length, unfinished: Uploads.length };
}

const rowCount = () => app.database.prisma.upload.count({ where: { accountId: account.id } });

async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error("It did not come about.");
    await pause(20);
  }
}

async function addNote(text: string, key: string): Promise<{ id: number; nodeID: string; uri: string }> {
  const added = await v1(app, `/v1/requests/${ticket.number}/notes`, {
    key: account.specialist.key,
    method: "POST",
    body: { text, attachments: [{ key, inline: true }] },
  });
  expect(added.status, added.text).toBe(201);
  const { body } = await v1(app, `/v1/notes/${added.body.id}`, { key: account.specialist.key });
  expect(body.attachments).toMatchObject([{ key, inline: true }]);
  return { id: body.id, nodeID: body.nodeID, uri: body.attachments[0].uri };
}

test("a file of several parts is in the bucket, and every API hands out a URL to it there", async () => {
  const bytes = randomBytes(severalParts + 1);
  const sent = await uploadFile(await offer(), "photo 1.png", new Uint8Array(bytes));
  expect([sent.status, await inBucket()]).toEqual([201, { objects: 1, unfinished: 0 }]);
  const { nodeID, uri } = await addNote(`Look: ![](${sent.key})`, sent.key);

  const query = "query ($id: ID!) { note(id: $id) { textHtml attachments { nodes { size inline download { url } } } } }";
  const { data } = await sendText<{
    note: { textHtml: string; attachments: { nodes: { size: number; inline: boolean; download: { url: string } }[] } };
  }>(app.url, account.specialist.key, query, { id: nodeID });
  const [attachment] = data.note.attachments.nodes;
  expect(attachment).toMatchObject({ size: bytes.length, inline: true });
  const image = /<img src="([^"]+)"/.exec(data.note.textHtml)?.[1]?.replaceAll("&amp;", "&");

  const uuid = atob(nodeID).slice("Note:".length);
  const second = await call(app, account.specialist.key, "GET", `/v2/tickets/note-attachments/${uuid}/photo%201.png`);
  const { signed_url: signedUrl } = second.body as { signed_url: string };

  for (const url of [uri, attachment!.download.url, image!, signedUrl]) {
    expect(url).toMatch(`${store.endpoint}/${bucket}/${account.id}/`);
    const file = await fetch(url);
    expect([file.status, file.headers.get("content-type")]).toEqual([200, "image/png"]);
    expect(sha256(new Uint8Array(await file.arrayBuffer()))).toBe(sha256(bytes));
  }
});

test("a file that no note takes is gone from the bucket after a day, and one that a note has stays", async () => {
  app.time.now = new Date();
  try {
    const storage = await offer();
    const { key } = await uploadFile(storage, "kept.png", "kept");
    const { uri } = await addNote("Kept", key);
    expect((await uploadFile(storage, "left.png", "left")).status).toBe(201);
    expect((await inBucket()).objects).toBe(2);
    app.time.now = new Date(Date.now() + 25 * 60 * 60 * 1000);
    await app.app.services.uploads.sweep();
    expect((await inBucket()).objects).toBe(1);
    expect(await (await fetch(uri)).text()).toBe("kept");
  } finally {
    app.time.now = undefined;
  }
});

describe("a file by URL, which leads to the bucket itself", () => {
  const key = () => account.specialist.key;
  const noteWithout = () => addNoteRow(app, ticket, account.specialist);
  const ask = async (noteId: string, filename: string, size?: number) => {
    const person = viewerOf(account, account.specialist);
    return app.app.services.attachments.requestUpload(person, { noteId, filename, size });
  };
  const put = (url: string, body: string) => fetch(url, { method: "PUT", headers: { "content-type": "text/plain" }, body });
  const listed = async (noteId: string) => {
    const query = "query ($id: ID!) { note(id: $id) { attachments { nodes { filename state size download { url } } } } }";
    const { data } = await sendText<{
      note: {
        attachments: { nodes: { filename: string; state: string; size: number | null; download: { url: string } | null }[] };
      };
    }>(app.url, key(), query, { id: noteId });
    return data.note.attachments.nodes;
  };

  test("is READY when it is read after it has arrived, and stays what it was whatever the URL is sent after that", async () => {
    const note = await noteWithout();
    const { upload } = await ask(note.id, "a.txt");
    expect(await listed(note.id)).toMatchObject([{ state: "PENDING", size: null, download: null }]);
    expect((await put(upload.url, "first")).status).toBe(200);
    const [ready] = await listed(note.id);
    expect(ready).toMatchObject({ state: "READY", size: 5 });
    // The bucket accepts the upload, and the gateway cannot prevent that. It does not serve these bytes.
    expect((await put(upload.url, "something else")).status).toBe(200);
    const [still] = await listed(note.id);
    expect(still).toMatchObject({ state: "READY", size: 5 });
    for (const url of [ready!.download!.url, still!.download!.url]) expect(await (await fetch(url)).text()).toBe("first");

    const { upload: fresh } = await ask(note.id, "a.txt");
    expect((await put(fresh.url, "the second")).status).toBe(200);
    const [second] = await listed(note.id);
    expect(second).toMatchObject({ state: "READY", size: 10 });
    expect(await (await fetch(second!.download!.url)).text()).toBe("the second");
    const v2 = await call(app, key(), "GET", `/v2/tickets/note-attachments?note_id=${note.id}&limit=5&offset=0`);
    expect(v2.body).toMatchObject({ result: [{ filename: "a.txt" }], total: 1 });
  });

  test("that many read at once becomes one attachment of one object", async () => {
    const note = await noteWithout();
    const { attachment, upload } = await ask(note.id, "a.txt");
    await put(upload.url, "bytes");
    const all = await Promise.all(Array.from({ length: 8 }, () => listed(note.id)));
    expect(all.flat().filter(({ size }) => size !== null && size !== 5)).toEqual([]);
    expect(await listed(note.id)).toMatchObject([{ state: "READY", size: 5 }]);
    expect(await app.database.prisma.auditEvent.count({ where: { entityId: attachment.id, action: "UPLOAD_ARRIVED" } })).toBe(
      1,
    );
    expect(await inBucket()).toEqual({ objects: 1, unfinished: 0 });
  });

  test("of another size than was said is refused by the bucket, and one that is too large is not kept", async () => {
    const note = await noteWithout();
    const { upload } = await ask(note.id, "sized.txt", 5);
    expect((await put(upload.url, "sixsix")).status).toBe(403);
    expect((await put(upload.url, "five!")).status).toBe(200);
    expect(await listed(note.id)).toMatchObject([{ state: "READY", size: 5 }]);

    const { upload: large, uploadKey } = await ask(note.id, "large.txt");
    expect((await put(large.url, "x".repeat(maximumBytes + 1))).status).toBe(200);
    expect(await listed(note.id)).toMatchObject([{ filename: "sized.txt" }, { state: "PENDING" }]);
    expect(await app.storage.stat(uploadKey)).toBeNull();
  });

  test("that nobody has read within a day has arrived all the same, and what has not is gone", async () => {
    const note = await noteWithout();
    await put((await ask(note.id, "unread.txt")).upload.url, "unread");
    await ask(note.id, "never.txt");
    app.time.now = new Date(Date.now() + 25 * 60 * 60 * 1000);
    await app.app.services.uploads.sweep();
    app.time.now = undefined;
    const rows = await app.database.prisma.attachment.findMany({ where: { noteId: note.id } });
    expect(rows.map(({ filename, state, size }) => [filename, state, size])).toEqual([["unread.txt", "READY", 6n]]);
    expect(await inBucket()).toEqual({ objects: 1, unfinished: 0 });
  });
});

test("parts that a killed process has left are gone after a day, and objects that no row knows of", async () => {
  const left = `${account.id}/${uuidv7()}`;
  await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: left }));
  await app.storage.write(`${left}-${uuidv7()}`, Readable.from(["bytes"]), { maximumBytes });
  expect(await inBucket()).toEqual({ objects: 1, unfinished: 1 });
  await app.app.services.uploads.sweep();
  expect(await inBucket()).toEqual({ objects: 1, unfinished: 1 });
  app.time.now = new Date(Date.now() + 25 * 60 * 60 * 1000);
  await app.app.services.uploads.sweep();
  app.time.now = undefined;
  expect(await inBucket()).toEqual({ objects: 0, unfinished: 0 });
});

/** Sends a form with a file of `length` bytes, made as they are sent. */
async function sendLarge(storage: StorageOffer, length: number): Promise<{ status: number; xml: string }> {
  const block = Buffer.alloc(64 * 1024, "x");
  function* body(): Generator<Buffer | string> {
    yield formStart(storage, "large.bin", "b");
    for (let left = length; left > 0; left -= block.length) yield left < block.length ? block.subarray(0, left) : block;
    yield "\r\n--b--\r\n";
  }
  const outgoing = request(storage.upload_uri, {
    method: "POST",
    headers: { "content-type": "multipart/form-data; boundary=b" },
  });
  const answered = once(outgoing, "response");
  await pipeline(Readable.from(body()), outgoing);
  // What `response` brings is the answer.
  const [incoming] = (await answered) as [Readable & { statusCode: number }];
  const xml = (await incoming.toArray()).join("");
  return { status: incoming.statusCode, xml };
}

test("more bytes than are taken are refused when they have come, and nothing of them is in the bucket", async () => {
  const { status, xml } = await sendLarge(await offer(), maximumBytes + 1);
  expect([status, /<Code>(\w+)</.exec(xml)?.[1]]).toEqual([400, "EntityTooLarge"]);
  expect([await inBucket(), await rowCount()]).toEqual([{ objects: 0, unfinished: 0 }, 0]);
});

test("a client that breaks off in the middle leaves nothing: no row, no object, no part of one", async () => {
  const storage = await offer();
  const { hostname, port, pathname } = new URL(storage.upload_uri);
  const socket = connect(Number(port), hostname);
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${2 * severalParts}\r\n\r\n`,
  );
  socket.write(formStart(storage, "a.png", "b"));
  socket.write(Buffer.alloc(severalParts));
  await waitUntil(async () => (await inBucket()).unfinished === 1);
  expect(await rowCount()).toBe(1);
  socket.destroy();
  await waitUntil(async () => (await inBucket()).unfinished === 0 && (await rowCount()) === 0);
  expect(await inBucket()).toEqual({ objects: 0, unfinished: 0 });
});

test("files pass through a process that does not grow with them", { timeout: 120_000 }, async () => {
  const storage = await offer();
  // Buffers and connections that stay have been allocated by now.
  await sendLarge(storage, 32 * mebibyte);
  const before = process.memoryUsage.rss();
  let highest = before;
  const timer = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss());
  }, 10);
  try {
    for (let count = 0; count < 3; count += 1) expect((await sendLarge(storage, maximumBytes)).status).toBe(201);
  } finally {
    clearInterval(timer);
  }
  // 384 MiB have been sent, four parts at a time, each of five mebibytes.
  expect(highest - before).toBeLessThan(64 * mebibyte);
  // They have one key, so only the last of them remains.
  await waitUntil(async () => (await inBucket()).objects === 1);
  expect(await inBucket()).toEqual({ objects: 1, unfinished: 0 });
});

test("files of a deleted note cannot be read by any URL, and come back with it, also one that nobody has read yet", async () => {
  const { key } = account.specialist;
  const sent = await uploadFile(await offer(), "seen.txt", new Uint8Array(Buffer.from("seen")));
  const { nodeID, uri } = await addNote(`![](${sent.key})`, sent.key);
  expect((await fetch(uri)).status).toBe(200);
  const id = atob(nodeID).slice("Note:".length);
  const asked = await call(app, key, "POST", "/v2/tickets/note-attachments", { note_id: id, filename: "unseen.txt" });
  const { signed_url: url } = asked.body as { signed_url: string };
  const put = { method: "PUT", headers: { "content-type": "text/plain" }, body: "unseen" };
  expect((await fetch(url, put)).status).toBe(200);

  expect((await call(app, key, "DELETE", `/v2/tickets/notes/${id}`)).status).toBe(204);
  expect((await fetch(uri)).status).toBe(404);
  const undeletion = `mutation ($id: ID!) { undeleteNote(input: { id: $id }) {
    ... on UndeleteNotePayload { note { attachments { nodes { filename size download { url } } } } } } }`;
  const { data } = await sendText<{
    undeleteNote: { note: { attachments: { nodes: { filename: string; size: number; download: { url: string } }[] } } };
  }>(app.url, account.administrator.key, undeletion, { id });
  const files = data.undeleteNote.note.attachments.nodes;
  const contents = await Promise.all(
    files.map(async ({ filename, download }) => [filename, await (await fetch(download.url)).text()]),
  );
  expect(contents.toSorted()).toEqual([
    ["seen.txt", "seen"],
    ["unseen.txt", "unseen"],
  ]);
  expect((await fetch(uri)).status).toBe(404);
});
