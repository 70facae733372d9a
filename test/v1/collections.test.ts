import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, NoteMedium, Ticket, TicketStatus } from "#generated/prisma/client.ts";
import { addAccount, addPerson, startApp, type TestAccount, type TestApp, type TestPerson } from "../support/app.ts";
import { addNote, addTicket, at } from "../support/factories.ts";
import { linksOf, pathOf, v1, type V1Answer } from "../support/v1.ts";

const media: readonly NoteMedium[] = ["DEFAULT", "EMAIL", "SYSTEM"];
const noteCount = 60;

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;
let authors: TestPerson[];
let notes: Note[];

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  ticket = await addTicket(app, account);
  const elsewhere = await addTicket(app, account, { kind: "TASK" });
  authors = [
    account.specialist,
    await addPerson(app.provisioning, { accountId: account.id, name: "Second", role: "SPECIALIST" }),
  ];
  notes = [];
  for (let index = 0; index < noteCount; index += 1) {
    notes.push(
      await addNote(app, index % 10 === 9 ? elsewhere : ticket, authors[index % 2]!, {
        isPublic: index % 3 !== 0,
        medium: media[index % media.length]!,
        // Two of a second, two of a millisecond, and not in the order of the ids.
        createdAt: new Date(at(Math.floor(((index * 7) % noteCount) / 4)).getTime() + (index % 2) * 300),
      }),
    );
  }
});
afterAll(() => app.close());

const get = (path: string, headers: Record<string, string> = {}) => v1(app, path, { key: account.administrator.key, headers });
const idsOf = ({ body }: V1Answer): number[] => body.map((record: { id: number }) => record.id);
const totalOf = ({ headers }: V1Answer) => Number(headers.get("x-pagination-total-entries"));
/** A time as /v1 shows it, from the administrator's account. */
const shown = (instant: Date) =>
  new Date(Math.floor(instant.getTime() / 1000) * 1000 + 3_600_000).toISOString().replace(".000Z", "+01:00");
const seconds = (note: Note) => Math.floor(note.createdAt.getTime() / 1000);
const encoded = (text: string) => encodeURIComponent(text);

