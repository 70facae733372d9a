import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { TLSSocket } from "node:tls";
import { promisify } from "node:util";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { ConfigError, misspeltSettings, readConfig, settingNames, settingsHelp } from "../src/config.ts";
import { lockWithPidFile } from "../src/database/embedded/embedded-database.ts";
import { awaitDatabase, UnusableDatabase } from "../src/database/start-checks.ts";
import { migrate } from "../src/database/migrations.ts";
import { MigrationFailed } from "../src/database/migration-history.ts";
import { openDatabase } from "../src/database/database.ts";
import type { Patience } from "../src/lib/back-off.ts";
import { systemClock } from "../src/lib/clock.ts";
import { checkRedis, UnusableRedis } from "../src/limits/start-check.ts";
import { readStartSettings } from "../src/settings.ts";
import { openStorage } from "../src/storage/open-storage.ts";
import { awaitStorage, UnusableStore } from "../src/storage/start-check.ts";
import { createSigner } from "../src/storage/signature.ts";
import { createScratchDatabase, type ScratchDatabase } from "./support/database.ts";
import { freePort } from "./support/free-port.ts";
import { urlOfDatabase } from "./support/global-setup.ts";
import { startRewritingProxy } from "./support/rewriting-proxy.ts";

const root = resolve(import.meta.dirname, "..");
const secret = "a secret of more than thirty-two characters";
const log = { warn: () => undefined };
/** Time for a few attempts: what lasts is told at the first one. */
const impatient: Patience = {
  ...{ totalMilliseconds: 300, attemptMilliseconds: 4_000, firstPauseMilliseconds: 20, maxPauseMilliseconds: 50 },
};

