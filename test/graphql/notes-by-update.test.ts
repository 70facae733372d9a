import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, keyWith, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addAttachment, addNote, addTicket, at, globalId } from "../support/factories.ts";
import { type PlanNode, rowsRead, scansOf } from "../support/rows-read.ts";

// Notes by when they last changed, and the filters by time of update, by ticket and by attachments.

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;
let other: Ticket;
let notes: Note[];

interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly uuid: string } }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
    readonly isPartial: boolean;
  };
  readonly totalCount: number;
}

const fields = `{ edges { cursor node { uuid } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor isPartial } totalCount }`;

async function pageFor(key: string, args: string, within?: Ticket): Promise<Page> {
  const text = within ? `{ ticket(id: "${within.id}") { notes(${args}) ${fields} } }` : `{ notes(${args}) ${fields} }`;
  const { data, errors } = await sendText<{ notes?: Page; ticket?: { notes: Page } }>(app.url, key, text);
  expect(errors).toEqual([]);
  return (data.notes ?? data.ticket?.notes)!;
}

/** The places of the found notes among `notes`. */
async function found(key: string, args: string, within?: Ticket): Promise<readonly number[]> {
  const { edges, totalCount } = await pageFor(key, args, within);
  expect(totalCount).toBe(edges.length);
  return edges.map(({ node }) => notes.findIndex(({ id }) => id === node.uuid));
}

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  const { customer, otherCustomer, specialist, administrator } = account;
  ticket = await addTicket(app, account, { requester: customer });
  other = await addTicket(app, account, { requester: otherCustomer });
  notes = [
    await addNote(app, ticket, specialist, { createdAt: at(10), updatedAt: at(60) }),
    await addNote(app, ticket, customer, { createdAt: at(20) }),
    await addNote(app, ticket, specialist, { createdAt: at(30), updatedAt: at(50), isPublic: false }),
    await addNote(app, ticket, administrator, { createdAt: at(40) }),
    // Updated at the time at which it was added, and at that of the next one.
    await addNote(app, other, specialist, { createdAt: at(55), updatedAt: at(55) }),
    await addNote(app, other, specialist, { createdAt: at(55) }),
    await addNote(app, other, specialist, { createdAt: at(5), updatedAt: at(55), isPublic: false }),
  ];
  await addAttachment(app, notes[0]!, "a.png");
  await addAttachment(app, notes[1]!, "b.png", { state: "PENDING", uploadExpiresAt: new Date(Date.now() + 100_000) });
  await addAttachment(app, notes[2]!, "c.png");
});
afterAll(() => app.close());

