import pg from "pg";
import type { DatabaseConfig } from "../config.ts";
import { asError, Unavailable } from "../errors.ts";
import { type Patience, startPatience, withBackOff } from "../lib/back-off.ts";
import { errorCodeOf, isCertificateFault } from "../lib/error-code.ts";
import { type DatabaseAddress, readConnectionString, type ServerAddress } from "./connection-string.ts";
import { clientFor } from "./failover.ts";
import { inMaintenanceTransaction, withClient } from "./maintenance.ts";
import { readTableNames } from "./migration-scripts.ts";
import { isUnavailable } from "./unavailable.ts";

/**
 * Thrown if the configured database cannot be used as it is, and waiting does not help. The message says in one
 * sentence what to do.
 */
export class UnusableDatabase extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UnusableDatabase";
  }
}

/** The log of a start. Pino's loggers have this shape. */
export interface StartLog {
  warn(details: object, message: string): void;
}

type Variable = "DATABASE_URL" | "DATABASE_URL_DIRECT";

/** A configured connection, and the variable that configures it. */
interface Target {
  readonly variable: Variable;
  readonly address: DatabaseAddress;
}

/**
 * Waits until it can connect to the database of `config`, and checks that the gateway can work with it: its version,
 * its encoding, that it accepts writes, and that the role may use the existing tables. It sends a few queries at the
 * start, and none for a request. Throws {@link UnusableDatabase} if the gateway cannot work with the database or it
 * does not answer in time, and `ConfigError` if a URL cannot be used.
 */
export async function awaitDatabase(config: DatabaseConfig, log: StartLog, patience = startPatience): Promise<void> {
  if (config.kind === "embedded") return;
  const deadline = performance.now() + patience.totalMilliseconds;
  const { url, directUrl = url } = config;
  const targets: Target[] = [{ variable: "DATABASE_URL", address: readConnectionString(url) }];
  if (directUrl !== url) {
    const address = readConnectionString(directUrl, "DATABASE_URL_DIRECT");
    targets.push({ variable: "DATABASE_URL_DIRECT", address });
  }
  const readAll = async (): Promise<readonly Facts[]> => {
    const answers: Facts[] = [];
    for (const target of targets) answers.push(await awaitTarget(target, log, { ...patience, deadline }));
    return answers;
  };
  // The facts are read twice before a refusal: if the server was restarted between the two reads, its start time
  // differs.
  if (areSameDatabase(await readAll())) return;
  const answers = await readAll();
  if (areSameDatabase(answers)) return;
  const names = answers.map(({ database }) => database).join(", ");
  throw new UnusableDatabase(
    `DATABASE_URL and DATABASE_URL_DIRECT lead to different databases (${names}): name the same one in both.`,
  );
}

/**
 * Returns whether all `answers` came from one database of one server. A pooler may have another name for it, but the
 * server reports its own.
 */
function areSameDatabase(answers: readonly Facts[]): boolean {
  return new Set(answers.map(({ identity }) => identity)).size === 1;
}

/**
 * Checks that the tables of the migrations exist. `pool` is the one that serves requests. Throws {@link
 * UnusableDatabase} if a table is missing.
 */
export async function requireTables(pool: pg.Pool, schema: string): Promise<void> {
  const { missing } = await withClient(pool, (client) => readFacts(client, schema));
  if (missing.length === 0) return;
  throw new UnusableDatabase(
    `The database lacks ${missing.join(", ")}, though its history of migrations says that they were made: restore it from a backup.`,
  );
}

/**
 * Checks that requests may read and write every table of `schema`, after migrations have created tables. `pool` is the
 * one that serves requests. Throws {@link UnusableDatabase} if they may not.
 */
export async function checkRights(pool: pg.Pool, schema: string): Promise<void> {
  requireRights(await withClient(pool, (client) => readFacts(client, schema)), schema);
}

async function awaitTarget(target: Target, log: StartLog, patience: Patience & { deadline: number }): Promise<Facts> {
  const place = serversLabel(target.address.servers);
  const failures = {
    lasting(error: unknown) {
      if (error instanceof UnusableDatabase) return error;
      const permanent = permanentFault(error, target, place);
      if (permanent !== undefined) return new UnusableDatabase(permanent, { cause: error });
      // Anything else is a fault in the code.
      return isTransient(error) ? undefined : asError(error);
    },
    waiting: (error: unknown) => log.warn({ cause: faultMessage(error) }, `${place} does not answer yet; waiting for it`),
    exhausted: (error: unknown, seconds: number) =>
      new UnusableDatabase(
        `${place} could not be connected to in ${seconds} s (${faultMessage(error)}): start it, or correct ${target.variable}.`,
        { cause: error },
      ),
  };
  return withBackOff(() => checkTarget(target, patience.attemptMilliseconds), failures, patience);
}

