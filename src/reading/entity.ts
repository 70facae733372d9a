import type { InFilter } from "../platform/field-filter.ts";
import type { PagedTable } from "../platform/pages.ts";

/** What a field's value is in JSON, and what it is in a row: times and big numbers have no JSON of their own. */
type Revival = "instant" | "bigint";

/** The fields of `Row` that JSON cannot say, each with what it is. None can be left out, nor given as another. */
type Revivals<Row> = {
  readonly [Field in keyof Row as Extract<Row[Field], Date | bigint> extends never ? never : Field]-?: Extract<
    Row[Field],
    Date
  > extends never
    ? "bigint"
    : "instant";
};

/** A kind of row as reads know it: how what the database tells of it becomes a `Row`, and what its pages can be read by. */
export interface Entity<Row> extends PagedTable {
  /** Nothing but a type: what the rows are. */
  readonly row?: Row;
  /** What statements call its rows: another for each entity, so that a relation can speak of both of its ends. */
  readonly alias: string;
  readonly fields: readonly string[];
  /** Those of the fields that come whatever is selected: the id, and what its service looks at. */
  readonly always: ReadonlySet<string>;
  /** Makes a field's value of what it is in JSON; undefined where that is the same. */
  readonly revive: (field: string) => ((value: never) => unknown) | undefined;
}

/**
 * The aliases of all entities of the process: names, not rows. Entities are declared as modules load, and a read is handed relations of some of them
 * only, so that here is the one place where each of them passes.
 */
const aliases = new Set<string>();

/**
 * Describes the rows of a model. Fields of a type that JSON does not have must be named, and cannot be forgotten.
 *
 * @throws {TypeError} where the alias is another entity's: a statement would take the rows of the one for those of the other.
 */
export function defineEntity<Row extends { readonly id: string }>(definition: {
  readonly alias: string;
  /** Prisma's list of the model's fields. */
  readonly fields: { readonly [Field in keyof Row & string]: Field };
  readonly revive: Revivals<Row>;
  readonly always?: readonly (keyof Row & string)[];
  /** The indexes that pages are read by, as schema.prisma has them. */
  readonly indexes?: readonly (readonly (keyof Row & string)[])[];
  readonly closed?: readonly InFilter[];
}): Entity<Row> {
  const { alias, fields, always = [], indexes = [], closed = [] } = definition;
  if (aliases.has(alias)) throw new TypeError(`The alias "${alias}" is another entity's.`);
  aliases.add(alias);
  const revivals = new Map<string, Revival>(Object.entries(definition.revive));
  return {
    alias,
    fields: Object.values(fields),
    always: new Set<string>(["id", ...always]),
    indexes,
    closed,
    revive: (field) => {
      const revival = revivals.get(field);
      return revival && revivers[revival];
    },
  };
}

const revivers: Readonly<Record<Revival, (value: never) => unknown>> = {
  instant: (value: string | null) => (value === null ? null : new Date(value)),
  bigint: (value: number | null) => (value === null ? null : BigInt(value)),
};
