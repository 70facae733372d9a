-- Compatible with: 20261127100100_versions_of_notes
--
-- When the last notes were added that were there before the triggers kept it. Nobody writes notes meanwhile: one that is deleted would else be counted.

LOCK TABLE "notes" IN SHARE MODE;

UPDATE "note_counts" c SET "last_note_at" = l."last_note_at", "last_public_note_at" = l."last_public_note_at"
FROM (
    SELECT "account_id", "ticket_id", max("created_at") AS "last_note_at",
        coalesce(max("created_at") FILTER (WHERE "is_public"), '-infinity') AS "last_public_note_at"
    FROM "notes" GROUP BY "account_id", "ticket_id"
) l
WHERE c."account_id" = l."account_id" AND c."ticket_id" = l."ticket_id";
