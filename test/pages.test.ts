import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import { pages, type PagesOptions } from "../src/http/server/pages.ts";

const publicUrl = "https://notes.example";

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
  return (await pagesHost(options)).inject({ url: "/", headers: { accept: "text/html,*/*;q=0.8" } });
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
  test("is one small document, and its only script is an asset that copies", async () => {
    const response = await landingPage();
    expect(response.statusCode).toBe(200);
    expect(response.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(Buffer.byteLength(response.body)).toBeLessThan(20_000);
    expect(response.body).not.toMatch(/<link rel="stylesheet"|<iframe|@import|url\(|\son\w+=|\sstyle=/i);
    const [, script = ""] = /<script defer src="(assets\/[\w-]+\/copy\.js)"><\/script>/.exec(response.body) ?? [];
    expect(response.body.match(/<script/g)).toHaveLength(1);
    const { statusCode, headers } = await app!.inject(`/${script}`);
    expect([statusCode, headers["cache-control"]]).toEqual([200, "public, max-age=31536000, immutable"]);
    expect(hrefsOf(response.body).filter((address) => /^[a-z]+:|^\/\//i.test(address))).toEqual([]);
  });

  test("allows itself its own style and nothing else", async () => {
    const response = await landingPage();
    const style = /<style>([^]*)<\/style>/.exec(response.body)?.[1] ?? "";
    const hash = createHash("sha256").update(style).digest("base64");
    const policy = response.headers["content-security-policy"];
    expect(directive(policy, "default-src")).toBe("default-src 'none'");
    expect(directive(policy, "style-src")).toBe(`style-src 'sha256-${hash}'`);
    expect(directive(policy, "script-src")).toBe("script-src 'self'");
    expect(directive(policy, "frame-ancestors")).toBe("frame-ancestors 'none'");
  });

  test("is a text for clients that do not ask for a page, such as curl", async () => {
    const host = await pagesHost();
    for (const headers of [{}, { accept: "*/*" }, { accept: "text/html;q=0, text/plain" }]) {
      const response = await host.inject({ url: "/", headers });
      expect([response.statusCode, response.headers["content-type"]]).toEqual([200, "text/plain; charset=utf-8"]);
      expect(response.headers["vary"]).toBe("accept");
      expect(response.body).not.toMatch(/<\w/);
      expect(response.body.match(/^curl /gm)).toHaveLength(3);
      expect(response.body).toContain(`${publicUrl}/docs`);
    }
  });

  test("is not sent again to who has it", async () => {
    const { headers, body } = await landingPage();
    expect(body).toMatch(/Version \d+\.\d+\.\d+/);
    const again = await app!.inject({ url: "/", headers: { accept: "text/html", "if-none-match": String(headers["etag"]) } });
    expect([again.statusCode, again.body]).toEqual([304, ""]);
  });

  test("links to every API and to what operators ask", async () => {
    const addresses = hrefsOf((await landingPage()).body);
    expect(addresses).toEqual(
      expect.arrayContaining([
        ...["graphql", "docs", "docs/schema", "v2/docs", "v2/openapi.json", "v1/docs", "v1/openapi.json"],
        ...["health", "ready", "metrics"],
      ]),
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
    const [light = "", dark = ""] = readFileSync(new URL("../src/http/server/pages/site.css", import.meta.url), "utf8")
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
      ["soft", "panel"],
      ["accent", "panel"],
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
