import { LRUCache } from "lru-cache";

/** Values that are kept for less than their lifetime, and no more of them than a bound. */
export interface ShortCache<Value> {
  /**
   * Returns the value of `key`, and loads it if it is not known or too old. Callers that ask during a load wait for that load. A
   * load that fails is not cached.
   */
  get(key: string, load: () => Promise<Value>): Promise<Value>;
}

export interface ShortCacheOptions {
  /** The most values that are kept; the least recently used one goes first. */
  readonly maximumEntries: number;
  /** How old a value may be, counted from when its load began: what changed before that, is in it. */
  readonly lifetimeMilliseconds: number;
  /** From this age on, a use of the value renews it in the background, so that callers of a value in steady use never wait. */
  readonly renewalMilliseconds: number;
  /** A clock that never jumps, in milliseconds. */
  readonly now: () => number;
}

interface Kept<Value> {
  readonly value: Value;
  readonly begunAt: number;
}

export function createShortCache<Value>(options: ShortCacheOptions): ShortCache<Value> {
  const { maximumEntries, lifetimeMilliseconds, renewalMilliseconds, now } = options;
  const kept = new LRUCache<string, Kept<Value>>({ max: maximumEntries });
  const loading = new Map<string, { readonly begunAt: number; readonly value: Promise<Value> }>();

  function begin(key: string, load: () => Promise<Value>): Promise<Value> {
    const begunAt = now();
    const value = load()
      .then((loaded) => {
        const current = kept.peek(key);
        // A slower load that began earlier knows less.
        if (current === undefined || current.begunAt < begunAt) kept.set(key, { value: loaded, begunAt });
        return loaded;
      })
      .finally(() => {
        if (loading.get(key)?.begunAt === begunAt) loading.delete(key);
      });
    loading.set(key, { begunAt, value });
    return value;
  }

  return {
    async get(key, load) {
      const current = kept.get(key);
      const age = current === undefined ? Infinity : now() - current.begunAt;
      const underWay = loading.get(key);
      if (current !== undefined && age < lifetimeMilliseconds) {
        // Whoever has to wait for the value, when it is too old, learns what went wrong.
        if (age >= renewalMilliseconds && underWay === undefined) begin(key, load).catch(() => undefined);
        return current.value;
      }
      // One that has taken so long may have read what has changed since.
      if (underWay !== undefined && now() - underWay.begunAt < lifetimeMilliseconds) return underWay.value;
      return begin(key, load);
    },
  };
}