let directory: string;
const servers: Server[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "gateway-settings-"));
});
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Returns the port of `server`, which is closed at the end. */
async function listening(server: Server): Promise<number> {
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Returns what a start says: a line for each mistake. */
async function linesOf(work: () => unknown): Promise<readonly string[]> {
  try {
    await work();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    const kinds = [UnusableDatabase, UnusableRedis, UnusableStore, MigrationFailed];
    if (error instanceof Error && kinds.some((kind) => error instanceof kind)) return [error.message];
    throw error;
  }
}

/** One line, which names the variable, and has no stack, no path of the gateway and no advice that cannot help. */
function expectOneLine(lines: readonly string[], variable: string, expected: RegExp): void {
  expect(lines).toEqual([expect.stringMatching(expected)]);
  for (const line of lines) {
    expect(line).toContain(variable);
    expect(line).not.toMatch(/\n|\bat .*\.[jt]s:\d+|try again|try running|node_modules/i);
    expect(line).not.toContain(join(root, "src"));
    expect(line).not.toContain("hidden");
  }
}

const read = (environment: Record<string, string | undefined>) =>
  readStartSettings({ DATA_DIR: join(directory, "data"), PORT: "0", SIGNING_SECRET: secret, ...environment });

const onServer = { DATABASE_URL: "postgresql://someone:hidden@db.example/notes" };

describe("a mistake in the variables alone", () => {
  test.each<[string, Record<string, string | undefined>, RegExp]>([
    ["PORT", { PORT: "http" }, /must be a whole number/],
    ["PORT", { PORT: "70000" }, /must be at most 65535/],
    ["HOST", { HOST: "http://localhost" }, /must be a host name or an address, such as 127\.0\.0\.1/],
    ["PUBLIC_URL", { PUBLIC_URL: "notes.example" }, /must be an http or https URL/],
    ["PUBLIC_URL", { PUBLIC_URL: "https://notes.example/?tenant=1" }, /must be .* without a user, a query/],
    ["SIGNING_SECRET", { ...onServer, SIGNING_SECRET: undefined }, /is required with DATABASE_URL: .*openssl rand/],
    ["SIGNING_SECRET", { SIGNING_SECRET: "hidden" }, /must have at least 32 characters: openssl rand/],
    ["SIGNING_SECRET", { SIGNING_SECRET: " ".repeat(44) }, /must have at least 32 characters: openssl rand/],
    ["STORAGE", { STORAGE: "/var/files" }, /must be file:, .* or s3:\/\/bucket/],
    ["STORAGE", { STORAGE: "s3://files?regoin=eu-west-1" }, /must have no parameter regoin: it takes region, endpoint/],
    ["S3_PUBLIC_ENDPOINT", { S3_PUBLIC_ENDPOINT: "https://s3.example" }, /means nothing unless STORAGE is s3/],
    ["MAX_UPLOAD_BYTES", { MAX_UPLOAD_BYTES: "100MB" }, /must be a whole number/],
    ["MAX_RESPONSE_BYTES", { MAX_RESPONSE_BYTES: "1" }, /must be at least 65536/],
    ["OIDC_ISSUERS", { OIDC_ISSUERS: "http://login.example" }, /must be https URLs of issuers/],
    ["CORS_ORIGINS", { CORS_ORIGINS: "https://app.example/start" }, /must be origins such as .*, without a path/],
    ["LOG_LEVEL", { LOG_LEVEL: "verbose" }, /must be one of fatal, error, warn/],
    ["TRUSTED_PROXIES", { TRUSTED_PROXIES: "10.0.0.0/40" }, /must be addresses or networks such as 10\.0\.0\.0\/8/],
    ["REDIS_URL", { REDIS_URL: "localhost:6379" }, /must be a redis:\/\/ or rediss:\/\/ URL/],
    ["RATE_LIMIT_POINTS", { RATE_LIMIT_POINTS: "0" }, /must be at least 1/],
    ["DRAIN_MS", { DRAIN_MS: "-5" }, /must be a whole number/],
    ["AUDIT_RETENTION", { AUDIT_RETENTION: "forever" }, /must be a whole number/],
    ["DELETED_RETENTION", { DELETED_RETENTION: "0" }, /must be at least 1/],
    ["MAIL_TRUSTED_SENDERS", { MAIL_TRUSTED_SENDERS: "example.com" }, /must be mail addresses, or domains/],
    ["DATABASE_PREPARE", { ...onServer, DATABASE_PREPARE: "never" }, /must be off, or be left out/],
    ["DATABASE_PREPARE", { DATABASE_PREPARE: "off" }, /means nothing without DATABASE_URL/],
    ["DATABASE_URL", { DATABASE_URL: "mysql://someone:hidden@db.example/notes" }, /must be a postgresql:\/\/ URL/],
    ["DATABASE_URL", { DATABASE_URL: "postgresql://someone:hid#hidden@db.example/notes" }, /write @ as %40, .*# as %23/],
    ["DATABASE_URL", { DATABASE_URL: "postgresql://someone:hid/hidden@db.example/notes" }, /write @ as %40/],
    ["DATABASE_URL", { DATABASE_URL: "postgresql://someone:hid@hidden@db.example/notes" }, /write @ as %40/],
    ["DATABASE_URL", { DATABASE_URL: "postgresql://someone:hidden%@db.example/notes" }, /write @ as %40/],
    ["DATABASE_URL", { DATABASE_URL: `${onServer.DATABASE_URL}?sslmode=prefer` }, /sslmode is one of disable, no-verify/],
    ["DATABASE_URL", { DATABASE_URL: "postgresql://db.example:port/notes" }, /port is no port/],
    ["DATABASE_URL", { DATABASE_URL: "postgresql://a,b/notes?port=1,2,3" }, /has another number of ports than of hosts/],
    [
      "DATABASE_URL_DIRECT",
      { ...onServer, DATABASE_URL_DIRECT: `${onServer.DATABASE_URL}?sslmode=verify-ca` },
      /sslmode=verify-ca needs .* as sslrootcert/,
    ],
  ])("%s %j", async (variable, environment, expected) => {
    expectOneLine(await linesOf(() => read(environment)), variable, expected);
  });

  test("several hosts are none", async () => {
    const several = "postgresql://someone:hidden@one.example:5432,two.example:5433/notes?target_session_attrs=primary";
    expect(await linesOf(() => read({ DATABASE_URL: several }))).toEqual([]);
  });

  test("each is told, whatever else is wrong", async () => {
    const lines = await linesOf(() =>
      read({
        PORT: "x",
        DATABASE_URL: `${onServer.DATABASE_URL}?sslmode=prefer`,
        SIGNING_SECRET: undefined,
        LOG_LEVEL: "loud",
        GRAPHQL_PLUGINS: join(directory, "none.ts"),
      }),
    );
    expect(lines.map((line) => line.split(" ")[0]).toSorted()).toEqual([
      "DATABASE_URL",
      "GRAPHQL_PLUGINS",
      "LOG_LEVEL",
      "PORT",
      "SIGNING_SECRET",
    ]);
  });
});

describe("a name of a variable that is nearly one", () => {
  test.each([
    ["DATBASE_URL", "DATABASE_URL"],
    ["database_url", "DATABASE_URL"],
    ["SIGNING_SECERT", "SIGNING_SECRET"],
    ["CORS_ORIGIN", "CORS_ORIGINS"],
    ["RATE_LIMIT_POINT", "RATE_LIMIT_POINTS"],
    ["LOGLEVEL", "LOG_LEVEL"],
  ])("%s", (name, meant) => {
    expect(misspeltSettings({ [name]: "" })).toEqual([
      `${name} is no variable of the gateway and has no effect: ${meant} is one.`,
    ]);
  });

  test("no variable of others, and none of the gateway", () => {
    const names = ["HOSTNAME", "SHORT", "POST", "PGPORT", "AWS_REGION", "NODE_OPTIONS", "REDIS_HOST", ...settingNames];
    expect(misspeltSettings(Object.fromEntries(names.map((name) => [name, ""])))).toEqual([]);
  });
});

describe("a mistake about this machine", () => {
  test("DATA_DIR is a file", async () => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    expectOneLine(await linesOf(() => read({ DATA_DIR: file })), "DATA_DIR", /must be a directory that can be made/);
  });

  test.skipIf(process.platform !== "linux")("DATA_DIR cannot be written to", async () => {
    expectOneLine(await linesOf(() => read({ DATA_DIR: "/proc/notes" })), "DATA_DIR", /must be a directory that can be made/);
  });

  test("DATA_DIR is in use by another process", async () => {
    const data = join(directory, "used");
    const { database } = readConfig({ DATA_DIR: data });
    if (database.kind !== "embedded") throw new Error("Without DATABASE_URL it is embedded.");
    const lock = await lockWithPidFile(database.directory);
    const lines = await linesOf(() => read({ DATA_DIR: data }));
    await lock.release();
    expectOneLine(lines, "DATA_DIR", new RegExp(`is in use by process ${process.pid}.* another DATA_DIR or a DATABASE_URL`));
    expect(await linesOf(() => read({ DATA_DIR: data }))).toEqual([]);
  });

  test("PORT is taken", async () => {
    const port = await listening(createServer());
    expectOneLine(await linesOf(() => read({ PORT: String(port) })), "PORT", /is taken by another process: set a port/);
  });

  test("HOST is an address of another machine, and a name that nobody has", async () => {
    expectOneLine(await linesOf(() => read({ HOST: "192.0.2.1" })), "HOST", /is no address of this machine: set one/);
    expectOneLine(await linesOf(() => read({ HOST: "nowhere.invalid" })), "HOST", /is a name without an address: set/);
  });

  test("GRAPHQL_PLUGINS is not there, and one that exports none", async () => {
    const file = join(directory, "plugins.js");
    writeFileSync(file, "export const plugin = {};");
    const check = (GRAPHQL_PLUGINS: string) => linesOf(() => read({ GRAPHQL_PLUGINS }));
    expectOneLine(await check(join(directory, "none.js")), "GRAPHQL_PLUGINS", /names a file that is not there/);
    expectOneLine(await check(file), "GRAPHQL_PLUGINS", /must export an array called plugins/);
  });
});

const awaitUrl = (url: string) => linesOf(() => awaitDatabase({ kind: "postgresql", url }, log, impatient));

// The embedded database is the product's own, and there is nothing about it that could be wrong in these ways.
describe.skipIf(inject("testServer").kind === "embedded")("a mistake about the database", () => {
  let scratch: ScratchDatabase;
  let url: string;
  let name: string;

  beforeAll(async () => {
    scratch = await createScratchDatabase({ empty: true });
    if (scratch.config.kind === "embedded") throw new Error("Skipped there");
    ({ url } = scratch.config);
    name = new URL(url).pathname.slice(1);
  });
  afterAll(() => scratch.drop());

  const changed = (change: (changing: URL) => void) => {
    const copy = new URL(url);
    change(copy);
    return copy.href;
  };
  const send = async (statement: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };

  test("the name of the database, of the role and of the host", async () => {
    expectOneLine(await awaitUrl(urlOfDatabase(url, "none")), "DATABASE_URL", /has no database none .*: make it, or correct/);
    expectOneLine(
      await awaitUrl(changed((copy) => (copy.username = "nobody_of_that_name"))),
      "DATABASE_URL",
      /(does not let the role \S+ in|refuses the password of the role) .*: correct/,
    );
    expectOneLine(
      await awaitUrl(changed((copy) => (copy.hostname = "db.invalid"))),
      "DATABASE_URL",
      /^The host of DATABASE_URL is not known/,
    );
  });

  test("a port at which nobody listens: waited for, and then told", async () => {
    const port = String(await freePort());
    expectOneLine(
      await awaitUrl(changed((copy) => (copy.port = port))),
      "DATABASE_URL",
      /could not be connected to in \d+ s .*: start it, or correct DATABASE_URL/,
    );
  });

  test("a database that keeps text as LATIN1", async () => {
    const other = `${name}_latin1`;
    await send(`CREATE DATABASE ${other} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`);
    try {
      expectOneLine(await awaitUrl(urlOfDatabase(url, other)), "DATABASE_URL", /keeps text as LATIN1, .* ENCODING 'UTF8'/);
    } finally {
      await send(`DROP DATABASE ${other} WITH (FORCE)`);
    }
  });

  test("a role that may make no tables", async () => {
    const role = `${name}_reader`;
    await send(`CREATE ROLE ${role} LOGIN PASSWORD ${pg.escapeLiteral(new URL(url).password)}`);
    await send("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    const database = await openDatabase({ kind: "postgresql", url: changed((copy) => (copy.username = role)) }, log);
    try {
      const lines = await linesOf(() => migrate(database));
      expectOneLine(lines, "DATABASE_URL_DIRECT", /may make no tables in the schema public: run GRANT USAGE, CREATE/);
    } finally {
      await database.close();
      await send(`DROP ROLE ${role}`);
    }
  });

  test.each([
    ["version 14", { version: "140011", versionName: "14.11" }, /^PostgreSQL 15 or newer is needed, and that of .* is 14\.11/],
    ["a standby", { isStandby: "t" }, /^The server is a standby, which takes no writes: name the primary in/],
  ])("%s", async (_what, values, expected) => {
    const { hostname: host, port } = new URL(url);
    const proxy = await startRewritingProxy({ host, port: Number(port) }, values);
    try {
      const through = changed((copy) => {
        copy.hostname = "127.0.0.1";
        copy.port = String(proxy.port);
      });
      expectOneLine(await awaitUrl(through), "DATABASE_URL", expected);
    } finally {
      await proxy.close();
    }
  });
});

/** Returns a message of a server: https://www.postgresql.org/docs/current/protocol-message-formats.html */
function message(kind: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(kind), length, body]);
}

