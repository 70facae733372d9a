// npm run bench:soak                   ten minutes of mixed load on the embedded database: memory and stalls, a line a
//                                      minute
// npm run bench:soak -- 3 postgresql   three minutes, on a PostgreSQL
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startGateway, startIdle, withoutDatabase } from "./gateway-process.ts";
import { type LoadKeys, startMixedLoad } from "./mixed-load.ts";
import { startServer } from "./server.ts";

const minutes = Number(process.argv[2] ?? 10);
const onServer = process.argv[3] === "postgresql";
const clients = 8;

const directory = mkdtempSync(join(tmpdir(), "gateway-soak-"));
const server = onServer ? await startServer("soak") : undefined;
const environment: Record<string, string> = {
  DATA_DIR: directory,
  SIGNING_SECRET: "x".repeat(32),
  ...(server && { DATABASE_URL: server.url }),
};
const gateway = await startGateway(environment);
const idle = startIdle();
try {
  if (server) loadDemo();
  const keys = JSON.parse(readFileSync(join(directory, "demo-keys.json"), "utf8")) as LoadKeys; // the demo's own
  const atStart = await gateway.vitals();
  console.log(`started: ${described(atStart.rssBytes)}, at most ${described(atStart.highestRssBytes)}`);

  const end = performance.now() + minutes * 60_000;
  const load = await startMixedLoad({ url: gateway.url, keys, clients, isGoingOn: () => performance.now() < end });
  let longest = 0;
  await idle.vitals();
  for (let minute = 1; minute <= minutes; minute += 1) {
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    const { rssBytes, stallMilliseconds } = await gateway.vitals();
    longest = Math.max(longest, stallMilliseconds);
    const { stallMilliseconds: own } = await idle.vitals();
    const answered = [...load.counts].toSorted().map(([what, count]) => `${what} ${count}`);
    console.log(
      `minute ${minute}: ${described(rssBytes)}, longest stall ${stallMilliseconds.toFixed(0)} ms (${own.toFixed(0)} ms in a process that is asked nothing); ${answered.join(", ")}`,
    );
  }
  await load.done;
  const { highestRssBytes } = await gateway.vitals();
  console.log(`at most ${described(highestRssBytes)}, longest stall under load ${longest.toFixed(0)} ms`);
} finally {
  idle.stop();
  await gateway.stop();
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
}

function loadDemo(): void {
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL("../src/load-demo.ts", import.meta.url))], {
    env: { ...withoutDatabase(), ...environment },
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) throw new Error("The demo data could not be loaded.");
}

function described(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
