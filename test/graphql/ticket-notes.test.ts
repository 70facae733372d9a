import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { graphql } from "../generated/gql.ts";
import type { TicketNotesQueryVariables } from "../generated/graphql.ts";
import { addAccount, keyWith, send, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addNotes, addTicket, addTickets, at, statementsOf } from "../support/factories.ts";

const TicketNotesQuery = graphql(`
  query TicketNotes(
    $id: ID!
    $first: Int
    $after: String
    $last: Int
    $before: String
    $filter: NoteFilter
    $orderBy: NoteOrder
  ) {
    ticket(id: $id) {
      notes(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
        totalCount
        edges {
          cursor
          node {
            uuid
          }
        }
        pageInfo {
          hasNextPage
          hasPreviousPage
          startCursor
          endCursor
        }
      }
    }
  }
`);

const NotesOfTickets = graphql(`
  query NotesOfTickets {
    tickets(first: 50) {
      nodes {
        notes(first: 10) {
          nodes {
            text
            author {
              name
            }
            attachments {
              nodes {
                filename
              }
            }
          }
        }
      }
    }
  }
`);

const CountsOfTickets = graphql(`
  query CountsOfTickets {
    tickets(first: 100) {
      nodes {
        all: notes(first: 1) {
          totalCount
        }
        public: notes(first: 1, filter: { isPublic: true }) {
          totalCount
        }
      }
    }
  }
`);

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;
let notes: readonly Note[];

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
  const elsewhere = await addTicket(app, account, { requester: account.customer });
  await addNotes(app, elsewhere, account.specialist, 3);
  // Two at an instant, every third one internal.
  notes = await addNotes(app, ticket, account.specialist, 12, (index) => ({
    createdAt: at(Math.floor(index / 2)),
    isPublic: index % 3 > 0,
  }));
});
afterAll(() => app.close());

async function page(key: string, variables: Partial<TicketNotesQueryVariables> = {}) {
  const { data, errors } = await send(app, key, TicketNotesQuery, { id: ticket.id, ...variables });
  expect(errors).toEqual([]);
  const { edges, pageInfo, totalCount } = data.ticket!.notes;
  return { ids: edges.map((edge) => edge.node.uuid), cursors: edges.map((edge) => edge.cursor), totalCount, ...pageInfo };
}

const ids = (some: readonly Note[]) => some.map((note) => note.id);
const newestFirst = () =>
  notes.toSorted((one, two) => two.createdAt.getTime() - one.createdAt.getTime() || (two.id < one.id ? -1 : 1));

test("a ticket's notes are its own, newest first", async () => {
  expect(await page(account.specialist.key)).toMatchObject({ ids: ids(newestFirst()), totalCount: 12, hasNextPage: false });
});

test("a ticket's requester sees the public ones, and the count is of those", async () => {
  const open = newestFirst().filter((note) => note.isPublic);
  expect(await page(account.customer.key)).toMatchObject({ ids: ids(open), totalCount: 8 });
  expect(await page(account.customer.key, { filter: { isPublic: false } })).toMatchObject({ ids: [], totalCount: 0 });
  const first = await page(account.customer.key, { first: 7 });
  expect([first.ids, first.hasNextPage]).toEqual([ids(open.slice(0, 7)), true]);
  expect(await page(account.customer.key, { first: 7, after: first.endCursor })).toMatchObject({
    ids: ids(open.slice(7)),
    hasNextPage: false,
  });
});

test("a key without notes:internal sees what the requester sees", async () => {
  const narrow = await keyWith(app, account.administrator, ["tickets:read", "notes:read"]);
  expect(await page(narrow)).toMatchObject({ totalCount: 8 });
});

test("another customer and another account reach no note through the ticket", async () => {
  for (const key of [account.otherCustomer.key, (await addAccount(app)).administrator.key]) {
    expect((await send(app, key, TicketNotesQuery, { id: ticket.id })).data).toEqual({ ticket: null });
  }
});

