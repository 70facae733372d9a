import type { ExecutionResult } from "graphql";

type Data = Record<string, unknown> | null;
type Extensions = Readonly<Record<string, unknown>>;

// A symbol, which no JSON has.
const madeForPlugins = Symbol("made for plugins");

/** A result whose text is known. Yoga's result processors ask `stringify` for the body of what they are given, so that nothing is parsed for it. */
interface StringifiedResult extends ExecutionResult {
  readonly stringify: (given?: ExecutionResult) => string;
  /** That it was made for plugins. */
  readonly [madeForPlugins]?: true;
}

/** The result of which `data` is the text. It is parsed only where somebody looks at it, and is not to be changed or copied: see {@link forPlugins}. */
export function resultOfJson(data: string): ExecutionResult {
  const result: StringifiedResult = {
    get data() {
      return dataIn(data);
    },
    stringify: () => `{"data":${data}}`,
  };
  return result;
}

/** As {@link resultOfJson}, for plugins: a copy of it, and it itself where it was looked at or changed, are written anew, so that no change is lost. */
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

/** A copy of `result` with `extensions` beside its data, and beside those that it has. */
export function withExtensions(result: ExecutionResult, extensions: Extensions): ExecutionResult {
  const all = { ...result.extensions, ...extensions };
  // What was made for plugins is written anew as a copy.
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
