import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, keyWith, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket, at } from "../support/factories.ts";
import { addressOfPerson, authservId, filePart, mailOf, multipart, sendMail } from "./support.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;
/** The addresses of the people. */
let cleo: string;
let otis: string;
let sam: string;

beforeAll(async () => {
  app = await startApp({ mail: { authservId, senders: [] } });
  account = await addAccount(app);
  cleo = await addressOfPerson(app, account.customer);
  otis = await addressOfPerson(app, account.otherCustomer);
  sam = await addressOfPerson(app, account.specialist);
});
beforeEach(async () => {
  ticket = await addTicket(app, account, { requester: account.customer });
});
afterAll(() => app.close());

const noteOf = (id: string | undefined): Promise<Note> =>
  app.database.prisma.note.findFirstOrThrow({ where: { id: id ?? "" } });
const notesOfTicket = (): Promise<number> => app.database.prisma.note.count({ where: { ticketId: ticket.id } });

/** Returns the note as GraphQL shows it. */
async function shown(key: string, id: string | undefined): Promise<Record<string, unknown> | null> {
  const query = `query ($id: ID!) { note(id: $id) {
    text isPublic medium author { uuid } viewerCanUpdate
    inboundEmail { messageId from subject receivedAt }
    attachments { totalCount nodes { filename contentType size inline download { url } } } } }`;
  const { data, errors } = await sendText<{ note: Record<string, unknown> | null }>(app.url, key, query, { id });
  expect(errors).toEqual([]);
  return data.note;
}

interface Files {
  readonly totalCount: number;
  readonly nodes: readonly { readonly filename: string; readonly download: { readonly url: string } }[];
}
const filesOf = (note: Record<string, unknown> | null) => note?.["attachments"] as Files;

test("a customer's mail becomes a public note of theirs, which every API shows with its mail", async () => {
  const messageId = `<${uuidv7()}@example.com>`;
  const mail = mailOf(`Cleo <${cleo}>`, ticket.number, {
    headers: { "Message-ID": messageId, Subject: "=?utf-8?q?Caf=C3=A9?=" },
  });
  const { status, body } = await sendMail(app, account, mail);
  expect(status).toBe(201);
  const note = await noteOf(body.note);
  expect(body).toEqual({ note: note.id, number: note.number });
  expect(note).toMatchObject({ ticketId: ticket.id, text: "Hello", medium: "EMAIL", isPublic: true, version: 1 });
  expect(await shown(account.customer.key, note.id)).toMatchObject({
    author: { uuid: account.customer.id },
    viewerCanUpdate: false,
    inboundEmail: { messageId, from: cleo, subject: "Café", receivedAt: expect.any(String) },
    attachments: { totalCount: 0, nodes: [] },
  });
  expect(await shown(account.specialist.key, note.id)).toMatchObject({
    inboundEmail: { from: cleo },
    attachments: { totalCount: 1 },
  });
  const v1 = await call(app, account.customer.key, "GET", `/v1/notes/${note.number}`);
  expect(v1.body).toMatchObject({
    medium: "email",
    inbound_email: { id: expect.any(Number), subject: "Café" },
    attachments: [],
  });
  const events = await app.database.prisma.auditEvent.count({ where: { accountId: account.id, entityId: note.id } });
  expect(events).toBe(1);
});

test("what staff write by mail is internal, and a note that did not come by mail has none", async () => {
  const { body } = await sendMail(app, account, mailOf(sam, ticket.number));
  expect(await noteOf(body.note)).toMatchObject({ isPublic: false, medium: "EMAIL", authorNumber: account.specialist.number });
  expect(await shown(account.customer.key, body.note)).toBeNull();
  const other = await addNote(app, ticket, account.specialist);
  expect(await shown(account.customer.key, other.id)).toMatchObject({ inboundEmail: null });
  expect((await call(app, account.customer.key, "GET", `/v1/notes/${other.number}`)).body).toMatchObject({
    inbound_email: null,
  });
});

