import OAuth2Server from "@node-oauth/oauth2-server";
import { prices } from "../limits/cost.ts";
import { type RateLimiter, requireAllowance } from "../limits/limiter.ts";
import type { Origin } from "../viewer.ts";
import type { AuthenticatedClient, Credentials } from "./credentials.ts";
import { tokenLifetimeSeconds } from "./signing-keys.ts";
import type { AccessTokens } from "./tokens.ts";

/** The token endpoint of OAuth 2.0 with the client credentials grant (RFC 6749, sections 4.4 and 5). */
export interface TokenEndpoint {
  answer(request: TokenRequest): Promise<TokenAnswer>;
}

export interface TokenRequest {
  /** The parameters of the body by name. The media type of the body does not matter. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The Authorization header. */
  readonly authorization: string | undefined;
  readonly origin: Origin;
}

export interface TokenAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

/** RFC 6749, section 5.2. */
type TokenErrorCode = "invalid_request" | "invalid_client" | "invalid_grant" | "unsupported_grant_type" | "invalid_scope";

const noStore = { "cache-control": "no-store", pragma: "no-cache" };

/** Returns an error response as RFC 6749, section 5.2 defines it. */
export function tokenRefusal(error: TokenErrorCode, description: string): TokenAnswer {
  // HTTP requires a challenge with every 401, also if the credentials were in the body.
  const isClient = error === "invalid_client";
  return {
    status: isClient ? 401 : 400,
    headers: { ...noStore, ...(isClient && { "www-authenticate": 'Basic realm="token endpoint", charset="UTF-8"' }) },
    body: { error, error_description: description },
  };
}

export function createTokenEndpoint(dependencies: {
  credentials: Credentials;
  tokens: AccessTokens;
  /** The points that a client may spend: tokens count towards the same limit as its requests. */
  points: RateLimiter;
}): TokenEndpoint {
  const { credentials, tokens, points } = dependencies;

  return {
    async answer({ parameters, authorization, origin }) {
      const { client_secret: secretInBody, scope: wanted } = parameters;
      if (authorization !== undefined && secretInBody !== undefined) {
        return tokenRefusal("invalid_request", "Authenticate the client in one way: by HTTP Basic or in the body, not both.");
      }
      if (!hasClientCredentials(parameters, authorization)) return tokenRefusal("invalid_client", noClient);

      let scopes: readonly string[] = [];
      // The library performs the steps of the protocol and calls this model. Each request has a model of its own, which
      // knows the request's origin.
      const server = new OAuth2Server({
        accessTokenLifetime: tokenLifetimeSeconds,
        model: {
          async getClient(id: string, secret: string) {
            const client = secret ? await credentials.authenticateClient(id, secret, origin) : null;
            if (!client) return null;
            requireAllowance(await points.take(`OAUTH_CLIENT:${client.id}`, prices.token));
            return { ...client, grants: ["client_credentials"] };
          },
          getUserFromClient: (client) => Promise.resolve({ id: client.id }),
          validateScope(_user, client, requested) {
            scopes = grantedScopes(client as unknown as AuthenticatedClient, requested); // what getClient has returned
            return Promise.resolve(scopes.length > 0 && [...scopes]);
          },
          generateAccessToken: (client) => tokens.issue({ clientId: client.id, scopes }),
          // Tokens are not stored: a token is verified by its signature and by its client, which must still exist.
          saveToken: (token, client, user) => Promise.resolve({ ...token, client, user }),
          getAccessToken: () => Promise.resolve(null),
        },
      });
      const request = new OAuth2Server.Request({
        method: "POST",
        query: {},
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          // The library reads the body only if this header says that there is one.
          "content-length": "1",
          ...(authorization !== undefined && { authorization }),
        },
        body: parameters,
      });

      try {
        const { accessToken } = await server.token(request, new OAuth2Server.Response());
        const body = { access_token: accessToken, token_type: "Bearer", expires_in: tokenLifetimeSeconds };
        // RFC 6749, section 5.1: `scope` is in the response only if the request named scopes.
        return { status: 200, headers: noStore, body: wanted === undefined ? body : { ...body, scope: scopes.join(" ") } };
      } catch (error) {
        if (!(error instanceof OAuth2Server.OAuthError)) throw error;
        const code = tokenRefusals[error.name];
        if (code === undefined) throw causeOf(error);
        return tokenRefusal(code, descriptionOf(code, error));
      }
    },
  };
}

const tokenRefusals: Readonly<Record<string, TokenErrorCode>> = {
  invalid_request: "invalid_request",
  invalid_client: "invalid_client",
  invalid_grant: "invalid_grant",
  // The library knows more grant types than the gateway has. No client may use them.
  unauthorized_client: "unsupported_grant_type",
  unsupported_grant_type: "unsupported_grant_type",
  invalid_scope: "invalid_scope",
};

function hasClientCredentials(parameters: TokenRequest["parameters"], authorization: string | undefined): boolean {
  return authorization !== undefined || (parameters["client_id"] !== undefined && parameters["client_secret"] !== undefined);
}

/**
 * Returns the scopes of a token: all of the client's if the request names none, and none if it names one that the
 * client does not have.
 */
function grantedScopes(client: AuthenticatedClient, requested: readonly string[] | undefined): readonly string[] {
  if (requested === undefined) return client.scopes;
  const every = requested.every((name) => client.scopes.some((scope) => scope === name));
  return every ? client.scopes.filter((scope) => requested.includes(scope)) : [];
}

/** Returns the error that the library has wrapped into its own, such as one of the database, or `error` itself. */
function causeOf(error: Error): Error {
  return "inner" in error && error.inner instanceof Error ? error.inner : error;
}

const noClient = "The client is missing: send its id and secret by HTTP Basic, or in the body as client_id and client_secret.";

/** What each refusal of the library means at this endpoint. Its own messages speak of its parts. */
const refusalDescriptions: Readonly<Record<TokenErrorCode, string>> = {
  invalid_request: "The request cannot be read: send grant_type, client_id and client_secret once each.",
  invalid_client: "There is no client with this id and secret: it is unknown, expired or revoked.",
  invalid_grant: "The grant_type must be client_credentials.",
  unsupported_grant_type: "The grant_type must be client_credentials.",
  invalid_scope: "The scope must be some of the client's own scopes, with spaces between them.",
};

function descriptionOf(code: TokenErrorCode, { message }: Error): string {
  if (message.endsWith("cannot retrieve client credentials")) return noClient;
  const [, fault, parameter] = /^(Missing|Invalid) parameter: `(\w+)`$/.exec(message) ?? [];
  if (fault === undefined || code === "invalid_scope") return refusalDescriptions[code];
  return fault === "Missing"
    ? `The parameter ${parameter} is missing.`
    : `The parameter ${parameter} has characters that it may not have.`;
}
