import { type ASTNode, GraphQLError, GraphQLScalarType } from "graphql";
import { GraphQLDateTimeISO, GraphQLSafeInt, GraphQLURL, GraphQLUUID } from "graphql-scalars";
import { attempt } from "../../errors.ts";
import { builder } from "./builder.ts";

// Values come from columns of these types, in thousands of rows, and are not checked again.
const { parseValue, parseLiteral, ...dateTimeConfig } = GraphQLDateTimeISO.toConfig();
const dateTimeRule = "A DateTime must be a date and a time with an offset, such as 2026-03-12T11:33:00Z.";

/** Returns what `parse` returns. Throws an error that says what the value must be if `parse` throws one. */
function readDateTime<Value>(parse: () => Value, node?: ASTNode): Value {
  const read = attempt(parse, Error);
  if (read instanceof Error) throw new GraphQLError(dateTimeRule, { nodes: node ?? null });
  return read;
}

const dateTime = new GraphQLScalarType({
  ...dateTimeConfig,
  parseValue: (value) => readDateTime(() => parseValue(value)),
  parseLiteral: (node, variables) => readDateTime(() => parseLiteral(node, variables), node),
  specifiedByURL: "https://scalars.graphql.org/andimarek/date-time.html",
  serialize: (value) => (value instanceof Date ? value.toISOString() : GraphQLDateTimeISO.serialize(value)),
});
const uuidScalar = new GraphQLScalarType({
  ...GraphQLUUID.toConfig(),
  specifiedByURL: "https://www.rfc-editor.org/rfc/rfc9562",
  serialize: String,
});
const urlScalar = new GraphQLScalarType({
  ...GraphQLURL.toConfig(),
  specifiedByURL: "https://www.rfc-editor.org/rfc/rfc3986",
});

builder.addScalarType("DateTime", dateTime, {
  description:
    "A date and time as in RFC 3339, with an offset: `2026-03-12T11:33:00Z`. Responses have UTC and milliseconds: " +
    "`2026-03-12T11:33:00.000Z`.",
});
builder.addScalarType("UUID", uuidScalar, {
  description: "A UUID as in RFC 9562: `019ea5c6-0b92-780d-81d5-3774e154484e`. /v2 uses the same UUIDs.",
});
builder.addScalarType("URL", urlScalar, { description: "An absolute URL as in RFC 3986." });
builder.addScalarType("SafeInt", GraphQLSafeInt, {
  description:
    "A whole number of up to 53 bits, which a JSON number can hold exactly: at most 9,007,199,254,740,991. `Int` has 32 bits " +
    "only.",
});
