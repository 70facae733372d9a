import type { Sql } from "../../database/sql.ts";
import type { InFilter, Predicate } from "./field-filter.ts";

/** An index of the rows whose field `only` is true. */
export interface PartialIndex {
  readonly only: string;
  readonly fields: readonly string[];
}

/** What reading a page needs to know of a table. */
export interface PagedTable {
  readonly alias: string;
  /**
   * The fields of its indexes, in their order. Conditions on fields after those of an order are tested in the index. An
   * index may have the first key of an order only: then a page gathers the rows that equal its last one, and sorts
   * them. That is for ties that are few.
   */
  readonly indexes: readonly (readonly string[])[];
  /** The indexes that have only the rows whose field `only` is true. */
  readonly partialIndexes?: readonly PartialIndex[] | undefined;
  /** For a field those fields that have one value on all rows with one value of it. */
  readonly determined?: Readonly<Record<string, readonly string[]>> | undefined;
  /** The fields with few values, each with all its values. */
  readonly closed: readonly InFilter[];
  /** Whether its rows are in partitions, which are read in the order of the page together. */
  readonly isPartitioned?: boolean | undefined;
  /** How many ranges of an index one page may read. Default: 16. */
  readonly maxIndexRanges?: number | undefined;
}

/** Rows of a table. */
export interface Rows {
  /** The table, its alias, and the conditions that are not {@link Rows.predicate}. */
  readonly from: Sql;
  /** How they are read by an index, if the indexes are of another table. Default: from {@link Rows.from}. */
  readonly indexed?: IndexedRows | undefined;
  /**
   * Where no index has them in the order of a page: parts of them, each of which an index has in that order. Together
   * they have every row, maybe also with other columns; those that do not meet the predicate are left out.
   */
  readonly parts?: readonly RowsInOrder[] | undefined;
  /**
   * If the rows are in several tables, {@link Rows.from} for each of them, with the same columns in the same order.
   * Each has the indexes of the table. A range is read by the index of each, and merged.
   */
  readonly tables?: readonly Sql[] | undefined;
  /** The field for which {@link Rows.from} requires one value. An index may begin with it. */
  readonly scope: string;
  readonly predicate: Predicate;
  /**
   * The fields of the predicate by which rows are visible: a page that ends early shows where, and that is a visible
   * row. Undefined: pages never end early.
   */
  readonly visibleBy?: readonly string[] | undefined;
  /** Columns that are looked up in other tables: for the rows of a page, not for all that are read to find them. */
  readonly lookups?: Sql | undefined;
  /**
   * How the rows of a page get their columns, if {@link Rows.from} has only those of the order: the columns to select,
   * and what to join to the rows, which are `chosen` there.
   */
  readonly completion?: { readonly columns: Sql; readonly join: Sql } | undefined;
  /** WITH parts that {@link Rows.from} and {@link Rows.isPartial} name. They are read once for a page. */
  readonly withParts?: Sql | undefined;
  /** Whether these are only some of the rows that there are. Default: they are all. */
  readonly isPartial?: Sql | undefined;
  /** Whether few rows can meet the predicate, which lists their ids. */
  readonly areFew?: boolean | undefined;
}

/** Rows whose indexes are of another table, which has one row for each of them. */
export interface IndexedRows {
  /** As {@link Rows.from}: rows of the other table under the alias of these, with the columns of its indexes. */
  readonly from: Sql;
  /** Returns a statement that adds the other columns to the rows that `read` selects, in the same order. */
  readonly completed: (read: Sql) => Sql;
}

/** Rows, and the table with the indexes that they are read by in the order of a page. */
export interface RowsInOrder {
  readonly table: PagedTable;
  readonly rows: Rows;
}

/** Whether no row can meet the conditions, as the internal notes among those that a customer sees. */
export function canMeetNone({ predicate }: Rows): boolean {
  return predicate.inFilters.some(({ values }) => values.length === 0);
}
