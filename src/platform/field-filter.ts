import { allOf, column, empty, join, raw, sql, type Sql } from "./sql.ts";

/** What a field must be. Everything that is given must hold. */
export interface FieldFilter<Value> {
  /** One of these. */
  readonly in?: readonly Value[] | undefined;
  /** None of these. */
  readonly notIn?: readonly Value[] | undefined;
  /** In one of these stretches, each with its start and without its end. */
  readonly within?: readonly (readonly [start: Value, end: Value])[] | undefined;
  /** In none of these. */
  readonly notWithin?: readonly (readonly [start: Value, end: Value])[] | undefined;
  readonly gt?: Value | undefined;
  readonly gte?: Value | undefined;
  readonly lt?: Value | undefined;
  readonly lte?: Value | undefined;
  /** Null, or anything but null. */
  readonly empty?: boolean | undefined;
}

/**
 * `filter` as a condition on the column of `field`, whose values are compared as the PostgreSQL type `type`.
 *
 * One value is compared with `=`: with a list, even of one, an index that goes on with the sort's key would not be read in its order.
 */
export function meets<Value extends string | number | Date>(
  alias: string,
  field: string,
  type: string,
  filter: FieldFilter<Value>,
): Sql {
  const subject = column(alias, field);
  const cast = raw(`::${type}`);
  const compared = (operator: string, value: Value | undefined) =>
    value === undefined ? undefined : sql`${subject} ${raw(operator)} ${value}${cast}`;
  const listed = (values: readonly Value[]) => sql`${values}${raw(`::${type}[]`)}`;
  const between = (stretches: readonly (readonly [Value, Value])[]) =>
    sql`(${join(
      stretches.map(([start, end]) => sql`(${subject} >= ${start}${cast} AND ${subject} < ${end}${cast})`),
      " OR ",
    )})`;
  const [only, ...others] = filter.in ?? [];
  return allOf([
    filter.in &&
      (only !== undefined && others.length === 0 ? compared("=", only) : sql`${subject} = ANY(${listed(filter.in)})`),
    filter.notIn && sql`${subject} <> ALL(${listed(filter.notIn)})`,
    filter.within && between(filter.within),
    filter.notWithin && sql`NOT ${between(filter.notWithin)}`,
    compared(">", filter.gt),
    compared(">=", filter.gte),
    compared("<", filter.lt),
    compared("<=", filter.lte),
    filter.empty === undefined ? undefined : sql`${subject} IS ${filter.empty ? empty : raw("NOT ")}NULL`,
  ]);
}
