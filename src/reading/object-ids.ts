/** A number of its own for each object, by which what is kept for it is found again. Whoever keeps something has such numbers of their own. */
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
