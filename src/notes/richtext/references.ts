import { redactionMark } from "../../lib/redaction-mark.ts";
import type { StateCore, StateInline, Token } from "markdown-it";
import { type RecordReference, type RecordSpelling, recordKinds, type References, type RichText } from "./model.ts";

/**
 * The maximum number of images, mentions and record references of one text that are looked up. Further ones are shown
 * as they are written.
 */
export const maximumReferences = 500;

/** The maximum of a column of type integer. No row has a larger number. */
const maximumNumber = 2_147_483_647;

const mentionPattern = /<@([1-9]\d{0,9})\|([^<>\n]{1,255})>/y;
const recordPattern = new RegExp(`<(${Object.keys(recordKinds).join("|")})#([1-9]\\d{0,9})>`, "y");

/** The rule for the mention `<@209|Ellen Brown>` and the record reference `<request#5>`. */
export function reference(state: StateInline, silent: boolean): boolean {
  if (state.src.charAt(state.pos) !== "<") return false;
  mentionPattern.lastIndex = state.pos;
  recordPattern.lastIndex = state.pos;
  const mentioned = mentionPattern.exec(state.src);
  const [source, first, second] = mentioned ?? recordPattern.exec(state.src) ?? [];
  if (source === undefined || first === undefined || second === undefined) return false;
  if (Number(mentioned ? first : second) > maximumNumber || second.trim() === "") return false;
  // A name that was redacted is not looked up again.
  if (source.includes(redactionMark)) return false;
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

/** Makes text of the references beyond {@link maximumReferences}, which bounds the lookups that one text can cause. */
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

/** Returns the text of a reference that could not be looked up. */
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

/** Returns `request #5` for the token of `<request#5>`. */
export function recordLabel(token: Token): string {
  return `${token.info.replaceAll("_", " ")} #${token.content}`;
}

/** Returns the record to which the token refers. */
export function recordReference(token: Token): RecordReference {
  // The rule that makes these tokens matches the keys of recordKinds only.
  return { kind: recordKinds[token.info as RecordSpelling], number: Number(token.content) };
}

/**
 * Returns the references of a text, at most {@link maximumReferences}, which a caller loads before it renders the text.
 * A caller can collect those of many texts and load each kind of object once.
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
