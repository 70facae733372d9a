import { attempt, InvalidInput } from "../errors.ts";
import { readSearchQuery, type SearchQuery } from "./input.ts";

/** Similar words by the word in whose place they may be meant, the most similar first. */
export type SimilarWords = ReadonlyMap<string, readonly string[]>;

const wordPattern = /[\p{L}\p{N}\p{M}_]+/gu;
/** Words of letters. A code or a number that is similar to another one is another code. */
const spelledPattern = /^[\p{L}\p{M}]{4,64}$/u;

/**
 * Returns the words of a query that can be misspelled, each once, in lower case: those that must occur, also in
 * phrases, and have four letters or more. Shorter words are similar to too many others.
 */
export function spelledWords({ terms }: SearchQuery): readonly string[] {
  const texts = terms.filter(({ kind, isNegated }) => !isNegated && kind !== "PREFIX").map(({ text }) => text);
  const words = texts.flatMap((text) => [...text.matchAll(wordPattern)].map(([word]) => word.toLowerCase()));
  return [...new Set(words)].filter((word) => spelledPattern.test(word));
}

/**
 * Returns a query again with the most similar words in place of those that no note has, then with the second ones, and
 * so on. Returns none that is too long.
 */
export function respelledQueries({ text }: SearchQuery, similar: SimilarWords): readonly SearchQuery[] {
  if (similar.size === 0) return [];
  const most = Math.max(...[...similar.values()].map(({ length }) => length));
  return Array.from({ length: most }, (_, place) => place).flatMap((place) => {
    const replaced = text.replaceAll(wordPattern, (word) => {
      const words = similar.get(word.toLowerCase()) ?? [word];
      return words[Math.min(place, words.length - 1)] ?? word;
    });
    const query = attempt(() => readSearchQuery(replaced), InvalidInput);
    return query instanceof InvalidInput ? [] : [query];
  });
}
