import type { MarkedText } from "./hidden-characters.ts";

// Lines are compared by all their windows of 8 code units, which takes a time in proportion to their length, whatever
// somebody has written to make it take longer.

/** The lines of texts of which something is redacted. */
export interface RedactedLines {
  readonly isEmpty: boolean;
  /**
   * Returns which characters of a line were redacted where it was taken from. `isQuotation` says that the line is one,
   * whatever it has in it: a short line is then compared as a whole.
   */
  mark(characters: readonly string[], isQuotation: boolean): boolean[];
}

const windowLength = 8;
/** A redacted part of so many characters is looked for by itself, without what stood around it. */
export const shortestPart = 4;
/** The number of characters of the texts that are looked for. Earlier states of a note differ in a few lines. */
const maxCharacters = 262_144;
/** So much of a longer part is recognized without the rest. */
export const longestPart = 256;
/** Of a long line so many characters are read at once. */
export const charactersAtOnce = 4_096;

/** A line as it is compared, and the place among its characters that each code unit has. */
interface ComparedLine {
  readonly text: string;
  readonly places: readonly number[];
}

/** What is known of a window of the text. */
interface TextWindow {
  /** The code units that are redacted, the first one in the highest bit. */
  readonly hidden: number;
  /** The length of the shortest redacted part that the window is within. Infinity: not all of it is redacted. */
  readonly shortestPart: number;
}

const allHidden = 2 ** windowLength - 1;

/**
 * Resolves with the lines of `redacted`, of which something is redacted. `takeTurn` is awaited with the number of
 * characters before these are read.
 */
export async function createRedactedLines(
  redacted: readonly MarkedText[],
  takeTurn: (characters: number) => Promise<void>,
): Promise<RedactedLines> {
  const windows = new Map<string, TextWindow>();
  /** Redacted parts, and whole lines, that are shorter than a window. */
  const shortParts = new Map<number, Set<string>>();
  const shortLines = new Map<string, readonly boolean[]>();
  for (const line of distinctLines(redacted)) await addLine(line);

  async function addLine({ text, isHidden }: ComparedMarks): Promise<void> {
    if (text.length < windowLength) shortLines.set(text, isHidden);
    const partLengths = partLengthsOf(text, isHidden);
    let hidden = 0;
    for (let end = 1; end <= text.length; end += 1) {
      if (end % charactersAtOnce === 1) await takeTurn(Math.min(charactersAtOnce, text.length));
      hidden = (hidden * 2 + Number(isHidden[end - 1])) % 2 ** windowLength;
      if (end >= windowLength) addWindow(text.slice(end - windowLength, end), hidden, partLengths[end - 1] ?? 0);
      const length = partLengths[end - 1] ?? 0;
      if (length > 0 && partLengths[end] !== length) addShortPart(text.slice(end - length, end), text.length);
    }
  }

  function addWindow(key: string, hidden: number, partLength: number): void {
    const before = windows.get(key);
    const part = hidden === allHidden ? Math.min(partLength, longestPart) : Number.POSITIVE_INFINITY;
    windows.set(key, {
      hidden: hidden | (before?.hidden ?? 0),
      shortestPart: Math.min(part, before?.shortestPart ?? Number.POSITIVE_INFINITY),
    });
  }

  /** A whole line that is short is looked for as a line only. */
  function addShortPart(part: string, lineLength: number): void {
    if (part.length < shortestPart || part.length >= windowLength || part.length === lineLength) return;
    const parts = shortParts.get(part.length) ?? new Set();
    shortParts.set(part.length, parts.add(part));
  }

  /** Returns what of a line was redacted, if all of the line stands in the text. */
  function markPiece(text: string): boolean[] | undefined {
    const found = Array.from({ length: text.length }, () => false);
    let coveredTo = 0;
    for (let start = 0; start + windowLength <= text.length; start += 1) {
      const known = windows.get(text.slice(start, start + windowLength));
      if (!known) continue;
      if (start > coveredTo) return undefined;
      coveredTo = start + windowLength;
      for (let offset = 0; offset < windowLength; offset += 1) {
        if ((known.hidden >> (windowLength - 1 - offset)) % 2 === 1) found[start + offset] = true;
      }
    }
    return coveredTo === text.length ? found : undefined;
  }

  /** Returns where the line has redacted parts in it, among other words. */
  function markParts(text: string): boolean[] {
    const found = Array.from({ length: text.length }, () => false);
    for (const [length, parts] of shortParts) {
      for (let start = 0; start + length <= text.length; start += 1) {
        if (parts.has(text.slice(start, start + length))) found.fill(true, start, start + length);
      }
    }
    let start = 0;
    let end = 0;
    let shortest = Number.POSITIVE_INFINITY;
    const endStretch = () => {
      if (end - start >= shortest) found.fill(true, start, end);
      shortest = Number.POSITIVE_INFINITY;
    };
    for (let at = 0; at + windowLength <= text.length; at += 1) {
      const part = windows.get(text.slice(at, at + windowLength))?.shortestPart ?? Number.POSITIVE_INFINITY;
      if (part === Number.POSITIVE_INFINITY) {
        endStretch();
        continue;
      }
      if (shortest === Number.POSITIVE_INFINITY) start = at;
      end = at + windowLength;
      shortest = Math.min(shortest, part);
    }
    endStretch();
    return found;
  }

  function mark(characters: readonly string[], isQuotation: boolean): boolean[] {
    const isHidden = characters.map(() => false);
    const { text, places } = comparedLine(characters);
    const short = isQuotation ? shortLines.get(text) : undefined;
    const found = short ?? markPiece(text) ?? markParts(text);
    found.forEach((isFound, at) => {
      if (!isFound) return;
      const place = places[at] ?? 0;
      // Up to the next one that is hidden: invisible characters may be between them.
      const next = found[at + 1] === true ? (places[at + 1] ?? place) : place;
      isHidden.fill(true, place, Math.max(next, place + 1));
    });
    return isHidden;
  }

  return { isEmpty: windows.size === 0 && shortLines.size === 0, mark };
}

