import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { graphql } from "../generated/gql.ts";
import type { Scope } from "../generated/graphql.ts";
import { addAccount, call, keyWith, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { globalId } from "../support/factories.ts";
import { addClient, askForToken } from "../support/oauth.ts";

const CreateApiKey = graphql(`
  mutation CreateApiKey($input: CreateApiKeyInput!) {
    createApiKey(input: $input) {
      __typename
      ... on CreateApiKeyPayload {
        secret
        apiKey {
          id
          name
          person {
            uuid
          }
          scopes
          expiresAt
          revokedAt
          lastUsedAt
        }
      }
      ... on Error {
        code
        message
      }
      ... on InvalidInputError {
        fields {
          path
        }
      }
    }
  }
`);

const RevokeApiKey = graphql(`
  mutation RevokeApiKey($id: ID!) {
    revokeApiKey(input: { id: $id }) {
      __typename
      ... on RevokeApiKeyPayload {
        apiKey {
          id
          revokedAt
        }
      }
      ... on Error {
        code
        message
      }
    }
  }
`);

const CreateClient = graphql(`
  mutation CreateClient($input: CreateOAuthClientInput!) {
    createOAuthClient(input: $input) {
      __typename
      ... on CreateOAuthClientPayload {
        secret
        oauthClient {
          id
          clientId
          name
          scopes
        }
      }
      ... on Error {
        code
      }
    }
  }
`);

const RevokeClient = graphql(`
  mutation RevokeClient($id: ID!) {
    revokeOAuthClient(input: { id: $id }) {
      __typename
      ... on RevokeOAuthClientPayload {
        oauthClient {
          revokedAt
        }
      }
    }
  }
`);

const ApiKeys = graphql(`
  query ApiKeys($first: Int, $after: String, $filter: CredentialFilter) {
    apiKeys(first: $first, after: $after, filter: $filter) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        id
        name
        person {
          name
        }
      }
    }
    oauthClients(first: 1) {
      totalCount
    }
  }
`);

let app: TestApp;
let account: TestAccount;
let other: TestAccount;

beforeAll(async () => {
  app = await startApp();
  [account, other] = [await addAccount(app), await addAccount(app)];
});
afterAll(() => app.close());

async function create(key: string, input: { name: string; personId?: string; scopes?: Scope[]; expiresAt?: string }) {
  return (await send(app, key, CreateApiKey, { input })).data.createApiKey;
}

describe("an administrator", () => {
  test("makes a key for themselves, which shows its secret this once and works", async () => {
    const made = await create(account.administrator.key, { name: "Night shift" });
    if (made.__typename !== "CreateApiKeyPayload") throw new Error(made.__typename);
    expect(made.secret).toMatch(/^tnk_[\w-]{43}$/);
    expect(made.apiKey).toMatchObject({
      name: "Night shift",
      person: { uuid: account.administrator.id },
      expiresAt: null,
      revokedAt: null,
    });
    expect(made.apiKey.scopes).toContain("ADMIN");
    const { data } = await send(app, made.secret, ApiKeys, { first: 1 });
    expect(data.apiKeys.nodes).toEqual([{ id: made.apiKey.id, name: "Night shift", person: { name: "Ada Administrator" } }]);
    expect(JSON.stringify(data)).not.toContain(made.secret);
  });

  test("makes a key for a member, of the scopes that the member can use", async () => {
    const personId = globalId("Person", account.customer.id);
    const made = await create(account.administrator.key, { name: "Portal", personId, expiresAt: "2999-01-01T00:00:00Z" });
    if (made.__typename !== "CreateApiKeyPayload") throw new Error(made.__typename);
    expect(made.apiKey.person.uuid).toBe(account.customer.id);
    expect(made.apiKey.expiresAt).toBe("2999-01-01T00:00:00.000Z");
    expect(made.apiKey.scopes).not.toContain("NOTES_INTERNAL");
    expect(made.apiKey.scopes).not.toContain("ADMIN");
  });

  test("is not let into a member's other accounts by a key they make for them", async () => {
    await app.provisioning.addMembership({ accountId: other.id, personId: account.specialist.id, role: "SPECIALIST" });
    const made = await create(account.administrator.key, { name: "Borrowed", personId: account.specialist.id });
    if (made.__typename !== "CreateApiKeyPayload") throw new Error(made.__typename);
    const status = async (key: string) =>
      (await call(app, key, "POST", "/graphql", { query: "{ viewer { role } }" }, { "x-account": other.slug })).status;
    expect(await status(made.secret)).toBe(403);
    expect(await status(account.specialist.key)).toBe(200);
  });

  test("revokes a key, which is listed from then on as revoked; again changes nothing", async () => {
    const made = await create(account.administrator.key, { name: "Lost phone" });
    if (made.__typename !== "CreateApiKeyPayload") throw new Error(made.__typename);
    const revoke = async () =>
      (await send(app, account.administrator.key, RevokeApiKey, { id: made.apiKey.id })).data.revokeApiKey;
    const revoked = await revoke();
    expect(revoked).toMatchObject({
      __typename: "RevokeApiKeyPayload",
      apiKey: { id: made.apiKey.id, revokedAt: expect.any(String) },
    });
    expect(await revoke()).toEqual(revoked);
    const isListed = async (isRevoked: boolean) => {
      const { data } = await send(app, account.administrator.key, ApiKeys, { first: 100, filter: { isRevoked } });
      return data.apiKeys.nodes.some(({ id }) => id === made.apiKey.id);
    };
    expect([await isListed(true), await isListed(false)]).toEqual([true, false]);
    expect((await call(app, made.secret, "GET", "/v2/tickets/notes/019a0000-0000-7000-8000-000000000000")).status).toBe(401);
  });

  test("makes and revokes clients in the same way", async () => {
    const { data } = await send(app, account.administrator.key, CreateClient, {
      input: { name: "ERP", scopes: ["NOTES_READ"] },
    });
    const made = data.createOAuthClient;
    if (made.__typename !== "CreateOAuthClientPayload") throw new Error(made.__typename);
    const ask = () =>
      askForToken(app, { grant_type: "client_credentials", client_id: made.oauthClient.clientId, client_secret: made.secret });
    expect((await ask()).status).toBe(200);
    await send(app, account.administrator.key, RevokeClient, { id: made.oauthClient.id });
    expect((await ask()).status).toBe(401);
  });

  test("pages through the keys of their account, and of no other", async () => {
    const own = await addAccount(app);
    const names: string[] = [];
    const page = async (after: string | null) =>
      (await send(app, own.administrator.key, ApiKeys, { first: 2, after })).data.apiKeys;
    const first = await page(null);
    const second = await page(first.pageInfo.endCursor ?? null);
    for (const { totalCount, nodes } of [first, second]) {
      expect(totalCount).toBe(4);
      names.push(...nodes.map(({ person }) => person.name));
    }
    expect([first.pageInfo.hasNextPage, second.pageInfo.hasNextPage]).toEqual([true, false]);
    expect(names).toEqual(["Otis Other", "Cleo Customer", "Sam Specialist", "Ada Administrator"]);
    const filter = { personId: own.customer.id };
    expect((await send(app, own.administrator.key, ApiKeys, { filter })).data.apiKeys.totalCount).toBe(1);
    const foreign = { personId: account.customer.id };
    expect((await send(app, own.administrator.key, ApiKeys, { filter: foreign })).data.apiKeys.totalCount).toBe(0);
  });

  test("reads a page of each kind, with its persons and its total, in one statement", async () => {
    const own = await addAccount(app);
    await addClient(app, own.specialist, ["notes:read"]);
    const page = "totalCount pageInfo { endCursor hasNextPage } edges { cursor } nodes { id name scopes person { uuid } }";
    for (const [list, total] of [
      ["apiKeys", 4],
      ["oauthClients", 1],
    ] as const) {
      const query = `{ list: ${list}(first: 3) { ${page} } }`;
      const { result, statements } = await app.statements.during(() =>
        call(app, own.administrator.key, "POST", "/graphql", { query }),
      );
      expect(result.body).toMatchObject({ data: { list: { totalCount: total, pageInfo: { hasNextPage: total > 3 } } } });
      const pages = statements.map(({ text }) => text).filter((text) => !text.includes("every_account"));
      expect(pages).toHaveLength(1);
      // The table has the hash of the secret beside what is shown.
      expect(pages[0]).not.toContain("hash");
    }
  });

  test.each([
    [{ name: "" }, ["name"]],
    [{ name: "a\0b" }, ["name"]],
    [{ name: "x".repeat(256) }, ["name"]],
    [{ name: "x", scopes: [] }, ["scopes"]],
    [{ name: "x", expiresAt: "2020-01-01T00:00:00Z" }, ["expiresAt"]],
  ])("makes nothing of %j", async (input, path) => {
    expect(await create(account.administrator.key, input)).toMatchObject({
      __typename: "InvalidInputError",
      fields: [{ path }],
    });
  });
});

describe("refused", () => {
  test("is a key for a person of another account, as one for a person that there is not", async () => {
    const foreign = await create(account.administrator.key, { name: "x", personId: other.specialist.id });
    const absent = await create(account.administrator.key, { name: "x", personId: "019a0000-0000-7000-8000-000000000000" });
    expect(foreign.__typename).toBe("NotFoundError");
    expect(foreign).toEqual(absent);
  });

  test("is revoking a key of another account, as one that there is not", async () => {
    const made = await create(other.administrator.key, { name: "theirs" });
    if (made.__typename !== "CreateApiKeyPayload") throw new Error(made.__typename);
    const foreign = await send(app, account.administrator.key, RevokeApiKey, { id: made.apiKey.id });
    const absent = await send(app, account.administrator.key, RevokeApiKey, { id: "019a0000-0000-7000-8000-000000000000" });
    expect(foreign.data.revokeApiKey.__typename).toBe("NotFoundError");
    expect(foreign.data).toEqual(absent.data);
    expect((await send(app, made.secret, ApiKeys)).data.apiKeys.totalCount).toBeGreaterThan(0);
  });

  test("is a credential that would do more than the one it is made with, and the scope is named", async () => {
    const narrow = await keyWith(app, account.administrator, ["admin", "notes:read"]);
    expect(await create(narrow, { name: "x", scopes: ["NOTES_READ", "NOTES_WRITE"] })).toMatchObject({
      __typename: "ForbiddenError",
      code: "FORBIDDEN",
      message: expect.stringContaining("notes:write"),
    });
    const made = await create(narrow, { name: "x" });
    expect(made).toMatchObject({ __typename: "CreateApiKeyPayload", apiKey: { scopes: ["NOTES_READ", "ADMIN"] } });
  });

  test.each(["specialist", "customer"] as const)("is a %s, who neither lists nor makes nor revokes", async (who) => {
    const key = await keyWith(app, account[who], ["admin", "notes:read"]);
    expect((await send(app, key, ApiKeys)).errors).toMatchObject([{ extensions: { code: "FORBIDDEN" } }]);
    expect(await create(key, { name: "x" })).toMatchObject({
      __typename: "ForbiddenError",
      message: expect.stringContaining("admin"),
    });
    const revoked = await send(app, key, RevokeApiKey, { id: "019a0000-0000-7000-8000-000000000000" });
    expect(revoked.data.revokeApiKey.__typename).toBe("ForbiddenError");
  });

  test("is an administrator's key without the scope admin", async () => {
    const key = await keyWith(app, account.administrator, ["notes:read"]);
    expect((await send(app, key, ApiKeys)).errors[0]).toMatchObject({
      message: expect.stringContaining("admin"),
      extensions: { code: "FORBIDDEN" },
    });
  });
});
