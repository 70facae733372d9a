import { allOf, column, type Condition, empty, join, raw, sql, type Sql } from "../../database/sql.ts";

/** Conditions on a field. All that are given must hold. */
export interface FieldFilter<Value> {
  /** One of these. */
  readonly in?: readonly Value[] | undefined;
  /** None of these. */
  readonly notIn?: readonly Value[] | undefined;
  /** In one of these ranges, each with its start and without its end. */
  readonly within?: readonly (readonly [start: Value, end: Value])[] | undefined;
  /** In none of these. */
  readonly notWithin?: readonly (readonly [start: Value, end: Value])[] | undefined;
  readonly gt?: Value | null | undefined;
  readonly gte?: Value | null | undefined;
  readonly lt?: Value | null | undefined;
  readonly lte?: Value | null | undefined;
  /** True: null. False: not null. */
  readonly empty?: boolean | undefined;
}

/** The bounds of a range of time. A bound that is null or absent does not limit it. */
export type InstantRange = Pick<FieldFilter<Date>, "gt" | "gte" | "lt" | "lte">;

/** A field and the PostgreSQL type that its values are compared as. */
export interface TypedField {
  readonly field: string;
  readonly type: string;
}

/**
 * Fields of several kinds of rows. A number in a request may be larger than an integer, so numbers are compared as
 * bigint.
 */
export const numberField = { field: "number", type: "bigint" } as const satisfies TypedField;
export const createdAtField = { field: "createdAt", type: "timestamptz" } as const satisfies TypedField;
export const updatedAtField = { field: "updatedAt", type: "timestamptz" } as const satisfies TypedField;

type KnownValue = string | number | boolean;

/** A field must equal one of `values`, each listed once, or the value of one of the SQL expressions. */
export interface InFilter extends TypedField {
  readonly values: readonly KnownValue[] | readonly Sql[];
}

/** One end of the range of a field. */
export interface RangeFilter {
  readonly field: string;
  readonly operator: ">" | ">=" | "<" | "<=";
  readonly value: Sql;
}

/** A condition on rows: data for the parts that an index can serve, SQL for the others. */
export interface Predicate {
  /** At most one for each field. */
  readonly inFilters: readonly InFilter[];
  readonly rangeFilters: readonly RangeFilter[];
  readonly others: readonly Sql[];
}

/** Returns the conjunction of `predicates` on the table `alias`. */
export function combinePredicates(alias: string, predicates: readonly (Partial<Predicate> | undefined)[]): Predicate {
  const inFilters = new Map<string, InFilter>();
  const others = predicates.flatMap((asked) => asked?.others ?? []);
  for (const one of predicates.flatMap((asked) => asked?.inFilters ?? [])) {
    const known = inFilters.get(one.field);
    if (!known) inFilters.set(one.field, one);
    else if (areKnown(known.values) && areKnown(one.values)) {
      const allowed = new Set(one.values);
      inFilters.set(one.field, { ...known, values: known.values.filter((value) => allowed.has(value)) });
    } else others.push(inFilterSql(alias, one));
  }
  return { inFilters: [...inFilters.values()], rangeFilters: predicates.flatMap((asked) => asked?.rangeFilters ?? []), others };
}

/** Returns the predicate that a field is one of `values`. */
export function inPredicate({ field, type }: TypedField, values: readonly KnownValue[]): Partial<Predicate> {
  return { inFilters: [{ field, type, values: [...new Set(values)] }] };
}

/** Returns the predicate that rows meet `condition`. */
export function conditionPredicate(condition: Condition): Partial<Predicate> {
  const typeOf = (field: string, value: KnownValue) => {
    if (typeof value !== "string") return typeof value === "number" ? "integer" : "boolean";
    return /(^i|I)d$/.test(field) ? "uuid" : "text";
  };
  return {
    inFilters: Object.entries(condition).map(([field, value]) => ({ field, type: typeOf(field, value), values: [value] })),
  };
}

/**
 * Returns the predicate that a field meets `filter`. If `every` value of the field is known, `notIn` becomes an
 * InFilter of the others.
 */
