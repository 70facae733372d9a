import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import {
  addAccount,
  call,
  keyWith,
  maximumUploadBytes,
  sendText,
  startApp,
  type TestAccount,
  type TestApp,
} from "../support/app.ts";
import { addTicket, globalId, nodeId } from "../support/factories.ts";
import { formOf, formStart, offerStorage, type SentForm, sendForm, uploadFile } from "../support/upload-form.ts";
import { v1 } from "../support/v1.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());
beforeEach(async () => {
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
});

const offer = (key = account.specialist.key) => offerStorage(app, key);
const addNote = (body: object, key = account.specialist.key) =>
  v1(app, `/v1/requests/${ticket.number}/notes`, { key, method: "POST", body });
const noteOf = async (id: number) => (await v1(app, `/v1/notes/${id}`, { key: account.specialist.key })).body;

describe("the steps of an attachment", () => {
  test("1: the offer", async () => {
    const storage = await offer();
    expect(storage).toEqual({
      size_limit: maximumUploadBytes,
      allowed_extensions: expect.arrayContaining(["png", "pdf", "txt"]),
      provider: "s3",
      upload_uri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/[^?]+$/),
      s3: {
        key: expect.stringMatching(/^attachments\/.+\/\$\{filename\}$/),
        acl: "private",
        policy: expect.any(String),
        success_action_status: 201,
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": expect.stringMatching(/^\w+\/\d{8}\/\w+\/s3\/aws4_request$/),
        "x-amz-date": expect.stringMatching(/^\d{8}T\d{6}Z$/),
        "x-amz-server-side-encryption": "AES256",
        "x-amz-signature": expect.any(String),
      },
    });
  });

  test("2: the upload is answered in XML, on one line", async () => {
    const storage = await offer();
    const { status, headers, xml } = await uploadFile(storage, "photo 1.png");
    expect(status).toBe(201);
    expect(headers.get("content-type")).toBe("application/xml");
    const key = String(storage.s3["key"]).replace("${filename}", "photo 1.png");
    expect(xml).toMatch(
      /^<PostResponse><Location>[^<]+<\/Location><Bucket>[^<]+<\/Bucket><Key>[^<]+<\/Key><ETag>[^<]+<\/ETag><\/PostResponse>$/,
    );
    expect(xml).toContain(`<Key>${key}</Key>`);
    expect(headers.get("location")).toContain("photo%201.png");
  });

  test("3: the key becomes an attachment of the note, and its bytes are read by the URL", async () => {
    const { key } = await uploadFile(await offer(), "photo.png", "the bytes");
    const added = await addNote({ text: `Look: ![](${key})`, attachments: [{ key, filesize: 9, inline: true }] });
    expect([added.status, added.body]).toEqual([201, { id: expect.any(Number) }]);
    const note = await noteOf(added.body.id);
    expect(note.text).toBe(`Look: ![](${key})`);
    expect(note.attachments).toEqual([
      {
        id: expect.any(Number),
        name: "photo.png",
        key,
        uri: expect.stringMatching(/^http/),
        inline: true,
        size: 9,
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/),
        nodeID: expect.any(String),
      },
    ]);
    const file = await fetch(note.attachments[0].uri);
    expect([file.status, file.headers.get("content-type"), await file.text()]).toEqual([200, "image/png", "the bytes"]);
  });

  test("the other APIs show it: GraphQL as an inline attachment", async () => {
    const { key } = await uploadFile(await offer(), "photo.png");
    const id = (await addNote({ text: `![](${key})`, attachments: [{ key }] })).body.id as number;
    const { nodeID, attachments } = await noteOf(id);
    const query = "query ($id: ID!) { note(id: $id) { attachments { nodes { id filename inline state size contentType } } } }";
    const { data } = await sendText<{ note: { attachments: { nodes: object[] } } }>(app.url, account.specialist.key, query, {
      id: nodeID,
    });
    expect(data.note.attachments.nodes).toEqual([
      {
        id: globalId("Attachment", atob(attachments[0].nodeID).slice("Attachment:".length)),
        filename: "photo.png",
        inline: true,
        state: "READY",
        size: 5,
        contentType: "image/png",
      },
    ]);
    const uuid = atob(nodeID).slice("Note:".length);
    const { body } = await call(
      app,
      account.specialist.key,
      "GET",
      `/v2/tickets/note-attachments?note_id=${uuid}&limit=5&offset=0`,
    );
    expect(body).toMatchObject({ result: [{ filename: "photo.png" }], total: 1 });
    expect(nodeId("Note", uuid)).toBe(nodeID);
  });

  test("files in a field beside the text are attachments by another name, and add up with the others", async () => {
    const storage = await offer();
    const keys: string[] = [];
    for (const name of ["a.png", "b.png", "c.txt"]) keys.push((await uploadFile(storage, name)).key);
    const { status, body } = await addNote({
      text: `See ![](${keys[0]})`,
      text_attachments: [{ key: keys[0], filesize: 5, inline: true }, { key: keys[1] }],
      attachments: [{ key: keys[2] }],
    });
    expect(status).toBe(201);
    const { attachments } = await noteOf(body.id);
    expect(attachments.map(({ name, inline }: { name: string; inline: boolean }) => [name, inline]).toSorted()).toEqual([
      ["a.png", true],
      ["b.png", false],
      ["c.txt", false],
    ]);
    const twice = await addNote({ text: "x", text_attachments: [{ key: "k" }], attachments: [{ key: "k" }] });
    expect([twice.status, twice.body.errors[0][0]]).toEqual([422, "attachments"]);
  });

  test("an unknown field of a note is refused by its name, and no note is added", async () => {
    const before = await app.database.prisma.note.count({ where: { accountId: account.id } });
    const { status, body } = await addNote({ text: "x", note_attachments: [], strange: 1 });
    expect([status, body]).toEqual([
      422,
      {
        message: "Validation Failed",
        errors: [
          ["note_attachments", "note_attachments is not a field of a note"],
          ["strange", "strange is not a field of a note"],
        ],
      },
    ]);
    expect(await app.database.prisma.note.count({ where: { accountId: account.id } })).toBe(before);
  });

  test("a key that PostgreSQL could not hold is the key of no upload", async () => {
    for (const key of ["a\u{0}b", "\ud800"]) {
      const { status, body } = await addNote({ text: "x", attachments: [{ key }] });
      expect([status, body.errors.length, body.errors[0][0]]).toEqual([422, 1, "attachments"]);
    }
  });

  test("a client that sends the fields which it knows by name, and a form from before they were called so", async () => {
    const storage = await offer();
    const known = [
      ...["acl", "key", "policy", "success_action_status", "x-amz-algorithm", "x-amz-credential", "x-amz-date"],
      ...["x-amz-server-side-encryption", "x-amz-signature"],
    ];
    const s3 = Object.fromEntries(known.map((name) => [name, storage.s3[name]!]));
    expect((await uploadFile({ ...storage, s3 }, "cells.csv", "1;2", "text/csv")).status).toBe(201);
    const earlier = formOf(storage, "image/png", {
      "x-amz-signature": undefined,
      signature: String(storage.s3["x-amz-signature"]),
    });
    earlier.append("file", new Blob(["x"]), "a.png");
    expect((await sendForm(storage.upload_uri, earlier)).status).toBe(201);
    const unsigned = formOf(storage, "image/png", { "x-amz-signature": undefined });
    unsigned.append("file", new Blob(["x"]), "a.png");
    expect((await sendForm(storage.upload_uri, unsigned)).status).toBe(400);
  });

  test("one offer takes several files, and a client that fills in the name itself", async () => {
    const storage = await offer();
    const first = await uploadFile(storage, "a.txt", "a", "text/plain");
    const form = formOf(storage, "text/plain", { key: String(storage.s3["key"]).replace("${filename}", "b.txt") });
    form.append("file", new Blob(["b"]), "whatever");
    const second = await sendForm(storage.upload_uri, form);
    expect([first.status, second.status, second.key.endsWith("/b.txt")]).toEqual([201, 201, true]);
    const { body } = await addNote({ text: "Two", attachments: [{ key: first.key }, { key: second.key }] });
    expect((await noteOf(body.id)).attachments.map(({ name }: { name: string }) => name).toSorted()).toEqual([
      "a.txt",
      "b.txt",
    ]);
  });

  test("the same name twice in a note: the second one is numbered, and both keep their keys", async () => {
    const keys = [(await uploadFile(await offer(), "log.txt")).key, (await uploadFile(await offer(), "log.txt")).key];
    const { body } = await addNote({ text: "Two", attachments: keys.map((key) => ({ key })) });
    const { attachments } = await noteOf(body.id);
    expect(attachments.map(({ name }: { name: string }) => name).toSorted()).toEqual(["log (2).txt", "log.txt"]);
    expect(attachments.map(({ key }: { key: string }) => key).toSorted()).toEqual(keys.toSorted());
  });

  test("the same key again, uploaded anew: the new file, for another note", async () => {
    const storage = await offer();
    const { key } = await uploadFile(storage, "log.txt", "old", "text/plain");
    const first = await addNote({ text: "One", attachments: [{ key }] });
    expect((await uploadFile(storage, "log.txt", "new", "text/plain")).key).toBe(key);
    const second = await addNote({ text: "Two", attachments: [{ key }] });
    const texts = await Promise.all(
      [first, second].map(async ({ body }) => (await fetch((await noteOf(body.id)).attachments[0].uri)).text()),
    );
    expect(texts).toEqual(["old", "new"]);
  });

  test.each(["Grüße & <Küsse>.png", "$& $1 $$.png", "100%.png", "a'b.png", "写真.png"])("the filename %s", async (name) => {
    const { status, key } = await uploadFile(await offer(), name);
    expect([status, key.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').split("/").at(-1)]).toEqual([
      201,
      name,
    ]);
  });

  test("the bytes arrive as they were sent", async () => {
    const bytes = new Uint8Array(Array.from({ length: 900_000 }, (_, index) => (index * 31 + (index >> 8)) % 256));
    const { key } = await uploadFile(await offer(), "random.bin", bytes, "application/octet-stream");
    const { body } = await addNote({ text: "Big", attachments: [{ key }] });
    const stored = new Uint8Array(await (await fetch((await noteOf(body.id)).attachments[0].uri)).arrayBuffer());
    expect(createHash("sha256").update(stored).digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
  });
});

