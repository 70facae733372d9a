import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import {
  addAccount,
  addPerson,
  keyWith,
  sendText,
  startApp,
  type TestAccount,
  type TestApp,
  type TestPerson,
} from "../support/app.ts";
import { addNote, addNotes, addTicket, globalId, statementsOf } from "../support/factories.ts";
import { rowsRead } from "../support/rows-read.ts";

interface PersonNode {
  readonly uuid: string;
  readonly name: string;
  readonly email: string | null;
  readonly role: string | null;
}

interface PeoplePage {
  readonly totalCount: number;
  readonly nodes: readonly PersonNode[];
  readonly edges: readonly { readonly cursor: string }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null; readonly isPartial: boolean };
}

const pageFields = "totalCount nodes { uuid name email role } edges { cursor } pageInfo { hasNextPage endCursor isPartial }";

let app: TestApp;
let account: TestAccount;
let elsewhere: TestAccount;
/** Wrote only internal notes on the customer's ticket. */
let silent: TestPerson;
/** A member of both accounts: a specialist here, a customer at home. */
let guest: TestPerson;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
  [account, elsewhere] = [await addAccount(app), await addAccount(app)];
  silent = await addPerson(app.provisioning, { accountId: account.id, name: "Silent Sue", role: "SPECIALIST" });
  guest = await addPerson(app.provisioning, { accountId: elsewhere.id, name: "Gus Guest", role: "CUSTOMER" });
  await app.provisioning.addMembership({ accountId: account.id, personId: guest.id, role: "SPECIALIST" });
  ticket = await addTicket(app, account, { requester: account.customer });
  await addNotes(app, ticket, account.specialist, 3);
  await addNote(app, ticket, silent, { isPublic: false });
  await addNote(app, await addTicket(app, account, { requester: account.otherCustomer }), account.administrator);
  await addNote(app, await addTicket(app, elsewhere, { requester: guest }), elsewhere.specialist);
});
afterAll(() => app.close());

async function ask<Data>(key: string, query: string, variables?: unknown): Promise<Data> {
  const { data, errors } = await sendText<Data>(app.url, key, query, variables);
  expect(errors).toEqual([]);
  return data;
}

async function people(key: string, args = ""): Promise<PeoplePage> {
  return (await ask<{ people: PeoplePage }>(key, `{ people${args} { ${pageFields} } }`)).people;
}

async function participants(key: string, args = "", of = ticket): Promise<PeoplePage> {
  const query = `query ($id: ID!) { ticket(id: $id) { participants${args} { ${pageFields} } } }`;
  return (await ask<{ ticket: { participants: PeoplePage } }>(key, query, { id: of.id })).ticket.participants;
}

const idsOf = ({ nodes }: Pick<PeoplePage, "nodes">) => nodes.map(({ uuid }) => uuid);
const those = (...some: readonly TestPerson[]) =>
  some.toSorted((one, another) => one.number - another.number).map(({ id }) => id);

