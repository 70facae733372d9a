// A gateway under load while its PostgreSQL is killed, restarted, paused, disconnected, filled up, locked, and replaced
// by a standby. Every response must be right, or a 503 with a time to try again, within the time limits. /ready must
// fail and recover by itself. Every acknowledged write must exist once, complete and with its audit event.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { type Authority, makeAuthority } from "./support/certificates.ts";
import { type Cluster, startCluster, unprivilegedUser } from "./support/cluster.ts";
import { createFigures } from "./support/figures.ts";
import { type DemoKeys, type Gateway, startGateway, raisedLimits } from "./support/gateway.ts";
import { type Answered, type Asked, ask, graphql, requestOf, type Ticket, writeOf } from "./support/requests.ts";

/** The client gives up on a silent server after 12 s, and waits up to 5 s for a connection before. */
const longestAnswerMilliseconds = 18_000;
/** /ready has a second for each check, and the checks run at once. */
const longestReadyMilliseconds = 1_500;
const recoveryMilliseconds = 15_000;
const workers = 12;

const diskFull = "53100";

const { report, conclude } = createFigures();
const directory = mkdtempSync(join(tmpdir(), "gateway-postgres-faults-"));
const settings = {
  SIGNING_SECRET: "a secret of this script, of 32 characters or more",
  DATA_DIR: join(directory, "gateway"),
  ...raisedLimits,
  DRAIN_MS: "0",
  LOG_LEVEL: "warn",
};
const authority = makeAuthority(directory, "authority");
const stranger = makeAuthority(directory, "stranger");
const cluster = await startCluster(["max_connections = 40", "ssl = off", "checkpoint_timeout = 30s"]);
const proxy = await startTcpProxy({ host: "127.0.0.1", port: cluster.port });
const gateways: Gateway[] = [];
try {
  await run();
} finally {
  await Promise.all(gateways.map((gateway) => gateway.stop("SIGKILL")));
  await proxy.close();
  await cluster.remove();
  rmSync(directory, { recursive: true, force: true });
}
conclude();

async function run(): Promise<void> {
  authority.installIn(join(cluster.directory, "data"));
  await cluster.query("postgres", "ALTER SYSTEM SET ssl = on");
  cluster.reload();
  // The role is no superuser, because superusers have reserved connections.
  await cluster.query("postgres", "CREATE ROLE gateway LOGIN");
  await cluster.query("postgres", "CREATE DATABASE notes OWNER gateway");
  const url = `postgresql://gateway@127.0.0.1:${proxy.port}/notes?sslmode=verify-full&sslrootcert=${authority.rootPath}`;
  const environment = { ...settings, DATABASE_URL: url };
  await loadDemo(environment);
  const gateway = await start(environment);
  const keys = gateway.demoKeys();
  const load = startLoad(gateway, keys, await requestOf(gateway.url, keys.outsider));

  for (const fault of faults(cluster, proxy)) await observe(gateway, load, fault);
  await load.stop();
  await reportWrites(load.writes);
  const encrypted = await cluster.query<{ count: number }>(
    "notes",
    "SELECT count(*)::int FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'gateway' AND ssl",
  );
  report("connections of the gateway that are encrypted", encrypted[0]?.count ?? 0, (encrypted[0]?.count ?? 0) > 0);
  reportLog(gateway);
  await observeFailover(keys);
}

async function start(environment: Readonly<Record<string, string>>): Promise<Gateway> {
  const gateway = await startGateway({ environment, dataDirectory: settings.DATA_DIR });
  gateways.push(gateway);
  return gateway;
}

