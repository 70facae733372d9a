import { monitorEventLoopDelay } from "node:perf_hooks";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addTicket } from "../support/factories.ts";
import { addressOfPerson, authservId, filePart, mailOf, multipart, sendMail } from "./support.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;
let cleo: string;

beforeAll(async () => {
  app = await startApp({ mail: { authservId, senders: [] }, maximumUploadBytes: 60_000_000 });
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
  cleo = await addressOfPerson(app, account.customer);
});
afterAll(() => app.close());

const send = (headers: Record<string, string | string[]>, body: string | Buffer = "x") =>
  sendMail(app, account, mailOf(cleo, ticket.number, { headers, body }));

/** Returns a body of `depth` parts within each other. */
function nested(depth: number): string {
  const open = Array.from(
    { length: depth },
    (_, level) => `--b${level}\r\nContent-Type: multipart/mixed; boundary=b${level + 1}\r\n\r\n`,
  );
  return `${open.join("")}--b${depth}\r\nContent-Type: text/plain\r\n\r\ndeep\r\n`;
}

test.each<[what: string, headers: () => Record<string, string | string[]>, body: () => string]>([
  ["parts within each other", () => ({ "Content-Type": "multipart/mixed; boundary=b0" }), () => nested(10_000)],
  ["headers of 3 MB", () => ({ "X-Large": Array.from({ length: 3_000 }, () => "x".repeat(1_000)) }), () => "x"],
])("a mail with %s is refused", async (_what, headers, body) => {
  const { status, body: answer } = await send(headers(), body());
  expect([status, answer.detail]).toEqual([422, expect.stringMatching(/cannot be read/)]);
});

test("mails within each other are not unpacked", async () => {
  const inner = Array.from({ length: 1_000 }, () => "Content-Type: message/rfc822\r\n\r\n").join("");
  const { status, body } = await send({ "Content-Type": "message/rfc822" }, `${inner}From: a@b.example\r\n\r\nx`);
  expect(status).toBe(201);
  const files = await app.database.prisma.attachment.findMany({
    where: { noteId: body.note ?? "" },
    orderBy: { number: "asc" },
  });
  expect(files.map(({ filename }) => filename).toSorted()).toEqual(["attachment.eml", "original.eml"]);
});

test("of thousands of files the first 99 are attached", async () => {
  const { contentType, body } = multipart(
    Array.from({ length: 3_000 }, (_, index) => filePart(`${index}.txt`, "x", "text/plain")),
  );
  const answer = await send({ "Content-Type": contentType }, body);
  expect(answer.status).toBe(201);
  const noteId = answer.body.note ?? "";
  expect(await app.database.prisma.attachment.count({ where: { noteId } })).toBe(100);
  const { text } = await app.database.prisma.note.findFirstOrThrow({ where: { id: noteId } });
  expect(text).toMatch(/Not attached.* 99\.txt, .* and 2881 more$/s);
});

test.each<[what: string, headers: Record<string, string | string[]>, body: string]>([
  ["a header without end", { "X-A": "(".repeat(100_000) }, "x"],
  ["comments without end in To", { Cc: "(".repeat(200_000) }, "x"],
  ["100,000 recipients", { Cc: Array.from({ length: 2_000 }, (_, index) => `a${index}@b.example, `.repeat(10)) }, "x"],
  ["100,000 references", { References: Array.from({ length: 1_000 }, () => "<a@b.example> ".repeat(60)) }, "x"],
  ["a subject of 500 KB of encoded words", { Subject: "=?utf-8?q?a?= ".repeat(40_000) }, "x"],
  ["a boundary without parts", { "Content-Type": "multipart/mixed; boundary=x" }, "--y\r\n".repeat(100_000)],
  ["HTML that never closes", { "Content-Type": "text/html" }, "<div><a href='".repeat(50_000)],
  ["HTML of entities", { "Content-Type": "text/html" }, "&lt".repeat(500_000)],
  ["base64 that is none", { "Content-Transfer-Encoding": "base64" }, "%%%\0".repeat(100_000)],
  ["one line of 5 MB", {}, "x".repeat(5_000_000)],
  ["5 MB of line breaks", {}, "\n".repeat(5_000_000)],
  ["a header in a header", { "X-A": "b\r\nAuthentication-Results: x; dmarc=pass" }, "x"],
])("a mail with %s is a note or refused", async (_what, headers, body) => {
  expect([201, 422]).toContain((await send(headers, body)).status);
});

test("a header that a filename brings is no header of the download", async () => {
  const part = { headers: { "Content-Type": "text/plain; name*=utf-8''a%0D%0ASet-Cookie%3A%20b.txt" }, body: "x" };
  const { contentType, body } = multipart([
    { headers: { "Content-Type": "text/plain" }, body: "x" },
    { ...part, headers: { ...part.headers, "Content-Disposition": "attachment" } },
  ]);
  const answer = await send({ "Content-Type": contentType }, body);
  const file = await app.database.prisma.attachment.findFirstOrThrow({
    where: { noteId: answer.body.note ?? "", filename: { not: "original.eml" } },
  });
  expect(file.filename).toBe("aSet-Cookie: b.txt");
});