describe("the order UPDATED_AT", () => {
  const order = (direction: string) => `orderBy: { field: UPDATED_AT, direction: ${direction} }`;

  test("is by the last update, or the addition where there was none", async () => {
    const { specialist, customer, otherCustomer } = account;
    const publicOnly = await keyWith(app, specialist, ["tickets:read", "notes:read"]);
    expect(await found(specialist.key, order("DESC"))).toEqual([0, 6, 5, 4, 2, 3, 1]);
    expect(await found(specialist.key, order("ASC"))).toEqual([1, 3, 2, 4, 5, 6, 0]);
    expect(await found(publicOnly, order("DESC"))).toEqual([0, 5, 4, 3, 1]);
    expect(await found(customer.key, order("DESC"))).toEqual([0, 3, 1]);
    expect(await found(otherCustomer.key, order("DESC"))).toEqual([5, 4]);
    expect(await found(specialist.key, order("DESC"), ticket)).toEqual([0, 2, 3, 1]);
    expect(await found(publicOnly, order("ASC"), other)).toEqual([4, 5]);
    expect(await found(customer.key, order("DESC"), ticket)).toEqual([0, 3, 1]);
  });

  test("is there with filters", async () => {
    const { specialist, customer } = account;
    expect(await found(specialist.key, `${order("DESC")}, filter: { authorId: "${specialist.id}" }`)).toEqual([0, 6, 5, 4, 2]);
    expect(await found(specialist.key, `${order("DESC")}, filter: { isPublic: false }`)).toEqual([6, 2]);
    expect(await found(specialist.key, `${order("ASC")}, filter: { ids: ["${notes[6]!.id}", "${notes[1]!.id}"] }`)).toEqual([
      1, 6,
    ]);
    expect(await found(specialist.key, `${order("ASC")}, filter: { updatedAt: { gt: "${at(50).toISOString()}" } }`)).toEqual([
      4, 6, 0,
    ]);
    expect(await found(customer.key, `${order("ASC")}, filter: { createdAt: { lte: "${at(20).toISOString()}" } }`)).toEqual([
      1, 0,
    ]);
  });

  test.each(["DESC", "ASC"])("is walked %s from either end, and from each note", async (direction) => {
    for (const [key, within] of [
      [account.specialist.key, undefined],
      [account.specialist.key, other],
      [account.customer.key, undefined],
    ] as const) {
      const { edges } = await pageFor(key, order(direction), within);
      const ids = edges.map(({ node }) => node.uuid);
      for (const [size, side, back] of [
        ["first: 1", "after", "endCursor"],
        ["last: 1", "before", "startCursor"],
      ] as const) {
        const walked: string[] = [];
        for (let cursor: string | null = null; walked.length <= ids.length;) {
          const page: Page = await pageFor(
            key,
            `${order(direction)} ${size} ${cursor === null ? "" : `${side}: "${cursor}"`}`,
            within,
          );
          walked.push(...page.edges.map(({ node }) => node.uuid));
          const more: boolean = side === "after" ? page.pageInfo.hasNextPage : page.pageInfo.hasPreviousPage;
          if (!more) break;
          cursor = page.pageInfo[back];
        }
        expect(side === "after" ? walked : walked.toReversed()).toEqual(ids);
      }
      for (const [index, { cursor }] of edges.entries()) {
        const after = await pageFor(key, `${order(direction)} after: "${cursor}"`, within);
        expect(after.edges).toEqual(edges.slice(index + 1));
      }
    }
  });

  test("follows what is written", async () => {
    const { specialist, customer } = account;
    const [first, second] = [
      await addNote(app, ticket, customer, { createdAt: at(100) }),
      await addNote(app, ticket, customer, { createdAt: at(101) }),
    ];
    const newest = async (key: string) => (await pageFor(key, `${order("DESC")} first: 2`)).edges.map(({ node }) => node.uuid);
    expect(await newest(customer.key)).toEqual([second.id, first.id]);
    app.time.now = at(200);
    const update = (input: string) =>
      sendText(app.url, specialist.key, `mutation { updateNote(input: { id: "${first.id}", ${input} }) { __typename } }`);
    await update('text: "Changed"');
    expect(await newest(customer.key)).toEqual([first.id, second.id]);
    await update("isPublic: false");
    expect((await newest(customer.key))[0]).toEqual(second.id);
    expect((await newest(specialist.key))[0]).toEqual(first.id);
    // The ticket gets another requester, who sees its notes, and the first one does not.
    await app.database.prisma.ticket.update({ where: { id: ticket.id }, data: { requesterId: account.otherCustomer.id } });
    expect(await newest(customer.key)).toEqual([]);
    expect((await newest(account.otherCustomer.key))[0]).toEqual(second.id);
    await app.database.prisma.ticket.update({ where: { id: ticket.id }, data: { requesterId: customer.id } });
    await sendText(app.url, specialist.key, `mutation { deleteNote(input: { id: "${first.id}" }) { __typename } }`);
    await sendText(app.url, specialist.key, `mutation { deleteNote(input: { id: "${second.id}" }) { __typename } }`);
    expect((await newest(specialist.key))[0]).toEqual(notes[0]!.id);
    const { rows } = await app.database.pool.query<{ count: number }>(
      "SELECT count(*)::int AS count FROM note_updates u LEFT JOIN notes n ON n.id = u.note_id WHERE n.updated_at IS DISTINCT FROM u.updated_at",
    );
    expect(rows[0]!.count).toBe(0);
  });
});

