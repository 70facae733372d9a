import { text as textOf } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { v7 as uuidv7 } from "uuid";
import type { Attachment, Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, keyWith, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { dump } from "../support/dump.ts";
import { addNote, addTicket, upload } from "../support/factories.ts";
import { mutate as mutateIn } from "../support/mutate.ts";
import { offerStorage, uploadFile } from "../support/upload-form.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
});
beforeEach(async () => {
  ticket = await addTicket(app, account, { requester: account.customer });
});
afterAll(() => app.close());

const redacted = `... on RedactNotePayload { note { text medium version redactions { at by { uuid } reason } edits { nodes { text isRedacted diff { text } } } attachments { nodes { filename state size contentType download { url } } } } }`;

const mutate = (...[key, name, input, selection]: [key: string, name: string, input: object, selection?: string]) =>
  mutateIn(app, key, name, input, selection);

const redactNote = (input: object, key = account.administrator.key) =>
  mutate(key, "redactNote", { reason: "SECRET", ...input }, redacted);
const redactAttachment = (input: object, key = account.administrator.key) =>
  mutate(
    key,
    "redactAttachment",
    { reason: "PERSONAL_DATA", ...input },
    "... on RedactAttachmentPayload { attachment { filename state size contentType download { url } } }",
  );
const update = (note: Note, text: string) => mutate(account.specialist.key, "updateNote", { id: note.id, text });

test("parts of a text are redacted, in characters and with its line breaks, and earlier states lose their text", async () => {
  const secret = `hunter2-${uuidv7()}`;
  const note = await addNote(app, ticket, account.specialist, { text: `🔧 The password is ${secret}` });
  await update(note, `🔧 The password is\n${secret}\r\nor 👩‍👩‍👧 so`);
  const text = `🔧 The password is\n${secret}\r\nor 👩‍👩‍👧 so`;
  const offset = [...text.slice(0, text.indexOf(secret))].length;
  const spans = [
    { offset, length: [...secret].length + 2 },
    { offset: 0, length: 1 },
    { offset: offset + [...secret].length + 2, length: 2 },
  ];
  const result = await redactNote({ id: note.id, spans, expectedVersion: 2 });
  expect(result).toMatchObject({
    note: {
      text: "▇▇▇ The password is\n▇▇▇\r\n▇▇▇ 👩‍👩‍👧 so",
      medium: "DEFAULT",
      version: 3,
      redactions: [{ by: { uuid: account.administrator.id }, reason: "SECRET" }],
      edits: { nodes: [{ text: null, isRedacted: true, diff: null }] },
    },
  });
  expect(await dump(app)).not.toContain(secret);
  expect(await mutate(account.specialist.key, "updateNote", { id: note.id, text: "Clean" })).toMatchObject({
    __typename: "UpdateNotePayload",
  });
});

test("a customer sees who has changed and redacted a note, also whom they have not met", async () => {
  const note = await addNote(app, ticket, account.customer, { text: "secret" });
  const changed = await mutate(account.administrator.key, "updateNote", { id: note.id, text: "secrets" });
  expect(changed.__typename).toBe("UpdateNotePayload");
  await redactNote({ id: note.id, spans: [{ offset: 0, length: 6 }], expectedVersion: 2 });
  const query = `{ note(id: "${note.id}") { editor { name } redactions { by { name } } edits { nodes { editor { name } } } } }`;
  const { data, errors } = await sendText(app.url, account.customer.key, query);
  const person = { name: "Ada Administrator" };
  expect([data, errors]).toEqual([
    { note: { editor: person, redactions: [{ by: person }], edits: { nodes: [{ editor: person }] } } },
    [],
  ]);
});

