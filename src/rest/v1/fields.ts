import type { Services } from "../../services.ts";
import type { PersonViewer } from "../../viewer.ts";
import { BadRequest } from "./errors.ts";

/** What a field's values are read with. */
export interface FieldContext {
  readonly services: Services;
  readonly viewer: PersonViewer;
  /** What several fields need, read by the first that asks. */
  readonly once: <Value>(name: string, read: () => Promise<Value>) => Promise<Value>;
}

/** One field of many records: values in the order of the rows, undefined where a record does not have the field at all. */
export type Field<Row> = (rows: readonly Row[], context: FieldContext) => readonly unknown[] | Promise<readonly unknown[]>;

/** What a record consists of, in the order in which it is shown. */
export interface Shape<Row> {
  readonly fields: Readonly<Record<string, Field<Row>>>;
  /** Fields that are shown and cannot be asked for. */
  readonly unselectable?: readonly string[];
}

/** A field that is there in the row. */
export function fromRow<Row>(value: (row: Row, context: FieldContext) => unknown): Field<Row> {
  return (rows, context) => rows.map((row) => value(row, context));
}

/** The fields that `fields=a,b` selects: `id` always, everything where nothing is selected. @throws {BadRequest} */
export function readSelection<Row>(
  selection: string | undefined,
  { fields, unselectable = [] }: Shape<Row>,
): readonly string[] {
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

/** Records of a shape, with the selected fields. Each field is read once for all of them; one that is not selected is not read. */
export async function present<Row>(
  rows: readonly Row[],
  shape: Shape<Row>,
  selection: readonly string[],
  { services, viewer }: Pick<FieldContext, "services" | "viewer">,
): Promise<Record<string, unknown>[]> {
  const context: FieldContext = { services, viewer, once: readOnce() };
  const selected = selection.flatMap((name) => {
    const field = shape.fields[name];
    return field ? [{ name, field }] : [];
  });
  const columns = await Promise.all(selected.map(async ({ name, field }) => ({ name, values: await field(rows, context) })));
  return rows.map((_, index) => Object.fromEntries(columns.map(({ name, values }) => [name, values[index]])));
}

function readOnce(): FieldContext["once"] {
  const reads = new Map<string, Promise<unknown>>();
  return <Value>(name: string, read: () => Promise<Value>) => {
    const known = reads.get(name) ?? read();
    reads.set(name, known);
    // What is kept under a name was made by the same read.
    return known as Promise<Value>;
  };
}
