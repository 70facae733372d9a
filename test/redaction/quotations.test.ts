import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { dump } from "../support/dump.ts";
import { addNote, addTicket } from "../support/factories.ts";
import { mutate as mutateIn } from "../support/mutate.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;
let secret: string;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
});
beforeEach(async () => {
  secret = `sesame-${uuidv7()}`;
  ticket = await addTicket(app, account, { requester: account.customer });
});
afterAll(() => app.close());

const mutate = (...[key, name, input, selection]: [key: string, name: string, input: object, selection?: string]) =>
  mutateIn(app, key, name, input, selection);

const redactAll = (note: Note, key = account.administrator.key) => mutate(key, "redactNote", { id: note.id, reason: "SECRET" });

/** Redacts each occurrence of `part`. */
function redactParts(note: Note, part: string) {
  const before = note.text.split(part).slice(0, -1);
  const length = [...part].length;
  let offset = -length;
  const spans = before.map((text) => ({ offset: (offset += [...text].length + length), length }));
  return mutate(account.administrator.key, "redactNote", {
    id: note.id,
    spans,
    expectedVersion: note.version,
    reason: "SECRET",
  });
}

const update = (note: Note, text: string) => mutate(account.specialist.key, "updateNote", { id: note.id, text });
const say = (text: string) => addNote(app, ticket, account.specialist, { text });

async function shown(note: Note) {
  const { data } = await sendText<{ note: { text: string; redactions: { reason: string }[]; edits: { nodes: unknown[] } } }>(
    app.url,
    account.administrator.key,
    "query ($id: ID!) { note(id: $id) { text redactions { reason } edits { nodes { text isRedacted } } } }",
    { id: note.id },
  );
  return data.note;
}

const answers: readonly (readonly [what: string, original: string, answer: string, after: string])[] = [
  ["a line", "The code is SECRET.", "> The code is SECRET.\n\nThanks!", "> The code is ▇▇▇.\n\nThanks!"],
  ["deeper", "The code is SECRET.", "> > > The code is SECRET.\nYes", "> > > The code is ▇▇▇.\nYes"],
  [
    "lines that were broken anew",
    "When you are there, the code for the door is SECRET, and nobody else has it.",
    "> When you are there, the code for the\n> door is SECRET, and nobody\n> else has it.\nOk",
    "> When you are there, the code for the\n> door is ▇▇▇, and nobody\n> else has it.\nOk",
  ],
  [
    "a line that a program broke without a mark",
    "The code is SECRET.",
    "> The code is\nSECRET.\n\nOk",
    "> The code is\n▇▇▇.\n\nOk",
  ],
  [
    "the history below",
    "The code is SECRET.",
    "Ok\n\n-----Original Message-----\nFrom: Ann\nThe code is SECRET.",
    "Ok\n\n-----Original Message-----\nFrom: Ann\nThe code is ▇▇▇.",
  ],
  [
    "HTML",
    "The code is SECRET.",
    "<blockquote>The code is SECRET.</blockquote>\nOk",
    "<blockquote>The code is ▇▇▇.</blockquote>\nOk",
  ],
  ["other spaces", "The  code is\tSECRET.", ">The code  is SECRET.", ">The code  is ▇▇▇."],
  ["other words around it", "The code is SECRET.", "> Ann wrote SECRET there", "> Ann wrote ▇▇▇ there"],
  [
    "an item of a list",
    "The code is SECRET.",
    "* > The code is SECRET.\n1. > it is SECRET",
    "* > The code is ▇▇▇.\n1. > it is ▇▇▇",
  ],
  ["initials", "The code is SECRET.", "EB> The code is SECRET.", "EB> The code is ▇▇▇."],
  ["capitals", "The code is SECRET.", "> THE CODE IS SECRET, she said", "> THE CODE IS ▇▇▇, she said"],
  [
    "invisible characters",
    "The code is SECRET.",
    "\u200b> The co\u00adde is\u200b SECRET.",
    "\u200b> The co\u00adde is\u200b ▇▇▇.",
  ],
  [
    "a part of a long paragraph",
    `${"All of this is secret, and SECRET too. ".repeat(300)}The end.`,
    `> ${"What a text! ".repeat(400)}${"All of this is secret, and SECRET too. ".repeat(30)}`,
    `> ${"What a text! ".repeat(400)}${"All of this is secret, and ▇▇▇ too. ".repeat(30)}`,
  ],
];
test.each(answers)("what is redacted goes from an answer that quotes %s", async (_what, original, answer, after) => {
  const note = await say(original.replaceAll("SECRET", secret));
  const quoting = await say(answer.replaceAll("SECRET", secret));
  expect(await redactParts(note, secret)).toMatchObject({ __typename: "RedactNotePayload" });
  expect(await shown(quoting)).toEqual({ text: after, redactions: [{ reason: "SECRET" }], edits: { nodes: [] } });
  expect(await dump(app)).not.toContain(secret);
});

