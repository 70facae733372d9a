import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { DatabaseConfig } from "../src/config.ts";
import { openDatabase } from "../src/database/database.ts";
import { migrate, requireMigrated } from "../src/database/migrations.ts";
import { readMigrations } from "../src/database/migration-scripts.ts";
import type { Patience } from "../src/lib/back-off.ts";
import { awaitDatabase, UnusableDatabase } from "../src/database/start-checks.ts";
import { createScratchDatabase, type ScratchDatabase } from "./support/database.ts";
import { urlOfDatabase } from "./support/global-setup.ts";

const root = resolve(import.meta.dirname, "..");
const log = { warn: () => undefined };
const lacking = (migrations: string) =>
  `The database lacks ${migrations} of this version: run npm run migrate, or start the gateway.`;
/** As long as an attempt may take, and no time to wait for another. */
const impatient: Patience = {
  ...{ totalMilliseconds: 0, attemptMilliseconds: 5_000, firstPauseMilliseconds: 50, maxPauseMilliseconds: 50 },
};

// The embedded database is the product's own, and there is nothing about it that could be wrong in these ways.
describe.skipIf(inject("testServer").kind === "embedded")("a start", () => {
  let scratch: ScratchDatabase;
  let url: string;
  let name: string;

  beforeAll(async () => {
    scratch = await createScratchDatabase();
    if (scratch.config.kind === "embedded") throw new Error("Skipped there");
    ({ url } = scratch.config);
    name = new URL(url).pathname.slice(1);
  });
  afterAll(() => scratch.drop());

  const check = (changed: string, direct?: string) => {
    const config: DatabaseConfig = { kind: "postgresql", url: changed, directUrl: direct ?? changed };
    return awaitDatabase(config, log, impatient);
  };
  /** What the start says, which is one line. */
  const refusal = async (checked: Promise<void>): Promise<string> => {
    const error = await checked.then(
      () => new Error("It was accepted"),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof UnusableDatabase)) throw error;
    expect(error.message).not.toContain("\n");
    return error.message;
  };
  const send = async (...statements: string[]) => {
    // Without the time limit that a test sets for the database.
    const client = new pg.Client({ connectionString: url, options: "-c statement_timeout=0" });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  };
  /** Its password is that of the URL, so that the URL of another role is the same but for the name. */
  const createRole = (role: string) => send(`CREATE ROLE ${role} LOGIN PASSWORD ${pg.escapeLiteral(new URL(url).password)}`);
  const withRole = (role: string) => {
    const changed = new URL(url);
    changed.username = role;
    return changed.href;
  };

  test("accepts what it can work on, whatever is set there", async () => {
    await expect(check(url)).resolves.toBeUndefined();
    await send(`ALTER DATABASE ${name} SET statement_timeout = 1`, `ALTER DATABASE ${name} SET search_path = 'elsewhere'`);
    await expect(check(url)).resolves.toBeUndefined();
    await send(`ALTER DATABASE ${name} RESET ALL`);
  });

  test.each(["SQL_ASCII", "LATIN1"])("refuses a database that keeps text as %s", async (encoding) => {
    const other = `${name}_${encoding.toLowerCase()}`;
    await send(`CREATE DATABASE ${other} ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`);
    try {
      expect(await refusal(check(urlOfDatabase(url, other)))).toMatch(
        new RegExp(`^The database ${other} keeps text as ${encoding}, .*CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`),
      );
    } finally {
      await send(`DROP DATABASE ${other} WITH (FORCE)`);
    }
  });

  test("refuses one that takes no writes, and the advice helps", async () => {
    await send(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    const said = await refusal(check(url));
    expect(said).toContain(`The database ${name} of DATABASE_URL takes no writes`);
    const advice = /\((ALTER DATABASE [^;]*);/.exec(said)?.[1] ?? "";
    await send("SET default_transaction_read_only = off", advice);
    await check(url);
  });

  test("refuses a role that may not use what is there, and the advice helps; a role that migrates is another", async () => {
    const role = `${name}_writer`;
    await createRole(role);
    try {
      await send("REVOKE ALL ON SCHEMA public FROM PUBLIC");
      const noSchema = await refusal(check(withRole(role), url));
      expect(noSchema).toMatch(/may not use the schema public: run GRANT USAGE/);
      await send(/run (.*)\.$/.exec(noSchema)?.[1] ?? "");

      const noTables = await refusal(check(withRole(role), url));
      expect(noTables).toContain("accounts, api_keys, attachments, attachments_number_seq, audit_events");
      expect(noTables).toContain("notes_number_seq");
      await send(/run (.*)\.$/.exec(noTables)?.[1] ?? "");
      await check(withRole(role), url);

      await send(`REVOKE DELETE ON notes FROM ${role}`, `REVOKE UPDATE, DELETE ON audit_events FROM ${role}`);
      expect(await refusal(check(withRole(role), url))).toContain(" may not read and write notes: run ");
    } finally {
      await send(`DROP OWNED BY ${role}`, `DROP ROLE ${role}`);
    }
  });

  test("refuses a role that may make no tables where they are missing, and one that may not read those that were made", async () => {
    const empty = await createScratchDatabase({ empty: true });
    if (empty.config.kind === "embedded") throw new Error("Skipped there");
    const role = `${name}_reader`;
    await createRole(role);
    const changed = new URL(empty.config.url);
    changed.username = role;
    const forbidden = await openDatabase({ kind: "postgresql", url: changed.href }, log);
    const elsewhere = await openDatabase({ kind: "postgresql", url: `${changed.href}?schema=elsewhere` }, log);
    const split = await openDatabase({ kind: "postgresql", url: changed.href, directUrl: empty.config.url }, log);
    try {
      await expect(migrate(forbidden)).rejects.toThrow(
        `Migrations are missing, and the role ${role} may make no tables in the schema public: run GRANT USAGE, CREATE ON SCHEMA "public" TO "${role}", or`,
      );
      await expect(migrate(elsewhere)).rejects.toThrow(`run CREATE SCHEMA "elsewhere" AUTHORIZATION "${role}", or`);
      await expect(migrate(split)).rejects.toThrow(/^The role \S+_reader of DATABASE_URL may not read and write accounts, /);
    } finally {
      await Promise.all([forbidden.close(), elsewhere.close(), split.close()]);
      await empty.drop();
      await send(`DROP ROLE ${role}`);
    }
  });

  test("refuses two URLs that lead to different databases, before one is migrated; two ways to one are not", async () => {
    const other = `${name}_other`;
    await send(`CREATE DATABASE ${other}`);
    try {
      expect(await refusal(check(url, urlOfDatabase(url, other)))).toBe(
        `DATABASE_URL and DATABASE_URL_DIRECT lead to different databases (${name}, ${other}): name the same one in both.`,
      );
      const anotherWay = new URL(url);
      anotherWay.searchParams.set("application_name", "migrations");
      await expect(check(url, anotherWay.href)).resolves.toBeUndefined();
    } finally {
      await send(`DROP DATABASE ${other}`);
    }
  });

  test("of what works on tables is refused, in one sentence, where they are missing", async () => {
    const other = `${name}_bare`;
    await send(`CREATE DATABASE ${other}`);
    const database = await openDatabase({ kind: "postgresql", url: urlOfDatabase(url, other) }, log);
    try {
      const count = (await readMigrations()).length;
      expect(await refusal(requireMigrated(database))).toBe(lacking(`${count} migrations`));
      await migrate(database);
      await expect(requireMigrated(database)).resolves.toBeUndefined();
      await database.pool.query(
        "DELETE FROM _prisma_migrations WHERE migration_name = (SELECT max(migration_name) FROM _prisma_migrations)",
      );
      expect(await refusal(requireMigrated(database))).toBe(lacking("a migration"));
    } finally {
      await database.close();
      await send(`DROP DATABASE ${other}`);
    }
  });

  test("of a command is refused where a table was dropped, and of the check where none was made", async () => {
    const other = `${name}_dropped`;
    await send(`CREATE DATABASE ${other}`);
    const otherUrl = urlOfDatabase(url, other);
    const database = await openDatabase({ kind: "postgresql", url: otherUrl }, log);
    const command = (...parameters: string[]) =>
      promisify(execFile)(process.execPath, parameters, {
        cwd: root,
        env: { ...process.env, DATABASE_URL: otherUrl, DATABASE_URL_DIRECT: "", SIGNING_SECRET: "x".repeat(32) },
      }).catch((error: unknown) => error);
    try {
      const unmigrated = { code: 1, stdout: "", stderr: `${lacking(`${(await readMigrations()).length} migrations`)}\n` };
      const commands = [
        ["src/storage-check.ts"],
        ["src/export-data.ts", "--account", "x", "--to", "nowhere"],
        ["src/import-data.ts", "--from", "v1", "--files", "nowhere", "--dry-run"],
        ["src/keys.ts", "list"],
        ["src/admin.ts", "accounts", "list"],
        ["src/admin.ts", "accounts", "add", "--account", "x", "--name", "X"],
      ];
      for (const parameters of commands) expect(await command(...parameters), parameters.join(" ")).toMatchObject(unmigrated);
      const made = await database.pool.query("SELECT FROM pg_tables WHERE schemaname = 'public'");
      expect(made.rowCount).toBe(0);
      const setup = ["--account", "x", "--account-name", "X", "--person", "x@example.com", "--name", "X"];
      expect(await command("src/setup.ts", ...setup)).toMatchObject({ stdout: expect.stringMatching(/^tnk_/) });
      await database.pool.query("DROP TABLE api_keys CASCADE");
      const stderr = expect.stringMatching(/^The database lacks api_keys, .*: restore it from a backup\.\n$/) as string;
      for (const parameters of [["src/storage-check.ts"], ["src/keys.ts", "list"]])
        expect(await command(...parameters)).toMatchObject({ code: 1, stdout: "", stderr });
    } finally {
      await database.close();
      await send(`DROP DATABASE ${other}`);
    }
  }, 240_000);

  test("of a role that lacks a right is refused in one sentence that says which, and what to do", async () => {
    const role = `${name}_guest`;
    const rejects = join(tmpdir(), `${role}.ndjson`);
    await createRole(role);
    const command = (variables: object, ...parameters: string[]) =>
      promisify(execFile)(process.execPath, parameters, {
        cwd: root,
        env: {
          ...{ ...process.env, DATABASE_URL: withRole(role), DATABASE_URL_DIRECT: "", DATA_DIR: "", PORT: "0" },
          ...{ SIGNING_SECRET: "x".repeat(32), LOG_LEVEL: "silent", ...variables },
        },
      }).catch((error: unknown) => error);
    const refused = (sentence: RegExp) => ({ code: 1, stdout: "", stderr: expect.stringMatching(sentence) as string });
    try {
      await send(
        `GRANT USAGE ON SCHEMA public TO ${role}`,
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role}`,
        `GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role}`,
      );
      const sequences =
        /^The role \S+_guest of DATABASE_URL may not set \S*attachments_number_seq, .*people_number_seq, .*: name the role that owns .*\n$/;
      const importing = ["src/import-data.ts", "--from", "v1", "--files", "nowhere", "--rejects", rejects];
      expect(await command({}, ...importing)).toMatchObject(refused(sequences));
      expect(await command({}, ...importing, "--dry-run")).toMatchObject(refused(sequences));

      await send(`REVOKE SELECT ON _prisma_migrations FROM ${role}`);
      const history =
        /^The role that sees to migrations lacks a right \(permission denied for table _prisma_migrations\): name .* DATABASE_URL_DIRECT.*\n$/;
      expect(await command({}, "src/keys.ts", "list")).toMatchObject(refused(history));
      const direct = { DATABASE_URL: url, DATABASE_URL_DIRECT: withRole(role) };
      expect(await command(direct, "src/main.ts")).toMatchObject(refused(history));
      expect(await command(direct, "src/migrate.ts")).toMatchObject(refused(history));
    } finally {
      await send(`DROP OWNED BY ${role}`, `DROP ROLE ${role}`);
    }
  }, 240_000);

  test("refuses a database and a role that are not there", async () => {
    expect(await refusal(check(urlOfDatabase(url, "no_such_database")))).toMatch(
      /^PostgreSQL at \S+ has no database no_such_database for the role \S+ \(database "no_such_database" does not exist\): make it/,
    );
    expect(await refusal(check(withRole("no_such_role")))).toMatch(
      // By how the server authenticates.
      /^PostgreSQL at \S+ (does not let the role no_such_role in|refuses the password of the role no_such_role) \(.*\): correct DATABASE_URL/,
    );
    expect(await refusal(check(url, urlOfDatabase(url, "no_such_database")))).toContain("or correct DATABASE_URL_DIRECT");
  });

  test("refuses a host that is not known, TLS where there is none, and what cannot be read", async () => {
    expect(await refusal(check("postgresql://a@no-such-host.invalid/b"))).toMatch(/^The host of DATABASE_URL is not known/);
    expect(await refusal(check(`${url}?sslmode=verify-full`))).toMatch(/offers no TLS/);
    await expect(check(`${url}?sslrootcert=/no/such/file`)).rejects.toThrow(/DATABASE_URL cannot be used: .*\/no\/such\/file/);
    await expect(check(url, `${url}?target_session_attrs=nonsense`)).rejects.toThrow(/DATABASE_URL_DIRECT cannot be used/);
  });
});

/** Answers every connection as a PostgreSQL would, with an error of `code`, or with nothing where there is none. */
async function serveError(code: string | undefined, message: string): Promise<{ server: Server; port: number }> {
  const field = (kind: string, value: string) => Buffer.from(`${kind}${value}\0`);
  const body = Buffer.concat([
    field("S", "FATAL"),
    field("V", "FATAL"),
    field("C", code ?? ""),
    field("M", message),
    Buffer.from("\0"),
  ]);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (code === undefined) socket.destroy();
    else socket.once("data", () => socket.end(Buffer.concat([Buffer.from("E"), length, body])));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return { server, port: typeof address === "object" && address !== null ? address.port : 0 };
}

describe("a fault of several servers", () => {
  test("lasts where it does for each of them", async () => {
    const [one, two, none] = [
      await serveError("28P01", "no"),
      await serveError("28P01", "no"),
      await serveError(undefined, ""),
    ];
    const check = (...ports: number[]) =>
      awaitDatabase(
        { kind: "postgresql", url: `postgresql://someone@${ports.map((port) => `127.0.0.1:${port}`).join(",")}/b` },
        log,
        impatient,
      );
    await expect(check(one.port, two.port)).rejects.toThrow(
      `PostgreSQL at 127.0.0.1:${one.port}, 127.0.0.1:${two.port} refuses the password of the role someone (no): correct DATABASE_URL.`,
    );
    await expect(check(one.port, none.port)).rejects.toThrow(
      /could not be connected to in 0 s \(None of the 2 servers .*; no; /,
    );
    for (const { server } of [one, two, none]) server.close();
  });
});

describe("a fault while connecting", () => {
  const attempt = async (code: string | undefined, message: string) => {
    const { server, port } = await serveError(code, message);
    const said: string[] = [];
    let connections = 0;
    server.on("connection", () => connections++);
    const config: DatabaseConfig = { kind: "postgresql", url: `postgresql://someone:secret@127.0.0.1:${port}/something` };
    const patience: Patience = {
      ...{ totalMilliseconds: 1_000, attemptMilliseconds: 5_000, firstPauseMilliseconds: 10, maxPauseMilliseconds: 50 },
    };
    const error = await awaitDatabase(config, { warn: (_details, text) => said.push(text) }, patience).catch(
      (thrown: unknown) => thrown,
    );
    server.close();
    if (!(error instanceof UnusableDatabase)) throw error;
    expect(error.message).not.toMatch(/secret|\n/);
    return { message: error.message, said, connections };
  };

  test.each([
    ["57P03", "the database system is starting up"],
    ["53300", "sorry, too many clients already"],
    ["57P01", "terminating connection due to administrator command"],
    ["08P01", "pgbouncer cannot connect to server"],
    ["08P01", "query_wait_timeout"],
    [undefined, "Connection terminated unexpectedly"],
  ])("%s %s may pass: it is waited for, told once, and then in one sentence", async (code, message) => {
    const outcome = await attempt(code, message);
    expect(outcome.connections).toBeGreaterThan(2);
    expect(outcome.said).toEqual([
      expect.stringMatching(/^PostgreSQL at 127\.0\.0\.1:\d+ does not answer yet; waiting for it$/),
    ]);
    expect(outcome.message).toMatch(
      /^PostgreSQL at \S+ could not be connected to in 1 s \(.*\): start it, or correct DATABASE_URL\.$/,
    );
    expect(outcome.message).toContain(message);
  });

  test.each([
    ["28P01", "password authentication failed", /refuses the password of the role someone/],
    ["28000", "no pg_hba.conf entry", /does not let the role someone in/],
    ["3D000", "there is none", /has no database something/],
    ["08P01", "no such database: something", /has no database something/],
    ["08P01", "unsupported startup parameter: options", /cannot be used/],
    ["42501", "permission denied for database", /The role someone of DATABASE_URL may not connect/],
    ["42704", "unrecognized configuration parameter", /cannot be used/],
  ])("%s %s lasts: it is said at once", async (code, message, expected) => {
    const outcome = await attempt(code, message);
    expect(outcome.connections).toBe(1);
    expect(outcome.said).toEqual([]);
    expect(outcome.message).toMatch(expected);
    expect(outcome.message).toContain(message);
  });

  test.each(["main.ts", "migrate.ts", "load-demo.ts", "keys.ts", "storage-check.ts"])(
    "ends %s with the sentence and exit code 1",
    async (script) => {
      const { server, port } = await serveError("28P01", "password authentication failed");
      const environment = {
        ...{ DATABASE_URL: `postgresql://someone:secret@127.0.0.1:${port}/something`, DATABASE_URL_DIRECT: "" },
        SIGNING_SECRET: "a secret of more than thirty-two characters",
      };
      const parameters = [`src/${script}`, ...(script === "keys.ts" ? ["list"] : [])];
      const outcome: unknown = await promisify(execFile)(process.execPath, parameters, {
        cwd: root,
        env: { ...process.env, ...environment },
      }).catch((error: unknown) => error);
      server.close();
      expect(outcome).toMatchObject({
        code: 1,
        stdout: "",
        stderr: `PostgreSQL at 127.0.0.1:${port} refuses the password of the role someone (password authentication failed): correct DATABASE_URL.\n`,
      });
    },
  );
});

describe("a command", () => {
  let server: Server;
  let connections: number;

  /** Serves as a PostgreSQL that starts up at the first connection, and refuses everybody at the others. */
  beforeAll(async () => {
    server = createServer((socket) => {
      connections += 1;
      const fields = connections === 1 ? "C57P03\0Mthe database system is starting up" : "C28P01\0Mno such password";
      const body = Buffer.from(`SFATAL\0VFATAL\0${fields}\0\0`);
      const head = Buffer.from("E\0\0\0\0");
      head.writeInt32BE(body.length + 4, 1);
      socket.on("error", () => undefined);
      socket.once("data", () => socket.end(Buffer.concat([head, body])));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
  });
  afterAll(() => server.close());

  test.each([
    ["src/admin.ts", "accounts", "list"],
    ["src/export-data.ts", "--account", "x", "--to", "nowhere"],
    ["src/storage-check.ts"],
    ["src/load-demo.ts"],
    ["src/migrate.ts"],
  ])(
    "logs as much as LOG_LEVEL says, to standard error: %s",
    async (...parameters) => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const run = async (LOG_LEVEL: string) => {
        connections = 0;
        const env = {
          ...{ PATH: process.env["PATH"], LOG_LEVEL, SIGNING_SECRET: "x".repeat(32) },
          DATABASE_URL: `postgresql://someone:secret@127.0.0.1:${port}/notes?sslmode=disable`,
        };
        // A command that fails rejects with what it has printed.
        const ended: unknown = await promisify(execFile)(process.execPath, parameters, { cwd: root, env }).catch(
          (error: unknown) => error,
        );
        return ended as { readonly code: number; readonly stdout: string; readonly stderr: string };
      };
      const refused = /^PostgreSQL at .* refuses the password of the role someone .*\n$/;
      const usual = await run("");
      expect(usual).toMatchObject({ code: 1, stdout: "" });
      const [line = "", ...others] = usual.stderr.split(/(?<=\n)/);
      expect(JSON.parse(line)).toMatchObject({ level: 40, msg: expect.stringContaining("does not answer yet") });
      expect(others.join("")).toMatch(refused);
      expect(await run("error")).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(refused) });
    },
    240_000,
  );
});
