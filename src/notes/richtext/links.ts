import type { StateInline } from "markdown-it";

/** The maximum length of an object key in object stores, in bytes. */
const maximumKeyLength = 1024;
const maximumParentheses = 8;

const directionControls = "\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069";
const linkable = /^(?:https?:\/\/|mailto:)/i;
const unaddressable = new RegExp(`[\\s\\p{Cc}${directionControls}]`, "u");
const endsBareAddress = new RegExp(`[\\s<>"\`\\\\\\p{Cc}${directionControls}]`, "u");
const schemeBefore = /(?<![\p{L}\p{N}_])https?$/iu;
// The characters that can end an address. Others at its end belong to the sentence or are markers.
const lastCharacter = /[\p{L}\p{N}/=&#%)\]}$-]/u;
const imageText = /!\[([^[\]\n]*)\]/y;

/**
 * Returns the normalised address if `text` may be linked to, otherwise undefined. It must be an absolute http, https or
 * mailto URL, without characters that are invisible or change the direction of text, which could make it look like
 * another address.
 */
export function webAddress(text: string): string | undefined {
  if (!linkable.test(text) || unaddressable.test(text)) return undefined;
  return URL.parse(text)?.href;
}

/** The rule for `[text](address)`. If the address may not be linked to, all of it is text. */
export function linkRule(state: StateInline, silent: boolean): boolean {
  if (state.src.charAt(state.pos) !== "[") return false;
  const labelStart = state.pos + 1;
  const labelEnd = state.md.helpers.parseLinkLabel(state, state.pos, true);
  if (labelEnd < 0) return false;
  const target = inParentheses(state.src, labelEnd + 1, state.posMax);
  const address = target && webAddress(target.content);
  if (target === undefined || address === undefined) return false;
  if (!silent) {
    const { posMax } = state;
    pushLinkOpen(state, target.content, address);
    state.pos = labelStart;
    state.posMax = labelEnd;
    state.linkLevel += 1;
    if (state.src.slice(labelStart, labelEnd).trim() === "") state.push("text", "", 0).content = target.content;
    else state.md.inline.tokenize(state);
    state.linkLevel -= 1;
    state.posMax = posMax;
    state.push("link_close", "a", -1);
  }
  state.pos = target.end;
  return true;
}

/** The rule for a bare http or https address. It begins at the colon, where the library's text rule stops. */
export function bareAddress(state: StateInline, silent: boolean): boolean {
  if (silent || state.linkLevel > 0 || !state.src.startsWith("://", state.pos)) return false;
  const scheme = schemeBefore.exec(state.src.slice(Math.max(0, state.pos - 6), state.pos))?.[0];
  if (scheme === undefined || state.pending.length < scheme.length) return false;
  const start = state.pos - scheme.length;
  const text = addressAt(state.src, start, state.posMax);
  const address = webAddress(text);
  if (address === undefined) {
    // The whole text is consumed, because searching it again for addresses inside it could take quadratic time.
    state.pending += text.slice(scheme.length);
  } else {
    state.pending = state.pending.slice(0, -scheme.length);
    pushLink(state, text, text, address);
  }
  state.pos = start + text.length;
  return true;
}

/**
 * Returns the address from `start` to the end of its word, without the punctuation after it and without an enclosing
 * bracket.
 */
function addressAt(source: string, start: number, limit: number): string {
  let round = 0;
  let square = 0;
  let end = start;
  for (; end < limit; end += 1) {
    const character = source.charAt(end);
    if (character === "(") round += 1;
    if (character === "[") square += 1;
    if (character === ")") round -= 1;
    if (character === "]") square -= 1;
    if (round < 0 || square < 0 || endsBareAddress.test(character)) break;
  }
  // The loop ends at the slashes of the scheme at the latest.
  while (!lastCharacter.test(source.charAt(end - 1))) end -= 1;
  return source.slice(start, end);
}

/**
 * The rule for `![text](key)`, an attachment that is shown inline. A URL instead of a key becomes a link, because the
 * reader's browser must not request an image from another server.
 */
export function imageRule(state: StateInline, silent: boolean): boolean {
  if (!state.src.startsWith("![", state.pos)) return false;
  imageText.lastIndex = state.pos;
  const [source, text] = imageText.exec(state.src) ?? [];
  if (source === undefined || text === undefined) return false;
  const target = inParentheses(state.src, state.pos + source.length, state.posMax);
  if (target === undefined || target.content === "" || target.content.length > maximumKeyLength) return false;
  if (!silent) {
    const address = webAddress(target.content);
    if (address === undefined) {
      const token = state.push("image", "img", 0);
      token.content = target.content;
      token.info = text;
    } else if (state.linkLevel === 0) {
      pushLink(state, text.trim() || target.content, target.content, address);
    } else {
      state.push("text", "", 0).content = text.trim() || target.content;
    }
  }
  state.pos = target.end;
  return true;
}

function pushLink(state: StateInline, text: string, source: string, address: string): void {
  pushLinkOpen(state, source, address);
  state.push("text", "", 0).content = text;
  state.push("link_close", "a", -1);
}

function pushLinkOpen(state: StateInline, source: string, address: string): void {
  const token = state.push("link_open", "a", 1);
  token.attrSet("href", address);
  token.info = source;
}

/**
 * Returns the text in the parentheses at `start`, and where it ends. It must be on one line. It may contain balanced
 * parentheses, because filenames have them. Their depth is bounded, so that a text of unclosed ones is not searched too
 * often.
 */
function inParentheses(text: string, start: number, end: number): { content: string; end: number } | undefined {
  if (text.charAt(start) !== "(") return undefined;
  let depth = 0;
  for (let position = start; position < end; position += 1) {
    const character = text.charAt(position);
    if (character === "(") depth += 1;
    if (character === ")") depth -= 1;
    if (depth === 0) return { content: text.slice(start + 1, position).trim(), end: position + 1 };
    if (character === "\n" || depth > maximumParentheses) return undefined;
  }
  return undefined;
}
