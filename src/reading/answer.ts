import { orRejected, whenAllThere } from "../platform/eventually.ts";

/** Whoever asks, as the face that has made a shape knows them. */
export type Asker = object;

/** A part of an answer in JSON, as the database has written it. */
export interface JsonAnswer {
  /** The whole text, with what is worked out for `asker`. @throws {NotInJson}, and whatever is thrown where it is worked out. */
  text(asker: Asker): string | Promise<string>;
}

/** Thrown where an answer cannot be had as JSON, and rows have to be read instead: they tell what there is to be told. */
export class NotInJson extends Error {
  constructor() {
    super("The answer cannot be written by the database.");
  }
}

// JSON escapes every control character, so neither is ever a part of what is stored.
/** Stands on both sides of what {@link Filler}s are given. */
export const gap = "\u0001";
/** Stands where there is nothing, and something has to be. */
export const missing = "\u0002";

/** Makes what belongs into a gap of what stands in it. */
export type Filler = (payload: string, asker: Asker) => string | Promise<string>;

/** What is given to the filler of that number: {@link gap}s around the number, a colon, and JSON that the statement writes. */
export const gapFor = (filler: number): { readonly begin: string; readonly end: string } => ({
  begin: `${gap}${filler}:`,
  end: gap,
});

/** The answer that `text` is, once its gaps are filled. */
export function createAnswer(text: string, fillers: readonly Filler[]): JsonAnswer {
  return {
    text(asker) {
      if (text.includes(missing)) throw new NotInJson();
      if (!text.includes(gap)) return text;
      // What stands between gaps and what stands in them take turns.
      const parts = text.split(gap).map((part, index) => (index % 2 === 0 ? part : filled(part, fillers, asker)));
      return whenAllThere(parts, (texts) => texts.join(""));
    },
  };
}

function filled(part: string, fillers: readonly Filler[], asker: Asker): string | Promise<string> {
  const colon = part.indexOf(":");
  const fill = fillers[Number(part.slice(0, colon))];
  if (!fill) throw new TypeError("An answer has a gap that its plan does not know.");
  return orRejected(() => fill(part.slice(colon + 1), asker));
}