test("a whole note becomes empty and REDACTED with its files, on every API, and the bytes are gone", async () => {
  const secret = `secret-${uuidv7()}`;
  const note = await addNote(app, ticket, account.customer, { text: secret });
  await upload(app, account.specialist.key, note.id, `${secret}.txt`, `bytes ${secret}`, "text/plain");
  await upload(app, account.specialist.key, note.id, `other ${secret}.txt`, `bytes ${secret}`, "text/plain");
  const files = `query ($id: ID!) { note(id: $id) { attachments { nodes { download { url } } } } }`;
  const before = await sendText<{ note: { attachments: { nodes: { download: { url: string } }[] } } }>(
    app.url,
    account.customer.key,
    files,
    { id: note.id },
  );
  const urls = before.data.note.attachments.nodes.map(({ download }) => download.url);
  expect(urls).toHaveLength(2);
  expect(await redactNote({ id: note.id })).toMatchObject({
    note: {
      text: "",
      medium: "REDACTED",
      attachments: {
        nodes: [
          { filename: "redacted", state: "REDACTED", size: null, contentType: "application/octet-stream", download: null },
          { filename: expect.stringMatching(/^redacted \(\d+\)$/), state: "REDACTED", download: null },
        ],
      },
    },
  });
  for (const url of urls) expect((await fetch(url)).status).toBe(404);
  expect(await dump(app)).not.toContain(secret);
  const v1 = await call(app, account.customer.key, "GET", `/v1/notes/${note.number}`);
  expect(v1.body).toMatchObject({ medium: "redacted", text: "", attachments: [] });
  const v2 = await call(app, account.customer.key, "GET", `/v2/tickets/notes/${note.id}`);
  expect(v2.body).toMatchObject({ value: "" });
  const list = await call(app, account.customer.key, "GET", `/v2/tickets/note-attachments?note_id=${note.id}`);
  expect(list.body).toMatchObject({ result: [], total: 0 });
  expect(await mutate(account.specialist.key, "updateNote", { id: note.id, text: "again" })).toMatchObject({
    __typename: "ForbiddenError",
  });
});

test("to redact again what is redacted changes nothing and answers the same", async () => {
  const note = await addNote(app, ticket, account.specialist, { text: "a secret word" });
  const first = await redactNote({ id: note.id, spans: [{ offset: 2, length: 6 }], expectedVersion: 1 });
  expect(first).toMatchObject({ note: { text: "a ▇▇▇ word", version: 2 } });
  expect(await redactNote({ id: note.id, spans: [{ offset: 2, length: 3 }], expectedVersion: 2 })).toEqual(first);
  const whole = await redactNote({ id: note.id });
  expect(whole).toMatchObject({ note: { version: 3 } });
  expect(await redactNote({ id: note.id, reason: "OTHER" })).toEqual(whole);
  const audit = await app.database.prisma.auditEvent.findMany({
    where: { accountId: account.id, entityId: note.id, action: "REDACTED" },
  });
  expect(audit).toHaveLength(2);
});

test("a file is redacted by itself, and also its earlier bytes and its name in the uploads", async () => {
  const secret = `private-${uuidv7()}`;
  const note = await addNote(app, ticket, account.specialist, { text: "With a file" });
  await upload(app, account.specialist.key, note.id, `${secret}.txt`, "first bytes", "text/plain");
  await upload(app, account.specialist.key, note.id, `${secret}.txt`, "second bytes", "text/plain");
  const { id } = await app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: note.id } });
  const result = await redactAttachment({ id });
  expect(result).toMatchObject({ attachment: { filename: "redacted", state: "REDACTED", size: null, download: null } });
  expect(await redactAttachment({ id })).toEqual(result);
  expect(await dump(app)).not.toContain(secret);
  const objects = [];
  for await (const { key } of app.storage.list()) if (key.startsWith(account.id)) objects.push(key);
  const kept = await app.database.prisma.attachment.findMany({ where: { accountId: account.id, state: "READY" } });
  expect(objects).toHaveLength(kept.length);
  const shown = await sendText(
    app.url,
    account.customer.key,
    "query ($id: ID!) { note(id: $id) { text redactions { reason } } }",
    { id: note.id },
  );
  expect(shown.data).toEqual({ note: { text: "With a file", redactions: [{ reason: "PERSONAL_DATA" }] } });
});

test("an image that the text names is redacted in the text and in its earlier states too", async () => {
  const secret = `photo-of-${uuidv7()}`;
  const { key } = await uploadFile(await offerStorage(app, account.specialist.key), `${secret}.png`, "bytes", "image/png");
  const body = { text: `See ![](${key}) please`, attachments: [{ key, inline: true }] };
  const added = await call(app, account.specialist.key, "POST", `/v1/requests/${ticket.number}/notes`, body);
  const note = await app.database.prisma.note.findFirstOrThrow({ where: { number: (added.body as { id: number }).id } });
  await update(note, `Look: ![](${key})`);
  const file = await app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: note.id } });
  expect(await redactAttachment({ id: file.id })).toMatchObject({ __typename: "RedactAttachmentPayload" });
  const { text } = await app.database.prisma.note.findFirstOrThrow({ where: { id: note.id } });
  expect(text).toBe("Look: ![](▇▇▇)");
  expect(await dump(app)).not.toContain(secret);
});

