-- Compatible with: 20261127100100_versions_of_notes
--
-- The people with an address, however it is spelled.

CREATE INDEX CONCURRENTLY "people_lower_email_idx" ON "people" (lower("email"));
