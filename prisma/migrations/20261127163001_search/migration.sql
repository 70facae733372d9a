-- Compatible with: 20261127100100_versions_of_notes
--
-- What can be found by its words: notes by their texts and tickets by their subjects (docs/decisions/0116). Tables of their own, so that neither the rows nor
-- the indexes of notes grow. They refer to nothing: triggers keep them, and a foreign key would have each new note look for itself.

-- CreateEnum
CREATE TYPE "SearchKind" AS ENUM ('NOTE', 'TICKET');

-- CreateTable
CREATE TABLE "search_segments" (
    "account_id" UUID NOT NULL,
    "kind" "SearchKind" NOT NULL,
    "first_number" INTEGER NOT NULL,
    "id" SERIAL NOT NULL,

    CONSTRAINT "search_segments_pkey" PRIMARY KEY ("account_id","kind","first_number")
);

-- CreateTable
CREATE TABLE "search_documents" (
    "account_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "ticket_id" UUID NOT NULL,
    "segment" INTEGER NOT NULL,
    "number" INTEGER NOT NULL,
    "is_public" BOOLEAN NOT NULL,
    "requester_id" UUID,
    "document" tsvector NOT NULL,

    CONSTRAINT "search_documents_pkey" PRIMARY KEY ("account_id","id")
);


-- From here on by hand: what schema.prisma cannot say.

-- Returns the configurations of an account that the database has, `simple` first. Its lexemes are the words as they are written.
CREATE FUNCTION "search_configurations"(languages text[]) RETURNS regconfig[] LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT ARRAY['pg_catalog.simple'::regconfig] || ARRAY(
        SELECT c.oid::regconfig FROM pg_catalog.unnest(languages) WITH ORDINALITY AS given (name, place)
        JOIN pg_catalog.pg_ts_config c ON c.cfgname = given.name AND pg_catalog.pg_ts_config_is_visible(c.oid)
        WHERE given.name <> 'simple' ORDER BY given.place
    )
$$;

