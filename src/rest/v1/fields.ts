import { LRUCache } from "lru-cache";
import { type ConstantRelation, relatedAs, type SelectedRelation, type Selection } from "../../reading/selection.ts";
import type { Services } from "../../services.ts";
import type { PersonViewer } from "../../viewer.ts";
import { BadRequest } from "./errors.ts";

/** What a field's values are made with. */
export interface FieldContext {
  readonly services: Services;
  readonly viewer: PersonViewer;
}

/** One field of a record: what of the row it is read from, and what is shown; undefined where the record does not have the field at all. */
export interface Field<Row> {
  readonly fields: readonly (keyof Row & string)[];
  /** Relations that have one name in a shape are one. */
  readonly relations: Readonly<Record<string, SelectedRelation>>;
  readonly value: (row: Row, context: FieldContext) => unknown;
}

/** What a record consists of, in the order in which it is shown. */
export interface Shape<Row> {
  readonly fields: Readonly<Record<string, Field<Row>>>;
  /** Fields that are shown and cannot be asked for. */
  readonly unselectable?: readonly string[];
  /** What is read of every row, whatever is shown: what its operation goes by. */
  readonly always?: readonly (keyof Row & string)[];
}

/** The fields of a record that are shown, and what is read for them. */
export interface ShownFields {
  readonly names: readonly string[];
  readonly selection: Selection;
}

/** A field that is made of those fields of the row. */
export function fromRow<Row>(
  fields: readonly (keyof Row & string)[],
  value: (row: Row, context: FieldContext) => unknown,
): Field<Row> {
  return { fields, relations: {}, value };
}

/** A field that is made of what the row is related to, and of those fields of the row. */
export function fromRelated<Row extends object, Found>(
  {
    name,
    relation,
    fields = [],
  }: { name: string; relation: ConstantRelation<Found>; fields?: readonly (keyof Row & string)[] },
  value: (found: Found, row: Row, context: FieldContext) => unknown,
): Field<Row> {
  return {
    fields,
    relations: { [name]: relation },
    value(row, context) {
      const found = relatedAs(row, name, relation);
      // What a policy keeps from the viewer does not come with the row. It has its own words for that.
      if (found === undefined) return refuse(relation, context.viewer);
      return value(found, row, context);
    },
  };
}

function refuse(selected: SelectedRelation, viewer: PersonViewer): never {
  if ("input" in selected) selected.relation.from(viewer, selected.input as never); // its own input
  else selected.relation.from(viewer);
  throw new Error("A relation that the viewer may read did not come with its row.");
}

/** How many ways to select fields of a shape are kept. */
const keptSelections = 200;
const kept = new WeakMap<object, LRUCache<string, ShownFields>>();

/** The fields that `fields=a,b` selects: `id` always, everything where nothing is selected. @throws {BadRequest} */
export function readSelection<Row>(selection: string | undefined, shape: Shape<Row>): ShownFields {
  const { fields, unselectable = [] } = shape;
  const every = Object.keys(fields);
  const wanted = (selection ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (wanted.length === 0) return shown(every, shape);
  const unknown = wanted.filter((name) => !every.includes(name) || unselectable.includes(name));
  if (unknown.length > 0) throw new BadRequest(`Unknown fields: ${[...new Set(unknown)].join(", ")}`);
  return shown(
    every.filter((name) => name === "id" || wanted.includes(name)),
    shape,
  );
}

function shown<Row>(names: readonly string[], shape: Shape<Row>): ShownFields {
  const ofShape = kept.get(shape) ?? new LRUCache<string, ShownFields>({ max: keptSelections });
  kept.set(shape, ofShape);
  const known = ofShape.get(names.join());
  if (known) return known;
  const fields = names.flatMap((name) => shape.fields[name] ?? []);
  const made: ShownFields = {
    names,
    selection: {
      fields: new Set<string>([...(shape.always ?? []), ...fields.flatMap((field) => field.fields)]),
      relations: new Map(fields.flatMap((field) => Object.entries(field.relations))),
    },
  };
  ofShape.set(names.join(), made);
  return made;
}

/** Records of a shape, with the fields that are shown. */
export function present<Row>(
  rows: readonly Row[],
  { fields }: Shape<Row>,
  names: readonly string[],
  { services, viewer }: FieldContext,
): Promise<Record<string, unknown>[]> {
  const context: FieldContext = { services, viewer };
  const record = async (row: Row): Promise<Record<string, unknown>> => {
    const entries: [string, unknown][] = [];
    for (const name of names) {
      const value = fields[name]?.value(row, context);
      // Few are waited for, and a turn of the event loop for each of the others would be most of the work.
      entries.push([name, value instanceof Promise ? await value : value]);
    }
    return Object.fromEntries(entries);
  };
  return Promise.all(rows.map(record));
}