/** Serves as a PostgreSQL or a pooler that refuses everybody. */
function serveError(code: string, text: string): Promise<number> {
  const refusal = message("E", Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${text}\0\0`));
  return listening(
    createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.end(refusal));
    }),
  );
}

/** Serves as a PostgreSQL that asks for a password by SCRAM, up to where a client needs the password. */
function serveScram(): Promise<number> {
  const authentication = (kind: number, text: string) =>
    message("R", Buffer.concat([Buffer.from([0, 0, 0, kind]), Buffer.from(text)]));
  return listening(
    createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => {
        socket.write(authentication(10, "SCRAM-SHA-256\0\0"));
        socket.once("data", (first) => {
          const nonce = /r=(.*)$/.exec(first.toString("latin1"))?.[1] ?? "";
          socket.write(authentication(11, `r=${nonce}more,s=QUJD,i=4096`));
        });
      });
    }),
  );
}

describe("a mistake in the password", () => {
  test.each([
    // Of PostgreSQL, of PgBouncer 1.18 with md5 and with SCRAM, and of a server behind a PgBouncer.
    ["28P01", 'password authentication failed for user "someone"'],
    ["08P01", "password authentication failed"],
    ["08P01", "SASL authentication failed"],
    ["08P01", 'server login failed: FATAL password authentication failed for user "someone"'],
  ])("%s %s", async (code, text) => {
    const port = await serveError(code, text);
    expectOneLine(
      await awaitUrl(`postgresql://someone:hidden@127.0.0.1:${port}/notes`),
      "DATABASE_URL",
      /refuses the password of the role someone \(.*\): correct DATABASE_URL\.$/,
    );
  });

  test("there is none, and the server asks for one", async () => {
    for (const port of [await serveScram(), await serveError("28P01", "empty password returned by client")]) {
      const url = `postgresql://someone@127.0.0.1:${port}/notes`;
      expectOneLine(await awaitUrl(url), "DATABASE_URL", /asks the role someone for a password, and DATABASE_URL has none/);
    }
  });

  test.each(['database "notes" does not exist', 'role "someone" does not exist'])("no more than in: %s", async (text) => {
    const port = await serveError("08P01", text);
    const url = `postgresql://someone:hidden@127.0.0.1:${port}/notes`;
    expectOneLine(await awaitUrl(url), "DATABASE_URL", /has no database notes for the role someone .*: make it, or correct/);
  });
});

