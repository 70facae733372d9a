import { readdirSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";
import Fastify, { type FastifyInstance } from "fastify";
import { getVariableValues, type OperationDefinitionNode, parse, validate } from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { docs } from "../src/http/server/docs/docs.ts";
import { renderMarkdown } from "../src/http/server/docs/markdown.ts";
import { operationExample } from "../src/http/server/docs/operation-example.ts";
import { pages } from "../src/http/server/pages.ts";
import { restReference } from "../src/http/server/reference/reference.ts";
import { publishV1Document } from "../src/rest/v1/server/routes.ts";
import { publishV2Document } from "../src/rest/v2/server/routes.ts";
import { schema } from "../src/schema.ts";
import { addAccount, sendText, startApp, type TestApp } from "./support/app.ts";
import { addNote, addTicket } from "./support/factories.ts";

const publicUrl = "https://notes.example/desk";
const examples = { ticketId: "0190a000-0000-7000-8000-000000000001", noteId: "0190a000-0000-7000-8000-000000000002" };

const restDocuments = { "/v2": publishV2Document(publicUrl), "/v1": publishV1Document(publicUrl) };

let app: FastifyInstance;

beforeAll(async () => {
  app = Fastify();
  await app.register(pages, { publicUrl, apis: ["graphql", "v2", "v1"] });
  await app.register(docs, { publicUrl, schema, examples, documents: restDocuments });
  await app.register(restReference, { publicUrl });
});
afterAll(() => app.close());

const get = (path: string, headers: Record<string, string> = { accept: "text/html" }) => app.inject({ url: path, headers });

const roots = [
  ["query", schema.getQueryType()],
  ["mutation", schema.getMutationType()],
] as const;
const rootFields = roots.flatMap(([root, type]) =>
  Object.values(type?.getFields() ?? {}).map((field) => ({ root, name: field.name, field })),
);

/** All paths of the documentation that its pages link to, with the pages themselves. */
async function crawl(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const open = ["/docs"];
  for (let path = open.shift(); path !== undefined; path = open.shift()) {
    if (found.has(path)) continue;
    const { statusCode, body } = await get(path);
    expect([path, statusCode]).toEqual([path, 200]);
    found.set(path, body);
    open.push(...linksOf(body).flatMap((address) => (address.startsWith("/desk/docs") ? pathOf(address) : [])));
  }
  return found;
}

const linksOf = (html: string) => [...html.matchAll(/\bhref="([^"]*)"/g)].map(([, address]) => address ?? "");
const pathOf = (address: string) => address.replace(/^\/desk/, "").replace(/#.*/, "");

describe("the pages", () => {
  test("are one for each type and each document, and all their links lead somewhere", async () => {
    const site = await crawl();
    const types = Object.keys(schema.getTypeMap()).filter((name) => !/^(__|String$|Int$|Float$|Boolean$|ID$)/.test(name));
    for (const name of types) expect(site.has(`/docs/schema/${name}`), name).toBe(true);
    const documents = readdirSync(new URL("../docs", import.meta.url)).filter((name) => name.endsWith(".md"));
    for (const name of documents) expect(site.has(`/docs/guides/${name.replace(".md", "")}`), name).toBe(true);
    const lost = [...site].flatMap(([page, html]) =>
      linksOf(html)
        .filter((address) => address.startsWith("/desk/docs") || address.startsWith("#"))
        .filter((address) => {
          const [path = "", anchor] = address.split("#");
          const target = site.get(path === "" ? page : pathOf(path));
          return anchor !== undefined && !target?.includes(` id="${decodeURIComponent(anchor)}"`);
        })
        .map((address) => `${page} → ${address}`),
    );
    expect(lost).toEqual([]);
    expect(site.size).toBeGreaterThan(types.length);
  });

  test("are made of their own files only, and say so in their policy", async () => {
    const { headers } = await get("/docs");
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    const site = await crawl();
    expect(site.has("/docs/guides/rows-read")).toBe(true);
    // In a tag only: the guides write of such attributes too.
    const refused = /<script(?![^>]*\bsrc=)|<[a-z][^<>]*\s(?:on\w+|style)=|<style/;
    for (const [path, body] of site) expect(refused.exec(body)?.[0], path).toBeUndefined();
  });

  test("are not sent again to who has them", async () => {
    const { headers } = await get("/docs/schema/Note");
    const again = await get("/docs/schema/Note", { "if-none-match": String(headers["etag"]) });
    expect([again.statusCode, again.body]).toEqual([304, ""]);
    expect((await get("/docs/schema/Note", { "if-none-match": 'W/"other"' })).statusCode).toBe(200);
  });

  test("have scripts and styles that need never be asked for again", async () => {
    const { body } = await get("/docs");
    const assets = [...body.matchAll(/"(\/desk\/(?:assets|docs\/search)\/[^"]+)"/g)].map(([, path]) => path ?? "");
    expect(assets.length).toBeGreaterThanOrEqual(5);
    for (const path of assets) {
      const { statusCode, headers } = await get(path.replace("/desk", ""));
      expect([path, statusCode, headers["cache-control"]]).toEqual([path, 200, "public, max-age=31536000, immutable"]);
    }
  });

  test.each(["/docs/guides/nothing", "/docs/schema/Nothing", "/docs/search/old", "/docs/img/..%2f..%2fpackage.json"])(
    "%s is nothing",
    async (path) => {
      expect((await get(path)).statusCode).toBe(404);
    },
  );

  test("show deprecations, arguments with defaults, and who uses a type", async () => {
    const { body } = await get("/docs/schema/Query");
    expect(body).toContain('<section class="member" id="tickets">');
    expect((await get("/docs/schema/Note")).body).toContain('href="/desk/docs/schema/Attachment#note"');
    const deprecated = Object.values(schema.getTypeMap()).flatMap((type) =>
      "getFields" in type ? Object.values(type.getFields()).filter(({ deprecationReason }) => deprecationReason) : [],
    );
    const html = [...(await crawl()).values()].join("");
    expect(html.split('class="deprecated"').length - 1).toBeGreaterThanOrEqual(deprecated.length);
  });
});

interface SearchEntry {
  readonly title: string;
  readonly kind: string;
  readonly text: string;
  readonly href: string;
}

async function searchIndex() {
  const [, path = ""] = /data-index="\/desk([^"]+)"/.exec((await get("/docs")).body) ?? [];
  return get(path);
}

