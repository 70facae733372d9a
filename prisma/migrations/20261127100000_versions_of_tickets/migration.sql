-- Compatible with: 20261127090200_index_of_people
--
-- Tickets have versions, so that a client can change what it has read and nothing newer. A trigger raises them: versions of the gateway before this one, and
-- people with psql, do not know the column. Notes are in a migration of their own, as each migration here locks one table: reads lock both, and would wait in
-- a circle with one that locks the second of them first.

ALTER TABLE "tickets" ADD COLUMN "version" INTEGER NOT NULL DEFAULT 1;

CREATE FUNCTION "raise_version"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;

CREATE TRIGGER "tickets_raise_version" BEFORE UPDATE ON "tickets" FOR EACH ROW
WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION "raise_version"();
