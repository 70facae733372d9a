-- Compatible with: 20261127182500_search_spelling
--
-- A search sorts where its rows are, not the rows, and asks the index for its words apart (docs/decisions/0140). What is found, and its scores, are the same.

-- Returns the query for the terms of a search, what of it the score counts, and the keys for the index.
--
-- `keys` are without phrases and negations, each lexeme after U+0001, in whose place a segment comes. The index is asked for the six longest terms only, as it
-- looks for each lexeme in each segment, and long words are rarer. Null if no term is left: nothing is found then. `is_exact` says that each document that has
-- the keys matches the query.
--
-- A kind is WORD, PHRASE or PREFIX, and begins with a minus if the term must not occur, which counts in no score. A term is found by any configuration of the
-- account. A word that one of them leaves out, such as `the`, is left out.
DROP FUNCTION "search_query"(text[], text[], text[]);
CREATE FUNCTION "search_query"(
    languages text[], kinds text[], terms text[], OUT query tsquery, OUT ranked tsquery, OUT keys text[], OUT is_exact boolean
) LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET client_min_messages = 'warning' AS $$
DECLARE
    max_keys CONSTANT integer := 6;
    -- The keys of the index are cut at this length.
    max_length CONSTANT integer := 100;
    configuration regconfig;
    configurations regconfig[] := search_configurations(languages);
    kind text;
    plain text;
    part tsquery;
    term tsquery;
    term_keys text;
    all_keys text[] := '{}';
    lexemes text[];
    is_left_out boolean;
BEGIN
    is_exact := true;
    FOR place IN 1..cardinality(terms) LOOP
        kind := ltrim(kinds[place], '-');
        plain := search_plain(terms[place]);
        term := NULL;
        term_keys := NULL;
        is_left_out := false;
        FOREACH configuration IN ARRAY configurations LOOP
            -- A prefix has no stem.
            CONTINUE WHEN kind = 'PREFIX' AND configuration <> 'pg_catalog.simple'::regconfig;
            part := CASE kind
                WHEN 'PREFIX' THEN to_tsquery(configuration, search_quoted(plain) || ':*')
                ELSE phraseto_tsquery(configuration, plain)
            END;
            IF numnode(part) = 0 THEN
                is_left_out := is_left_out OR kind = 'WORD';
                CONTINUE;
            END IF;
            term := CASE WHEN term IS NULL THEN part ELSE term || part END;
            lexemes := tsvector_to_array(to_tsvector(configuration, plain));
            is_exact := is_exact AND numnode(part) = 1 AND length(lexemes[1]) < max_length;
            term_keys := concat_ws(' | ', term_keys, (
                SELECT '(' || string_agg(search_quoted(E'\x01' || left(lexeme, max_length)) || CASE WHEN kind = 'PREFIX' THEN ':*' ELSE '' END, ' & ') || ')'
                FROM unnest(lexemes) AS lexeme));
        END LOOP;
        CONTINUE WHEN term IS NULL OR is_left_out;
        IF starts_with(kinds[place], '-') THEN
            query := CASE WHEN query IS NULL THEN !!term ELSE query && !!term END;
            is_exact := false;
        ELSE
            query := CASE WHEN query IS NULL THEN term ELSE query && term END;
            ranked := CASE WHEN ranked IS NULL THEN term ELSE ranked && term END;
            all_keys := all_keys || ('(' || term_keys || ')');
        END IF;
    END LOOP;
    keys := (SELECT array_agg(k.key) FROM (SELECT key FROM unnest(all_keys) AS key ORDER BY length(key) DESC LIMIT max_keys) k);
    is_exact := is_exact AND cardinality(all_keys) <= max_keys;
END
$$;

-- Returns how well a document matches a query without what must not occur: an integer up to 1,000,000. It depends on these two alone.
CREATE FUNCTION "search_rank"(document tsvector, ranked tsquery) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (1000000 * ts_rank(document, ranked, 33))::integer
$$;

