import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, keyWith, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addNotes, addTicket, at, statementsOf } from "../support/factories.ts";

let app: TestApp;
let account: TestAccount;
let other: TestAccount;
let ticket: Ticket;
let notes: readonly Note[];

beforeAll(async () => {
  app = await startApp();
  [account, other] = [await addAccount(app), await addAccount(app)];
  ticket = await addTicket(app, account, { requester: account.customer });
  await addNotes(app, await addTicket(app, account, { requester: account.customer }), account.specialist, 2);
  // Two at an instant, and every third one internal.
  notes = await addNotes(app, ticket, account.specialist, 9, (index) => ({
    createdAt: at(Math.floor(index / 2)),
    isPublic: index % 3 > 0,
  }));
});
afterAll(() => app.close());

const list = (key: string | undefined, query: string, headers: Record<string, string> = {}) =>
  call(app, key, "GET", `/v2/tickets/notes?${query}`, undefined, headers);

/** Lists of this API are objects; what else they hold, the contract's validation has seen. */
const page = async (key: string, query = "") => {
  const { status, body } = await list(key, `ticket_id=${ticket.id}${query}`);
  expect(status).toBe(200);
  return body as { query: object; result: { id: string }[]; total: number };
};

const ids = (some: readonly { id: string }[]) => some.map(({ id }) => id);
const oldestFirst = () =>
  notes.toSorted((one, two) => one.createdAt.getTime() - two.createdAt.getTime() || (one.id < two.id ? -1 : 1));

test("a page has the notes of the ticket, oldest first, and echoes what was applied, defaults included", async () => {
  const body = await page(account.specialist.key);
  expect(ids(body.result)).toEqual(ids(oldestFirst()));
  expect(body).toMatchObject({ query: { limit: 25, offset: 0, ticket_id: ticket.id }, total: 9 });
});

test("a note has exactly the fields that it has always had", async () => {
  const own = await addTicket(app, account);
  const note = await addNote(app, own, account.specialist, {
    text: "Scan ✓",
    categories: ["PRE_SCAN", "POST_SCAN"],
    createdAt: at(1),
    updatedAt: at(2),
  });
  const { body } = await list(account.specialist.key, `ticket_id=${own.id}`);
  expect(body).toEqual({
    query: { limit: 25, offset: 0, ticket_id: own.id },
    result: [
      {
        id: note.id,
        author_id: account.specialist.id,
        author_name: "Sam Specialist",
        categories: ["pre-scan", "post-scan"],
        created_at: "2026-01-01T00:00:01.000Z",
        is_public: true,
        ticket_id: own.id,
        updated_at: "2026-01-01T00:00:02.000Z",
        value: "Scan ✓",
      },
    ],
    total: 1,
  });
});

test("pages are cut by limit and offset, and do not shift when notes are added", async () => {
  const all = ids(oldestFirst());
  expect(ids((await page(account.specialist.key, "&limit=4")).result)).toEqual(all.slice(0, 4));
  expect(ids((await page(account.specialist.key, "&limit=4&offset=4")).result)).toEqual(all.slice(4, 8));
  expect(ids((await page(account.specialist.key, "&offset=8&limit=1000")).result)).toEqual(all.slice(8));

  const own = await addTicket(app, account);
  const first = await addNotes(app, own, account.specialist, 3);
  await addNote(app, own, account.specialist, { createdAt: at(50) });
  const { body } = await list(account.specialist.key, `ticket_id=${own.id}&limit=2&offset=2`);
  expect(ids((body as { result: { id: string }[] }).result)[0]).toBe(first[2]?.id);
});

test("limit=0 is a legal page: nothing in it, and the real total", async () => {
  expect(await page(account.specialist.key, "&limit=0")).toEqual({
    query: { limit: 0, offset: 0, ticket_id: ticket.id },
    result: [],
    total: 9,
  });
});

test("an offset beyond the end is an empty page, however far", async () => {
  for (const offset of [9, 2_147_483_648, Number.MAX_SAFE_INTEGER]) {
    expect(await page(account.specialist.key, `&offset=${offset}`)).toMatchObject({ query: { offset }, result: [], total: 9 });
  }
});

test("an offset of more digits than numbers of JavaScript have is echoed to the last one", async () => {
  for (const offset of ["9007199254740993", "9223372036854775807"]) {
    const response = await fetch(`${app.url}/v2/tickets/notes?ticket_id=${ticket.id}&offset=${offset}`, {
      headers: { "x-api-key": account.specialist.key },
    });
    expect([response.status, await response.text()]).toEqual([
      200,
      `{"query":{"limit":25,"offset":${offset},"ticket_id":"${ticket.id}"},"result":[],"total":9}`,
    ]);
  }
});

