import { z } from "zod";
import { Prisma } from "#generated/prisma/client.ts";
import { Unavailable } from "../errors.ts";
import { errorCodeOf } from "../lib/error-code.ts";

/**
 * Returns {@link Unavailable} with `error` as its cause if `error` says that the database cannot be reached; otherwise
 * `error`.
 */
export function asUnavailable(error: unknown): unknown {
  if (error instanceof Unavailable) return error;
  return isUnavailable(error) ? new Unavailable({ cause: error }) : error;
}

/**
 * Returns whether an error of Prisma or pg says that the database cannot be reached, is too slow or has no connection
 * left, so that the same call may succeed later.
 */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof Unavailable) return true;
  if (!(error instanceof Error)) return false;
  if (error instanceof Prisma.PrismaClientInitializationError) return true;
  if (error instanceof Prisma.PrismaClientKnownRequestError) {
    const { data } = adapterErrorShape.safeParse(error.meta);
    if (data !== undefined && saysUnavailable(data.driverAdapterError.cause)) return true;
  }
  const code = errorCodeOf(error);
  if (code !== undefined && [prismaCodes, serverCodes, socketCodes, encryptionCodes].some((codes) => codes.test(code)))
    return true;
  // The socket of a server on this machine is a file, which is missing while the server is not running.
  if ("syscall" in error && error.syscall === "connect") return true;
  // The errors of pg itself and its pool have no code, so they are recognised by their text.
  if (driverMessages.test(error.message)) return true;
  return error.cause instanceof Error && isUnavailable(error.cause);
}

/** The adapter's error, which Prisma keeps beside a code of its own. That code may say only that a raw query failed. */
const adapterErrorShape = z.object({
  driverAdapterError: z.object({ cause: z.object({ kind: z.string(), originalCode: z.string().optional() }) }),
});

function saysUnavailable({ kind, originalCode }: { kind: string; originalCode?: string | undefined }): boolean {
  return adapterKinds.has(kind) || (originalCode !== undefined && serverCodes.test(originalCode));
}

const adapterKinds = new Set(["DatabaseNotReachable", "ConnectionClosed", "SocketTimeout", "TlsConnectionError"]);

/**
 * Prisma's codes: cannot reach, timed out, closed, no such database, no access, pool exhausted, write conflict,
 * transaction expired, too many connections.
 */
const prismaCodes = /^P(1000|1001|1002|1003|1008|1010|1011|1017|2024|2028|2034|2037)$/;

/**
 * SQLSTATEs: 08 connection, 25006 read-only (a standby), 25P03/04 idle, 28 access, 3D000 no such database, 40
 * serialization and deadlock, 53 resources, 55P03 lock timeout, 57014 statement timeout, 57P0x shutting down or
 * starting, 58 system.
 */
const serverCodes = /^(08...|25006|25P0[34]|28...|3D000|40...|53...|55P03|57014|57P0.|58...)$/;

const socketCodes =
  /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOST(UNREACH|DOWN)|ENET(UNREACH|DOWN)|EADDRNOTAVAIL|EMFILE|ENFILE)$/;

/**
 * Node's codes for a certificate that is not trusted or has expired, and for other failures of TLS
 * (https://nodejs.org/api/tls.html).
 */
const encryptionCodes =
  /^(ERR_(TLS|SSL)_.+|EPROTO|CERT_.+|CRL_.+|UNABLE_TO_.+|ERROR_IN_C(ERT|RL)_.+|(DEPTH_ZERO_)?SELF_SIGNED_CERT.*|INVALID_(CA|PURPOSE)|HOSTNAME_MISMATCH)$/;

const driverMessages = new RegExp(
  `^(${[
    "Connection terminated",
    "timeout exceeded when trying to connect",
    "timeout expired",
    "Query read timeout",
    "Client has encountered a connection error",
    "Client was closed",
    "Cannot use a pool after calling end",
    "The server does not support SSL connections",
    "There was an error establishing an SSL connection",
  ].join("|")})`,
);
