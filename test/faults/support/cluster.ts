import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { freePort } from "../../support/free-port.ts";

/** A PostgreSQL of one script: Debian's, in a temporary directory, with a port and a socket there. */
export interface Cluster {
  readonly port: number;
  /** The directory of the socket. The data is in its directory `data`. */
  readonly directory: string;
  readonly logPath: string;
  /** The URL of `database`, over TCP. */
  url(database: string): string;
  /** Returns the rows of one statement, over a connection of its own. */
  query<Row extends pg.QueryResultRow>(database: string, text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Starts it again after it was stopped or killed, and waits until it answers. */
  start(): Promise<void>;
  /** `SIGINT` is a fast shutdown, `SIGQUIT` an immediate one, `SIGKILL` the loss of the server. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** Reads its settings and certificates again. */
  reload(): void;
  /** Pauses all of its processes. */
  pause(): void;
  resume(): void;
  /** Ends it and removes its files. */
  remove(): Promise<void>;
}

/** The user id for PostgreSQL and PgBouncer, which refuse to run as root. */
export function unprivilegedUser(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (option: string) => Number(execFileSync("id", [option, "postgres"], { encoding: "utf8" }));
  return { uid: idOf("-u"), gid: idOf("-g") };
}

/** Creates a directory in the system's temporary directory. {@link unprivilegedUser} owns it. */
export function unprivilegedDirectory(prefix: string): string {
  const directory = mkdtempSync(join(tmpdir(), prefix));
  const { uid, gid } = unprivilegedUser();
  if (uid !== undefined && gid !== undefined) chownSync(directory, uid, gid);
  return directory;
}

export interface ClusterOptions {
  /** The cluster of which it is a standby. It begins as a copy and follows it. */
  readonly standbyOf?: Cluster;
}

/** Creates a cluster and starts it. `settings` are lines of postgresql.conf. */
export async function startCluster(settings: readonly string[] = [], { standbyOf }: ClusterOptions = {}): Promise<Cluster> {
  const programs = programDirectory();
  const directory = unprivilegedDirectory("gateway-cluster-");
  const data = join(directory, "data");
  const user = unprivilegedUser();
  const make = (program: string, ...words: readonly string[]) =>
    execFileSync(join(programs, program), words, { ...user, cwd: directory, stdio: ["ignore", "ignore", "inherit"] });
  if (standbyOf === undefined)
    make("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8");
  else make("pg_basebackup", "-D", data, "-R", "-c", "fast", "--no-sync", "-d", standbyOf.url("postgres"));
  const port = await freePort();
  const logPath = join(directory, "postgresql.log");
  const own = [
    `port = ${port}`,
    "listen_addresses = '127.0.0.1'",
    `unix_socket_directories = '${directory}'`,
    "shared_buffers = 64MB",
    "fsync = off",
    ...settings,
  ];
  appendFileSync(join(data, "postgresql.conf"), `${own.join("\n")}\n`);

  let server: ChildProcess | undefined;
  const url = (database: string) => `postgresql://postgres@127.0.0.1:${port}/${database}`;
  const query = async <Row extends pg.QueryResultRow>(database: string, text: string, values: readonly unknown[] = []) => {
    const client = new pg.Client({ connectionString: url(database), connectionTimeoutMillis: 2_000 });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  };
  const pids = () => (server?.pid === undefined ? [] : [server.pid, ...childrenOf(server.pid)]);
  const signalAll = (signal: NodeJS.Signals) => {
    for (const pid of pids()) signalProcess(pid, signal);
  };

  const cluster: Cluster = {
    ...{ port, directory, logPath, url, query },
    async start() {
      const log = openSync(logPath, "a");
      server = spawn(join(programs, "postgres"), ["-D", data], { ...user, cwd: directory, stdio: ["ignore", log, log] });
      closeSync(log);
      await until(20_000, () => query("postgres", "SELECT 1"));
    },
    async stop(signal) {
      if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
      const exited = once(server, "exit");
      // A lost machine loses all of its processes. None of them may write beside the next server.
      if (signal === "SIGKILL") signalAll(signal);
      else server.kill(signal);
      await exited;
      server = undefined;
    },
    reload: () => void server?.kill("SIGHUP"),
    pause: () => signalAll("SIGSTOP"),
    resume: () => signalAll("SIGCONT"),
    async remove() {
      signalAll("SIGCONT");
      await cluster.stop("SIGQUIT");
      rmSync(directory, { recursive: true, force: true });
    },
  };
  await cluster.start();
  return cluster;
}

/** Returns the result of `work`, which is repeated until it succeeds. Throws its last error after `milliseconds`. */
export async function until<Result>(milliseconds: number, work: () => Promise<Result>): Promise<Result> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

/** Returns the directory of the programs of Debian's newest PostgreSQL. Throws an `Error` if there is none. */
export function programDirectory(): string {
  const base = "/usr/lib/postgresql";
  const newest = existsSync(base) ? readdirSync(base).toSorted((a, b) => Number(b) - Number(a))[0] : undefined;
  if (newest === undefined) throw new Error("This needs Debian's PostgreSQL: apt-get install postgresql");
  return join(base, newest, "bin");
}

function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent);
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Returns whether the error says that a process has ended since it was found. */
function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && ["ENOENT", "ESRCH"].includes(String(error.code));
}
