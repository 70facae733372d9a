import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, keyWith, maximumUploadBytes, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket, statementsOf } from "../support/factories.ts";

let app: TestApp;
let account: TestAccount;
let other: TestAccount;
let ticket: Ticket;
let note: Note;

beforeAll(async () => {
  app = await startApp();
  [account, other] = [await addAccount(app), await addAccount(app)];
  ticket = await addTicket(app, account, { requester: account.customer });
  note = await addNote(app, ticket, account.specialist);
});
afterAll(() => app.close());

const ask = (key: string | undefined, body: unknown, headers?: Record<string, string>) =>
  call(app, key, "POST", "/v2/tickets/note-attachments", body, headers);

async function urlFor(filename: string, noteId = note.id): Promise<string> {
  const { status, body } = await ask(account.specialist.key, { note_id: noteId, filename });
  expect(status).toBe(200);
  return (body as { signed_url: string }).signed_url;
}

const put = (url: string, type: string, body: BodyInit = "bytes") =>
  fetch(url, { method: "PUT", headers: { "content-type": type }, body });

test("asking answers where the bytes go", async () => {
  const { status, body } = await ask(account.specialist.key, {
    note_id: note.id.toUpperCase(),
    filename: "Scan 1.pdf",
    content_type: "x",
    extra: 1,
  });
  expect(status).toBe(200);
  expect(body).toEqual({ filename: "Scan 1.pdf", note_id: note.id, signed_url: expect.stringMatching(`^${app.url}/files/`) });
});

test.each([
  ["photo.PNG", "image/png"],
  ["photo.jpeg", "image/jpeg"],
  ["report.pdf", "application/pdf"],
  ["data.csv", "text/csv"],
  ["clip.mp4", "video/mp4"],
  ["archive.tar.gz", "application/gzip"],
  ["README", "application/octet-stream"],
  ["strange.zzz", "application/octet-stream"],
])("%s is uploaded as %s and as nothing else", async (filename, type) => {
  const url = await urlFor(filename);
  expect((await put(url, "application/x-something-else")).status).toBe(403);
  expect((await put(url, type)).status).toBe(200);
  const { body } = await call(app, account.specialist.key, "GET", `/v2/tickets/note-attachments/${note.id}/${filename}`);
  expect((await fetch((body as { signed_url: string }).signed_url)).headers.get("content-type")).toBe(type);
});

test("an upload needs no credential, and its URL is good for nothing else", async () => {
  const url = await urlFor("one.txt");
  expect((await fetch(url)).status).toBe(403);
  expect(
    (
      await put(
        url.replace(/(?<=signature=)./, (first) => (first === "x" ? "y" : "x")),
        "text/plain",
      )
    ).status,
  ).toBe(403);
  expect((await put(url.replace(/expires=\d/, "expires=9"), "text/plain")).status).toBe(403);
  expect(
    (
      await put(
        url.replace(/[0-9a-f](?=\?)/, (digit) => (digit === "0" ? "1" : "0")),
        "text/plain",
      )
    ).status,
  ).toBe(403);
  expect((await put(url, "text/plain")).status).toBe(200);
});

test("an upload URL lives a minute", async () => {
  app.time.now = new Date("2026-01-01T00:00:00Z");
  try {
    const url = await urlFor("minute.txt");
    app.time.now = new Date("2026-01-01T00:00:59Z");
    expect((await put(url, "text/plain")).status).toBe(200);
    app.time.now = new Date("2026-01-01T00:01:00Z");
    expect((await put(url, "text/plain")).status).toBe(403);
  } finally {
    app.time.now = undefined;
  }
});

test("too many bytes are refused", async () => {
  expect((await put(await urlFor("big.txt"), "text/plain", new Uint8Array(maximumUploadBytes + 1))).status).toBe(413);
});

