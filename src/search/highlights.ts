/** A part of a text, and whether it is what was searched for. */
export interface TextHighlight {
  readonly text: string;
  readonly isMatch: boolean;
}

/** A word of a text, or several that are joined by signs: `front-left`, `info@example.com`. */
const joinedWords = /[\p{L}\p{N}\p{M}_]+(?:[-.'’@/:+][\p{L}\p{N}\p{M}_]+)*/gu;
const singleWord = /[\p{L}\p{N}\p{M}_]+/gu;

/** Longer words are not marked. */
const maxWordLength = 256;
/** How many different words of one text are looked at. */
const maxWords = 4_000;

/** Returns the words in `text` that may be marked, each once, in lower case. */
export function wordsIn(text: string): ReadonlySet<string> {
  const words = new Set<string>();
  for (const [word] of text.matchAll(joinedWords)) {
    if (words.size >= maxWords) return words;
    if (word.length > maxWordLength) continue;
    words.add(word.toLowerCase());
    for (const [single] of word.matchAll(singleWord)) words.add(single.toLowerCase());
  }
  return words;
}

/** The characters of an excerpt, and how many of them are before its first match. */
const excerptLength = 240;
const lengthBeforeMatch = 60;

/** The characters of a text that are a match: from `start`, up to `end`. */
interface MatchRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Returns an excerpt of `text` with the most matches, in parts that are matches or are not. `matching` are the words
 * that match, in lower case. Without a match it is the beginning of the text. An ellipsis stands for what is left out.
 */
export function highlightsOf(text: string, matching: ReadonlySet<string>): readonly TextHighlight[] {
  const matches = matchesIn(text, matching);
  const start = startOfExcerpt(text, matches);
  const end = endOfExcerpt(text, start);
  const parts: TextHighlight[] = [{ text: start > 0 ? "…" : "", isMatch: false }];
  let written = start;
  for (const match of matches.filter((one) => one.start >= start && one.end <= end)) {
    parts.push({ text: text.slice(written, match.start), isMatch: false });
    parts.push({ text: text.slice(match.start, match.end), isMatch: true });
    written = match.end;
  }
  parts.push({ text: text.slice(written, end), isMatch: false }, { text: end < text.length ? "…" : "", isMatch: false });
  return mergedParts(parts);
}

function matchesIn(text: string, matching: ReadonlySet<string>): readonly MatchRange[] {
  return [...text.matchAll(joinedWords)].flatMap((found) => {
    const [word] = found;
    if (word.length > maxWordLength) return [];
    if (matching.has(word.toLowerCase())) return [{ start: found.index, end: found.index + word.length }];
    return [...word.matchAll(singleWord)]
      .filter(([single]) => matching.has(single.toLowerCase()))
      .map((single) => ({ start: found.index + single.index, end: found.index + single.index + single[0].length }));
  });
}

/** Returns where the excerpt with the most matches begins: the first one, if several have as many. */
function startOfExcerpt(text: string, matches: readonly MatchRange[]): number {
  let best = { count: 0, start: 0 };
  let after = 0;
  matches.forEach(({ start }, index) => {
    while (after < matches.length && (matches[after]?.end ?? 0) <= start - lengthBeforeMatch + excerptLength) after += 1;
    if (after - index > best.count) best = { count: after - index, start };
  });
  if (best.start <= lengthBeforeMatch || text.length <= excerptLength) return 0;
  return betweenWords(text, Math.min(best.start - lengthBeforeMatch, text.length - excerptLength), best.start);
}

function endOfExcerpt(text: string, start: number): number {
  const end = start + excerptLength;
  if (end >= text.length) return text.length;
  const space = text.slice(start, end).search(/\s\S*$/u);
  return space > excerptLength / 2 ? start + space : betweenCharacters(text, end);
}

/** Returns the start of the next word after `index`, unless it is beyond `limit`. */
function betweenWords(text: string, index: number, limit: number): number {
  const space = text.slice(index, limit).search(/\s/u);
  return space < 0 ? betweenCharacters(text, index) : index + space + 1;
}

/** Returns `index`, or the one before it if it is between the two halves of a character. */
function betweenCharacters(text: string, index: number): number {
  const code = text.charCodeAt(index);
  return code >= 0xdc00 && code <= 0xdfff ? index - 1 : index;
}

/** Returns `parts` without empty ones, and those beside each other that are no matches as one. */
function mergedParts(parts: readonly TextHighlight[]): readonly TextHighlight[] {
  const all: TextHighlight[] = [];
  for (const part of parts) {
    const last = all.at(-1);
    if (part.text === "") continue;
    if (last && !last.isMatch && !part.isMatch) all[all.length - 1] = { text: last.text + part.text, isMatch: false };
    else all.push(part);
  }
  return all;
}
