import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v7 as uuidv7 } from "uuid";
import { createProvisioning, type Provisioning } from "../../src/access/provisioning.ts";
import { type App, createApp } from "../../src/app.ts";
import type { Config, RateLimits } from "../../src/config.ts";
import type { Manifests } from "../../src/graphql/documents/persisted-documents.ts";
import type { GraphqlPlugin } from "../../src/graphql/server/plugins.ts";
import type { ConnectionLimits } from "../../src/http/server/connections.ts";
import { createLog } from "../../src/lib/log.ts";
import { openStorage } from "../../src/storage/open-storage.ts";
import { createSigner } from "../../src/storage/signature.ts";
import type { Database } from "../../src/database/database.ts";
import type { FileStorage } from "../../src/storage/file-storage.ts";
import type { S3Storage } from "../../src/storage/s3-storage.ts";
import { type PersonViewer, type Role, type Scope, scopes as allScopes, scopesOf } from "../../src/viewer.ts";
import type { TypedDocumentString } from "../generated/graphql.ts";
import { keepingFaults } from "./faults.ts";
import { openGatewayDatabase, openWorkerDatabase } from "./database.ts";
import { recordStatements, type StatementRecorder } from "./statements.ts";
import { expectToKeepV2Contract } from "./v2-contract.ts";
import { freePort } from "./free-port.ts";

/** A listening gateway on this worker's database. */
export interface TestApp {
  readonly url: string;
  readonly app: App;
  readonly database: Database;
  readonly statements: StatementRecorder;
  readonly provisioning: Provisioning;
  /** The gateway's clock. It shows the real time until a test sets it. */
  readonly time: { now: Date | undefined; elapsed: number | undefined };
  readonly filesDirectory: string;
  /** The store of the files. */
  readonly storage: FileStorage | S3Storage;
  close(): Promise<void>;
}

/** A person with an API key. */
export interface TestPerson {
  readonly id: string;
  readonly number: number;
  readonly name: string;
  readonly accountId: string;
  readonly role: Role;
  readonly key: string;
}

/** The account of one test, with a person of every role. */
export interface TestAccount {
  readonly id: string;
  readonly slug: string;
  readonly administrator: TestPerson;
  readonly specialist: TestPerson;
  readonly customer: TestPerson;
  readonly otherCustomer: TestPerson;
}

/** Returns `person` as a viewer in `account`. Default: every scope. */
export function viewerOf(
  account: TestAccount,
  person: TestPerson,
  { role = person.role, scopes: given = allScopes }: { role?: Role; scopes?: readonly Scope[] } = {},
): PersonViewer {
  const { id, slug } = account;
  return {
    ...{ kind: "person", person, role, scopes: new Set(given) },
    account: { id, slug, name: "An account", timeZone: "Europe/Amsterdam" },
  };
}

export const signingSecret = "a secret of the tests, of 32 characters or more";
export const maximumUploadBytes = 1_000_000;
export const deletedRetentionDays = 30;
/** The default rate limits, which no test reaches. */
export const unlimited: RateLimits = { points: 1_000_000_000, requests: 1_000_000_000, anonymous: 1_000_000_000 };

export interface TestAppOptions {
  readonly corsOrigins?: readonly string[];
  readonly oidcIssuers?: readonly string[];
  /** A database for this test only, which the gateway and the test share. */
  readonly database?: Database;
  /** The store of the files. Default: a directory. */
  readonly storage?: FileStorage | S3Storage;
  readonly maximumUploadBytes?: number;
  readonly trustedProxies?: readonly string[];
  readonly maxResponseBytes?: number;
  /** The rate limits. Default: limits that no test reaches. */
  readonly rateLimits?: RateLimits;
  readonly redisUrl?: string;
  /** Default: no sender of a mail is believed. */
  readonly mail?: Config["mail"];
  /** Default: those of the gateway. */
  readonly connectionLimits?: ConnectionLimits;
  readonly plugins?: readonly GraphqlPlugin[];
  /** Default: none. */
  readonly manifests?: () => Manifests;
  readonly persistedDocumentsOnly?: boolean;
  readonly logLevel?: string;
  /** The stream to which the log of `logLevel` is written. */
  readonly logTo?: { write(line: string): void };
}

