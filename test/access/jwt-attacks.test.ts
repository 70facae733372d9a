import { createHmac } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, importJWK, type JWK } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSigningKeys } from "../../src/access/signing-keys.ts";
import { addAccount, call, sendText, signingSecret, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addClient, tokenOf } from "../support/oauth.ts";
import { oidcAlgorithm, oidcClient, type OidcIssuer, startOidcIssuer } from "../support/oidc-issuer.ts";

type Header = Record<string, unknown>;
type Claims = Record<string, unknown>;

/** An issuer the gateway trusts, with what only the issuer has. */
interface Trusted {
  readonly genuine: string;
  readonly algorithm: string;
  readonly key: { readonly privateKey: CryptoKey; readonly publicKey: CryptoKey; readonly publicJwk: JWK };
}

let app: TestApp;
let account: TestAccount;
let provider: OidcIssuer;
let trap: { readonly url: string; readonly server: Server; visits: number };
const trusted: Record<"own" | "outside", () => Promise<Trusted>> = { own: ownTokens, outside: outsideTokens };

beforeAll(async () => {
  provider = await startOidcIssuer();
  app = await startApp({ oidcIssuers: [provider.issuer] });
  account = await addAccount(app);
  const { id: personId, accountId } = account.specialist;
  const link = {
    accountId,
    personId,
    issuer: provider.issuer,
    subject: oidcClient.id,
    scopes: ["notes:read", "tickets:read"] as const,
  };
  await app.provisioning.addIdentityLink(link);

  // What an attacker hosts: a key set with their key. Nobody may come for it.
  const server = createServer((_request, response) => {
    trap.visits++;
    response.setHeader("content-type", "application/json").end(JSON.stringify({ keys: [] }));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  trap = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`, server, visits: 0 };
});

afterAll(async () => {
  await app.close();
  await provider.stop();
  trap.server.close();
});

async function ownTokens(): Promise<Trusted> {
  const client = await addClient(app, account.specialist, ["notes:read", "tickets:read"]);
  const keys = createSigningKeys({ database: app.database, clock: () => new Date(), signingSecret });
  const { id, privateKey } = await keys.current();
  const publicKey = (await keys.publicKey(id))!;
  const publicJwk = (await keys.published()).find((jwk) => jwk.kid === id)!;
  return { genuine: await tokenOf(app, client), algorithm: "EdDSA", key: { privateKey, publicKey, publicJwk } };
}

async function outsideTokens(): Promise<Trusted> {
  const { privateKey, publicJwk } = provider.key;
  const publicKey = (await importJWK(publicJwk, oidcAlgorithm)) as CryptoKey;
  return { genuine: await provider.tokenOf(app.url), algorithm: oidcAlgorithm, key: { privateKey, publicKey, publicJwk } };
}

const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
const decoded = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>;

/** Returns a token with this header and these claims, signed by hand: a library might correct them. */
async function forged(header: Header, claims: Claims, key: CryptoKey | string | null): Promise<string> {
  const input = `${encoded(header)}.${encoded(claims)}`;
  if (key === null) return `${input}.`;
  if (typeof key === "string") return `${input}.${createHmac("sha256", key).update(input).digest("base64url")}`;
  const signature = await crypto.subtle.sign({ ...key.algorithm, hash: "SHA-256" }, key, Buffer.from(input));
  return `${input}.${Buffer.from(signature).toString("base64url")}`;
}

async function statusesOf(token: string): Promise<number[]> {
  const graphql = await fetch(`${app.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: "{ viewer { role } }" }),
  });
  const path = "/v2/tickets/notes/019a0000-0000-7000-8000-000000000000";
  const rest = await call(app, undefined, "GET", path, undefined, { authorization: `Bearer ${token}` });
  const asKey = await call(app, token, "GET", path);
  return [graphql.status, rest.status, asKey.status];
}

const refused = [401, 401, 401];
const accepted = [200, 404, 404];

type Forgeries = readonly Promise<string>[];
type Attack = (given: Trusted & { header: Header; claims: Claims; now: number }) => Promise<Forgeries> | Forgeries;

