import { chownSync, existsSync, globSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DemoKeys } from "../faults/support/gateway.ts";
import { until } from "../faults/support/cluster.ts";
import type { Images } from "./addresses.ts";
import { type Container, startContainer } from "./image.ts";

const described = process.env["PACKAGING_IMAGES"] ?? "";
const { gateway: image } = JSON.parse(readFileSync(described, "utf8")) as Images; // of test/packaging/run.ts
const inImage = (path: string) => join(image.root, path);

let dataDirectory: string;
const started: Container[] = [];

beforeAll(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), "gateway-image-"));
  chownSync(dataDirectory, 1000, 1000);
});
afterAll(async () => {
  for (const container of started) await container.stop("SIGKILL");
  rmSync(dataDirectory, { recursive: true, force: true });
});

function start(environment: Readonly<Record<string, string>> = {}): Container {
  const container = startContainer(image, { environment, mounts: { "/data": dataDirectory } });
  started.push(container);
  return container;
}

const untilHealthy = (container: Container) =>
  until(60_000, async () => {
    if (container.health() !== 0) throw new Error(`It is not healthy: ${container.printed()} ${container.complaints()}`);
  });

test("the image has neither npm nor development packages, nor headers of Node.js", () => {
  const absent = ["usr/local/bin/npm", "usr/bin/npm", "app/node_modules/vitest", "app/node_modules/oxlint", "app/test"];
  for (const path of absent) expect(existsSync(inImage(path)), path).toBe(false);
  expect(globSync("app/node_modules/node/**/include", { cwd: image.root })).toEqual([]);
  expect(existsSync(inImage("app/node_modules/fastify/package.json"))).toBe(true);
});

test("what the gateway consists of belongs to root, and its data directory to the user who runs it", () => {
  const { uid, mode } = statSync(inImage("app/src/main.ts"));
  expect([uid, mode & 0o022]).toEqual([0, 0]);
  expect(statSync(inImage("data"))).toMatchObject({ uid: 1000, gid: 1000 });
});

test("a gateway with the embedded database answers from a read-only file system, and ends by SIGTERM", async () => {
  const container = start();
  await untilHealthy(container);
  const process = `/proc/${container.pid()}`;
  expect(readlinkSync(`${process}/exe`)).toMatch(/\/app\/node_modules\/node.*\/bin\/node$/);
  const status = readFileSync(`${process}/status`, "utf8");
  expect(status).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
  expect(status).toMatch(/^NSpid:\t\d+\t1$/m);
  expect(status).toMatch(/^CapBnd:\t0+$/m);

  // As running.md has it.
  const keys = JSON.parse(readFileSync(join(dataDirectory, "demo-keys.json"), "utf8")) as DemoKeys;
  const response = await fetch("http://127.0.0.1:4000/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": keys.customer },
    body: JSON.stringify({ query: "{ viewer { role } }" }),
  });
  expect(await response.json()).toEqual({ data: { viewer: { role: "CUSTOMER" } } });

  const began = performance.now();
  expect(await container.stop("SIGTERM")).toBe(0);
  console.log(`SIGTERM of the embedded gateway: exit 0 after ${Math.round(performance.now() - began)} ms`);
});

test("the health check asks at the port that is set, and fails where nobody answers", async () => {
  const container = start({ PORT: "4007", LOG_LEVEL: "warn" });
  await untilHealthy(container);
  expect(await container.stop("SIGTERM")).toBe(0);
  expect(container.health()).toBe(1);
});

test("V8 finds what the build has compiled", async () => {
  const container = start({ NODE_DEBUG_NATIVE: "COMPILE_CACHE", LOG_LEVEL: "warn" });
  await untilHealthy(container);
  await wait(200);
  await container.stop("SIGTERM");
  const lines = container.complaints().split("\n");
  const accepted = lines.filter((line) => line.includes("accepted") && line.includes("/app/src/"));
  expect(accepted.length).toBeGreaterThan(100);
});