describe("filters", () => {
  const cases: [name: string, query: () => string, wanted: (note: Note) => boolean][] = [
    ["id=", () => `id=${notes[3]!.number}`, (note) => note === notes[3]],
    ["id!=", () => `id!=${notes[3]!.number}`, (note) => note !== notes[3]],
    ["id=!", () => `id=!${notes[3]!.number}`, (note) => note !== notes[3]],
    ["id%21=", () => `id%21=${notes[3]!.number}`, (note) => note !== notes[3]],
    [
      "id=a,b,c",
      () => `id=${[1, 2, 3].map((index) => notes[index]!.number).join(",")}`,
      (note) => notes.slice(1, 4).includes(note),
    ],
    [
      "ids=a,b",
      () => `ids=${[1, 2].map((index) => notes[index]!.number).join("%2C")}`,
      (note) => notes.slice(1, 3).includes(note),
    ],
    [
      "id=!a,b",
      () => `id=!${[1, 2].map((index) => notes[index]!.number).join(",")}`,
      (note) => !notes.slice(1, 3).includes(note),
    ],
    ["id=>", () => `id=>${notes[30]!.number}`, (note) => note.number > notes[30]!.number],
    ["an id beyond all ids", () => `id=99999999999999999999999`, () => false],
    ["not an id beyond all ids", () => `id!=99999999999999999999999`, () => true],
    ["ids below an id beyond all ids", () => `id=<99999999999999999999999`, () => true],
    ["person=", () => `person=${authors[1]!.number}`, (note) => note.authorNumber === authors[1]!.number],
    ["person_id=", () => `person_id=${authors[1]!.number}`, (note) => note.authorNumber === authors[1]!.number],
    ["person_id%21=", () => `person_id%21=${authors[1]!.number}`, (note) => note.authorNumber !== authors[1]!.number],
    ["medium=", () => "medium=email", (note) => note.medium === "EMAIL"],
    ["medium=a,b", () => "medium=email,system", (note) => note.medium !== "DEFAULT"],
    ["medium!=", () => "medium!=email", (note) => note.medium !== "EMAIL"],
    ["medium empty", () => "medium=", () => false],
    ["medium present", () => "medium=!", () => true],
    ["medium present, spelled as a key", () => "medium!=", () => true],
    ["id empty", () => "id=", () => false],
    ["created_at present", () => "created_at=!", () => true],
    ["created_at=", () => `created_at=${encoded(shown(notes[5]!.createdAt))}`, (note) => seconds(note) === seconds(notes[5]!)],
    [
      "created_at!=",
      () => `created_at!=${encoded(shown(notes[5]!.createdAt))}`,
      (note) => seconds(note) !== seconds(notes[5]!),
    ],
    ["created_at=>", () => `created_at=>${shown(at(7))}`, (note) => seconds(note) > seconds({ createdAt: at(7) } as Note)],
    ["created_at=>=", () => `created_at=>=${shown(at(7))}`, (note) => note.createdAt >= at(7)],
    ["created_at=<", () => `created_at=<${shown(at(7))}`, (note) => note.createdAt < at(7)],
    ["created_at=<=", () => `created_at=<=${shown(at(7))}`, (note) => note.createdAt < at(8)],
    ["created_at=%3E%3D", () => `created_at=%3E%3D${encoded(shown(at(7)))}`, (note) => note.createdAt >= at(7)],
    ["a raw >= that has its equals sign in the middle", () => `created_at>=${shown(at(7))}`, (note) => note.createdAt >= at(7)],
    [
      "created_at=>A<B",
      () => `created_at=>${shown(at(3))}<${shown(at(9))}`,
      (note) => note.createdAt >= at(4) && note.createdAt < at(9),
    ],
    [
      "created_at=>=A<=B",
      () => `created_at=>=${shown(at(3))}<=${shown(at(9))}`,
      (note) => note.createdAt >= at(3) && note.createdAt < at(10),
    ],
    [
      "the same, encoded",
      () => `created_at=${encoded(`>=${shown(at(3))}<=${shown(at(9))}`)}`,
      (note) => note.createdAt >= at(3) && note.createdAt < at(10),
    ],
    [
      "two bounds as two parameters",
      () => `created_at=>=${shown(at(3))}&created_at=<${shown(at(9))}`,
      (note) => note.createdAt >= at(3) && note.createdAt < at(9),
    ],
    [
      "a time in UTC with its fraction",
      () => `created_at=>=${at(7).toISOString().replace(".000", ".300")}`,
      (note) => note.createdAt.getTime() >= at(7).getTime() + 300,
    ],
    ["a date", () => "created_at=>=2026-01-02", () => false],
    [
      "everything at once",
      () => `medium=email&person=${authors[1]!.number}&id!=${notes[1]!.number}`,
      (note) => note.medium === "EMAIL" && note.authorNumber === authors[1]!.number && note !== notes[1],
    ],
    ["state=public", () => "state=public", (note) => note.isPublic],
    [
      "state=internal and a filter",
      () => "state=internal&medium=default",
      (note) => !note.isPublic && note.medium === "DEFAULT",
    ],
  ];

  test.each(cases)("%s", async (_name, query, wanted) => {
    const expected = notes.filter(wanted).map((note) => note.number);
    const all = await get(`/v1/notes?per_page=100&${query()}`);
    expect(all.status, JSON.stringify(all.body)).toBe(200);
    expect(idsOf(all)).toEqual(expected.toReversed());
    expect(totalOf(all)).toBe(expected.length);
    const below = notes.filter((note) => wanted(note) && note.ticketId === ticket.id).map((note) => note.number);
    expect(idsOf(await get(`/v1/requests/${ticket.number}/notes?per_page=100&${query()}`))).toEqual(below);
  });

  test.each(["public", "internal"] as const)(
    "the predefined %s, combined with a filter, and with its opposite",
    async (state) => {
      const wanted = notes
        .filter((note) => note.isPublic === (state === "public") && note.medium !== "EMAIL")
        .map((note) => note.number);
      expect(idsOf(await get(`/v1/notes/${state}?per_page=100&medium!=email`))).toEqual(wanted.toReversed());
      const below = await get(`/v1/requests/${ticket.number}/notes/${state}/?per_page=100&medium!=email`);
      expect(idsOf(below).length).toBeGreaterThan(5);
      expect(idsOf(below).every((id) => wanted.includes(id))).toBe(true);
      expect(idsOf(await get(`/v1/notes/${state}?state=${state === "public" ? "internal" : "public"}`))).toEqual([]);
    },
  );

  test.each([
    ["created_at=yesterday", "created_at", "yesterday"],
    ["created_at=>2026-02-30", "created_at", "2026-02-30"],
    ["created_at=>2026-02-01<soon", "created_at", "soon"],
    ["created_at=>", "created_at", ""],
    ["created_at=0000-01-01", "created_at", "0000-01-01"],
    ["id=abc", "id", "abc"],
    ["ids=1,x,2", "ids", "x"],
    ["id!=abc", "id", "abc"],
    ["id=1,,2", "id", ""],
    ["person=>x", "person", "x"],
    ["person_id%21=7b", "person_id", "7b"],
    ["medium=bogus", "medium", "bogus"],
    ["medium!=bogus", "medium", "bogus"],
    ["medium=email,EMAIL", "medium", "EMAIL"],
    ["medium=constructor", "medium", "constructor"],
    ["state=closed", "state", "closed"],
  ])("%s is no value of the field", async (query, field, value) => {
    for (const path of ["/v1/notes", `/v1/requests/${ticket.number}/notes`]) {
      const { status, body } = await get(`${path}?${query}`);
      expect([status, body]).toEqual([400, { message: `Invalid value for parameter '${field}': '${value}'` }]);
    }
  });
});

