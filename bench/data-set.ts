import pg from "pg";
import type { Role } from "../src/viewer.ts";

/** The amount of data in the contestants' databases. */
export interface DataSetSize {
  readonly tickets: number;
  readonly notesPerTicket: number;
  readonly attachments: number;
  readonly people: number;
}

/** With 400 people, the newest 10 notes of 50 tickets in a row have 200 authors. */
export const fullSize: DataSetSize = { tickets: 50_000, notesPerTicket: 20, attachments: 300_000, people: 400 };
export const smokeSize: DataSetSize = { tickets: 500, notesPerTicket: 30, attachments: 6_000, people: 60 };

export const accountId = "00000000-0000-7000-8000-000000000001";

/** Ids are computed, so that statements of the data set can refer to each other, and every run reads the same rows. */
const uuidOf = (kind: number, number: string) =>
  `(lpad(to_hex(${number}), 8, '0') || '-0000-7000-8000-${String(kind).padStart(12, "0")}')::uuid`;

/**
 * Fills an empty, migrated database: one account, its staff, tickets with equally many notes, spread over two years,
 * and attachments on the notes.
 */
export async function fillDataSet(url: string, size: DataSetSize): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("SET synchronous_commit = off");
    await insertDataSet(client, size);
    // PostGraphile takes constraints for unique, not the unique indexes that Prisma makes. The index behind it stays
    // the same.
    await client.query("ALTER TABLE people ADD CONSTRAINT people_number_unique UNIQUE USING INDEX people_number_key");
    // The gateway makes ids and times itself. The other contestants leave them to the database.
    await client.query(
      "ALTER TABLE notes ALTER COLUMN id SET DEFAULT gen_random_uuid(), ALTER COLUMN created_at SET DEFAULT now()",
    );
    // The gateway reads within an account and has indexes for that. The other contestants read across accounts, and
    // would sort every row for a page, or find no note by its id alone.
    await client.query("CREATE INDEX ON notes (created_at, id); CREATE INDEX ON tickets (created_at, id)");
    await client.query("ALTER TABLE notes ADD CONSTRAINT notes_id_unique UNIQUE (id)");
    await client.query("VACUUM (ANALYZE)");
  } finally {
    await client.end();
  }
}

/**
 * Inserts the rows of the data set into an empty, migrated database. Those of which there are many are inserted without
 * triggers and foreign keys.
 */
