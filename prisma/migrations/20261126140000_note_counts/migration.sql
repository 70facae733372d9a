-- Compatible with: 20261126130344_attachment_versions

-- CreateTable
CREATE TABLE "note_counts" (
    "account_id" UUID NOT NULL,
    "ticket_id" UUID NOT NULL,
    "public_notes" INTEGER NOT NULL,
    "internal_notes" INTEGER NOT NULL,

    CONSTRAINT "note_counts_pkey" PRIMARY KEY ("account_id","ticket_id")
);

-- AddForeignKey
ALTER TABLE "note_counts" ADD CONSTRAINT "note_counts_account_id_ticket_id_fkey" FOREIGN KEY ("account_id", "ticket_id") REFERENCES "tickets"("account_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;


-- From here on by hand: what schema.prisma cannot say.

-- Most changes leave the row on its page.
ALTER TABLE "note_counts" SET (fillfactor = 70);

-- Keeps the counts in the statement that writes notes, whoever sends it. The rows are changed in one order, so that two statements that write
-- to the same tickets cannot wait for each other.
CREATE FUNCTION "notes_count"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO note_counts AS c (account_id, ticket_id, public_notes, internal_notes)
        SELECT account_id, ticket_id, count(*) FILTER (WHERE is_public), count(*) FILTER (WHERE NOT is_public)
        FROM added GROUP BY account_id, ticket_id ORDER BY account_id, ticket_id
        ON CONFLICT (account_id, ticket_id) DO UPDATE
            SET public_notes = c.public_notes + excluded.public_notes, internal_notes = c.internal_notes + excluded.internal_notes;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO note_counts AS c (account_id, ticket_id, public_notes, internal_notes)
        SELECT account_id, ticket_id, -count(*) FILTER (WHERE is_public), -count(*) FILTER (WHERE NOT is_public)
        FROM removed GROUP BY account_id, ticket_id ORDER BY account_id, ticket_id
        ON CONFLICT (account_id, ticket_id) DO UPDATE
            SET public_notes = c.public_notes + excluded.public_notes, internal_notes = c.internal_notes + excluded.internal_notes;
    ELSE
        INSERT INTO note_counts AS c (account_id, ticket_id, public_notes, internal_notes)
        SELECT account_id, ticket_id,
            coalesce(sum(change) FILTER (WHERE is_public), 0) AS public_change,
            coalesce(sum(change) FILTER (WHERE NOT is_public), 0) AS internal_change
        FROM (
            SELECT account_id, ticket_id, is_public, 1 AS change FROM added
            UNION ALL SELECT account_id, ticket_id, is_public, -1 FROM removed
        ) changes
        GROUP BY account_id, ticket_id
        HAVING coalesce(sum(change) FILTER (WHERE is_public), 0) <> 0 OR coalesce(sum(change) FILTER (WHERE NOT is_public), 0) <> 0
        ORDER BY account_id, ticket_id
        ON CONFLICT (account_id, ticket_id) DO UPDATE
            SET public_notes = c.public_notes + excluded.public_notes, internal_notes = c.internal_notes + excluded.internal_notes;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER "notes_count_added" AFTER INSERT ON "notes"
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "notes_count"();
CREATE TRIGGER "notes_count_removed" AFTER DELETE ON "notes"
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION "notes_count"();
CREATE TRIGGER "notes_count_changed" AFTER UPDATE ON "notes"
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "notes_count"();

-- The triggers keep other writers away until this script has ended.
INSERT INTO "note_counts" ("account_id", "ticket_id", "public_notes", "internal_notes")
SELECT "account_id", "ticket_id", count(*) FILTER (WHERE "is_public"), count(*) FILTER (WHERE NOT "is_public")
FROM "notes" GROUP BY "account_id", "ticket_id";
