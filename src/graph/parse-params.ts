import type { Parameters } from "./operations.ts";

/** The names that a request's parameters have. */
const parameterNames: ReadonlySet<string> = new Set(["query", "variables", "operationName", "extensions"]);

/** The parameters in a request's body; undefined where anything about them is odd, which is Yoga's to find the words for. */
export function parseParams(body: unknown): Parameters | undefined {
  if (typeof body !== "string") return undefined;
  const given = jsonOrUndefined(body);
  if (!isObject(given)) return undefined;
  for (const name in given) if (!parameterNames.has(name)) return undefined;
  const { query, variables, operationName, extensions } = given;
  if (typeof query !== "string") return undefined;
  if (!isObjectOrNothing(variables) || !isObjectOrNothing(extensions)) return undefined;
  if (operationName !== undefined && operationName !== null && typeof operationName !== "string") return undefined;
  return { query, variables, operationName, extensions };
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether `text` is a JSON object, or null, which stands for none. */
export function isJsonObject(text: string): boolean {
  return text.trim() === "null" || isObject(jsonOrUndefined(text));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isObjectOrNothing(value: unknown): value is Readonly<Record<string, unknown>> | null | undefined {
  return value === undefined || value === null || isObject(value);
}
