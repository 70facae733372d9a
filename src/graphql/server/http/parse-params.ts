import type { Parameters } from "../operations.ts";

/** The names of the parameters of a request. */
const parameterNames: ReadonlySet<string> = new Set(["query", "variables", "operationName", "extensions"]);

/**
 * Returns the parameters in the body of a request, or undefined if they are not well formed: Yoga then reports the
 * error.
 */
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

/** Whether `text` is a JSON object, or `null`, which means none. */
export function isJsonObject(text: string): boolean {
  return text.trim() === "null" || isObject(jsonOrUndefined(text));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isObjectOrNothing(value: unknown): value is Readonly<Record<string, unknown>> | null | undefined {
  return value === undefined || value === null || isObject(value);
}
