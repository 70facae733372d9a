import type { GraphQLResolveInfo } from "graphql";
import type { Selection, PageSelection } from "../../query/model/selection.ts";
import type { CursorScope } from "../../query/model/cursor.ts";

/** What is selected below a field that returns a page. */
export interface SelectedPage {
  readonly pageSelection: PageSelection;
  readonly selection: Selection;
}

/** Builds selections from the fields below a field. Throws {@link UnsupportedAsJson} if it builds JSON and rows are needed. */
export interface SelectionBuilder {
  /** For a field that returns a row. `typename` is the type of the row. Default: the type of the field. */
  selected(info: GraphQLResolveInfo, typename?: string): Selection;
  /** For a field that returns a connection. `scope` is the scope of its cursors. */
  selectedPage(info: GraphQLResolveInfo, scope: CursorScope): SelectedPage;
}
