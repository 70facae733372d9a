import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { json, text } from "node:stream/consumers";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { socketVersion } from "../src/administration/request.ts";
import { type Administration, createAdministration } from "../src/administration/service.ts";
import { administrationSocketPath } from "../src/administration/socket-path.ts";
import { adminProgram } from "../src/command-line/admin-commands.ts";
import { type ConnectPatience, connectProgram } from "../src/command-line/connect.ts";
import type { Terminal } from "../src/command-line/definition.ts";
import { type AdministrationSocket, openAdministrationSocket } from "../src/http/server/administration-socket.ts";
import { createIds } from "../src/lib/ids.ts";
import { lockDirectory } from "../src/lib/directory-lock.ts";
import { createLog } from "../src/lib/log.ts";
import { openWorkerDatabase } from "./support/database.ts";
import { runOperator } from "./support/operator.ts";

const root = resolve(import.meta.dirname, "..");
const directories: string[] = [];

/** A new DATA_DIR with a short path, which a socket needs. */
function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "admin-"));
  directories.push(directory);
  return directory;
}
afterAll(() => directories.forEach((directory) => rmSync(directory, { recursive: true, force: true })));

const patience: ConnectPatience = { totalMilliseconds: 300, pauseMilliseconds: 20 };
/** Connects as the programs do, without waiting long. */
const connectIn = (directory: string) => (program: string, terminal: Terminal) =>
  connectProgram(program, { ...terminal, environment: { DATA_DIR: directory } }, { patience });
const admin = (directory: string, ...args: string[]) => runOperator(adminProgram, args, connectIn(directory));

