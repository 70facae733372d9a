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

/** The context in which the values of fields are computed. */
export interface FieldContext {
  readonly services: Services;
  readonly viewer: PersonViewer;
  readonly formatTime: FormatTime;
}

/** A field of records: returns the member of a row's shape for a name. */
export type RecordField = (name: string) => RowMember;

/** The fields of a record, in the order in which they are shown. */
export interface Shape<Row> {
  readonly fields: Readonly<Record<string, RecordField>>;
  /** Fields that are shown but cannot be selected. */
  readonly unselectable?: readonly string[];
  /** The columns that are always read, because the operation needs them. */
  readonly always?: readonly (keyof Row & string)[];
}

/** Returns a field with a stored value of the row. */
export function storedValue<Row>(entity: Entity<Row>, field: keyof Row & string, encoding: JsonEncoding): RecordField {
  return (name) => ({ name, content: columnContent(entity, field, encoding) });
}

/** Returns a field that is computed from `fields` of the row. */
export function computedValue<Row>(
  entity: Entity<Row>,
  fields: readonly (keyof Row & string)[],
  value: (row: Row, context: FieldContext) => unknown,
): RecordField {
  return (name) => ({ name, content: computedContent(entity, fields, value) });
}

/** Returns the content of a {@link computedValue}. */
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

/** Returns the context of the request, which the functions of `collection.ts` always pass. */
export function contextOf(context: ResponseContext): FieldContext {
  return context as FieldContext;
}

/** How many selections of fields are cached for each shape. */
const selectionCacheSize = 200;

/** What to read of a record, and of a list of such records. */
export interface RecordSelection {
  readonly one: Selection;
  readonly list: PageSelection;
}

/**
 * Returns the selection of `fields=a,b` in a shape. `id` is always selected; without a selection everything is. Throws
 * {@link BadRequest} if a field does not exist or cannot be selected.
 */
export type ReadSelection = <Row>(selection: string | undefined, shape: Shape<Row>) => RecordSelection;

/** Returns a reader of selections. Equal selections are the same object, by which the cached statement is found. */
export function createSelectionReader(): ReadSelection {
  const known = new WeakMap<object, LRUCache<string, RecordSelection>>();
  return (selection, shape) => {
    const ofShape = known.get(shape) ?? new LRUCache<string, RecordSelection>({ max: selectionCacheSize });
    known.set(shape, ofShape);
    const names = selectedNames(selection, shape);
    const before = ofShape.get(names.join());
    if (before) return before;
    const selected = selectFields(names, shape);
    ofShape.set(names.join(), selected);
    return selected;
  };
}

function selectedNames<Row>(selection: string | undefined, shape: Shape<Row>): readonly string[] {
  const { fields, unselectable = [] } = shape;
  const every = Object.keys(fields);
  const selected = (selection ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (selected.length === 0) return every;
  const unknown = selected.filter((name) => !every.includes(name) || unselectable.includes(name));
  if (unknown.length > 0) throw new BadRequest(`Unknown fields: ${[...new Set(unknown)].join(", ")}`);
  return every.filter((name) => name === "id" || selected.includes(name));
}

function selectFields<Row>(names: readonly string[], shape: Shape<Row>): RecordSelection {
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
