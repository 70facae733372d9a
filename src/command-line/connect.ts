import { request } from "node:http";
import { connect as openConnection } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { originOfOperator, type SocketAnswer, writeSocketRequest } from "../administration/request.ts";
import { administrationSocketPath } from "../administration/socket-path.ts";
import type { Config } from "../config.ts";
import { readSettings } from "../settings.ts";
import { errorCodeOf } from "../lib/error-code.ts";
import { DirectoryInUse } from "../lib/directory-lock.ts";
import type { OperationCall, Terminal } from "./definition.ts";

/** A way to do operations. */
export interface OperatorConnection {
  readonly call: OperationCall;
  close(): Promise<void>;
}

/** Thrown if the gateway that has the database open refuses an operation. `code` is that of its error. */
export class RefusedByGateway extends Error {
  readonly code: string;

  constructor({ code, message }: { readonly code: string; readonly message: string }) {
    super(message);
    this.name = "RefusedByGateway";
    this.code = code;
  }
}

/** Thrown if the embedded database is in use by a process that has no socket for commands. */
export class NoWayToTheDatabase extends Error {
  constructor(message: string) {
    super(message);
    this.name = "NoWayToTheDatabase";
  }
}

/** How long a command waits for the process that uses the embedded database. */
export interface ConnectPatience {
  readonly totalMilliseconds: number;
  readonly pauseMilliseconds: number;
}

/** How a program connects. */
export interface ConnectOptions {
  /** Whether missing migrations are applied. Default: the database is refused if it lacks some. */
  readonly mayMigrate?: boolean | undefined;
  readonly patience?: ConnectPatience | undefined;
}

/** A gateway that starts listens within this time, also if it loads the demo data first; another command has ended. */
const usualPatience: ConnectPatience = { totalMilliseconds: 30_000, pauseMilliseconds: 250 };

/**
 * Connects a program with the database that the environment names: a PostgreSQL directly; the embedded one through the
 * socket of the gateway that has it open, or else directly. Throws `ConfigError`, {@link NoWayToTheDatabase}, and the
 * errors of `openDatabase`.
 */
export async function connectProgram(
  program: string,
  { environment, user, complain }: Pick<Terminal, "environment" | "user" | "complain">,
  { mayMigrate = false, patience = usualPatience }: ConnectOptions = {},
): Promise<OperatorConnection> {
  const config = readSettings(environment);
  const { database, dataDirectory } = config;
  const caller = { program, user, mayMigrate };
  if (database.kind === "postgresql") return openOwn(config, caller);
  const path = administrationSocketPath(dataDirectory);
  const deadline = performance.now() + patience.totalMilliseconds;
  let isTold = false;
  while (true) {
    if (path !== null && (await isListening(path))) return gatewayConnection(path, caller);
    try {
      return await openOwn(config, caller);
    } catch (error) {
      if (!(error instanceof DirectoryInUse)) throw error;
      if (performance.now() > deadline) throw new NoWayToTheDatabase(noWay(path));
    }
    if (!isTold) complain(waiting);
    isTold = true;
    await wait(patience.pauseMilliseconds);
  }
}

const waiting =
  "Another process uses the embedded database, and does not listen for commands yet. Waiting for it to listen or to end.";

function noWay(path: string | null): string {
  const before = "The process that has the embedded database open does not listen for commands: ";
  if (path === null)
    return `${before}the path of DATA_DIR is too long for a socket. Stop the gateway and try again, or give it a shorter DATA_DIR.`;
  return (
    `${before}it is a gateway of an earlier version, or another program. Restart the gateway with this version, or stop ` +
    "it and try again. Meanwhile an administrator can use the GraphQL mutations, such as createApiKey and addPerson."
  );
}

interface OwnCaller {
  readonly program: string;
  readonly user: string;
  readonly mayMigrate: boolean;
}

/** Prisma and the database are loaded only here, so that help and the way through the socket take no time for them. */
async function openOwn(config: Config, { mayMigrate, ...caller }: OwnCaller): Promise<OperatorConnection> {
  const { openAdministration } = await import("./own-database.ts");
  const { administration, close } = await openAdministration(config, mayMigrate);
  const origin = originOfOperator(caller);
  return { call: (name, input) => administration.run(origin, name, input), close };
}

/** Returns whether a process listens on the socket. Throws if the socket is another user's. */
async function isListening(path: string): Promise<boolean> {
  const socket = openConnection(path);
  try {
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return true;
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === "EACCES" || code === "EPERM")
      throw new NoWayToTheDatabase(`The socket ${path} is of another user: run this as the user who runs the gateway.`);
    // No file, a file that a killed gateway has left, or a queue that is full.
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ECONNREFUSED" || code === "EAGAIN" || code === "ENOTSOCK")
      return false;
    throw error;
  } finally {
    socket.destroy();
  }
}

function gatewayConnection(socketPath: string, caller: { program: string; user: string }): OperatorConnection {
  return {
    async call(name, input) {
      const answer = await askGateway(socketPath, JSON.stringify(writeSocketRequest(caller, name, input)));
      if ("error" in answer) throw new RefusedByGateway(answer.error);
      return answer.result as never; // of the operation, by a gateway of the same version of the socket
    },
    close: () => Promise.resolve(),
  };
}

async function askGateway(socketPath: string, body: string): Promise<SocketAnswer> {
  try {
    return await new Promise<SocketAnswer>((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const sent = request({ socketPath, method: "POST", path: "/", headers, agent: false }, (response) => {
        // Only the gateway can listen there.
        json(response).then((answer) => resolve(answer as SocketAnswer), reject);
      });
      sent.once("error", reject).end(body);
    });
  } catch (error) {
    const isCut = ["ECONNRESET", "EPIPE", "ECONNREFUSED", "ENOENT", "ERR_STREAM_PREMATURE_CLOSE"].some(
      (code) => code === errorCodeOf(error),
    );
    if (!isCut) throw error;
    throw new NoWayToTheDatabase(
      "The gateway ended before it answered. Look with list whether it was done, and run the command again if not.",
    );
  }
}
