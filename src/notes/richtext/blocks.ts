import MarkdownIt, { type StateBlock } from "markdown-it";

export type BlockRule = (state: StateBlock, startLine: number, endLine: number, silent: boolean) => boolean;

const backtick = 0x60;
const plus = 0x2b;
const closingParenthesis = 0x29;

/** The maximum nesting of quotes, and half of it for lists. Deeper blocks are shown as they were written. */
export const maximumBlockDepth = 16;

/** Returns the code of the first character of a line's text, or NaN at the end of the text. */
export function firstCharacter(state: StateBlock, line: number): number {
  return state.src.charCodeAt(lineStart(state, line));
}

function lineStart(state: StateBlock, line: number): number {
  return (state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0);
}

/** Returns the text of a line within its container, without the spaces around it. */
export function lineText(state: StateBlock, line: number): string {
  return state.src.slice(lineStart(state, line), state.eMarks[line]).trimEnd();
}

/**
 * Returns the indentation of a line's text within its container, in columns. It is negative if the line is not part of
 * the container.
 */
export function indentation(state: StateBlock, line: number): number {
  return (state.sCount[line] ?? 0) - state.blkIndent;
}

/** Adds a paragraph whose content is parsed as inline text later. */
export function pushParagraph(state: StateBlock, content: string): void {
  state.push("paragraph_open", "p", 1);
  const inline = state.push("inline", "", 0);
  inline.content = content;
  inline.children = [];
  state.push("paragraph_close", "p", -1);
}

/**
 * Returns the library's rule of that name. It is the first active rule; the only other one, the paragraph, comes last.
 */
function libraryRule(name: "fence" | "list"): BlockRule {
  const [rule] = new MarkdownIt("zero").enable(name).block.ruler.getRules("");
  if (rule === undefined) throw new Error(`markdown-it has no rule "${name}".`);
  return rule;
}

const libraryFence = libraryRule("fence");
const libraryList = libraryRule("list");

/** At the maximum depth the library would drop text. This rule makes paragraphs of it that show their markers. */
export function tooDeep(state: StateBlock, startLine: number, endLine: number): boolean {
  if (state.level < maximumBlockDepth) return false;
  let line = startLine + 1;
  // The library gives a line that continues a quote without its marker the indentation -1. Such a line is part of the
  // paragraph.
  while (line < endLine && !state.isEmpty(line) && (indentation(state, line) >= 0 || state.sCount[line] === -1)) line += 1;
  pushParagraph(state, state.getLines(startLine, line, state.blkIndent, false).trim());
  state.line = line;
  return true;
}

/**
 * The maximum number of backquotes in a fence; the dialect has three. Each further length can cost one more search
 * through a text of unclosed fences.
 */
const maximumFence = 16;

/** A search for the end of a code block that found none. */
interface FailedSearch {
  /** The line at which it ended. */
  readonly until: number;
  /** The number of backquotes that it searched for. */
  readonly length: number;
}

/**
 * Returns the rule for code between two lines of at least three backquotes. Unlike in CommonMark, a block that is not
 * closed is not code. Otherwise one stray line of backquotes would turn the rest of a mail into code, and the end of a
 * section with it.
 */
export function createFenceRule(): BlockRule {
  const failedSearches = new WeakMap<StateBlock, Map<string, FailedSearch>>();

  function isClosed(state: StateBlock, startLine: number, endLine: number): boolean {
    const start = lineStart(state, startLine);
    const length = state.skipChars(start, backtick) - start;
    if (length > maximumFence) return false;
    // Without this record each opening line would search to the end of the container, so many unclosed ones would take
    // quadratic time.
    const searches = failedSearches.get(state) ?? new Map<string, FailedSearch>();
    failedSearches.set(state, searches);
    const container = `${state.level} ${state.blkIndent}`;
    const last = searches.get(container);
    if (last !== undefined && startLine < last.until && length >= last.length) return false;
    let line = startLine + 1;
    for (; line < endLine && (state.isEmpty(line) || indentation(state, line) >= 0); line += 1) {
      if (closes(state, line, length)) return true;
    }
    searches.set(container, { until: line, length });
    return false;
  }

  return (state, startLine, endLine, silent) => {
    if (firstCharacter(state, startLine) !== backtick) return false;
    if (!libraryFence(state, startLine, endLine, true) || !isClosed(state, startLine, endLine)) return false;
    return silent || libraryFence(state, startLine, endLine, false);
  };
}

function closes(state: StateBlock, line: number, length: number): boolean {
  if (firstCharacter(state, line) !== backtick || indentation(state, line) >= 4) return false;
  const start = lineStart(state, line);
  const end = state.skipChars(start, backtick);
  return end - start >= length && state.skipSpaces(end) >= (state.eMarks[line] ?? 0);
}

/** The rule for lists with `*`, `-` and `1.`. Unlike in CommonMark, `+` underlines and `1)` is text. */
export function listRule(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  let position = lineStart(state, startLine);
  if (state.src.charCodeAt(position) === plus) return false;
  while (isDigit(state.src.charCodeAt(position))) position += 1;
  if (state.src.charCodeAt(position) === closingParenthesis) return false;
  return libraryList(state, startLine, endLine, silent);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
