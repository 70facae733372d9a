import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  addAccount,
  addPerson,
  call,
  keyWith,
  sendText,
  startApp,
  type TestAccount,
  type TestApp,
  type TestPerson,
} from "../support/app.ts";
import { addNote, addTicket, globalId } from "../support/factories.ts";
import { addClient, askForToken, tokenOf } from "../support/oauth.ts";
import { v1 } from "../support/v1.ts";

let app: TestApp;

beforeAll(async () => {
  app = await startApp();
});
afterAll(async () => {
  app.time.elapsed = undefined;
  await app.close();
});

interface Result {
  readonly __typename: string;
  readonly code?: string;
  readonly message?: string;
  readonly fields?: readonly { readonly path: readonly string[] }[];
  readonly person?: {
    readonly id: string;
    readonly uuid: string;
    readonly name: string;
    readonly email: string | null;
    readonly role: string | null;
  };
}

const resultFields = "__typename ... on Error { code message } ... on InvalidInputError { fields { path } }";
const personFields = "person { id uuid name email role }";

async function mutate(
  name: "addPerson" | "updatePerson" | "removePerson",
  key: string | undefined,
  input: object,
): Promise<Result> {
  const type = name.charAt(0).toUpperCase() + name.slice(1);
  const query = `mutation ($input: ${type}Input!) { ${name}(input: $input) { ${resultFields} ... on ${type}Payload { ${personFields} } } }`;
  const { data, errors } = await sendText<Record<string, Result>>(app.url, key, query, { input });
  if (errors.length > 0) return { __typename: "error", code: String(errors[0]!.extensions["code"]) };
  return data[name]!;
}
const add = (key: string, input: object) => mutate("addPerson", key, input);
const update = (key: string, input: object) => mutate("updatePerson", key, input);
const remove = (key: string, id: string) => mutate("removePerson", key, { id });

let mailCount = 0;
const newMail = () => `person-${(mailCount += 1)}-${Math.random().toString(36).slice(2)}@example.com`;

async function findsIn(account: TestAccount, id: string): Promise<boolean> {
  const query = `{ people(filter: { ids: ["${id}"] }) { totalCount } }`;
  const { data } = await sendText<{ people: { totalCount: number } }>(app.url, account.specialist.key, query);
  return data.people.totalCount === 1;
}

async function eventsOn(account: TestAccount, entityId: string): Promise<string[]> {
  const query = `{ auditEvents(first: 100, filter: { entityId: "${entityId}" }) { nodes { action entity person { uuid } } } }`;
  const { data } = await sendText<{
    auditEvents: { nodes: { action: string; entity: string; person: { uuid: string } | null }[] };
  }>(app.url, account.administrator.key, query);
  const events = data.auditEvents.nodes.map(({ action, entity }) => `${action} ${entity}`).toReversed();
  // The people of addAccount were added by the operator.
  return events[0] === "CREATED PERSON" && data.auditEvents.nodes.at(-1)?.person === null ? events.slice(1) : events;
}

/** A second account in which the person is a member too. */
async function accountOfGuest(guest: TestPerson, role: "ADMINISTRATOR" | "SPECIALIST" = "SPECIALIST"): Promise<TestAccount> {
  const away = await addAccount(app);
  await app.provisioning.addMembership({ accountId: away.id, personId: guest.id, role });
  return away;
}

/** Whether the credential works, a second later than now. */
async function works(key: string, headers: Record<string, string> = {}): Promise<boolean> {
  app.time.elapsed = (app.time.elapsed ?? performance.now()) + 1000;
  const { status, body } = await call(app, key, "POST", "/graphql", { query: "{ viewer { role } }" }, headers);
  return status === 200 && !("errors" in (body as object));
}

