import { type Gateway, startGateway } from "../../test/faults/support/gateway.ts";
import type { Checkout } from "../checkout.ts";
import { cursorsOf, positionsOf } from "../cursors.ts";
import type { DataSetSize } from "../data-set.ts";
import { runCommand, signingSecret } from "../databases.ts";
import { raisedRateLimits } from "../gateway-process.ts";
import { answerTo } from "../measure.ts";
import { post } from "../questions.ts";
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

/** Reads the facts for the questions from the gateway itself, because each gateway has its own cursors. */
export async function contextOf(side: Side, gateway: Gateway, size: DataSetSize, v1KeyCount: number): Promise<QuestionContext> {
  const ask = async (query: string, key: string): Promise<unknown> => {
    const answer = await answerTo(gateway, post("/graphql", { "x-api-key": key }, { query }));
    return (answer as { data: unknown }).data; // GraphQL over HTTP
  };
  const v1Keys: string[] = [];
  for (let count = 0; count < v1KeyCount; count += 1) {
    const data = await ask(
      `mutation { createApiKey(input: { name: "bench ${count}" }) { ... on CreateApiKeyPayload { secret } } }`,
      side.administratorKey,
    );
    v1Keys.push((data as { createApiKey: { secret: string } }).createApiKey.secret); // what was asked for
  }
  const positions = await positionsOf(side.database, size);
  const cursors = await cursorsOf("gateway", positions, size, (query) => ask(query, side.key));
  return { size, key: side.key, v1Keys, cursors };
}
