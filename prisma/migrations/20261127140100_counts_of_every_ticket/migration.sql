-- Compatible with: 20261127100100_versions_of_notes
--
-- Every ticket has a row of note_counts from the beginning, so that a list by the last note has those without notes too, and the row has its requester.

CREATE FUNCTION "tickets_begin_count"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO note_counts (account_id, ticket_id, requester_id, public_notes, internal_notes)
    SELECT account_id, id, requester_id, 0, 0 FROM added ORDER BY account_id, id
    ON CONFLICT (account_id, ticket_id) DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER "tickets_count_added" AFTER INSERT ON "tickets"
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "tickets_begin_count"();

-- Notes before their count: who deletes a note locks them in this order too.
CREATE OR REPLACE FUNCTION "tickets_give_requester"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE notes SET requester_id = NEW.requester_id WHERE account_id = NEW.account_id AND ticket_id = NEW.id;
    UPDATE note_counts SET requester_id = NEW.requester_id WHERE account_id = NEW.account_id AND ticket_id = NEW.id;
    RETURN NULL;
END
$$;

-- The trigger keeps other writers of tickets away until this script has ended. Writers of notes lock these rows in the same order.
INSERT INTO "note_counts" AS c ("account_id", "ticket_id", "requester_id", "public_notes", "internal_notes")
SELECT "account_id", "id", "requester_id", 0, 0 FROM "tickets" ORDER BY "account_id", "id"
ON CONFLICT ("account_id", "ticket_id") DO UPDATE SET "requester_id" = excluded."requester_id"
WHERE c."requester_id" IS DISTINCT FROM excluded."requester_id";
