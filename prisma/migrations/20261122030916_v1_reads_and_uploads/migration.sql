-- DropIndex
DROP INDEX "notes_account_id_author_number_id_idx";

-- DropIndex
DROP INDEX "notes_ticket_id_author_number_id_idx";

-- AlterTable
ALTER TABLE "attachments" ADD COLUMN     "key" TEXT;

-- CreateTable
CREATE TABLE "uploads" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "person_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "filename" TEXT NOT NULL,
    "content_type" TEXT NOT NULL,
    "state" "AttachmentState" NOT NULL DEFAULT 'PENDING',
    "size" BIGINT,
    "storage_key" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "consumed_at" TIMESTAMPTZ(3),

    CONSTRAINT "uploads_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "uploads_storage_key_key" ON "uploads"("storage_key");

-- CreateIndex
CREATE INDEX "uploads_account_id_key_idx" ON "uploads"("account_id", "key");

-- CreateIndex
CREATE INDEX "uploads_account_id_person_id_idx" ON "uploads"("account_id", "person_id");

-- CreateIndex
CREATE INDEX "uploads_created_at_idx" ON "uploads"("created_at");

-- CreateIndex
CREATE INDEX "notes_ticket_id_author_number_number_idx" ON "notes"("ticket_id", "author_number", "number");

-- CreateIndex
CREATE INDEX "notes_ticket_id_is_public_number_idx" ON "notes"("ticket_id", "is_public", "number");

-- CreateIndex
CREATE INDEX "notes_ticket_id_medium_number_idx" ON "notes"("ticket_id", "medium", "number");

-- CreateIndex
CREATE INDEX "notes_account_id_author_number_number_idx" ON "notes"("account_id", "author_number", "number");

-- CreateIndex
CREATE INDEX "notes_account_id_is_public_number_idx" ON "notes"("account_id", "is_public", "number");

-- CreateIndex
CREATE INDEX "notes_account_id_medium_number_idx" ON "notes"("account_id", "medium", "number");

-- CreateIndex
CREATE INDEX "notes_account_id_requester_id_is_public_number_idx" ON "notes"("account_id", "requester_id", "is_public", "number");

-- CreateIndex
CREATE INDEX "tickets_account_id_kind_number_idx" ON "tickets"("account_id", "kind", "number");

-- CreateIndex
CREATE INDEX "tickets_account_id_kind_created_at_id_idx" ON "tickets"("account_id", "kind", "created_at", "id");

-- CreateIndex
CREATE INDEX "tickets_account_id_kind_updated_at_id_idx" ON "tickets"("account_id", "kind", "updated_at", "id");

-- CreateIndex
CREATE INDEX "tickets_account_id_kind_status_number_idx" ON "tickets"("account_id", "kind", "status", "number");

-- CreateIndex
CREATE INDEX "tickets_account_id_requester_id_kind_number_idx" ON "tickets"("account_id", "requester_id", "kind", "number");

-- AddForeignKey
ALTER TABLE "uploads" ADD CONSTRAINT "uploads_account_id_person_id_fkey" FOREIGN KEY ("account_id", "person_id") REFERENCES "memberships"("account_id", "person_id") ON DELETE RESTRICT ON UPDATE CASCADE;


-- From here on by hand: what schema.prisma cannot say.

ALTER TABLE "attachments"
    ADD CONSTRAINT "attachments_key_check" CHECK (octet_length("key") BETWEEN 1 AND 1024);

ALTER TABLE "uploads"
    ADD CONSTRAINT "uploads_key_check" CHECK (octet_length("key") BETWEEN 1 AND 1024),
    ADD CONSTRAINT "uploads_filename_check" CHECK (octet_length("filename") BETWEEN 1 AND 255),
    ADD CONSTRAINT "uploads_size_check" CHECK ("size" >= 0),
    ADD CONSTRAINT "uploads_ready_check" CHECK ("state" <> 'READY' OR "size" IS NOT NULL),
    ADD CONSTRAINT "uploads_consumed_check" CHECK ("consumed_at" IS NULL OR "state" = 'READY');

-- The bytes of an upload that no note has taken go when its row goes. Those of one that was taken are the attachment's.
CREATE TRIGGER "uploads_discard" AFTER DELETE ON "uploads"
    FOR EACH ROW WHEN (OLD."consumed_at" IS NULL) EXECUTE FUNCTION "attachments_discard_object"();