test("the search knows the text of each section of a guide, and leads to the section", async () => {
  const entries = (await searchIndex()).json<SearchEntry[]>();
  for (const words of ["If-Match", "ETag", "PersistedQueryNotFound"]) {
    const found = entries.filter(({ text, href }) => text.includes(words) && href.includes("/docs/guides/"));
    expect(found.length, words).toBeGreaterThan(0);
  }
  const sections = entries.filter(({ href }) => href.includes("/docs/guides/"));
  expect(new Set(sections.map(({ href }) => href)).size).toBe(sections.length);
  for (const [page, body] of await crawl())
    for (const [, id = ""] of page.startsWith("/docs/guides/") ? body.matchAll(/<h[23] id="([^"]*)"/g) : [])
      expect(sections.map(({ href }) => href)).toContain(`/desk${page}#${id}`);
});

test("the index of the search stays small", async () => {
  const { body } = await searchIndex();
  expect(Buffer.byteLength(body)).toBeLessThan(350_000);
  expect(brotliCompressSync(body).length).toBeLessThan(60_000);
});

test("a section of a document has what its paragraphs, code and tables say, but for numbers in tables", () => {
  const text = "# T\nLead.\n\n## A `b`\nOne [two](x).\n\n```sh\nthree\n```\n\n### C\n| d | e |\n| - | -: |\n| four | 5.0 |\n";
  expect(renderMarkdown(text, (address) => address).sections).toEqual([
    { heading: undefined, text: "Lead." },
    { heading: { id: "a-b", text: "A b" }, text: "One two. three" },
    { heading: { id: "c", text: "C" }, text: "d e four" },
  ]);
});

test("the search knows every operation of the REST APIs, and leads to it", async () => {
  const entries = (await searchIndex()).json<SearchEntry[]>();
  for (const [api, document] of Object.entries(restDocuments)) {
    const found = entries.filter(({ kind }) => kind === `REST ${api}`);
    const paths = Object.values(document["paths"] as Record<string, object>);
    const methods = paths.flatMap((item) => Object.keys(item).filter((name) => /^(get|post|put|patch|delete)$/.test(name)));
    expect(found.length).toBe(methods.length);
    expect(new Set(found.map(({ href }) => href)).size).toBe(methods.length);
  }
  expect(entries).toContainEqual({
    title: "Update a record, add notes",
    kind: "REST /v1",
    text: "PATCH /v1/{records}/{id}",
    href: "/desk/v1/docs#tag/records/PATCH/{records}/{id}",
  });
  expect(entries).toContainEqual({
    title: "Get a note",
    kind: "REST /v2",
    text: "GET /v2/tickets/notes/{note-id}",
    href: "/desk/v2/docs#tag/notes/GET/v2/tickets/notes/{note-id}",
  });
});

