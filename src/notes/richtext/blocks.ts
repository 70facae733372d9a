import MarkdownIt, { type StateBlock } from "markdown-it";

export type BlockRule = (state: StateBlock, startLine: number, endLine: number, silent: boolean) => boolean;

const backtick = 0x60;
const plus = 0x2b;
const closingParenthesis = 0x29;

/** Quotes within quotes, or twice the lists within lists, that are rendered as such. What is deeper is shown as it was written. */
export const maximumBlockDepth = 16;

/** The character at which the text of a line begins, as its code; NaN at the end of the text. */
export function firstCharacter(state: StateBlock, line: number): number {
  return state.src.charCodeAt(lineStart(state, line));
}

export function lineStart(state: StateBlock, line: number): number {
  return (state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0);
}

/** How far the text of a line stands to the right of its container's edge, in columns. Negative: the line is not the container's. */
export function indentation(state: StateBlock, line: number): number {
  return (state.sCount[line] ?? 0) - state.blkIndent;
}

/** A paragraph, whose content is still to be read as inline text. */
function pushParagraph(state: StateBlock, content: string): void {
  state.push("paragraph_open", "p", 1);
  const inline = state.push("inline", "", 0);
  inline.content = content;
  inline.children = [];
  state.push("paragraph_close", "p", -1);
}

// The library's own rule of that name: of the active rules it comes first, for the only other one is the paragraph, which is last.
function libraryRule(name: "fence" | "list"): BlockRule {
  const [rule] = new MarkdownIt("zero").enable(name).block.ruler.getRules("");
  if (rule === undefined) throw new Error(`markdown-it has no rule "${name}".`);
  return rule;
}

const libraryFence = libraryRule("fence");
const libraryList = libraryRule("list");

/** Below the last level the library would drop text; here it becomes paragraphs that show their markers. */
export function tooDeep(state: StateBlock, startLine: number, endLine: number): boolean {
  if (state.level < maximumBlockDepth) return false;
  let line = startLine + 1;
  // A line that carries on a quote without its marker counts as indented by -1: it belongs here, whatever the indentation.
  while (line < endLine && !state.isEmpty(line) && (indentation(state, line) >= 0 || state.sCount[line] === -1)) line += 1;
  pushParagraph(state, state.getLines(startLine, line, state.blkIndent, false).trim());
  state.line = line;
  return true;
}

// The dialect asks for three. Each further length can cost one more search through a text of unclosed ones.
const maximumFence = 16;

/** Where the last search for the end of a code block gave up, and how many backquotes it had looked for. */
interface VainSearch {
  readonly until: number;
  readonly length: number;
}

/**
 * The rule for code between two lines of at least three backquotes. Unlike in CommonMark a block that is not closed is no code: otherwise one stray
 * line of backquotes would turn the rest of a mail into code, and the end of a section with it.
 */
export function createFenceRule(): BlockRule {
  const vainSearches = new WeakMap<StateBlock, Map<string, VainSearch>>();

  function isClosed(state: StateBlock, startLine: number, endLine: number): boolean {
    const start = lineStart(state, startLine);
    const length = state.skipChars(start, backtick) - start;
    if (length > maximumFence) return false;
    // Each opening line would search to the end of the container again: many unclosed ones would take quadratic time.
    const searches = vainSearches.get(state) ?? new Map<string, VainSearch>();
    vainSearches.set(state, searches);
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

/** Lists of `*`, `-` and `1.`; CommonMark's `+` is an underline here, and `1)` is text. */
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