describe("addPerson", () => {
  test("adds a person who is found, works with a key, and is in the audit", async () => {
    const account = await addAccount(app);
    const email = newMail();
    const { person } = await add(account.administrator.key, { name: "Nora New", email, role: "SPECIALIST" });
    expect(person).toEqual({
      id: globalId("Person", person!.uuid),
      uuid: person!.uuid,
      name: "Nora New",
      email,
      role: "SPECIALIST",
    });
    expect(await findsIn(account, person!.uuid)).toBe(true);
    expect(await findsIn(await addAccount(app), person!.uuid)).toBe(false);
    expect(await eventsOn(account, person!.uuid)).toEqual(["CREATED PERSON"]);
    const create = `mutation ($id: ID!) { createApiKey(input: { name: "x", personId: $id }) { ... on CreateApiKeyPayload { secret } } }`;
    const { data } = await sendText<{ createApiKey: { secret: string } }>(app.url, account.administrator.key, create, {
      id: person!.id,
    });
    expect(await works(data.createApiKey.secret)).toBe(true);
  });

  test("is for administrators with the scope", async () => {
    const account = await addAccount(app);
    const input = { name: "Nora New", email: newMail(), role: "CUSTOMER" };
    const narrow = await keyWith(app, account.administrator, ["admin", "tickets:read"]);
    const pretended = await keyWith(app, account.specialist, ["people:manage"]);
    for (const key of [account.specialist.key, account.customer.key, narrow, pretended]) {
      expect(await add(key, input)).toMatchObject({ __typename: "ForbiddenError", code: "FORBIDDEN" });
      expect(await update(key, { id: account.customer.id, name: "X" })).toMatchObject({ code: "FORBIDDEN" });
      expect(await remove(key, account.customer.id)).toMatchObject({ code: "FORBIDDEN" });
    }
    expect(await mutate("addPerson", undefined, input)).toMatchObject({ code: "UNAUTHENTICATED" });
    expect(await findsIn(account, account.customer.id)).toBe(true);
    const enough = await keyWith(app, account.administrator, ["people:manage"]);
    expect(await add(enough, input)).toMatchObject({ __typename: "AddPersonPayload" });
  });

  test.each([
    ["a blank name", { name: " " }, ["name"]],
    ["a long name", { name: "x".repeat(256) }, ["name"]],
    ["a name that cannot be stored", { name: "a\u0000" }, ["name"]],
    ["no address", { email: "nobody" }, ["email"]],
    ["an address with a space", { email: "a b@example.com" }, ["email"]],
    ["two addresses", { email: "a@b@example.com" }, ["email"]],
    ["both", { name: "", email: "" }, ["name", "email"]],
  ])("%s is refused", async (_what, wrong, paths) => {
    const account = await addAccount(app);
    const result = await add(account.administrator.key, { name: "Nora", email: newMail(), role: "CUSTOMER", ...wrong });
    expect([result.code, result.fields?.map(({ path }) => path.join("."))]).toEqual(["INVALID_INPUT", paths]);
  });

  test("the address of a member is a conflict, in either case of letters, also of a guest", async () => {
    const account = await addAccount(app);
    const guest = await addPerson(app.provisioning, { accountId: (await addAccount(app)).id, name: "Gus", role: "CUSTOMER" });
    await app.provisioning.addMembership({ accountId: account.id, personId: guest.id, role: "CUSTOMER" });
    for (const { id } of [account.customer, guest]) {
      const { email } = await app.database.prisma.person.findUniqueOrThrow({ where: { id } });
      for (const spelled of [email, email.toUpperCase()])
        expect(await add(account.administrator.key, { name: "Twin", email: spelled, role: "CUSTOMER" })).toMatchObject({
          __typename: "ConflictError",
          code: "CONFLICT",
        });
    }
    // In another account it is nobody's.
    const { email } = await app.database.prisma.person.findUniqueOrThrow({ where: { id: account.customer.id } });
    const other = await addAccount(app);
    expect(await add(other.administrator.key, { name: "Twin", email, role: "CUSTOMER" })).toMatchObject({
      __typename: "AddPersonPayload",
    });
  });

  test("of several who add one address at once, one does", async () => {
    const account = await addAccount(app);
    const input = { name: "Nora", email: newMail(), role: "CUSTOMER" };
    const results = await Promise.all(Array.from({ length: 8 }, () => add(account.administrator.key, input)));
    expect(results.map(({ __typename }) => __typename).toSorted()).toEqual([
      "AddPersonPayload",
      ...Array.from({ length: 7 }, () => "ConflictError"),
    ]);
  });

  test("a person who left comes back with their notes, and without their old credentials", async () => {
    const account = await addAccount(app);
    const { specialist, administrator } = account;
    const note = await addNote(app, await addTicket(app, account), specialist);
    const { email } = await app.database.prisma.person.findUniqueOrThrow({ where: { id: specialist.id } });
    await remove(administrator.key, specialist.id);
    const { person } = await add(administrator.key, { name: "Sam Again", email: email.toUpperCase(), role: "CUSTOMER" });
    expect(person).toMatchObject({ uuid: specialist.id, name: "Sam Again", role: "CUSTOMER" });
    expect(await works(specialist.key)).toBe(false);
    const query = `query ($id: ID!) { note(id: $id) { author { uuid name role } } }`;
    const { data } = await sendText(app.url, administrator.key, query, { id: note.id });
    expect(data).toEqual({ note: { author: { uuid: specialist.id, name: "Sam Again", role: "CUSTOMER" } } });
    expect(await eventsOn(account, specialist.id)).toEqual(["DELETED PERSON", "CREATED PERSON"]);
  });

  test("a credential that was created in the moment of the removal does not come back either", async () => {
    const account = await addAccount(app);
    const { specialist, administrator } = account;
    const { email } = await app.database.prisma.person.findUniqueOrThrow({ where: { id: specialist.id } });
    await remove(administrator.key, specialist.id);
    // Provisioning does not look at the membership, as a createApiKey that looked before the removal.
    const late = await keyWith(app, specialist, ["notes:read"]);
    expect(await works(late)).toBe(false);
    await add(administrator.key, { name: "Sam", email, role: "SPECIALIST" });
    expect(await works(late)).toBe(false);
  });

  test("the address of a guest is no longer shown to whom they left", async () => {
    const home = await addAccount(app);
    const away = await accountOfGuest(home.specialist);
    const emails = async ({ administrator }: TestAccount) => {
      const id = globalId("Person", home.specialist.id);
      const query = `{ node(id: "${id}") { ... on Person { email } } }`;
      const { data } = await sendText<{ node: { email: string | null } }>(app.url, administrator.key, query);
      const { body } = await v1(app, `/v1/people/${home.specialist.number}`, { key: administrator.key });
      return [data.node.email, body.primary_email];
    };
    const { email } = await app.database.prisma.person.findUniqueOrThrow({ where: { id: home.specialist.id } });
    expect(await emails(away)).toEqual([email, email]);
    await remove(away.administrator.key, home.specialist.id);
    expect([await emails(away), await emails(home)]).toEqual([
      [null, null],
      [email, email],
    ]);
    // An account goes on reading those of its own.
    await remove(home.administrator.key, home.specialist.id);
    expect(await emails(home)).toEqual([email, email]);
  });

  test("a guest who left does not come back by an address, which another account may have changed", async () => {
    const guest = await addPerson(app.provisioning, { accountId: (await addAccount(app)).id, name: "Gus", role: "CUSTOMER" });
    const away = await accountOfGuest(guest);
    await remove(away.administrator.key, guest.id);
    const { email } = await app.database.prisma.person.findUniqueOrThrow({ where: { id: guest.id } });
    const { person } = await add(away.administrator.key, { name: "Gus", email, role: "ADMINISTRATOR" });
    expect(person!.uuid).not.toBe(guest.id);
    expect(await works(guest.key, { "x-account": away.slug })).toBe(false);
    expect(await works(guest.key)).toBe(true);
  });
});

