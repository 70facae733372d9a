import { Prisma } from "#generated/prisma/client.ts";
import { columnName, raw, sql, type Sql } from "./sql.ts";

/** The PostgreSQL types of a column with such values. An enumeration is its name in double quotes. */
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

/**
 * The definition of a table for hand-written statements: every field of its `Row`, which is Prisma's, with the type of
 * its column.
 */
interface TableDefinition<Row> {
  readonly name: string;
  readonly types: { readonly [Field in keyof Row & string]-?: ColumnType<NonNullable<Row[Field]>> };
}

/** A table. `Filled` are the fields that the database sets itself, with a sequence or a trigger. */
export interface Table<Row, Filled extends keyof Row = never> extends TableDefinition<Row> {
  /**
   * The fields in the order of their columns, with the name and the type of each. Computed once, because statements are
   * written for every request.
   */
  readonly columns: readonly { readonly field: string; readonly name: string; readonly type: string }[];
  /** Only a type: the fields that no INSERT may set. */
  readonly filled?: Filled;
}

export function defineTable<Row, Filled extends keyof Row = never>(definition: TableDefinition<Row>): Table<Row, Filled> {
  const types = Object.entries<string>(definition.types);
  return { ...definition, columns: types.map(([field, type]) => ({ field, name: columnName(field), type })) };
}

/** A value of a column, or an SQL expression for it. */
type ColumnValue<Value> = (Value extends readonly (infer Element)[] ? readonly Element[] : Value) | Sql;

/** The values of an INSERT: every field except those that the database sets. A null must be given explicitly. */
export type InsertedValues<Row, Filled extends keyof Row> = {
  readonly [Field in Exclude<keyof Row & string, Filled>]: ColumnValue<Row[Field]>;
};

/** The values that an UPDATE sets. An undefined field stays unchanged. */
export type ChangedValues<Row> = { readonly [Field in keyof Row & string]?: ColumnValue<Row[Field]> | undefined };

/**
 * Returns `INSERT INTO table (columns) SELECT values`, with each value cast to the type of its column. FROM, WHERE, ON
 * CONFLICT and RETURNING may follow.
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

/**
 * Returns `column = value, …` for the SET of an UPDATE, with each value cast to the type of its column. Throws a
 * `TypeError` if nothing is set.
 */
export function setList<Row, Filled extends keyof Row>(table: Table<Row, Filled>, changes: ChangedValues<NoInfer<Row>>): Sql {
  const written = writtenColumns(table, changes);
  if (written.length === 0) throw new TypeError("An UPDATE sets nothing.");
  return writeValues(
    "",
    written.map((one) => ({ ...one, before: `${one.name} = ` })),
  );
}

/**
 * Returns a SELECT list with all columns of the table alias `alias` under their field names, except those of `hidden`.
 * Arrays of an enumeration are cast to arrays of text, because the driver parses arrays of built-in types only.
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

/**
 * Rows that are passed to a statement as one bind value, a JSON array of objects with these fields. The text of the
 * statement does not depend on their number.
 */
export interface Recordset<Field extends string, Row> {
  /**
   * Returns `name AS (SELECT …)`, a WITH part with `rows`. Its columns have the names of the fields, in double quotes.
   */
  part(rows: readonly Row[]): Sql;
  /** Returns the column of a field. */
  column(field: Field): Sql;
}

/**
 * Returns a recordset with `fields` of `table` and the further columns `others` with their types, as the WITH part
 * `name`.
 */
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

/** Returns the columns of the fields in `values`, each with its value. */
function writtenColumns<Row, Filled extends keyof Row>({ columns }: Table<Row, Filled>, values: object): WrittenColumn[] {
  const written: WrittenColumn[] = [];
  for (const { field, name, type } of columns) {
    const value: unknown = Reflect.get(values, field);
    if (value !== undefined) written.push({ name, type, value });
  }
  return written;
}

/**
 * Returns `beginning` and the values, separated by commas, each after its `before`. A value is cast to the type of its
 * column; an expression must already have that type.
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
