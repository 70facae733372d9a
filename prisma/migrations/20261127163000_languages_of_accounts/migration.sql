-- Compatible with: 20261127100100_versions_of_notes
--
-- The text search configurations of an account's notes and tickets. A name that the database has no configuration for is left out when texts are read.

ALTER TABLE "accounts" ADD COLUMN "languages" TEXT[] NOT NULL DEFAULT ARRAY['simple']::TEXT[],
ADD CONSTRAINT "accounts_languages_check" CHECK (cardinality("languages") BETWEEN 1 AND 8);