describe("sorting", () => {
  type Key = (note: Note) => number;
  const keys: Record<string, Key> = {
    id: (note) => note.number,
    person_id: (note) => note.authorNumber,
    created_at: (note) => note.createdAt.getTime(),
  };
  const sorts = [
    "id",
    "-id",
    "created_at,id",
    "-created_at,id",
    "-created_at,-id",
    "created_at,-id",
    "person_id,id",
    "person_id,-id",
    "-person_id,created_at,id",
    "person_id,-created_at,-id",
    "-person_id,-created_at,id",
  ];

  function sorted(sort: string): number[] {
    const order = sort.split(",").map((name) => ({ key: keys[name.replace("-", "")]!, sign: name.startsWith("-") ? -1 : 1 }));
    const compare = (one: Note, other: Note) =>
      order.map(({ key, sign }) => sign * (key(one) - key(other))).find((difference) => difference !== 0) ?? 0;
    return notes.toSorted(compare).map((note) => note.number);
  }

  test.each(sorts)("sort=%s, page after page forward and back", async (sort) => {
    const expected = sorted(sort);
    const forward: number[][] = [];
    let path: string | undefined = `/v1/notes?per_page=7&sort=${sort}`;
    let last = "";
    while (path !== undefined) {
      const page: V1Answer = await get(path);
      forward.push(idsOf(page));
      last = path;
      const { next } = linksOf(page);
      path = next === undefined ? undefined : pathOf(next);
    }
    expect(forward.flat()).toEqual(expected);

    const backward: number[][] = [];
    for (path = last; path !== undefined;) {
      const page: V1Answer = await get(path);
      backward.unshift(idsOf(page));
      const { prev } = linksOf(page);
      path = prev === undefined ? undefined : pathOf(prev);
    }
    expect(backward).toEqual(forward);
  });

  test.each(sorts)("sort=%s, by the number of the page", async (sort) => {
    const pages = await Promise.all([1, 2, 3].map((page) => get(`/v1/notes?per_page=25&sort=${sort}&page=${page}`)));
    expect(pages.flatMap(idsOf)).toEqual(sorted(sort));
  });

  test("notes come newest first, those of a record oldest first", async () => {
    expect(idsOf(await get("/v1/notes?per_page=100"))).toEqual(sorted("-id"));
    const below = idsOf(await get(`/v1/requests/${ticket.number}/notes?per_page=100`));
    expect(below).toEqual(below.toSorted((one, other) => one - other));
  });

  test("a cursor of another order is refused", async () => {
    const { next } = linksOf(await get("/v1/notes?per_page=7&sort=id"));
    const cursor = new URL(next!).searchParams.get("search_after")!;
    expect(cursor).toMatch(/^[\w-]+$/);
    expect((await get(`/v1/notes?search_after=${cursor}`)).status).toBe(400);
    expect((await get(`/v1/notes?sort=id&search_after=${cursor.slice(0, -2)}AA`)).status).toBe(400);
  });
});

