-- Compatible with: 20261127100100_versions_of_notes
--
-- What was written before can be found as well. Nothing waits for this script, however long it takes: the next two scripts add what is written meanwhile.

-- A segment for each 8,192 rows of an account.
INSERT INTO "search_segments" ("account_id", "kind", "first_number")
SELECT r."account_id", r."kind", CASE WHEN r."place" = 0 THEN 0 ELSE r."number" END FROM (
    SELECT "account_id", 'NOTE'::"SearchKind" AS "kind", "number", row_number() OVER (PARTITION BY "account_id" ORDER BY "number") - 1 AS "place" FROM "notes"
    UNION ALL
    SELECT "account_id", 'TICKET'::"SearchKind", "number", row_number() OVER (PARTITION BY "account_id" ORDER BY "number") - 1 FROM "tickets"
) r WHERE r."place" % 8192 = 0 ORDER BY r."account_id", r."kind", r."number";

INSERT INTO "search_documents" ("account_id", "id", "ticket_id", "segment", "number", "is_public", "requester_id", "document")
SELECT n."account_id", n."id", n."ticket_id", search_segment(n."account_id", 'NOTE', n."number"), n."number", n."is_public", n."requester_id",
    search_document(n."text", c."languages")
FROM "notes" n JOIN "accounts" c ON c."id" = n."account_id" ORDER BY n."account_id", n."number";

INSERT INTO "search_documents" ("account_id", "id", "ticket_id", "segment", "number", "is_public", "requester_id", "document")
SELECT t."account_id", t."id", t."id", search_segment(t."account_id", 'TICKET', t."number"), t."number", true, t."requester_id",
    search_document(t."subject", c."languages")
FROM "tickets" t JOIN "accounts" c ON c."id" = t."account_id" ORDER BY t."account_id", t."number";

SET LOCAL maintenance_work_mem = '256MB';

-- The entries of some thirty notes wait in a list, in which those of one word are one: that halves what a note costs. A search reads the list once for every
-- segment, so it is as short as it can be.
CREATE INDEX "search_documents_keys" ON "search_documents" USING gin (search_keys("segment", "is_public", "requester_id", "document")) WITH (gin_pending_list_limit = 64);
