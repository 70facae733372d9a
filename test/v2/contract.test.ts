import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { addAccount, call, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket } from "../support/factories.ts";
import { contract, expectToKeepV2Contract } from "../support/v2-contract.ts";

let app: TestApp;
let account: TestAccount;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
});
afterAll(() => app.close());

const resources = [
  ["/v2/tickets/notes", "GET, POST, HEAD, OPTIONS"],
  [`/v2/tickets/notes/${randomUUID()}`, "GET, PUT, DELETE, HEAD, OPTIONS"],
  ["/v2/tickets/note-attachments", "GET, POST, HEAD, OPTIONS"],
  [`/v2/tickets/note-attachments/${randomUUID()}/a.png`, "GET, HEAD, OPTIONS"],
] as const;

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/**
 * An OpenAPI document without its summaries and descriptions. A property that has such a name is an object, and stays.
 */
function withoutTexts(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(withoutTexts);
  if (!isObject(part)) return part;
  const isText = (name: string, value: unknown) => ["summary", "description"].includes(name) && typeof value === "string";
  return Object.fromEntries(
    Object.entries(part).flatMap(([name, value]) => (isText(name, value) ? [] : [[name, withoutTexts(value)]])),
  );
}

/**
 * The paths to the operations, parameters, responses and properties below `part` that have neither a description nor a
 * reference.
 */
function unexplained(part: unknown, path: readonly string[] = []): string[] {
  if (!isObject(part)) return [];
  const mustExplain = "operationId" in part || "in" in part || ["properties", "responses"].includes(path.at(-2) ?? "");
  const isSilent = mustExplain && !("description" in part) && !("$ref" in part);
  return [
    ...(isSilent ? [path.join("/")] : []),
    ...Object.entries(part).flatMap(([name, value]) => unexplained(value, [...path, name])),
  ];
}

const methodsIn = (allow: string | null) => (allow ?? "").split(", ").toSorted();

describe("the document", () => {
  const served: unknown = parse(readFileSync(new URL("../../src/rest/v2/server/openapi.yaml", import.meta.url), "utf8"));

  test("that the API is made of is the contract, but for the texts that explain it", () => {
    expect(withoutTexts(served)).toEqual(withoutTexts(contract));
  });

  test("explains every operation, parameter, response and property", () => {
    expect(unexplained(served)).toEqual([]);
  });

  test("is served as it is, without a credential", async () => {
    const { status, headers, body } = await call(app, undefined, "GET", "/v2/openapi.json");
    expect([status, headers.get("content-type")]).toEqual([200, expect.stringMatching(/^application\/json/)]);
    expect(body).toEqual(served);
  });

  test("has eight operations, and each of them is served", async () => {
    const operations = Object.entries(contract.paths).flatMap(([path, item]) =>
      Object.keys(item)
        .filter((name) => ["get", "post", "put", "delete"].includes(name))
        .map((method) => ({ method: method.toUpperCase(), path: path.replaceAll(/\{[^}]+\}/g, randomUUID()) })),
    );
    expect(operations).toHaveLength(8);
    for (const { method, path } of operations) {
      // 401 shows that the request reached the operation: an address without an operation answers 404.
      expect([method, path, (await call(app, undefined, method, path)).status]).toEqual([method, path, 401]);
    }
  });
});

describe("every resource", () => {
  test.each(resources)("%s answers OPTIONS without a credential", async (path, allow) => {
    const { status, headers } = await call(app, undefined, "OPTIONS", path);
    expect([status, methodsIn(headers.get("allow"))]).toEqual([204, allow.split(", ").toSorted()]);
  });

  test.each(resources)("%s answers 405 and what it takes to every other method", async (path, allow) => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH"].filter((candidate) => !allow.includes(candidate))) {
      for (const key of [undefined, account.specialist.key]) {
        const { status, headers } = await call(app, key, method, path, { any: "thing" });
        expect([method, status, methodsIn(headers.get("allow"))]).toEqual([method, 405, allow.split(", ").toSorted()]);
      }
    }
  });

  test.each(resources)("%s is the same with a slash behind it", async (path) => {
    expect((await call(app, undefined, "GET", `${path}/`)).status).toBe(401);
    expect((await call(app, undefined, "OPTIONS", `${path}/`)).status).toBe(204);
  });

  test.each(resources)("%s asks who it is before anything else", async (path) => {
    const { status, headers } = await call(app, undefined, "GET", path);
    expect([status, headers.get("www-authenticate")]).toEqual([401, expect.stringContaining("Bearer")]);
  });
});

test("HEAD answers what GET answers, without a body", async () => {
  const ticket = await addTicket(app, account);
  const note = await addNote(app, ticket, account.specialist);
  for (const path of [
    `/v2/tickets/notes/${note.id}`,
    `/v2/tickets/notes?ticket_id=${ticket.id}`,
    `/v2/tickets/note-attachments?note_id=${note.id}`,
  ]) {
    const got = await call(app, account.specialist.key, "GET", path);
    const head = await call(app, account.specialist.key, "HEAD", path);
    expect(head).toMatchObject({ status: 200, body: "" });
    for (const name of ["content-type", "content-length", "cache-control"])
      expect(head.headers.get(name)).toBe(got.headers.get(name));
  }
  expect((await call(app, account.specialist.key, "HEAD", `/v2/tickets/notes/${randomUUID()}`)).status).toBe(404);
});

test.each([
  "/v2",
  "/v2/",
  "/v2/tickets",
  "/v2/tickets/notes/a/b",
  "/v2/tickets/note-attachments/x",
  "/v2/openapi.yaml",
  "/V2/tickets/notes",
])("%s is nothing, and says so as a problem", async (path) => {
  const { status, headers } = await call(app, account.specialist.key, "GET", path);
  expect([status, headers.get("content-type")]).toEqual([404, "application/problem+json"]);
});

describe("the validation of the suite itself", () => {
  const answered = {
    method: "GET",
    path: `/v2/tickets/notes/${randomUUID()}`,
    status: 200,
    headers: new Headers({ "content-type": "application/json" }),
  };
  const note = {
    id: randomUUID(),
    author_id: randomUUID(),
    author_name: "A",
    categories: [],
    created_at: "2026-01-01T00:00:00Z",
    is_public: true,
    ticket_id: randomUUID(),
    updated_at: null,
    value: "x",
  };

  test("lets the contract's answers pass", () => {
    expect(() => expectToKeepV2Contract({ ...answered, body: note })).not.toThrow();
  });

  test.each<[string, object]>([
    ["a missing field", { body: { ...note, value: undefined } }],
    ["a wrong type", { body: { ...note, is_public: "true" } }],
    ["a value that is too long", { body: { ...note, value: "x".repeat(1501) } }],
    ["a category that is none", { body: { ...note, categories: ["x"] } }],
    ["a time that is none", { body: { ...note, created_at: "yesterday" } }],
    ["another media type", { body: note, headers: new Headers({ "content-type": "text/html" }) }],
    ["a status that is not there", { body: note, status: 202 }],
    ["a failure that is no problem", { body: { error: "x" }, status: 404 }],
    [
      "a problem that is of another status",
      {
        body: { type: "about:blank", title: "x", status: 400 },
        status: 404,
        headers: new Headers({ "content-type": "application/problem+json" }),
      },
    ],
  ])("stops %s", (_name, changed) => {
    expect(() => expectToKeepV2Contract({ ...answered, body: note, ...changed })).toThrow(`GET ${answered.path} answered`);
  });
});
