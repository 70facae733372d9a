import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { type Scope, scopes } from "../../src/viewer.ts";
import { addAccount, keyWith, startApp, type TestAccount, type TestApp, type TestPerson, viewerOf } from "../support/app.ts";
import { addNotes, addTickets, statementsOf } from "../support/factories.ts";

interface Populated {
  readonly account: TestAccount;
  readonly tickets: readonly Ticket[];
  readonly notes: readonly Note[];
}

let app: TestApp;
let one: Populated;
let other: Populated;

beforeAll(async () => {
  app = await startApp();
  [one, other] = [await populated(), await populated()];
});
afterAll(() => app.close());

async function populated(): Promise<Populated> {
  const account = await addAccount(app);
  const tickets = await addTickets(app, account, 12, (index) => ({
    requester: index % 2 === 0 ? account.customer : account.otherCustomer,
  }));
  const notes: Note[] = [];
  for (const ticket of tickets)
    notes.push(...(await addNotes(app, ticket, account.specialist, 4, (index) => ({ isPublic: index % 2 === 0 }))));
  return { account, tickets, notes };
}

/** Sends requests without a socket, so that requests made together arrive together. */
async function ask(key: string, query: string, variables: Record<string, unknown>) {
  const { body } = await app.app.server.inject({
    method: "POST",
    url: "/graphql",
    headers: { "content-type": "application/json", "x-api-key": key },
    payload: JSON.stringify({ query, variables }),
  });
  // oxlint-disable-next-line typescript/no-explicit-any -- what comes back is compared, and looked into
  return JSON.parse(body) as { data: any; errors?: unknown[] };
}

const ticketQuery = `query ($id: ID!, $after: String) { ticket(id: $id) { uuid requester { uuid }
  notes(first: 3, after: $after) { totalCount edges { cursor node { uuid isPublic author { email } ticket { uuid } } } } } }`;
const noteQuery = `query ($id: ID!) { note(id: $id) { uuid text author { email } ticket { uuid requester { email } } } }`;

test("what one viewer asks at the same time is a few statements, and every answer is the one it gets alone", async () => {
  const { key } = one.account.specialist;
  const questions = [
    ...one.tickets.map(({ id }): [string, Record<string, unknown>] => [ticketQuery, { id }]),
    ...one.notes.map(({ id }): [string, Record<string, unknown>] => [noteQuery, { id }]),
    ...other.notes.slice(0, 5).map(({ id }): [string, Record<string, unknown>] => [noteQuery, { id }]),
  ];
  const alone = [];
  for (const [query, variables] of questions) alone.push(await ask(key, query, variables));
  const [ticketAnswer] = alone;
  for (const { cursor } of ticketAnswer!.data.ticket.notes.edges) {
    const question: [string, Record<string, unknown>] = [ticketQuery, { id: one.tickets[0]!.id, after: cursor }];
    questions.push(question);
    alone.push(await ask(key, ...question));
  }
  let together: unknown[] = [];
  const statements = await statementsOf(app, async () => {
    together = await Promise.all(questions.map(([query, variables]) => ask(key, query, variables)));
  });
  expect(together).toEqual(alone);
  expect(statements.length).toBeLessThan(questions.length / 2);
});

test("an answer that was read together with others says so, and one that reads nothing does not", async () => {
  const { key } = one.account.specialist;
  const countsOf = async (query: string, variables: Record<string, unknown> = {}) => {
    const { body } = await app.app.server.inject({
      method: "POST",
      url: "/graphql",
      headers: { "content-type": "application/json", "x-api-key": key },
      payload: JSON.stringify({ query, variables, extensions: { statements: true } }),
    });
    return (JSON.parse(body) as { extensions: object }).extensions; // as asked for
  };
  const id = one.notes[0]!.id;
  expect(await countsOf(noteQuery, { id })).toEqual({ statements: 1 });
  const together = await Promise.all([0, 0, 1, 2].map((index) => countsOf(noteQuery, { id: one.notes[index]!.id })));
  expect(together.toSorted((first, second) => Object.keys(first).length - Object.keys(second).length)).toEqual([
    { statements: 1 },
    ...Array.from({ length: 3 }, () => ({ statements: 0, sharedStatements: 1 })),
  ]);
  expect(await countsOf("{ __typename }")).toEqual({ statements: 0 });
});

