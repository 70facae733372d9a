-- Compatible with: 20261127162000_note_edits
--
-- Deleted notes are kept for some time, in tables of their own: what reads notes cannot find them. The version before deletes notes for good, as it always has.

-- CreateTable
CREATE TABLE "deleted_notes" (
    "id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "account_id" UUID NOT NULL,
    "ticket_id" UUID NOT NULL,
    "requester_id" UUID,
    "author_number" INTEGER NOT NULL,
    "text" TEXT NOT NULL,
    "is_public" BOOLEAN NOT NULL,
    "categories" "NoteCategory"[],
    "medium" "NoteMedium" NOT NULL,
    "source" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL,
    "editor_number" INTEGER,
    "public_edited_at" TIMESTAMPTZ(3),
    "public_editor_number" INTEGER,
    "redacted_at" TIMESTAMPTZ(3),
    "deleted_at" TIMESTAMPTZ(3) NOT NULL,
    "deleter_number" INTEGER NOT NULL,

    CONSTRAINT "deleted_notes_pkey" PRIMARY KEY ("account_id","id")
);

-- CreateTable
CREATE TABLE "deleted_attachments" (
    "id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "account_id" UUID NOT NULL,
    "note_id" UUID NOT NULL,
    "filename" TEXT NOT NULL,
    "content_type" TEXT NOT NULL,
    "inline" BOOLEAN NOT NULL,
    "state" "AttachmentState" NOT NULL,
    "size" BIGINT,
    "sha256" TEXT,
    "storage_key" TEXT NOT NULL,
    "key" TEXT,
    "upload_expires_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "kept_key" TEXT NOT NULL,
    "is_moved" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "deleted_attachments_pkey" PRIMARY KEY ("account_id","id")
);

-- CreateTable
CREATE TABLE "withdrawn_notes" (
    "id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "account_id" UUID NOT NULL,
    "ticket_id" UUID NOT NULL,
    "requester_id" UUID,
    "author_number" INTEGER NOT NULL,
    "is_public" BOOLEAN NOT NULL,
    "medium" "NoteMedium" NOT NULL DEFAULT 'REDACTED',
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "withdrawn_notes_pkey" PRIMARY KEY ("account_id","id")
);

-- CreateIndex
CREATE INDEX "deleted_notes_deleted_at_idx" ON "deleted_notes"("deleted_at");

-- CreateIndex
CREATE INDEX "deleted_attachments_account_id_note_id_idx" ON "deleted_attachments"("account_id", "note_id");

-- CreateIndex
CREATE INDEX "deleted_attachments_account_id_storage_key_idx" ON "deleted_attachments"("account_id", "storage_key");

-- CreateIndex
CREATE UNIQUE INDEX "deleted_attachments_account_id_kept_key_key" ON "deleted_attachments"("account_id", "kept_key");

-- CreateIndex
CREATE INDEX "withdrawn_notes_account_id_created_at_id_is_public_idx" ON "withdrawn_notes"("account_id", "created_at", "id", "is_public");

-- CreateIndex
CREATE INDEX "withdrawn_notes_account_id_author_number_number_is_public_m_idx" ON "withdrawn_notes"("account_id", "author_number", "number", "is_public", "medium");

-- CreateIndex
CREATE INDEX "withdrawn_notes_ticket_id_created_at_id_is_public_idx" ON "withdrawn_notes"("ticket_id", "created_at", "id", "is_public");

-- CreateIndex
CREATE INDEX "withdrawn_notes_ticket_id_number_is_public_medium_author_nu_idx" ON "withdrawn_notes"("ticket_id", "number", "is_public", "medium", "author_number");

-- CreateIndex
CREATE UNIQUE INDEX "withdrawn_notes_account_id_number_key" ON "withdrawn_notes"("account_id", "number");

