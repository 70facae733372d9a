import type { Sql } from "../../database/sql.ts";
import type { InFilter, Predicate } from "./field-filter.ts";

/** What reading a page needs to know of a table. */
export interface PagedTable {
  readonly alias: string;
  /** The fields of its indexes, in their order. */
  readonly indexes: readonly (readonly string[])[];
  /** The fields with few values, each with all its values. */
  readonly closed: readonly InFilter[];
}

/** Rows of a table. */
export interface Rows {
  /** The table, its alias, and the conditions that are not {@link Rows.predicate}. */
  readonly from: Sql;
  /** The field for which {@link Rows.from} requires one value. An index may begin with it. */
  readonly scope: string;
  readonly predicate: Predicate;
}