describe("the examples", () => {
  test.each(rootFields)("of $root $name is valid, with its variables", ({ root, field }) => {
    const { query, variables } = operationExample(root, field, examples);
    const document = parse(query);
    expect(validate(schema, document)).toEqual([]);
    const { variableDefinitions = [] } = document.definitions[0] as OperationDefinitionNode;
    expect(getVariableValues(schema, variableDefinitions, JSON.parse(variables ?? "{}")).errors).toBeUndefined();
  });

  test("of each query is answered as it is", async () => {
    const gateway: TestApp = await startApp();
    const account = await addAccount(gateway);
    const ticket = await addTicket(gateway, account, { requester: account.customer });
    const note = await addNote(gateway, ticket, account.specialist, { text: "The gearbox grinds." });
    const ids = { ticketId: ticket.id, noteId: note.id };
    for (const { field } of rootFields.filter(({ root }) => root === "query")) {
      const { query, variables } = operationExample("query", field, ids);
      const { errors } = await sendText(gateway.url, account.administrator.key, query, JSON.parse(variables ?? "{}"));
      expect([field.name, errors]).toEqual([field.name, []]);
    }
    await gateway.close();
  });

  test("lead into GraphiQL with their operation", async () => {
    const { body } = await get("/docs/schema/Mutation");
    const links = linksOf(body).filter((address) => address.startsWith("/desk/graphql?"));
    expect(links).toHaveLength(Object.keys(schema.getMutationType()?.getFields() ?? {}).length);
    const [first = ""] = links;
    const { searchParams } = new URL(first.replaceAll("&amp;", "&"), publicUrl);
    expect(validate(schema, parse(searchParams.get("query") ?? ""))).toEqual([]);
    expect(JSON.parse(searchParams.get("variables") ?? "")).toHaveProperty("input");
  });
});

describe("the reference of the REST APIs", () => {
  test.each(["/v1", "/v2"])("of %s shows the document of the gateway, by its own scripts", async (api) => {
    const { statusCode, headers, body } = await get(`${api}/docs`);
    expect(statusCode).toBe(200);
    expect(body).toContain(`"document":"/desk${api}/openapi.json"`);
    expect(headers["content-security-policy"]).toContain("connect-src 'self'");
    expect(body.match(/(?:src|href)="(?:https?:)?\/\//)).toBeNull();
  });

  test("its script is compressed once, and sent in the coding that is accepted", async () => {
    const [, path = ""] = /src="\/desk(\/assets\/[^"]+scalar\.js)"/.exec((await get("/v2/docs")).body) ?? [];
    const sizes = [];
    for (const coding of ["br", "gzip", "identity"]) {
      const { statusCode, headers, rawPayload } = await get(path, { "accept-encoding": coding });
      expect([statusCode, headers["content-encoding"]]).toEqual([200, coding === "identity" ? undefined : coding]);
      sizes.push(rawPayload.length);
    }
    expect(sizes.toSorted((one, other) => one - other)).toEqual(sizes);
    expect(sizes[0]).toBeLessThan(1_400_000);
    // What stands in an empty field for a key must not look like one.
    const script = (await get(path, { "accept-encoding": "identity" })).body;
    expect(script).not.toContain("QUxMIFlPVVIg");
    expect(script.split("Paste your API key")).toHaveLength(3);
  });

  test("a browser at /v2 is led to it, and a client gets what it got before", async () => {
    const { statusCode, headers } = await get("/v2");
    expect([statusCode, headers.location]).toEqual([302, `${publicUrl}/v2/docs`]);
    expect((await get("/v2", { accept: "application/json" })).statusCode).toBe(404);
    expect((await get("/v2", {})).statusCode).toBe(404);
  });
});

test("each cell of a table names its column, which a phone shows", () => {
  const { html } = renderMarkdown("| a | `b` |  |\n| - | - | - |\n| 1 | 2 | 3 |\n", () => undefined);
  expect([...html.matchAll(/<td role="cell"(?: data-column="([^"]*)")?>/g)].map(([, name]) => name)).toEqual([
    "a",
    "b",
    undefined,
  ]);
  expect(html.match(/role="(table|rowgroup|row|columnheader)"/g)).toHaveLength(8);
});

test("a column is aligned by a class", () => {
  const { html } = renderMarkdown("| a | b | c |\n| -: | :-: | - |\n| 1 | 2 | 3 |\n", () => undefined);
  const classes = [...html.matchAll(/<t[hd] [^>]*>/g)].map(([tag]) => /class="([^"]*)"/.exec(tag)?.[1]);
  expect(classes).toEqual(["align-right", "align-center", undefined, "align-right", "align-center", undefined]);
  expect(html).not.toContain("style=");
});

test("text of documents cannot become markup", () => {
  const { html } = renderMarkdown("# T\n<script>x</script> [a](javascript:x) [b](gone.md) `<i>`", (address) =>
    address === "gone.md" ? undefined : address,
  );
  expect(html).not.toMatch(/<script|<i>|href="javascript/);
  expect(html).toContain('<span class="elsewhere">b</span>');
});