test("the same filename again gives a fresh URL, and the new bytes replace the old when they arrive", async () => {
  const own = await addNote(app, ticket, account.specialist);
  const read = async () => {
    const { body } = await call(app, account.specialist.key, "GET", `/v2/tickets/note-attachments?note_id=${own.id}`);
    const { result, total } = body as { result: { signed_url: string }[]; total: number };
    expect(total).toBe(1);
    return (await fetch(result[0]!.signed_url)).text();
  };
  await put(await urlFor("log.txt", own.id), "text/plain", "old");
  const again = await urlFor("log.txt", own.id);
  expect(await read()).toBe("old");
  await put(again, "text/plain", "new");
  expect(await read()).toBe("new");
});

test.each<[string, unknown, string]>([
  ["no filename", { note_id: randomUUID() }, "#/filename"],
  ["no note", { filename: "a.png" }, "#/note_id"],
  ["a filename that is a number", { note_id: randomUUID(), filename: 1 }, "#/filename"],
  ["a filename that is null", { note_id: randomUUID(), filename: null }, "#/filename"],
  ["a note that is none", { note_id: "1", filename: "a.png" }, "#/note_id"],
  ["a URN", { note_id: `urn:uuid:${randomUUID()}`, filename: "a.png" }, "#/note_id"],
])("with %s nothing is asked for, and the problem points to it", async (_name, body, pointer) => {
  const { status, body: problem } = await ask(account.specialist.key, body);
  expect([status, problem]).toMatchObject([400, { errors: [{ pointer }] }]);
});

test.each([undefined, "{", "[]", "null", '"a.png"'])("the body %j is refused", async (body) => {
  expect((await ask(account.specialist.key, body)).status).toBe(400);
});

test("a filename that is not UTF-8 is refused, and nothing is kept", async () => {
  const response = await fetch(`${app.url}/v2/tickets/note-attachments`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": account.specialist.key },
    body: Buffer.from(JSON.stringify({ note_id: note.id, filename: "caf\u00e9-latin-1.png" }), "latin1"),
  });
  expect([response.status, await response.json()]).toEqual([
    400,
    expect.objectContaining({
      detail: "The filename is not UTF-8.",
      errors: [{ pointer: "#/filename", detail: expect.any(String) }],
    }),
  ]);
  const kept = await app.database.prisma.attachment.count({ where: { noteId: note.id, filename: { contains: "latin-1" } } });
  expect(kept).toBe(0);
});

test("a body of another type than JSON is refused", async () => {
  expect(
    (await ask(account.specialist.key, "filename=a.png", { "content-type": "application/x-www-form-urlencoded" })).status,
  ).toBe(415);
});

