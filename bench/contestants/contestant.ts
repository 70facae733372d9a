import { createRequire } from "node:module";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** The input of every contestant. */
export function settings(): { url: string; port: number; connections: number } {
  const { DATABASE_URL, PORT, CONNECTIONS } = process.env;
  if (!DATABASE_URL || !PORT || !CONNECTIONS) throw new Error("DATABASE_URL, PORT and CONNECTIONS are needed.");
  return { url: DATABASE_URL, port: Number(PORT), connections: Number(CONNECTIONS) };
}

/** The resources that a contestant has used so far. */
export interface Usage {
  readonly statements: number;
  readonly cpuMicroseconds: number;
  readonly rssBytes: number;
  /** The longest delay of its event loop since the previous call. */
  readonly stallMilliseconds: number;
}

let statements = 0;

/** Counts every statement that is sent through `pg`, whichever copy of it the contestant uses. */
export function countStatements(from: string): void {
  const { Client } = createRequire(from)("pg") as { Client: { prototype: { query: (...parameters: unknown[]) => unknown } } };
  const { query } = Client.prototype;
  Client.prototype.query = function counted(...parameters: unknown[]) {
    statements += 1;
    return query.apply(this, parameters);
  };
}

/** Reports that the contestant listens. After that it reports its usage each time it gets a message. */
export function ready(): void {
  // The process exits by itself, so that its profile is written.
  process.on("disconnect", () => process.exit(0));
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    const usage: Usage = {
      statements,
      cpuMicroseconds: user + system,
      rssBytes: process.memoryUsage.rss(),
      stallMilliseconds: delay.max / 1e6,
    };
    process.send?.(usage);
    delay.reset();
  });
  process.send?.("ready");
}