test("the mail itself is kept for those who see internal notes, and no API tells others of it", async () => {
  const mail = mailOf(cleo, ticket.number, { headers: { "X-Inside": "10.0.0.7" } });
  const { body } = await sendMail(app, account, mail);
  const staff = await shown(account.specialist.key, body.note);
  expect(staff).toMatchObject({
    attachments: { nodes: [{ filename: "original.eml", contentType: "message/rfc822", size: mail.length, inline: false }] },
  });
  const [original] = filesOf(staff).nodes;
  const download = await fetch(original?.download.url ?? "");
  expect(Buffer.from(await download.arrayBuffer()).equals(mail)).toBe(true);
  expect(download.headers.get("content-disposition")).toMatch(/^attachment/);

  const attachment = await app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: body.note ?? "" } });
  const limited = await keyWith(app, account.specialist, [
    "notes:read",
    "notes:write",
    "attachments:read",
    "attachments:write",
  ]);
  for (const key of [account.customer.key, limited]) {
    expect(filesOf(await shown(key, body.note))).toEqual({ totalCount: 0, nodes: [] });
    const node = await sendText(app.url, key, `query ($id: ID!) { node(id: $id) { id } }`, {
      id: btoa(`Attachment:${attachment.id}`),
    });
    expect(node.data).toEqual({ node: null });
    const list = await call(app, key, "GET", `/v2/tickets/note-attachments?note_id=${body.note}`);
    expect(list.body).toMatchObject({ result: [], total: 0 });
    expect((await call(app, key, "GET", `/v2/tickets/note-attachments/${body.note}/original.eml`)).status).toBe(404);
  }
  expect((await call(app, account.customer.key, "GET", `/v1/notes/${body.number}`)).body).toMatchObject({ attachments: [] });
  expect((await call(app, account.specialist.key, "GET", `/v1/notes/${body.number}`)).body).toMatchObject({
    attachments: [{ name: "original.eml" }],
  });
});

test("a filter by attachments does not tell customers of the mail itself", async () => {
  const { body } = await sendMail(app, account, mailOf(cleo, ticket.number));
  const query = `query ($id: ID!, $has: Boolean!) { notes(filter: { ticketId: $id, hasAttachments: $has }) { totalCount nodes { uuid } } }`;
  const found = async (key: string, has: boolean) => (await sendText(app.url, key, query, { id: ticket.id, has })).data;
  const one = { notes: { totalCount: 1, nodes: [{ uuid: body.note }] } };
  const none = { notes: { totalCount: 0, nodes: [] } };
  expect([await found(account.customer.key, true), await found(account.customer.key, false)]).toEqual([none, one]);
  expect([await found(account.specialist.key, true), await found(account.specialist.key, false)]).toEqual([one, none]);
});

test("nobody replaces or deletes the mail itself without seeing it", async () => {
  const { body } = await sendMail(app, account, mailOf(cleo, ticket.number));
  const asked = { note_id: body.note, filename: "original.eml" };
  for (const key of [account.customer.key, account.specialist.key])
    expect((await call(app, key, "POST", "/v2/tickets/note-attachments", asked)).status).toBe(400);
  const deletion = `mutation ($noteId: ID!) { deleteAttachment(input: { noteId: $noteId, filename: "original.eml" }) { __typename } }`;
  const refused = await sendText(app.url, account.customer.key, deletion, { noteId: body.note });
  expect(refused.data).toEqual({ deleteAttachment: { __typename: "NotFoundError" } });
  const deleted = await sendText(app.url, account.specialist.key, deletion, { noteId: body.note });
  expect(deleted.data).toEqual({ deleteAttachment: { __typename: "DeleteAttachmentPayload" } });
});

test("the address of a sender is for staff and for themselves", async () => {
  const { body } = await sendMail(app, account, mailOf(cleo, ticket.number));
  await app.database.prisma.ticket.update({ where: { id: ticket.id }, data: { requesterId: account.otherCustomer.id } });
  expect(await shown(account.otherCustomer.key, body.note)).toMatchObject({
    inboundEmail: { from: null, subject: "It does not start" },
  });
  expect(await shown(account.administrator.key, body.note)).toMatchObject({ inboundEmail: { from: cleo } });
});

