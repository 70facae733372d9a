// SIGTERM under load. Fifty gateways get the signal while keep-alive clients read and write and an upload is under way.
// All requests that they have accepted are answered, and they exit with 0 within ten seconds. Then two gateways behind
// an HAProxy without retries are restarted in turn, twelve times: no request fails.
//
// Needs a PostgreSQL (FAULTS_DATABASE_URL; else 127.0.0.1:5432) and Debian's haproxy.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createSharedDatabase, type SharedDatabase } from "./support/database.ts";
import { freePort } from "../support/free-port.ts";
import { type Gateway, startGateway, raisedLimits } from "./support/gateway.ts";
import { load, mixedCalls, newTally, type Tally } from "./support/load.ts";

const stopsWithPostgresql = 44;
const stopsEmbedded = 6;
const restarts = 12;
const exitMilliseconds = 10_000;
const clients = 8;
/** Long enough for HAProxy to notice, also on a busy machine. */
const drainBehindProxy = 3_000;
/** The number of requests of a round beside its load: a ticket, a note, the upload's URL, and the upload. */
const askedBeside = 4;

const problems: string[] = [];

interface StopFigures {
  readonly answered: number;
  /** Requests that the gateway has accepted, according to its log, and that got no response. */
  readonly lost: number;
  /** Connections that were reset while they were opened, because the port was closing. */
  readonly resetAtOpening: number;
  readonly exitMilliseconds: number;
}

await main();

async function main(): Promise<void> {
  const database = await createSharedDatabase("http_sigterm");
  try {
    report("on PostgreSQL, DRAIN_MS=200", await stopsOnPostgresql(database));
    report("embedded, DRAIN_MS=0", await stopsOfEmbedded());
    await restartBehindHaproxy(database);
  } finally {
    await database.drop();
  }
  for (const [problem, times] of countedProblems()) console.log(`  broken ${times} ×: ${problem}`);
  process.exit(problems.length === 0 ? 0 : 1);
}

function countedProblems(): Map<string, number> {
  const counted = new Map<string, number>();
  for (const problem of problems) {
    const kind = problem.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "…");
    counted.set(kind, (counted.get(kind) ?? 0) + 1);
  }
  return counted;
}

function report(where: string, figures: readonly StopFigures[]): void {
  const sum = (name: "answered" | "lost" | "resetAtOpening") => figures.reduce((total, figure) => total + figure[name], 0);
  const slowest = Math.max(...figures.map((figure) => figure.exitMilliseconds));
  console.log(
    `${figures.length} × SIGTERM ${where}: ${sum("answered")} requests answered, ${sum("lost")} accepted and not answered, ${problems.length} bounds broken, ${sum("resetAtOpening")} connections reset before they were accepted, slowest exit ${Math.round(slowest)} ms`,
  );
}

async function stopsOnPostgresql({ environment, keys }: SharedDatabase): Promise<StopFigures[]> {
  const figures: StopFigures[] = [];
  let left = stopsWithPostgresql;
  const inTurn = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const gateway = await startGateway({
        environment: { ...environment, ...raisedLimits, DRAIN_MS: "200", LOG_LEVEL: "debug" },
      });
      figures.push(await stopUnderLoad(gateway, keys.specialist));
    }
  };
  await Promise.all([inTurn(), inTurn(), inTurn()]);
  return figures;
}

async function stopsOfEmbedded(): Promise<StopFigures[]> {
  const dataDirectory = mkdtempSync(join(tmpdir(), "gateway-faults-"));
  const figures: StopFigures[] = [];
  for (let stop = 0; stop < stopsEmbedded; stop += 1) {
    const gateway = await startGateway({ environment: { ...raisedLimits, LOG_LEVEL: "debug" }, dataDirectory });
    figures.push(await stopUnderLoad(gateway, gateway.demoKeys().specialist));
  }
  rmSync(dataDirectory, { recursive: true, force: true });
  return figures;
}

/** Stops a gateway while requests arrive, and uploads a file whose second half is sent after the signal. */
async function stopUnderLoad(gateway: Gateway, key: string): Promise<StopFigures> {
  const tally = newTally();
  const ticketId = await someTicket(gateway.url, key);
  const upload = await beginUpload(gateway.url, key, ticketId);
  const loading = load({
    ...{ port: gateway.port, calls: mixedCalls(key, ticketId), clients, pauseMilliseconds: 5, tally },
    isOver: () => false,
  });
  await wait(400 + Math.random() * 400);
  const began = performance.now();
  const exited = gateway.stop("SIGTERM");
  await wait(700);
  const uploaded = await upload.finish();
  if (uploaded !== 200) problems.push(`an upload that was under way ended with ${uploaded}`);
  const code = await exited;
  const took = performance.now() - began;
  await loading;
  if (code !== 0) problems.push(`exit code ${code}`);
  if (took > exitMilliseconds) problems.push(`an exit after ${Math.round(took)} ms`);
  problems.push(...tally.failed);
  const lost = acceptedBy(gateway) - tally.answered - askedBeside;
  if (lost !== 0) problems.push(`${lost} requests that were accepted and not answered`);
  return { answered: tally.answered, lost, resetAtOpening: tally.resetAtOpening, exitMilliseconds: took };
}

