import { allOf, column, sql, type Sql } from "./sql.ts";

/** Instants between bounds; a bound that is absent bounds nothing. */
export interface InstantRange {
  readonly gt?: Date | null | undefined;
  readonly gte?: Date | null | undefined;
  readonly lt?: Date | null | undefined;
  readonly lte?: Date | null | undefined;
}

/** `range` as a condition on the column of `field`. */
export function withinRange(alias: string, field: string, range: InstantRange | null | undefined): Sql | undefined {
  if (!range) return undefined;
  const instant = column(alias, field);
  return allOf([
    range.gt ? sql`${instant} > ${range.gt}::timestamptz` : undefined,
    range.gte ? sql`${instant} >= ${range.gte}::timestamptz` : undefined,
    range.lt ? sql`${instant} < ${range.lt}::timestamptz` : undefined,
    range.lte ? sql`${instant} <= ${range.lte}::timestamptz` : undefined,
  ]);
}
