import type { Scope } from "../../src/viewer.ts";
import type { TestApp, TestPerson } from "./app.ts";

/** A client of the token endpoint. */
export interface TestClient {
  readonly id: string;
  readonly secret: string;
}

/** Adds a client that acts for `person`. */
export async function addClient({ provisioning }: TestApp, person: TestPerson, scopes: readonly Scope[]): Promise<TestClient> {
  const { client, secret } = await provisioning.addOAuthClient({
    accountId: person.accountId,
    personId: person.id,
    name: "test",
    scopes,
  });
  return { id: client.id, secret };
}

export interface TokenResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** Requests a token with `parameters` as a form. */
export function askForToken(
  { url }: Pick<TestApp, "url">,
  parameters: Record<string, string>,
  { path = "/oauth2/token", headers = {} }: { path?: string; headers?: Record<string, string> } = {},
): Promise<TokenResponse> {
  return post(`${url}${path}`, new URLSearchParams(parameters).toString(), {
    "content-type": "application/x-www-form-urlencoded",
    ...headers,
  });
}

export async function post(url: string, body: string, headers: Record<string, string>): Promise<TokenResponse> {
  const response = await fetch(url, { method: "POST", headers, body });
  // The endpoint always returns an object; the tests check its members.
  return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> };
}

/** Returns an access token of the client. */
export async function tokenOf(app: Pick<TestApp, "url">, client: TestClient, scope?: string): Promise<string> {
  const { body } = await askForToken(app, {
    grant_type: "client_credentials",
    client_id: client.id,
    client_secret: client.secret,
    ...(scope !== undefined && { scope }),
  });
  return String(body["access_token"]);
}
