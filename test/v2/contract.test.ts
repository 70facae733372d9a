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

/** Returns `document` with a copy of what it refers to in place of each reference. */
function withoutReferences(part: unknown, document: unknown): unknown {
  if (Array.isArray(part)) return part.map((entry) => withoutReferences(entry, document));
  if (!isObject(part)) return part;
  if ("$ref" in part) return withoutReferences(partAt(document, String(part.$ref).slice("#/".length)), document);
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, withoutReferences(value, document)]));
}

function partAt(document: unknown, path: string): unknown {
  const unescaped = path.split("/").map((name) => name.replaceAll("~1", "/"));
  return unescaped.reduce<unknown>((part, name) => (isObject(part) ? Object(part)[name] : undefined), document);
}

/** Returns the paths to what `kept` has otherwise or not at all, and to what it has beyond `contracted`. */
function differences(contracted: unknown, kept: unknown): { missing: string[]; added: string[] } {
  const missing: string[] = [];
  const added: string[] = [];
  const compare = (wanted: unknown, found: unknown, path: string) => {
    if (!isObject(wanted) || !isObject(found) || Array.isArray(wanted) !== Array.isArray(found)) {
      if (wanted !== found) missing.push(path);
      return;
    }
    const [names, foundNames] = [Object.keys(wanted), Object.keys(found)];
    const at = (name: string) => (path === "" ? name.replaceAll("/", "~1") : `${path}/${name.replaceAll("/", "~1")}`);
    for (const name of names) compare(Object(wanted)[name], Object(found)[name], at(name));
    added.push(...foundNames.filter((name) => !names.includes(name)).map(at));
  };
  compare(withoutReferences(contracted, contracted), withoutReferences(kept, kept), "");
  return { missing, added };
}

/** Returns whether what was added at `path` are parameters that are headers. */
function addsHeaders(document: unknown, path: string): boolean {
  const parameters = withoutReferences(partAt(document, path), document);
  return path.endsWith("/parameters") && Array.isArray(parameters) && parameters.every(({ in: place }) => place === "header");
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

  test("is served without a credential, at the gateway's address", async () => {
    const { status, headers, body } = await call(app, undefined, "GET", "/v2/openapi.json");
    expect([status, headers.get("content-type")]).toEqual([200, expect.stringMatching(/^application\/json/)]);
    expect(body).toMatchObject({ servers: [{ url: app.url }] });
  });

  test("as it is served says all that the contract says, and adds nothing that changes it", async () => {
    const { body } = await call(app, undefined, "GET", "/v2/openapi.json");
    const { missing, added } = differences(withoutTexts(contract), withoutTexts(body));
    expect(missing).toEqual([]);
    const harmless = [
      /^servers$|^tags$|^info\/(license|contact)$/,
      // Beside the operations: their tags, the headers that they take and answer, and which failures they have.
      /^paths\/[^ ]+\/(tags|example)$/,
      /\/responses\/(304|4\d\d)$|\/responses\/2\d\d\/headers$/,
      /\/content\/application~1(problem\+)?json\/example$/,
      /^components\/headers$|^components\/parameters\/(IdempotencyKey|IfMatch)$/,
      /^components\/responses\/\w+$/,
    ];
    expect(added.filter((path) => !harmless.some((pattern) => pattern.test(path)) && !addsHeaders(body, path))).toEqual([]);
    expect(added.length).toBeGreaterThan(50);
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