describe("a filename", () => {
  const stored = [
    ["spaces", "before  and after .txt "],
    ["Unicode", "Größe – 测试 – тест.txt"],
    ["emoji", "🚗💨.txt"],
    ["decomposed letters", "Cafe\u0301.txt"],
    ["right-to-left letters", "شاسي.txt"],
    ["percent signs", "100%25 %2e%2e %.txt"],
    ["what looks like a query", "a?b=c&d#e.txt"],
    ["quotes", `"quoted" 'n' \`b\`.txt`],
    ["two dots in the middle", "a..b.txt"],
    ["two dots before", "..hidden.txt"],
    ["three dots", "..."],
    ["a leading dot", ".env"],
    ["a dash", "-rf.txt"],
    ["a reserved name", "CON"],
    ["a tilde and braces", "~{a}[b];c,d+e=f@g:h|i<j>k*.txt"],
    ["255 bytes", `${"x".repeat(251)}.txt`],
    ["255 bytes of emoji", `${"🔧".repeat(62)}abc.txt`],
    ["a name of every object", "__proto__"],
  ] as const;

  test.each(stored)("with %s comes back as it is, through JSON and through the path", async (_name, filename) => {
    const own = await addNote(app, ticket, account.specialist);
    const answer = await ask(account.specialist.key, { note_id: own.id, filename });
    expect(answer).toMatchObject({ status: 200, body: { filename } });
    const { signed_url: url } = answer.body as { signed_url: string };
    const type = new URL(url).searchParams.get("type")!;
    expect((await put(url, type, `bytes of ${filename}`)).status).toBe(200);

    const one = await call(
      app,
      account.specialist.key,
      "GET",
      `/v2/tickets/note-attachments/${own.id}/${encodeURIComponent(filename)}`,
    );
    expect(one).toMatchObject({ status: 200, body: { filename, note_id: own.id } });
    const all = await call(app, account.specialist.key, "GET", `/v2/tickets/note-attachments?note_id=${own.id}`);
    expect(all.body).toMatchObject({ result: [{ filename }], total: 1 });
    const download = await fetch((one.body as { signed_url: string }).signed_url);
    expect([download.status, await download.text()]).toEqual([200, `bytes of ${filename}`]);
    expect(download.headers.get("content-disposition")).toMatch(/^attachment/);
  });

  const refused = [
    ["of nothing", ""],
    ["of 256 bytes", `${"x".repeat(252)}.txt`],
    ["of 256 bytes, of which few are characters", "🔧".repeat(64)],
    ["that is one dot", "."],
    ["that is two dots", ".."],
    ["that goes up", "../../../etc/passwd"],
    ["with a slash", "a/b.txt"],
    ["with a backslash", "a\\b.txt"],
    ["with a NUL", "a\0.txt"],
    ["with a line", "a\r\nb.txt"],
    ["with a tab", "a\tb.txt"],
    ["with a control character of the upper half", "a\u0085b.txt"],
    ["with a lone surrogate", "\ud800.txt"],
    ["that turns its extension around", "invoice\u202Egpj.exe"],
  ] as const;

  test.each(refused)("%s is refused with a clear sentence, and leaves nothing", async (_name, filename) => {
    const own = await addNote(app, ticket, account.specialist);
    const { status, body } = await ask(account.specialist.key, { note_id: own.id, filename });
    expect(status).toBe(400);
    expect(body).toMatchObject({ errors: [{ pointer: "#/filename", detail: expect.stringContaining("filename") }] });
    expect(await app.database.prisma.attachment.count({ where: { noteId: own.id } })).toBe(0);
  });
});

describe("who may attach", () => {
  test("staff to every note of the account, a customer to what they wrote and not to what others wrote", async () => {
    const own = await addNote(app, ticket, account.customer);
    for (const { key } of [account.specialist, account.administrator, account.customer]) {
      expect((await ask(key, { note_id: own.id, filename: "a.png" })).status).toBe(200);
    }
    expect((await ask(account.customer.key, { note_id: note.id, filename: "b.png" })).status).toBe(403);
  });

  test("nobody who does not see the note, and they get the answer of a note that is not there", async () => {
    const missing = await ask(account.specialist.key, { note_id: randomUUID(), filename: "a.png" });
    expect(missing.status).toBe(404);
    const internal = await addNote(app, ticket, account.specialist, { isPublic: false });
    for (const [key, note_id] of [
      [account.customer.key, internal.id],
      [account.otherCustomer.key, note.id],
      [other.administrator.key, note.id],
    ]) {
      const { status, body } = await ask(key, { note_id, filename: "a.png" });
      expect([status, body]).toEqual([404, missing.body]);
    }
  });

  test("nobody without a credential, or without attachments:write", async () => {
    expect((await ask(undefined, { note_id: note.id, filename: "a.png" })).status).toBe(401);
    const narrow = await keyWith(app, account.specialist, [
      "tickets:read",
      "notes:read",
      "notes:write",
      "notes:internal",
      "attachments:read",
    ]);
    expect((await ask(narrow, { note_id: note.id, filename: "a.png" })).status).toBe(403);
  });
});

test("asking for an upload takes the note's read and the upsert", async () => {
  expect(
    await statementsOf(app, () => ask(account.specialist.key, { note_id: note.id, filename: "counted.png" })),
  ).toHaveLength(2);
});
