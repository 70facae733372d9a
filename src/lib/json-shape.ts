/** The maximum nesting of JSON in requests. Deeper JSON makes recursive functions run out of stack. */
export const maximumJsonDepth = 32;

/** Returns whether `value`, which was parsed from JSON, is nested more than {@link maximumJsonDepth} levels deep. */
export function isTooDeep(value: unknown): boolean {
  return isDeeperThan(maximumJsonDepth, value);
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  const parts: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return parts.some((part) => isDeeperThan(levels - 1, part));
}

/** Returns the value of JSON text, or undefined if the text is not JSON. */
export function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A SyntaxError: JSON.parse throws nothing else.
    return undefined;
  }
}

/** The maximum number of members of all lists and objects of a body as text. No call of any API needs half of it. */
const maximumTextMembers = 10_000;

/**
 * Returns the reason why JSON text is refused before it is parsed, or undefined if there is none. The parser holds the
 * event loop for about a microsecond a name, and what reads the result for longer; this takes a few nanoseconds a
 * character.
 */
export function jsonTextProblem(text: string, maximumDepth = maximumJsonDepth): string | undefined {
  let depth = 0;
  let members = 0;
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case quote:
        index = endOfString(text, index);
        break;
      case openBrace:
      case openBracket:
        if (++depth > maximumDepth) return `The body is nested more than ${maximumDepth} levels deep.`;
        break;
      case closeBrace:
      case closeBracket:
        depth--;
        break;
      case comma:
        if (++members >= maximumTextMembers)
          return `The body has more than ${maximumTextMembers} members of lists and objects; no more are taken.`;
    }
  }
  return undefined;
}

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Returns the index of the quote that ends the string which begins at `start`, or the length of a text without one. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let first = end;
    while (text.charCodeAt(first - 1) === backslash) first--;
    const isEscaped = (end - first) % 2 === 1;
    if (!isEscaped) return end;
  }
  return text.length;
}

/**
 * The maximum number of parts of a list or an object in a body. A schema's validator may report a problem for each
 * part.
 */
const maxParts = 1_000;

/**
 * Returns the reason why a body, which was parsed from JSON without a {@link jsonTextProblem}, is refused, or undefined
 * if there is none.
 */
export function bodyProblem(value: unknown): string | undefined {
  const parts = maxPartsOf(value);
  return parts > maxParts ? `The body has a list or an object of ${parts} parts; at most ${maxParts} are taken.` : undefined;
}

function maxPartsOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const parts: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  if (parts.length > maxParts) return parts.length;
  return parts.reduce<number>((max, part) => Math.max(max, maxPartsOf(part)), parts.length);
}
