import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { createScratchDatabase } from "./support/database.ts";

const root = resolve(import.meta.dirname, "..");

interface Gateway {
  readonly process: ChildProcess;
  readonly url: string;
  readonly printed: string;
}

interface DemoKeys {
  readonly admin: string;
  readonly specialist: string;
  readonly customer: string;
  readonly outsider: string;
}

const running = new Set<ChildProcess>();
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "gateway-process-"));
});
afterEach(async () => {
  for (const child of running) await stopped(child, "SIGKILL");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The environment of the machine, without what configures the gateway. */
function environment(given: Record<string, string>): Record<string, string | undefined> {
  const own = [
    "HOST",
    "PORT",
    "PUBLIC_URL",
    "DATABASE_URL",
    "DATA_DIR",
    "SIGNING_SECRET",
    "STORAGE",
    "MAX_UPLOAD_BYTES",
    "OIDC_ISSUERS",
    "CORS_ORIGINS",
    "LOG_LEVEL",
  ];
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.includes(name))), ...given };
}

function run(script: string, given: Record<string, string>, args: readonly string[] = []): ChildProcess {
  const child = spawn(process.execPath, [join("src", script), ...args], {
    cwd: root,
    env: environment(given),
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

async function stopped(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
  return child.exitCode;
}

/** What a process that ends by itself said, and its exit code. */
async function outcome(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  const said = { out: "", err: "" };
  child.stdout?.on("data", (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (said.err += chunk.toString()));
  await once(child, "close");
  return { code: child.exitCode, ...said };
}

async function start(given: Record<string, string> = {}): Promise<Gateway> {
  const child = run("main.ts", { DATA_DIR: join(directory, "data"), PORT: "0", LOG_LEVEL: "warn", ...given });
  let printed = "";
  let complaints = "";
  child.stderr?.on("data", (chunk: Buffer) => (complaints += chunk.toString()));
  const url = await new Promise<string>((found, failed) => {
    child.once("exit", (code) => failed(new Error(`It ended with ${code}: ${printed} ${complaints}`)));
    child.stdout?.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
      // The announcement is one write, which may come in pieces; it ends with an empty line.
      const address = /gateway on (http:\S+)[^]*\n\n$/.exec(printed)?.[1];
      if (address !== undefined) found(address);
    });
  });
  return { process: child, url, printed };
}

const keysIn = (data: string) => JSON.parse(readFileSync(join(directory, data, "demo-keys.json"), "utf8")) as DemoKeys;

const ask = async ({ url }: Gateway, key: string, query: string): Promise<{ data: Record<string, { totalCount: number }> }> => {
  const headers = { "content-type": "application/json", "x-api-key": key };
  const response = await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
  return (await response.json()) as { data: Record<string, { totalCount: number }> };
};

const noteCount = async (gateway: Gateway, key: string) =>
  (await ask(gateway, key, "{ notes(first: 1) { totalCount } }")).data["notes"]!.totalCount;

/** The first ticket that the demo data's specialist sees. */
async function someTicket(gateway: Gateway, key: string): Promise<string> {
  const { data } = (await ask(gateway, key, "{ tickets(first: 1) { nodes { uuid } } }")) as unknown as {
    data: { tickets: { nodes: { uuid: string }[] } };
  };
  return data.tickets.nodes[0]!.uuid;
}

const addNote = (gateway: Gateway, key: string, ticketId: string, value: string) =>
  fetch(`${gateway.url}/v2/tickets/notes`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": key },
    body: JSON.stringify({ ticket_id: ticketId, value }),
  });

function hasCurl(): boolean {
  try {
    execFileSync("curl", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

test("all that is wrong with the environment is said at once, and the exit code is 1", async () => {
  const { code, err } = await outcome(
    run("main.ts", {
      PORT: "x",
      DATABASE_URL: "mysql://db",
      STORAGE: "ftp:",
      MAX_UPLOAD_BYTES: "0",
      CORS_ORIGINS: "*",
      LOG_LEVEL: "loud",
    }),
  );
  expect(code).toBe(1);
  for (const name of ["PORT", "DATABASE_URL", "STORAGE", "MAX_UPLOAD_BYTES", "CORS_ORIGINS", "LOG_LEVEL", "SIGNING_SECRET"]) {
    expect(err).toMatch(new RegExp(`- ${name} `));
  }
  expect(err).not.toMatch(/at .*\.ts:\d+/);
});

describe("one sentence, and exit code 1, for", () => {
  test.each([
    ["an address that is another machine's", { HOST: "192.0.2.1", PORT: "4000" }, /HOST 192\.0\.2\.1 is no address of this/],
    ["one of any port", { HOST: "192.0.2.1", PORT: "0" }, /HOST 192\.0\.2\.1 is no address of this/],
    ["a name that nobody has", { HOST: "nowhere.invalid" }, /HOST nowhere\.invalid is a name without an address/],
  ])("a HOST of %s", async (_what, given, expected) => {
    const { code, err } = await outcome(
      run("main.ts", { DATA_DIR: join(directory, "nowhere"), LOG_LEVEL: "silent", ...given }),
    );
    expect({ code, lines: err.trim().split("\n") }).toEqual({
      code: 1,
      lines: ["The configuration cannot be used:", expect.stringMatching(expected)],
    });
  });

  test.each(["main.ts", "load-demo.ts", "storage-check.ts"])("a DATA_DIR that is a file, of %s", async (script) => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    const { code, err } = await outcome(run(script, { DATA_DIR: file, PORT: "0", SIGNING_SECRET: "x".repeat(32) }));
    expect({ code, lines: err.trim().split("\n") }).toEqual({
      code: 1,
      lines: ["The configuration cannot be used:", expect.stringMatching(/^ {2}- DATA_DIR must be a directory that can be /)],
    });
  });

  test.skipIf(inject("testServer").kind === "embedded")("one in which the demo data's keys cannot be kept", async () => {
    const scratch = await createScratchDatabase();
    if (scratch.config.kind === "embedded") throw new Error("Skipped there");
    const file = join(directory, "keys");
    writeFileSync(file, "");
    // Neither the database nor the store needs the directory, and the keys do. The store is not asked before they are
    // kept.
    const given = {
      ...{ DATABASE_URL: scratch.config.url, DATABASE_URL_DIRECT: "", DATA_DIR: file, SIGNING_SECRET: "x".repeat(32) },
      STORAGE: "s3://bucket?endpoint=http://127.0.0.1:1",
    };
    const { code, err } = await outcome(run("load-demo.ts", given));
    await scratch.drop();
    expect({ code, lines: err.trim().split("\n") }).toEqual({
      code: 1,
      lines: ["The configuration cannot be used:", expect.stringMatching(/^ {2}- DATA_DIR must be a directory that can be /)],
    });
  });
});

describe.each([
  ["load-demo.ts", "Usage: npm run demo"],
  ["migrate.ts", "Usage: npm run migrate [-- options]"],
  ["storage-check.ts", "Usage: npm run storage:check [-- --fix]"],
])("before it opens anything, %s", (script, usage) => {
  const ended = (word: string) => outcome(run(script, { DATA_DIR: join(directory, "none") }, [word]));

  test("refuses an option that it does not have", async () => {
    const { code, out, err } = await ended("--bogus");
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.split("\n").slice(0, 3)).toEqual([expect.stringContaining("--bogus"), "", usage]);
    expect(existsSync(join(directory, "none"))).toBe(false);
  });

  test.each(["--help", "-h"])("shows its help: %s", async (word) => {
    const { code, out, err } = await ended(word);
    expect({ code, first: out.split("\n")[0], err }).toEqual({ code: 0, first: usage, err: "" });
    expect(existsSync(join(directory, "none"))).toBe(false);
  });
});

test("a database that does not answer is waited for, and that is said", async () => {
  const child = run("main.ts", {
    DATABASE_URL: "postgresql://nobody@127.0.0.1:1/none",
    SIGNING_SECRET: "x".repeat(32),
    LOG_LEVEL: "warn",
  });
  const [line] = await once(createInterface({ input: child.stdout! }), "line");
  expect(JSON.parse(String(line))).toMatchObject({
    msg: "PostgreSQL at 127.0.0.1:1 does not answer yet; waiting for it",
    cause: "connect ECONNREFUSED 127.0.0.1:1",
  });
  expect(child.exitCode).toBeNull();
});

test("schema.graphql is checked by the command that writes it", async () => {
  expect(await outcome(run("print-schema.ts", {}, ["--check"]))).toEqual({ code: 0, out: "", err: "" });
});

// Without a server to test against there is no DATABASE_URL to give.
test.skipIf(inject("testServer").kind === "embedded")(
  "on a PostgreSQL that is given nothing is seeded until that is asked for, and that once",
  async () => {
    const scratch = await createScratchDatabase({ empty: true });
    if (scratch.config.kind === "embedded") throw new Error("This is not run on the embedded database");
    const given = { DATABASE_URL: scratch.config.url, SIGNING_SECRET: "x".repeat(32), DATA_DIR: join(directory, "given") };
    try {
      const bare = await start(given);
      expect(bare.printed).toMatch(/The database was migrated: \d+ migrations\.[^]*The database is empty\.[^]*npm run setup /);
      expect(bare.printed).not.toContain("tnk_");
      expect((await fetch(`${bare.url}/ready`)).status).toBe(200);
      expect(await stopped(bare.process, "SIGTERM")).toBe(0);

      const loaded = await outcome(run("load-demo.ts", given));
      expect(loaded).toMatchObject({ code: 0, err: "" });
      const keys = keysIn("given");
      for (const key of Object.values(keys)) expect(loaded.out).toContain(String(key));
      const again = await outcome(run("load-demo.ts", given));
      expect([again.code, again.err]).toEqual([1, expect.stringMatching(/not empty/)]);

      const gateway = await start(given);
      expect(await noteCount(gateway, keys.admin)).toBeGreaterThan(100);
      expect(await stopped(gateway.process, "SIGTERM")).toBe(0);
    } finally {
      await scratch.drop();
    }
  },
  300_000,
);

test("npm start ends with npm, which hands no signal on to what its shell runs", async () => {
  const given = { DATA_DIR: join(directory, "npm"), PORT: "0", LOG_LEVEL: "warn" };
  const npm = spawn("npm", ["start"], { cwd: root, env: environment(given), stdio: ["ignore", "pipe", "inherit"] });
  running.add(npm);
  npm.once("exit", () => running.delete(npm));
  let printed = "";
  const url = await new Promise<string>((found) =>
    npm.stdout.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
      const address = /gateway on (http:\S+)/.exec(printed)?.[1];
      if (address !== undefined) found(address);
    }),
  );
  // The gateway holds this pipe for as long as it lives.
  const ended = once(npm.stdout, "close");
  expect((await fetch(`${url}/ready`)).status).toBe(200);
  npm.kill("SIGTERM");
  await ended;
  await expect(fetch(`${url}/ready`)).rejects.toThrow("fetch failed");
  // Its database is free again.
  expect(await stopped((await start({ DATA_DIR: join(directory, "npm") })).process, "SIGTERM")).toBe(0);
}, 300_000);