/** A line as it is compared. `isHidden` counts in code units. */
interface ComparedMarks {
  readonly text: string;
  readonly isHidden: readonly boolean[];
}

/** Returns the lines of the texts of which something is redacted, each once. */
function distinctLines(texts: readonly MarkedText[]): readonly ComparedMarks[] {
  const lines = new Map<string, ComparedMarks>();
  let characters = 0;
  for (const line of texts.flatMap(linesOf)) {
    const { text, places } = comparedLine(line.characters);
    const isHidden = places.map((place) => line.isHidden[place] === true);
    if (!isHidden.includes(true)) continue;
    const before = lines.get(text)?.isHidden;
    if (!before) characters += text.length;
    if (characters > maxCharacters) break;
    lines.set(text, { text, isHidden: before ? isHidden.map((isOne, at) => isOne || before[at] === true) : isHidden });
  }
  return [...lines.values()];
}

function linesOf({ characters, isHidden }: MarkedText): MarkedText[] {
  const lines: MarkedText[] = [];
  let start = 0;
  for (let end = 0; end <= characters.length; end += 1) {
    if (end < characters.length && characters[end] !== "\n") continue;
    lines.push({ characters: characters.slice(start, end), isHidden: isHidden.slice(start, end) });
    start = end + 1;
  }
  return lines;
}

/** Returns for each code unit the length of the redacted part that it is in, without the spaces around that, or 0. */
function partLengthsOf(text: string, isHidden: readonly boolean[]): number[] {
  const lengths = isHidden.map(() => 0);
  for (let start = 0; start < isHidden.length; start += 1) {
    if (isHidden[start] !== true || text[start] === " ") continue;
    let end = start;
    while (isHidden[end] === true) end += 1;
    if (text[end - 1] === " ") end -= 1;
    lengths.fill(end - start, start, end);
    start = end;
  }
  return lengths;
}

const invisible = /^[\u00ad\u200b-\u200d\u2060\ufeff]$/;

/** White space is one space, letters are small, and what cannot be seen is left out. */
function comparedLine(characters: readonly string[]): ComparedLine {
  let text = "";
  const places: number[] = [];
  characters.forEach((character, place) => {
    if (invisible.test(character)) return;
    const isSpace = /^\s$/.test(character);
    if (isSpace && (text === "" || text.endsWith(" "))) return;
    const small = character.toLowerCase();
    const written = isSpace ? " " : small.length === character.length ? small : character;
    text += written;
    for (let unit = 0; unit < written.length; unit += 1) places.push(place);
  });
  if (!text.endsWith(" ")) return { text, places };
  return { text: text.slice(0, -1), places: places.slice(0, -1) };
}
