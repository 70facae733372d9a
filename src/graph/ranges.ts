import { invalid } from "../errors.ts";
import type { InstantRange } from "../platform/instants.ts";
import { builder } from "./builder.ts";

export const OrderDirection = builder.enumType("OrderDirection", {
  description: "Which end of an order comes first.",
  values: {
    ASC: { description: "Smallest or oldest first." },
    DESC: { description: "Largest or newest first." },
  } as const,
});

export const DateTimeRange = builder.inputType("DateTimeRange", {
  description: "Instants between bounds; a bound left out bounds nothing.",
  fields: (t) => ({
    gt: t.field({ type: "DateTime", description: "After this instant." }),
    gte: t.field({ type: "DateTime", description: "At or after this instant." }),
    lt: t.field({ type: "DateTime", description: "Before this instant." }),
    lte: t.field({ type: "DateTime", description: "At or before this instant." }),
  }),
});

const firstYear = 1;
const lastYear = 9999;

/** The bounds of `range`, none of them beyond the years that RFC 3339 can write. @throws {InvalidInput} */
export function readRange(range: InstantRange | null | undefined, path: readonly string[]): InstantRange | undefined {
  if (!range) return undefined;
  for (const [bound, instant] of Object.entries(range) as [string, Date | null | undefined][]) {
    if (!instant) continue;
    const year = instant.getUTCFullYear();
    if (Number.isNaN(year) || year < firstYear || year > lastYear) {
      throw invalid([...path, bound], `The bound ${bound} must lie in the years ${firstYear} to ${lastYear}.`);
    }
  }
  return range;
}
