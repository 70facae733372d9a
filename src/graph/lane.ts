import type { ExecutionResult } from "graphql";
import { type FetchAPI, processRegularResult } from "graphql-yoga";
import type { Parameters } from "./operations.ts";

/** The media types of the JSON lane. */
export type JsonType = "application/json" | "application/graphql-response+json";

/** What is taken where nothing is said. */
export const defaultAccept = "application/graphql-response+json, application/json";

const jsonTypes: Readonly<Record<string, JsonType>> = {
  "application/json": "application/json",
  "application/graphql-response+json": "application/graphql-response+json",
  // Yoga prefers plain JSON where it is left the choice.
  "application/*": "application/json",
  "*/*": "application/json",
};

/**
 * The media type in which `accept` wants its answer, where everything that it lists is JSON; undefined where the choice is Yoga's to make. As
 * Yoga does, this takes the first that is listed and knows no weights.
 */
export function jsonTypeOf(accept = defaultAccept): JsonType | undefined {
  if (Object.hasOwn(jsonTypes, accept)) return jsonTypes[accept];
  let first: JsonType | undefined;
  for (const range of accept.toLowerCase().split(",")) {
    const [name = "", ...parameters] = range.split(";").map((part) => part.trim());
    const type = Object.hasOwn(jsonTypes, name) ? jsonTypes[name] : undefined;
    const charset = parameters.find((parameter) => parameter.includes("charset="));
    if (type === undefined || (charset !== undefined && charset !== "charset=utf-8")) return undefined;
    first ??= type;
  }
  return first;
}

/** The names that a request's parameters have. */
const parameterNames: ReadonlySet<string> = new Set(["query", "variables", "operationName", "extensions"]);

/** The parameters in a request's body; undefined where anything about them is odd, which is Yoga's to find the words for. */
export function readParameters(body: unknown): Parameters | undefined {
  if (typeof body !== "string") return undefined;
  const given = parseJson(body);
  if (!isObject(given)) return undefined;
  for (const name in given) if (!parameterNames.has(name)) return undefined;
  const { query, variables, operationName, extensions } = given;
  if (typeof query !== "string") return undefined;
  if (!isObjectOrNothing(variables) || !isObjectOrNothing(extensions)) return undefined;
  if (operationName !== undefined && operationName !== null && typeof operationName !== "string") return undefined;
  return { query, variables, operationName };
}

/** An answer over HTTP. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

// Yoga's processor, given something else to put its answer into: status, headers and body are those of Yoga's own lane.
// It constructs what it is given, and nothing of a Response is used but its arguments.
const asItIs = {
  Response: function asHttpAnswer(body: string, { status, headers }: Omit<HttpAnswer, "body">): HttpAnswer {
    return { status, headers, body };
  },
} as unknown as FetchAPI;

/** `result` as it goes over HTTP in that media type. */
export function httpAnswerOf(result: ExecutionResult, type: JsonType): HttpAnswer {
  return processRegularResult(result, asItIs, type) as unknown as HttpAnswer; // what `asItIs` constructs
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isObjectOrNothing(value: unknown): value is Readonly<Record<string, unknown>> | null | undefined {
  return value === undefined || value === null || isObject(value);
}