-- Returns the newest `most` documents that match the terms, the newest first, with their scores if `is_ranked`: all of the account, or only public or internal
-- ones, or only those of a requester, or only those among the given ids. It compares at most 5,000 documents that have the lexemes. If there are more, a row
-- without an id follows. The settings are those that its plans need: the gateway's own sessions use no bitmaps, the only way to read this index.
--
-- Documents are wide, and a segment can have 8,192 that have the keys. So it sorts what is narrow: where the rows are, if each of them matches, and then reads as
-- many as are returned; otherwise whether they match, and their scores.
--
-- A bitmap scan with two conditions leaves out what the first does not have before it looks for it in the lists of the second. A condition by all keys at once
-- has it looked for in each list. With one key, the second condition is one that each document meets: that is the cheapest.
CREATE FUNCTION "search_newest_matches"(
    account uuid, searched "SearchKind", visibility boolean, requester uuid, among uuid[], kinds text[], terms text[], most integer, is_ranked boolean
) RETURNS TABLE (number integer, id uuid, ticket_id uuid, score integer, ranked tsquery) LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT SET plan_cache_mode = 'force_generic_plan' SET enable_bitmapscan = 'on' SET enable_seqscan = 'off'
SET enable_hashjoin = 'off' SET enable_mergejoin = 'off' SET enable_material = 'off' SET enable_memoize = 'off' SET jit = 'off' SET work_mem = '32MB' AS $$
#variable_conflict use_column
DECLARE
    max_compared CONSTANT integer := 5000;
    max_exact CONSTANT integer := least(most, max_compared);
    asked record;
    wanted text[];
    half integer;
    first_keys text;
    other_keys text;
BEGIN
    SELECT q.query, q.ranked, q.keys, q.is_exact INTO asked
    FROM search_query((SELECT c.languages FROM accounts c WHERE c.id = account), kinds, terms) q;
    IF asked.keys IS NULL THEN RETURN; END IF;
    IF among IS NOT NULL THEN
        RETURN QUERY
        SELECT d.number, CASE WHEN d.place <= most THEN d.id END, d.ticket_id, CASE WHEN is_ranked THEN search_rank(d.document, asked.ranked) END, asked.ranked
        FROM (
            SELECT s.number, s.id, s.ticket_id, s.document, row_number() OVER (ORDER BY s.segment DESC, s.number DESC) AS place FROM search_documents s
            WHERE s.account_id = account AND s.id = ANY (among) AND s.document @@ asked.query
            AND (visibility IS NULL OR s.is_public = visibility) AND (requester IS NULL OR s.requester_id = requester)
        ) d ORDER BY d.place LIMIT most + 1;
        RETURN;
    END IF;
    wanted := CASE WHEN requester IS NULL THEN '{}' ELSE ARRAY[search_quoted(E'\x01@' || requester)] END || asked.keys
        || CASE WHEN visibility THEN ARRAY[search_quoted(E'\x01!')] WHEN NOT visibility THEN ARRAY[search_quoted(E'\x01?')] ELSE '{}' END;
    half := (1 + cardinality(wanted)) / 2;
    first_keys := array_to_string(wanted[:half], ' & ');
    other_keys := CASE WHEN half < cardinality(wanted) THEN array_to_string(wanted[half + 1:], ' & ') ELSE '!' || search_quoted(E'\x01') END;
    IF asked.is_exact THEN
        RETURN QUERY
        SELECT m.number, CASE WHEN m.place <= max_exact THEN m.id END, m.ticket_id, m.score, asked.ranked FROM (
            SELECT r.*, row_number() OVER (ROWS UNBOUNDED PRECEDING) AS place FROM (
                SELECT d.* FROM (
                    SELECT to_hex(g.id) || ' ' AS prefix FROM search_segments g
                    WHERE g.account_id = account AND g.kind = searched ORDER BY g.first_number DESC OFFSET 0
                ) g CROSS JOIN LATERAL (
                    SELECT array_agg(s.place) AS places FROM (
                        SELECT s.ctid AS place FROM search_documents s
                        -- No other index can serve this.
                        WHERE (s.account_id = account) IS TRUE
                        AND search_keys(s.segment, s.is_public, s.requester_id, s.document) @@ replace(first_keys, E'\x01', g.prefix)::tsquery
                        AND search_keys(s.segment, s.is_public, s.requester_id, s.document) @@ replace(other_keys, E'\x01', g.prefix)::tsquery
                        AND (visibility IS NULL OR s.is_public = visibility) AND (requester IS NULL OR s.requester_id = requester)
                        ORDER BY s.number DESC LIMIT max_exact + 1
                    ) s
                ) s CROSS JOIN LATERAL (
                    SELECT d.number, d.id, d.ticket_id, CASE WHEN is_ranked THEN search_rank(d.document, asked.ranked) END AS score FROM search_documents d
                    WHERE d.ctid = ANY (s.places) AND (d.account_id = account) IS TRUE ORDER BY d.number DESC
                ) d
                LIMIT max_exact + 1
            ) r
        ) m;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT m.number, CASE WHEN m.compared <= max_compared AND m.found <= most THEN m.id END, m.ticket_id, m.score, asked.ranked FROM (
        SELECT r.*, row_number() OVER so_far AS compared, count(*) FILTER (WHERE r.is_match) OVER so_far AS found FROM (
            SELECT s.* FROM (
                SELECT to_hex(g.id) || ' ' AS prefix FROM search_segments g
                WHERE g.account_id = account AND g.kind = searched ORDER BY g.first_number DESC OFFSET 0
            ) g CROSS JOIN LATERAL (
                SELECT s.number, s.id, s.ticket_id, s.is_match, CASE WHEN is_ranked AND s.is_match THEN search_rank(s.document, asked.ranked) END AS score FROM (
                    SELECT s.number, s.id, s.ticket_id, s.document, s.document @@ asked.query AS is_match FROM search_documents s
                    WHERE (s.account_id = account) IS TRUE
                    AND search_keys(s.segment, s.is_public, s.requester_id, s.document) @@ replace(first_keys, E'\x01', g.prefix)::tsquery
                    AND search_keys(s.segment, s.is_public, s.requester_id, s.document) @@ replace(other_keys, E'\x01', g.prefix)::tsquery
                    AND (visibility IS NULL OR s.is_public = visibility) AND (requester IS NULL OR s.requester_id = requester)
                    OFFSET 0
                ) s ORDER BY s.number DESC
            ) s
            LIMIT max_compared + 1
        ) r WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)
    ) m WHERE m.is_match OR m.compared > max_compared LIMIT most + 1;