/** Returns how many requests a gateway has accepted according to its log, without those for /ready. */
function acceptedBy({ logPath }: Gateway): number {
  return readFileSync(logPath, "utf8")
    .split("\n")
    .filter((line) => line.includes('"msg":"incoming request"') && !line.includes('"path":"/ready"')).length;
}

async function someTicket(url: string, key: string): Promise<string> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": key, connection: "close" },
    body: JSON.stringify({ query: "{ tickets(first: 1) { nodes { uuid } } }" }),
  });
  // The query selects these fields.
  const { data } = (await response.json()) as { data: { tickets: { nodes: { uuid: string }[] } } };
  const [ticket] = data.tickets.nodes;
  if (!ticket) throw new Error("The demo data has no ticket.");
  return ticket.uuid;
}

interface Upload {
  /** Sends the rest. Returns the status, or the message of the error if there is none. */
  finish(): Promise<number | string | undefined>;
}

async function beginUpload(url: string, key: string, ticketId: string): Promise<Upload> {
  const send = async (path: string, body: object): Promise<Record<string, string>> => {
    const headers = { "content-type": "application/json", "x-api-key": key, connection: "close" };
    const response = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    return (await response.json()) as Record<string, string>; // /v2 answers with objects of texts here
  };
  const note = await send("/v2/tickets/notes", { ticket_id: ticketId, value: "With a file." });
  const { signed_url: target = "" } = await send("/v2/tickets/note-attachments", { note_id: note["id"], filename: "half.txt" });
  const half = Buffer.alloc(200_000, "x");
  const outgoing = request(target, {
    method: "PUT",
    headers: { "content-type": "text/plain", "content-length": half.length * 2 },
  });
  const ended = new Promise<number | string | undefined>((resolve) => {
    outgoing.once("response", (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode);
    });
    outgoing.once("error", (error) => resolve(error.message));
  });
  outgoing.write(half);
  return {
    finish() {
      outgoing.end(half);
      return ended;
    },
  };
}

async function restartBehindHaproxy({ environment, keys }: SharedDatabase): Promise<void> {
  const ports = [await freePort(), await freePort()];
  const front = await freePort();
  const start = (port: number) =>
    startGateway({
      port,
      environment: {
        ...environment,
        ...raisedLimits,
        ...{ DRAIN_MS: String(drainBehindProxy), LOG_LEVEL: "warn", TRUSTED_PROXIES: "127.0.0.1" },
        PUBLIC_URL: `http://127.0.0.1:${front}`,
      },
    });
  const gateways = await Promise.all(ports.map(start));
  const haproxy = await startHaproxy(front, ports);
  const tally = newTally();
  let isOver = false;
  try {
    const ticketId = await someTicket(`http://127.0.0.1:${front}`, keys.specialist);
    const loading = load({
      ...{ port: front, calls: mixedCalls(keys.specialist, ticketId), clients: 16, pauseMilliseconds: 10, tally },
      isOver: () => isOver,
    });
    const codes: (number | null)[] = [];
    for (let restart = 0; restart < restarts; restart += 1) {
      const index = restart % gateways.length;
      codes.push(await (gateways[index] as Gateway).stop("SIGTERM")); // one of the two
      gateways[index] = await start(ports[index] as number); // likewise
      // HAProxy must notice it before the other gateway stops.
      await wait(1_000);
    }
    isOver = true;
    await loading;
    reportRestarts(tally, codes);
  } finally {
    haproxy.kill("SIGKILL");
    await Promise.all(gateways.map((gateway) => gateway.stop("SIGKILL")));
  }
}

function reportRestarts(tally: Tally, codes: readonly (number | null)[]): void {
  const bad = codes.filter((code) => code !== 0);
  const { answered, failed } = tally;
  const refused = tally.refused + tally.resetAtOpening;
  console.log(
    `${codes.length} restarts behind HAProxy without retries: ${answered} requests answered, ${failed.length} failed, ${refused} connections refused, ${bad.length} exits other than 0`,
  );
  problems.push(...failed, ...bad.map((code) => `exit code ${code} behind HAProxy`));
  if (refused > 0) problems.push(`HAProxy refused ${refused} connections`);
}

async function startHaproxy(front: number, ports: readonly number[]): Promise<ChildProcess> {
  const directory = mkdtempSync(join(tmpdir(), "haproxy-"));
  const path = join(directory, "haproxy.cfg");
  writeFileSync(
    path,
    `defaults
  mode http
  retries 0
  option forwardfor
  timeout connect 2s
  timeout client 30s
  timeout server 30s
frontend front
  bind 127.0.0.1:${front}
  default_backend gateways
backend gateways
  option httpchk GET /ready
  timeout check 2s
  default-server check inter 500ms fastinter 100ms downinter 200ms fall 2 rise 1
${ports.map((port) => `  server gateway${port} 127.0.0.1:${port}`).join("\n")}
`,
  );
  const haproxy = spawn("haproxy", ["-db", "-f", path], { stdio: ["ignore", "ignore", "ignore"] });
  const ended = once(haproxy, "error").then(([error]: unknown[]) => {
    throw new Error(`haproxy cannot be started (apt-get install haproxy): ${String(error)}`);
  });
  await Promise.race([wait(1_000), ended]);
  ended.catch(() => undefined); // told above, if at all
  rmSync(directory, { recursive: true, force: true });
  return haproxy;
}
