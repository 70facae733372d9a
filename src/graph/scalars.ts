import { GraphQLScalarType } from "graphql";
import { GraphQLDateTimeISO, GraphQLSafeInt, GraphQLURL, GraphQLUUID } from "graphql-scalars";
import { builder } from "./builder.ts";

// What is answered comes from columns of these very types, in rows by the thousand: it is not checked once more.
const dateTime = new GraphQLScalarType({
  ...GraphQLDateTimeISO.toConfig(),
  serialize: (value) => (value instanceof Date ? value.toISOString() : GraphQLDateTimeISO.serialize(value)),
});
const uuid = new GraphQLScalarType({ ...GraphQLUUID.toConfig(), serialize: String });

builder.addScalarType("DateTime", dateTime, {
  description: "An instant, RFC 3339 with an offset: `2026-03-12T11:33:00Z`. Answers are in UTC, to the millisecond.",
});
builder.addScalarType("UUID", uuid, { description: "A UUID, RFC 9562: the id that /v2 uses." });
builder.addScalarType("URL", GraphQLURL, { description: "An absolute URL." });
builder.addScalarType("SafeInt", GraphQLSafeInt, {
  description: "A whole number beyond 32 bits that JavaScript can still hold exactly: up to 9,007,199,254,740,991.",
});
