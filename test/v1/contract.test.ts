import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { openDatabase } from "../../src/database/database.ts";
import { addAccount, addPerson, keyWith, startApp, type TestAccount, type TestApp, unlimited } from "../support/app.ts";
import { createScratchDatabase } from "../support/database.ts";
import { addAttachment, addNote, addTicket, globalId, nodeId, statementsOf } from "../support/factories.ts";
import { v1, type V1Answer } from "../support/v1.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp({ rateLimits: { ...unlimited, requests: 600 } });
});
afterAll(() => app.close());
beforeEach(async () => {
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer, subject: "The gearbox grinds" });
});

const as = (key: string | undefined, path: string, call: Parameters<typeof v1>[2] = {}) => v1(app, path, { key, ...call });
const specialist = (path: string, call: Parameters<typeof v1>[2] = {}) => as(account.specialist.key, path, call);
const noteIdIn = (answer: V1Answer) => Number(answer.body.id);

/** Calls `work` while the gateway's clock stands still, so that no minute of the limits ends meanwhile. */
async function atOneMoment<Result>(work: (moment: Date) => Promise<Result>): Promise<Result> {
  const moment = new Date();
  app.time.now = moment;
  try {
    return await work(moment);
  } finally {
    app.time.now = undefined;
  }
}

function expectFailure(answer: V1Answer, status: number, body: unknown): void {
  expect({ status: answer.status, body: answer.body }).toEqual({ status, body });
}

