import { createHash, randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { graphql } from "../generated/gql.ts";
import type { RequestAttachmentUploadInput } from "../generated/graphql.ts";
import { openStorage } from "../../src/storage/open-storage.ts";
import { createSigner } from "../../src/storage/signature.ts";
import {
  addAccount,
  keyWith,
  maximumUploadBytes,
  send,
  signingSecret,
  startApp,
  type TestAccount,
  type TestApp,
  viewerOf,
} from "../support/app.ts";
import { addNote, addTicket, globalId, statementsOf } from "../support/factories.ts";

const RequestAttachmentUploadMutation = graphql(`
  mutation RequestAttachmentUpload($input: RequestAttachmentUploadInput!) {
    requestAttachmentUpload(input: $input) {
      __typename
      ... on RequestAttachmentUploadPayload {
        attachment {
          id
          filename
          contentType
          size
          state
          note {
            uuid
          }
          download {
            url
          }
        }
        upload {
          url
          method
          headers {
            name
            value
          }
          expiresAt
        }
      }
      ... on Error {
        code
        message
      }
      ... on InvalidInputError {
        fields {
          path
        }
      }
    }
  }
`);

const DownloadsOfNote = graphql(`
  query DownloadsOfNote($id: ID!) {
    note(id: $id) {
      attachments {
        nodes {
          id
          filename
          contentType
          size
          state
          download {
            url
          }
        }
      }
    }
  }
`);

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

async function request(key: string | undefined, input: Partial<RequestAttachmentUploadInput> = {}) {
  const { data, errors } = await send(app, key, RequestAttachmentUploadMutation, {
    input: { noteId: note.id, filename: "a.png", ...input },
  });
  return { result: data?.requestAttachmentUpload, errors };
}

async function requested(input: Partial<RequestAttachmentUploadInput> = {}) {
  const { result } = await request(account.specialist.key, input);
  if (result?.__typename !== "RequestAttachmentUploadPayload") throw new Error(JSON.stringify(result));
  return result;
}

type Upload = Awaited<ReturnType<typeof requested>>["upload"];

const put = (upload: Upload, bytes: Uint8Array<ArrayBuffer> | string) =>
  fetch(upload.url, {
    method: upload.method,
    headers: upload.headers.map(({ name, value }): [string, string] => [name, value]),
    body: bytes,
  });

async function readyAttachments(id: string) {
  const { data } = await send(app, account.specialist.key, DownloadsOfNote, { id });
  return data.note!.attachments.nodes;
}

test("a file goes up as it is asked for, is READY when its bytes have arrived, and comes down as it went up", async () => {
  const own = await addNote(app, ticket, account.specialist);
  const bytes = Uint8Array.from(randomBytes(300_000));
  const { attachment, upload } = await requested({
    noteId: globalId("Note", own.id),
    filename: "Scan №1.pdf",
    size: bytes.length,
  });
  expect(attachment).toMatchObject({
    filename: "Scan №1.pdf",
    contentType: "application/pdf",
    size: null,
    state: "PENDING",
    note: { uuid: own.id },
    download: null,
  });
  expect(upload).toMatchObject({ method: "PUT", headers: [{ name: "content-type", value: "application/pdf" }] });

  expect((await put(upload, bytes)).status).toBe(200);
  const [ready] = await readyAttachments(own.id);
  expect(ready).toMatchObject({ id: attachment.id, filename: "Scan №1.pdf", size: bytes.length, state: "READY" });

  const download = await fetch(ready!.download!.url);
  expect(download.headers.get("content-type")).toBe("application/pdf");
  expect(download.headers.get("content-disposition")).toContain("filename*=UTF-8''Scan%20%E2%84%961.pdf");
  expect(new Uint8Array(await download.arrayBuffer())).toEqual(bytes);
});

test("an upload URL lives 60 seconds", async () => {
  app.time.now = new Date("2026-06-01T00:00:00Z");
  try {
    const { upload } = await requested({ filename: "late.png" });
    expect(upload.expiresAt).toBe("2026-06-01T00:01:00.000Z");
    app.time.now = new Date("2026-06-01T00:00:59.999Z");
    expect((await put(upload, "in time")).status).toBe(200);
    app.time.now = new Date("2026-06-01T00:01:00.000Z");
    expect((await put(upload, "too late")).status).toBe(403);
  } finally {
    app.time.now = undefined;
  }
});

test("the same filename again replaces the file, and not before the new bytes have arrived", async () => {
  const own = await addNote(app, ticket, account.specialist);
  const first = await requested({ noteId: own.id, filename: "report.txt" });
  await put(first.upload, "first");
  const second = await requested({ noteId: own.id, filename: "report.txt" });
  expect(second.attachment.id).toBe(first.attachment.id);

  const download = async () => {
    const nodes = await readyAttachments(own.id);
    expect(nodes).toHaveLength(1);
    return { size: nodes[0]?.size, text: await (await fetch(nodes[0]!.download!.url)).text() };
  };
  expect(await download()).toEqual({ size: 5, text: "first" });
  await put(second.upload, "the second");
  expect(await download()).toEqual({ size: 10, text: "the second" });
});

test("a type that another upload is asked for with is not the old bytes' type before the new ones are there", async () => {
  const own = await addNote(app, ticket, account.specialist);
  await put((await requested({ noteId: own.id, filename: "photo.png" })).upload, "png");
  await requested({ noteId: own.id, filename: "photo.png", contentType: "text/html" });
  const [node] = await readyAttachments(own.id);
  expect((await fetch(node!.download!.url)).headers.get("content-type")).toBe("image/png");
});

test("ten clients that ask for one filename at once share one attachment", async () => {
  const own = await addNote(app, ticket, account.specialist);
  const all = await Promise.all(Array.from({ length: 10 }, () => requested({ noteId: own.id, filename: "same.txt" })));
  expect(new Set(all.map(({ attachment }) => attachment.id)).size).toBe(1);
  const answers = await Promise.all(all.map(({ upload }, index) => put(upload, `text of client ${index}`)));
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  const [node] = await readyAttachments(own.id);
  expect(await (await fetch(node!.download!.url)).text()).toMatch(/^text of client \d$/);
});

test("an upload URL takes one file: the same bytes again change nothing, and others are refused", async () => {
  const own = await addNote(app, ticket, account.specialist);
  const { upload } = await requested({ noteId: own.id, filename: "once.txt" });
  const first = await put(upload, "the file");
  expect(first.status).toBe(200);
  const before = await app.database.prisma.attachment.findFirst({ where: { noteId: own.id } });
  expect(before).toMatchObject({ size: 8n, sha256: createHash("sha256").update("the file").digest("hex") });

  const again = await put(upload, "the file");
  expect([again.status, again.headers.get("etag")]).toEqual([200, first.headers.get("etag")]);
  for (const bytes of ["another!", "the file and more", ""]) expect((await put(upload, bytes)).status).toBe(403);
  expect(await app.database.prisma.attachment.findFirst({ where: { noteId: own.id } })).toEqual(before);
  const [node] = await readyAttachments(own.id);
  expect(await (await fetch(node!.download!.url)).text()).toBe("the file");
  // One arrival, however often it came.
  expect(await app.database.prisma.auditEvent.count({ where: { entityId: before!.id, action: "UPLOAD_ARRIVED" } })).toBe(1);
});

test("of files that come by one URL at once, through two processes, one is taken whole", async () => {
  const signer = createSigner(signingSecret, "files");
  const storage = await openStorage(
    { kind: "file", directory: app.filesDirectory },
    { publicUrl: app.url, signer, clock: () => new Date(), maximumBytes: maximumUploadBytes },
  );
  const second = await startApp({ storage });
  const own = await addNote(app, ticket, account.specialist);
  for (let round = 0; round < 10; round += 1) {
    const { attachment, upload } = await requested({ noteId: own.id, filename: `round ${round}.txt` });
    const contents = Array.from({ length: 6 }, (_, index) => `${index}`.repeat(1_000 + index));
    const answers = await Promise.all(
      contents.map((content, index) => {
        const url = index % 2 === 0 ? upload.url : upload.url.replace(app.url, second.url);
        return put({ ...upload, url }, content);
      }),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array.from({ length: 5 }, () => 403)]);
    const taken = contents[answers.findIndex(({ status }) => status === 200)]!;
    const node = (await readyAttachments(own.id)).find(({ id }) => id === attachment.id)!;
    const download = await fetch(node.download!.url);
    expect([node.size, download.headers.get("content-length")]).toEqual([taken.length, String(taken.length)]);
    expect(await download.text()).toBe(taken);
  }
  await second.close();
});

