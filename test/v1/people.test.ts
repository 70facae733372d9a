import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addAccount, addPerson, startApp, type TestAccount, type TestApp, type TestPerson } from "../support/app.ts";
import { addNote, addTicket, nodeId, statementsOf } from "../support/factories.ts";
import { v1, type V1Answer } from "../support/v1.ts";

let app: TestApp;
let account: TestAccount;
let stranger: TestPerson;
let silent: TestPerson;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  silent = await addPerson(app.provisioning, { accountId: account.id, name: "Silent, Sue", role: "SPECIALIST" });
  const other = await addPerson(app.provisioning, { accountId: account.id, name: "Otto Other", role: "CUSTOMER" });
  stranger = (await addAccount(app)).specialist;
  const ticket = await addTicket(app, account, { requester: account.customer });
  await addNote(app, ticket, account.specialist);
  await addNote(app, ticket, silent, { isPublic: false });
  await addNote(app, await addTicket(app, account, { requester: other }), account.administrator);
});
afterAll(() => app.close());

const as = (key: string, path: string) => v1(app, path, { key });
const staff = (path: string) => as(account.specialist.key, path);
const customer = (path: string) => as(account.customer.key, path);
const idsOf = ({ body }: V1Answer) => (body as { id: number }[]).map(({ id }) => id);

describe("GET /v1/people", () => {
  test("staff find every member of the account and nobody else", async () => {
    const page = await staff("/v1/people?per_page=100");
    const members = await app.database.prisma.membership.count({ where: { accountId: account.id } });
    expect([members > 4, idsOf(page).length]).toEqual([true, members]);
    expect(idsOf(page)).toEqual(idsOf(page).toSorted((one, other) => one - other));
    expect(page.headers.get("x-pagination-total-entries")).toBe(String(members));
    expect(idsOf(page)).not.toContain(stranger.number);
    expect(idsOf(await staff(`/v1/people?id=${stranger.number}`))).toEqual([]);
    expect(page.body).toContainEqual((await staff(`/v1/people/${account.customer.number}`)).body);
  });

  test("a customer finds themselves and those they meet on their tickets", async () => {
    const page = await customer("/v1/people");
    expect(idsOf(page).toSorted()).toEqual([account.customer.number, account.specialist.number].toSorted());
    expect(page.headers.get("x-pagination-total-entries")).toBe("2");
  });

  test("filters, each by itself and all together", async () => {
    const { customer: cleo } = account;
    const { primary_email: email, name } = (await staff(`/v1/people/${cleo.number}`)).body;
    expect(idsOf(await staff(`/v1/people?primary_email=${encodeURIComponent(email)}`))).toEqual([cleo.number]);
    expect(idsOf(await staff(`/v1/people?name=${encodeURIComponent(name)}`))).toEqual([cleo.number]);
    expect(idsOf(await staff(`/v1/people?name=${encodeURIComponent(name)}&id=!${cleo.number}`))).toEqual([]);
    expect(idsOf(await staff(`/v1/people?ids=${cleo.number},${silent.number}`)).toSorted()).toEqual(
      [cleo.number, silent.number].toSorted(),
    );
    expect(idsOf(await staff("/v1/people?name=nobody"))).toEqual([]);
  });

  test("a customer does not find by an address that they may not read", async () => {
    const { primary_email: email } = (await staff(`/v1/people/${account.specialist.number}`)).body;
    const { primary_email: own } = (await customer("/v1/me")).body;
    expect(idsOf(await customer(`/v1/people?primary_email=${encodeURIComponent(email)}`))).toEqual([]);
    // Nor by what it is not.
    expect(idsOf(await customer(`/v1/people?primary_email=!${encodeURIComponent(own)}`))).toEqual([]);
    expect(idsOf(await customer(`/v1/people?primary_email=!nobody@example.com`))).toEqual([account.customer.number]);
    expect(idsOf(await customer(`/v1/people?primary_email=${encodeURIComponent(own)}`))).toEqual([account.customer.number]);
  });

  test.each([
    ["id=abc", "Invalid value for parameter 'id': 'abc'"],
    ["name=a%00b", "Invalid value for parameter 'name': 'a\u{0}b'"],
    ["name=>a", "Field 'name' does not support the '=>' operator"],
    ["account=x", "Filtering not allowed on fields: account"],
    ["sort=name", "Sorting not allowed on fields: name"],
  ])("%s is refused", async (query, message) => {
    const { status, body } = await staff(`/v1/people?${query}`);
    expect([status, body]).toEqual([400, { message }]);
  });

  test("what a page costs in statements does not grow with its rows", async () => {
    const count = async (path: string) => (await statementsOf(app, () => staff(path))).length;
    expect([await count("/v1/people?per_page=1&sort=-id"), await count("/v1/people?per_page=100&sort=-id")]).toEqual([2, 2]);
  });
});

describe("GET /v1/people/:id", () => {
  test("a customer gets to nobody by a number whom they do not find", async () => {
    const found = async (number: number) => (await customer(`/v1/people/${number}`)).status;
    expect([await found(account.customer.number), await found(account.specialist.number)]).toEqual([200, 200]);
    for (const { number } of [silent, account.otherCustomer, account.administrator, stranger])
      expect([number, await found(number)]).toEqual([number, 404]);
    for (const { number } of [silent, account.otherCustomer]) expect((await staff(`/v1/people/${number}`)).status).toBe(200);
  });
});

describe("GET /v1/account", () => {
  test("is the account that the credential is used in", async () => {
    for (const path of ["/v1/account", "/v1/account.json", "/v1/account/"]) {
      const { status, body } = await customer(path);
      expect([status, body]).toEqual([
        200,
        {
          id: account.slug,
          name: expect.any(String),
          time_zone: expect.any(String),
          created_at: expect.stringMatching(/^\d{4}-/),
          nodeID: nodeId("Account", account.id),
        },
      ]);
    }
  });

  test("needs a credential", async () => {
    expect((await v1(app, "/v1/account")).status).toBe(401);
  });
});

test("node ids are handed out without padding, and taken with or without it", async () => {
  const { nodeID } = (await staff("/v1/me")).body;
  expect(nodeID).toBe(nodeId("Person", account.specialist.id));
  expect(nodeID).not.toContain("=");
  const spellings: readonly (readonly [string, number])[] = [
    [nodeID, 200],
    [`${nodeID}==`, 200],
    [`${nodeID}%3D%3D`, 200],
    [`${nodeID}=`, 404],
    [`${nodeID}===`, 404],
    [nodeID.slice(0, -1), 404],
  ];
  for (const [spelling, status] of spellings)
    expect([spelling, (await staff(`/v1/people/${spelling}`)).status]).toEqual([spelling, status]);
});
