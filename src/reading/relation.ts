import type { Ordering, Page } from "../platform/keyset.ts";
import type { Rows } from "../platform/pages.ts";
import type { Sql } from "../platform/sql.ts";
import type { Viewer } from "../viewer.ts";
import type { Entity } from "./entity.ts";

/** A page of rows that is asked for. What else there is of it is between the relation and its caller. */
export interface PageInput {
  readonly ordering: Ordering;
  readonly page: Page;
}

/** One row, or none: of another row, or by a key that the statement gets as the slot `key`. */
export interface OneRelation<Row = unknown> {
  readonly target: Entity<Row>;
  /**
   * A table, the target's alias and conditions, which may speak of the row it belongs to by that one's alias. It begins with the policy.
   *
   * @throws {DomainError} where the viewer may not read any.
   */
  readonly from: (viewer: Viewer) => Sql;
  /** Holds for rows that are not what they seem before their service has looked at them. Where it is left out, there are none. */
  readonly unsettled?: Sql;
}

/** A page of rows: of another row, or of all that there are. */
export interface ManyRelation<Row, Input extends PageInput> {
  readonly target: Entity<Row>;
  /** As {@link OneRelation.from}, without the page. */
  readonly from: (viewer: Viewer, input: Input) => Rows;
  /** The rows that count, where others are read with them. */
  readonly countFrom?: (viewer: Viewer, input: Input) => Rows;
  /** As {@link OneRelation.unsettled}. */
  readonly unsettled?: Sql;
}