test("bytes that arrive after a redaction are not taken", async () => {
  const note = await addNote(app, ticket, account.specialist);
  const asked = await mutate(
    account.specialist.key,
    "requestAttachmentUpload",
    { noteId: note.id, filename: "late.txt" },
    "... on RequestAttachmentUploadPayload { attachment { id } upload { url } }",
  );
  const { id } = asked["attachment"] as { id: string };
  expect(await redactAttachment({ id })).toMatchObject({ attachment: { state: "REDACTED" } });
  const sent = await fetch((asked["upload"] as { url: string }).url, {
    method: "PUT",
    headers: { "content-type": "text/plain" },
    body: "late",
  });
  expect(sent.status).toBe(403);
  const again = await mutate(account.specialist.key, "requestAttachmentUpload", { noteId: note.id, filename: "redacted" });
  expect(again).toMatchObject({
    __typename: "InvalidInputError",
    message: "A redacted file has this name: choose another one.",
  });
});

test("only administrators with the scope redact, and what they may not see is not there", async () => {
  const note = await addNote(app, ticket, account.specialist, { text: "x" });
  const file: Attachment = await upload(app, account.specialist.key, note.id, "a.txt", "a", "text/plain").then(() =>
    app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: note.id } }),
  );
  const other = await addAccount(app);
  const narrow = await keyWith(app, account.administrator, [
    "notes:read",
    "notes:write",
    "notes:internal",
    "attachments:read",
    "admin",
  ]);
  for (const key of [account.specialist.key, account.customer.key, narrow]) {
    expect((await redactNote({ id: note.id }, key)).__typename).toBe("ForbiddenError");
    expect((await redactAttachment({ id: file.id }, key)).__typename).toBe("ForbiddenError");
    const { data } = await sendText(app.url, key, "query ($id: ID!) { note(id: $id) { viewerCanRedact } }", { id: note.id });
    expect(data).toEqual({ note: { viewerCanRedact: false } });
  }
  expect((await redactNote({ id: note.id }, other.administrator.key)).__typename).toBe("NotFoundError");
  expect((await redactAttachment({ id: file.id }, other.administrator.key)).__typename).toBe("NotFoundError");
  expect((await redactNote({ id: uuidv7() })).__typename).toBe("NotFoundError");
  const publicOnly = await keyWith(app, account.administrator, ["notes:read", "notes:redact"]);
  const internal = await addNote(app, ticket, account.specialist, { isPublic: false });
  expect((await redactNote({ id: internal.id }, publicOnly)).__typename).toBe("NotFoundError");
});

test.each<[what: string, input: object, path: string[]]>([
  ["spans without a version", { spans: [{ offset: 0, length: 1 }] }, ["expectedVersion"]],
  ["no span", { spans: [], expectedVersion: 1 }, ["spans"]],
  ["a span beyond the end", { spans: [{ offset: 3, length: 3 }], expectedVersion: 1 }, ["spans", "0"]],
  ["a span before the start", { spans: [{ offset: -1, length: 1 }], expectedVersion: 1 }, ["spans", "0"]],
  ["an empty span", { spans: [{ offset: 1, length: 0 }], expectedVersion: 1 }, ["spans", "0"]],
  [
    "spans that overlap",
    {
      spans: [
        { offset: 2, length: 2 },
        { offset: 1, length: 2 },
      ],
      expectedVersion: 1,
    },
    ["spans", "0"],
  ],
])("%s: INVALID_INPUT with its path", async (_what, input, path) => {
  const note = await addNote(app, ticket, account.specialist, { text: "12345" });
  expect(await redactNote({ id: note.id, ...input })).toMatchObject({ __typename: "InvalidInputError", fields: [{ path }] });
});

test("a version that is not the note's is a conflict with the note as it is", async () => {
  const note = await addNote(app, ticket, account.specialist, { text: "12345" });
  await update(note, "54321");
  const input = { id: note.id, spans: [{ offset: 0, length: 1 }], expectedVersion: 1 };
  expect((await redactNote(input)).__typename).toBe("NoteChangedError");
});

test("a redaction is done once under its key", async () => {
  const note = await addNote(app, ticket, account.specialist, { text: "12345" });
  const input = { id: note.id, spans: [{ offset: 0, length: 2 }], expectedVersion: 1, idempotencyKey: uuidv7() };
  const first = await redactNote(input);
  expect(first).toMatchObject({ note: { text: "▇▇▇345" } });
  expect(await redactNote(input)).toEqual(first);
});

test("while a note is changed and redacted at the same time, no earlier state keeps the secret", async () => {
  for (let round = 0; round < 20; round += 1) {
    const secret = `race-${uuidv7()}`;
    const note = await addNote(app, ticket, account.specialist, { text: secret });
    const changes = ["a", "b", "c"].map((text) => update(note, `${text} of ${round}`));
    await Promise.all([...changes, redactNote({ id: note.id })]);
    expect(await dump(app)).not.toContain(secret);
  }
});