test("a size that is given is the size: more or fewer bytes are refused, and leave nothing", async () => {
  const own = await addNote(app, ticket, account.specialist);
  const { upload } = await requested({ noteId: own.id, filename: "sized.txt", size: 5 });
  const inParts = (text: string) =>
    fetch(upload.url, {
      method: upload.method,
      headers: { "content-type": "text/plain" },
      body: new Blob([text]).stream(),
      duplex: "half",
    } as RequestInit); // the types lack duplex
  for (const text of ["", "four", "sixsix", "many times too many bytes"]) {
    for (const sent of [await put(upload, text), await inParts(text)]) {
      const problem = (await sent.json()) as { detail: string };
      expect([sent.status, problem.detail]).toEqual([400, expect.stringMatching(/^The file was to have 5 bytes, and has/)]);
    }
  }
  expect(await readyAttachments(own.id)).toMatchObject([{ state: "PENDING", download: null }]);
  expect((await inParts("right")).status).toBe(200);
  expect((await put(upload, "right")).status).toBe(200);
  expect(await readyAttachments(own.id)).toMatchObject([{ state: "READY", size: 5 }]);
});

test("a download URL leads to the bytes it was handed out for, also when others have replaced them, until the file is deleted", async () => {
  const own = await addNote(app, ticket, account.specialist);
  await put((await requested({ noteId: own.id, filename: "a.txt" })).upload, "first");
  const first = (await readyAttachments(own.id))[0]!.download!.url;
  await put((await requested({ noteId: own.id, filename: "a.txt" })).upload, "the second");
  const second = (await readyAttachments(own.id))[0]!.download!.url;
  await app.app.services.uploads.sweep();
  const read = async (url: string) => {
    const response = await fetch(url);
    return response.ok ? response.text() : response.status;
  };
  expect([await read(first), await read(second)]).toEqual(["first", "the second"]);
  await app.app.services.attachments.delete(viewerOf(account, account.specialist), {
    attachment: { noteId: own.id, filename: "a.txt" },
  });
  expect([await read(first), await read(second)]).toEqual([404, 404]);
});

