import { LRUCache } from "lru-cache";
import type { Entity } from "../../../query/model/entity.ts";
import type { OneRelation } from "../../../query/model/relation.ts";
import {
  columnContent,
  type JsonEncoding,
  jsonList,
  type PageSelection,
  type ResponseContext,
  type RowContent,
  type RowMember,
  type RowMembers,
  type Selection,
} from "../../../query/model/selection.ts";
import type { Services } from "../../../services.ts";
import type { PersonViewer } from "../../../viewer.ts";
import { BadRequest } from "./errors.ts";
import type { FormatTime } from "./time.ts";

/** What a field's values are made with. */
export interface FieldContext {
  readonly services: Services;
  readonly viewer: PersonViewer;
  readonly formatTime: FormatTime;
}

/** A field of records that are made of rows: what it is under a name. */
export type RecordField = (name: string) => RowMember;

/** What a record consists of, in the order in which it is shown. */
export interface Shape<Row> {
  readonly fields: Readonly<Record<string, RecordField>>;
  /** Fields that are shown but cannot be selected. */
  readonly unselectable?: readonly string[];
  /** The columns that are read of every row, because its operation needs them. */
  readonly always?: readonly (keyof Row & string)[];
}

/** A field of the row, as it is stored. */
export function storedValue<Row>(entity: Entity<Row>, field: keyof Row & string, encoding: JsonEncoding): RecordField {
  return (name) => ({ name, content: columnContent(entity, field, encoding) });
}

/** A field that is computed from these fields of the row. */
export function computedValue<Row>(
  entity: Entity<Row>,
  fields: readonly (keyof Row & string)[],
  value: (row: Row, context: FieldContext) => unknown,
): RecordField {
  return (name) => ({ name, content: computedContent(entity, fields, value) });
}

/** What {@link computedValue} is the field of. */
export function computedContent<Row>(
  _entity: Entity<Row>,
  fields: readonly (keyof Row & string)[],
  value: (row: Row, context: FieldContext) => unknown,
): RowContent {
  // Rows are read with those fields.
  return { kind: "computed", columns: fields, compute: (row: Row, context) => JSON.stringify(value(row, contextOf(context))) };
}

/** A field that is a related row in that shape, or null. */
export function relatedRow(relation: OneRelation, members: RowMembers): RecordField {
  return (name) => ({ name, content: { kind: "toOne", relation, nullable: true, members } });
}

/** The request that the response is for: the functions of `collection.ts` always pass one. */
export function contextOf(context: ResponseContext): FieldContext {
  return context as FieldContext;
}

/** How many ways to select fields of a shape are known. */
const selectionCacheSize = 200;

/** What is read of records to show them. */
export interface Shown {
  readonly one: Selection;
  readonly list: PageSelection;
}

/** What `fields=a,b` selects of a shape: `id` always, everything where nothing is selected. @throws {BadRequest} */
export type ReadSelection = <Row>(selection: string | undefined, shape: Shape<Row>) => Shown;

/** Reads selections. One that is read again is the same object, by which its statement is found again. */
export function createSelectionReader(): ReadSelection {
  const known = new WeakMap<object, LRUCache<string, Shown>>();
  return (selection, shape) => {
    const ofShape = known.get(shape) ?? new LRUCache<string, Shown>({ max: selectionCacheSize });
    known.set(shape, ofShape);
    const names = selectedNames(selection, shape);
    const before = ofShape.get(names.join());
    if (before) return before;
    const read = shownFields(names, shape);
    ofShape.set(names.join(), read);
    return read;
  };
}

function selectedNames<Row>(selection: string | undefined, shape: Shape<Row>): readonly string[] {
  const { fields, unselectable = [] } = shape;
  const every = Object.keys(fields);
  const wanted = (selection ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (wanted.length === 0) return every;
  const unknown = wanted.filter((name) => !every.includes(name) || unselectable.includes(name));
  if (unknown.length > 0) throw new BadRequest(`Unknown fields: ${[...new Set(unknown)].join(", ")}`);
  return every.filter((name) => name === "id" || wanted.includes(name));
}

function shownFields<Row>(names: readonly string[], shape: Shape<Row>): Shown {
  const members = names.flatMap((name) => shape.fields[name]?.(name) ?? []);
  const joined = joinMembers(members);
  return { one: { as: "json", members: joined, columns: shape.always ?? [] }, list: jsonList(joined) };
}

/** `members`, those beside each other that are of one related row as one. */
function joinMembers(members: readonly RowMember[]): RowMembers {
  const all: RowMember[] = [];
  for (const member of members) {
    const last = all.at(-1);
    if (last && "of" in last && "of" in member && last.of === member.of)
      all.splice(-1, 1, { of: last.of, members: [...last.members, ...member.members] });
    else all.push(member);
  }
  return all;
}
