import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, keyWith, sendText, startApp, type TestAccount, type TestApp, type TestPerson } from "../support/app.ts";
import { addAttachment, addNote, addTicket, at } from "../support/factories.ts";

// When the last note of a ticket was added, how many there are, and the order of tickets by it: for each viewer of the
// notes that they may see.

let app: TestApp;
let account: TestAccount;
let tickets: Ticket[];
let publicOnly: string;

interface Shown {
  readonly uuid: string;
  readonly lastNoteAt: string | null;
  readonly noteCount: number;
}
interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: Shown }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
    readonly isPartial: boolean;
  };
  readonly totalCount: number;
}

const second = (date: string | null) => date && (new Date(date).getTime() - at(0).getTime()) / 1_000;
const fields = `{ edges { cursor node { uuid lastNoteAt noteCount } }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor isPartial } totalCount }`;

async function pageFor(key: string, args: string): Promise<Page> {
  const { data, errors } = await sendText<{ tickets: Page }>(app.url, key, `{ tickets(${args}) ${fields} }`);
  expect(errors).toEqual([]);
  return data.tickets;
}

/** The tickets as their places among `tickets`, each with the second of its last note and the number of its notes. */
async function shownFor(
  key: string,
  args = "",
  direction = "DESC",
): Promise<readonly (readonly [number, number | string | null, number])[]> {
  const { edges } = await pageFor(key, `orderBy: { field: LAST_NOTE_AT, direction: ${direction} } ${args}`);
  return edges.map(({ node }) => [tickets.findIndex(({ id }) => id === node.uuid), second(node.lastNoteAt), node.noteCount]);
}

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  const { customer, otherCustomer, specialist } = account;
  publicOnly = await keyWith(app, specialist, ["tickets:read", "notes:read"]);
  tickets = [];
  for (const requester of [customer, customer, customer, otherCustomer, undefined])
    tickets.push(await addTicket(app, account, requester ? { requester } : {}));
  const [first, instant, , third] = tickets;
  await addNote(app, first!, specialist, { createdAt: at(10) });
  await addNote(app, first!, specialist, { createdAt: at(50), isPublic: false });
  await addNote(app, instant!, specialist, { createdAt: at(20) });
  await addNote(app, third!, specialist, { createdAt: at(30) });
  await addNote(app, third!, specialist, { createdAt: at(5), isPublic: false });
});
afterAll(() => app.close());

describe("tickets by their last note", () => {
  test("are sorted for each viewer by the notes that they may see", async () => {
    const { customer, otherCustomer, specialist, administrator } = account;
    for (const { key } of [specialist, administrator])
      expect(await shownFor(key)).toEqual([
        [0, 50, 2],
        [3, 30, 2],
        [1, 20, 1],
        [4, null, 0],
        [2, null, 0],
      ]);
    expect(await shownFor(publicOnly)).toEqual([
      [3, 30, 1],
      [1, 20, 1],
      [0, 10, 1],
      [4, null, 0],
      [2, null, 0],
    ]);
    expect(await shownFor(customer.key)).toEqual([
      [1, 20, 1],
      [0, 10, 1],
      [2, null, 0],
    ]);
    expect(await shownFor(customer.key, "", "ASC")).toEqual([
      [2, null, 0],
      [0, 10, 1],
      [1, 20, 1],
    ]);
    expect(await shownFor(otherCustomer.key)).toEqual([[3, 30, 1]]);
  });

  test("are filtered as in other orders", async () => {
    const { specialist, customer, otherCustomer } = account;
    expect(await shownFor(specialist.key, `filter: { requesterId: "${customer.id}" }`)).toEqual([
      [0, 50, 2],
      [1, 20, 1],
      [2, null, 0],
    ]);
    expect(await shownFor(publicOnly, `filter: { requesterId: "${otherCustomer.id}" }`)).toEqual([[3, 30, 1]]);
    expect(await shownFor(specialist.key, `filter: { numbers: [${tickets[4]!.number}, ${tickets[1]!.number}] }`)).toEqual([
      [1, 20, 1],
      [4, null, 0],
    ]);
    expect(await shownFor(customer.key, `filter: { ids: ["${tickets[3]!.id}", "${tickets[0]!.id}"] }`)).toEqual([[0, 10, 1]]);
    expect(await shownFor(specialist.key, "filter: { status: [CLOSED] }")).toEqual([]);
    expect(await shownFor(specialist.key, 'filter: { createdAt: { gt: "2026-01-01T00:00:00Z" } }')).toEqual([]);
  });
});

