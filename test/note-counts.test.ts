import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, sendText, startApp, type TestAccount, type TestApp, type TestPerson } from "./support/app.ts";
import { openDatabase } from "../src/database/database.ts";
import { readMigrations } from "../src/database/migration-scripts.ts";
import { migrate } from "../src/database/migrations.ts";
import { createScratchDatabase } from "./support/database.ts";
import { addNote, addNotes, addTicket, statementsOf } from "./support/factories.ts";
import { v1 } from "./support/v1.ts";

// The number of a ticket's notes and their authors are kept by the statements that write notes. They must be what the
// notes themselves give.

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
});
afterAll(() => app.close());

interface Totals {
  readonly all: { readonly totalCount: number; readonly totalCountIsExact: boolean };
  readonly shown: { readonly totalCount: number };
  readonly hidden: { readonly totalCount: number };
}

const totals = `{
  all: notes(first: 1) { totalCount totalCountIsExact }
  shown: notes(filter: { isPublic: true }) { totalCount }
  hidden: notes(filter: { isPublic: false }) { totalCount } }`;

/** The totals that `person` gets: of all notes, of public and of internal ones. */
async function totalsFor(person: TestPerson, { id } = ticket): Promise<readonly number[] | null> {
  const { data, errors } = await sendText<{ ticket: Totals | null }>(
    app.url,
    person.key,
    `query ($id: ID!) { ticket(id: $id) ${totals} }`,
    { id },
  );
  expect(errors).toEqual([]);
  if (!data.ticket) return null;
  expect(data.ticket.all.totalCountIsExact).toBe(true);
  return [data.ticket.all, data.ticket.shown, data.ticket.hidden].map(({ totalCount }) => totalCount);
}

/** What the database keeps of each ticket of the account, and what its notes give. */
async function keptAndFound({ id } = account, { pool } = app.database): Promise<readonly unknown[]> {
  const [keptCounts, counts] = await countsKeptAndFound({ id }, { pool });
  const { rows } = await pool.query<{ kept: unknown; found: unknown }>(
    `SELECT (
       SELECT json_agg(a ORDER BY a.ticket_id, a.is_public, a.author_number) FROM (
         SELECT ticket_id, is_public, author_number, requester_id FROM ticket_authors WHERE account_id = $1) a) AS kept,
       (SELECT json_agg(a ORDER BY a.ticket_id, a.is_public, a.author_number) FROM (
         SELECT DISTINCT n.ticket_id, n.is_public, n.author_number, t.requester_id
         FROM notes n JOIN tickets t ON t.id = n.ticket_id WHERE n.account_id = $1) a) AS found`,
    [id],
  );
  const [authors] = rows;
  return [
    { counts: keptCounts, authors: authors!.kept },
    { counts, authors: authors!.found },
  ];
}

async function countsKeptAndFound({ id }: Pick<TestAccount, "id">, { pool }: Pick<TestApp["database"], "pool">) {
  const { rows } = await pool.query<{ kept: unknown; found: unknown }>(
    `SELECT (
       SELECT json_agg(c ORDER BY c.ticket_id) FROM (
         SELECT ticket_id, requester_id, public_notes, internal_notes, last_note_at, last_public_note_at
         FROM note_counts WHERE account_id = $1) c) AS kept,
       (SELECT json_agg(c ORDER BY c.ticket_id) FROM (
         SELECT t.id AS ticket_id, t.requester_id, count(n.id) FILTER (WHERE n.is_public) AS public_notes,
           count(n.id) FILTER (WHERE NOT n.is_public) AS internal_notes, coalesce(max(n.created_at), '-infinity') AS last_note_at,
           coalesce(max(n.created_at) FILTER (WHERE n.is_public), '-infinity') AS last_public_note_at
         FROM tickets t LEFT JOIN notes n ON n.ticket_id = t.id WHERE t.account_id = $1 GROUP BY t.id) c) AS found`,
    [id],
  );
  const [row] = rows;
  expect(row!.found).not.toBeNull();
  return [row!.kept, row!.found];
}

