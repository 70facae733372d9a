// npm run bench:compression                  what compressing costs: requests a second under each content coding, and
//                                            requests for the same processor time, as shares of those without one, on
//                                            the demo data
// npm run bench:compression -- <directory>   also how answers under 1 KB fare against those of another checkout there
// `--seconds=5` and `--rounds=7` change how long each case is measured.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Gateway, startGateway } from "../test/faults/support/gateway.ts";
import { raisedRateLimits, withoutDatabase } from "./gateway-process.ts";
import { median, stopGateway } from "./harness.ts";
import { findLoadGenerator, type Ask, type Sent } from "./load.ts";
import { apolloAccept, post } from "./questions.ts";
import { startServer } from "./server.ts";

const { values, positionals } = parseArgs({
  options: { seconds: { type: "string", default: "3" }, rounds: { type: "string", default: "5" } },
  allowPositionals: true,
});
const [other] = positionals;
const load = { connections: 32, seconds: Number(values.seconds) };

/** The shares that are to be reached. */
const bounds = { zstd: 0.8, br: 0.8, gzip: 0.7, small: 0.97 } as const;

/** A case that is measured, and the case of which it is a share. */
interface Case {
  readonly title: string;
  readonly ask: Ask;
  readonly gateway: Gateway;
  readonly of?: string;
  readonly bound?: number;
}

