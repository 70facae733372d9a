-- CreateEnum
CREATE TYPE "Role" AS ENUM ('CUSTOMER', 'SPECIALIST', 'ADMINISTRATOR');

-- CreateEnum
CREATE TYPE "TicketKind" AS ENUM ('REQUEST', 'PROBLEM', 'WORKFLOW', 'TASK', 'PROJECT_TASK', 'PROJECT', 'RELEASE', 'RISK');

-- CreateEnum
CREATE TYPE "TicketStatus" AS ENUM ('PREPARED', 'PENDING', 'IN_PROGRESS', 'OUTSOURCED', 'CLOSED', 'CANCELLED');

-- CreateEnum
CREATE TYPE "NoteCategory" AS ENUM ('PRE_SCAN', 'POST_SCAN');

-- CreateEnum
CREATE TYPE "NoteMedium" AS ENUM ('DEFAULT', 'EMAIL', 'OUTBOUND_EMAIL', 'SYSTEM', 'REDACTED', 'AUTOMATION');

-- CreateEnum
CREATE TYPE "AttachmentState" AS ENUM ('PENDING', 'READY');

-- CreateTable
CREATE TABLE "accounts" (
    "id" UUID NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "time_zone" TEXT NOT NULL DEFAULT 'UTC',
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "accounts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "people" (
    "id" UUID NOT NULL,
    "number" SERIAL NOT NULL,
    "account_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "people_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "memberships" (
    "account_id" UUID NOT NULL,
    "person_id" UUID NOT NULL,
    "role" "Role" NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "memberships_pkey" PRIMARY KEY ("account_id","person_id")
);

-- CreateTable
CREATE TABLE "api_keys" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "person_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "scopes" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "tickets" (
    "id" UUID NOT NULL,
    "number" SERIAL NOT NULL,
    "account_id" UUID NOT NULL,
    "kind" "TicketKind" NOT NULL,
    "status" "TicketStatus" NOT NULL DEFAULT 'PENDING',
    "subject" TEXT NOT NULL,
    "requester_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "tickets_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "notes" (
    "id" UUID NOT NULL,
    "number" SERIAL NOT NULL,
    "account_id" UUID NOT NULL,
    "ticket_id" UUID NOT NULL,
    "requester_id" UUID,
    "author_number" INTEGER NOT NULL,
    "text" TEXT NOT NULL,
    "is_public" BOOLEAN NOT NULL DEFAULT false,
    "categories" "NoteCategory"[],
    "medium" "NoteMedium" NOT NULL DEFAULT 'DEFAULT',
    "source" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3),

    CONSTRAINT "notes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "attachments" (
    "id" UUID NOT NULL,
    "number" SERIAL NOT NULL,
    "account_id" UUID NOT NULL,
    "note_id" UUID NOT NULL,
    "filename" TEXT NOT NULL,
    "content_type" TEXT NOT NULL,
    "inline" BOOLEAN NOT NULL DEFAULT false,
    "state" "AttachmentState" NOT NULL DEFAULT 'PENDING',
    "size" BIGINT,
    "storage_key" TEXT NOT NULL,
    "upload_expires_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "attachments_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "discarded_objects" (
    "storage_key" TEXT NOT NULL,
    "discarded_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "discarded_objects_pkey" PRIMARY KEY ("storage_key")
);

-- CreateIndex
CREATE UNIQUE INDEX "accounts_slug_key" ON "accounts"("slug");

-- CreateIndex
CREATE UNIQUE INDEX "people_number_key" ON "people"("number");

-- CreateIndex
CREATE UNIQUE INDEX "people_account_id_email_key" ON "people"("account_id", "email");

-- CreateIndex
CREATE INDEX "memberships_person_id_idx" ON "memberships"("person_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_hash_key" ON "api_keys"("hash");

-- CreateIndex
CREATE INDEX "api_keys_account_id_person_id_idx" ON "api_keys"("account_id", "person_id");

-- CreateIndex
CREATE UNIQUE INDEX "tickets_number_key" ON "tickets"("number");

-- CreateIndex
CREATE INDEX "tickets_account_id_created_at_id_idx" ON "tickets"("account_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "tickets_account_id_updated_at_id_idx" ON "tickets"("account_id", "updated_at", "id");

-- CreateIndex
CREATE INDEX "tickets_account_id_number_idx" ON "tickets"("account_id", "number");

-- CreateIndex
CREATE INDEX "tickets_account_id_requester_id_created_at_id_idx" ON "tickets"("account_id", "requester_id", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "tickets_account_id_id_key" ON "tickets"("account_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "notes_number_key" ON "notes"("number");

-- CreateIndex
CREATE INDEX "notes_ticket_id_created_at_id_idx" ON "notes"("ticket_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "notes_ticket_id_number_idx" ON "notes"("ticket_id", "number");

-- CreateIndex
CREATE INDEX "notes_ticket_id_author_number_id_idx" ON "notes"("ticket_id", "author_number", "id");

-- CreateIndex
CREATE INDEX "notes_account_id_created_at_id_idx" ON "notes"("account_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "notes_account_id_number_idx" ON "notes"("account_id", "number");

-- CreateIndex
CREATE INDEX "notes_account_id_author_number_id_idx" ON "notes"("account_id", "author_number", "id");

-- CreateIndex
CREATE INDEX "notes_account_id_requester_id_created_at_id_idx" ON "notes"("account_id", "requester_id", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "notes_account_id_id_key" ON "notes"("account_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "attachments_number_key" ON "attachments"("number");

-- CreateIndex
CREATE UNIQUE INDEX "attachments_storage_key_key" ON "attachments"("storage_key");

-- CreateIndex
CREATE INDEX "attachments_note_id_created_at_id_idx" ON "attachments"("note_id", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "attachments_note_id_filename_key" ON "attachments"("note_id", "filename");

-- AddForeignKey
ALTER TABLE "people" ADD CONSTRAINT "people_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_person_id_fkey" FOREIGN KEY ("person_id") REFERENCES "people"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_account_id_person_id_fkey" FOREIGN KEY ("account_id", "person_id") REFERENCES "memberships"("account_id", "person_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_account_id_requester_id_fkey" FOREIGN KEY ("account_id", "requester_id") REFERENCES "memberships"("account_id", "person_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notes" ADD CONSTRAINT "notes_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notes" ADD CONSTRAINT "notes_account_id_ticket_id_fkey" FOREIGN KEY ("account_id", "ticket_id") REFERENCES "tickets"("account_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notes" ADD CONSTRAINT "notes_author_number_fkey" FOREIGN KEY ("author_number") REFERENCES "people"("number") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "attachments" ADD CONSTRAINT "attachments_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "attachments" ADD CONSTRAINT "attachments_account_id_note_id_fkey" FOREIGN KEY ("account_id", "note_id") REFERENCES "notes"("account_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;


-- From here on by hand: what schema.prisma cannot say.

-- Facts about single rows. Each is refused with a better message before it gets here (input.ts of each feature).
ALTER TABLE "accounts"
    ADD CONSTRAINT "accounts_slug_check" CHECK ("slug" ~ '^[a-z0-9][a-z0-9-]*$' AND char_length("slug") <= 63);

ALTER TABLE "people"
    ADD CONSTRAINT "people_name_check" CHECK (char_length("name") BETWEEN 1 AND 255),
    ADD CONSTRAINT "people_email_check" CHECK ("email" LIKE '_%@_%');

ALTER TABLE "api_keys"
    ALTER COLUMN "scopes" SET NOT NULL,
    ADD CONSTRAINT "api_keys_hash_check" CHECK (octet_length("hash") = 32),
    ADD CONSTRAINT "api_keys_scopes_check" CHECK (cardinality("scopes") > 0 AND array_position("scopes", NULL) IS NULL),
    ADD CONSTRAINT "api_keys_expires_at_check" CHECK ("expires_at" > "created_at");

ALTER TABLE "tickets"
    ADD CONSTRAINT "tickets_subject_check" CHECK (char_length("subject") BETWEEN 1 AND 255);

-- A category once at most. There are two of them, so two elements that differ is all there is to check.
ALTER TABLE "notes"
    ALTER COLUMN "categories" SET NOT NULL,
    ADD CONSTRAINT "notes_text_check" CHECK (octet_length("text") <= 65536),
    ADD CONSTRAINT "notes_categories_check" CHECK (
        cardinality("categories") <= 2
        AND array_position("categories", NULL) IS NULL
        AND (cardinality("categories") < 2 OR "categories"[1] <> "categories"[2])
    ),
    ADD CONSTRAINT "notes_updated_at_check" CHECK ("updated_at" >= "created_at");

ALTER TABLE "attachments"
    ADD CONSTRAINT "attachments_filename_check" CHECK (octet_length("filename") BETWEEN 1 AND 255),
    ADD CONSTRAINT "attachments_size_check" CHECK ("size" >= 0),
    ADD CONSTRAINT "attachments_ready_check" CHECK ("state" <> 'READY' OR "size" IS NOT NULL);

-- A note carries the requester of its ticket, whatever a statement says. Names are qualified and the search path empty, so that no
-- object of the caller's can stand in for ours. The ticket is locked against a change of its requester that has not committed yet:
-- otherwise a note added meanwhile would keep the one before, and that one would go on reading it.
CREATE FUNCTION "notes_take_requester"() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    NEW.requester_id := (SELECT requester_id FROM public.tickets WHERE id = NEW.ticket_id FOR SHARE);
    RETURN NEW;
END
$$;

CREATE TRIGGER "notes_requester" BEFORE INSERT OR UPDATE OF "ticket_id", "requester_id" ON "notes"
    FOR EACH ROW EXECUTE FUNCTION "notes_take_requester"();

CREATE FUNCTION "tickets_give_requester"() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    UPDATE public.notes SET requester_id = NEW.requester_id WHERE ticket_id = NEW.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER "tickets_requester" AFTER UPDATE OF "requester_id" ON "tickets"
    FOR EACH ROW WHEN (OLD."requester_id" IS DISTINCT FROM NEW."requester_id") EXECUTE FUNCTION "tickets_give_requester"();