END
$$;

-- For processes of versions before this script, which also score by `search_score`.
CREATE OR REPLACE FUNCTION "search_matches"(
    account uuid, searched "SearchKind", visibility boolean, requester uuid, among uuid[], kinds text[], terms text[], most integer, is_ranked boolean
) RETURNS TABLE (id uuid, ticket_id uuid, score integer, query tsquery) LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    RETURN QUERY SELECT m.id, m.ticket_id, m.score, m.ranked FROM search_newest_matches(account, searched, visibility, requester, among, kinds, terms, most, is_ranked) m;
END
$$;

-- Returns the newest notes of the account that the index has under `wanted`, a query of `search_keys` with U+0001 in the place of each segment: at most `most`,
-- and as many as have `max_bytes` together.
CREATE OR REPLACE FUNCTION "search_newest"(account uuid, wanted text, most integer, max_bytes integer) RETURNS TABLE (id uuid, document tsvector) LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT SET plan_cache_mode = 'force_generic_plan' SET enable_bitmapscan = 'on' SET enable_seqscan = 'off'
SET enable_hashjoin = 'off' SET enable_mergejoin = 'off' SET enable_material = 'off' SET enable_memoize = 'off' SET jit = 'off' AS $$
BEGIN
    RETURN QUERY
    SELECT d.id, d.document FROM (
        -- The size of a document is known without reading what is stored apart from its row.
        SELECT r.id, r.document, sum(pg_column_size(r.document)) OVER (ROWS UNBOUNDED PRECEDING) AS bytes FROM (
            SELECT d.* FROM (
                SELECT g.id FROM search_segments g WHERE g.account_id = account AND g.kind = 'NOTE' ORDER BY g.first_number DESC OFFSET 0
            ) g CROSS JOIN LATERAL (
                SELECT array_agg(s.place) AS places FROM (
                    SELECT s.ctid AS place FROM search_documents s
                    WHERE (s.account_id = account) IS TRUE
                    AND search_keys(s.segment, s.is_public, s.requester_id, s.document) @@ replace(wanted, E'\x01', to_hex(g.id) || ' ')::tsquery
                    ORDER BY s.number DESC LIMIT most
                ) s
            ) s CROSS JOIN LATERAL (
                SELECT d.id, d.document FROM search_documents d
                WHERE d.ctid = ANY (s.places) AND (d.account_id = account) IS TRUE ORDER BY d.number DESC
            ) d LIMIT most
        ) r
    ) d WHERE d.bytes <= max_bytes;
END
$$;

-- Returns for each of `words` that no note has which the caller may see, the words that are most similar to it among those of such notes: up to three, the most
-- similar first. It looks at the newest notes, and at the newest ones with words that begin as it does. Nothing is returned if more than three words are in no
-- note, and where the extension is not.
CREATE OR REPLACE FUNCTION "search_similar"(account uuid, visibility boolean, requester uuid, words text[]) RETURNS TABLE (word text, similar_word text)
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
                @@ replace(asked.keys[1] || ' & ' || seen, E'\x01', to_hex(g.id) || ' ')::tsquery
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
            -- The length first: it is known at once. The ids are read below with a language only.
            SELECT l.lexeme, count(*) AS count, (array_agg(d.id) FILTER (WHERE $4 <> ARRAY['simple']))[1:3] AS ids
            FROM documents d CROSS JOIN LATERAL unnest(d.document) AS l
            WHERE length(l.lexeme) >= (SELECT min(length(m.word)) - 2 FROM unnest($3) AS m (word))
            AND length(l.lexeme) <= (SELECT max(length(m.word)) + 2 FROM unnest($3) AS m (word)) AND l.lexeme !~ '\d' GROUP BY l.lexeme
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
