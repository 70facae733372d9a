import type { ExecutionResult } from "graphql";
import { type FetchAPI, processRegularResult } from "graphql-yoga";
import { responseBody } from "../../../http/kit/response-body.ts";
import { bodyOfJson } from "../execution/execution-result.ts";
import type { JsonType } from "./negotiate.ts";

/** A response over HTTP. */
export interface HttpResult {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

// Yoga's result processor determines status, headers and body. It constructs the given class and uses nothing of a
// Response but the arguments of its constructor.
const httpResultApi = {
  Response: function asHttpResult(body: string, { status, headers }: Omit<HttpResult, "body">): HttpResult {
    return { status, headers, body };
  },
} as unknown as FetchAPI;

/** Responses to results without errors. Their status and headers depend on the media type alone. */
const successes: Readonly<Record<JsonType, HttpResult>> = {
  "application/json": processed({ data: null }, "application/json"),
  "application/graphql-response+json": processed({ data: null }, "application/graphql-response+json"),
};

/** Returns `result` as a response of that media type. */
export function httpResultOf(result: ExecutionResult, type: JsonType): HttpResult {
  const body = bodyOfJson(result);
  return body ? { ...successes[type], body: responseBody(body) } : processed(result, type);
}

function processed(result: ExecutionResult, type: JsonType): HttpResult {
  return processRegularResult(result, httpResultApi, type) as unknown as HttpResult; // what `httpResultApi` constructs
}
