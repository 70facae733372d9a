-- Whatever deletes an attachment's row, its bytes are remembered for removal in the same transaction: no crash between the two can leave
-- bytes that nobody knows of. A note's deletion cascades to its attachments, and so comes here too.
CREATE FUNCTION "attachments_discard_object"() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    INSERT INTO public.discarded_objects (storage_key, discarded_at) VALUES (OLD.storage_key, now())
    ON CONFLICT (storage_key) DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER "attachments_discard" AFTER DELETE ON "attachments"
    FOR EACH ROW EXECUTE FUNCTION "attachments_discard_object"();
