import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import autocannon from "autocannon";
import type { Load, Sent } from "../harness.ts";

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

/** A program that sends a request as soon as the response to the previous one has arrived. */
export interface LoadGenerator {
  readonly name: string;
  prepare(requests: readonly Sent[]): Ask;
}

/**
 * Sends prepared requests to `origin` in a loop, each as soon as the previous response has arrived. Throws an `Error`
 * if any of them fails.
 */
export type Ask = (origin: string, load: Load) => Promise<Answered>;

/** Returns wrk if it is installed, and otherwise autocannon, which takes three times the processor time. */
export function findLoadGenerator(scratchDirectory: string): LoadGenerator {
  const { stdout, error } = spawnSync("wrk", ["--version"], { encoding: "utf8" });
  if (error) return autocannonGenerator;
  return wrkGenerator(scratchDirectory, stdout.split(" ").slice(0, 2).join(" "));
}

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

function wrkGenerator(scratchDirectory: string, name: string): LoadGenerator {
  let files = 0;
  return {
    name,
    prepare(requests) {
      files += 1;
      const path = join(scratchDirectory, `requests-${files}`);
      writeFileSync(path, Buffer.concat(requests.map((request) => wireFormOf(request))));
      return async (origin, { connections, seconds }) => {
        // One thread, because each thread has a Lua state of its own: several would send the same requests at the same
        // time.
        const script = join(import.meta.dirname, "load.lua");
        const words = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout=30s", "-s", script, origin, "--", path];
        const wrk = spawn("wrk", words, { stdio: ["ignore", "pipe", "inherit"] });
        const [printed] = await Promise.all([text(wrk.stdout), once(wrk, "exit")]);
        const line = printed.split("\n").find((candidate) => candidate.startsWith("{"));
        if (line === undefined) throw new Error(`wrk has printed no summary:\n${printed}`);
        const summary = JSON.parse(line) as WrkSummary;
        if (summary.failed > 0)
          throw new Error(`${summary.failed} of ${summary.requests} requests failed, such as ${requests[0]?.path}.`);
        return {
          requests: summary.requests,
          requestsPerSecond: summary.requests / (summary.microseconds / 1e6),
          bytesPerRequest: summary.bytes / summary.requests,
          p50Milliseconds: summary.p50 / 1000,
          p99Milliseconds: summary.p99 / 1000,
          generatorShare: summary.processorSeconds / (summary.microseconds / 1e6),
        };
      };
    },
  };
}

/** Returns a request in the format that load.lua reads: its length on a line, then its bytes. */
function wireFormOf({ method, path, headers, body = "" }: Sent): Buffer {
  const all = { host: "127.0.0.1", ...headers, ...(body !== "" && { "content-length": Buffer.byteLength(body) }) };
  const lines = [`${method} ${path} HTTP/1.1`, ...Object.entries(all).map(([name, value]) => `${name}: ${value}`), "", body];
  const bytes = Buffer.from(lines.join("\r\n"));
  return Buffer.concat([Buffer.from(`${bytes.length}\n`), bytes]);
}

const autocannonGenerator: LoadGenerator = {
  name: "autocannon",
  prepare(requests) {
    let turn = 0;
    return async (origin, { connections, seconds }) => {
      const before = process.cpuUsage();
      const setupRequest: autocannon.Request["setupRequest"] = (request) => {
        turn += 1;
        const { headers, ...sent } = requests[turn % requests.length] ?? requests[0]!;
        return { ...request, ...sent, headers: { ...headers } }; // autocannon adds to them
      };
      const result = await autocannon({ url: origin, connections, duration: seconds, requests: [{ setupRequest }] });
      const failed = result.non2xx + result.errors;
      if (failed > 0) throw new Error(`${failed} of ${result.requests.sent} requests failed, such as ${requests[0]?.path}.`);
      const { user, system } = process.cpuUsage(before);
      return {
        requests: result.requests.total,
        requestsPerSecond: result.requests.total / result.duration,
        bytesPerRequest: result.throughput.total / result.requests.total,
        p50Milliseconds: result.latency.p50,
        p99Milliseconds: result.latency.p99,
        generatorShare: (user + system) / 1e6 / result.duration,
      };
    };
  },
};
