import { Prisma } from "#generated/prisma/client.ts";
import { columnName, raw, sql, type Sql } from "./sql.ts";

/** The PostgreSQL types that a column of such values may have. An enumeration has its name in double quotes. */
type ColumnType<Value> = [Value] extends [string]
  ? string extends Value
    ? "uuid" | "text"
    : `"${string}"`
  : [Value] extends [number]
    ? "integer"
    : [Value] extends [bigint]
      ? "bigint"
      : [Value] extends [boolean]
        ? "boolean"
        : [Value] extends [Date]
          ? "timestamptz"
          : [Value] extends [Uint8Array]
            ? "bytea"
            : [Value] extends [readonly (infer Element)[]]
              ? `${ColumnType<Element>}[]`
              : never;

/** What hand-written statements have to know of a table: every field of its `Row`, which is Prisma's, with the type of its column. */
interface TableDefinition<Row> {
  readonly name: string;
  readonly types: { readonly [Field in keyof Row & string]-?: ColumnType<NonNullable<Row[Field]>> };
}

/** A table. `Filled` are the fields that the database fills itself, by a sequence or a trigger. */
export interface Table<Row, Filled extends keyof Row = never> extends TableDefinition<Row> {
  /** The fields in the order of their columns, with the name and the type of each. Worked out once: statements are written for every request. */
  readonly columns: readonly { readonly field: string; readonly name: string; readonly type: string }[];
  /** Nothing but a type: which fields no INSERT may give. */
  readonly filled?: Filled;
}

export function defineTable<Row, Filled extends keyof Row = never>(definition: TableDefinition<Row>): Table<Row, Filled> {
  const types = Object.entries<string>(definition.types);
  return { ...definition, columns: types.map(([field, type]) => ({ field, name: columnName(field), type })) };
}

/** A value of a column, or the expression that makes it. */
type ColumnValue<Value> = (Value extends readonly (infer Element)[] ? readonly Element[] : Value) | Sql;

/** What an INSERT gives: every field but those that the database fills. What is to be null is null, and not left out. */
export type InsertedValues<Row, Filled extends keyof Row> = {
  readonly [Field in Exclude<keyof Row & string, Filled>]: ColumnValue<Row[Field]>;
};

/** What an UPDATE sets. A field that is undefined stays as it is. */
export type ChangedValues<Row> = { readonly [Field in keyof Row & string]?: ColumnValue<Row[Field]> | undefined };

/**
 * `INSERT INTO table (columns) SELECT values`, each value cast to the type of its column. FROM, WHERE, ON CONFLICT and RETURNING may follow.
 */
export function insertInto<Row, Filled extends keyof Row>(
  table: Table<Row, Filled>,
  values: InsertedValues<Row, NoInfer<Filled>>,
): Sql {
  const written = writtenColumns(table, values);
  return writeValues(
    `INSERT INTO ${table.name} (${written.map(({ name }) => name).join(", ")}) SELECT `,
    written.map((one) => ({ ...one, before: "" })),
  );
}

/** `column = value, …` for the SET of an UPDATE, each value cast to the type of its column. @throws {TypeError} where nothing is set. */
export function setList<Row, Filled extends keyof Row>(table: Table<Row, Filled>, changes: ChangedValues<NoInfer<Row>>): Sql {
  const written = writtenColumns(table, changes);
  if (written.length === 0) throw new TypeError("An UPDATE sets nothing.");
  return writeValues(
    "",
    written.map((one) => ({ ...one, before: `${one.name} = ` })),
  );
}

/**
 * All columns of `table`, read by the name `alias`, under their field names; without those of `hidden`. Arrays of an enumeration go as arrays of
 * text, since the driver knows the element types of built-in arrays only.
 */
export function selectList<Row, Filled extends keyof Row>(
  table: Table<Row, Filled>,
  alias: string,
  hidden: readonly (keyof Row & string)[] = [],
): Sql {
  const isHidden = new Set<string>(hidden);
  const shown = table.columns.filter(({ field }) => !isHidden.has(field));
  return raw(
    shown
      .map(({ field, name, type }) => `${alias}.${name}${enumArray.test(type) ? "::text[]" : ""} AS ${quoted(field)}`)
      .join(", "),
  );
}

/** Rows that a statement is given as one value, an array of JSON objects with these fields: the statement is the same for any number. */
export interface Recordset<Field extends string, Row> {
  /** `name AS (SELECT …)`, a WITH part of `rows`. Its columns are called as the fields, in double quotes. */
  part(rows: readonly Row[]): Sql;
  /** The column of a field. */
  column(field: Field): Sql;
}

/** Records with `fields` of `table` as the WITH part `name`, with `others` as further columns of these types. */
export function recordset<Row, Filled extends keyof Row, Field extends keyof Row & string, Other extends string>(
  table: Table<Row, Filled>,
  name: string,
  fields: readonly Field[],
  others: Readonly<Record<Other, string>>,
): Recordset<Field | Other, Pick<Row, Field> & Readonly<Record<Other, unknown>>> {
  const isGiven = new Set<string>(fields);
  const types = [
    ...table.columns.filter(({ field }) => isGiven.has(field)),
    ...Object.entries<string>(others).map(([field, type]) => ({ field, type })),
  ];
  const before = raw(`${name} AS (SELECT * FROM json_to_recordset(`);
  const after = raw(`::json) AS ${name} (${types.map(({ field, type }) => `${quoted(field)} ${type}`).join(", ")}))`);
  return {
    part: (rows) => sql`${before}${JSON.stringify(rows)}${after}`,
    column: (field) => raw(`${name}.${quoted(field)}`),
  };
}

const enumArray = /^".*"\[\]$/;

interface WrittenColumn {
  readonly name: string;
  readonly type: string;
  readonly value: unknown;
}

/** The columns of what is given, each with its value. */
function writtenColumns<Row, Filled extends keyof Row>({ columns }: Table<Row, Filled>, values: object): WrittenColumn[] {
  const written: WrittenColumn[] = [];
  for (const { field, name, type } of columns) {
    const value: unknown = Reflect.get(values, field);
    if (value !== undefined) written.push({ name, type, value });
  }
  return written;
}

/**
 * The values with commas between them, each behind what stands before it. An expression has its own type, which must be the column's; a value has none
 * until it is cast.
 */
function writeValues(beginning: string, written: readonly (WrittenColumn & { readonly before: string })[]): Sql {
  const strings: string[] = [];
  let text = beginning;
  for (const [index, { before, type, value }] of written.entries()) {
    strings.push(`${text}${index === 0 ? "" : ", "}${before}`);
    text = value instanceof Prisma.Sql ? "" : `::${type}`;
  }
  return new Prisma.Sql(
    [...strings, text],
    written.map(({ value }) => value),
  );
}

function quoted(name: string): string {
  return `"${name}"`;
}
