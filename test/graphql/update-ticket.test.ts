import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { graphql } from "../generated/gql.ts";
import type { UpdateTicketInput } from "../generated/graphql.ts";
import { addAccount, call, keyWith, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addTicket, globalId } from "../support/factories.ts";

const UpdateTicketMutation = graphql(`
  mutation UpdateTicket($input: UpdateTicketInput!) {
    updateTicket(input: $input) {
      __typename
      ... on UpdateTicketPayload {
        ticket {
          subject
          status
          version
          updatedAt
          requester {
            uuid
          }
        }
      }
      ... on TicketChangedError {
        code
        current {
          subject
          version
        }
      }
      ... on Error {
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

const TicketByNumberQuery = graphql(`
  query TicketByNumber($number: SafeInt!, $numbers: [SafeInt!]) {
    ticketByNumber(number: $number) {
      uuid
      version
      notes(orderBy: { field: NUMBER, direction: ASC }) {
        nodes {
          text
          medium
          isPublic
          author {
            uuid
          }
        }
      }
    }
    tickets(filter: { numbers: $numbers }) {
      nodes {
        number
      }
    }
  }
`);

let app: TestApp;
let account: TestAccount;
let other: TestAccount;

beforeAll(async () => {
  app = await startApp();
  [account, other] = [await addAccount(app), await addAccount(app)];
});
afterAll(() => app.close());

const ticketOf = () => addTicket(app, account, { requester: account.customer, subject: "Before" });
const stored = ({ id }: Ticket) => app.database.prisma.ticket.findFirstOrThrow({ where: { id } });

async function update(key: string | undefined, input: UpdateTicketInput) {
  const { data, errors } = await send(app, key, UpdateTicketMutation, { input });
  return { result: data?.updateTicket, errors };
}

async function read(key: string, number: number, numbers?: number[]) {
  return (await send(app, key, TicketByNumberQuery, { number, numbers })).data;
}

test("the subject, the status and the requester change, each by itself, and raise the version", async () => {
  const ticket = await ticketOf();
  app.time.now = new Date("2026-09-01T00:00:00Z");
  const { key } = account.specialist;
  const id = globalId("Ticket", ticket.id);
  expect((await update(key, { id, subject: "After" })).result).toMatchObject({
    ticket: { subject: "After", version: 2, updatedAt: "2026-09-01T00:00:00.000Z", requester: { uuid: account.customer.id } },
  });
  expect((await update(key, { id, status: "CLOSED" })).result).toMatchObject({
    ticket: { subject: "After", status: "CLOSED", version: 3 },
  });
  expect((await update(key, { id, requesterId: null })).result).toMatchObject({ ticket: { requester: null, version: 4 } });
  const back = await update(key, { id, requesterId: globalId("Person", account.otherCustomer.id) });
  expect(back.result).toMatchObject({ ticket: { requester: { uuid: account.otherCustomer.id }, version: 5 } });
  app.time.now = undefined;
});

test("a change of status is told by a public note of the service desk's software, in the editor's name", async () => {
  const ticket = await ticketOf();
  await update(account.specialist.key, { id: ticket.id, status: "IN_PROGRESS", subject: "After" });
  await update(account.administrator.key, { id: ticket.id, status: "CLOSED" });
  await update(account.administrator.key, { id: ticket.id, status: "CLOSED" });
  const seen = await read(account.customer.key, ticket.number);
  expect(seen?.ticketByNumber?.notes.nodes).toEqual([
    {
      ...{ text: `Status: ${ticket.status} → IN_PROGRESS`, medium: "SYSTEM", isPublic: true },
      author: { uuid: account.specialist.id },
    },
    { text: "Status: IN_PROGRESS → CLOSED", medium: "SYSTEM", isPublic: true, author: { uuid: account.administrator.id } },
  ]);
});

test("/v1 tells of it in the same way, beside the note that came with it, and without the scope to write notes", async () => {
  const ticket = await ticketOf();
  const narrow = await keyWith(app, account.specialist, ["tickets:read", "tickets:write", "notes:read"]);
  const path = `/v1/requests/${ticket.number}`;
  const patched = await call(app, account.specialist.key, "PATCH", path, { status: "completed", note: "Done." });
  expect(patched.status).toBe(200);
  expect((await call(app, narrow, "PATCH", path, { status: "assigned" })).status).toBe(200);
  const notes = (await read(account.customer.key, ticket.number))?.ticketByNumber?.notes.nodes;
  expect(notes?.map(({ text, medium }) => [text, medium])).toEqual([
    ["Done.", "DEFAULT"],
    [expect.stringMatching(/^Status: \w+ → CLOSED$/), "SYSTEM"],
    [expect.stringMatching(/^Status: CLOSED → \w+$/), "SYSTEM"],
  ]);
});

test.each<[string, Partial<UpdateTicketInput>]>([
  ["nothing", {}],
  ["all it has", { subject: "Before" }],
])("an update with %s changes nothing", async (_name, input) => {
  const ticket = await ticketOf();
  const { result } = await update(account.specialist.key, { id: ticket.id, ...input, status: ticket.status });
  expect(result).toMatchObject({ __typename: "UpdateTicketPayload", ticket: { version: 1 } });
  expect(await stored(ticket)).toEqual(ticket);
  expect((await read(account.specialist.key, ticket.number))?.ticketByNumber?.notes.nodes).toEqual([]);
});

describe("a ticket in another version than expected", () => {
  test("is not changed, and is shown as it is now", async () => {
    const ticket = await ticketOf();
    const { key } = account.specialist;
    await update(key, { id: ticket.id, subject: "First", expectedVersion: 1 });
    for (const input of [{ subject: "Second" }, { status: "CLOSED" }, {}] as const) {
      const { result } = await update(key, { id: ticket.id, ...input, expectedVersion: 1 });
      expect(result).toMatchObject({
        __typename: "TicketChangedError",
        code: "CHANGED",
        current: { subject: "First", version: 2 },
      });
    }
    expect(await stored(ticket)).toMatchObject({ subject: "First", version: 2 });
  });

  test("is changed by one of ten at once; without a version all ten succeed, one after the other", async () => {
    const [expecting, any] = [await ticketOf(), await ticketOf()];
    const race = (id: string, more: Partial<UpdateTicketInput>) =>
      Promise.all(
        Array.from({ length: 10 }, (_, index) => update(account.specialist.key, { id, subject: `Subject ${index}`, ...more })),
      );
    const names = (results: Awaited<ReturnType<typeof race>>) => results.map(({ result }) => result?.__typename).toSorted();
    expect(names(await race(expecting.id, { expectedVersion: 1 }))).toEqual([
      ...Array.from({ length: 9 }, () => "TicketChangedError"),
      "UpdateTicketPayload",
    ]);
    expect(names(await race(any.id, {}))).toEqual(Array.from({ length: 10 }, () => "UpdateTicketPayload"));
    expect(await stored(any)).toMatchObject({ version: 11 });
  });

  test("ten who close it at once write one note of it", async () => {
    const ticket = await ticketOf();
    await Promise.all(Array.from({ length: 10 }, () => update(account.specialist.key, { id: ticket.id, status: "CLOSED" })));
    expect((await read(account.specialist.key, ticket.number))?.ticketByNumber?.notes.nodes).toHaveLength(1);
  });
});

test("a customer may not, and who does not see the ticket does not learn of it", async () => {
  const ticket = await ticketOf();
  const missing = await update(account.specialist.key, { id: randomUUID(), subject: "x" });
  expect(missing.result).toMatchObject({ __typename: "NotFoundError" });
  const refused = await update(account.customer.key, { id: ticket.id, subject: "x", expectedVersion: 9 });
  expect(refused.result).toMatchObject({ __typename: "ForbiddenError" });
  for (const { key } of [account.otherCustomer, other.administrator])
    expect(await update(key, { id: ticket.id, subject: "x" })).toEqual(missing);
  const narrow = await keyWith(app, account.specialist, ["tickets:read"]);
  expect((await update(narrow, { id: ticket.id, subject: "x" })).result).toMatchObject({ __typename: "ForbiddenError" });
  expect(await update(undefined, { id: ticket.id, subject: "x" })).toMatchObject({
    errors: [{ extensions: { code: "UNAUTHENTICATED" } }],
  });
  expect(await stored(ticket)).toEqual(ticket);
});

test.each<[string, Partial<UpdateTicketInput>]>([
  ["subject", { subject: null }],
  ["subject", { subject: "  " }],
  ["status", { status: null }],
  ["requesterId", { requesterId: "x" }],
])("does not take another %s: %j", async (field, input) => {
  const ticket = await ticketOf();
  const { result } = await update(account.specialist.key, { id: ticket.id, ...input });
  expect(result).toMatchObject({ __typename: "InvalidInputError", fields: [{ path: [field] }] });
  expect(await stored(ticket)).toEqual(ticket);
});

test("tickets are found by the numbers that people say", async () => {
  const [one, two, foreign] = [await ticketOf(), await ticketOf(), await addTicket(app, other)];
  const { key } = account.specialist;
  const found = await read(key, one.number, [two.number, foreign.number, 0, Number.MAX_SAFE_INTEGER]);
  expect(found).toMatchObject({ ticketByNumber: { uuid: one.id, version: 1 }, tickets: { nodes: [{ number: two.number }] } });
  expect((await read(account.otherCustomer.key, one.number))?.ticketByNumber).toBeNull();
  for (const number of [foreign.number, 0, -1, 2_147_483_648, Number.MAX_SAFE_INTEGER])
    expect((await read(key, number, []))?.ticketByNumber).toBeNull();
});
