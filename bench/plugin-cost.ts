// npm run bench:plugins
//   the CPU time of an operation that reads nothing, and what plugins add to it. Each line calls the hooks of one more
//   function of the engine, so that its difference from the line before is the cost of that function's hooks.
import type { FastifyBaseLogger } from "fastify";
import { plugIn } from "../src/graphql/server/plugins.ts";
import { type Caller, createOperations, type Parameters, type Perform } from "../src/graphql/server/operations.ts";
import { createPersistedDocuments, noManifests } from "../src/graphql/documents/persisted-documents.ts";
import type { Engine, Envelop, Enveloped } from "../src/graphql/server/engine.ts";
import type { Limits } from "../src/limits/limits.ts";
import { schema } from "../src/schema.ts";
import type { Services } from "../src/services.ts";
import { plugins } from "./compare/envelop-plugins.ts";

const operations = 100_000;
const rounds = 5;

const parameters: Parameters = { query: "{ __typename }" };
const allowance = { policy: "none", limit: 1, used: 0, remaining: 1, resetSeconds: 1, resetAt: new Date() };
const unlimited = { take: () => allowance, look: () => allowance };
const limits: Pick<Limits, "points" | "anonymous"> = { points: unlimited, anonymous: unlimited };
const account = { id: "", slug: "", name: "", timeZone: "UTC" };
const caller: Caller = {
  viewer: { kind: "person", person: { id: "", number: 1, name: "" }, account, role: "SPECIALIST", scopes: new Set() },
  address: null,
  onlyRead: false,
  isOwnPage: false,
  tell: () => undefined,
};
const headers = { host: "localhost", "content-type": "application/json", "content-length": "26" };

const plugged = plugIn({ endpoint: "/graphql", schema, plugins, perform: (...given) => perform(...given) });
const perform: Perform = createOperations({
  schema: plugged.schema,
  services: {} as Services, // the operation reads nothing
  maximumBytes: 1_000_000,
  limits,
  findDocument: createPersistedDocuments({ manifests: () => noManifests, only: false }),
  counts: { fellBack: () => undefined, failed: () => undefined },
});

/** The functions of `engine`, as if there were no hook. */
function unhooked(engine: Engine, context: object): Enveloped {
  return {
    ...engine,
    validate: (_schema, document) => engine.validate(document, []),
    contextFactory: () => context,
  };
}

const hooked: readonly (keyof Enveloped)[] = ["validate", "parse", "contextFactory", "execute"];

/** Returns how an operation is wrapped if only the first `count` functions of its engine have their hooks. */
function envelopWith(count: number): Envelop {
  const request = new plugged.yoga.fetchAPI.Request("http://localhost/graphql", { method: "POST", headers });
  const context = { caller, log: console as unknown as FastifyBaseLogger, request, params: parameters }; // nothing logs
  const envelop = plugged.envelopIn?.(context);
  if (!envelop) throw new Error("There is no plugin to measure.");
  if (count === hooked.length) return envelop;
  return (engine) => {
    const wrapped = count === 0 ? unhooked(engine, context) : envelop(engine);
    const chosen = Object.fromEntries(hooked.slice(0, count).map((name) => [name, wrapped[name]]));
    return { ...unhooked(engine, context), ...chosen };
  };
}

const variants: readonly (readonly [title: string, perform: () => Promise<unknown>])[] = [
  ["without plugins", () => perform(parameters, caller)],
  ["with the engine, but no hook", () => perform(parameters, caller, () => envelopWith(0))],
  ...hooked.map((name, index): readonly [string, () => Promise<unknown>] => {
    return [`and the hooks of ${name}`, () => perform(parameters, caller, () => envelopWith(index + 1))];
  }),
];

const least = new Map<string, number>();
for (let round = 0; round < rounds; round += 1) {
  for (const [title, run] of variants) least.set(title, Math.min(await microseconds(run), least.get(title) ?? Infinity));
}
for (const [title, time] of least) console.log(`${time.toFixed(1).padStart(6)} µs  ${title}`);

/** Returns the CPU time of one `run`. */
async function microseconds(run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  for (let index = 0; index < operations; index += 1) await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / operations;
}
