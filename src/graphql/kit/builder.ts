import SchemaBuilder from "@pothos/core";
import ErrorsPlugin from "@pothos/plugin-errors";
import PrismaPlugin from "@pothos/plugin-prisma";
import RelayPlugin from "@pothos/plugin-relay";
import type PrismaTypes from "#generated/pothos.ts";
import { getDatamodel } from "#generated/pothos.ts";
import { invalid } from "../../errors.ts";
import { decodeGlobalId, encodeGlobalId } from "../../lib/global-ids.ts";
import type { GraphContext } from "./context.ts";
import { entityFieldsPlugin } from "./entity-fields.ts";
import { refusedFieldsPlugin } from "./refused-fields.ts";

/** The scalars of the schema: the type that resolvers get (Input) and the type that they return (Output). */
// A type, not an interface: the builder requires an index signature, which only types have implicitly.
type Scalars = {
  ID: { Input: string; Output: string };
  DateTime: { Input: Date; Output: Date };
  UUID: { Input: string; Output: string };
  URL: { Input: URL; Output: string };
  SafeInt: { Input: number; Output: number };
};

/** The maximum number of ids of `nodes`. */
const maximumNodes = 100;

// A type for the same reason as Scalars.
type BuilderTypes = {
  PrismaTypes: PrismaTypes;
  Context: GraphContext;
  Scalars: Scalars;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: { list: false; items: false };
  DefaultNodeNullability: false;
};

/** The types that the builder and its refs have. */
export type GraphTypes = PothosSchemaTypes.ExtendDefaultTypes<BuilderTypes>;

const options: ConstructorParameters<typeof SchemaBuilder<BuilderTypes>>[0] = {
  plugins: [ErrorsPlugin, RelayPlugin, PrismaPlugin, entityFieldsPlugin, refusedFieldsPlugin],
  defaultFieldNullability: false,
  prisma: {
    // The plugin's own queries would bypass the services and their policies, so there is no client for them.
    client: () => {
      throw new Error("Resolvers read through the services; a field was defined that makes the Prisma plugin query by itself.");
    },
    dmmf: getDatamodel(),
  },
  relay: {
    encodeGlobalID: (typename, id) => encodeGlobalId(typename, String(id)),
    decodeGlobalID: decodeGlobalId,
    idFieldOptions: {
      description:
        "The global id: an opaque string that is unique among all types, as Relay's Global Object Identification defines it. " +
        "`node` takes it.",
    },
    firstArgOptions: {
      description:
        "The page size, counted from the start of the list: 1 to 100. It is 25 without `first` and `last`. Both together fail " +
        "with INVALID_INPUT.",
    },
    afterArgOptions: { description: "Returns only the nodes after this cursor of the same connection in the same order." },
    lastArgOptions: { description: "The page size, counted from the end of the list: 1 to 100." },
    beforeArgOptions: { description: "Returns only the nodes before this cursor of the same connection in the same order." },
    nodeTypeOptions: {
      description:
        "An object with a global id, as Relay's Global Object Identification defines it. `node` and `nodes` return it by that " +
        "id.",
    },
    nodeQueryOptions: {
      description: "Returns the object with a global id. Null if it does not exist or the viewer may not see it.",
      args: { id: { description: "The global id of the object." } },
    },
    nodesQueryOptions: {
      description:
        "Returns the objects with the given global ids, in the same order. The list has null in place of each object that does " +
        "not exist or that the viewer may not see. Where the credential lacks the scope for an object, there is an error of " +
        "that place too.",
      args: { ids: { description: "The global ids of the objects: at most 100." } },
      resolve: (_root, { ids }, _context, _info, resolveNodes) => {
        if (ids.length > maximumNodes) throw invalid("ids", `At most ${maximumNodes} ids are taken.`);
        return resolveNodes(ids);
      },
    },
    // Each connection defines the field by itself. The plugin would make an edge of each row and take the row out of it
    // again.
    nodesOnConnection: false,
    edgesFieldOptions: {
      nullable: { list: false, items: false },
      description: "The edges of this page: each node with its cursor.",
    },
    nodeFieldOptions: { nullable: false, description: "The node of this edge." },
    cursorFieldOptions: {
      description: "The cursor of this node: an opaque string. Pass it as `after` or `before` to continue from here.",
    },
    pageInfoTypeOptions: {
      description:
        "The cursors of a page and whether more pages follow, as the Relay Cursor Connections Specification defines it.",
    },
    hasNextPageFieldOptions: {
      description:
        "Whether there are nodes after this page. If the page is counted from the end (`last`), it is true exactly if `before` " +
        "was given.",
    },
    hasPreviousPageFieldOptions: {
      description:
        "Whether there are nodes before this page. If the page is counted from the start (`first`), it is true exactly if " +
        "`after` was given.",
    },
    pageInfoFieldOptions: { description: "The first and the last cursor of this page, and whether there are more pages." },
    startCursorFieldOptions: {
      description: "The cursor of the first node of this page. Null if the page is empty, unless it is partial.",
    },
    endCursorFieldOptions: {
      description: "The cursor of the last node of this page. Null if the page is empty, unless it is partial.",
    },
  },
  errors: {
    directResult: true,
    defaultUnionOptions: {
      description:
        "The result of the mutation: the payload if it succeeded, or the error that stopped it. An error changes nothing.",
      name: ({ fieldName }) => `${fieldName.charAt(0).toUpperCase()}${fieldName.slice(1)}Result`,
    },
  },
};

/** Returns a builder without types. */
export function createBuilder(): InstanceType<typeof SchemaBuilder<BuilderTypes>> {
  return new SchemaBuilder<BuilderTypes>(options);
}

/** The builder to which every feature adds its types. It imports none of them. */
export const builder = createBuilder();

builder.objectField(builder.pageInfoRef(), "isPartial", (t) =>
  t.boolean({
    description:
      "Whether the page ended before it was full, because no index serves the filter in this order, and enough nodes were " +
      "looked at for one operation. There may be more: go on with `endCursor` (with `startCursor` if the page is counted " +
      "from the end), which is then set, also if the page is empty. An operation looks at 5,000 nodes: its fields with a " +
      "filter have equal parts of them, and a field below a page divides its part among the nodes of that page. So ask for " +
      "fewer pages at once to have each go further.",
    // toConnection makes all of them.
    resolve: (pageInfo) => (pageInfo as { readonly isPartial?: boolean }).isPartial === true,
  }),
);
