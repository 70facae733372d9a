import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join, resolve } from "node:path";
import { distance } from "fastest-levenshtein";
import { z } from "zod";
import { makeDirectory } from "./lib/make-directory.ts";

/** Where the bytes of attachments are stored. */
export type StorageConfig =
  | { readonly kind: "file"; readonly directory: string }
  | {
      readonly kind: "s3";
      readonly bucket: string;
      readonly region: string;
      readonly endpoint: string | undefined;
      /** The store's address in signed URLs, if clients reach the store by another address than the gateway. */
      readonly publicEndpoint?: string | undefined;
    };

/** Where the rows are stored. */
export type DatabaseConfig =
  | {
      readonly kind: "postgresql";
      readonly url: string;
      /** Bypasses a transaction pooler, for migrations, which do not work through one. Default: `url`. */
      readonly directUrl?: string;
      /**
       * `off`: statements have no names. `detect`, the default: statements have names until an error shows that a
       * pooler does not support them.
       */
      readonly prepare?: "detect" | "off";
    }
  | { readonly kind: "embedded"; readonly directory: string };

/** The rate limits, each per minute. */
export interface RateLimits {
  /** Points that a credential may spend on all three APIs together. */
  readonly points: number;
  /** Requests of a credential on /v1. */
  readonly requests: number;
  /** Requests without a credential from one address. */
  readonly anonymous: number;
}

export interface Config {
  readonly host: string;
  readonly port: number;
  /** The base of every URL in responses, without a trailing slash. */
  readonly publicUrl: string;
  readonly database: DatabaseConfig;
  readonly dataDirectory: string;
  readonly signingSecret: string;
  readonly storage: StorageConfig;
  readonly maxUploadBytes: number;
  readonly oidcIssuers: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly logLevel: string;
  /** Addresses and networks whose `X-Forwarded-*` headers are trusted. */
  readonly trustedProxies: readonly string[];
  /** The maximum size of the response to one operation. */
  readonly maxResponseBytes: number;
  /** How many days an audit event is kept at least. */
  readonly auditRetentionDays: number;
  /** How many days a deleted note can be undeleted. After that it is removed for good. */
  readonly deletedRetentionDays: number;
  /** How long `/ready` answers 503 before the port closes. */
  readonly drainMilliseconds: number;
  readonly rateLimits: RateLimits;
  /** The Redis that counts rate limits for all processes. Without it each process counts its own. */
  readonly redisUrl: string | undefined;
  /** How the senders of received mails are proven. */
  readonly mail: {
    /** The mail server whose `Authentication-Results` count. */
    readonly authservId: string | undefined;
    /** Without such a server: the addresses, and the domains as `@domain`, that are believed. */
    readonly senders: readonly string[];
  };
  /** The path of the module that exports the GraphQL plugins. */
  readonly graphqlPlugins: string | undefined;
  /** The directory of the manifests of documents. */
  readonly persistedDocuments: string | undefined;
  /** Whether documents must be in a manifest. */
  readonly persistedDocumentsOnly: boolean;
}

/** Thrown for an environment that is not valid. The message has a line for every problem. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration cannot be used:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

const wholeNumber = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d+$/, "must be a whole number")
    .transform(Number)
    .pipe(z.number().min(minimum, `must be at least ${minimum}`).max(maximum, `must be at most ${maximum}`));

const isWebUrl = (value: string) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);

/** Returns whether a token's issuer can be at `value`. Only on this machine nobody can answer in its place by http. */
const isIssuer = (value: string) =>
  isWebUrl(value) && (value.startsWith("https:") || isThisMachine(new URL(value).hostname)) && !/[?#]/.test(value);

const isThisMachine = (host: string) => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);

const issuerUrl = z
  .string()
  .refine(isIssuer, "must be https URLs of issuers, without a query or a fragment (http only on this machine)");

/**
 * Returns whether `value` is a URL to which paths can be appended. It has no query or fragment, of which a path would
 * become a part, and no user, because responses would show the password.
 */
