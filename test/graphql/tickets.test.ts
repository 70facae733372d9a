import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { graphql } from "../generated/gql.ts";
import type { TicketFilter, TicketsQueryVariables } from "../generated/graphql.ts";
import { addAccount, keyWith, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket, addTickets, at, globalId, statementsOf } from "../support/factories.ts";

const TicketsQuery = graphql(`
  query Tickets($first: Int, $after: String, $last: Int, $before: String, $filter: TicketFilter, $orderBy: TicketOrder) {
    tickets(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
      edges {
        cursor
        node {
          uuid
        }
      }
      nodes {
        uuid
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
    }
  }
`);

const TicketCount = graphql(`
  query TicketCount($filter: TicketFilter) {
    tickets(first: 1, filter: $filter) {
      totalCount
    }
  }
`);

const TicketsWithPeople = graphql(`
  query TicketsWithPeople {
    tickets(first: 100) {
      nodes {
        uuid
        account {
          slug
        }
        requester {
          name
        }
        viewerCanAddNote
      }
    }
  }
`);

let app: TestApp;
let account: TestAccount;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
});
afterAll(() => app.close());

async function page(key: string, variables: TicketsQueryVariables = {}) {
  const { data, errors } = await send(app, key, TicketsQuery, variables);
  expect(errors).toEqual([]);
  const { edges, nodes, pageInfo } = data.tickets;
  expect(nodes.map((node) => node.uuid)).toEqual(edges.map((edge) => edge.node.uuid));
  expect([pageInfo.startCursor, pageInfo.endCursor]).toEqual([edges[0]?.cursor ?? null, edges.at(-1)?.cursor ?? null]);
  return { ids: nodes.map((node) => node.uuid), cursors: edges.map((edge) => edge.cursor), ...pageInfo };
}

const ids = (tickets: readonly Ticket[]) => tickets.map((ticket) => ticket.id);

async function refusal(variables: TicketsQueryVariables) {
  const { data, errors } = await send(app, account.specialist.key, TicketsQuery, variables);
  expect(data).toBeNull();
  expect(errors).toHaveLength(1);
  return errors[0]?.extensions;
}

