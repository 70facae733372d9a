import DataLoader from "dataloader";
import type { GraphQLResolveInfo } from "graphql";
import { createObjectIds } from "../reading/object-ids.ts";
import type { PageInput } from "../reading/relation.ts";
import { preloaded, type Selection, type PageSelection } from "../reading/selection.ts";
import type { Services } from "../services.ts";
import type { Viewer } from "../viewer.ts";
import type { SelectionBuilder } from "./selection-builder.ts";
import type { RateLimitStatus } from "./rate-limit-status.ts";
import { relationKeyOf, selectedPageOf } from "./selection.ts";

/** A read of a service: keys in, answers in their order out, with what is selected. */
type BatchRead<Key, Value> = (viewer: Viewer, keys: readonly Key[], selection?: Selection) => Promise<readonly Value[]>;
type BatchPages<Key, Input, Value> = (
  viewer: Viewer,
  keys: readonly Key[],
  input: Input,
  pageSelection: PageSelection,
  selection: Selection,
) => Promise<readonly Value[]>;

/** Whom an operation is answered to, and of what. */
interface GraphContextBase {
  readonly viewer: Viewer;
  readonly services: Services;
  /** What the operation costs and its caller has left, where it was counted. */
  readonly rateLimit?: RateLimitStatus | undefined;
}

/** What resolvers are given. Nothing of the database is in it: they reach it through the services. */
export interface GraphContext extends GraphContextBase, SelectionBuilder {
  /** One key's answer from a batch read. Keys asked for in the same turn go out as one read, and a key is read once a request. */
  load<Key, Value>(read: BatchRead<Key, Value>, key: Key, selection?: Selection): Promise<Value>;
  /** As {@link GraphContext.load}, of a batch read that takes an input. */
  loadWith<Key, Input, Value>(
    read: (viewer: Viewer, keys: readonly Key[], input: Input) => Promise<readonly Value[]>,
    input: Input,
    key: Key,
  ): Promise<Value>;
  /** The row that the field of `info` is: what `row` came with, or what is found by `key`. */
  row<Key, Value>(row: object, info: GraphQLResolveInfo, read: BatchRead<Key, Value>, key: Key): Value | Promise<Value>;
  /** The page that the field of `info` is: what `row` came with, or what is found by `key` and an input that is read then. */
  page<Key, Input extends PageInput, Value>(
    row: object,
    info: GraphQLResolveInfo,
    read: BatchPages<Key, Input, Value>,
    readInput: () => Input,
    key: Key,
  ): Value | Promise<Value>;
  /** Forgets what was read, since something was written. */
  forget(): void;
}

/** The context of one operation, in which `selecting` says what its root fields answer with. */
export function createGraphContext(base: GraphContextBase, selectionBuilder: SelectionBuilder): GraphContext {
  const { viewer } = base;
  const objectId = createObjectIds();
  // The read itself is the key: a service's function is one object for the life of the process, and names its own result.
  const loaders = new Map<unknown, Map<string, DataLoader<never, unknown>>>();

  function loaderOf<Key, Value>(
    read: unknown,
    variant: string,
    batch: (keys: readonly Key[]) => Promise<readonly Value[]>,
  ): DataLoader<Key, Value> {
    const variants = loaders.get(read) ?? new Map<string, DataLoader<never, unknown>>();
    loaders.set(read, variants);
    const existing = variants.get(variant);
    // The loader under a read was made for that read's own keys and values.
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
      // What came under the field's key is what the field was declared to be of.
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
