import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { type Gateway, startGateway } from "./gateway.ts";

/** Every test leaves pictures here, to be looked at. */
const pictures = join(tmpdir(), "ticket-notes-pictures");

const desktop: BrowserContextOptions = { viewport: { width: 1280, height: 900 } };
const looks: Readonly<Record<string, BrowserContextOptions>> = {
  light: { ...desktop, colorScheme: "light" },
  dark: { ...desktop, colorScheme: "dark" },
  phone: { viewport: { width: 360, height: 740 }, colorScheme: "light", isMobile: true, hasTouch: true },
};

let gateway: Gateway;
let browser: Browser;

beforeAll(async () => {
  await mkdir(pictures, { recursive: true });
  gateway = await startGateway();
  browser = await chromium.launch({
    executablePath: inject("chromiumPath"),
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // Offline except for the gateway: no name is resolved.
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
  });
});

afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
});

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
});

/**
 * A page, and everything a visitor must never cause: requests to others, complaints in the console, violations of the
 * policy.
 */
async function visit(
  path: string,
  options: BrowserContextOptions,
): Promise<{ page: Page; complaints: () => Promise<string[]> }> {
  const context = await browser.newContext({ ...options, permissions: ["clipboard-read", "clipboard-write"] });
  const complaints: string[] = [];
  await context.route(
    (url) => url.origin !== gateway.url,
    async (route) => {
      complaints.push(`asked for ${route.request().url()}`);
      await route.abort();
    },
  );
  context.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== gateway.url && protocol !== "data:") complaints.push(`asked for ${request.url()}`);
  });
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  context.on("weberror", (error) => complaints.push(`thrown: ${error.error().message}`));
  await context.addInitScript({
    content: `self.violations = [];
      addEventListener("securitypolicyviolation", (event) => violations.push("violates " + event.violatedDirective + ": " + event.blockedURI));`,
  });
  const page = await context.newPage();
  // Not until the network is idle: Chromium does not always say that the scripts of workers have arrived.
  await page.goto(gateway.url + path, { waitUntil: "load" });
  return { page, complaints: async () => [...complaints, ...(await page.evaluate<string[]>("self.violations"))] };
}

const picture = (page: Page, name: string, fullPage = false) =>
  page.screenshot({ path: join(pictures, `${name}.png`), fullPage });