describe.each(["DESC", "ASC"])("cursors of the order %s", (direction) => {
  const order = `orderBy: { field: LAST_NOTE_AT, direction: ${direction} }`;

  test.each(["specialist", "customer", "publicOnly"] as const)(
    "walk over tickets with and without notes for %s",
    async (who) => {
      const key = who === "publicOnly" ? publicOnly : account[who].key;
      const whole = await pageFor(key, order);
      const ids = whole.edges.map(({ node }) => node.uuid);
      for (const [first, side, back] of [
        ["first: 1", "after", "endCursor"],
        ["last: 1", "before", "startCursor"],
      ] as const) {
        const found: string[] = [];
        for (let cursor: string | null = null; found.length <= ids.length;) {
          const page: Page = await pageFor(key, `${order} ${first} ${cursor === null ? "" : `${side}: "${cursor}"`}`);
          found.push(...page.edges.map(({ node }) => node.uuid));
          expect(page.totalCount).toBe(ids.length);
          const more: boolean = side === "after" ? page.pageInfo.hasNextPage : page.pageInfo.hasPreviousPage;
          if (!more) break;
          cursor = page.pageInfo[back];
        }
        expect(side === "after" ? found : found.toReversed()).toEqual(ids);
      }
      // From each ticket on.
      for (const [index, { cursor }] of whole.edges.entries()) {
        const after = await pageFor(key, `${order} after: "${cursor}"`);
        expect(after.edges.map(({ node }) => node.uuid)).toEqual(ids.slice(index + 1));
        expect(after.edges.map((edge) => edge.cursor)).toEqual(whole.edges.slice(index + 1).map((edge) => edge.cursor));
      }
    },
  );

  test("are of this order only", async () => {
    const { edges } = await pageFor(account.specialist.key, order);
    const { cursor } = edges.at(-1)!;
    const { errors } = await sendText(
      app.url,
      account.specialist.key,
      `{ tickets(orderBy: { field: UPDATED_AT, direction: ${direction} }, after: "${cursor}") { nodes { uuid } } }`,
    );
    expect(errors.map(({ extensions }) => extensions["code"])).toEqual(["INVALID_INPUT"]);
  });
});

describe("without notes:read", () => {
  const askedBy = async (text: string) => {
    const key = await keyWith(app, account.specialist, ["tickets:read"]);
    return sendText<{ ticket: unknown; tickets: unknown }>(app.url, key, text);
  };

  test.each(["lastNoteAt", "noteCount"])("%s is refused, and other fields of the ticket are not", async (field) => {
    const { errors } = await askedBy(`{ ticket(id: "${tickets[0]!.id}") { uuid ${field} } }`);
    expect(errors.map(({ path, extensions }) => [path, extensions["code"]])).toEqual([[["ticket", field], "FORBIDDEN"]]);
    const { data } = await askedBy(`{ ticket(id: "${tickets[0]!.id}") { uuid } }`);
    expect(data.ticket).toEqual({ uuid: tickets[0]!.id });
  });

  test("so is the order", async () => {
    const { errors } = await askedBy("{ tickets(orderBy: { field: LAST_NOTE_AT, direction: DESC }) { nodes { uuid } } }");
    expect(errors.map(({ extensions }) => extensions["code"])).toEqual(["FORBIDDEN"]);
    expect((await askedBy("{ tickets { nodes { uuid } } }")).errors).toEqual([]);
  });
});

test("mutations show both of the ticket as it is then", async () => {
  const { customer, specialist } = account;
  const ticket = await addTicket(app, account, { requester: customer });
  app.time.now = at(1_000);
  const text = `mutation ($input: UpdateTicketInput!) { updateTicket(input: $input) {
    ... on UpdateTicketPayload { ticket { lastNoteAt noteCount } } } }`;
  const { data, errors } = await sendText<{ updateTicket: { ticket: object } }>(app.url, specialist.key, text, {
    input: { id: ticket.id, status: "CLOSED" },
  });
  expect(errors).toEqual([]);
  expect(data.updateTicket.ticket).toEqual({ lastNoteAt: at(1_000).toISOString(), noteCount: 1 });
  const added = await sendText<{ addNote: { note: { ticket: object } } }>(
    app.url,
    specialist.key,
    `mutation { addNote(input: { ticketId: "${ticket.id}", text: "Internal" }) { ... on AddNotePayload { note { ticket { lastNoteAt noteCount } } } } }`,
  );
  expect(added.data.addNote.note.ticket).toEqual({ lastNoteAt: at(1_000).toISOString(), noteCount: 2 });
  const seen = async ({ key }: TestPerson) =>
    (await sendText<{ ticket: object | null }>(app.url, key, `{ ticket(id: "${ticket.id}") { noteCount } }`)).data.ticket;
  expect(await seen(customer)).toEqual({ noteCount: 1 });
  expect(await seen(account.otherCustomer)).toBeNull();
});

