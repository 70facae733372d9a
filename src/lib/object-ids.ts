/**
 * Returns a function that gives each object a number of its own, to be part of a cache's key. Each cache has its own
 * such function.
 */
export function createObjectIds(): (object: object) => number {
  const ids = new WeakMap<object, number>();
  let nextId = 1;
  return (object) => {
    const known = ids.get(object);
    if (known !== undefined) return known;
    ids.set(object, nextId);
    return nextId++;
  };
}
