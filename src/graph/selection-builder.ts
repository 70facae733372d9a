import type { GraphQLResolveInfo } from "graphql";
import type { Selection, PageSelection } from "../reading/selection.ts";
import type { CursorScope } from "../platform/cursor.ts";

/** What is selected below a field that answers with a page. */
export interface SelectedPage {
  readonly pageSelection: PageSelection;
  readonly selection: Selection;
}

/** How what is selected below a field is made a selection of. */
export interface SelectionBuilder {
  /** Of a field that answers with a row; `typename` says of which type, where the field does not. */
  selected(info: GraphQLResolveInfo, typename?: string): Selection;
  /** Of a field that answers with a connection whose cursors are of `scope`. */
  selectedPage(info: GraphQLResolveInfo, scope: CursorScope): SelectedPage;
}
