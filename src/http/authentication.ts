import type { IncomingHttpHeaders } from "node:http";
import type { FastifyRequest } from "fastify";
import type { Credentials, Resolution } from "../access/credentials.ts";
import { Forbidden, Unauthenticated } from "../errors.ts";
import { type AnonymousViewer, anonymous, type Origin, type Viewer } from "../viewer.ts";

/** Who a request says is asking. What each outcome is answered with is for its face to say. */
export type Identification = Resolution | { readonly outcome: "anonymous"; readonly viewer: AnonymousViewer };

/** As much of a user agent's name as the audit keeps. */
const longestUserAgent = 512;

/**
 * Who is asking in the account of the slug `account`, or in the credential's own where it is undefined: by `X-API-Key` or
 * `Authorization: Bearer`, either is enough.
 */
export async function identify(
  request: FastifyRequest,
  credentials: Credentials,
  account: string | undefined,
): Promise<Identification> {
  const given = credentialIn(request.headers);
  if (given === undefined) return { outcome: "anonymous", viewer: anonymous };
  if (given === "") return { outcome: "invalid" };
  return credentials.resolve(given, { account, origin: originOf(request) });
}

/**
 * As {@link identify}, in the account that `X-Account` names, for the faces that have one answer to whatever stands in the way. Without a
 * credential the viewer is anonymous, and it is for the policies to refuse them.
 *
 * @throws {Unauthenticated} where a credential is given and is not valid: going on without it would hide the mistake.
 * @throws {Forbidden} where it may not be used in that account, whether there is one or not.
 */
export async function authenticate(request: FastifyRequest, credentials: Credentials): Promise<Viewer> {
  const identified = await identify(request, credentials, accountIn(request.headers));
  switch (identified.outcome) {
    case "anonymous":
    case "viewer":
      return identified.viewer;
    case "invalid":
      throw new Unauthenticated("The credential is not valid: it is unknown, expired or revoked.");
    case "account-refused":
      throw new Forbidden("The credential may not be used in the account that X-Account names.");
  }
}

/** Where a request came from, as the audit keeps it. */
export function originOf(request: FastifyRequest): Origin {
  return {
    address: request.ip,
    userAgent: request.headers["user-agent"]?.slice(0, longestUserAgent) ?? null,
    requestId: request.id,
  };
}

/** The credential in `headers`; empty where there is one of a kind that is not taken. */
function credentialIn(headers: IncomingHttpHeaders): string | undefined {
  const apiKey = headers["x-api-key"];
  if (apiKey !== undefined) return String(apiKey).trim();
  const { authorization } = headers;
  if (authorization === undefined) return undefined;
  return /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? "";
}

function accountIn(headers: IncomingHttpHeaders): string | undefined {
  const name = headers["x-account"];
  return name === undefined || name === "" ? undefined : String(name).trim();
}