export async function startApp(options: TestAppOptions = {}): Promise<TestApp> {
  const database = options.database ?? (await openGatewayDatabase());
  const time: TestApp["time"] = { now: undefined, elapsed: undefined };
  const clock = () => time.now ?? new Date();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const filesDirectory = mkdtempSync(join(tmpdir(), "gateway-files-"));
  const maximumBytes = options.maximumUploadBytes ?? maximumUploadBytes;
  const storage =
    options.storage ??
    (await openStorage(
      { kind: "file", directory: filesDirectory },
      { publicUrl: url, signer: createSigner(signingSecret, "files"), clock, maximumBytes },
    ));
  const app = await createApp({
    config: {
      publicUrl: url,
      signingSecret,
      maxUploadBytes: maximumBytes,
      corsOrigins: options.corsOrigins ?? [],
      oidcIssuers: options.oidcIssuers ?? [],
      trustedProxies: options.trustedProxies ?? [],
      maxResponseBytes: options.maxResponseBytes ?? 16_777_216,
      rateLimits: options.rateLimits ?? unlimited,
      redisUrl: options.redisUrl,
      deletedRetentionDays,
      mail: options.mail ?? { authservId: undefined, senders: [] },
      persistedDocumentsOnly: options.persistedDocumentsOnly ?? false,
    },
    database,
    storage,
    clock,
    newId: () => uuidv7(),
    elapsed: () => time.elapsed ?? performance.now(),
    connectionLimits: options.connectionLimits,
    plugins: options.plugins ?? [],
    ...(options.manifests && { manifests: options.manifests }),
    // The log keeps errors only. They are rare, so this costs nothing in a run without faults.
    log: createLog(options.logLevel ?? "error", keepingFaults(options.logLevel === undefined ? undefined : options.logTo)),
  });
  await app.server.listen({ host: "127.0.0.1", port });
  return {
    url,
    app,
    // Tests read and write over connections of their own.
    database: options.database ?? (await openWorkerDatabase()),
    statements: recordStatements(database.pool),
    provisioning: createProvisioning({ database, clock, newId: () => uuidv7() }),
    time,
    filesDirectory,
    storage,
    async close() {
      await app.server.close();
      await storage.close();
      rmSync(filesDirectory, { recursive: true, force: true });
    },
  };
}

let accountCount = 0;

/** Adds an account that no other test uses. */
export async function addAccount({ provisioning }: TestApp): Promise<TestAccount> {
  accountCount += 1;
  const slug = `account-${uuidv7().slice(-12)}-${accountCount}`;
  const account = await provisioning.addAccount({ slug, name: `Account ${accountCount}`, timeZone: "Europe/Amsterdam" });
  const person = (name: string, role: Role) => addPerson(provisioning, { accountId: account.id, name, role });
  return {
    id: account.id,
    slug,
    administrator: await person("Ada Administrator", "ADMINISTRATOR"),
    specialist: await person("Sam Specialist", "SPECIALIST"),
    customer: await person("Cleo Customer", "CUSTOMER"),
    otherCustomer: await person("Otis Other", "CUSTOMER"),
  };
}

export async function addPerson(
  provisioning: Provisioning,
  {
    accountId,
    name,
    role,
    scopes = scopesOf(role),
  }: { accountId: string; name: string; role: Role; scopes?: readonly Scope[] },
): Promise<TestPerson> {
  const email = `${uuidv7()}@example.com`;
  const person = await provisioning.addPerson({ accountId, name, email, role });
  const { key } = await provisioning.addApiKey({ accountId, personId: person.id, name: "test", scopes });
  return { id: person.id, number: person.number, name, accountId, role, key };
}

/** Adds another API key of the same person with these scopes only. */
export async function keyWith({ provisioning }: TestApp, person: TestPerson, scopes: readonly Scope[]): Promise<string> {
  const { key } = await provisioning.addApiKey({ accountId: person.accountId, personId: person.id, name: "narrow", scopes });
  return key;
}

export interface GraphqlAnswer<Data> {
  readonly status: number;
  readonly data: Data;
  readonly errors: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions: Record<string, unknown>;
  }[];
}

/** Sends a typed operation over HTTP. */
export async function send<Data, Variables>(
  { url }: TestApp,
  key: string | undefined,
  document: TypedDocumentString<Data, Variables>,
  variables?: Variables,
): Promise<GraphqlAnswer<Data>> {
  return sendText<Data>(url, key, document.toString(), variables);
}

/** Sends an operation as text, for operations that a typed client cannot send. */
export async function sendText<Data>(
  url: string,
  key: string | undefined,
  query: string,
  variables?: unknown,
): Promise<GraphqlAnswer<Data>> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(key === undefined ? {} : { "x-api-key": key }) },
    body: JSON.stringify({ query, variables }),
  });
  // The type of the data is that of the operation.
  const body = (await response.json()) as { data: Data; errors?: GraphqlAnswer<Data>["errors"] };
  return { status: response.status, data: body.data, errors: body.errors ?? [] };
}

export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Calls a REST API over HTTP. Every response of /v2 is checked against its contract. */
export async function call(
  { url }: TestApp,
  key: string | undefined,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<RestAnswer> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { "content-type": "application/json", ...(key === undefined ? {} : { "x-api-key": key }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = text !== "" && /json/.test(response.headers.get("content-type") ?? "");
  const answer = { status: response.status, headers: response.headers, body: isJson ? (JSON.parse(text) as unknown) : text };
  if (path.startsWith("/v2")) expectToKeepV2Contract({ method, path, ...answer });
  return answer;
}