test("a first start loads neither the SDK of a store that it does not have nor an engine for migrations that are there", async () => {
  const loaded = join(directory, "loaded.txt");
  const gateway = await start({
    DATA_DIR: join(directory, "lean"),
    NODE_OPTIONS: `--import ${pathToFileURL(join(import.meta.dirname, "support", "loaded-modules.ts")).href}`,
    LOADED_MODULES: loaded,
  });
  expect(await stopped(gateway.process, "SIGTERM")).toBe(0);
  const modules = readFileSync(loaded, "utf8");
  for (const needed of ["/fastify/", "/pg/", "/src/app.ts"]) expect(modules).toContain(needed);
  for (const idle of ["@aws-sdk", "schema-engine-wasm", "@electric-sql/pglite/dist/pglite.js"])
    expect(modules).not.toContain(idle);
}, 300_000);

test.runIf(process.platform === "linux")(
  "npm start's process is the one that was started, with few arenas for its threads' memory",
  async () => {
    const program = join(directory, "tell.js");
    writeFileSync(
      program,
      "const { pid, env, argv, execArgv } = process; console.log(JSON.stringify({ pid, arenas: env.MALLOC_ARENA_MAX, words: argv.slice(2), flags: execArgv }));",
    );
    const tell = async (env: Record<string, string>) => {
      const child = spawn(process.execPath, ["src/launch.js", program, "--help", "b"], {
        cwd: root,
        env: { PATH: process.env["PATH"], ...env },
      });
      const told: string[] = [];
      child.stdout.on("data", (data: Buffer) => told.push(data.toString()));
      await once(child, "close");
      return { started: child.pid, ...(JSON.parse(told.join("")) as { pid: number; flags: string[] }) };
    };
    const bare = await tell({});
    expect(bare).toMatchObject({ pid: bare.started, arenas: "2", words: ["--help", "b"] });
    expect(bare.flags).toEqual(expect.arrayContaining(["--max-old-space-size=448", "--no-wasm-tier-up"]));
    const chosen = await tell({ MALLOC_ARENA_MAX: "7", NODE_OPTIONS: "--max-old-space-size=300" });
    expect(chosen).toMatchObject({ pid: chosen.started, arenas: "7" });
    expect(chosen.flags.join(" ")).not.toContain("--max-old-space-size=448");
  },
);

