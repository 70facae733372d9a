import type { StateCore, StateInline, Token } from "markdown-it";
import { type RecordReference, type RecordSpelling, recordKinds, type References, type RichText } from "./model.ts";

/** How many images, mentions and record references of one text are looked up; what comes after them is shown as it is spelled. */
export const maximumReferences = 500;

// What a column of type integer holds: nothing beyond it can exist.
const maximumNumber = 2_147_483_647;

const mentionPattern = /<@([1-9]\d{0,9})\|([^<>\n]{1,255})>/y;
const recordPattern = new RegExp(`<(${Object.keys(recordKinds).join("|")})#([1-9]\\d{0,9})>`, "y");

/** The mention `<@209|Ellen Brown>` and the record reference `<request#5>`. */
export function reference(state: StateInline, silent: boolean): boolean {
  if (state.src.charAt(state.pos) !== "<") return false;
  mentionPattern.lastIndex = state.pos;
  recordPattern.lastIndex = state.pos;
  const mentioned = mentionPattern.exec(state.src);
  const [source, first, second] = mentioned ?? recordPattern.exec(state.src) ?? [];
  if (source === undefined || first === undefined || second === undefined) return false;
  if (Number(mentioned ? first : second) > maximumNumber || second.trim() === "") return false;
  if (!silent) {
    const token = state.push(mentioned ? "mention" : "record", "", 0);
    token.info = first;
    token.content = second.trim();
    // A reference may become a link, and links do not nest.
    if (state.linkLevel > 0) makeText(token);
  }
  state.pos += source.length;
  return true;
}

/** Makes text of the references beyond {@link maximumReferences}: what a text costs to render is bounded by its own length. */
export function limitReferences(state: StateCore): void {
  let count = 0;
  for (const token of inlineTokens(state.tokens)) {
    if (!isReference(token)) continue;
    count += 1;
    if (count > maximumReferences) makeText(token);
  }
}

function isReference(token: Token): boolean {
  return token.type === "image" || token.type === "mention" || token.type === "record";
}

function makeText(token: Token): void {
  token.content = unresolvedText(token);
  token.type = "text";
}

/** How a reference is shown about which nothing is known. */
export function unresolvedText(token: Token): string {
  switch (token.type) {
    case "mention":
      return `@${token.content}`;
    case "record":
      return recordLabel(token);
    default:
      return token.info;
  }
}

/** `request #5` for the token of `<request#5>`. */
export function recordLabel(token: Token): string {
  return `${token.info.replaceAll("_", " ")} #${token.content}`;
}

/** What the token of a record reference refers to. */
export function recordReference(token: Token): RecordReference {
  // The rule that makes these tokens matches the keys of recordKinds only.
  return { kind: recordKinds[token.info as RecordSpelling], number: Number(token.content) };
}

/**
 * The things a text names, at most 500 of them: what a caller has to load before it renders the text. It is per text, so that a caller
 * can collect those of many texts and load each kind of thing once.
 */
export function referencesIn(text: RichText): References {
  const images = new Set<string>();
  const people = new Set<number>();
  const records = new Map<string, RecordReference>();
  for (const token of inlineTokens(text.tokens)) {
    if (token.type === "image") images.add(token.content);
    if (token.type === "mention") people.add(Number(token.info));
    if (token.type === "record") records.set(`${token.info}#${token.content}`, recordReference(token));
  }
  return { images: [...images], people: [...people], records: [...records.values()] };
}

function* inlineTokens(tokens: readonly Token[]): Generator<Token> {
  for (const token of tokens) yield* token.children ?? [];
}
