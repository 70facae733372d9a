import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { type Cluster, unprivilegedDirectory, unprivilegedUser, until } from "./cluster.ts";
import { freePort } from "../../support/free-port.ts";

/** Debian's PgBouncer in transaction mode in front of a cluster. */
export interface PgBouncer {
  /** The URL of `database`, through the pool. */
  url(database: string): string;
  stop(): Promise<void>;
}

/** Starts a PgBouncer with at most `poolSize` connections to each database of `cluster`. */
export async function startPgBouncer(cluster: Cluster, poolSize: number): Promise<PgBouncer> {
  const program = "/usr/sbin/pgbouncer";
  if (!existsSync(program)) throw new Error("This needs Debian's PgBouncer: apt-get install pgbouncer");
  const directory = unprivilegedDirectory("gateway-pgbouncer-");
  const port = await freePort();
  const users = join(directory, "users.txt");
  const config = join(directory, "pgbouncer.ini");
  const logPath = join(directory, "pgbouncer.log");
  writeFileSync(users, '"postgres" ""\n');
  writeFileSync(
    config,
    [
      "[databases]",
      `* = host=127.0.0.1 port=${cluster.port}`,
      "[pgbouncer]",
      "listen_addr = 127.0.0.1",
      `listen_port = ${port}`,
      "unix_socket_dir =",
      "auth_type = trust",
      `auth_file = ${users}`,
      "pool_mode = transaction",
      `default_pool_size = ${poolSize}`,
      "max_client_conn = 200",
      "",
    ].join("\n"),
  );
  const log = openSync(logPath, "w");
  const server = spawn(program, [config], { ...unprivilegedUser(), cwd: directory, stdio: ["ignore", log, log] });
  closeSync(log);
  const exited = once(server, "exit");
  const url = (database: string) => `postgresql://postgres@127.0.0.1:${port}/${database}`;
  await until(10_000, async () => {
    if (server.exitCode !== null) throw new Error(`PgBouncer has ended:\n${readFileSync(logPath, "utf8")}`);
    const client = new pg.Client({ connectionString: url("postgres") });
    await client.connect();
    await client.end();
  });
  return {
    url,
    async stop() {
      server.kill("SIGTERM");
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
