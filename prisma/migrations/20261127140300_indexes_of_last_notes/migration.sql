-- Compatible with: 20261127100100_versions_of_notes
--
-- Tickets by the last note: for who sees internal notes, for staff who do not, and for a customer.

CREATE INDEX CONCURRENTLY "note_counts_account_id_last_note_at_ticket_id_idx" ON "note_counts" ("account_id", "last_note_at", "ticket_id");

CREATE INDEX CONCURRENTLY "note_counts_account_id_last_public_note_at_ticket_id_idx" ON "note_counts" ("account_id", "last_public_note_at", "ticket_id");

CREATE INDEX CONCURRENTLY "note_counts_account_id_requester_id_last_public_note_at_tic_idx" ON "note_counts" ("account_id", "requester_id", "last_public_note_at", "ticket_id");
