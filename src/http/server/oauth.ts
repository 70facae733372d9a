import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { SigningKeys } from "../../access/signing-keys.ts";
import { type TokenAnswer, type TokenEndpoint, tokenRefusal } from "../../access/token-endpoint.ts";
import { scopes } from "../../viewer.ts";
import { originOf } from "./authentication.ts";
import { Refusal } from "../kit/refusal.ts";
import { describeFailure } from "../kit/failure.ts";

export interface OAuthOptions {
  readonly publicUrl: string;
  readonly tokenEndpoint: TokenEndpoint;
  readonly signingKeys: SigningKeys;
}

/** The paths where clients of the two REST APIs request tokens: the first is /v2's, the others are /v1's. */
const tokenPaths = ["/oauth2/token", "/oauth/token", "/token"] as const;

/**
 * The maximum size of a token request, far above any real one. It bounds the work, because every parameter is checked.
 */
const maximumTokenRequestBytes = 16_384;

const keySetPath = "/.well-known/jwks.json";

/** Serves the token endpoint and the documents that say how to verify the gateway's access tokens. A Fastify plugin. */
export async function oauth(app: FastifyInstance, { publicUrl, tokenEndpoint, signingKeys }: OAuthOptions): Promise<void> {
  // URLSearchParams keeps a parameter that is sent twice, which must be refused.
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) =>
    done(null, new URLSearchParams(String(body))),
  );

  app.setErrorHandler((error, request, reply) => {
    const { status, detail, retryAfterSeconds } = describeFailure(error, request);
    // RFC 6749, section 5.2, uses 400 for wrong parameters. These errors are about the form of the body.
    if (error instanceof Refusal)
      return send(reply, { ...tokenRefusal("invalid_request", withinAlphabet(detail)), status: error.statusCode });
    const isBusy = status === 429 || status === 503;
    if (status < 500 && !isBusy) return send(reply, tokenRefusal("invalid_request", withinAlphabet(detail)));
    if (status >= 500) request.log.error({ err: error }, "a token could not be issued");
    // RFC 6749 has no code for either error at this endpoint. This code of its section 4.1.2.1 has the right meaning.
    const code = isBusy ? "temporarily_unavailable" : "server_error";
    return send(reply, {
      status,
      headers: {
        "cache-control": "no-store",
        ...(retryAfterSeconds !== undefined && { "retry-after": String(retryAfterSeconds) }),
      },
      body: { error: code, error_description: withinAlphabet(detail) },
    });
  });

  for (const path of tokenPaths) {
    app.post(path, { bodyLimit: maximumTokenRequestBytes }, async (request, reply) => {
      const parameters = request.url.includes("?") ? queryRefusal : parametersOf(request);
      if ("status" in parameters) return send(reply, parameters);
      const authorization = request.headers.authorization === "" ? undefined : request.headers.authorization;
      return send(
        reply,
        await tokenEndpoint.answer({ parameters: parameters.given, authorization, origin: originOf(request) }),
      );
    });
    app.route({
      method: ["GET", "PUT", "PATCH", "DELETE"],
      url: path,
      handler: async (_request, reply) => send(reply.header("allow", "POST"), { ...methodRefusal, status: 405 }),
    });
  }

  const metadata = {
    issuer: publicUrl,
    token_endpoint: `${publicUrl}${tokenPaths[0]}`,
    jwks_uri: `${publicUrl}${keySetPath}`,
    grant_types_supported: ["client_credentials"],
    token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
    scopes_supported: scopes,
    response_types_supported: [],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["EdDSA"],
  };
  // OpenID Connect Discovery and RFC 8414 use different paths, and verifiers use either.
  for (const path of ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]) {
    app.get(path, async (_request, reply) => reply.header("cache-control", "public, max-age=300").send(metadata));
  }
  app.get(keySetPath, async (_request, reply) =>
    // Much shorter than the time between a key's publication and its first use.
    reply.header("cache-control", "public, max-age=300").send({ keys: await signingKeys.published() }),
  );
}

const queryRefusal = tokenRefusal("invalid_request", "Send the parameters in the body: what is in a URL ends up in logs.");
const methodRefusal = tokenRefusal("invalid_request", "Tokens are asked for by POST.");
const bodyRefusal = tokenRefusal("invalid_request", "The body must be a form or a JSON object, of names and texts.");

/** The parameters that the endpoint knows. */
const tokenParameters: ReadonlySet<string> = new Set(["grant_type", "client_id", "client_secret", "scope"]);

/**
 * Returns the parameters of a token request, or the refusal. A parameter may be sent once only, and one without a value
 * counts as omitted. Those that the endpoint does not know are ignored (RFC 6749, section 3.2).
 */
function parametersOf({ body }: FastifyRequest): { readonly given: Record<string, string> } | TokenAnswer {
  const entries: [string, unknown][] | undefined =
    body instanceof URLSearchParams
      ? [...body.entries()]
      : typeof body === "object" && body !== null && !Array.isArray(body)
        ? Object.entries(body)
        : undefined;
  if (!entries) return bodyRefusal;
  const given = new Map<string, string>();
  for (const [name, value] of entries) {
    if (given.has(name)) return tokenRefusal("invalid_request", "A parameter is given more than once.");
    if (value === null || value === "") continue;
    if (typeof value !== "string" && tokenParameters.has(name)) return bodyRefusal;
    if (typeof value !== "string") continue;
    given.set(name, value);
  }
  return { given: Object.fromEntries(given) };
}

/**
 * Returns the text with a question mark for each character that RFC 6749, section 5.2 does not allow in descriptions.
 */
function withinAlphabet(text: string): string {
  return text.replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "?");
}

function send(reply: FastifyReply, { status, headers, body }: TokenAnswer): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}