describe("paging", () => {
  const headersOf = ({ headers }: V1Answer) =>
    ["per-page", "current-page", "total-pages", "total-entries", "throttled"].map((name) =>
      headers.get(`x-pagination-${name}`),
    );

  test("20 a page unless asked otherwise", async () => {
    const page = await get("/v1/notes");
    expect(page.body).toHaveLength(20);
    expect(headersOf(page)).toEqual(["20", "1", "3", "60", undefined]);
  });

  test("first and prev on every page but the first, next on every page but the last, never last", async () => {
    const first = await get("/v1/notes?per_page=25");
    const second = await get(pathOf(linksOf(first)["next"]!));
    const third = await get(pathOf(linksOf(second)["next"]!));
    expect([first, second, third].map((page) => Object.keys(linksOf(page)))).toEqual([
      ["next"],
      ["first", "prev", "next"],
      ["first", "prev"],
    ]);
    expect([first, second, third].map((page) => headersOf(page)[1])).toEqual(["1", "2", "3"]);
    const back = await get(pathOf(linksOf(third)["prev"]!));
    expect([back.body, headersOf(back)[1]]).toEqual([second.body, "2"]);
    const start = await get(pathOf(linksOf(back)["prev"]!));
    expect([start.body, Object.keys(linksOf(start)), headersOf(start)[1]]).toEqual([first.body, ["next"], "1"]);
    expect((await get(pathOf(linksOf(third)["first"]!))).body).toEqual(first.body);
  });

  test("the links of a page that was asked for by its number", async () => {
    const second = await get("/v1/notes?page=2&per_page=25");
    expect(Object.keys(linksOf(second))).toEqual(["first", "prev", "next"]);
    expect(headersOf(second)).toEqual(["25", "2", "3", "60", undefined]);
    expect(idsOf(await get(pathOf(linksOf(second)["next"]!)))).toEqual(idsOf(await get("/v1/notes?page=3&per_page=25")));
    expect(idsOf(await get(pathOf(linksOf(second)["prev"]!)))).toEqual(idsOf(await get("/v1/notes?per_page=25")));
  });

  test("links are absolute and keep the caller's own parameters, path and spelling, with no comma or semicolon in them", async () => {
    const page = await get(
      "/v1/notes.json/?per_page=2&sort=-created_at,id&created_at=>=2026-01-01T00:00:00+01:00&fields=text,medium&medium=default,email",
    );
    expect(page.status).toBe(200);
    const header = page.headers.get("link")!;
    expect(header).toMatch(/^<http:\/\/127\.0\.0\.1:\d+\/v1\/notes\.json\/\?[^,;<>]*>; rel="next"$/);
    const { next } = linksOf(page);
    expect(next).toContain(
      "per_page=2&sort=-created_at%2Cid&created_at=%3E=2026-01-01T00:00:00+01:00&fields=text%2Cmedium&medium=default%2Cemail&search_after=",
    );
    const again = linksOf(await get(pathOf(next!)));
    expect(again["next"]!.match(/search_after/g)).toHaveLength(1);
    expect(again["first"]).not.toContain("search_");
  });

  test("a result of one page, or of none, has no links", async () => {
    for (const path of ["/v1/notes?per_page=100", "/v1/notes?id=", "/v1/notes?per_page=60"]) {
      expect((await get(path)).headers.has("link")).toBe(false);
    }
    expect(headersOf(await get("/v1/notes?id="))).toEqual(["20", "1", "0", "0", undefined]);
  });

  test("a page beyond the last one is empty, and leads back", async () => {
    const beyond = await get("/v1/notes?page=400000000000&per_page=25");
    expect([beyond.status, beyond.body, headersOf(beyond)[1]]).toEqual([200, [], "400000000000"]);
    expect(idsOf(await get(pathOf(linksOf(beyond)["prev"]!)))).toEqual(idsOf(await get("/v1/notes?page=3&per_page=25")));
  });

  test("a single record has no paging headers", async () => {
    for (const path of [`/v1/notes/${notes[0]!.number}`, `/v1/requests/${ticket.number}`, "/v1/me", "/v1"]) {
      const names = [...(await get(path)).headers.keys()];
      expect(names.filter((name) => name.startsWith("x-pagination") || name === "link")).toEqual([]);
    }
  });
});

