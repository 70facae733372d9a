-- Compatible with: 20261127182500_search_spelling
--
-- The authors of a ticket's notes, once each, in place of two indexes of all notes by their authors (docs/decisions/0141).

-- CreateTable
CREATE TABLE "ticket_authors" (
    "account_id" UUID NOT NULL,
    "ticket_id" UUID NOT NULL,
    "is_public" BOOLEAN NOT NULL,
    "author_number" INTEGER NOT NULL,
    "requester_id" UUID,

    CONSTRAINT "ticket_authors_pkey" PRIMARY KEY ("account_id","ticket_id","is_public","author_number")
);

-- From here on by hand: what schema.prisma cannot say.

CREATE INDEX "ticket_authors_public_account_id_requester_id_author_number_idx" ON "ticket_authors" ("account_id", "requester_id", "author_number") WHERE "is_public";

-- Keeps the authors in the statement that writes notes, whoever sends it. It runs after notes_count, by its name, which locks the counts of each ticket whose
-- authors may change. So of two statements that write to one ticket, the second one sees what the first one has committed. A note of an author who is there
-- already writes nothing.
CREATE FUNCTION "notes_list_authors"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NOT EXISTS (
            SELECT FROM removed r JOIN added a ON a.account_id = r.account_id AND a.id = r.id
            WHERE (a.ticket_id, a.is_public, a.author_number, a.requester_id) IS DISTINCT FROM (r.ticket_id, r.is_public, r.author_number, r.requester_id)
        ) THEN
            RETURN NULL;
        END IF;
        -- Two notes that change places leave the counts as they are, so that notes_count locks nothing.
        PERFORM FROM note_counts c
        WHERE (c.account_id, c.ticket_id) IN (SELECT account_id, ticket_id FROM removed UNION SELECT account_id, ticket_id FROM added)
        ORDER BY c.account_id, c.ticket_id FOR NO KEY UPDATE;
    END IF;

    IF TG_OP <> 'DELETE' THEN
        INSERT INTO ticket_authors (account_id, ticket_id, is_public, author_number, requester_id)
        SELECT DISTINCT account_id, ticket_id, is_public, author_number, requester_id FROM added
        ON CONFLICT (account_id, ticket_id, is_public, author_number) DO NOTHING;
    END IF;

    IF TG_OP = 'UPDATE' THEN
        UPDATE ticket_authors t SET requester_id = a.requester_id
        FROM (SELECT DISTINCT account_id, ticket_id, requester_id FROM added) a
        WHERE t.account_id = a.account_id AND t.ticket_id = a.ticket_id AND t.requester_id IS DISTINCT FROM a.requester_id;
    END IF;

    -- Comparisons of rows, the sum and the order leave the index of a ticket's notes by number, which has their authors.
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM ticket_authors a
        USING (SELECT DISTINCT account_id, ticket_id, is_public, author_number FROM removed) r
        WHERE a.account_id = r.account_id AND a.ticket_id = r.ticket_id AND a.is_public = r.is_public AND a.author_number = r.author_number
            AND (
                SELECT true FROM notes n
                WHERE n.account_id = a.account_id AND (n.ticket_id, 0) >= (a.ticket_id, 0) AND (n.ticket_id, 0) <= (a.ticket_id, 0)
                    AND n.is_public = a.is_public AND n.author_number + 0 = a.author_number
                ORDER BY n.ticket_id DESC, n.number DESC LIMIT 1
            ) IS NULL;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER "notes_list_authors_added" AFTER INSERT ON "notes"
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "notes_list_authors"();
CREATE TRIGGER "notes_list_authors_removed" AFTER DELETE ON "notes"
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION "notes_list_authors"();
CREATE TRIGGER "notes_list_authors_changed" AFTER UPDATE ON "notes"
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "notes_list_authors"();

-- The triggers keep other writers away until this script has ended.
INSERT INTO "ticket_authors" ("account_id", "ticket_id", "is_public", "author_number", "requester_id")
SELECT DISTINCT "account_id", "ticket_id", "is_public", "author_number", "requester_id" FROM "notes";
