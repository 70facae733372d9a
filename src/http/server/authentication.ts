import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import type { FastifyRequest } from "fastify";
import type { Credentials, Resolution } from "../../access/credentials.ts";
import { Forbidden, Unauthenticated } from "../../errors.ts";
import { type AnonymousViewer, anonymous, type Origin, type Viewer } from "../../viewer.ts";

/** Who sends a request, according to its credentials. Each API decides how it answers each outcome. */
export type Identification =
  | Resolution
  | { readonly outcome: "anonymous"; readonly viewer: AnonymousViewer }
  /** A bearer token and an API key, both valid, of two people. */
  | { readonly outcome: "contradictory" };

/** As much of a user agent's name as the audit keeps. */
const longestUserAgent = 512;

/**
 * Who is asking in the account of the slug `account`, or in the credential's own where it is undefined: by `X-API-Key` or
 * `Authorization: Bearer`, either is enough. Where both are sent the bearer token decides; a key beside it counts only where it is valid and
 * another person's, for then one of the two is a mistake.
 */
export async function identify(
  request: FastifyRequest,
  credentials: Credentials,
  account: string | undefined,
): Promise<Identification> {
  const { bearer, apiKey } = credentialsIn(request.headers);
  const given = bearer ?? apiKey;
  if (given === undefined) return { outcome: "anonymous", viewer: anonymous };
  if (given === "") return { outcome: "invalid" };
  const { responseAllowance: response } = request;
  const origin = originOf(request);
  const identified = await credentials.resolve(given, { account, origin, response });
  if (identified.outcome !== "viewer" || bearer === undefined || !apiKey || apiKey === bearer) return identified;
  const beside = await credentials.resolve(apiKey, { origin, response });
  const isAnother = beside.outcome === "viewer" && beside.viewer.person.id !== identified.viewer.person.id;
  return isAnother ? { outcome: "contradictory" } : identified;
}

/**
 * Like {@link identify}, in the account that `X-Account` names, for the APIs that have one answer for every failure. Without a
 * credential the viewer is anonymous, and the policies refuse them.
 *
 * @throws {Unauthenticated} if the request has a credential that is not valid: to go on without it would hide the mistake.
 * @throws {Forbidden} if the credential may not be used in that account, whether the account exists or not.
 */
export async function authenticate(request: FastifyRequest, credentials: Credentials): Promise<Viewer> {
  const identified = await identify(request, credentials, accountIn(request.headers));
  switch (identified.outcome) {
    case "anonymous":
    case "viewer":
      return identified.viewer;
    case "invalid":
      throw new Unauthenticated("The credential is not valid: it is unknown, expired or revoked.");
    case "contradictory":
      throw new Unauthenticated("The bearer token and the API key are of two people: send one of them.");
    case "account-refused":
      throw new Forbidden("The credential may not be used in the account that X-Account names.");
  }
}

/** Where a request came from, as the audit keeps it. */
export function originOf(request: FastifyRequest): Origin {
  return {
    address: addressOf(request),
    userAgent: request.headers["user-agent"]?.slice(0, longestUserAgent) ?? null,
    requestId: request.id,
  };
}

/**
 * The IP address of the client: of the connection, or the one that the proxies of `TRUSTED_PROXIES` have seen. What they write there and is no
 * address, such as `unknown`, is not taken for one: it would be the client's to choose.
 */
export function addressOf(request: FastifyRequest): string | null {
  const { ip } = request;
  const seen = isIP(ip) ? ip : withoutPort(ip);
  const address = isIP(seen) ? seen : request.raw.socket.remoteAddress;
  // An IPv4 client of a server that listens on IPv6 too.
  return address?.replace(/^::ffff:(?=\d+\.)/i, "") ?? null;
}

/** Some proxies write the client's port too: 192.0.2.7:4711, [2001:db8::7]:4711. */
function withoutPort(seen: string): string {
  return /^\[(.+)\](:\d+)?$/.exec(seen)?.[1] ?? seen.replace(/:\d+$/, "");
}

/**
 * Returns the credentials in `headers`; a kind that is missing or not supported is empty. Beside an API key, an Authorization
 * header of another scheme is ignored: it may be a proxy's.
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
