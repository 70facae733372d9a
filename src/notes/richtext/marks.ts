import type { Delimiter, StateInline } from "markdown-it";

/** The maximum nesting of marks. Deeper ones are shown as they were written. */
export const maximumMarks = 16;

interface Mark {
  readonly tag: string;
  /** The number of characters of a marker. */
  readonly width: 1 | 2;
  /** Whether the mark may begin or end inside a word. */
  readonly withinWords: boolean;
  readonly acrossLines: boolean;
}

// `+` and `~` are common in emails ("+31 20 …", "grade 18+"), so a mark with them must end on the line where it began.
const markStyles: Readonly<Record<string, Mark>> = {
  "*": { tag: "strong", width: 2, withinWords: true, acrossLines: true },
  _: { tag: "em", width: 2, withinWords: false, acrossLines: true },
  "+": { tag: "u", width: 1, withinWords: false, acrossLines: false },
  "~": { tag: "s", width: 1, withinWords: false, acrossLines: false },
};

const colouring: Mark = { tag: "span", width: 1, withinWords: true, acrossLines: true };
const colourProperties: Readonly<Record<string, string>> = { c: "color", m: "background-color" };
const colourOpening = /<([cm]) #([0-9a-f]{6}|[0-9a-f]{3})>/iy;
const colourClosing = /<\/([cm])>/iy;

/** The rule for `**`, `__`, `+` and `~`. Each becomes a text and a delimiter, which {@link applyMarks} pairs. */
export function markRule(state: StateInline, silent: boolean): boolean {
  const character = state.src.charAt(state.pos);
  const { width, withinWords } = markStyles[character] ?? {};
  if (silent || width === undefined || withinWords === undefined) return false;
  const run = state.scanDelims(state.pos, withinWords);
  const spare = run.length - width;
  // Longer runs are lines to write on, or ornaments. They are consumed as a whole; character by character would take
  // quadratic time.
  if (spare < 0 || spare > (width === 2 ? 1 : 0)) {
    state.pending += character.repeat(run.length);
  } else {
    const closesOnly = run.can_close && !run.can_open;
    if (spare === 1 && !closesOnly) state.pending += character;
    pushDelimiter(state, character.repeat(width), character, { open: run.can_open, close: run.can_close });
    if (spare === 1 && closesOnly) state.pending += character;
  }
  state.pos += run.length;
  return true;
}

/** The rule for `<c #ff0000>…</c>`, which colours a text, and `<m #ff0000>…</m>`, which colours its background. */
export function colour(state: StateInline, silent: boolean): boolean {
  if (silent || state.src.charAt(state.pos) !== "<") return false;
  colourOpening.lastIndex = state.pos;
  colourClosing.lastIndex = state.pos;
  const opening = colourOpening.exec(state.src);
  const [source, letter, value] = opening ?? colourClosing.exec(state.src) ?? [];
  const property = colourProperties[letter?.toLowerCase() ?? ""];
  if (source === undefined || letter === undefined || property === undefined) return false;
  pushDelimiter(state, source, letter.toLowerCase(), { open: opening !== null, close: opening === null });
  const token = state.tokens.at(-1);
  if (value !== undefined) token?.attrSet("style", `${property}:${sixDigits(value)}`);
  state.pos += source.length;
  return true;
}

function sixDigits(value: string): string {
  const digits = value.length === 3 ? [...value].map((digit) => digit.repeat(2)).join("") : value;
  return `#${digits.toLowerCase()}`;
}

function pushDelimiter(state: StateInline, source: string, marker: string, flanks: { open: boolean; close: boolean }): void {
  state.push("text", "", 0).content = source;
  // A length of 0 disables the library's "rule of three", which is about single and double asterisks.
  state.delimiters.push({ marker: marker.charCodeAt(0), length: 0, token: state.tokens.length - 1, end: -1, ...flanks });
}

/** Makes elements of the delimiters that the library has paired. Delimiters without a partner stay text. */
export function applyMarks(state: StateInline): void {
  const lines = lineNumbers(state);
  for (const delimiters of [state.delimiters, ...state.tokens_meta.map((meta) => meta?.delimiters ?? [])]) {
    applyPairs(state, delimiters, lines);
  }
}

/** Returns the line within the paragraph of each token. */
function lineNumbers(state: StateInline): number[] {
  let line = 0;
  return state.tokens.map((token) => {
    if (token.type === "softbreak" || token.type === "hardbreak") line += 1;
    return line;
  });
}

function applyPairs(state: StateInline, delimiters: readonly Delimiter[], lines: readonly number[]): void {
  const ends = new Set<number>();
  delimiters.forEach((opener, index) => {
    if (ends.delete(index)) return;
    const closer = delimiters[opener.end];
    const { tag, acrossLines } = markStyles[String.fromCharCode(opener.marker)] ?? colouring;
    const start = state.tokens[opener.token];
    const end = closer && state.tokens[closer.token];
    if (closer === undefined || start === undefined || end === undefined || ends.size >= maximumMarks) return;
    if (!acrossLines && lines[opener.token] !== lines[closer.token]) return;
    ends.add(opener.end);
    Object.assign(start, { type: "mark_open", tag, nesting: 1, content: "" });
    Object.assign(end, { type: "mark_close", tag, nesting: -1, content: "" });
  });
}
