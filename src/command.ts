import { ConfigError } from "./config.ts";
import { DomainError, Unavailable } from "./errors.ts";
import { DirectoryInUse } from "./lib/directory-lock.ts";
import { MigrationFailed } from "./database/migration-history.ts";
import { UnusableDatabase } from "./database/start-checks.ts";

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

function expected(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof Unavailable && error.cause instanceof Error)
    return `${error.message}\nIts cause: ${error.cause.message}`;
  const listening = listeningFault(error);
  if (listening !== undefined) return listening;
  const types = [CommandRefused, ConfigError, DirectoryInUse, DomainError, MigrationFailed, UnusableDatabase];
  return types.some((type) => error instanceof type) ? error.message : undefined;
}

/** Returns why the process cannot listen and which variable to set, or undefined for any other error. */
function listeningFault(error: Error): string | undefined {
  if (!("code" in error && "syscall" in error)) return undefined;
  const { code, syscall, message } = error;
  // HOST is the only name that the process itself looks up at its start. Failed lookups of the database's and the
  // store's clients arrive as errors of these clients.
  if (syscall === "getaddrinfo") return `${message}: set HOST to an address of this machine, or to a name that has one.`;
  if (syscall !== "listen") return undefined;
  if (code === "EADDRINUSE") return `${message}: set PORT to a port that is free.`;
  if (code === "EADDRNOTAVAIL") return `${message}: set HOST to an address of this machine.`;
  if (code === "EACCES") return `${message}: set PORT to a port that this user may listen on, such as one above 1023.`;
  return undefined;
}
