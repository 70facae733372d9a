import { attempt, DomainError } from "../../errors.ts";
import { type Ordering, type Page, positionFields, toSlice } from "../model/page.ts";
import { countUpTo, pageFrom } from "../plan/pages.ts";
import { raw, sql, type Sql } from "../../database/sql.ts";
import type { Viewer } from "../../viewer.ts";
import {
  type Budget,
  createBudget,
  mayWriteTooMuch,
  type Plan,
  stoppedForSize,
  withBoundPositions,
  weightOfPage,
} from "../plan/budget.ts";
import type { Entity } from "../model/entity.ts";
import { type FoundList, planListInJson, planOneInJson, planPageInJson } from "./json.ts";
import type { ManyRelation, OneRelation, PageInput } from "../model/relation.ts";
import {
  attachPreloaded,
  type CountedSlice,
  type RelationKey,
  type SelectedRelation,
  type Selection,
  type PageSelection,
} from "../model/selection.ts";
import { jsonArray, type StoredFields, storedFields } from "./stored.ts";

/** A part of a statement: an SQL expression for a JSON value, and the function that decodes the value. */
interface Part<Value> {
  readonly json: Sql;
  readonly decode: (json: never) => Value;
  readonly weight: number;
}

/**
 * Plans the read of one row with everything that is selected below it. Throws a {@link DomainError} if the viewer may not read
 * such rows.
 */
export function planOne<Row>(relation: OneRelation<Row>, selection: Selection, viewer: Viewer): Plan<Row | null> {
  const { json } = selection;
  if (json) return planOneInJson(relation, { ...selection, json }, viewer);
  const rows = relation.from(viewer);
  const row = planRow(relation.target, selection, viewer, createBudget(), 1);
  const statement = sql`SELECT ${row.json}::text AS json FROM ${rows}`;
  return { statement, decode: parsed(orNull(row.decode)), weight: row.weight };
}

/** Plans the read of a page of rows. Throws a {@link DomainError} if the viewer may not read such rows. */
export function planMany<Row, Input extends PageInput>(
  relation: ManyRelation<Row, Input>,
  { input, pageSelection, selection }: { input: Input; pageSelection: PageSelection; selection: Selection },
  viewer: Viewer,
): Plan<CountedSlice<Row>> {
  const { json, list } = pageSelection;
  if (list) return pageOnly(planListInJson(relation, { input, pageSelection, list }, viewer));
  if (json) return planPageInJson(relation, { input, shape: json }, viewer);
  const page = planPage(relation, { input, pageSelection, selection }, viewer, createBudget(), 1);
  const decode = page.decode as (json: unknown) => CountedSlice<Row>; // of the JSON of this statement
  return { statement: sql`SELECT (${page.json})::text AS json`, decode: parsed(decode), weight: page.weight };
}

function pageOnly<Row>({ decode, ...plan }: Plan<FoundList<Row> | null>): Plan<CountedSlice<Row>> {
  return {
    ...plan,
    decode: (json) => decode(json)?.page ?? { rows: [], hasNext: false, hasPrevious: false, total: undefined },
  };
}

/**
 * How many pages of one relation are read with their row. Further ones have statements of their own, so that the size of each
 * result is known before the next read.
 */
const maximumPagesOfRelation = 4;

function planRow<Row>(entity: Entity<Row>, selection: Selection, viewer: Viewer, budget: Budget, depth: number): Part<Row> {
  const fallback: string[] = [];
  const relations: { readonly key: RelationKey; readonly part: Part<unknown> }[] = [];
  const pages = new Map<unknown, number>();
  for (const [key, selected] of selection.relations) {
    const count = (pages.get(selected.relation) ?? 0) + 1;
    if ("input" in selected) pages.set(selected.relation, count);
    const part = count > maximumPagesOfRelation ? undefined : planRelation(selected, viewer, budget, depth);
    if (part) relations.push({ key, part });
    else fallback.push(...selected.fallbackColumns);
  }
  const { fields } = selection;
  const stored = storedFields(entity, (field) => !fields || fields.has(field) || fallback.includes(field));
  const decode = rowDecoder(stored, relations);
  return {
    json: jsonArray([...stored.columns, ...relations.map(({ part }) => part.json)]),
    decode: (values) => decode(values) as Row, // the fields that were selected of such a row
    weight: relations.reduce((sum, { part }) => sum + part.weight, 1),
  };
}