describe("updatePerson", () => {
  test("changes what is given, and only that", async () => {
    const account = await addAccount(app);
    const { customer, administrator } = account;
    const before = await app.database.prisma.person.findUniqueOrThrow({ where: { id: customer.id } });
    const email = newMail();
    expect((await update(administrator.key, { id: customer.id, name: "Cleo Renamed" })).person).toMatchObject({
      ...{ uuid: customer.id, name: "Cleo Renamed", email: before.email, role: "CUSTOMER" },
    });
    expect((await update(administrator.key, { id: globalId("Person", customer.id), email })).person).toMatchObject({ email });
    expect((await update(administrator.key, { id: customer.id, role: "SPECIALIST", name: "Cleo" })).person).toMatchObject({
      ...{ name: "Cleo", email, role: "SPECIALIST" },
    });
    expect(await eventsOn(account, customer.id)).toEqual(["EDITED PERSON", "EDITED PERSON", "EDITED PERSON"]);
  });

  test("writes nothing if nothing would change", async () => {
    const account = await addAccount(app);
    const { customer, administrator } = account;
    expect(await update(administrator.key, { id: customer.id })).toMatchObject({ __typename: "UpdatePersonPayload" });
    expect(await update(administrator.key, { id: customer.id, name: customer.name, role: "CUSTOMER" })).toMatchObject({
      __typename: "UpdatePersonPayload",
    });
    expect(await eventsOn(account, customer.id)).toEqual([]);
  });

  test("a new role works within a second, and takes the scopes of the old one away", async () => {
    const account = await addAccount(app);
    const { specialist, administrator } = account;
    const query = "{ viewer { role scopes } }";
    const ask = async () => {
      app.time.elapsed = (app.time.elapsed ?? performance.now()) + 1000;
      return (await sendText<{ viewer: { role: string; scopes: string[] } }>(app.url, specialist.key, query)).data.viewer;
    };
    expect((await ask()).scopes).toContain("NOTES_INTERNAL");
    await update(administrator.key, { id: specialist.id, role: "CUSTOMER" });
    const viewer = await ask();
    expect([viewer.role, viewer.scopes.includes("NOTES_INTERNAL")]).toEqual(["CUSTOMER", false]);
  });

  test.each(["name", "email", "role"])("null is no %s", async (field) => {
    const account = await addAccount(app);
    const result = await update(account.administrator.key, { id: account.customer.id, [field]: null });
    expect([result.code, result.fields?.[0]?.path]).toEqual(["INVALID_INPUT", [field]]);
  });

  test("another member's address is a conflict; one's own in other letters is not", async () => {
    const account = await addAccount(app);
    const [mine, theirs] = await Promise.all(
      [account.customer, account.specialist].map(({ id }) => app.database.prisma.person.findUniqueOrThrow({ where: { id } })),
    );
    const set = (email: string) => update(account.administrator.key, { id: account.customer.id, email });
    expect(await set(theirs!.email.toUpperCase())).toMatchObject({ code: "CONFLICT" });
    expect((await set(mine!.email.toUpperCase())).person?.email).toBe(mine!.email.toUpperCase());
  });

  test("name and address are for administrators of the home account, the role for those of each account", async () => {
    const home = await addAccount(app);
    const away = await accountOfGuest(home.specialist);
    const { id } = home.specialist;
    for (const given of [{ name: "Taken" }, { email: newMail() }, { name: "Taken", role: "CUSTOMER" }])
      expect(await update(away.administrator.key, { id, ...given })).toMatchObject({ code: "FORBIDDEN" });
    expect((await update(away.administrator.key, { id, role: "CUSTOMER" })).person).toMatchObject({ role: "CUSTOMER" });
    expect((await update(home.administrator.key, { id, name: "Sam at Home" })).person).toMatchObject({
      ...{ name: "Sam at Home", role: "SPECIALIST" },
    });
  });

  test("somebody of another account is not found, as somebody who does not exist", async () => {
    const [account, other] = [await addAccount(app), await addAccount(app)];
    for (const id of [other.customer.id, "00000000-0000-4000-8000-000000000000"]) {
      const refused = {
        __typename: "NotFoundError",
        code: "NOT_FOUND",
        message: "There is no such person, or you may not see it.",
      };
      expect(await update(account.administrator.key, { id, role: "SPECIALIST" })).toEqual(refused);
      expect(await remove(account.administrator.key, id)).toEqual(refused);
    }
    expect(await findsIn(other, other.customer.id)).toBe(true);
  });

  test("one who left keeps a name that their home may change, and gets no role by it", async () => {
    const account = await addAccount(app);
    await remove(account.administrator.key, account.customer.id);
    expect(await update(account.administrator.key, { id: account.customer.id, role: "SPECIALIST" })).toMatchObject({
      code: "CONFLICT",
    });
    expect((await update(account.administrator.key, { id: account.customer.id, name: "Former" })).person).toMatchObject({
      ...{ name: "Former", role: null },
    });
  });
});

