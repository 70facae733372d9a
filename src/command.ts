import { ConfigError } from "./config.ts";
import { DomainError, Unavailable } from "./errors.ts";
import { DirectoryInUse } from "./lib/directory-lock.ts";
import { MigrationFailed } from "./database/migration-history.ts";
import { UnusableDatabase } from "./database/start-checks.ts";

/** An error of a command whose message is meant for the person who runs it. */
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
  const listening = listeningFault(error);
  if (listening !== undefined) return listening;
  const types = [CommandRefused, ConfigError, DirectoryInUse, DomainError, MigrationFailed, UnusableDatabase];
  return types.some((type) => error instanceof type) ? error.message : undefined;
}

/** Why the process cannot listen, and which variable says where; undefined for any other error. */
function listeningFault(error: Error): string | undefined {
  if (!("code" in error && "syscall" in error)) return undefined;
  const { code, syscall, message } = error;
  // Nothing else is looked up by the process itself while it starts: what the database's and the store's clients look up comes as theirs.
  if (syscall === "getaddrinfo") return `${message}: set HOST to an address of this machine, or to a name that has one.`;
  if (syscall !== "listen") return undefined;
  if (code === "EADDRINUSE") return `${message}: set PORT to a port that is free.`;
  if (code === "EADDRNOTAVAIL") return `${message}: set HOST to an address of this machine.`;
  if (code === "EACCES") return `${message}: set PORT to a port that this user may listen on, such as one above 1023.`;
  return undefined;
}
