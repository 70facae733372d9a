-- Compatible with: 20261122071808_indexes_of_pages
--
-- Says yes, or ends the statement: the text that is being written has grown larger than an answer may be.
CREATE FUNCTION "within_bytes"("bytes" bigint, "maximum" bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF bytes > maximum THEN
    RAISE EXCEPTION 'The answer is larger than % bytes.', maximum USING ERRCODE = 'program_limit_exceeded';
  END IF;
  RETURN true;
END
$$;
