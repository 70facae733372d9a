/** The labels of the two compared gateways, in the order of the report. */
export const labels = ["before", "after"] as const;

export type Label = (typeof labels)[number];

/** A value for each of the two gateways. */
export type Both<Value> = Readonly<Record<Label, Value>>;

/** Returns the results of `make` for both gateways. It is called for one after the other. */
export async function forBoth<Value>(make: (label: Label) => Value | Promise<Value>): Promise<Both<Value>> {
  return { before: await make("before"), after: await make("after") };
}
