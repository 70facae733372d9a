import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import Fastify, { type FastifyInstance } from "fastify";
import { buildSchema, parse, validate } from "graphql";
import { afterEach, describe, expect, test } from "vitest";
import { exampleOperations } from "../src/graphql/graphiql/graphiql-examples.ts";
import { graphiqlPage, registerGraphiqlAssets } from "../src/graphql/graphiql/graphiql.ts";
import { pages, type PagesOptions } from "../src/http/server/pages.ts";

const publicUrl = "https://notes.example";
const endpoint = "/graphql";

let app: FastifyInstance | undefined;

afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function pagesHost(options: Partial<PagesOptions> = {}): Promise<FastifyInstance> {
  app = Fastify();
  await app.register(pages, { publicUrl, apis: ["graphql", "v2", "v1"], ...options });
  return app;
}

async function landingPage(options?: Partial<PagesOptions>) {
  return (await pagesHost(options)).inject("/");
}

async function assetHost(): Promise<FastifyInstance> {
  app = Fastify();
  await app.register(registerGraphiqlAssets, { endpoint });
  return app;
}

function hrefsOf(html: string): string[] {
  return [...html.matchAll(/\b(?:href|src)="([^"]*)"/g)].map(([, address]) => address ?? "");
}

function directive(policy: unknown, name: string): string | undefined {
  return String(policy)
    .split("; ")
    .find((entry) => entry.startsWith(`${name} `));
}