test("a note awaits a hundred files at a time", async () => {
  const own = await addNote(app, ticket, account.specialist);
  const ask = (index: number) => request(account.specialist.key, { noteId: own.id, filename: `${index}.txt` });
  for (let index = 0; index < 100; index += 1)
    expect((await ask(index)).result?.__typename).toBe("RequestAttachmentUploadPayload");
  expect((await ask(100)).result).toMatchObject({
    __typename: "ForbiddenError",
    message: expect.stringMatching(/^The note awaits 100 files already/),
  });
  // A fresh URL for one of them is no further file; and one that arrives makes room.
  const { upload } = await requested({ noteId: own.id, filename: "7.txt" });
  expect((await put(upload, "seven")).status).toBe(200);
  expect((await ask(100)).result?.__typename).toBe("RequestAttachmentUploadPayload");
  expect(await app.database.prisma.attachment.count({ where: { noteId: own.id } })).toBe(101);
});

test("a person asks for a thousand uploads a day that do not arrive", async () => {
  const own = await addNote(app, ticket, account.administrator);
  const { id: personId } = account.administrator;
  await app.database.prisma.upload.createMany({
    data: Array.from({ length: 1_000 }, (_, index) => ({
      id: randomUUID(),
      accountId: account.id,
      personId,
      attachmentId: randomUUID(),
      filename: "a.txt",
      contentType: "text/plain",
      storageKey: `${account.id}/${personId}-${index}`,
      createdAt: new Date(),
    })),
  });
  const ask = () => request(account.administrator.key, { noteId: own.id, filename: "a.txt" });
  expect((await ask()).result).toMatchObject({
    __typename: "ForbiddenError",
    message: expect.stringMatching(/^You have 1000 uploads/),
  });
  expect((await request(account.specialist.key, { noteId: own.id })).result?.__typename).toBe("RequestAttachmentUploadPayload");
  await app.database.prisma.upload.deleteMany({ where: { personId } });
  expect((await ask()).result?.__typename).toBe("RequestAttachmentUploadPayload");
});

test("a content type may be given, and is in small letters from then on", async () => {
  const { attachment, upload } = await requested({ filename: "data.bin", contentType: "Application/X-Scan+JSON" });
  expect(attachment.contentType).toBe("application/x-scan+json");
  expect((await put(upload, "{}")).status).toBe(200);
});

