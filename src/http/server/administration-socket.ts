import { chmodSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import Fastify, { type FastifyBaseLogger } from "fastify";
import { readSocketRequest, type SocketAnswer } from "../../administration/request.ts";
import type { Administration } from "../../administration/service.ts";
import { DomainError, type ErrorCode, Unavailable } from "../../errors.ts";
import { makeDirectory } from "../../lib/make-directory.ts";

/** The socket by which an operator's commands reach a gateway that holds the embedded database. */
export interface AdministrationSocket {
  /**
   * Accepts no connection any more and removes the socket. Requests under way get `workMilliseconds`; then their
   * connections are closed.
   */
  close(workMilliseconds: number): Promise<void>;
}

export interface AdministrationSocketOptions {
  readonly path: string;
  readonly administration: Administration;
  readonly log: FastifyBaseLogger;
}

/** The longest request is a name and a list of scopes. */
const maxRequestBytes = 65_536;
const maxConnections = 32;
/** The embedded database serves one statement at a time, so more would only wait. */
const maxUnderWay = 8;
const arrivalMilliseconds = 5_000;

/**
 * Listens on a socket of the operating system that only the user of this process may open: it is in a directory of mode
 * 700 and has mode 600. A socket that a killed gateway has left is replaced; the caller must hold the lock of the
 * database, so that no other gateway can be using it. Throws the error of the operating system.
 */
export async function openAdministrationSocket(options: AdministrationSocketOptions): Promise<AdministrationSocket> {
  const { path, administration, log } = options;
  let underWay = 0;
  const server = Fastify({
    bodyLimit: maxRequestBytes,
    requestTimeout: arrivalMilliseconds,
    http: { headersTimeout: arrivalMilliseconds, connectionsCheckingInterval: 1_000 },
    forceCloseConnections: "idle",
  });
  server.server.maxConnections = maxConnections;
  server.setErrorHandler((error, _request, reply) => reply.send(answerTo(error, log)));
  server.post("/", async ({ body }): Promise<SocketAnswer> => {
    if (underWay >= maxUnderWay) throw new Unavailable();
    underWay += 1;
    try {
      const { origin, operation, input } = readSocketRequest(body);
      return { result: await administration.run(origin, operation, input) };
    } finally {
      underWay -= 1;
    }
  });

  const directory = dirname(path);
  makeDirectory(directory);
  chmodSync(directory, 0o700);
  rmSync(path, { force: true });
  await server.listen({ path });
  chmodSync(path, 0o600);
  return {
    async close(workMilliseconds) {
      const isClosed = server.close();
      await Promise.race([isClosed, wait(workMilliseconds, undefined, { ref: false })]);
      server.server.closeAllConnections();
      await isClosed;
    },
  };
}

/** Returns what an operator is told. A fault is logged, and its details stay in the log. */
function answerTo(error: unknown, log: FastifyBaseLogger): SocketAnswer {
  if (error instanceof DomainError) return { error: { code: error.code satisfies ErrorCode, message: error.message } };
  if (error instanceof Error && "statusCode" in error && typeof error.statusCode === "number" && error.statusCode < 500)
    return { error: { code: "INVALID_INPUT", message: `The request cannot be read: ${error.message}.` } };
  log.error({ err: error }, "a command of an operator failed");
  return { error: { code: "INTERNAL", message: "The gateway has failed to do this. Its log says why." } };
}
