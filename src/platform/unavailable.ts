import { z } from "zod";
import { Prisma } from "#generated/prisma/client.ts";
import { Unavailable } from "../errors.ts";

/** {@link Unavailable}, with `error` as its cause, where that says that the database cannot be reached; otherwise `error` itself. */
export function asUnavailable(error: unknown): unknown {
  return isUnavailable(error) ? new Unavailable({ cause: error }) : error;
}

/**
 * Whether an error of Prisma or of pg says that the database cannot be reached, is too slow or has no room for us: that the same call may
 * succeed later, unchanged.
 */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof Unavailable) return true;
  if (!(error instanceof Error)) return false;
  if (error instanceof Prisma.PrismaClientInitializationError) return true;
  if (error instanceof Prisma.PrismaClientKnownRequestError) {
    const { data } = adapterErrorShape.safeParse(error.meta);
    if (data !== undefined && saysUnavailable(data.driverAdapterError.cause)) return true;
  }
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  if (code !== undefined && (prismaCodes.has(code) || serverCodes.test(code) || socketCodes.has(code))) return true;
  // What pg and its pool throw themselves is told by its words alone.
  if (driverMessages.test(error.message)) return true;
  return error.cause instanceof Error && isUnavailable(error.cause);
}

/** What the adapter knew, kept by Prisma beside a code of its own that may be no more than "a raw query failed". */
const adapterErrorShape = z.object({
  driverAdapterError: z.object({ cause: z.object({ kind: z.string(), originalCode: z.string().optional() }) }),
});

function saysUnavailable({ kind, originalCode }: { kind: string; originalCode?: string | undefined }): boolean {
  return adapterKinds.has(kind) || (originalCode !== undefined && serverCodes.test(originalCode));
}

const adapterKinds = new Set(["DatabaseNotReachable", "ConnectionClosed", "SocketTimeout", "TlsConnectionError"]);

/** Cannot reach, timed out, closed, no such database, no access, pool exhausted, write conflict, transaction expired, too many connections. */
const prismaCodes = new Set([
  ...["P1000", "P1001", "P1002", "P1003", "P1008", "P1010", "P1011", "P1017"],
  ...["P2024", "P2028", "P2034", "P2037"],
]);

/**
 * SQLSTATE: 08 connection, 25006 read-only (a standby), 25P03/04 idle, 28 access, 3D000 no such database, 40 serialization and deadlock, 53 resources,
 * 55P03 lock timeout, 57014 statement timeout, 57P0x shutting down or starting, 58 system.
 */
const serverCodes = /^(08...|25006|25P0[34]|28...|3D000|40...|53...|55P03|57014|57P0.|58...)$/;

const socketCodes = new Set([
  ...["ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN"],
  ...["EHOSTUNREACH", "EHOSTDOWN", "ENETUNREACH", "ENETDOWN", "EADDRNOTAVAIL", "EMFILE", "ENFILE"],
]);

const driverMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end)/;