test("without notes:read a ticket has no notes to show", async () => {
  const narrow = await keyWith(app, account.specialist, ["tickets:read"]);
  const { data, errors } = await send(app, narrow, TicketNotesQuery, { id: ticket.id });
  expect(data).toEqual({ ticket: null });
  expect(errors).toMatchObject([{ path: ["ticket", "notes"], extensions: { code: "FORBIDDEN" } }]);
});

test("a ticket without notes has an empty page", async () => {
  const bare = await addTicket(app, account);
  expect(await page(account.specialist.key, { id: bare.id })).toEqual({
    ids: [],
    cursors: [],
    totalCount: 0,
    hasNextPage: false,
    hasPreviousPage: false,
    startCursor: null,
    endCursor: null,
  });
});

describe("pages", () => {
  test.each(["CREATED_AT", "NUMBER", "AUTHOR"] as const)(
    "by %s meet in the middle, whichever end one begins at",
    async (field) => {
      for (const direction of ["ASC", "DESC"] as const) {
        const orderBy = { field, direction };
        const whole = await page(account.specialist.key, { orderBy });
        const first = await page(account.specialist.key, { orderBy, first: 5 });
        const second = await page(account.specialist.key, { orderBy, first: 7, after: first.endCursor });
        expect([...first.ids, ...second.ids]).toEqual(whole.ids);
        const end = await page(account.specialist.key, { orderBy, last: 5 });
        const beforeEnd = await page(account.specialist.key, { orderBy, last: 7, before: end.startCursor });
        expect([...beforeEnd.ids, ...end.ids]).toEqual(whole.ids);
        expect(new Set(whole.ids).size).toBe(12);
      }
    },
  );

  test("go on after a note that was deleted, and are not shifted by new ones", async () => {
    const walked = await addTicket(app, account);
    const rows = await addNotes(app, walked, account.specialist, 6, () => ({ createdAt: at(1) }));
    const sorted = ids(rows).toSorted();
    const orderBy = { field: "CREATED_AT", direction: "ASC" } as const;
    const first = await page(account.specialist.key, { id: walked.id, orderBy, first: 2 });
    await app.database.prisma.note.deleteMany({ where: { id: first.ids[1]! } });
    await addNote(app, walked, account.specialist, { createdAt: at(0) });
    const rest = await page(account.specialist.key, { id: walked.id, orderBy, after: first.endCursor });
    expect(rest.ids).toEqual(sorted.slice(2));
  });

  test("take no cursor of another order, or of the notes across tickets", async () => {
    const across = await sendText<{ notes: { pageInfo: { endCursor: string } } }>(
      app.url,
      account.specialist.key,
      "{ notes(first: 1) { pageInfo { endCursor } } }",
    );
    const { endCursor } = await page(account.specialist.key, { first: 1 });
    const strange: Partial<TicketNotesQueryVariables>[] = [
      { after: across.data.notes.pageInfo.endCursor },
      { after: endCursor, orderBy: { field: "CREATED_AT", direction: "ASC" } },
      { before: endCursor, orderBy: { field: "NUMBER", direction: "DESC" } },
    ];
    for (const variables of strange) {
      const { data, errors } = await send(app, account.specialist.key, TicketNotesQuery, { id: ticket.id, ...variables });
      expect(data).toEqual({ ticket: null });
      expect(errors).toMatchObject([
        { extensions: { code: "INVALID_INPUT", fields: [{ path: [variables.after === undefined ? "before" : "after"] }] } },
      ]);
    }
  });

  test.each([{ first: 0 }, { first: 101 }, { last: 0 }, { last: 101 }, { first: 1, last: 1 }])(
    "of %j are refused",
    async (size) => {
      const { errors } = await send(app, account.specialist.key, TicketNotesQuery, { id: ticket.id, ...size });
      expect(errors).toMatchObject([{ extensions: { code: "INVALID_INPUT" } }]);
    },
  );
});

