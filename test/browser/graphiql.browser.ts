import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { demoLink } from "../../src/graphql/graphiql/demo-keys.ts";
import { examples, operationNameOf } from "../../src/graphql/graphiql/page/examples.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { desktop, looks, phone, picture, startBrowser, visit, type Visit } from "./visit.ts";

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

/** Opens GraphiQL, and waits for its editor. */
async function open(options: BrowserContextOptions = desktop, path = "/graphql"): Promise<Visit> {
  const visited = await visit(browser, gateway, path, options);
  await visited.page.locator(".request .view-line").first().waitFor();
  return visited;
}

const bar = (page: Page) => page.getByRole("banner");

/** Signs in with a key, as one does who pastes it. */
async function signIn(page: Page, key: string) {
  await bar(page)
    .getByRole("button", { name: /^(Sign in|Switch)$/ })
    .click();
  await page.getByLabel("API key").fill(key);
  await page.keyboard.press("Enter");
}

const signedInAs = (page: Page, name: string) => bar(page).getByText(name).waitFor();

interface Answer {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly extensions: { readonly code: string } }[];
}

/** Presses Run, and returns the answer once it is shown. */
async function run(page: Page): Promise<Answer> {
  const answered = page.waitForResponse(isOfEditor);
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const answer = (await (await answered).json()) as Answer; // what GraphQL over HTTP says an answer is
  const [first = ""] = Object.keys(answer);
  await page.locator(".answer .view-line").filter({ hasText: first }).first().waitFor();
  return answer;
}

/** The editor asks for the cost of its requests; the page's own do not. */
const isOfEditor = (response: { request(): { method(): string; postData(): string | null } }) =>
  response.request().method() === "POST" && (response.request().postData() ?? "").includes('"extensions"');

const showPanel = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();

const exampleOf = (page: Page, field: string) =>
  page.locator(".example").filter({ has: page.getByText(field, { exact: true }) });

/** Chooses an example, and waits until its tab is open. */
async function choose(page: Page, field: string) {
  await exampleOf(page, field).click();
  await page.getByRole("tab", { name: operationNameOf({ field }), exact: true, selected: true }).waitFor();
}

const textOf = async (page: Page, editor: string) =>
  (await page.locator(`${editor} .view-lines`).innerText()).replaceAll("\u00a0", " ");

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Returns what axe finds that is serious or worse. */
async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations } = await page.evaluate<{ violations: Violation[] }>("axe.run()");
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
}