describe("Query.people and Account.people", () => {
  test("staff find every member of the account, by number, and nobody else", async () => {
    const { administrator, specialist, customer, otherCustomer } = account;
    const everyone = those(administrator, specialist, customer, otherCustomer, silent, guest);
    for (const { key } of [administrator, specialist]) {
      const page = await people(key);
      expect([idsOf(page), page.totalCount]).toEqual([everyone, everyone.length]);
      const query = `{ viewer { account { people { ${pageFields} } } } }`;
      const { viewer } = await ask<{ viewer: { account: { people: PeoplePage } } }>(key, query);
      expect(idsOf(viewer.account.people)).toEqual(everyone);
    }
  });

  test("a customer finds themselves and those who wrote to them, and not who wrote internal notes alone", async () => {
    const page = await people(account.customer.key);
    expect(idsOf(page)).toEqual(those(account.customer, account.specialist));
    expect(page.totalCount).toBe(2);
    expect(idsOf(await people(account.otherCustomer.key))).toEqual(those(account.otherCustomer, account.administrator));
  });

  test.each([
    ["by their id", () => `(filter: { ids: ["${silent.id}"] })`],
    ["by their global id", () => `(filter: { ids: ["${globalId("Person", silent.id)}"] })`],
    ["by their name", () => `(filter: { query: "Silent" })`],
    ["by their role", () => `(filter: { role: [SPECIALIST] }, last: 10)`],
    ["by a page from the end", () => `(last: 10)`],
  ])("a customer finds no stranger %s, whom staff find", async (_how, args) => {
    expect(idsOf(await people(account.specialist.key, args()))).toContain(silent.id);
    const page = await people(account.customer.key, args());
    expect(idsOf(page)).not.toContain(silent.id);
    expect(page.totalCount).toBe(idsOf(page).length);
  });

  test("a cursor of staff shows a customer nobody else", async () => {
    const [first] = (await people(account.specialist.key)).edges;
    const page = await people(account.customer.key, `(after: "${first!.cursor}")`);
    expect(idsOf(page).every((id) => those(account.customer, account.specialist).includes(id))).toBe(true);
  });

  test("an internal note that becomes public makes its author known, and one that becomes internal unknown", async () => {
    const note = await addNote(app, ticket, account.administrator, { isPublic: false });
    const seen = async () => idsOf(await people(account.customer.key)).includes(account.administrator.id);
    const make = (isPublic: boolean) =>
      app.database.prisma.note.update({ where: { accountId_id: { accountId: account.id, id: note.id } }, data: { isPublic } });
    expect(await seen()).toBe(false);
    await make(true);
    expect(await seen()).toBe(true);
    await make(false);
    expect(await seen()).toBe(false);
  });

  test("pages by number in both directions", async () => {
    const { key } = account.specialist;
    const all = idsOf(await people(key));
    const first = await people(key, "(first: 4)");
    const second = await people(key, `(first: 4, after: "${first.pageInfo.endCursor}")`);
    expect([first.pageInfo.hasNextPage, second.pageInfo.hasNextPage]).toEqual([true, false]);
    expect([...idsOf(first), ...idsOf(second)]).toEqual(all);
    expect(idsOf(await people(key, "(last: 2)"))).toEqual(all.slice(-2));
  });

  test("filters by roles, and by ids of this account only", async () => {
    const { specialist, administrator, customer, otherCustomer } = account;
    const { key } = specialist;
    expect(idsOf(await people(key, "(filter: { role: [CUSTOMER] })"))).toEqual(those(customer, otherCustomer));
    expect(idsOf(await people(key, "(filter: { role: [ADMINISTRATOR, CUSTOMER] })"))).toEqual(
      those(administrator, customer, otherCustomer),
    );
    expect(idsOf(await people(key, "(filter: { role: [] })"))).toEqual([]);
    const foreign = elsewhere.specialist.id;
    expect(idsOf(await people(key, `(filter: { ids: ["${foreign}", "${customer.id}"] })`))).toEqual([customer.id]);
  });
});

describe("a query of people", () => {
  test.each([
    ["cleo", ["Cleo Customer"]],
    ["CUST cle", ["Cleo Customer"]],
    ["ustom", ["Cleo Customer"]],
    ["gus cleo", []],
    ["%", []],
    ["_", []],
    ["cleo\\", []],
  ])("%s finds %j", async (query, names) => {
    const { people: found } = await ask<{ people: PeoplePage }>(
      account.specialist.key,
      `query ($query: String!) { people(filter: { query: $query }) { ${pageFields} } }`,
      { query },
    );
    expect(found.nodes.map(({ name }) => name)).toEqual(names);
  });

  test("matches addresses only where they may be read: all of them for staff, their own for a customer", async () => {
    const [mine, theirs] = await Promise.all(
      [account.customer, account.specialist].map(({ id }) => app.database.prisma.person.findUniqueOrThrow({ where: { id } })),
    );
    const by = (email: string) => `(filter: { query: "${email.toUpperCase()}" })`;
    expect(idsOf(await people(account.specialist.key, by(mine!.email)))).toEqual([mine!.id]);
    expect(idsOf(await people(account.customer.key, by(mine!.email)))).toEqual([mine!.id]);
    // They have met, and the address is still not theirs to know.
    expect(idsOf(await people(account.customer.key, by(theirs!.email)))).toEqual([]);
    expect(idsOf(await people(account.customer.key, `(filter: { query: "@example.com" })`))).toEqual([mine!.id]);
  });

  test.each([
    ["blank", "  "],
    ["of 257 characters", "x".repeat(257)],
    ["of 17 words", Array.from({ length: 17 }, (_, index) => `w${index}`).join(" ")],
    ["with a character that cannot be stored", "a\u0000b"],
  ])("%s is refused", async (_what, query) => {
    const { errors } = await sendText(
      app.url,
      account.specialist.key,
      "query ($query: String!) { people(filter: { query: $query }) { totalCount } }",
      { query },
    );
    expect(errors.map(({ extensions }) => extensions["code"])).toEqual(["INVALID_INPUT"]);
  });
});

