import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { graphql } from "../generated/gql.ts";
import type { NoteFilter, NotesQueryVariables } from "../generated/graphql.ts";
import { addAccount, keyWith, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addNotes, addTicket, at, globalId, statementsOf } from "../support/factories.ts";

const NotesQuery = graphql(`
  query Notes($first: Int, $after: String, $last: Int, $before: String, $filter: NoteFilter, $orderBy: NoteOrder) {
    notes(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
      edges {
        cursor
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

const NoteCount = graphql(`
  query NoteCount($filter: NoteFilter) {
    notes(first: 1, filter: $filter) {
      totalCount
    }
  }
`);

const NotesWithPeople = graphql(`
  query NotesWithPeople {
    notes(first: 100) {
      nodes {
        author {
          name
        }
        ticket {
          subject
          requester {
            name
          }
        }
        account {
          name
        }
        viewerCanUpdate
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

async function page(key: string, variables: NotesQueryVariables = {}) {
  const { data, errors } = await send(app, key, NotesQuery, variables);
  expect(errors).toEqual([]);
  return {
    ids: data.notes.nodes.map((node) => node.uuid),
    cursors: data.notes.edges.map((edge) => edge.cursor),
    ...data.notes.pageInfo,
  };
}

async function refusal(variables: NotesQueryVariables) {
  const { data, errors } = await send(app, account.specialist.key, NotesQuery, variables);
  expect(data).toBeNull();
  return errors[0]?.extensions;
}

const ids = (notes: readonly Note[]) => notes.map((note) => note.id);

describe("a filter", () => {
  let own: TestAccount;
  let all: Record<"before" | "after" | "mail" | "bot", Note>;

  beforeAll(async () => {
    own = await addAccount(app);
    const [car, van] = [await addTicket(app, own, { requester: own.customer }), await addTicket(app, own)];
    all = {
      before: await addNote(app, car, own.specialist, { categories: ["PRE_SCAN"], createdAt: at(1) }),
      after: await addNote(app, van, own.administrator, {
        categories: ["PRE_SCAN", "POST_SCAN"],
        createdAt: at(2),
        isPublic: false,
      }),
      mail: await addNote(app, car, own.customer, { medium: "EMAIL", createdAt: at(3) }),
      bot: await addNote(app, van, own.specialist, { medium: "AUTOMATION", createdAt: at(4), isPublic: false }),
    };
  });

  const cases: [string, (notes: typeof all) => NoteFilter, (keyof typeof all)[]][] = [
    ["nothing", () => ({}), ["bot", "mail", "after", "before"]],
    [
      "null everywhere",
      () => ({ ids: null, authorId: null, isPublic: null, categories: null, medium: null }),
      ["bot", "mail", "after", "before"],
    ],
    [
      "ids of both spellings",
      (notes) => ({ ids: [globalId("Note", notes.after.id), notes.before.id.toUpperCase()] }),
      ["after", "before"],
    ],
    ["ids of nothing", () => ({ ids: [randomUUID()] }), []],
    ["no ids", () => ({ ids: [] }), []],
    ["public", () => ({ isPublic: true }), ["mail", "before"]],
    ["internal", () => ({ isPublic: false }), ["bot", "after"]],
    ["a category", () => ({ categories: ["POST_SCAN"] }), ["after"]],
    ["any of several categories", () => ({ categories: ["POST_SCAN", "PRE_SCAN"] }), ["after", "before"]],
    ["no categories", () => ({ categories: [] }), []],
    ["a medium", () => ({ medium: ["EMAIL"] }), ["mail"]],
    ["several media", () => ({ medium: ["AUTOMATION", "DEFAULT", "REDACTED"] }), ["bot", "after", "before"]],
    [
      "createdAt, with every bound",
      () => ({
        createdAt: { gt: at(0).toISOString(), gte: at(2).toISOString(), lt: at(4).toISOString(), lte: at(3).toISOString() },
      }),
      ["mail", "after"],
    ],
    [
      "createdAt to the millisecond",
      () => ({ createdAt: { gt: "2026-01-01T00:00:02.999Z", lt: "2026-01-01T00:00:03.001Z" } }),
      ["mail"],
    ],
    ["several fields, which must all hold", () => ({ isPublic: false, medium: ["DEFAULT"] }), ["after"]],
  ];

  test.each(cases)("by %s", async (_name, filter, expected) => {
    const wanted = expected.map((name) => all[name].id);
    expect((await page(own.specialist.key, { filter: filter(all) })).ids).toEqual(wanted);
    const { data } = await send(app, own.specialist.key, NoteCount, { filter: filter(all) });
    expect(data.notes.totalCount).toBe(wanted.length);
  });

  test("by author", async () => {
    for (const authorId of [own.specialist.id, globalId("Person", own.specialist.id)]) {
      expect((await page(own.specialist.key, { filter: { authorId } })).ids).toEqual([all.bot.id, all.before.id]);
    }
    expect((await page(own.specialist.key, { filter: { authorId: randomUUID() } })).ids).toEqual([]);
  });

  test("never reaches beyond what one may see, nor does its count", async () => {
    const filters: NoteFilter[] = [{ ids: ids(Object.values(all)) }, { isPublic: false }, { authorId: own.administrator.id }];
    for (const filter of filters) {
      expect((await page(own.customer.key, { filter })).ids.filter((id) => [all.after.id, all.bot.id].includes(id))).toEqual(
        [],
      );
      expect((await page(other.administrator.key, { filter })).ids).toEqual([]);
      expect((await send(app, other.administrator.key, NoteCount, { filter })).data.notes.totalCount).toBe(0);
    }
    expect((await send(app, own.customer.key, NoteCount, { filter: filters[0]! })).data.notes.totalCount).toBe(2);
    expect((await send(app, own.customer.key, NoteCount, { filter: filters[1]! })).data.notes.totalCount).toBe(0);
  });

  test.each<[string, NoteFilter, string[]]>([
    ["an id that is none", { ids: [randomUUID(), "x"] }, ["filter", "ids"]],
    ["an author that is a note", { authorId: globalId("Note", randomUUID()) }, ["filter", "authorId"]],
    ["the year 0", { createdAt: { gte: "0000-01-01T00:00:00Z" } }, ["filter", "createdAt", "gte"]],
    ["the year 10000, by its offset", { createdAt: { lt: "9999-12-31T23:59:59-23:59" } }, ["filter", "createdAt", "lt"]],
  ])("by %s is refused", async (_name, filter, path) => {
    expect(await refusal({ filter })).toMatchObject({ code: "INVALID_INPUT", fields: [{ path }] });
  });

  test("by the first and the last year there are", async () => {
    expect(
      (await page(own.specialist.key, { filter: { createdAt: { gte: "0001-01-01T00:00:00Z", lte: "9999-12-31T23:59:59Z" } } }))
        .ids,
    ).toHaveLength(4);
  });
});

describe("an order", () => {
  let own: TestAccount;
  let notes: readonly Note[];

  beforeAll(async () => {
    own = await addAccount(app);
    const tickets = [await addTicket(app, own, { requester: own.customer }), await addTicket(app, own)];
    const authors = [own.specialist, own.administrator, own.customer];
    const added: Note[] = [];
    // One after the other, so that ids and numbers grow together, whichever of them breaks ties.
    for (let index = 0; index < 17; index++) {
      added.push(await addNote(app, tickets[index % 2]!, authors[index % 3]!, { createdAt: at((index * 7) % 5) }));
    }
    notes = added;
  });

  const keys = {
    CREATED_AT: (note: Note) => note.createdAt.getTime(),
    NUMBER: (note: Note) => note.number,
    AUTHOR: (note: Note) => note.authorNumber,
  };

  for (const field of ["CREATED_AT", "NUMBER", "AUTHOR"] as const) {
    for (const direction of ["ASC", "DESC"] as const) {
      test(`by ${field} ${direction} holds within a page and across pages, from either end`, async () => {
        const sign = direction === "ASC" ? 1 : -1;
        const sorted = ids(
          notes.toSorted((one, two) => sign * (keys[field](one) - keys[field](two) || (one.id < two.id ? -1 : 1))),
        );
        const orderBy = { field, direction };
        expect((await page(own.specialist.key, { orderBy })).ids).toEqual(sorted);

        const walk = async (variables: (place: string | null) => NotesQueryVariables, end: "endCursor" | "startCursor") => {
          const pages: string[][] = [];
          let place: string | null = null;
          do {
            const next: Awaited<ReturnType<typeof page>> = await page(own.specialist.key, { orderBy, ...variables(place) });
            pages.push(next.ids);
            place = (end === "endCursor" ? next.hasNextPage : next.hasPreviousPage) ? (next[end] ?? null) : null;
          } while (place !== null);
          return pages;
        };
        expect((await walk((after) => ({ first: 4, after }), "endCursor")).flat()).toEqual(sorted);
        expect((await walk((before) => ({ last: 4, before }), "startCursor")).toReversed().flat()).toEqual(sorted);
      });
    }
  }

  test("of another field makes other cursors, which do not fit", async () => {
    const [cursor] = (await page(own.specialist.key, { first: 1 })).cursors;
    for (const field of ["NUMBER", "AUTHOR"] as const) {
      const { errors } = await send(app, own.specialist.key, NotesQuery, {
        after: cursor!,
        orderBy: { field, direction: "DESC" },
      });
      expect(errors).toMatchObject([{ extensions: { code: "INVALID_INPUT", fields: [{ path: ["after"] }] } }]);
    }
  });
});

test("a page goes on where it stood, whatever was added or deleted meanwhile", async () => {
  const own = await addAccount(app);
  const ticket = await addTicket(app, own);
  const notes = await addNotes(app, ticket, own.specialist, 8, () => ({ createdAt: at(0) }));
  const newestFirst = ids(notes).toSorted().toReversed();
  const first = await page(own.specialist.key, { first: 3 });
  await app.database.prisma.note.deleteMany({ where: { id: { in: [first.ids[2]!, newestFirst[4]!] } } });
  await addNote(app, ticket, own.specialist, { createdAt: at(9) });
  await addNote(app, ticket, own.specialist, { createdAt: at(-9) });
  const second = await page(own.specialist.key, { first: 3, after: first.endCursor });
  expect(second.ids).toEqual([newestFirst[3], newestFirst[5], newestFirst[6]]);
});

test.each<[string, NotesQueryVariables, string]>([
  ["first: 0", { first: 0 }, "first"],
  ["first: 101", { first: 101 }, "first"],
  ["last: -1", { last: -1 }, "last"],
  ["both", { first: 2, last: 2 }, "last"],
  ["a forged cursor", { after: Buffer.alloc(60, "x").toString("base64url") }, "after"],
  ["a cursor of nothing", { before: "" }, "before"],
])("a page with %s is refused", async (_name, variables, argument) => {
  expect(await refusal(variables)).toMatchObject({ code: "INVALID_INPUT", fields: [{ path: [argument] }] });
});

describe("who may see what", () => {
  let own: TestAccount;
  let open: Note;
  let internal: Note;
  let ticket: Ticket;

  beforeAll(async () => {
    own = await addAccount(app);
    ticket = await addTicket(app, own, { requester: own.customer });
    open = await addNote(app, ticket, own.specialist);
    internal = await addNote(app, ticket, own.specialist, { isPublic: false, createdAt: at(1) });
  });

  const seen = async (key: string) => {
    const { ids: read } = await page(key);
    const { data } = await send(app, key, NoteCount, {});
    expect(data.notes.totalCount).toBe(read.length);
    return read;
  };

  test("staff see all of their account", async () => {
    expect(await seen(own.specialist.key)).toEqual([internal.id, open.id]);
    expect(await seen(own.administrator.key)).toEqual([internal.id, open.id]);
  });

  test("a customer sees the public notes of what they requested, another customer and another account none of it", async () => {
    expect(await seen(own.customer.key)).toEqual([open.id]);
    expect(await seen(own.otherCustomer.key)).toEqual([]);
    expect(await seen((await addAccount(app)).administrator.key)).toEqual([]);
  });

  test("a key without notes:internal sees public notes only", async () => {
    expect(await seen(await keyWith(app, own.administrator, ["notes:read"]))).toEqual([open.id]);
  });

  test("a key without notes:read sees none, and without a credential there are none", async () => {
    const narrow = await send(app, await keyWith(app, own.administrator, ["tickets:read"]), NotesQuery, {});
    expect(narrow.errors).toMatchObject([{ extensions: { code: "FORBIDDEN" } }]);
    expect((await send(app, undefined, NotesQuery, {})).errors).toMatchObject([{ extensions: { code: "UNAUTHENTICATED" } }]);
  });
});

test("all notes are counted when that is asked for, and only then", async () => {
  const counting = await statementsOf(app, () => send(app, account.specialist.key, NoteCount, {}));
  expect(counting.filter(({ text }) => /count\(/i.test(text))).toHaveLength(1);
  const reading = await statementsOf(app, () => send(app, account.specialist.key, NotesQuery, {}));
  expect(reading).toHaveLength(1);
  expect(reading[0]?.text).not.toMatch(/count\(/i);
});

test("2 notes and 20 notes, with their people and tickets, cost the same one statement", async () => {
  const own = await addAccount(app);
  const cost = async () => (await statementsOf(app, () => send(app, own.specialist.key, NotesWithPeople))).length;
  for (const count of [2, 18]) {
    for (let index = 0; index < count; index++) {
      const ticket = await addTicket(app, own, { requester: index % 2 ? own.customer : own.otherCustomer });
      await addNote(app, ticket, index % 2 ? own.specialist : own.administrator);
    }
    expect(await cost()).toBe(1);
  }
  expect((await send(app, own.specialist.key, NotesWithPeople)).data.notes.nodes).toHaveLength(20);
});
