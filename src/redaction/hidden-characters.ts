import { redactionMark } from "../lib/redaction-mark.ts";

/** A text in Unicode code points, and which of them are redacted. */
export interface MarkedText {
  readonly characters: readonly string[];
  readonly isHidden: readonly boolean[];
}

/** Returns the text with `mark` in place of each run of redacted characters. Line breaks stay. */
export function withoutHidden({ characters, isHidden }: MarkedText, mark = redactionMark): string {
  let shown = "";
  let isInRun = false;
  characters.forEach((character, index) => {
    const isLineBreak = character === "\n" || character === "\r";
    const isRemoved = isHidden[index] === true && !isLineBreak;
    if (!isRemoved) shown += character;
    else if (!isInRun) shown += mark;
    isInRun = isRemoved;
  });
  return shown;
}

/** Returns the text with all of its characters redacted. */
export function whollyHidden(text: string): MarkedText {
  const characters = [...text];
  return { characters, isHidden: characters.map(() => true) };
}

/** Returns the runs of redacted characters, each within its line. */
export function hiddenRuns({ characters, isHidden }: MarkedText): string[] {
  const shown = "\n";
  return characters
    .map((character, index) => (isHidden[index] === true ? character : shown))
    .join("")
    .split(shown)
    .filter((run) => run.trim() !== "");
}