describe("internal notes", () => {
  /**
   * What the viewer of public notes gets: the tickets in each order of their last notes, and their notes by the last
   * change.
   */
  const seen = `query ($ids: [ID!]!) {
    down: tickets(filter: { ids: $ids }, orderBy: { field: LAST_NOTE_AT, direction: DESC }) ${fields}
    up: tickets(last: 2, orderBy: { field: LAST_NOTE_AT, direction: ASC }) ${fields}
    all: tickets(first: 2, orderBy: { field: LAST_NOTE_AT, direction: DESC }) ${fields}
    notes(first: 3, orderBy: { field: UPDATED_AT, direction: DESC }) { edges { cursor node { uuid } } pageInfo { isPartial endCursor hasNextPage } totalCount }
    with: notes(filter: { hasAttachments: false, updatedAt: { gt: "2026-01-01T00:00:00Z" } }) { totalCount nodes { uuid } }
  }`;

  interface World {
    readonly own: TestAccount;
    readonly key: string;
    readonly tickets: readonly Ticket[];
    readonly hidden: Note[];
  }

  async function createWorld(seconds: readonly number[]): Promise<World> {
    const own = await addAccount(app);
    const ofCustomers: Ticket[] = [];
    for (const requester of [own.customer, own.customer, own.otherCustomer])
      ofCustomers.push(await addTicket(app, own, { requester }));
    for (const [index, instant] of seconds.entries())
      await addNote(app, ofCustomers[index % 3]!, own.specialist, {
        createdAt: at(instant),
        ...(index % 2 === 0 && { updatedAt: at(instant + 3) }),
      });
    const key = await keyWith(app, own.specialist, ["tickets:read", "notes:read", "attachments:read"]);
    return { own, key, tickets: ofCustomers, hidden: [] };
  }

  const askers = ({ own, key }: World) => [own.customer.key, own.otherCustomer.key, key];
  async function snapshot(world: World): Promise<readonly unknown[]> {
    const ids = world.tickets.map(({ id }) => id);
    const responses = await Promise.all(askers(world).map((key) => sendText(app.url, key, seen, { ids })));
    for (const { errors } of responses) expect(errors).toEqual([]);
    return responses.map(({ data }) => data);
  }

  const mutation = (world: World, text: string) =>
    sendText(app.url, world.own.specialist.key, `mutation { ${text} { __typename } }`);

  type Change = (world: World, place: number, instant: number) => Promise<unknown>;
  const changes: Readonly<Record<string, Change>> = {
    add: async (world, place, instant) => {
      const note = await addNote(app, world.tickets[place % 3]!, world.own.specialist, {
        createdAt: at(instant),
        isPublic: false,
      });
      world.hidden.push(note);
    },
    addByMutation: (world, place) =>
      mutation(world, `addNote(input: { ticketId: "${world.tickets[place % 3]!.id}", text: "x", isPublic: false })`),
    edit: async (world, place) => {
      const note = world.hidden[place % Math.max(1, world.hidden.length)];
      if (note) await mutation(world, `updateNote(input: { id: "${note.id}", text: "edited ${place}" })`);
    },
    delete: async (world, place) => {
      const [note] = world.hidden.splice(place % Math.max(1, world.hidden.length), 1);
      if (note) await mutation(world, `deleteNote(input: { id: "${note.id}" })`);
    },
    showAndHide: async (world, place) => {
      const note = world.hidden[place % Math.max(1, world.hidden.length)];
      if (!note) return;
      for (const isPublic of [true, false])
        await mutation(world, `updateNote(input: { id: "${note.id}", isPublic: ${isPublic} })`);
    },
    redate: async (world, place, instant) => {
      const note = world.hidden[place % Math.max(1, world.hidden.length)];
      const values = [note?.id, world.own.id, at(instant)];
      await app.database.pool.query(
        "UPDATE notes SET created_at = $3 WHERE id = $1 AND account_id = $2 AND updated_at IS NULL",
        values,
      );
    },
    attach: async (world, place) => {
      const note = world.hidden[place % Math.max(1, world.hidden.length)];
      if (note) await addAttachment(app, note, `${randomUUID()}.png`);
    },
  };

  test("move nothing that a customer sees: times, counts, orders and cursors", async () => {
    let moved = 0;
    const change = fc.record({ name: fc.constantFrom(...Object.keys(changes)), place: fc.nat(20), second: fc.nat(30) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(20), { maxLength: 8 }),
        fc.array(change, { minLength: 4, maxLength: 14 }),
        async (seconds, steps) => {
          const world = await createWorld(seconds);
          const before = await snapshot(world);
          const staffBefore = await shownTo(world);
          for (const { name, place, second: instant } of [{ name: "add", place: 0, second: 25 }, ...steps]) {
            await changes[name]!(world, place, instant);
            expect(await snapshot(world), name).toEqual(before);
          }
          if ((await shownTo(world)) !== staffBefore) moved += 1;
        },
      ),
      { numRuns: 25, seed: 20_260_104, endOnFailure: true },
    );
    // Staff saw that something happened.
    expect(moved).toBeGreaterThan(20);
  }, 240_000);

  const shownTo = async ({ own }: World): Promise<string> =>
    JSON.stringify((await pageFor(own.specialist.key, "orderBy: { field: LAST_NOTE_AT, direction: DESC }")).edges);
});
