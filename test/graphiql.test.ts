import { readFileSync } from "node:fs";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import Fastify, { type FastifyInstance, type InjectOptions } from "fastify";
import { buildSchema, parse, print, validate } from "graphql";
import { afterEach, describe, expect, test } from "vitest";
import { languages, type Exported } from "../src/graphql/graphiql/page/code-export.ts";
import { type ExampleRole, examples, operationNameOf, variablesFor } from "../src/graphql/graphiql/page/examples.ts";
import { demoLink, offersDemoKeys, registerDemoKeys } from "../src/graphql/graphiql/demo-keys.ts";
import { type GraphiqlOptions, registerGraphiql } from "../src/graphql/graphiql/graphiql.ts";

const publicUrl = "https://notes.example";
const endpoint = "/graphql";
const schema = buildSchema(readFileSync(new URL("../schema.graphql", import.meta.url), "utf8"));

let app: FastifyInstance | undefined;

afterEach(async () => {
  await app?.close();
  app = undefined;
});

function graphiqlHost(options: Partial<Pick<GraphiqlOptions, "publicUrl" | "uploadOrigin" | "hasDemoKeys">> = {}) {
  app = Fastify();
  const page = registerGraphiql(app, { endpoint, publicUrl, schema, hasDemoKeys: false, ...options });
  return { host: app, page: page() };
}

const hrefsOf = (html: string) => [...html.matchAll(/\b(?:href|src)="([^"]*)"/g)].map(([, address]) => address ?? "");

function directive(policy: unknown, name: string): string | undefined {
  return String(policy)
    .split("; ")
    .find((entry) => entry.startsWith(`${name} `));
}

describe("GraphiQL's page", () => {
  test("is small, holds no script of its own, and shows something at once", () => {
    const { html, headers } = graphiqlHost().page;
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(headers["vary"]).toBe("accept");
    expect(Buffer.byteLength(html)).toBeLessThan(8_000);
    const scripts = [...html.matchAll(/<script([^>]*)>([^]*?)<\/script>/g)];
    expect(scripts).toHaveLength(2);
    for (const [, attributes, text] of scripts)
      expect(attributes?.includes('type="application/json"') || text === "").toBe(true);
    expect(html).toContain("Loading the editor");
    for (const name of ["script-src", "connect-src", "worker-src", "font-src"])
      expect(directive(headers["content-security-policy"], name)).toBe(`${name} 'self'`);
  });

  test("names only addresses of the gateway, below the path of its public URL", () => {
    const { html } = graphiqlHost({ publicUrl: "https://example.org/notes" }).page;
    expect(hrefsOf(html).length).toBeGreaterThan(5);
    for (const address of hrefsOf(html)) expect(address).toMatch(/^\/notes\/(favicon\.svg|graphql\/assets\/[\w.-]+)$/);
    expect(html).toContain('"endpoint":"/notes/graphql"');
    expect(html).toContain('"demoKeys":null');
  });

  test("may send files to the store that takes them, and to no other", () => {
    const { headers } = graphiqlHost({ uploadOrigin: "https://store.example" }).page;
    expect(directive(headers["content-security-policy"], "connect-src")).toBe("connect-src 'self' https://store.example");
  });

  test("says where the demo data's keys are only if they are there", () => {
    expect(graphiqlHost({ hasDemoKeys: true }).page.html).toContain('"demoKeys":"/graphql/demo-keys"');
  });
});

describe("GraphiQL's files", () => {
  const assetsOf = (html: string) => [...new Set(html.match(/\/graphql\/assets\/[\w.-]+/g))];

  test("are all there, to be kept for good, compressed or plain", async () => {
    const { host, page } = graphiqlHost();
    const urls = assetsOf(page.html);
    expect(urls.length).toBeGreaterThan(10);
    let bytes = 0;
    for (const url of urls) {
      const brotli = await host.inject({ url, headers: { "accept-encoding": "gzip, deflate, br" } });
      expect(brotli.statusCode, url).toBe(200);
      expect(brotli.headers).toMatchObject({
        "content-encoding": "br",
        "cache-control": "public, max-age=31536000, immutable",
        vary: "accept-encoding",
        "x-content-type-options": "nosniff",
      });
      expect(brotli.headers["content-type"]).toMatch(/^(text\/(css|javascript)|application\/json); charset=utf-8$/);
      const gzip = await host.inject({ url, headers: { "accept-encoding": "br;q=0, gzip" } });
      expect(gzip.headers["content-encoding"]).toBe("gzip");
      const plain = await host.inject({ url });
      expect(plain.headers["content-encoding"]).toBeUndefined();
      expect(brotliDecompressSync(brotli.rawPayload).equals(plain.rawPayload), url).toBe(true);
      expect(gunzipSync(gzip.rawPayload).equals(plain.rawPayload), url).toBe(true);
      bytes += brotli.rawPayload.length;
    }
    // All that the page needs before one can type, but for a font of 4 KB.
    expect(bytes).toBeLessThan(596_000);
  });

  test("are not sent again to who has them", async () => {
    const { host, page } = graphiqlHost();
    const [url = ""] = assetsOf(page.html);
    const etag = (await host.inject({ url })).headers.etag ?? "";
    const again = await host.inject({ url, headers: { "if-none-match": etag } });
    expect([again.statusCode, again.body]).toEqual([304, ""]);
    expect((await host.inject({ url, headers: { "if-none-match": 'W/"another"' } })).statusCode).toBe(200);
  });

  test("are not found under another name", async () => {
    const { host } = graphiqlHost();
    for (const name of ["other.js", "constructor", "page.json", "..%2fgraphiql.ts", "%2e%2e%2f%2e%2e%2fpackage.json", ""])
      expect((await host.inject({ url: `${endpoint}/assets/${name}` })).statusCode, name).toBe(404);
  });
});

