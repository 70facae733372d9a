import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import type { FastifyRequest } from "fastify";
import type { Credentials, Resolution } from "../../access/credentials.ts";
import { Forbidden, Unauthenticated } from "../../errors.ts";
import { type MaybePromise, mapMaybePromise } from "../../lib/maybe-promise.ts";
import { type AnonymousViewer, anonymous, type Origin, type Viewer } from "../../viewer.ts";

/** The sender of a request, according to its credentials. Each API decides how it responds to each outcome. */
export type Identification =
  | Resolution
  | { readonly outcome: "anonymous"; readonly viewer: AnonymousViewer }
  /** The request has an empty API key, or an Authorization that is no bearer token. */
  | { readonly outcome: "malformed" }
  /** The request has a valid bearer token of one person and a valid API key of another one. */
  | { readonly outcome: "contradictory" };

/** The length to which the audit cuts user agents, in characters. */
const maxUserAgentLength = 512;

/**
 * Returns the sender of a request, acting in the account with the slug `account` or, if it is undefined, in the
 * credential's own. The credential is in `X-API-Key` or `Authorization: Bearer`. If both are sent the bearer token
 * decides. A valid key of another person beside it makes the request contradictory, because one of the two must be a
 * mistake.
 */
export function identify(
  request: FastifyRequest,
  credentials: Credentials,
  account: string | undefined,
): MaybePromise<Identification> {
  const { bearer, apiKey } = credentialsIn(request.headers);
  const given = bearer ?? apiKey;
  if (given === undefined) return { outcome: "anonymous", viewer: anonymous };
  if (given === "") return { outcome: "malformed" };
  const { responseAllowance: response } = request;
  const origin = originOf(request);
  return mapMaybePromise(credentials.resolve(given, { account, origin, response }), (identified) => {
    if (identified.outcome !== "viewer" || bearer === undefined || !apiKey || apiKey === bearer) return identified;
    return mapMaybePromise(credentials.resolve(apiKey, { origin, response }), (beside) => {
      const isAnother = beside.outcome === "viewer" && beside.viewer.person.id !== identified.viewer.person.id;
      return isAnother ? { outcome: "contradictory" } : identified;
    });
  });
}

/**
 * Returns the viewer of a request in the account that `X-Account` names, for the APIs that respond alike to every
 * failure. A request without a credential has an anonymous viewer, whom the policies refuse. Throws
 * {@link Unauthenticated} if the request has a credential that is not valid: treating it as anonymous would hide the
 * mistake. Throws {@link Forbidden} if the credential may not be used in that account, whether the account exists or
 * not.
 */
export function authenticate(request: FastifyRequest, credentials: Credentials): MaybePromise<Viewer> {
  return mapMaybePromise(identify(request, credentials, accountIn(request.headers)), viewerIn);
}

function viewerIn(identified: Identification): Viewer {
  switch (identified.outcome) {
    case "anonymous":
    case "viewer":
      return identified.viewer;
    case "invalid":
      throw new Unauthenticated("The credential is not valid: it is unknown, expired or revoked.");
    case "malformed":
      throw new Unauthenticated("The credential cannot be read: send it as X-API-Key or as Authorization: Bearer.");
    case "contradictory":
      throw new Unauthenticated("The bearer token and the API key are of two people: send one of them.");
    case "account-refused":
      throw new Forbidden("The credential may not be used in the account that X-Account names.");
  }
}

/** Returns the origin of a request, as the audit records it. */
export function originOf(request: FastifyRequest): Origin {
  return {
    address: addressOf(request),
    userAgent: request.headers["user-agent"]?.slice(0, maxUserAgentLength) ?? null,
    requestId: request.id,
  };
}

/**
 * Returns the IP address of the client: the one that the proxies of `TRUSTED_PROXIES` report, or that of the
 * connection. A reported value that is not an address, such as `unknown`, is ignored, because a client could choose it.
 */
export function addressOf(request: FastifyRequest): string | null {
  const { ip } = request;
  const reported = isIP(ip) ? ip : withoutPort(ip);
  const address = isIP(reported) ? reported : request.raw.socket.remoteAddress;
  // A server that listens on IPv6 too sees an IPv4 client under a mapped address.
  return address?.replace(/^::ffff:(?=\d+\.)/i, "") ?? null;
}

/** Returns the address without the client's port, which some proxies add: 192.0.2.7:4711, [2001:db8::7]:4711. */
function withoutPort(address: string): string {
  return /^\[(.+)\](:\d+)?$/.exec(address)?.[1] ?? address.replace(/:\d+$/, "");
}

/**
 * Returns the credentials in `headers`. A missing kind is undefined; an Authorization header that is no bearer token is
 * an empty text. Beside an API key, an Authorization header of another scheme is ignored, because it may be for a
 * proxy.
 */
function credentialsIn(headers: IncomingHttpHeaders): { readonly bearer?: string; readonly apiKey?: string } {
  const { authorization } = headers;
  const apiKey = headers["x-api-key"];
  const key = apiKey === undefined ? {} : { apiKey: String(apiKey).trim() };
  if (authorization === undefined) return key;
  const isBearer = /^Bearer\b/i.test(authorization);
  if (!isBearer && apiKey !== undefined) return key;
  return { ...key, bearer: /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? "" };
}

function accountIn(headers: IncomingHttpHeaders): string | undefined {
  const name = headers["x-account"];
  return name === undefined || name === "" ? undefined : String(name).trim();
}
