// npm run bench             the full data set, three rounds, bench/results.md and bench/results.svg: about half an hour
// npm run bench -- --smoke  a small data set: that everything runs and agrees, a second of load each, no report
//
// --questions=Q1,mixed --contestants=bare,gateway --rounds=3 --seconds=2
// --main: only 32 connections and what clients ask, with variables that differ
// --profile=gateway: a contestant whose CPU profile is written to bench/profiles
import { deepStrictEqual } from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openWorkingTree } from "./checkout.ts";
import { positionsOf } from "./cursors.ts";
import { dropDatabase, makeDatabase } from "./databases.ts";
import { fullSize, smokeSize } from "./data-set.ts";
import { factsOf, pagesOf, rootOf } from "./facts.ts";
import { cursorsFor, makeKeys, type Running, start, startFile, versions } from "./harness.ts";
import { type Ask, findLoadGenerator, type Sent } from "./load.ts";
import { answerTo, countPerRequest, measure, type Measured } from "./measure.ts";
import {
  apolloAccept,
  askerCount,
  type Asking,
  type ContestantName,
  contestantNames,
  mixedRequestsOf,
  operationOf,
  plainAccept,
  post,
  type QuestionName,
  questionNames,
  requestsOf,
  type Selection,
  type Traffic,
} from "./questions.ts";
import { type Case, type Counted, mainConnections, type Measurement, type Party, renderReport } from "./report.ts";
import { openServer, versionOf } from "./server.ts";
import { countStatements } from "./statement-counter.ts";

/** A contestant with what its requests are made from. */
interface Entrant {
  readonly running: Running;
  readonly cursors: Asking["cursors"];
}

const { values } = parseArgs({
  options: {
    smoke: { type: "boolean", default: false },
    main: { type: "boolean", default: false },
    seconds: { type: "string" },
    rounds: { type: "string" },
    contestants: { type: "string", default: contestantNames.join(",") },
    questions: { type: "string", default: [...questionNames, "mixed"].join(",") },
    profile: { type: "string" },
  },
});
const { smoke } = values;
const size = smoke ? smokeSize : fullSize;
const seconds = Number(values.seconds ?? (smoke ? 1 : 2));
const rounds = Number(values.rounds ?? (smoke ? 1 : 3));
const isMainOnly = values.main || smoke;
const names = contestantNames.filter((name) => values.contestants.split(",").includes(name));
const traffics = ([...questionNames, "mixed"] as const).filter((name) => values.questions.split(",").includes(name));
const questions = questionNames.filter((name) => traffics.includes(name));
/** The traffic that is timed. A smoke run shows that each kind of it can be. */
const timedTraffics = traffics.filter((traffic) => !smoke || ["Q1", "M1", "mixed"].includes(traffic));
/** No measurement takes longer than this, however slow the contestant. */
const maxSeconds = 20;

const cleanups: (() => unknown)[] = [];
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void cleanUp().finally(() => process.exit(1)));
try {
  await run();
} finally {
  await cleanUp();
}

/** Stops and removes everything that was started and created, in reverse order. */
async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
}

