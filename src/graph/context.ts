import DataLoader from "dataloader";
import type { CursorCodec } from "../platform/cursor.ts";
import type { Services } from "../services.ts";
import type { Viewer } from "../viewer.ts";

/** A read of a service: keys in, answers in their order out. */
type BatchRead<Key, Value> = (viewer: Viewer, keys: readonly Key[]) => Promise<readonly Value[]>;
type BatchReadWith<Key, Input, Value> = (viewer: Viewer, keys: readonly Key[], input: Input) => Promise<readonly Value[]>;

/** What resolvers are given. Nothing of the database is in it: they reach it through the services. */
export interface GraphContext {
  readonly viewer: Viewer;
  readonly services: Services;
  readonly cursors: CursorCodec;
  /** One key's answer from a batch read. Keys asked for in the same turn go out as one read, and a key is read once a request. */
  load<Key, Value>(read: BatchRead<Key, Value>, key: Key): Promise<Value>;
  /** As {@link GraphContext.load}, for a read that takes an input; keys with equal inputs go out together. */
  loadWith<Key, Input, Value>(read: BatchReadWith<Key, Input, Value>, input: Input, key: Key): Promise<Value>;
  /** Forgets what was read, since something was written. */
  forget(): void;
}

export function createGraphContext(base: { viewer: Viewer; services: Services; cursors: CursorCodec }): GraphContext {
  const { viewer } = base;
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

  return {
    ...base,
    load: (read, key) => loaderOf(read, "", (keys: readonly (typeof key)[]) => read(viewer, keys)).load(key),
    loadWith: (read, input, key) =>
      loaderOf(read, JSON.stringify(input), (keys: readonly (typeof key)[]) => read(viewer, keys, input)).load(key),
    forget: () => loaders.clear(),
  };
}