test("of a whole note every line goes, also those that its earlier states had, and markup does not hide them", async () => {
  const earlier = `earlier ${secret}`;
  const note = await say(`Hello,\n${earlier}`);
  const quoting = await say(`> ${earlier}\nI see.`);
  await update(note, `Hello,\n**the password** of __${secret}__ is here`);
  const plain = await say(`> Hello,\n> the password of ${secret} is here\n\nHello, I see.`);
  expect(await redactAll(note)).toMatchObject({ __typename: "RedactNotePayload" });
  expect(await shown(quoting)).toMatchObject({ text: "> ▇▇▇\nI see." });
  expect(await shown(plain)).toMatchObject({ text: "> ▇▇▇\n> ▇▇▇\n\nHello, I see." });
  expect(await dump(app)).not.toContain(secret);
});

test("what is not quoted stays, as do quotations of something else and other tickets", async () => {
  const note = await say(`The code is ${secret}. See the manual, page 7.`);
  const own = await say(`I have tried ${secret}, and it works.`);
  const other = await say("> See the manual, page 7.\n> The door is red.\nOk");
  const elsewhere = await addNote(app, await addTicket(app, account), account.specialist, { text: `> The code is ${secret}.` });
  expect(await redactParts(note, secret)).toMatchObject({ __typename: "RedactNotePayload" });
  for (const untouched of [own, other, elsewhere]) {
    expect(await shown(untouched)).toEqual({ text: untouched.text, redactions: [], edits: { nodes: [] } });
    expect(await app.database.prisma.note.findFirst({ where: { id: untouched.id } })).toMatchObject({ version: 1 });
  }
});

test("what a customer quotes is compared with what customers could see, so that guesses tell nothing", async () => {
  const guesses = Array.from({ length: 200 }, (_, index) => `> ${4_700 + index}`).join("\n");
  const guessing = await addNote(app, ticket, account.customer, {
    text: `${guesses}\n> Mr Jansen leaves in May\n> pin 4821 ok`,
  });
  const internal = await addNote(app, ticket, account.specialist, {
    text: "pin 4821 ok\nMr Jansen leaves in May",
    isPublic: false,
  });
  const after = await addNote(app, ticket, account.customer, { text: guessing.text });
  const ofStaff = await addNote(app, ticket, account.specialist, { text: "> pin 4821 ok", isPublic: false });
  expect(await redactParts(internal, "4821")).toMatchObject({ __typename: "RedactNotePayload" });
  await redactAll(internal);
  const gone = await addNote(app, ticket, account.specialist, { text: "pin 4822 ok", isPublic: false });
  await mutate(account.administrator.key, "deleteNote", { id: gone.id });
  await redactAll(gone);
  for (const note of [guessing, after]) expect(await shown(note)).toMatchObject({ text: guessing.text, redactions: [] });
  expect(await shown(ofStaff)).toMatchObject({ text: "> ▇▇▇" });
});

test("an internal note that was public before is redacted where customers quoted it then", async () => {
  const note = await say(`The code is ${secret}.`);
  const quoting = await addNote(app, ticket, account.customer, { text: `> The code is ${secret}.\nThanks` });
  await mutate(account.specialist.key, "updateNote", { id: note.id, text: `The old code was ${secret}.`, isPublic: false });
  const { version, text } = await app.database.prisma.note.findFirstOrThrow({ where: { id: note.id } });
  expect(await redactParts({ ...note, text, version }, secret)).toMatchObject({ __typename: "RedactNotePayload" });
  expect(await shown(quoting)).toMatchObject({ text: "> The code is ▇▇▇.\nThanks" });
  expect(await dump(app)).not.toContain(secret);
});

test("an author's own short answer below a quotation stays, and what was there before the note", async () => {
  const before = await say(`> The door is red, and ${secret} opens it.`);
  const note = await say(`The door is red, and ${secret} opens it.\nYes`);
  const answer = await say("> Will you come?\nYes");
  await app.database.prisma.note.update({
    where: { accountId_id: { accountId: account.id, id: before.id } },
    data: { createdAt: new Date(0) },
  });
  await redactAll(note);
  expect(await shown(answer)).toMatchObject({ text: answer.text, redactions: [] });
  expect(await shown(before)).toMatchObject({ text: before.text, redactions: [] });
});

test("texts that are written to take long are compared in their turn with others", { timeout: 120_000 }, async () => {
  const note = await say("a".repeat(60_000));
  const lines = [`> ${"a".repeat(65_000)}`, `> ${"aaaaaaab".repeat(8_000)}`, "> aaaaaaa\n".repeat(6_000)];
  const quoting = [];
  for (const line of lines) for (let count = 0; count < 5; count += 1) quoting.push(await say(line));
  let turns = 0;
  const others = setInterval(() => (turns += 1), 1);
  expect(await redactParts(note, "a".repeat(60_000))).toMatchObject({ __typename: "RedactNotePayload" });
  clearInterval(others);
  // More than one for each text.
  expect(turns).toBeGreaterThan(2 * quoting.length);
  expect((await shown(quoting[0]!)).text).toBe("> ▇▇▇");
});

