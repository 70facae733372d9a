import {
  getArgumentValues,
  getNamedType,
  GraphQLError,
  type GraphQLField,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
} from "graphql";
import { attempt } from "../../errors.ts";
import { type Fragments, rootFieldsOf, type Variables } from "./limits.ts";
import type { DocumentLimits } from "../kit/document-limits.ts";

/** The size of an introspection's result. */
export interface Introspected {
  readonly values: number;
  readonly characters: number;
}

const metaFields: Readonly<Record<string, GraphQLField<unknown, unknown>>> = {
  [SchemaMetaFieldDef.name]: SchemaMetaFieldDef,
  [TypeMetaFieldDef.name]: TypeMetaFieldDef,
};

/** Whether `operation` introspects the schema. */
export function introspects(operation: OperationDefinitionNode, fragments: Fragments): boolean {
  return rootFieldsOf(operation, fragments).some(({ name }) => Object.hasOwn(metaFields, name.value));
}

/**
 * Returns the size of the introspection of `operation`. It walks the schema as the executor does, which is all of the
 * work except writing. It stops at the first limit, so that it costs no more than an allowed introspection.
 */
export function countIntrospected(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: Fragments,
  variables: Variables,
  limits: Pick<DocumentLimits, "introspectedValues" | "introspectedCharacters">,
): Introspected {
  const counted = { values: 0, characters: 0 };
  const isOver = () => counted.values > limits.introspectedValues || counted.characters > limits.introspectedCharacters;
  // Resolvers of introspection use the schema alone.
  const info = { schema } as GraphQLResolveInfo;

  function ofValue(value: unknown, type: GraphQLOutputType, selections: SelectionSetNode | undefined): void {
    counted.values += 1;
    if (value === null || value === undefined || isOver()) return;
    if (typeof value === "string") {
      counted.characters += value.length;
      return;
    }
    const named = getNamedType(type);
    if (typeof value !== "object" || !isObjectType(named) || !selections) return;
    if (isIterable(value)) {
      for (const item of value) ofValue(item, named, selections);
      return;
    }
    ofSelections(value, selections, named.getFields());
  }

  function ofSelections(
    source: unknown,
    { selections }: SelectionSetNode,
    fields: Readonly<Record<string, GraphQLField<unknown, unknown>>>,
  ): void {
    for (const selection of selections) {
      if (isOver()) return;
      if (selection.kind === Kind.FIELD) {
        const field = Object.hasOwn(fields, selection.name.value) ? fields[selection.name.value] : undefined;
        counted.characters += (selection.alias ?? selection.name).value.length;
        if (!field?.resolve) {
          counted.values += 1;
          continue;
        }
        const args = attempt(() => getArgumentValues(field, selection, variables), GraphQLError);
        // The executor reports arguments that are not valid.
        if (args instanceof GraphQLError) continue;
        ofValue(field.resolve(source, args, undefined, info), field.type, selection.selectionSet);
        continue;
      }
      const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value);
      if (fragment) ofSelections(source, fragment.selectionSet, fields);
    }
  }

  const nodes = rootFieldsOf(operation, fragments).filter(({ name }) => Object.hasOwn(metaFields, name.value));
  ofSelections(undefined, { kind: Kind.SELECTION_SET, selections: nodes }, metaFields);
  return counted;
}

/** Whether `operation` has variables. */
export function hasVariables({ variableDefinitions = [] }: OperationDefinitionNode): boolean {
  return variableDefinitions.length > 0;
}

function isIterable(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value;
}
