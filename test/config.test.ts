import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
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
    auditRetentionDays: 365,
    deletedRetentionDays: 30,
    persistedDocuments: undefined,
    persistedDocumentsOnly: false,
    mail: { authservId: undefined, senders: [] },
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
    AUDIT_RETENTION: "30",
    DELETED_RETENTION: "7",
    PERSISTED_DOCUMENTS: "manifests",
    PERSISTED_DOCUMENTS_ONLY: "true",
    MAIL_AUTHSERV_ID: "mx.example.com",
    MAIL_TRUSTED_SENDERS: "anna@example.com, @desk.example",
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
    auditRetentionDays: 30,
    deletedRetentionDays: 7,
    persistedDocuments: "manifests",
    persistedDocumentsOnly: true,
    mail: { authservId: "mx.example.com", senders: ["anna@example.com", "@desk.example"] },
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
    ["HOST", "999.1.1.1"],
    ["HOST", "127.1"],
    ["HOST", "a b"],
    ["HOST", "-a"],
    ["HOST", "a..b"],
    ["HOST", "[::1]"],
    ["HOST", "localhost:4000"],
    ["HOST", "http://localhost"],
    ["PUBLIC_URL", "https://notes.example.com/?a=b"],
    ["PUBLIC_URL", "https://notes.example.com/?"],
    ["PUBLIC_URL", "https://notes.example.com/#top"],
    ["PUBLIC_URL", "https://someone:secret@notes.example.com"],
    ["PUBLIC_URL", "notes.example.com"],
    ["PUBLIC_URL", "ftp://notes.example.com"],
    ["DATABASE_URL", "mysql://db/notes"],
    ["DATABASE_URL", "db"],
    ["SIGNING_SECRET", "short"],
    ["STORAGE", "ftp://bucket"],
    ["STORAGE", "s3://"],
    ["STORAGE", "file:/etc"],
    ["STORAGE", "file:files"],
    ["STORAGE", "file"],
    ["STORAGE", "s3://Bucket"],
    ["STORAGE", "s3://ab"],
    ["STORAGE", "s3://a..b"],
    ["STORAGE", "s3://192.0.2.1"],
    ["STORAGE", "s3://bucket_of_ours"],
    ["STORAGE", "s3://bucket:9000"],
    ["STORAGE", "s3://bucket/prefix"],
    ["STORAGE", "s3://bucket#part"],
    ["STORAGE", "s3://someone@bucket"],
    ["STORAGE", "s3://bucket?endpoint=s3.example.com"],
    ["STORAGE", "s3://bucket?endpoint=ftp://s3.example.com"],
    ["STORAGE", "s3://bucket?endpoint="],
    ["STORAGE", "s3://bucket?endpoint=https://someone:secret@s3.example.com"],
    ["STORAGE", "s3://bucket?endpoint=https://a.example.com&endpoint=https://b.example.com"],
    ["STORAGE", "s3://bucket?region="],
    ["STORAGE", "s3://bucket?endpont=https://s3.example.com"],
    ["STORAGE", "s3://bucket?constructor=x"],
    ["MAX_UPLOAD_BYTES", "0"],
    ["AUDIT_RETENTION", "0"],
    ["DELETED_RETENTION", "0"],
    ["PERSISTED_DOCUMENTS_ONLY", "yes"],
    ["MAIL_AUTHSERV_ID", "mx.example.com; dmarc=pass"],
    ["MAIL_TRUSTED_SENDERS", "example.com"],
    ["MAIL_TRUSTED_SENDERS", "a@b@c"],
    ["MAX_UPLOAD_BYTES", "1e9"],
    ["MAX_UPLOAD_BYTES", "99999999999999999999"],
    ["OIDC_ISSUERS", "https://fine.example.com,nonsense"],
    ["CORS_ORIGINS", "*"],
    ["CORS_ORIGINS", "https://app.example.com/"],
    ["CORS_ORIGINS", "https://app.example.com/path"],
    ["CORS_ORIGINS", "app.example.com"],
    ["LOG_LEVEL", "loud"],
  ])("%s=%s", (name, value) => {
    // One line each: a second one would say the same in other words, or what does not hold once the first is mended.
    expect(problemsOf({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name} must `))]);
  });

  test("PERSISTED_DOCUMENTS_ONLY without manifests", () => {
    expect(problemsOf({ PERSISTED_DOCUMENTS_ONLY: "true" })).toEqual([
      "PERSISTED_DOCUMENTS_ONLY means nothing without PERSISTED_DOCUMENTS: no document would be taken",
    ]);
    expect(problemsOf({ PERSISTED_DOCUMENTS_ONLY: "false" })).toEqual([]);
  });

  test.each(["ftp://s3.example.com", "https://s3.example.com/path", "https://s3.example.com?a", "https://s3.example.com#a"])(
    "S3_PUBLIC_ENDPOINT=%s",
    (S3_PUBLIC_ENDPOINT) => {
      for (const STORAGE of ["s3://bucket", "file:"]) {
        expect(problemsOf({ S3_PUBLIC_ENDPOINT, STORAGE })).toEqual([expect.stringMatching(/^S3_PUBLIC_ENDPOINT must be /)]);
      }
    },
  );

  test("DATABASE_PREPARE=on, and a list of which two items are wrong, in one line", () => {
    expect(problemsOf({ DATABASE_PREPARE: "on" })).toEqual(["DATABASE_PREPARE must be off, or be left out"]);
    expect(problemsOf({ CORS_ORIGINS: "foo,bar" })).toEqual([expect.stringMatching(/^CORS_ORIGINS must be origins/)]);
  });
});

test("STORAGE says that DATA_DIR names the directory of files", () => {
  expect(problemsOf({ STORAGE: "file:/etc" })).toEqual([
    "STORAGE must be file:, whose directory DATA_DIR names, or s3://bucket?endpoint=…&region=…",
  ]);
});

test.each(["localhost", "notes_1", "a-b.example.com.", "10.0.0.1", "::", "fe80::1%lo", "1a"])("HOST=%s is one", (HOST) => {
  expect(problemsOf({ HOST })).toEqual([]);
});

test.each(["https://s3.example.com", "https://s3.example.com/", "http://127.0.0.1:9000"])("a store is at %s", (endpoint) => {
  const STORAGE = `s3://a-bucket.of-1?endpoint=${encodeURIComponent(endpoint)}`;
  expect(read({ STORAGE, S3_PUBLIC_ENDPOINT: endpoint }).storage).toMatchObject({ endpoint, publicEndpoint: endpoint });
  // Stores that are a part of something else have a path, and sign with it.
  expect(read({ STORAGE: "s3://bucket?endpoint=https://example.com/storage/v1/s3" }).storage).toMatchObject({
    endpoint: "https://example.com/storage/v1/s3",
  });
});

describe("a DATA_DIR in which the secret cannot be kept is refused by its name:", () => {
  const refusal = (DATA_DIR: string) => problemsOf({ DATA_DIR, SIGNING_SECRET: undefined });
  const told = [expect.stringMatching(/^DATA_DIR must be a directory that can be made and written to \(E[A-Z]+: .*\)$/)];

  test("a file", () => {
    writeFileSync(join(directory, "file"), "");
    expect(refusal(join(directory, "file"))).toEqual(told);
    expect(refusal(join(directory, "file", "below"))).toEqual(told);
  });

  test.skipIf(process.platform !== "linux")("one below /proc, where Linux lets nobody create a directory", () => {
    expect(refusal("/proc/notes/data")).toEqual(told);
  });

  test("one that holds a directory of the secret's name", () => {
    mkdirSync(join(directory, "signing-secret"));
    expect(refusal(directory)).toEqual(told);
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
