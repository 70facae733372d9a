-- Compatible with: 20261127165502_inbound_emails
--
-- Help with the spelling of searches (docs/decisions/0136): the words of notes that are similar to a word that no note has. It reads documents that the viewer
-- may see and keeps no words of its own, so there is nothing to keep up to date, and nothing to redact.

-- Similar words have trigrams in common. The extension is trusted: it takes the right to create objects in the database, no superuser. Where it may not be
-- created, or is not there, searches give no help, and everything else works. Who creates it later has the help from then on.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION
    -- The last two: another program creates it at the same moment.
    WHEN insufficient_privilege OR feature_not_supported OR undefined_file OR duplicate_object OR unique_violation THEN
        RAISE NOTICE 'Searches give no help with spelling: %', SQLERRM;
END
$$;

-- Returns the newest notes of the account that the index has under `wanted`, a query of `search_keys` with U+0001 in the place of each segment: at most `most`,
-- and as many as have `max_bytes` together.
CREATE FUNCTION "search_newest"(account uuid, wanted text, most integer, max_bytes integer) RETURNS TABLE (id uuid, document tsvector) LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT SET plan_cache_mode = 'force_generic_plan' SET enable_bitmapscan = 'on' SET enable_seqscan = 'off'
SET enable_hashjoin = 'off' SET enable_mergejoin = 'off' SET enable_material = 'off' AS $$
BEGIN
    RETURN QUERY
    SELECT d.id, d.document FROM (
        -- The size of a document is known without reading what is stored apart from its row.
        SELECT s.id, s.document, sum(pg_column_size(s.document)) OVER (ROWS UNBOUNDED PRECEDING) AS bytes FROM (
            SELECT g.id FROM search_segments g WHERE g.account_id = account AND g.kind = 'NOTE' ORDER BY g.first_number DESC OFFSET 0
        ) g CROSS JOIN LATERAL (
            SELECT s.id, s.document FROM search_documents s
            WHERE (s.account_id = account) IS TRUE
            AND search_keys(s.segment, s.is_public, s.requester_id, s.document) @@ replace(wanted, E'\x01', to_hex(g.id) || ' ')::tsquery
            ORDER BY s.number DESC
        ) s LIMIT most
    ) d WHERE d.bytes <= max_bytes;
END
$$;

-- Returns for each of `words` that no note has which the caller may see, the words that are most similar to it among those of such notes: up to three, the most
-- similar first. It looks at the newest notes, and at the newest ones with words that begin as it does. Nothing is returned if more than three words are in no
-- note, and where the extension is not.
CREATE FUNCTION "search_similar"(account uuid, visibility boolean, requester uuid, words text[]) RETURNS TABLE (word text, similar_word text)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = 'force_generic_plan' SET enable_bitmapscan = 'on' SET enable_seqscan = 'off'
SET enable_hashjoin = 'off' SET enable_mergejoin = 'off' SET enable_material = 'off' AS $$
DECLARE
    max_missing CONSTANT integer := 3;
    trigrams name := (
        SELECT s.nspname FROM pg_extension e JOIN pg_namespace s ON s.oid = e.extnamespace
        WHERE e.extname = 'pg_trgm' AND has_schema_privilege(s.oid, 'USAGE'));
    account_languages text[] := (SELECT c.languages FROM accounts c WHERE c.id = account);
    seen text := CASE
        WHEN requester IS NOT NULL THEN search_quoted(E'\x01@' || requester)
        WHEN visibility THEN search_quoted(E'\x01!')
        WHEN NOT visibility THEN search_quoted(E'\x01?')
        ELSE '(' || search_quoted(E'\x01!') || ' | ' || search_quoted(E'\x01?') || ')' END;
    missing text[] := '{}';
    given text;
    asked record;
BEGIN
    IF trigrams IS NULL THEN RETURN; END IF;
    FOREACH given IN ARRAY words LOOP
        SELECT q.query, q.keys INTO asked FROM search_query(account_languages, ARRAY['WORD'], ARRAY[given]) q;
        -- A word that a language leaves out is missing nowhere.
        CONTINUE WHEN asked.keys IS NULL;
        PERFORM FROM (
            SELECT g.id FROM search_segments g WHERE g.account_id = account AND g.kind = 'NOTE' ORDER BY g.first_number DESC OFFSET 0
        ) g CROSS JOIN LATERAL (
            SELECT FROM search_documents s WHERE (s.account_id = account) IS TRUE
            AND search_keys(s.segment, s.is_public, s.requester_id, s.document)
                @@ replace(asked.keys || ' & ' || seen, E'\x01', to_hex(g.id) || ' ')::tsquery
            AND s.document @@ asked.query LIMIT 1
        ) s LIMIT 1;
        CONTINUE WHEN FOUND;
        missing := missing || given;
        IF cardinality(missing) > max_missing THEN RETURN; END IF;
    END LOOP;
    IF cardinality(missing) = 0 THEN RETURN; END IF;
    RETURN QUERY EXECUTE format($statement$
        WITH documents AS MATERIALIZED (
            SELECT s.id, s.document FROM search_newest($1, $2, 1000, 1000000) s
            UNION ALL
            SELECT s.id, s.document FROM unnest($3) AS m (word)
            CROSS JOIN LATERAL search_newest($1, $2 || ' & ' || search_quoted(E'\x01' || left(m.word, 3)) || ':*', 500, 250000) s
        ), lexemes AS MATERIALIZED (
            SELECT l.lexeme, count(*) AS count, (array_agg(d.id))[1:3] AS ids FROM documents d CROSS JOIN LATERAL unnest(d.document) AS l
            WHERE l.lexeme !~ '\d' GROUP BY l.lexeme
        ), alike AS MATERIALIZED (
            SELECT m.word, l.lexeme, l.count, l.ids, %1$I.similarity(l.lexeme, m.word) AS similarity FROM unnest($3) AS m (word) JOIN lexemes l
            ON length(l.lexeme) BETWEEN length(m.word) - 2 AND length(m.word) + 2 AND l.lexeme <> m.word
        )
        SELECT m.word, s.lexeme FROM unnest($3) AS m (word) CROSS JOIN LATERAL (
            SELECT a.lexeme, a.similarity, a.count FROM (
                SELECT a.* FROM alike a WHERE a.word = m.word AND a.similarity >= 0.25 ORDER BY a.similarity DESC, a.count DESC, a.lexeme LIMIT 9
            ) a
            -- A language has stems among its lexemes, which nobody has written.
            WHERE $4 = ARRAY['simple'] OR EXISTS (
                SELECT FROM notes n WHERE n.account_id = $1 AND n.id = ANY (a.ids) AND lower(search_plain(n.text)) ~ ('\m' || a.lexeme || '\M'))
            ORDER BY a.similarity DESC, a.count DESC, a.lexeme LIMIT 3
        ) s ORDER BY m.word, s.similarity DESC, s.count DESC, s.lexeme
    $statement$, trigrams) USING account, seen, missing, account_languages;
END
$$;
