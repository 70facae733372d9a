import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { graphql } from "../generated/gql.ts";
import { addAccount, keyWith, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket, at, globalId, statementsOf } from "../support/factories.ts";

const TicketQuery = graphql(`
  query Ticket($id: ID!) {
    ticket(id: $id) {
      __typename
      id
      uuid
      number
      kind
      status
      subject
      account {
        id
        slug
      }
      requester {
        id
        uuid
        number
        name
        email
      }
      createdAt
      updatedAt
      viewerCanAddNote
    }
  }
`);

const SameTicketThrice = graphql(`
  query SameTicketThrice($id: ID!, $uuid: ID!) {
    one: ticket(id: $id) {
      subject
    }
    two: ticket(id: $uuid) {
      subject
    }
    three: node(id: $id) {
      ... on Ticket {
        subject
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

const ticketOfCustomer = () =>
  addTicket(app, account, {
    requester: account.customer,
    kind: "PROBLEM",
    status: "IN_PROGRESS",
    subject: "Engine light 💡 on",
    createdAt: at(5),
    updatedAt: at(7),
  });

test("a ticket tells all about itself, by its global id and by its UUID in either case", async () => {
  const ticket = await ticketOfCustomer();
  for (const id of [globalId("Ticket", ticket.id), ticket.id, ticket.id.toUpperCase()]) {
    const { data, errors } = await send(app, account.specialist.key, TicketQuery, { id });
    expect(errors).toEqual([]);
    expect(data.ticket).toEqual({
      __typename: "Ticket",
      id: globalId("Ticket", ticket.id),
      uuid: ticket.id,
      number: ticket.number,
      kind: "PROBLEM",
      status: "IN_PROGRESS",
      subject: "Engine light 💡 on",
      account: { id: globalId("Account", account.id), slug: account.slug },
      requester: {
        id: globalId("Person", account.customer.id),
        uuid: account.customer.id,
        number: account.customer.number,
        name: "Cleo Customer",
        email: expect.stringContaining("@example.com"),
      },
      createdAt: "2026-01-01T00:00:05.000Z",
      updatedAt: "2026-01-01T00:00:07.000Z",
      viewerCanAddNote: true,
    });
  }
});

test("a ticket that was opened for nobody has no requester", async () => {
  const ticket = await addTicket(app, account);
  const { data } = await send(app, account.administrator.key, TicketQuery, { id: ticket.id });
  expect(data.ticket).toMatchObject({ requester: null, viewerCanAddNote: true });
});

test("staff may read every ticket of their account, its requester may read it; nobody else may", async () => {
  const ticket = await ticketOfCustomer();
  const read = async (key: string) => (await send(app, key, TicketQuery, { id: ticket.id })).data.ticket?.uuid;
  expect(await read(account.administrator.key)).toBe(ticket.id);
  expect(await read(account.specialist.key)).toBe(ticket.id);
  expect(await read(account.customer.key)).toBe(ticket.id);
  expect(await read(account.otherCustomer.key)).toBeUndefined();
  expect(await read(other.administrator.key)).toBeUndefined();
  expect(await read(other.customer.key)).toBeUndefined();
});

test("a ticket that is missing, foreign or another's is one answer, to the byte", async () => {
  const ticket = await ticketOfCustomer();
  const foreign = await send(app, other.administrator.key, TicketQuery, { id: ticket.id });
  const anothers = await send(app, account.otherCustomer.key, TicketQuery, { id: ticket.id });
  const missing = await send(app, account.specialist.key, TicketQuery, { id: randomUUID() });
  expect(missing).toEqual({ status: 200, data: { ticket: null }, errors: [] });
  expect(foreign).toEqual(missing);
  expect(anothers).toEqual(missing);
});

test.each([
  ["the id of a note", () => globalId("Note", randomUUID())],
  ["a number", () => "42"],
  ["nothing", () => ""],
  ["a UUID in braces", () => `{${randomUUID()}}`],
  ["a URN", () => `urn:uuid:${randomUUID()}`],
  ["base64 with something behind it", () => `${globalId("Ticket", randomUUID())}AAAA`],
  ["an injection", () => "' OR 1=1 --"],
  ["a NUL", () => "\0"],
])("%s is not the id of a ticket, and is said to be none", async (_name, id) => {
  const { data, errors } = await send(app, account.specialist.key, TicketQuery, { id: id() });
  expect(data).toEqual({ ticket: null });
  expect(errors).toMatchObject([{ path: ["ticket"], extensions: { code: "INVALID_INPUT", fields: [{ path: ["id"] }] } }]);
});

describe("a credential", () => {
  test("is needed", async () => {
    const ticket = await ticketOfCustomer();
    const { data, errors } = await send(app, undefined, TicketQuery, { id: ticket.id });
    expect(data).toEqual({ ticket: null });
    expect(errors).toMatchObject([{ path: ["ticket"], extensions: { code: "UNAUTHENTICATED" } }]);
  });

  test("without tickets:read may not read tickets, and is told what it lacks", async () => {
    const ticket = await ticketOfCustomer();
    const narrow = await keyWith(app, account.specialist, ["notes:read"]);
    const { errors } = await send(app, narrow, TicketQuery, { id: ticket.id });
    expect(errors).toMatchObject([{ extensions: { code: "FORBIDDEN" }, message: expect.stringContaining("tickets:read") }]);
  });

  test("that only reads may not add notes, and the ticket says so", async () => {
    const ticket = await ticketOfCustomer();
    const narrow = await keyWith(app, account.customer, ["tickets:read"]);
    const { data } = await send(app, narrow, TicketQuery, { id: ticket.id });
    expect(data.ticket?.viewerCanAddNote).toBe(false);
  });
});

test("a customer sees the mail address of nobody but themselves", async () => {
  const ticket = await ticketOfCustomer();
  await addNote(app, ticket, account.specialist);
  const PeopleOfTicket = graphql(`
    query PeopleOfTicket($id: ID!) {
      ticket(id: $id) {
        requester {
          email
        }
        notes(first: 1) {
          nodes {
            author {
              email
            }
          }
        }
      }
    }
  `);
  const emails = async (key: string) => {
    const { data } = await send(app, key, PeopleOfTicket, { id: ticket.id });
    return [data.ticket?.requester?.email, data.ticket?.notes.nodes[0]?.author.email];
  };
  expect(await emails(account.customer.key)).toEqual([expect.stringContaining("@"), null]);
  expect(await emails(account.specialist.key)).toEqual([expect.stringContaining("@"), expect.stringContaining("@")]);
});

test("a ticket with its account and requester costs one statement", async () => {
  const ticket = await ticketOfCustomer();
  const statements = await statementsOf(app, () => send(app, account.specialist.key, TicketQuery, { id: ticket.id }));
  expect(statements).toHaveLength(1);
});

test("a ticket that is asked for three times is read once", async () => {
  const ticket = await ticketOfCustomer();
  const statements = await statementsOf(app, () =>
    send(app, account.specialist.key, SameTicketThrice, { id: globalId("Ticket", ticket.id), uuid: ticket.id }),
  );
  expect(statements).toHaveLength(1);
});
