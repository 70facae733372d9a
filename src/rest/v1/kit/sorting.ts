import type { Ordering, OrderKey } from "../../../query/model/page.ts";
import { BadRequest } from "./errors.ts";

/** The fields that can be sorted by. */
export type Sortable = Readonly<Record<string, Omit<OrderKey, "direction">>>;

/**
 * Returns the ordering of `sort=-created_at,id`, in which a minus means descending, or `defaultOrder` if `sort` is
 * empty. Throws {@link BadRequest} if a field cannot be sorted by.
 */
export function readSort(sort: string | undefined, sortable: Sortable, defaultOrder: Ordering): Ordering {
  const requested = (sort ?? "")
    .split(",")
    .map((text) => text.trim())
    .filter((text) => text !== "")
    .map((text) => ({ name: text.replace(/^-/, ""), descending: text.startsWith("-") }));
  const unknown = requested.filter(({ name }) => !Object.hasOwn(sortable, name)).map(({ name }) => name);
  if (unknown.length > 0) throw new BadRequest(`Sorting not allowed on fields: ${unknown.join(", ")}`);

  const keys = new Map<string, OrderKey>();
  for (const { name, descending } of requested) {
    const field = sortable[name];
    // A repeated field has no effect.
    if (field && !keys.has(name)) keys.set(name, { ...field, direction: descending ? "DESC" : "ASC" });
  }
  const [first, ...others] = keys.values();
  return first ? [first, ...others] : defaultOrder;
}
