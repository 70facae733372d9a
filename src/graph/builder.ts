import SchemaBuilder from "@pothos/core";
import ErrorsPlugin from "@pothos/plugin-errors";
import PrismaPlugin from "@pothos/plugin-prisma";
import RelayPlugin from "@pothos/plugin-relay";
import type PrismaTypes from "#generated/pothos.ts";
import { getDatamodel } from "#generated/pothos.ts";
import { invalid } from "../errors.ts";
import { decodeGlobalId, encodeGlobalId } from "../platform/global-ids.ts";
import type { GraphContext } from "./context.ts";

/** The scalars of the schema, with what a resolver gets (Input) and gives (Output). */
// A type, not an interface: the builder wants an index signature, which only types have implicitly.
type Scalars = {
  ID: { Input: string; Output: string };
  DateTime: { Input: Date; Output: Date };
  UUID: { Input: string; Output: string };
  URL: { Input: URL; Output: string };
  SafeInt: { Input: number; Output: number };
};

/** How many nodes can be asked for by id at once. */
const maximumNodes = 100;

/** The builder that every feature adds its types to. It knows none of them. */
export const builder = new SchemaBuilder<{
  PrismaTypes: PrismaTypes;
  Context: GraphContext;
  Scalars: Scalars;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: { list: false; items: false };
  DefaultNodeNullability: false;
}>({
  plugins: [ErrorsPlugin, RelayPlugin, PrismaPlugin],
  defaultFieldNullability: false,
  prisma: {
    // A query of the plugin's own would go around the services and their policies, so it finds no client.
    client: () => {
      throw new Error("Resolvers read through the services; a field was defined that makes the Prisma plugin query by itself.");
    },
    dmmf: getDatamodel(),
  },
  relay: {
    encodeGlobalID: (typename, id) => encodeGlobalId(typename, String(id)),
    decodeGlobalID: decodeGlobalId,
    idFieldOptions: { description: "The global id: opaque, and good for `node`." },
    firstArgOptions: { description: "How many nodes from the start: 1 to 100. 25 when neither first nor last is given." },
    afterArgOptions: { description: "Only nodes after this cursor." },
    lastArgOptions: { description: "How many nodes from the end: 1 to 100." },
    beforeArgOptions: { description: "Only nodes before this cursor." },
    nodeTypeOptions: { description: "An object with an id of its own, by which `node` finds it again." },
    nodeQueryOptions: {
      description: "Any object by its global id; null where there is none, or you may not see it.",
      args: { id: { description: "The object's `id`." } },
    },
    nodesQueryOptions: {
      description:
        "Objects by their global ids, in that order; null in the place of each that does not exist or that you may not see. At most 100.",
      args: { ids: { description: "The objects' `id`s." } },
      resolve: (_root, { ids }, _context, _info, resolveNodes) => {
        if (ids.length > maximumNodes) throw invalid("ids", `At most ${maximumNodes} ids are taken.`);
        return resolveNodes(ids);
      },
    },
    // Each connection has the field by itself: the plugin would make an edge of each row, to take the row out of it again.
    nodesOnConnection: false,
    edgesFieldOptions: { nullable: { list: false, items: false }, description: "The nodes with their cursors." },
    nodeFieldOptions: { nullable: false, description: "The node itself." },
    cursorFieldOptions: { description: "Where this node stands: give it as `after` or `before`." },
    pageInfoTypeOptions: { description: "Where a page stands in its connection." },
    hasNextPageFieldOptions: { description: "Whether there are nodes after this page." },
    hasPreviousPageFieldOptions: { description: "Whether there are nodes before this page." },
    pageInfoFieldOptions: { description: "Where the page stands." },
    startCursorFieldOptions: { description: "The cursor of the first node of the page." },
    endCursorFieldOptions: { description: "The cursor of the last node of the page." },
  },
  errors: {
    directResult: true,
    defaultUnionOptions: {
      description: "What came of it: the payload, or one of the failures that are to be expected.",
      name: ({ fieldName }) => `${fieldName.charAt(0).toUpperCase()}${fieldName.slice(1)}Result`,
    },
  },
});