test.each<[where: string, headers: (number: number) => Record<string, string | string[] | undefined>]>([
  ["To", (number) => ({ To: `"A, B" <b@c.example>, Desk <TICKET+${number}@desk.example>` })],
  ["Cc", (number) => ({ To: "b@c.example", Cc: `ticket+${number}@desk.example` })],
  ["a group in To", (number) => ({ To: `Desks: ticket+${number}@desk.example;` })],
  [
    "Delivered-To, before another one in To",
    (number) => ({ "Delivered-To": `ticket+${number}@x.example`, To: "ticket+1@x.example" }),
  ],
  ["X-Original-To", (number) => ({ "X-Original-To": `ticket+${number}@x.example`, To: undefined })],
  ["the subject", (number) => ({ To: "desk@desk.example", Subject: `AW: [#${number}] It does not start` })],
  ["an encoded subject", (number) => ({ To: undefined, Subject: `=?utf-8?B?${btoa(`Re: [#${number}] x`)}?=` })],
])("a mail names its ticket in %s", async (_where, headers) => {
  const { status, body } = await sendMail(app, account, mailOf(cleo, undefined, { headers: headers(ticket.number) }));
  expect([status, body.detail]).toEqual([201, undefined]);
  expect(await noteOf(body.note)).toMatchObject({ ticketId: ticket.id });
});

test("a reply is a note of the ticket of the mail that it replies to, if its author may see that", async () => {
  const first = `<${uuidv7()}@example.com>`;
  await sendMail(app, account, mailOf(cleo, ticket.number, { headers: { "Message-ID": first } }));
  const reply = { To: "desk@desk.example", References: `<a@b.example>\r\n ${first} <c@d.example>` };
  const { status, body } = await sendMail(app, account, mailOf(sam, undefined, { headers: reply }));
  expect(status).toBe(201);
  expect(await noteOf(body.note)).toMatchObject({ ticketId: ticket.id });
  const byReply = { To: "desk@desk.example", "In-Reply-To": first };
  expect((await sendMail(app, account, mailOf(cleo, undefined, { headers: byReply }))).status).toBe(201);
  expect((await sendMail(app, account, mailOf(otis, undefined, { headers: reply }))).status).toBe(422);
  const other = await addAccount(app);
  const elsewhere = mailOf(await addressOfPerson(app, other.administrator), undefined, { headers: reply });
  expect((await sendMail(app, other, elsewhere)).status).toBe(422);
});

test.each<[what: string, headers: Record<string, string | undefined>, said: RegExp]>([
  ["names none", { To: "desk@desk.example" }, /names no ticket/],
  ["names one that is not there", { To: "ticket+2147483647@desk.example" }, /no ticket 2147483647/],
  ["names one that could not be there", { To: "ticket+99999999999@desk.example" }, /no ticket 99999999999/],
  ["names two", { To: "ticket+1@desk.example, ticket+2@desk.example" }, /several tickets/],
])("a mail that %s is refused", async (_what, headers, said) => {
  const answer = await sendMail(app, account, mailOf(cleo, undefined, { headers }));
  expect(answer).toMatchObject({ status: 422, body: { title: "Unprocessable Entity", detail: expect.stringMatching(said) } });
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
});

test("who may not see the ticket may not write to it, and another account's is not there", async () => {
  expect((await sendMail(app, account, mailOf(otis, ticket.number))).status).toBe(422);
  const other = await addAccount(app);
  expect((await sendMail(app, other, mailOf(cleo, ticket.number))).body.detail).toMatch(/Nobody in the account/);
  const theirs = await addressOfPerson(app, other.specialist);
  expect((await sendMail(app, other, mailOf(theirs, ticket.number))).body.detail).toMatch(/no ticket/);
  expect((await sendMail(app, account, mailOf(theirs, ticket.number))).body.detail).toMatch(/Nobody in the account/);
  expect(await notesOfTicket()).toBe(0);
});

test("a member who left writes no more mails", async () => {
  const member = await app.provisioning.addPerson({
    ...{ accountId: account.id, name: "Lea", role: "SPECIALIST", email: `${uuidv7()}@example.com` },
  });
  expect((await sendMail(app, account, mailOf(member.email, ticket.number))).status).toBe(201);
  const where = { accountId_personId: { accountId: account.id, personId: member.id } };
  await app.database.prisma.membership.update({ where, data: { role: "CUSTOMER", endedAt: at(0) } });
  const { status, body } = await sendMail(app, account, mailOf(member.email, ticket.number));
  expect([status, body.detail]).toEqual([422, expect.stringMatching(/Nobody in the account/)]);
});

test("who may not act any more gets no answer of an earlier delivery under its key", async () => {
  const headers = { "idempotency-key": uuidv7() };
  const mail = mailOf(cleo, ticket.number);
  const key = await keyWith(app, account.administrator, ["mail:write"]);
  expect((await sendMail(app, account, mail, { key, headers })).status).toBe(201);
  await app.database.prisma.ticket.update({ where: { id: ticket.id }, data: { requesterId: account.otherCustomer.id } });
  expect((await sendMail(app, account, mail, { key, headers })).status).toBe(422);
});

test("the domain of a sender is compared without case, and so is the address", async () => {
  for (const from of [cleo.replace("example.com", "EXAMPLE.com"), cleo.toUpperCase()])
    expect((await sendMail(app, account, mailOf(from, ticket.number))).status).toBe(201);
});

test("of two people whose addresses differ in case only, the exact one wrote the mail, or nobody", async () => {
  const name = `twin-${uuidv7()}`;
  // Without the gateway, which takes an address once.
  const people = [`${name}@example.com`, `${name.toUpperCase()}@example.com`].map((email) =>
    app.database.prisma.person.create({
      data: {
        ...{ id: uuidv7(), accountId: account.id, name: "Twin", email, createdAt: at(0) },
        memberships: { create: { accountId: account.id, role: "SPECIALIST", createdAt: at(0) } },
      },
    }),
  );
  const [lower] = await Promise.all(people);
  const { body } = await sendMail(app, account, mailOf(`${name}@example.com`, ticket.number));
  expect(await noteOf(body.note)).toMatchObject({ authorNumber: lower?.number });
  const mixed = mailOf(`T${name.slice(1)}@example.com`, ticket.number);
  expect(await sendMail(app, account, mixed)).toMatchObject({
    status: 422,
    body: { detail: expect.stringMatching(/Several people/) },
  });
});

const pass = (domain: string) => `dmarc=pass header.from=${domain}`;

test.each<[how: string, headers: (from: string) => Record<string, string | string[] | undefined>]>([
  ["without a result", () => ({ "Authentication-Results": undefined })],
  ["with dmarc=fail", () => ({ "Authentication-Results": `${authservId}; dmarc=fail header.from=example.com` })],
  ["with dmarc=none", () => ({ "Authentication-Results": `${authservId}; dmarc=none header.from=example.com` })],
  ["with a result of another server", () => ({ "Authentication-Results": `mx.evil.example; ${pass("example.com")}` })],
  [
    "with a result of a server of a similar name",
    () => ({ "Authentication-Results": `${authservId}.evil; ${pass("example.com")}` }),
  ],
  ["with a result for another domain", () => ({ "Authentication-Results": `${authservId}; ${pass("evil.example")}` })],
  ["with a result for a domain above", () => ({ "Authentication-Results": `${authservId}; ${pass("com")}` })],
  ["with a result without a domain", () => ({ "Authentication-Results": `${authservId}; dmarc=pass` })],
  ["with two domains", () => ({ "Authentication-Results": `${authservId}; ${pass("evil.example")} header.from=example.com` })],
  ["with two results", () => ({ "Authentication-Results": `${authservId}; dmarc=fail; ${pass("example.com")}` })],
  [
    "with spf and dkim only",
    () => ({ "Authentication-Results": `${authservId}; spf=pass smtp.mailfrom=example.com; dkim=pass header.d=example.com` }),
  ],
  [
    "with a pass in a comment",
    () => ({ "Authentication-Results": `${authservId}; dmarc=fail (; ${pass("example.com")} ;) header.from=example.com` }),
  ],
  [
    "with a pass in quotes",
    () => ({ "Authentication-Results": `${authservId}; spf=fail reason="; ${pass("example.com")}; " smtp.mailfrom=x` }),
  ],
  [
    "with a forged result below that of the server",
    () => ({
      "Authentication-Results": [`${authservId}; dmarc=fail header.from=example.com`, `${authservId}; ${pass("example.com")}`],
    }),
  ],
  [
    "with a forged result below one that cannot be read",
    () => ({ "Authentication-Results": [`${authservId}; dmarc=fail ("`, `${authservId}; ${pass("example.com")}`] }),
  ],
  ["with another version of results", () => ({ "Authentication-Results": `${authservId} 2; ${pass("example.com")}` })],
  ["with two addresses in From", (from) => ({ From: `${from}, evil@evil.example` })],
  ["with two addresses in From, the other way round", (from) => ({ From: `evil@evil.example, ${from}` })],
  ["with From twice", (from) => ({ From: [from, "evil@evil.example"] })],
  ["with a group in From", (from) => ({ From: `Us: ${from};` })],
  ["with two addresses in brackets", (from) => ({ From: `<evil@evil.example> <${from}>` })],
  ["with the address as the name of another one", (from) => ({ From: `"${from}" <evil@evil.example>` })],
  ["with the address in a comment", (from) => ({ From: `evil@evil.example (${from})` })],
  ["with an encoded address", (from) => ({ From: `=?utf-8?q?=22${from}=22?= <evil@evil.example>` })],
  ["without From", () => ({ From: undefined })],
  ["with From empty", () => ({ From: "" })],
])("a spoofed sender is refused: %s", async (_how, headers) => {
  const { status, body } = await sendMail(app, account, mailOf(cleo, ticket.number, { headers: headers(cleo) }));
  expect([status, body.note]).toEqual([422, undefined]);
  expect(await notesOfTicket()).toBe(0);
});

test.each<[how: string, result: string]>([
  [
    "as Microsoft writes it",
    `spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.com; dkim=pass (signature was verified) header.d=example.com;dmarc=pass action=none header.from=example.com;compauth=pass reason=100`,
  ],
  [
    "as Google writes it",
    `dkim=pass header.i=@example.com header.s=s1 header.b="Ab+c/1=";\r\n       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=example.com`,
  ],
  ["with comments, folded", `(a (nested \\) comment)) DMARC = pass (good) \r\n\theader.from="Example.COM"`],
])("a result is read %s", async (_how, result) => {
  const headers = {
    "Authentication-Results": [
      "mx.other.example; dmarc=fail header.from=example.com",
      `${authservId.toUpperCase()} 1; ${result}`,
    ],
  };
  const { status, body } = await sendMail(app, account, mailOf(cleo, ticket.number, { headers }));
  expect([status, body.detail]).toEqual([201, undefined]);
});

test("without a mail server that checks, only named senders are believed", async () => {
  const trusting = await startApp({ mail: { authservId: undefined, senders: [cleo.toUpperCase(), "@Desk.example"] } });
  const own = await addAccount(trusting);
  const number = (await addTicket(trusting, own)).number;
  const member = await trusting.provisioning.addPerson({
    ...{ accountId: own.id, name: "Dot", role: "SPECIALIST", email: `${uuidv7()}@desk.example` },
  });
  const headers = { "Authentication-Results": undefined };
  expect((await sendMail(trusting, own, mailOf(member.email, number, { headers }))).status).toBe(201);
  const unnamed = mailOf(await addressOfPerson(trusting, own.specialist), number);
  expect(await sendMail(trusting, own, unnamed)).toMatchObject({
    status: 422,
    body: { detail: expect.stringMatching(/not proven/) },
  });
  expect((await sendMail(trusting, account, mailOf(cleo, ticket.number, { headers }))).status).toBe(201);
  await trusting.close();
});

test.each<[what: string, headers: Record<string, string>]>([
  ["an automatic reply", { "Auto-Submitted": "auto-replied (vacation)" }],
  ["a generated mail", { "Auto-Submitted": "auto-generated" }],
  ["a bulk mail", { Precedence: "bulk" }],
  ["a junk mail", { Precedence: "Junk" }],
  ["a mail of a list", { Precedence: "list" }],
  ["a mail with a List-Id", { "List-Id": "<x.example>" }],
  ["a bounce", { "Return-Path": "<>" }],
  ["a report", { "Content-Type": "multipart/report; boundary=x" }],
])("%s is taken and ignored, so that mails do not go round", async (_what, headers) => {
  const answer = await sendMail(app, account, mailOf(cleo, ticket.number, { headers }));
  expect([answer.status, answer.body]).toEqual([202, {}]);
  expect(await notesOfTicket()).toBe(0);
});

test.each([{ "Auto-Submitted": "no" }, { Precedence: "normal" }, { "Return-Path": "<a@b.example>" }])(
  "a mail with %s is a note",
  async (headers) => {
    expect((await sendMail(app, account, mailOf(cleo, ticket.number, { headers }))).status).toBe(201);
  },
);

/** Returns the keys of the account's objects in the store. */
async function objects(): Promise<string[]> {
  await app.app.services.attachments.removeDiscarded();
  const keys: string[] = [];
  for await (const { key } of app.storage.list()) if (key.startsWith(account.id)) keys.push(key);
  return keys;
}

test("50 deliveries of one mail at the same time make one note, with one answer and the bytes once", async () => {
  const before = (await objects()).length;
  const mail = mailOf(cleo, ticket.number);
  const answers = await Promise.all(Array.from({ length: 50 }, () => sendMail(app, account, mail)));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array.from({ length: 49 }, () => 200), 201]);
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  expect(await notesOfTicket()).toBe(1);
  await expect.poll(async () => (await objects()).length).toBe(before + 1);
  expect(await app.database.prisma.upload.count({ where: { accountId: account.id, consumedAt: null } })).toBe(0);
});

test("the same Message-ID of another author, or on another ticket, is another note", async () => {
  const headers = { "Message-ID": `<${uuidv7()}@example.com>` };
  const other = await addTicket(app, account, { requester: account.customer });
  const sent = [
    mailOf(cleo, ticket.number, { headers }),
    mailOf(sam, ticket.number, { headers }),
    mailOf(cleo, other.number, { headers }),
  ];
  for (const mail of sent) expect((await sendMail(app, account, mail)).status).toBe(201);
});

test("a mail without Message-ID is known by its bytes", async () => {
  const mail = mailOf(cleo, ticket.number, { headers: { "Message-ID": undefined } });
  expect((await sendMail(app, account, mail)).status).toBe(201);
  expect((await sendMail(app, account, mail)).status).toBe(200);
  const other = mailOf(cleo, ticket.number, { headers: { "Message-ID": undefined }, body: "Other" });
  expect((await sendMail(app, account, other)).status).toBe(201);
});

test("a mail is taken once under its key, with the first answer, and another mail under that key is refused", async () => {
  const headers = { "idempotency-key": uuidv7() };
  const mail = mailOf(cleo, ticket.number);
  const first = await sendMail(app, account, mail, { headers });
  expect([first.status, first.headers.get("idempotent-replayed")]).toEqual([201, null]);
  const again = await sendMail(app, account, mail, { headers });
  expect([again.status, again.body, again.headers.get("idempotent-replayed")]).toEqual([201, first.body, "true"]);
  expect((await sendMail(app, account, mailOf(cleo, ticket.number), { headers })).status).toBe(422);
  const otherKey = { headers: { "idempotency-key": uuidv7() } };
  for (const replayed of [null, "true"]) {
    const known = await sendMail(app, account, mail, otherKey);
    expect([known.status, known.body, known.headers.get("idempotent-replayed")]).toEqual([200, first.body, replayed]);
  }
  expect((await sendMail(app, account, mail, { headers: { "idempotency-key": "a b" } })).status).toBe(400);
  expect(await notesOfTicket()).toBe(1);
});

test("only a credential with the scope hands over mails, before its body is read", async () => {
  const mail = mailOf(cleo, ticket.number);
  expect((await sendMail(app, account, mail, { key: "wrong" })).status).toBe(401);
  const { administrator, specialist, customer } = account;
  const narrow = await keyWith(app, administrator, ["notes:read", "notes:write", "tickets:read", "admin"]);
  const wide = await keyWith(app, specialist, ["mail:write", "notes:write", "tickets:read"]);
  for (const key of [specialist.key, customer.key, narrow, wide]) {
    const answer = await sendMail(app, account, mail, { key });
    expect(answer.status).toBe(403);
    expect(answer.headers.get("www-authenticate")).toBe('Bearer error="insufficient_scope", scope="mail:write"');
  }
  const enough = await keyWith(app, administrator, ["mail:write"]);
  expect((await sendMail(app, account, mail, { key: enough })).status).toBe(201);
  expect((await sendMail(app, account, mail, { headers: { "content-type": "text/plain" } })).status).toBe(415);
  const large = Buffer.concat([mail, Buffer.alloc(1_000_000, "a")]);
  expect((await sendMail(app, account, large)).status).toBe(413);
  const get = await fetch(`${app.url}/mail/inbound`);
  expect([get.status, get.headers.get("allow")]).toEqual([405, "POST, OPTIONS"]);
});

test("files of a mail become attachments as far as they are taken, and the text tells of the others", async () => {
  const image = { ...filePart("photo.png", "png", "image/png") };
  const inline = {
    ...image,
    headers: { ...image.headers, "Content-Disposition": "inline; filename=photo.png", "Content-ID": "<i@x>" },
  };
  const { contentType, body: content } = multipart([
    { headers: { "Content-Type": "text/plain" }, body: "See these." },
    inline,
    filePart("photo.png", "another", "image/png"),
    filePart("virus.exe", "MZ"),
    filePart("../../etc/passwd.txt", "up", "text/plain"),
    filePart("C:\\\\temp\\\\a.zip", "PK"),
    filePart("original.eml", "Subject: no", "application/octet-stream"),
    { headers: { "Content-Type": "message/rfc822" }, body: "From: a@b.example\r\n\r\nforwarded" },
    { headers: { "Content-Type": "text/calendar; method=REQUEST" }, body: "BEGIN:VCALENDAR" },
  ]);
  const { body } = await sendMail(
    app,
    account,
    mailOf(cleo, ticket.number, { headers: { "Content-Type": contentType }, body: content }),
  );
  const note = await shown(account.customer.key, body.note);
  expect(note?.["text"]).toBe("See these.\n\nNot attached, because such files are not taken: virus.exe");
  expect(filesOf(note).nodes.map(({ filename }) => filename)).toEqual([
    ...["photo.png", "photo (2).png", "passwd.txt", "a.zip", "original (2).eml", "attachment.eml", "attachment.ics"],
  ]);
  const texts = await Promise.all(filesOf(note).nodes.map(async ({ download }) => (await fetch(download.url)).text()));
  expect(texts.slice(0, 5)).toEqual(["png", "another", "up", "PK", "Subject: no"]);
});

test("a mail that is refused leaves nothing in the store and in no table", async () => {
  const before = await objects();
  const uploads = await app.database.prisma.upload.count({ where: { accountId: account.id } });
  await sendMail(app, account, mailOf(otis, ticket.number));
  await sendMail(app, account, mailOf(cleo, ticket.number, { headers: { "Auto-Submitted": "auto-replied" } }));
  expect(await objects()).toEqual(before);
  expect(await app.database.prisma.upload.count({ where: { accountId: account.id } })).toBe(uploads);
});

test("OUTBOUND_EMAIL is added by those with the scope, and EMAIL by nobody", async () => {
  const add = `mutation ($input: AddNoteInput!) { addNote(input: $input) { __typename ... on AddNotePayload { note { medium } } } }`;
  const input = { ticketId: ticket.id, text: "Sent", isPublic: true };
  const scopes = ["tickets:read", "notes:read", "notes:write", "notes:internal"] as const;
  const mailer = await keyWith(app, account.administrator, [...scopes, "mail:write"]);
  const admin = await keyWith(app, account.administrator, [...scopes, "admin"]);
  const sent = (key: string, medium: string) => sendText(app.url, key, add, { input: { ...input, medium } });
  expect((await sent(mailer, "OUTBOUND_EMAIL")).data).toEqual({
    addNote: { __typename: "AddNotePayload", note: { medium: "OUTBOUND_EMAIL" } },
  });
  for (const key of [admin, account.specialist.key, account.customer.key])
    expect((await sent(key, "OUTBOUND_EMAIL")).data).toMatchObject({ addNote: { __typename: "ForbiddenError" } });
  expect((await sent(mailer, "SYSTEM")).data).toMatchObject({ addNote: { __typename: "ForbiddenError" } });
  for (const medium of ["EMAIL", "REDACTED"])
    expect((await sent(mailer, medium)).data).toMatchObject({ addNote: { __typename: "InvalidInputError" } });
});