describe("Person.role", () => {
  test("is that of the account in which the viewer acts", async () => {
    const query = `{ people(filter: { ids: ["${guest.id}"] }) { nodes { role } } }`;
    const roleIn = async (key: string) =>
      (await ask<{ people: { nodes: { role: string | null }[] } }>(key, query)).people.nodes[0]?.role;
    expect(await roleIn(account.administrator.key)).toBe("SPECIALIST");
    expect(await roleIn(elsewhere.administrator.key)).toBe("CUSTOMER");
  });

  test("stands beside authors and requesters too", async () => {
    const query = `query ($id: ID!) { ticket(id: $id) { requester { role } notes(first: 1) { nodes { author { role } } } } }`;
    const data = await ask(account.customer.key, query, { id: ticket.id });
    expect(data).toEqual({
      ticket: { requester: { role: "CUSTOMER" }, notes: { nodes: [{ author: { role: "SPECIALIST" } }] } },
    });
  });
});

describe("Ticket.participants", () => {
  test("are the requester and the authors of the notes that the viewer may see", async () => {
    const { customer, specialist, administrator } = account;
    const narrow = await keyWith(app, specialist, ["tickets:read", "notes:read"]);
    const own = await addTicket(app, account, { requester: customer });
    await addNote(app, own, specialist);
    await addNote(app, own, silent, { isPublic: false });
    await addNote(app, own, customer);
    const seenBy = async (key: string) => {
      const page = await participants(key, "", own);
      expect(page.totalCount).toBe(page.nodes.length);
      return idsOf(page);
    };
    expect(await seenBy(administrator.key)).toEqual(those(customer, specialist, silent));
    expect(await seenBy(narrow)).toEqual(those(customer, specialist));
    expect(await seenBy(customer.key)).toEqual(those(customer, specialist));
    const nobodys = await addTicket(app, account);
    expect(await seenByNobody(nobodys)).toEqual([]);
  });

  const seenByNobody = async (of: Ticket) => idsOf(await participants(account.administrator.key, "", of));

  test("need the scope of notes", async () => {
    const narrow = await keyWith(app, account.specialist, ["tickets:read"]);
    const query = `query ($id: ID!) { ticket(id: $id) { participants { totalCount } } }`;
    const { errors } = await sendText(app.url, narrow, query, { id: ticket.id });
    expect(errors.map(({ extensions }) => extensions["code"])).toEqual(["FORBIDDEN"]);
  });

  test("come in pages in both directions, each person once, however many notes they wrote", async () => {
    const busy = await addTicket(app, account, { requester: account.customer });
    const writers = [account.administrator, account.specialist, silent, guest];
    for (const [index, writer] of writers.entries())
      await addNotes(app, busy, writer, 3, () => ({ isPublic: index % 2 === 0 }));
    await addNote(app, busy, account.specialist, { isPublic: true });
    const all = those(account.customer, ...writers);
    const { key } = account.administrator;
    const seen: string[] = [];
    for (let after = "", more = true; more;) {
      const page = await participants(key, `(first: 2${after})`, busy);
      seen.push(...idsOf(page));
      more = page.pageInfo.hasNextPage;
      after = `, after: "${page.pageInfo.endCursor}"`;
    }
    expect(seen).toEqual(all);
    const end = await participants(key, "(last: 2)", busy);
    expect(idsOf(end)).toEqual(all.slice(-2));
    const before = await participants(key, `(last: 2, before: "${end.edges[0]!.cursor}")`, busy);
    expect(idsOf(before)).toEqual(all.slice(-4, -2));
    // A customer goes on after a cursor of staff, and meets those only who wrote to them.
    const theirs = await participants(account.customer.key, `(first: 9, after: "${end.edges[0]!.cursor}")`, busy);
    expect(
      idsOf(theirs).every((id) => those(account.customer, account.administrator, silent, account.specialist).includes(id)),
    ).toBe(true);
    expect(idsOf(await participants(account.customer.key, "", busy))).toEqual(
      those(account.customer, account.administrator, silent, account.specialist),
    );
  });
});