test("a deleted note is redacted as well, and comes back as redacted", async () => {
  const secret = `deleted-${uuidv7()}`;
  const note = await addNote(app, ticket, account.customer, { text: secret });
  await update(note, `still ${secret}`);
  await upload(app, account.specialist.key, note.id, `${secret}.txt`, `bytes ${secret}`, "text/plain");
  await mutate(account.specialist.key, "deleteNote", { id: note.id });
  expect(await dump(app)).toContain(secret);
  expect((await redactNote({ id: note.id }, account.specialist.key)).__typename).toBe("ForbiddenError");
  expect(await redactNote({ id: note.id, idempotencyKey: secret.slice(0, 20) })).toEqual({
    __typename: "RedactNotePayload",
    note: null,
  });
  expect(await redactNote({ id: note.id })).toEqual({ __typename: "RedactNotePayload", note: null });
  expect(await dump(app)).not.toContain(secret);
  for await (const { key } of app.storage.list()) {
    const bytes = await app.storage.read(key);
    if (bytes) expect(await textOf(bytes)).not.toContain(secret);
  }
  const back = await mutate(
    account.administrator.key,
    "undeleteNote",
    { id: note.id },
    "... on UndeleteNotePayload { note { text medium attachments { nodes { filename state } } edits { nodes { text } } } }",
  );
  expect(back).toMatchObject({
    note: {
      text: "",
      medium: "REDACTED",
      attachments: { nodes: [{ filename: "redacted", state: "REDACTED" }] },
      edits: { nodes: [{ text: null }] },
    },
  });
});

test("parts of a deleted note are redacted in the version that it has", async () => {
  const note = await addNote(app, ticket, account.customer, { text: "12345" });
  await mutate(account.specialist.key, "deleteNote", { id: note.id });
  const spans = [{ offset: 0, length: 2 }];
  expect((await redactNote({ id: note.id, spans, expectedVersion: 9 })).__typename).toBe("NoteChangedError");
  expect(await redactNote({ id: note.id, spans, expectedVersion: 1 })).toMatchObject({ note: null });
  const back = await mutate(
    account.administrator.key,
    "undeleteNote",
    { id: note.id },
    "... on UndeleteNotePayload { note { text } }",
  );
  expect(back).toMatchObject({ note: { text: "▇▇▇345" } });
});

test("redactions that touch are one run, and to redact a part of it again changes nothing", async () => {
  const note = await addNote(app, ticket, account.specialist, { text: "abcdef" });
  const redact = (offset: number, length: number, expectedVersion: number) =>
    redactNote({ id: note.id, spans: [{ offset, length }], expectedVersion });
  expect(await redact(1, 2, 1)).toMatchObject({ note: { text: "a▇▇▇def", version: 2 } });
  for (const [offset, length] of [
    [1, 3],
    [2, 1],
    [1, 1],
    [3, 1],
  ] as const)
    expect(await redact(offset, length, 2)).toMatchObject({ note: { text: "a▇▇▇def", version: 2 } });
  expect(await redact(0, 2, 2)).toMatchObject({ note: { text: "▇▇▇def", version: 3 } });
  expect(await redact(3, 1, 3)).toMatchObject({ note: { text: "▇▇▇ef", version: 4 } });
});

test("a name that is redacted in a mention is not looked up again", async () => {
  const { number, name } = account.customer;
  const text = `Ask <@${number}|${name}> again`;
  const note = await addNote(app, ticket, account.specialist, { text });
  await redactNote({ id: note.id, spans: [{ offset: text.indexOf(name), length: name.length }], expectedVersion: 1 });
  const { data } = await sendText(
    app.url,
    account.specialist.key,
    "query ($id: ID!) { note(id: $id) { textHtml textPlain } }",
    { id: note.id },
  );
  expect(JSON.stringify(data)).not.toContain(name);
});

test("a file's name is redacted in the text that names it, and not in longer words", async () => {
  const note = await addNote(app, ticket, account.specialist, {
    text: "See scan.png, not myscan.png or scan.pngs: ![](scan.png)",
  });
  await upload(app, account.specialist.key, note.id, "scan.png", "bytes", "image/png");
  const { id } = await app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: note.id } });
  await redactAttachment({ id });
  const { text } = await app.database.prisma.note.findFirstOrThrow({ where: { id: note.id } });
  expect(text).toBe("See ▇▇▇, not myscan.png or scan.pngs: ![](▇▇▇)");
});

test("nothing is attached to a redacted note", async () => {
  const note = await addNote(app, ticket, account.customer);
  await redactNote({ id: note.id });
  const input = { noteId: note.id, filename: "new.png" };
  expect((await mutate(account.customer.key, "requestAttachmentUpload", input)).__typename).toBe("ForbiddenError");
});
