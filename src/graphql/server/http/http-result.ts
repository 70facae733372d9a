import type { ExecutionResult } from "graphql";
import { type FetchAPI, processRegularResult } from "graphql-yoga";
import type { JsonType } from "./negotiate.ts";

/** A response over HTTP. */
export interface HttpResult {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
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
  return processRegularResult(result, httpResultApi, type) as unknown as HttpResult; // what `httpResultApi` constructs
}
