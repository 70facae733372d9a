import type { ManyRelation, OneRelation, PageInput } from "./relation.ts";
import type { PageSelection, Selection } from "./selection.ts";

/** What one statement reads: a row, a page, or the page of each parent row. */
export type Read = ReadOfRow | ReadOfPage | ReadOfPages;

export interface ReadOfRow {
  readonly kind: "row";
  readonly relation: OneRelation;
  readonly selection: Selection;
}

export interface ReadOfPage {
  readonly kind: "page";
  readonly relation: ManyRelation<unknown, never>;
  /** The relation's own input: the caller pairs the two. */
  readonly input: PageInput;
  readonly selection: PageSelection;
}

/** As {@link ReadOfPage}, for the rows of one parent. Nothing is read if the viewer sees no such parent. */
export interface ReadOfPages extends Omit<ReadOfPage, "kind"> {
  readonly kind: "pages";
  readonly parent: OneRelation;
}
