import { randomBytes } from "node:crypto";
import { text as textOf } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { dump } from "../support/dump.ts";
import { addTicket, upload } from "../support/factories.ts";
import { offerStorage, uploadFile } from "../support/upload-form.ts";

// A thousand redactions of secrets that texts, earlier states, files and their names held: afterwards they are nowhere.
const count = 1_000;

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;
const log: string[] = [];

beforeAll(async () => {
  app = await startApp({ logLevel: "info", logTo: { write: (line) => void log.push(line) } });
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
});
afterAll(() => app.close());

async function mutate(key: string, name: string, input: object): Promise<Record<string, { uuid: string; version: number }>> {
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}`;
  const text = `mutation ($input: ${type}Input!) { result: ${name}(input: $input) { __typename ... on ${type}Payload { ${payloads[name] ?? "__typename"} } } }`;
  const { data, errors } = await sendText<{ result: Record<string, { uuid: string; version: number }> }>(app.url, key, text, {
    input,
  });
  expect(errors, lastFailure()).toEqual([]);
  expect(data.result["__typename"]).toBe(`${type}Payload`);
  return data.result;
}
/** Returns what the gateway logged of its last failure, which says why. */
const lastFailure = () => log.findLast((line) => line.includes('"err":')) ?? "nothing was logged";
const payloads: Readonly<Record<string, string>> = {
  addNote: "note { uuid version }",
  updateNote: "note { uuid version }",
  redactNote: "note { uuid version }",
};

/** Writes a note that holds `secret` in every place that its `kind` has, and redacts all of them. */
async function writeAndRedact(secret: string, kind: number): Promise<void> {
  const { specialist, administrator } = account;
  if (kind === 4) {
    // A file that the text shows, by a key with its name.
    const { key } = await uploadFile(await offerStorage(app, specialist.key), `${secret}.png`, `bytes ${secret}`, "image/png");
    const added = await call(app, specialist.key, "POST", `/v1/requests/${ticket.number}/notes`, {
      text: `![](${key})`,
      attachments: [{ key, inline: true }],
    });
    const note = await app.database.prisma.note.findFirstOrThrow({ where: { number: (added.body as { id: number }).id } });
    const file = await app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: note.id } });
    await mutate(administrator.key, "redactAttachment", { id: file.id, reason: "SECRET" });
    return;
  }
  const before = "😀 the code is ";
  const { note } = await mutate(specialist.key, "addNote", {
    ticketId: ticket.id,
    text: `${before}${secret}`,
    isPublic: kind % 2 === 0,
  });
  const id = note!.uuid;
  await mutate(specialist.key, "updateNote", { id, text: `it was ${secret}, and ${secret}` });
  await mutate(specialist.key, "updateNote", { id, text: `${before}${secret}\n${secret}` });
  if (kind === 1 || kind === 3) await upload(app, specialist.key, id, `${secret}.txt`, `bytes ${secret}`, "text/plain");
  if (kind < 2) return void (await mutate(administrator.key, "redactNote", { id, reason: "PERSONAL_DATA" }));
  const spans = [{ offset: [...before].length, length: 2 * secret.length + 1 }];
  await mutate(administrator.key, "redactNote", { id, spans, expectedVersion: 3, reason: "SECRET" });
  if (kind !== 3) return;
  const file = await app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: id } });
  await mutate(administrator.key, "redactAttachment", { id: file.id, reason: "SECRET" });
}

interface NotesPage {
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** Returns a page of the notes with everything that GraphQL shows of their texts and files. */
async function notesAfter(after: string | null): Promise<NotesPage> {
  const text = `query ($id: ID!, $after: String) { ticket(id: $id) { notes(first: 30, after: $after) { pageInfo { hasNextPage endCursor }
    nodes { text textPlain attachments { nodes { filename download { url } } } edits { nodes { text diff { text } } } } } } }`;
  const variables = { id: ticket.id, after };
  const { data, errors } = await sendText<{ ticket: { notes: NotesPage } }>(
    app.url,
    account.administrator.key,
    text,
    variables,
  );
  expect(errors).toEqual([]);
  return data.ticket.notes;
}

test(`after ${count} redactions no table, file, log or API holds one of the secrets`, { timeout: 600_000 }, async () => {
  const secrets = Array.from({ length: count }, () => `sesame${randomBytes(9).toString("hex")}`);
  for (let start = 0; start < count; start += 10) {
    await Promise.all(secrets.slice(start, start + 10).map((secret, index) => writeAndRedact(secret, index % 5)));
  }
  const files: string[] = [];
  for await (const { key } of app.storage.list()) {
    const bytes = await app.storage.read(key);
    if (bytes) files.push(`${key} ${await textOf(bytes)}`);
  }
  const answers: string[] = [];
  for (let offset = 0; offset < count; offset += 1_000) {
    const list = await call(
      app,
      account.administrator.key,
      "GET",
      `/v2/tickets/notes?ticket_id=${ticket.id}&limit=1000&offset=${offset}`,
    );
    answers.push(JSON.stringify(list.body));
  }
  for (let page = 1; page <= count / 100; page += 1) {
    answers.push(
      JSON.stringify((await call(app, account.administrator.key, "GET", `/v1/notes?per_page=100&page=${page}`)).body),
    );
  }
  for (let after: string | null = null; ;) {
    const page: NotesPage = await notesAfter(after);
    answers.push(JSON.stringify(page));
    if (!page.pageInfo.hasNextPage) break;
    after = page.pageInfo.endCursor;
  }
  const places = { tables: await dump(app), files: files.join("\n"), log: log.join("\n"), answers: answers.join("\n") };
  for (const [place, held] of Object.entries(places)) {
    expect(held.length, place).toBeGreaterThan(place === "files" ? -1 : 1_000);
    const found = new Set([...held.matchAll(/sesame[0-9a-f]{18}/g)].map(([secret]) => secret));
    expect([place, secrets.filter((secret) => found.has(secret)).length]).toEqual([place, 0]);
  }
  expect(await app.database.prisma.redaction.count({ where: { accountId: account.id } })).toBeGreaterThanOrEqual(count);
});
