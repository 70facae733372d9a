import { type Among, type Bound, type Terms, termsSql, valuesSql } from "./field-filter.ts";
import { type GivenPosition, integer, keyset, type OrderKey, type Ordering, type Page, readingOrder } from "./keyset.ts";
import { allOf, column, join, raw, sql, type Sql } from "./sql.ts";

// How a page is read. If one index holds all conditions and then the order, the statement is written so that the planner can use
// no other index. The planner assumes that rows are spread evenly, and would read past all internal notes to find the public
// ones.

/** A table as pages know it. */
export interface PagedTable {
  readonly alias: string;
  /** The fields of its indexes, in their order. */
  readonly indexes: readonly (readonly string[])[];
  /** The fields that have few values, with all of them. */
  readonly closed: readonly Among[];
}

/** Rows of a table. */
export interface Rows {
  /** The table, its alias, and the conditions that are not {@link Rows.terms}. */
  readonly from: Sql;
  /** The field that {@link Rows.from} holds to one value, with which an index may begin. */
  readonly scope: string;
  readonly terms: Terms;
}

/** A field that is held to one value. */
interface Held {
  readonly field: string;
  readonly value: Sql;
}

/** Where rows come from, and the bounds of the first thing they are sorted by. */
interface Source {
  readonly alias: string;
  readonly from: Sql;
  readonly bounds: readonly Bound[];
  /** How many of the fields that are held are held with `=`. */
  readonly equal: number;
}

/** A stretch of an index that holds `held` and then `keys`. */
interface Stretch {
  readonly held: readonly Held[];
  /** All in one direction. */
  readonly keys: readonly OrderKey[];
  readonly after?: readonly Sql[] | undefined;
  readonly before?: readonly Sql[] | undefined;
  readonly limit: Sql;
}

/** How many stretches of an index may be read for a page. Of more than these, the planner would mostly read less. */
const mostStretches = 16;

/** `rows` in the order and of the number of a page, with all of the table's columns. */
export function pageFrom(table: PagedTable, rows: Rows, ordering: Ordering, page: Page): Sql {
  return byIndex(table, rows, ordering, page) ?? byPlanner(table, rows, ordering, page);
}

/** How many `rows` there are, as `count`. Counting ends at `most` where that is given. */
export function countUpTo({ alias }: Pick<PagedTable, "alias">, { from, terms }: Rows, most: number | undefined): Sql {
  const wanted = sql`${from} AND ${termsSql(alias, terms)}`;
  if (most === undefined) return sql`SELECT count(*) AS count FROM ${wanted}`;
  return sql`SELECT count(*) AS count FROM (SELECT 1 FROM ${wanted} LIMIT ${integer(most)}) counted`;
}

/** A statement of conditions: which index is good for them is left to the planner. */
function byPlanner({ alias }: PagedTable, { from, terms }: Rows, ordering: Ordering, page: Page): Sql {
  const { within, orderBy, limit, gather } = keyset(alias, ordering, page);
  const every = raw(`${alias}.*`);
  const wanted = sql`${from} AND ${termsSql(alias, terms)} AND ${within}`;
  if (!gather) return sql`SELECT ${every} FROM ${wanted} ORDER BY ${orderBy} ${limit}`;
  return sql`SELECT ${every} FROM (SELECT ${every} FROM ${wanted} ${gather}) ${raw(alias)} ORDER BY ${orderBy} ${limit}`;
}

/** Returns a statement that reads ranges of one index, or undefined if no index holds all conditions. */
function byIndex(table: PagedTable, given: Rows, ordering: Ordering, page: Page): Sql | undefined {
  const keys = readingOrder(ordering, page);
  const [first, second] = keys;
  const rows = boundByFirst(given, first);
  const lead = leadFor(table, rows, keys);
  if (!lead || page.offset) return undefined;

  const source: Source = { alias: table.alias, from: rows.from, bounds: rows.terms.bounds, equal: lead.equal };
  const { orderBy, limit } = keyset(table.alias, ordering, page);
  const [nearest, farthest] = page.from === "start" ? [page.after, page.before] : [page.before, page.after];
  const [after, before] = [typed(keys, nearest), typed(keys, farthest)];
  const combinations = combined(lead.held);
  const isOneWay = second === undefined || second.direction === first.direction;
  // An order in two directions is never read between two positions.
  if (!isOneWay && before) return undefined;
  const read = (held: readonly Held[]): Sql =>
    isOneWay
      ? stretch(source, { held, keys, after, before, limit })
      : stepped(source, { held, keys: [first, second], after, limit });
  const found = merged(source, combinations, read);
  if (isOneWay && combinations.length === 1) return found;
  return sql`SELECT ${raw(`${table.alias}.*`)} FROM (${found}) ${raw(table.alias)} ORDER BY ${orderBy} ${limit}`;
}

