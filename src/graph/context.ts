import DataLoader from "dataloader";
import type { GraphQLResolveInfo } from "graphql";
import { createObjectIds } from "../reading/object-ids.ts";
import type { PageInput } from "../reading/relation.ts";
import { preloaded, type Selection, type PageSelection } from "../reading/selection.ts";
import type { Services } from "../services.ts";
import type { Viewer } from "../viewer.ts";
import type { SelectionBuilder } from "./selection-builder.ts";
import type { RateLimitStatus } from "./rate-limit-status.ts";
import { relationKeyOf, selectedPageOf } from "./row-selection.ts";

/** A batch read of a service: it returns the rows of `keys` in their order, with what is selected. */
type BatchRead<Key, Value> = (viewer: Viewer, keys: readonly Key[], selection?: Selection) => Promise<readonly Value[]>;
type BatchPages<Key, Input, Value> = (
  viewer: Viewer,
  keys: readonly Key[],
  input: Input,
  pageSelection: PageSelection,
  selection: Selection,
) => Promise<readonly Value[]>;

/** The viewer of an operation and the services. */
interface GraphContextBase {
  readonly viewer: Viewer;
  readonly services: Services;
  /** The cost of the operation and what is left to its caller. Undefined if it was not counted. */
  readonly rateLimit?: RateLimitStatus | undefined;
}

/** The context of resolvers. It has no database: resolvers read through the services. */
export interface GraphContext extends GraphContextBase, SelectionBuilder {
  /** Returns the value of `key` by a batch read. Keys of one turn of the event loop are read together, and each key once. */
  load<Key, Value>(read: BatchRead<Key, Value>, key: Key, selection?: Selection): Promise<Value>;
  /** As {@link GraphContext.load}, for a batch read with an input. */
  loadWith<Key, Input, Value>(
    read: (viewer: Viewer, keys: readonly Key[], input: Input) => Promise<readonly Value[]>,
    input: Input,
    key: Key,
  ): Promise<Value>;
  /** Returns the row that the field of `info` selects: the preloaded one, or the one with `key`. */
  row<Key, Value>(row: object, info: GraphQLResolveInfo, read: BatchRead<Key, Value>, key: Key): Value | Promise<Value>;
  /** Returns the page that the field of `info` selects: the preloaded one, or the one of `key`. The input is read only then. */
  page<Key, Input extends PageInput, Value>(
    row: object,
    info: GraphQLResolveInfo,
    read: BatchPages<Key, Input, Value>,
    readInput: () => Input,
    key: Key,
  ): Value | Promise<Value>;
  /** Forgets all loaded values. A mutation calls it after a write. */
  forget(): void;
}

/** Returns the context of one operation. `selectionBuilder` builds the selections of its root fields. */
export function createGraphContext(base: GraphContextBase, selectionBuilder: SelectionBuilder): GraphContext {
  const { viewer } = base;
  const objectId = createObjectIds();
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
    ...selectionBuilder,
    load(read, key, selection) {
      const variant = selection === undefined ? "" : String(objectId(selection));
      return loaderOf(read, variant, (keys: readonly (typeof key)[]) => read(viewer, keys, selection)).load(key);
    },
    loadWith(read, input, key) {
      return loaderOf(read, JSON.stringify(input), (keys: readonly (typeof key)[]) => read(viewer, keys, input)).load(key);
    },
    row(row, info, read, key) {
      const loaded = preloaded(row, relationKeyOf(info));
      // The preloaded value has the type of the field that it was read for.
      return loaded === undefined ? context.load(read, key, context.selected(info)) : (loaded as never);
    },
    page(row, info, read, readInput, key) {
      const loaded = preloaded(row, relationKeyOf(info));
      if (loaded !== undefined) return loaded as never; // as above
      const input = readInput();
      const { pageSelection, selection } = selectedPageOf(info);
      const variant = `${objectId(selection)} ${JSON.stringify(input)}`;
      return loaderOf(read, variant, (keys: readonly (typeof key)[]) =>
        read(viewer, keys, input, pageSelection, selection),
      ).load(key);
    },
    forget: () => loaders.clear(),
  };
  return context;
}
