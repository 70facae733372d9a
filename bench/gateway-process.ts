import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Vitals } from "./monitor.ts";
import startFlags from "../src/start-flags.json" with { type: "json" };
import { freePort } from "../test/support/free-port.ts";

/** The gateway as `npm start` starts it, in a process of its own. */
export interface GatewayProcess {
  readonly url: string;
  /** The time from the start of the process to the first response of /ready. */
  readonly firstAnswerMilliseconds: number;
  vitals(): Promise<Vitals>;
  stop(): Promise<void>;
  /** Ends it as a crash of the process does. */
  kill(): Promise<void>;
}

/** Rate limits that one caller cannot reach. The gateway still counts, but refuses no request. */
export const raisedRateLimits = {
  RATE_LIMIT_POINTS: "1000000000000",
  RATE_LIMIT_REQUESTS: "1000000000000",
  RATE_LIMIT_ANONYMOUS: "1000000000000",
} as const;

export async function startGateway(environment: Readonly<Record<string, string>>): Promise<GatewayProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const began = performance.now();
  const child = fork(new URL("../src/main.ts", import.meta.url), {
    // As launch.js begins it. That would end the channel to this process.
    execArgv: ["--max-old-space-size=448", ...imports("../src/before-start.js"), ...startFlags, ...imports("monitor.ts")],
    env: {
      ...withoutDatabase(),
      MALLOC_ARENA_MAX: "2",
      MALLOC_MMAP_THRESHOLD_: "1048576",
      SIGNING_SECRET: "x".repeat(32),
      LOG_LEVEL: "error",
      ...raisedRateLimits,
      ...environment,
      PORT: String(port),
    },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  await untilReady(child, `${url}/ready`);
  const endBy = async (signal: NodeJS.Signals) => {
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  };
  return {
    url,
    firstAnswerMilliseconds: performance.now() - began,
    vitals: () => vitalsOf(child),
    stop: () => endBy("SIGTERM"),
    kill: () => endBy("SIGKILL"),
  };
}

/** Returns the flags with which Node.js loads `path` first. */
const imports = (path: string) => ["--import", new URL(path, import.meta.url).href];

/** A process without work. If its event loop is held up, then the machine itself holds processes up. */
export interface IdleProcess {
  vitals(): Promise<Vitals>;
  stop(): void;
}

export function startIdle(): IdleProcess {
  const child = fork(new URL("idle.ts", import.meta.url), {
    execArgv: ["--import", new URL("monitor.ts", import.meta.url).href],
  });
  return { vitals: () => vitalsOf(child), stop: () => void child.kill("SIGTERM") };
}

/** Returns the vitals since the previous message, which monitor.ts sends. */
async function vitalsOf(child: ChildProcess): Promise<Vitals> {
  const answered = once(child, "message") as Promise<[Vitals]>; // what monitor.ts sends
  child.send("vitals");
  return (await answered)[0];
}

/** Returns the environment without the variables that choose a database or a directory, which each case sets itself. */
export function withoutDatabase(): NodeJS.ProcessEnv {
  const { DATABASE_URL: _url, DATA_DIR: _directory, STORAGE: _storage, PUBLIC_URL: _publicUrl, ...rest } = process.env;
  return rest;
}

async function untilReady(child: ChildProcess, url: string): Promise<void> {
  while (child.exitCode === null) {
    const response = await fetch(url).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("The gateway did not start.");
}