export async function insertDataSet(client: pg.ClientBase, size: DataSetSize): Promise<void> {
  const notes = size.tickets * size.notesPerTicket;
  await client.query(`
    INSERT INTO accounts (id, slug, name, time_zone, created_at) VALUES ('${accountId}', 'bench', 'Bench', 'UTC', '2024-01-01');
    INSERT INTO people (id, account_id, name, email, created_at)
      SELECT ${uuidOf(1, "i")}, '${accountId}', 'Person ' || i, 'person' || i || '@example.com', '2024-01-01'
      FROM generate_series(1, ${size.people}) i;
    INSERT INTO memberships (account_id, person_id, role, created_at)
      SELECT '${accountId}', id, (CASE WHEN number % 10 = 0 THEN 'ADMINISTRATOR' WHEN number % 5 = 0 THEN 'SPECIALIST' ELSE 'CUSTOMER' END)::"Role",
             '2024-01-01' FROM people;
  `);
  await client.query("SET session_replication_role = replica");
  await client.query(`
    INSERT INTO tickets (id, account_id, kind, status, subject, requester_id, created_at, updated_at)
      SELECT ${uuidOf(2, "i")}, '${accountId}', 'REQUEST', 'PENDING', 'Ticket ' || i, ${uuidOf(1, `1 + i % ${size.people}`)},
             timestamptz '2024-01-01' + i * interval '20 minutes', timestamptz '2024-01-01' + i * interval '20 minutes'
      FROM generate_series(1, ${size.tickets}) i;
    INSERT INTO notes (id, account_id, ticket_id, requester_id, author_number, text, is_public, categories, medium, created_at)
      SELECT ${uuidOf(3, "i")}, '${accountId}', ${uuidOf(2, `1 + (i - 1) / ${size.notesPerTicket}`)},
             ${uuidOf(1, `1 + (1 + (i - 1) / ${size.notesPerTicket}) % ${size.people}`)}, 1 + i % ${size.people},
             'Note ' || i || ': ' || repeat('found, said and decided. ', 4 + i % 8), i % 3 = 0, '{}', 'DEFAULT',
             timestamptz '2024-01-01' + i * interval '1 minute'
      FROM generate_series(1, ${notes}) i;
    INSERT INTO attachments (id, account_id, note_id, filename, content_type, state, size, storage_key, created_at)
      SELECT ${uuidOf(4, "i")}, '${accountId}', ${uuidOf(3, `1 + (i::bigint * 7919) % ${notes}`)}, 'file' || i || '.png', 'image/png', 'READY', 1000 + i,
             'bench/' || i, timestamptz '2024-06-01' + i * interval '1 second'
      FROM generate_series(1, ${size.attachments}) i;
    SELECT setval(pg_get_serial_sequence('people', 'number'), ${size.people});
  `);
  // As the triggers would have left it. Older versions, which bench:compare measures, have no such table.
  await client.query(`
    DO $$ BEGIN
      IF to_regclass('note_counts') IS NOT NULL THEN
        INSERT INTO note_counts (account_id, ticket_id, public_notes, internal_notes)
        SELECT account_id, ticket_id, count(*) FILTER (WHERE is_public), count(*) FILTER (WHERE NOT is_public)
        FROM notes GROUP BY account_id, ticket_id;
      END IF;
      IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('note_counts') AND attname = 'last_note_at') THEN
        UPDATE note_counts c SET requester_id = t.requester_id, last_note_at = l.last_note_at, last_public_note_at = l.last_public_note_at
        FROM tickets t, (
          SELECT ticket_id, max(created_at) AS last_note_at, coalesce(max(created_at) FILTER (WHERE is_public), '-infinity') AS last_public_note_at
          FROM notes GROUP BY ticket_id
        ) l
        WHERE t.id = c.ticket_id AND l.ticket_id = c.ticket_id;
      END IF;
      IF to_regclass('ticket_authors') IS NOT NULL THEN
        INSERT INTO ticket_authors (account_id, ticket_id, is_public, author_number, requester_id)
        SELECT DISTINCT account_id, ticket_id, is_public, author_number, requester_id FROM notes;
      END IF;
      IF to_regclass('search_documents') IS NOT NULL THEN
        DROP INDEX search_documents_keys;
        INSERT INTO search_segments (account_id, kind, first_number)
        SELECT '${accountId}', kind::"SearchKind", first FROM (VALUES ('NOTE', ${notes}), ('TICKET', ${size.tickets})) AS counted (kind, count)
          CROSS JOIN LATERAL generate_series(0, count, 8192) AS first;
        INSERT INTO search_documents (account_id, id, ticket_id, segment, number, is_public, requester_id, document)
        SELECT account_id, id, ticket_id, search_segment(account_id, 'NOTE', number), number, is_public, requester_id, search_document(text, '{simple}')
        FROM notes ORDER BY number;
        INSERT INTO search_documents (account_id, id, ticket_id, segment, number, is_public, requester_id, document)
        SELECT account_id, id, id, search_segment(account_id, 'TICKET', number), number, true, requester_id, search_document(subject, '{simple}')
        FROM tickets ORDER BY number;
        CREATE INDEX search_documents_keys ON search_documents
          USING gin (search_keys(segment, is_public, requester_id, document)) WITH (gin_pending_list_limit = 64);
      END IF;
    END $$`);
  await client.query("SET session_replication_role = DEFAULT");
}

/** Returns the role of the nth person, from 1: one in ten is an administrator, and one in ten a specialist. */
export function roleOf(n: number): Role {
  if (n % 10 === 0) return "ADMINISTRATOR";
  return n % 5 === 0 ? "SPECIALIST" : "CUSTOMER";
}

/** The id of the nth ticket or note, from 1. */
export const ticketId = (n: number) => id(2, n);
export const noteId = (n: number) => id(3, n);
export const personId = (n: number) => id(1, n);

function id(kind: number, n: number): string {
  return `${n.toString(16).padStart(8, "0")}-0000-7000-8000-${String(kind).padStart(12, "0")}`;
}
