import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isKnownTag } from "../kit/conditions.ts";

/** A body that is made once and always the same, such as a page or a script. */
export interface FixedResponse {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** The hash of what is served, as it stands in entity tags and in the addresses of assets. */
export function revisionOf(...contents: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const content of contents) hash.update(content).update("\n");
  return hash.digest("base64url").slice(0, 16);
}

/** Returns the response of that text, with a weak entity tag: it may be sent in several codings. */
export function fixedResponse(text: string, headers: Readonly<Record<string, string>>): FixedResponse {
  const body = Buffer.from(text);
  return {
    body,
    headers: { etag: `W/"${revisionOf(body)}"`, "x-content-type-options": "nosniff", ...headers },
  };
}

/** The options of a route that sends fixed responses: each is compressed once. */
export const constantBody = { config: { constantBody: true } } as const;

/** Sends a fixed response, or 304 to a client that has it (RFC 9110, 13.1.2). */
export function sendFixed(request: FastifyRequest, reply: FastifyReply, { body, headers }: FixedResponse): FastifyReply {
  reply.headers(headers);
  if (isKnownTag(request.headers["if-none-match"], headers["etag"] ?? "")) return reply.code(304).send();
  return reply.send(body);
}

/** The headers of an asset whose address has its hash: whoever has it need never ask again. */
export const assetHeaders = {
  "cache-control": "public, max-age=31536000, immutable",
  "content-security-policy": "default-src 'none'",
  "cross-origin-resource-policy": "same-origin",
} as const;

const mediaTypes = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json; charset=utf-8",
} as const;

/** Serves a text at an address that has its hash. Returns the address, below the server's root. */
export function serveAsset(app: FastifyInstance, name: `${string}.${keyof typeof mediaTypes}`, text: string): string {
  const extension = name.slice(name.lastIndexOf(".") + 1) as keyof typeof mediaTypes; // the type of `name` says so
  const response = fixedResponse(text, { ...assetHeaders, "content-type": mediaTypes[extension] });
  const path = `/assets/${revisionOf(text)}/${name}`;
  app.get(path, constantBody, async (request, reply) => sendFixed(request, reply, response));
  return path;
}

/** Returns whether a client asks for a page as a browser does. One that takes anything, such as curl, does not. */
export function wantsPage({ headers }: FastifyRequest): boolean {
  const ranges = (headers.accept ?? "").toLowerCase().split(",");
  return ranges.some((range) => range.trim().startsWith("text/html") && !/;\s*q=0(\.0*)?\s*$/.test(range));
}