describe("transport", () => {
  test("the root answers without a credential", async () => {
    const answer = await as(undefined, "/v1");
    expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: "{}" });
  });

  test("the root leads a browser to the reference", async () => {
    const answer = await as(undefined, "/v1", { headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" } });
    expect([answer.status, answer.headers.get("location")]).toEqual([302, `${app.url}/v1/docs`]);
  });

  test.each(["/v1/", "/v1.json", "/v1"])("the root is also at %s", async (path) => {
    expect((await specialist(path)).text).toBe("{}");
  });

  test.each([
    "/v1/notes",
    "/v1/notes/",
    "/v1/notes.json",
    "/v1/notes.json/",
    "/v1/notes?per_page=1",
    "/v1/notes/?per_page=1",
    "/v1/me.json",
    "/v1/requests/",
  ])("serves %s without a redirect", async (path) => {
    expect((await specialist(path)).status).toBe(200);
  });

  test("an id may end in .json, and be followed by a slash", async () => {
    const answers = await Promise.all(
      ["", "/", ".json", ".json/"].map((ending) => specialist(`/v1/requests/${ticket.number}${ending}`)),
    );
    expect(answers.map(({ status, body }) => [status, body.id])).toEqual(answers.map(() => [200, ticket.number]));
  });

  test("the headers of an answer, in lower case", async () => {
    const { headers } = await specialist("/v1/notes");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("etag")).toMatch(/^W\/"[\w-]+"$/);
    expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.get("content-type")).toMatch(/^application\/json/);
    const names = [...headers.keys()];
    expect(names).toEqual(names.map((name) => name.toLowerCase()));
  });

  test("the headers of a failure are in lower case too", async () => {
    const names = [...(await as(undefined, "/v1/notes")).headers.keys()];
    expect(names).toEqual(names.map((name) => name.toLowerCase()));
    expect(names).toEqual(expect.arrayContaining(["cache-control", "x-request-id", "x-content-type-options"]));
  });

  test("If-None-Match is answered with 304 until something changes", async () => {
    await addNote(app, ticket, account.specialist);
    const path = `/v1/requests/${ticket.number}/notes`;
    const etag = (await specialist(path)).headers.get("etag")!;
    const unchanged = await specialist(path, { headers: { "if-none-match": etag } });
    expect({ status: unchanged.status, text: unchanged.text }).toEqual({ status: 304, text: "" });
    expect(unchanged.headers.get("etag")).toBe(etag);
    await addNote(app, ticket, account.specialist);
    expect((await specialist(path, { headers: { "if-none-match": etag } })).status).toBe(200);
  });

  test("the signed URLs of attachments are others each time, and the tag is not", async () => {
    await addAttachment(app, await addNote(app, ticket, account.specialist), "photo.png");
    const path = `/v1/requests/${ticket.number}/notes`;
    app.time.now = new Date("2026-03-01T09:00:00Z");
    const first = await specialist(path);
    app.time.now = new Date("2026-03-01T09:01:00Z");
    const later = await specialist(path, { headers: { "if-none-match": first.headers.get("etag")! } });
    app.time.now = new Date("2026-03-01T16:30:00Z");
    const tooLate = await specialist(path, { headers: { "if-none-match": first.headers.get("etag")! } });
    app.time.now = undefined;
    // The URLs that the client has are good for eight hours: it is sent new ones before that.
    expect([first.status, later.status, tooLate.status]).toEqual([200, 304, 200]);
  });

  test("a key is a bearer token; Basic is not taken", async () => {
    expect((await as(account.specialist.key, "/v1/me")).status).toBe(200);
    const basic = Buffer.from(`${account.specialist.key}:x`).toString("base64");
    expectFailure(await as(undefined, "/v1/me", { headers: { authorization: `Basic ${basic}` } }), 401, {
      message: "Unauthorized",
    });
  });

  test.each(["x-xurrent-account", "X-4me-Account", "X-Xurrent-Account"])("%s names the account by its slug", async (name) => {
    expect((await specialist("/v1/me", { headers: { [name]: account.slug } })).status).toBe(200);
  });

  test("an account that the token may not use, and one that is none", async () => {
    const other = await addAccount(app);
    expectFailure(await specialist("/v1/me", { headers: { "x-4me-account": other.slug } }), 403, { message: "Forbidden" });
    const unknown = await specialist("/v1/me", { headers: { "x-4me-account": "no-such-account" } });
    expectFailure(unknown, 400, { message: "Invalid x-xurrent-account header" });
    expect(unknown.headers.get("x-ratelimit-limit")).toBe("600");
  });

  test("the header picks the account of a token that is good in several", async () => {
    const other = await addAccount(app);
    const { id: personId } = account.specialist;
    await app.database.prisma.membership.create({
      data: { accountId: other.id, personId, role: "SPECIALIST", createdAt: new Date() },
    });
    const scopes = ["tickets:read", "notes:read", "notes:internal", "attachments:read"] as const;
    const { key } = await app.provisioning.addApiKey({
      accountId: account.id,
      personId,
      name: "everywhere",
      scopes,
      everyAccount: true,
    });
    const theirs = await addNote(app, await addTicket(app, other), other.specialist, { isPublic: false });
    expect((await as(key, `/v1/notes/${theirs.number}`)).status).toBe(404);
    const there = await as(key, "/v1/notes", { headers: { "X-4me-Account": other.slug } });
    expect(there.body).toMatchObject([{ id: theirs.number, internal_account: { id: other.slug } }]);
    // At home where they were before, wherever they work.
    expect((await as(key, "/v1/me", { headers: { "X-Xurrent-Account": other.slug } })).body.account.id).toBe(account.slug);
  });

  test("an access token of the gateway's own is a bearer token as well", async () => {
    const scopes = ["tickets:read", "notes:read"] as const;
    const { client, secret } = await app.provisioning.addOAuthClient({
      accountId: account.id,
      personId: account.specialist.id,
      name: "sync",
      scopes,
    });
    const issued = await v1(app, "/oauth/token", {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: `grant_type=client_credentials&client_id=${client.id}&client_secret=${secret}`,
    });
    expect(issued.body).toMatchObject({ access_token: expect.any(String), token_type: "Bearer", expires_in: 3600 });
    const answer = await as(issued.body.access_token, "/v1/me");
    expect([answer.status, answer.body.id, answer.headers.get("x-ratelimit-remaining")]).toEqual([
      200,
      account.specialist.number,
      "599",
    ]);
  });

  test.each(["X-Xurrent-Source", "X-4me-Source"])("%s fills the note's source", async (name) => {
    const path = `/v1/requests/${ticket.number}/notes`;
    const id = noteIdIn(await specialist(path, { method: "POST", body: { text: "Hi" }, headers: { [name]: "Sync ü 1.0" } }));
    expect((await app.database.prisma.note.findFirst({ where: { number: id } }))?.source).toBe("Sync ü 1.0");
  });
});

