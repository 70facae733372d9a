import type { Database } from "./database.ts";
import { integer, raw, sql } from "./sql.ts";

/** How many rows are read at a time: their writers wait so long. */
const rowsOfStep = 2_000;

/** What can be found by its words, and the column with its text. */
const searched = [
  { table: "notes", text: "text" },
  { table: "tickets", text: "subject" },
] as const;

/** The number of languages that an account may have: accounts_languages_check. */
export const maxLanguages = 8;

/** Returns the names of the text search configurations that an account can have as its languages. */
export async function knownLanguages(database: Database): Promise<readonly string[]> {
  const known = await database.query<{ name: string }>(
    sql`SELECT c.cfgname AS name FROM pg_ts_config c WHERE pg_ts_config_is_visible(c.oid) ORDER BY c.cfgname`,
  );
  return known.map(({ name }) => name);
}

/**
 * Reads the notes and tickets of an account anew by its languages, so that they are found in their forms. The rows of a
 * step are locked before their text is read, so that no document gets a text that somebody has replaced meanwhile.
 */
export async function rereadAccount(database: Database, accountId: string): Promise<void> {
  for (const { table, text } of searched) {
    let last: number | null = -1;
    while (last !== null) {
      const [step]: { last: number | null }[] = await database.query<{ last: number | null }>(sql`
        WITH read AS MATERIALIZED (
          SELECT r.id, r.number, r.${raw(text)} AS content FROM ${raw(table)} r
          WHERE r.account_id = ${accountId}::uuid AND r.number > ${last}::integer ORDER BY r.number LIMIT ${integer(rowsOfStep)} FOR SHARE
        ), written AS (
          UPDATE search_documents s
          SET document = search_document(read.content, (SELECT c.languages FROM accounts c WHERE c.id = ${accountId}::uuid))
          FROM read WHERE s.account_id = ${accountId}::uuid AND s.id = read.id
        )
        SELECT max(read.number) AS last FROM read`);
      last = step?.last ?? null;
    }
  }
}