describe("removePerson", () => {
  test("they are found no more; their notes, name and tickets stay", async () => {
    const account = await addAccount(app);
    const { administrator, specialist, customer } = account;
    const ticket = await addTicket(app, account, { requester: customer });
    await addNote(app, ticket, customer, { text: "Mine" });
    expect((await remove(administrator.key, customer.id)).person).toMatchObject({ uuid: customer.id, role: null });
    expect(await findsIn(account, customer.id)).toBe(false);
    const query = `query ($id: ID!) { ticket(id: $id) { requester { uuid name role } participants { nodes { uuid role } } notes { nodes { text author { name } } } } }`;
    const { data } = await sendText(app.url, specialist.key, query, { id: ticket.id });
    expect(data).toEqual({
      ticket: {
        requester: { uuid: customer.id, name: customer.name, role: null },
        participants: { nodes: [{ uuid: customer.id, role: null }] },
        notes: { nodes: [{ text: "Mine", author: { name: customer.name } }] },
      },
    });
    const list = await call(app, specialist.key, "GET", `/v1/people?id=${customer.number}`, undefined, {
      authorization: `Bearer ${specialist.key}`,
    });
    expect(list.body).toEqual([]);
    expect(await eventsOn(account, customer.id)).toEqual(["DELETED PERSON"]);
  });

  test("again changes nothing", async () => {
    const account = await addAccount(app);
    await remove(account.administrator.key, account.customer.id);
    expect(await remove(account.administrator.key, account.customer.id)).toMatchObject({ __typename: "RemovePersonPayload" });
    expect(await eventsOn(account, account.customer.id)).toEqual(["DELETED PERSON"]);
  });

  test("keys, clients and their tokens end within a second, on every API, and are revoked in the audit", async () => {
    const account = await addAccount(app);
    const { specialist, administrator } = account;
    const client = await addClient(app, specialist, ["notes:read", "tickets:read"]);
    const token = await tokenOf(app, client);
    await app.provisioning.addIdentityLink({
      ...{ accountId: account.id, personId: specialist.id, issuer: "https://login.example", subject: specialist.id },
      scopes: ["notes:read"],
    });
    const bearer = { authorization: `Bearer ${token}` };
    expect([await works(specialist.key), (await call(app, undefined, "GET", "/v1/me", undefined, bearer)).status]).toEqual([
      true,
      200,
    ]);
    await remove(administrator.key, specialist.id);
    expect(await works(specialist.key)).toBe(false);
    app.time.elapsed = (app.time.elapsed ?? 0) + 1000;
    expect((await call(app, undefined, "GET", "/v1/me", undefined, bearer)).status).toBe(401);
    expect((await call(app, undefined, "GET", "/v2/tickets/notes", undefined, bearer)).status).toBe(401);
    expect((await call(app, specialist.key, "GET", "/v2/tickets/notes")).status).toBe(401);
    const again = await askForToken(app, {
      ...{ grant_type: "client_credentials", client_id: client.id, client_secret: client.secret },
    });
    expect(again.status).toBe(401);
    const where = { accountId: account.id, personId: specialist.id };
    const [keys, clients, links] = await Promise.all([
      app.database.prisma.apiKey.findMany({ where }),
      app.database.prisma.oAuthClient.findMany({ where }),
      app.database.prisma.identityLink.findMany({ where }),
    ]);
    expect([...keys, ...clients].every(({ revokedAt }) => revokedAt !== null)).toBe(true);
    expect(links).toEqual([]);
    for (const [{ id }, kind] of [
      [keys[0]!, "API_KEY"],
      [clients[0]!, "OAUTH_CLIENT"],
    ] as const)
      expect((await eventsOn(account, id)).at(-1)).toBe(`REVOKED ${kind}`);
    // Those of others go on.
    expect(await works(administrator.key)).toBe(true);
  });

  test("credentials of another account go on there, and no longer here", async () => {
    const home = await addAccount(app);
    const away = await accountOfGuest(home.administrator, "ADMINISTRATOR");
    const { key, id } = home.administrator;
    expect([await works(key), await works(key, { "x-account": away.slug })]).toEqual([true, true]);
    await remove(away.administrator.key, id);
    expect([await works(key), await works(key, { "x-account": away.slug })]).toEqual([true, false]);
    const { role } = await app.database.prisma.membership.findUniqueOrThrow({
      where: { accountId_personId: { accountId: away.id, personId: id } },
    });
    // What a process of the version before would let them do.
    expect(role).toBe("CUSTOMER");
  });

  test("nobody gives one who left a ticket or a key", async () => {
    const account = await addAccount(app);
    const { administrator, customer, specialist } = account;
    const ticket = await addTicket(app, account);
    const code = async (mutation: string) => {
      const { data } = await sendText<Record<string, { code?: string }>>(
        app.url,
        administrator.key,
        `mutation { ${mutation} { ... on Error { code } } }`,
      );
      return Object.values(data)[0]?.code;
    };
    const mutations = [
      `addTicket(input: { kind: REQUEST, subject: "x", requesterId: "${customer.id}" })`,
      `updateTicket(input: { id: "${ticket.id}", requesterId: "${customer.id}" })`,
      `createApiKey(input: { name: "x", personId: "${customer.id}" })`,
      `createOAuthClient(input: { name: "x", personId: "${customer.id}" })`,
    ];
    expect(await code(mutations[0]!.replace(customer.id, specialist.id))).toBeUndefined();
    await remove(administrator.key, customer.id);
    for (const mutation of mutations) expect(await code(mutation), mutation).toBe("NOT_FOUND");
  });

  test("a ticket of one who left can still be changed, and its notes are nobody's but staff's to read", async () => {
    const account = await addAccount(app);
    const ticket = await addTicket(app, account, { requester: account.customer });
    await remove(account.administrator.key, account.customer.id);
    const { data } = await sendText(
      app.url,
      account.specialist.key,
      `mutation { updateTicket(input: { id: "${ticket.id}", subject: "Closed matter" }) { ... on UpdateTicketPayload { ticket { subject requester { role } } } } }`,
    );
    expect(data).toEqual({ updateTicket: { ticket: { subject: "Closed matter", requester: { role: null } } } });
  });
});