describe("what is refused", () => {
  const refusal = /^<Error><Code>\w+<\/Code><Message>[^<]+<\/Message><\/Error>$/;

  function expectRefused(sent: SentForm, status: number, code: string): void {
    expect([sent.status, sent.code]).toEqual([status, code]);
    expect(sent.xml).toMatch(refusal);
    expect(sent.headers.get("content-type")).toBe("application/xml");
  }

  test("a form that was changed, or signed elsewhere", async () => {
    const storage = await offer();
    const policy = Buffer.from(
      JSON.stringify({ ...JSON.parse(atob(String(storage.s3["policy"]))), prefix: "attachments/" }),
    ).toString("base64");
    for (const change of [
      { policy },
      { "x-amz-signature": "x" },
      { key: "attachments/elsewhere/${filename}" },
      { key: "../../etc/passwd" },
    ]) {
      const form = formOf(storage, "image/png", change);
      form.append("file", new Blob(["x"]), "a.png");
      expectRefused(await sendForm(storage.upload_uri, form), 403, "AccessDenied");
    }
  });

  test("a form that is older than ten minutes", async () => {
    app.time.now = new Date("2026-05-05T10:00:00Z");
    const storage = await offer();
    app.time.now = new Date("2026-05-05T10:09:59Z");
    expect((await uploadFile(storage, "a.png")).status).toBe(201);
    app.time.now = new Date("2026-05-05T10:10:00Z");
    const late = await uploadFile(storage, "a.png");
    app.time.now = undefined;
    expectRefused(late, 403, "AccessDenied");
    expect(late.xml).toContain("Policy expired");
  });

  test("a form that lacks a field, its file, or has the file before the fields", async () => {
    const storage = await offer();
    const fileOnly = new FormData();
    fileOnly.append("file", new Blob(["x"]), "a.png");
    for (const [name, value] of Object.entries(storage.s3)) fileOnly.append(name, String(value));
    const withoutKey = formOf(storage, "image/png", { key: undefined });
    withoutKey.append("file", new Blob(["x"]), "a.png");
    const wrongName = formOf(storage, "image/png");
    wrongName.append("attachment", new Blob(["x"]), "a.png");
    for (const form of [fileOnly, withoutKey, wrongName, formOf(storage, "image/png")]) {
      expectRefused(await sendForm(storage.upload_uri, form), 400, "MalformedPOSTRequest");
    }
  });

  test.each([
    ["application/json", "{}"],
    ["multipart/form-data", "x"],
    ["multipart/form-data; boundary=a", "--a\r\ncontent-disposition: form-data; name=key\r\n\r\nx"],
    ["multipart/form-data; boundary=a", ""],
    ["multipart/form-data; boundary=a", "--a--"],
  ])("a body of %s that is no form", async (type, body) => {
    const { upload_uri: uri } = await offer();
    const response = await fetch(uri, { method: "POST", headers: { "content-type": type }, body });
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(refusal);
  });

  test("names that no file can have, and kinds that are not taken", async () => {
    const storage = await offer();
    for (const [name, status, code] of [
      ["virus.exe", 403, "AccessDenied"],
      ["README", 403, "AccessDenied"],
      [`${"x".repeat(256)}.png`, 400, "InvalidArgument"],
      ["a\u{202e}gpj.png", 400, "InvalidArgument"],
    ] as const) {
      expectRefused(await uploadFile(storage, name), status, code);
    }
  });

  test("a name that is not UTF-8, which is never read as another one, and nothing is kept of it", async () => {
    const storage = await offer();
    const send = (start: Buffer) =>
      fetch(storage.upload_uri, {
        method: "POST",
        headers: { "content-type": "multipart/form-data; boundary=b" },
        body: Buffer.concat([start, Buffer.from("bytes\r\n--b--\r\n")]),
      });
    const latin1 = await send(Buffer.from(formStart(storage, "caf\u00e9.png", "b"), "latin1"));
    const named = { ...storage, s3: { ...storage.s3, key: String(storage.s3["key"]).replace("${filename}", "caf\u00e9.png") } };
    const inKey = await send(Buffer.from(formStart(named, "a.png", "b"), "latin1"));
    for (const response of [latin1, inKey]) {
      expect(response.status).toBe(400);
      expect(await response.text()).toBe(
        "<Error><Code>InvalidArgument</Code><Message>The filename is not UTF-8.</Message></Error>",
      );
    }
    expect(await app.database.prisma.upload.count({ where: { accountId: account.id } })).toBe(0);
    // What U+FFFD is in UTF-8 may well be meant.
    for (const name of ["caf\u00e9.png", "caf\u{fffd}.png"]) {
      const response = await send(Buffer.from(formStart(storage, name, "b")));
      expect([response.status, await response.text()]).toEqual([201, expect.stringContaining(`${name}</Key>`)]);
    }
  });

  test("more under one key than one file: the later one takes the place of the one that no note has taken", async () => {
    const storage = await offer();
    for (let count = 1; count <= 6; count += 1)
      expect((await uploadFile(storage, "same.png", "x".repeat(count))).status).toBe(201);
    const rows = await app.database.prisma.upload.findMany({ where: { accountId: account.id } });
    expect(rows.map(({ size }) => size)).toEqual([6n]);
    const objects = () => readdir(join(app.filesDirectory, "objects", account.id));
    await waitUntil(async () => (await objects()).length === 1);
    expect(await objects()).toEqual([`${rows[0]!.id}.object`]);
  });

  test("more than ten files of the largest size that no note takes, of one person", async () => {
    const storage = await offer();
    const bytes = new Uint8Array(maximumUploadBytes);
    for (let count = 0; count < 10; count += 1) expect((await uploadFile(storage, `${count}.png`, bytes)).status).toBe(201);
    const tooMany = await uploadFile(storage, "10.png", "x");
    expectRefused(tooMany, 403, "AccessDenied");
    expect(tooMany.xml).toContain(`more than ${10 * maximumUploadBytes} bytes`);
    // Another person has room, and so has this one when a note has taken some.
    expect((await uploadFile(await offer(account.administrator.key), "a.png", bytes)).status).toBe(201);
    const key = String(storage.s3["key"]).replace("${filename}", "3.png");
    expect((await addNote({ text: "Taken", attachments: [{ key }] })).status).toBe(201);
    expect((await uploadFile(storage, "10.png", bytes)).status).toBe(201);
  });

  test("more bytes than are taken, and nothing is kept of them", async () => {
    const storage = await offer();
    expectRefused(await uploadFile(storage, "big.png", new Uint8Array(maximumUploadBytes + 1)), 400, "EntityTooLarge");
    expect(await app.database.prisma.upload.count({ where: { accountId: account.id } })).toBe(0);
  });

  test("an upload that breaks off leaves no key behind", async () => {
    const storage = await offer();
    const { hostname, port, pathname } = new URL(storage.upload_uri);
    const body = `${formStart(storage, "a.png", "b")}half of`;
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST ${pathname} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n${body}`,
    );
    await waitUntil(async () => (await app.database.prisma.upload.count({ where: { accountId: account.id } })) === 1);
    socket.destroy();
    const left = () => app.database.prisma.upload.count({ where: { accountId: account.id } });
    await waitUntil(async () => (await left()) === 0);
    expect(await left()).toBe(0);
  });

  test("a key that was not uploaded, is already used, is another account's, or comes twice: 422, and no note", async () => {
    const used = (await uploadFile(await offer(), "a.png")).key;
    expect((await addNote({ text: "First", attachments: [{ key: used }] })).status).toBe(201);
    const other = await addAccount(app);
    const foreign = (await uploadFile(await offer(other.specialist.key), "b.png")).key;
    const fresh = (await uploadFile(await offer(), "c.png")).key;
    for (const attachments of [
      [{ key: "attachments/none.png" }],
      [{ key: used }],
      [{ key: foreign }],
      [{ key: fresh }, { key: used }],
      [{ key: fresh }, { key: fresh }],
    ]) {
      const { status, body } = await addNote({ text: "No", attachments });
      expect([status, body]).toEqual([
        422,
        { message: "Validation Failed", errors: [["attachments", expect.stringMatching(/^Attachments .*key/)]] },
      ]);
    }
    const { headers } = await v1(app, "/v1/notes", { key: account.specialist.key });
    expect(headers.get("x-pagination-total-entries")).toBe("1");
    // What was refused with others is still there to be taken.
    expect((await addNote({ text: "Yes", attachments: [{ key: fresh }] })).status).toBe(201);
  });

  test("of ten notes that name one key at once, one is added", async () => {
    const { key } = await uploadFile(await offer(), "a.png");
    const answers = await Promise.all(Array.from({ length: 10 }, () => addNote({ text: "Mine", attachments: [{ key }] })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array.from({ length: 9 }, () => 422)]);
    expect(await app.database.prisma.note.count({ where: { accountId: account.id } })).toBe(1);
  });

  test.each([[[{}]], [[{ key: 5 }]], ["key"], [[null]], [[{ key: "a", inline: {} }]]])(
    "attachments that are %j",
    async (attachments) => {
      const { status, body } = await addNote({ text: "Hi", attachments });
      expect([status, body.errors]).toEqual([422, [["attachments", "Attachments is invalid"]]]);
    },
  );

  test("a credential that may not write attachments", async () => {
    const narrow = await keyWith(app, account.specialist, ["tickets:read", "notes:read", "notes:write", "notes:internal"]);
    expect((await v1(app, "/v1/attachments/storage", { key: narrow })).status).toBe(403);
    const { key } = await uploadFile(await offer(), "a.png");
    expect((await addNote({ text: "Hi", attachments: [{ key }] }, narrow)).status).toBe(403);
  });
});

test("what no note has taken within a day is swept, with its bytes; what a note has is not", async () => {
  app.time.now = new Date("2026-05-05T10:00:00Z");
  const taken = (await uploadFile(await offer(), "kept.png", "kept")).key;
  const note = (await addNote({ text: "Hi", attachments: [{ key: taken }] })).body.id as number;
  const left = (await uploadFile(await offer(), "left.png", "left")).key;
  const { storageKey } = (await app.database.prisma.upload.findFirst({ where: { key: left } }))!;
  app.time.now = new Date("2026-05-06T10:00:01Z");
  await app.app.services.uploads.sweep();
  expect(await app.database.prisma.upload.count({ where: { accountId: account.id } })).toBe(0);
  expect(await app.database.prisma.discardedObject.count({ where: { storageKey } })).toBe(0);
  expect((await addNote({ text: "Hi", attachments: [{ key: left }] })).status).toBe(422);
  expect(await (await fetch((await noteOf(note)).attachments[0].uri)).text()).toBe("kept");
  app.time.now = undefined;
});

async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1_500; tries += 1) {
    if (await condition()) return;
    await pause(20);
  }
  throw new Error("It did not come about.");
}