/** What the database keeps, and what counting gives. */
async function keptAndCounted(): Promise<readonly (readonly number[])[]> {
  const { rows } = await app.database.pool.query<{ kept: number[]; counted: number[] }>(
    `SELECT (SELECT ARRAY[c.public_notes, c.internal_notes] FROM note_counts c WHERE c.ticket_id = $1) AS kept,
            (SELECT ARRAY[count(*) FILTER (WHERE is_public), count(*) FILTER (WHERE NOT is_public)]::int[] FROM notes WHERE ticket_id = $1) AS counted`,
    [ticket.id],
  );
  return [rows[0]!.kept, rows[0]!.counted];
}

async function mutate(person: TestPerson, query: string, variables: Record<string, unknown>): Promise<void> {
  const { errors } = await sendText(app.url, person.key, query, variables);
  expect(errors).toEqual([]);
}

test("is what each may see, whatever is written", async () => {
  const { customer, otherCustomer, specialist, administrator } = account;
  ticket = await addTicket(app, account, { requester: customer });
  expect(await totalsFor(specialist)).toEqual([0, 0, 0]);
  await addNotes(app, ticket, specialist, 3);
  const internal = await addNote(app, ticket, specialist, { isPublic: false });
  const isPublic = (await keptAndCounted())[1]![0]!;
  expect(await totalsFor(administrator)).toEqual([4, isPublic, 4 - isPublic]);
  expect(await totalsFor(customer)).toEqual([isPublic, isPublic, 0]);
  expect(await totalsFor(otherCustomer)).toBeNull();

  await mutate(
    specialist,
    "mutation ($id: ID!) { updateNote(input: { id: $id, isPublic: true }) { ... on UpdateNotePayload { note { isPublic } } } }",
    { id: internal.id },
  );
  expect(await totalsFor(customer)).toEqual([isPublic + 1, isPublic + 1, 0]);
  await mutate(specialist, "mutation ($id: ID!) { deleteNote(input: { id: $id }) { __typename } }", { id: internal.id });
  expect(await totalsFor(customer)).toEqual([isPublic, isPublic, 0]);

  // The notes stay with their ticket when it gets another requester.
  await app.database.prisma.ticket.update({ where: { id: ticket.id }, data: { requesterId: otherCustomer.id } });
  expect(await totalsFor(customer)).toBeNull();
  expect(await totalsFor(otherCustomer)).toEqual([isPublic, isPublic, 0]);
  const [kept, counted] = await keptAndCounted();
  expect(kept).toEqual(counted);
});

test("is right after many writers at once", async () => {
  const { specialist, customer } = account;
  ticket = await addTicket(app, account, { requester: customer });
  const other = await addTicket(app, account, { requester: customer });
  const add =
    'mutation ($id: ID!, $public: Boolean!) { addNote(input: { ticketId: $id, text: "x", isPublic: $public }) { __typename } }';
  const adding = Array.from({ length: 60 }, (_, index) =>
    mutate(index % 3 === 0 ? customer : specialist, add, {
      id: index % 2 === 0 ? ticket.id : other.id,
      public: index % 3 === 0 || index % 5 !== 0,
    }),
  );
  // Statements of others write to both tickets, in either order.
  const others = Array.from({ length: 20 }, (_, index) =>
    app.database.pool.query(
      `INSERT INTO notes (id, account_id, ticket_id, author_number, text, is_public, categories, created_at)
       SELECT gen_random_uuid(), $1, id, $2, 'x', true, '{}', now() FROM unnest($3::uuid[]) AS id`,
      [account.id, specialist.number, index % 2 === 0 ? [ticket.id, other.id] : [other.id, ticket.id]],
    ),
  );
  await Promise.all([...adding, ...others]);
  for (const one of [ticket, other]) {
    ticket = one;
    const [kept, counted] = await keptAndCounted();
    expect(kept).toEqual(counted);
    expect(await totalsFor(specialist)).toEqual([counted![0]! + counted![1]!, ...counted!]);
  }
});

interface Write {
  readonly text: string;
  readonly values: (world: World) => readonly unknown[];
  /** Whether it changes one existing note at most, or the requester of one ticket. */
  readonly locks: "one note" | "many notes";
}