-- AddForeignKey
ALTER TABLE "deleted_notes" ADD CONSTRAINT "deleted_notes_account_id_ticket_id_fkey" FOREIGN KEY ("account_id", "ticket_id") REFERENCES "tickets"("account_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deleted_attachments" ADD CONSTRAINT "deleted_attachments_account_id_note_id_fkey" FOREIGN KEY ("account_id", "note_id") REFERENCES "deleted_notes"("account_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "withdrawn_notes" ADD CONSTRAINT "withdrawn_notes_account_id_ticket_id_fkey" FOREIGN KEY ("account_id", "ticket_id") REFERENCES "tickets"("account_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;


-- From here on by hand: what schema.prisma cannot say.

-- As notes: what customers see.
CREATE INDEX "withdrawn_notes_public_account_id_requester_id_created_at_idx" ON "withdrawn_notes" ("account_id", "requester_id", "created_at", "id") WHERE "is_public";

CREATE INDEX "withdrawn_notes_public_account_id_requester_id_number_idx" ON "withdrawn_notes" ("account_id", "requester_id", "number") WHERE "is_public";

ALTER TABLE "withdrawn_notes" ADD CONSTRAINT "withdrawn_notes_medium_check" CHECK ("medium" = 'REDACTED');

-- What the sweep looks for: bytes that a deletion has not moved, because its process ended or the store did not answer.
CREATE INDEX "deleted_attachments_unmoved_idx" ON "deleted_attachments" ("account_id", "id") WHERE NOT "is_moved";

-- As before: whatever deletes an attachment's row, its bytes are remembered for removal in the same transaction, and so are those that it had before they were
-- replaced. But if the note was deleted so that it can be undeleted, the row is kept as it was at this moment. The version before does not delete notes so.
CREATE OR REPLACE FUNCTION "attachments_discard_object"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE discarded_objects SET discarded_at = now() WHERE attachment_id = OLD.id AND discarded_at > now();
    IF OLD.state <> 'PENDING' THEN
        INSERT INTO deleted_attachments (
            id, number, account_id, note_id, filename, content_type, inline, state, size, sha256, storage_key, key, upload_expires_at, created_at,
            kept_key, is_moved
        )
        SELECT OLD.id, OLD.number, OLD.account_id, OLD.note_id, OLD.filename, OLD.content_type, OLD.inline, OLD.state, OLD.size, OLD.sha256, OLD.storage_key,
            OLD.key, OLD.upload_expires_at, OLD.created_at, OLD.account_id || '/' || gen_random_uuid(), OLD.state::text = 'REDACTED'
        FROM deleted_notes d WHERE d.account_id = OLD.account_id AND d.id = OLD.note_id;
        IF FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO discarded_objects (storage_key, discarded_at) VALUES (OLD.storage_key, now())
    ON CONFLICT (storage_key) DO UPDATE SET discarded_at = least(discarded_objects.discarded_at, excluded.discarded_at);
    RETURN NULL;
END
$$;

-- As before, and bytes that a deleted note keeps are not discarded with their upload either.
CREATE OR REPLACE FUNCTION "uploads_discard_object"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO discarded_objects (storage_key, discarded_at)
    SELECT OLD.storage_key, now()
    WHERE NOT EXISTS (SELECT 1 FROM attachments WHERE account_id = OLD.account_id AND storage_key = OLD.storage_key)
        AND NOT EXISTS (SELECT 1 FROM deleted_attachments WHERE account_id = OLD.account_id AND storage_key = OLD.storage_key)
    ON CONFLICT (storage_key) DO NOTHING;
    RETURN NULL;
END
$$;

-- The bytes of a deleted note go with its row, unless they are those of an attachment again.
CREATE FUNCTION "deleted_attachments_discard_objects"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO discarded_objects (storage_key, discarded_at)
    SELECT o.key, now()
    FROM unnest(CASE WHEN OLD.is_moved THEN ARRAY[OLD.kept_key] ELSE ARRAY[OLD.storage_key, OLD.kept_key] END) AS o (key)
    WHERE NOT EXISTS (SELECT 1 FROM attachments WHERE account_id = OLD.account_id AND storage_key = o.key)
    ON CONFLICT (storage_key) DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER "deleted_attachments_discard" AFTER DELETE ON "deleted_attachments"
    FOR EACH ROW EXECUTE FUNCTION "deleted_attachments_discard_objects"();

-- As before, for what /v1 shows of deleted notes as well. The notes come first, since a note that is deleted meanwhile is then among the withdrawn ones, and the
-- count comes last: who deletes or undeletes a note locks them in this order too.
CREATE OR REPLACE FUNCTION "tickets_give_requester"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE notes SET requester_id = NEW.requester_id WHERE account_id = NEW.account_id AND ticket_id = NEW.id;
    UPDATE withdrawn_notes SET requester_id = NEW.requester_id WHERE account_id = NEW.account_id AND ticket_id = NEW.id;
    UPDATE note_counts SET requester_id = NEW.requester_id WHERE account_id = NEW.account_id AND ticket_id = NEW.id;
    RETURN NULL;
END
$$;
