import { DomainError } from "../errors.ts";
import { type GivenPosition, type Ordering, type Page, positionFields, toSlice } from "../platform/keyset.ts";
import { countUpTo, pageFrom } from "../platform/pages.ts";
import { column, isSlot, join, raw, sql, type Sql, varying } from "../platform/sql.ts";
import type { Viewer } from "../viewer.ts";
import type { Entity } from "./entity.ts";
import {
  attachRelations,
  type CountedSlice,
  type ManyRelation,
  type OneRelation,
  type PageInput,
  type RelationKey,
  type SelectedRelation,
  type Selection,
  type WantedOfPage,
} from "./selection.ts";

/** A statement that answers with one JSON value, and what is made of it. */
export interface Plan<Value> {
  /** Selects one column, `json`, in one row, or in none where there is nothing. */
  readonly statement: Sql;
  readonly decode: (json: unknown) => Value;
  /** How many rows it is likely to read at most. */
  readonly weight: number;
}

/** The part of a statement that builds a JSON value, and what is made of that. */
interface Part<Value> {
  readonly json: Sql;
  readonly decode: (json: never) => Value;
  readonly weight: number;
}

/**
 * How much goes into one statement. What is beyond is read by statements of its own, a level at a time: PostgreSQL takes longer to plan a
 * statement than to run it where hundreds of relations are nested, and a function takes no more than 100 arguments.
 */
const most = { depth: 10, relations: 40 } as const;

/** Pages of more are asked for to have all that there are, which are few. */
const likelySize = 100;

/** Counts what a statement holds already. */
interface Budget {
  relations: number;
}

/** Plans the read of one row with all that is selected of it, however deep. @throws {DomainError} where the viewer may not read such rows. */
export function planOne<Row>(relation: OneRelation<Row>, selection: Selection, viewer: Viewer): Plan<Row | null> {
  const rows = relation.from(viewer);
  const row = planRow(relation.target, selection, viewer, { relations: 0 }, 1);
  return { statement: sql`SELECT ${row.json} AS json FROM ${rows}`, decode: orNull(row.decode), weight: row.weight };
}

/** Plans the read of a page of rows. @throws {DomainError} where the viewer may not read such rows. */
export function planMany<Row, Input extends PageInput>(
  relation: ManyRelation<Row, Input>,
  { input, wanted, selection }: { input: Input; wanted: WantedOfPage; selection: Selection },
  viewer: Viewer,
): Plan<CountedSlice<Row>> {
  const page = planPage(relation, { input, wanted, selection }, viewer, { relations: 0 }, 1);
  const decode = page.decode as Plan<CountedSlice<Row>>["decode"]; // of the JSON of this statement
  return { statement: sql`SELECT ${page.json} AS json`, decode, weight: page.weight };
}

function planRow<Row>(entity: Entity<Row>, selection: Selection, viewer: Viewer, budget: Budget, depth: number): Part<Row> {
  const fallen: string[] = [];
  const relations: { readonly key: RelationKey; readonly part: Part<unknown> }[] = [];
  for (const [key, selected] of selection.relations) {
    const part = planRelation(selected, viewer, budget, depth);
    if (part) relations.push({ key, part });
    else fallen.push(...selected.orElse);
  }
  const { fields: wanted } = selection;
  const fields = wanted
    ? entity.fields.filter((field) => entity.always.has(field) || wanted.has(field) || fallen.includes(field))
    : entity.fields;
  const values = [...fields.map((field) => column(entity.alias, field)), ...relations.map(({ part }) => part.json)];
  return {
    // An array, since the names of an object would be built, sent and parsed for every row.
    json: sql`json_build_array(${join(values, ", ")})`,
    decode: rowDecoder(entity, fields, relations),
    weight: relations.reduce((sum, { part }) => sum + part.weight, 1),
  };
}

function rowDecoder<Row>(
  entity: Entity<Row>,
  fields: readonly string[],
  relations: readonly { readonly key: RelationKey; readonly part: Part<unknown> }[],
): (values: readonly never[]) => Row {
  const revivers = fields.map((field) => entity.revive(field));
  const places = new Map(relations.map(({ key }, index) => [key, index]));
  // Counted loops: there are as many turns as there are values in all rows.
  return (values) => {
    const row: Record<string, unknown> = {};
    for (let index = 0; index < fields.length; index += 1) {
      const revive = revivers[index];
      const value = values[index] as never; // of this field, whatever that is
      row[fields[index] as string] = revive ? revive(value) : value; // the index is within
    }
    if (relations.length > 0) {
      const related: unknown[] = [];
      for (let index = 0; index < relations.length; index += 1) {
        related.push(relations[index]?.part.decode(values[fields.length + index] as never)); // its own part
      }
      attachRelations(row, { places, values: related });
    }
    return row as Row; // the fields that were selected of it
  };
}

/** Undefined where it cannot be read with its row: the viewer may not, which is for whoever asks for it to say, or it would be too much. */
function planRelation(selected: SelectedRelation, viewer: Viewer, budget: Budget, depth: number): Part<unknown> | undefined {
  if (depth >= most.depth || budget.relations >= most.relations) return undefined;
  budget.relations += 1;
  try {
    return "input" in selected
      ? planPage(selected.relation, { ...selected, input: selected.input as never }, viewer, budget, depth + 1) // its own: see selectMany
      : planRelatedRow(selected.relation, selected.selection, viewer, budget, depth);
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
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
  { input, wanted, selection }: { input: Input; wanted: WantedOfPage; selection: Selection },
  viewer: Viewer,
  budget: Budget,
  depth: number,
): Part<CountedSlice<Row>> {
  const { target, from, countFrom = from } = relation;
  const { after, before } = input.page;
  const page: Page = { ...input.page, after: varied(after), before: varied(before), lookahead: wanted.neighbours };
  const row = planRow(target, wanted.cursors ? withPosition(selection, input.ordering) : selection, viewer, budget, depth);
  // The rows come out of the subquery in its order, and are put into the array as they come: nothing else stands beside them in the FROM.
  const json = sql`(SELECT coalesce(json_agg(${row.json}), '[]'::json) FROM (${pageFrom(target, from(viewer, input), input.ordering, page)}) ${raw(target.alias)})`;
  const count = sql`(${countUpTo(target, countFrom(viewer, input), typeof wanted.total === "object" ? wanted.total.most : undefined)})`;
  const slice = (read: readonly never[], total: number | undefined): CountedSlice<Row> => ({
    ...toSlice(read.map(row.decode), page),
    total,
  });
  const weight = 1 + Math.min(page.size, likelySize) * row.weight;
  if (!wanted.total) return { json, weight, decode: (read) => slice(read, undefined) };
  if (!wanted.rows) return { json: count, weight: 1, decode: (total) => slice([], total) };
  return {
    json: sql`json_build_array(${json}, ${count})`,
    weight,
    decode: ([read, total]: readonly [readonly never[], number]) => slice(read, total),
  };
}

/** With the fields that say where a row stands. */
function withPosition(selection: Selection, ordering: Ordering): Selection {
  const { fields } = selection;
  return fields ? { ...selection, fields: new Set([...fields, ...positionFields(ordering)]) } : selection;
}

/** Cursors differ from one asking to the next, so that their values must not make another statement. */
function varied(position: GivenPosition | undefined): GivenPosition | undefined {
  return position?.map((value) => (isSlot(value) ? value : varying(value)));
}

function orNull<Value>(decode: (json: never) => Value): (json: unknown) => Value | null {
  return (json) => (json === null || json === undefined ? null : decode(json as never)); // what the part's own JSON is
}