/** A ticket and a time as small numbers, so that times are equal and tickets are met again. */
const writes: fc.Arbitrary<Write> = fc
  .record({
    ticket: fc.nat(2),
    other: fc.nat(2),
    second: fc.nat(5),
    isPublic: fc.boolean(),
    many: fc.integer({ min: 1, max: 3 }),
  })
  .chain(({ ticket: place, other, second, isPublic, many }) => {
    const added = "INSERT INTO notes (id, account_id, ticket_id, author_number, text, is_public, categories, created_at)";
    const newest = "(SELECT id FROM notes WHERE ticket_id = $1 ORDER BY created_at DESC, id LIMIT 1)";
    const time = `timestamptz '2026-01-01' + $2::integer * interval '1 second'`;
    const one = ({ tickets }: World) => tickets[place];
    const [alone, together] = [{ locks: "one note" }, { locks: "many notes" }] as const;
    return fc.constantFrom(
      {
        ...alone,
        text: `${added} SELECT gen_random_uuid(), $1, t.id, $4, 'x', $5, '{}', timestamptz '2026-01-01' + (i * $3) * interval '1 second'
          FROM unnest($2::uuid[]) AS t(id), generate_series(1, ${many}) i`,
        values: ({ id, tickets, authors }: World) => [
          ...[id, [tickets[place], tickets[other]], second, authors[second % 2], isPublic],
        ],
      },
      { ...alone, text: `DELETE FROM notes WHERE id = ${newest}`, values: (world: World) => [one(world)] },
      {
        ...together,
        text: `DELETE FROM notes WHERE ticket_id = $1 AND created_at <= ${time}`,
        values: (world: World) => [one(world), second],
      },
      {
        ...alone,
        text: `UPDATE notes SET is_public = NOT is_public WHERE id = ${newest}`,
        values: (world: World) => [one(world)],
      },
      {
        ...together,
        text: "UPDATE notes SET is_public = NOT is_public WHERE account_id = $1",
        values: ({ id }: World) => [id],
      },
      {
        ...alone,
        text: `UPDATE notes SET created_at = ${time} WHERE id = ${newest}`,
        values: (world: World) => [one(world), second],
      },
      {
        ...together,
        text: `UPDATE notes SET created_at = created_at - interval '1 second', text = 'y' WHERE account_id = $1`,
        values: ({ id }: World) => [id],
      },
      {
        ...together,
        text: "UPDATE notes SET author_number = $2::integer + $3::integer - author_number WHERE ticket_id = $1 AND is_public",
        values: (world: World) => [one(world), ...world.authors],
      },
      {
        ...together,
        text: `UPDATE notes SET ticket_id = $2 WHERE id = ${newest}`,
        values: ({ tickets }: World) => [tickets[place], tickets[other]],
      },
      { ...together, text: "UPDATE notes SET text = 'z' WHERE ticket_id = $1", values: (world: World) => [one(world)] },
      {
        ...alone,
        text: "UPDATE tickets SET requester_id = $2 WHERE id = $1",
        values: (world: World) => [one(world), isPublic ? world.people[second % 2] : null],
      },
    );
  });

interface World {
  readonly id: string;
  readonly tickets: readonly string[];
  readonly people: readonly string[];
  readonly authors: readonly [number, number];
}

