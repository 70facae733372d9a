import { asError } from "../errors.ts";

/**
 * Applies `work` to `value`, at once if the value is there: most rows have been loaded with what a field needs, and a promise for
 * each of them would be most of the work.
 */
export function whenThere<Value, Result>(
  value: Value | Promise<Value>,
  work: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then(work) : work(value);
}

/** What `work` returns, or a promise that what it has thrown rejects: beside others that are waited for, it must not leave them alone. */
export function orRejected<Result>(work: () => Result | Promise<Result>): Result | Promise<Result> {
  try {
    return work();
  } catch (error) {
    return Promise.reject(asError(error));
  }
}

/** Applies `work` to all `values`, at once if all of them are there. */
export function whenAllThere<Value, Result>(
  values: readonly (Value | Promise<Value>)[],
  work: (values: readonly Value[]) => Result,
): Result | Promise<Result> {
  const known = values.filter((value): value is Value => !(value instanceof Promise));
  return known.length === values.length ? work(known) : Promise.all(values).then(work);
}
