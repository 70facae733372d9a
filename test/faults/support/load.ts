import { Agent, request } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

/** The results of the requests of a load. */
export interface Tally {
  answered: number;
  /** Requests that were sent on an open connection and got no response, or another one than expected. */
  readonly failed: string[];
  /** Connections that could not be opened. */
  refused: number;
  /**
   * New connections that were reset before a response. When the port closes, these are the connections that the gateway
   * has not accepted yet.
   */
  resetAtOpening: number;
  /** The response times, in milliseconds. */
  readonly milliseconds: number[];
}

export function newTally(): Tally {
  return { answered: 0, failed: [], refused: 0, resetAtOpening: 0, milliseconds: [] };
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly status: number;
}

/** Returns requests with the API key `key` that read through each API, and one that adds a note. */
export function mixedCalls(key: string, ticketId: string): readonly Call[] {
  const json = { "content-type": "application/json" };
  const query = "{ viewer { role } tickets(first: 5) { nodes { subject notes(first: 5) { nodes { text } } } } }";
  const note = JSON.stringify({ ticket_id: ticketId, value: "Under load." });
  const keyed = { ...json, "x-api-key": key };
  return [
    { method: "POST", path: "/graphql", headers: keyed, body: JSON.stringify({ query }), status: 200 },
    { method: "GET", path: `/v2/tickets/notes?ticket_id=${ticketId}&limit=5`, headers: keyed, status: 200 },
    { method: "GET", path: "/v1/notes?per_page=5", headers: { authorization: `Bearer ${key}` }, status: 200 },
    { method: "POST", path: "/v2/tickets/notes", headers: keyed, body: note, status: 201 },
  ];
}

export interface LoadOptions {
  readonly port: number;
  readonly calls: readonly Call[];
  readonly clients: number;
  /** The time that each client waits between a response and its next request, in milliseconds. */
  readonly pauseMilliseconds: number;
  readonly tally: Tally;
  readonly isOver: () => boolean;
}

/**
 * Sends requests on kept-alive connections, one for each client, and never sends a request twice. Ends when `isOver`,
 * or when connections are refused.
 */
export async function load({ port, calls, clients, pauseMilliseconds, tally, isOver }: LoadOptions): Promise<void> {
  const client = async (number: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let turn = number; !isOver(); turn += 1) {
      const call = calls[turn % calls.length];
      if (!call) throw new Error("There is nothing to call.");
      const outcome = await send(port, call, agent, tally);
      if (outcome === "refused") break;
      await wait(pauseMilliseconds);
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
}

function send(port: number, call: Call, agent: Agent, tally: Tally): Promise<"sent" | "refused"> {
  const { method, path, headers, body, status } = call;
  const began = performance.now();
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const outgoing = request({ host: "127.0.0.1", port, method, path, agent, headers: { ...headers, ...length } });
    const fail = (why: string): void => {
      tally.failed.push(`${method} ${path}: ${why}${outgoing.reusedSocket ? ", on a kept-alive connection" : ""}`);
      resolve("sent");
    };
    outgoing.once("response", (incoming) => {
      incoming.once("error", (error) => fail(error.message));
      incoming.once("end", () => {
        if (incoming.statusCode !== status) return fail(`status ${incoming.statusCode}`);
        tally.answered += 1;
        tally.milliseconds.push(performance.now() - began);
        resolve("sent");
      });
      incoming.resume();
    });
    outgoing.once("error", (error: NodeJS.ErrnoException) => {
      const isClosedPort = error.code === "ECONNREFUSED" || error.syscall === "connect";
      const isResetAtOpening = error.code === "ECONNRESET" && !outgoing.reusedSocket;
      if (!isClosedPort && !isResetAtOpening) return fail(error.message);
      tally[isClosedPort ? "refused" : "resetAtOpening"] += 1;
      resolve("refused");
    });
    outgoing.end(body);
  });
}

/** Returns the value below which a share of `values` lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
