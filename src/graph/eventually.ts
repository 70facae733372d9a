/**
 * `work` of `value`, at once where the value is there: most rows came with what a field asks for, and a promise for each of them would be most of the
 * work of answering.
 */
export function whenThere<Value, Result>(
  value: Value | Promise<Value>,
  work: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then(work) : work(value);
}