async function loadDemo(environment: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn("npm", ["run", "--silent", "demo"], {
    cwd: join(import.meta.dirname, "../.."),
    env: { ...process.env, ...environment },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = (await once(child, "close")) as [number | null]; // null if a signal has ended it
  if (code !== 0) throw new Error("The demo data could not be loaded.");
}

interface Fault {
  readonly name: string;
  /** Causes the fault, and repairs it before it resolves, unless `undo` does. */
  readonly make: () => Promise<void>;
  /** Whether requests and /ready must fail. A crash may be over too soon. */
  readonly shows: boolean;
}

/** Repeats `work` for `milliseconds`. */
async function keepOn(milliseconds: number, work: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (performance.now() < deadline) {
    await work();
    await pause(200);
  }
}

function faults(server: Cluster, network: TcpProxy): readonly Fault[] {
  const restart = async (signal: NodeJS.Signals) => {
    await server.stop(signal);
    await pause(2_000);
    await server.start();
  };
  const endSessions = () =>
    server.query("notes", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gateway'");
  return [
    { name: "killed (SIGKILL), and started 2 s later", shows: true, make: () => restart("SIGKILL") },
    { name: "shut down at once (SIGQUIT), and started", shows: true, make: () => restart("SIGQUIT") },
    { name: "shut down (SIGINT), and started", shows: true, make: () => restart("SIGINT") },
    { name: "one of its processes is killed: it recovers by itself", shows: false, make: () => killOneProcess(server) },
    {
      name: "paused (SIGSTOP) for 20 s",
      shows: true,
      async make() {
        server.pause();
        await pause(20_000);
        server.resume();
      },
    },
    { name: "sessions ended again and again for 3 s", shows: false, make: () => keepOn(3_000, endSessions) },
    { name: "connections cut again and again for 3 s", shows: false, make: () => keepOn(3_000, async () => network.cut()) },
    {
      name: "a network that is silent for 15 s",
      shows: true,
      async make() {
        network.freeze();
        await pause(15_000);
        network.thaw();
        network.cut();
      },
    },
    { name: "no connection left for 6 s", shows: true, make: () => takeConnections(server, endSessions) },
    { name: "its table locked for 12 s", shows: true, make: () => lockTable(server) },
    { name: "no writes taken for 4 s (read-only)", shows: true, make: () => refuseWrites(server, endSessions) },
    {
      name: "a certificate that is not trusted, for 4 s",
      shows: true,
      make: () => changeCertificate(server, stranger, endSessions),
    },
    { name: "no room left on its disk for 4 s", shows: false, make: () => fillDisk(server) },
  ];
}

async function killOneProcess(server: Cluster): Promise<void> {
  const [session] = await server.query<{ pid: number }>(
    "notes",
    "SELECT pid FROM pg_stat_activity WHERE usename = 'gateway' LIMIT 1",
  );
  if (session !== undefined) process.kill(session.pid, "SIGKILL");
  await pause(2_000);
}

async function takeConnections(server: Cluster, endSessions: () => Promise<unknown>): Promise<void> {
  await server.query("postgres", "CREATE ROLE crowd LOGIN");
  const clients: pg.Client[] = [];
  const deadline = performance.now() + 6_000;
  while (performance.now() < deadline) {
    const client = new pg.Client({ host: "127.0.0.1", port: server.port, user: "crowd", database: "postgres" });
    client.on("error", () => undefined);
    try {
      await client.connect();
      clients.push(client);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      // The server is full. The gateway's sessions are ended too, and the next round takes their places.
      await unlessFull(endSessions);
      await pause(50);
    }
  }
  await Promise.all(clients.map((client) => client.end()));
  while ((await unlessFull(() => server.query("postgres", "DROP ROLE crowd"))) === undefined) await pause(50);
}

/**
 * Returns the result of `work`, or undefined if the server has no connection left, including those that it reserves.
 */
async function unlessFull<Answer>(work: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === "53300") return undefined;
    throw error;
  }
}

async function lockTable(server: Cluster): Promise<void> {
  const client = new pg.Client({ connectionString: server.url("notes") });
  await client.connect();
  await client.query("BEGIN; LOCK TABLE notes");
  await pause(12_000);
  await client.end();
}

async function refuseWrites(server: Cluster, endSessions: () => Promise<unknown>): Promise<void> {
  await server.query("postgres", "ALTER DATABASE notes SET default_transaction_read_only = on");
  await endSessions();
  await pause(4_000);
  await server.query("postgres", "ALTER DATABASE notes RESET default_transaction_read_only");
}

async function changeCertificate(server: Cluster, other: Authority, endSessions: () => Promise<unknown>): Promise<void> {
  const data = join(server.directory, "data");
  other.installIn(data);
  server.reload();
  await pause(300);
  await endSessions();
  await pause(4_000);
  authority.installIn(data);
  server.reload();
}

/** Moves the notes to a small disk and fills it. Needs the right to mount one. */
async function fillDisk(server: Cluster): Promise<void> {
  const disk = join(server.directory, "disk");
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", disk], { stdio: "pipe" });
  } catch (error) {
    report("NOT RUN: a full disk", `no right to mount one (${String(error).split("\n")[0] ?? ""})`);
    return;
  }
  const { uid, gid } = unprivilegedUser();
  if (uid !== undefined && gid !== undefined) chownSync(disk, uid, gid);
  try {
    await server.query("notes", `CREATE TABLESPACE small LOCATION '${disk}'`);
    await server.query("notes", "ALTER TABLE notes SET TABLESPACE small");
    await server.query("notes", "CREATE TABLE filler (line text) TABLESPACE small");
    for (const size of [1_000_000, 8_000]) await fill(server, size);
    await pause(4_000);
    await server.query("notes", "DROP TABLE filler");
    await server.query("notes", "ALTER TABLE notes SET TABLESPACE pg_default");
    await server.query("notes", "DROP TABLESPACE small");
  } finally {
    execFileSync("umount", ["--lazy", disk]);
  }
}

