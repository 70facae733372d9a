import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { ConfigError, type DatabaseConfig } from "./config.ts";
import { asError, DomainError, Unavailable } from "./errors.ts";
import { DirectoryInUse } from "./lib/directory-lock.ts";
import { MigrationFailed } from "./database/migration-history.ts";
import { type Database, openDatabase } from "./database/database.ts";
import { missingRightOf, missingRightSentence } from "./database/missing-right.ts";
import { awaitDatabase, UnusableDatabase } from "./database/start-checks.ts";
import { UnusableRedis } from "./limits/start-check.ts";
import { UnusableStore } from "./storage/start-check.ts";
import { UnusableSource } from "./transfer/json-files.ts";

/** Thrown by a command for a mistake of the person who runs it. They see the message. */
export class CommandRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CommandRefused";
  }
}

/**
 * Runs a command of the process. An expected error ends the process with a message and exit code 1. Any other error is
 * a fault in the code and is printed with its stack.
 */
export async function runCommand(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const message = expected(error);
    if (message === undefined) throw error;
    console.error(message);
    process.exit(1);
  }
}

/**
 * Returns the options of a command. Prints `usage` and exits with 0 if `--help` is among them, and with 2 if there are
 * others.
 */
export function readArgumentsOrExit<Options extends ParseArgsOptionsConfig>(
  options: Options,
  usage: string,
): ReturnType<typeof parseArgs<{ options: Options; strict: true }>>["values"] {
  const given = parsedOrExit({ ...options, help: { type: "boolean", short: "h" } } as const, usage);
  if (!("help" in given)) return given;
  console.log(usage);
  process.exit(0);
}

function parsedOrExit<Options extends ParseArgsOptionsConfig>(options: Options, usage: string) {
  try {
    return parseArgs({ options, strict: true }).values;
  } catch (error) {
    // The error of parseArgs names the unknown argument.
    console.error(error instanceof Error ? `${error.message}\n\n${usage}` : usage);
    process.exit(2);
  }
}

/** What a command logs to. Pino's loggers have this shape. */
type CommandLog = Parameters<typeof openDatabase>[1];

/**
 * Waits for the database, opens it for `work`, and closes it. Throws as `awaitDatabase` and `openDatabase`, and what
 * `work` throws.
 */
export async function withDatabase(
  config: DatabaseConfig,
  log: CommandLog,
  work: (database: Database) => Promise<void>,
): Promise<void> {
  await awaitDatabase(config, log);
  const database = await openDatabase(config, log);
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

/**
 * Waits for all of `works`, so that all that is wrong is said at once. Throws the error if one has failed, or an
 * `AggregateError` of several.
 */
export async function awaitAll(works: readonly Promise<void>[]): Promise<void> {
  const errors = (await Promise.allSettled(works)).flatMap((outcome) =>
    outcome.status === "rejected" ? [asError(outcome.reason)] : [],
  );
  if (errors.length > 1) throw new AggregateError(errors);
  for (const error of errors) throw error;
}

const foreseen = [
  CommandRefused,
  ConfigError,
  DirectoryInUse,
  DomainError,
  MigrationFailed,
  UnusableDatabase,
  UnusableRedis,
  UnusableSource,
  UnusableStore,
];

/** Returns what to print, or undefined for a fault in the code. */
function expected(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof AggregateError) {
    const messages = error.errors.map(expected);
    return messages.includes(undefined) ? undefined : messages.join("\n");
  }
  if (error instanceof Unavailable && error.cause instanceof Error)
    return `${error.message}\nIts cause: ${error.cause.message}`;
  const right = missingRightOf(error);
  if (right !== undefined) return missingRightSentence(right);
  return foreseen.some((type) => error instanceof type) ? error.message : undefined;
}
