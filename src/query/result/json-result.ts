import type { DomainError } from "../../errors.ts";
import { orRejected, mapMaybePromises } from "../../lib/maybe-promise.ts";

/** What a placeholder needs to know of the request. The API that made the shape knows what is in it. */
export type ResponseContext = object;

/** JSON of a response, as the database wrote it. */
export interface JsonResult {
  /**
   * The JSON with its placeholders filled for `context`. @throws {UnsupportedAsJson}, and what filling a placeholder throws.
   */
  text(context: ResponseContext): string | Promise<string>;
}

/** The database cannot write this result as JSON. The caller reads rows instead, and these give the value or the error. */
export class UnsupportedAsJson extends Error {
  /** `cause` is the error of the policy that refused the read, if a policy did. */
  constructor(cause?: DomainError) {
    super("The database cannot write this result as JSON.", { cause });
  }
}

// JSON escapes all control characters, so no stored value contains these two.
/** Begins and ends a placeholder. */
export const placeholderMark = "\u0001";
/** Marks a row that must exist and does not: rows give the error. */
export const missingMark = "\u0002";

/** Computes a part of the JSON that the database cannot write. */
export interface Placeholder {
  /** Returns the value to compute with, from the JSON that the statement wrote. It is the same in all contexts. */
  readonly read: (payload: unknown) => unknown;
  readonly fill: (payload: never, context: ResponseContext) => string | Promise<string>;
}

/** What the statement writes around the payload of a placeholder: `mark`, its number, `:`, the payload as JSON, `mark`. */
export const placeholderMarks = (placeholder: number): { readonly begin: string; readonly end: string } => ({
  begin: `${placeholderMark}${placeholder}:`,
  end: placeholderMark,
});

/** Returns `text` as a result whose placeholders are filled when it is asked for. */
export function createJsonResult(text: string, placeholders: readonly Placeholder[]): JsonResult {
  let known: readonly (string | FilledPlaceholder)[] | undefined;
  return {
    text(context) {
      if (text.includes(missingMark)) throw new UnsupportedAsJson();
      if (!text.includes(placeholderMark)) return text;
      known ??= splitAtPlaceholders(text, placeholders);
      const parts = known.map((part) => (typeof part === "string" ? part : orRejected(() => part.fill(part.payload, context))));
      return mapMaybePromises(parts, (texts) => texts.join(""));
    },
  };
}

interface FilledPlaceholder {
  readonly fill: Placeholder["fill"];
  /** What {@link Placeholder.read} returned. */
  readonly payload: never;
}

/** Splits `text` at its marks: parts of JSON and placeholders alternate. */
function splitAtPlaceholders(text: string, placeholders: readonly Placeholder[]): readonly (string | FilledPlaceholder)[] {
  return text.split(placeholderMark).map((part, index) => (index % 2 === 0 ? part : placeholderIn(part, placeholders)));
}

function placeholderIn(part: string, placeholders: readonly Placeholder[]): FilledPlaceholder {
  const colon = part.indexOf(":");
  const placeholder = placeholders[Number(part.slice(0, colon))];
  if (!placeholder) throw new TypeError("A result has a placeholder that its plan does not know.");
  return { fill: placeholder.fill, payload: placeholder.read(JSON.parse(part.slice(colon + 1))) as never };
}