test("no statement is for viewers of two reaches, and nobody gets another's rows", async () => {
  const narrow = (person: TestPerson, ...without: Scope[]) =>
    keyWith(
      app,
      person,
      scopes.filter((scope) => !without.includes(scope) && scope !== "admin"),
    );
  const askers = await Promise.all(
    [one, other].flatMap(({ account }) => [
      Promise.resolve({ account, person: account.customer, key: account.customer.key, internal: false }),
      Promise.resolve({ account, person: account.otherCustomer, key: account.otherCustomer.key, internal: false }),
      Promise.resolve({ account, person: account.specialist, key: account.specialist.key, internal: true }),
      narrow(account.specialist, "notes:internal").then((key) => ({
        account,
        person: account.specialist,
        key,
        internal: false,
      })),
    ]),
  );
  const everyTicket = [...one.tickets, ...other.tickets];
  const everyNote = [...one.notes, ...other.notes];
  const ticketsById = new Map(everyTicket.map((ticket) => [ticket.id, ticket]));
  const sees = ({ account, person }: (typeof askers)[number], ticket: Ticket) =>
    ticket.accountId === account.id && (person.role !== "CUSTOMER" || ticket.requesterId === person.id);
  const accountIds = [one.account.id, other.account.id];
  const customerIds = [one, other].flatMap(({ account }) => [account.customer.id, account.otherCustomer.id]);

  for (let round = 0; round < 3; round += 1) {
    const checks: Promise<void>[] = [];
    const statements = await statementsOf(app, async () => {
      for (const asker of askers) {
        for (const ticket of everyTicket)
          checks.push(
            ask(asker.key, ticketQuery, { id: ticket.id }).then(({ data, errors }) => {
              expect(errors).toBeUndefined();
              expect(data.ticket?.uuid ?? null).toBe(sees(asker, ticket) ? ticket.id : null);
              if (data.ticket) expect(data.ticket.notes.totalCount).toBe(asker.internal ? 4 : 2);
            }),
          );
        for (const note of everyNote.filter((_, index) => index % 5 === round))
          checks.push(
            ask(asker.key, noteQuery, { id: note.id }).then(({ data }) => {
              const visible = sees(asker, ticketsById.get(note.ticketId)!) && (note.isPublic || asker.internal);
              expect(data.note?.uuid ?? null).toBe(visible ? note.id : null);
            }),
          );
      }
      await Promise.all(checks);
    });
    expect(statements.length).toBeLessThan(checks.length);
    for (const { text, values } of statements) {
      // In a batched statement, keys are in arrays. The values of the access scope are parameters of their own.
      const single = values.filter((value) => typeof value === "string");
      expect([text, accountIds.filter((id) => single.includes(id)).length]).toEqual([text, 1]);
      expect(customerIds.filter((id) => single.includes(id)).length).toBeLessThan(2);
    }
  }
});

test("a question that fails in a batch fails alone", async () => {
  const { account } = one;
  const viewer = viewerOf(account, account.specialist);
  const numbers = one.notes.slice(0, 6).map(({ number }) => number);
  numbers.splice(3, 0, 2 ** 40);
  const found = await Promise.allSettled(numbers.map((number) => app.app.services.notes.byNumbers(viewer, [number])));
  expect(found.map((each) => (each.status === "fulfilled" ? each.value[0]?.number : "failed"))).toEqual([
    ...numbers.slice(0, 3),
    "failed",
    ...numbers.slice(4),
  ]);
});

describe("what was acknowledged", () => {
  test("is seen by whoever asks afterwards, however many equal questions are under way", async () => {
    const { key } = one.account.specialist;
    const ticket = one.tickets[11]!;
    const read = "query ($id: ID!) { ticket(id: $id) { notes(first: 100) { totalCount nodes { uuid } } } }";
    const write = `mutation ($id: ID!) { addNote(input: { ticketId: $id, text: "Seen?" }) { ... on AddNotePayload { note { uuid } } } }`;
    let isOver = false;
    const reader = async () => {
      while (!isOver) await ask(key, read, { id: ticket.id });
    };
    const readers = Array.from({ length: 8 }, reader);
    let written = 0;
    const writer = async () => {
      for (let time = 0; time < 20; time += 1) {
        const { data } = await ask(key, write, { id: ticket.id });
        written += 1;
        const least = 4 + written;
        const { data: seen } = await ask(key, read, { id: ticket.id });
        expect(seen.ticket.notes.totalCount).toBeGreaterThanOrEqual(least);
        const uuids: string[] = seen.ticket.notes.nodes.map((node: { uuid: string }) => node.uuid);
        // A page holds a hundred, the newest first.
        if (uuids.length < 100 || written < 90) expect(uuids).toContain(data.addNote.note.uuid);
      }
    };
    try {
      await Promise.all(Array.from({ length: 10 }, writer));
    } finally {
      isOver = true;
      await Promise.all(readers);
    }
    expect(written).toBe(200);
  });
});
