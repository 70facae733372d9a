-- Compatible with: 20261127165002_redactions

-- AlterTable
ALTER TABLE "deleted_attachments" ADD COLUMN     "is_internal" BOOLEAN NOT NULL DEFAULT false;


-- From here on by hand: what schema.prisma cannot say.

-- As before, and a file that only those see who see internal notes stays such a file.
CREATE OR REPLACE FUNCTION "attachments_discard_object"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE discarded_objects SET discarded_at = now() WHERE attachment_id = OLD.id AND discarded_at > now();
    IF OLD.state <> 'PENDING' THEN
        INSERT INTO deleted_attachments (
            id, number, account_id, note_id, filename, content_type, inline, state, size, sha256, storage_key, key, upload_expires_at, created_at,
            is_internal, kept_key, is_moved
        )
        SELECT OLD.id, OLD.number, OLD.account_id, OLD.note_id, OLD.filename, OLD.content_type, OLD.inline, OLD.state, OLD.size, OLD.sha256, OLD.storage_key,
            OLD.key, OLD.upload_expires_at, OLD.created_at, OLD.is_internal, OLD.account_id || '/' || gen_random_uuid(), OLD.state::text = 'REDACTED'
        FROM deleted_notes d WHERE d.account_id = OLD.account_id AND d.id = OLD.note_id;
        IF FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO discarded_objects (storage_key, discarded_at) VALUES (OLD.storage_key, now())
    ON CONFLICT (storage_key) DO UPDATE SET discarded_at = least(discarded_objects.discarded_at, excluded.discarded_at);
    RETURN NULL;
END
$$;
