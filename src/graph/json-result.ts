import type { ExecutionResult } from "graphql";

type Data = Record<string, unknown> | null;
type Extensions = Readonly<Record<string, unknown>>;

/** How a result tells its data as text, for as long as nobody has looked at it. */
const dataText = Symbol("the text of the data");

/**
 * The result of which `data` is the text. Yoga's result processors ask `stringify` for the body, so that data is parsed only where somebody looks at
 * it. Copies do not have `stringify`, and a result that was changed writes itself anew: what a plugin does to a result is never lost.
 */
export function jsonResult(data: string, extensions?: Extensions): ExecutionResult {
  let seen: { value: Data } | undefined;
  const result = {
    get data(): Data {
      seen ??= { value: JSON.parse(data) as Record<string, unknown> }; // an object, by its braces
      return seen.value;
    },
    set data(value: Data) {
      seen = { value };
    },
    ...(extensions && { extensions }),
  };
  // Yoga hands over the result, or a copy without what is internal.
  const stringify = (given: ExecutionResult = result): string => {
    if (given !== result || seen || "errors" in given) return JSON.stringify(given);
    const more = given.extensions === undefined ? "" : `,"extensions":${JSON.stringify(given.extensions)}`;
    return `{"data":${data}${more}}`;
  };
  return Object.defineProperties(result, {
    stringify: { enumerable: false, value: stringify },
    [dataText]: { enumerable: false, value: () => (seen ? undefined : data) },
  });
}

/** A copy of `result` with `extensions` beside its data, and beside those that it has. */
export function withExtensions(result: ExecutionResult, extensions: Extensions): ExecutionResult {
  const all = { ...result.extensions, ...extensions };
  const text = result.errors === undefined ? dataTextOf(result) : undefined;
  return text === undefined ? { ...result, extensions: all } : jsonResult(text, all);
}

function dataTextOf(result: ExecutionResult): string | undefined {
  const { [dataText]: text } = result as { readonly [dataText]?: () => string | undefined }; // as jsonResult makes them
  return text?.();
}
