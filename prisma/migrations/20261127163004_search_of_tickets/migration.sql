-- Compatible with: 20261127100100_versions_of_notes
--
-- Tickets are found by their subjects, as notes by their texts.

CREATE FUNCTION "tickets_search_add"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- One number in 8,192 begins a segment. Counting the rows of the last one would have writers wait for each other.
    IF EXISTS (
        SELECT FROM added a WHERE a.number % 8192 = 0
        OR NOT EXISTS (SELECT FROM search_segments g WHERE g.account_id = a.account_id AND g.kind = 'TICKET')
    ) THEN
        INSERT INTO search_segments (account_id, kind, first_number)
        SELECT a.account_id, 'TICKET'::"SearchKind", a.number FROM added a WHERE a.number % 8192 = 0
        UNION SELECT a.account_id, 'TICKET'::"SearchKind", 0 FROM added a
            WHERE NOT EXISTS (SELECT FROM search_segments g WHERE g.account_id = a.account_id AND g.kind = 'TICKET')
        ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO search_documents (account_id, id, ticket_id, segment, number, is_public, requester_id, document)
    SELECT a.account_id, a.id, a.id, (
            SELECT g.id FROM search_segments g WHERE g.account_id = a.account_id AND g.kind = 'TICKET' AND g.first_number <= a.number
            ORDER BY g.first_number DESC LIMIT 1
        ), a.number, true, a.requester_id, search_document(a.subject, c.languages)
    FROM added a JOIN accounts c ON c.id = a.account_id;
    RETURN NULL;
END
$$;

CREATE FUNCTION "tickets_search_change"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE search_documents SET is_public = true, requester_id = NEW.requester_id,
        document = CASE WHEN OLD.subject = NEW.subject THEN document
            ELSE search_document(NEW.subject, (SELECT c.languages FROM accounts c WHERE c.id = NEW.account_id)) END
    WHERE account_id = NEW.account_id AND id = NEW.id;
    RETURN NULL;
END
$$;

CREATE FUNCTION "tickets_search_remove"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM search_forget(r.account_id, array_agg(r.id)) FROM removed r GROUP BY r.account_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER "tickets_search_added" AFTER INSERT ON "tickets"
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "tickets_search_add"();
CREATE TRIGGER "tickets_search_changed" AFTER UPDATE ON "tickets" FOR EACH ROW
    WHEN (OLD."subject" <> NEW."subject" OR OLD."requester_id" IS DISTINCT FROM NEW."requester_id")
    EXECUTE FUNCTION "tickets_search_change"();
CREATE TRIGGER "tickets_search_removed" AFTER DELETE ON "tickets"
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION "tickets_search_remove"();

-- What was written while the documents were filled. The triggers keep other writers away until this script has ended. No ticket is ever deleted.
UPDATE "search_documents" s SET "requester_id" = t."requester_id", "document" = search_document(t."subject", c."languages")
FROM "tickets" t JOIN "accounts" c ON c."id" = t."account_id"
WHERE t."account_id" = s."account_id" AND t."id" = s."id" AND (t."version" > 1 OR t."requester_id" IS DISTINCT FROM s."requester_id");

INSERT INTO "search_segments" ("account_id", "kind", "first_number")
SELECT DISTINCT t."account_id", 'TICKET'::"SearchKind", 0 FROM "tickets" t
WHERE NOT EXISTS (SELECT FROM "search_segments" g WHERE g."account_id" = t."account_id" AND g."kind" = 'TICKET');

INSERT INTO "search_documents" ("account_id", "id", "ticket_id", "segment", "number", "is_public", "requester_id", "document")
SELECT t."account_id", t."id", t."id", search_segment(t."account_id", 'TICKET', t."number"), t."number", true, t."requester_id",
    search_document(t."subject", c."languages")
FROM "tickets" t JOIN "accounts" c ON c."id" = t."account_id"
WHERE NOT EXISTS (SELECT FROM "search_documents" s WHERE s."account_id" = t."account_id" AND s."id" = t."id");
