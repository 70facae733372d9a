import type { FastifyInstance } from "fastify";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { Unavailable } from "../../errors.ts";
import { sendProblem } from "../kit/problem.ts";

/** The checks that must pass for the gateway to be ready, by the names of what they check. */
export type ReadinessChecks = Readonly<Record<string, () => Promise<void>>>;

export interface HealthOptions {
  readonly checks: ReadinessChecks;
  /** Whether the process is about to end. */
  readonly isDraining: () => boolean;
}

/** How long a check may take. The callers of `/ready` give up soon after, and slower writes would not be usable. */
const readinessMilliseconds = 1_000;

/**
 * `/health`: the process is alive. `/ready`: a note could be written now and the process is not about to end; otherwise
 * 503 with the names of the failed checks. `/metrics`: metrics for Prometheus. A Fastify plugin.
 */
export async function health(app: FastifyInstance, options: HealthOptions): Promise<void> {
  const checks = Object.fromEntries(Object.entries(options.checks).map(([name, check]) => [name, oneAtATime(check)]));
  app.get("/health", async (_request, reply) => reply.header("cache-control", "no-store").send({ status: "alive" }));

  app.get("/ready", async (request, reply) => {
    if (options.isDraining())
      return sendProblem(reply, { status: 503, detail: "This process is about to end.", retryAfterSeconds: 2 });
    const missing = await failing(checks, (name, error) => request.log.warn({ err: error }, `${name} cannot be reached`));
    if (missing.length > 0)
      return sendProblem(reply, { status: 503, detail: `Not reachable: ${missing.join(", ")}.`, retryAfterSeconds: 2 });
    return reply.header("cache-control", "no-store").send({ status: "ready" });
  });
}

/** Values of the process, by their names in `/metrics`. */
export type Gauges = Readonly<Record<string, { readonly help: string; readonly value: () => number }>>;

/** Values of the process that only increase, by their names in `/metrics`. */
export type Counters = Readonly<
  Record<
    string,
    {
      readonly help: string;
      /** Returns every series with its labels. All series have the same label names. */
      readonly values: () => readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
    }
  >
>;

/** Counts requests by route, and serves `/metrics`. Call it on the root, before any route. */
export function serveMetrics(app: FastifyInstance, gauges: Gauges, counters: Counters = {}): void {
  const registry = new Registry();
  for (const [name, { help, value }] of Object.entries(gauges))
    registry.registerMetric(
      new Gauge({
        ...{ name, help, registers: [] },
        collect() {
          this.set(value());
        },
      }),
    );
  for (const [name, { help, values }] of Object.entries(counters))
    registry.registerMetric(
      new Counter({
        ...{ name, help, registers: [], labelNames: Object.keys(values()[0]?.labels ?? {}) },
        collect() {
          this.reset();
          for (const { labels, value } of values()) this.inc(labels, value);
        },
      }),
    );
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: "http_request_duration_seconds",
    help: "How long answers took, by method, route and status.",
    labelNames: ["method", "route", "status"],
    registers: [registry],
  });
  app.addHook("onResponse", (request, reply, done) => {
    // The route's pattern, never the URL: every id in a URL would create a series.
    const route = request.routeOptions.url ?? "none";
    duration.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    done();
  });
  app.addHook("onClose", async () => registry.clear());
  app.get("/metrics", async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()));
}

async function failing(checks: ReadinessChecks, onFailure: (name: string, error: unknown) => void): Promise<string[]> {
  const names = Object.keys(checks);
  const results = await Promise.allSettled(Object.values(checks).map((check) => withinTime(check())));
  return names.filter((name, index) => {
    const result = results[index];
    if (result?.status !== "rejected") return false;
    onFailure(name, result.reason);
    return true;
  });
}

/**
 * Returns a check that runs `check` once for all callers that call it during the run. Otherwise frequent callers would
 * use up the connections.
 */
function oneAtATime(check: () => Promise<void>): () => Promise<void> {
  let underWay: Promise<void> | undefined;
  return () => {
    underWay ??= check().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
}

/** Throws {@link Unavailable} if `checked` does not settle in time. */
async function withinTime(checked: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const cause = new Error(`No answer in ${readinessMilliseconds} ms`);
    timer = setTimeout(() => reject(new Unavailable({ cause })), readinessMilliseconds);
  });
  try {
    await Promise.race([checked, late]);
  } finally {
    clearTimeout(timer);
  }
}