async function fill(server: Cluster, bytes: number): Promise<void> {
  for (;;) {
    try {
      await server.query(
        "notes",
        "INSERT INTO filler SELECT string_agg(md5(n::text || random()), '') FROM generate_series(1, $1::int / 32) n",
        [bytes],
      );
    } catch (error) {
      if (error instanceof pg.DatabaseError && error.code === diskFull) return;
      throw error;
    }
  }
}

interface Observation {
  readonly milliseconds: number;
  readonly answer: Answered | undefined;
}

interface Load {
  /** Returns the responses since the last call. A request without a response is included. */
  take(): Observation[];
  /** The texts that were sent to be written, and whether the write was acknowledged. */
  readonly writes: ReadonlyMap<string, boolean>;
  stop(): Promise<void>;
}

/** Reads and writes through all three APIs without a pause. */
function startLoad(gateway: Gateway, { admin, outsider }: DemoKeys, ticket: Ticket): Load {
  let observations: Observation[] = [];
  let isStopped = false;
  let sent = 0;
  const writes = new Map<string, boolean>();
  const reads: Asked[] = [
    graphql(admin, "{ tickets(first: 5) { nodes { subject notes(first: 3) { nodes { text author { name } } } } } }"),
    { key: admin, method: "GET", path: "/v1/notes?per_page=5" },
    { key: outsider, method: "GET", path: `/v2/tickets/notes?ticket_id=${ticket.uuid}&limit=3` },
  ];
  const work = async () => {
    while (!isStopped) {
      const index = sent++;
      const text = `fault ${index} ${crypto.randomUUID()}`;
      const isWrite = index % 2 === 0;
      if (isWrite) writes.set(text, false);
      const asked = isWrite ? writeOf(outsider, ticket, text, index / 2) : reads[(index >> 1) % reads.length];
      if (asked === undefined) continue;
      const began = performance.now();
      // A missing response means that the process has ended, or that the connection was broken against HTTP.
      const answer = await ask(gateway.url, asked).catch((_cut: unknown) => undefined);
      observations.push({ milliseconds: performance.now() - began, answer });
      if (isWrite && answer !== undefined && answer.status < 300 && !answer.text.includes('"errors"')) writes.set(text, true);
      await pause(20);
    }
  };
  const done = Promise.all(Array.from({ length: workers }, work));
  return {
    writes,
    take() {
      const taken = observations;
      observations = [];
      return taken;
    },
    async stop() {
      isStopped = true;
      await done;
    },
  };
}

interface Readiness {
  red: number;
  green: number;
  longest: number;
  isGreen: boolean;
}

/** Requests /ready every 100 ms, as a load balancer does, until `stop` is called. */
function watchReadiness(gateway: Gateway): { readonly seen: Readiness; stop(): Promise<void> } {
  const seen: Readiness = { red: 0, green: 0, longest: 0, isGreen: true };
  let isStopped = false;
  const watching = (async () => {
    while (!isStopped) {
      const began = performance.now();
      const status = (await fetch(`${gateway.url}/ready`)).status;
      seen.longest = Math.max(seen.longest, performance.now() - began);
      seen.isGreen = status === 200;
      if (seen.isGreen) seen.green += 1;
      else seen.red += 1;
      await pause(100);
    }
  })();
  return {
    seen,
    async stop() {
      isStopped = true;
      await watching;
    },
  };
}

async function observe(gateway: Gateway, load: Pick<Load, "take">, { name, make, shows }: Fault): Promise<void> {
  console.log(`\n${name}`);
  load.take();
  const readiness = watchReadiness(gateway);
  await make();
  const undone = performance.now();
  const during = load.take();
  const { after, recovered } = await untilHealthy(load, readiness.seen, undone);
  await readiness.stop();
  reportAnswers([...during, ...after]);
  const { red, longest, isGreen } = readiness.seen;
  report("  /ready, times red", red, !shows || red > 0);
  report("  /ready, longest answer (ms)", Math.round(longest), longest < longestReadyMilliseconds);
  report("  well again after (ms)", recovered ?? "never", recovered !== undefined && isGreen);
}

/**
 * Waits until /ready succeeds and a hundred responses in a row are good. Returns when that began, in milliseconds since
 * `undone`.
 */
