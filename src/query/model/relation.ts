import type { Ordering, Page } from "./page.ts";
import type { Rows } from "./paged-table.ts";
import type { Sql } from "../../database/sql.ts";
import type { Viewer } from "../../viewer.ts";
import type { Entity } from "./entity.ts";

/** The input of a page. A relation extends it with a filter of its own. */
export interface PageInput {
  readonly ordering: Ordering;
  readonly page: Page;
}

/** A relation to one row or none: from another row, or by a key that the statement gets as the parameter `key`. */
export interface OneRelation<Row = unknown> {
  readonly target: Entity<Row>;
  /**
   * Returns a FROM item and conditions: a table under the target's alias, then the policy, then the key or the join
   * with the parent's alias. Throws a {@link DomainError} if the viewer may read no such rows.
   */
  readonly from: (viewer: Viewer) => Sql;
  /** A condition that is true for rows that their service must reconcile with another store first. Default: no row. */
  readonly needsReconciling?: Sql;
}

/** A relation to a page of rows: from another row, or of all rows of a table. */
export interface ManyRelation<Row, Input extends PageInput> {
  readonly target: Entity<Row>;
  /** As {@link OneRelation.from}, with the filter of `input` and without its page. */
  readonly from: (viewer: Viewer, input: Input) => Rows;
  /** The rows of the total, if they are not the rows of `from`. */
  readonly countFrom?: (viewer: Viewer, input: Input) => Rows;
  /** Returns the total as SQL if the database keeps it for this filter, so that no row has to be counted. */
  readonly keptTotal?: (viewer: Viewer, input: Input) => Sql | undefined;
  /** As {@link OneRelation.needsReconciling}. */
  readonly needsReconciling?: Sql;
}
