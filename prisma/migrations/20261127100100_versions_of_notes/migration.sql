-- Compatible with: 20261127090200_index_of_people
--
-- Notes have versions, as tickets have. The requester of a note is its ticket's, so it does not count as a change to the note.

ALTER TABLE "notes" ADD COLUMN "version" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN "editor_number" INTEGER;

CREATE TRIGGER "notes_raise_version" BEFORE UPDATE ON "notes" FOR EACH ROW
WHEN (OLD."requester_id" IS NOT DISTINCT FROM NEW."requester_id" AND OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION "raise_version"();
