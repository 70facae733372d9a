import { createHash } from "node:crypto";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, startApp, type TestAccount, type TestApp, type TestAppOptions } from "../support/app.ts";
import { addNotes, addTicket, at } from "../support/factories.ts";

/** A gateway with a ticket of {@link noteCount} notes, which a client asks. */
export interface Served {
  readonly app: TestApp;
  readonly account: TestAccount;
  readonly ticket: Ticket;
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
}

export const noteCount = 30;

export async function serve(options: TestAppOptions = {}): Promise<Served> {
  const app = await startApp(options);
  const account = await addAccount(app);
  const ticket = await addTicket(app, account);
  await addNotes(app, ticket, account.specialist, noteCount, (index) => ({ text: `Note ${index}`, createdAt: at(index) }));
  const headers = { "x-api-key": account.specialist.key };
  return { app, account, ticket, endpoint: `${app.url}/graphql`, headers };
}

/** A request of a client, as it goes over the wire. */
export interface WireRequest {
  readonly method: string;
  /** The path with its query. */
  readonly path: string;
  readonly body: string;
  readonly status: number;
}

/** Returns the real `fetch`, and the requests that a client sent by it. */
export function recordingFetch(): { readonly fetch: typeof fetch; readonly take: () => readonly WireRequest[] } {
  const requests: WireRequest[] = [];
  return {
    take: () => requests.splice(0),
    async fetch(input, init) {
      const request = new Request(input, init);
      const body = await request.clone().text();
      const response = await fetch(request);
      const { pathname, search } = new URL(request.url);
      requests.push({ method: request.method, path: pathname + search, body, status: response.status });
      return response;
    },
  };
}

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