async function run(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "gateway-bench-requests-"));
  cleanups.push(() => rmSync(scratch, { recursive: true }));
  const generator = findLoadGenerator(scratch);
  const server = await openServer();
  cleanups.push(server.stop);
  const name = `gateway_bench_${process.pid}`;
  cleanups.push(() => dropDatabase(server.url, name));
  const database = await makeDatabase(server.url, name, openWorkingTree(), size);
  const positions = await positionsOf(database, size);
  const keys = await makeKeys(
    database,
    Array.from({ length: askerCount }, (_, index) => index + 1),
  );

  const entrants: Entrant[] = [];
  for (const contestant of names) {
    const running = await start(contestant, { database, nodeArguments: profileArguments(contestant) });
    cleanups.push(() => running.stop());
    entrants.push({ running, cursors: await cursorsFor(running, positions, size) });
  }
  await checkAgreement(entrants);

  const prepared = new Map<string, Ask>();
  const asked = (entrant: Entrant, one: Omit<Case, "connections">): Ask => {
    const key = [entrant.running.name, one.traffic, one.selection, one.isVarying].join();
    const ask = prepared.get(key) ?? generator.prepare(requestsFor(entrant, one, keys));
    prepared.set(key, ask);
    return ask;
  };
  const measurements = await measureRounds(entrants, asked, database);
  const empty = await measureEmpty(entrants, asked, database);
  const counted = smoke ? [] : await countAll(entrants, asked, database, keys);
  const { markdown, svg } = renderReport({
    measurements,
    counted,
    generator: { empty, bare: bareOfQ1(measurements) },
    conditions: {
      ...{ rounds, seconds, notes: size.tickets * size.notesPerTicket },
      versions: `${versions()}, PostgreSQL ${await versionOf(server.url)}, asked by ${generator.name}`,
    },
  });
  console.log(`\n${markdown}`);
  const isWhole = !isMainOnly && traffics.length > questionNames.length && names.length === contestantNames.length;
  if (!isWhole) return;
  writeFileSync(new URL("results.md", import.meta.url), markdown);
  writeFileSync(new URL("results.svg", import.meta.url), svg);
}

function profileArguments(contestant: ContestantName): string[] {
  if (values.profile !== contestant) return [];
  return ["--cpu-prof", `--cpu-prof-dir=${join(import.meta.dirname, "profiles")}`];
}

function askingOf({ running, cursors }: Entrant, selection: Selection): Asking {
  return { contestant: running.name, selection, size, cursors };
}

function headersOf({ headers }: Running, selection: Selection): Sent["headers"] {
  return { ...headers, accept: selection === "client" ? apolloAccept : plainAccept };
}

/** Returns the requests of a case to a contestant. */
function requestsFor(
  entrant: Entrant,
  { traffic, selection, isVarying }: Omit<Case, "connections">,
  keys: readonly string[],
): Sent[] {
  const { running } = entrant;
  const asking = askingOf(entrant, selection);
  const headers = headersOf(running, selection);
  if (traffic !== "mixed") return requestsOf(asking, traffic, { path: running.path, headers, isVarying });
  return mixedRequestsOf(asking, running.path, (person) =>
    running.name === "gateway" ? { ...headers, "x-api-key": keys[person - 1] ?? "" } : headers,
  );
}

/**
 * Checks that all contestants return the same facts, and the same about further pages. Otherwise the figures could not
 * be compared.
 */
async function checkAgreement(entrants: readonly Entrant[]): Promise<void> {
  for (const question of questions)
    for (const selection of ["lean", "client"] as const)
      for (const n of [1, 2, 3]) await checkAnswers(entrants, question, selection, n);
  console.log("Every contestant gives the same answers.");
}

async function checkAnswers(
  entrants: readonly Entrant[],
  question: QuestionName,
  selection: Selection,
  n: number,
): Promise<void> {
  const answers = await Promise.all(
    entrants.map(async (entrant) => {
      const { running } = entrant;
      const operation = operationOf(askingOf(entrant, selection), question, n);
      const root = rootOf(running.name, await answerTo(running, post(running.path, headersOf(running, selection), operation)));
      // Each contestant makes the id of a new note.
      const facts = factsOf(root, question === "M1" ? "client" : selection);
      return { name: running.name, facts, pages: running.name === "bare" ? undefined : pagesOf(root) };
    }),
  );
  const [first] = answers;
  const firstPages = answers.find(({ pages }) => pages !== undefined);
  for (const { name, facts, pages } of answers) {
    deepStrictEqual(facts, first?.facts, `${name} and ${first?.name} disagree about ${question}, ${selection}`);
    if (pages) deepStrictEqual(pages, firstPages?.pages, `${name} and ${firstPages?.name} disagree about pages of ${question}`);
  }
}

