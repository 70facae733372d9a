import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePort } from "../support/free-port.ts";

/** A gateway in a process of its own, as `npm start` makes one: embedded database, demo data. */
export interface Gateway {
  readonly url: string;
  readonly keys: Readonly<Record<"admin" | "specialist" | "customer" | "outsider", string>>;
  stop(): Promise<void>;
}

export async function startGateway(): Promise<Gateway> {
  const directory = await mkdtemp(join(tmpdir(), "gateway-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const gateway = spawn(process.execPath, [resolve(import.meta.dirname, "../../src/main.ts")], {
    env: { PORT: String(port), DATA_DIR: directory, LOG_LEVEL: "warn" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const stop = async () => {
    await stopProcess(gateway);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await ready(gateway, url);
    // The gateway writes this file for people who try it; its shape is fixed.
    const keys = JSON.parse(await readFile(join(directory, "demo-keys.json"), "utf8")) as Gateway["keys"];
    return { url, keys, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function ready(gateway: ChildProcess, url: string): Promise<void> {
  while (gateway.exitCode === null) {
    const response = await fetch(`${url}/ready`).catch(() => undefined);
    if (response?.ok === true) return;
    await wait(200);
  }
  throw new Error(`The gateway ended with exit code ${gateway.exitCode} while starting.`);
}

async function stopProcess(gateway: ChildProcess): Promise<void> {
  if (gateway.exitCode !== null || gateway.signalCode !== null) return;
  gateway.kill("SIGTERM");
  await once(gateway, "exit");
}
