import type { GraphQLResolveInfo } from "graphql";
import { brandWithType, type OutputType, type SchemaTypes } from "@pothos/core";
import { Forbidden } from "../../errors.ts";
import type { NodeType } from "../../lib/global-ids.ts";
import type { Selection } from "../../query/model/selection.ts";
import type { Viewer } from "../../viewer.ts";
import type { GraphContext } from "./context.ts";

/**
 * Returns the `loadWithoutCache` of Pothos' Relay plugin for one type. It reads all ids of a field together. It brands
 * each node as soon as it is read: the plugin brands nodes when all nodes of a field are read, and a second field of
 * the operation could meet one before.
 *
 * A refusal is returned in place of the node, not thrown: it is the error of this item of `nodes` alone.
 */
export function loadNode<Row extends object>(
  typename: NodeType,
  read: (
    context: GraphContext,
  ) => (viewer: Viewer, ids: readonly string[], selection?: Selection) => Promise<readonly (Row | null)[]>,
): (id: string, context: GraphContext, info: GraphQLResolveInfo) => Promise<Row | null> {
  return async (id, context, info) => {
    const row = await context.load(read(context), id, context.selected(info, typename)).catch((error: unknown) => {
      if (error instanceof Forbidden) return error as never; // GraphQL.js takes an error for the failure of the item
      throw error;
    });
    if (row instanceof Error) return row;
    // The branding takes the name of a type too, which its declaration does not show.
    brandWithType(row, typename as OutputType<SchemaTypes>);
    return row;
  };
}