describe("a filter", () => {
  let own: TestAccount;
  let tickets: readonly Ticket[];
  let request: Ticket;
  let problem: Ticket;
  let task: Ticket;

  beforeAll(async () => {
    own = await addAccount(app);
    request = await addTicket(app, own, {
      kind: "REQUEST",
      status: "PENDING",
      requester: own.customer,
      createdAt: at(1),
      updatedAt: at(11),
    });
    problem = await addTicket(app, own, {
      kind: "PROBLEM",
      status: "CLOSED",
      requester: own.otherCustomer,
      createdAt: at(2),
      updatedAt: at(9),
    });
    task = await addTicket(app, own, { kind: "TASK", status: "CLOSED", createdAt: at(3), updatedAt: at(10) });
    tickets = [request, problem, task];
  });

  const cases: [
    string,
    (all: { request: Ticket; problem: Ticket; task: Ticket }) => TicketFilter,
    ("request" | "problem" | "task")[],
  ][] = [
    ["nothing", () => ({}), ["task", "problem", "request"]],
    ["null everywhere", () => ({ ids: null, kind: null, status: null, createdAt: null }), ["task", "problem", "request"]],
    ["ids of both spellings", (all) => ({ ids: [all.request.id, globalId("Ticket", all.task.id)] }), ["task", "request"]],
    ["an id twice and one of nothing", (all) => ({ ids: [all.task.id, all.task.id, randomUUID()] }), ["task"]],
    ["no ids", () => ({ ids: [] }), []],
    ["a kind", () => ({ kind: ["PROBLEM"] }), ["problem"]],
    ["several kinds", () => ({ kind: ["PROBLEM", "TASK", "RISK"] }), ["task", "problem"]],
    ["no kinds", () => ({ kind: [] }), []],
    ["a status", () => ({ status: ["CLOSED"] }), ["task", "problem"]],
    ["another status", () => ({ status: ["PENDING", "OUTSOURCED"] }), ["request"]],
    ["createdAt after", () => ({ createdAt: { gt: at(2).toISOString() } }), ["task"]],
    ["createdAt at or after", () => ({ createdAt: { gte: at(2).toISOString() } }), ["task", "problem"]],
    ["createdAt before", () => ({ createdAt: { lt: at(2).toISOString() } }), ["request"]],
    ["createdAt at or before", () => ({ createdAt: { lte: at(2).toISOString() } }), ["problem", "request"]],
    ["createdAt in another zone", () => ({ createdAt: { gte: "2026-01-01T02:00:03+02:00" } }), ["task"]],
    ["createdAt between bounds", () => ({ createdAt: { gt: at(1).toISOString(), lt: at(3).toISOString() } }), ["problem"]],
    ["createdAt between bounds that cross", () => ({ createdAt: { gt: at(3).toISOString(), lt: at(1).toISOString() } }), []],
    ["updatedAt", () => ({ updatedAt: { gte: at(10).toISOString() } }), ["task", "request"]],
    ["several fields, which must all hold", () => ({ status: ["CLOSED"], kind: ["TASK", "REQUEST"] }), ["task"]],
  ];

  test.each(cases)("by %s", async (_name, filter, expected) => {
    const all = { request, problem, task };
    const wanted = expected.map((name) => all[name].id);
    expect((await page(own.specialist.key, { filter: filter(all) })).ids).toEqual(wanted);
    const { data } = await send(app, own.specialist.key, TicketCount, { filter: filter(all) });
    expect(data.tickets.totalCount).toBe(wanted.length);
  });

  test("by requester", async () => {
    for (const requesterId of [own.customer.id, globalId("Person", own.customer.id)]) {
      expect((await page(own.specialist.key, { filter: { requesterId } })).ids).toEqual([request.id]);
    }
    expect((await page(own.specialist.key, { filter: { requesterId: own.specialist.id } })).ids).toEqual([]);
  });

  test("never reaches beyond what one may see", async () => {
    expect((await page(own.customer.key, { filter: { ids: ids(tickets) } })).ids).toEqual([request.id]);
    expect((await page(account.administrator.key, { filter: { ids: ids(tickets) } })).ids).toEqual([]);
    expect((await page(account.administrator.key, { filter: { requesterId: own.customer.id } })).ids).toEqual([]);
    const { data } = await send(app, account.administrator.key, TicketCount, { filter: { ids: ids(tickets) } });
    expect(data.tickets.totalCount).toBe(0);
  });

  test.each<[string, TicketFilter, string[]]>([
    ["an id that is none", { ids: ["42"] }, ["filter", "ids"]],
    ["the id of a note", { ids: [globalId("Note", randomUUID())] }, ["filter", "ids"]],
    ["a requester that is a ticket", { requesterId: globalId("Ticket", randomUUID()) }, ["filter", "requesterId"]],
    ["the year 0", { createdAt: { gt: "0000-06-01T00:00:00Z" } }, ["filter", "createdAt", "gt"]],
    ["the year 10000, by its offset", { updatedAt: { lte: "9999-12-31T23:59:59-01:00" } }, ["filter", "updatedAt", "lte"]],
  ])("by %s is refused, and says which field it is about", async (_name, filter, path) => {
    expect(await refusal({ filter })).toMatchObject({ code: "INVALID_INPUT", fields: [{ path }] });
  });
});

describe("an order", () => {
  let own: TestAccount;
  let tickets: readonly Ticket[];

  beforeAll(async () => {
    own = await addAccount(app);
    // Opened in another order than they were changed in, and two of each at the same instant.
    tickets = await addTickets(app, own, 8, (index) => ({
      createdAt: at([5, 3, 3, 8, 1, 8, 2, 4][index] ?? 0),
      updatedAt: at([11, 19, 12, 12, 14, 13, 18, 19][index] ?? 0),
    }));
  });

  const keys = {
    CREATED_AT: (ticket: Ticket) => ticket.createdAt.getTime(),
    UPDATED_AT: (ticket: Ticket) => ticket.updatedAt.getTime(),
    NUMBER: (ticket: Ticket) => ticket.number,
  };

  for (const field of ["CREATED_AT", "UPDATED_AT", "NUMBER"] as const) {
    for (const direction of ["ASC", "DESC"] as const) {
      test(`by ${field} ${direction} holds within a page and across pages, from either end`, async () => {
        const sign = direction === "ASC" ? 1 : -1;
        const sorted = ids(
          tickets.toSorted((one, two) => sign * (keys[field](one) - keys[field](two) || (one.id < two.id ? -1 : 1))),
        );
        const orderBy = { field, direction };
        const whole = await page(own.specialist.key, { orderBy });
        expect(whole.ids).toEqual(sorted);
        expect([whole.hasNextPage, whole.hasPreviousPage]).toEqual([false, false]);

        const forward: string[] = [];
        for (let after: string | null = null, more = true; more;) {
          const next: Awaited<ReturnType<typeof page>> = await page(own.specialist.key, { orderBy, first: 3, after });
          forward.push(...next.ids);
          [after, more] = [next.endCursor ?? null, next.hasNextPage];
        }
        expect(forward).toEqual(sorted);

        const backward: string[] = [];
        for (let before: string | null = null, more = true; more;) {
          const previous: Awaited<ReturnType<typeof page>> = await page(own.specialist.key, { orderBy, last: 3, before });
          backward.unshift(...previous.ids);
          [before, more] = [previous.startCursor ?? null, previous.hasPreviousPage];
        }
        expect(backward).toEqual(sorted);
      });
    }
  }

  test("is newest first when none is given", async () => {
    const usual = await page(own.specialist.key);
    expect(usual.ids).toEqual((await page(own.specialist.key, { orderBy: { field: "CREATED_AT", direction: "DESC" } })).ids);
    expect(usual.cursors).toEqual(
      (await page(own.specialist.key, { orderBy: { field: "CREATED_AT", direction: "DESC" } })).cursors,
    );
  });
});

