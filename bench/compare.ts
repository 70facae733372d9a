// npm run bench:compare -- main
//   compares this working tree with main, on the full data set, and writes bench/compare.md
// npm run bench:compare -- main~20 main
//   compares one commit with another
//
// --pairs=12 --seconds=3 --connections=32
// --only=Q1,Relay-Q2,v1
// --smoke: on a small data set
// --plugins=MODULE: the later gateway has the plugins of that module, such as bench/compare/envelop-plugins.ts
// --at-least=0.95: exits with 1 if the whole interval of a question's rate lies below
// --output=FILE
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import type { Gateway } from "../test/faults/support/gateway.ts";
import { type Checkout, checkOut, commitOf, openWorkingTree } from "./checkout.ts";
import { type Both, forBoth, type Label, labels } from "./compare/both.ts";
import { comparedNames, type Question, questionsOf } from "./compare/questions.ts";
import { type Compared, renderComparison, slowerForCertain } from "./compare/report.ts";
import { contextOf, openSide, type Side, startSide } from "./compare/side.ts";
import { fullSize, smokeSize } from "./data-set.ts";
import { dataSetHash, dropDatabase, makeDatabase, runCommand } from "./databases.ts";
import { stopGateway } from "./harness.ts";
import { type Ask, findLoadGenerator } from "./load.ts";
import { answerTo, countPerRequest, measure, type Measured } from "./measure.ts";
import { openServer, versionOf } from "./server.ts";
import { countStatements } from "./statement-counter.ts";

/** A question with the requests for each gateway. */
interface Asked extends Omit<Question, "requests"> {
  readonly requests: Both<Question["requests"]>;
  readonly ask: Both<Ask>;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pairs: { type: "string", default: "12" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "32" },
    only: { type: "string", default: comparedNames.join(",") },
    smoke: { type: "boolean", default: false },
    "at-least": { type: "string", default: "0" },
    plugins: { type: "string" },
    output: { type: "string", default: join(import.meta.dirname, "compare.md") },
  },
});
const [referenceBefore, referenceAfter, ...rest] = positionals;
const names = values.only.split(",");
const [pairs, seconds, connections, atLeast] = [values.pairs, values.seconds, values.connections, values["at-least"]].map(
  Number,
) as [number, number, number, number]; // as many as were given
const isUnderstood =
  names.every((name) => comparedNames.includes(name)) &&
  rest.length === 0 &&
  [pairs, seconds, connections].every((value) => Number.isInteger(value) && value > 0) &&
  atLeast >= 0;
if (referenceBefore === undefined || !isUnderstood) {
  console.error(
    "Usage: npm run bench:compare -- <before> [<after>] [--pairs=12] [--seconds=3] [--connections=32] [--at-least=0.95]",
  );
  console.error(`  [--smoke] [--plugins=MODULE] [--output=FILE] [--only=…] of ${comparedNames.join(", ")}`);
  process.exit(2);
}
const load = { connections, seconds };
const warmUpSeconds = 1;
const size = values.smoke ? smokeSize : fullSize;
/**
 * The number of keys that a gateway with a fixed limit of 3,600 requests an hour needs, for up to 4,000 requests of /v1
 * a second.
 */
const v1KeyCount = Math.ceil(((pairs + 2) * seconds * 4_000) / 3_600);

const cleanups: (() => unknown)[] = [];
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void cleanUp().finally(() => process.exit(1)));
try {
  const compared = await compare(referenceBefore, referenceAfter);
  const slower = slowerForCertain(compared, atLeast);
  if (slower.length > 0) console.error(`Below ${atLeast} of the rate before, the whole interval: ${slower.join(", ")}.`);
  process.exitCode = slower.length > 0 ? 1 : 0;
} finally {
  await cleanUp();
}

/** Stops and removes everything that was started and created, in reverse order. */
async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
}

