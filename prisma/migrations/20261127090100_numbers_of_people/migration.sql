-- Compatible with: 20261127050100_key_of_notes
--
-- The memberships from before have the number too. In a migration of its own: memberships are read to verify each credential, and the lock of ALTER TABLE
-- would keep them from it for as long as this takes.

UPDATE "memberships" m SET "person_number" = p."number" FROM "people" p WHERE p."id" = m."person_id";
