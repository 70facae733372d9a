-- Compatible with: 20261127090200_index_of_people
--
-- Notes and tickets have versions, so that a client can change what it has read and nothing newer. Triggers raise them: versions of the gateway before this
-- one, and people with psql, do not know the column. The requester of a note is its ticket's, so it does not count as a change to the note.

ALTER TABLE "notes" ADD COLUMN "version" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN "editor_number" INTEGER;

ALTER TABLE "tickets" ADD COLUMN "version" INTEGER NOT NULL DEFAULT 1;

CREATE FUNCTION "raise_version"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;

CREATE TRIGGER "notes_raise_version" BEFORE UPDATE OF "text", "is_public", "categories", "medium" ON "notes" FOR EACH ROW
WHEN ((OLD."text", OLD."is_public", OLD."categories", OLD."medium") IS DISTINCT FROM (NEW."text", NEW."is_public", NEW."categories", NEW."medium"))
EXECUTE FUNCTION "raise_version"();

CREATE TRIGGER "tickets_raise_version" BEFORE UPDATE OF "subject", "status", "requester_id" ON "tickets" FOR EACH ROW
WHEN ((OLD."subject", OLD."status", OLD."requester_id") IS DISTINCT FROM (NEW."subject", NEW."status", NEW."requester_id"))
EXECUTE FUNCTION "raise_version"();
