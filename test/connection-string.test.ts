import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { ConfigError } from "../src/config.ts";
import { Unavailable } from "../src/errors.ts";
import { readConnectionString } from "../src/database/connection-string.ts";
import { openDatabase } from "../src/database/database.ts";
import { isUnavailable } from "../src/database/unavailable.ts";
import { createScratchDatabase, type ScratchDatabase } from "./support/database.ts";

describe("the servers that a connection string names", () => {
  const common = { user: "me", password: "p@ss", database: "notes" };
  test.each([
    ["postgresql://me:p%40ss@db:5433/notes", [{ ...common, host: "db", port: 5433 }]],
    ["postgres://me:p%40ss@db/notes", [{ ...common, host: "db" }]],
    [
      "postgresql://me:p%40ss@a:1,b,[::1]:3/notes",
      [
        { ...common, host: "a", port: 1 },
        { ...common, host: "b" },
        { ...common, host: "::1", port: 3 },
      ],
    ],
    [
      "postgresql://me:p%40ss@/notes?host=a,b&port=6432",
      [
        { ...common, host: "a", port: 6432 },
        { ...common, host: "b", port: 6432 },
      ],
    ],
    [
      "postgresql://me:p%40ss@/notes?host=/run/postgresql&sslmode=require",
      [{ ...common, host: "/run/postgresql", ssl: false }],
    ],
    ["postgresql://me:p%40ss@%2Frun%2Fpostgresql:5433/notes", [{ ...common, host: "/run/postgresql", port: 5433, ssl: false }]],
    ["postgresql:///notes?user=me&application_name=gateway", [{ user: "me", database: "notes", application_name: "gateway" }]],
    // What other clients of Prisma and of PostgreSQL understand, and what would be refused by a pooler, does not reach
    // the server.
    [
      "postgresql://me:p%40ss@db/notes?schema=x&connection_limit=3&pgbouncer=true&statement_timeout=1&query_timeout=1",
      [{ ...common, host: "db" }],
    ],
  ])("%s", (url, servers) => {
    expect(readConnectionString(url).servers).toEqual(servers);
  });

  test("are asked for what target_session_attrs says, and have their tables where schema says", () => {
    expect(readConnectionString("postgresql://h/d")).toMatchObject({ sessionAttributes: "any", schema: "public" });
    expect(readConnectionString("postgresql://h/d?target_session_attrs=read-write&schema=notes")).toMatchObject({
      sessionAttributes: "read-write",
      schema: "notes",
    });
  });

  test.each([
    ["postgresql://h/d?target_session_attrs=master", "target_session_attrs"],
    ["postgresql://h:0/d", "port"],
    ["postgresql://h:x/d", "port"],
    ["postgresql://a,b,c/d?port=1,2", "ports"],
    ["postgresql://h/d?sslmode=prefer", "sslmode"],
    ["postgresql://h/d?sslmode=verify-ca", "sslrootcert"],
    ["postgresql://h/d?sslmode=verify-full&sslrootcert=/nowhere.pem", "nowhere.pem"],
    ["postgresql://u:%ff@h/d", "DATABASE_URL"],
  ])("are refused in one sentence: %s", (url, words) => {
    let refusal: unknown;
    try {
      readConnectionString(url);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(ConfigError);
    expect((refusal as ConfigError).problems).toEqual([expect.stringContaining(words)]);
    expect((refusal as ConfigError).message).toContain("DATABASE_URL");
  });

  describe("and how they are encrypted", () => {
    let directory: string;
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), "gateway-certificates-"));
      writeFileSync(join(directory, "root.pem"), "a certificate");
    });
    afterAll(() => rmSync(directory, { recursive: true, force: true }));

    const tlsOf = (parameters: string) => readConnectionString(`postgresql://h/d?${parameters}`).servers[0]?.ssl;

    test("is verified unless the URL says otherwise by name", () => {
      const root = `sslrootcert=${directory}/root.pem`;
      expect(tlsOf("")).toBeUndefined();
      expect(tlsOf("sslmode=disable")).toBe(false);
      expect(tlsOf("sslmode=no-verify")).toEqual({ rejectUnauthorized: false });
      for (const mode of ["require", "verify-full"]) expect(tlsOf(`sslmode=${mode}`)).toEqual({});
      expect(tlsOf("sslmode=verify-full&sslrootcert=system")).toEqual({});
      expect(tlsOf(root)).toEqual({ ca: "a certificate" });
      expect(tlsOf(`sslmode=verify-full&${root}`)).toEqual({ ca: "a certificate" });
      // By its authority, whatever its name: as with libpq.
      for (const mode of ["require", "verify-ca"])
        expect(tlsOf(`sslmode=${mode}&${root}`)).toEqual({ ca: "a certificate", checkServerIdentity: expect.any(Function) });
    });
  });
});

