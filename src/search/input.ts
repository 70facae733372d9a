import { hash } from "node:crypto";
import { codePointLength, unstorable } from "../lib/text.ts";
import { invalid } from "../errors.ts";

/** A part of a search that a text must contain, or must not contain if it is negated. */
export interface SearchTerm {
  /** A word, words in this order beside each other, or the beginning of a word. */
  readonly kind: "WORD" | "PHRASE" | "PREFIX";
  readonly text: string;
  readonly isNegated: boolean;
}

/** What is searched for. All terms must hold. */
export interface SearchQuery {
  /** The query as it was sent. */
  readonly text: string;
  readonly terms: readonly SearchTerm[];
  /** What tells this search from others, as a UUID. Queries that search for the same have the same. */
  readonly digest: string;
}

const maxSearchLength = 256;
const maxTerms = 16;

/** Quotation marks that keyboards put in place of a straight one. */
const quotationMarks = /[“”„‟«»]/g;
/** A phrase, or anything without spaces; a minus before it negates it. */
const termPattern = /(?<=^|\s)(?<minus>-?)"(?<phrase>[^"]*)"|(?<word>\S+)/g;

/**
 * Returns the search that a person has typed: words, `"phrases"`, `-not`, and prefixes with `*`. Anything else is
 * words.
 *
 * Throws {@link InvalidInput} if the query is blank, is too long, has too many terms or negated ones only, or cannot be
 * stored. `path` is where the caller has sent it.
 */
export function readSearchQuery(text: string, path: readonly string[] = ["query"]): SearchQuery {
  const problem = problemOf(text);
  if (problem !== undefined) throw invalid(path, `The query ${problem}.`);
  const terms = new Map<string, SearchTerm>();
  for (const { groups = {} } of text.replaceAll(quotationMarks, '"').matchAll(termPattern)) {
    const term = termOf(groups);
    if (term) terms.set(JSON.stringify(term), term);
  }
  if (terms.size > maxTerms) throw invalid(path, `The query must have at most ${maxTerms} words and phrases.`);
  const all = [...terms.values()];
  if (all.length > 0 && all.every(({ isNegated }) => isNegated))
    throw invalid(path, "The query must have a word to find: it only has words to leave out.");
  return { text, terms: all, digest: digestOf(all) };
}

function digestOf(terms: readonly SearchTerm[]): string {
  const digits = hash("sha256", JSON.stringify(terms));
  return digits.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function problemOf(text: string): string | undefined {
  if (text.trim() === "") return "must not be blank";
  if (codePointLength(text) > maxSearchLength) return `must have at most ${maxSearchLength} characters`;
  return unstorable(text);
}

function termOf({ minus, phrase, word = "" }: Record<string, string | undefined>): SearchTerm | undefined {
  if (phrase !== undefined) return newTerm("PHRASE", phrase.trim(), minus === "-");
  // A quotation mark without a second one is no phrase.
  const [, sign = "", plain = "", star = ""] = /^(-?)(.*?)(\**)$/su.exec(word.replaceAll('"', " ").trim()) ?? [];
  return newTerm(star === "" ? "WORD" : "PREFIX", plain.trim(), sign === "-");
}

function newTerm(kind: SearchTerm["kind"], text: string, isNegated: boolean): SearchTerm | undefined {
  return text === "" ? undefined : { kind, text, isNegated };
}
