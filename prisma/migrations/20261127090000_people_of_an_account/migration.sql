-- Compatible with: 20261127050100_key_of_notes
--
-- The number of the person, for an index of an account's people. A trigger keeps it, since versions before this one add memberships without it. It never
-- changes.

ALTER TABLE "memberships" ADD COLUMN "person_number" INTEGER NOT NULL DEFAULT 0;

CREATE FUNCTION "memberships_take_number"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.person_number := coalesce((SELECT number FROM people WHERE id = NEW.person_id), 0);
    RETURN NEW;
END
$$;

CREATE TRIGGER "memberships_take_number" BEFORE INSERT OR UPDATE OF "person_id" ON "memberships" FOR EACH ROW EXECUTE FUNCTION "memberships_take_number"();
