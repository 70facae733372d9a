import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ConfigError } from "../../src/config.ts";
import { createDocumentStore } from "../../src/graphql/documents/document-store.ts";
import type { Manifests } from "../../src/graphql/documents/persisted-documents.ts";
import { followManifests, loadManifests } from "../../src/graphql/server/load-manifests.ts";
import type { GraphqlPlugin } from "../../src/graphql/server/plugins.ts";
import { addAccount, startApp, type TestAccount, type TestApp, type TestAppOptions } from "../support/app.ts";
import { jsonOf, sendBy, ways } from "../support/plugins.ts";

const everyWay = Object.keys(ways) as (keyof typeof ways)[];
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const persisted = (sha256Hash: unknown, version: unknown = 1) => ({ extensions: { persistedQuery: { version, sha256Hash } } });

const text = "query Role { viewer { role } }";
const role = { data: { viewer: { role: "SPECIALIST" } } };
const notFound = { errors: [{ message: "PersistedQueryNotFound", extensions: { code: "PERSISTED_QUERY_NOT_FOUND" } }] };

/** A plugin about HTTP, with which every request goes through Yoga. */
const aboutHttp: GraphqlPlugin = { onResultProcess: () => undefined };

const manifests: Manifests = {
  texts: new Map([
    ["role-of-viewer", text],
    [sha256(text), text],
  ]),
  trusted: new Set([text]),
};

const open: TestApp[] = [];
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

async function start(options: TestAppOptions = {}): Promise<{ app: TestApp; account: TestAccount }> {
  const app = await startApp(options);
  open.push(app);
  return { app, account: await addAccount(app) };
}

describe.each([
  ["beside Yoga", []],
  ["through Yoga", [aboutHttp]],
])("%s", (_name, plugins) => {
  test.each(everyWay)("a document is registered with its hash, and then asked for by it, for %s", async (way) => {
    const { app, account } = await start({ plugins });
    const ask = (parameters: Record<string, unknown>, key = account.specialist.key) => sendBy(app, key, way, parameters);
    const unknown = await ask(persisted(sha256(text)));
    expect([unknown.status, jsonOf(unknown)]).toEqual([200, notFound]);
    expect([unknown.headers.get("cache-control"), unknown.headers.get("etag")]).toEqual(["no-store", null]);
    expect(unknown.headers.get("ratelimit")).toMatch(/r=\d+/);
    expect(jsonOf(await ask({ query: text, ...persisted(sha256(text)) }))).toEqual(role);
    expect(jsonOf(await ask({ ...persisted(sha256(text)), operationName: "Role" }))).toEqual(role);
    // By its other names, and by another person.
    expect(jsonOf(await ask({ documentId: `sha256:${sha256(text)}` }))).toEqual(role);
    expect(jsonOf(await ask({ doc_id: sha256(text), variables: {} }))).toEqual(role);
    expect(jsonOf(await ask(persisted(sha256(text)), account.customer.key))).toEqual({
      data: { viewer: { role: "CUSTOMER" } },
    });
    // What a hash names is held against the limits as any text.
    const wrong = "{ nonsense }";
    expect(jsonOf(await ask({ query: wrong, ...persisted(sha256(wrong)) }))).toMatchObject({
      errors: [{ extensions: { code: "INVALID_INPUT" } }],
    });
    expect(jsonOf(await ask(persisted(sha256(wrong))))).toMatchObject({ errors: [{ extensions: { code: "INVALID_INPUT" } }] });
  });

  test.each(everyWay)("what is wrong with an id is told, for %s", async (way) => {
    const { app, account } = await start({ plugins });
    const ask = async (parameters: Record<string, unknown>) => {
      const sent = await sendBy(app, account.specialist.key, way, parameters);
      const { errors } = jsonOf(sent) as { errors?: readonly { extensions: { code: string } }[] };
      return [sent.status, errors?.[0]?.extensions.code];
    };
    const refused = [400, "INVALID_INPUT"];
    expect(await ask({ query: text, ...persisted(sha256("another")) })).toEqual(refused);
    expect(await ask({ query: text, documentId: `sha256:${sha256("another")}` })).toEqual(refused);
    // It was not registered by that.
    expect(await ask(persisted(sha256("another")))).toEqual([200, "PERSISTED_QUERY_NOT_FOUND"]);
    expect(await ask(persisted(sha256(text), 2))).toEqual(refused);
    expect(await ask(persisted(7))).toEqual(refused);
    expect(await ask(persisted(""))).toEqual(refused);
    expect(await ask({ extensions: { persistedQuery: "nonsense" } })).toEqual(refused);
    expect(await ask({ documentId: `sha256:${sha256("another")}` })).toEqual([404, "NOT_FOUND"]);
    expect(await ask({ documentId: "toString" })).toEqual([404, "NOT_FOUND"]);
    // Two of them that differ: neither wins, also beside the text itself.
    const [own, others] = [sha256(text), sha256("another")];
    expect(await ask({ documentId: `sha256:${own}`, doc_id: others })).toEqual(refused);
    expect(await ask({ documentId: `sha256:${own}`, ...persisted(others) })).toEqual(refused);
    expect(await ask({ query: text, doc_id: others, ...persisted(own) })).toEqual(refused);
    expect(await ask({ query: text, documentId: `sha256:${own}`, doc_id: 7 })).toEqual(refused);
    expect(await ask({ query: text, documentId: `sha256:${own}`, doc_id: own, ...persisted(own) })).toEqual([200, undefined]);
    expect(await ask({ doc_id: "none" })).toEqual([404, "NOT_FOUND"]);
    expect(await ask({})).toEqual(refused);
  });

  test.each(everyWay)("the documents of manifests are known from the start, for %s", async (way) => {
    const { app, account } = await start({ plugins, manifests: () => manifests });
    const ask = (parameters: Record<string, unknown>) => sendBy(app, account.specialist.key, way, parameters);
    for (const named of [{ documentId: "role-of-viewer" }, { doc_id: "role-of-viewer" }, persisted("role-of-viewer")])
      expect(jsonOf(await ask(named))).toEqual(role);
    for (const named of [{ documentId: `sha256:${sha256(text)}` }, { doc_id: sha256(text) }, persisted(sha256(text))])
      expect(jsonOf(await ask(named))).toEqual(role);
    expect(jsonOf(await ask({ query: "{ viewer { scopes } }" }))).toMatchObject({ data: { viewer: {} } });
  });

  test.each(everyWay)("only the documents of manifests are taken if it is so wanted, for %s", async (way) => {
    const { app, account } = await start({ plugins, manifests: () => manifests, persistedDocumentsOnly: true });
    const ask = async (parameters: Record<string, unknown>, key: string | undefined = account.specialist.key) => {
      const sent = await sendBy(app, key, way, parameters);
      const { errors } = jsonOf(sent) as { errors?: readonly { extensions: { code: string } }[] };
      return [sent.status, errors?.[0]?.extensions.code];
    };
    const other = "{ viewer { scopes } }";
    for (const taken of [{ query: text }, { documentId: "role-of-viewer" }, { query: text, ...persisted(sha256(text)) }])
      expect(await ask(taken)).toEqual([200, undefined]);
    for (const key of [account.specialist.key, account.administrator.key, account.customer.key]) {
      expect(await ask({ query: other }, key)).toEqual([403, "FORBIDDEN"]);
      expect(await ask({ query: other, ...persisted(sha256(other)) }, key)).toEqual([403, "FORBIDDEN"]);
      expect(await ask(persisted(sha256(other)), key)).toEqual([200, "PERSISTED_QUERY_NOT_FOUND"]);
    }
  });
});

