import { userInfo } from "node:os";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { CommandRefused, runCommand, withDatabase } from "./command.ts";
import type { Config } from "./config.ts";
import type { Database } from "./database/database.ts";
import { migrate, requireMigrated } from "./database/migrations.ts";
import { errorCodeOf } from "./lib/error-code.ts";
import { createCommandLog } from "./lib/log.ts";
import { readSettings } from "./settings.ts";
import type { Origin } from "./viewer.ts";

// What import and export have in common: each opens the database itself, for as long as it takes.

/** Thrown for arguments that are not valid. The message is printed with the usage, and the exit code is 2. */
export class TransferUsageError extends Error {}

/** The work of a command, once its arguments have been read. */
export interface TransferWork {
  /** Whether missing migrations are applied before. If not, a database that lacks some is refused. */
  readonly mayMigrate: boolean;
  readonly run: (database: Database, origin: Origin, config: Config) => Promise<void>;
}

/** A command that transfers data. */
interface TransferCommand {
  /** How npm runs it, which the audit names. */
  readonly name: string;
  readonly usage: string;
}

/**
 * Reads the arguments, opens the database and does the work that `readArguments` returns; prints the usage if it
 * returns none.
 */
export async function runTransfer(command: TransferCommand, readArguments: () => TransferWork | undefined): Promise<void> {
  const { usage } = command;
  await runCommand(async () => {
    try {
      const work = readArguments();
      if (work) await workOnDatabase(command, work);
      else console.log(usage);
    } catch (error) {
      if (!(error instanceof TransferUsageError)) throw refusedFile(error);
      console.error(`${error.message}\n\n${usage}`);
      process.exitCode = 2;
    }
  });
}

/** Returns what to throw for `error`: one of the file system says which file, and is a mistake of the arguments. */
function refusedFile(error: unknown): unknown {
  const isOfFile = error instanceof Error && "path" in error && typeof error.path === "string" && "syscall" in error;
  if (!isOfFile || !fileCodes.has(errorCodeOf(error) ?? "")) return error;
  return new CommandRefused(`A file cannot be read or written (${error.message}): name another, or see to its rights.`);
}

const fileCodes: ReadonlySet<string> = new Set([
  ...["EACCES", "EEXIST", "EISDIR", "ENAMETOOLONG", "ENOENT", "ENOSPC", "ENOTDIR", "EPERM", "EROFS"],
]);

async function workOnDatabase({ name }: TransferCommand, { mayMigrate, run }: TransferWork): Promise<void> {
  const config = readSettings(process.env);
  const log = createCommandLog(config.logLevel);
  await withDatabase(config.database, log, async (database) => {
    if (mayMigrate) await migrate(database, { log });
    else await requireMigrated(database);
    await run(database, { address: null, userAgent: `${name} (${userInfo().username})`, requestId: null }, config);
  });
}

/** Returns the value of an option. Throws {@link TransferUsageError} if it is missing. */
export function requiredOption(given: Readonly<Record<string, unknown>>, option: string): string {
  const value = given[option];
  if (typeof value !== "string" || value === "") throw new TransferUsageError(`--${option} is missing.`);
  return value;
}

/** The values of options, as `parseArgs` types them. */
export type TransferOptions<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options; strict: true }>
>["values"];

/** Returns the options that the process was given. Throws {@link TransferUsageError} for others. */
export function readOptions<Options extends ParseArgsOptionsConfig>(options: Options): TransferOptions<Options> {
  try {
    return parseArgs({ options, strict: true }).values;
  } catch (error) {
    // parseArgs says which option it does not know.
    throw new TransferUsageError(error instanceof Error ? error.message : String(error));
  }
}