/** A first key that must be of one value lies between that and itself. */
function boundByFirst(rows: Rows, { field }: OrderKey): Rows {
  const { among, bounds, others } = rows.terms;
  const own = among.find((one) => one.field === field);
  const [value, ...more] = own ? valuesSql(own) : [];
  if (!value || more.length > 0) return rows;
  const ends = ([">=", "<="] as const).map((operator): Bound => ({ field, operator, value }));
  return { ...rows, terms: { among: among.filter((one) => one !== own), bounds: [...bounds, ...ends], others } };
}

/** The fields before the keys of an order in an index. */
interface Lead {
  readonly held: readonly Among[];
  /** How many of them are held with `=`. */
  readonly equal: number;
}

/**
 * Returns the fields before `keys` in the index that holds all conditions: the fields with a condition, and, with all of their
 * values, the fields without one. Undefined if there is no such index. Of several it takes the one with the fewest ranges to
 * read.
 */
function leadFor({ indexes, closed }: PagedTable, { scope, terms }: Rows, keys: readonly OrderKey[]): Lead | undefined {
  if (keys.length > 2 || terms.others.length > 0 || terms.bounds.some(({ field }) => field !== keys[0]?.field))
    return undefined;
  const leads = indexes.flatMap((declared): Lead[] => {
    const fields = declared.slice(declared[0] === scope ? 1 : 0);
    const ordered = fields.splice(-keys.length);
    if (!keys.every(({ field }, place) => field === ordered[place])) return [];
    const held = fields.flatMap((field) => [...terms.among, ...closed].find((one) => one.field === field) ?? []);
    const isWhole = held.length === fields.length && terms.among.every(({ field }) => fields.includes(field));
    const others = indexes.filter((other) => other !== declared);
    return isWhole ? [{ held, equal: equalAtMost(others, scope, fields, ordered) }] : [];
  });
  const countOf = ({ held }: Lead) => held.reduce((product, { values }) => product * values.length, 1);
  const [best] = leads.toSorted((one, other) => countOf(one) - countOf(other));
  return best && countOf(best) <= mostStretches ? best : undefined;
}

/**
 * How many of `held` can be held with `=`, which ends a stretch sooner: all up to the first without which `others` would have the order too, since
 * what equals a value is no part of an order.
 */
function equalAtMost(
  others: PagedTable["indexes"],
  scope: string,
  held: readonly string[],
  ordered: readonly string[],
): number {
  const isAlone = (count: number): boolean => {
    const equal = new Set([scope, ...held.slice(0, count)]);
    const order = [...held.slice(count), ...ordered];
    return others.every((other) => {
      const fields = other.filter((field) => !equal.has(field));
      return order.some((field, place) => field !== fields[place]);
    });
  };
  return Math.max(
    0,
    held.findLastIndex((_, count) => isAlone(count)),
  );
}

/** Every combination of the values of `lead`. */
function combined(lead: readonly Among[]): readonly (readonly Held[])[] {
  return lead.reduce<readonly (readonly Held[])[]>(
    (combinations, one) =>
      combinations.flatMap((held) => valuesSql(one).map((value) => [...held, { field: one.field, value }])),
    [[]],
  );
}

