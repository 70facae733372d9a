// npm run bench             the full data set, three rounds, bench/results.md and bench/results.svg
// npm run bench -- --smoke  a small data set and one second each: that everything runs and agrees, no times
import { deepStrictEqual } from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { fullSize, smokeSize } from "./data-set.ts";
import { ask, fill, findDeepPosition, measure, posted, type Running, start, stop, versions } from "./harness.ts";
import { startFlags } from "./gateway-process.ts";
import {
  type Contestant,
  deepOffset,
  type DeepPosition,
  factsOf,
  type QuestionName,
  questionNames,
  requestOf,
} from "./questions.ts";
import { type Measurement, renderReport } from "./report.ts";
import { startServer } from "./server.ts";

const smoke = process.argv.includes("--smoke");
const only = (name: string) =>
  process.argv
    .find((argument) => argument.startsWith(`--${name}=`))
    ?.split("=")[1]
    ?.split(",");
const size = smoke ? smokeSize : fullSize;
const seconds = Number(only("seconds")?.[0] ?? (smoke ? 1 : 8));
const rounds = Number(only("rounds")?.[0] ?? (smoke ? 1 : 3));
const connections = Number(only("connections")?.[0] ?? 32);
const contestants = (only("contestants") ?? ["bare", "postgraphile", "plugin-prisma", "gateway"]) as Contestant[];
/** A contestant whose CPU profile is written to bench/profiles. */
const profiled = only("profile")?.[0];
const questions = (only("questions") ?? questionNames) as QuestionName[];

const server = await startServer(smoke ? "smoke" : "full", (url) => fill(url, size));
const running: Running[] = [];
try {
  for (const [index, name] of contestants.entries()) {
    // The gateway is started as `npm start` does.
    const flags = name === "gateway" ? startFlags() : [];
    running.push(await start(name, { database: server.url, port: 5100 + index, flags, profiled: profiled === name }));
  }
  const deep = await findDeepPosition(server.url, deepOffset(size), running);
  await checkAgreement(deep);
  const measurements: Measurement[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const question of questions) {
      for (const contestant of running) {
        const asking = (n: number) => posted(contestant, requestOf(contestant.name, question, n, size, deep));
        const measured = await measure(contestant, asking, { connections, seconds });
        measurements.push({ ...measured, round, question, contestant: contestant.name });
        console.log(
          `round ${round}  ${question}  ${contestant.name.padEnd(13)} ${measured.statements.toFixed(1)} statements  ${measured.requests.toFixed(0)} requests/s ${(measured.cpu / 1000).toFixed(2)} ms CPU, p50 ${measured.p50} ms`,
        );
      }
    }
  }
  if (!smoke) {
    const { markdown, svg } = renderReport(measurements, {
      rounds,
      seconds,
      connections,
      versions: versions(),
      server: await server.version(),
    });
    writeFileSync(new URL("results.md", import.meta.url), markdown);
    writeFileSync(new URL("results.svg", import.meta.url), svg);
    console.log(markdown);
  }
} finally {
  for (const contestant of running) await stop(contestant);
  await server.stop();
}

/** Checks that all contestants return the same facts. Otherwise the figures could not be compared. */
async function checkAgreement(deep: DeepPosition): Promise<void> {
  for (const question of questions.filter((name) => name !== "M1")) {
    for (const n of [1, 2, 3]) {
      const answers = await Promise.all(
        running.map(async (contestant) => factsOf(await ask(contestant, requestOf(contestant.name, question, n, size, deep)))),
      );
      for (const [index, answer] of answers.entries()) {
        deepStrictEqual(answer, answers[0], `${running[index]?.name} and ${running[0]?.name} disagree about ${question}`);
      }
    }
  }
  console.log("Every contestant gives the same answers.");
}
