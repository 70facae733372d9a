-- Compatible with: 20261127100100_versions_of_notes
--
-- The members of an account, and those of a role, by number. prisma/schema.prisma cannot say which rows an index has.

CREATE INDEX CONCURRENTLY "memberships_current_account_id_person_number_idx" ON "memberships" ("account_id", "person_number") WHERE "ended_at" IS NULL;

CREATE INDEX CONCURRENTLY "memberships_current_account_id_role_person_number_idx" ON "memberships" ("account_id", "role", "person_number") WHERE "ended_at" IS NULL;