test.each([
  ["limit=-1", "limit"],
  ["limit=1001", "limit"],
  ["limit=2147483648", "limit"],
  ["limit=1.5", "limit"],
  ["limit=ten", "limit"],
  ["limit=", "limit"],
  ["limit=NaN", "limit"],
  ["limit=1&limit=2", "limit"],
  ["limit[]=1&limit=", "limit"],
  ["offset=-1", "offset"],
  ["offset=0.1", "offset"],
  ["limit=0x10", "limit"],
  ["limit=0b11", "limit"],
  ["limit=1e1", "limit"],
  ["limit=%2B5", "limit"],
  ["limit=+5", "limit"],
  ["limit=5%20", "limit"],
  ["limit=%0A5", "limit"],
  ["limit=5.", "limit"],
  ["limit=1_0", "limit"],
  ["limit=%D9%A5", "limit"],
  ["limit=%EF%BC%95", "limit"],
  ["limit=true", "limit"],
  ["offset=0x0", "offset"],
  ["offset=Infinity", "offset"],
  ["offset=9223372036854775808", "offset"],
  [`offset=${"9".repeat(1_000)}`, "offset"],
  ["offset=1e400", "offset"],
  ["offset=0&offset=0", "offset"],
])("%s is refused, and the problem points to it", async (query, name) => {
  const { status, body } = await list(account.specialist.key, `ticket_id=${ticket.id}&${query}`);
  expect(status).toBe(400);
  expect((body as { errors: { pointer: string }[] }).errors[0]?.pointer).toBe(`#/${name}`);
});

test.each([
  ["nothing", ""],
  ["an empty id", "ticket_id="],
  ["an id that is none", "ticket_id=42"],
  ["a URN", `ticket_id=urn:uuid:${randomUUID()}`],
  ["a UUID in braces", `ticket_id={${randomUUID()}}`],
  ["a UUID without hyphens", `ticket_id=${randomUUID().replaceAll("-", "")}`],
  ["two tickets", `ticket_id=${randomUUID()}&ticket_id=${randomUUID()}`],
  ["a NUL", "ticket_id=%00"],
  ["what is no UTF-8", "ticket_id=%ff%fe"],
])("with %s for a ticket there is no list", async (_name, query) => {
  const { status, body } = await list(account.specialist.key, query);
  expect(status).toBe(400);
  expect(body).toMatchObject({ errors: [{ pointer: "#/ticket_id" }] });
});

test("a UUID in capitals names the same ticket, and is echoed as it is kept", async () => {
  const { body } = await list(account.specialist.key, `ticket_id=${ticket.id.toUpperCase()}`);
  expect(body).toMatchObject({ query: { ticket_id: ticket.id }, total: 9 });
});

test("parameters that this list does not have are ignored, and not echoed as if they were applied", async () => {
  const { status, body } = await list(account.specialist.key, `ticket_id=${ticket.id}&page=2&is_public=true&__proto__=1`);
  expect(status).toBe(200);
  expect(body).toMatchObject({ query: { limit: 25, offset: 0, ticket_id: ticket.id }, total: 9 });
  expect(Object.keys((body as { query: object }).query).toSorted()).toEqual(["limit", "offset", "ticket_id"]);
});

describe("who may list", () => {
  test("staff, all of them; the ticket's requester, the public ones, also in the total", async () => {
    expect((await page(account.administrator.key)).total).toBe(9);
    const open = oldestFirst().filter((note) => note.isPublic);
    const body = await page(account.customer.key);
    expect([ids(body.result), body.total]).toEqual([ids(open), 6]);
    expect(ids((await page(account.customer.key, "&limit=2&offset=4")).result)).toEqual(ids(open.slice(4)));
  });

  test("a key without notes:internal, the public ones", async () => {
    expect((await page(await keyWith(app, account.specialist, ["tickets:read", "notes:read"]))).total).toBe(6);
  });

  test("nobody else: a ticket that is missing, foreign or another's is one answer, to the byte", async () => {
    const missing = await list(account.specialist.key, `ticket_id=${randomUUID()}`);
    expect(missing.status).toBe(404);
    for (const { key } of [account.otherCustomer, other.specialist, other.administrator, other.customer]) {
      const { status, body } = await list(key, `ticket_id=${ticket.id}`);
      expect([status, body]).toEqual([404, missing.body]);
    }
  });

  test("nobody without a credential, or with one that is not valid", async () => {
    for (const [key, headers] of [
      [undefined, {}],
      ["nonsense", {}],
      ["", {}],
      [undefined, { authorization: "Basic abc" }],
    ] as const) {
      const { status, headers: answered } = await list(key, `ticket_id=${ticket.id}`, headers);
      expect([status, answered.get("www-authenticate")]).toEqual([401, expect.stringContaining("Bearer")]);
    }
  });

  test("nobody whose key lacks notes:read or tickets:read", async () => {
    for (const scope of ["tickets:read", "notes:read"] as const) {
      const { status, body } = await list(await keyWith(app, account.specialist, [scope]), `ticket_id=${ticket.id}`);
      expect([status, (body as { detail: string }).detail]).toEqual([
        403,
        expect.stringContaining(scope === "notes:read" ? "tickets:read" : "notes:read"),
      ]);
    }
  });

  test("whoever has the key, as X-API-Key or as a bearer", async () => {
    const { status } = await list(undefined, `ticket_id=${ticket.id}`, { authorization: `Bearer ${account.specialist.key}` });
    expect(status).toBe(200);
  });
});

test("the statements of a list are as many for 2 notes as for 20, whoever wrote them", async () => {
  const cost = async (count: number) => {
    const own = await addTicket(app, account);
    for (let index = 0; index < count; index++)
      await addNote(app, own, [account.specialist, account.administrator][index % 2]!);
    return (await statementsOf(app, () => list(account.specialist.key, `ticket_id=${own.id}`))).length;
  };
  expect([await cost(2), await cost(20)]).toEqual([1, 1]);
});
