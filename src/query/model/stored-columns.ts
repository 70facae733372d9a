import { column, join, sql, type Sql } from "../../database/sql.ts";
import type { Entity } from "./entity.ts";

/** Columns of rows as a statement selects them, in the order of the entity, and the function that decodes them. */
export interface StoredColumns {
  readonly columns: readonly Sql[];
  /** Returns a row from the first values of the array. More values may follow. */
  readonly decode: (values: readonly never[]) => Record<string, unknown>;
}

/** Returns the columns of the fields `named`, or of all if it is undefined, and those that are always read. */
export function storedColumns(entity: Entity<unknown>, named: readonly string[] | undefined): StoredColumns {
  const fields = entity.fields.filter((field) => named === undefined || entity.always.has(field) || named.includes(field));
  const revivers = fields.map((field) => entity.revive(field));
  return {
    columns: fields.map((field) => column(entity.alias, field)),
    // A counted loop, since this runs for each value of each row.
    decode(values) {
      const row: Record<string, unknown> = {};
      for (let index = 0; index < fields.length; index += 1) {
        const revive = revivers[index];
        const value = values[index] as never; // of this field, whatever that is
        row[fields[index] as string] = revive ? revive(value) : value; // the index is within
      }
      return row;
    },
  };
}

/** Returns `values` as a JSON array. An object would repeat its names in each row. */
export function jsonArray(values: readonly Sql[]): Sql {
  return sql`json_build_array(${join(values, ", ")})`;
}
