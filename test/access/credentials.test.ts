import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Scope } from "../../src/viewer.ts";
import { graphql } from "../generated/gql.ts";
import { addAccount, call, keyWith, send, startApp, type TestAccount, type TestApp, type TestPerson } from "../support/app.ts";
import { addNote, addTicket } from "../support/factories.ts";
import { addClient, tokenOf } from "../support/oauth.ts";

const WhoAmI = graphql(`
  query WhoAmI {
    viewer {
      account {
        slug
      }
      role
      scopes
    }
  }
`);

let app: TestApp;
let account: TestAccount;
let other: TestAccount;
let third: TestAccount;

beforeAll(async () => {
  app = await startApp();
  [account, other, third] = [await addAccount(app), await addAccount(app), await addAccount(app)];
  await app.provisioning.addMembership({ accountId: other.id, personId: account.administrator.id, role: "SPECIALIST" });
  await app.provisioning.addMembership({ accountId: other.id, personId: account.specialist.id, role: "CUSTOMER" });
});
afterAll(() => app.close());

/** Asks who one is, with headers that the usual sender does not send. */
async function whoAmI(headers: Record<string, string>): Promise<{ status: number; body: unknown }> {
  const { status, body } = await call(
    app,
    undefined,
    "POST",
    "/graphql",
    { query: "{ viewer { account { slug } role scopes } }" },
    headers,
  );
  return { status, body };
}

const viewerOf = (body: unknown) =>
  (body as { data: { viewer: { account: { slug: string }; role: string; scopes: string[] } } }).data.viewer;
const nothingAt = () => `/v2/tickets/notes/${randomUUID()}`;

/** The statements that find out who is asking. */
async function lookups(work: () => Promise<unknown>): Promise<string[]> {
  const { statements } = await app.statements.during(work);
  return statements.map(({ text }) => text).filter((text) => text.includes("every_account"));
}

describe("X-Account", () => {
  test("picks another account that the person is a member of, with the role they have there", async () => {
    const { key } = account.administrator;
    expect(viewerOf((await whoAmI({ "x-api-key": key })).body)).toMatchObject({
      account: { slug: account.slug },
      role: "ADMINISTRATOR",
    });
    const there = viewerOf((await whoAmI({ "x-api-key": key, "x-account": other.slug })).body);
    expect(there).toMatchObject({ account: { slug: other.slug }, role: "SPECIALIST" });
    expect(there.scopes).not.toContain("ADMIN");
    const asCustomer = viewerOf((await whoAmI({ "x-api-key": account.specialist.key, "x-account": other.slug })).body);
    expect(asCustomer.role).toBe("CUSTOMER");
    expect(asCustomer.scopes).not.toContain("NOTES_INTERNAL");
    expect(viewerOf((await whoAmI({ "x-api-key": key, "x-account": account.slug })).body).account.slug).toBe(account.slug);
  });

  test("decides what is seen on /v2 too", async () => {
    const ticket = await addTicket(app, other);
    const note = await addNote(app, ticket, other.specialist, { isPublic: false });
    const path = `/v2/tickets/notes/${note.id}`;
    expect((await call(app, account.administrator.key, "GET", path)).status).toBe(404);
    expect((await call(app, account.administrator.key, "GET", path, undefined, { "x-account": other.slug })).status).toBe(200);
    // A customer of the other account, and not this ticket's.
    expect((await call(app, account.specialist.key, "GET", path, undefined, { "x-account": other.slug })).status).toBe(404);
  });

  test("of an account that one may not use answers as one that there is not", async () => {
    const { key } = account.administrator;
    const graphqlAnswers = [];
    const restAnswers = [];
    for (const slug of [third.slug, "no-such-account", third.slug.toUpperCase(), `${account.slug},${other.slug}`]) {
      graphqlAnswers.push(await whoAmI({ "x-api-key": key, "x-account": slug }));
      const { status, body } = await call(app, key, "GET", nothingAt(), undefined, { "x-account": slug });
      restAnswers.push({ status, body });
    }
    expect(graphqlAnswers[0]).toMatchObject({ status: 403, body: { errors: [{ extensions: { code: "FORBIDDEN" } }] } });
    expect(restAnswers[0]).toMatchObject({ status: 403, body: { title: "Forbidden" } });
    for (const answer of graphqlAnswers) expect(answer).toEqual(graphqlAnswers[0]);
    for (const answer of restAnswers) expect(answer).toEqual(restAnswers[0]);
  });

  test("is not for a key that is good in its own account alone", async () => {
    const { id: personId, accountId } = account.administrator;
    const bound = await app.provisioning.addApiKey({
      accountId,
      personId,
      name: "bound",
      scopes: ["notes:read"],
      everyAccount: false,
    });
    expect((await whoAmI({ "x-api-key": bound.key })).status).toBe(200);
    expect((await whoAmI({ "x-api-key": bound.key, "x-account": other.slug })).status).toBe(403);
  });
});