describe("GraphiQL", () => {
  const other = { query: "{ viewer { person { name } } }" };

  test("asks anything for an administrator, even if only documents of manifests are taken", async () => {
    const { app, account } = await start({ manifests: () => manifests, persistedDocumentsOnly: true });
    const ask = async (key: string | undefined, headers: Record<string, string>) => {
      const response = await fetch(`${app.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", ...(key !== undefined && { "x-api-key": key }), ...headers },
        body: JSON.stringify(other),
      });
      await response.arrayBuffer();
      return response.status;
    };
    const { administrator, specialist } = account;
    expect(await ask(administrator.key, { origin: app.url })).toBe(200);
    expect(await ask(administrator.key, {})).toBe(403);
    expect(await ask(administrator.key, { origin: "https://elsewhere.example" })).toBe(403);
    expect(await ask(specialist.key, { origin: app.url })).toBe(403);
    expect(await ask(undefined, { origin: app.url })).toBe(403);
  });
});

describe("the price of an id", () => {
  test("is that of its document, and an unknown one has a price too", async () => {
    const { app, account } = await start({ rateLimits: { points: 100, requests: 100, anonymous: 100 } });
    // No minute of the limits ends meanwhile.
    app.time.now = new Date();
    const ask = async (parameters: Record<string, unknown>) => {
      const { headers } = await sendBy(app, account.specialist.key, "a plain POST", parameters);
      return Number(/\br=(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1]);
    };
    const begin = await ask(persisted(sha256(text)));
    expect(begin).toBeLessThan(100);
    const registered = await ask({ query: text, ...persisted(sha256(text)) });
    const again = await ask(persisted(sha256(text)));
    expect(registered - again).toBe(begin - registered);
    expect(registered).toBeLessThan(begin);
    const unknown = await ask(persisted(sha256("another")));
    expect(unknown).toBeLessThan(again);
  });
});

describe("the store of registered documents", () => {
  const long = (index: number) => `{ a${index}: ${"x".repeat(1_000)} }`;

  test("has one copy of a text, and each owner has a share", () => {
    const store = createDocumentStore({ maxBytes: 1_000_000, maxBytesOfOwner: 10_000 });
    const victim = sha256("mine");
    store.add(victim, "mine", "victim");
    // A flood costs its sender only its own documents.
    for (let index = 0; index < 1_000; index += 1) store.add(sha256(long(index)), long(index), "flood");
    expect(store.usedBytes).toBeLessThan(11_000);
    expect(store.find(victim, "victim")).toBe("mine");
    expect(store.find(sha256(long(0)), "flood")).toBeUndefined();
    expect(store.find(sha256(long(999)), "flood")).toBe(long(999));
    // What several use stays as long as one of them has it.
    store.add(sha256("shared"), "shared", "flood");
    const before = store.usedBytes;
    expect(store.find(sha256("shared"), "victim")).toBe("shared");
    expect(store.usedBytes - before).toBeLessThan(1_000);
    for (let index = 0; index < 1_000; index += 1) store.add(sha256(long(index)), long(index), "flood");
    expect(store.find(sha256("shared"), "another")).toBe("shared");
    // Larger than a share: not kept.
    const huge = "x".repeat(20_000);
    store.add(sha256(huge), huge, "victim");
    expect(store.find(sha256(huge), "victim")).toBeUndefined();
    expect(store.find(victim, "victim")).toBe("mine");
  });

  test("stays within its size, and forgets those who were idle for the longest time", () => {
    const store = createDocumentStore({ maxBytes: 50_000, maxBytesOfOwner: 10_000 });
    store.add(sha256("busy"), "busy", "busy");
    for (let owner = 0; owner < 100; owner += 1) {
      for (let index = 0; index < 5; index += 1)
        store.add(sha256(`${owner} ${long(index)}`), `${owner} ${long(index)}`, `owner ${owner}`);
      expect(store.find(sha256("busy"), "busy")).toBe("busy");
      expect(store.usedBytes).toBeLessThanOrEqual(50_000);
    }
    expect(store.find(sha256(`0 ${long(0)}`), "busy")).toBeUndefined();
    expect(store.find(sha256(`99 ${long(4)}`), "busy")).toBe(`99 ${long(4)}`);
  });
});

describe("manifests", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "manifests-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** Makes a directory with these files. */
  function directoryOf(name: string, files: Readonly<Record<string, string>>): string {
    const path = join(directory, name);
    mkdirSync(path, { recursive: true });
    for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content);
    return path;
  }

  const apollo = JSON.stringify({
    format: "apollo-persisted-query-manifest",
    version: 1,
    operations: [{ id: "apollo-id", name: "Role", type: "query", body: text }],
  });
  const relay = JSON.stringify({ "0123456789abcdef0123456789abcdef": "query A { viewer { scopes } }" });
  const preset = JSON.stringify({ da39a3ee5e6b4b0d3255bfef95601890afd80709: "query B { viewer { __typename } }" });

  test("are those of Apollo, Relay and the client preset", async () => {
    const path = directoryOf("all", { "apollo.json": apollo, "relay.json": relay, "preset.json": preset, "notes.txt": "no" });
    const { texts, trusted } = await loadManifests(path);
    expect(trusted.size).toBe(3);
    expect(texts.get("apollo-id")).toBe(text);
    expect(texts.get(sha256(text))).toBe(text);
    expect(texts.get("0123456789abcdef0123456789abcdef")).toBe("query A { viewer { scopes } }");
    expect(texts.get("da39a3ee5e6b4b0d3255bfef95601890afd80709")).toBe("query B { viewer { __typename } }");
  });

  test("that cannot be used are told, all at once", async () => {
    const path = directoryOf("wrong", {
      "broken.json": "{",
      "list.json": "[]",
      "other.json": JSON.stringify({ format: "apollo-persisted-query-manifest", version: 2, operations: [] }),
      "one.json": JSON.stringify({ id: "{ a }" }),
      "two.json": JSON.stringify({ id: "{ b }" }),
    });
    const failure = await loadManifests(path).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConfigError);
    const { problems } = failure as ConfigError;
    expect(problems.map((problem) => /(\w+\.json)/.exec(problem)?.[1])).toEqual([
      "broken.json",
      "list.json",
      "other.json",
      "two.json",
    ]);
    for (const problem of problems) expect(problem).toMatch(/^PERSISTED_DOCUMENTS /);
    await expect(loadManifests(join(directory, "none"))).rejects.toThrow(
      "PERSISTED_DOCUMENTS must be a directory that can be read",
    );
  });

  test("are read again when the process gets SIGHUP, and stay if they cannot be", async () => {
    const path = directoryOf("followed", { "relay.json": relay });
    const lines: string[] = [];
    const log = {
      info: (_fields: object, line: string) => void lines.push(line),
      error: (_fields: object, line: string) => void lines.push(line),
    };
    const listeners = new Set(process.listeners("SIGHUP"));
    const current = await followManifests(path, log);
    const reload = process.listeners("SIGHUP").find((listener) => !listeners.has(listener));
    const signal = async () => {
      const known = lines.length;
      process.emit("SIGHUP");
      while (lines.length === known) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    expect(current().trusted.size).toBe(1);
    writeFileSync(join(path, "apollo.json"), apollo);
    await signal();
    expect(current().trusted.size).toBe(2);
    writeFileSync(join(path, "apollo.json"), "{");
    await signal();
    expect(current().trusted.size).toBe(2);
    expect(lines).toEqual([
      "the manifests of documents were read again",
      "the manifests of documents cannot be used; those from before stay",
    ]);
    if (reload) process.off("SIGHUP", reload);
  });
});
