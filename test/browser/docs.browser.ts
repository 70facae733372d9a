import axe, { type AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Gateway, startGateway } from "./gateway.ts";
import { desktop, looks, phone, picture, startBrowser, visit } from "./visit.ts";

let gateway: Gateway;
let browser: Browser;

beforeAll(async () => {
  gateway = await startGateway();
  browser = await startBrowser();
});

afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
});

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
});

/** Returns what axe finds that keeps people from using a page. */
async function seriousFindings(page: Page): Promise<string[]> {
  // The policy of the pages allows no script that is put into them; the debugger's are not theirs.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>("axe.run()");
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
}

describe("the landing page", () => {
  test.each(Object.entries(looks))("has no serious finding of axe: %s", async (_name, options) => {
    const { page } = await visit(browser, gateway, "/", options);
    expect(await seriousFindings(page)).toEqual([]);
  });

  test("copies its commands", async () => {
    const { page, complaints } = await visit(browser, gateway, "/", desktop);
    await page.getByRole("button", { name: "Copy" }).first().click();
    expect(await page.evaluate<string>("navigator.clipboard.readText()")).toBe("KEY='paste your key here'");
    expect(await complaints()).toEqual([]);
  });
});

describe("the documentation", () => {
  const places = {
    docs: "/docs",
    schema: "/docs/schema",
    mutation: "/docs/schema/Mutation#addNote",
    guide: "/docs/guides/scaling",
    tables: "/docs/guides/administration",
  };

  test("shows a phone all links of the bar and all cells of tables without moving them", async () => {
    for (const path of ["/docs", "/docs/guides/administration", "/docs/guides/rows-read", "/v1/docs"]) {
      const { page } = await visit(browser, gateway, path, phone);
      const cut = await page.evaluate<string[]>(
        `[...document.querySelectorAll(".bar nav, .bar nav a, .wide, .wide td")]
          .filter((each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== "inline"
            || each.getBoundingClientRect().right > innerWidth)
          .map((each) => each.outerHTML.slice(0, 80))`,
      );
      expect(cut, path).toEqual([]);
    }
  });

  test.each(
    Object.entries(looks).flatMap(([look, options]) =>
      Object.entries(places).map(([name, path]) => ({ look, options, name, path })),
    ),
  )("is seen whole and undisturbed: $name, $look", async ({ look, options, name, path }) => {
    const { page, complaints } = await visit(browser, gateway, path, options);
    expect(await page.getByRole("heading", { level: 1 }).count()).toBe(1);
    expect(await page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth")).toBe(0);
    expect(await seriousFindings(page)).toEqual([]);
    await picture(page, `docs-${name}-${look}`);
    expect(await complaints()).toEqual([]);
  });

  test("is searched by the keyboard alone", async () => {
    const { page, complaints } = await visit(browser, gateway, "/docs", desktop);
    await page.keyboard.press("/");
    await page.keyboard.type("addnote");
    await page.getByRole("option").first().waitFor();
    expect(await page.getByRole("option").first().innerText()).toMatch(/addnote/i);
    await page.keyboard.press("Escape");
    expect(await page.getByRole("option").count()).toBe(0);
    await page.locator(".search input").fill("who updated note");
    await page.getByRole("option").filter({ hasText: "Nothing is found" }).or(page.getByRole("option").first()).waitFor();
    await page.locator(".search input").fill("Mutation.redactNote");
    await page.getByRole("option").filter({ hasText: "Mutation.redactNote" }).first().waitFor();
    await picture(page, "docs-search");
    expect(await seriousFindings(page)).toEqual([]);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/docs\/schema\/Mutation#redactNote$/);
    expect(await page.locator("#redactNote details").getAttribute("open")).toBe("");
    expect(await complaints()).toEqual([]);
  });

  test("finds the words of the guides, shows them, and leads to their section", async () => {
    const { page, complaints } = await visit(browser, gateway, "/docs/guides/rows-read", desktop);
    for (const words of ["If-Match", "ETag", "PersistedQueryNotFound"]) {
      await page.locator(".search input").fill(words);
      const first = page.getByRole("option").filter({ hasText: words }).first();
      await first.waitFor();
      expect(await page.getByRole("option").first().innerText(), words).toContain(words);
    }
    await picture(page, "docs-search-guides");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/docs\/guides\/[\w-]+(#|$)/);
    await page.getByText("PersistedQueryNotFound").first().waitFor();
    expect(await complaints()).toEqual([]);
  });

  test("finds an operation of a REST API, and leads to it", async () => {
    const { page, complaints } = await visit(browser, gateway, "/docs", desktop);
    await page.locator(".search input").fill("list the notes of a record");
    await page.getByRole("option").filter({ hasText: "GET /v1/{records}/{id}/notes" }).first().click();
    await page.waitForURL(/\/v1\/docs#tag\/notes\/GET\//);
    const operation = page.getByRole("heading", { name: "List the notes of a record", exact: true });
    await operation.waitFor();
    await expect.poll(async () => (await operation.boundingBox())?.y ?? -1, { timeout: 20_000 }).toBeGreaterThan(0);
    await expect.poll(async () => (await operation.boundingBox())?.y ?? 9_999, { timeout: 20_000 }).toBeLessThan(800);
    await page.goto(`${gateway.url}/docs`);
    await page.locator(".search input").fill("/v2/tickets/note-attachments");
    await page.getByRole("option").filter({ hasText: "REST /v2" }).first().waitFor();
    expect(await complaints()).toEqual([]);
  });

  test("copies a block of code", async () => {
    const { page } = await visit(browser, gateway, "/docs/schema/Query#viewer", phone);
    await page.locator("#viewer").getByRole("button", { name: "Copy" }).click();
    expect(await page.evaluate<string>("navigator.clipboard.readText()")).toMatch(/^query Viewer \{/);
  });
});

describe("the reference of the REST APIs", () => {
  /** As GraphiQL's sign-in leaves it. */
  const signIn = (page: Page, key: string) =>
    page.evaluate(`sessionStorage.setItem("ticket-notes.credential", ${JSON.stringify(JSON.stringify({ apiKey: key }))})`);

  test.each(Object.entries(looks).flatMap(([look, options]) => ["v1", "v2"].map((api) => ({ api, look, options }))))(
    "comes up from the gateway alone: $api, $look",
    async ({ api, look, options }) => {
      const { page, complaints } = await visit(browser, gateway, `/${api}`, options);
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      // Scalar adds the anchor of the part that is seen.
      expect(page.url().replace(/#.*/, "")).toBe(`${gateway.url}/${api}/docs`);
      await picture(page, `${api}-${look}`);
      expect(await complaints()).toEqual([]);
    },
  );

  test("tries a request with the key of the session", async () => {
    const { page, complaints } = await visit(browser, gateway, "/v2/docs", desktop);
    await signIn(page, gateway.keys.specialist);
    await page.reload({ waitUntil: "load" });
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.goto(`${gateway.url}/v2/docs#tag/notes/GET/v2/tickets/notes`);
    await page
      .getByRole("button", { name: /test request.*get \/v2\/tickets\/notes/i })
      .first()
      .click();
    const answered = page.waitForResponse((response) => response.url().startsWith(`${gateway.url}/v2/tickets/notes?`));
    await page.getByRole("button", { name: /send/i }).last().click();
    const response = await answered;
    expect(response.status()).toBe(200);
    expect(await response.request().headerValue("x-api-key")).toBe(gateway.keys.specialist);
    await picture(page, "v2-tried");
    expect(await complaints()).toEqual([]);
  });

  test("sends no example of a filter that nobody has chosen", async () => {
    const { page, complaints } = await visit(browser, gateway, "/v1/docs", desktop);
    await signIn(page, gateway.keys.specialist);
    await page.reload({ waitUntil: "load" });
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.goto(`${gateway.url}/v1/docs#tag/notes/GET/notes`);
    await page
      .getByRole("button", { name: /test request.*get \/notes\)/i })
      .first()
      .click();
    const answered = page.waitForResponse((response) => response.url().startsWith(`${gateway.url}/v1/notes`));
    await page.getByRole("button", { name: /send/i }).last().click();
    const response = await answered;
    expect(response.status()).toBe(200);
    expect([...new URL(response.url()).searchParams.keys()].toSorted()).toEqual(["page", "per_page"]);
    expect(((await response.json()) as unknown[]).length).toBeGreaterThan(0);
    expect(await complaints()).toEqual([]);
  });
});
