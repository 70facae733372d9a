import type { GraphqlPlugin } from "../../src/graphql/server/plugins.ts";
import type { TestApp } from "./app.ts";

/** Returns a plugin that records which of Envelop's hooks were called. */
export function notingHooks(): { readonly plugin: GraphqlPlugin; readonly take: () => readonly string[] } {
  const noted: string[] = [];
  const note = (name: string) => void noted.push(name);
  return {
    take: () => noted.splice(0),
    plugin: {
      onEnveloped: () => note("enveloped"),
      onParse: () => {
        note("parse");
        return () => note("parsed");
      },
      onValidate: () => {
        note("validate");
        return ({ valid }) => note(valid ? "valid" : "invalid");
      },
      onContextBuilding: () => {
        note("context");
        return () => note("context built");
      },
      onExecute: () => {
        note("execute");
        return { onExecuteDone: () => note("executed") };
      },
      onSubscribe: () => {
        note("subscribe");
      },
    },
  };
}

/** A response with its headers. */
export interface Sent {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** The ways in which clients send a query. */
export const ways = {
  "a plain POST": { accept: "application/json" },
  "the POST of Apollo's mobile clients": {
    accept: "multipart/mixed;deferSpec=20220824, application/graphql-response+json, application/json",
  },
  "a POST for parts": { accept: "multipart/mixed" },
  "a GET": { accept: "application/json", byGet: true },
} as const satisfies Record<string, { accept: string; byGet?: boolean }>;

/** Sends `parameters` in one of the {@link ways}. */
export async function sendBy(
  { url }: TestApp,
  key: string | undefined,
  way: keyof typeof ways,
  parameters: Readonly<Record<string, unknown>>,
): Promise<Sent> {
  const { accept, byGet = false }: { accept: string; byGet?: boolean } = ways[way];
  const headers = { accept, ...(key !== undefined && { "x-api-key": key }) };
  const inUrl = Object.entries(parameters).map(([name, value]): [string, string] => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  const response = byGet
    ? await fetch(`${url}/graphql?${new URLSearchParams(inUrl).toString()}`, { headers })
    : await fetch(`${url}/graphql`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(parameters),
      });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Returns the JSON of a response, or of its only part if it is multipart. */
export function jsonOf({ text, headers }: Sent): unknown {
  const isInParts = headers.get("content-type")?.startsWith("multipart/mixed") ?? false;
  return JSON.parse(isInParts ? text.slice(text.indexOf("\r\n\r\n"), text.lastIndexOf("\r\n---")) : text);
}
