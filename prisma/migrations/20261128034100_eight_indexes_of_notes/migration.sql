-- Compatible with: 20261127182500_search_spelling
--
-- What ticket_authors has is no longer read by indexes of notes.

DROP INDEX CONCURRENTLY "notes_ticket_id_is_public_author_number_idx";

DROP INDEX CONCURRENTLY "notes_public_account_id_requester_id_author_number_idx";
