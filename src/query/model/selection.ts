import type { Position, Slice } from "./page.ts";
import type { ManyRelation, OneRelation, PageInput } from "./relation.ts";
import type { PageShape, RowShape } from "./shape.ts";

/**
 * What to read of rows: fields and relations. GraphQL builds it from a document, REST has it as a constant. Plans are cached by
 * the object, so the same selection must be the same object.
 */
export interface Selection {
  /** Undefined: every field. The id is always read. */
  readonly fields: ReadonlySet<string> | undefined;
  /** By the key that {@link preloaded} takes. */
  readonly relations: ReadonlyMap<RelationKey, SelectedRelation>;
  /** The shape of the JSON of a row, if the database writes it. Relations are then part of the JSON. */
  readonly json?: RowShape;
}

/** Identifies a relation among those of its row: a name, or the position of the field in the document. */
export type RelationKey = string | number;

/** A page with the number of rows on all pages, if it was counted. */
export interface CountedSlice<Row> extends Slice<Row> {
  readonly total: number | undefined;
  /** The positions of the first and the last row, if the rows are a JSON list. */
  readonly ends?: { readonly first: Position | null; readonly last: Position | null };
}

/** A relation and what is selected of it. */
export type SelectedRelation = SelectedOne | SelectedMany;

interface Selected {
  readonly selection: Selection;
  /** The fields by which the relation can be read later, if it cannot be read with its row. */
  readonly fallbackColumns: readonly string[];
}

export interface SelectedOne extends Selected {
  readonly relation: OneRelation;
}

export interface SelectedMany extends Selected {
  /** `input` is the input of this relation. The code that builds the selection pairs the two. */
  readonly relation: ManyRelation<unknown, never>;
  readonly input: PageInput;
  readonly pageSelection: PageSelection;
}

/** What to read of a page besides the fields of its rows. */
export interface PageSelection {
  readonly rows: boolean;
  /** Whether to find out if there are rows before and after the page. It takes one row more. */
  readonly neighbours: boolean;
  /** Whether cursors are made of the rows: the fields of the order are read too. */
  readonly cursors: boolean;
  /** Whether to count the rows of all pages, and at most how many. */
  readonly total: false | true | { readonly max: number };
  /** The shape of the JSON of the page, if the database writes it instead of rows. */
  readonly json?: PageShape;
  /** The shape of each row of a JSON list, if the database writes that instead of rows. */
  readonly list?: RowShape;
}

export const pageWithCursors: PageSelection = { rows: true, neighbours: true, cursors: true, total: false };
export const pageWithTotal: PageSelection = { rows: true, neighbours: false, cursors: false, total: true };
export const totalOnly: PageSelection = { rows: false, neighbours: false, cursors: false, total: true };

/** Every field, no relation. */
export const allFields: Selection = { fields: undefined, relations: new Map() };

const preloadedOf = Symbol("relations");

/** The relations that were read with a row, by the keys of its selection. */
export interface Preloaded {
  readonly indexes: ReadonlyMap<RelationKey, number>;
  readonly values: readonly unknown[];
}

/** Attaches the relations that were read with `row`. */
export function attachPreloaded(row: WithPreloaded, preloadedRelations: Preloaded): void {
  row[preloadedOf] = preloadedRelations;
}

interface WithPreloaded {
  [preloadedOf]?: Preloaded;
}

/** Returns the relation `key` that was read with `row`: a row, null or a page. Undefined if it was not read with the row. */
export function preloaded(row: object, key: RelationKey): unknown {
  const preloadedRelations = (row as WithPreloaded)[preloadedOf];
  const index = preloadedRelations?.indexes.get(key);
  return index === undefined ? undefined : preloadedRelations?.values[index];
}