describe("the landing page", () => {
  test("is one small self-contained document without a script", async () => {
    const response = await landingPage();
    expect(response.statusCode).toBe(200);
    expect(response.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(Buffer.byteLength(response.body)).toBeLessThan(20_000);
    expect(response.body).not.toMatch(/<script|<link rel="stylesheet"|<iframe|@import|url\(|\son\w+=|\sstyle=/i);
    expect(hrefsOf(response.body).filter((address) => /^[a-z]+:|^\/\//i.test(address))).toEqual([]);
  });

  test("allows itself its own style and nothing else", async () => {
    const response = await landingPage();
    const style = /<style>([^]*)<\/style>/.exec(response.body)?.[1] ?? "";
    const hash = createHash("sha256").update(style).digest("base64");
    const policy = response.headers["content-security-policy"];
    expect(directive(policy, "default-src")).toBe("default-src 'none'");
    expect(directive(policy, "style-src")).toBe(`style-src 'sha256-${hash}'`);
    expect(directive(policy, "script-src")).toBeUndefined();
    expect(directive(policy, "frame-ancestors")).toBe("frame-ancestors 'none'");
  });

  test("links to every API and to what operators ask", async () => {
    const addresses = hrefsOf((await landingPage()).body);
    expect(addresses).toEqual(
      expect.arrayContaining(["graphql", "v2/openapi.json", "v1/openapi.json", "health", "ready", "metrics"]),
    );
  });

  test("shows how to authenticate and one call of each API, at the public URL", async () => {
    const { body } = await landingPage({ exampleTicketId: "0190a000-0000-7000-8000-000000000001" });
    expect(body).toContain("X-API-Key: $KEY");
    expect(body).toContain("Authorization: Bearer $KEY");
    expect([...body.matchAll(/curl ['&quo"t;]+(https:\/\/notes\.example\/[a-z0-9]+)/g)].map(([, url]) => url)).toEqual([
      "https://notes.example/graphql",
      "https://notes.example/v2",
      "https://notes.example/v1",
    ]);
    expect(body).toContain("TICKET='0190a000-0000-7000-8000-000000000001'");
  });

  test("does not speak of an API that the gateway does not have", async () => {
    const { body } = await landingPage({ apis: ["graphql", "v2"] });
    expect(body).toContain("/v2/");
    expect(body).not.toContain("v1");
  });

  test("writes the public URL as text", async () => {
    const { body } = await landingPage({ publicUrl: 'https://notes.example/?a=1&b="><b>' });
    expect(body).not.toContain('"><b>');
    expect(body).toContain("https://notes.example/?a=1&amp;b=&quot;&gt;&lt;b&gt;");
  });

  test("has landmarks, one first heading and a name for every section", async () => {
    const { body } = await landingPage();
    for (const landmark of ["<header>", "<main>", "<footer>", "<nav aria-label="]) expect(body.split(landmark)).toHaveLength(2);
    expect(body.match(/<h1>/g)).toHaveLength(1);
    const labels = [...body.matchAll(/<section aria-labelledby="([^"]+)"/g)].map(([, id]) => id);
    expect(labels).toHaveLength(5);
    for (const id of labels) expect(body).toContain(`<h2 id="${id}">`);
    expect(body.match(/<svg/g)).toHaveLength(2);
    expect(body.match(/<svg[^>]*aria-hidden="true"/g)).toHaveLength(2);
  });

  test.each(["light", "dark"] as const)("keeps the contrast of WCAG AA in the %s scheme", (scheme) => {
    const [light = "", dark = ""] = readFileSync(new URL("../src/http/server/pages/landing.css", import.meta.url), "utf8")
      .split(":root {")
      .slice(1);
    const colours = new Map(
      [...(scheme === "light" ? light : dark).matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]),
    );
    const pairs = [
      ["ink", "paper"],
      ["soft", "paper"],
      ["accent", "paper"],
      ["ink", "panel"],
      ["on-accent", "accent"],
    ];
    for (const [front, back] of pairs) {
      expect(contrast(colours.get(front) ?? "", colours.get(back) ?? ""), `${front} on ${back}`).toBeGreaterThanOrEqual(4.5);
    }
  });

  test("has an icon, and answers those who look for the old one", async () => {
    const host = await pagesHost();
    const icon = await host.inject("/favicon.svg");
    expect(icon.statusCode).toBe(200);
    expect(icon.headers["content-type"]).toBe("image/svg+xml");
    expect(icon.body).toMatch(/^<svg /);
    expect((await host.inject("/favicon.ico")).statusCode).toBe(204);
  });
});

describe("GraphiQL's page", () => {
  test("is small and holds no script of its own", () => {
    const { html, headers } = graphiqlPage({ endpoint, publicUrl });
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(headers["vary"]).toBe("accept");
    expect(Buffer.byteLength(html)).toBeLessThan(20_000);
    const scripts = [...html.matchAll(/<script([^>]*)>([^]*?)<\/script>/g)];
    expect(scripts).toHaveLength(3);
    for (const [, attributes, text] of scripts) {
      expect(attributes?.includes('type="application/json"') || text === "").toBe(true);
    }
    expect(directive(headers["content-security-policy"], "script-src")).toBe("script-src 'self'");
    expect(directive(headers["content-security-policy"], "connect-src")).toBe("connect-src 'self'");
    expect(directive(headers["content-security-policy"], "worker-src")).toBe("worker-src 'self'");
  });

  test("names only addresses of the gateway, below the path of its public URL", () => {
    const { html } = graphiqlPage({ endpoint, publicUrl: "https://example.org/notes" });
    expect(hrefsOf(html)).toHaveLength(5);
    for (const address of hrefsOf(html))
      expect(address).toMatch(/^\/notes\/(favicon\.svg|graphql\/assets\/[0-9a-f]{16}\/[\w.-]+)$/);
    expect(html).toContain('"endpoint":"/notes/graphql"');
  });

  test("keeps what it is given inside its options", () => {
    const { html } = graphiqlPage({ endpoint, publicUrl, examples: { ticketId: "</script><script>alert(1)</script>" } });
    expect(html.match(/<script/g)).toHaveLength(3);
  });

  test("opens with operations that are valid against the schema, with ids put in where they are known", () => {
    const schema = buildSchema(readFileSync(new URL("../schema.graphql", import.meta.url), "utf8"));
    const operations = exampleOperations({ ticketId: "ticket-1", noteId: "note-1" });
    expect(operations).toHaveLength(5);
    for (const { query } of operations) expect(validate(schema, parse(query))).toEqual([]);
    const inputs: unknown[] = operations.flatMap(({ variables }) =>
      variables === undefined ? [] : [JSON.parse(variables) as unknown],
    );
    expect(inputs).toMatchObject([{ input: { ticketId: "ticket-1" } }, { input: { noteId: "note-1" } }]);
  });
});

describe("GraphiQL's assets", () => {
  const { html } = graphiqlPage({ endpoint, publicUrl });
  const addresses = [...new Set(html.match(/\/graphql\/assets\/[0-9a-f]{16}\/[\w.-]+/g))];

  test("are all there, to be kept for good, compressed or plain", async () => {
    const host = await assetHost();
    expect(new Set(addresses.map((address) => address.split("/").at(-1)))).toEqual(
      new Set([
        "editor-worker.js",
        "graphiql.css",
        "graphiql.js",
        "graphql-worker.js",
        "json-worker.js",
        "start.css",
        "start.js",
      ]),
    );
    for (const url of addresses) {
      const brotli = await host.inject({ url, headers: { "accept-encoding": "gzip, deflate, br" } });
      expect(brotli.statusCode).toBe(200);
      expect(brotli.headers).toMatchObject({
        "content-type": url.endsWith(".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8",
        "content-encoding": "br",
        "cache-control": "public, max-age=31536000, immutable",
        vary: "accept-encoding",
        "x-content-type-options": "nosniff",
      });
      const gzip = await host.inject({ url, headers: { "accept-encoding": "br;q=0, gzip" } });
      expect(gzip.headers["content-encoding"]).toBe("gzip");
      const plain = await host.inject({ url });
      expect(plain.headers["content-encoding"]).toBeUndefined();
      expect(plain.rawPayload.length).toBeGreaterThan(500);
      expect(brotliDecompressSync(brotli.rawPayload).equals(plain.rawPayload)).toBe(true);
      expect(gunzipSync(gzip.rawPayload).equals(plain.rawPayload)).toBe(true);
    }
  });

  test("are not sent again to who has them", async () => {
    const host = await assetHost();
    const [url = ""] = addresses;
    const etag = (await host.inject({ url })).headers.etag ?? "";
    const again = await host.inject({ url, headers: { "if-none-match": etag } });
    expect(again.statusCode).toBe(304);
    expect(again.body).toBe("");
    expect((await host.inject({ url, headers: { "if-none-match": 'W/"another"' } })).statusCode).toBe(200);
  });

  test("are not found under another revision or name", async () => {
    const host = await assetHost();
    const [url = ""] = addresses;
    for (const wrong of [
      url.replace(/[0-9a-f]{16}/, "0000000000000000"),
      url.replace(/[^/]+$/, "other.js"),
      url.replace(/[^/]+$/, "constructor"),
      url.replace(/[^/]+$/, "..%2f..%2fpackage.json"),
    ]) {
      expect((await host.inject({ url: wrong })).statusCode, wrong).toBe(404);
    }
  });
});

/** Of two colours such as #18211e, as WCAG 2.2 defines it. */
function contrast(front: string, back: string): number {
  const [brighter = 0, darker = 0] = [luminance(front), luminance(back)].toSorted((a, b) => b - a);
  return (brighter + 0.05) / (darker + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((start) => {
    const share = Number.parseInt(colour.slice(start, start + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
