import type { FieldFilter } from "../query/model/field-filter.ts";
import type { Ordering, OrderKey, Page } from "../query/model/page.ts";

/** A filter of people. All conditions must hold. */
export interface PersonFilter {
  readonly fields?: PersonFieldFilters | undefined;
}

/** The conditions on single fields. All of them must hold. */
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

/** The orders in which people can be read. */
export const personOrderings = {
  NUMBER: { field: "number", type: "integer" },
} as const satisfies Record<string, Omit<OrderKey, "direction">>;