describe("the demo data's keys", () => {
  const keys = { customer: "tnk_c", admin: "tnk_a" };
  const link = new URL(demoLink("http://127.0.0.1:4000", keys));
  const token = link.hash.replace("#demo=", "");
  const own = { host: "127.0.0.1:4000", "sec-fetch-site": "same-origin", "x-demo-token": token };

  async function asked(options: InjectOptions) {
    app = Fastify();
    await app.register(registerDemoKeys, { endpoint, keys });
    return app.inject({ url: `${endpoint}/demo-keys`, headers: own, ...options });
  }

  test.each(["127.0.0.1:4000", "localhost:4000", "[::1]:4000", "localhost"])("are for the page at %s", async (host) => {
    const response = await asked({ headers: { ...own, host } });
    expect(response.statusCode).toBe(200);
    expect(response.headers["cache-control"]).toBe("no-store");
    expect(response.json()).toEqual({
      keys: [
        { name: "customer", apiKey: "tnk_c" },
        { name: "admin", apiKey: "tnk_a" },
      ],
    });
  });

  test.each<readonly [string, InjectOptions]>([
    ["another machine", { remoteAddress: "192.0.2.7" }],
    ["another machine over IPv6", { remoteAddress: "::ffff:192.0.2.7" }],
    ["a proxy on this machine", { headers: { ...own, "x-forwarded-for": "192.0.2.7" } }],
    ["a proxy that says so as RFC 7239", { headers: { ...own, forwarded: "for=192.0.2.7" } }],
    ["a name that was made to lead here", { headers: { ...own, host: "rebound.example:4000" } }],
    ["a name that begins as ours", { headers: { ...own, host: "localhost.rebound.example" } }],
    ["a page of another origin", { headers: { ...own, "sec-fetch-site": "cross-site" } }],
    ["a page of another port of this machine", { headers: { ...own, "sec-fetch-site": "same-site" } }],
    ["a visitor who typed the address", { headers: { ...own, "sec-fetch-site": "none" } }],
    ["a program that says nothing", { headers: { host: own.host } }],
    [
      "a proxy of this machine that says nothing of whom it forwards",
      { headers: { host: own.host, "sec-fetch-site": "same-origin" } },
    ],
    ["a guess", { headers: { ...own, "x-demo-token": token.replace(/.$/, (last) => (last === "A" ? "B" : "A")) } }],
    ["an empty token", { headers: { ...own, "x-demo-token": "" } }],
    ["the token of other keys", { headers: { ...own, "x-demo-token": demoLink("", { ...keys, admin: "tnk_b" }).slice(-22) } }],
  ])("are not for %s", async (_who, options) => {
    const response = await asked(options);
    expect(response.statusCode).toBe(404);
    expect(response.body).not.toContain("tnk_");
  });

  test("have a link that a server is not told, and that stays as long as the keys do", () => {
    expect(link.pathname + link.search).toBe("/graphql");
    expect(token).toMatch(/^[\w-]{22}$/);
    expect(demoLink("http://127.0.0.1:4000", { admin: "tnk_a", customer: "tnk_c" })).toBe(link.href);
  });

  test("need a host and a URL of this machine", () => {
    const offered = (host: string, url: string) => offersDemoKeys({ host, publicUrl: url });
    for (const host of ["127.0.0.1", "127.8.9.1", "::1", "localhost"]) expect(offered(host, "http://[::1]:4000")).toBe(true);
    for (const host of ["0.0.0.0", "::", "192.0.2.7", "127.0.0.1.example", "localhost.example", ""])
      expect(offered(host, "http://[::1]:4000"), host).toBe(false);
    expect(offered("127.0.0.1", "https://notes.example")).toBe(false);
  });
});