describe("the filter", () => {
  test("updatedAt has no note that was never updated", async () => {
    const { key } = account.specialist;
    expect(await found(key, `filter: { updatedAt: { gte: "${at(0).toISOString()}" } }`)).toEqual([4, 2, 0, 6]);
    expect(await found(key, `filter: { updatedAt: { lt: "${at(55).toISOString()}" } }`)).toEqual([2]);
    expect(await found(account.customer.key, `filter: { updatedAt: { gte: "${at(0).toISOString()}" } }`)).toEqual([0]);
    expect(await found(key, "filter: { updatedAt: null }")).toHaveLength(7);
  });

  test("ticketId has the notes of the ticket, in every spelling of its id", async () => {
    const { specialist, customer, otherCustomer } = account;
    for (const id of [ticket.id, globalId("Ticket", ticket.id), ticket.id.toUpperCase()]) {
      expect(await found(specialist.key, `filter: { ticketId: "${id}" }`)).toEqual([3, 2, 1, 0]);
      expect(await found(customer.key, `filter: { ticketId: "${id}" }`)).toEqual([3, 1, 0]);
      expect(await found(otherCustomer.key, `filter: { ticketId: "${id}" }`)).toEqual([]);
    }
    expect(await found(specialist.key, `filter: { ticketId: "${ticket.id}" }`, other)).toEqual([]);
    expect(await found(specialist.key, `filter: { ticketId: "${ticket.id}" }`, ticket)).toEqual([3, 2, 1, 0]);
    const { errors } = await sendText(app.url, specialist.key, '{ notes(filter: { ticketId: "x" }) { totalCount } }');
    expect(errors.map(({ extensions }) => extensions["code"])).toEqual(["INVALID_INPUT"]);
  });

  test("hasAttachments counts files that have arrived, of who may see attachments", async () => {
    const { specialist, customer } = account;
    expect(await found(specialist.key, "filter: { hasAttachments: true }")).toEqual([2, 0]);
    expect(await found(specialist.key, "filter: { hasAttachments: false }", ticket)).toEqual([3, 1]);
    expect(await found(customer.key, "filter: { hasAttachments: true }")).toEqual([0]);
    const key = await keyWith(app, specialist, ["tickets:read", "notes:read", "notes:internal"]);
    for (const text of [
      "{ notes(filter: { hasAttachments: true }) { totalCount nodes { uuid } } }",
      `{ ticket(id: "${ticket.id}") { notes(filter: { hasAttachments: false }) { nodes { uuid } } } }`,
    ]) {
      const { errors } = await sendText(app.url, key, text);
      expect(errors.map(({ extensions }) => extensions["code"])).toEqual(["FORBIDDEN"]);
    }
    expect((await sendText(app.url, key, "{ notes(filter: { hasAttachments: null }) { totalCount } }")).errors).toEqual([]);
  });
});

