import { userInfo } from "node:os";
import { pino } from "pino";
import { ConfigError, readConfig } from "./config.ts";
import { type Database, openDatabase } from "./database/database.ts";
import { MigrationFailed } from "./database/migration-history.ts";
import { migrate, requireMigrated } from "./database/migrations.ts";
import { awaitDatabase, UnusableDatabase } from "./database/start-checks.ts";
import { DomainError, Unavailable } from "./errors.ts";
import { DirectoryInUse } from "./lib/directory-lock.ts";
import type { Origin, Role } from "./viewer.ts";

// What the commands have in common by which an operator manages accounts, people and credentials.

/** Thrown for arguments that are not valid. The message is printed with the usage. */
export class UsageError extends Error {}

/** A program whose commands an operator runs. */
export interface OperatorProgram {
  /** How npm runs it, such as `npm run keys`. The audit names it. */
  readonly name: string;
  readonly usage: string;
  /** What to do in place of the command while the gateway runs on the embedded database. */
  readonly meanwhile: string;
}

/** The work of a command, once its arguments have been read. */
export type OperatorWork = (database: Database, origin: Origin) => Promise<void>;

/**
 * Reads the arguments, opens the database and does the work that `readArguments` returns, if it returns any. An
 * expected error sets the exit code of the process: 2 if the arguments are not valid, 1 if the command has failed.
 */
export async function runOperatorProgram(
  program: OperatorProgram,
  readArguments: () => OperatorWork | undefined,
): Promise<void> {
  try {
    const work = readArguments();
    if (work) await withDatabase(program, work);
    else console.log(program.usage);
  } catch (error) {
    process.exitCode = explain(program, error);
  }
}

async function withDatabase({ name }: OperatorProgram, work: OperatorWork): Promise<void> {
  const config = readConfig(process.env);
  // Logs go to standard error, because scripts read secrets from standard output.
  const log = pino({ level: "warn" }, pino.destination(2));
  await awaitDatabase(config.database, log);
  const database = await openDatabase(config.database, log);
  try {
    await migrate(database, { log });
    await requireMigrated(database);
    await work(database, { address: null, userAgent: `${name} (${userInfo().username})`, requestId: null });
  } finally {
    await database.close();
  }
}

/** Returns the value of an option. Throws {@link UsageError} if it is missing. */
export function requiredOption(given: Readonly<Record<string, unknown>>, option: string): string {
  const value = given[option];
  if (typeof value !== "string" || value === "") throw new UsageError(`--${option} is missing.`);
  return value;
}

/** Returns the role with that name in any letters. Throws {@link UsageError} if there is none. */
export function roleNamed(name: string): Role {
  const roles: readonly Role[] = ["CUSTOMER", "SPECIALIST", "ADMINISTRATOR"];
  const role = roles.find((known) => known === name.toUpperCase());
  if (!role) throw new UsageError(`--role is one of ${roles.map((known) => known.toLowerCase()).join(", ")}.`);
  return role;
}

/** Throws {@link UsageError} if `given` has an option that is not one of `taken`. */
export function refuseForeignOptions(command: string, given: object, taken: readonly string[]): void {
  const foreign = Object.keys(given).find((option) => !taken.includes(option));
  if (foreign !== undefined) throw new UsageError(`${command} takes no --${foreign}.`);
}

/** Prints what went wrong. Returns the exit code: 2 if the arguments are not valid, 1 if the command has failed. */
function explain({ usage, meanwhile }: OperatorProgram, error: unknown): 1 | 2 {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${usage}`);
    return 2;
  }
  if (error instanceof DirectoryInUse) {
    console.error("The gateway has the embedded database open, and only one process at a time may have it.");
    console.error(`Stop the gateway and try again; or, while it runs, ${meanwhile}.`);
    console.error(error.message);
    return 1;
  }
  const foreseen = [ConfigError, MigrationFailed, UnusableDatabase, DomainError].some((type) => error instanceof type);
  if (!foreseen || !(error instanceof Error)) throw error;
  // An operator may see everything, so the second half of the message does not apply.
  console.error(error.message.replace(", or you may not see it", ""));
  if (error instanceof Unavailable && error.cause instanceof Error) console.error(`Its cause: ${error.cause.message}`);
  return 1;
}
