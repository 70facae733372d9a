import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addTicket } from "../support/factories.ts";
import { authservId, filePart, mailOf, multipart, sendMail } from "./support.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;
let secret: string;
/** The address of the sender, which has the secret too. */
let from: string;

beforeAll(async () => {
  app = await startApp({ mail: { authservId, senders: [] } });
  account = await addAccount(app);
});
beforeEach(async () => {
  secret = `secret-${uuidv7()}`;
  const member = await app.provisioning.addPerson({
    ...{ accountId: account.id, name: "Eve", role: "CUSTOMER", email: `${uuidv7()}@example.com` },
  });
  from = member.email;
  ticket = await addTicket(app, account);
  await app.database.prisma.ticket.update({ where: { id: ticket.id }, data: { requesterId: member.id } });
});
afterAll(() => app.close());

/** Returns a mail with the secret in its subject, its text, a header, a filename and a file. */
function secretMail(): Buffer {
  const { contentType, body } = multipart([
    { headers: { "Content-Type": "text/plain" }, body: `My password is ${secret}` },
    filePart(`${secret}.txt`, `In the file: ${secret}`, "text/plain"),
  ]);
  return mailOf(from, ticket.number, {
    headers: { Subject: `About ${secret}`, "X-Note": secret, "Content-Type": contentType },
    body,
  });
}

/** Returns where the text is: the tables that hold it, and the objects of the store. */
async function placesOf(text: string): Promise<string[]> {
  await app.app.services.attachments.removeDiscarded();
  const { pool } = app.database;
  const { rows } = await pool.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace",
  );
  const tables = await Promise.all(
    rows.map(async ({ name }) => {
      const found = await pool.query(`SELECT 1 FROM "${name}" t WHERE strpos(t::text, $1) > 0 LIMIT 1`, [text]);
      return found.rows.length > 0 ? [name] : [];
    }),
  );
  const places = tables.flat();
  for await (const { key } of app.storage.list()) {
    const bytes = await app.storage.read(key);
    const chunks = bytes ? await bytes.toArray() : [];
    const content = Buffer.concat(chunks as Buffer[]).toString("latin1");
    if (content.includes(text) || content.includes(btoa(`In the file: ${text}`))) places.push(`store ${key}`);
  }
  return places;
}

const redact = (input: object) =>
  sendText<{ redactNote: { __typename: string } }>(
    app.url,
    account.administrator.key,
    `mutation ($input: RedactNoteInput!) { redactNote(input: $input) { __typename ... on Error { message } } }`,
    { input: { reason: "SECRET", ...input } },
  ).then(({ data }) => data.redactNote.__typename);

const mailOfNote = (key: string, id: string | undefined) =>
  sendText(
    app.url,
    key,
    `query ($id: ID!) { note(id: $id) { medium inboundEmail { messageId from subject } attachments { nodes { filename state } } } }`,
    {
      id,
    },
  ).then(({ data }) => data);

/** Returns what the sender sees of the note of their mail. */
async function mailAsCustomer(id: string | undefined): Promise<{ readonly data: unknown }> {
  const customer = await app.database.prisma.person.findFirstOrThrow({ where: { email: from } });
  const { key } = await app.provisioning.addApiKey({
    ...{
      accountId: account.id,
      personId: customer.id,
      name: "test",
      scopes: ["notes:read", "tickets:read", "attachments:read"],
    },
  });
  return { data: await mailOfNote(key, id) };
}

test("of a redacted note nothing of its mail is left, in any table or in the store", async () => {
  const mail = secretMail();
  const { status, body } = await sendMail(app, account, mail);
  expect(status).toBe(201);
  expect((await placesOf(secret)).map((place) => place.split(" ")[0])).toEqual(
    expect.arrayContaining(["notes", "attachments", "uploads", "inbound_emails", "store"]),
  );
  expect(await redact({ id: body.note })).toBe("RedactNotePayload");
  expect(await placesOf(secret)).toEqual([]);
  expect(await app.database.prisma.inboundEmail.findMany({ where: { noteId: body.note ?? "" } })).toMatchObject([
    { sender: null, subject: "▇▇▇" },
  ]);
  expect(await mailOfNote(account.administrator.key, body.note)).toMatchObject({
    note: { medium: "REDACTED", inboundEmail: { from: null, subject: "▇▇▇" } },
  });
  const v1 = await call(app, account.administrator.key, "GET", `/v1/notes/${body.number}`);
  expect(v1.body).toMatchObject({ medium: "redacted", inbound_email: { subject: "▇▇▇" }, attachments: [] });
  const again = await sendMail(app, account, mail);
  expect([again.status, again.body]).toEqual([200, body]);
  expect(await placesOf(secret)).toEqual([]);
});