-- Returns a text without the tags of sections and the addresses of images, and with spaces in place of the signs that can join words, so that `DOC-504` and a
-- mail address are found by each of their words. PostgreSQL's parser takes a minute for 64 KB of `a_a_a_`, in which it looks for addresses. No more signs than
-- these, since each of them costs time for each character.
CREATE FUNCTION "search_plain"(content text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT pg_catalog.translate(CASE WHEN content ~ '!\[|<' THEN
        pg_catalog.regexp_replace(
            pg_catalog.regexp_replace(content, '!\[([^\[\]]{0,200})\]\([^()\s]{0,250}\)', ' \1 ', 'g'),
            '</?(details|summary)( [^<>]{0,50})?>', ' ', 'gi'
        ) ELSE content END, '-./@_<&~+:', '          ')
$$;

-- Returns the lexemes of a text by all configurations of its account. A removed word stands between those of two, so that no phrase spans them.
CREATE FUNCTION "search_document"(content text, languages text[]) RETURNS tsvector LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    plain text := search_plain(content);
    document tsvector := to_tsvector('pg_catalog.simple', plain);
    configuration regconfig;
BEGIN
    IF languages = ARRAY['simple'] THEN RETURN document; END IF;
    FOREACH configuration IN ARRAY (search_configurations(languages))[2:] LOOP
        document := document || ts_delete(to_tsvector(configuration, 'q7gap0 ' || plain), 'q7gap0');
    END LOOP;
    RETURN document;
END
$$;

-- Returns what the index has of a document: its lexemes, who may see it, each after its segment. A segment is of one account, so no posting list has rows of
-- two, and a common word is read segment by segment, the newest first. Very long lexemes are cut: the document itself is compared as well.
CREATE FUNCTION "search_keys"(segment integer, is_public boolean, requester_id uuid, document tsvector) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
DECLARE
    prefix text := pg_catalog.to_hex(segment) || ' ';
    keys text[] := ARRAY(SELECT prefix || pg_catalog.left(lexeme, 100) FROM pg_catalog.unnest(pg_catalog.tsvector_to_array(document)) AS lexeme);
BEGIN
    keys := keys || CASE WHEN is_public THEN ARRAY[prefix || '!', prefix || '@' || coalesce(requester_id::text, '')] ELSE ARRAY[prefix || '?'] END;
    RETURN pg_catalog.array_to_tsvector(keys);
END
$$;

-- Returns the query for the terms of a search, and that for the index: without phrases and negations, each lexeme after U+0001, in whose place a segment
-- comes. The index is asked for the six longest terms only, as it looks for each lexeme in each segment, and long words are rarer. A kind is WORD, PHRASE or
-- PREFIX, and begins with a minus if the term must not occur. A term is found by any configuration of the account. A word that one of them leaves out, such as
-- `the`, is left out. `keys` is null if no term is left: nothing is found then.
CREATE FUNCTION "search_query"(languages text[], kinds text[], terms text[], OUT query tsquery, OUT keys text) LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT SET client_min_messages = 'warning' AS $$
DECLARE
    configuration regconfig;
    configurations regconfig[] := search_configurations(languages);
    kind text;
    plain text;
    part tsquery;
    term tsquery;
    term_keys text;
    all_keys text[] := '{}';
    is_left_out boolean;
BEGIN
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
            term_keys := concat_ws(' | ', term_keys, (
                SELECT '(' || string_agg(search_quoted(E'\x01' || left(lexeme, 100)) || CASE WHEN kind = 'PREFIX' THEN ':*' ELSE '' END, ' & ') || ')'
                FROM unnest(tsvector_to_array(to_tsvector(configuration, plain))) AS lexeme));
        END LOOP;
        CONTINUE WHEN term IS NULL OR is_left_out;
        IF starts_with(kinds[place], '-') THEN
            query := CASE WHEN query IS NULL THEN !!term ELSE query && !!term END;
        ELSE
            query := CASE WHEN query IS NULL THEN term ELSE query && term END;
            all_keys := all_keys || ('(' || term_keys || ')');
        END IF;
    END LOOP;
    keys := (SELECT string_agg(k.key, ' & ') FROM (SELECT key FROM unnest(all_keys) AS key ORDER BY length(key) DESC LIMIT 6) k);
END
$$;

-- Returns a text as one operand of a query.
CREATE FUNCTION "search_quoted"(operand text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT '''' || pg_catalog.replace(pg_catalog.replace(operand, '\', '\\'), '''', '''''') || ''''
$$;

-- Returns how well a document matches a query: an integer up to 1,000,000. It depends on these two alone.
CREATE FUNCTION "search_score"(document tsvector, query tsquery) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (1000000 * ts_rank(document, query, 33))::integer
$$;

-- Returns the newest `most` documents that match the terms, the newest first, with their scores if `is_ranked`: all of the account, or only public or internal
-- ones, or only those of a requester, or only those among the given ids. It compares at most 5,000 documents that have the lexemes. If there are more, a row
-- without an id follows. The settings are those that its one plan needs: the gateway's own sessions use no bitmaps, the only way to read this index.
CREATE FUNCTION "search_matches"(
    account uuid, searched "SearchKind", visibility boolean, requester uuid, among uuid[], kinds text[], terms text[], most integer, is_ranked boolean
) RETURNS TABLE (id uuid, ticket_id uuid, score integer, query tsquery) LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT SET plan_cache_mode = 'force_generic_plan' SET enable_bitmapscan = 'on' SET enable_seqscan = 'off'
SET enable_hashjoin = 'off' SET enable_mergejoin = 'off' SET enable_material = 'off' SET work_mem = '32MB' AS $$
DECLARE
    max_compared CONSTANT integer := 5000;
    asked record;
    wanted text;
BEGIN
    SELECT q.query, q.keys INTO asked FROM search_query((SELECT c.languages FROM accounts c WHERE c.id = account), kinds, terms) q;
    IF asked.keys IS NULL THEN RETURN; END IF;
    wanted := concat_ws(' & ', asked.keys,
        CASE WHEN visibility THEN search_quoted(E'\x01!') WHEN NOT visibility THEN search_quoted(E'\x01?') END,
        CASE WHEN requester IS NOT NULL THEN search_quoted(E'\x01@' || requester) END);
    IF among IS NOT NULL THEN
        RETURN QUERY
        SELECT CASE WHEN d.place <= most THEN d.id END, d.ticket_id, CASE WHEN is_ranked THEN search_score(d.document, asked.query) END, asked.query FROM (
            SELECT s.id, s.ticket_id, s.document, row_number() OVER (ORDER BY s.segment DESC, s.number DESC) AS place FROM search_documents s
            WHERE s.account_id = account AND s.id = ANY (among) AND s.document @@ asked.query
            AND (visibility IS NULL OR s.is_public = visibility) AND (requester IS NULL OR s.requester_id = requester)
        ) d ORDER BY d.place LIMIT most + 1;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT CASE WHEN d.compared <= max_compared AND d.found <= most THEN d.id END, d.ticket_id,
        CASE WHEN is_ranked THEN search_score(d.document, asked.query) END, asked.query
    FROM (
        SELECT w.*, row_number() OVER () AS compared, count(*) FILTER (WHERE w.is_match) OVER (ROWS UNBOUNDED PRECEDING) AS found FROM (
            SELECT s.id, s.ticket_id, s.document, s.document @@ asked.query AS is_match
            FROM (
                SELECT g.id FROM search_segments g WHERE g.account_id = account AND g.kind = searched ORDER BY g.first_number DESC OFFSET 0
            ) g CROSS JOIN LATERAL (
                SELECT s.id, s.ticket_id, s.document FROM search_documents s
                -- No other index can serve this.
                WHERE (s.account_id = account) IS TRUE
                AND search_keys(s.segment, s.is_public, s.requester_id, s.document) @@ replace(wanted, E'\x01', to_hex(g.id) || ' ')::tsquery
                AND (visibility IS NULL OR s.is_public = visibility) AND (requester IS NULL OR s.requester_id = requester)
                ORDER BY s.number DESC
            ) s
            LIMIT max_compared + 1
        ) w
    ) d WHERE d.is_match OR d.compared > max_compared LIMIT most + 1;
END
$$;

-- Returns those of `words` that a term finds by one of the configurations. A word of several lexemes must have no other ones.
CREATE FUNCTION "search_words"(languages text[], kinds text[], terms text[], words text[]) RETURNS SETOF text LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    WITH asked AS MATERIALIZED (
        SELECT c.configuration, t.kind, l.lexeme
        FROM unnest(search_configurations(languages)) AS c (configuration) CROSS JOIN unnest(kinds, terms) AS t (kind, term)
        CROSS JOIN unnest(tsvector_to_array(to_tsvector(c.configuration, search_plain(t.term)))) AS l (lexeme)
        WHERE t.kind <> 'PREFIX' OR c.configuration = 'pg_catalog.simple'::regconfig
    ), of_words AS (
        SELECT w.word, c.configuration, tsvector_to_array(to_tsvector(c.configuration, search_plain(w.word))) AS lexemes
        FROM unnest(words) AS w (word) CROSS JOIN unnest(search_configurations(languages)) AS c (configuration)
    )
    SELECT DISTINCT w.word FROM of_words w WHERE cardinality(w.lexemes) > 0 AND NOT EXISTS (
        SELECT FROM unnest(w.lexemes) AS l (lexeme) WHERE NOT EXISTS (
            SELECT FROM asked a WHERE a.configuration = w.configuration
            AND (a.lexeme = l.lexeme OR a.kind = 'PREFIX' AND starts_with(l.lexeme, a.lexeme))
        )
    )
$$;

-- Returns the segment of a number: the newest that begins with it or before it.
CREATE FUNCTION "search_segment"(account uuid, searched "SearchKind", given integer) RETURNS integer LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT g.id FROM search_segments g WHERE g.account_id = account AND g.kind = searched AND g.first_number <= given ORDER BY g.first_number DESC LIMIT 1
$$;

-- Removes documents, of notes or of tickets: nothing of their words is left in these tables.
CREATE FUNCTION "search_forget"(account uuid, ids uuid[]) RETURNS void LANGUAGE sql SET search_path FROM CURRENT AS $$
    DELETE FROM search_documents s WHERE s.account_id = account AND s.id = ANY (ids)
$$;
