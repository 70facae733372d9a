import type pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { createAuditMaintenance } from "../../../src/database/audit-maintenance.ts";
import type { Database } from "../../../src/database/database.ts";
import { fillNoteCounts, fillTicketAuthors } from "../../support/note-counts.ts";
import { addAccount, keyWith, type TestAccount, type TestApp } from "../../support/app.ts";

/** The account with few and the account with many notes, whose reads are compared. */
const accountSizes = { small: 10_000, large: 1_000_000 } as const;

/** Who asks. */
export const roles = ["customer", "specialist", "specialist without internal notes", "administrator"] as const;
export type AskingRole = (typeof roles)[number];

/** An account with as many notes and audit events, and what operations name of it. */
export interface FilledAccount {
  readonly notes: number;
  readonly account: TestAccount;
  /** The API key of each role. */
  readonly keys: Readonly<Record<AskingRole, string>>;
  /** The customer's ticket, which has one in fifty of the notes. */
  readonly ticket: { readonly id: string; readonly number: number };
  /** A note of the first ticket with attachments. */
  readonly note: { readonly id: string; readonly number: number };
  /** A public note of the customer's ticket with 200 edits and three redactions. */
  readonly edited: { readonly id: string };
  /** A word that one note has, which the customer sees. */
  readonly noteWord: number;
}

/** The place of a note that is public, and of the ticket that has one in fifty of the notes. */
const editedNote = 150;

/** The time of the first note. There is one a minute. */
const start = Date.UTC(2025, 0, 1);
/** Returns the time of the note at `share` of all notes of an account, as ISO 8601. */
export function timeAt({ notes }: Pick<FilledAccount, "notes">, share: number): string {
  return new Date(start + Math.floor(notes * share) * 60_000).toISOString();
}

/**
 * Fills an account by SQL. Its notes are not evenly spread, so that each filter has a value that most rows have, one
 * that few have, and one that none has:
 *
 * - a third of the notes is public, but the last hundredth is internal
 * - one in five is of the specialist, the first hundred are of the administrator, none is of the other customer
 * - one in ten came by mail, one in a thousand is the system's, the first fifty were sent by mail, none was redacted
 * - one in twenty was written after a scan, none before one
 * - one in forty was updated, after the last one was added, in another order
 * - one in forty has an edit, one in a thousand a redaction, and as many as one in two hundred were withdrawn
 * - the customer requested one in ten tickets, and the one that has one in fifty of the notes
 */