describe("Person.notes", () => {
  interface NotesOf {
    readonly person: {
      readonly notes: { readonly totalCount: number; readonly nodes: readonly { readonly number: number }[] };
    };
  }
  const notesBy = async (key: string, person: TestPerson, args = "") => {
    const query = `query ($id: ID!) { person: node(id: $id) { ... on Person { notes${args} { totalCount nodes { number } } } } }`;
    return (await ask<NotesOf>(key, query, { id: globalId("Person", person.id) })).person.notes;
  };

  test("are those of them that the viewer may see, the newest first", async () => {
    const rows = await app.database.prisma.note.findMany({
      where: { accountId: account.id, authorNumber: { in: [account.specialist.number, silent.number] } },
      orderBy: { number: "desc" },
    });
    const numbers = (keep: (row: (typeof rows)[number]) => boolean) => rows.filter(keep).map(({ number }) => number);
    const by = (person: TestPerson) => (row: (typeof rows)[number]) => row.authorNumber === person.number;
    const staff = await notesBy(account.administrator.key, account.specialist, "(first: 100)");
    expect(staff.nodes.map(({ number }) => number)).toEqual(numbers(by(account.specialist)));
    expect(staff.totalCount).toBe(staff.nodes.length);

    const mine = await notesBy(account.customer.key, account.specialist, "(first: 100)");
    const own = (row: (typeof rows)[number]) => row.isPublic && row.requesterId === account.customer.id;
    expect(mine.nodes.map(({ number }) => number)).toEqual(numbers((row) => by(account.specialist)(row) && own(row)));
    expect(await notesBy(account.customer.key, silent)).toEqual({
      totalCount: numbers((row) => by(silent)(row) && own(row)).length,
      nodes: expect.any(Array),
    });
    expect(await notesBy(account.otherCustomer.key, account.specialist)).toEqual({ totalCount: 0, nodes: [] });
  });

  test("of a person of two accounts are those of the account in which the viewer acts", async () => {
    const away = await addNote(app, await addTicket(app, elsewhere), guest);
    expect((await notesBy(elsewhere.administrator.key, guest)).nodes).toEqual([{ number: away.number }]);
    expect((await notesBy(account.administrator.key, guest, "(first: 100)")).nodes).not.toContainEqual({ number: away.number });
  });

  test("take the filter and the order of notes", async () => {
    const all = await notesBy(account.administrator.key, account.specialist, "(first: 100)");
    const oldest = await notesBy(account.administrator.key, account.specialist, "(orderBy: { field: NUMBER, direction: ASC })");
    expect(oldest.nodes).toEqual(all.nodes.toReversed());
    const internal = await notesBy(account.administrator.key, silent, "(filter: { isPublic: false })");
    expect(internal.totalCount).toBeGreaterThan(0);
    expect((await notesBy(account.customer.key, silent, "(filter: { isPublic: false })")).nodes).toEqual([]);
  });
});

