// npm run test:install   installs the last commit with each Node.js and npm that works, and starts what was installed
//
// Each time in a new clone, the first time with an empty npm cache. Afterwards no file of the clone may have changed.
// Downloads three versions of Node.js and two of npm. Takes about ten minutes.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../support/free-port.ts";

interface Installation {
  readonly node: string;
  readonly npm: string;
  readonly words: readonly string[];
}

const installations: readonly Installation[] = [
  { node: "20.19", npm: "10", words: ["ci"] },
  { node: "20.19", npm: "11", words: ["install"] },
  { node: "20.19", npm: "10", words: ["ci", "--omit=dev"] },
  { node: "20.19", npm: "11", words: ["ci"] },
  { node: "22", npm: "10", words: ["ci"] },
  { node: "22", npm: "11", words: ["install"] },
  { node: "24", npm: "10", words: ["ci"] },
  { node: "24", npm: "11", words: ["ci"] },
  { node: "24", npm: "11", words: ["ci", "--omit=dev"] },
];
const startMilliseconds = 120_000;
/** What the npm that this runs under tells its scripts, and a database of the machine. Where the registry is stays. */
const dropped =
  /^(npm_(?!config_(registry|cafile|https_proxy|proxy)$)|NODE_(?!EXTRA_CA_CERTS$)|DATABASE_|SIGNING_SECRET$|CI$)/i;

const root = resolve(import.meta.dirname, "../..");
const directory = mkdtempSync(join(tmpdir(), "gateway-install-"));
const cache = join(directory, "cache");
const failures: string[] = [];
try {
  for (const installation of installations) {
    const { node, npm, words } = installation;
    const name = `Node.js ${node}, npm ${npm}, npm ${words.join(" ")}`;
    const began = performance.now();
    try {
      const what = await installAndStart(installation);
      console.log(`${name}: ${what}, ${Math.round((performance.now() - began) / 1000)} s`);
    } catch (error) {
      failures.push(name);
      // Whatever has failed here, npm, git, the gateway or a check, is told with the installation that it is of.
      console.error(`${name}: FAILED`, error);
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
console.log(`${installations.length - failures.length} passed, ${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);

/** Returns what was installed, for the eye. Throws an `Error` if something is wrong. */
async function installAndStart({ node, npm, words }: Installation): Promise<string> {
  const clone = join(directory, "clone");
  rmSync(clone, { recursive: true, force: true });
  run("git", ["clone", "--quiet", root, clone], directory, process.env);
  const environment = environmentOf(toolsOf(node, npm));
  run("npm", words, clone, environment);
  const changed = run("git", ["status", "--porcelain"], clone, process.env);
  if (changed !== "") throw new Error(`Files have changed:\n${changed}`);
  const version = run("node", ["--version"], clone, environment).trim();
  const megabytes = run("du", ["--summarize", "--block-size=MB", "node_modules"], clone, process.env).split("\t")[0];
  const milliseconds = await start(clone, environment);
  return `${version}, ${megabytes} in node_modules, answers ${milliseconds} ms after npm start`;
}

/** Installs a version of Node.js and of npm. Returns the directories with their programs. */
function toolsOf(node: string, npm: string): readonly string[] {
  const tools = join(directory, `node-${node}-npm-${npm}`);
  const nodePackage = `node-${process.platform}-${process.arch}`;
  mkdirSync(tools, { recursive: true });
  const words = ["install", "--no-save", "--loglevel=error", "--prefix", tools, `${nodePackage}@${node}`, `npm@${npm}`];
  run("npm", words, tools, { ...process.env, npm_config_cache: join(directory, "cache-of-tools") });
  return [join(tools, "node_modules", nodePackage, "bin"), join(tools, "node_modules/.bin")];
}

function environmentOf(programs: readonly string[]): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !dropped.test(name));
  return { ...Object.fromEntries(own), npm_config_cache: cache, PATH: [...programs, process.env["PATH"]].join(delimiter) };
}

function run(program: string, words: readonly string[], cwd: string, environment: NodeJS.ProcessEnv): string {
  return execFileSync(program, words, { cwd, env: environment, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Starts the gateway, asks it for notes and stops it. Returns the milliseconds until it was ready. */
async function start(clone: string, environment: NodeJS.ProcessEnv): Promise<number> {
  const port = await freePort();
  const began = performance.now();
  const gateway = spawn("npm", ["start"], {
    cwd: clone,
    env: { ...environment, PORT: String(port), DATA_DIR: join(clone, "data"), DRAIN_MS: "0" },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const output: Buffer[] = [];
  for (const stream of [gateway.stdout, gateway.stderr]) stream.on("data", (chunk: Buffer) => output.push(chunk));
  try {
    await untilReady(`http://127.0.0.1:${port}/ready`, () => gateway.exitCode);
    const milliseconds = Math.round(performance.now() - began);
    const key = /\btnk_[A-Za-z0-9_-]+/.exec(Buffer.concat(output).toString("utf8"))?.[0] ?? "";
    const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": key },
      body: JSON.stringify({ query: "{ notes(first: 3) { nodes { id } } }" }),
    });
    const answer = await response.text();
    if (!answer.includes('"nodes":[{')) throw new Error(`No notes: ${answer}`);
    return milliseconds;
  } catch (error) {
    throw new Error(`npm start printed: ${Buffer.concat(output).toString("utf8").slice(-2_000)}`, { cause: error });
  } finally {
    if (gateway.exitCode === null && gateway.pid !== undefined) {
      process.kill(-gateway.pid, "SIGTERM");
      await once(gateway, "exit");
    }
  }
}

async function untilReady(url: string, exitCode: () => number | null): Promise<void> {
  for (const end = performance.now() + startMilliseconds; performance.now() < end;) {
    if (exitCode() !== null) throw new Error(`npm start has ended with ${exitCode()}.`);
    const isReady = await fetch(url).then(
      ({ ok }) => ok,
      // Nobody listens yet.
      () => false,
    );
    if (isReady) return;
    await pause(200);
  }
  throw new Error("It was not ready in time.");
}
