-- Compatible with: 20261127162000_note_edits

-- CreateEnum
CREATE TYPE "RedactionReason" AS ENUM ('PERSONAL_DATA', 'SECRET', 'LEGAL', 'OTHER');

-- AlterTable
ALTER TABLE "notes" ADD COLUMN     "redacted_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "redactions" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "note_id" UUID NOT NULL,
    "redacted_at" TIMESTAMPTZ(3) NOT NULL,
    "redactor_number" INTEGER NOT NULL,
    "reason" "RedactionReason" NOT NULL,

    CONSTRAINT "redactions_pkey" PRIMARY KEY ("account_id","note_id","id")
);


-- From here on by hand: what schema.prisma cannot say.

-- The text before a redaction is no earlier state: it must be nowhere.
DROP TRIGGER "notes_edited" ON "notes";
CREATE TRIGGER "notes_edited" AFTER UPDATE ON "notes" FOR EACH ROW
WHEN (OLD."redacted_at" IS NOT DISTINCT FROM NEW."redacted_at"
  AND (OLD."text" IS DISTINCT FROM NEW."text" OR OLD."is_public" IS DISTINCT FROM NEW."is_public" OR OLD."categories" IS DISTINCT FROM NEW."categories"))
EXECUTE FUNCTION "notes_keep_edit"();

-- Removes the texts of all earlier states. A trigger and not a part of the statement that redacts, which would not see the state that a change has kept while
-- the statement waited for it.
CREATE FUNCTION "notes_forget_edits"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE note_edits SET text = NULL WHERE account_id = NEW.account_id AND note_id = NEW.id AND text IS NOT NULL;
    RETURN NULL;
END
$$;

CREATE TRIGGER "notes_redacted" AFTER UPDATE ON "notes" FOR EACH ROW
WHEN (OLD."redacted_at" IS DISTINCT FROM NEW."redacted_at") EXECUTE FUNCTION "notes_forget_edits"();