async function compare(before: string, after: string | undefined): Promise<readonly Compared[]> {
  const scratch = mkdtempSync(join(tmpdir(), "gateway-compare-requests-"));
  cleanups.push(() => rmSync(scratch, { recursive: true }));
  const generator = findLoadGenerator(scratch);
  const commits = [before, after ?? "HEAD"].map(commitOf) as [string, string]; // as many as were given
  const checkouts: Both<Checkout> = {
    before: keep(checkOut(before, commits[0])),
    after: after === undefined ? openWorkingTree() : keep(checkOut(after, commits[1])),
  };
  const server = await openServer();
  cleanups.push(server.stop);
  const sides = await openSides(server.url, checkouts);
  const counters = await forBoth((label) => countStatements(sides[label].database));
  cleanups.push(() => forBoth((label) => counters[label].close()));

  const loadBefore = loadavg()[0] ?? 0;
  const gateways = await forBoth((label) => startSide(sides[label]));
  cleanups.push(() => forBoth((label) => stopGateway(gateways[label])));
  const contexts = await forBoth((label) => contextOf(sides[label], gateways[label], size, v1KeyCount));
  const questions = await forBoth((label) => questionsOf(contexts[label]).filter(({ name }) => names.includes(name)));
  const asked = questions.before.map((question, index): Asked => {
    const { name, title, writes } = question;
    const requests = { before: question.requests, after: questions.after[index]!.requests };
    const ask = { before: generator.prepare(requests.before), after: generator.prepare(requests.after) };
    return { name, title, writes, requests, ask };
  });
  const agreeing = new Set<string>();
  for (const question of asked) if (await agree(gateways, question)) agreeing.add(question.name);
  await forBoth((label) => stopGateway(gateways[label]));
  const measured = await measurePairs(sides, asked);

  const counting = await forBoth((label) => startSide(sides[label], counters[label].url));
  cleanups.push(() => forBoth((label) => stopGateway(counting[label])));
  const compared: Compared[] = [];
  for (const question of asked) {
    const { name, title, requests, ask } = question;
    const statements = await forBoth((label) =>
      countPerRequest(counting[label], counters[label], requests[label], ask[label], { connections, seconds: 1 }),
    );
    compared.push({ name, title, pairs: measured.get(name) ?? [], statements, agrees: agreeing.has(name) });
  }
  const nodes = await forBoth((label) => runCommand(checkouts[label], ["--version"], sides[label].database));
  const markdown = renderComparison(compared, {
    names: await forBoth((label) => checkouts[label].name),
    ...{ pairs, seconds, connections },
    circumstances: [
      `${size.tickets * size.notesPerTicket} notes${sides.before.database === sides.after.database ? ", one database for both" : ", a database each"}`,
      `PostgreSQL ${await versionOf(server.url)}, Node.js ${[...new Set(Object.values(nodes))].join(" and ")}, asked by ${generator.name}`,
      `${availableParallelism()} processors, whose load average was ${loadBefore.toFixed(1)} before and ${(loadavg()[0] ?? 0).toFixed(1)} at the end`,
    ],
  });
  writeFileSync(values.output, markdown);
  console.log(`\n${markdown}`);
  return compared;
}

/** Returns both sides. They share one database if their schemas are the same, so that they read the same pages. */
async function openSides(server: string, checkouts: Both<Checkout>): Promise<Both<Side>> {
  const open = async (checkout: Checkout, name: string) => {
    cleanups.push(() => dropDatabase(server, name));
    return openSide(checkout, await makeDatabase(server, name, checkout, size));
  };
  const before = await open(checkouts.before, `gateway_compare_before_${process.pid}`);
  const after =
    dataSetHash(checkouts.before) === dataSetHash(checkouts.after)
      ? { ...before, checkout: checkouts.after }
      : await open(checkouts.after, `gateway_compare_after_${process.pid}`);
  return { before, after: { ...after, plugins: values.plugins && resolve(values.plugins) } };
}

/**
 * Measures all pairs of all questions. Writes come last, because the other questions would read the rows that they add.
 */
async function measurePairs(
  sides: Both<Side>,
  asked: readonly Asked[],
): Promise<ReadonlyMap<string, readonly Both<Measured>[]>> {
  const measured = new Map<string, Both<Measured>[]>();
  for (const writes of [false, true]) {
    const group = asked.filter((question) => question.writes === writes);
    for (let pair = 1; pair <= pairs && group.length > 0; pair += 1) {
      // Each pair gets new processes, because V8's optimisations last as long as a process and differ between
      // processes.
      const gateways = await forBoth((label) => startSide(sides[label]));
      const stop = () => forBoth((label) => stopGateway(gateways[label]));
      cleanups.push(stop);
      for (const question of group) {
        const both = await measurePair(gateways, question, pair % 2 === 0 ? labels.toReversed() : labels);
        const { name } = question;
        measured.set(name, [...(measured.get(name) ?? []), both]);
        console.log(
          `pair ${pair}  ${name.padEnd(10)} ${(both.after.requestsPerSecond / both.before.requestsPerSecond).toFixed(3)}`,
        );
      }
      await stop();
      cleanups.splice(cleanups.indexOf(stop), 1);
    }
  }
  return measured;
}

/** Warms up both gateways with a question, and then measures it on each of them in this order. */
async function measurePair(gateways: Both<Gateway>, { ask }: Asked, order: readonly Label[]): Promise<Both<Measured>> {
  for (const label of order) await measure(gateways[label], ask[label], { connections, seconds: warmUpSeconds });
  const inTurn = new Map<Label, Measured>();
  for (const label of order) inTurn.set(label, await measure(gateways[label], ask[label], load));
  return await forBoth((label) => inTurn.get(label)!);
}

/**
 * Returns whether both gateways give the same responses to the first requests of a question. Writes only have to
 * succeed. Throws an `Error` if a request fails.
 */
async function agree(gateways: Both<Gateway>, asked: Asked): Promise<boolean> {
  for (const index of [0, 1, 2]) {
    const answers = await forBoth((label) => answerTo(gateways[label], asked.requests[label][index]!));
    if (!asked.writes && !isDeepStrictEqual(comparable(answers.before), comparable(answers.after))) return false;
  }
  return true;
}

/** Returns a response without the parts that each gateway signs or writes in its own way. */
function comparable(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer, (name, value: unknown) =>
      ["cursor", "endCursor", "url", "uri"].includes(name) ? undefined : value,
    ),
  );
}

function keep(checkout: Checkout): Checkout {
  cleanups.push(() => checkout.remove());
  return checkout;
}
