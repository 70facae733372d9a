-- Compatible with: 20261127100100_versions_of_notes

-- AlterTable
ALTER TABLE "notes" ADD COLUMN "public_edited_at" TIMESTAMPTZ(3),
ADD COLUMN "public_editor_number" INTEGER;

-- CreateTable
CREATE TABLE "note_edits" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "note_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "text" TEXT,
    "is_public" BOOLEAN NOT NULL,
    "categories" "NoteCategory"[],
    "edited_at" TIMESTAMPTZ(3) NOT NULL,
    "editor_number" INTEGER,

    CONSTRAINT "note_edits_pkey" PRIMARY KEY ("account_id","note_id","version")
);

-- CreateIndex
CREATE UNIQUE INDEX "note_edits_account_id_id_key" ON "note_edits"("account_id", "id");


-- From here on by hand: what schema.prisma cannot say.

-- Keeps the state of a note before each change, in the statement that changes it, whoever sends it: versions of the gateway before this one, and people with
-- psql, do not know the table. The requester, the number of the version and the time of the change are no part of the state.
CREATE FUNCTION "notes_keep_edit"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO note_edits (id, account_id, note_id, version, text, is_public, categories, edited_at, editor_number)
    VALUES (gen_random_uuid(), OLD.account_id, OLD.id, OLD.version, OLD.text, OLD.is_public, OLD.categories, coalesce(NEW.updated_at, now()), NEW.editor_number);
    RETURN NULL;
END
$$;

CREATE TRIGGER "notes_edited" AFTER UPDATE ON "notes" FOR EACH ROW
WHEN (OLD."text" IS DISTINCT FROM NEW."text" OR OLD."is_public" IS DISTINCT FROM NEW."is_public" OR OLD."categories" IS DISTINCT FROM NEW."categories")
EXECUTE FUNCTION "notes_keep_edit"();

-- Keeps when and by whom a note was last changed for those who see its public states only: to them, a note that was internal meanwhile and came back as it was
-- has not changed.
CREATE FUNCTION "notes_keep_public_editor"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    earlier RECORD;
BEGIN
    IF OLD.is_public THEN
        earlier := OLD;
    ELSE
        SELECT e.text, e.categories INTO earlier FROM note_edits e
        WHERE e.account_id = OLD.account_id AND e.note_id = OLD.id AND e.is_public ORDER BY e.version DESC LIMIT 1;
        IF NOT FOUND THEN
            RETURN NEW;
        END IF;
    END IF;
    IF earlier.text IS DISTINCT FROM NEW.text OR earlier.categories IS DISTINCT FROM NEW.categories THEN
        NEW.public_edited_at := coalesce(NEW.updated_at, now());
        NEW.public_editor_number := NEW.editor_number;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER "notes_edited_in_public" BEFORE UPDATE ON "notes" FOR EACH ROW
WHEN (NEW."is_public" AND (OLD."text" IS DISTINCT FROM NEW."text" OR OLD."is_public" IS DISTINCT FROM NEW."is_public" OR OLD."categories" IS DISTINCT FROM NEW."categories"))
EXECUTE FUNCTION "notes_keep_public_editor"();
