-- Compatible with: 20261127050100_key_of_notes
--
-- The people of an account by number, in an index that begins with the account. A trigger keeps the number, since versions before this one add
-- memberships without it. It never changes.

ALTER TABLE "memberships" ADD COLUMN "person_number" INTEGER NOT NULL DEFAULT 0;

CREATE FUNCTION "memberships_take_number"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.person_number := coalesce((SELECT number FROM people WHERE id = NEW.person_id), 0);
    RETURN NEW;
END
$$;

CREATE TRIGGER "memberships_take_number" BEFORE INSERT OR UPDATE OF "person_id" ON "memberships" FOR EACH ROW EXECUTE FUNCTION "memberships_take_number"();

UPDATE "memberships" m SET "person_number" = p."number" FROM "people" p WHERE p."id" = m."person_id";

CREATE UNIQUE INDEX "memberships_account_id_person_number_key" ON "memberships"("account_id", "person_number");
