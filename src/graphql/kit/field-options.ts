import type { ManyRelation, OneRelation, PageInput } from "../../query/model/relation.ts";
import type { CursorScope } from "../../query/model/cursor.ts";

/**
 * What a field of a row is read from: columns of the row, a related row, or a page of related rows. It is the extension
 * `fieldOptions` of the field, which the plugin of entity-fields.ts sets and selections are built from. A field without
 * it gets all columns.
 */
export type FieldOptions =
  /** If it is `stored`, the value of the field is the one column as the database has it. */
  | { readonly kind: "columns"; readonly columns: readonly string[]; readonly stored?: true }
  | { readonly kind: "toOne"; readonly relation: OneRelation; readonly fallbackColumns: readonly string[] }
  /** A column of a related row. */
  | {
      readonly kind: "toOneColumn";
      readonly relation: OneRelation;
      readonly fallbackColumns: readonly string[];
      readonly column: string;
    }
  | {
      readonly kind: "toMany";
      readonly relation: ManyRelation<unknown, never>;
      readonly input: (args: never) => PageInput;
      readonly scope: (args: never) => CursorScope;
    };

/** Returns the extensions of a field that is read from `fieldOptions`. */
export function extensionsFor(fieldOptions: FieldOptions): { readonly fieldOptions: FieldOptions } {
  return { fieldOptions };
}
