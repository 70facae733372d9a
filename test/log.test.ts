import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { afterAll, beforeEach, expect, test } from "vitest";
import { createLog } from "../src/lib/log.ts";
import { startApp, type TestApp } from "./support/app.ts";

type Line = Readonly<Record<string, unknown>>;

const written: string[] = [];
const opened: TestApp[] = [];
const linesWritten = () => written.map((line) => JSON.parse(line) as Line); // pino writes objects

beforeEach(() => {
  written.length = 0;
});
afterAll(() => Promise.all(opened.map((app) => app.close())));

async function ask(logLevel: string, path: string, headers: Record<string, string> = {}): Promise<readonly Line[]> {
  const app = await startApp({ logLevel, logTo: { write: (line) => void written.push(line) } });
  opened.push(app);
  const response = await fetch(`${app.url}${path}`, { headers });
  await response.text();
  await expect.poll(() => written.filter((line) => line.includes('"request completed"')).length).toBe(1);
  const id = response.headers.get("x-request-id");
  return linesWritten().filter(({ reqId }) => reqId === id);
}

test("a request is one line: when it is answered, without its query", async () => {
  const lines = await ask("info", "/health?signature=secret", { authorization: "Bearer secret" });
  expect(lines).toEqual([
    expect.objectContaining({
      msg: "request completed",
      req: { method: "GET", path: "/health", remoteAddress: "127.0.0.1" },
      res: { statusCode: 200 },
      responseTime: expect.any(Number),
    }),
  ]);
  expect(written.join("")).not.toContain("secret");
});

test("that a request has come is told on the level debug", async () => {
  const lines = await ask("debug", "/health");
  expect(lines.map(({ msg }) => msg)).toEqual(["incoming request", "request completed"]);
});

test("an error is logged without the headers that its client has sent", () => {
  const log = createLog("info", { write: (line) => void written.push(line) });
  const headers = { authorization: "Bearer secret" };
  log.error({ err: Object.assign(new Error("The bucket is away."), { headers, code: "AWAY" }) }, "it failed");
  expect(linesWritten()).toEqual([
    expect.objectContaining({ err: expect.objectContaining({ message: "The bucket is away.", code: "AWAY" }) }),
  ]);
  expect(written.join("")).not.toContain("secret");
});

test("the lines of a process that exits are all written", async () => {
  const program = `
    const { createLog } = await import(${JSON.stringify(new URL("../src/lib/log.ts", import.meta.url).href)});
    const log = createLog("info");
    for (let line = 1; line <= 500; line += 1) log.info({ line }, "a line");
    setTimeout(() => process.exit(0), 20);`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
  const lines = stdout.trimEnd().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as Line)["line"])).toEqual(Array.from({ length: 500 }, (_, index) => index + 1));
});

test("a line of a process that lives on is written soon", async () => {
  const program = `
    const { createLog } = await import(${JSON.stringify(new URL("../src/lib/log.ts", import.meta.url).href)});
    createLog("info").info("a line");
    setTimeout(() => undefined, 60_000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [chunk] = (await once(child.stdout, "data")) as [Buffer];
    expect(chunk.toString()).toContain("a line");
  } finally {
    child.kill();
  }
});
