import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { type AuditEvent, auditEventsIn } from "../../src/access/audit-events.ts";
import { sql } from "../../src/database/sql.ts";
import { graphql } from "../generated/gql.ts";
import { addAccount, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addTicket, globalId, statementsOf } from "../support/factories.ts";

// Notes that one credential adds in one moment are added by one statement. Nobody is to notice.

const AddedTogether = graphql(`
  mutation AddedTogether($input: AddNoteInput!) {
    addNote(input: $input) {
      ... on AddNotePayload {
        note {
          uuid
          number
          text
          categories
          isPublic
        }
      }
      ... on Error {
        code
      }
    }
  }
`);

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
});

afterAll(() => app.close());

const add = (key: string, text: string, input: { ticketId?: string; isPublic?: boolean } = {}) =>
  send(app, key, AddedTogether, { input: { ticketId: ticket.id, text, categories: ["PRE_SCAN"], isPublic: true, ...input } });

const noteOf = ({ data }: Awaited<ReturnType<typeof add>>) => ("note" in data.addNote ? data.addNote.note : undefined);

test("each gets its own note, and the audit tells of each with the request it came with", async () => {
  await add(account.specialist.key, "known");
  const texts = Array.from({ length: 30 }, (_, index) => `Together ${index}`);
  const statements = await statementsOf(app, async () => {
    // The first waits for the ticket, and the others for the first.
    const answers = await whileHeld(ticket, () => texts.map((text) => add(account.specialist.key, text)));
    expect(answers.map((answer) => noteOf(answer)?.text)).toEqual(texts);
    expect(new Set(answers.map((answer) => noteOf(answer)?.number)).size).toBe(texts.length);
    const ids = answers.map((answer) => noteOf(answer)!.uuid);
    const events = await app.database.query<Pick<AuditEvent, "action" | "personId" | "requestId">>(sql`
      SELECT e.action, e.person_id AS "personId", e.request_id AS "requestId" FROM ${auditEventsIn(account.id)}
      WHERE e.entity_id = ANY(${ids}::uuid[])`);
    expect(events.map(({ action, personId }) => [action, personId])).toEqual(
      texts.map(() => ["CREATED", account.specialist.id]),
    );
    expect(new Set(events.map(({ requestId }) => requestId)).size).toBe(texts.length);
    expect(events.every(({ requestId }) => requestId !== null)).toBe(true);
  });
  expect(statements.filter(({ text }) => text.includes("INSERT INTO notes")).length).toBeLessThan(texts.length / 2);
});

/**
 * What comes of `work` that began while `held` was locked against notes, and long enough before it was released for all
 * of it to have begun.
 */
async function whileHeld<Result>(held: Ticket, work: () => Promise<Result>[]): Promise<Result[]> {
  const client = await app.database.pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("SELECT 1 FROM tickets WHERE id = $1 FOR UPDATE", [held.id]);
    const begun = work();
    await setTimeout(1_000);
    await client.query("COMMIT");
    return await Promise.all(begun);
  } finally {
    client.release();
  }
}

test("one whose ticket is not there, or not to be seen, is refused alone", async () => {
  const hidden = await addTicket(app, account, { requester: account.otherCustomer });
  const elsewhere = await addTicket(app, await addAccount(app));
  const answers = await Promise.all([
    add(account.customer.key, "before"),
    add(account.customer.key, "hidden", { ticketId: hidden.id }),
    add(account.customer.key, "elsewhere", { ticketId: elsewhere.id }),
    add(account.customer.key, "internal", { isPublic: false }),
    add(account.customer.key, "after", { ticketId: globalId("Ticket", ticket.id) }),
  ]);
  expect(answers.map((answer) => noteOf(answer)?.text ?? answer.data.addNote)).toEqual([
    "before",
    { code: "NOT_FOUND" },
    { code: "NOT_FOUND" },
    { code: "FORBIDDEN" },
    "after",
  ]);
  expect(await app.database.prisma.note.count({ where: { ticketId: { in: [hidden.id, elsewhere.id] } } })).toBe(0);
});

test("what the database refuses of one is refused of it alone", async () => {
  await app.database.pool.query(
    `CREATE FUNCTION refuse_a_text() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN IF NEW.text = 'refused by the database' THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$;
     CREATE TRIGGER refuse_a_text BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION refuse_a_text()`,
  );
  try {
    const answers = await Promise.all(
      ["one", "refused by the database", "three"].map((text) => add(account.specialist.key, text)),
    );
    expect(answers.map(({ errors }) => errors.map((error) => error.extensions?.["code"]))).toEqual([[], ["INTERNAL"], []]);
    const kept = { ticketId: ticket.id, text: { in: ["one", "refused by the database", "three"] } };
    const notes = await app.database.prisma.note.findMany({ where: kept, orderBy: { number: "asc" } });
    expect(notes.map(({ text }) => text).toSorted()).toEqual(["one", "three"]);
  } finally {
    await app.database.pool.query("DROP TRIGGER refuse_a_text ON notes; DROP FUNCTION refuse_a_text()");
  }
});

test("each author's notes are their own, also of those who write at the same time", async () => {
  const authors = [account.specialist, account.administrator, account.customer];
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, index) => add(authors[index % 3]!.key, `By ${authors[index % 3]!.number}`)),
  );
  const ids = answers.map((answer) => noteOf(answer)!.uuid);
  const notes = await app.database.prisma.note.findMany({ where: { id: { in: ids } } });
  expect(notes.map(({ text, authorNumber }) => text === `By ${authorNumber}`)).toEqual(ids.map(() => true));
});