function rowDecoder(
  { columns, decode }: StoredFields,
  relations: readonly { readonly key: RelationKey; readonly part: Part<unknown> }[],
): (values: readonly never[]) => object {
  const indexes = new Map(relations.map(({ key }, index) => [key, index]));
  return (values) => {
    const row = decode(values);
    if (relations.length > 0) {
      const loaded: unknown[] = [];
      for (let index = 0; index < relations.length; index += 1) {
        loaded.push(relations[index]?.part.decode(values[columns.length + index] as never)); // its own part
      }
      attachPreloaded(row, { indexes, values: loaded });
    }
    return row;
  };
}

/**
 * Returns undefined if the relation cannot be read with its row: the budget is used up, or a policy refuses it. Its own
 * resolver then reads it, and throws the error.
 */
function planRelation(selected: SelectedRelation, viewer: Viewer, budget: Budget, depth: number): Part<unknown> | undefined {
  if (!budget.takes(depth)) return undefined;
  const part = attempt(
    () =>
      "input" in selected
        ? planPage(selected.relation, { ...selected, input: selected.input as never }, viewer, budget, depth + 1) // its own: see SelectedMany
        : planRelatedRow(selected.relation, selected.selection, viewer, budget, depth),
    DomainError,
  );
  return part instanceof DomainError ? undefined : part;
}

function planRelatedRow(
  relation: OneRelation,
  selection: Selection,
  viewer: Viewer,
  budget: Budget,
  depth: number,
): Part<unknown> {
  const rows = relation.from(viewer);
  const row = planRow(relation.target, selection, viewer, budget, depth + 1);
  return { json: sql`(SELECT ${row.json} FROM ${rows})`, decode: orNull(row.decode), weight: row.weight };
}

function planPage<Row, Input extends PageInput>(
  relation: ManyRelation<Row, Input>,
  { input, pageSelection, selection }: { input: Input; pageSelection: PageSelection; selection: Selection },
  viewer: Viewer,
  budget: Budget,
  depth: number,
): Part<CountedSlice<Row>> {
  const { target, from, countFrom = from } = relation;
  const page: Page = { ...withBoundPositions(input.page), lookahead: pageSelection.neighbours };
  const row = planRow(
    target,
    pageSelection.cursors ? withPosition(selection, input.ordering) : selection,
    viewer,
    budget,
    depth,
  );
  const weight = weightOfPage(page, row.weight);
  // The subquery returns its rows in order, and json_agg keeps that order because nothing else is in the FROM.
  const rowsInJson = sql`SELECT ${row.json} AS json FROM (${pageFrom(target, from(viewer, input), input.ordering, page)}) ${raw(target.alias)}`;
  const written = mayWriteTooMuch(weight) ? stoppedForSize(rowsInJson, sql`octet_length(json::text)`) : sql`(${rowsInJson})`;
  const json = sql`(SELECT coalesce(json_agg(json), '[]'::json) FROM ${written} listed)`;
  const count = sql`(${countUpTo(target, countFrom(viewer, input), typeof pageSelection.total === "object" ? pageSelection.total.max : undefined)})`;
  const slice = (read: readonly never[], total: number | undefined): CountedSlice<Row> => ({
    ...toSlice(read.map(row.decode), page),
    total,
  });
  if (!pageSelection.total) return { json, weight, decode: (read) => slice(read, undefined) };
  if (!pageSelection.rows) return { json: count, weight: 1, decode: (total) => slice([], total) };
  return {
    json: sql`json_build_array(${json}, ${count})`,
    weight,
    decode: ([read, total]: readonly [readonly never[], number]) => slice(read, total),
  };
}

/** Returns `selection` with the fields of the row's position. */
function withPosition(selection: Selection, ordering: Ordering): Selection {
  const { fields } = selection;
  return fields
    ? { ...selection, fields: new Set([...fields, ...positionFields(ordering).map(({ field }) => field)]) }
    : selection;
}

function parsed<Value>(decode: (json: unknown) => Value): Plan<Value>["decode"] {
  return (text) => decode(text === null ? null : JSON.parse(text));
}

function orNull<Value>(decode: (json: never) => Value): (json: unknown) => Value | null {
  return (json) => (json === null || json === undefined ? null : decode(json as never)); // what the part's own JSON is
}
