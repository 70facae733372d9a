// node bench/profile.ts
//   shows how the newest profile in bench/profiles divides into the parts of a request, without the start
import { readdirSync, readFileSync } from "node:fs";
import type { Profiler } from "node:inspector";

/** The parts of a request, by the files of the innermost function that belongs to one. */
const parts: readonly (readonly [part: string, files: RegExp])[] = [
  ["the driver: protocol and pool", /pg-protocol|node_modules\/pg/],
  ["Fastify, CORS, metrics", /fastify|find-my-way|secure-json|prom-client/],
  ["GraphQL, scalars, Yoga", /node_modules\/graphql\/|graphql-yoga|graphql-scalars|@pothos/],
  ["authentication", /src\/access|http\/server\/authentication/],
  ["plan, statement and decoding", /src\/query/],
  ["batching and caches", /dataloader|lru-cache/],
  ["resolvers, fast path, services", /\/src\//],
  ["Node's HTTP", /^node:_http|http_/],
  ["Node's streams, timers, promises", /^node:/],
];
const written = /^write(v|Utf8String|Latin1String|Buffer)$/;
const loading = /modules\/(esm|cjs|run_main|package_json)|internal\/bootstrap/;

const directory = new URL("profiles/", import.meta.url);
const newest = readdirSync(directory).toSorted().at(-1);
if (newest === undefined) throw new Error("There is no profile: npm run bench -- --profile=gateway --questions=Q1 writes one.");
// What --cpu-prof writes
const profile = JSON.parse(readFileSync(new URL(newest, directory), "utf8")) as Profiler.Profile;

const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
const parents = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
const times = new Map<string, number>();
for (const [index, id] of (profile.samples ?? []).entries()) {
  const stack = stackOf(id);
  if (
    stack[0]?.functionName === "(idle)" ||
    stack.some(({ url, functionName }) => loading.test(url) || functionName === "evaluate")
  )
    continue;
  const part = partOf(stack);
  times.set(part, (times.get(part) ?? 0) + (profile.timeDeltas?.[index] ?? 0));
}
const total = [...times.values()].reduce((sum, time) => sum + time, 0);
for (const [part, time] of [...times].toSorted(([, one], [, other]) => other - one))
  console.log(`${((time / total) * 100).toFixed(1).padStart(5)} %  ${part}`);

/** Returns the call stack of a node, innermost function first. */
function stackOf(id: number): Profiler.ProfileNode["callFrame"][] {
  const stack = [];
  for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
    const node = nodes.get(at);
    if (node) stack.push(node.callFrame);
  }
  return stack;
}

function partOf(stack: readonly Profiler.ProfileNode["callFrame"][]): string {
  const [innermost] = stack;
  if (innermost?.functionName === "(garbage collector)") return "garbage collection";
  if (written.test(innermost?.functionName ?? ""))
    return stack.some(({ url }) => /pg-protocol|node_modules\/pg\//.test(url))
      ? "writing to PostgreSQL"
      : "writing to the client";
  for (const { url } of stack) {
    const part = parts.find(([, files]) => files.test(url));
    if (part) return part[0];
  }
  return "everything else";
}