describe("a page", () => {
  let own: TestAccount;
  let tickets: readonly Ticket[];

  beforeAll(async () => {
    own = await addAccount(app);
    // Thirty tickets at three instants: only the id tells ten of them apart.
    tickets = await addTickets(app, own, 30, (index) => ({ createdAt: at(Math.floor(index / 10)), requester: own.customer }));
  });

  test("has 25 tickets when no number is given, also when null is", async () => {
    expect((await page(own.specialist.key)).ids).toHaveLength(25);
    expect((await page(own.specialist.key, { first: null, last: null })).ids).toHaveLength(25);
    expect((await page(own.specialist.key)).hasNextPage).toBe(true);
  });

  test("of 100 is the largest", async () => {
    expect((await page(own.specialist.key, { first: 100 })).ids).toHaveLength(30);
    expect((await page(own.specialist.key, { last: 100 })).ids).toHaveLength(30);
  });

  test.each<[string, TicketsQueryVariables, string[]]>([
    ["first: 0", { first: 0 }, ["first"]],
    ["first: -1", { first: -1 }, ["first"]],
    ["first: 101", { first: 101 }, ["first"]],
    ["last: 0", { last: 0 }, ["last"]],
    ["last: -5", { last: -5 }, ["last"]],
    ["last: 101", { last: 101 }, ["last"]],
    ["first and last", { first: 1, last: 1 }, ["last"]],
  ])("with %s is refused", async (_name, variables, path) => {
    expect(await refusal(variables)).toMatchObject({ code: "INVALID_INPUT", fields: [{ path }] });
  });

  test("between two cursors holds neither of their tickets", async () => {
    const orderBy = { field: "CREATED_AT", direction: "ASC" } as const;
    const whole = await page(own.specialist.key, { first: 100, orderBy });
    const [after, before] = [whole.cursors[4], whole.cursors[11]];
    expect((await page(own.specialist.key, { orderBy, after, before })).ids).toEqual(whole.ids.slice(5, 11));
    expect(await page(own.specialist.key, { orderBy, after, before, first: 2 })).toMatchObject({
      ids: whole.ids.slice(5, 7),
      hasNextPage: true,
      hasPreviousPage: true,
    });
    expect(await page(own.specialist.key, { orderBy, after, before, last: 2 })).toMatchObject({
      ids: whole.ids.slice(9, 11),
      hasNextPage: true,
      hasPreviousPage: true,
    });
    expect((await page(own.specialist.key, { orderBy, after: before, before: after })).ids).toEqual([]);
  });

  test("says whether there is more on either side", async () => {
    const first = await page(own.specialist.key, { first: 10 });
    expect([first.hasPreviousPage, first.hasNextPage]).toEqual([false, true]);
    const middle = await page(own.specialist.key, { first: 10, after: first.endCursor });
    expect([middle.hasPreviousPage, middle.hasNextPage]).toEqual([true, true]);
    const end = await page(own.specialist.key, { first: 10, after: middle.endCursor });
    expect([end.hasPreviousPage, end.hasNextPage]).toEqual([true, false]);
    const beyond = await page(own.specialist.key, { first: 10, after: end.endCursor });
    expect(beyond).toMatchObject({ ids: [], hasNextPage: false, startCursor: null, endCursor: null });
  });

  test("after a ticket that was deleted goes on where it stood, and newer tickets do not shift it", async () => {
    const walker = await addAccount(app);
    const rows = await addTickets(app, walker, 9, (index) => ({ createdAt: at(Math.floor(index / 3)) }));
    const newestFirst = ids(
      rows.toSorted((one, two) => two.createdAt.getTime() - one.createdAt.getTime() || (two.id < one.id ? -1 : 1)),
    );
    const first = await page(walker.specialist.key, { first: 4 });
    expect(first.ids).toEqual(newestFirst.slice(0, 4));

    await app.database.prisma.ticket.delete({ where: { id: first.ids[3] ?? "" } });
    await addTicket(app, walker, { createdAt: at(100) });
    const second = await page(walker.specialist.key, { first: 4, after: first.endCursor });
    expect(second.ids).toEqual(newestFirst.slice(4, 8));

    await app.database.prisma.ticket.delete({ where: { id: newestFirst[8] ?? "" } });
    const last = await page(walker.specialist.key, { first: 4, after: second.endCursor });
    expect(last).toMatchObject({ ids: [], hasNextPage: false });
    const back = await page(walker.specialist.key, { last: 100, before: second.startCursor });
    expect(back.ids.slice(1)).toEqual(newestFirst.slice(0, 3));
  });

  test("is of what one may see", async () => {
    expect((await page(own.customer.key, { first: 100 })).ids).toHaveLength(30);
    expect((await page(own.otherCustomer.key, { first: 100 })).ids).toEqual([]);
    const strangers = (await page(account.administrator.key, { first: 100 })).ids;
    expect(strangers.filter((id) => ids(tickets).includes(id))).toEqual([]);
  });
});

