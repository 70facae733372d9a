import type { GraphQLResolveInfo } from "graphql";
import type { CursorScope } from "../../query/model/cursor.ts";
import type { PageSelection, Selection } from "../../query/model/selection.ts";

/** Builds selections from the fields below a field: of JSON, or of rows. */
export interface SelectionBuilder {
  /** For a field that returns a row. `typename` is the type of the row. Default: the type of the field. */
  selected(info: GraphQLResolveInfo, typename?: string): Selection;
  /** For a field that returns a connection. `scope` is the scope of its cursors, which JSON needs to write them. */
  selectedPage(info: GraphQLResolveInfo, scope?: CursorScope): PageSelection;
  /** Returns how many rows a page of the field may read where no index holds all conditions of its filter. */
  scanBudget(info: GraphQLResolveInfo): number;
}