function isBaseUrl(value: string): boolean {
  if (!isWebUrl(value) || /[?#]/.test(value)) return false;
  const { username, password } = new URL(value);
  return username === "" && password === "";
}

/** Returns whether `value` can be the store's address in signed URLs, whose path is the bucket and the key. */
const isStoreAddress = (value: string) => isBaseUrl(value) && new URL(value).pathname === "/";

/**
 * Returns whether `value` is an IP address or a name that `getaddrinfo` accepts. A host whose last label is a number is
 * an address (https://url.spec.whatwg.org/#ends-in-a-number-checker).
 */
function isHost(value: string): boolean {
  if (isIP(value) !== 0) return true;
  const labels = value.replace(/\.$/, "").split(".");
  const areNames = labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label));
  return value.length <= 253 && areNames && !/^(\d+|0x[0-9a-f]*)$/i.test(labels.at(-1) ?? "");
}

const commaList = z.string().transform((value) =>
  value
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== ""),
);

const trustedSender = z.string().regex(/^[^\s@]*@[^\s@]+$/, "must be mail addresses, or domains such as @example.com");

const webOrigin = z
  .string()
  .refine(
    (value) => isWebUrl(value) && new URL(value).origin === value,
    "must be origins such as https://app.example.com, without a path",
  );

const postgresqlUrl = z.string().regex(/^postgres(ql)?:\/\//, "must be a postgresql:// URL");

const networkAddress = z.string().refine((value) => {
  const [address = "", prefix, ...rest] = value.split("/");
  const bits = isIP(address) === 6 ? 128 : 32;
  return (
    isIP(address) !== 0 && rest.length === 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits))
  );
}, "must be addresses or networks such as 10.0.0.0/8");

/** The parameters of `s3://bucket?…` and the rule for each. Whether a region exists, only the store knows. */
const storageParameters: Readonly<Record<string, { readonly fits: (value: string) => boolean; readonly rule: string }>> = {
  region: { fits: (value) => /^[a-z0-9-]+$/i.test(value), rule: "a region such as eu-west-1" },
  endpoint: { fits: isBaseUrl, rule: "an http or https URL without a user, a query or a fragment" },
  publicEndpoint: { fits: isStoreAddress, rule: "an http or https URL without a user, a path, a query or a fragment" },
};

/**
 * Returns whether S3 allows `name` for a bucket:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 */
const isBucketName = (name: string) =>
  /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes("..") && isIP(name) === 0;

