import type { ObjectRef } from "@pothos/core";
import { mapMaybePromise } from "../../lib/maybe-promise.ts";
import { builder, type GraphTypes } from "./builder.ts";
import type { Connection, RowWithId } from "./connections.ts";
import type { ConnectionTypes } from "./entity-field-types.ts";

/**
 * Defines the types of a connection of `type`, whose names begin with the name of that type. `singular` begins a
 * sentence, with its article; `plural` is within one.
 */
export function defineConnection<Row extends RowWithId>({
  type,
  singular,
  plural,
}: {
  readonly type: ObjectRef<GraphTypes, Row>;
  readonly singular: string;
  readonly plural: string;
}): ConnectionTypes<GraphTypes, Row> {
  const edge = builder.edgeObject({ name: `${type.name}Edge`, type, description: `${singular} and its cursor.` });
  const connection = builder.connectionObject(
    {
      name: `${type.name}Connection`,
      type,
      description: `A page of ${plural}, as the Relay Cursor Connections Specification defines it.`,
      fields: (t) => ({
        nodes: t.field({
          type: [type],
          description: "The nodes of this page without their cursors, in the order of `edges`.",
          resolve: (page) => connectionOf<Row>(page).nodes,
        }),
        totalCount: t.int({
          description:
            `The number of ${plural} on all pages, or 100,001 if there are more. They are counted only if this field is ` +
            "selected, which adds to the cost of the operation.",
          resolve: (page) => mapMaybePromise(connectionOf(page).total(), ({ count }) => count),
        }),
        totalCountIsExact: t.boolean({
          description:
            "Whether `totalCount` is the exact number. It is false if there are more than 100,000, or if more than 1,000,000 " +
            "had to be looked at to find those that meet the filter: there are at least `totalCount`.",
          resolve: (page) => mapMaybePromise(connectionOf(page).total(), ({ isExact }) => isExact),
        }),
      }),
    },
    edge,
  );
  return { connection, edge };
}

/** Returns a connection with the members that its type of Pothos' Relay plugin lacks. */
function connectionOf<Row>(page: object): Connection<Row> {
  return page as Connection<Row>; // t.toMany and t.rootConnection return what toConnection has made
}
