import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort } from "../../support/free-port.ts";

const root = resolve(import.meta.dirname, "../../..");

/** The API keys of the demo data by holder. */
export interface DemoKeys {
  readonly admin: string;
  readonly specialist: string;
  readonly customer: string;
  readonly outsider: string;
}

/** A gateway in a process of its own. It is started with the command line of `npm start` and logs to a file. */
export interface Gateway {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly process: ChildProcess;
  readonly dataDirectory: string;
  readonly logPath: string;
  /** Returns the keys of the demo data. Throws an `Error` if the gateway has loaded none. */
  demoKeys(): DemoKeys;
  /** Resident memory, in bytes. */
  residentBytes(): number;
  /** Processor time that the process has used so far, in milliseconds. */
  processorMilliseconds(): number;
  /** Sends `signal` and waits for the end. Returns the exit code, or null if the signal has ended the process. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Rate limits that the load of a script does not reach. */
export const raisedLimits = {
  RATE_LIMIT_POINTS: "1000000000",
  RATE_LIMIT_REQUESTS: "1000000000",
  RATE_LIMIT_ANONYMOUS: "1000000000",
} as const;

export interface GatewayOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * The data directory. It is kept when the gateway stops, so that it can be started again. Default: a new directory,
   * which is removed at the end.
   */
  readonly dataDirectory?: string;
  /** Arguments for Node.js before those of `npm start`, such as `--import=…`. */
  readonly nodeArguments?: readonly string[];
  /** The port. Default: any free port. */
  readonly port?: number;
  /** The maximum time until `/ready` succeeds. Default: one minute. */
  readonly readyMilliseconds?: number;
  /**
   * The checkout whose gateway is started with its installed Node.js. Default: this one with the Node.js of this
   * process.
   */
  readonly checkout?: string;
}

/**
 * Starts the gateway and waits until `/ready` succeeds. Throws an `Error` with the output of the gateway if it ends
 * before.
 */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const { environment = {}, nodeArguments = [], readyMilliseconds = 60_000, checkout = root } = options;
  const dataDirectory = options.dataDirectory ?? mkdtempSync(join(tmpdir(), "gateway-faults-"));
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const logPath = join(mkdtempSync(join(tmpdir(), "gateway-log-")), "gateway.log");
  const log = openSync(logPath, "w");
  const node = options.checkout === undefined ? process.execPath : join(checkout, "node_modules/.bin/node");
  const child = spawn(node, [...nodeArguments, ...startArguments(checkout)], {
    cwd: checkout,
    env: { ...withoutSettings(), DATA_DIR: dataDirectory, PORT: String(port), ...environment },
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw new Error("The gateway could not be started.");
  const exited = once(child, "exit") as Promise<[number | null]>; // null if a signal has ended it
  const gateway: Gateway = {
    ...{ url, port, pid, process: child, dataDirectory, logPath },
    // The file has the shape that running.md describes.
    demoKeys: () => JSON.parse(readFileSync(join(dataDirectory, "demo-keys.json"), "utf8")) as DemoKeys,
    residentBytes: () => residentBytesOf(pid),
    processorMilliseconds: () => processorMillisecondsOf(pid),
    async stop(signal = "SIGTERM") {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const [code] = await exited;
      if (options.dataDirectory === undefined) rmSync(dataDirectory, { recursive: true, force: true });
      return code;
    },
  };
  await untilReady(gateway, readyMilliseconds);
  return gateway;
}

/** The arguments of `npm start` after `node`. */
function startArguments(checkout: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")) as { scripts: { start: string } };
  return scripts.start.split(" ").slice(1);
}

const settings =
  /^(HOST|PORT|PUBLIC_URL|DATA_DIR|SIGNING_SECRET|STORAGE|MAX_|OIDC_|CORS_|LOG_|TRUSTED_|DRAIN_|RATE_|REDIS_|DATABASE_|S3_)/;

/** Returns the environment of this process without the gateway's variables. */
function withoutSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !settings.test(name)));
}

async function untilReady(gateway: Gateway, milliseconds: number): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (performance.now() < deadline) {
    if (gateway.process.exitCode !== null || gateway.process.signalCode !== null)
      throw new Error(`The gateway ended before it was ready:\n${readFileSync(gateway.logPath, "utf8")}`);
    const isReady = await fetch(`${gateway.url}/ready`).then(
      ({ ok }) => ok,
      // The gateway does not listen yet.
      () => false,
    );
    if (isReady) return;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  await gateway.stop("SIGKILL");
  throw new Error(`The gateway was not ready in ${milliseconds} ms:\n${readFileSync(gateway.logPath, "utf8")}`);
}

function residentBytesOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) * 1024;
}

/** Linux counts processor time in hundredths of a second on every machine. */
const millisecondsPerTick = 10;

/** Returns the processor time that a process has used so far, in milliseconds. */
export function processorMillisecondsOf(pid: number): number {
  // The name of the process, in parentheses, may contain spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  const [user, system] = [fields[11], fields[12]];
  return (Number(user) + Number(system)) * millisecondsPerTick;
}