/** Reads each of `combinations` by itself, as columns of a list. The caller orders the result. */
function merged(
  { alias, from }: Source,
  combinations: readonly (readonly Held[])[],
  read: (held: readonly Held[]) => Sql,
): Sql {
  const every = raw(`${alias}.*`);
  const [first, ...others] = combinations;
  if (!first) return sql`SELECT ${every} FROM ${from} AND false`;
  if (others.length === 0) return read(first);
  const names = first.map((_, index) => raw(`value_${index + 1}`));
  const list = combinations.map((held) => sql`(${commas(held.map(({ value }) => value))})`);
  const named = first.map(({ field }, index) => ({ field, value: sql`one_of.${names[index]}` }));
  return sql`SELECT ${every} FROM (VALUES ${commas(list)}) one_of(${commas(names)}) CROSS JOIN LATERAL (${read(named)}) ${raw(alias)}`;
}

/**
 * A page of an order whose second key goes the other way than the index does: from one value of the first key to the next, and of each the page
 * that it has, until there are enough. Nothing beyond that is read, since PostgreSQL takes the next step when it needs its rows.
 */
function stepped(
  source: Source,
  { held, keys: [first, second], after, limit }: Omit<Stretch, "before"> & { readonly keys: readonly [OrderKey, OrderKey] },
): Sql {
  const every = raw(`${source.alias}.*`);
  const next = (value: Sql | undefined) =>
    stretch(source, { held, keys: [first], after: value && [value], limit: sql`LIMIT 1` }, column(source.alias, first.field));
  const at = (value: Sql, from: readonly Sql[] | undefined) =>
    stretch(source, { held: [...held, { field: first.field, value }], keys: [second], after: from, limit });
  const [value, ...rest] = after ?? [];
  const steps = sql`
    WITH RECURSIVE step(value) AS (
      (${next(value)}) UNION ALL SELECT (${next(sql`step.value`)}) FROM step WHERE step.value IS NOT NULL
    ) SELECT ${every} FROM step CROSS JOIN LATERAL (${at(sql`step.value`, undefined)}) ${raw(source.alias)} ${limit}`;
  if (!value) return steps;
  return sql`SELECT ${every} FROM ((${at(value, rest)}) UNION ALL (${steps})) ${raw(source.alias)} ${limit}`;
}

/**
 * Returns the page of one combination of equality columns. Their row comparison and their place in the order make the planner use
 * this index alone. Ranges and positions are part of the same comparison: by themselves they would be compared with every entry
 * from its start.
 */
function stretch(
  { alias, from, bounds, equal }: Source,
  { held, keys, after, before, limit }: Stretch,
  selected = raw(`${alias}.*`),
): Sql {
  const [first] = keys;
  const isUp = first?.direction === "ASC";
  const pinned = held.slice(equal);
  const columns = [...pinned, ...keys].map(({ field }) => column(alias, field));
  const compared = (operator: string, values: readonly Sql[]) => {
    const all = [...pinned.map(({ value }) => value), ...values];
    return sql`${rowConstructor(columns.slice(0, all.length))} ${raw(operator)} ${rowConstructor(all)}`;
  };
  const conditions = allOf([
    ...held.slice(0, equal).map(({ field, value }) => sql`${column(alias, field)} = ${value}`),
    after && compared(isUp ? ">" : "<", after),
    before && compared(isUp ? "<" : ">", before),
    ...bounds.map(({ field, operator, value }) =>
      field === first?.field ? compared(operator, [value]) : sql`${column(alias, field)} ${raw(operator)} ${value}`,
    ),
    ...(pinned.length > 0 ? [compared(">=", []), compared("<=", [])] : []),
  ]);
  const order = columns.map((one) => sql`${one} ${raw(isUp ? "ASC" : "DESC")}`);
  return sql`SELECT ${selected} FROM ${from} AND ${conditions} ORDER BY ${commas(order)} ${limit}`;
}

function rowConstructor(parts: readonly Sql[]): Sql {
  return parts.length === 1 ? sql`${parts[0]}` : sql`(${commas(parts)})`;
}

function commas(parts: readonly Sql[]): Sql {
  return join(parts, ", ");
}

function typed(keys: readonly OrderKey[], position: GivenPosition | undefined): readonly Sql[] | undefined {
  return position?.map((value, index) => sql`${value}${raw(`::${keys[index]?.type}`)}`);
}