describe("the table of errors", () => {
  const notes = () => `/v1/requests/${ticket.number}/notes`;

  test.each([
    ["/v1/notes?per_page=0", "Parameter 'per_page' cannot be less than 1"],
    ["/v1/notes?per_page=-5", "Parameter 'per_page' cannot be less than 1"],
    ["/v1/notes?per_page=101", "Parameter 'per_page' cannot be greater than 100"],
    ["/v1/notes?per_page=ten", "Parameter 'per_page' must be an integer"],
    ["/v1/notes?page=0", "Parameter 'page' cannot be less than 1"],
    ["/v1/notes?sort=problem", "Sorting not allowed on fields: problem"],
    ["/v1/notes?sort=-created_at,problem,-strange", "Sorting not allowed on fields: problem, strange"],
    ["/v1/notes?times_applied=1", "Filtering not allowed on fields: times_applied"],
    ["/v1/notes?times_applied!=1", "Filtering not allowed on fields: times_applied"],
    ["/v1/notes?fields=disabled,strange", "Unknown fields: disabled, strange"],
    ["/v1/notes?fields=id,internal_account", "Unknown fields: internal_account"],
    ["/v1/notes?medium=>x", "Field 'medium' does not support the '=>' operator"],
    ["/v1/notes?medium=%3Ex", "Field 'medium' does not support the '=>' operator"],
    ["/v1/notes?medium=<=x", "Field 'medium' does not support the '=<=' operator"],
    ["/v1/notes?state=open", "Invalid value for parameter 'state': 'open'"],
    ["/v1/notes?search_after=bm90aGluZw", "Parameter 'search_after' is not a cursor of this order"],
    ["/v1/requests?status=>closed", "Field 'status' does not support the '=>' operator"],
    ["/v1/requests?state=public", "Filtering not allowed on fields: state"],
  ])("400: %s", async (path, message) => {
    expectFailure(await specialist(path), 400, { message });
  });

  test.each(['{"text":', "text=hello", "\u{0}", "[1]", '"text"'])("400: a body that is %s", async (body) => {
    expectFailure(await specialist(notes(), { method: "POST", body }), 400, { message: "Invalid JSON string posted" });
  });

  test("400: bytes that are no UTF-8", async () => {
    const body = Buffer.from('{"text":"\xff"}', "latin1");
    expectFailure(await specialist(notes(), { method: "POST", body }), 400, { message: "Invalid JSON string posted" });
  });

  test.each([undefined, "tnk_wrong", ""])("401 with the credential %s, without rate headers", async (key) => {
    const answer = await as(key, "/v1/notes");
    expectFailure(answer, 401, { message: "Unauthorized" });
    expect([...answer.headers.keys()].filter((name) => name.startsWith("x-ratelimit"))).toEqual([]);
  });

  test("403: beyond the credential's scopes, and the header says which is missing", async () => {
    const narrow = await keyWith(app, account.specialist, ["tickets:read", "notes:read"]);
    const answer = await as(narrow, notes(), { method: "POST", body: { text: "Hi" } });
    expectFailure(answer, 403, { message: "Forbidden" });
    expect(answer.headers.get("www-authenticate")).toContain('scope="notes:write"');
    expect(answer.headers.get("x-ratelimit-remaining")).toBeDefined();
  });

  test.each([
    ["GET", "/v1/strange"],
    ["GET", "/v1/requests/1/strange"],
    ["POST", "/v1/notes"],
    ["PATCH", "/v1/notes/1"],
    ["PUT", "/v1/notes/1"],
    ["DELETE", "/v1/notes/1"],
    ["GET", "/v1/notes/99999999999999999999"],
    ["GET", "/v1/notes/2147483648"],
    ["GET", "/v1/notes/0"],
    ["GET", "/v1/notes/none"],
    ["GET", "/v1/notes/-1"],
    ["GET", "/v1/people/2147483648"],
    ["GET", "/v1/requests/2147483648/notes"],
    ["POST", "/v1/requests/2147483648/notes"],
  ])("404: %s %s", async (method, path) => {
    expectFailure(await specialist(path, { method }), 404, { message: "Not Found" });
  });

  test("404: an address that does not exist, whatever is sent to it and wanted of it", async () => {
    const sent = { method: "POST", headers: { "x-api-key": account.specialist.key, accept: "text/html" } };
    for (const body of ["{", "grant_type=client_credentials", ""]) {
      for (const type of ["application/json", "application/x-www-form-urlencoded", "application/xml"]) {
        const headers = { ...sent.headers, "content-type": type };
        const response = await fetch(`${app.url}/v1/token`, { ...sent, headers, body });
        expect([response.status, await response.json()]).toEqual([404, { message: "Not Found" }]);
      }
    }
  });

  describe.each([
    ["a percent sign that encodes nothing", "/v1/notes/%E0%A4%A"],
    ["a part that is longer than any id", `/v1/requests/${"x".repeat(2_001)}/notes`],
  ])("404: %s", (_name, path) => {
    test("is no path, and is answered as such, down to the headers", async () => {
      const key = await keyWith(app, account.specialist, ["notes:read"]);
      const [usual, unreadable] = await atOneMoment(async () => [await as(key, "/v1/strange"), await as(key, path)] as const);
      expectFailure(unreadable, 404, { message: "Not Found" });
      expect([...unreadable.headers.keys()]).toEqual([...usual.headers.keys()]);
      expect([usual, unreadable].map(({ headers }) => headers.get("x-ratelimit-remaining"))).toEqual(["599", "598"]);
    });

    test("needs no credential, and takes none that is wrong", async () => {
      const anonymous = await as(undefined, path);
      expectFailure(anonymous, 404, { message: "Not Found" });
      expect([...anonymous.headers.keys()].filter((name) => name.startsWith("x-ratelimit"))).toEqual([]);
      expectFailure(await as("tnk_wrong", path), 401, { message: "Unauthorized" });
    });

    test("is nothing for POST either", async () => {
      const answer = await specialist(path, { method: "POST", body: { text: "Hi" } });
      expectFailure(answer, 404, { message: "Not Found" });
      expect(answer.headers.get("x-ratelimit-limit")).toBe("600");
    });
  });

  test("404: a record of another kind", async () => {
    expectFailure(await specialist(`/v1/problems/${ticket.number}`), 404, { message: "Not Found" });
    expectFailure(await specialist(`/v1/problems/${ticket.number}/notes`), 404, { message: "Not Found" });
  });

  test("406: a client that takes no JSON", async () => {
    expectFailure(await specialist("/v1/notes", { headers: { accept: "text/html" } }), 406, { message: "Not Acceptable" });
    expectFailure(await specialist("/v1/notes", { headers: { accept: "application/json;q=0" } }), 406, {
      message: "Not Acceptable",
    });
    const taken = await Promise.all(
      ["*/*", "application/json", "application/*;q=0.5", "text/html, application/json;q=0.9"].map((accept) =>
        specialist("/v1/notes", { headers: { accept } }),
      ),
    );
    expect(taken.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  test("422: a text that is blank", async () => {
    for (const body of [{}, { text: "" }, { text: " \n" }, { text: null }, undefined]) {
      expectFailure(await specialist(notes(), { method: "POST", body }), 422, {
        message: "Validation Failed",
        errors: [["text", "Text can't be blank"]],
      });
    }
  });

  test("422: every field that cannot be used is named", async () => {
    const body = { text: 5, internal: "perhaps", medium: "email", attachments: {} };
    const { status, body: failure } = await specialist(notes(), { method: "POST", body });
    expect(status).toBe(422);
    expect(failure.message).toBe("Validation Failed");
    expect(failure.errors.map(([field]: [string]) => field)).toEqual(["text", "internal", "medium", "attachments"]);
  });

  test("422: a text of more than 65,536 bytes, or with NUL in it", async () => {
    const fits = await specialist(notes(), { method: "POST", body: { text: "é".repeat(32_768) } });
    expect(fits.status).toBe(201);
    for (const text of [`${"é".repeat(32_768)}.`, "a\u{0}b", "\u{d800}"]) {
      const { status, body } = await specialist(notes(), { method: "POST", body: { text } });
      expect([status, body.errors?.length, body.errors?.[0]?.[0]]).toEqual([422, 1, "text"]);
    }
  });

  test("413: a body that no note can have", async () => {
    const answer = await specialist(notes(), { method: "POST", body: { text: "x".repeat(1_100_000) } });
    expectFailure(answer, 413, { message: "Request Entity Too Large" });
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect([...answer.headers.keys()].filter((name) => name.startsWith("x-ratelimit"))).toHaveLength(3);
  });

  test("429: the minute's allowance is used up, and comes back as the minute slides", async () => {
    const key = await keyWith(app, account.specialist, ["notes:read", "tickets:read"]);
    app.time.now = new Date("2026-05-01T10:00:00Z");
    const spend = () => app.app.server.inject({ url: "/v1/strange", headers: { authorization: `Bearer ${key}` } });
    for (let sent = 0; sent < 599; sent += 1) await spend();
    const last = await as(key, "/v1/notes");
    const over = await as(key, "/v1/notes");
    const free = await as(key, "/v1/rate_limit");
    app.time.now = new Date("2026-05-01T10:01:00Z");
    const soon = await as(key, "/v1/notes");
    app.time.now = new Date("2026-05-01T10:02:01Z");
    const later = await as(key, "/v1/notes");
    app.time.now = undefined;
    expect([last.status, last.headers.get("x-ratelimit-remaining")]).toEqual([200, "0"]);
    expectFailure(over, 429, { message: "Too Many Requests" });
    expect([over.headers.get("retry-after"), over.headers.get("x-ratelimit-remaining")]).toEqual(["60", "0"]);
    const reset = Date.UTC(2026, 4, 1, 10, 1) / 1000;
    expect(over.headers.get("x-ratelimit-reset")).toBe(String(reset));
    const core = { limit: 600, remaining: 0, reset };
    expect(free.body).toEqual({ resources: { core }, ...core });
    // A sixtieth of the minute has passed.
    expect([soon.status, soon.headers.get("x-ratelimit-remaining")]).toEqual([200, "9"]);
    expect([later.status, later.headers.get("x-ratelimit-remaining")]).toEqual([200, "599"]);
  });

  test("5xx: says nothing of its cause", async () => {
    const scratch = await createScratchDatabase();
    const database = await openDatabase(scratch.config, { warn: () => undefined });
    const broken = await startApp({ database });
    const { specialist: asking } = await addAccount(broken);
    expect((await v1(broken, "/v1/notes", { key: asking.key })).status).toBe(200);
    await database.pool.query("ALTER TABLE notes RENAME TO no_notes");
    expectFailure(await v1(broken, "/v1/notes", { key: asking.key }), 500, { message: "Internal Server Error" });
    await scratch.drop();
    expectFailure(await v1(broken, "/v1/notes", { key: asking.key }), 503, { message: "Internal Server Error" });
    await broken.close();
    await database.close();
  });
});

describe("rate headers", () => {
  test("on every answer to a credential, also where it fails", async () => {
    const key = await keyWith(app, account.specialist, ["notes:read", "tickets:read"]);
    const paths = ["/v1/notes", "/v1/me", "/v1/strange", "/v1/notes?per_page=0"];
    const remaining: (string | undefined)[] = [];
    await atOneMoment(async (moment) => {
      for (const path of paths) {
        const { headers } = await as(key, path);
        expect(headers.get("x-ratelimit-limit")).toBe("600");
        expect(Number(headers.get("x-ratelimit-reset"))).toBeGreaterThan(moment.getTime() / 1000);
        remaining.push(headers.get("x-ratelimit-remaining"));
      }
    });
    expect(remaining).toEqual(["599", "598", "597", "596"]);
  });

  test("asking for the rate costs nothing", async () => {
    const key = await keyWith(app, account.specialist, ["notes:read"]);
    const answers = await atOneMoment(async () => {
      await as(key, "/v1/me");
      return [await as(key, "/v1/rate_limit"), await as(key, "/v1/rate_limit.json")];
    });
    expect(answers.map(({ body }) => body.remaining)).toEqual([599, 599]);
    expect(answers[0]?.body).toMatchObject({
      resources: { core: { limit: 600, remaining: 599, reset: expect.any(Number) } },
      limit: 600,
    });
  });
});

describe("notes", () => {
  test("a note, with all its fields and no others", async () => {
    const note = await addNote(app, ticket, account.specialist, {
      text: "**Hi**",
      createdAt: new Date("2026-01-12T17:33:00.250Z"),
    });
    const { body } = await specialist(`/v1/notes/${note.number}`);
    expect(body).toEqual({
      id: note.number,
      nodeID: nodeId("Note", note.id),
      person: { id: account.specialist.number, name: "Sam Specialist" },
      created_at: "2026-01-12T18:33:00+01:00",
      text: "**Hi**",
      medium: "default",
      internal: false,
      attachments: [],
      account: { id: account.slug, name: expect.any(String) },
      inbound_email: null,
      request: { id: ticket.number, subject: "The gearbox grinds" },
    });
    expect(Object.keys(body)).toEqual([
      ...[
        "id",
        "nodeID",
        "person",
        "created_at",
        "text",
        "medium",
        "internal",
        "attachments",
        "account",
        "inbound_email",
        "request",
      ],
    ]);
  });

  test("an internal note says to whom", async () => {
    const note = await addNote(app, ticket, account.specialist, { isPublic: false });
    const { body } = await specialist(`/v1/notes/${note.number}`);
    expect(body).toMatchObject({ internal: true, internal_account: { id: account.slug }, account: { id: account.slug } });
  });

  test("the account of a public note is its author's; of an internal one, that of those who may see it", async () => {
    const home = await addAccount(app);
    await app.database.prisma.membership.create({
      data: { accountId: account.id, personId: home.specialist.id, role: "SPECIALIST", createdAt: new Date() },
    });
    const open = await addNote(app, ticket, home.specialist, { isPublic: true });
    const closed = await addNote(app, ticket, home.specialist, { isPublic: false });
    expect((await specialist(`/v1/notes/${open.number}`)).body.account.id).toBe(home.slug);
    expect((await specialist(`/v1/notes/${closed.number}`)).body.account.id).toBe(account.slug);
  });

  test.each([
    ["requests", "REQUEST", "request"],
    ["problems", "PROBLEM", "problem"],
    ["workflows", "WORKFLOW", "workflow"],
    ["tasks", "TASK", "task"],
    ["project_tasks", "PROJECT_TASK", "project_task"],
    ["projects", "PROJECT", "project"],
    ["releases", "RELEASE", "release"],
    ["risks", "RISK", "risk"],
  ] as const)("below %s, read and added; the reference is named after the kind", async (collection, kind, reference) => {
    const record = await addTicket(app, account, { kind, subject: kind });
    const path = `/v1/${collection}/${record.number}/notes`;
    const added = await specialist(path, { method: "POST", body: { text: "Hello" } });
    expect(added.status).toBe(201);
    expect(added.body).toEqual({ id: expect.any(Number) });
    expect(added.headers.get("location")).toBe(`${app.url}/v1/notes/${noteIdIn(added)}`);
    const { body } = await specialist(path);
    expect(body).toMatchObject([{ id: noteIdIn(added), text: "Hello", [reference]: { id: record.number, subject: kind } }]);
    expect(Object.keys(body[0]).slice(10)).toEqual([reference]);
    expect((await specialist(`/v1/${collection}/${globalId("Ticket", record.id)}/notes`)).body).toEqual(body);
    expect((await specialist(`/v1/notes/${globalId("Note", (await noteRow(noteIdIn(added)))!.id)}`)).body).toEqual(body[0]);
  });

  test("the node id may come percent-encoded; one of another type is none", async () => {
    const note = await addNote(app, ticket, account.specialist);
    expect((await specialist(`/v1/notes/${encodeURIComponent(globalId("Note", note.id))}.json`)).status).toBe(200);
    expectFailure(await specialist(`/v1/notes/${globalId("Ticket", note.id)}`), 404, { message: "Not Found" });
  });

  test.each([
    [true, true],
    ["1", true],
    ["T", true],
    ["y", true],
    ["True", true],
    ["YES", true],
    ["on", true],
    [1, true],
    [false, false],
    ["false", false],
    ["0", false],
    [null, false],
    [undefined, false],
  ])("internal: %s is %s", async (internal, expected) => {
    const added = await specialist(`/v1/requests/${ticket.number}/notes`, { method: "POST", body: { text: "Hi", internal } });
    expect((await specialist(`/v1/notes/${noteIdIn(added)}`)).body.internal).toBe(expected);
  });

  test("fields of the family that mean nothing here are taken", async () => {
    const body = { text: "Hi", suppress_note_added_notifications: true, source: "a", sourceID: "1" };
    expect((await specialist(`/v1/requests/${ticket.number}/notes`, { method: "POST", body })).status).toBe(201);
  });

  test("system and automation notes are written with the scope admin, and not without", async () => {
    const path = `/v1/requests/${ticket.number}/notes`;
    for (const medium of ["system", "automation"]) {
      const added = await as(account.administrator.key, path, { method: "POST", body: { text: "Closed.", medium } });
      expect((await specialist(`/v1/notes/${noteIdIn(added)}`)).body).toMatchObject({ medium, inbound_email: null });
      expectFailure(await specialist(path, { method: "POST", body: { text: "Closed.", medium } }), 403, {
        message: "Forbidden",
      });
    }
  });

  test("a note that was deleted elsewhere is gone", async () => {
    const note = await addNote(app, ticket, account.specialist);
    await app.database.prisma.note.deleteMany({ where: { id: note.id } });
    expectFailure(await specialist(`/v1/notes/${note.number}`), 404, { message: "Not Found" });
    expect((await specialist(`/v1/requests/${ticket.number}/notes`)).body).toEqual([]);
  });

  test("a redacted note stays", async () => {
    const note = await addNote(app, ticket, account.specialist, { medium: "REDACTED", text: "" });
    expect((await specialist(`/v1/notes/${note.number}`)).body).toMatchObject({ medium: "redacted", text: "" });
  });

  test("sections of rich text come back untouched", async () => {
    const text =
      "Steps:\n<details>\n<summary>Title</summary>\n\n1. **one**\n\n</details>\n<details>\n<summary>Two</summary>\n\n+x+\n\n</details>";
    const added = await specialist(`/v1/requests/${ticket.number}/notes`, { method: "POST", body: { text } });
    expect((await specialist(`/v1/notes/${noteIdIn(added)}`)).body.text).toBe(text);
  });

  test("times stand in the account's zone, in summer and in winter", async () => {
    const summer = await addNote(app, ticket, account.specialist, { createdAt: new Date("2026-07-12T17:33:00Z") });
    expect((await specialist(`/v1/notes/${summer.number}`)).body.created_at).toBe("2026-07-12T19:33:00+02:00");
  });

  function noteRow(number: number): Promise<Note | null> {
    return app.database.prisma.note.findFirst({ where: { number } });
  }
});

describe("who sees what", () => {
  test("internal notes do not exist for customers, nor for a key without their scope", async () => {
    const shown = await addNote(app, ticket, account.specialist, { isPublic: true });
    const hidden = await addNote(app, ticket, account.specialist, { isPublic: false });
    const narrow = await keyWith(app, account.specialist, ["tickets:read", "notes:read"]);
    for (const key of [account.customer.key, narrow]) {
      for (const path of ["/v1/notes", `/v1/requests/${ticket.number}/notes`]) {
        const { body, headers } = await as(key, path);
        expect(body.map((note: { id: number }) => note.id)).toEqual([shown.number]);
        expect(headers.get("x-pagination-total-entries")).toBe("1");
        expect((await as(key, `${path}/internal`)).headers.get("x-pagination-total-entries")).toBe("0");
      }
      expectFailure(await as(key, `/v1/notes/${hidden.number}`), 404, { message: "Not Found" });
    }
    expect((await specialist("/v1/notes")).headers.get("x-pagination-total-entries")).toBe("2");
  });

  test("nothing is seen from another account", async () => {
    const other = await addAccount(app);
    const note = await addNote(app, ticket, account.specialist);
    const paths = [`/v1/notes/${note.number}`, `/v1/requests/${ticket.number}`, `/v1/requests/${ticket.number}/notes`];
    for (const path of [...paths, `/v1/people/${account.specialist.number}`]) {
      expectFailure(await as(other.specialist.key, path), 404, { message: "Not Found" });
    }
    expect((await as(other.specialist.key, "/v1/notes")).body).toEqual([]);
    expect((await as(other.specialist.key, "/v1/requests")).body).toEqual([]);
  });

  test("a customer writes to their own record, in public, and to no other", async () => {
    const other = await addTicket(app, account, { requester: account.otherCustomer });
    const add = (record: Ticket, internal: boolean) =>
      as(account.customer.key, `/v1/requests/${record.number}/notes`, { method: "POST", body: { text: "Hi", internal } });
    expect((await add(ticket, false)).status).toBe(201);
    expectFailure(await add(ticket, true), 403, { message: "Forbidden" });
    expectFailure(await add(other, false), 404, { message: "Not Found" });
  });
});

describe("on the way to the notes", () => {
  test("me, people/me and a person by either id", async () => {
    const me = await specialist("/v1/me");
    expect(me.body).toEqual({
      id: account.specialist.number,
      name: "Sam Specialist",
      primary_email: expect.stringContaining("@"),
      account: { id: account.slug, name: expect.any(String) },
      nodeID: nodeId("Person", account.specialist.id),
    });
    const { number, id } = account.specialist;
    for (const path of ["/v1/people/me", `/v1/people/${number}`, `/v1/people/${globalId("Person", id)}`]) {
      expect((await specialist(path)).body).toEqual(me.body);
    }
  });

  test("a customer reads nobody else's mail address", async () => {
    const { body } = await as(account.customer.key, `/v1/people/${nodeId("Person", account.specialist.id)}`);
    expect(body.primary_email).toBeNull();
  });

  test("nobody is in a team", async () => {
    expect((await specialist(`/v1/people/${account.customer.number}/teams`)).body).toEqual([]);
    expectFailure(await specialist("/v1/people/2147483647/teams"), 404, { message: "Not Found" });
  });

  test("a record", async () => {
    const { body } = await specialist(`/v1/requests/${ticket.number}`);
    expect(body).toEqual({
      id: ticket.number,
      subject: "The gearbox grinds",
      status: "assigned",
      requested_by: { id: account.customer.number, name: "Cleo Customer" },
      account: { id: account.slug, name: expect.any(String) },
      created_at: "2026-01-01T01:00:00+01:00",
      updated_at: "2026-01-01T01:00:00+01:00",
      nodeID: nodeId("Ticket", ticket.id),
    });
    const nobody = await addTicket(app, account, { kind: "RISK", status: "IN_PROGRESS" });
    expect((await specialist(`/v1/risks/${nobody.number}`)).body).toMatchObject({ requested_by: null, status: "materialized" });
  });

  test("the document is served, and names every route", async () => {
    const { status, body } = await as(undefined, "/v1/openapi.json");
    expect(status).toBe(200);
    expect(Object.keys(body.paths)).toContain("/{records}/{id}/notes/internal");
  });
});

test("what a page costs in statements does not grow with its rows", async () => {
  const others = await Promise.all(
    [1, 2, 3].map((index) => addPerson(app.provisioning, { accountId: account.id, name: `P${index}`, role: "SPECIALIST" })),
  );
  const count = async () => (await statementsOf(app, () => specialist("/v1/notes"))).length;
  await addNote(app, ticket, account.specialist);
  await specialist("/v1/notes");
  const one = await count();
  for (const author of others) {
    const record = await addTicket(app, account, { kind: "TASK" });
    await addAttachment(app, await addNote(app, record, author, { isPublic: false }), "a.png");
  }
  expect(await count()).toBe(one);
  // The page and its total, which other pages share.
  expect(one).toBe(2);
});
