import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { authorize, type Viewer } from "../viewer.ts";
import { highlightsOf, type TextHighlight, wordsIn } from "./highlights.ts";
import { readSearchQuery, type SearchTerm } from "./input.ts";

export type { TextHighlight } from "./highlights.ts";

declare module "../services.ts" {
  interface Services {
    readonly search: Search;
  }
}

export interface Search {
  /**
   * Returns for each text an excerpt in which what `query` searches for is marked, by the languages of the viewer's
   * account. The texts are those that the viewer has read. Throws {@link InvalidInput} if the query is not valid.
   */
  highlights(viewer: Viewer, texts: readonly string[], query: string): Promise<readonly (readonly TextHighlight[])[]>;
}

export function createSearch({ database }: { readonly database: Database }): Search {
  /** Returns those of `words` that one of `terms` finds. */
  async function matching(
    viewer: Viewer,
    words: readonly string[],
    terms: readonly SearchTerm[],
  ): Promise<ReadonlySet<string>> {
    const { account } = authorize(viewer);
    if (words.length === 0) return new Set();
    const found = await database.query<{ word: string }>(sql`
      SELECT w.word FROM search_words(
        (SELECT c.languages FROM accounts c WHERE c.id = ${account.id}::uuid),
        ${terms.map(({ kind }) => kind)}::text[], ${terms.map(({ text }) => text)}::text[], ${words}::text[]
      ) AS w (word)`);
    return new Set(found.map(({ word }) => word));
  }

  return {
    async highlights(viewer, texts, query) {
      const terms = readSearchQuery(query).terms.filter(({ isNegated }) => !isNegated);
      const initials = new Set(terms.flatMap(({ text }) => [...wordsIn(text)].map(initialOf)));
      const words = new Set(texts.flatMap((text) => [...wordsIn(text)]));
      // A word and its stem begin with the same letter. Most words need not be sent to the database then.
      const likely = [...words].filter((word) => initials.has(initialOf(word)));
      const found = await matching(viewer, likely, terms);
      return texts.map((text) => highlightsOf(text, found));
    },
  };
}

function initialOf(word: string): number | undefined {
  return word.codePointAt(0);
}