/**
 * Returns whether a contestant cannot answer that traffic. After a cursor deep in the account, Prisma reads so many
 * notes into memory that the process of the plugin ends at V8's limit of 4 GB, with 32 requests at once.
 */
function isBeyond(contestant: ContestantName, traffic: Traffic): boolean {
  return contestant === "plugin-prisma" && !smoke && (traffic === "Q5" || traffic === "mixed");
}

/** Returns the cases of a question that are measured on a contestant. */
function casesOf(traffic: Traffic, contestant: ContestantName): Case[] {
  if (isBeyond(contestant, traffic)) return [];
  const main: Case = { traffic, selection: "client", isVarying: true, connections: mainConnections };
  if (isMainOnly) return [main];
  const lean: Case = { ...main, selection: "lean" };
  const equal = [main, lean].map((one): Case => ({ ...one, isVarying: false }));
  // The plugin's slowest answers would take minutes from 256 connections.
  const others = contestant === "plugin-prisma" ? [] : [1, 256].map((connections): Case => ({ ...main, connections }));
  if (traffic === "mixed") return [main, ...others];
  // All connections adding the same note to one ticket would measure that ticket's lock.
  return traffic === "M1" ? [main, lean, ...others] : [main, lean, ...equal, ...others];
}

type Asked = (entrant: Entrant, one: Omit<Case, "connections">) => Ask;

/**
 * Measures all rounds. A round measures one case with every contestant before it goes on to the next one. Writes come
 * last, because the other questions would read the rows that they add.
 */
async function measureRounds(entrants: readonly Entrant[], asked: Asked, database: string): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  /** The last rate of a contestant and question, from which follows how long its answers take. */
  const rates = new Map<string, number>();
  const measureCase = async (entrant: Entrant, one: Case): Promise<Measured> => {
    const { running } = entrant;
    const key = `${running.name} ${one.traffic}`;
    // Each connection gets two answers at least.
    const needed = Math.ceil((2 * one.connections) / (rates.get(key) ?? Number.POSITIVE_INFINITY));
    const load = { connections: one.connections, seconds: Math.min(maxSeconds, Math.max(seconds, needed)) };
    const measured = await measure(running, asked(entrant, one), load);
    if (one.connections === mainConnections) rates.set(key, measured.requestsPerSecond);
    return measured;
  };
  const gateway = entrants.find(({ running }) => running.name === "gateway");
  const second = gateway && !isMainOnly ? await start("gateway", { database }) : undefined;
  if (second) cleanups.push(() => second.stop());

  for (const isWriting of [false, true]) {
    const group = timedTraffics.filter((traffic) => (traffic === "M1") === isWriting);
    for (const traffic of smoke ? [] : group) await warmUp(entrants, traffic, measureCase);
    for (let round = 1; round <= rounds; round += 1) {
      const note = (party: Party, one: Case, measured: Measured) => {
        measurements.push({ ...one, round, party, measured });
        console.log(lineOf(round, party, one, measured));
      };
      for (const traffic of group) {
        for (const one of casesOf(traffic, "gateway")) {
          for (const entrant of round % 2 === 0 ? entrants.toReversed() : entrants) {
            const isMeasured = casesOf(traffic, entrant.running.name).some(
              ({ connections }) => connections === one.connections,
            );
            if (isMeasured) note(entrant.running.name, one, await measureCase(entrant, one));
          }
        }
        if (!gateway || !second) continue;
        const main = casesOf(traffic, "gateway")[0]!;
        note("two gateways", main, await measureTwo([gateway.running, second], asked(gateway, main)));
      }
    }
  }
  return measurements;
}

async function warmUp(
  entrants: readonly Entrant[],
  traffic: Traffic,
  measureCase: (entrant: Entrant, one: Case) => Promise<Measured>,
): Promise<void> {
  for (const entrant of entrants)
    for (const one of casesOf(traffic, entrant.running.name))
      if (one.isVarying && one.connections === mainConnections) await measureCase(entrant, one);
}

