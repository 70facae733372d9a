import type { DomainError } from "../errors.ts";
import { orRejected, mapMaybePromises } from "../platform/maybe-promise.ts";

/** Whoever asks, as the face that has made a shape knows them. */
export type Asker = object;

/** A part of an answer in JSON, as the database has written it. */
export interface JsonAnswer {
  /** The whole text, with what is worked out for `asker`. @throws {NotInJson}, and whatever is thrown where it is worked out. */
  text(asker: Asker): string | Promise<string>;
}

/** Thrown where an answer cannot be had as JSON, and rows have to be read instead: they tell what there is to be told. */
export class NotInJson extends Error {
  /** `cause` is what a policy has refused, where it is that. */
  constructor(cause?: DomainError) {
    super("The answer cannot be written by the database.", { cause });
  }
}

// JSON escapes every control character, so neither is ever a part of what is stored.
/** Stands on both sides of what {@link Filler}s are given. */
export const gap = "\u0001";
/** Stands where there is nothing, and something has to be. */
export const missing = "\u0002";

/** Makes what belongs into a gap. */
export interface Filler {
  /** Of the JSON that stands in the gap, what it is made of: the same for all who ask. */
  readonly read: (payload: unknown) => unknown;
  readonly fill: (given: never, asker: Asker) => string | Promise<string>;
}

/** What is given to the filler of that number: {@link gap}s around the number, a colon, and JSON that the statement writes. */
export const gapFor = (filler: number): { readonly begin: string; readonly end: string } => ({
  begin: `${gap}${filler}:`,
  end: gap,
});

/** The answer that `text` is, once its gaps are filled. */
export function createAnswer(text: string, fillers: readonly Filler[]): JsonAnswer {
  let known: readonly (string | Gap)[] | undefined;
  return {
    text(asker) {
      if (text.includes(missing)) throw new NotInJson();
      if (!text.includes(gap)) return text;
      known ??= splitAtGaps(text, fillers);
      const parts = known.map((part) => (typeof part === "string" ? part : orRejected(() => part.fill(part.given, asker))));
      return mapMaybePromises(parts, (texts) => texts.join(""));
    },
  };
}

interface Gap {
  readonly fill: Filler["fill"];
  /** What the filler has read for itself. */
  readonly given: never;
}

/** What stands between gaps and what stands in them take turns. */
function splitAtGaps(text: string, fillers: readonly Filler[]): readonly (string | Gap)[] {
  return text.split(gap).map((part, index) => (index % 2 === 0 ? part : gapIn(part, fillers)));
}

function gapIn(part: string, fillers: readonly Filler[]): Gap {
  const colon = part.indexOf(":");
  const filler = fillers[Number(part.slice(0, colon))];
  if (!filler) throw new TypeError("An answer has a gap that its plan does not know.");
  return { fill: filler.fill, given: filler.read(JSON.parse(part.slice(colon + 1))) as never };
}
