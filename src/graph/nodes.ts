import type { GraphQLResolveInfo } from "graphql";
import { brandWithType, type OutputType, type SchemaTypes } from "@pothos/core";
import type { NodeType } from "../platform/global-ids.ts";
import type { Selection } from "../reading/selection.ts";
import type { Viewer } from "../viewer.ts";
import type { GraphContext } from "./context.ts";

/**
 * A node of one type by its id, for the relay plugin's `loadWithoutCache`: those of one field are read together. Each says of which type it is as soon
 * as it is there: the plugin says it only after all of a field's nodes are, and a second field of the same operation that meets one of them in
 * between would find a node without a type.
 */
export function loadNode<Row extends object>(
  typename: NodeType,
  read: (
    context: GraphContext,
  ) => (viewer: Viewer, ids: readonly string[], selection?: Selection) => Promise<readonly (Row | null)[]>,
): (id: string, context: GraphContext, info: GraphQLResolveInfo) => Promise<Row | null> {
  return async (id, context, info) => {
    const row = await context.load(read(context), id, context.selected(info, typename));
    // The name of a type stands for it, which its declaration does not say.
    brandWithType(row, typename as OutputType<SchemaTypes>);
    return row;
  };
}