describe("the last administrator", () => {
  test("is neither removed nor demoted, by anyone; one of two is", async () => {
    const account = await addAccount(app);
    const { administrator, specialist } = account;
    expect(await remove(administrator.key, administrator.id)).toMatchObject({ __typename: "ConflictError", code: "CONFLICT" });
    expect(await update(administrator.key, { id: administrator.id, role: "SPECIALIST" })).toMatchObject({ code: "CONFLICT" });
    // Nothing of it was written.
    expect(await update(administrator.key, { id: administrator.id, role: "CUSTOMER", name: "Changed" })).toMatchObject({
      code: "CONFLICT",
    });
    const { name } = await app.database.prisma.person.findUniqueOrThrow({ where: { id: administrator.id } });
    expect([name, await eventsOn(account, administrator.id)]).toEqual([administrator.name, []]);
    expect(await works(administrator.key)).toBe(true);
    await update(administrator.key, { id: specialist.id, role: "ADMINISTRATOR" });
    expect(await remove(administrator.key, administrator.id)).toMatchObject({ __typename: "RemovePersonPayload" });
    expect(await works(administrator.key)).toBe(false);
  });

  test("of another account counts there only", async () => {
    const home = await addAccount(app);
    const away = await accountOfGuest(home.administrator, "ADMINISTRATOR");
    expect(await update(home.administrator.key, { id: home.administrator.id, role: "SPECIALIST" })).toMatchObject({
      code: "CONFLICT",
    });
    expect(await remove(away.administrator.key, home.administrator.id)).toMatchObject({ __typename: "RemovePersonPayload" });
  });

  test("stays when another transaction has removed the other one and has not ended yet", async () => {
    if (app.database.kind === "embedded") throw new Error("The embedded database has one transaction at a time.");
    const account = await addAccount(app);
    const { administrator } = account;
    const second = await addPerson(app.provisioning, { accountId: account.id, name: "Second", role: "ADMINISTRATOR" });
    const client = await app.database.pool.connect();
    try {
      await client.query("BEGIN");
      await client.query(
        "UPDATE memberships SET role = 'CUSTOMER', ended_at = now() WHERE account_id = $1 AND person_id = $2",
        [account.id, second.id],
      );
      const removing = remove(second.key, administrator.id);
      await expect
        .poll(async () => {
          const { rows } = await app.database.pool.query(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%UPDATE memberships m SET%'",
          );
          return rows.length;
        })
        .toBe(1);
      await client.query("COMMIT");
      expect(await removing).toMatchObject({ __typename: "ConflictError" });
    } finally {
      client.release();
    }
    expect(await works(administrator.key)).toBe(true);
  });

  test("stays when all of them remove or demote each other at once, 20 times", async () => {
    for (let round = 0; round < 20; round++) {
      const account = await addAccount(app);
      const people = [account.administrator];
      for (const name of ["Second", "Third"])
        people.push(await addPerson(app.provisioning, { accountId: account.id, name, role: "ADMINISTRATOR" }));
      // The gateway knows each of them from here on, so that none is refused for what another one did.
      const frozen = (app.time.elapsed ??= performance.now());
      for (const { key } of people) expect((await call(app, key, "GET", "/v2/tickets/notes")).status).toBe(400);
      const results = await Promise.all(
        people.map((person, index) => {
          const { id } = people[(index + 1) % people.length]!;
          return index === 1 ? update(person.key, { id, role: "CUSTOMER" }) : remove(person.key, id);
        }),
      );
      const left = await app.database.prisma.membership.count({
        where: { accountId: account.id, role: "ADMINISTRATOR", endedAt: null },
      });
      expect([left, app.time.elapsed]).toEqual([1, frozen]);
      // One is refused: they would have removed the last one, or have been removed themselves in the same moment.
      const refused = results.filter(({ __typename }) => __typename === "ConflictError" || __typename === "ForbiddenError");
      expect(refused).toHaveLength(1);
    }
  }, 60_000);
});

