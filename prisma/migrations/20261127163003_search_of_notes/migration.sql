-- Compatible with: 20261127100100_versions_of_notes
--
-- Notes can be found from the transaction on that writes them, whoever writes: triggers keep the documents up to date.

CREATE FUNCTION "notes_search_add"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- One number in 8,192 begins a segment. Counting the rows of the last one would have writers wait for each other.
    IF EXISTS (
        SELECT FROM added a WHERE a.number % 8192 = 0
        OR NOT EXISTS (SELECT FROM search_segments g WHERE g.account_id = a.account_id AND g.kind = 'NOTE')
    ) THEN
        INSERT INTO search_segments (account_id, kind, first_number)
        SELECT a.account_id, 'NOTE'::"SearchKind", a.number FROM added a WHERE a.number % 8192 = 0
        UNION SELECT a.account_id, 'NOTE'::"SearchKind", 0 FROM added a
            WHERE NOT EXISTS (SELECT FROM search_segments g WHERE g.account_id = a.account_id AND g.kind = 'NOTE')
        ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO search_documents (account_id, id, ticket_id, segment, number, is_public, requester_id, document)
    SELECT a.account_id, a.id, a.ticket_id, (
            SELECT g.id FROM search_segments g WHERE g.account_id = a.account_id AND g.kind = 'NOTE' AND g.first_number <= a.number
            ORDER BY g.first_number DESC LIMIT 1
        ), a.number, a.is_public, a.requester_id, search_document(a.text, c.languages)
    FROM added a JOIN accounts c ON c.id = a.account_id;
    RETURN NULL;
END
$$;

CREATE FUNCTION "notes_search_change"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE search_documents SET is_public = NEW.is_public, requester_id = NEW.requester_id,
        document = CASE WHEN OLD.text = NEW.text THEN document
            ELSE search_document(NEW.text, (SELECT c.languages FROM accounts c WHERE c.id = NEW.account_id)) END
    WHERE account_id = NEW.account_id AND id = NEW.id;
    RETURN NULL;
END
$$;

CREATE FUNCTION "notes_search_remove"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM search_forget(r.account_id, array_agg(r.id)) FROM removed r GROUP BY r.account_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER "notes_search_added" AFTER INSERT ON "notes"
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "notes_search_add"();
CREATE TRIGGER "notes_search_changed" AFTER UPDATE ON "notes" FOR EACH ROW
    WHEN (OLD."text" IS DISTINCT FROM NEW."text" OR OLD."is_public" <> NEW."is_public" OR OLD."requester_id" IS DISTINCT FROM NEW."requester_id")
    EXECUTE FUNCTION "notes_search_change"();
CREATE TRIGGER "notes_search_removed" AFTER DELETE ON "notes"
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION "notes_search_remove"();

-- What was written while the script before this one ran. The triggers keep other writers away until this script has ended.
DELETE FROM "search_documents" s USING "search_segments" g
WHERE g."account_id" = s."account_id" AND g."id" = s."segment" AND g."kind" = 'NOTE'
AND NOT EXISTS (SELECT FROM "notes" n WHERE n."account_id" = s."account_id" AND n."id" = s."id");

-- A note of version 1 has the text that it was added with.
UPDATE "search_documents" s SET "is_public" = n."is_public", "requester_id" = n."requester_id", "document" = search_document(n."text", c."languages")
FROM "notes" n JOIN "accounts" c ON c."id" = n."account_id"
WHERE n."account_id" = s."account_id" AND n."id" = s."id"
AND (n."version" > 1 OR n."is_public" <> s."is_public" OR n."requester_id" IS DISTINCT FROM s."requester_id");

INSERT INTO "search_segments" ("account_id", "kind", "first_number")
SELECT DISTINCT n."account_id", 'NOTE'::"SearchKind", 0 FROM "notes" n
WHERE NOT EXISTS (SELECT FROM "search_segments" g WHERE g."account_id" = n."account_id" AND g."kind" = 'NOTE');

INSERT INTO "search_documents" ("account_id", "id", "ticket_id", "segment", "number", "is_public", "requester_id", "document")
SELECT n."account_id", n."id", n."ticket_id", search_segment(n."account_id", 'NOTE', n."number"), n."number", n."is_public", n."requester_id",
    search_document(n."text", c."languages")
FROM "notes" n JOIN "accounts" c ON c."id" = n."account_id"
WHERE NOT EXISTS (SELECT FROM "search_documents" s WHERE s."account_id" = n."account_id" AND s."id" = n."id");