/** Measures two gateways at the same time, each with a generator of its own and half of the connections. */
async function measureTwo(gateways: readonly Running[], ask: Ask): Promise<Measured> {
  const load = { connections: mainConnections / gateways.length, seconds };
  const measured = await Promise.all(gateways.map((gateway) => measure(gateway, ask, load)));
  const sum = (figure: (one: Measured) => number) => measured.reduce((total, one) => total + figure(one), 0);
  const mean = (figure: (one: Measured) => number) => sum(figure) / measured.length;
  return {
    requests: sum(({ requests }) => requests),
    requestsPerSecond: sum(({ requestsPerSecond }) => requestsPerSecond),
    bytesPerRequest: mean(({ bytesPerRequest }) => bytesPerRequest),
    p50Milliseconds: mean(({ p50Milliseconds }) => p50Milliseconds),
    p99Milliseconds: Math.max(...measured.map(({ p99Milliseconds }) => p99Milliseconds)),
    generatorShare: Math.max(...measured.map(({ generatorShare }) => generatorShare)),
    processorMillisecondsPerRequest: mean(({ processorMillisecondsPerRequest }) => processorMillisecondsPerRequest),
  };
}

function lineOf(round: number, party: Party, { traffic, selection, isVarying, connections }: Case, measured: Measured): string {
  const { requestsPerSecond, processorMillisecondsPerRequest, p50Milliseconds, p99Milliseconds } = measured;
  return [
    `round ${round}  ${traffic.padEnd(5)} ${selection.padEnd(6)} ${isVarying ? "varying" : "equal  "} ${String(connections).padStart(3)}`,
    party.padEnd(13),
    `${requestsPerSecond.toFixed(0)} requests/s, ${processorMillisecondsPerRequest.toFixed(3)} ms CPU,`,
    `p50 ${p50Milliseconds.toFixed(1)} ms, p99 ${p99Milliseconds.toFixed(1)} ms`,
  ].join("  ");
}

/** Measures a server that asks no database with the requests of Q1, as often as there are rounds. */
async function measureEmpty(entrants: readonly Entrant[], asked: Asked, database: string): Promise<Measured[]> {
  const bare = entrants.find(({ running }) => running.name === "bare");
  if (!bare || !traffics.includes("Q1")) return [];
  const empty = await startFile("empty", { database });
  cleanups.push(() => empty.stop());
  const ask = asked(bare, { traffic: "Q1", selection: "client", isVarying: true });
  const measured: Measured[] = [];
  for (let round = 0; round <= rounds; round += 1)
    measured.push(await measure(empty, ask, { connections: mainConnections, seconds }));
  return measured.slice(1);
}

function bareOfQ1(measurements: readonly Measurement[]): Measured[] {
  return measurements
    .filter(({ party, traffic }) => party === "bare" && traffic === "Q1")
    .filter(({ selection, isVarying, connections }) => selection === "client" && isVarying && connections === mainConnections)
    .map(({ measured }) => measured);
}

/**
 * Counts the statements of every contestant, in new processes that reach the database through a counter. Nothing is
 * timed meanwhile.
 */
async function countAll(
  entrants: readonly Entrant[],
  asked: Asked,
  database: string,
  keys: readonly string[],
): Promise<Counted[]> {
  const counted: Counted[] = [];
  const counter = await countStatements(database);
  cleanups.push(() => counter.close());
  for (const { running: measured, cursors } of entrants) {
    const running = await start(measured.name, { database: counter.url });
    cleanups.push(() => running.stop());
    // The credential is that of the measured process, in the requests that are prepared.
    const entrant = { running: { ...running, headers: measured.headers }, cursors };
    for (const traffic of traffics.filter((each) => !isBeyond(measured.name, each))) {
      const one = { traffic, selection: "client", isVarying: true } as const;
      const load = { connections: mainConnections, seconds: 1 };
      const statements = await countPerRequest(running, counter, requestsFor(entrant, one, keys), asked(entrant, one), load);
      counted.push({ contestant: running.name, traffic, statements });
    }
  }
  return counted;
}
