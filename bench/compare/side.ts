import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { type Gateway, startGateway } from "../../test/faults/support/gateway.ts";
import { type DataSetSize, noteId } from "../data-set.ts";
import { raisedRateLimits } from "../gateway-process.ts";
import { rowsOf, type Sent } from "../harness.ts";
import { deepOffset } from "../questions.ts";
import type { Checkout } from "./checkout.ts";
import { runCommand, signingSecret } from "./databases.ts";
import type { QuestionContext } from "./questions.ts";

/** One of the two compared gateways. */
export interface Side {
  readonly checkout: Checkout;
  readonly database: string;
  /** The key of a specialist, who sees all rows of the account. */
  readonly key: string;
  readonly administratorKey: string;
  /** The module whose plugins the gateway registers. Undefined: none. */
  readonly plugins?: string | undefined;
}

/** Creates the keys in a database with the checkout's own `npm run keys`. */
export function openSide(checkout: Checkout, database: string): Side {
  const keys = (...words: string[]) => runCommand(checkout, ["src/keys.ts", ...words], database);
  const keyOf = (person: string) => keys("create", "--account=bench", `--person=${person}`, "--name=bench");
  const administrator = "administrator@example.com";
  keys("add-person", "--account=bench", "--name=Administrator", `--person=${administrator}`, "--role=administrator");
  return { checkout, database, key: keyOf("person5@example.com"), administratorKey: keyOf(administrator) };
}

/**
 * Starts a side's gateway as `npm start` does. It logs to a file, and reaches its database directly or through a
 * counter.
 */
export async function startSide({ checkout, database, plugins }: Side, url = database): Promise<Gateway> {
  return await startGateway({
    checkout: checkout.directory,
    environment: {
      ...{ DATABASE_URL: url, SIGNING_SECRET: signingSecret, DRAIN_MS: "0", ...raisedRateLimits },
      ...(plugins !== undefined && { GRAPHQL_PLUGINS: plugins }),
    },
  });
}

/** Stops a side's gateway and removes its log, which is large. */
export async function stopSide(gateway: Gateway): Promise<void> {
  await gateway.stop();
  rmSync(dirname(gateway.logPath), { recursive: true, force: true });
}

/**
 * Returns a gateway's response. Throws an `Error` if the request fails, also with status 200 as GraphQL's errors have.
 */
export async function answerTo({ url }: Gateway, { path, ...request }: Sent): Promise<unknown> {
  const response = await fetch(`${url}${path}`, request);
  // An object or a list, of which an answer of GraphQL may have errors
  const answer = (await response.json()) as { errors?: unknown };
  if (!response.ok || answer.errors !== undefined)
    throw new Error(`${path} answered ${response.status} ${JSON.stringify(answer).slice(0, 500)}`);
  return answer;
}

/** Reads the facts for the questions from the gateway itself, because each gateway has its own cursors. */
export async function contextOf(side: Side, gateway: Gateway, size: DataSetSize, v1KeyCount: number): Promise<QuestionContext> {
  const ask = async (query: string, key = side.key) => {
    const headers = { "content-type": "application/json", "x-api-key": key };
    return await answerTo(gateway, { method: "POST", path: "/graphql", headers, body: JSON.stringify({ query }) });
  };
  const cursorsOf = async (field: "tickets" | "notes", after = "") => {
    const from = after === "" ? "" : `, after: "${after}"`;
    const answer = await ask(`{ ${field}(first: 100${from}) { edges { cursor } } }`);
    const { data } = answer as { data: Record<string, { edges: { cursor: string }[] }> }; // what was asked for
    return data[field]!.edges.map(({ cursor }) => cursor);
  };
  const following = async (field: "tickets" | "notes", after = "") => {
    const cursors = await cursorsOf(field, after);
    return [...cursors, ...(await cursorsOf(field, cursors.at(-1)))];
  };
  const v1Keys: string[] = [];
  for (let count = 0; count < v1KeyCount; count += 1) {
    const answer = await ask(
      `mutation { createApiKey(input: { name: "bench ${count}" }) { ... on CreateApiKeyPayload { secret } } }`,
      side.administratorKey,
    );
    const { data } = answer as { data: { createApiKey: { secret: string } } }; // what was asked for
    v1Keys.push(data.createApiKey.secret);
  }
  const deep = await deepCursor(side, size, async (id) => {
    const answer = await ask(`{ notes(first: 1, filter: { ids: ["${id}"] }) { pageInfo { endCursor } } }`);
    // What was asked for
    return (answer as { data: { notes: { pageInfo: { endCursor: string } } } }).data.notes.pageInfo.endCursor;
  });
  return {
    ...{ size, key: side.key, v1Keys, deep },
    ticketCursors: await following("tickets"),
    noteCursors: await following("notes", deep),
  };
}

/** Returns the cursor of the note after which Q5 continues. */
async function deepCursor({ database }: Side, size: DataSetSize, cursorOf: (id: string) => Promise<string>): Promise<string> {
  const offset = deepOffset(size) - 1;
  const [row] = await rowsOf<{ id: string }>(
    database,
    `SELECT id FROM notes ORDER BY created_at DESC, id DESC OFFSET ${offset} LIMIT 1`,
  );
  return await cursorOf(row?.id ?? noteId(1));
}
