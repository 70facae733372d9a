import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConfigError, readConfig } from "../src/config.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gateway-config-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const secret = "a secret of 32 characters, or more";
const read = (environment: Record<string, string | undefined> = {}) =>
  readConfig({ DATA_DIR: directory, SIGNING_SECRET: secret, ...environment });

function problemsOf(environment: Record<string, string | undefined>): readonly string[] {
  try {
    read(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test("nothing set is the embedded database and files below .data, on 127.0.0.1:4000", () => {
  expect(readConfig({ SIGNING_SECRET: secret })).toMatchObject({
    host: "127.0.0.1",
    port: 4000,
    publicUrl: "http://127.0.0.1:4000",
    database: { kind: "embedded", directory: resolve(".data", "database") },
    dataDirectory: resolve(".data"),
    storage: { kind: "file", directory: resolve(".data", "files") },
    maxUploadBytes: 104_857_600,
    oidcIssuers: [],
    corsOrigins: [],
    logLevel: "info",
  });
});

test("every address is none to call: without PUBLIC_URL, URLs lead to localhost", () => {
  for (const HOST of ["0.0.0.0", "::"]) expect(read({ HOST, PORT: "8080" }).publicUrl).toBe("http://localhost:8080");
  expect(read({ HOST: "192.0.2.7" }).publicUrl).toBe("http://192.0.2.7:4000");
  expect(read({ HOST: "0.0.0.0", PUBLIC_URL: "https://notes.example.com" }).publicUrl).toBe("https://notes.example.com");
});

test("everything can be set", () => {
  const config = read({
    HOST: "::1",
    PORT: "8080",
    PUBLIC_URL: "https://notes.example.com/base/",
    DATABASE_URL: "postgresql://user:password@db:5432/notes",
    STORAGE: "s3://bucket?endpoint=https://s3.example.com&region=eu-west-1",
    MAX_UPLOAD_BYTES: "5",
    OIDC_ISSUERS: "https://one.example.com, https://two.example.com/realm",
    CORS_ORIGINS: "https://app.example.com,http://localhost:3000 ,",
    LOG_LEVEL: "silent",
  });
  expect(config).toMatchObject({
    host: "::1",
    port: 8080,
    publicUrl: "https://notes.example.com/base",
    database: { kind: "postgresql", url: "postgresql://user:password@db:5432/notes" },
    signingSecret: secret,
    storage: { kind: "s3", bucket: "bucket", region: "eu-west-1", endpoint: "https://s3.example.com" },
    maxUploadBytes: 5,
    oidcIssuers: ["https://one.example.com", "https://two.example.com/realm"],
    corsOrigins: ["https://app.example.com", "http://localhost:3000"],
    logLevel: "silent",
  });
});

test("an empty variable is one that is not set, as compose files and shells spell it", () => {
  expect(read({ PORT: "", DATABASE_URL: "", PUBLIC_URL: "", CORS_ORIGINS: "", LOG_LEVEL: "" })).toEqual(read());
});

test("the public URL follows host and port, with brackets where the host needs them", () => {
  expect(read({ PORT: "5000" }).publicUrl).toBe("http://127.0.0.1:5000");
  expect(read({ HOST: "::1", PORT: "5000" }).publicUrl).toBe("http://[::1]:5000");
});

describe("what cannot be used is refused by its name:", () => {
  test.each([
    ["PORT", "no"],
    ["PORT", "-1"],
    ["PORT", "65536"],
    ["PORT", "80.5"],
    ["PORT", "0x50"],
    ["PUBLIC_URL", "notes.example.com"],
    ["PUBLIC_URL", "ftp://notes.example.com"],
    ["DATABASE_URL", "mysql://db/notes"],
    ["DATABASE_URL", "db"],
    ["SIGNING_SECRET", "short"],
    ["STORAGE", "ftp://bucket"],
    ["STORAGE", "s3://"],
    ["MAX_UPLOAD_BYTES", "0"],
    ["MAX_UPLOAD_BYTES", "1e9"],
    ["MAX_UPLOAD_BYTES", "99999999999999999999"],
    ["OIDC_ISSUERS", "https://fine.example.com,nonsense"],
    ["CORS_ORIGINS", "*"],
    ["CORS_ORIGINS", "https://app.example.com/"],
    ["CORS_ORIGINS", "https://app.example.com/path"],
    ["CORS_ORIGINS", "app.example.com"],
    ["LOG_LEVEL", "loud"],
  ])("%s=%s", (name, value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(problem).toMatch(new RegExp(`^${name} must `));
  });
});

test("all that is wrong is said at once", () => {
  const problems = problemsOf({
    PORT: "x",
    DATABASE_URL: "mysql://db",
    MAX_UPLOAD_BYTES: "-1",
    LOG_LEVEL: "loud",
    SIGNING_SECRET: undefined,
  });
  expect(problems.map((problem) => problem.split(" ")[0]).toSorted()).toEqual([
    "DATABASE_URL",
    "LOG_LEVEL",
    "MAX_UPLOAD_BYTES",
    "PORT",
    "SIGNING_SECRET",
  ]);
});

describe("the signing secret", () => {
  test("is asked for where there is a DATABASE_URL: every process must sign with the same one", () => {
    expect(problemsOf({ DATABASE_URL: "postgresql://db/notes", SIGNING_SECRET: undefined })).toEqual([
      expect.stringMatching(/^SIGNING_SECRET is required/),
    ]);
  });

  test("is made once otherwise, kept, and readable by its owner alone", () => {
    const first = readConfig({ DATA_DIR: join(directory, "new") });
    expect(first.signingSecret.length).toBeGreaterThanOrEqual(32);
    expect(readConfig({ DATA_DIR: join(directory, "new") }).signingSecret).toBe(first.signingSecret);
    const path = join(directory, "new", "signing-secret");
    expect(readFileSync(path, "utf8").trim()).toBe(first.signingSecret);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readConfig({ DATA_DIR: join(directory, "another") }).signingSecret).not.toBe(first.signingSecret);
  });
});
