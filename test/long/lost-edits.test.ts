import { afterAll, beforeAll, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket } from "../support/factories.ts";

// Editors who race for one version of a note, on two gateways of one database.
const races = 200;
const editors = 10;

let apps: readonly [TestApp, TestApp];
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  apps = [await startApp(), await startApp()];
  account = await addAccount(apps[0]);
  ticket = await addTicket(apps[0], account, { requester: account.customer });
});
afterAll(() => Promise.all(apps.map((app) => app.close())));

const updateText = `mutation ($id: ID!, $text: String!, $version: Int!) {
  updateNote(input: { id: $id, text: $text, expectedVersion: $version }) {
    __typename
    ... on UpdateNotePayload { note { text version } }
    ... on NoteChangedError { current { text version } }
  }
}`;

interface Update {
  readonly updateNote: {
    readonly __typename: string;
    readonly note?: { readonly text: string; readonly version: number };
    readonly current?: { readonly text: string; readonly version: number };
  };
}

const appOf = (editor: number) => apps[editor % 2 === 0 ? 0 : 1];
const stored = ({ id }: Note) => apps[0].database.prisma.note.findFirstOrThrow({ where: { id } });
const all = <Result>(work: (editor: number) => Promise<Result>) =>
  Promise.all(Array.from({ length: editors }, (_, editor) => work(editor)));

test(`${races} races of ${editors} editors in GraphQL: one succeeds, the others get what that one wrote`, async () => {
  const note = await addNote(apps[0], ticket, account.specialist, { text: "Before" });
  for (let version = 1; version <= races; version += 1) {
    const results = await all(async (editor) => {
      const variables = { id: note.id, text: `${version} by ${editor}`, version };
      const { data } = await sendText<Update>(appOf(editor).url, account.specialist.key, updateText, variables);
      return data.updateNote;
    });
    const { text } = await stored(note);
    const winner = { text, version: version + 1 };
    expect(results.filter(({ note: written }) => written).map(({ note: written }) => written)).toEqual([winner]);
    expect(results.flatMap(({ current }) => current ?? [])).toEqual(Array.from({ length: editors - 1 }, () => winner));
  }
});

test(`${races} races of ${editors} editors on /v2: one succeeds, the others get 412`, async () => {
  const note = await addNote(apps[0], ticket, account.specialist, { text: "Before" });
  const path = `/v2/tickets/notes/${note.id}`;
  for (let race = 1; race <= races; race += 1) {
    const reads = await all((editor) => call(appOf(editor), account.specialist.key, "GET", path));
    const tags = new Set(reads.map(({ headers }) => headers.get("etag")));
    expect(tags.size, "both gateways have the same tag").toBe(1);
    const [tag] = tags;
    const answers = await all((editor) => {
      const body = { ticket_id: ticket.id, value: `${race} by ${editor}`, is_public: true };
      return call(appOf(editor), account.specialist.key, "PUT", path, body, { "if-match": tag ?? "" });
    });
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array.from({ length: editors - 1 }, () => 412)]);
    const written = answers.find(({ status }) => status === 200)?.body;
    expect((await call(appOf(race), account.specialist.key, "GET", path)).body).toEqual(written);
  }
});
