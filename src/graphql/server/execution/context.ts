import DataLoader from "dataloader";
import { getNamedType, isCompositeType } from "graphql";
import { preloaded } from "../../../query/model/result.ts";
import type { Selection } from "../../../query/model/selection.ts";
import type { GraphContext, GraphContextBase } from "../../kit/context.ts";
import { keyOf } from "../../documents/fields.ts";
import type { SelectionBuilders } from "../../select/select.ts";

/** Returns the context of one operation, whose root fields are read as JSON or as rows. */
export function createGraphContext(base: GraphContextBase, builders: SelectionBuilders, as: Selection["as"]): GraphContext {
  const { viewer } = base;
  // The key is the read function itself: each service has it once, and it determines the type of the result.
  const loaders = new Map<unknown, Map<string, DataLoader<never, unknown>>>();

  function loaderOf<Key, Value>(
    read: unknown,
    variant: string,
    batch: (keys: readonly Key[]) => Promise<readonly Value[]>,
  ): DataLoader<Key, Value> {
    const variants = loaders.get(read) ?? new Map<string, DataLoader<never, unknown>>();
    loaders.set(read, variants);
    const existing = variants.get(variant);
    // A loader was made for the keys and values of this read function.
    if (existing) return existing as unknown as DataLoader<Key, Value>;
    const loader = new DataLoader<Key, Value>(batch);
    variants.set(variant, loader);
    return loader;
  }

  const context: GraphContext = {
    ...base,
    ...builders[as],
    load(read, key, selection) {
      const variant = selection === undefined ? "" : String(builders.idOf(selection));
      return loaderOf(read, variant, (keys: readonly (typeof key)[]) => read(viewer, keys, selection)).load(key);
    },
    loadWith(read, input, key) {
      return loaderOf(read, JSON.stringify(input), (keys: readonly (typeof key)[]) => read(viewer, keys, input)).load(key);
    },
    row(row, info, read, key) {
      const loaded = preloaded(row, keyOf(info.fieldNodes));
      // The preloaded value has the type of the field that it was read for.
      if (loaded !== undefined) return loaded as never;
      const selection = isCompositeType(getNamedType(info.returnType)) ? context.selected(info) : undefined;
      return context.load(read, key, selection);
    },
    page(row, info, read, readInput, key) {
      const loaded = preloaded(row, keyOf(info.fieldNodes));
      if (loaded !== undefined) return loaded as never; // as above
      const input = readInput();
      const selection = builders.rows.selectedPage(info);
      const variant = `${builders.idOf(selection)} ${JSON.stringify(input)}`;
      return loaderOf(read, variant, (keys: readonly (typeof key)[]) => read(viewer, keys, input, selection)).load(key);
    },
    forget: () => loaders.clear(),
  };
  return context;
}
