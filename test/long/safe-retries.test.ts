import { setTimeout as pause } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addTicket } from "../support/factories.ts";

// Many clients that send one write at the same time under its key, on two gateways of one database.
const keys = 200;
const parallel = 50;

let apps: readonly [TestApp, TestApp];
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  apps = [await startApp(), await startApp()];
  account = await addAccount(apps[0]);
  ticket = await addTicket(apps[0], account, { requester: account.customer });
});
afterAll(() => Promise.all(apps.map((app) => app.close())));

/** The outcome of one try: the number or the id of the note, or that another try is in flight. */
type Outcome = string;
const inFlight: Outcome = "in flight";

const text = `mutation ($input: AddNoteInput!) {
  addNote(input: $input) { __typename ... on AddNotePayload { note { uuid } } ... on Error { code message } }
}`;

interface Added {
  readonly addNote: { readonly note?: { readonly uuid: string }; readonly code?: string; readonly message?: string };
}

async function throughGraphql(app: TestApp, key: string): Promise<Outcome> {
  const input = { ticketId: ticket.id, text: `graphql ${key}`, idempotencyKey: key };
  const { data, errors } = await sendText<Added>(app.url, account.specialist.key, text, { input });
  expect(errors).toEqual([]);
  const { note, code, message = "" } = data.addNote;
  if (note) return note.uuid;
  expect([code, message.includes("still being answered")]).toEqual(["CONFLICT", true]);
  return inFlight;
}

async function throughRest(app: TestApp, path: string, body: object, key: string): Promise<Outcome> {
  const answer = await call(app, account.specialist.key, "POST", path, body, { "idempotency-key": key });
  expect([201, 409]).toContain(answer.status);
  if (answer.status === 409) expect(answer.headers.get("retry-after")).toBe("1");
  return answer.status === 201 ? String((answer.body as { id: unknown }).id) : inFlight;
}

const apis: Readonly<Record<string, (app: TestApp, key: string) => Promise<Outcome>>> = {
  graphql: throughGraphql,
  v1: (app, key) => throughRest(app, `/v1/requests/${ticket.number}/notes`, { text: `v1 ${key}` }, key),
  v2: (app, key) => throughRest(app, "/v2/tickets/notes", { ticket_id: ticket.id, value: `v2 ${key}` }, key),
};

test.each(Object.entries(apis))(
  `${keys} keys, each sent by ${parallel} clients at once through %s, add ${keys} notes`,
  async (name, add) => {
    for (let index = 0; index < keys; index += 1) {
      const key = uuidv7();
      const sendAll = (count: number) =>
        Promise.all(Array.from({ length: count }, (_, client) => add(apps[client % 2 === 0 ? 0 : 1], key)));
      let outcomes = await sendAll(parallel);
      const notes = new Set(outcomes);
      // Who was told to wait gets the note of the one that has written.
      while (outcomes.includes(inFlight)) {
        await pause(5);
        outcomes = await sendAll(outcomes.filter((outcome) => outcome === inFlight).length);
        for (const outcome of outcomes) notes.add(outcome);
      }
      notes.delete(inFlight);
      expect(notes.size).toBe(1);
    }
    const { prisma } = apps[0].database;
    const added = await prisma.note.count({ where: { ticketId: ticket.id, text: { startsWith: `${name} ` } } });
    expect(added).toBe(keys);
  },
  300_000,
);
