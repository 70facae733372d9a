import { request as httpRequest } from "node:http";
import type { TestApp } from "./app.ts";

/** A response of /v1 with the exact spelling of its header names. */
export interface V1Answer {
  readonly status: number;
  /** The headers, by their names as they were sent. */
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
  /** The body as JSON. Undefined if there is none. */
  // oxlint-disable-next-line typescript/no-explicit-any -- a test asserts on what it takes out of an answer
  readonly body: any;
}

export interface V1Call {
  readonly key?: string | undefined;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Sends a request with exactly this path. Clients send `>` and `<` unencoded, which `fetch` would encode. */
export function v1(
  { url }: Pick<TestApp, "url">,
  path: string,
  { key, method = "GET", headers = {}, body }: V1Call = {},
): Promise<V1Answer> {
  const sent = body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      {
        ...{ hostname, port, method, path },
        headers: {
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(sent === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(sent) }),
          ...headers,
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          const pairs = incoming.rawHeaders.flatMap((name, index, all): [string, string][] =>
            index % 2 === 0 ? [[name, all[index + 1] ?? ""]] : [],
          );
          const isJson = incoming.headers["content-type"]?.startsWith("application/json") === true && text !== "";
          resolve({
            status: incoming.statusCode ?? 0,
            headers: new Map(pairs),
            text,
            body: isJson ? JSON.parse(text) : undefined,
          });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(sent);
  });
}

/** Returns the links of a page, parsed as naively as some clients do: split at every comma and every semicolon. */
export function linksOf({ headers }: V1Answer): Record<string, string> {
  const header = headers.get("link");
  if (header === undefined) return {};
  return Object.fromEntries(
    header.split(",").map((part) => {
      const [target = "", relation = "", ...more] = part.split(";");
      if (more.length > 0) throw new Error(`More than a relation in ${part}`);
      return [/^rel="(\w+)"$/.exec(relation.trim())?.[1] ?? relation, /^<(.*)>$/.exec(target.trim())?.[1] ?? target];
    }),
  );
}

/** Returns the part of a URL after the host, which is all that some clients use. */
export function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
}
