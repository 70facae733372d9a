import { Prisma } from "#generated/prisma/client.ts";
import { column, columnName, join, raw, sql, type Sql } from "./sql.ts";

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

/**
 * A table as hand-written statements know it: every field of its `Row`, which is Prisma's, with the type of its column. `Filled` are the fields that
 * the database fills itself, by a sequence or a trigger.
 */
export interface Table<Row, Filled extends keyof Row = never> {
  readonly name: string;
  readonly types: { readonly [Field in keyof Row & string]-?: ColumnType<NonNullable<Row[Field]>> };
  /** Nothing but a type: which fields no INSERT may give. */
  readonly filled?: Filled;
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
  const [names, expressions] = [written.map(({ name }) => name), written.map(({ value }) => value)];
  return sql`INSERT INTO ${raw(table.name)} (${join(names, ", ")}) SELECT ${join(expressions, ", ")}`;
}

/** `column = value, …` for the SET of an UPDATE, each value cast to the type of its column. */
export function setList<Row, Filled extends keyof Row>(table: Table<Row, Filled>, changes: ChangedValues<NoInfer<Row>>): Sql {
  const written = writtenColumns(table, changes);
  return join(
    written.map(({ name, value }) => sql`${name} = ${value}`),
    ", ",
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
  const shown = columnsOf(table).filter(({ field }) => !isHidden.has(field));
  return join(
    shown.map(
      ({ field, type }) => sql`${column(alias, field)}${raw(enumArray.test(type) ? "::text[]" : "")} AS ${quoted(field)}`,
    ),
    ", ",
  );
}

/** Rows that a statement is given as one value, an array of JSON objects with `fields` of `table`: the statement is the same for any number. */
export interface Recordset<Field> {
  /** `name AS (SELECT …)`, a WITH part. Its columns are called as the fields, in double quotes. */
  readonly part: Sql;
  /** The column of a field. */
  column(field: Field): Sql;
}

/** `rows` as the WITH part `name`, with `others` as further columns of these types. */
export function recordset<Row, Filled extends keyof Row, Field extends keyof Row & string, Other extends string = never>(
  table: Table<Row, Filled>,
  name: string,
  fields: readonly Field[],
  rows: readonly (Pick<Row, Field> & Readonly<Record<NoInfer<Other>, unknown>>)[],
  others: Readonly<Record<Other, string>>,
): Recordset<Field | Other> {
  const isGiven = new Set<string>(fields);
  const types = [
    ...columnsOf(table).filter(({ field }) => isGiven.has(field)),
    ...Object.entries<string>(others).map(([field, type]) => ({ field, type })),
  ];
  const definitions = types.map(({ field, type }) => sql`${quoted(field)} ${raw(type)}`);
  return {
    part: sql`${raw(name)} AS (
      SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::json) AS ${raw(name)} (${join(definitions, ", ")})
    )`,
    column: (field) => sql`${raw(name)}.${quoted(field)}`,
  };
}

const enumArray = /^".*"\[\]$/;

/** The fields of a table with the types of their columns, in the order of the columns. */
function columnsOf<Row, Filled extends keyof Row>({ types }: Table<Row, Filled>): { field: string; type: string }[] {
  return Object.entries<string>(types).map(([field, type]) => ({ field, type }));
}

/**
 * The columns of what is given, each with its value. An expression has its own type, which must be the column's; a value has none until it is cast.
 */
function writtenColumns<Row, Filled extends keyof Row>(table: Table<Row, Filled>, values: object): { name: Sql; value: Sql }[] {
  const given = new Map<string, unknown>(Object.entries(values));
  return columnsOf(table).flatMap(({ field, type }) => {
    const value = given.get(field);
    if (value === undefined) return [];
    return [{ name: columnName(field), value: value instanceof Prisma.Sql ? value : sql`${value}${raw(`::${type}`)}` }];
  });
}

function quoted(name: string): Sql {
  return raw(`"${name}"`);
}