describe("a cursor", () => {
  let cursor: string;

  beforeAll(async () => {
    const tickets = await addTickets(app, account, 2);
    await addNote(app, tickets[0]!, account.specialist);
    cursor = (await page(account.specialist.key, { first: 1 })).cursors[0]!;
  });

  test.each<[string, () => TicketsQueryVariables]>([
    ["with another tag", () => ({ after: `${cursor.startsWith("A") ? "B" : "A"}${cursor.slice(1)}` })],
    ["that is cut", () => ({ after: cursor.slice(0, -4) })],
    ["that is nothing", () => ({ after: "" })],
    ["that is text", () => ({ before: "next please" })],
    ["in another spelling", () => ({ before: `${cursor}=` })],
    ["with a NUL", () => ({ after: `${cursor}\0` })],
    ["of the other direction", () => ({ after: cursor, orderBy: { field: "CREATED_AT", direction: "ASC" } })],
    ["of another order", () => ({ after: cursor, orderBy: { field: "UPDATED_AT", direction: "DESC" } })],
    ["that Relay's libraries would make", () => ({ after: btoa("arrayconnection:0") })],
  ])("%s is refused", async (_name, variables) => {
    const given = variables();
    const path = given.after === undefined ? ["before"] : ["after"];
    expect(await refusal(given)).toMatchObject({ code: "INVALID_INPUT", fields: [{ path }] });
  });

  test("of another connection is refused", async () => {
    const CursorOfNotes = graphql(`
      query CursorOfNotes {
        notes(first: 1) {
          pageInfo {
            endCursor
          }
        }
      }
    `);
    const { data } = await send(app, account.specialist.key, CursorOfNotes);
    expect(await refusal({ after: data.notes.pageInfo.endCursor ?? null })).toMatchObject({ code: "INVALID_INPUT" });
  });

  test("says nothing but where its ticket stands", () => {
    expect(cursor).toMatch(/^[\w-]{8}\.\d{17}\.[\da-f-]{36}$/);
  });
});

test("the number of all tickets is counted when it is asked for, and only then", async () => {
  const counting = await statementsOf(app, () => send(app, account.specialist.key, TicketCount, {}));
  expect(counting.filter(({ text }) => /count\(/i.test(text))).toHaveLength(1);
  expect(counting).toHaveLength(1);
  const reading = await statementsOf(app, () => send(app, account.specialist.key, TicketsQuery, {}));
  expect(reading).toHaveLength(1);
  expect(reading[0]?.text).not.toMatch(/count\(/i);
});

test("2 tickets and 20 tickets, with their people, cost the same one statement", async () => {
  const own = await addAccount(app);
  const people = [own.customer, own.otherCustomer, own.specialist];
  const cost = async () => (await statementsOf(app, () => send(app, own.specialist.key, TicketsWithPeople))).length;
  await addTickets(app, own, 2, (index) => ({ requester: people[index]! }));
  expect(await cost()).toBe(1);
  await addTickets(app, own, 18, (index) => ({ requester: people[index % 3]! }));
  expect(await cost()).toBe(1);
  const { data } = await send(app, own.specialist.key, TicketsWithPeople);
  expect(data.tickets.nodes).toHaveLength(20);
});

test("without a credential, or without its scope, there is no list", async () => {
  const anonymous = await send(app, undefined, TicketsQuery, {});
  expect(anonymous.errors).toMatchObject([{ extensions: { code: "UNAUTHENTICATED" } }]);
  const narrow = await keyWith(app, account.specialist, ["tickets:write", "notes:read"]);
  expect((await send(app, narrow, TicketsQuery, {})).errors).toMatchObject([{ extensions: { code: "FORBIDDEN" } }]);
  expect((await send(app, narrow, TicketCount, {})).errors).toMatchObject([{ extensions: { code: "FORBIDDEN" } }]);
});