async function untilHealthy(load: Pick<Load, "take">, readiness: Readiness, undone: number) {
  const after: Observation[] = [];
  let good = 0;
  let since: number | undefined;
  while (performance.now() - undone < recoveryMilliseconds + longestAnswerMilliseconds) {
    await pause(50);
    const taken = load.take();
    after.push(...taken);
    const areGood = readiness.isGreen && taken.every(({ answer }) => answer !== undefined && answer.status < 300);
    if (!areGood) {
      good = 0;
      since = undefined;
      continue;
    }
    since ??= performance.now();
    good += taken.length;
    if (good >= 100) return { after, recovered: Math.round(since - undone) };
  }
  return { after, recovered: undefined };
}

function reportAnswers(observations: readonly Observation[]): void {
  const answers = observations.map(({ answer }) => answer).filter((answer) => answer !== undefined);
  const unavailable = answers.filter(({ status }) => status === 503);
  const silent = unavailable.filter(({ headers }) => headers.get("retry-after") === null);
  const others = answers.filter(({ status }) => status >= 300 && status !== 503);
  const longest = Math.max(0, ...observations.map(({ milliseconds }) => milliseconds));
  report("  answers", `${answers.length}, of them ${unavailable.length} with 503`, answers.length > 0);
  report("  requests without an answer", observations.length - answers.length, observations.length === answers.length);
  report("  answers that are neither good nor 503", others.length, others.length === 0);
  for (const { status, text } of others.slice(0, 5)) console.log(`    ${status} ${text.slice(0, 300)}`);
  report("  503 without retry-after", silent.length, silent.length === 0);
  for (const { text } of silent.slice(0, 3)) console.log(`    ${text.slice(0, 300)}`);
  report("  longest answer (ms)", Math.round(longest), longest < longestAnswerMilliseconds);
}

async function reportWrites(writes: ReadonlyMap<string, boolean>): Promise<void> {
  console.log("\nWhat was written");
  const rows = await cluster.query<{ text: string; count: number; audited: number }>(
    "notes",
    `SELECT n.text, count(*)::int AS count, sum((SELECT count(*) FROM audit_events e WHERE e.entity_id = n.id AND e.action = 'CREATED'))::int AS audited
     FROM notes n WHERE n.text LIKE 'fault %' GROUP BY n.text`,
  );
  const stored = new Map(rows.map((row) => [row.text, row]));
  const acknowledged = [...writes].filter(([, isAcknowledged]) => isAcknowledged).map(([text]) => text);
  const lost = acknowledged.filter((text) => !stored.has(text));
  const twice = rows.filter(({ count }) => count !== 1);
  const halves = rows.filter(({ count, audited }) => count !== audited);
  const [orphans] = await cluster.query<{ count: number }>(
    "notes",
    `SELECT count(*)::int FROM audit_events e WHERE e.entity = 'NOTE' AND e.action = 'CREATED' AND NOT EXISTS (SELECT FROM notes n WHERE n.id = e.entity_id)`,
  );
  report("writes sent", writes.size);
  report("acknowledged", acknowledged.length, acknowledged.length > 0);
  report("acknowledged and lost", lost.length, lost.length === 0);
  report("stored more than once", twice.length, twice.length === 0);
  report("notes without their audit, or with two", halves.length, halves.length === 0);
  report("audits of notes that are not there", orphans?.count ?? NaN, orphans?.count === 0);
  report("stored though the connection was lost before the answer (503)", rows.length - acknowledged.length);
}

function reportLog(gateway: Gateway): void {
  const isAlive = gateway.process.exitCode === null && gateway.process.signalCode === null;
  report("the gateway's process lives", isAlive ? "yes" : "no", isAlive);
  const log = readFileSync(gateway.logPath, "utf8");
  const uncaught = log.match(/uncaught|unhandled|"level":60/gi)?.length ?? 0;
  report("uncaught errors in its log", uncaught, uncaught === 0);
}

/** Tries a second gateway that knows two servers: the primary is lost, and the standby is promoted. */
async function observeFailover(keys: DemoKeys): Promise<void> {
  const standby = await startCluster([], { standbyOf: cluster });
  try {
    const hosts = `127.0.0.1:${cluster.port},127.0.0.1:${standby.port}`;
    const url = `postgresql://gateway@${hosts}/notes?target_session_attrs=read-write&sslmode=require&sslrootcert=${authority.rootPath}`;
    const gateway = await start({ ...settings, DATABASE_URL: url });
    const load = startLoad(gateway, keys, await requestOf(gateway.url, keys.outsider));
    await observe(gateway, load, {
      name: "two hosts: the primary is killed, and the standby promoted 3 s later",
      shows: true,
      async make() {
        await cluster.stop("SIGKILL");
        await pause(3_000);
        await standby.query("postgres", "SELECT pg_promote()");
      },
    });
    await load.stop();
    reportLog(gateway);
  } finally {
    await standby.remove();
  }
}
