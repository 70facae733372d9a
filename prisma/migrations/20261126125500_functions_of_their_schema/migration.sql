-- Compatible with: 20261122071808_indexes_of_pages
--
-- The functions of triggers named the schema public, so no other could hold the tables. Each now looks in the schema that it was made in, which is
-- the search path of a migration: nothing that a caller sets takes its place, and temporary tables come last.

CREATE OR REPLACE FUNCTION "notes_take_requester"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.requester_id := (SELECT requester_id FROM tickets WHERE id = NEW.ticket_id FOR SHARE);
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION "tickets_give_requester"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE notes SET requester_id = NEW.requester_id WHERE ticket_id = NEW.id;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION "attachments_discard_object"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO discarded_objects (storage_key, discarded_at) VALUES (OLD.storage_key, now())
    ON CONFLICT (storage_key) DO NOTHING;
    RETURN NULL;
END
$$;
