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

/** Returns `result` as a response of that media type. */
export function httpResultOf(result: ExecutionResult, type: JsonType): HttpResult {
  const body = bodyOfJson(result);
  // Status and headers depend on the errors, not on the data.
  const processed = processRegularResult(body ? withoutData : result, httpResultApi, type);
  const response = processed as unknown as HttpResult; // what `httpResultApi` constructs
  return body ? { ...response, body: responseBody(body) } : response;
}

const withoutData: ExecutionResult = { data: null };