describe("counts, times of last notes, and authors", () => {
  async function createWorld(): Promise<World & { readonly account: TestAccount }> {
    const own = await addAccount(app);
    const { customer, otherCustomer, specialist } = own;
    const tickets: Ticket[] = [];
    for (const requester of [customer, otherCustomer, undefined])
      tickets.push(await addTicket(app, own, requester ? { requester } : {}));
    return {
      ...{ id: own.id, account: own, people: [customer.id, otherCustomer.id] },
      authors: [specialist.number, customer.number],
      tickets: tickets.map(({ id }) => id),
    };
  }

  test("are those of the notes, whatever is written in one statement", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(writes, { minLength: 3, maxLength: 12 }), async (statements) => {
        const world = await createWorld();
        for (const { text, values } of statements) {
          await app.database.pool.query(text, [...values(world)]);
          const [kept, found] = await keptAndFound(world.account);
          expect(kept, text).toEqual(found);
        }
      }),
      { numRuns: 40, seed: 20_260_101 },
    );
  }, 120_000);

  /** Only a superuser may set it. */
  const soonDeadlock =
    "SELECT set_config('deadlock_timeout', $1, false) FROM pg_roles WHERE rolname = current_user AND rolsuper";

  /** Sends the statements, eight at a time, and returns the errors of those that failed. */
  async function sendAtOnce(world: World, statements: readonly Write[]): Promise<readonly unknown[]> {
    const waiting = [...statements];
    const failures: unknown[] = [];
    const send = async () => {
      const client = await app.database.pool.connect();
      try {
        // A deadlock is noticed after a second. Those of others add up, until a statement has waited for too long.
        await client.query(soonDeadlock, ["50ms"]);
        for (let next = waiting.pop(); next; next = waiting.pop())
          await client.query(next.text, [...next.values(world)]).catch((error: unknown) => failures.push(error));
        await client.query(soonDeadlock, ["1s"]);
      } finally {
        client.release();
      }
    };
    await Promise.all(Array.from({ length: 8 }, send));
    return failures;
  }

  test("are right after those write at once who add, delete and hide a note or change a requester, and nobody fails", async () => {
    const world = await createWorld();
    const statements = fc.sample(writes, { numRuns: 1_000, seed: 20_260_102 }).filter(({ locks }) => locks === "one note");
    expect(statements.length).toBeGreaterThan(300);
    expect(await sendAtOnce(world, statements)).toEqual([]);
    const [kept, found] = await keptAndFound(world.account);
    expect(kept).toEqual(found);
  }, 60_000);

  test("are right after any statements at once, some of which deadlock at the notes themselves", async () => {
    const world = await createWorld();
    const failures = await sendAtOnce(world, fc.sample(writes, { numRuns: 300, seed: 20_260_103 }));
    expect(failures.filter((error) => !String(error).includes("deadlock detected"))).toEqual([]);
    const [kept, found] = await keptAndFound(world.account);
    expect(kept).toEqual(found);
  }, 60_000);

  test("fall back to the next note by an index, and a note that is not the newest needs none", async () => {
    const { account: own, tickets, authors, id } = await createWorld();
    await app.database.pool.query(
      `INSERT INTO notes (id, account_id, ticket_id, author_number, text, is_public, categories, created_at)
       SELECT gen_random_uuid(), $1, ($2::uuid[])[1 + i % 2], $3, 'x', i % 3 <> 0, '{}', timestamptz '2026-01-01' + i * interval '1 second'
       FROM generate_series(1, 6000) i`,
      [id, tickets, authors[0]],
    );
    await app.database.pool.query("VACUUM ANALYZE notes");
    const client = await app.database.pool.connect();
    try {
      for (const [order, most] of [
        ["DESC", 16],
        ["ASC", 4],
      ] as const) {
        await client.query("BEGIN");
        const { rows: doomed } = await client.query<{ id: string }>(
          `SELECT id FROM notes WHERE account_id = $1 ORDER BY created_at ${order} LIMIT 1`,
          [id],
        );
        const read =
          "SELECT seq_tup_read::int + idx_tup_fetch::int AS rows FROM pg_stat_xact_user_tables WHERE relname = 'notes'";
        const before = (await client.query<{ rows: number }>(read)).rows[0]!.rows;
        await client.query("DELETE FROM notes WHERE account_id = $1 AND id = $2", [id, doomed[0]!.id]);
        const after = (await client.query<{ rows: number }>(read)).rows[0]!.rows;
        expect(after - before, order).toBeLessThanOrEqual(most);
        await client.query("COMMIT");
      }
    } finally {
      client.release();
    }
    const [kept, found] = await keptAndFound(own);
    expect(kept).toEqual(found);
  });

  test("are filled for the notes and tickets that were there before the migrations", async () => {
    const scratch = await createScratchDatabase({ empty: true });
    const database = await openDatabase(scratch.config, { warn: () => undefined });
    try {
      const all = await readMigrations();
      await migrate(database, { migrations: all.filter(({ name }) => name < "20261127140000") });
      const [id, person, ticketId, emptyId] = Array.from({ length: 4 }, () => randomUUID());
      await database.pool.query(`
        INSERT INTO accounts (id, slug, name, created_at) VALUES ('${id}', 'old', 'Old', now());
        INSERT INTO people (id, account_id, name, email, created_at) VALUES ('${person}', '${id}', 'P', 'p@example.com', now());
        INSERT INTO memberships (account_id, person_id, role, created_at) VALUES ('${id}', '${person}', 'CUSTOMER', now());
        INSERT INTO tickets (id, account_id, kind, subject, requester_id, created_at, updated_at)
          SELECT t, '${id}', 'REQUEST', 's', CASE WHEN t = '${ticketId}' THEN '${person}'::uuid END, now(), now()
          FROM unnest('{${ticketId},${emptyId}}'::uuid[]) t;
        INSERT INTO notes (id, account_id, ticket_id, author_number, text, is_public, categories, created_at, updated_at)
          SELECT gen_random_uuid(), '${id}', '${ticketId}', (SELECT number FROM people), 'x', i < 5, '{}',
            timestamptz '2026-01-01' + i * interval '1 second', CASE WHEN i = 3 THEN timestamptz '2026-02-01' END
          FROM generate_series(1, 9) i`);
      await migrate(database);
      const [kept, found] = await keptAndFound({ id: id! } as TestAccount, database);
      expect(kept).toEqual(found);
      expect(kept).toMatchObject({ counts: [{}, {}], authors: [{ is_public: false }, { is_public: true }] });
      const { rows } = await database.pool.query("SELECT note_id, requester_id, updated_at FROM note_updates");
      const notes = await database.pool.query(
        "SELECT id AS note_id, requester_id, updated_at FROM notes WHERE updated_at IS NOT NULL",
      );
      expect(rows).toEqual(notes.rows);
      expect(rows).toHaveLength(1);
    } finally {
      await database.close();
      await scratch.drop();
    }
  }, 120_000);
});