describe("an administrator who was removed or demoted, while their key is still known", () => {
  test.each([
    ["removed", (account: TestAccount, id: string) => remove(account.administrator.key, id)],
    ["demoted", (account: TestAccount, id: string) => update(account.administrator.key, { id, role: "CUSTOMER" })],
  ] as const)("%s: cannot come back, create a credential, or redact", async (_how, end) => {
    const account = await addAccount(app);
    const person = await addPerson(app.provisioning, { accountId: account.id, name: "Second", role: "ADMINISTRATOR" });
    const { email } = await app.database.prisma.person.findFirstOrThrow({ where: { id: person.id } });
    const ticket = await addTicket(app, account);
    const note = await addNote(app, ticket, account.specialist, { text: "Stays" });
    // The gateway knows the key from here on, and the clock stands still.
    app.time.elapsed ??= performance.now();
    expect((await call(app, person.key, "GET", "/v2/tickets/notes")).status).toBe(400);
    expect((await end(account, person.id)).__typename).toMatch(/Payload$/);
    const mutation = async (text: string) => {
      const { data } = await sendText<{ result: Result }>(
        app.url,
        person.key,
        `mutation { result: ${text} { __typename ... on Error { message } } }`,
      );
      return data.result;
    };
    const refused = { __typename: "ForbiddenError", message: expect.stringContaining("no longer an administrator") };
    expect(await add(person.key, { name: "Back", email, role: "ADMINISTRATOR" })).not.toMatchObject({
      __typename: "AddPersonPayload",
    });
    expect(await add(person.key, { name: "Other", email: newMail(), role: "ADMINISTRATOR" })).toMatchObject(refused);
    expect(await update(person.key, { id: person.id, role: "ADMINISTRATOR" })).not.toMatchObject({
      __typename: "UpdatePersonPayload",
    });
    expect(await remove(person.key, account.specialist.id)).toMatchObject(refused);
    const forOther = `createApiKey(input: { name: "x", personId: "${account.administrator.id}" })`;
    expect(await mutation(forOther)).toMatchObject(refused);
    expect((await mutation(`redactNote(input: { id: "${note.id}", reason: SECRET })`))?.__typename).not.toBe(
      "RedactNotePayload",
    );
    expect((await app.database.prisma.note.findFirstOrThrow({ where: { id: note.id } })).text).toBe("Stays");
    app.time.elapsed = undefined;
  });
});

