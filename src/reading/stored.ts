import { column, join, sql, type Sql } from "../platform/sql.ts";
import type { Entity } from "./entity.ts";

/** Fields of rows as a statement writes them, in the order of their entity, and what is made of that. */
export interface StoredFields {
  readonly columns: readonly Sql[];
  /** A row of the values, which may be followed by others. */
  readonly decode: (values: readonly never[]) => Record<string, unknown>;
}

/** The fields for which `isWanted`, and those that always come. */
export function storedFields(entity: Entity<unknown>, isWanted: (field: string) => boolean): StoredFields {
  const fields = entity.fields.filter((field) => entity.always.has(field) || isWanted(field));
  const revivers = fields.map((field) => entity.revive(field));
  return {
    columns: fields.map((field) => column(entity.alias, field)),
    // A counted loop: there are as many turns as there are values in all rows.
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

/** `values` as an array of JSON: the names of an object would be built, sent and parsed for every row. */
export function jsonArray(values: readonly Sql[]): Sql {
  return sql`json_build_array(${join(values, ", ")})`;
}
