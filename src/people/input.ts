import type { FieldFilter } from "../query/model/field-filter.ts";
import type { Ordering, OrderKey, Page } from "../query/model/page.ts";

/** Which people are wanted; everything given must hold. */
export interface PersonFilter {
  readonly fields?: PersonFieldFilters | undefined;
}

/** What single fields must be, each as often as wanted. */
export interface PersonFieldFilters {
  readonly number?: readonly FieldFilter<number>[];
  readonly name?: readonly FieldFilter<string>[];
  readonly email?: readonly FieldFilter<string>[];
}

/** A page of people. */
export interface PersonRead {
  readonly filter: PersonFilter;
  readonly ordering: Ordering;
  readonly page: Page;
}

/** The orders that people can be read in. */
export const personOrderings = {
  NUMBER: { field: "number", type: "integer" },
} as const satisfies Record<string, Omit<OrderKey, "direction">>;
