-- Compatible with: 20261127100100_versions_of_notes
--
-- A person who leaves an account keeps their membership as a row that has ended: notes, tickets and credentials refer to it. Versions before this one do not
-- know the column. To them such a person is a customer, whose credentials in the account are revoked.

ALTER TABLE "memberships"
    ADD COLUMN "ended_at" TIMESTAMPTZ(3),
    ADD CONSTRAINT "memberships_ended_role_check" CHECK ("ended_at" IS NULL OR "role" = 'CUSTOMER');

-- An account keeps an administrator, also when two of them remove each other at one moment: each waits for the account, and then sees what the other one did.
CREATE FUNCTION "memberships_keep_administrator"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM FROM accounts WHERE id = OLD.account_id FOR NO KEY UPDATE;
    PERFORM FROM memberships m
    WHERE m.account_id = OLD.account_id AND m.role = 'ADMINISTRATOR' AND m.ended_at IS NULL AND m.person_id <> OLD.person_id;
    IF NOT FOUND THEN
        RAISE check_violation USING MESSAGE = 'The account would have no administrator.', CONSTRAINT = 'memberships_keep_administrator', TABLE = 'memberships';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER "memberships_keep_administrator" BEFORE UPDATE OF "role", "ended_at" ON "memberships" FOR EACH ROW
WHEN (OLD."role" = 'ADMINISTRATOR' AND OLD."ended_at" IS NULL AND (NEW."role" <> 'ADMINISTRATOR' OR NEW."ended_at" IS NOT NULL))
EXECUTE FUNCTION "memberships_keep_administrator"();
