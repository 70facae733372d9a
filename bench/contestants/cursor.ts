/** Returns the cursor of a row on the contestants that are written by hand: its place in the order, readable. */
export function cursorOf({ createdAt, id }: { readonly createdAt: string; readonly id: string }): string {
  return `${createdAt}/${id}`;
}

/** Returns the position that a cursor names. */
export function positionOf(cursor: string): [createdAt: string, id: string] {
  const [createdAt = "", id = ""] = cursor.split("/");
  return [createdAt, id];
}