describe("what people cost", () => {
  test("one statement, with their notes and the participants of their tickets", async () => {
    const query = `{ people(first: 5) { totalCount nodes { name email role notes(first: 2) { nodes { text author { role } } } } }
      tickets(first: 2) { nodes { participants(first: 3) { totalCount nodes { name } } } } }`;
    const statements = await statementsOf(app, () => ask(account.specialist.key, query));
    expect(statements.length).toBeLessThanOrEqual(2);
  });

  test("participants and a customer's people read a step in the index for each of them, however many notes they wrote", async () => {
    const crowded = await addTicket(app, account, { requester: account.customer });
    const { pool } = app.database;
    await pool.query(
      `INSERT INTO notes (id, account_id, ticket_id, author_number, text, is_public, categories, created_at)
       SELECT gen_random_uuid(), $1, $2, CASE WHEN i % 2 = 0 THEN $3::integer ELSE $4::integer END, 'Note', i % 2 = 0, '{}', now()
       FROM generate_series(1, 3000) i`,
      [account.id, crowded.id, account.specialist.number, silent.number],
    );
    await pool.query("ANALYZE notes");
    const read = async (work: () => Promise<PeoplePage>) => {
      const statements = await statementsOf(app, work);
      let rows = 0;
      for (const statement of statements) rows += await rowsRead(app.database, statement, "notes");
      return rows;
    };
    expect(await read(() => participants(account.administrator.key, "(first: 10)", crowded))).toBeLessThanOrEqual(12);
    expect(await read(() => participants(account.customer.key, "(first: 10)", crowded))).toBeLessThanOrEqual(8);
    expect(await read(() => people(account.customer.key))).toBeLessThanOrEqual(16);
  }, 60_000);

  test("a page of members, or of those of a role, reads these, among those of many and those who have left", async () => {
    const crowd = await addAccount(app);
    const { pool } = app.database;
    await pool.query(
      `WITH added AS (
         INSERT INTO people (id, account_id, name, email, created_at)
         SELECT gen_random_uuid(), $1, 'Member ' || i, gen_random_uuid() || '@example.com', now() FROM generate_series(1, 3000) i
         RETURNING id
       ) INSERT INTO memberships (account_id, person_id, role, created_at, ended_at)
       SELECT $1, id, 'CUSTOMER', now(), CASE WHEN row_number() OVER () <= 1500 THEN now() END FROM added`,
      [crowd.id],
    );
    const last = await addPerson(app.provisioning, { accountId: crowd.id, name: "Late Lea", role: "ADMINISTRATOR" });
    await pool.query("ANALYZE memberships");
    await pool.query("ANALYZE people");
    const read = async (args: string) => {
      const query = `{ people(${args}) { nodes { uuid name role } } }`;
      const recorded = await statementsOf(app, () => ask(crowd.specialist.key, query));
      let rows = 0;
      for (const statement of recorded) rows += await rowsRead(app.database, statement, "memberships");
      return { rows, found: idsOf((await ask<{ people: PeoplePage }>(crowd.specialist.key, query)).people) };
    };
    const administrators = await read("first: 10, filter: { role: [ADMINISTRATOR] }");
    expect(administrators).toEqual({ rows: 2, found: those(crowd.administrator, last) });
    expect((await read("first: 20")).rows).toBe(20);
    expect((await read("first: 20, filter: { role: [ADMINISTRATOR, CUSTOMER] }")).rows).toBeLessThanOrEqual(42);
    expect((await people(crowd.specialist.key)).totalCount).toBe(1505);
    expect((await people(crowd.specialist.key, '(filter: { query: "late" })')).nodes.map(({ uuid }) => uuid)).toEqual([
      last.id,
    ]);
  }, 60_000);

  test("a query that few meet ends a page after 5,000 members, says so, and goes on from there", async () => {
    const crowd = await addAccount(app);
    await app.database.pool.query(
      `WITH added AS (
         INSERT INTO people (id, account_id, name, email, created_at)
         SELECT gen_random_uuid(), $1, 'Member ' || i, gen_random_uuid() || '@example.com', now() FROM generate_series(1, 6000) i
         RETURNING id
       ) INSERT INTO memberships (account_id, person_id, role, created_at) SELECT $1, id, 'CUSTOMER', now() FROM added`,
      [crowd.id],
    );
    const last = await addPerson(app.provisioning, { accountId: crowd.id, name: "Late Lea", role: "CUSTOMER" });
    const first = await people(crowd.specialist.key, '(filter: { query: "lea late" })');
    expect([first.nodes, first.pageInfo.isPartial]).toEqual([[], true]);
    const rest = await people(crowd.specialist.key, `(filter: { query: "lea late" }, after: "${first.pageInfo.endCursor}")`);
    expect([idsOf(rest), rest.pageInfo.isPartial]).toEqual([[last.id], false]);
  }, 60_000);
});