describe("a credential", () => {
  test.each([
    ["HTTP Basic", { authorization: `Basic ${btoa("somebody:something")}` }],
    ["HTTP Basic with a key in it", null],
    ["an empty Bearer", { authorization: "Bearer " }],
    ["an empty key", { "x-api-key": "" }],
    ["a Bearer of two words", { authorization: "Bearer one two" }],
    ["a key that is far too long", { "x-api-key": "x".repeat(9000) }],
    ["three dots and no token", { authorization: "Bearer a.b.c" }],
  ])("that is %s is refused", async (_what, given) => {
    const headers = given ?? { authorization: `Basic ${btoa(`${account.specialist.key}:`)}` };
    expect((await whoAmI(headers)).status).toBe(401);
    expect((await call(app, undefined, "GET", nothingAt(), undefined, headers)).status).toBe(401);
  });

  test("never reaches further than its person's role, whatever scopes it was given", async () => {
    const key = await keyWith(app, account.customer, ["admin", "notes:internal", "notes:read", "tickets:read"]);
    const { data } = await send(app, key, WhoAmI);
    expect(data.viewer.scopes).toEqual(["TICKETS_READ", "NOTES_READ"]);
  });

  test("that expires stops at that moment, known as it may be", async () => {
    const { id: personId, accountId } = account.specialist;
    const expiresAt = new Date(Date.now() + 60_000);
    const { key } = await app.provisioning.addApiKey({ accountId, personId, name: "short", scopes: ["notes:read"], expiresAt });
    expect((await call(app, key, "GET", nothingAt())).status).toBe(404);
    app.time.now = expiresAt;
    try {
      expect((await call(app, key, "GET", nothingAt())).status).toBe(401);
    } finally {
      app.time.now = undefined;
    }
  });
});

describe("what a credential costs", () => {
  // However slow the machine is, no time passes for the gateway.
  beforeAll(() => {
    app.time.elapsed = performance.now();
  });
  afterAll(() => {
    app.time.elapsed = undefined;
  });

  test("one that was just used costs no statement", async () => {
    const key = await keyWith(app, account.specialist, ["tickets:read"]);
    const token = await tokenOf(app, await addClient(app, account.specialist, ["tickets:read"]));
    for (const given of [key, token]) {
      const cold = await lookups(() => whoAmI({ "x-api-key": given }));
      const warm = await lookups(() => whoAmI({ "x-api-key": given }));
      expect([cold.length, warm.length]).toEqual([1, 0]);
    }
  });

  test("fifty at once of one that is not known yet cost one", async () => {
    const key = await keyWith(app, account.specialist, ["tickets:read"]);
    const sent = await lookups(() => Promise.all(Array.from({ length: 50 }, () => whoAmI({ "x-api-key": key }))));
    expect(sent).toHaveLength(1);
  });

  test("a wrong key costs what a right one does: the same statement, kept as long", async () => {
    const right = await keyWith(app, account.specialist, ["tickets:read"]);
    const wrongOnes = [randomUUID(), `tnk_${randomUUID()}`, `a.b.${randomUUID()}`, `é${randomUUID()}`, right.slice(0, -1)];
    const [expected] = await lookups(() => whoAmI({ "x-api-key": right }));
    for (const wrong of wrongOnes) {
      expect(await lookups(() => whoAmI({ "x-api-key": wrong })), wrong).toEqual([expected]);
      expect(await lookups(() => whoAmI({ "x-api-key": wrong })), wrong).toEqual([]);
    }
    const revoked = await addKey(account.specialist, ["tickets:read"]);
    await app.provisioning.revoke(revoked.id);
    expect(await lookups(() => whoAmI({ "x-api-key": revoked.key }))).toEqual([expected]);
  });
});

async function addKey(person: TestPerson, scopes: readonly Scope[]): Promise<{ id: string; key: string }> {
  const { key, apiKey } = await app.provisioning.addApiKey({
    accountId: person.accountId,
    personId: person.id,
    name: "test",
    scopes,
  });
  return { id: apiKey.id, key };
}

describe("a credential that is revoked", () => {
  let second: TestApp;
  beforeAll(async () => {
    second = await startApp();
  });
  afterAll(() => second.close());

  /**
   * Uses a credential all the time on both processes, revokes it, and returns the responses of each process a second
   * later.
   */
  async function revokedWhileUsed(id: string, given: Record<"first" | "second", string>): Promise<number[]> {
    const use = async () => [
      (await call(app, given.first, "GET", nothingAt())).status,
      (await call(second, given.second, "GET", nothingAt())).status,
    ];
    const until = async (end: number) => {
      while (performance.now() < end) await use();
    };
    expect(await use()).toEqual([404, 404]);
    await until(performance.now() + 700);
    await app.provisioning.revoke(id);
    await until(performance.now() + 1000);
    return use();
  }

  test("stops within a second on every process: a key", async () => {
    const { id, key } = await addKey(account.specialist, ["notes:read"]);
    expect(await revokedWhileUsed(id, { first: key, second: key })).toEqual([401, 401]);
  });

  test("stops within a second on every process: a client, with the tokens it was given", async () => {
    const client = await addClient(app, account.specialist, ["notes:read"]);
    const tokens = { first: await tokenOf(app, client), second: await tokenOf(second, client) };
    expect(await revokedWhileUsed(client.id, tokens)).toEqual([401, 401]);
    expect(await tokenOf(app, client)).toBe("undefined");
  });

  test("comes back by nothing: neither by waiting nor by another account", async () => {
    const { id, key } = await addKey(account.administrator, ["notes:read"]);
    await app.provisioning.revoke(id);
    await app.provisioning.revoke(id);
    await wait(10);
    expect((await whoAmI({ "x-api-key": key, "x-account": other.slug })).status).toBe(401);
  });
});