const attacks: Record<string, Attack> = {
  "alg none": ({ header, claims }) => [
    forged({ ...header, alg: "none" }, claims, null),
    forged({ ...header, alg: "None" }, claims, null),
    forged({ alg: "none" }, claims, null),
  ],
  "HS256 with the public key": async ({ header, claims, key }) => {
    const secrets = [
      await exportSPKI(key.publicKey),
      (await exportSPKI(key.publicKey)).trim(),
      JSON.stringify(key.publicJwk),
      String(key.publicJwk.x),
    ];
    return secrets.map((secret) => forged({ ...header, alg: "HS256" }, claims, secret));
  },
  "another key under the same kid": async ({ header, claims, algorithm }) => {
    const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
    return [forged(header, claims, privateKey)];
  },
  "an unknown kid with a jku": async ({ header, claims, algorithm }) => {
    const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
    return [
      forged({ ...header, kid: "mine", jku: trap.url }, claims, privateKey),
      forged({ ...header, kid: "mine", x5u: trap.url }, claims, privateKey),
      forged({ ...header, jku: trap.url }, claims, privateKey),
    ];
  },
  "an embedded jwk": async ({ header, claims, algorithm }) => {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    const jwk = await exportJWK(publicKey);
    const { kid: _kid, ...unnamed } = header;
    return [forged({ ...header, jwk }, claims, privateKey), forged({ ...unnamed, jwk }, claims, privateKey)];
  },
  expired: ({ header, claims, now, key }) => [
    forged(header, { ...claims, iat: now - 7200, exp: now - 60 }, key.privateKey),
    forged(header, { ...claims, exp: 0 }, key.privateKey),
    forged(header, { ...claims, exp: undefined }, key.privateKey),
    forged(header, { ...claims, exp: "never" }, key.privateKey),
  ],
  "not yet valid": ({ header, claims, now, key }) => [forged(header, { ...claims, nbf: now + 600 }, key.privateKey)],
  "wrong audience": ({ header, claims, key }) => [
    forged(header, { ...claims, aud: "https://elsewhere.example" }, key.privateKey),
    forged(header, { ...claims, aud: [`${app.url}/`, "https://elsewhere.example"] }, key.privateKey),
    forged(header, { ...claims, aud: undefined }, key.privateKey),
  ],
  "wrong issuer": ({ header, claims, key }) => [
    forged(header, { ...claims, iss: "https://elsewhere.example" }, key.privateKey),
    forged(header, { ...claims, iss: `${String(claims["iss"])}/` }, key.privateKey),
    // Each trusted issuer in the name of the other.
    forged(header, { ...claims, iss: claims["iss"] === app.url ? provider.issuer : app.url }, key.privateKey),
    forged(header, { ...claims, iss: undefined }, key.privateKey),
  ],
  tampered: ({ genuine, claims }) => {
    const [header = "", payload = "", signature = ""] = genuine.split(".");
    const broken = `${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
    return [
      `${header}.${encoded({ ...claims, scope: "admin" })}.${signature}`,
      `${header}.${payload}.${broken}`,
      `${header}.${payload}.`,
      `${header}.${payload}.${signature}.${signature}`,
      `${encoded({ ...decoded(header), kid: "mine" })}.${payload}.${signature}`,
    ].map((token) => Promise.resolve(token));
  },
  crit: ({ header, claims, key }) => [
    forged({ ...header, crit: ["policy"], policy: "all" }, claims, key.privateKey),
    forged({ ...header, crit: ["exp"], exp: 1 }, claims, key.privateKey),
    forged({ ...header, crit: [] }, claims, key.privateKey),
  ],
  "a token of another type": ({ header, claims, key }) => [
    forged({ ...header, typ: "logout+jwt" }, claims, key.privateKey),
    forged({ ...header, typ: "dpop+jwt" }, claims, key.privateKey),
  ],
};

describe.each(["own", "outside"] as const)("a token of the %s issuer", (which) => {
  async function given(): Promise<Parameters<Attack>[0]> {
    const issuer = await trusted[which]();
    const [header = "", payload = ""] = issuer.genuine.split(".");
    return { ...issuer, header: decoded(header), claims: decoded(payload), now: Math.floor(Date.now() / 1000) };
  }

  test("is taken as it was given out, and as forged here with the issuer's own key: so each refusal below has its one reason", async () => {
    const { genuine, header, claims, key } = await given();
    expect(await statusesOf(genuine)).toEqual(accepted);
    expect(await statusesOf(await forged(header, { ...claims, jti: "another" }, key.privateKey))).toEqual(accepted);
  });

  test.each(Object.entries(attacks))("is refused: %s", async (_name, attack) => {
    const tokens = await Promise.all(await attack(await given()));
    expect(tokens.length).toBeGreaterThan(0);
    for (const token of tokens) expect(await statusesOf(token), token).toEqual(refused);
    expect(trap.visits).toBe(0);
  });
});

test("a token of a trusted issuer about a subject that is not linked acts for nobody, whatever else it claims", async () => {
  const { header, claims, key } = await (async () => {
    const issuer = await outsideTokens();
    const [head = "", payload = ""] = issuer.genuine.split(".");
    return { ...issuer, header: decoded(head), claims: decoded(payload) };
  })();
  const stranger = {
    ...claims,
    sub: "somebody",
    account: account.slug,
    email: "ada@example.com",
    person_id: account.specialist.id,
  };
  // Its client is linked. A token that speaks for somebody else is not the client's.
  expect(await statusesOf(await forged(header, { ...stranger, client_id: oidcClient.id }, key.privateKey))).toEqual(refused);
  expect(await statusesOf(await forged(header, { ...claims, sub: undefined }, key.privateKey))).toEqual(accepted);
  expect(await statusesOf(await forged(header, { ...claims, sub: "a\0b" }, key.privateKey))).toEqual(refused);
});

test("a linked token has the scopes of its link, and where it names some of ours, no others", async () => {
  const { genuine, key } = await outsideTokens();
  const [header = "", payload = ""] = genuine.split(".");
  const scopesOf = async (scope: string | undefined) => {
    const token = await forged(decoded(header), { ...decoded(payload), scope }, key.privateKey);
    return (await sendText<{ viewer: { scopes: string[] } }>(app.url, token, "{ viewer { scopes } }")).data.viewer.scopes;
  };
  expect(await scopesOf(undefined)).toEqual(["TICKETS_READ", "NOTES_READ"]);
  expect(await scopesOf("openid profile")).toEqual(["TICKETS_READ", "NOTES_READ"]);
  expect(await scopesOf("openid notes:read admin")).toEqual(["NOTES_READ"]);
});