function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    // ENOENT, or its exit code: there is none that works.
    return false;
  }
}

describe.skipIf(!hasOpenssl())("a mistake about the certificate of the database", () => {
  let authority: string;
  const openssl = (...words: string[]) => execFileSync("openssl", words, { stdio: ["ignore", "ignore", "pipe"] });

  beforeAll(() => {
    authority = join(directory, "authority.pem");
    const key = join(directory, "authority.key");
    openssl(
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ours"],
      "-keyout",
      key,
      "-out",
      authority,
    );
  });

  /** Serves a certificate for `host` that is valid for `days`, to clients that begin as those of PostgreSQL do. */
  async function serveCertificate(host: string, days: number): Promise<number> {
    const path = (suffix: string) => join(directory, `${host}-${days}.${suffix}`);
    writeFileSync(path("ext"), `subjectAltName=DNS:${host}`);
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", `/CN=${host}`, "-keyout", path("key"), "-out", path("csr"));
    openssl(
      ...["x509", "-req", "-in", path("csr"), "-out", path("pem"), "-days", String(days), "-extfile", path("ext")],
      ...["-CA", authority, "-CAkey", join(directory, "authority.key"), "-CAcreateserial"],
    );
    const options = { isServer: true, key: readFileSync(path("key")), cert: readFileSync(path("pem")) };
    return listening(
      createServer((socket) => {
        socket.on("error", () => undefined);
        socket.once("data", () => {
          socket.write("S");
          new TLSSocket(socket, options).on("error", () => undefined);
        });
      }),
    );
  }

  test.each<[string, string, number, boolean, RegExp]>([
    ["of an authority of their own", "localhost", 1, false, /is not trusted \(.*\): name its authority with sslrootcert/],
    ["that has expired", "localhost", -1, true, /has expired \(.*\): renew it/],
    ["for another host", "db.example", 1, true, /is for another host \(.*\): name that host in DATABASE_URL/],
  ])("%s", async (_what, host, days, isTrusted, expected) => {
    const port = await serveCertificate(host, days);
    const trusted = isTrusted ? `&sslrootcert=${authority}` : "";
    const url = `postgresql://someone:hidden@localhost:${port}/notes?sslmode=verify-full${trusted}`;
    expectOneLine(await awaitUrl(url), "DATABASE_URL", expected);
  });
});

