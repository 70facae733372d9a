import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, sendText, startApp, type TestAccount, type TestApp, type TestPerson } from "./support/app.ts";
import { addNote, addNotes, addTicket, statementsOf } from "./support/factories.ts";
import { v1 } from "./support/v1.ts";

// The number of a ticket's notes is kept by the statements that write notes. It must be what counting them gives.

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

describe("no note is counted", () => {
  const counted = /count\(\*\)/;

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