describe("the socket", () => {
  let directory: string;
  let path: string;
  let socket: AdministrationSocket | undefined;
  const lines: string[] = [];

  async function open(administration?: Administration): Promise<void> {
    const database = await openWorkerDatabase();
    socket = await openAdministrationSocket({
      path,
      administration: administration ?? createAdministration({ database, clock: () => new Date(), newId: createIds() }),
      log: createLog("error", { write: (line) => lines.push(line) }),
    });
  }
  beforeEach(() => {
    directory = newDirectory();
    path = administrationSocketPath(directory)!;
    lines.length = 0;
  });
  afterEach(async () => {
    await socket?.close(0);
    socket = undefined;
  });

  /** Sends a body to the socket, and returns the answer. */
  async function ask(body: unknown, { method = "POST", url = "/" } = {}): Promise<{ status: number; body: unknown }> {
    const sent = request({
      socketPath: path,
      method,
      path: url,
      headers: { "content-type": "application/json" },
      agent: false,
    });
    sent.end(typeof body === "string" ? body : JSON.stringify(body));
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    return { status: response.statusCode ?? 0, body: await json(response) };
  }
  const asked = (operation: string, input: unknown, others: object = {}) => ({
    ...{ version: socketVersion, program: "npm run admin", user: "olga", operation, input },
    ...others,
  });

  test("is for its owner only, and goes when it is closed", async () => {
    await open();
    const [own, around] = [statSync(path), statSync(join(path, ".."))];
    expect(own.isSocket()).toBe(true);
    expect((own.mode & 0o777).toString(8)).toBe("600");
    expect((around.mode & 0o777).toString(8)).toBe("700");
    await socket!.close(0);
    expect(existsSync(path)).toBe(false);
  });

  test("takes a directory back that others may enter, and the place of what is left there", async () => {
    await open();
    await socket!.close(0);
    chmodSync(join(path, ".."), 0o777);
    writeFileSync(path, "left");
    await open();
    expect((statSync(join(path, "..")).mode & 0o777).toString(8)).toBe("700");
    expect(await admin(directory, "accounts", "list", "--account", "nowhere")).toMatchObject({
      code: 0,
      said: "There are none.",
    });
  });

  test("does what a command asks, and the audit names the command and its user", async () => {
    await open();
    const slug = `by-socket-${crypto.randomUUID()}`;
    expect(await admin(directory, "accounts", "add", "--account", slug, "--name", "Sockets")).toMatchObject({ code: 0 });
    const person = ["--account", slug, "--person", "olga@example.com"];
    const { out: id } = await admin(directory, "people", "add", ...person, "--name", "Olga", "--role", "customer");
    const { out, said } = await admin(directory, "keys", "add", ...person, "--name", "x", "--expires", "2999-01-01");
    expect(out).toMatch(/^tnk_/);
    expect(said).toContain("customer of");
    const { rows } = await (
      await openWorkerDatabase()
    ).pool.query(
      `SELECT v.value FROM audit_events e JOIN audit_values v ON v.account_id = e.account_id AND v.id = e.user_agent_ref
       WHERE e.entity_id = $1`,
      [id],
    );
    expect(rows).toEqual([{ value: "npm run admin (olga)" }]);
    const taken = await admin(directory, "people", "add", ...person, "--name", "Olga", "--role", "customer", "--json");
    expect(taken.code).toBe(1);
    expect(JSON.parse(taken.out)).toEqual({ error: { code: "CONFLICT", message: expect.stringContaining("already") } });
    expect(await admin(directory, "people", "list", "--account", "nowhere")).toMatchObject({
      ...{ code: 1, said: "There is no such account: npm run admin -- accounts list shows what there is." },
    });
  });

  test.each<[string, unknown, string]>([
    ["another version", asked("accounts.list", {}, { version: 2 }), "is of another version"],
    ["no version", {}, "is of another version"],
    ["an operation that is not there", asked("accounts.burn", {}), "is of another version"],
    ["a name of every object", asked("constructor", {}), "is of another version"],
    ["a field that is not there", asked("accounts.list", { all: true }), "all"],
    ["a wrong value", asked("people.list", { account: "A" }), "small letters"],
    ["a line break in the user", asked("accounts.list", {}, { user: "olga\nroot" }), "user"],
    ["a long user", asked("accounts.list", {}, { user: "o".repeat(101) }), ""],
    ["a position that no page gave", asked("keys.list", { after: "x" }), "page"],
    ["a position that is no number", asked("people.list", { account: "a", after: "-1" }), "page"],
    ["no JSON", "{", "cannot be read"],
    ["too many bytes", JSON.stringify(asked("accounts.list", { after: "x".repeat(70_000) })), "cannot be read"],
  ])("refuses %s, and logs no fault", async (_what, body, said) => {
    await open();
    const { body: answer } = await ask(body);
    expect(answer).toMatchObject({
      error: { code: expect.stringMatching(/^(CONFLICT|INVALID_INPUT)$/), message: expect.stringContaining(said) },
    });
    expect(lines).toEqual([]);
  });

  test.each([
    ["GET", "/"],
    ["POST", "/graphql"],
  ])("has nothing else: %s %s is not there", async (method, url) => {
    await open();
    expect(await ask(method === "GET" ? "" : {}, { method, url })).toMatchObject({ status: 404 });
  });

  test("tells a fault without its details, which the log has", async () => {
    await open({ run: () => Promise.reject(new TypeError("the secret detail")) });
    const ran = await admin(directory, "accounts", "list", "--json");
    expect(JSON.parse(ran.out)).toEqual({ error: { code: "INTERNAL", message: expect.stringContaining("Its log says why") } });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("the secret detail");
  });

  test("does eight things at a time, and sends the others away", async () => {
    let begun = 0;
    const { promise: end, resolve: endAll } = Promise.withResolvers<never>();
    await open({ run: () => ((begun += 1), end) });
    let refused = 0;
    const answers = Array.from({ length: 12 }, () => ask(asked("accounts.list", {})));
    for (const answer of answers) void answer.then(() => (refused += 1));
    // None of the eight is answered before all of the others have come.
    await expect.poll(() => [begun, refused]).toEqual([8, 4]);
    endAll({ rows: [], next: null } as never);
    const codes = (await Promise.all(answers)).map(({ body }) => ("error" in (body as object) ? "refused" : "done"));
    expect(codes.filter((code) => code === "done")).toHaveLength(8);
    expect(codes.filter((code) => code === "refused")).toHaveLength(4);
  });

  test("drops connections beyond 32, and those that send nothing", async () => {
    await open();
    const sockets = Array.from({ length: 40 }, () => connect(path));
    const dropped = new Set<Socket>();
    for (const one of sockets)
      one
        .on("close", () => dropped.add(one))
        .on("error", () => undefined)
        .resume();
    await expect.poll(() => dropped.size).toBeGreaterThanOrEqual(8);
    await expect.poll(() => dropped.size, { timeout: 30_000 }).toBe(40);
  }, 40_000);

  test("waits for what is under way when it closes, and not longer than it may", async () => {
    const { promise: end, resolve: endAll } = Promise.withResolvers<never>();
    let begun = 0;
    await open({ run: () => ((begun += 1), end) });
    const answer = ask(asked("accounts.list", {}));
    await expect.poll(() => begun).toBe(1);
    const closed = socket!.close(30_000);
    endAll({ rows: [], next: null } as never);
    expect((await answer).body).toEqual({ result: { rows: [], next: null } });
    await closed;

    await open({ run: () => ((begun += 1), new Promise<never>(() => undefined)) });
    const cut = admin(directory, "accounts", "list");
    await expect.poll(() => begun).toBe(2);
    await socket!.close(10);
    expect(await cut).toMatchObject({ code: 1, said: expect.stringContaining("ended before it answered") });
  });
});

