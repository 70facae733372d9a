import type { Ordering, OrderKey } from "../../../query/model/page.ts";
import { BadRequest } from "./errors.ts";

/** The fields that can be sorted by. */
export type Sortable = Readonly<Record<string, Omit<OrderKey, "direction">>>;

/** `sort=-created_at,id`: the minus is descending. @throws {BadRequest} */
export function readSort(sort: string | undefined, sortable: Sortable, usual: Ordering): Ordering {
  const wanted = (sort ?? "")
    .split(",")
    .map((text) => text.trim())
    .filter((text) => text !== "")
    .map((text) => ({ name: text.replace(/^-/, ""), descending: text.startsWith("-") }));
  const unknown = wanted.filter(({ name }) => !Object.hasOwn(sortable, name)).map(({ name }) => name);
  if (unknown.length > 0) throw new BadRequest(`Sorting not allowed on fields: ${unknown.join(", ")}`);

  const keys = new Map<string, OrderKey>();
  for (const { name, descending } of wanted) {
    const field = sortable[name];
    // A field that is named again decides nothing more.
    if (field && !keys.has(name)) keys.set(name, { ...field, direction: descending ? "DESC" : "ASC" });
  }
  const [first, ...others] = keys.values();
  return first ? [first, ...others] : usual;
}
