import { afterAll, beforeAll, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket } from "../support/factories.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
});
afterAll(() => app.close());

const noteOf = (given: Parameters<typeof addNote>[3] = {}) =>
  addNote(app, ticket, account.specialist, { text: "Before", isPublic: true, ...given });
const path = ({ id }: Pick<Note, "id">) => `/v2/tickets/notes/${id}`;
const ask = (method: string, url: string, body?: unknown, headers?: Record<string, string>) =>
  call(app, account.specialist.key, method, url, body, headers);
const write = (value: string) => ({ ticket_id: ticket.id, value, is_public: true });
const stored = (note: Note) => app.database.prisma.note.findFirst({ where: { id: note.id } });

async function tagOf(note: Pick<Note, "id">): Promise<string> {
  const { headers } = await ask("GET", path(note));
  return headers.get("etag") ?? "";
}

test("a note that is read, added or replaced has one strong tag, which tells its version and its text", async () => {
  const added = await ask("POST", "/v2/tickets/notes", write("New \u2028 “text” \\ 😀"));
  const { id } = added.body as { id: string };
  expect(added.headers.get("etag")).toMatch(/^"1-[\da-f]{12}-[\w-]{16}"$/);
  expect(added.headers.get("content-location")).toBe(path({ id }));
  expect(added.headers.get("cache-control")).toBe("private, no-transform");
  const read = await ask("GET", path({ id }));
  expect([read.headers.get("etag"), read.body]).toEqual([added.headers.get("etag"), added.body]);
  expect(read.headers.get("cache-control")).toBe("private, no-transform");
  const head = await ask("HEAD", path({ id }));
  expect(head.headers.get("etag")).toBe(added.headers.get("etag"));
  const replaced = await ask("PUT", path({ id }), write("Newer"));
  expect(replaced.headers.get("etag")).toMatch(/^"2-/);
  expect(replaced.headers.get("content-location")).toBe(path({ id }));
  expect(await tagOf({ id })).toBe(replaced.headers.get("etag"));
});

test("another name of the author is another tag of the same version, which a write still accepts", async () => {
  const note = await noteOf();
  const before = await tagOf(note);
  const { prisma } = app.database;
  await prisma.person.updateMany({ where: { id: account.specialist.id }, data: { name: "Sam Renamed" } });
  try {
    const after = await tagOf(note);
    expect(after).not.toBe(before);
    expect(after.slice(0, 15)).toBe(before.slice(0, 15));
    expect((await ask("GET", path(note), undefined, { "if-none-match": before })).status).toBe(200);
    expect((await ask("PUT", path(note), write("x"), { "if-match": before })).status).toBe(200);
  } finally {
    await prisma.person.updateMany({ where: { id: account.specialist.id }, data: { name: "Sam Specialist" } });
  }
});

test("a note that the client has already is not sent again", async () => {
  const note = await noteOf();
  const tag = await tagOf(note);
  for (const named of [tag, `W/${tag}`, `"x", ${tag}`, "*"]) {
    const answer = await ask("GET", path(note), undefined, { "if-none-match": named });
    expect([answer.status, answer.body, answer.headers.get("etag")]).toEqual([304, "", tag]);
    expect(answer.headers.get("cache-control")).toBe("private, no-transform");
  }
  await ask("PUT", path(note), write("After"));
  const changed = await ask("GET", path(note), undefined, { "if-none-match": tag });
  expect([changed.status, changed.body]).toMatchObject([200, { value: "After" }]);
});

test.each<[string, (tag: string) => string | Promise<string>]>([
  ["another version's tag", (tag) => tag.replace('"1-', '"7-')],
  ["the tag of another note in the same version", async () => tagOf(await noteOf())],
  ["a weak tag", (tag) => `W/${tag}`],
  ["a weak tag in small letters", (tag) => `w/${tag}`],
  ["a weak tag with a space", (tag) => `W/ ${tag}`],
  ["a tag of another server", () => '"zzz"'],
  ["the version alone", () => '"1-"'],
  ["a text that is no tag", (tag) => tag.replaceAll('"', "")],
  ["a version beyond all numbers", (tag) => tag.replace('"1-', '"99999999999999999999-')],
  ["something behind the tag", (tag) => `${tag} x`],
  ["something before the tag", (tag) => `x ${tag}`],
  ["two tags without a comma", (tag) => `"x" ${tag}`],
  ["nothing", () => ""],
])("with %s in If-Match nothing is replaced or deleted", async (_name, header) => {
  const note = await noteOf();
  const tag = await header(await tagOf(note));
  for (const method of ["PUT", "DELETE"]) {
    const answer = await ask(method, path(note), method === "PUT" ? write("After") : undefined, { "if-match": tag });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([412, "application/problem+json"]);
    expect(answer.body).toMatchObject({ title: "Precondition Failed", detail: expect.stringContaining("Read it again") });
  }
  expect(await stored(note)).toEqual(note);
});

test.each([
  ["the note's tag", (tag: string) => tag],
  ["one tag of several", (tag: string) => `"7-x", ${tag}`],
  ["any", () => "*"],
  ["the same version's tag in another coding", (tag: string) => tag.replace(/-[\w-]{16}"/, '-BBBBBBBBBBBBBBBB"')],
])("with %s in If-Match the note is replaced, and deleted", async (_name, header) => {
  const [replaced, deleted] = [await noteOf(), await noteOf()];
  const put = await ask("PUT", path(replaced), write("After"), { "if-match": header(await tagOf(replaced)) });
  expect(put.status).toBe(200);
  const removed = await ask("DELETE", path(deleted), undefined, { "if-match": header(await tagOf(deleted)) });
  expect(removed.status).toBe(204);
  expect(await stored(deleted)).toBeNull();
});

test("of two clients that read one version, the second to write is told", async () => {
  const note = await noteOf();
  const tag = await tagOf(note);
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) => ask("PUT", path(note), write(`Text ${index}`), { "if-match": tag })),
  );
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array.from({ length: 9 }, () => 412)]);
  expect((await stored(note))?.version).toBe(2);
});

test("replacing a note by itself changes nothing, its tag included", async () => {
  const note = await noteOf();
  const tag = await tagOf(note);
  const answer = await ask("PUT", path(note), write("Before"));
  expect([answer.status, answer.headers.get("etag")]).toEqual([200, tag]);
  expect(await stored(note)).toEqual(note);
});

test("who may not see a note does not learn its version", async () => {
  const note = await noteOf({ isPublic: false });
  const tag = await tagOf(note);
  for (const headers of [{}, { "if-match": tag }, { "if-match": '"9-x"' }]) {
    const answer = await call(app, account.customer.key, "PUT", path(note), write("x"), headers);
    expect(answer.status).toBe(404);
  }
  expect((await call(app, account.customer.key, "GET", path(note), undefined, { "if-none-match": "*" })).status).toBe(404);
});
