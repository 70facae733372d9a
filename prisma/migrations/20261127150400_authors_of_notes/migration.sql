-- Compatible with: 20261127100100_versions_of_notes
--
-- The authors of a ticket, and those who wrote to a customer: each is found by one step in the index, however many notes they wrote.

CREATE INDEX CONCURRENTLY "notes_ticket_id_is_public_author_number_idx" ON "notes" ("ticket_id", "is_public", "author_number");

CREATE INDEX CONCURRENTLY "notes_public_account_id_requester_id_author_number_idx" ON "notes" ("account_id", "requester_id", "author_number") WHERE "is_public";
