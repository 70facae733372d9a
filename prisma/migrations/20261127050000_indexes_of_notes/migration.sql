-- Compatible with: 20261126150000_audit_by_month
--
-- Six indexes of notes in place of fourteen. The version before finds the same rows with them, some of them by reading more.

CREATE INDEX CONCURRENTLY "notes_account_id_created_at_id_is_public_idx" ON "notes" ("account_id", "created_at", "id", "is_public");

CREATE INDEX CONCURRENTLY "notes_account_id_author_number_number_is_public_medium_idx" ON "notes" ("account_id", "author_number", "number", "is_public", "medium");

CREATE INDEX CONCURRENTLY "notes_ticket_id_created_at_id_is_public_idx" ON "notes" ("ticket_id", "created_at", "id", "is_public");

CREATE INDEX CONCURRENTLY "notes_ticket_id_number_is_public_medium_author_number_idx" ON "notes" ("ticket_id", "number", "is_public", "medium", "author_number");

-- What customers see. prisma/schema.prisma cannot say which rows an index has.
CREATE INDEX CONCURRENTLY "notes_public_account_id_requester_id_created_at_id_idx" ON "notes" ("account_id", "requester_id", "created_at", "id") WHERE "is_public";

CREATE INDEX CONCURRENTLY "notes_public_account_id_requester_id_number_idx" ON "notes" ("account_id", "requester_id", "number") WHERE "is_public";

DROP INDEX CONCURRENTLY "notes_account_id_author_number_medium_is_public_number_idx";

DROP INDEX CONCURRENTLY "notes_account_id_author_number_number_idx";

DROP INDEX CONCURRENTLY "notes_account_id_created_at_id_idx";

DROP INDEX CONCURRENTLY "notes_account_id_created_at_number_idx";

DROP INDEX CONCURRENTLY "notes_account_id_is_public_number_idx";

DROP INDEX CONCURRENTLY "notes_account_id_medium_number_idx";

DROP INDEX CONCURRENTLY "notes_account_id_requester_id_created_at_id_idx";

DROP INDEX CONCURRENTLY "notes_account_id_requester_id_is_public_number_idx";

DROP INDEX CONCURRENTLY "notes_ticket_id_author_number_number_idx";

DROP INDEX CONCURRENTLY "notes_ticket_id_created_at_id_idx";

DROP INDEX CONCURRENTLY "notes_ticket_id_is_public_number_idx";

DROP INDEX CONCURRENTLY "notes_ticket_id_medium_number_idx";

DROP INDEX CONCURRENTLY "notes_ticket_id_number_idx";
