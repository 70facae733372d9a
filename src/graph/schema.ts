import type { GraphQLSchema } from "graphql";
import "./rate-limit.ts";
import "../people/graph.ts";
import "../access/graph.ts";
import "../tickets/graph.ts";
import "../notes/graph.ts";
import "../attachments/graph.ts";
import { builder } from "./builder.ts";

builder.queryType({ description: "Everything that can be read." });
builder.mutationType({ description: "Everything that can be changed. Failures to be expected are members of each result." });

/** The schema of every feature, whose graph files the imports above have run. */
export const schema: GraphQLSchema = builder.toSchema({});
