import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import autocannon from "autocannon";
import pg from "pg";
import { openDatabase } from "../src/database/database.ts";
import { createProvisioning } from "../src/access/provisioning.ts";
import { type Role, scopesOf } from "../src/viewer.ts";
import type { Usage } from "./contestants/contestant.ts";
import { accountId, type DataSetSize, fillDataSet, personId } from "./data-set.ts";
import { type Contestant, type DeepPosition, rootOf } from "./questions.ts";

/** A contestant in a process of its own. */
export interface Running {
  readonly name: Contestant;
  readonly child: ChildProcess;
  readonly origin: string;
  /** The path to which questions are sent. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A request as it is sent. */
export interface Sent {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Returns the nth request of a question. */
export type Asking = (n: number) => Sent;

const poolSize = 10;

/** Migrates an empty database and fills it with the data set. */
export async function fill(url: string, size: DataSetSize): Promise<void> {
  const migrated = spawnSync(process.execPath, [new URL("../src/migrate.ts", import.meta.url).pathname], {
    env: { ...process.env, DATABASE_URL: url, SIGNING_SECRET: "a secret of the benchmark, 32 characters long" },
    stdio: "inherit",
  });
  if (migrated.status !== 0) throw new Error("The database could not be migrated.");
  await fillDataSet(url, size);
}

interface StartOptions {
  readonly database: string;
  readonly port: number;
  /** Whether its CPU profile is written to bench/profiles. */
  readonly profiled?: boolean;
  /** The flags of Node.js. */
  readonly flags?: readonly string[];
}

/** Starts a contestant on a database. The gateway is used with the key of a specialist. */
export async function start(
  name: Contestant,
  { database, port, profiled = false, flags = [] }: StartOptions,
): Promise<Running> {
  const child = fork(new URL(`contestants/${name}.ts`, import.meta.url), {
    env: {
      ...process.env,
      NODE_ENV: "production",
      GRAPHILE_ENV: "production",
      DATABASE_URL: database,
      PORT: String(port),
      CONNECTIONS: String(poolSize),
    },
    execArgv: [
      ...flags,
      ...(profiled ? ["--cpu-prof", `--cpu-prof-dir=${new URL("profiles", import.meta.url).pathname}`] : []),
    ],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => Promise.reject(new Error(`${name} did not start.`))),
  ]);
  const keys = name === "gateway" ? await makeKeys(database, [{ person: 5, role: "SPECIALIST" }]) : [];
  return {
    name,
    child,
    origin: `http://127.0.0.1:${port}`,
    path: name === "bare" ? "/" : "/graphql",
    headers: { "content-type": "application/json", ...(keys[0] !== undefined && { "x-api-key": keys[0] }) },
  };
}

/** Stops a contestant. */
export async function stop({ child }: Running): Promise<void> {
  const exited = once(child, "exit");
  child.disconnect();
  await exited;
}

/**
 * Returns a key for each person, by their number in the data set. A specialist sees the same rows as a contestant
 * without authorization.
 */
export async function makeKeys(
  url: string,
  people: readonly { readonly person: number; readonly role: Role }[],
): Promise<string[]> {
  const database = await openDatabase({ kind: "postgresql", url }, { warn: () => undefined });
  const provisioning = createProvisioning({ database, clock: () => new Date(), newId: () => crypto.randomUUID() });
  const keys: string[] = [];
  for (const { person, role } of people) {
    const scopes = scopesOf(role);
    const { key } = await provisioning.addApiKey({ accountId, personId: personId(person), name: "bench", scopes });
    keys.push(key);
  }
  await database.close();
  return keys;
}

/** Returns a GraphQL request to a contestant, or the contestant's equivalent request. */
export function posted({ path, headers }: Running, body: unknown): Sent {
  return { method: "POST", path, headers, body: JSON.stringify(body) };
}

/** Returns the only field of a GraphQL response. Throws an `Error` if the request fails. */
export async function ask(contestant: Running, body: unknown): Promise<unknown> {
  return rootOf(contestant.name, await answerOf(contestant, posted(contestant, body)));
}

/** Returns the JSON of a response. Throws an `Error` if the request fails. */
export async function answerOf({ name, origin }: Running, { path, ...request }: Sent): Promise<unknown> {
  const response = await fetch(`${origin}${path}`, request);
  const answer: unknown = await response.json();
  if (!response.ok || (typeof answer === "object" && answer !== null && "errors" in answer))
    throw new Error(`${name} answered ${path} with ${response.status} ${JSON.stringify(answer).slice(0, 500)}`);
  return answer;
}

/** Returns the resources that a contestant has used so far. */
export async function usageOf({ child }: Running): Promise<Usage> {
  const answered = once(child, "message") as Promise<[Usage]>; // what contestant.ts sends
  child.send("usage");
  return (await answered)[0];
}

/**
 * Returns the number of statements per request. Requests are sent one after another, because under load some statements
 * would belong to requests that are cut off at the end.
 */
export async function statementsOf(contestant: Running, asking: Asking, from: number): Promise<number> {
  const times = 5;
  const before = await usageOf(contestant);
  for (let n = from + 1; n <= from + times; n += 1) await answerOf(contestant, asking(n));
  return ((await usageOf(contestant)).statements - before.statements) / times;
}

export interface Load {
  readonly connections: number;
  readonly seconds: number;
}

/** Sends requests to a contestant as fast as it responds. Throws an `Error` if any request fails. */
export async function measure(contestant: Running, asking: Asking, { connections, seconds }: Load) {
  let n = Math.floor(Math.random() * 1_000_000);
  const statements = await statementsOf(contestant, asking, n);
  const before = await usageOf(contestant);
  const result = await autocannon({
    url: contestant.origin,
    connections,
    duration: seconds,
    requests: [
      {
        setupRequest: (request) => {
          n += 1;
          const { headers, ...sent } = asking(n);
          return { ...request, ...sent, headers: { ...headers } }; // autocannon adds to them
        },
      },
    ],
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${contestant.name} failed ${result.non2xx + result.errors} times at ${asking(n).path}.`);
  const after = await usageOf(contestant);
  const answered = result.requests.total;
  return {
    requests: answered / result.duration,
    p50: result.latency.p50,
    statements,
    cpu: (after.cpuMicroseconds - before.cpuMicroseconds) / answered,
    rss: after.rssBytes,
    statementsUnderLoad: (after.statements - before.statements) / answered,
    stall: after.stallMilliseconds,
  };
}

/**
 * Returns the note after `offset` newer ones, and each contestant's cursor for it. All contestants read that database.
 */
export async function findDeepPosition(url: string, offset: number, running: readonly Running[]): Promise<DeepPosition> {
  const [row] = await rowsOf<{ id: string; created_at: Date }>(
    url,
    `SELECT id, created_at FROM notes ORDER BY created_at DESC, id DESC OFFSET ${offset - 1} LIMIT 1`,
  );
  if (!row) throw new Error("The data set is not deep enough.");
  const cursorFrom = async (contestant: Contestant, query: string) => {
    const found = running.find(({ name }) => name === contestant);
    return found ? ((await ask(found, { query })) as { pageInfo: { endCursor: string } }).pageInfo.endCursor : "";
  };
  return {
    createdAt: row.created_at.toISOString(),
    id: row.id,
    cursors: {
      gateway: await cursorFrom("gateway", `{ notes(first: 1, filter: { ids: ["${row.id}"] }) { pageInfo { endCursor } } }`),
      postgraphile: await cursorFrom(
        "postgraphile",
        `{ allNotes(first: 1, offset: ${offset - 1}, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) { pageInfo { endCursor } } }`,
      ),
      "plugin-prisma": Buffer.from(`GPC:S:${row.id}`).toString("base64"),
    },
  };
}

/** Returns the rows of a statement, which is sent on a connection of its own. */
export async function rowsOf<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Returns the middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Returns the versions of the compared programs. */
export function versions(): string {
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
