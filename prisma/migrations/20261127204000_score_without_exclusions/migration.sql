-- Compatible with: 20261127182500_search_spelling
--
-- `ts_rank` scores a query of two words by how near they are to each other. A word that must not occur is near to none, so that `lamp -third` had the score 0 for
-- every document. What must not occur does not count any more: `querytree` is a query without it.
CREATE OR REPLACE FUNCTION "search_score"(document tsvector, query tsquery) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (1000000 * ts_rank(document, CASE WHEN strpos(query::text, '!') > 0 THEN querytree(query)::tsquery ELSE query END, 33))::integer
$$;