describe("what says that the database is away", () => {
  test.each([
    "CERT_HAS_EXPIRED",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "EPROTO",
  ])("%s", (code) => {
    expect(isUnavailable(Object.assign(new Error("of TLS"), { code }))).toBe(true);
  });

  test("a server without TLS where TLS is asked for, and a socket that is not there", async () => {
    const refusing = createServer((socket) => socket.once("data", () => socket.end("N")));
    refusing.listen(0, "127.0.0.1");
    await once(refusing, "listening");
    const urls = [`postgresql://u@127.0.0.1:${portOf(refusing)}/d?sslmode=require`, "postgresql:///d?host=/nowhere&user=u"];
    for (const url of urls)
      await expect(openDatabase({ kind: "postgresql", url }, { warn: () => undefined })).rejects.toBeInstanceOf(Unavailable);
    refusing.close();
  });
});

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("A TCP server has an address with a port");
  return address.port;
}

describe.skipIf(inject("testServer").kind === "embedded")("several hosts", () => {
  let scratch: ScratchDatabase;
  let url: URL;
  beforeAll(async () => {
    scratch = await createScratchDatabase();
    if (scratch.config.kind === "embedded") throw new Error("Skipped there");
    url = new URL(scratch.config.url);
  });
  afterAll(() => scratch.drop());

  const log = { warn: () => undefined };
  const limits = { connectMilliseconds: 2_000, statementMilliseconds: 2_000, answerMilliseconds: 2_000 };
  const at = (hosts: string, parameters = "") =>
    `postgresql://${url.username}${url.password ? `:${url.password}` : ""}@${hosts}${url.pathname}?${parameters}`;

  test("are tried in their order: one that refuses, one that is silent, and one that answers", async () => {
    const silent = createServer();
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const server = `${url.hostname}:${url.port || 5432}`;
    const database = await openDatabase(
      { kind: "postgresql", url: at(`127.0.0.1:1,127.0.0.1:${portOf(silent)},${server}`, "target_session_attrs=read-write") },
      log,
      limits,
    );
    try {
      await database.check();
      expect(await database.prisma.account.count()).toBe(0);
      await expect(database.prisma.$transaction((transaction) => transaction.account.findMany())).resolves.toEqual([]);
    } finally {
      await database.close();
      silent.close();
    }
  });

  test("are unavailable where none is as target_session_attrs wants it", async () => {
    const server = `${url.hostname}:${url.port || 5432}`;
    for (const wanted of ["standby", "read-only"]) {
      const opening = openDatabase({ kind: "postgresql", url: at(server, `target_session_attrs=${wanted}`) }, log, limits);
      await expect(opening).rejects.toMatchObject({ code: "UNAVAILABLE", cause: { message: expect.stringContaining(wanted) } });
    }
    const administrator = new pg.Client({ connectionString: url.href });
    await administrator.connect();
    await administrator.query(`ALTER DATABASE ${url.pathname.slice(1)} SET default_transaction_read_only = on`);
    const wanting = openDatabase({ kind: "postgresql", url: at(server, "target_session_attrs=read-write") }, log, limits);
    await expect(wanting).rejects.toBeInstanceOf(Unavailable);
    const preferring = await openDatabase(
      { kind: "postgresql", url: at(`127.0.0.1:1,${server}`, "target_session_attrs=prefer-standby") },
      log,
      limits,
    );
    await preferring.close();
    await administrator.query(`ALTER DATABASE ${url.pathname.slice(1)} RESET ALL`);
    await administrator.end();
  });
});