function checkStorageUrl(value: string, context: z.RefinementCtx): void {
  const refuse = (message: string) => context.addIssue({ code: "custom", message });
  if (value === "file:") return;
  if (!/^s3:\/\/[^/?#]/.test(value) || !URL.canParse(value)) {
    refuse("must be file:, whose directory DATA_DIR names, or s3://bucket?endpoint=…&region=…");
    return;
  }
  const { host, pathname, hash, username, password, searchParams } = new URL(value);
  if (!isBucketName(host)) refuse("must name a bucket of 3 to 63 lower-case letters, digits, dots and hyphens after s3://");
  if (!/^\/?$/.test(pathname) || hash !== "" || username !== "" || password !== "")
    refuse("must have nothing but ?endpoint=…&region=… after the bucket, and no user before it");
  for (const name of new Set(searchParams.keys())) {
    const parameter = Object.hasOwn(storageParameters, name) ? storageParameters[name] : undefined;
    const [given = "", ...others] = searchParams.getAll(name);
    if (parameter === undefined)
      refuse(`must have no parameter ${name}: it takes ${Object.keys(storageParameters).join(", ")}`);
    else if (others.length > 0) refuse(`must have ${name} once`);
    else if (!parameter.fits(given)) refuse(`must have ${parameter.rule} as ${name}`);
  }
}

/** What `npm start -- --help` says of a variable. */
interface SettingHelp {
  readonly meaning: string;
  /** The default in words, if it depends on something. */
  readonly fallback?: string;
}

const settingHelps = z.registry<SettingHelp>();

/** Adds to a rule what {@link settingsHelp} says of its variable. */
const told = <Rule extends z.ZodType>(rule: Rule, meaning: string, fallback?: string): Rule => {
  settingHelps.add(rule, fallback === undefined ? { meaning } : { meaning, fallback });
  return rule;
};

const limit = (meaning: string, usual: number) => told(wholeNumber(1, Number.MAX_SAFE_INTEGER).default(usual), meaning);

const environmentShape = z.object({
  HOST: told(
    z.string().refine(isHost, "must be a host name or an address, such as 127.0.0.1 or ::1").default("127.0.0.1"),
    "address on which it listens",
  ),
  PORT: told(wholeNumber(0, 65_535).default(4000), "port on which it listens; 0 is a free one"),
  PUBLIC_URL: told(
    z.string().refine(isBaseUrl, "must be an http or https URL without a user, a query or a fragment").optional(),
    "base of the URLs that it hands out",
    "http://HOST:PORT",
  ),
  DATABASE_URL: told(postgresqlUrl.optional(), "a PostgreSQL, 15 or newer", "the embedded one"),
  DATABASE_URL_DIRECT: told(postgresqlUrl.optional(), "the same past a pooler, for migrations", "DATABASE_URL"),
  DATABASE_PREPARE: told(
    z.literal("off", "must be off, or be left out").optional(),
    "off: no named statements, for a pooler that does not show as one",
    "found out",
  ),
  DATA_DIR: told(z.string().default(".data"), "directory of the embedded database and of stored files"),
  SIGNING_SECRET: told(
    z
      .string()
      .refine((secret) => secret.trim().length >= 32, "must have at least 32 characters: openssl rand -base64 32 makes one")
      .optional(),
    "signs URLs; required with DATABASE_URL",
    "made once and kept in DATA_DIR",
  ),
  STORAGE: told(
    z.string().superRefine(checkStorageUrl).default("file:"),
    "file: (below DATA_DIR) or s3://bucket?endpoint=…&region=…",
  ),
  S3_PUBLIC_ENDPOINT: told(
    z.string().refine(isStoreAddress, "must be an http or https URL without a user, a path, a query or a fragment").optional(),
    "address of the S3 store in signed URLs",
    "that of STORAGE",
  ),
  MAX_UPLOAD_BYTES: limit("largest attachment", 104_857_600),
  MAX_RESPONSE_BYTES: told(wholeNumber(65_536, 268_435_456).default(16_777_216), "largest answer of one operation"),
  OIDC_ISSUERS: told(
    commaList.pipe(z.array(issuerUrl)).default([]),
    "comma list of outside token issuers that are trusted, by https",
  ),
  CORS_ORIGINS: told(commaList.pipe(z.array(webOrigin)).default([]), "comma list of origins whose pages may call"),
  TRUSTED_PROXIES: told(
    commaList.pipe(z.array(networkAddress)).default([]),
    "addresses and networks whose X-Forwarded-* headers count",
  ),
  LOG_LEVEL: told(z.enum(logLevels, `must be one of ${logLevels.join(", ")}`).default("info"), "pino's levels"),
  DRAIN_MS: told(
    wholeNumber(0, 600_000).optional(),
    "milliseconds for which /ready is red before the port closes",
    "0 embedded, 5000 else",
  ),
  AUDIT_RETENTION: told(wholeNumber(1, 36_500).default(365), "days that an audit event is kept"),
  DELETED_RETENTION: told(wholeNumber(1, 36_500).default(30), "days in which a deleted note can be undeleted"),
  RATE_LIMIT_POINTS: limit("points a minute of a credential", 20_000),
  RATE_LIMIT_REQUESTS: limit("requests a minute of a credential on /v1", 600),
  RATE_LIMIT_ANONYMOUS: limit("requests a minute of an address without a credential", 300),
  REDIS_URL: told(
    z
      .string()
      .refine((value) => /^rediss?:\/\//.test(value) && URL.canParse(value), "must be a redis:// or rediss:// URL")
      .optional(),
    "where limits are counted for all processes",
    "each counts its own",
  ),
  MAIL_AUTHSERV_ID: told(
    z
      .string()
      .regex(
        /^[^\s;=()"]+$/,
        "must be the name with which the mail server begins Authentication-Results, such as mx.example.com",
      )
      .optional(),
    "name with which the mail server begins Authentication-Results",
  ),
  MAIL_TRUSTED_SENDERS: told(
    commaList.pipe(z.array(trustedSender)).default([]),
    "without MAIL_AUTHSERV_ID: comma list of addresses and @domains that are believed",
  ),
  GRAPHQL_PLUGINS: told(z.string().optional(), "a module that exports plugins of GraphQL Yoga or Envelop"),
  PERSISTED_DOCUMENTS: told(z.string().optional(), "directory of manifests of documents, read again at SIGHUP"),
  PERSISTED_DOCUMENTS_ONLY: told(
    z.enum(["true", "false"], "must be true or false").default("false"),
    "true: no other documents are taken, but from administrators in GraphiQL",
  ),
});

/** The names of all variables of the gateway. */
export const settingNames: readonly string[] = Object.keys(environmentShape.shape);

/** Returns a line for each variable: its name, what it is for, and its default. */
export function settingsHelp(): readonly string[] {
  const width = Math.max(...settingNames.map((name) => name.length));
  return Object.entries(environmentShape.shape).map(([name, rule]) => {
    const { meaning = "", fallback } = settingHelps.get(rule) ?? {};
    const usual = fallback ?? writtenDefault(rule);
    return `${name.padEnd(width)}  ${meaning}${usual === "" ? "" : ` (default: ${usual})`}`;
  });
}

/** Returns the default of a rule as it would be written in the environment. Empty if there is none. */
function writtenDefault(rule: z.ZodType): string {
  const { data } = rule.safeParse(undefined);
  return typeof data === "string" || typeof data === "number" ? String(data) : "";
}

/**
 * Returns a line for each variable of `environment` that the gateway does not know and that is spelt nearly like one
 * that it knows. Short names, such as PORT, have too many neighbours among the variables of other programs.
 */
export function misspeltSettings(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.keys(environment).flatMap((name) => {
    if (settingNames.includes(name)) return [];
    const near = settingNames.filter((known) => known.length >= 7 && distance(name.toUpperCase(), known) <= 2);
    const [meant] = near.toSorted((one, other) => distance(name, one) - distance(name, other));
    return meant === undefined ? [] : [`${name} is no variable of the gateway and has no effect: ${meant} is one.`];
  });
}

/**
 * Returns the configuration in `environment`. This is the only place that reads the environment. With the embedded
 * database and without `SIGNING_SECRET`, a secret is generated once and stored in the data directory, readable by its
 * owner only. Throws {@link ConfigError} with every problem found.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  // Compose files and shells set a variable to the empty string to say that it is not set.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = environmentShape.safeParse(given);
  const issues = parsed.success ? [] : parsed.error.issues;
  // Each wrong item of a list is an issue of its own with the same message.
  const problems = [...new Set(issues.map((issue) => `${String(issue.path[0])} ${issue.message}`))];
  const isWrong = (name: string) => issues.some((issue) => issue.path[0] === name);
  if (given["DATABASE_URL"] !== undefined && given["SIGNING_SECRET"] === undefined) {
    problems.push(
      "SIGNING_SECRET is required with DATABASE_URL: every process must sign with the same one (openssl rand -base64 32 makes one)",
    );
  }
  for (const name of ["DATABASE_URL_DIRECT", "DATABASE_PREPARE"]) {
    if (given[name] !== undefined && given["DATABASE_URL"] === undefined && !isWrong(name))
      problems.push(`${name} means nothing without DATABASE_URL`);
  }
  if (given["S3_PUBLIC_ENDPOINT"] !== undefined && !given["STORAGE"]?.startsWith("s3:") && !isWrong("S3_PUBLIC_ENDPOINT"))
    problems.push("S3_PUBLIC_ENDPOINT means nothing unless STORAGE is s3://…");
  if (given["PERSISTED_DOCUMENTS_ONLY"] === "true" && given["PERSISTED_DOCUMENTS"] === undefined)
    problems.push("PERSISTED_DOCUMENTS_ONLY means nothing without PERSISTED_DOCUMENTS: no document would be taken");
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);

  const values = parsed.data;
  const dataDirectory = resolve(values.DATA_DIR);
  const database = readDatabase(values, dataDirectory);
  return {
    host: values.HOST,
    port: values.PORT,
    publicUrl: (values.PUBLIC_URL ?? `http://${urlHost(values.HOST)}:${values.PORT}`).replace(/\/+$/, ""),
    database,
    dataDirectory,
    signingSecret: values.SIGNING_SECRET ?? storedSecret(dataDirectory),
    storage: readStorage(values, dataDirectory),
    maxUploadBytes: values.MAX_UPLOAD_BYTES,
    oidcIssuers: values.OIDC_ISSUERS,
    corsOrigins: values.CORS_ORIGINS,
    logLevel: values.LOG_LEVEL,
    trustedProxies: values.TRUSTED_PROXIES,
    maxResponseBytes: values.MAX_RESPONSE_BYTES,
    auditRetentionDays: values.AUDIT_RETENTION,
    deletedRetentionDays: values.DELETED_RETENTION,
    drainMilliseconds: values.DRAIN_MS ?? (database.kind === "embedded" ? 0 : 5_000),
    rateLimits: {
      points: values.RATE_LIMIT_POINTS,
      requests: values.RATE_LIMIT_REQUESTS,
      anonymous: values.RATE_LIMIT_ANONYMOUS,
    },
    redisUrl: values.REDIS_URL,
    mail: { authservId: values.MAIL_AUTHSERV_ID, senders: values.MAIL_TRUSTED_SENDERS },
    graphqlPlugins: values.GRAPHQL_PLUGINS,
    persistedDocuments: values.PERSISTED_DOCUMENTS,
    persistedDocumentsOnly: values.PERSISTED_DOCUMENTS_ONLY === "true",
  };
}

type Values = z.infer<typeof environmentShape>;

function readDatabase(values: Values, dataDirectory: string): DatabaseConfig {
  const { DATABASE_URL: url, DATABASE_URL_DIRECT: directUrl, DATABASE_PREPARE: prepare } = values;
  if (url === undefined) return { kind: "embedded", directory: join(dataDirectory, "database") };
  return { kind: "postgresql", url, directUrl: directUrl ?? url, prepare: prepare ?? "detect" };
}

/** Returns whether `host` stands for all addresses of the machine, which is not an address that a client could use. */
export function isEveryAddress(host: string): boolean {
  return ["0.0.0.0", "::", "[::]", "::0", "0:0:0:0:0:0:0:0"].includes(host);
}

function urlHost(host: string): string {
  // The name that works on the same machine, which is all that is known here. The Host header cannot be used: the
  // client chooses it.
  if (isEveryAddress(host)) return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

function readStorage({ STORAGE: value, S3_PUBLIC_ENDPOINT: publicEndpoint }: Values, dataDirectory: string): StorageConfig {
  if (value.startsWith("file:")) return { kind: "file", directory: join(dataDirectory, "files") };
  const url = new URL(value);
  return {
    kind: "s3",
    bucket: url.hostname,
    region: url.searchParams.get("region") ?? "us-east-1",
    endpoint: url.searchParams.get("endpoint") ?? undefined,
    publicEndpoint: publicEndpoint ?? url.searchParams.get("publicEndpoint") ?? undefined,
  };
}

/** Returns the secret stored in the data directory, and generates it first if there is none. */
function storedSecret(dataDirectory: string): string {
  const path = join(dataDirectory, "signing-secret");
  try {
    makeDirectory(dataDirectory);
    writeSecret(path);
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw asDataDirectoryProblem(error);
  }
}

function writeSecret(path: string): void {
  try {
    // "wx": if two processes start at once, one writes the file and the other one reads it.
    writeFileSync(path, randomBytes(32).toString("base64url"), { mode: 0o600, flag: "wx" });
    chmodSync(path, 0o600);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}

/** The error codes of the file system for a directory that cannot be created or written to. */
const directoryCodes = [
  "ENOENT",
  "EACCES",
  "EPERM",
  "EROFS",
  "EEXIST",
  "ENOTDIR",
  "EISDIR",
  "ELOOP",
  "ENAMETOOLONG",
  "ENOSPC",
  "EDQUOT",
];
/**
 * The error codes of SQLite for a lock file that cannot be created: SQLITE_READONLY and SQLITE_CANTOPEN
 * (https://www.sqlite.org/rescode.html).
 */
const lockFileCodes = [8, 14];

/**
 * Returns a {@link ConfigError} that names `DATA_DIR` if `error` says that a file or directory below it cannot be
 * created or written; otherwise `error` itself.
 */
export function asDataDirectoryProblem(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const isOfDirectory = "code" in error && directoryCodes.some((code) => code === error.code);
  const isOfLock = "errcode" in error && lockFileCodes.some((code) => code === error.errcode);
  if (!isOfDirectory && !isOfLock) return error;
  const cause = isOfLock ? "no lock file can be made there" : error.message;
  return new ConfigError([`DATA_DIR must be a directory that can be made and written to (${cause})`]);
}