test.each<[string, Partial<RequestAttachmentUploadInput>, string]>([
  ["no filename", { filename: "" }, "filename"],
  ["a path", { filename: "../../etc/passwd" }, "filename"],
  ["two dots", { filename: ".." }, "filename"],
  ["a NUL", { filename: "a\0.png" }, "filename"],
  ["a lone surrogate", { filename: "\udc00.png" }, "filename"],
  ["256 bytes", { filename: `${"ü".repeat(126)}.png` }, "filename"],
  ["a content type that is none", { contentType: "png" }, "contentType"],
  ["a content type with a header behind it", { contentType: "image/png\r\nx-evil: 1" }, "contentType"],
  ["a content type with parameters", { contentType: "text/plain; charset=utf-8" }, "contentType"],
  ["a size below zero", { size: -1 }, "size"],
  ["a size above the limit", { size: maximumUploadBytes + 1 }, "size"],
  ["a note that is none", { noteId: "7" }, "noteId"],
  ["a ticket for a note", { noteId: globalId("Ticket", randomUUID()) }, "noteId"],
])("with %s nothing is asked for", async (_name, input, field) => {
  const before = await app.database.prisma.attachment.count({ where: { noteId: note.id } });
  const { result } = await request(account.specialist.key, input);
  expect(result).toMatchObject({ __typename: "InvalidInputError", code: "INVALID_INPUT", fields: [{ path: [field] }] });
  expect(await app.database.prisma.attachment.count({ where: { noteId: note.id } })).toBe(before);
});

test("more bytes than are taken are refused, and leave nothing", async () => {
  const own = await addNote(app, ticket, account.specialist);
  const { upload } = await requested({ noteId: own.id, filename: "big.png" });
  expect((await put(upload, new Uint8Array(maximumUploadBytes + 1))).status).toBe(413);
  expect(await readyAttachments(own.id)).toMatchObject([{ state: "PENDING", download: null }]);
  expect((await put(upload, new Uint8Array(maximumUploadBytes))).status).toBe(200);
});

test("bytes for a note that was deleted meanwhile are refused", async () => {
  const own = await addNote(app, ticket, account.specialist);
  const { upload } = await requested({ noteId: own.id, filename: "orphan.png" });
  await app.database.prisma.note.deleteMany({ where: { id: own.id } });
  expect((await put(upload, "nobody waits for it")).status).toBe(403);
});

describe("who may attach", () => {
  test("to every note of the account: staff; to what they wrote: a customer", async () => {
    const own = await addNote(app, ticket, account.customer);
    for (const { key } of [account.specialist, account.administrator, account.customer]) {
      expect((await request(key, { noteId: own.id })).result?.__typename).toBe("RequestAttachmentUploadPayload");
    }
  });

  test("not a customer to what others wrote", async () => {
    expect((await request(account.customer.key, { filename: "theirs.png" })).result).toMatchObject({
      __typename: "ForbiddenError",
      code: "FORBIDDEN",
    });
    expect(await app.database.prisma.attachment.count({ where: { accountId: account.id, filename: "theirs.png" } })).toBe(0);
  });

  test("not who does not see the note, to whom it does not exist", async () => {
    const missing = await request(account.specialist.key, { noteId: randomUUID() });
    expect(missing.result).toMatchObject({ __typename: "NotFoundError" });
    for (const { key } of [account.otherCustomer, other.specialist, other.administrator])
      expect(await request(key)).toEqual(missing);
    const internal = await addNote(app, ticket, account.specialist, { isPublic: false });
    expect(await request(account.customer.key, { noteId: internal.id })).toEqual(missing);
  });

  test("not without a credential, or without its scope", async () => {
    expect((await request(undefined)).errors).toMatchObject([{ extensions: { code: "UNAUTHENTICATED" } }]);
    const narrow = await keyWith(app, account.specialist, [
      "tickets:read",
      "notes:read",
      "notes:write",
      "notes:internal",
      "attachments:read",
    ]);
    expect((await request(narrow)).result).toMatchObject({
      __typename: "ForbiddenError",
      message: expect.stringContaining("attachments:write"),
    });
  });
});

test("asking for an upload takes the note's read, the upsert, and the note that is asked for again", async () => {
  expect(await statementsOf(app, () => request(account.specialist.key))).toHaveLength(3);
});