test("answers that come while a note is redacted lose what they quote", async () => {
  const note = await say(`The code is ${secret}.`);
  await Promise.all(Array.from({ length: 100 }, (_, index) => say(`> The code is ${secret}.\n${index}`)));
  const sent: Promise<Note>[] = [];
  const timer = setInterval(() => sent.length < 40 && sent.push(say(`> The code is ${secret}.`)), 3);
  expect(await redactParts(note, secret)).toMatchObject({ __typename: "RedactNotePayload" });
  clearInterval(timer);
  const { redactedAt } = await app.database.prisma.redaction.findFirstOrThrow({ where: { noteId: note.id } });
  const late = await Promise.all(sent);
  const before = late.filter(({ createdAt }) => createdAt <= redactedAt);
  expect(before.length).toBeGreaterThan(0);
  const texts = await Promise.all(before.map(async (one) => (await shown(one)).text));
  expect(texts).toEqual(before.map(() => "> The code is ▇▇▇."));
});

test("an answer that quoted it before it was changed loses its earlier states, and deleted answers are redacted", async () => {
  const note = await say(`The code is ${secret}.`);
  const changed = await say(`> The code is ${secret}.`);
  await update(changed, "Never mind");
  const deleted = await say(`> The code is ${secret}.\nGone`);
  await mutate(account.administrator.key, "deleteNote", { id: deleted.id });
  const { version } = await app.database.prisma.deletedNote.findFirstOrThrow({ where: { id: deleted.id } });
  expect(await redactParts(note, secret)).toMatchObject({ __typename: "RedactNotePayload" });
  expect(await shown(changed)).toEqual({
    text: "Never mind",
    redactions: [{ reason: "SECRET" }],
    edits: { nodes: [{ text: null, isRedacted: true }] },
  });
  expect(await app.database.prisma.deletedNote.findFirst({ where: { id: deleted.id } })).toMatchObject({
    text: "> The code is ▇▇▇.\nGone",
    version: version + 1,
  });
  expect(await dump(app)).not.toContain(secret);
});

test("a deleted note is redacted, and what quotes it", async () => {
  const note = await say(`The code is ${secret}.`);
  const quoting = await say(`> The code is ${secret}.`);
  await mutate(account.administrator.key, "deleteNote", { id: note.id });
  expect(await redactAll(note)).toMatchObject({ __typename: "RedactNotePayload" });
  expect(await shown(quoting)).toMatchObject({ text: "> ▇▇▇" });
  expect(await dump(app)).not.toContain(secret);
});

test("the name of a redacted file goes from quotations", async () => {
  const note = await say(`See ${secret}.txt`);
  await mutate(account.specialist.key, "requestAttachmentUpload", {
    ...{ noteId: note.id, filename: `${secret}.txt`, contentType: "text/plain", size: 3 },
  });
  const quoting = await say(`> See ${secret}.txt\nDone`);
  const file = await app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: note.id } });
  expect(await mutate(account.administrator.key, "redactAttachment", { id: file.id, reason: "SECRET" })).toMatchObject({
    __typename: "RedactAttachmentPayload",
  });
  expect(await shown(quoting)).toMatchObject({ text: "> See ▇▇▇\nDone" });
  expect(await dump(app)).not.toContain(secret);
});

test("hundreds of answers are redacted, and the audit names each", async () => {
  const note = await say(`The code is ${secret}.`);
  const quoting = await Promise.all(Array.from({ length: 450 }, (_, index) => say(`> The code is ${secret}.\n${index}`)));
  expect(await redactParts(note, secret)).toMatchObject({ __typename: "RedactNotePayload" });
  expect(await dump(app)).not.toContain(secret);
  const audited = await app.database.prisma.auditEvent.findMany({
    where: { accountId: account.id, action: "REDACTED", entityId: { in: [note, ...quoting].map(({ id }) => id) } },
  });
  expect(audited).toHaveLength(451);
});

test("a text with as many bytes as a note may have does not grow beyond them", async () => {
  const code = "#7x9";
  const note = await say(`The code is ${code}.`);
  const line = `> The code is ${code}.\n`;
  const quoting = await say(line.repeat(Math.floor(65_536 / line.length)));
  expect(await redactParts(note, code)).toMatchObject({ __typename: "RedactNotePayload" });
  expect((await shown(quoting)).text).toBe("> The code is .\n".repeat(Math.floor(65_536 / line.length)));
});

test("redactions and answers at the same time leave nothing, and none fails", async () => {
  const notes = await Promise.all(Array.from({ length: 8 }, (_, index) => say(`The code ${index} is ${secret}.`)));
  await say(notes.map(({ text }) => `> ${text}`).join("\n"));
  await say(notes.map(({ text }) => `> ${text}`).join("\n"));
  const results = await Promise.all(notes.map((note) => redactParts(note, secret)));
  expect(results.map((result) => result["__typename"])).toEqual(notes.map(() => "RedactNotePayload"));
  expect(await dump(app)).not.toContain(secret);
});
