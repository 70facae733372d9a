import type pg from "pg";
import { parseIntoClientConfig } from "pg-connection-string";
import { ConfigError } from "../config.ts";

const sessionAttributes = ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"] as const;

/** The requirement on a server, as `target_session_attrs` of libpq. */
export type SessionAttributes = (typeof sessionAttributes)[number];

/** The address of a server, with the role that connects to it. */
export type ServerAddress = Pick<
  pg.ClientConfig,
  "host" | "port" | "user" | "password" | "database" | "ssl" | "sslnegotiation" | "application_name" | "options"
>;

/** The content of a connection string. */
export interface DatabaseAddress {
  /** A server for each host, in the order in which they are tried. */
  readonly servers: readonly ServerAddress[];
  readonly sessionAttributes: SessionAttributes;
  /** The schema of the tables: `?schema=`, as in Prisma. */
  readonly schema: string;
}

const parts =
  /^(?<scheme>postgres(?:ql)?:\/\/)(?<credentials>[^@/?#]*@)?(?<hosts>[^/?#]*)(?<path>\/[^?#]*)?(?:\?(?<parameters>[^#]*))?/;

/**
 * Parses a `postgresql://` URL. Several hosts, `target_session_attrs` and directories of sockets work as in libpq
 * (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS). For `sslmode` see
 * docs/decisions/0082. Unknown parameters that do not concern the connection are ignored. `variable` is the name of the
 * URL in error messages. Throws {@link ConfigError} if the URL cannot be used.
 */
export function readConnectionString(url: string, variable = "DATABASE_URL"): DatabaseAddress {
  const given = parts.exec(url)?.groups;
  if (given === undefined) throw new ConfigError([`${variable} must be a postgresql:// URL`]);
  const { scheme, credentials = "", hosts: authority = "", path = "" } = given;
  if (hasUnencodedPassword(url, credentials, authority)) {
    const message = `${variable} has a character in its user or password that a URL keeps for itself: write @ as %40, / as %2F, # as %23, ? as %3F and % as %25`;
    throw new ConfigError([message]);
  }
  const parameters = new URLSearchParams(given["parameters"]);
  const take = (name: string): string => {
    const value = parameters.get(name) ?? "";
    parameters.delete(name);
    return value;
  };

  try {
    const hosts = readHosts(authority, take("host"), take("port"));
    const mode = take("sslmode");
    const attributes = readSessionAttributes(take("target_session_attrs"));
    const schema = take("schema") || "public";
    // In libpq `system` stands for the system's trusted certificates. Node.js trusts its own anyway, and the driver
    // would look for a file of that name.
    if (parameters.get("sslrootcert") === "system") parameters.delete("sslrootcert");
    const common = parseIntoClientConfig(`${scheme}${credentials}host${path}?${parameters.toString()}`);
    const ssl = readTls(mode, common.ssl);
    return { sessionAttributes: attributes, schema, servers: hosts.map((host) => serverAt(host, { ...common, ssl })) };
  } catch (error) {
    if (error instanceof Error) throw new ConfigError([`${variable} cannot be used: ${error.message}`]);
    throw error;
  }
}

/**
 * Returns whether a character such as `#` has ended the user or the password early. What comes before it is then read
 * as a host and a port, and must not be shown.
 */
function hasUnencodedPassword(url: string, credentials: string, authority: string): boolean {
  if (authority.includes("@") || /%(?![0-9a-f]{2})/i.test(credentials)) return true;
  const looksLikePassword = /:[^,\]]*[^\d,\]][^,\]]*$/.test(authority);
  return credentials === "" && looksLikePassword && url.slice(url.indexOf(authority) + authority.length).includes("@");
}

interface Host {
  readonly host: string | undefined;
  readonly port: number | undefined;
}

/** Returns the hosts of the URL, or those of its parameters, which take precedence. */
function readHosts(authority: string, names: string, ports: string): readonly Host[] {
  const hosts = names === "" ? authority.split(",").map(readHost) : names.split(",").map((host) => ({ host, port: undefined }));
  if (ports === "") return hosts;
  const given = ports.split(",");
  if (given.length !== 1 && given.length !== hosts.length) throw new Error("it has another number of ports than of hosts");
  return hosts.map(({ host }, index) => ({ host, port: readPort(given[index] ?? given[0] ?? "") }));
}

function readHost(text: string): Host {
  const [, bracketed, plain = "", port = ""] = /^(?:\[(.*)\]|([^:]*))(?::(.*))?$/.exec(text) ?? [];
  const host = bracketed ?? decodeURIComponent(plain);
  return { host: host === "" ? undefined : host, port: readPort(port) };
}

function readPort(text: string): number | undefined {
  if (text === "") return undefined;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) throw new Error(`${text} is no port`);
  return port;
}

function readSessionAttributes(given: string): SessionAttributes {
  const known = sessionAttributes.find((name) => name === (given || "any"));
  if (known === undefined) throw new Error(`target_session_attrs is one of ${sessionAttributes.join(", ")}`);
  return known;
}

/**
 * Returns the TLS options of a connection. `mode` is the `sslmode`, and `ssl` is what the driver has read from the
 * other parameters. Undefined leaves the choice to the environment (PGSSLMODE).
 */
function readTls(mode: string, ssl: pg.ClientConfig["ssl"]): pg.ClientConfig["ssl"] {
  const options = typeof ssl === "object" ? ssl : {};
  const withoutHostCheck = { ...options, checkServerIdentity: () => undefined };
  switch (mode) {
    case "":
      return ssl;
    case "disable":
      return false;
    case "no-verify":
      return { ...options, rejectUnauthorized: false };
    case "require":
      return options.ca === undefined ? options : withoutHostCheck;
    case "verify-ca":
      if (options.ca === undefined)
        throw new Error("sslmode=verify-ca needs the certificate of that authority, as sslrootcert");
      return withoutHostCheck;
    case "verify-full":
      return options;
    default:
      throw new Error("sslmode is one of disable, no-verify, require, verify-ca and verify-full");
  }
}

function serverAt({ host, port }: Host, common: pg.ClientConfig): ServerAddress {
  const { user, password, database, ssl, sslnegotiation, application_name: name, options } = common;
  return {
    ...presentMembers({ host, port, user, password, database, sslnegotiation, application_name: name, options }),
    // Connections through a socket of this machine are never encrypted, as in libpq.
    ...presentMembers({ ssl: host?.startsWith("/") ? false : ssl }),
  };
}

/**
 * Returns `members` without undefined and empty values, for which the driver then uses the PG… variables of the
 * environment.
 */
function presentMembers<Members extends object>(members: Members): Members {
  const present = Object.entries(members).filter(([, value]) => value !== undefined && value !== "");
  return Object.fromEntries(present) as Members; // the absent members are optional
}