describe("in an account with 20,000 notes", () => {
  const noteCount = 20_000;
  const maxScanned = 5_000;
  let large: TestAccount;
  let largeTicket: Ticket;

  beforeAll(async () => {
    large = await addAccount(app);
    largeTicket = await addTicket(app, large, { requester: large.customer });
    const second = await addTicket(app, large, { requester: large.otherCustomer });
    // One in five was updated, in another order than they were added. One in eleven is internal, one in 97 is of a
    // scan.
    await app.database.pool.query(
      `INSERT INTO notes (id, account_id, ticket_id, author_number, text, is_public, categories, created_at, updated_at)
       SELECT gen_random_uuid(), $1, CASE WHEN i % 2 = 0 THEN $2::uuid ELSE $3::uuid END, $4, 'Note ' || i, i % 11 <> 0,
         CASE WHEN i % 97 = 0 THEN '{POST_SCAN}' ELSE '{}' END::"NoteCategory"[],
         '2026-01-01'::timestamptz + i * interval '1 second',
         CASE WHEN i % 10 < 2 THEN '2026-02-01'::timestamptz + (i * 7919 % ${noteCount}) * interval '1 second' END
       FROM generate_series(1, ${noteCount}) i`,
      [large.id, largeTicket.id, second.id, large.specialist.number],
    );
    for (const table of ["notes", "note_updates", "attachments"]) await app.database.pool.query(`VACUUM ANALYZE ${table}`);
  }, 120_000);

  async function read(key: string, args: string, within?: Ticket) {
    const selected = "{ nodes { uuid } pageInfo { isPartial hasNextPage endCursor } }";
    const text = within ? `{ ticket(id: "${within.id}") { notes(${args}) ${selected} } }` : `{ notes(${args}) ${selected} }`;
    const { result, statements } = await app.statements.during(() =>
      sendText<{ notes?: Read; ticket?: { notes: Read } }>(app.url, key, text),
    );
    expect(result.errors).toEqual([]);
    const statement = statements.find((one) => one.text.includes("notes n"));
    const { rows } = await app.database.pool.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
      `EXPLAIN (ANALYZE, FORMAT JSON) ${statement!.text}`,
      [...statement!.values],
    );
    const scans = scansOf(rows[0]!["QUERY PLAN"][0].Plan);
    return {
      ...(result.data.notes ?? result.data.ticket!.notes),
      notes: await rowsRead(app.database, statement!, "notes"),
      updates: await rowsRead(app.database, statement!, "note_updates"),
      indexes: scans.map(({ index }) => index),
    };
  }
  interface Read {
    readonly nodes: readonly { readonly uuid: string }[];
    readonly pageInfo: { readonly isPartial: boolean; readonly hasNextPage: boolean; readonly endCursor: string | null };
  }

  test.each(["specialist", "customer"] as const)("a page by the last change reads what it returns, for a %s", async (role) => {
    const { key } = large[role];
    const isStaff = role === "specialist";
    const all = await app.database.prisma.note.findMany({
      where: { accountId: large.id, ...(!isStaff && { isPublic: true, requesterId: large.customer.id }) },
    });
    const changed = ({ updatedAt, createdAt }: Note) => (updatedAt ?? createdAt).getTime();
    for (const within of [undefined, largeTicket]) {
      const sorted = all
        .filter(({ ticketId }) => within === undefined || ticketId === within.id)
        .toSorted((one, two) => changed(two) - changed(one) || (one.id < two.id ? 1 : -1))
        .map(({ id }) => id);
      for (const [args, expected] of [
        ["first: 25", sorted.slice(0, 25)],
        ["last: 25", sorted.slice(-25)],
      ] as const) {
        const page = await read(key, `${args}, orderBy: { field: UPDATED_AT, direction: DESC }`, within);
        expect(page.nodes.map(({ uuid }) => uuid)).toEqual(expected);
        // Each note of note_updates is looked up, and notes that were updated are passed by in the order of their
        // addition.
        expect(page.notes).toBeLessThanOrEqual(90);
        expect(page.updates).toBeLessThanOrEqual(27);
      }
    }
  });

  test.each([
    ["hasAttachments: true", ""],
    ['updatedAt: { gt: "2027-01-01T00:00:00Z" }', ""],
    ["categories: [PRE_SCAN]", ", orderBy: { field: UPDATED_AT, direction: ASC }"],
    ["hasAttachments: true", ", orderBy: { field: UPDATED_AT, direction: DESC }"],
  ])("the filter %s%s reads at most 5,000 notes a page, and can be gone on with to the end", async (filter, order) => {
    const { key } = large.specialist;
    let after = "";
    for (let pages = 1; ; pages += 1) {
      const page = await read(key, `filter: { ${filter} }${order}${after}`);
      expect(page.nodes).toEqual([]);
      expect(page.notes).toBeLessThanOrEqual(maxScanned + 2);
      if (!page.pageInfo.isPartial) {
        expect(pages).toBeGreaterThanOrEqual(4);
        break;
      }
      expect(page.pageInfo.hasNextPage).toBe(true);
      after = `, after: "${page.pageInfo.endCursor}"`;
      expect(pages).toBeLessThan(7);
    }
  });

  test.each(["specialist", "customer"] as const)(
    "pages that end early have each note once between them, for a %s",
    async (role) => {
      const { key } = large[role];
      const filter = "filter: { categories: [POST_SCAN] }, orderBy: { field: UPDATED_AT, direction: DESC }";
      const expected = await app.database.prisma.note.findMany({
        where: {
          accountId: large.id,
          categories: { has: "POST_SCAN" },
          ...(role === "customer" && { isPublic: true, requesterId: large.customer.id }),
        },
      });
      const changed = ({ updatedAt, createdAt }: Note) => (updatedAt ?? createdAt).getTime();
      const walked: string[] = [];
      let partial = 0;
      let after = "";
      for (let more = true; more;) {
        const page = await read(key, `first: 90, ${filter}${after}`);
        walked.push(...page.nodes.map(({ uuid }) => uuid));
        if (page.pageInfo.isPartial) partial += 1;
        more = page.pageInfo.hasNextPage;
        after = `, after: "${page.pageInfo.endCursor}"`;
      }
      expect(walked).toEqual(
        expected.toSorted((one, two) => changed(two) - changed(one) || (one.id < two.id ? 1 : -1)).map(({ id }) => id),
      );
      expect(walked.length).toBeGreaterThan(90);
      expect(partial).toBeGreaterThan(0);
    },
  );

  test("ticketId is read by the indexes of the ticket", async () => {
    const page = await read(large.specialist.key, `filter: { ticketId: "${largeTicket.id}" }, first: 25`);
    expect(page.nodes.length).toBe(25);
    expect(page.notes).toBe(26);
    expect(page.indexes).toContain("notes_ticket_id_created_at_id_is_public_idx");
  });
});
