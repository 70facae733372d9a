import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** A request as it is sent. */
export interface Sent {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** How many connections send requests, and for how long. */
export interface Load {
  readonly connections: number;
  readonly seconds: number;
}

/** The result of sending requests for some seconds. */
export interface Answered {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** The size of a whole response with its headers. */
  readonly bytesPerRequest: number;
  readonly p50Milliseconds: number;
  readonly p99Milliseconds: number;
  /** The share of one processor that the load generator has used. Near 1, the generator limits the measurement. */
  readonly generatorShare: number;
}

/** The program that makes the load. */
export interface LoadGenerator {
  /** Its name and version. */
  readonly name: string;
  /** Returns a function that sends these requests in turn. */
  prepare(requests: readonly Sent[]): Ask;
}

/**
 * Sends prepared requests to `origin` in a loop, each as soon as the previous response of its connection has arrived.
 * Throws an `Error` if any of them fails.
 */
export type Ask = (origin: string, load: Load) => Promise<Answered>;

/** The output of load.lua. */
interface WrkSummary {
  readonly requests: number;
  readonly microseconds: number;
  readonly bytes: number;
  readonly failed: number;
  /** In microseconds, like the next one. */
  readonly p50: number;
  readonly p99: number;
  readonly processorSeconds: number;
}

/**
 * Returns wrk, which reads its requests from files in a directory. Throws an `Error` if it is not installed. A
 * generator in Node.js would take more processor time for a small request than a bare server does, and limit what is
 * measured.
 */
export function findLoadGenerator(scratchDirectory: string): LoadGenerator {
  const { stdout, error } = spawnSync("wrk", ["--version"], { encoding: "utf8" });
  if (error) throw new Error(`wrk, which makes the load, is not there (Debian: apt-get install wrk): ${error.message}`);
  let files = 0;
  return {
    name: stdout.split(" ").slice(0, 2).join(" "),
    prepare(requests) {
      files += 1;
      const path = join(scratchDirectory, `requests-${files}`);
      writeFileSync(path, Buffer.concat(requests.map((request) => wireFormOf(request))));
      return async (origin, load) => {
        const summary = await runWrk(origin, path, load);
        if (summary.failed > 0)
          throw new Error(`${summary.failed} of ${summary.requests} requests failed, such as ${requests[0]?.path}.`);
        const seconds = summary.microseconds / 1e6;
        return {
          requests: summary.requests,
          requestsPerSecond: summary.requests / seconds,
          bytesPerRequest: summary.bytes / summary.requests,
          p50Milliseconds: summary.p50 / 1000,
          p99Milliseconds: summary.p99 / 1000,
          generatorShare: summary.processorSeconds / seconds,
        };
      };
    },
  };
}

async function runWrk(origin: string, path: string, { connections, seconds }: Load): Promise<WrkSummary> {
  // One thread, because each thread has a Lua state of its own: several would send the same requests at the same time.
  const script = join(import.meta.dirname, "load.lua");
  const words = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout=30s", "-s", script, origin, "--", path];
  const wrk = spawn("wrk", words, { stdio: ["ignore", "pipe", "inherit"] });
  const [printed] = await Promise.all([text(wrk.stdout), once(wrk, "exit")]);
  const line = printed.split("\n").find((candidate) => candidate.startsWith("{"));
  if (line === undefined) throw new Error(`wrk has printed no summary:\n${printed}`);
  return JSON.parse(line) as WrkSummary;
}

/** Returns a request in the format that load.lua reads: its length on a line, then its bytes. */
function wireFormOf({ method, path, headers, body = "" }: Sent): Buffer {
  const all = { host: "127.0.0.1", ...headers, ...(body !== "" && { "content-length": Buffer.byteLength(body) }) };
  const lines = [`${method} ${path} HTTP/1.1`, ...Object.entries(all).map(([name, value]) => `${name}: ${value}`), "", body];
  const bytes = Buffer.from(lines.join("\r\n"));
  return Buffer.concat([Buffer.from(`${bytes.length}\n`), bytes]);
}
