import { maximumFilterValues } from "../../../limits/cost.ts";
import type { FieldFilter } from "../../../query/model/field-filter.ts";
import { unstorable } from "../../../lib/text.ts";
import { BadRequest, invalidParameter } from "./errors.ts";
import type { Query } from "./query.ts";
import { readMoment } from "./time.ts";

/** A field that can be filtered on. */
export interface Filterable<Value> {
  /** The names of the field in parameters. */
  readonly names: readonly [string, ...string[]];
  /** The operators that the field supports. */
  readonly operators: readonly Operator[];
  /** Returns whether a text is a value of this field. */
  readonly accepts: (text: string) => boolean;
  /** Returns the filter of an operator with values that the field accepts. */
  readonly compare: (operator: Operator, texts: readonly string[]) => FieldFilter<Value>;
}

/** The operators, as the contract writes them. `=` and `=!` take lists. */
type Operator = "=" | "=!" | "=>" | "=>=" | "=<" | "=<=";

const equality: readonly Operator[] = ["=", "=!"];
const order: readonly Operator[] = [...equality, "=>", "=>=", "=<", "=<="];

/** The filters of each field, by the name of the field in the services. */
export type FieldFilters<Fields> = {
  readonly [Name in keyof Fields]?: Fields[Name] extends Filterable<infer Value> ? readonly FieldFilter<Value>[] : never;
};

/** A bound beyond every integer id. Larger numbers compare with all ids as this one does. */
const beyondIds = 2 ** 31;

export function integerField(...names: Filterable<number>["names"]): Filterable<number> {
  return {
    names,
    operators: order,
    accepts: (text) => /^-?\d{1,40}$/.test(text),
    compare: (operator, texts) =>
      exactly(
        operator,
        texts.map((text) => Math.min(Math.max(Number(text), -beyondIds), beyondIds)),
      ),
  };
}

/** Returns a field whose values have names on /v1. `codes` has the stored values that are shown under each name. */
export function codeField<Code extends string>(
  codes: Readonly<Record<string, readonly Code[]>>,
  ...names: Filterable<Code>["names"]
): Filterable<Code> {
  const stored = new Map(Object.entries(codes));
  return {
    names,
    operators: equality,
    accepts: (text) => stored.has(text),
    compare: (operator, texts) =>
      exactly(
        operator,
        texts.flatMap((text) => stored.get(text) ?? []),
      ),
  };
}

/** Returns a field of text, which is compared as a whole. */
export function textField(...names: Filterable<string>["names"]): Filterable<string> {
  return { names, operators: equality, accepts: (text) => unstorable(text) === undefined, compare: exactly };
}

export function timeField(...names: Filterable<Date>["names"]): Filterable<Date> {
  return {
    names,
    operators: order,
    accepts: (text) => readMoment(text) !== undefined,
    compare: (operator, texts) => {
      const moments = texts.flatMap((text) => readMoment(text) ?? []);
      const [moment] = moments;
      const spans = moments.map(({ start, end }) => [start, end] as const);
      const filters: Record<Operator, FieldFilter<Date>> = {
        "=": { within: spans },
        "=!": { notWithin: spans },
        "=>": { gte: moment?.end },
        "=>=": { gte: moment?.start },
        "=<": { lt: moment?.start },
        "=<=": { lt: moment?.end },
      };
      return filters[operator];
    },
  };
}

function exactly<Value>(operator: Operator, values: readonly Value[]): FieldFilter<Value> {
  const [value] = values;
  const filters: Record<Operator, FieldFilter<Value>> = {
    "=": { in: values },
    "=!": { notIn: values },
    "=>": { gt: value },
    "=>=": { gte: value },
    "=<": { lt: value },
    "=<=": { lte: value },
  };
  return filters[operator];
}

/**
 * Returns the filters of a query. Every parameter that is not in `reserved` is a filter, and all of them must hold.
 * Throws {@link BadRequest} if a filter is not valid.
 */
export function readFilters<Fields extends Readonly<Record<string, unknown>>>(
  query: Query,
  fields: Fields,
  reserved: ReadonlySet<string>,
): FieldFilters<Fields> {
  const found: Record<string, FieldFilter<unknown>[]> = {};
  const unknown = new Set<string>();
  let listed = 0;
  for (const { name: key, value } of query.parameters.filter((parameter) => !reserved.has(parameter.name))) {
    // In `id!=1`, `id>=1` and `id<=1` a part of the operator is before the first equals sign.
    const { name = "", sign = "" } = /^(?<name>.*?)(?<sign>[!<>]?)$/s.exec(key)?.groups ?? {};
    const known = Object.entries(fields).find(([, field]) => isFilterable(field) && field.names.includes(name));
    if (!known) {
      unknown.add(name === "" ? key : name);
      continue;
    }
    // isFilterable has checked the field above.
    const [target, field] = known as [string, Filterable<unknown>];
    const expression = sign === "" || sign === "!" ? `${sign}${value}` : `${sign}=${value}`;
    listed += expression.split(",").length;
    // Each value is compared with every row that is read.
    if (listed > maximumFilterValues) throw new BadRequest(`Filters cannot have more than ${maximumFilterValues} values`);
    (found[target] ??= []).push(...readExpression(name, expression, field));
  }
  if (unknown.size > 0) throw new BadRequest(`Filtering not allowed on fields: ${[...unknown].join(", ")}`);
  // Each target has filters that its own field has made, which the compiler cannot infer from the names.
  return found as unknown as FieldFilters<Fields>;
}

function isFilterable(field: unknown): field is Filterable<unknown> {
  return typeof field === "object" && field !== null && "names" in field;
}

/**
 * Returns the filters of the text after a parameter's equals sign: nothing, `!`, values, `!` and values, or one or two
 * bounds.
 */
function readExpression<Value>(name: string, expression: string, field: Filterable<Value>): FieldFilter<Value>[] {
  if (expression === "") return [{ empty: true }];
  if (expression === "!") return [{ empty: false }];
  const bounds = /^(?<lower>>=?)(?<from>[^<>]*)(?:(?<upper><=?)(?<to>[^<>]*))?$|^(?<only><=?)(?<value>[^<>]*)$/s.exec(
    expression,
  )?.groups;
  if (bounds) {
    const { lower, from = "", upper, to = "", only, value = "" } = bounds;
    return [
      ...(lower === undefined ? [] : [readComparison(name, field, lower === ">" ? "=>" : "=>=", [from])]),
      ...(upper === undefined ? [] : [readComparison(name, field, upper === "<" ? "=<" : "=<=", [to])]),
      ...(only === undefined ? [] : [readComparison(name, field, only === "<" ? "=<" : "=<=", [value])]),
    ];
  }
  const negated = expression.startsWith("!");
  const values = (negated ? expression.slice(1) : expression).split(",").map((text) => text.trim());
  return [readComparison(name, field, negated ? "=!" : "=", values)];
}

function readComparison<Value>(
  name: string,
  field: Filterable<Value>,
  operator: Operator,
  texts: readonly string[],
): FieldFilter<Value> {
  if (!field.operators.includes(operator)) throw new BadRequest(`Field '${name}' does not support the '${operator}' operator`);
  const invalid = texts.find((text) => !field.accepts(text));
  if (invalid !== undefined) throw invalidParameter(name, invalid);
  return field.compare(operator, texts);
}
