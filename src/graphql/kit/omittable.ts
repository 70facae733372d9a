import { invalid } from "../../errors.ts";

/** Returns the value of a field that may be omitted but not null. Throws `InvalidInput` with its name if it is null. */
export function omittable<Value>(name: string, value: Value | null | undefined): Value | undefined {
  if (value === null) throw invalid(name, "The value must not be null. Leave the field out to keep what is there.");
  return value;
}
