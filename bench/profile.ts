// npm run bench:profile                where the gateway's main thread spends its time, for each question
// npm run bench:profile -- Q1 M1      for some of them
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { Profiler } from "node:inspector";
import { questionNames } from "./questions.ts";

/** The parts of a request, by the files of the innermost function that belongs to one. */
const parts: readonly (readonly [part: string, files: RegExp])[] = [
  ["driver and pool of PostgreSQL", /pg-protocol|node_modules\/pg|pg-pool|src\/database/],
  ["log line", /pino|sonic-boom|request-log|logger-factory|src\/lib\/log\.ts/],
  ["Fastify, CORS, metrics", /fastify|find-my-way|secure-json|prom-client|toad-cache|src\/http\/server\/(?!authentication)/],
  ["credentials and limits", /src\/access|src\/limits|http\/server\/authentication/],
  ["document, variables, execution", /node_modules\/graphql\/|graphql-yoga|graphql-scalars|@pothos|dataloader|src\/graphql/],
  ["plan, batch, result of reads", /src\/query|micro-batcher/],
  ["services", /\/src\//],
  ["Node's HTTP", /^node:_http|http_/],
  ["Node's sockets and streams", /^node:(net|internal\/streams|stream|internal\/stream_base)/],
  ["Node's timers, promises, events", /^node:/],
];
const written = /^write(v|Utf8String|Latin1String|Buffer|String)$/;
/** Functions that run before the first request. */
const starting = /modules\/(esm|cjs|run_main|package_json)|internal\/bootstrap|\/ajv\/|openapi|\/avvio\//;
/** How many parts are shown of each question. */
const shownParts = 5;

const questions = process.argv.length > 2 ? process.argv.slice(2) : questionNames;
for (const question of questions) {
  const words = [
    "--main",
    "--rounds=1",
    "--seconds=5",
    `--questions=${question}`,
    "--contestants=gateway",
    "--profile=gateway",
  ];
  const { status, stderr } = spawnSync("npm", ["run", "--silent", "bench", "--", ...words], { encoding: "utf8" });
  if (status !== 0) throw new Error(`The benchmark of ${question} failed:\n${stderr}`);
  const shares = sharesOf(newestProfile());
  const largest = shares.slice(0, shownParts).map(([part, share]) => `${part} ${(share * 100).toFixed(0)} %`);
  console.log(`| ${question} | ${largest.join(" | ")} |`);
}

function newestProfile(): Profiler.Profile {
  const directory = new URL("profiles/", import.meta.url);
  const newest = readdirSync(directory).toSorted().at(-1);
  if (newest === undefined) throw new Error("The benchmark has written no profile.");
  return JSON.parse(readFileSync(new URL(newest, directory), "utf8")) as Profiler.Profile; // what --cpu-prof writes
}

/** Returns the parts of a profile and their share of the time after the start, the largest first. */
function sharesOf({ nodes: all, samples = [], timeDeltas = [] }: Profiler.Profile): (readonly [part: string, share: number])[] {
  const nodes = new Map(all.map((node) => [node.id, node]));
  const parents = new Map(all.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));

  /** Returns the call stack of a node, innermost function first. */
  function stackOf(id: number): Profiler.ProfileNode["callFrame"][] {
    const stack = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const node = nodes.get(at);
      if (node) stack.push(node.callFrame);
    }
    return stack;
  }

  const times = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const stack = stackOf(id);
    const isIdle = stack[0]?.functionName === "(idle)";
    if (isIdle || stack.some(({ url, functionName }) => starting.test(url) || functionName === "evaluate")) continue;
    const part = partOf(stack);
    times.set(part, (times.get(part) ?? 0) + (timeDeltas[index] ?? 0));
  }
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times].map(([part, time]) => [part, time / total] as const).toSorted(([, one], [, other]) => other - one);
}

function partOf(stack: readonly Profiler.ProfileNode["callFrame"][]): string {
  const [innermost] = stack;
  if (innermost?.functionName === "(garbage collector)") return "garbage collection";
  if (written.test(innermost?.functionName ?? ""))
    return stack.some(({ url }) => /pg-protocol|node_modules\/pg\//.test(url))
      ? "system calls that write to PostgreSQL"
      : "system calls that write to clients";
  for (const { url } of stack) {
    const part = parts.find(([, files]) => files.test(url));
    if (part) return part[0];
  }
  return "V8 and native code";
}
