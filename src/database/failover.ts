import pg from "pg";
import { Unavailable } from "../errors.ts";
import type { DatabaseAddress, ServerAddress, SessionAttributes } from "./connection-string.ts";

interface ServerState {
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
}

const meetsAttributes: Readonly<Record<SessionAttributes, (state: ServerState) => boolean>> = {
  any: () => true,
  "read-write": ({ isReadOnly }) => !isReadOnly,
  "read-only": ({ isReadOnly }) => isReadOnly,
  primary: ({ isStandby }) => !isStandby,
  standby: ({ isStandby }) => isStandby,
  "prefer-standby": ({ isStandby }) => isStandby,
};

/**
 * Returns the client class for a pool of connections to `address`. For one server without a requirement it is the
 * driver's own. Otherwise each new connection first checks the servers in their order, and uses the first that meets
 * `target_session_attrs`. The check takes at most `milliseconds`.
 */
export function clientFor(address: DatabaseAddress, milliseconds: number): typeof pg.Client {
  const { servers, sessionAttributes } = address;
  if (servers.length === 1 && sessionAttributes === "any") return pg.Client;
  // Half of the time of a server is for the connection, the other half for its answer.
  const timeoutMilliseconds = Math.ceil(milliseconds / servers.length / 2);

  return class extends pg.Client {
    override connect(): Promise<pg.Client>;
    override connect(callback: (error: Error) => void): void;
    override connect(callback?: (error: Error) => void): Promise<pg.Client> | void {
      const connected = chooseServer(address, timeoutMilliseconds).then(async ({ host, port }) => {
        if (host !== undefined) this.host = host;
        if (port !== undefined) this.port = port;
        await super.connect();
        return this;
      });
      if (callback === undefined) return connected;
      // The pool passes a callback, and calls it without an error for success.
      const succeeded = callback as () => void;
      connected.then(() => succeeded(), callback);
    }
  };
}

/** Returns the first server that meets `sessionAttributes`. Throws {@link Unavailable} if there is none. */
async function chooseServer({ servers, sessionAttributes }: DatabaseAddress, milliseconds: number): Promise<ServerAddress> {
  // `prefer-standby` falls back to any server.
  const rounds: SessionAttributes[] = sessionAttributes === "prefer-standby" ? ["prefer-standby", "any"] : [sessionAttributes];
  const failures: unknown[] = [];
  for (const wanted of rounds) {
    for (const server of servers) {
      try {
        if (meetsAttributes[wanted](await stateOf(server, milliseconds))) return server;
      } catch (error) {
        failures.push(error);
      }
    }
  }
  const message = `None of the ${servers.length} servers of the database can be reached and is ${sessionAttributes}`;
  throw new Unavailable({ cause: new AggregateError(failures, message) });
}

async function stateOf(server: ServerAddress, milliseconds: number): Promise<ServerState> {
  const client = new pg.Client({ ...server, connectionTimeoutMillis: milliseconds, query_timeout: milliseconds });
  // Without a listener the loss of a connection would end the process. The query fails by it too.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<ServerState>(
      `SELECT pg_is_in_recovery() AS "isStandby", current_setting('transaction_read_only')::boolean AS "isReadOnly"`,
    );
    const [state] = rows;
    if (state === undefined) throw new Error("A SELECT without FROM has one row");
    return state;
  } finally {
    await client.end();
  }
}
