import { type Condition, sql, type Sql } from "../database/sql.ts";
import type { SearchQuery } from "./input.ts";

/** How many of the newest matches a search ranks. */
export const maxMatches = 2_000;

/** What a search reads. */
interface SearchedDocuments {
  readonly kind: "NOTE" | "TICKET";
  /** The condition of the policy, over notes or tickets: the account, and perhaps the visibility and the requester. */
  readonly visible: Condition & { readonly accountId: string };
  readonly query: SearchQuery;
  /** Whether only public documents are searched, or only internal ones. Undefined: both. */
  readonly isPublic?: boolean | undefined;
  /** An array of the ids among which to search. Undefined: all of the account. */
  readonly among?: Sql | undefined;
  /** How many of the newest matches are returned at most. */
  readonly most: number;
  /** Whether the matches have scores. */
  readonly isRanked: boolean;
}

/**
 * Returns a FROM item with the alias `m`: the newest documents that match, the newest first by `place`. A row without
 * an `id` follows if there may be more. It has the columns number, id, ticket_id, score, and `ranked`: what the score
 * counts of the query. Throws a TypeError if the policy compares what documents do not have.
 */
export function searchMatches({ kind, visible, query, isPublic, among, most, isRanked }: SearchedDocuments): Sql {
  const { accountId, mustBePublic, requesterId } = searchedBy(visible);
  const kinds = query.terms.map((term) => `${term.isNegated ? "-" : ""}${term.kind}`);
  const terms = query.terms.map(({ text }) => text);
  return sql`search_newest_matches(
    ${accountId}::uuid, ${kind}::"SearchKind", ${mustBePublic ?? isPublic ?? null}::boolean, ${requesterId ?? null}::uuid, ${among ?? sql`NULL`}::uuid[],
    ${kinds}::text[], ${terms}::text[], ${most}::integer, ${isRanked}::boolean
  ) WITH ORDINALITY AS m (number, id, ticket_id, score, ranked, place)`;
}

/**
 * Returns a FROM item with the alias `s`: for each of `words` that no visible note has, up to three words of visible
 * notes that are similar to it, the most similar first. It has the columns word and similar_word, and no rows if more
 * than three words are in no note, or where the database lacks the extension pg_trgm. Throws as {@link searchMatches}.
 */
export function similarWords(visible: SearchedDocuments["visible"], words: readonly string[]): Sql {
  const { accountId, mustBePublic, requesterId } = searchedBy(visible);
  return sql`search_similar(${accountId}::uuid, ${mustBePublic ?? null}::boolean, ${requesterId ?? null}::uuid, ${words}::text[])
    AS s (word, similar_word)`;
}

/** Returns what documents are compared with. */
function searchedBy(visible: SearchedDocuments["visible"]) {
  const { accountId, isPublic: mustBePublic, requesterId, ...others } = visible;
  if (mustBePublic === false || Object.keys(others).length > 0)
    throw new TypeError("Documents cannot be searched by this policy.");
  return { accountId, mustBePublic, requesterId };
}

/** The largest score. */
export const maxScore = 1_000_000;
