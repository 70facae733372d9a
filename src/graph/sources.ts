import { type FieldNode, getArgumentValues, GraphQLError, type GraphQLField, type GraphQLResolveInfo } from "graphql";
import { attempt, DomainError } from "../errors.ts";
import type { Entity } from "../reading/entity.ts";
import type { ManyRelation, OneRelation, PageInput } from "../reading/relation.ts";
import type { CursorScope } from "../platform/cursor.ts";

/** What a field of an entity is read from. */
export type FieldSource =
  /** Where it is stored, it is the one field as the database has it. */
  | { readonly kind: "fields"; readonly fields: readonly string[]; readonly stored?: true }
  | { readonly kind: "one"; readonly relation: OneRelation; readonly orElse: readonly string[] }
  | {
      readonly kind: "many";
      readonly relation: ManyRelation<unknown, never>;
      readonly input: (args: never) => PageInput;
      readonly scope: (args: never) => CursorScope;
    };

/** A field's extensions: how selections and their planners know what it is read from. */
// A type, not an interface: GraphQL wants an index signature, which only types have implicitly.
export type SourceExtensions = {
  readonly source: FieldSource;
};

/** For a field that is worked out of those fields of a row, and needs nothing else of it. One that says nothing is given every field. */
export function from<Row>(_entity: Entity<Row>, ...fields: readonly (keyof Row & string)[]): SourceExtensions {
  return { source: { kind: "fields", fields } };
}

/** For a field that is that field of a row, in the way its type is written in JSON. */
export function stored<Row>(_entity: Entity<Row>, field: keyof Row & string): SourceExtensions {
  return { source: { kind: "fields", fields: [field], stored: true } };
}

/** For a field that is a row of a relation. `orElse` are the fields that its resolver finds that row by, where it did not come with it. */
export function fromOne<Row>(
  _entity: Entity<Row>,
  relation: OneRelation,
  ...orElse: readonly (keyof Row & string)[]
): SourceExtensions {
  return { source: { kind: "one", relation, orElse } };
}

/**
 * For a field that is a page of a relation. `input` says which, of the field's arguments, and throws a domain error where they cannot be used;
 * `scope` what its cursors are good for.
 */
export function fromMany<Input extends PageInput, Args>(
  relation: ManyRelation<unknown, Input>,
  input: (args: Args) => Input,
  scope: (args: Args) => CursorScope,
): SourceExtensions {
  return { source: { kind: "many", relation, input, scope } };
}

/** Which page `field` asks for where `node` stands; undefined where its arguments cannot be used, which its resolver finds out and says. */
export function inputOf(
  info: GraphQLResolveInfo,
  source: Extract<FieldSource, { kind: "many" }>,
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
): PageInput | undefined {
  const input = attempt<PageInput, DomainError | GraphQLError>(
    () => source.input(getArgumentValues(field, node, info.variableValues) as never), // the field's own arguments: see fromMany
    DomainError,
    GraphQLError,
  );
  return input instanceof Error ? undefined : input;
}
