import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK } from "jose";
import { Provider } from "oidc-provider";

/** A real OpenID Connect provider on this machine, which issues access tokens for a gateway. */
export interface OidcIssuer {
  readonly issuer: string;
  /** The number of requests for its key set. */
  readonly asked: { keys: number };
  /** The current signing key. */
  readonly key: { readonly id: string; readonly privateKey: CryptoKey; readonly publicJwk: JWK };
  /** Returns a token for the client from the provider's token endpoint. */
  tokenOf(audience: string): Promise<string>;
  /** Replaces the signing key. The key set then has the new key only. */
  rotate(): Promise<void>;
  /** Stops answering until {@link OidcIssuer.resume}. */
  stop(): Promise<void>;
  resume(): Promise<void>;
}

export const oidcClient = { id: "night-shift", secret: "a secret of the provider's own" };
export const oidcAlgorithm = "ES256";

export async function startOidcIssuer(): Promise<OidcIssuer> {
  let server = createServer();
  await listen(server, 0);
  // A server that listens on a TCP port has an address object and never a text.
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;
  const asked = { keys: 0 };
  let key = await newKey();
  let provider = createProvider(issuer, key.privateJwk);
  const answer = (...[request, response]: Parameters<ReturnType<Provider["callback"]>>) => {
    if (request.url?.startsWith("/jwks")) asked.keys++;
    void provider.callback()(request, response);
  };
  server.on("request", answer);

  return {
    issuer,
    asked,
    get key() {
      return key;
    },
    async tokenOf(audience) {
      const response = await fetch(`${issuer}/token`, {
        method: "POST",
        headers: { authorization: `Basic ${btoa(`${oidcClient.id}:${encodeURIComponent(oidcClient.secret)}`)}` },
        body: new URLSearchParams({ grant_type: "client_credentials", resource: audience }),
      });
      const body = (await response.json()) as { access_token?: string };
      if (body.access_token === undefined) throw new Error(`The provider gives no token: ${JSON.stringify(body)}`);
      return body.access_token;
    },
    async rotate() {
      key = await newKey();
      provider = createProvider(issuer, key.privateJwk);
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
    async resume() {
      server = createServer(answer);
      await listen(server, port);
    },
  };
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  // A test that does not resume it must still be able to end.
  server.unref();
}

let keyCount = 0;

async function newKey(): Promise<OidcIssuer["key"] & { readonly privateJwk: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair(oidcAlgorithm, { extractable: true });
  const id = `provider-key-${++keyCount}`;
  const named = { kid: id, alg: oidcAlgorithm, use: "sig" };
  return {
    id,
    privateKey,
    publicJwk: { ...(await exportJWK(publicKey)), ...named },
    privateJwk: { ...(await exportJWK(privateKey)), ...named },
  };
}

function createProvider(issuer: string, privateJwk: JWK): Provider {
  return new Provider(issuer, {
    jwks: { keys: [privateJwk] },
    // Its tokens are signed and not stored, so the adapter stores nothing.
    adapter: () => ({
      upsert: nothing,
      find: nothing,
      findByUid: nothing,
      findByUserCode: nothing,
      consume: nothing,
      destroy: nothing,
      revokeByGrantId: nothing,
    }),
    ttl: { ClientCredentials: 3600 },
    clients: [
      {
        client_id: oidcClient.id,
        client_secret: oidcClient.secret,
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: oidcAlgorithm,
      },
    ],
    enabledJWA: { idTokenSigningAlgValues: [oidcAlgorithm] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          scope: "",
          audience: resource,
          accessTokenFormat: "jwt",
          accessTokenTTL: 3600,
          jwt: { sign: { alg: oidcAlgorithm } },
        }),
      },
    },
  });
}

function nothing(): Promise<undefined> {
  return Promise.resolve(undefined);
}
