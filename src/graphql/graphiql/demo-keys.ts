import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";

/** The API keys of the demo data, by the name of who has them. */
export type NamedKeys = Readonly<Record<string, string>>;

/**
 * Serves the demo data's keys at `<endpoint>/demo-keys`, for the sign-in of GraphiQL on the machine of the gateway:
 * `{"keys": [{"name", "apiKey"}]}`. The page has the token of the link that the start prints ({@link demoLink}), and
 * sends it as `X-Demo-Token`. Everybody else gets 404. A Fastify plugin; register it only if the database is the
 * embedded one, and the host listens and is addressed on this machine only.
 */
export async function registerDemoKeys(
  app: FastifyInstance,
  { endpoint, keys }: { readonly endpoint: string; readonly keys: NamedKeys },
): Promise<void> {
  const body = { keys: Object.entries(keys).map(([name, apiKey]) => ({ name, apiKey })) };
  const token = tokenOf(keys);
  app.get(`${endpoint}/demo-keys`, async (request, reply) =>
    isOwnPage(request) && hasToken(request, token)
      ? reply.header("cache-control", "no-store").send(body)
      : reply.callNotFound(),
  );
}

/**
 * Returns the link to GraphiQL whose sign-in offers the keys. Its token is in the fragment, which browsers send to
 * nobody: neither a proxy nor the log of one sees it.
 */
export function demoLink(publicUrl: string, keys: NamedKeys): string {
  return `${publicUrl}/graphql#demo=${tokenOf(keys)}`;
}

/** Returns a token that only who has the keys can know. It stays the same as long as they do, and so do bookmarks. */
function tokenOf(keys: NamedKeys): string {
  const sorted = Object.entries(keys).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return createHash("sha256")
    .update(`GraphiQL's link ${JSON.stringify(sorted)}`)
    .digest("base64url")
    .slice(0, 22);
}

function hasToken({ headers }: FastifyRequest, token: string): boolean {
  const sent = Buffer.from(String(headers["x-demo-token"] ?? ""));
  return sent.length === token.length && timingSafeEqual(sent, Buffer.from(token));
}

/** Whether a gateway may offer the keys of its demo data: it listens and is addressed on this machine only. */
export function offersDemoKeys({ host, publicUrl }: { readonly host: string; readonly publicUrl: string }): boolean {
  return isLoopbackName(host) && isLoopbackUrl(publicUrl);
}

/** Whether a URL leads to the machine itself. */
export function isLoopbackUrl(url: string): boolean {
  return isLoopbackName(new URL(url).hostname);
}

/**
 * Whether the request is one of this gateway's own page in a browser of this machine. Each condition stops another way
 * in: another machine; a proxy on this machine that says for whom it connects; a page of another origin whose name was
 * made to lead here (DNS rebinding); and a page of another origin. A proxy that says nothing is stopped by the token
 * only.
 */
function isOwnPage({ raw, headers }: FastifyRequest): boolean {
  const { remoteAddress = "" } = raw.socket;
  if (!isLoopbackName(remoteAddress.replace(/^::ffff:/i, ""))) return false;
  if (forwardingHeaders.some((name) => headers[name] !== undefined)) return false;
  if (!isLoopbackName(hostnameOf(headers.host))) return false;
  // Node.js keeps the first of several Host headers, and a proxy may have gone by another one.
  if (raw.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === "host").length !== 1) return false;
  const { origin } = headers;
  if (origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === headers.host)) return false;
  return headers["sec-fetch-site"] === "same-origin";
}

const forwardingHeaders = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];

/** Returns the name in a Host header, without its port. */
function hostnameOf(host = ""): string {
  return host.replace(/:\d+$/, "");
}

/** Whether a host name or an address is one of the machine itself. */
function isLoopbackName(name: string): boolean {
  return /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[?::1\]?)$/i.test(name);
}
