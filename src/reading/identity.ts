const ids = new WeakMap<object, number>();
let nextId = 1;

/** A number of its own for each object, by which what is kept for it is found again. */
export function identityOf(object: object): number {
  const known = ids.get(object);
  if (known !== undefined) return known;
  ids.set(object, nextId);
  return nextId++;
}
