import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNotes, addTicket, at, statementsOf } from "../support/factories.ts";
import { linksOf, pathOf, v1, type V1Answer } from "../support/v1.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
  await addNotes(app, ticket, account.specialist, 30, (index) => ({
    text: `${"dipstick ".repeat(1 + (index % 4))}${index}`,
    isPublic: index % 3 !== 0,
    createdAt: at(index),
  }));
  await addNotes(app, ticket, account.specialist, 3, () => ({ text: "Nothing like it" }));
});
afterAll(() => app.close());

function get(path: string, person: keyof Pick<TestAccount, "specialist" | "customer"> = "specialist"): Promise<V1Answer> {
  return v1(app, path, { key: account[person].key });
}

const idsOf = ({ body }: V1Answer): readonly number[] => body.map(({ id }: { id: number }) => id);

describe("GET /v1/search", () => {
  test("is a collection of notes, as /v1/notes has them", async () => {
    const found = await get("/v1/search?q=dipstick&types=note");
    expect(found.status).toBe(200);
    expect(found.body).toHaveLength(20);
    expect(found.headers.get("x-pagination-per-page")).toBe("20");
    expect(found.headers.get("x-pagination-current-page")).toBe("1");
    expect(found.headers.get("x-pagination-total-pages")).toBe("2");
    expect(found.headers.get("x-pagination-total-entries")).toBe("30");
    for (const name of ["etag", "x-ratelimit-limit", "x-request-id"]) expect(found.headers.has(name), name).toBe(true);
    const [first] = found.body;
    const { body } = await get(`/v1/notes/${first.id}`);
    expect(first).toEqual(body);
    for (const { text } of found.body) expect(text).toContain("dipstick");
  });

  test("has pages by cursor and by number, in both directions", async () => {
    const whole = idsOf(await get("/v1/search?q=dipstick&per_page=100"));
    expect(whole).toHaveLength(30);
    const first = await get("/v1/search?q=dipstick&per_page=12");
    expect(idsOf(first)).toEqual(whole.slice(0, 12));
    expect(Object.keys(linksOf(first))).toEqual(["next"]);
    const second = await get(pathOf(linksOf(first)["next"]!));
    expect(idsOf(second)).toEqual(whole.slice(12, 24));
    expect(Object.keys(linksOf(second))).toEqual(["first", "prev", "next"]);
    expect(linksOf(second)["next"]).toContain("q=dipstick");
    expect(idsOf(await get(pathOf(linksOf(second)["next"]!)))).toEqual(whole.slice(24));
    expect(idsOf(await get(pathOf(linksOf(second)["prev"]!)))).toEqual(whole.slice(0, 12));
    expect(idsOf(await get("/v1/search?q=dipstick&per_page=12&page=2"))).toEqual(whole.slice(12, 24));
    expect(idsOf(await get("/v1/search?q=dipstick&per_page=12&page=4"))).toEqual([]);
    const unchanged = await v1(app, "/v1/search.json?q=dipstick", {
      key: account.specialist.key,
      headers: { "if-none-match": (await get("/v1/search.json?q=dipstick")).headers.get("etag")! },
    });
    expect(unchanged.status).toBe(304);
  });

  test("shows what the viewer may see, and counts nothing else", async () => {
    const found = await get("/v1/search?q=dipstick&per_page=100", "customer");
    expect(found.body).toHaveLength(20);
    expect(found.headers.get("x-pagination-total-entries")).toBe("20");
    expect(found.body.some(({ internal }: { internal: boolean }) => internal)).toBe(false);
    expect((await v1(app, "/v1/search?q=dipstick", { key: account.otherCustomer.key })).body).toEqual([]);
    expect((await v1(app, "/v1/search?q=dipstick")).status).toBe(401);
  });

  test("takes fields, filters and sort keys as /v1/notes does", async () => {
    const { body } = await get("/v1/search?q=dipstick&fields=text&state=internal&sort=created_at&per_page=3");
    expect(body.map(({ text }: { text: string }) => Number(/\d+/.exec(text)))).toEqual([0, 3, 6]);
    expect(Object.keys(body[0])).toEqual(["id", "text"]);
    const sorted = await get("/v1/search?q=dipstick&sort=-id&per_page=4");
    const next = await get(pathOf(linksOf(sorted)["next"]!));
    const ids = [...idsOf(sorted), ...idsOf(next)];
    expect(ids).toEqual(ids.toSorted((one, other) => other - one));
    expect(ids).toHaveLength(8);
    const [id] = idsOf(sorted);
    expect(idsOf(await get(`/v1/search?q=dipstick&id=${id}`))).toEqual([id]);
    expect(idsOf(await get(`/v1/search?q=dipstick&created_at=<${at(2).toISOString()}`))).toHaveLength(2);
    expect((await get(`/v1/search?q=dipstick&person=${account.customer.number}`)).body).toEqual([]);
  });

  test("refuses what it cannot read with the message of its kind", async () => {
    const messageOf = async (query: string) => {
      const { status, body } = await get(`/v1/search${query}`);
      return `${status} ${body.message}`;
    };
    expect(await messageOf("")).toBe("400 Parameter 'q' is not valid. The query must not be blank.");
    expect(await messageOf("?q=%20")).toBe("400 Parameter 'q' is not valid. The query must not be blank.");
    expect(await messageOf("?q=-dipstick")).toMatch(/^400 Parameter 'q' is not valid\. /);
    expect(await messageOf(`?q=${"x".repeat(257)}`)).toMatch(/^400 Parameter 'q' is not valid\. /);
    expect(await messageOf("?q=a%00b")).toMatch(/^400 Parameter 'q' is not valid\. /);
    expect(await messageOf("?q=dipstick&types=person")).toBe("400 Invalid value for parameter 'types': 'person'");
    expect(await messageOf("?q=dipstick&per_page=0")).toBe("400 Parameter 'per_page' cannot be less than 1");
    expect(await messageOf("?q=dipstick&sort=subject")).toBe("400 Sorting not allowed on fields: subject");
    expect(await messageOf("?q=dipstick&strange=1")).toBe("400 Filtering not allowed on fields: strange");
    expect(await messageOf("?q=dipstick&fields=strange")).toBe("400 Unknown fields: strange");
    const { body } = await get("/v1/notes?per_page=1");
    expect(body).toHaveLength(1);
    const cursor = new URL(linksOf(await get("/v1/notes?per_page=1"))["next"]!).searchParams.get("search_after");
    expect(await messageOf(`?q=dipstick&search_after=${cursor}`)).toBe(
      "400 Parameter 'search_after' is not a cursor of this order",
    );
    const found = new URL(linksOf(await get("/v1/search?q=dipstick&per_page=1"))["next"]!).searchParams.get("search_after");
    expect(await messageOf(`?q=engine&search_after=${found}`)).toBe(
      "400 Parameter 'search_after' is not a cursor of this order",
    );
    expect((await get(`/v1/search?q=dipstick&search_after=${found}`)).status).toBe(200);
    expect((await v1(app, "/v1/search?q=dipstick", { key: account.specialist.key, method: "POST", body: {} })).status).toBe(
      404,
    );
  });

  test("sends a statement for the page and one for the total", async () => {
    expect(await statementsOf(app, () => get("/v1/search?q=dipstick"))).toHaveLength(2);
  });
});