describe("the landing page", () => {
  test.each(Object.entries(looks))("is seen whole and undisturbed: %s", async (name, options) => {
    const { page, complaints } = await visit("/", options);
    expect(await page.getByRole("heading", { level: 1 }).count()).toBe(1);
    expect(await page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth")).toBe(0);
    await picture(page, `landing-${name}`, true);
    expect(await complaints()).toEqual([]);
  });

  // What a browser says that it wants of a link.
  const asBrowser = { headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" } };

  test("leads only to addresses that answer", async () => {
    const { page } = await visit("/", desktop);
    const addresses = await page.evaluate<string[]>("[...document.links].map((link) => link.href)");
    expect(addresses.length).toBeGreaterThanOrEqual(6);
    for (const address of addresses) expect((await fetch(address, asBrowser)).status, address).toBe(200);
  });

  test("shows where the keyboard is", async () => {
    const { page } = await visit("/", desktop);
    await page.keyboard.press("Tab");
    expect(await page.locator(":focus-visible").innerText()).toBe("Open GraphiQL");
    expect(await page.evaluate<string>("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
    await picture(page, "landing-focus");
    await page.keyboard.press("Enter");
    await page.waitForURL(`${gateway.url}/graphql`);
  });
});

describe("GraphiQL", () => {
  const tabs = ["Viewer", "Tickets", "AddTicket", "AddNote", "RequestUpload"];

  async function open(options: BrowserContextOptions) {
    const visited = await visit("/graphql", options);
    await visited.page.getByRole("button", { name: /execute query/i }).waitFor();
    await shows(visited.page, ".graphiql-query-editor", "query Viewer");
    return visited;
  }

  /** Waits until the editor shows a line that has `text` in it. */
  const shows = (page: Page, editor: string, text: string) =>
    page.locator(`${editor} .view-line`).filter({ hasText: text }).first().waitFor();

  const lines = async (page: Page, editor: string) =>
    (await page.locator(`${editor} .view-lines`).innerText()).replaceAll("\u00a0", " ");

  /** As a hand does it, which does not hold still while it presses. */
  async function choose(page: Page, tab: string) {
    const button = page.getByRole("tablist").getByRole("button", { name: tab, exact: true });
    const box = await button.boundingBox();
    if (box === null) throw new Error(`There is no tab ${tab} to be seen.`);
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 5, y + 1, { steps: 3 });
    await page.mouse.up();
    await shows(page, ".graphiql-query-editor", tab);
  }

  async function pasteKey(page: Page, key: string) {
    await page.locator(".graphiql-editor-tool .graphiql-editor:not(.hidden)").getByText("X-API-Key").click();
    await page.keyboard.press("ControlOrMeta+A");
    // As a visitor does it: the editor would close what is typed.
    const headers = JSON.stringify({ "X-API-Key": key }, null, 2);
    await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(headers)})`);
    await page.keyboard.press("ControlOrMeta+V");
  }

  /**
   * Presses the play button, and gives the answer: the one that the gateway sent, once it is also the one that is
   * shown.
   */
  async function execute(page: Page): Promise<{ data?: Record<string, unknown>; errors?: { extensions: { code: string } }[] }> {
    const answered = page.waitForResponse((candidate) => candidate.request().method() === "POST");
    const sent = page.waitForRequest((request) => request.method() === "POST");
    const isSent = () => Promise.race([sent.then(() => true), page.waitForTimeout(1_000).then(() => false)]);
    // For a moment after a tab was changed, GraphiQL takes no click.
    do await page.getByRole("button", { name: /execute query/i }).click();
    while (!(await isSent()));
    const response = await answered;
    const answer: unknown = await response.json();
    await shows(page, ".result-window", JSON.stringify(Object.keys(Object(answer))[0]));
    // What GraphQL over HTTP says an answer is.
    return answer as Awaited<ReturnType<typeof execute>>;
  }

  test.each(Object.entries(looks))("comes up from the gateway alone: %s", async (name, options) => {
    const { page, complaints } = await open(options);
    const shown = await page.getByRole("tab").allInnerTexts();
    expect(shown).toEqual(tabs);
    await picture(page, `graphiql-${name}`);
    expect(await complaints()).toEqual([]);
  });

  test("asks for a key, then runs every example with it as it is", async () => {
    const { page, complaints } = await open(desktop);
    const refused = await execute(page);
    expect(refused.errors?.map((error) => error.extensions.code)).toEqual(["UNAUTHENTICATED"]);

    await pasteKey(page, gateway.keys.specialist);
    const { data } = await execute(page);
    expect(data).toMatchObject({ viewer: { role: "SPECIALIST" } });
    expect(await lines(page, ".result-window")).toContain('"SPECIALIST"');
    await picture(page, "graphiql-viewer");

    const answers: Record<string, unknown> = {};
    for (const tab of tabs.slice(1)) {
      await choose(page, tab);
      const answer = await execute(page);
      expect(answer.errors, tab).toBeUndefined();
      Object.assign(answers, answer.data);
      await picture(page, `graphiql-${tab}`);
    }
    expect(answers).toMatchObject({
      tickets: { nodes: expect.arrayContaining([expect.objectContaining({ notes: expect.anything() })]) },
      addTicket: { ticket: { status: "PENDING" } },
      addNote: { note: { author: expect.anything() } },
      requestAttachmentUpload: { upload: { method: "PUT" } },
    });
    expect(await complaints()).toEqual([]);
  });

  test("documents the schema without a key", async () => {
    const { page, complaints } = await open(desktop);
    await page.getByRole("button", { name: /show documentation explorer/i }).click();
    const explorer = page.locator(".graphiql-doc-explorer");
    await explorer.getByRole("link", { name: "Query", exact: true }).click();
    await explorer.getByRole("link", { name: "tickets", exact: true }).click();
    await explorer.getByRole("link", { name: "TicketConnection", exact: true }).waitFor();
    await picture(page, "graphiql-documentation");
    expect(await complaints()).toEqual([]);
  });

  test("suggests fields", async () => {
    const { page, complaints } = await open(desktop);
    await page.locator(".graphiql-query-editor .view-lines").getByText("scopes").click();
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Control+Space");
    await page.locator(".suggest-widget").getByText("person").first().waitFor();
    await picture(page, "graphiql-suggestions");
    expect(await complaints()).toEqual([]);
  });

  test("keeps what was written, and no key", async () => {
    const { page, complaints } = await open(desktop);
    await pasteKey(page, gateway.keys.customer);
    await execute(page);
    await choose(page, "AddTicket");
    // GraphiQL stores what changed after half a second of rest.
    const storedTab = () =>
      page.evaluate<unknown>(`JSON.parse(localStorage["ticket-notes/graphiql:tabState"] ?? "{}").activeTabIndex`);
    await expect.poll(storedTab, { timeout: 5_000 }).toBe(2);
    expect(await page.evaluate<string>("JSON.stringify({ ...localStorage, ...sessionStorage })")).not.toContain(
      gateway.keys.customer,
    );
    expect(page.url()).toBe(`${gateway.url}/graphql`);

    await page.reload({ waitUntil: "load" });
    await shows(page, ".graphiql-query-editor", "mutation AddTicket");
    expect(await page.getByRole("tab").allInnerTexts()).toEqual(tabs);
    expect(await lines(page, ".graphiql-editor-tool .graphiql-editor:not(.hidden)")).toContain("paste a key here");
    expect(await complaints()).toEqual([]);
  });
});
