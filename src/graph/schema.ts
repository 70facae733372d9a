import type { GraphQLSchema } from "graphql";
import "./rate-limit.ts";
import "../people/graph.ts";
import "../access/graph.ts";
import "../tickets/graph.ts";
import "../notes/graph.ts";
import "../attachments/graph.ts";
import { builder } from "./builder.ts";

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

/** Returns a new schema of all features, for plugins that change it. The imports above run the graph files of the features. */
export function buildSchema(): GraphQLSchema {
  return builder.toSchema({});
}

/** The schema of all features. */
export const schema = buildSchema();