describe("no note is counted", () => {
  // Withdrawn notes, which /v1 shows, are few, and are counted.
  const counted = /count\(\*\)(?! FROM \(\s*SELECT FROM withdrawn_notes )/;

  async function statementsFor(work: () => Promise<unknown>): Promise<readonly string[]> {
    const statements = await statementsOf(app, work);
    expect(statements.length).toBeGreaterThan(0);
    return statements.map(({ text }) => text);
  }

  beforeAll(async () => {
    ticket = await addTicket(app, account, { requester: account.customer });
    await addNotes(app, ticket, account.specialist, 5);
  });

  test("by GraphQL, and what is not kept is counted once for both fields", async () => {
    const texts = await statementsFor(() => totalsFor(account.specialist));
    expect(texts.filter((text) => counted.test(text))).toEqual([]);
    expect(texts.join()).toContain("note_counts");
    const query = `query ($id: ID!) { ticket(id: $id) { notes(filter: { medium: [DEFAULT] }) { totalCountIsExact nodes { uuid } totalCount } } }`;
    let found: unknown;
    const [text] = await statementsFor(async () => {
      found = (await sendText<{ ticket: { notes: Totals["all"] } }>(app.url, account.specialist.key, query, { id: ticket.id }))
        .data.ticket.notes;
    });
    expect(found).toMatchObject({ totalCount: 5, totalCountIsExact: true });
    expect(text!.split("count(*)").length - 1).toBe(1);
  });

  test("by /v1 and /v2", async () => {
    const all = await statementsFor(async () => {
      const { headers } = await v1(app, `/v1/requests/${ticket.number}/notes`, { key: account.specialist.key });
      expect(headers.get("x-pagination-total-entries")).toBe("5");
    });
    expect(all.filter((text) => counted.test(text))).toEqual([]);
    const listed = await statementsFor(async () => {
      const response = await fetch(`${app.url}/v2/tickets/notes?ticket_id=${ticket.id}`, {
        headers: { "x-api-key": account.specialist.key },
      });
      expect(await response.json()).toMatchObject({ total: 5 });
    });
    expect(listed.filter((text) => counted.test(text))).toEqual([]);
  });
});
