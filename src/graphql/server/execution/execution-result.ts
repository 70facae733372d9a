import type { ExecutionResult } from "graphql";

type Data = Record<string, unknown> | null;
type Extensions = Readonly<Record<string, unknown>>;

// A symbol, so that it is never part of the JSON.
const madeForPlugins = Symbol("made for plugins");

/** A result whose JSON is known. Yoga calls `stringify` of a result to get the body, so that nothing is parsed. */
interface StringifiedResult extends ExecutionResult {
  readonly stringify: (given?: ExecutionResult) => string;
  /** True if the result may be changed and copied by plugins. */
  readonly [madeForPlugins]?: true;
}

/**
 * Returns a result with the JSON `data`, which is parsed only if something reads it. It must not be changed or copied:
 * see {@link forPlugins}.
 */
export function resultOfJson(data: string): ExecutionResult {
  const result: StringifiedResult = {
    get data() {
      return dataIn(data);
    },
    stringify: () => `{"data":${data}}`,
  };
  return result;
}

/**
 * Returns a result that plugins may change and copy. Its JSON is written anew if they did, or if they read the data.
 */
export function forPlugins(result: ExecutionResult): ExecutionResult {
  return isStringified(result) ? changeable(result.stringify().slice('{"data":'.length, -1)) : result;
}

function changeable(text: string): ExecutionResult {
  let seen: { value: Data } | undefined;
  const result: StringifiedResult = {
    get data() {
      seen ??= { value: dataIn(text) };
      return seen.value;
    },
    set data(value: Data) {
      seen = { value };
    },
    [madeForPlugins]: true,
    stringify: (given = result) => {
      if (given !== result || seen || given.errors) return JSON.stringify(given);
      const more = given.extensions === undefined ? "" : `,"extensions":${JSON.stringify(given.extensions)}`;
      return `{"data":${text}${more}}`;
    },
  };
  return result;
}

/** Returns a copy of `result` with `extensions` added to those it has. */
export function withExtensions(result: ExecutionResult, extensions: Extensions): ExecutionResult {
  const all = { ...result.extensions, ...extensions };
  // A copy of a result for plugins is written anew.
  if (!isStringified(result) || result[madeForPlugins]) return { ...result, extensions: all };
  const text = result.stringify();
  const extended: StringifiedResult = {
    get data() {
      return result.data ?? null;
    },
    extensions: all,
    stringify: () => `${text.slice(0, -1)},"extensions":${JSON.stringify(all)}}`,
  };
  return extended;
}

function dataIn(text: string): Data {
  return JSON.parse(text) as Record<string, unknown>; // an object, by its braces
}

function isStringified(result: ExecutionResult): result is StringifiedResult {
  return "stringify" in result;
}