export function fieldPredicate<Value extends string | number | Date>(
  alias: string,
  compared: TypedField,
  filter: FieldFilter<Value>,
  every?: readonly Value[],
): Predicate {
  const { field, type } = compared;
  const subject = column(alias, field);
  const known = (values: readonly (string | number | Date)[]) =>
    values.map((value) => (value instanceof Date ? value.toISOString() : value));
  const typed = (value: Value) => sql`${value}${raw(`::${type}`)}`;
  const within = ([start, end]: readonly [Value, Value]) => sql`(${subject} >= ${typed(start)} AND ${subject} < ${typed(end)})`;
  const rangeFilter = (operator: RangeFilter["operator"], value: Value | null | undefined): RangeFilter[] =>
    value === undefined || value === null ? [] : [{ field, operator, value: typed(value) }];
  const { notIn = [], within: ranges, notWithin } = filter;
  const [only, ...otherRanges] = ranges ?? [];
  const isOneRange = only !== undefined && otherRanges.length === 0;
  return combinePredicates(alias, [
    filter.in && inPredicate(compared, known(filter.in)),
    every && notIn.length > 0 ? inPredicate(compared, known(every.filter((value) => !notIn.includes(value)))) : undefined,
    isOneRange ? { rangeFilters: [...rangeFilter(">=", only[0]), ...rangeFilter("<", only[1])] } : undefined,
    {
      rangeFilters: [
        ...rangeFilter(">", filter.gt),
        ...rangeFilter(">=", filter.gte),
        ...rangeFilter("<", filter.lt),
        ...rangeFilter("<=", filter.lte),
      ],
    },
    {
      others: [
        !every && notIn.length > 0 ? sql`${subject} <> ALL(${notIn}${raw(`::${type}[]`)})` : undefined,
        ranges && !isOneRange ? sql`(${join(ranges.map(within), " OR ")})` : undefined,
        notWithin && sql`NOT (${join(notWithin.map(within), " OR ")})`,
        filter.empty === undefined ? undefined : sql`${subject} IS ${filter.empty ? empty : raw("NOT ")}NULL`,
      ].filter((term) => term !== undefined),
    },
  ]);
}

/** Returns `predicate` as SQL on the table `alias`. */
export function predicateSql(alias: string, { inFilters, rangeFilters, others }: Predicate): Sql {
  return allOf([
    ...inFilters.map((one) => inFilterSql(alias, one)),
    ...rangeFilters.map(({ field, operator, value }) => sql`${column(alias, field)} ${raw(operator)} ${value}`),
    ...others,
  ]);
}

/**
 * Returns the values of `filter` as SQL. Booleans are part of the text: a partial index is used only if the planner
 * sees that its condition is met.
 */
export function valuesSql({ type, values }: InFilter): readonly Sql[] {
  if (!areKnown(values)) return values;
  return values.map((value) => (typeof value === "boolean" ? raw(String(value)) : sql`${value}${raw(`::${type}`)}`));
}

/** Returns whether `filter` has `value` as its only value. */
export function isKnownToBe({ values }: InFilter, value: KnownValue): boolean {
  return areKnown(values) && values.length === 1 && values[0] === value;
}

/**
 * Returns `one` as SQL on the table `alias`. One value is compared with `=`. After `= ANY(list)`, even with one value,
 * PostgreSQL does not read an index in the order of its next column.
 */
export function inFilterSql(alias: string, one: InFilter): Sql {
  const subject = column(alias, one.field);
  const [only, ...others] = valuesSql(one);
  if (only !== undefined && others.length === 0) return sql`${subject} = ${only}`;
  if (only !== undefined && !areKnown(one.values)) return sql`${subject} IN (${join(one.values, ", ")})`;
  return sql`${subject} = ANY(${one.values}${raw(`::${one.type}[]`)})`;
}

function areKnown(values: InFilter["values"]): values is readonly KnownValue[] {
  return values.every((value: KnownValue | Sql) => typeof value !== "object");
}
