import { expect, test } from "vitest";
import { unboundTables } from "./support/account-guard.ts";

test.each([
  `SELECT n.id FROM notes n WHERE n.account_id = $1::uuid AND n.id = ANY($2::uuid[])`,
  `SELECT "public"."notes"."id" FROM "public"."notes" WHERE ("public"."notes"."id" = $1 AND "public"."notes"."account_id" = $2) LIMIT $3`,
  `SELECT id FROM notes WHERE account_id = $1`,
  `UPDATE "public"."notes" SET "text" = $1 WHERE ("public"."notes"."account_id" = $2 AND "public"."notes"."id" = $3)`,
  `DELETE FROM attachments a WHERE a.account_id = $1 AND a.id = $2`,
  `INSERT INTO notes (id, account_id) VALUES ($1, $2)`,
  `INSERT INTO notes AS n (id, account_id) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET text = $3 WHERE n.account_id = excluded.account_id`,
  `SELECT a.id FROM attachments a JOIN notes n ON n.account_id = a.account_id AND n.id = a.note_id WHERE n.account_id = $1`,
  `SELECT t.id FROM tickets t LEFT JOIN LATERAL (SELECT n.* FROM notes n WHERE n.account_id = $1 AND n.ticket_id = t.id) n ON true WHERE t.account_id = $1`,
  `SELECT p.name FROM memberships m JOIN people p ON p.id = m.person_id WHERE m.account_id = $1`,
  `SELECT a.name FROM accounts a WHERE a.id = $1`,
  `WITH gone AS (DELETE FROM notes n WHERE n.account_id = $1 RETURNING n.id) SELECT g.id FROM gone g`,
  `SELECT n.id FROM notes n WHERE n.account_id = $1 AND n.author_number = (SELECT p.number FROM memberships m JOIN people p ON p.id = m.person_id WHERE m.account_id = n.account_id)`,
  `SELECT storage_key FROM discarded_objects LIMIT 10`,
  `SELECT n.id FROM (SELECT n.id, n.account_id FROM notes n) n WHERE n.account_id = $1`,
  `SELECT n.id FROM (SELECT id, account_id FROM notes UNION ALL SELECT id, account_id FROM withdrawn_notes) n WHERE n.account_id = $1`,
])("held to an account: %s", async (statement) => {
  expect(await unboundTables(statement)).toEqual([]);
});

test.each([
  [`SELECT n.id FROM notes n WHERE n.id = $1`, ["notes n"]],
  [`SELECT id FROM notes`, ["notes"]],
  [`SELECT n.id FROM notes n WHERE n.account_id = $1 OR n.id = $2`, ["notes n"]],
  [`SELECT n.id FROM notes n WHERE NOT (n.account_id = $1)`, ["notes n"]],
  [`SELECT n.id FROM notes n WHERE n.account_id <> $1`, ["notes n"]],
  [`SELECT n.id FROM notes n WHERE n.account_id IN ($1, $2)`, ["notes n"]],
  [`SELECT n.id FROM notes n WHERE n.account_id = n.account_id`, ["notes n"]],
  [`UPDATE notes SET text = $1 WHERE id = $2`, ["notes"]],
  [`DELETE FROM tickets WHERE id = $1`, ["tickets"]],
  [`INSERT INTO notes (id) VALUES ($1)`, ["notes"]],
  [`INSERT INTO notes AS n (id, account_id) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET text = $3`, ["notes n"]],
  [`SELECT a.id FROM attachments a JOIN notes n ON n.id = a.note_id WHERE n.account_id = $1`, ["attachments a"]],
  [`SELECT a.id FROM attachments a JOIN notes n ON n.account_id = a.account_id`, ["attachments a", "notes n"]],
  // The condition of a LEFT JOIN does not bind the rows that the join keeps.
  [`SELECT t.id FROM tickets t LEFT JOIN notes n ON n.account_id = $1 AND n.account_id = t.account_id`, ["tickets t"]],
  [
    `SELECT t.id FROM tickets t LEFT JOIN LATERAL (SELECT n.* FROM notes n WHERE n.ticket_id = t.id) n ON true WHERE t.account_id = $1`,
    ["notes n"],
  ],
  // An account that is known of a row of the query around it.
  [
    `SELECT n.id, (SELECT count(*) FROM attachments a WHERE a.account_id = n.account_id) FROM notes n WHERE n.account_id = $1`,
    ["attachments a"],
  ],
  [`WITH gone AS (DELETE FROM notes n WHERE n.id = $1 RETURNING n.id) SELECT g.id FROM gone g`, ["notes n"]],
  [
    `SELECT n.id FROM notes n WHERE n.account_id = $1 AND EXISTS (SELECT 1 FROM attachments a WHERE a.note_id = n.id)`,
    ["attachments a"],
  ],
  [`SELECT n.id FROM notes n WHERE n.account_id = $1 UNION ALL SELECT t.id FROM tickets t`, ["tickets t"]],
  [
    `SELECT n.id FROM (SELECT id, account_id FROM notes UNION ALL SELECT id, account_id FROM withdrawn_notes) n WHERE n.id = $1`,
    ["notes n", "withdrawn_notes n"],
  ],
  [`SELECT n.id FROM (SELECT n.id, n.account_id FROM notes n) n WHERE n.id = $1`, ["notes n"]],
  // Another column under the name of the account's.
  [
    `SELECT n.id FROM (SELECT id, account_id FROM notes UNION ALL SELECT id, ticket_id AS account_id FROM withdrawn_notes) n WHERE n.account_id = $1`,
    ["notes", "withdrawn_notes"],
  ],
  [
    `SELECT n.id FROM (SELECT id, account_id FROM notes WHERE is_public UNION ALL SELECT id, account_id FROM withdrawn_notes) n WHERE n.account_id = $1`,
    ["notes", "withdrawn_notes"],
  ],
  [`SELECT p.name FROM people p WHERE p.id = $1`, ["people p"]],
  [`SELECT a.name FROM accounts a WHERE a.slug = $1`, ["accounts a"]],
  [`INSERT INTO notes (id, account_id) SELECT t.id, t.account_id FROM tickets t WHERE t.id = $1`, ["tickets t"]],
])("not held to an account: %s", async (statement, tables) => {
  expect(await unboundTables(statement)).toEqual(tables);
});