describe("the statements", () => {
  test("are as many for 2 tickets as for 20, whatever is on them", async () => {
    const own = await addAccount(app);
    const cost = async () => (await statementsOf(app, () => send(app, own.specialist.key, NotesOfTickets))).length;
    for (const count of [2, 18]) {
      for (const one of await addTickets(app, own, count)) {
        await addNotes(app, one, own.specialist, 3);
        await addNote(app, one, own.administrator);
      }
      expect(await cost()).toBe(1);
    }
  });

  test("of counts are the one of the tickets, whatever is counted of each", async () => {
    const own = await addAccount(app);
    for (const [index, one] of (await addTickets(app, own, 12)).entries()) {
      await addNotes(app, one, own.specialist, index, (place) => ({ isPublic: place % 2 === 0 }));
    }
    const statements = await statementsOf(app, async () => {
      const { data } = await send(app, own.specialist.key, CountsOfTickets);
      expect(data.tickets.nodes.map((node) => node.all.totalCount).toSorted((one, two) => one - two)).toEqual([
        ...Array(12).keys(),
      ]);
      expect(data.tickets.nodes.map((node) => [node.all.totalCount, node.public.totalCount])).toContainEqual([11, 6]);
    });
    expect(statements).toHaveLength(1);
  });

  test("read no more notes than the page has, however many a ticket has", async () => {
    const own = await addAccount(app);
    const long = await addTicket(app, own);
    await addNotes(app, long, own.specialist, 60);
    const statements = await statementsOf(app, () =>
      send(app, own.specialist.key, TicketNotesQuery, { id: long.id, first: 2 }),
    );
    expect(statements.map(({ text }) => text.match(/LIMIT \d+/g))).toEqual([["LIMIT 3"]]);
  });

  test("for 1,000 tickets with 20 notes each, 50 of them shown with 10 notes, authors and attachments, are one", async () => {
    const own = await addAccount(app);
    await app.database.pool.query(
      `INSERT INTO tickets (id, account_id, kind, subject, created_at, updated_at)
       SELECT gen_random_uuid(), $1, 'REQUEST', 'Ticket ' || n, now(), now() FROM generate_series(1, 1000) n`,
      [own.id],
    );
    await app.database.pool.query(
      `INSERT INTO notes (id, account_id, ticket_id, author_number, text, categories, created_at)
       SELECT gen_random_uuid(), t.account_id, t.id, $2, 'Note ' || n, '{}', now() + n * interval '1 second'
       FROM tickets t, generate_series(1, 20) n WHERE t.account_id = $1`,
      [own.id, own.specialist.number],
    );
    await app.database.pool.query(
      `INSERT INTO attachments (id, account_id, note_id, filename, content_type, state, size, storage_key, created_at)
       SELECT gen_random_uuid(), n.account_id, n.id, 'photo.png', 'image/png', 'READY', 1, 'key/' || n.id, now()
       FROM notes n WHERE n.account_id = $1 AND n.text = 'Note 20'`,
      [own.id],
    );
    const statements = await statementsOf(app, async () => {
      const { data, errors } = await send(app, own.specialist.key, NotesOfTickets);
      expect(errors).toEqual([]);
      expect(data.tickets.nodes).toHaveLength(50);
      for (const node of data.tickets.nodes) {
        expect(node.notes.nodes.map((note) => note.text)).toEqual(
          Array.from({ length: 10 }, (_, index) => `Note ${20 - index}`),
        );
        expect(node.notes.nodes[0]).toMatchObject({
          author: { name: "Sam Specialist" },
          attachments: { nodes: [{ filename: "photo.png" }] },
        });
        expect(node.notes.nodes[1]?.attachments.nodes).toEqual([]);
      }
    });
    expect(statements).toHaveLength(1);
  });
});
