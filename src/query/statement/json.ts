import { neighboursOf, type Page, type Position } from "../model/page.ts";
import { pageFrom } from "../plan/pages.ts";
import { column, sql } from "../../database/sql.ts";
import type { Viewer } from "../../viewer.ts";
import { createJsonResult } from "../result/json-result.ts";
import { aggregated, type EndsOf, firstAndLast, positionOf, writeList, writeTotal } from "./json-page.ts";
import { newWriting, writePage, writeRow } from "./json-row.ts";
import type { ManyRelation, OneRelation, PageInput } from "../model/relation.ts";
import type { CountedSlice, Selection, PageSelection } from "../model/selection.ts";
import { attachJson, type PageShape, type RowShape } from "../model/shape.ts";
import { type Plan, withBoundPositions, weightOfPage } from "../plan/budget.ts";
import { jsonArray, storedFields } from "./stored.ts";
import { divider, encoded, textOf } from "./text.ts";

// Plans of statements that write the JSON of the response. This process passes the JSON on as a text, and fills placeholders
// with the values that only it can compute, such as a signed URL.

/** As `planOne`, with the JSON of the row. Throws {@link DomainError} and {@link UnsupportedAsJson}. */
export function planOneInJson<Row>(
  relation: OneRelation<Row>,
  { fields, json }: Selection & { readonly json: RowShape },
  viewer: Viewer,
): Plan<Row | null> {
  const { target, needsReconciling } = relation;
  const rows = relation.from(viewer);
  const writing = newWriting(viewer);
  const row = writeRow(target, json, needsReconciling, writing, 1);
  const stored = storedFields(target, (field) => !fields || fields.has(field));
  const written = textOf([sql`${jsonArray(stored.columns)}::text`, divider, ...row.pieces]);
  return {
    statement: sql`SELECT ${written} AS json FROM ${rows}`,
    decode(text) {
      if (typeof text !== "string") return null;
      const [head, body] = divided(text);
      const found = stored.decode(head as never[]); // the columns that the statement has written there
      attachJson(found, createJsonResult(body, writing.placeholders));
      return found as Row; // the fields that were selected of it
    },
    weight: row.weight,
  };
}

/** As `planMany`, for a page that is one JSON object. Throws {@link DomainError} and {@link UnsupportedAsJson}. */
export function planPageInJson<Row, Input extends PageInput>(
  relation: ManyRelation<Row, Input>,
  { input, shape }: { readonly input: Input; readonly shape: PageShape },
  viewer: Viewer,
): Plan<CountedSlice<Row>> {
  const writing = newWriting(viewer);
  const page = writePage(relation, { input, shape }, writing, 1);
  return {
    statement: sql`SELECT ${textOf(page.pieces)} AS json`,
    decode(text) {
      const found: CountedSlice<Row> = { rows: [], hasNext: false, hasPrevious: false, total: undefined };
      attachJson(found, createJsonResult(String(text), writing.placeholders));
      return found;
    },
    weight: page.weight,
  };
}

/** The head that {@link planListInJson} reads before the list. */
type ListHead = readonly [parentId: string, read: number, first: Position | null, last: Position | null, total: number | null];

/** A page whose rows are a JSON list. */
export interface FoundList<Row> {
  /** The id of the parent row. Empty if there is no parent. */
  readonly parentId: string;
  readonly page: CountedSlice<Row>;
}

/**
 * As `planMany`, for a page whose rows are a JSON list: of all rows, or of the rows of `parent`. Throws {@link DomainError} and
 * {@link UnsupportedAsJson}.
 */
export function planListInJson<Row, Input extends PageInput>(
  relation: ManyRelation<Row, Input>,
  { input, pageSelection, list }: { readonly input: Input; readonly pageSelection: PageSelection; readonly list: RowShape },
  viewer: Viewer,
  parent?: OneRelation,
): Plan<FoundList<Row> | null> {
  const { target, needsReconciling, countFrom = relation.from } = relation;
  const writing = newWriting(viewer);
  const page: Page = { ...withBoundPositions(input.page), lookahead: pageSelection.neighbours };
  const row = writeRow(target, list, needsReconciling, writing, 1);
  const rows = pageFrom(target, relation.from(viewer, input), input.ordering, page);
  const placed = { page, alias: target.alias, weight: weightOfPage(page, row.weight) };
  const ends: EndsOf = { name: "positions", text: positionOf(target.alias, input.ordering) };
  const total = pageSelection.total ? writeTotal(target, countFrom(viewer, input), pageSelection.total) : "null";
  const parentId = parent ? encoded(column(parent.target.alias, "id"), "quoted") : ['""'];
  const count = sql`cardinality(page.positions)::text`;
  const onPage = firstAndLast(page, ends);
  const head = ["[", ...parentId, ",", count, ",", onPage.first, ",", onPage.last, ",", total, "]"];
  const body = writeList(page, 1);
  const written = sql`(SELECT ${textOf([...head, divider, ...body])} FROM ${aggregated([row.pieces], ends, rows, placed)} page)`;
  return {
    statement: parent ? sql`SELECT ${written} AS json FROM ${parent.from(viewer)}` : sql`SELECT ${written} AS json`,
    decode(text) {
      if (typeof text !== "string") return null;
      const [found, json] = divided(text);
      const [id, read, first, last, counted] = found as ListHead; // as `head` has it
      const neighbours = neighboursOf(page, read > page.size);
      const slice = { rows: [], ...neighbours, total: counted ?? undefined, ends: { first, last } };
      attachJson(slice, createJsonResult(json, writing.placeholders));
      return { parentId: id, page: slice };
    },
    weight: placed.weight,
  };
}

function divided(text: string): readonly [head: unknown, body: string] {
  const end = text.indexOf(divider);
  return [JSON.parse(text.slice(0, end)), text.slice(end + divider.length)];
}
