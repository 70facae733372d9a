import type { GraphQLResolveInfo } from "graphql";
import type { PageInput } from "../../query/model/relation.ts";
import type { Selection, PageSelection } from "../../query/model/selection.ts";
import type { Services } from "../../services.ts";
import type { Viewer } from "../../viewer.ts";
import type { SelectionBuilder } from "./selection-builder.ts";
import type { RateLimitStatus } from "./rate-limit-status.ts";

/** A batch read of a service: it returns the rows of `keys` in their order, with what is selected. */
export type BatchRead<Key, Value> = (viewer: Viewer, keys: readonly Key[], selection?: Selection) => Promise<readonly Value[]>;
export type BatchPages<Key, Input, Value> = (
  viewer: Viewer,
  keys: readonly Key[],
  input: Input,
  selection: PageSelection,
) => Promise<readonly Value[]>;

/** The viewer of an operation and the services. */
export interface GraphContextBase {
  readonly viewer: Viewer;
  readonly services: Services;
  /** The cost of the operation and what is left to its caller. Undefined if it was not counted. */
  readonly rateLimit?: RateLimitStatus | undefined;
}

/** The context of resolvers. It has no database: resolvers read through the services. */
export interface GraphContext extends GraphContextBase, SelectionBuilder {
  /**
   * Returns the value of `key` by a batch read. Keys of one turn of the event loop are read together, and each key
   * once.
   */
  load<Key, Value>(read: BatchRead<Key, Value>, key: Key, selection?: Selection): Promise<Value>;
  /** As {@link GraphContext.load}, for a batch read with an input. */
  loadWith<Key, Input, Value>(
    read: (viewer: Viewer, keys: readonly Key[], input: Input) => Promise<readonly Value[]>,
    input: Input,
    key: Key,
  ): Promise<Value>;
  /**
   * Returns the row that the field of `info` selects, or whose column it is: the preloaded one, or the one with `key`.
   */
  row<Key, Value>(row: object, info: GraphQLResolveInfo, read: BatchRead<Key, Value>, key: Key): Value | Promise<Value>;
  /**
   * Returns the page that the field of `info` selects: the preloaded one, or the one of `key`. The input is read only
   * then.
   */
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
