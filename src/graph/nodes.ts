import { brandWithType, type OutputType, type SchemaTypes } from "@pothos/core";
import type { NodeType } from "../platform/global-ids.ts";
import type { GraphContext } from "./context.ts";

/**
 * The nodes of one type, in the order of their ids, for the relay plugin's `loadMany`. Each says of which type it is as soon as it is there: the
 * plugin says it only after all of a field's nodes are, and a second field of the same operation that meets one of them in between
 * would find a node without a type.
 */
export function loadNodes<Row extends object>(
  typename: NodeType,
  load: (context: GraphContext, id: string) => Promise<Row | null>,
): (ids: string[], context: GraphContext) => Promise<(Row | null)[]> {
  return (ids, context) =>
    Promise.all(
      ids.map(async (id) => {
        const row = await load(context, id);
        // The name of a type stands for it, which its declaration does not say.
        brandWithType(row, typename as OutputType<SchemaTypes>);
        return row;
      }),
    );
}
