import { Agent, request } from "node:https";
import type { Call } from "../faults/support/load.ts";

/** An answer, or why there is none. */
export interface Answer {
  /** Undefined if the connection was lost. */
  readonly status: number | undefined;
  readonly body: Buffer;
  readonly error?: string;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** A client that trusts one certificate authority and keeps its connections. It sends nothing twice. */
export interface Client {
  send(url: string, sent?: Sent): Promise<Answer>;
  close(): void;
}

export function createClient(authority: string): Client {
  const agent = new Agent({ ca: authority, keepAlive: true });
  return {
    send: (url, { method = "GET", headers = {}, body } = {}) =>
      new Promise((resolve) => {
        const fail = (error: Error) => resolve({ status: undefined, body: Buffer.alloc(0), error: error.message });
        const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
        const outgoing = request(url, { method, agent, headers: { ...headers, ...length } }, (incoming) => {
          const parts: Buffer[] = [];
          incoming.on("data", (part: Buffer) => parts.push(part));
          incoming.once("error", fail);
          incoming.once("end", () => resolve({ status: incoming.statusCode, body: Buffer.concat(parts) }));
        });
        outgoing.once("error", fail);
        outgoing.end(body);
      }),
    close: () => agent.destroy(),
  };
}

/** The answers of a load. */
export interface LoadResult {
  readonly answered: number;
  /** Answers other than the expected ones: method, path and what came instead. */
  readonly failed: readonly string[];
}

/** Sends calls by several clients until `during` has ended, each its next call when the last one is answered. */
export async function loadDuring(
  { authority, url, clients, calls }: { authority: string; url: string; clients: number; calls: readonly Call[] },
  during: () => Promise<void>,
): Promise<LoadResult> {
  let [isOver, answered] = [false, 0];
  const failed: string[] = [];
  const ask = async (number: number): Promise<void> => {
    const client = createClient(authority);
    for (let turn = number; !isOver; turn += 1) {
      const call = calls[turn % calls.length];
      if (call === undefined) throw new Error("There is nothing to call.");
      const { method, path, headers, body, status } = call;
      const answer = await client.send(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
      if (answer.status === status) answered += 1;
      else failed.push(`${method} ${path.replace(/\?.*/, "")}: ${answer.status ?? answer.error}`);
    }
    client.close();
  };
  const asking = Promise.all(Array.from({ length: clients }, (_, number) => ask(number)));
  try {
    await during();
  } finally {
    isOver = true;
    await asking;
  }
  return { answered, failed };
}