async function checkTarget({ variable, address }: Target, milliseconds: number): Promise<Facts> {
  const limits = { connectionTimeoutMillis: milliseconds, query_timeout: milliseconds };
  const client = new (clientFor(address, milliseconds))({ ...address.servers[0], ...limits });
  // Without a listener the loss of a connection would end the process. The statement under way fails by it too.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const facts = await readFacts(client, address.schema);
    requireUsable(facts, variable);
    // Only the role that serves requests needs the rights. The role that migrates owns the tables, or gets an error
    // that says so.
    if (variable === "DATABASE_URL") requireRights(facts, address.schema);
    return facts;
  } finally {
    await client.end();
  }
}

interface Facts {
  readonly version: number;
  readonly versionName: string;
  readonly encoding: string;
  readonly database: string;
  /** Identifies the database and the start of its server. */
  readonly identity: string;
  readonly role: string;
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
  /** Whether the role may use the schema. True if the schema does not exist. */
  readonly mayUseSchema: boolean;
  /** The gateway's tables and sequences on which the role lacks a right that requests need. */
  readonly forbidden: readonly string[];
  /** The gateway's tables that do not exist. */
  readonly missing: readonly string[];
}

/** The tables that are only appended to and read. Requests need no right to change or delete their rows. */
const appendOnlyTables = ["audit_events", "audit_values"];

async function readFacts(client: pg.ClientBase, schema: string): Promise<Facts> {
  const tables = await readTableNames();
  return inMaintenanceTransaction(client, schema, async () => {
    const { rows } = await client.query<Facts>(factsStatement, [schema, tables, appendOnlyTables]);
    const [facts] = rows;
    if (facts === undefined) throw new Error("A statement without a table answered with no row.");
    return facts;
  });
}

const factsStatement = `
  WITH home AS (SELECT oid FROM pg_namespace WHERE nspname = $1),
  ours AS (
    SELECT pg_class.oid, relname, relname = ANY ($3::text[]) AS is_append_only
    FROM pg_class JOIN home ON relnamespace = home.oid WHERE relkind IN ('r', 'p') AND relname = ANY ($2::text[])
  )
  SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS "versionName",
    current_setting('server_encoding') AS encoding, current_database() AS database,
    concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()), (SELECT oid FROM pg_database WHERE datname = current_database())) AS identity,
    current_user AS role,
    pg_is_in_recovery() AS "isStandby", current_setting('default_transaction_read_only') = 'on' AS "isReadOnly",
    coalesce((SELECT has_schema_privilege(oid, 'USAGE') FROM home), true) AS "mayUseSchema",
    ARRAY(
      SELECT relname::text FROM ours
      WHERE NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
        AND (is_append_only OR has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')))
      UNION ALL
      SELECT sequence.relname::text
      FROM ours JOIN pg_depend ON refclassid = 'pg_class'::regclass AND refobjid = ours.oid AND classid = 'pg_class'::regclass AND deptype = 'a'
        JOIN pg_class sequence ON sequence.oid = objid
      -- Of anything else the function does not answer, and a condition beside it may come too late.
      WHERE CASE sequence.relkind WHEN 'S' THEN NOT has_sequence_privilege(sequence.oid, 'USAGE') ELSE false END
      ORDER BY 1
    ) AS forbidden,
    ARRAY(SELECT name FROM unnest($2::text[]) AS name WHERE name NOT IN (SELECT relname::text FROM ours) ORDER BY 1) AS missing`;

const oldestVersion = 150_000;

function requireUsable(facts: Facts, variable: Variable): void {
  const { version, versionName, encoding, database, isStandby, isReadOnly } = facts;
  if (version < oldestVersion)
    throw new UnusableDatabase(
      `PostgreSQL 15 or newer is needed, and that of ${variable} is ${versionName}: upgrade it, or name another.`,
    );
  if (encoding !== "UTF8") {
    throw new UnusableDatabase(
      `The database ${database} keeps text as ${encoding}, which has no room for every character: ` +
        `make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and name that in ${variable}.`,
    );
  }
  if (isStandby)
    throw new UnusableDatabase(
      `The server is a standby, which takes no writes: name the primary in ${variable}, or promote it.`,
    );
  if (isReadOnly) {
    throw new UnusableDatabase(
      `The database ${database} of ${variable} takes no writes, since default_transaction_read_only is on: ` +
        `turn it off (ALTER DATABASE ${pg.escapeIdentifier(database)} SET default_transaction_read_only = off; a role may have it too).`,
    );
  }
}

function requireRights({ role, mayUseSchema, forbidden }: Facts, schema: string): void {
  const [home, grantee] = [pg.escapeIdentifier(schema), pg.escapeIdentifier(role)];
  if (!mayUseSchema)
    throw new UnusableDatabase(
      `The role ${role} of DATABASE_URL may not use the schema ${schema}: run GRANT USAGE ON SCHEMA ${home} TO ${grantee}.`,
    );
  if (forbidden.length === 0) return;
  throw new UnusableDatabase(
    `The role ${role} of DATABASE_URL may not read and write ${forbidden.join(", ")}: ` +
      `run GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${home} TO ${grantee}; ` +
      `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${home} TO ${grantee}.`,
  );
}

