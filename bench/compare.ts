// npm run bench:compare -- main                this working tree against main, on the full data set: bench/compare.md
// npm run bench:compare -- main~20 main        one commit against another
// Options: --pairs=12 --seconds=3 --connections=32 --only=Q1,Relay-Q2,v1 --smoke (a small data set) --at-least=0.95 (exit code 1 where the whole
// interval of a question's rate lies below) --output=FILE
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import type { Gateway } from "../test/faults/support/gateway.ts";
import { type Both, forBoth, labels } from "./compare/both.ts";
import { type Checkout, checkOut, openWorkingTree } from "./compare/checkout.ts";
import { dataSetHash, dropDatabase, makeDatabase, runCommand } from "./compare/databases.ts";
import { findLoadGenerator, type LoadGenerator } from "./compare/load.ts";
import { countPerRequest, measure, type Measured } from "./compare/measure.ts";
import { comparedNames, type Question, questionsOf } from "./compare/questions.ts";
import { type Compared, renderComparison, slowerForCertain } from "./compare/report.ts";
import { answerTo, contextOf, openSide, type Side, startSide, stopSide } from "./compare/side.ts";
import { countStatements } from "./compare/statement-counter.ts";
import { fullSize, smokeSize } from "./data-set.ts";
import { rowsOf } from "./harness.ts";
import { openServer } from "./server.ts";

/** A question, with each gateway's own requests. */
interface Asked {
  readonly before: Question;
  readonly after: Question;
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
  console.error(`  [--smoke] [--output=FILE] [--only=…] of ${comparedNames.join(", ")}`);
  process.exit(2);
}
const load = { connections, seconds };
const size = values.smoke ? smokeSize : fullSize;
/** A gateway that allows 3,600 requests an hour whatever it is told is asked by so many keys, for up to 4,000 requests of /v1 a second. */
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

/** Stops and removes all that was started and made, the last first. */
async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
}

async function compare(before: string, after: string | undefined): Promise<readonly Compared[]> {
  const scratch = mkdtempSync(join(tmpdir(), "gateway-compare-requests-"));
  cleanups.push(() => rmSync(scratch, { recursive: true }));
  const generator = findLoadGenerator(scratch);
  const checkouts: Both<Checkout> = {
    before: keep(checkOut(before)),
    after: after === undefined ? openWorkingTree() : keep(checkOut(after)),
  };
  const server = await openServer();
  cleanups.push(server.stop);
  const sides = await openSides(server.url, checkouts);
  const counters = await forBoth((label) => countStatements(sides[label].database));
  cleanups.push(() => forBoth((label) => counters[label].close()));

  const loadBefore = loadavg()[0] ?? 0;
  const gateways = await forBoth((label) => started(sides[label]));
  const contexts = await forBoth((label) => contextOf(sides[label], gateways[label], size, v1KeyCount));
  const questions = await forBoth((label) => questionsOf(contexts[label]).filter(({ name }) => names.includes(name)));
  const asked = questions.before.map((question, index): Asked => ({ before: question, after: questions.after[index]! }));
  const agreeing = new Set<string>();
  for (const question of asked) if (await agree(gateways, question)) agreeing.add(question.before.name);
  const measured = await measurePairs(gateways, asked, generator);

  const counting = await forBoth((label) => started(sides[label], counters[label].url));
  const compared: Compared[] = [];
  for (const question of asked) {
    const { name, title } = question.before;
    const statements = await forBoth((label) =>
      countPerRequest(counting[label], counters[label], question[label].requests, generator, { connections, seconds: 1 }),
    );
    compared.push({ name, title, pairs: measured.get(name) ?? [], statements, agrees: agreeing.has(name) });
  }
  const [version] = await rowsOf<{ version: string }>(server.url, "SELECT current_setting('server_version') AS version");
  const nodes = await forBoth((label) => runCommand(checkouts[label], ["--version"], sides[label].database));
  const markdown = renderComparison(compared, {
    names: await forBoth((label) => checkouts[label].name),
    ...{ pairs, seconds, connections },
    circumstances: [
      `${size.tickets * size.notesPerTicket} notes${sides.before.database === sides.after.database ? ", one database for both" : ", a database each"}`,
      `PostgreSQL ${version?.version}, Node.js ${[...new Set(Object.values(nodes))].join(" and ")}, asked by ${generator.name}`,
      `${availableParallelism()} processors, whose load average was ${loadBefore.toFixed(1)} before and ${(loadavg()[0] ?? 0).toFixed(1)} at the end`,
    ],
  });
  writeFileSync(values.output, markdown);
  console.log(`\n${markdown}`);
  return compared;
}

/** One database for both where their schemas are the same: then they read the same pages. */
async function openSides(server: string, checkouts: Both<Checkout>): Promise<Both<Side>> {
  const open = async (checkout: Checkout, name: string) => {
    cleanups.push(() => dropDatabase(server, name));
    return openSide(checkout, await makeDatabase(server, name, checkout, size));
  };
  const before = await open(checkouts.before, `gateway_compare_before_${process.pid}`);
  if (dataSetHash(checkouts.before) === dataSetHash(checkouts.after))
    return { before, after: { ...before, checkout: checkouts.after } };
  return { before, after: await open(checkouts.after, `gateway_compare_after_${process.pid}`) };
}

async function measurePairs(
  gateways: Both<Gateway>,
  asked: readonly Asked[],
  generator: LoadGenerator,
): Promise<ReadonlyMap<string, readonly Both<Measured>[]>> {
  const measured = new Map<string, Both<Measured>[]>();
  // Writes come last: what they add would be read by the others, and what the database does about it later would disturb them.
  for (const writes of [false, true]) {
    const prepared = asked
      .filter(({ before }) => before.writes === writes)
      .map((question) => ({
        name: question.before.name,
        before: generator.prepare(gateways.before.url, question.before.requests),
        after: generator.prepare(gateways.after.url, question.after.requests),
      }));
    // The first pair warms both up, and is not counted.
    for (let pair = 0; pair <= pairs; pair += 1) {
      for (const { name, ...ask } of prepared) {
        const inTurn = new Map<string, Measured>();
        for (const label of pair % 2 === 0 ? labels : labels.toReversed())
          inTurn.set(label, await measure(gateways[label], ask[label], load));
        if (pair === 0) continue;
        const both = { before: inTurn.get("before")!, after: inTurn.get("after")! };
        measured.set(name, [...(measured.get(name) ?? []), both]);
        console.log(
          `pair ${pair}  ${name.padEnd(10)} ${(both.after.requestsPerSecond / both.before.requestsPerSecond).toFixed(3)}`,
        );
      }
    }
  }
  return measured;
}

/** Whether both answer the first requests of a question alike; of what is written, whether they answer at all. @throws {Error} where one refuses */
async function agree(gateways: Both<Gateway>, asked: Asked): Promise<boolean> {
  for (const index of [0, 1, 2]) {
    const answers = await forBoth((label) => answerTo(gateways[label], asked[label].requests[index]!));
    if (!asked.before.writes && !isDeepStrictEqual(comparable(answers.before), comparable(answers.after))) return false;
  }
  return true;
}

/** An answer without what each gateway signs or writes in its own way. */
function comparable(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer, (name, value: unknown) =>
      ["cursor", "endCursor", "url", "uri"].includes(name) ? undefined : value,
    ),
  );
}

async function started(side: Side, url?: string): Promise<Gateway> {
  const gateway = await startSide(side, url);
  cleanups.push(() => stopSide(gateway));
  return gateway;
}

function keep(checkout: Checkout): Checkout {
  cleanups.push(() => checkout.remove());
  return checkout;
}
