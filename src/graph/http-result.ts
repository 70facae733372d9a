import type { ExecutionResult } from "graphql";
import { type FetchAPI, processRegularResult } from "graphql-yoga";
import type { JsonType } from "./negotiate.ts";

/** An answer over HTTP. */
export interface HttpResult {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

// Yoga's processor, given something else to put its answer into: status, headers and body are those that Yoga itself would give.
// It constructs what it is given, and nothing of a Response is used but its arguments.
const httpResultApi = {
  Response: function asHttpResult(body: string, { status, headers }: Omit<HttpResult, "body">): HttpResult {
    return { status, headers, body };
  },
} as unknown as FetchAPI;

/** `result` as it goes over HTTP in that media type. */
export function httpResultOf(result: ExecutionResult, type: JsonType): HttpResult {
  return processRegularResult(result, httpResultApi, type) as unknown as HttpResult; // what `asItIs` constructs
}
