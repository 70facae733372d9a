import { LRUCache } from "lru-cache";
import type { MaybePromise } from "./maybe-promise.ts";

/** A cache with a lifetime and a maximum of entries. It loads a value that is in use again before the value expires. */
export interface RefreshAheadCache<Value> {
  /**
   * Returns the value of `key`, and a promise of it if it is not known or too old and has to be loaded. Callers that
   * ask during a load wait for that load. A load that fails is not cached.
   */
  get(key: string, load: () => Promise<Value>): MaybePromise<Value>;
}

export interface RefreshAheadCacheOptions {
  /** The maximum number of values. The least recently used one is removed first. */
  readonly maximumEntries: number;
  /** The maximum age of a value. It counts from the start of its load: the value contains every earlier change. */
  readonly lifetimeMilliseconds: number;
  /**
   * From this age on, a use of the value loads it again in the background. Callers of a value in steady use never wait.
   */
  readonly refreshMilliseconds: number;
  /** A clock that never jumps, in milliseconds. */
  readonly now: () => number;
}

interface CachedValue<Value> {
  readonly value: Value;
  readonly begunAt: number;
}

export function createRefreshAheadCache<Value>(options: RefreshAheadCacheOptions): RefreshAheadCache<Value> {
  const { maximumEntries, lifetimeMilliseconds, refreshMilliseconds, now } = options;
  const cached = new LRUCache<string, CachedValue<Value>>({ max: maximumEntries });
  const loading = new Map<string, { readonly begunAt: number; readonly value: Promise<Value> }>();

  function begin(key: string, load: () => Promise<Value>): Promise<Value> {
    const begunAt = now();
    const value = load()
      .then((loaded) => {
        const current = cached.peek(key);
        // A slower load that began earlier has an older value.
        if (current === undefined || current.begunAt < begunAt) cached.set(key, { value: loaded, begunAt });
        return loaded;
      })
      .finally(() => {
        if (loading.get(key)?.begunAt === begunAt) loading.delete(key);
      });
    loading.set(key, { begunAt, value });
    return value;
  }

  return {
    get(key, load) {
      const current = cached.get(key);
      const age = current === undefined ? Infinity : now() - current.begunAt;
      const underWay = loading.get(key);
      if (current !== undefined && age < lifetimeMilliseconds) {
        // An error is left to the caller that has to wait because the value is too old.
        if (age >= refreshMilliseconds && underWay === undefined) begin(key, load).catch(() => undefined);
        return current.value;
      }
      // A load that has taken longer than the lifetime may have read a value that has changed since.
      if (underWay !== undefined && now() - underWay.begunAt < lifetimeMilliseconds) return underWay.value;
      return begin(key, load);
    },
  };
}
