import { createOneATurn } from "../lib/one-a-turn.ts";
import { byteLength } from "../lib/text.ts";
import { quotationPrefixLength, type QuotedLine, quotedLines } from "../mail/quotations.ts";
import { maximumTextBytes } from "../notes/input.ts";
import { type MarkedText, withoutHidden } from "./hidden-characters.ts";
import { charactersAtOnce, createRedactedLines, longestPart, shortestPart } from "./redacted-lines.ts";

// Other notes of a ticket quote what a note said. Programs quote a text line by line, and may break its lines anew.

/** Finds in quotations what was redacted of a text. */
export interface Quotations {
  /**
   * Resolves with `text` without what was redacted, in the lines that quote; with `text` itself if none of them has it.
   * A long text takes several turns of the event loop.
   */
  redactText(text: string): Promise<string>;
  /** Resolves with a line that may quote, such as the subject of a mail, without what was redacted. */
  redactLine(line: string): Promise<string>;
}

/** The number of characters that are compared before others have their turn. */
const comparedPerTurn = 8_192;
/** As many characters as a part can have that begins at the end of those which are read at once, and more. */
const overlap = 2 * longestPart;

/** Resolves with what finds quotations of `redacted`: texts, each with what of it is redacted. */
export async function createQuotations(redacted: readonly MarkedText[]): Promise<Quotations> {
  const nextTurn = createComparingTurns();
  const redactedLines = await createRedactedLines(redacted, nextTurn);

  /** Marks what a line quotes. Resolves after some turns if the line is long. */
  async function markLine(line: string, isQuotation: boolean): Promise<MarkedText> {
    const characters = [...line];
    const isHidden = characters.map(() => false);
    // The prefix has no character of two code units.
    for (let start = quotationPrefixLength(line); start < characters.length; start += charactersAtOnce) {
      const part = characters.slice(start, start + charactersAtOnce + overlap);
      await nextTurn(part.length);
      redactedLines.mark(part, isQuotation).forEach((isOne, at) => {
        if (isOne) isHidden[start + at] = true;
      });
    }
    return { characters, isHidden };
  }

  /** Resolves with the lines that quote something of what was redacted, by their places. */
  async function markedLines(lines: readonly string[], kinds: readonly QuotedLine[]): Promise<Map<number, MarkedText>> {
    const marked = new Map<number, MarkedText>();
    for (const [index, line] of lines.entries()) {
      const kind = kinds[index];
      if (kind === undefined || kind === "OWN") continue;
      const found = await markLine(line, kind === "QUOTED");
      if (found.isHidden.includes(true)) marked.set(index, found);
    }
    return marked;
  }

  return {
    async redactText(text) {
      if (redactedLines.isEmpty) return text;
      const lines = text.split("\n");
      const marked = await markedLines(lines, quotedLines(lines));
      const withMark = (mark?: string) =>
        lines.map((line, index) => {
          const found = marked.get(index);
          return found ? withoutHidden(found, mark) : line;
        });
      const shown = withMark().join("\n");
      // A mark is longer than what it stands for if that is short.
      return byteLength(shown) > maximumTextBytes ? withMark("").join("\n") : shown;
    },
    redactLine: async (line) => withoutHidden(await markLine(line, true)),
  };
}

/** Returns a function that resolves at once, or in a later turn if so many characters were compared in this one. */
function createComparingTurns(): (characters: number) => Promise<void> {
  const nextTurn = createOneATurn();
  let compared = 0;
  return async (characters) => {
    compared += characters;
    if (compared < comparedPerTurn) return;
    compared = characters;
    await nextTurn();
  };
}

/** Returns `text` with each occurrence of one of the parts marked, if they are long enough to be recognized. */
export function markOccurrences(text: string, parts: readonly string[]): MarkedText {
  const isUnitHidden = Array.from({ length: text.length }, () => false);
  for (const part of new Set(parts.filter(({ length }) => length >= shortestPart))) {
    for (let at = text.indexOf(part); at !== -1; at = text.indexOf(part, at + part.length)) {
      isUnitHidden.fill(true, at, at + part.length);
    }
  }
  const characters = [...text];
  let unit = 0;
  const isHidden = characters.map((character) => {
    const isOne = isUnitHidden[unit] === true;
    unit += character.length;
    return isOne;
  });
  return { characters, isHidden };
}
