import type { Position, Slice } from "../platform/keyset.ts";
import type { ManyRelation, OneRelation, PageInput } from "./relation.ts";
import type { PageShape, RowShape } from "./shape.ts";

/**
 * What a caller wants of rows: which fields, and which relations with what of those. A GraphQL field makes it of what is selected below it, a
 * REST face keeps it as a constant. Plans are kept by it, so one that is wanted again has to be the same object.
 */
export interface Selection {
  /** Undefined where every field is wanted. The id always comes. */
  readonly fields: ReadonlySet<string> | undefined;
  /** Each under the key that {@link preloaded} finds it by. */
  readonly relations: ReadonlyMap<RelationKey, SelectedRelation>;
  /** What {@link jsonOf} a row is to be, where the database is to write that. Relations do not come with the row then. */
  readonly json?: RowShape;
}

/** What tells relations of one row apart: a name, or where the field that wants it stands in its document. */
export type RelationKey = string | number;

/** A page, with the number of rows on all pages where that was asked for. */
export interface CountedSlice<Row> extends Slice<Row> {
  readonly total: number | undefined;
  /** Where the first and the last row stand, where that was asked for instead of rows. */
  readonly ends?: { readonly first: Position | null; readonly last: Position | null };
}

/** A relation with what is wanted of it. */
export type SelectedRelation = SelectedOne | SelectedMany;

interface Selected {
  readonly selection: Selection;
  /** The fields of the row that it can be read by later, where it cannot be read with the row. */
  readonly fallbackColumns: readonly string[];
}

export interface SelectedOne extends Selected {
  readonly relation: OneRelation;
}

export interface SelectedMany extends Selected {
  /** Its input has been read for it, by whoever made the selection. */
  readonly relation: ManyRelation<unknown, never>;
  readonly input: PageInput;
  readonly pageSelection: PageSelection;
}

/** What is wanted of a page besides its rows. */
export interface PageSelection {
  readonly rows: boolean;
  /** Whether there are rows beside the page, which takes one row more. */
  readonly neighbours: boolean;
  /** Whether cursors are made of its rows: the fields that it is sorted by come with them then. */
  readonly cursors: boolean;
  /** How many rows there are on all pages; `most` ends the counting. */
  readonly total: false | true | { readonly max: number };
  /** What {@link jsonOf} the page is to be, where the database is to write that instead of anything else. */
  readonly json?: PageShape;
  /** What each row of a list is to be, which is {@link jsonOf} the page, where the database is to write that instead of the rows. */
  readonly list?: RowShape;
}

export const pageWithCursors: PageSelection = { rows: true, neighbours: true, cursors: true, total: false };
export const pageWithTotal: PageSelection = { rows: true, neighbours: false, cursors: false, total: true };
export const totalOnly: PageSelection = { rows: false, neighbours: false, cursors: false, total: true };

/** Every field, and no relation. */
export const allFields: Selection = { fields: undefined, relations: new Map() };

const preloadedOf = Symbol("relations");

/** The relations that a row came with, by the keys of its selection. */
export interface Preloaded {
  readonly indexes: ReadonlyMap<RelationKey, number>;
  readonly values: readonly unknown[];
}

/** Keeps with `row` what it came with. */
export function attachPreloaded(row: WithPreloaded, preloadedRelations: Preloaded): void {
  row[preloadedOf] = preloadedRelations;
}

interface WithPreloaded {
  [preloadedOf]?: Preloaded;
}

/**
 * What `row` came with under `key`: a row, null, or a page, as its selection asked for. Undefined where it did not come with that, and it has to be
 * read by itself.
 */
export function preloaded(row: object, key: RelationKey): unknown {
  const preloadedRelations = (row as WithPreloaded)[preloadedOf];
  const index = preloadedRelations?.indexes.get(key);
  return index === undefined ? undefined : preloadedRelations?.values[index];
}
