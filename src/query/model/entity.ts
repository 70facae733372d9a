import type { InFilter } from "./field-filter.ts";
import type { PagedTable, PartialIndex } from "./paged-table.ts";

/** The type of a field that has no JSON of its own. */
type Revival = "instant" | "bigint";

/** The fields of `Row` that JSON cannot represent, each with its type. The compiler requires all of them. */
type Revivals<Row> = {
  readonly [Field in keyof Row as Extract<Row[Field], Date | bigint> extends never ? never : Field]-?: Extract<
    Row[Field],
    Date
  > extends never
    ? "bigint"
    : "instant";
};

/** A kind of row: its table, its fields, and how JSON becomes a `Row`. */
export interface Entity<Row> extends PagedTable {
  /** A type only: the type of the rows. */
  readonly row?: Row;
  /** The table's alias in statements. It is unique to the entity, so that a relation can name both of its ends. */
  readonly alias: string;
  readonly fields: readonly string[];
  /** The fields that are always read: the id, and those that the service needs. */
  readonly always: ReadonlySet<string>;
  /** Returns the function that converts the JSON of a field to its value, or undefined if they are the same. */
  readonly revive: (field: string) => ((value: never) => unknown) | undefined;
}

/**
 * The aliases of all entities of this process. Entities are constants of modules, and no caller sees all of them: so
 * this is the one place that can find a duplicate.
 */
const aliases = new Set<string>();

/**
 * Defines the rows of a model. The compiler requires all fields whose type JSON does not have.
 *
 * Throws a TypeError if another entity has the alias: a statement could mix up their rows.
 */
export function defineEntity<Row extends { readonly id: string }>(definition: {
  readonly alias: string;
  /** Prisma's list of the model's fields. */
  readonly fields: { readonly [Field in keyof Row & string]: Field };
  readonly revive: Revivals<Row>;
  readonly always?: readonly (keyof Row & string)[];
  /** The indexes for pages, as in schema.prisma. */
  readonly indexes?: readonly (readonly string[])[];
  readonly partialIndexes?: readonly PartialIndex[];
  readonly determined?: Readonly<Record<string, readonly (keyof Row & string)[]>>;
  readonly closed?: readonly InFilter[];
  readonly isPartitioned?: boolean;
  readonly maxIndexRanges?: number;
}): Entity<Row> {
  const { alias, fields, always = [], indexes = [], closed = [] } = definition;
  const { partialIndexes, determined, isPartitioned, maxIndexRanges } = definition;
  if (aliases.has(alias)) throw new TypeError(`The alias "${alias}" is another entity's.`);
  aliases.add(alias);
  const revivals = new Map<string, Revival>(Object.entries(definition.revive));
  return {
    alias,
    fields: Object.values(fields),
    always: new Set<string>(["id", ...always]),
    indexes,
    partialIndexes,
    determined,
    closed,
    isPartitioned,
    maxIndexRanges,
    revive: (field) => {
      const revival = revivals.get(field);
      return revival && revivers[revival];
    },
  };
}

/**
 * Returns the entity of rows that have further columns, as a relation selects them. JSON must be able to represent
 * their values. It has the alias of `entity` and none of its indexes, because such rows are of no table.
 */
export function withColumns<Row extends object, Columns extends object>(
  { indexes: _indexes, partialIndexes: _partialIndexes, ...entity }: Entity<Row>,
  columns: { readonly [Field in keyof Columns & string]: Columns[Field] extends string | number | boolean ? Field : never },
): Entity<Row & Columns> {
  const { row: _row, ...rest } = entity;
  return { ...rest, fields: [...entity.fields, ...Object.values<string>(columns)], indexes: [] };
}

const revivers: Readonly<Record<Revival, (value: never) => unknown>> = {
  instant: (value: string | null) => (value === null ? null : new Date(value)),
  bigint: (value: number | null) => (value === null ? null : BigInt(value)),
};