test("a mail of 50 MB is read while others are answered, and a larger one is refused", async () => {
  const { contentType, body } = multipart([
    { headers: { "Content-Type": "text/plain" }, body: "Large" },
    filePart("large.bin", "x".repeat(36_000_000).replaceAll("x", "ab").slice(0, 36_000_000)),
  ]);
  const lines = body.replaceAll(/[A-Za-z0-9+/]{76}/g, "$&\r\n");
  const mail = mailOf(cleo, ticket.number, { headers: { "Content-Type": contentType }, body: lines });
  expect(mail.length).toBeGreaterThan(48_000_000);
  const delay = monitorEventLoopDelay({ resolution: 5 });
  const began = performance.now();
  delay.enable();
  const answer = await sendMail(app, account, mail);
  delay.disable();
  expect(answer.status).toBe(201);
  const files = await app.database.prisma.attachment.findMany({ where: { noteId: answer.body.note ?? "" } });
  expect(files.map(({ filename, size }) => `${filename} ${size}`).toSorted()).toEqual([
    "large.bin 36000000",
    `original.eml ${mail.length}`,
  ]);
  // Of the whole time, so that it holds on a slow machine. To read the mail takes most of it.
  expect(delay.max / 1e6).toBeLessThan((performance.now() - began) / 5);
  const larger = Buffer.concat([mail, Buffer.alloc(5_000_000, "x")]);
  expect((await sendMail(app, account, larger)).status).toBe(413);
}, 60_000);

test("a compressed mail may be as large as one that is not", async () => {
  const compressed = (bytes: number) => {
    const mail = mailOf(cleo, ticket.number, {
      body: "x "
        .repeat(30)
        .concat("\r\n")
        .repeat(bytes / 62),
    });
    return sendMail(app, account, gzipSync(mail), { headers: { "content-encoding": "gzip" } });
  };
  expect((await compressed(3_000_000)).status).toBe(201);
  const { status, body } = await compressed(53_000_000);
  expect([status, body.detail]).toEqual([413, expect.stringContaining("at most 52428800 bytes")]);
}, 60_000);

test("a mail that needs too much memory is refused, and the next one is read", async () => {
  const parts = Buffer.from("--b\r\n\r\n".repeat(4_000_000));
  const { status, body } = await send({ "Content-Type": "multipart/mixed; boundary=b" }, parts);
  expect([status, body.detail]).toEqual([422, expect.stringMatching(/too many parts|cannot be read/)]);
  expect((await send({})).status).toBe(201);
}, 60_000);

test.each<[where: string, headers: Record<string, string>]>([
  ["Message-ID", { "Message-ID": "<a\0b@example.com>" }],
  ["In-Reply-To", { "In-Reply-To": "<a\0b@example.com>" }],
  ["References", { References: "<a@b.example> <a\0b@example.com>" }],
  ["Subject", { Subject: "a\0b" }],
  ["Content-Type", { "Content-Type": "text/pl\0ain; charset=utf\0-8" }],
  [
    "the name of a file",
    { "Content-Type": "image/p\0ng; name=a\0.png", "Content-Disposition": "attachment; filename=a\0.png" },
  ],
])("NUL in %s is not stored", async (_where, headers) => {
  const { status, body } = await send(headers, "x\0y");
  expect([status, body.detail]).toEqual([201, undefined]);
  const email = await app.database.prisma.inboundEmail.findFirstOrThrow({ where: { noteId: body.note ?? "" } });
  expect(email.messageId).toMatch("Message-ID" in headers ? /^<[0-9a-f]{64}@sha256\.invalid>$/ : /@example\.com>$/);
});

test.each<[where: string, headers: Record<string, string>, said: RegExp]>([
  ["the only id of References", { To: "desk@desk.example", References: "<a\0b@example.com>" }, /names no ticket/],
  ["the only id of In-Reply-To", { To: "desk@desk.example", "In-Reply-To": "<a\0b@example.com>" }, /names no ticket/],
  ["From", { From: "a\0b@example.com" }, /From must have/],
  ["To, after the number", { To: "ticket+1\0@desk.example" }, /names no ticket/],
  ["To, within the number", { To: "ticket+1\x002@desk.example" }, /names no ticket/],
  ["Cc", { To: "desk@desk.example", Cc: "ticket+\x001@desk.example" }, /names no ticket/],
  ["Delivered-To", { To: "desk@desk.example", "Delivered-To": "ti\0cket+1@desk.example" }, /names no ticket/],
  ["the number in the subject", { To: "desk@desk.example", Subject: "[#1\0]" }, /names no ticket/],
  ["a word of the subject", { To: "desk@desk.example", Subject: "=?utf-8?q?[=231=00]?=" }, /names no ticket/],
])("a mail with NUL in %s is refused", async (_where, headers, said) => {
  const { status, body } = await send(headers);
  expect([status, body.detail]).toEqual([422, expect.stringMatching(said)]);
});