describe("from an empty directory", () => {
  test("it serves the demo data, prints keys and lines that work when pasted, lets requests finish, and keeps all of it", async () => {
    const first = await start();
    const keysPath = join(directory, "data", "demo-keys.json");
    expect(statSync(keysPath).mode & 0o777).toBe(0o600);
    const keys = keysIn("data");
    expect(Object.keys(keys).toSorted()).toEqual(["admin", "customer", "outsider", "specialist"]);
    for (const key of Object.values(keys)) expect(first.printed).toContain(String(key));
    expect(first.printed).toContain(keysPath);
    expect(first.printed).toContain(`${first.url}/docs `);
    const [, token = ""] = /\/graphql#demo=([\w-]+)\n/.exec(first.printed) ?? [];
    const headers = { "sec-fetch-site": "same-origin", "x-demo-token": token };
    const offered = await fetch(`${first.url}/graphql/demo-keys`, { headers });
    expect((await offered.json()) as object).toEqual({
      keys: Object.entries(keys).map(([name, apiKey]) => ({ name, apiKey })),
    });

    const lines = first.printed
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line.startsWith("curl "));
    expect(lines.length).toBeGreaterThanOrEqual(2);
    if (hasCurl()) {
      for (const line of lines) {
        const { stdout } = await promisify(execFile)("sh", ["-c", line]);
        const answer: unknown = JSON.parse(stdout);
        if (line.includes("/graphql"))
          expect(answer).toMatchObject({ data: { viewer: { role: "SPECIALIST" }, tickets: { nodes: [{}, {}, {}] } } });
        if (line.includes("/v2/"))
          expect(answer).toMatchObject({
            query: { limit: 2 },
            result: [{ is_public: true }, { is_public: true }],
            total: expect.any(Number),
          });
        expect(answer).not.toHaveProperty("errors");
      }
    }

    // A second process on the same directory would lose rows.
    const second = await outcome(run("main.ts", { DATA_DIR: join(directory, "data"), PORT: "0" }));
    expect([second.code, second.err]).toEqual([1, expect.stringMatching(/in use/)]);

    // An upload that is under way when the process gets the signal.
    const ticketId = await someTicket(first, keys.specialist);
    const added = (await (await addNote(first, keys.specialist, ticketId, "The last one")).json()) as { id: string };
    const asked = await fetch(`${first.url}/v2/tickets/note-attachments`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": keys.specialist },
      body: JSON.stringify({ note_id: added.id, filename: "slow.txt" }),
    });
    const { signed_url: url } = (await asked.json()) as { signed_url: string };
    const slow = request(url, { method: "PUT", headers: { "content-type": "text/plain", "content-length": 10 } });
    const answered = once(slow, "response");
    slow.write("first");
    await fetch(`${first.url}/health`);
    const exited = once(first.process, "exit");
    first.process.kill("SIGTERM");
    await expect
      .poll(
        () =>
          fetch(`${first.url}/health`, { headers: { connection: "close" } }).then(
            () => "answers",
            () => "refuses",
          ),
        { timeout: 60_000 },
      )
      .toBe("refuses");
    expect(first.process.exitCode).toBeNull();
    slow.end("-last");
    const [response] = (await answered) as [{ statusCode: number; resume(): void }];
    expect(response.statusCode).toBe(200);
    response.resume();
    expect(await exited).toEqual([0, null]);

    // Another process has the port.
    const occupant = createServer().listen(0, "127.0.0.1");
    await once(occupant, "listening");
    const address = occupant.address();
    const port = String(typeof address === "object" ? address?.port : "");
    const refused = await outcome(run("main.ts", { DATA_DIR: join(directory, "data"), PORT: port, LOG_LEVEL: "silent" }));
    occupant.close();
    expect([refused.code, refused.err]).toEqual([
      1,
      expect.stringMatching(new RegExp(`PORT ${port} is taken by another process: set a port that is free`)),
    ]);
    expect(refused.err).not.toMatch(/at .*\.ts:\d+/);

    // A start on existing data: the same keys, the same notes, the bytes of that upload.
    const again = await start();
    expect(keysIn("data")).toEqual(keys);
    const read = await fetch(`${again.url}/v2/tickets/note-attachments/${added.id}/slow.txt`, {
      headers: { "x-api-key": keys.specialist },
    });
    const download = (await read.json()) as { signed_url: string };
    expect(await (await fetch(download.signed_url)).text()).toBe("first-last");
    expect(await stopped(again.process, "SIGINT")).toBe(0);
  }, 300_000);

  test("killed while notes are added, it has every note that it acknowledged when it is started again", async () => {
    const first = await start();
    const keys = keysIn("data");
    const ticketId = await someTicket(first, keys.specialist);
    const before = await noteCount(first, keys.specialist);

    const acknowledged: string[] = [];
    let killed = false;
    const client = async (name: number) => {
      for (let index = 0; !killed; index++) {
        const response = await addNote(first, keys.specialist, ticketId, `client ${name}, note ${index}`).catch(
          () => undefined,
        );
        if (response?.status !== 201) return;
        const body = (await response.json().catch(() => undefined)) as { id: string } | undefined;
        if (body) acknowledged.push(body.id);
        if (acknowledged.length === 100) {
          killed = true;
          first.process.kill("SIGKILL");
        }
      }
    };
    const exited = once(first.process, "exit");
    await Promise.all([1, 2, 3, 4].map(client));
    expect(await exited).toEqual([null, "SIGKILL"]);
    expect(acknowledged.length).toBeGreaterThanOrEqual(100);

    const again = await start();
    expect(await noteCount(again, keys.specialist)).toBeGreaterThanOrEqual(before + acknowledged.length);
    const missing = [];
    for (const id of acknowledged) {
      const { status } = await fetch(`${again.url}/v2/tickets/notes/${id}`, { headers: { "x-api-key": keys.specialist } });
      if (status !== 200) missing.push(id);
    }
    expect(missing).toEqual([]);
    expect(await stopped(again.process, "SIGTERM")).toBe(0);
  }, 300_000);
});
