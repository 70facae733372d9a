import { GraphQLError, type GraphQLSchema, isEnumType } from "graphql";
import { documentLimits } from "./document-limits.ts";

type ParseValue = (value: unknown, hideSuggestions?: boolean | null) => unknown;

/**
 * Lets the enums of `schema` refuse a long text in a variable. Without this they would compare it with the names of all
 * their values, so that they can suggest one, which takes 100 ms for a megabyte. Returns `schema`.
 */
export function refuseLongEnumValues(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isEnumType(type)) continue;
    const parseValue: ParseValue = type.parseValue.bind(type);
    type.parseValue = (value, hideSuggestions): unknown => {
      if (typeof value !== "string" || value.length <= documentLimits.nameCharacters) return parseValue(value, hideSuggestions);
      throw new GraphQLError(
        `The value has ${value.length} characters; no value of the enum "${type.name}" has more than ${documentLimits.nameCharacters}.`,
      );
    };
  }
  return schema;
}