async function fillAccount(app: TestApp, client: pg.ClientBase, notes: number): Promise<FilledAccount> {
  const account = await addAccount(app);
  const { administrator, specialist, customer } = account;
  const own = uuidv7();
  const counts = { people: notes / 100, tickets: notes / 20, attachments: (notes * 3) / 10, keys: notes / 100 };
  const time = (minutes: string) => `timestamptz '${new Date(start).toISOString()}' + ${minutes} * interval '1 minute'`;
  await client.query(`
    CREATE TEMP TABLE filled_people AS
      SELECT i, gen_random_uuid() AS id, nextval(pg_get_serial_sequence('people', 'number'))::integer AS number
      FROM generate_series(0, ${counts.people - 1}) i;
    INSERT INTO people (id, number, account_id, name, email, created_at)
      SELECT id, number, '${account.id}', 'Person ' || i, 'person' || i || '@' || '${account.slug}', ${time("0")} FROM filled_people;
    INSERT INTO memberships (account_id, person_id, person_number, role, created_at)
      SELECT '${account.id}', id, number, 'CUSTOMER', ${time("0")} FROM filled_people;
    CREATE TEMP TABLE filled_tickets AS
      SELECT s.i, CASE WHEN s.i = 0 THEN '${own}' ELSE gen_random_uuid() END AS id,
        CASE WHEN s.i % 10 = 0 THEN '${customer.id}'::uuid WHEN s.i % 10 <> 1 THEN p.id END AS requester_id
      FROM generate_series(0, ${counts.tickets}) s(i) JOIN filled_people p ON p.i = s.i % ${counts.people};
    INSERT INTO tickets (id, account_id, kind, status, subject, requester_id, created_at, updated_at)
      SELECT id, '${account.id}',
        (CASE WHEN i % 1000 = 999 THEN 'RISK' WHEN i % 5 = 3 THEN 'PROBLEM' WHEN i % 5 = 4 THEN 'TASK' ELSE 'REQUEST' END)::"TicketKind",
        (CASE WHEN i < 20 THEN 'OUTSOURCED' WHEN i % 2 = 0 THEN 'PENDING' ELSE 'CLOSED' END)::"TicketStatus",
        'Ticket ' || i, requester_id, ${time("i * 20")}, ${time(`(i * 7 % ${counts.tickets}) * 20`)}
      FROM filled_tickets ORDER BY i;
    CREATE TEMP TABLE filled_notes AS
      SELECT i, gen_random_uuid() AS id, CASE WHEN i % 50 = 0 THEN 0 ELSE 1 + (i - 1) / 20 END AS ticket
      FROM generate_series(1, ${notes}) i;
    INSERT INTO notes (id, account_id, ticket_id, requester_id, author_number, text, is_public, categories, medium, created_at)
      SELECT n.id, '${account.id}', t.id, t.requester_id,
        CASE WHEN n.i <= 100 THEN ${administrator.number} WHEN n.i % 5 = 0 THEN ${specialist.number} ELSE p.number END,
        'Note ' || n.i || ': ' || repeat('found, said and decided. ', 4), n.i % 3 = 0 AND n.i <= ${notes * 0.99},
        CASE WHEN n.i % 20 = 1 THEN '{POST_SCAN}' ELSE '{}' END::"NoteCategory"[],
        (CASE WHEN n.i <= 50 THEN 'OUTBOUND_EMAIL' WHEN n.i % 10 = 3 THEN 'EMAIL' WHEN n.i % 1000 = 500 THEN 'SYSTEM' ELSE 'DEFAULT' END)::"NoteMedium",
        ${time("n.i")}
      FROM filled_notes n JOIN filled_tickets t ON t.i = n.ticket JOIN filled_people p ON p.i = n.i % ${counts.people}
      ORDER BY n.i;
    UPDATE notes n SET updated_at = ${time(`(${notes} + i * 7 % ${notes})`)}, version = CASE WHEN f.i = ${editedNote} THEN 201 ELSE 2 END
      FROM filled_notes f WHERE f.id = n.id AND n.account_id = '${account.id}' AND (f.i % 40 = 7 OR f.i = ${editedNote});
    INSERT INTO note_updates (account_id, note_id, ticket_id, requester_id, is_public, updated_at)
      SELECT account_id, id, ticket_id, requester_id, is_public, updated_at
      FROM notes WHERE account_id = '${account.id}' AND updated_at IS NOT NULL;
    INSERT INTO note_edits (id, account_id, note_id, version, text, is_public, categories, edited_at, editor_number)
      SELECT gen_random_uuid(), '${account.id}', n.id, v.version, 'State ' || v.version, n.is_public, n.categories, ${time(`(${notes} + v.version)`)},
        ${specialist.number}
      FROM filled_notes f JOIN notes n ON n.id = f.id CROSS JOIN LATERAL generate_series(1, CASE WHEN f.i = ${editedNote} THEN 200 ELSE 1 END) v(version)
      WHERE f.i % 40 = 7 OR f.i = ${editedNote};
    INSERT INTO redactions (id, account_id, note_id, redacted_at, redactor_number, reason)
      SELECT gen_random_uuid(), '${account.id}', f.id, ${time(`(${notes} + r.i)`)}, ${administrator.number}, 'SECRET'
      FROM filled_notes f CROSS JOIN LATERAL generate_series(1, CASE WHEN f.i = ${editedNote} THEN 3 ELSE 1 END) r(i)
      WHERE f.i % 1000 = 500 OR f.i = ${editedNote};
    INSERT INTO withdrawn_notes (id, number, account_id, ticket_id, requester_id, author_number, is_public, created_at)
      SELECT gen_random_uuid(), nextval(pg_get_serial_sequence('notes', 'number'))::integer, '${account.id}', t.id, t.requester_id,
        ${specialist.number}, n.i % 3 = 0, ${time("n.i")}
      FROM filled_notes n JOIN filled_tickets t ON t.i = n.ticket WHERE n.i % 200 = 151 ORDER BY n.i;
    INSERT INTO search_segments (account_id, kind, first_number)
      SELECT r.account_id, r.kind, CASE WHEN r.place = 0 THEN 0 ELSE r.number END FROM (
        SELECT account_id, 'NOTE'::"SearchKind" AS kind, number, row_number() OVER (ORDER BY number) - 1 AS place
        FROM notes WHERE account_id = '${account.id}'
        UNION ALL
        SELECT account_id, 'TICKET'::"SearchKind", number, row_number() OVER (ORDER BY number) - 1 FROM tickets WHERE account_id = '${account.id}'
      ) r WHERE r.place % 8192 = 0 ORDER BY r.kind, r.number;
    INSERT INTO search_documents (account_id, id, ticket_id, segment, number, is_public, requester_id, document)
      SELECT n.account_id, n.id, n.ticket_id, g.id, n.number, n.is_public, n.requester_id, words.document || array_to_tsvector(ARRAY[f.i::text])
      FROM notes n JOIN filled_notes f ON f.id = n.id
      CROSS JOIN (SELECT search_document('Note : ' || repeat('found, said and decided. ', 4), '{simple}') AS document) words
      CROSS JOIN LATERAL (SELECT search_segment('${account.id}', 'NOTE', n.number) AS id) g
      WHERE n.account_id = '${account.id}' ORDER BY n.number;
    INSERT INTO search_documents (account_id, id, ticket_id, segment, number, is_public, requester_id, document)
      SELECT account_id, id, id, search_segment(account_id, 'TICKET', number), number, true, requester_id, search_document(subject, '{simple}')
      FROM tickets WHERE account_id = '${account.id}' ORDER BY number;
    INSERT INTO attachments (id, account_id, note_id, filename, content_type, state, size, storage_key, created_at)
      SELECT gen_random_uuid(), '${account.id}', n.id, 'file' || a.i || '.png', 'image/png', 'READY', 1000, '${account.slug}/' || a.i, ${time("a.i")}
      FROM generate_series(1, ${counts.attachments}) a(i) JOIN filled_notes n ON n.i = 1 + (a.i / 3) * 10;
    ${fillNoteCounts(`t.account_id = '${account.id}'`)};
    ${fillTicketAuthors(`n.account_id = '${account.id}'`)};
    INSERT INTO api_keys (id, account_id, person_id, name, hash, scopes, created_at)
      SELECT gen_random_uuid(), '${account.id}', CASE WHEN k <= 60 THEN '${customer.id}' ELSE '${specialist.id}' END::uuid, 'Key ' || k,
        sha256(('${account.slug}' || k)::bytea), '{notes:read}', ${time("k")}
      FROM generate_series(1, ${counts.keys}) k;
    WITH named AS MATERIALIZED (SELECT
      (audit_value_ids('${account.id}', 'EDITED NOTE', '${customer.id}', NULL, NULL, NULL)) AS of_customer,
      (audit_value_ids('${account.id}', 'DELETED NOTE', '${specialist.id}', NULL, NULL, NULL)) AS of_specialist,
      (audit_value_ids('${account.id}', 'CREATED TICKET', NULL, NULL, NULL, NULL)) AS of_tickets)
    INSERT INTO audit_events (id, account_id, action, entity, entity_id, kind_ref, person_ref, created_at)
      SELECT gen_random_uuid(), '${account.id}',
        (CASE WHEN n.i <= 60 THEN 'DELETED' WHEN n.i % 20 = 1 THEN 'CREATED' ELSE 'EDITED' END)::"AuditAction",
        (CASE WHEN n.i > 60 AND n.i % 20 = 1 THEN 'TICKET' ELSE 'NOTE' END)::"AuditEntity", n.id,
        CASE WHEN n.i <= 60 THEN of_specialist[1] WHEN n.i % 20 = 1 THEN of_tickets[1] ELSE of_customer[1] END,
        CASE WHEN n.i % 2000 = 0 THEN of_customer[2] ELSE of_specialist[2] END, ${time("n.i")}
      FROM filled_notes n, named`);
  const { rows } = await client.query<{ ticket_number: number; note_id: string; note_number: number; edited_id: string }>(
    `SELECT t.number AS ticket_number, n.id AS note_id, n.number AS note_number, e.id AS edited_id
     FROM tickets t, filled_notes e, filled_notes f JOIN notes n ON n.id = f.id
     WHERE t.id = '${own}' AND f.i = 11 AND e.i = ${editedNote}`,
  );
  await client.query("DROP TABLE filled_people, filled_tickets, filled_notes");
  const [named] = rows;
  if (!named) throw new Error("The account has no ticket of its customer.");
  const scopes = ["tickets:read", "notes:read", "attachments:read"] as const;
  return {
    notes,
    account,
    keys: {
      customer: customer.key,
      specialist: specialist.key,
      "specialist without internal notes": await keyWith(app, specialist, scopes),
      administrator: administrator.key,
    },
    ticket: { id: own, number: named.ticket_number },
    note: { id: named.note_id, number: named.note_number },
    edited: { id: named.edited_id },
    noteWord: editedNote,
  };
}

/**
 * Fills both accounts. As a restored backup would come in: other indexes of notes last, nothing asked of single rows,
 * and the months of the audit made at the end.
 */
export async function fillAccounts(app: TestApp, database: Database): Promise<readonly [FilledAccount, FilledAccount]> {
  const { pool, end } = database.openMaintenancePool();
  const client = await pool.connect();
  try {
    await client.query(
      "SET synchronous_commit = off; SET session_replication_role = replica; SET maintenance_work_mem = '512MB'",
    );
    const { rows: indexes } = await client.query<{ name: string; definition: string }>(
      `SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
       WHERE i.indrelid = ANY ('{notes,search_documents}'::regclass[]) AND NOT i.indisunique`,
    );
    for (const { name } of indexes) await client.query(`DROP INDEX ${name}`);
    const small = await fillAccount(app, client, accountSizes.small);
    const large = await fillAccount(app, client, accountSizes.large);
    for (const { definition } of indexes) await client.query(definition);
    const log = { info: () => undefined, warn: () => undefined };
    await createAuditMaintenance({ database, retentionDays: 36_500, clock: () => new Date(), log })();
    await client.query("VACUUM (ANALYZE)");
    return [small, large];
  } finally {
    client.release();
    await end();
  }
}
