import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { graphql } from "../generated/gql.ts";
import type { RequestAttachmentUploadInput } from "../generated/graphql.ts";
import { addAccount, keyWith, maximumUploadBytes, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
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
  await app.database.prisma.note.delete({ where: { id: own.id } });
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
