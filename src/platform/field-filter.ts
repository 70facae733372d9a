import { allOf, column, type Condition, empty, join, raw, sql, type Sql } from "./sql.ts";

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
  readonly gt?: Value | null | undefined;
  readonly gte?: Value | null | undefined;
  readonly lt?: Value | null | undefined;
  readonly lte?: Value | null | undefined;
  /** Null, or anything but null. */
  readonly empty?: boolean | undefined;
}

/** A field and the PostgreSQL type that its values are compared as. */
export interface TypedField {
  readonly field: string;
  readonly type: string;
}

/** Fields that rows of several kinds have. A number is compared with what is sent, which may be more than an integer holds. */
export const numberField = { field: "number", type: "bigint" } as const satisfies TypedField;
export const createdAtField = { field: "createdAt", type: "timestamptz" } as const satisfies TypedField;

type KnownValue = string | number | boolean;

/** A field that must equal one of some values, each listed once, or the one value that an expression of the statement has. */
export interface Among extends TypedField {
  readonly values: readonly KnownValue[] | readonly [Sql];
}

/** An end of the stretch that a field must lie in. */
export interface Bound {
  readonly field: string;
  readonly operator: ">" | ">=" | "<" | "<=";
  readonly value: Sql;
}

/** What rows must be: as data where an index may lead to such rows, as SQL otherwise. */
export interface Terms {
  /** Each of another field. */
  readonly among: readonly Among[];
  readonly bounds: readonly Bound[];
  readonly others: readonly Sql[];
}

/** All conditions of `terms` on the table `alias`. */
export function allTerms(alias: string, terms: readonly (Partial<Terms> | undefined)[]): Terms {
  const among = new Map<string, Among>();
  const others = terms.flatMap((asked) => asked?.others ?? []);
  for (const one of terms.flatMap((asked) => asked?.among ?? [])) {
    const known = among.get(one.field);
    if (!known) among.set(one.field, one);
    else if (areKnown(known.values) && areKnown(one.values)) {
      const allowed = new Set(one.values);
      among.set(one.field, { ...known, values: known.values.filter((value) => allowed.has(value)) });
    } else others.push(amongSql(alias, one));
  }
  return { among: [...among.values()], bounds: terms.flatMap((asked) => asked?.bounds ?? []), others };
}

/** That a field is one of `values`. */
export function oneOf({ field, type }: TypedField, values: readonly KnownValue[]): Partial<Terms> {
  return { among: [{ field, type, values: [...new Set(values)] }] };
}

/** That rows meet `condition`. */
export function meeting(condition: Condition): Partial<Terms> {
  const typeOf = (field: string, value: KnownValue) => {
    if (typeof value !== "string") return typeof value === "number" ? "integer" : "boolean";
    return /(^i|I)d$/.test(field) ? "uuid" : "text";
  };
  return {
    among: Object.entries(condition).map(([field, value]) => ({ field, type: typeOf(field, value), values: [value] })),
  };
}

/** That a field meets `filter`. What it must not be is what else it may be, where `every` value that it can have is known. */
export function meets<Value extends string | number | Date>(
  alias: string,
  compared: TypedField,
  filter: FieldFilter<Value>,
  every?: readonly Value[],
): Terms {
  const { field, type } = compared;
  const subject = column(alias, field);
  const known = (values: readonly (string | number | Date)[]) =>
    values.map((value) => (value instanceof Date ? value.toISOString() : value));
  const typed = (value: Value) => sql`${value}${raw(`::${type}`)}`;
  const within = ([start, end]: readonly [Value, Value]) => sql`(${subject} >= ${typed(start)} AND ${subject} < ${typed(end)})`;
  const bound = (operator: Bound["operator"], value: Value | null | undefined): Bound[] =>
    value === undefined || value === null ? [] : [{ field, operator, value: typed(value) }];
  const { notIn = [], within: stretches, notWithin } = filter;
  const [only, ...otherStretches] = stretches ?? [];
  const isOneStretch = only !== undefined && otherStretches.length === 0;
  return allTerms(alias, [
    filter.in && oneOf(compared, known(filter.in)),
    every && notIn.length > 0 ? oneOf(compared, known(every.filter((value) => !notIn.includes(value)))) : undefined,
    isOneStretch ? { bounds: [...bound(">=", only[0]), ...bound("<", only[1])] } : undefined,
    { bounds: [...bound(">", filter.gt), ...bound(">=", filter.gte), ...bound("<", filter.lt), ...bound("<=", filter.lte)] },
    {
      others: [
        !every && notIn.length > 0 ? sql`${subject} <> ALL(${notIn}${raw(`::${type}[]`)})` : undefined,
        stretches && !isOneStretch ? sql`(${join(stretches.map(within), " OR ")})` : undefined,
        notWithin && sql`NOT (${join(notWithin.map(within), " OR ")})`,
        filter.empty === undefined ? undefined : sql`${subject} IS ${filter.empty ? empty : raw("NOT ")}NULL`,
      ].filter((term) => term !== undefined),
    },
  ]);
}

/** `terms` as a condition on the table `alias`. */
export function termsSql(alias: string, { among, bounds, others }: Terms): Sql {
  return allOf([
    ...among.map((one) => amongSql(alias, one)),
    ...bounds.map(({ field, operator, value }) => sql`${column(alias, field)} ${raw(operator)} ${value}`),
    ...others,
  ]);
}

/** The values of `one`, to be put into a statement. */
export function valuesSql({ type, values }: Among): readonly Sql[] {
  return areKnown(values) ? values.map((value) => sql`${value}${raw(`::${type}`)}`) : values;
}

/** One value is compared with `=`: with a list, even of one, an index that goes on with the sort's key would not be read in its order. */
function amongSql(alias: string, one: Among): Sql {
  const subject = column(alias, one.field);
  const [only, ...others] = valuesSql(one);
  if (only !== undefined && others.length === 0) return sql`${subject} = ${only}`;
  return sql`${subject} = ANY(${one.values}${raw(`::${one.type}[]`)})`;
}

function areKnown(values: Among["values"]): values is readonly KnownValue[] {
  return values.every((value: KnownValue | Sql) => typeof value !== "object");
}