describe("GraphiQL", () => {
  test.each(Object.entries(looks))("comes up from the gateway alone, for everybody: %s", async (name, options) => {
    const { page, complaints } = await open(options);
    await picture(page, `graphiql-start-${name}`);
    expect(await seriousFindings(page)).toEqual([]);
    await signIn(page, gateway.keys.specialist);
    await signedInAs(page, "Ellen Brown");
    await run(page);
    await picture(page, `graphiql-${name}`);
    expect(await seriousFindings(page)).toEqual([]);
    expect(await complaints()).toEqual([]);
  });

  test("takes at most 600 KB until one can type, and asks nobody else", async () => {
    const context = await browser.newContext(desktop);
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    let bytes = 0;
    session.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
    await session.send("Network.enable");
    await page.goto(`${gateway.url}/graphql`, { waitUntil: "networkidle" });
    await page.locator(".request .view-line").first().waitFor();
    console.log(`GraphiQL takes ${bytes} bytes.`);
    expect(bytes).toBeGreaterThan(300_000);
    expect(bytes).toBeLessThanOrEqual(600_000);
  });

  test("says what is wrong with a key, and keeps a good one until the tab is closed", async () => {
    const { page, complaints } = await open();
    await signIn(page, "tnk_wrong");
    await page
      .getByRole("alert")
      .getByText(/credential|key/i)
      .first()
      .waitFor();
    await picture(page, "graphiql-wrong-key");
    await page.getByLabel("API key").fill(gateway.keys.customer);
    await page.keyboard.press("Enter");
    await signedInAs(page, "Marit Hoekstra");
    expect(await bar(page).innerText()).toContain("customer of Brightwater Service Group");
    await page.reload({ waitUntil: "load" });
    await signedInAs(page, "Marit Hoekstra");
    expect(await page.evaluate<string>("JSON.stringify({ ...localStorage })")).not.toContain(gateway.keys.customer);
    expect(await page.evaluate<string>(`sessionStorage["ticket-notes.credential"]`)).toBe(
      JSON.stringify({ apiKey: gateway.keys.customer }),
    );
    await bar(page).getByRole("button", { name: "Sign out" }).click();
    await bar(page).getByText("Not signed in").waitFor();
    expect((await run(page)).errors?.map(({ extensions }) => extensions.code)).toEqual(["UNAUTHENTICATED"]);
    // A wrong key is the answer 401, which the browser itself tells the console.
    expect((await complaints()).filter((complaint) => !complaint.includes("401"))).toEqual([]);
  });

  test("acts in all tabs for the one who was chosen last", async () => {
    const link = demoLink(gateway.url, gateway.keys);
    const { page, complaints } = await open(desktop, link.replace(gateway.url, ""));
    // Nobody copies the token along with the address, and the tab keeps it.
    expect(page.url()).toBe(`${gateway.url}/graphql`);
    await page.reload();
    await bar(page).getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Administrator sees and" }).waitFor();
    await picture(page, "graphiql-sign-in");
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole("button", { name: "Administrator sees and" }).click();
    await signedInAs(page, "Joost Verhagen");
    expect((await run(page)).data).toMatchObject({ viewer: { role: "ADMINISTRATOR" } });
    await choose(page, "tickets");
    const { data: all } = await run(page);
    await bar(page).getByRole("button", { name: "Switch" }).click();
    await page.getByRole("button", { name: "Customer sees" }).click();
    await signedInAs(page, "Marit Hoekstra");
    const { data: own } = await run(page);
    expect(own).toMatchObject({ tickets: { totalCount: 8 } });
    expect(all).not.toMatchObject({ tickets: { totalCount: 8 } });
    await page.getByRole("tab", { name: "Viewer" }).click();
    expect((await run(page)).data).toMatchObject({ viewer: { role: "CUSTOMER" } });
    expect(await complaints()).toEqual([]);
  });

  test("offers no demo keys without the link that has their token", async () => {
    const { page, complaints } = await open();
    await bar(page).getByRole("button", { name: "Sign in" }).click();
    await page.getByText("open the link to GraphiQL that npm start prints").waitFor();
    expect(await page.getByRole("button", { name: "Administrator sees and" }).count()).toBe(0);
    expect(await complaints()).toEqual([]);
  });

  test("runs every example as it is, and shows a file arrive", { timeout: 240_000 }, async () => {
    const { page, complaints } = await open();
    await signIn(page, gateway.keys.admin);
    await signedInAs(page, "Joost Verhagen");

    async function uploadOwnFile() {
      await showPanel(page, "Upload");
      await page
        .getByLabel("File")
        .setInputFiles({ name: "post-scan.txt", mimeType: "text/plain", buffer: Buffer.from("no codes") });
      await page.getByRole("button", { name: "Upload" }).last().click();
      await page.getByText("Arrived:").waitFor();
      await picture(page, "graphiql-upload");
      expect(await seriousFindings(page)).toEqual([]);
      const address = await page.getByRole("link", { name: "post-scan.txt" }).getAttribute("href");
      expect(await (await fetch(address ?? "")).text()).toBe("no codes");
      await showPanel(page, "Examples");
    }
    await uploadOwnFile();
    let uploads = 0;
    for (const { field } of examples) {
      await exampleOf(page, field).click();
      const tab = page.getByRole("tab", { name: operationNameOf({ field }), exact: true, selected: true });
      // Each of two takes a file away that must be there: the page uploads one if it is asked to.
      const missing = page.locator(".panel").getByRole("button", { name: "Upload one to it" });
      await tab.or(missing).first().waitFor();
      if (await missing.isVisible()) {
        uploads += 1;
        expect(await tab.count(), field).toBe(0);
        await missing.click();
      }
      await tab.waitFor();
      expect(await page.locator(".panel .problem").count(), field).toBe(0);
      const { data, errors } = await run(page);
      expect(errors, field).toBeUndefined();
      expect(data?.[field], field).not.toBeNull();
      expect(data?.[field], field).not.toHaveProperty("message");
    }
    expect(uploads).toBe(2);
    expect(await complaints()).toEqual([]);
  });

  test.each([
    { look: "desktop", options: desktop },
    { look: "phone", options: phone },
  ])("keeps an example closed that lacks something, and says what it lacks: $look", async ({ look, options }) => {
    const { page, complaints } = await open(options);
    const expectHeldBack = async (field: string, problem: string) => {
      await exampleOf(page, field).click();
      const told = page.locator(".panel .problem").filter({ hasText: problem });
      await told.waitFor();
      await expect.poll(() => page.evaluate<boolean>(isSeen)).toBe(true);
      expect(await page.getByRole("tab", { name: operationNameOf({ field }) }).count()).toBe(0);
    };
    const isSeen = `(() => {
      const [panel, told] = [".panel", ".panel .problem"].map((each) => document.querySelector(each).getBoundingClientRect());
      return told.top >= panel.top && told.bottom <= panel.bottom;
    })()`;
    if (look === "phone") await showPanel(page, "Examples");
    await expectHeldBack("updateNote", "Sign in first.");
    await signIn(page, gateway.keys.outsider);
    await bar(page).getByText("Signed in as").waitFor({ state: "attached" });
    await expectHeldBack("deleteNote", "Run addNote first.");
    await expectHeldBack("deleteAttachment", "Run addNote first.");
    await expectHeldBack("redactNote", "Only administrators may do this.");
    await expectHeldBack("auditEvents", "Only administrators may do this.");
    await picture(page, `graphiql-held-back-${look}`);
    expect(await seriousFindings(page)).toEqual([]);
    expect(await complaints()).toEqual([]);
  });

  test.each([
    { look: "desktop", options: desktop },
    { look: "phone", options: phone },
  ])("opens the dialog for who comes by the demo link, with room for all of it: $look", async ({ look, options }) => {
    const link = demoLink(gateway.url, gateway.keys).replace(gateway.url, "");
    const { page, complaints } = await open(options, link);
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Administrator sees and" }).waitFor();
    expect(await page.evaluate<string>("document.activeElement.type")).toBe("password");
    const widths = await page.evaluate<number[]>(
      `[...document.querySelectorAll(".dialog .demo .button, .dialog .field")].map((each) => each.getBoundingClientRect().right)`,
    );
    expect(widths).toHaveLength(5);
    expect(new Set(widths.map(Math.round)).size).toBe(1);
    await picture(page, `graphiql-demo-link-${look}`);
    await dialog.getByRole("button", { name: "Customer sees" }).click();
    await dialog.waitFor({ state: "hidden" });
    await bar(page).getByRole("button", { name: "Switch" }).click();
    expect(await page.evaluate<string>("document.activeElement.type")).toBe("password");
    await page.keyboard.press("Escape");
    await showPanel(page, "Schema");
    const search = page.getByRole("combobox");
    await search.waitFor();
    await picture(page, `graphiql-schema-search-${look}`);
    const room = await page.evaluate<number>(`(() => {
      const field = document.querySelector(".panel [role=combobox]");
      const style = getComputedStyle(field);
      const context = document.createElement("canvas").getContext("2d");
      context.font = style.font;
      return field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - context.measureText(field.placeholder).width;
    })()`);
    expect(room).toBeGreaterThanOrEqual(0);
    // Somebody who is signed in already has no use for the dialog.
    await page.goto("about:blank");
    await page.goto(gateway.url + link);
    await bar(page).getByRole("button", { name: "Switch" }).waitFor();
    await page.waitForTimeout(300); // in which the dialog would open
    expect(await page.getByRole("dialog").count()).toBe(0);
    expect(await complaints()).toEqual([]);
  });

  test("goes to the next page, and says what an answer cost", async () => {
    const { page, complaints } = await open();
    await signIn(page, gateway.keys.specialist);
    await signedInAs(page, "Ellen Brown");
    await choose(page, "tickets");
    const { data } = await run(page);
    // As the example has it.
    const { pageInfo, nodes } = (data ?? {})["tickets"] as { pageInfo: { endCursor: string }; nodes: { id: string }[] };
    await page.locator(".variables .view-lines").click();
    await page.keyboard.press("ControlOrMeta+A");
    await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(JSON.stringify({ after: pageInfo.endCursor }))})`);
    await page.keyboard.press("ControlOrMeta+V");
    const { data: next } = await run(page);
    expect(((next ?? {})["tickets"] as { nodes: { id: string }[] }).nodes.map(({ id }) => id)).not.toContain(nodes[0]?.id);
    const facts = await page.getByLabel("Facts of the answer").innerText();
    expect(facts).toMatch(/HTTP 200/);
    expect(facts).toMatch(/\d+ ms/);
    expect(facts).toMatch(/\d+ points/);
    expect(facts).toMatch(/\b1 SQL statement\b|Read together with another request/);
    expect(await complaints()).toEqual([]);
  });

  test("says what each tab's answer cost, and says it truly of one that was read together", async () => {
    const { page, complaints } = await open();
    const facts = page.getByLabel("Facts of the answer");
    await signIn(page, gateway.keys.specialist);
    await signedInAs(page, "Ellen Brown");
    // What the gateway says of a read that it shares.
    await page.route("**/graphql", async (route) => {
      const response = await route.fetch();
      const answer = (await response.json()) as { extensions?: object };
      if (answer.extensions) answer.extensions = { ...answer.extensions, statements: 0, sharedStatements: 1 };
      await route.fulfill({ response, json: answer });
    });
    await run(page);
    await facts.getByText("Read together with another request").waitFor();
    await page.unroute("**/graphql");
    await choose(page, "tickets");
    expect(await facts.innerText()).toBe("");
    await run(page);
    const ofTickets = await facts.innerText();
    expect(ofTickets).toMatch(/1 SQL statement/);
    await page.getByRole("tab", { name: "Viewer" }).click();
    await facts.getByText("Read together with another request").waitFor();
    await page.getByRole("tab", { name: "Tickets" }).click();
    await facts.getByText("1 SQL statement").waitFor();
    expect(await facts.innerText()).toBe(ofTickets);
    expect(await complaints()).toEqual([]);
  });

  test("shows an answer in the tab that asked, however late it comes", async () => {
    const { page, complaints } = await open();
    await signIn(page, gateway.keys.specialist);
    await signedInAs(page, "Ellen Brown");
    await choose(page, "tickets");
    await page.getByRole("tab", { name: "Viewer" }).click();
    const held = Promise.withResolvers<void>();
    await page.route("**/graphql", async (route) => {
      await held.promise;
      await route.continue();
    });
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("tab", { name: "Tickets" }).click();
    const answered = page.waitForResponse(isOfEditor);
    held.resolve();
    await (await answered).finished();
    await page.waitForTimeout(300); // so that a wrong place would have been taken
    expect(await page.getByLabel("Facts of the answer").innerText()).toBe("");
    expect(await page.locator(".answer").innerText()).not.toContain("Brightwater");
    await page.getByRole("tab", { name: "Viewer" }).click();
    await page.locator(".answer .view-line").filter({ hasText: "Brightwater" }).first().waitFor();
    await page.getByLabel("Facts of the answer").getByText("HTTP 200").waitFor();
    expect(await complaints()).toEqual([]);
  });

  test("runs by Ctrl-Enter and Cmd-Enter wherever the focus is, once, and not behind a dialog", async () => {
    const { page, complaints } = await open();
    await signIn(page, gateway.keys.specialist);
    await signedInAs(page, "Ellen Brown");
    await choose(page, "tickets");
    let requests = 0;
    page.on("request", (request) => {
      if (request.method() === "POST" && (request.postData() ?? "").includes('"extensions"')) requests += 1;
    });
    const places = {
      operation: () => page.locator(".request .editor .view-lines").first().click(),
      variables: () => page.locator(".variables .view-lines").click(),
      answer: () => page.locator(".answer .view-lines").click(),
      page: () => page.getByRole("button", { name: "Format" }).focus(),
    };
    await run(page);
    for (const [index, [name, focus]] of Object.entries(places).entries())
      for (const [time, keys] of ["Control+Enter", "Meta+Enter"].entries()) {
        await focus();
        const answered = page.waitForResponse(isOfEditor, { timeout: 10_000 });
        await page.keyboard.press(keys);
        expect((await answered).status(), `${keys} in ${name}`).toBe(200);
        await page.waitForTimeout(200); // in which a second request would begin
        expect(requests, `${keys} in ${name}`).toBe(2 + index * 2 + time);
      }
    const before = requests;
    await bar(page).getByRole("button", { name: "Switch" }).click();
    await page.keyboard.press("Control+Enter");
    await page.waitForTimeout(300); // as above
    expect(requests).toBe(before);
    expect(await complaints()).toEqual([]);
  });

  test("is not moved by what is written into an editor", async () => {
    const { page } = await open(phone);
    await signIn(page, gateway.keys.specialist);
    await signedInAs(page, "Ellen Brown");
    await showPanel(page, "Examples");
    await choose(page, "tickets");
    await page.locator(".variables .view-lines").click();
    await page.keyboard.type(`{"after": "${"a".repeat(120)}"}`);
    await page.evaluate(
      `for (const each of document.querySelectorAll(".page, .page *:not(.monaco-editor *)")) each.scrollLeft = 50`,
    );
    const box = await page.getByRole("button", { name: "Variables" }).boundingBox();
    expect(box?.x).toBe(0);
    await picture(page, "graphiql-phone-variables");
  });

  test("shows errors where they are", async () => {
    const { page, complaints } = await open(desktop, "/graphql?query=%7B%20viewer%20%7B%20nonsense%20%7D%20%7D");
    await page.locator(".squiggly-error").first().waitFor();
    await signIn(page, gateway.keys.specialist);
    await signedInAs(page, "Ellen Brown");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.locator(".answer .view-line").filter({ hasText: "Cannot query field" }).first().waitFor();
    expect(await page.getByLabel("Facts of the answer").innerText()).toMatch(/HTTP 400|HTTP 200/);
    await picture(page, "graphiql-error");
    expect((await complaints()).filter((complaint) => !complaint.includes("400"))).toEqual([]);
  });

  test("suggests fields, and documents the schema without a key", async () => {
    const { page, complaints } = await open();
    await page.locator(".request .view-lines").getByText("scopes").click();
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Control+Space");
    await page.locator(".suggest-widget").getByText("person").first().waitFor();
    await picture(page, "graphiql-suggestions");
    await page.keyboard.press("Escape");
    await showPanel(page, "Schema");
    await page.getByRole("link", { name: "Query", exact: true }).click();
    await page.getByRole("link", { name: "tickets", exact: true }).click();
    await page.getByRole("link", { name: "TicketConnection", exact: true }).waitFor();
    await picture(page, "graphiql-schema");
    expect(await seriousFindings(page)).toEqual([]);
    expect(await complaints()).toEqual([]);
  });

  test("remembers what was run after a reload", async () => {
    const { page, complaints } = await open();
    await signIn(page, gateway.keys.specialist);
    await signedInAs(page, "Ellen Brown");
    await choose(page, "people");
    await run(page);
    await page.waitForTimeout(700); // GraphiQL stores its tabs after half a second of rest
    await page.reload({ waitUntil: "load" });
    await page.locator(".request .view-line").filter({ hasText: "query People" }).first().waitFor();
    expect(await page.getByRole("tab").allInnerTexts()).toEqual([
      expect.stringContaining("Viewer"),
      expect.stringContaining("People"),
    ]);
    await showPanel(page, "History");
    await page.locator(".panel").getByRole("button", { name: "People", exact: true }).waitFor();
    await picture(page, "graphiql-history");
    expect(await seriousFindings(page)).toEqual([]);
    expect(await complaints()).toEqual([]);
  });

  test("opens an operation of the address, as the documentation links to it", async () => {
    const query = "query One($id: ID!) { node(id: $id) { id } }";
    const variables = '{"id": "x"}';
    const { page, complaints } = await open(desktop, `/graphql?${new URLSearchParams({ query, variables }).toString()}`);
    expect(await textOf(page, ".request .editor:not(.variables .editor)")).toContain("query One");
    await page.locator(".variables .view-line").filter({ hasText: '"id"' }).first().waitFor();
    expect(page.url()).toBe(`${gateway.url}/graphql`);
    expect(await complaints()).toEqual([]);
  });

  test("writes the operation as code that works", async () => {
    const { page, complaints } = await open();
    await signIn(page, gateway.keys.specialist);
    await signedInAs(page, "Ellen Brown");
    await choose(page, "ticket");
    const { data } = await run(page);
    await showPanel(page, "Code");
    const code = async (language: string) => {
      await page.getByRole("group", { name: "Language" }).getByRole("button", { name: language }).click();
      return page.locator(".code").innerText();
    };
    const env = { ...process.env, KEY: gateway.keys.specialist };
    const curl = await promisify(execFile)("sh", ["-c", await code("curl")], { env });
    expect(JSON.parse(curl.stdout)).toEqual({ data });
    const module = ["--input-type=module", "-e", await code("fetch")];
    expect((await promisify(execFile)(process.execPath, module, { env })).stdout).toContain("subject");
    expect(await code("Kotlin")).toContain("TicketQuery(id = ");
    expect(await code("Swift")).toContain("TicketQuery(id: ");
    await picture(page, "graphiql-code");
    expect(await seriousFindings(page)).toEqual([]);
    expect(await complaints()).toEqual([]);
  });

  test("works with the keyboard alone", async () => {
    const { page, complaints } = await open();
    const focused = () => page.evaluate<string>("document.activeElement.ariaLabel || document.activeElement.innerText");
    await page.locator("body").press("Tab");
    for (let time = 0; time < 10 && (await focused()) !== "Sign in"; time += 1) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByLabel("API key").focus();
    await page.keyboard.type(gateway.keys.customer);
    await page.keyboard.press("Enter");
    await signedInAs(page, "Marit Hoekstra");
    for (let time = 0; time < 70 && !(await focused()).startsWith("Operation."); time += 1) await page.keyboard.press("Tab");
    const answered = page.waitForResponse(isOfEditor);
    await page.keyboard.press("Control+Enter");
    expect((await answered).status()).toBe(200);
    // Within an editor Tab is a character, until Control-M.
    await page.keyboard.press("Control+m");
    await page.keyboard.press("Tab");
    expect(await focused()).not.toMatch(/^Operation\./);
    await page.getByRole("button", { name: "New tab" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("tab", { selected: true }).focus();
    await page.keyboard.press("ArrowLeft");
    await page.getByRole("tab", { name: "Viewer", selected: true }).waitFor();
    await page.keyboard.press("End");
    await page.keyboard.press("Delete");
    expect(await page.getByRole("tab").count()).toBe(1);
    expect(await complaints()).toEqual([]);
  });

  test("fits a phone", async () => {
    const { page, complaints } = await open(phone);
    const overflow = () => page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    await signIn(page, gateway.keys.specialist);
    await signedInAs(page, "Ellen Brown");
    await showPanel(page, "Examples");
    await picture(page, "graphiql-phone-examples");
    await choose(page, "tickets");
    await run(page);
    await picture(page, "graphiql-phone-answer");
    expect(await overflow()).toBe(0);
    for (const name of ["Schema", "History", "Upload", "Code"]) {
      await showPanel(page, name);
      await page.getByRole("heading", { name }).waitFor();
      await page.waitForTimeout(300);
      await picture(page, `graphiql-phone-${name.toLowerCase()}`);
      expect(await overflow(), name).toBe(0);
      expect(await seriousFindings(page), name).toEqual([]);
    }
    expect(await complaints()).toEqual([]);
  });
});
