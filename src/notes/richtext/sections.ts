import type { StateBlock, StateCore, Token } from "markdown-it";
import { firstCharacter, indentation, lineStart } from "./blocks.ts";

/** The maximum nesting of collapsible sections. Deeper ones are shown as they were written. */
export const maximumSections = 10;

const lessThan = 0x3c;
const opening = "<details>";
const closing = "</details>";
const titleOpening = "<summary>";
const titleClosing = "</summary>";

/**
 * The rule for the lines that begin and end a section, each on its own. {@link pairSections} pairs them when all blocks
 * are known. So a beginning without an end does not affect the text after it, and a `</details>` in code stays code.
 */
export function sectionMark(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  if (firstCharacter(state, startLine) !== lessThan || indentation(state, startLine) >= 4) return false;
  const line = lineAt(state, startLine);
  if (line === closing) {
    if (!silent) pushMark(state, "section_close", startLine, startLine + 1);
    return true;
  }
  if (!line.startsWith(opening)) return false;
  const rest = line.slice(opening.length).trim();
  const title = titleIn(rest);
  if (rest !== "" && title === undefined) return false;
  if (silent) return true;
  const titleBelow =
    title === undefined && startLine + 1 < endLine && indentation(state, startLine + 1) >= 0
      ? titleIn(lineAt(state, startLine + 1))
      : undefined;
  const token = pushMark(state, "section_open", startLine, startLine + (titleBelow === undefined ? 1 : 2));
  token.info = title ?? titleBelow ?? "";
  return true;
}

function lineAt(state: StateBlock, line: number): string {
  return state.src.slice(lineStart(state, line), state.eMarks[line]).trimEnd();
}

function titleIn(text: string): string | undefined {
  if (!text.startsWith(titleOpening) || !text.endsWith(titleClosing)) return undefined;
  return text.slice(titleOpening.length, -titleClosing.length).trim();
}

function pushMark(state: StateBlock, type: string, startLine: number, nextLine: number): Token {
  const token = state.push(type, "details", 0);
  token.content = state.getLines(startLine, nextLine, state.blkIndent, false).trim();
  state.line = nextLine;
  return token;
}

/** Makes elements of the paired beginnings and ends of sections, and text of all others. */
export function pairSections(state: StateCore): void {
  const ends = pairs(state.tokens);
  const shownEnds = new Set<number>();
  const tokens: Token[] = [];
  state.tokens.forEach((token, index) => {
    const end = ends.get(index);
    if (token.type === "section_open" && end !== undefined && shownEnds.size < maximumSections) {
      shownEnds.add(end);
      token.nesting = 1;
      tokens.push(token);
      if (token.info !== "") tokens.push(...wrapped(state, "summary", "summary", token.info));
    } else if (shownEnds.delete(index)) {
      token.nesting = -1;
      tokens.push(token);
    } else if (token.type === "section_open" || token.type === "section_close") {
      tokens.push(...wrapped(state, "paragraph", "p", token.content));
    } else {
      tokens.push(token);
    }
  });
  state.tokens = tokens;
}

/** Returns the index of each section's end by the index of its beginning. Both are in the same container. */
function pairs(tokens: readonly Token[]): ReadonlyMap<number, number> {
  const ends = new Map<number, number>();
  const containers: number[][] = [[]];
  tokens.forEach((token, index) => {
    if (token.type === "section_open") {
      containers.at(-1)?.push(index);
    } else if (token.type === "section_close") {
      const start = containers.at(-1)?.pop();
      if (start !== undefined) ends.set(start, index);
    } else if (token.nesting === 1) {
      containers.push([]);
    } else if (token.nesting === -1) {
      containers.pop();
    }
  });
  return ends;
}

function wrapped(state: StateCore, type: "summary" | "paragraph", tag: string, content: string): Token[] {
  const inline = new state.Token("inline", "", 0);
  inline.content = content;
  inline.children = [];
  const tokens = [new state.Token(`${type}_open`, tag, 1), inline, new state.Token(`${type}_close`, tag, -1)];
  for (const token of tokens) token.block = true;
  return tokens;
}