test("a part of the text takes the mail with it, and the files stay", async () => {
  const { body } = await sendMail(
    app,
    account,
    mailOf(from, ticket.number, { headers: { Subject: secret }, body: `pin ${secret}` }),
  );
  const spans = [{ offset: 4, length: secret.length }];
  expect(await redact({ id: body.note, spans, expectedVersion: 1 })).toBe("RedactNotePayload");
  expect(await placesOf(secret)).toEqual([]);
  expect(await mailOfNote(account.administrator.key, body.note)).toMatchObject({
    note: {
      medium: "EMAIL",
      inboundEmail: { from: null, subject: "▇▇▇" },
      attachments: { nodes: [{ filename: "redacted", state: "REDACTED" }] },
    },
  });
  const { version } = await app.database.prisma.note.findFirstOrThrow({ where: { id: body.note ?? "" } });
  expect(await redact({ id: body.note, spans: [{ offset: 4, length: 3 }], expectedVersion: version })).toBe(
    "RedactNotePayload",
  );
  expect(await app.database.prisma.redaction.count({ where: { noteId: body.note ?? "" } })).toBe(1);
});

test("where only the mail has the secret, a part of the text that was redacted before takes it too", async () => {
  const { body } = await sendMail(app, account, mailOf(from, ticket.number, { headers: { Subject: secret }, body: "▇▇▇" }));
  expect(await redact({ id: body.note, spans: [{ offset: 0, length: 3 }], expectedVersion: 1 })).toBe("RedactNotePayload");
  expect(await placesOf(secret)).toEqual([]);
});

test("a redacted file is in the kept mail no more, and customers learn nothing of that", async () => {
  const { contentType, body: content } = multipart([
    { headers: { "Content-Type": "text/plain" }, body: "See the file" },
    filePart(`${secret}.txt`, `In the file: ${secret}`, "text/plain"),
  ]);
  const mail = mailOf(from, ticket.number, { headers: { "Content-Type": contentType }, body: content });
  const { body } = await sendMail(app, account, mail);
  const file = await app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: body.note ?? "", isInternal: false } });
  const mutation = `mutation ($input: RedactAttachmentInput!) { redactAttachment(input: $input) { __typename } }`;
  const { data } = await sendText(app.url, account.administrator.key, mutation, {
    input: { id: file.id, reason: "PERSONAL_DATA" },
  });
  expect(data).toEqual({ redactAttachment: { __typename: "RedactAttachmentPayload" } });
  expect(await placesOf(secret)).toEqual([]);
  const customer = await app.database.prisma.person.findFirstOrThrow({ where: { email: from } });
  const { key } = await app.provisioning.addApiKey({
    ...{
      accountId: account.id,
      personId: customer.id,
      name: "test",
      scopes: ["notes:read", "tickets:read", "attachments:read"],
    },
  });
  expect(await mailOfNote(key, body.note)).toMatchObject({
    note: { inboundEmail: { from, subject: "It does not start" }, attachments: { nodes: [{ state: "REDACTED" }] } },
  });
});

const change = (mutation: string, id: string | undefined) =>
  sendText(app.url, account.administrator.key, `mutation ($id: ID!) { done: ${mutation}(input: { id: $id }) { __typename } }`, {
    id,
  });

