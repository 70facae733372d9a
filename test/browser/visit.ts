import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { inject } from "vitest";
import type { Gateway } from "./gateway.ts";

/** Every test leaves pictures here, to be looked at. */
const pictures = process.env["PICTURES"] ?? join(tmpdir(), "ticket-notes-pictures");

export const desktop: BrowserContextOptions = { viewport: { width: 1280, height: 800 } };
export const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
export const looks: Readonly<Record<string, BrowserContextOptions>> = {
  light: { ...desktop, colorScheme: "light" },
  dark: { ...desktop, colorScheme: "dark" },
  phone: { ...phone, colorScheme: "light" },
};

/** Starts Debian's Chromium, offline except for the gateway: no name is resolved. */
export async function startBrowser(): Promise<Browser> {
  await mkdir(pictures, { recursive: true });
  return chromium.launch({
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
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
  });
}

/** A page, and everything that a visitor must never cause. */
export interface Visit {
  readonly page: Page;
  /** Requests to others, complaints in the console, violations of the page's policy. */
  readonly complaints: () => Promise<string[]>;
}

/** Opens a page of the gateway. */
export async function visit(
  browser: Browser,
  { url: origin }: Pick<Gateway, "url">,
  path: string,
  options: BrowserContextOptions,
): Promise<Visit> {
  const context = await browser.newContext({ ...options, permissions: ["clipboard-read", "clipboard-write"] });
  const complaints: string[] = [];
  await context.route(
    (url) => url.origin !== origin,
    async (route) => {
      complaints.push(`asked for ${route.request().url()}`);
      await route.abort();
    },
  );
  context.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.origin !== origin && asked.protocol !== "data:") complaints.push(`asked for ${request.url()}`);
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
  await page.goto(origin + path, { waitUntil: "load" });
  return { page, complaints: async () => [...complaints, ...(await page.evaluate<string[]>("self.violations"))] };
}

export const picture = (page: Page, name: string, fullPage = false) =>
  page.screenshot({ path: join(pictures, `${name}.png`), fullPage });
