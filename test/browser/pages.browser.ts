import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Gateway, startGateway } from "./gateway.ts";
import { desktop, looks, phone, picture, startBrowser, visit as visitIn } from "./visit.ts";

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

const visit = (path: string, options: Parameters<typeof visitIn>[3]) => visitIn(browser, gateway, path, options);

describe("the landing page", () => {
  test.each(Object.entries(looks))("is seen whole and undisturbed: %s", async (name, options) => {
    const { page, complaints } = await visit("/", options);
    expect(await page.getByRole("heading", { level: 1 }).count()).toBe(1);
    expect(await page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth")).toBe(0);
    await picture(page, `landing-${name}`, true);
    expect(await complaints()).toEqual([]);
  });

  test("has buttons that cover no code on a phone", async () => {
    const { page } = await visit("/", phone);
    const covered = await page.evaluate<string[]>(`[...document.querySelectorAll(".code")].flatMap((frame) => {
      const button = frame.querySelector(".copy").getBoundingClientRect();
      const range = document.createRange();
      range.selectNodeContents(frame.querySelector("code"));
      const isCovered = [...range.getClientRects()].some((line) => line.right > button.left && line.top < button.bottom);
      return isCovered ? [frame.textContent] : [];
    })`);
    expect(await page.locator(".copy").count()).toBeGreaterThanOrEqual(4);
    expect(covered).toEqual([]);
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
