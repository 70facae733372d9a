// npm run bench:first-editor           the first visit of GraphiQL on a slow line: bytes, and the time to its editor
// npm run bench:first-editor -- 9      the same, nine visits of each kind instead of five
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium } from "playwright-core";
import { startGateway } from "./gateway-process.ts";

/** The line of a visit, as the Chrome DevTools Protocol emulates it: the latency is that of each request. */
const line = { megabits: 9, latencyMilliseconds: 85 };
const bytesPerSecond = (line.megabits * 1_000_000) / 8;

interface Kind {
  readonly name: string;
  readonly options: BrowserContextOptions;
  /** How many times slower the processor is made. */
  readonly slowdown: number;
}

const kinds: readonly Kind[] = [
  { name: "desktop, 1280 × 800", options: { viewport: { width: 1280, height: 800 } }, slowdown: 1 },
  {
    name: "phone, 390 × 844, processor 4 times slower",
    options: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
    slowdown: 4,
  },
];

interface Visited {
  /** All bytes of the visit, with headers, until the network is idle. */
  readonly bytes: number;
  /** From the start of the navigation until the editor shows its first line. */
  readonly milliseconds: number;
}

/** Runs in the page, before its scripts: notes when the editor has its first line. */
const watchForEditor = `new MutationObserver((_, observer) => {
  if (document.querySelector(".request .view-line") === null) return;
  self.firstEditorMilliseconds = performance.now();
  observer.disconnect();
}).observe(document, { childList: true, subtree: true });`;

const visits = Number(process.argv[2] ?? 5);
const loadBefore = loadavg()[0] ?? 0;
const directory = mkdtempSync(join(tmpdir(), "first-editor-"));
const gateway = await startGateway({ DATA_DIR: directory });
const browser = await chromium.launch({
  executablePath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
try {
  // The gateway compresses the schema once. No visit is to wait for that but this one.
  await visit(browser, kinds[0]!);
  const rows: string[] = [];
  for (const kind of kinds) {
    const found: Visited[] = [];
    for (let count = 0; count < visits; count += 1) found.push(await visit(browser, kind));
    rows.push(rowOf(kind, found));
  }
  const report = reportOf(rows);
  writeFileSync(new URL("first-editor.md", import.meta.url), report);
  console.log(report);
} finally {
  await browser.close();
  await gateway.stop();
  rmSync(directory, { recursive: true, force: true });
}

/** Visits GraphiQL with an empty cache. */
async function visit(opened: Browser, { options, slowdown }: Kind): Promise<Visited> {
  const context = await opened.newContext(options);
  try {
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    let bytes = 0;
    session.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
    await session.send("Network.enable");
    await session.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: line.latencyMilliseconds,
      downloadThroughput: bytesPerSecond,
      uploadThroughput: bytesPerSecond,
    });
    await session.send("Emulation.setCPUThrottlingRate", { rate: slowdown });
    await page.addInitScript({ content: watchForEditor });
    await page.goto(`${gateway.url}/graphql`, { waitUntil: "networkidle" });
    await page.locator(".request .view-line").first().waitFor();
    return { bytes, milliseconds: await page.evaluate<number>("self.firstEditorMilliseconds") };
  } finally {
    await context.close();
  }
}

function rowOf({ name }: Kind, found: readonly Visited[]): string {
  const sorted = found.map(({ milliseconds }) => milliseconds).toSorted((one, other) => one - other);
  const seconds = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)].map((at) => ((at ?? 0) / 1000).toFixed(1));
  const bytes = Math.max(...found.map((each) => each.bytes));
  return `| ${[name, bytes.toLocaleString("en"), ...seconds].join(" | ")} |`;
}

function reportOf(rows: readonly string[]): string {
  return `# The first visit of GraphiQL

Written by \`npm run bench:first-editor\`: ${visits} visits of each kind with an empty cache, of a gateway with the flags
of \`npm start\` on the same machine, at ${line.megabits} Mbit/s and ${line.latencyMilliseconds} ms a request. Bytes are all of the visit, with headers, until the
network is idle. Seconds are from the start of the navigation until the editor shows its first line.

| visit | bytes | least s | median s | most s |
| ----- | ----: | ------: | -------: | -----: |
${rows.join("\n")}

On ${availableParallelism()} cores, with a load average of ${loadBefore.toFixed(1)} before and ${(loadavg()[0] ?? 0).toFixed(1)} after: a loaded machine shows its editor later.
`;
}