test("a path that is too long for a socket is given up, or shortened from the current directory", () => {
  expect(administrationSocketPath("/tmp/data")).toBe("/tmp/data/administration/socket");
  // As long as it may be from the current directory, and so too long from the root, wherever the tests run.
  const longest = "d".repeat(81);
  expect(administrationSocketPath(join(process.cwd(), longest))).toBe(`${longest}/administration/socket`);
  expect(administrationSocketPath(`/${"d".repeat(100)}`)).toBeNull();
});

describe("beside the embedded database", () => {
  const running = new Set<ChildProcess>();
  afterEach(async () => {
    for (const child of running) {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    }
  });

  function run(directory: string, script: string, ...args: string[]): ChildProcess {
    const environment = { PATH: process.env["PATH"], NODE_V8_COVERAGE: process.env["NODE_V8_COVERAGE"] };
    const child = spawn(process.execPath, [join("src", script), ...args], {
      cwd: root,
      env: { ...environment, DATA_DIR: directory, PORT: "0", LOG_LEVEL: "warn" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    child.once("exit", () => running.delete(child));
    return child;
  }
  async function outcome(child: ChildProcess) {
    const [out, said] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, "close")]);
    return { code: child.exitCode, out: out.trim(), said };
  }
  /** Starts the gateway, and returns it when it has announced itself. */
  async function startGateway(directory: string): Promise<ChildProcess> {
    const child = run(directory, "main.ts");
    let printed = "";
    await new Promise<void>((announced, failed) => {
      child.once("exit", (code) => failed(new Error(`It ended with ${code}: ${printed}`)));
      child.stderr!.on("data", (chunk: Buffer) => (printed += chunk.toString()));
      child.stdout!.on("data", (chunk: Buffer) => {
        printed += chunk.toString();
        if (printed.includes("gateway on http")) announced();
      });
    });
    return child;
  }

  test("commands work before, beside and after a gateway, and after one that was killed", async () => {
    const directory = newDirectory();
    const add = (slug: string) => outcome(run(directory, "admin.ts", "accounts", "add", "--account", slug, "--name", slug));
    // Two at once, of which one has to wait for the other.
    const both = await Promise.all([add("first"), add("second")]);
    for (const ran of both) expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/^[0-9a-f-]{36}$/) });

    const gateway = await startGateway(directory);
    expect((await Promise.all([add("third"), add("fourth")])).map(({ code, said }) => [code, said])).toEqual([
      [0, "third is added.\n"],
      [0, "fourth is added.\n"],
    ]);
    const stopped = once(gateway, "exit");
    gateway.kill("SIGTERM");
    expect(await stopped).toEqual([0, null]);
    expect(existsSync(administrationSocketPath(directory)!)).toBe(false);

    const second = await startGateway(directory);
    const killed = once(second, "exit");
    second.kill("SIGKILL");
    await killed;
    expect(existsSync(administrationSocketPath(directory)!)).toBe(true);
    expect(await add("fifth")).toMatchObject({ code: 0, said: "fifth is added.\n" });

    await startGateway(directory);
    const { out } = await outcome(run(directory, "admin.ts", "accounts", "list", "--json"));
    const { accounts } = JSON.parse(out) as { accounts: { account: string }[] };
    expect(accounts.map(({ account }) => account)).toEqual(["fifth", "first", "fourth", "second", "third"]);
  }, 240_000);

  test("a process without a socket is said to be one, and what to do", async () => {
    const directory = newDirectory();
    // As a gateway of an earlier version holds it.
    const lock = await lockDirectory(join(directory, "database"));
    try {
      const ran = await admin(directory, "keys", "list");
      expect(ran).toMatchObject({
        code: 1,
        out: "",
        said: expect.stringContaining("Restart the gateway with this version, or stop"),
      });
      expect(ran.said).toContain("createApiKey");
      const asJson = await admin(directory, "keys", "list", "--json");
      expect(JSON.parse(asJson.out)).toMatchObject({ error: { code: "IN_USE" } });
      const mistaken = await admin(directory, "keys", "add", "--account", "a");
      expect(mistaken).toMatchObject({ code: 2, said: expect.stringContaining("--person is missing") });
      const deep = join(directory, "d".repeat(100));
      const deepLock = await lockDirectory(join(deep, "database"));
      const tooLong = await admin(deep, "keys", "list");
      await deepLock.release();
      expect(tooLong.said).toContain("too long for a socket");
    } finally {
      await lock.release();
    }
  });
});