const directory = mkdtempSync(join(tmpdir(), "gateway-compression-"));
const server = await startServer("compression");
const environment = { DATA_DIR: directory, SIGNING_SECRET: "x".repeat(32), DATABASE_URL: server.url, DRAIN_MS: "0" };
const open: Gateway[] = [];
try {
  spawnSync(process.execPath, [resolve(import.meta.dirname, "../src/load-demo.ts")], {
    env: { ...withoutDatabase(), ...environment },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const now = await start(resolve(import.meta.dirname, ".."));
  const before = other === undefined ? undefined : await start(resolve(other));
  // The demo's own
  const { specialist } = JSON.parse(readFileSync(join(directory, "demo-keys.json"), "utf8")) as { specialist: string };
  const pages = await pagesOf(now.url, specialist);
  const notes = await notesOf(now.url, specialist);
  const generator = findLoadGenerator(directory);
  const under = (requests: readonly Sent[], coding: string | undefined) =>
    generator.prepare(
      requests.map((sent) => ({
        ...sent,
        headers: { ...sent.headers, ...(coding !== undefined && { "accept-encoding": coding }) },
      })),
    );
  const page = "a page of 25 notes";
  const note = "one note, under 1 KB";
  const cases: Case[] = [
    { title: page, gateway: now, ask: under(pages, undefined) },
    ...(["zstd", "br", "gzip"] as const).map((coding) => {
      return { title: `${page}, ${coding}`, gateway: now, ask: under(pages, coding), of: page, bound: bounds[coding] };
    }),
    ...(before ? [{ title: `${note}, before`, gateway: before, ask: under(notes, "gzip, br") }] : []),
    {
      title: note,
      gateway: now,
      ask: under(notes, undefined),
      ...(before && { of: `${note}, before`, bound: bounds.small }),
    },
    { title: `${note}, gzip and br accepted`, gateway: now, ask: under(notes, "gzip, br"), of: note, bound: bounds.small },
  ];
  await measure(cases);
} finally {
  for (const gateway of open) await stopGateway(gateway);
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
}

/** Starts the gateway of a checkout as `npm start` does. */
async function start(checkout: string): Promise<Gateway> {
  const gateway = await startGateway({
    checkout,
    dataDirectory: directory,
    environment: { ...environment, ...raisedRateLimits },
  });
  open.push(gateway);
  return gateway;
}

/** What came of a case in one round. */
interface Measured {
  readonly requestsPerSecond: number;
  readonly requestsPerProcessorSecond: number;
  readonly bytes: number;
}

/** Measures the cases in turn, so that what the machine does meanwhile meets all of them. */
async function measure(cases: readonly Case[]): Promise<void> {
  const rounds: Map<string, Measured>[] = [];
  // The first round warms up.
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    const measured = new Map<string, Measured>();
    for (const one of cases) measured.set(one.title, await measureOnce(one));
    if (round > 0) rounds.push(measured);
  }
  for (const { title, of, bound } of cases) {
    const size = `${rounds.at(-1)?.get(title)?.bytes.toFixed(0)} bytes with headers`;
    if (of === undefined || bound === undefined) {
      console.log(`${title}: ${size}`);
      continue;
    }
    const shares = (figure: keyof Measured) =>
      rounds.map((measured) => (measured.get(title)?.[figure] ?? 0) / (measured.get(of)?.[figure] ?? 1));
    const [rates, work] = [shares("requestsPerSecond"), shares("requestsPerProcessorSecond")];
    console.log(
      `${title}: ${described(rates)} of "${of}", bound ${bound}; for the same processor time ${described(work)}; ${size}`,
    );
    if (median(rates) < bound) process.exitCode = 1;
  }
}

async function measureOnce({ ask, gateway }: Case): Promise<Measured> {
  const before = gateway.processorMilliseconds();
  const { requests, requestsPerSecond, bytesPerRequest } = await ask(gateway.url, load);
  const processorSeconds = (gateway.processorMilliseconds() - before) / 1_000;
  return { requestsPerSecond, requestsPerProcessorSecond: requests / processorSeconds, bytes: bytesPerRequest };
}

function described(shares: readonly number[]): string {
  return `${median(shares).toFixed(2)} (${Math.min(...shares).toFixed(2)} to ${Math.max(...shares).toFixed(2)})`;
}

/** Returns requests for pages of 25 notes, each at another place. */
async function pagesOf(url: string, key: string): Promise<readonly Sent[]> {
  const fields = `edges { cursor node { __typename id text isPublic createdAt author { __typename id name } } } pageInfo { hasNextPage endCursor }`;
  const query = `query Notes($after: String) { notes(first: 25, after: $after) { ${fields} } }`;
  const cursors = await collect(url, key, "edges { cursor }", ({ edges }) => edges.map(({ cursor }) => cursor));
  return cursors.slice(0, -25).map((after) => requestOf(key, { operationName: "Notes", query, variables: { after } }));
}

/** Returns requests for one note each, whose answers have less than 1 KB. */
async function notesOf(url: string, key: string): Promise<readonly Sent[]> {
  const query = `query One($id: ID!) { note(id: $id) { __typename id isPublic createdAt author { __typename id name } } }`;
  const ids = await collect(url, key, "edges { cursor node { id } }", ({ edges }) => edges.map(({ node }) => node?.id ?? ""));
  return ids.map((id) => requestOf(key, { operationName: "One", query, variables: { id } }));
}

interface Notes {
  readonly edges: readonly { readonly cursor: string; readonly node?: { readonly id: string } }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

/** Returns what `take` takes of all pages of notes. */
async function collect(url: string, key: string, fields: string, take: (notes: Notes) => readonly string[]): Promise<string[]> {
  const query = `query All($after: String) { notes(first: 100, after: $after) { ${fields} pageInfo { hasNextPage endCursor } } }`;
  const all: string[] = [];
  for (let after: string | undefined = undefined, isLast = false; !isLast;) {
    const { path, headers, body = "" }: Sent = requestOf(key, { query, variables: { after } });
    const response = await fetch(`${url}${path}`, { method: "POST", headers, body });
    const { data } = (await response.json()) as { data: { notes: Notes } }; // as the query selects it
    all.push(...take(data.notes));
    after = data.notes.pageInfo.endCursor;
    isLast = !data.notes.pageInfo.hasNextPage;
  }
  return all;
}

function requestOf(key: string, body: object): Sent {
  return post("/graphql", { "x-api-key": key, accept: apolloAccept }, body);
}
