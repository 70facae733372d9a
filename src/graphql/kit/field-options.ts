import { type FieldNode, getArgumentValues, GraphQLError, type GraphQLField, type GraphQLResolveInfo } from "graphql";
import { attempt, DomainError } from "../../errors.ts";
import type { Entity } from "../../query/model/entity.ts";
import type { ManyRelation, OneRelation, PageInput } from "../../query/model/relation.ts";
import type { CursorScope } from "../../query/model/cursor.ts";

/** What a field of an entity is read from: columns of its row, a related row, or a page of related rows. */
export type FieldOptions =
  /** If it is `stored`, the value of the field is the one column as the database has it. */
  | { readonly kind: "columns"; readonly columns: readonly string[]; readonly stored?: true }
  | { readonly kind: "toOne"; readonly relation: OneRelation; readonly fallbackColumns: readonly string[] }
  | {
      readonly kind: "toMany";
      readonly relation: ManyRelation<unknown, never>;
      readonly input: (args: never) => PageInput;
      readonly scope: (args: never) => CursorScope;
    };

/** The extensions of a field: selections are built from them. */
// A type, not an interface: GraphQL wants an index signature, which only types have implicitly.
export type FieldOptionsExtensions = {
  readonly fieldOptions: FieldOptions;
};

/** For a field that is computed from the columns `names` and nothing else. A field without options gets all columns. */
export function columns<Row>(_entity: Entity<Row>, ...names: readonly (keyof Row & string)[]): FieldOptionsExtensions {
  return { fieldOptions: { kind: "columns", columns: names } };
}

/** For a field whose value is a column, written in JSON as its type is. */
export function storedColumn<Row>(_entity: Entity<Row>, field: keyof Row & string): FieldOptionsExtensions {
  return { fieldOptions: { kind: "columns", columns: [field], stored: true } };
}

/** For a field that is a related row. If the row is not preloaded, the resolver reads it by the `fallbackColumns`. */
export function toOne<Row>(
  _entity: Entity<Row>,
  relation: OneRelation,
  ...fallbackColumns: readonly (keyof Row & string)[]
): FieldOptionsExtensions {
  return { fieldOptions: { kind: "toOne", relation, fallbackColumns } };
}

/**
 * For a field that is a page of related rows. `input` reads the page from the field's arguments and throws a domain error if
 * they are not valid; `scope` returns the scope of its cursors.
 */
export function toMany<Input extends PageInput, Args>(
  relation: ManyRelation<unknown, Input>,
  input: (args: Args) => Input,
  scope: (args: Args) => CursorScope,
): FieldOptionsExtensions {
  return { fieldOptions: { kind: "toMany", relation, input, scope } };
}

/**
 * Returns the input of the page that `node` selects. Undefined if its arguments are not valid: its resolver reads them again
 * and throws.
 */
export function inputOf(
  info: GraphQLResolveInfo,
  options: Extract<FieldOptions, { kind: "toMany" }>,
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
): PageInput | undefined {
  const input = attempt<PageInput, DomainError | GraphQLError>(
    () => options.input(getArgumentValues(field, node, info.variableValues) as never), // the field's own arguments: see toMany
    DomainError,
    GraphQLError,
  );
  return input instanceof Error ? undefined : input;
}
