-- DropIndex
DROP INDEX "notes_account_id_number_idx";

-- DropIndex
DROP INDEX "notes_number_key";

-- DropIndex
DROP INDEX "tickets_account_id_number_idx";

-- DropIndex
DROP INDEX "tickets_number_key";

-- CreateIndex
CREATE INDEX "notes_account_id_created_at_number_idx" ON "notes"("account_id", "created_at", "number");

-- CreateIndex
CREATE INDEX "notes_account_id_author_number_medium_is_public_number_idx" ON "notes"("account_id", "author_number", "medium", "is_public", "number");

-- CreateIndex
CREATE UNIQUE INDEX "notes_account_id_number_key" ON "notes"("account_id", "number");

-- CreateIndex
CREATE UNIQUE INDEX "tickets_account_id_number_key" ON "tickets"("account_id", "number");