describe("fields", () => {
  test("only those selected, and id always", async () => {
    const { body } = await get("/v1/notes?fields=text,person&per_page=1");
    expect(Object.keys(body[0])).toEqual(["id", "person", "text"]);
    expect(Object.keys((await get(`/v1/notes/${notes[0]!.number}?fields=medium`)).body)).toEqual(["id", "medium"]);
    expect(Object.keys((await get("/v1/me?fields=name")).body)).toEqual(["id", "name"]);
    expect(Object.keys((await get("/v1/requests?fields=subject,status")).body[0])).toEqual(["id", "subject", "status"]);
  });

  test("what is not selected is not read", async () => {
    // A credential is known for less than a second.
    app.time.elapsed = performance.now();
    await get("/v1/notes?fields=text");
    const { statements } = await app.statements.during(() => get("/v1/notes?fields=text"));
    app.time.elapsed = undefined;
    expect(statements.map(({ text }) => /FROM \(?\s*(?:SELECT .*? FROM )?(\w+)/s.exec(text)?.[1])).toHaveLength(2);
  });
});

describe("records", () => {
  let records: Ticket[];
  let own: TestAccount;
  const statuses: readonly TicketStatus[] = ["PENDING", "CLOSED", "IN_PROGRESS"];

  beforeAll(async () => {
    own = await addAccount(app);
    records = [];
    for (let index = 0; index < 30; index += 1) {
      records.push(
        await addTicket(app, own, {
          kind: index % 5 === 4 ? "PROBLEM" : "REQUEST",
          status: statuses[index % 3]!,
          createdAt: at(index),
          updatedAt: at(100 - index),
          ...(index % 2 === 0 && { requester: own.customer }),
        }),
      );
    }
  });

  const list = (path: string, key = own.specialist.key) => v1(app, path, { key });
  const wanted = (condition: (record: Ticket) => boolean) =>
    records.filter((record) => record.kind === "REQUEST" && condition(record)).map((record) => record.number);

  test.each([
    ["", () => true],
    ["status=completed", (record: Ticket) => record.status === "CLOSED"],
    ["status!=completed", (record: Ticket) => record.status !== "CLOSED"],
    ["status=completed,in_progress", (record: Ticket) => record.status !== "PENDING"],
    // A status of the family that nothing is shown as.
    ["status=waiting_for_customer", () => false],
    ["status=!waiting_for_customer", () => true],
    ["created_at=>=2026-01-01T01:00:10+01:00", (record: Ticket) => record.createdAt >= at(10)],
    [
      "updated_at=>2026-01-01T00:01:20Z<2026-01-01T00:01:31Z",
      (record: Ticket) => record.updatedAt > at(80) && record.updatedAt < at(91),
    ],
  ] as [string, (record: Ticket) => boolean][])("%s", async (query, condition) => {
    expect(idsOf(await list(`/v1/requests?per_page=100&${query}`))).toEqual(wanted(condition));
  });

  test.each(["id", "-id", "status,id", "-status,id", "created_at", "-updated_at,id", "updated_at", "-status,-created_at"])(
    "sort=%s",
    async (sort) => {
      const rank: Record<string, (record: Ticket) => number> = {
        id: (record) => record.number,
        status: (record) => ["PENDING", "IN_PROGRESS", "CLOSED"].indexOf(record.status),
        created_at: (record) => record.createdAt.getTime(),
        updated_at: (record) => record.updatedAt.getTime(),
      };
      const order = sort.split(",").map((name) => ({ key: rank[name.replace("-", "")]!, sign: name.startsWith("-") ? -1 : 1 }));
      const expected = records
        .filter((record) => record.kind === "REQUEST")
        .toSorted(
          (one, other) =>
            order.map(({ key, sign }) => sign * (key(one) - key(other))).find((difference) => difference !== 0) ?? 0,
        )
        .map((record) => record.number);
      const found: number[] = [];
      for (let path: string | undefined = `/v1/requests?per_page=5&sort=${sort}`; path !== undefined;) {
        const page = await list(path);
        found.push(...idsOf(page));
        const { next } = linksOf(page);
        path = next === undefined ? undefined : pathOf(next);
      }
      expect(found).toEqual(expected);
    },
  );

  test("a customer has those they requested", async () => {
    const page = await list("/v1/requests?per_page=100", own.customer.key);
    expect(idsOf(page)).toEqual(wanted((record) => record.requesterId === own.customer.id));
    expect(totalOf(page)).toBe(page.body.length);
  });
});
