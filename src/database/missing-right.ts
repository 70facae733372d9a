import { Prisma } from "#generated/prisma/client.ts";
import pg from "pg";
import { z } from "zod";

/** The SQLSTATE of what a role may not do. */
export const insufficientPrivilege = "42501";

/**
 * What PostgreSQL says of a right that a role lacks. Triggers of the gateway refuse with the same code, and say
 * something else: that is a fault of the code.
 */
const rightIsMissing = /^(permission denied (for|to) |must be (owner|member|superuser) )/;

/** The adapter's error, which Prisma keeps beside a code of its own. */
const refusalOfAdapter = z.object({
  driverAdapterError: z.object({ cause: z.object({ originalCode: z.string(), originalMessage: z.string() }) }),
});

/**
 * Returns what PostgreSQL says, such as `permission denied for table notes`, if an error of Prisma or pg is that the
 * role lacks a right. Otherwise returns undefined.
 */
export function missingRightOf(error: unknown): string | undefined {
  const { code, message } = serverError(error);
  return code === insufficientPrivilege && rightIsMissing.test(message) ? message : undefined;
}

function serverError(error: unknown): { readonly code?: string | undefined; readonly message: string } {
  if (error instanceof pg.DatabaseError) return error;
  if (!(error instanceof Prisma.PrismaClientKnownRequestError)) return { message: "" };
  const { data } = refusalOfAdapter.safeParse(error.meta);
  if (data === undefined) return { message: "" };
  const { originalCode, originalMessage } = data.driverAdapterError.cause;
  return { code: originalCode, message: originalMessage };
}

/** Returns the sentence of a missing right of the role that requests and commands have. */
export function missingRightSentence(right: string): string {
  return (
    `The role of DATABASE_URL lacks a right that this needs (${right}): grant it to the role, or name the one that owns ` +
    "the tables in DATABASE_URL."
  );
}