describe("a mistake about the store", () => {
  const check = async (STORAGE: string) => {
    const config = readConfig({ DATA_DIR: directory, SIGNING_SECRET: secret, STORAGE });
    const storage = await openStorage(config.storage, {
      publicUrl: config.publicUrl,
      signer: createSigner(secret, "files"),
      clock: systemClock,
      maximumBytes: 1,
    });
    try {
      return await linesOf(() => awaitStorage(config.storage, storage, log, impatient));
    } finally {
      await storage.close();
    }
  };
  const given = { AWS_ACCESS_KEY_ID: "someone", AWS_SECRET_ACCESS_KEY: "hidden" };
  const before = Object.fromEntries(Object.keys(given).map((name) => [name, process.env[name]]));
  beforeAll(() => void Object.assign(process.env, given));
  afterAll(() => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  test.each([
    [403, /^The store of STORAGE refuses the credentials for the bucket files: correct AWS_ACCESS_KEY_ID and/],
    [404, /has no bucket files: make it, or correct STORAGE/],
    [301, /is in another region: correct the region of STORAGE/],
  ])("it answers with %i", async (status, expected) => {
    const port = await listening(createHttpServer((_, response) => void response.writeHead(status).end()));
    expectOneLine(await check(`s3://files?endpoint=http://127.0.0.1:${port}`), "STORAGE", expected);
  });

  test("nobody answers: waited for, and then told", async () => {
    const lines = await check(`s3://files?endpoint=http://127.0.0.1:${await freePort()}`);
    expectOneLine(lines, "STORAGE", /did not answer in \d+ s \(.*ECONNREFUSED.*\): start it, or correct STORAGE/);
  });

  test("its host is not known", async () => {
    const lines = await check("s3://files?endpoint=http://store.invalid");
    expectOneLine(lines, "STORAGE", /^The host of STORAGE is not known/);
  });
});

describe("a mistake about Redis", () => {
  /** Answers each command as a Redis does that knows no such password, or has no such database. */
  const serveRedis = (reply: string) =>
    listening(
      createServer((socket) => {
        socket.on("error", () => undefined);
        socket.on("data", () => socket.write(`-${reply}\r\n`));
      }),
    );

  test.each([
    ["WRONGPASS invalid username-password pair or user is disabled.", /refuses the user and password: correct them there/],
    ["NOAUTH Authentication required.", /refuses the user and password/],
  ])("%s", async (reply, expected) => {
    const port = await serveRedis(reply);
    expectOneLine(await linesOf(() => checkRedis(`redis://:hidden@127.0.0.1:${port}`)), "REDIS_URL", expected);
  });

  test("its host is not known; one that does not answer is no mistake, since processes then count by themselves", async () => {
    expectOneLine(await linesOf(() => checkRedis("redis://cache.invalid")), "REDIS_URL", /^The host of REDIS_URL is not known/);
    expect(await linesOf(() => checkRedis("redis://127.0.0.1:1"))).toEqual([]);
  });
});

test("a start tells all of it, and ends with exit code 1", async () => {
  const port = await serveError("28P01", "no");
  const environment = {
    PATH: process.env["PATH"],
    PORT: "0",
    DATA_DIR: join(directory, "several"),
    DATABASE_URL: `postgresql://someone:hidden@127.0.0.1:${port}/notes`,
    SIGNING_SECRET: secret,
    SIGNING_SECERT: "x",
    REDIS_URL: "redis://cache.invalid",
  };
  const outcome: unknown = await promisify(execFile)(process.execPath, ["src/launch.js", "src/main.ts"], {
    cwd: root,
    env: environment,
  }).catch((error: unknown) => error);
  expect(outcome).toMatchObject({ code: 1, stdout: "" });
  const { stderr } = outcome as { stderr: string };
  expect(stderr.trim().split("\n")).toEqual([
    "SIGNING_SECERT is no variable of the gateway and has no effect: SIGNING_SECRET is one.",
    expect.stringMatching(/^PostgreSQL at 127\.0\.0\.1:\d+ refuses the password of the role someone/),
    expect.stringMatching(/^The host of REDIS_URL is not known/),
  ]);
});

describe("npm start -- --help", () => {
  test("has each variable that the README has, with its default", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    const section = readme.slice(readme.indexOf("## Configuration"), readme.indexOf("## On a real PostgreSQL"));
    const named = [...section.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`([A-Z0-9_]+)`/g)].map(([, name]) => name),
    );
    expect(named.toSorted()).toEqual(settingNames.toSorted());
    expect(settingsHelp()).toHaveLength(settingNames.length);
    for (const expected of [/^PORT +.*\(default: 4000\)$/, /^LOG_LEVEL +.*\(default: info\)$/, /^DRAIN_MS +.*5000 else\)$/])
      expect(settingsHelp()).toContainEqual(expect.stringMatching(expected));
  });

  test("says so with exit code 0, and for another argument with 2", async () => {
    const run = (word: string): Promise<unknown> =>
      promisify(execFile)(process.execPath, ["src/launch.js", "src/main.ts", word], { cwd: root }).catch(
        (error: unknown) => error,
      );
    expect(await run("--help")).toMatchObject({ stdout: expect.stringMatching(/^Usage: npm start\n[^]*  PORT /) as string });
    const stderr = expect.stringMatching(/'--bogus'[^]*Usage: npm start\n/) as string;
    expect(await run("--bogus")).toMatchObject({ code: 2, stdout: "", stderr });
  });
});
