import type { GraphQLSchema } from "graphql";
import "./graphql/kit/rate-limit.ts";
import "./people/graphql.ts";
import "./access/graphql.ts";
import "./access/graphql-people.ts";
import "./tickets/graphql.ts";
import "./notes/graphql.ts";
import "./notes/graphql-search.ts";
import "./history/graphql.ts";
import "./attachments/graphql.ts";
import "./mail/graphql.ts";
import "./redaction/graphql.ts";
import { builder } from "./graphql/kit/builder.ts";
import { refuseLongEnumValues } from "./graphql/kit/enum-values.ts";

builder.queryType({
  description:
    "Everything that can be read. The viewer is the person for whom the credential of the request acts. A field that fails is " +
    "reported in `errors`, with its ErrorCode in `extensions.code`.",
});
builder.mutationType({
  description:
    "Everything that can be changed. Each mutation returns its payload or an object that implements Error. A credential that " +
    "is missing, and a limit that is exceeded, are reported in `errors`, with the ErrorCode in `extensions.code`.",
});

/**
 * Returns a new schema of all features, for plugins that change it. The imports above run the graph files of the
 * features.
 */
export function buildSchema(): GraphQLSchema {
  return refuseLongEnumValues(builder.toSchema({}));
}

/** The schema of all features. */
export const schema = buildSchema();
