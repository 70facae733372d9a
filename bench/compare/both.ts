/** The two that are compared, in the order of the report. */
export const labels = ["before", "after"] as const;

export type Label = (typeof labels)[number];

/** Something of each of them. */
export type Both<Value> = Readonly<Record<Label, Value>>;

/** What `make` returns for each of them, one after the other. */
export async function forBoth<Value>(make: (label: Label) => Value | Promise<Value>): Promise<Both<Value>> {
  return { before: await make("before"), after: await make("after") };
}
