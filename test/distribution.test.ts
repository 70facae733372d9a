import { describe, expect, test } from "vitest";
import { openWorkerDatabase } from "./support/database.ts";

// What docs/scaling.md says of the tables of an account: a database that is distributed by account accepts their keys,
// but for those that are named here and there.

const distributed = [
  "tickets",
  "notes",
  "note_counts",
  "ticket_authors",
  "note_updates",
  "search_segments",
  "search_documents",
  "attachments",
  "uploads",
  "audit_values",
  "audit_events",
  "inbound_emails",
  "deleted_notes",
  "deleted_attachments",
  "withdrawn_notes",
];
const onEveryNode = ["accounts", "people", "memberships"];

/** Unique over all accounts, though each is of one account: step 1 of the document adds the account. */
const withoutAccount = [
  ...["tickets_pkey", "notes_pkey", "uploads_pkey", "uploads_storage_key_key"],
  ...["attachments_pkey", "attachments_number_key", "attachments_storage_key_key", "attachments_note_id_filename_key"],
];

describe("tables that can be distributed by account", () => {
  test("have the account in each unique key, but for the named ones", async () => {
    const { pool } = await openWorkerDatabase();
    const { rows } = await pool.query<{ name: string; has_account: boolean }>(
      `SELECT x.indexrelid::regclass::text AS name,
         EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = x.indrelid AND a.attname = 'account_id' AND a.attnum = ANY (x.indkey)) AS has_account
       FROM pg_index x WHERE x.indisunique AND x.indrelid = ANY ($1::regclass[])`,
      [distributed],
    );
    expect(rows.length).toBeGreaterThan(distributed.length);
    expect(withoutAccount).toEqual(expect.arrayContaining(rows.filter((row) => !row.has_account).map(({ name }) => name)));
  });

  test("refer to each other by the account, and else to tables of every node only", async () => {
    const { pool } = await openWorkerDatabase();
    const { rows } = await pool.query<{ name: string; target: string; first_columns: string }>(
      `SELECT c.conname AS name, c.confrelid::regclass::text AS target, f.attname || ' ' || t.attname AS first_columns
       FROM pg_constraint c
       JOIN pg_attribute f ON f.attrelid = c.conrelid AND f.attnum = c.conkey[1]
       JOIN pg_attribute t ON t.attrelid = c.confrelid AND t.attnum = c.confkey[1]
       WHERE c.contype = 'f' AND c.conrelid = ANY ($1::regclass[])`,
      [distributed],
    );
    const among = rows.filter(({ target }) => !onEveryNode.includes(target));
    expect(among.length).toBeGreaterThan(0);
    for (const { name, target, first_columns } of among) {
      expect(distributed, name).toContain(target);
      expect(first_columns, name).toBe("account_id account_id");
    }
  });
});
