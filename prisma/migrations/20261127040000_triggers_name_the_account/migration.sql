-- Compatible with: 20261126150000_audit_by_month
--
-- A trigger of a row reads and changes rows of the same account only, and says so. Nothing else changes; where the tables are distributed by account, a
-- trigger may look for rows beside its own only (docs/scaling.md).

CREATE OR REPLACE FUNCTION "notes_take_requester"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.requester_id := (SELECT requester_id FROM tickets WHERE account_id = NEW.account_id AND id = NEW.ticket_id FOR SHARE);
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION "tickets_give_requester"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE notes SET requester_id = NEW.requester_id WHERE account_id = NEW.account_id AND ticket_id = NEW.id;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION "uploads_discard_object"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO discarded_objects (storage_key, discarded_at)
    SELECT OLD.storage_key, now()
    WHERE NOT EXISTS (SELECT 1 FROM attachments WHERE account_id = OLD.account_id AND storage_key = OLD.storage_key)
    ON CONFLICT (storage_key) DO NOTHING;
    RETURN NULL;
END
$$;