describe("the examples", () => {
  const fieldsOf = (name: "Query" | "Mutation" | "Subscription") => {
    const type = schema.getType(name);
    return type && "getFields" in type ? Object.keys(type.getFields()) : [];
  };

  test("show every field of Query, Mutation and Subscription once", () => {
    const fields = [...fieldsOf("Query"), ...fieldsOf("Mutation"), ...fieldsOf("Subscription")];
    expect(examples.map(({ field }) => field).toSorted()).toEqual(fields.toSorted());
  });

  test.each(examples)("of $field is valid, and named after it", ({ field, query, lookup }) => {
    const document = parse(query);
    expect(validate(schema, document)).toEqual([]);
    const names = document.definitions.flatMap((definition) => ("name" in definition ? [definition.name?.value] : []));
    expect(names).toEqual([operationNameOf({ field })]);
    expect(query).toMatch(new RegExp(String.raw`\b${field}\b`));
    if (!lookup) return;
    expect(validate(schema, parse(lookup.query))).toEqual([]);
    // Choosing an example must change nothing.
    expect(print(parse(lookup.query))).not.toMatch(/^(mutation|subscription)\b/m);
  });

  test("say what must be done first if there is nothing to name", async () => {
    const revoke = examples.find(({ field }) => field === "revokeApiKey");
    if (!revoke) throw new Error("There is no example of revokeApiKey.");
    const ask = (nodes: object[]) => async () => ({ data: { apiKeys: { nodes } } });
    expect(await variablesFor(revoke, "ADMINISTRATOR", ask([{ id: "1", name: "mobile app" }]))).toEqual({
      problem: "The examples revoke only what they have made. Run createApiKey first.",
    });
    expect(await variablesFor(revoke, "ADMINISTRATOR", ask([{ id: "2", name: "Made in GraphiQL" }]))).toEqual({
      text: JSON.stringify({ input: { id: "2" } }, null, 2),
    });
    const refused = async () => ({ data: null, errors: [{ message: "Only administrators see API keys." }] });
    expect(await variablesFor(revoke, "ADMINISTRATOR", refused)).toEqual({ problem: "Only administrators see API keys." });
  });

  test("say as whom to sign in, and ask nothing before", async () => {
    let asked = 0;
    const ask = async () => {
      asked += 1;
      return { data: { searchNotes: { nodes: [{ id: "1", version: 1, viewerCanUpdate: true }] } } };
    };
    const problemOf = async (field: string, role: ExampleRole | undefined) => {
      const example = examples.find((each) => each.field === field);
      if (!example) throw new Error(`There is no example of ${field}.`);
      const found = await variablesFor(example, role, ask);
      return "problem" in found ? found.problem : undefined;
    };
    expect(await problemOf("redactNote", "CUSTOMER")).toBe("Only administrators may do this. Sign in as one.");
    expect(await problemOf("auditEvents", "SPECIALIST")).toBe("Only administrators may do this. Sign in as one.");
    expect(await problemOf("updateTicket", "CUSTOMER")).toBe("Customers may not do this. Sign in as a specialist.");
    expect(await problemOf("updateNote", undefined)).toBe("Its variables name what you see. Sign in first.");
    expect(asked).toBe(0);
    expect(await problemOf("viewer", undefined)).toBeUndefined();
    expect(await problemOf("updateNote", "CUSTOMER")).toBeUndefined();
    expect(await problemOf("redactNote", "ADMINISTRATOR")).toBeUndefined();
    expect(asked).toBe(2);
  });
});

describe("an operation as code", () => {
  const query = `# A comment.
mutation AddNote($input: AddNoteInput!, $isLong: Boolean = false) {
  addNote(input: $input) { __typename @include(if: $isLong) }
}`;
  const input = { ticketId: "T'1`", text: "Done.", categories: ["POST_SCAN"], isPublic: true };
  const operation: Exported = {
    url: "http://127.0.0.1:4000/graphql",
    query,
    variables: JSON.stringify({ input, isLong: true }),
    operationName: "AddNote",
  };
  const written = (name: string, exported = operation) =>
    languages.find((language) => language.name === name)?.write(exported, schema) ?? "";

  test("never holds a key, and has a placeholder in its place", () => {
    for (const { name } of languages) expect(written(name), name).toMatch(/\$KEY|KEY"|env\.KEY/);
  });

  test("is quoted for the shell", () => {
    expect(written("curl")).toContain(String.raw`"ticketId":"T'\''1`);
    expect(written("curl")).not.toContain("A comment");
  });

  test("has the classes that Apollo generates", () => {
    expect(written("Kotlin")).toContain(
      'AddNoteMutation(input = AddNoteInput(ticketId = "T\'1`", text = "Done.", categories = Optional.present(listOf(NoteCategory.POST_SCAN)), isPublic = Optional.present(true)), isLong = Optional.present(true))',
    );
    expect(written("Swift")).toContain(
      'AddNoteMutation(input: AddNoteInput(ticketId: "T\'1`", text: "Done.", categories: .some([GraphQLEnum(.postScan)]), isPublic: .some(true)), isLong: .some(true))',
    );
    expect(written("Swift")).toContain("perform(mutation: operation)");
    expect(written("Apollo Client")).toContain("client.mutate");
  });

  test("is written for half a document too", () => {
    const half = { ...operation, query: "query {", variables: "{", operationName: "" };
    for (const { name } of languages) expect(written(name, half).length, name).toBeGreaterThan(100);
  });
});
