import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { createProvisioning } from "../src/access/provisioning.ts";
import { openDatabase } from "../src/database/database.ts";
import { scopesOf } from "../src/viewer.ts";
import { type Gateway, processorMillisecondsOf, startGateway } from "../test/faults/support/gateway.ts";
import { freePort } from "../test/support/free-port.ts";
import { cursorsOf, type Positions } from "./cursors.ts";
import { accountId, type DataSetSize, personId, roleOf } from "./data-set.ts";
import { signingSecret } from "./databases.ts";
import { raisedRateLimits } from "./gateway-process.ts";
import type { Sent } from "./load.ts";
import { answerTo, type Target } from "./measure.ts";
import { type ContestantName, type Cursors, plainAccept, post } from "./questions.ts";

/** A contestant in a process of its own. */
export interface Running extends Target {
  readonly name: ContestantName;
  /** The path to which questions are sent. */
  readonly path: string;
  /** The headers of a person who sees all rows. */
  readonly headers: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const poolSize = 10;
/** A specialist, whose key the gateway is asked with. */
const specialist = 5;

interface StartOptions {
  readonly database: string;
  /** Arguments for Node.js before the contestant's own. */
  readonly nodeArguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts a contestant on a database. */
export async function start(name: ContestantName, options: StartOptions): Promise<Running> {
  if (name !== "gateway") return { ...(await startFile(name, options)), name, path: "/graphql", headers: {} };
  const { database, nodeArguments = [], environment } = options;
  // As `npm start` does: its flags, its log level. The log goes to a file.
  const gateway = await startGateway({
    nodeArguments,
    environment: { DATABASE_URL: database, SIGNING_SECRET: signingSecret, DRAIN_MS: "0", ...raisedRateLimits, ...environment },
  });
  const [key = ""] = await makeKeys(database, [specialist]);
  return {
    ...{ name, url: gateway.url, path: "/graphql", headers: { "x-api-key": key } },
    processorMilliseconds: gateway.processorMilliseconds,
    stop: () => stopGateway(gateway),
  };
}

/** Stops a gateway and removes its log, which is large. */
export async function stopGateway(gateway: Gateway): Promise<void> {
  await gateway.stop();
  rmSync(dirname(gateway.logPath), { recursive: true, force: true });
}

/** Starts a server of bench/contestants. */
export async function startFile(
  file: Exclude<ContestantName, "gateway"> | "empty",
  { database, nodeArguments = [], environment }: StartOptions,
): Promise<Target & Pick<Running, "stop">> {
  const port = await freePort();
  const child = fork(new URL(`contestants/${file}.ts`, import.meta.url), {
    env: {
      ...process.env,
      ...{ NODE_ENV: "production", GRAPHILE_ENV: "production" },
      ...{ DATABASE_URL: database, PORT: String(port), CONNECTIONS: String(poolSize) },
      ...environment,
    },
    execArgv: [...nodeArguments],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const exited = once(child, "exit");
  await Promise.race([once(child, "message"), exited.then(() => Promise.reject(new Error(`${file} did not start.`)))]);
  return {
    url: `http://127.0.0.1:${port}`,
    processorMilliseconds: () => processorMillisecondsOf(child.pid!),
    async stop() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

/** Returns a key for each person, by their number in the data set. */
export async function makeKeys(url: string, people: readonly number[]): Promise<string[]> {
  const database = await openDatabase({ kind: "postgresql", url }, { warn: () => undefined });
  const provisioning = createProvisioning({ database, clock: () => new Date(), newId: () => crypto.randomUUID() });
  const keys: string[] = [];
  for (const person of people) {
    const scopes = scopesOf(roleOf(person));
    const { key } = await provisioning.addApiKey({ accountId, personId: personId(person), name: "bench", scopes });
    keys.push(key);
  }
  await database.close();
  return keys;
}

/** Returns a GraphQL request to a contestant. */
export function posted({ path, headers }: Running, body: unknown): Sent {
  return post(path, { ...headers, accept: plainAccept }, body);
}

/** Returns a contestant's own cursors for the positions. */
export async function cursorsFor(contestant: Running, positions: Positions, size: DataSetSize): Promise<Cursors> {
  return await cursorsOf(contestant.name, positions, size, async (query) => {
    const answer = await answerTo(contestant, posted(contestant, { query }));
    return (answer as { data: unknown }).data; // GraphQL over HTTP
  });
}

/** Returns the middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Returns the versions of the compared programs. */
export function versions(): string {
  const installed = (name: string, from: string) => {
    const path = new URL(`${from}node_modules/${name}/package.json`, import.meta.url);
    return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
  };
  return [
    `Node.js ${process.version}`,
    `PostGraphile ${installed("postgraphile", "")}`,
    `Mercurius ${installed("mercurius", "")} with graphql-jit ${installed("graphql-jit", "")} and Fastify ${installed("fastify", "")}`,
    `Prisma ${installed("@prisma/client", "../")}`,
    `Pothos ${installed("@pothos/core", "../")}`,
    `Yoga ${installed("graphql-yoga", "../")}`,
  ].join(", ");
}
