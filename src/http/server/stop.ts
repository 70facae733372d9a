import { Server as NetServer } from "node:net";
import { setImmediate, setTimeout as wait } from "node:timers/promises";
import type { Connections } from "./connections.ts";
import type { Server } from "./server.ts";

export interface StopTimes {
  /** How long the port stays open, so that load balancers notice that the process is about to end. */
  readonly drainMilliseconds: number;
  /** How long requests under way may still take after that. */
  readonly workMilliseconds: number;
}

/**
 * How long a connection must have been idle before it is closed. Closing it at once could lose a request that is on its
 * way. A client that sends one within this time is told to close the connection.
 */
const idleConnectionMilliseconds = 1_000;

const idleCheckMilliseconds = 50;

/**
 * How long waiting connections are accepted before the port closes. It is bounded because under load there is always
 * another one.
 */
const acceptMilliseconds = 100;

/**
 * Stops serving without losing a request. From now on `/ready` fails and every response has `Connection: close`. After
 * the drain time the port closes. Requests under way, uploads too, get their responses. A connection closes with its
 * last response, or when it is idle.
 */
export async function stopServing(
  { app, connections }: Server,
  { drainMilliseconds, workMilliseconds }: StopTimes,
): Promise<void> {
  connections.beginDraining();
  await wait(drainMilliseconds);
  await acceptWaiting(connections);
  // The method of net.Server, not of http.Server, which closes idle connections at once: a request may be on its way on
  // one of them.
  NetServer.prototype.close.call(app.server);
  const deadline = performance.now() + workMilliseconds;
  while (connections.count > 0 && performance.now() < deadline) {
    connections.closeIdle(idleConnectionMilliseconds);
    await wait(idleCheckMilliseconds);
  }
  connections.destroyAll();
  await app.close();
}

/**
 * Accepts the connections that the system has queued, because closing the port would reset them. Each turn of the event
 * loop accepts some.
 */
async function acceptWaiting(connections: Connections): Promise<void> {
  const deadline = performance.now() + acceptMilliseconds;
  let before: number;
  do {
    before = connections.opened;
    await setImmediate();
  } while (connections.opened !== before && performance.now() < deadline);
}
