-- Compatible with: 20261126130242_audit_of_tickets

-- AlterTable
ALTER TABLE "attachments" ADD COLUMN     "sha256" TEXT;

-- AlterTable
ALTER TABLE "discarded_objects" ADD COLUMN     "attachment_id" UUID;

-- AlterTable
ALTER TABLE "uploads" ADD COLUMN     "announced_size" BIGINT,
ADD COLUMN     "attachment_id" UUID,
ADD COLUMN     "sha256" TEXT,
ALTER COLUMN "key" DROP NOT NULL;

-- CreateIndex
CREATE INDEX "discarded_objects_attachment_id_idx" ON "discarded_objects"("attachment_id");

-- CreateIndex
CREATE INDEX "discarded_objects_discarded_at_idx" ON "discarded_objects"("discarded_at");

-- CreateIndex
CREATE INDEX "uploads_attachment_id_idx" ON "uploads"("attachment_id");


-- From here on by hand: what schema.prisma cannot say.

ALTER TABLE "attachments"
    ADD CONSTRAINT "attachments_sha256_check" CHECK ("sha256" ~ '^[0-9a-f]{64}$') NOT VALID;

ALTER TABLE "uploads"
    ADD CONSTRAINT "uploads_sha256_check" CHECK ("sha256" ~ '^[0-9a-f]{64}$'),
    ADD CONSTRAINT "uploads_announced_size_check" CHECK ("announced_size" >= 0),
    ADD CONSTRAINT "uploads_purpose_check" CHECK (num_nonnulls("key", "attachment_id") = 1);

-- What the sweep looks for among attachments: those whose bytes are awaited, or never came.
CREATE INDEX "attachments_awaited_idx" ON "attachments" (coalesce("upload_expires_at", "created_at"))
    WHERE "state" = 'PENDING' OR "upload_expires_at" IS NOT NULL;

-- A process of the version before this one may answer the read of an upload that was asked for before this script ran, or may have handed out
-- its URL: what is still awaited becomes an upload of its own.
INSERT INTO "uploads" ("id", "account_id", "person_id", "attachment_id", "filename", "content_type", "storage_key", "created_at")
SELECT gen_random_uuid(), a."account_id", asked."person_id", a."id", a."filename", a."content_type", a."storage_key", asked."created_at"
FROM "attachments" a
CROSS JOIN LATERAL (
    SELECT e."person_id", e."created_at" FROM "audit_events" e
    WHERE e."account_id" = a."account_id" AND e."entity_id" = a."id" AND e."action" = 'UPLOAD_REQUESTED' AND e."person_id" IS NOT NULL
    ORDER BY e."created_at" DESC, e."id" DESC LIMIT 1
) asked
WHERE a."upload_expires_at" IS NOT NULL
ON CONFLICT ("storage_key") DO NOTHING;

-- As before: whatever deletes an attachment's row, its bytes are remembered for removal in the same transaction. So are those that it had
-- before they were replaced.
CREATE OR REPLACE FUNCTION "attachments_discard_object"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO discarded_objects (storage_key, discarded_at) VALUES (OLD.storage_key, now())
    ON CONFLICT (storage_key) DO UPDATE SET discarded_at = least(discarded_objects.discarded_at, excluded.discarded_at);
    UPDATE discarded_objects SET discarded_at = now() WHERE attachment_id = OLD.id AND discarded_at > now();
    RETURN NULL;
END
$$;

-- The bytes of an upload go when its row goes, unless they are those of an attachment by then. By whom an upload was taken is asked of the
-- attachments themselves: an upload by URL is taken under another key where the store is not ours.
CREATE FUNCTION "uploads_discard_object"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO discarded_objects (storage_key, discarded_at)
    SELECT OLD.storage_key, now()
    WHERE NOT EXISTS (SELECT 1 FROM attachments WHERE storage_key = OLD.storage_key)
    ON CONFLICT (storage_key) DO NOTHING;
    RETURN NULL;
END
$$;

DROP TRIGGER "uploads_discard" ON "uploads";

CREATE TRIGGER "uploads_discard" AFTER DELETE ON "uploads"
    FOR EACH ROW EXECUTE FUNCTION "uploads_discard_object"();
