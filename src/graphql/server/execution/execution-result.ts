import type { ExecutionResult } from "graphql";

type Data = Record<string, unknown> | null;
type Extensions = Readonly<Record<string, unknown>>;

// A symbol, so that it is never part of the JSON.
const unreadData = Symbol("the JSON of the data that nothing has read or replaced");

/** A result whose JSON is known. Yoga calls `stringify` of a result to get the body, so that nothing is parsed. */
interface StringifiedResult extends ExecutionResult {
  readonly stringify: (given?: ExecutionResult) => string;
  /** Returns the JSON of the data, or undefined if the data was read or replaced, and may have changed. */
  readonly [unreadData]: () => JsonParts | undefined;
}

/** A text of JSON in parts. Large ones are never joined: V8 would copy them once more for each part that is added. */
export type JsonParts = readonly string[];

/**
 * Returns a result with the JSON `json` as its data, which is parsed only if something reads it. Plugins may change and
 * copy the result: its JSON is written anew if they did, or if they read the data.
 */
export function resultOfJson(json: JsonParts, extensions?: Extensions): ExecutionResult {
  let read: { value: Data } | undefined;
  const result: StringifiedResult = {
    get data() {
      read ??= { value: dataIn(json.join("")) };
      return read.value;
    },
    set data(value: Data) {
      read = { value };
    },
    ...(extensions && { extensions }),
    [unreadData]: () => (read ? undefined : json),
    stringify(given = result) {
      if (given !== result || read || given.errors) return JSON.stringify(given);
      return withoutErrors(json, given.extensions).join("");
    },
  };
  return result;
}

/**
 * Returns the parts of the whole response body if `result` has no errors, its data is as the database wrote it, and no
 * plugin determines the HTTP response by its extensions. Otherwise undefined.
 */
export function bodyOfJson(result: ExecutionResult): JsonParts | undefined {
  if (!isStringified(result) || result.errors || (result.extensions && "http" in result.extensions)) return undefined;
  const json = result[unreadData]();
  return json && withoutErrors(json, result.extensions);
}

function withoutErrors(data: JsonParts, extensions: Extensions | undefined): JsonParts {
  const end = extensions === undefined ? "}" : `,"extensions":${JSON.stringify(extensions)}}`;
  return [`{"data":`, ...data, end];
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
