import { Prisma } from "#generated/prisma/client.ts";

/** A part of SQL with its bind values. It is composed of such parts, never of texts that a caller has sent. */
export type Sql = Prisma.Sql;
export const { sql, join, empty, raw } = Prisma;

/**
 * A parameter whose value differs between executions of a statement, such as a key or a part of a cursor. It is always
 * followed by a cast. Statements that differ only in these values can be sent as one. A parameter with a name gets its
 * value from the sender of the statement; one without a name has its value.
 */
export interface Param {
  readonly [paramMark]: true;
  readonly name: string | undefined;
  readonly value: string | undefined;
}

const paramMark = Symbol("param");

export function param(name: string): Param {
  return { [paramMark]: true, name, value: undefined };
}

/** Returns a parameter with a value. */
export function boundParam(value: string | number): Param {
  return { [paramMark]: true, name: undefined, value: String(value) };
}

export function isParam(value: unknown): value is Param {
  return typeof value === "object" && value !== null && paramMark in value;
}

/**
 * The values that the fields of rows must have, by field name. Policies return such conditions, which have three uses:
 * they are a Prisma `where`, {@link whereSql} writes them into a statement, and {@link matches} tests a row in memory.
 */
export type Condition = Readonly<Record<string, string | number | boolean>>;

/** A condition on rows of one account. */
export type AccountCondition = Condition & { readonly accountId: string };

/**
 * Returns `condition` as SQL over the table alias `alias`. Field names come from this code base, so they are safe as
 * text.
 */
export function whereSql(alias: string, condition: Condition): Sql {
  const terms = Object.entries(condition).map(([field, value]) => sql`${column(alias, field)} = ${value}${castFor(field)}`);
  return join(terms, " AND ");
}

/**
 * As {@link whereSql}, for a row that is looked up by its id: only the account is written so that an index serves it.
 * PostgreSQL could else look for the id in an index of the other columns, and pass by all entries of theirs.
 */
export function whereOfOne(alias: string, { accountId, ...others }: AccountCondition): Sql {
  const hidden = Object.keys(others).length === 0 ? undefined : sql`coalesce(${whereSql(alias, others)}, false)`;
  return allOf([whereSql(alias, { accountId }), hidden]);
}

/** Returns whether `row` meets `condition`. */
export function matches(condition: Condition, row: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(condition).every(([field, value]) => row[field] === value);
}

/** Returns `alias.column_name` for a field of the Prisma schema. */
export function column(alias: string, field: string): Sql {
  return raw(`${alias}.${columnName(field)}`);
}

/** Returns the column of a field of the Prisma schema. Columns are the snake_case of their fields. */
export function columnName(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * Returns a number as SQL text. As a parameter it would hide from the planner how few rows are needed, and PostgreSQL
 * would plan the statement each time instead of using a generic plan. Throws a TypeError if it is no integer.
 */
export function integer(number: number): Sql {
  if (!Number.isSafeInteger(number)) throw new TypeError(`${number} is not a number of rows.`);
  return raw(String(number));
}

/** Joins terms by AND; true if there are none. */
export function allOf(terms: readonly (Sql | undefined)[]): Sql {
  const given = terms.filter((term) => term !== undefined);
  return given.length === 0 ? sql`true` : join(given, " AND ");
}

function castFor(field: string): Sql {
  return /(^i|I)d$/.test(field) ? raw("::uuid") : empty;
}
