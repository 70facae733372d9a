// npm run bench             the full data set, three rounds, bench/results.md and bench/results.svg
// npm run bench -- --smoke  a small data set and one second each: that everything runs and agrees, no times
import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { deepStrictEqual } from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import autocannon from "autocannon";
import pg from "pg";
import { accountId, fillDataSet, fullSize, personId, smokeSize } from "./data-set.ts";
import {
  type Contestant,
  deepOffset,
  type DeepPosition,
  factsOf,
  type QuestionName,
  questionNames,
  requestOf,
  rootOf,
} from "./questions.ts";
import { type Measurement, renderReport } from "./report.ts";
import { startServer } from "./server.ts";
import type { Usage } from "./contestants/contestant.ts";

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
const poolSize = 10;
const contestants = (only("contestants") ?? ["bare", "postgraphile", "plugin-prisma", "gateway"]) as Contestant[];
/** A contestant whose CPU profile is written to bench/profiles. */
const profiled = only("profile")?.[0];
const questions = (only("questions") ?? questionNames) as QuestionName[];

interface Running {
  readonly name: Contestant;
  readonly child: ChildProcess;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

const server = await startServer(smoke ? "smoke" : "full", async (url) => {
  const root = new URL("../", import.meta.url);
  const migrated = spawnSync(process.execPath, [new URL("src/migrate.ts", root).pathname], {
    env: { ...process.env, DATABASE_URL: url, SIGNING_SECRET: "a secret of the benchmark, 32 characters long" },
    stdio: "inherit",
  });
  if (migrated.status !== 0) throw new Error("The database could not be migrated.");
  await fillDataSet(url, size);
});
const running: Running[] = [];
try {
  for (const [index, name] of contestants.entries()) running.push(await start(name, 5100 + index));
  const deep = await findDeepPosition();
  await checkAgreement(deep);
  const measurements: Measurement[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const question of questions) {
      for (const contestant of running) {
        const measured = await measure(contestant, question, deep);
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
  for (const { child } of running) await stop(child);
  await server.stop();
}

async function stop(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.disconnect();
  await exited;
}

async function start(name: Contestant, port: number): Promise<Running> {
  const child = fork(new URL(`contestants/${name}.ts`, import.meta.url), {
    env: {
      ...process.env,
      NODE_ENV: "production",
      GRAPHILE_ENV: "production",
      DATABASE_URL: server.url,
      PORT: String(port),
      CONNECTIONS: String(poolSize),
    },
    execArgv: profiled === name ? ["--cpu-prof", `--cpu-prof-dir=${new URL("profiles", import.meta.url).pathname}`] : [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => Promise.reject(new Error(`${name} did not start.`))),
  ]);
  const url = `http://127.0.0.1:${port}${name === "bare" ? "/" : "/graphql"}`;
  const headers = { "content-type": "application/json", ...(name === "gateway" ? { "x-api-key": await makeKey() } : {}) };
  return { name, child, url, headers };
}

/** A specialist's key, who sees every note of the account: the same rows as those who ask nobody. */
async function makeKey(): Promise<string> {
  const { openDatabase } = await import("../src/platform/database.ts");
  const { createProvisioning } = await import("../src/access/provisioning.ts");
  const { scopesOf } = await import("../src/viewer.ts");
  const database = await openDatabase({ kind: "postgresql", url: server.url }, { warn: () => undefined });
  const provisioning = createProvisioning({ database, clock: () => new Date(), newId: () => crypto.randomUUID() });
  const { key } = await provisioning.addApiKey({
    accountId,
    personId: personId(5),
    name: "bench",
    scopes: scopesOf("SPECIALIST"),
  });
  await database.close();
  return key;
}

async function ask({ name, url, headers }: Running, body: unknown): Promise<unknown> {
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return rootOf(name, await response.json());
}

async function findDeepPosition(): Promise<DeepPosition> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const { rows } = await client.query<{ id: string; created_at: Date }>(
    "SELECT id, created_at FROM notes ORDER BY created_at DESC, id DESC OFFSET $1 LIMIT 1",
    [deepOffset(size) - 1],
  );
  await client.end();
  const [row] = rows;
  if (!row) throw new Error("The data set is not deep enough.");
  const createdAt = row.created_at.toISOString();
  const cursorFrom = async (contestant: Contestant, query: string) => {
    const found = running.find(({ name }) => name === contestant);
    return found ? ((await ask(found, { query })) as { pageInfo: { endCursor: string } }).pageInfo.endCursor : "";
  };
  return {
    createdAt,
    id: row.id,
    cursors: {
      gateway: await cursorFrom("gateway", `{ notes(first: 1, filter: { ids: ["${row.id}"] }) { pageInfo { endCursor } } }`),
      postgraphile: await cursorFrom(
        "postgraphile",
        `{ allNotes(first: 1, offset: ${deepOffset(size) - 1}, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) { pageInfo { endCursor } } }`,
      ),
      "plugin-prisma": Buffer.from(`GPC:S:${row.id}`).toString("base64"),
    },
  };
}

/** Every contestant gives the same facts, or the figures compare nothing. */
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

async function measure(contestant: Running, question: QuestionName, deep: DeepPosition) {
  const { name, url, headers } = contestant;
  let n = Math.floor(Math.random() * 1_000_000);
  const statements = await statementsOf(contestant, question, n, deep);
  const before = await usageOf(contestant);
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    requests: [
      {
        method: "POST",
        headers,
        setupRequest: (request) => {
          n += 1;
          return { ...request, body: JSON.stringify(requestOf(name, question, n, size, deep)) };
        },
      },
    ],
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${name} failed ${result.non2xx + result.errors} times on ${question}.`);
  const after = await usageOf(contestant);
  const answered = result.requests.total;
  return {
    requests: answered / result.duration,
    p50: result.latency.p50,
    statements,
    cpu: (after.cpuMicroseconds - before.cpuMicroseconds) / answered,
    rss: after.rssBytes,
  };
}

/** Statements a request, asked one after another: under load some would belong to requests that are cut off at the end. */
async function statementsOf(contestant: Running, question: QuestionName, from: number, deep: DeepPosition): Promise<number> {
  const times = 5;
  const before = await usageOf(contestant);
  for (let n = from + 1; n <= from + times; n += 1) await ask(contestant, requestOf(contestant.name, question, n, size, deep));
  return ((await usageOf(contestant)).statements - before.statements) / times;
}

async function usageOf({ child }: Running): Promise<Usage> {
  const answered = once(child, "message") as Promise<[Usage]>; // what contestant.ts sends
  child.send("usage");
  return (await answered)[0];
}

function versions(): string {
  const installed = (name: string, from: string) =>
    (
      JSON.parse(
        spawnSync("cat", [new URL(`${from}node_modules/${name}/package.json`, import.meta.url).pathname]).stdout.toString(),
      ) as { version: string }
    ).version;
  return [
    `Node.js ${process.version}`,
    `PostGraphile ${installed("postgraphile", "")}`,
    `Prisma ${installed("prisma", "../")}`,
    `Pothos ${installed("@pothos/core", "../")}`,
    `Yoga ${installed("graphql-yoga", "../")}`,
  ].join(", ");
}
