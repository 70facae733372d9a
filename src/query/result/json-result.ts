import { mapMaybePromises, orRejected } from "../../lib/maybe-promise.ts";
import type { JsonResult } from "../model/result.ts";
import { UnsupportedAsJson } from "../model/unsupported-as-json.ts";
import { missingMark, type Placeholder, placeholderMark } from "../model/json-marks.ts";

/** Returns `text` as a result whose placeholders are computed when it is asked for. */
export function createJsonResult(text: string, placeholders: readonly Placeholder[]): JsonResult {
  let known: readonly (string | FilledPlaceholder)[] | undefined;
  return {
    text(context) {
      if (text.includes(missingMark)) throw new UnsupportedAsJson();
      if (!text.includes(placeholderMark)) return text;
      known ??= splitAtPlaceholders(text, placeholders);
      const parts = known.map((part) =>
        typeof part === "string" ? part : orRejected(() => part.compute(part.payload, context)),
      );
      return mapMaybePromises(parts, (texts) => texts.join(""));
    },
  };
}

interface FilledPlaceholder {
  readonly compute: Placeholder["compute"];
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
  return { compute: placeholder.compute, payload: placeholder.read(JSON.parse(part.slice(colon + 1))) as never };
}