describe("under an idempotency key", () => {
  const other = { __typename: "ConflictError", code: "CONFLICT" };

  test("of many who add a person at once one does, and each later try shows the person as they are now", async () => {
    const account = await addAccount(app);
    const { key } = account.administrator;
    const input = { name: "Nora New", email: newMail(), role: "SPECIALIST", idempotencyKey: "add-1" };
    const results = await Promise.all(Array.from({ length: 10 }, () => add(key, input)));
    const ids = new Set(results.flatMap(({ person }) => person?.uuid ?? []));
    expect(ids.size).toBe(1);
    const [id] = ids;
    for (const result of results) if (!result.person) expect(result).toMatchObject(other);
    await update(key, { id, name: "Nora Newer" });
    expect((await add(key, input)).person).toMatchObject({ uuid: id, name: "Nora Newer" });
    expect(await add(key, { ...input, name: "Somebody else" })).toMatchObject(other);
    expect(await app.database.prisma.person.count({ where: { accountId: account.id, email: input.email } })).toBe(1);
  });

  test("a second try undoes nothing that was done in between", async () => {
    const account = await addAccount(app);
    const { key } = account.administrator;
    const { id } = account.customer;
    const { email } = await app.database.prisma.person.findUniqueOrThrow({ where: { id } });
    const renamed = { id, name: "First", role: "SPECIALIST", idempotencyKey: "update-1" };
    await update(key, renamed);
    await update(key, { id, name: "Second", role: "CUSTOMER" });
    expect((await update(key, renamed)).person).toMatchObject({ name: "Second", role: "CUSTOMER" });
    // Also if the first one found everything as it was to be.
    const same = { id, name: "Second", idempotencyKey: "update-2" };
    await update(key, same);
    await update(key, { id, name: "Third" });
    expect((await update(key, same)).person).toMatchObject({ name: "Third" });

    const removed = { id, idempotencyKey: "remove-1" };
    await mutate("removePerson", key, removed);
    const back = { name: "Back", email, role: "CUSTOMER", idempotencyKey: "add-2" };
    await add(key, back);
    expect((await mutate("removePerson", key, removed)).person).toMatchObject({ uuid: id, role: "CUSTOMER" });
    await remove(key, id);
    expect((await add(key, back)).person).toMatchObject({ uuid: id, role: null });
  });

  test("a try of one who may no longer manage people is refused", async () => {
    const account = await addAccount(app);
    const second = await addPerson(app.provisioning, { accountId: account.id, name: "Second", role: "ADMINISTRATOR" });
    const input = { name: "Nora", email: newMail(), role: "CUSTOMER", idempotencyKey: "add-1" };
    await add(second.key, input);
    await update(account.administrator.key, { id: second.id, role: "SPECIALIST" });
    await works(second.key);
    expect(await add(second.key, input)).toMatchObject({ code: "FORBIDDEN" });
  });
});