test("a deleted note takes its mail out of sight, the mail is not taken again, and both come back together", async () => {
  const mail = secretMail();
  const { body } = await sendMail(app, account, mail);
  expect((await change("deleteNote", body.note)).data).toEqual({ done: { __typename: "DeleteNotePayload" } });
  expect(await mailOfNote(account.administrator.key, body.note)).toEqual({ note: null });
  const v1 = await call(app, account.administrator.key, "GET", `/v1/notes/${body.number}`);
  expect(v1.body).toMatchObject({ medium: "redacted", inbound_email: null, attachments: [] });
  const list = await call(app, account.administrator.key, "GET", `/v1/requests/${ticket.number}/notes`);
  expect(list.body).toMatchObject([{ id: body.number, inbound_email: null }]);
  const again = await sendMail(app, account, mail);
  expect([again.status, again.body]).toEqual([200, body]);

  expect((await change("undeleteNote", body.note)).data).toEqual({ done: { __typename: "UndeleteNotePayload" } });
  expect(await mailOfNote(account.administrator.key, body.note)).toMatchObject({
    note: { inboundEmail: { from }, attachments: { nodes: [{ filename: "original.eml" }, { filename: `${secret}.txt` }] } },
  });
  const { data } = await mailAsCustomer(body.note);
  expect(data).toMatchObject({ note: { attachments: { nodes: [{ filename: `${secret}.txt` }] } } });
});

test("of a deleted note that is redacted nothing is left", async () => {
  const { body } = await sendMail(app, account, secretMail());
  await change("deleteNote", body.note);
  expect(await placesOf(secret)).toContain("inbound_emails");
  expect(await redact({ id: body.note })).toBe("RedactNotePayload");
  expect(await placesOf(secret)).toEqual([]);
});

test("the mail of a deleted note is purged with it", async () => {
  const { body } = await sendMail(app, account, secretMail());
  await change("deleteNote", body.note);
  await app.database.prisma.deletedNote.updateMany({ where: { id: body.note ?? "" }, data: { deletedAt: new Date(0) } });
  await app.app.services.notes.purge();
  expect(await app.database.prisma.inboundEmail.count({ where: { noteId: body.note ?? "" } })).toBe(0);
  // The rows of uploads go a day after the upload.
  await app.database.prisma.upload.deleteMany({ where: { accountId: account.id } });
  await expect.poll(() => placesOf(secret)).toEqual([]);
});

const kept = (id: string | undefined) =>
  mailOfNote(account.administrator.key, id).then(
    (data) => (data as { note: { attachments: { nodes: { filename: string }[] } } }).note.attachments.nodes[0]?.filename,
  );

test("of mails that answer a redacted note the kept mail goes, and a subject that names it, and other mails stay", async () => {
  const earlier = await sendMail(app, account, mailOf(from, ticket.number, { body: "Hello\n\nOn Monday Ann wrote:\n> Hi" }));
  const { body } = await sendMail(app, account, mailOf(from, ticket.number, { body: `My password is ${secret}` }));
  const answers = [
    { body: `Thanks\n\nOn Monday Ann wrote:\n> My password is ${secret}` },
    { body: `Thanks\n\n-----Original Message-----\nMy password is ${btoa(secret)} ${secret}` },
    { body: `I quote nobody.\n\n${secret} is an odd word.`, headers: { "In-Reply-To": "<1@example.com>" } },
    {
      body: `<p>Thanks</p><blockquote>My password is ${secret}</blockquote>`,
      headers: { "Content-Type": "text/html" },
    },
  ];
  const sent = [];
  for (const answer of answers) sent.push(await sendMail(app, account, mailOf(from, ticket.number, answer)));
  const named = await sendMail(app, account, mailOf(from, ticket.number, { headers: { Subject: `Your ${secret}` } }));
  const later = await sendMail(app, account, mailOf(from, ticket.number, { body: "Something else" }));

  const spans = [{ offset: "My password is ".length, length: secret.length }];
  expect(await redact({ id: body.note, spans, expectedVersion: 1 })).toBe("RedactNotePayload");
  for (const answer of sent) expect(await kept(answer.body.note)).toBe("redacted");
  expect(await mailOfNote(account.administrator.key, named.body.note)).toMatchObject({
    note: { inboundEmail: { from, subject: "▇▇▇" }, attachments: { nodes: [{ filename: "redacted" }] } },
  });
  expect(await kept(earlier.body.note)).toBe("original.eml");
  expect(await kept(later.body.note)).toBe("original.eml");
  // The words that somebody wrote themselves are theirs. To redact them is another decision.
  const [, , own] = sent;
  expect(await placesOf(secret)).toContain("notes");
  expect(await redact({ id: own?.body.note })).toBe("RedactNotePayload");
  expect(await placesOf(secret)).toEqual([]);
});
