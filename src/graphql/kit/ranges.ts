import { invalid } from "../../errors.ts";
import type { InstantRange } from "../../query/model/field-filter.ts";
import { builder } from "./builder.ts";

export const OrderDirection = builder.enumType("OrderDirection", {
  description: "The direction of an order.",
  values: {
    ASC: { description: "Ascending: the smallest or oldest first." },
    DESC: { description: "Descending: the largest or newest first." },
  } as const,
});

export const DateTimeRange = builder.inputType("DateTimeRange", {
  description: "A range of time. All given bounds must hold; a bound that is null or omitted does not limit the range.",
  fields: (t) => ({
    gt: t.field({ type: "DateTime", description: "Later than this time." }),
    gte: t.field({ type: "DateTime", description: "At this time or later." }),
    lt: t.field({ type: "DateTime", description: "Earlier than this time." }),
    lte: t.field({ type: "DateTime", description: "At this time or earlier." }),
  }),
});

const firstYear = 1;
const lastYear = 9999;

/** Returns the bounds of `range`. Throws {@link InvalidInput} if one is in a year that RFC 3339 cannot write. */
export function readRange(range: InstantRange | null | undefined, path: readonly string[]): InstantRange | undefined {
  if (!range) return undefined;
  for (const [bound, instant] of Object.entries(range)) {
    if (!instant) continue;
    const year = instant.getUTCFullYear();
    if (Number.isNaN(year) || year < firstYear || year > lastYear) {
      throw invalid([...path, bound], `The bound ${bound} must lie in the years ${firstYear} to ${lastYear}.`);
    }
  }
  return range;
}
