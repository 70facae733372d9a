import type { ExecutionResult } from "graphql";

type Data = Record<string, unknown> | null;
type Extensions = Readonly<Record<string, unknown>>;

// A symbol, so that it is never part of the JSON.
const unreadData = Symbol("the JSON of the data that nothing has read or replaced");

/** A result whose JSON is known. Yoga calls `stringify` of a result to get the body, so that nothing is parsed. */
interface StringifiedResult extends ExecutionResult {
  readonly stringify: (given?: ExecutionResult) => string;
  /** Returns the JSON of the data, or undefined if the data was read or replaced, and may have changed. */
  readonly [unreadData]: () => string | undefined;
}

/**
 * Returns a result with the JSON `json` as its data, which is parsed only if something reads it. Plugins may change and
 * copy the result: its JSON is written anew if they did, or if they read the data.
 */
export function resultOfJson(json: string, extensions?: Extensions): ExecutionResult {
  let read: { value: Data } | undefined;
  const result: StringifiedResult = {
    get data() {
      read ??= { value: dataIn(json) };
      return read.value;
    },
    set data(value: Data) {
      read = { value };
    },
    ...(extensions && { extensions }),
    [unreadData]: () => (read ? undefined : json),
    stringify(given = result) {
      if (given !== result || read || given.errors) return JSON.stringify(given);
      return given.extensions === undefined
        ? `{"data":${json}}`
        : `{"data":${json},"extensions":${JSON.stringify(given.extensions)}}`;
    },
  };
  return result;
}

/** Returns a copy of `result` with `extensions` added to those it has. */
export function withExtensions(result: ExecutionResult, extensions: Extensions): ExecutionResult {
  const all = { ...result.extensions, ...extensions };
  const json = isStringified(result) && !result.errors ? result[unreadData]() : undefined;
  return json === undefined ? { ...result, extensions: all } : resultOfJson(json, all);
}

function dataIn(json: string): Data {
  return JSON.parse(json) as Record<string, unknown>; // an object, by its braces
}

function isStringified(result: ExecutionResult): result is StringifiedResult {
  return unreadData in result;
}
