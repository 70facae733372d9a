-- Compatible with: 20261127100100_versions_of_notes
--
-- The notes that were ever updated, for lists in the order of the last update. Notes that were not are read by when they were added. A table and not an index
-- of notes: an added note does not write to it.

-- CreateTable
CREATE TABLE "note_updates" (
    "account_id" UUID NOT NULL,
    "note_id" UUID NOT NULL,
    "ticket_id" UUID NOT NULL,
    "requester_id" UUID,
    "is_public" BOOLEAN NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "note_updates_pkey" PRIMARY KEY ("account_id","note_id")
);

-- CreateIndex
CREATE INDEX "note_updates_account_id_updated_at_note_id_is_public_idx" ON "note_updates"("account_id", "updated_at", "note_id", "is_public");

-- CreateIndex
CREATE INDEX "note_updates_account_id_ticket_id_updated_at_note_id_is_pub_idx" ON "note_updates"("account_id", "ticket_id", "updated_at", "note_id", "is_public");

-- AddForeignKey
ALTER TABLE "note_updates" ADD CONSTRAINT "note_updates_account_id_note_id_fkey" FOREIGN KEY ("account_id", "note_id") REFERENCES "notes"("account_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;


-- From here on by hand: what schema.prisma cannot say.

-- What a customer sees.
CREATE INDEX "note_updates_public_account_id_requester_id_updated_at_idx" ON "note_updates" ("account_id", "requester_id", "updated_at", "note_id") WHERE "is_public";

CREATE FUNCTION "notes_keep_update"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.updated_at IS NULL THEN
        DELETE FROM note_updates WHERE account_id = NEW.account_id AND note_id = NEW.id;
        RETURN NULL;
    END IF;
    INSERT INTO note_updates AS u (account_id, note_id, ticket_id, requester_id, is_public, updated_at)
    VALUES (NEW.account_id, NEW.id, NEW.ticket_id, NEW.requester_id, NEW.is_public, NEW.updated_at)
    ON CONFLICT (account_id, note_id) DO UPDATE
        SET ticket_id = excluded.ticket_id, requester_id = excluded.requester_id, is_public = excluded.is_public, updated_at = excluded.updated_at;
    RETURN NULL;
END
$$;

-- Notes that nobody updated call no function.
CREATE TRIGGER "notes_update_added" AFTER INSERT ON "notes" FOR EACH ROW
    WHEN (NEW."updated_at" IS NOT NULL) EXECUTE FUNCTION "notes_keep_update"();
CREATE TRIGGER "notes_update_changed" AFTER UPDATE ON "notes" FOR EACH ROW
    WHEN ((NEW."updated_at" IS NOT NULL OR OLD."updated_at" IS NOT NULL)
        AND (OLD."ticket_id", OLD."requester_id", OLD."is_public", OLD."updated_at")
            IS DISTINCT FROM (NEW."ticket_id", NEW."requester_id", NEW."is_public", NEW."updated_at"))
    EXECUTE FUNCTION "notes_keep_update"();

-- The triggers keep other writers away until this script has ended.
INSERT INTO "note_updates" ("account_id", "note_id", "ticket_id", "requester_id", "is_public", "updated_at")
SELECT "account_id", "id", "ticket_id", "requester_id", "is_public", "updated_at" FROM "notes" WHERE "updated_at" IS NOT NULL;
