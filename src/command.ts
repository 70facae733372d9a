import { ConfigError } from "./config.ts";
import { DomainError, Unavailable } from "./errors.ts";
import { DirectoryInUse } from "./platform/directory-lock.ts";
import { MigrationFailed } from "./platform/migration-history.ts";
import { UnusableDatabase } from "./platform/start-checks.ts";

/** What a command cannot do, said to whoever runs it. */
export class CommandRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CommandRefused";
  }
}

/**
 * Runs a command of the process. What is to be expected ends it with a message and exit code 1; anything else is a mistake of ours and keeps
 * its stack.
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

function expected(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof Unavailable && error.cause instanceof Error)
    return `${error.message}\nIts cause: ${error.cause.message}`;
  if ("code" in error && error.code === "EADDRINUSE") return `${error.message}: set PORT to a port that is free.`;
  const types = [CommandRefused, ConfigError, DirectoryInUse, DomainError, MigrationFailed, UnusableDatabase];
  return types.some((type) => error instanceof type) ? error.message : undefined;
}