/**
 * Returns what is wrong and what to do, if the same attempt will fail until somebody changes something. Returns
 * undefined if the problem may pass by itself.
 */
function permanentFault(error: unknown, target: Target, place: string): string | undefined {
  const failures = failuresOf(error);
  const [first, ...others] = failures.map((failure) => permanentFaultOfServer(failure, target, place));
  // With several servers, another one may still start, so all of them must have a permanent problem.
  return others.every((fault) => fault !== undefined) ? first : undefined;
}

function permanentFaultOfServer(error: unknown, { variable, address }: Target, place: string): string | undefined {
  const code = errorCodeOf(error);
  const message = faultMessage(error);
  const { user = "of the process", database = user } = address.servers[0] ?? {};
  if (saysNoPassword.test(message))
    return `${place} asks the role ${user} for a password, and ${variable} has none: write it as ${user}:password@ there.`;
  if (code === "28P01" || refusedByPooler.test(message))
    return `${place} refuses the password of the role ${user} (${message}): correct ${variable}.`;
  if (code === "28000")
    return `${place} does not let the role ${user} in (${message}): correct ${variable}, or the server's pg_hba.conf.`;
  if (code === "3D000" || unknownToPooler.test(message))
    return `${place} has no database ${database} for the role ${user} (${message}): make it, or correct ${variable}.`;
  if (code === "42501")
    return `The role ${user} of ${variable} may not connect (${message}): grant CONNECT on the database ${database} to it.`;
  if (code === "ENOTFOUND")
    return `The host of ${variable} is not known (${message}): correct ${variable}, or the name service.`;
  if (code === "CERT_HAS_EXPIRED")
    return `The certificate of ${place} has expired (${message}): renew it, or name another server in ${variable}.`;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || code === "HOSTNAME_MISMATCH")
    return `The certificate of ${place} is for another host (${message}): name that host in ${variable}, or use sslmode=verify-ca.`;
  if (isCertificateFault(error))
    return `The certificate of ${place} is not trusted (${message.replace(nodeAdvice, "")}): name its authority with sslrootcert=… in ${variable}, or renew it.`;
  if (message.includes("does not support SSL connections"))
    return `${place} offers no TLS, and ${variable} asks for it: turn it on there, or leave sslmode out.`;
  // Other errors with which a server refuses a connection, such as an unknown setting.
  if (error instanceof pg.DatabaseError && !isTransient(error))
    return `${place} cannot be used (${message}): see to the server, or correct ${variable}.`;
  return undefined;
}

/**
 * The messages for an unknown database or role of PgBouncer, and of a server behind it. PgBouncer's code is the same
 * for all errors.
 */
const unknownToPooler = /^no such (database|user)\b|\b(database|role) ".*" does not exist/;
/** The messages of the driver and of a server for a password that was not given. */
const saysNoPassword = /client password must be a|^empty password returned by client/;
/** The messages for a wrong password: of PgBouncer, of a server behind it, and of the driver. */
const refusedByPooler = /^SASL|\b(password|SASL) authentication failed\b|^auth failed$/;
/** What Node.js adds for programs that are started with flags of their own. */
const nodeAdvice = /; if the root CA is installed locally.*$/;
/** PgBouncer's only code. The message says which problems are permanent. */
const protocolViolation = "08P01";

function isTransient(error: unknown): boolean {
  if (errorCodeOf(error) === protocolViolation) return !faultMessage(error).startsWith("unsupported startup parameter");
  // ENOENT: the server has not created its socket yet.
  return errorCodeOf(error) === "ENOENT" || isUnavailable(error);
}

/**
 * Returns the errors of the servers that were tried. A host with several addresses fails with similar errors for each
 * of them, so only the first is returned.
 */
function failuresOf(error: unknown): readonly unknown[] {
  const fault = error instanceof Unavailable && error.cause !== undefined ? error.cause : error;
  if (!(fault instanceof AggregateError)) return [fault];
  const [first] = fault.errors as unknown[]; // whatever was thrown
  return fault.message === "" ? [first] : fault.errors.length === 0 ? [fault] : fault.errors.flatMap(failuresOf);
}

function faultMessage(error: unknown): string {
  const fault = error instanceof Unavailable && error.cause !== undefined ? error.cause : error;
  if (!(fault instanceof Error)) return String(fault);
  if (!(fault instanceof AggregateError)) return fault.message;
  return [fault.message, ...fault.errors.map(faultMessage)].filter((message) => message !== "").join("; ");
}

function serversLabel(servers: readonly ServerAddress[]): string {
  const places = servers.map(({ host = "localhost", port = 5432 }) => (host.startsWith("/") ? host : `${host}:${port}`));
  return `PostgreSQL at ${places.join(", ")}`;
}
