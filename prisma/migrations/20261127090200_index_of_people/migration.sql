-- Compatible with: 20261127050100_key_of_notes
--
-- The people of an account by number.

CREATE UNIQUE INDEX CONCURRENTLY "memberships_account_id_person_number_key" ON "memberships" ("account_id", "person_number");
