import { createGraphiQLFetcher, type Fetcher, type FetcherParams } from "@graphiql/toolkit";
import { createStore } from "zustand";
import { credentialHeader, identity } from "./identity.ts";
import { settings } from "./settings.ts";

/** What an operation cost (`extensions.cost` of the answer). */
export interface Cost {
  readonly cost: number;
  readonly remaining: number;
  readonly limit: number;
}

/** The last request of a tab, and its answer. */
export interface Exchange {
  readonly status: number;
  readonly milliseconds: number;
  readonly bytes: number;
  readonly cost: Cost | null;
  /** How many SQL statements were sent for it. */
  readonly statements: number | null;
  /** How many statements that were sent for other requests of the same moment answered it too. */
  readonly sharedStatements: number;
}

interface Exchanges {
  /** The id of the tab that is shown. */
  readonly activeTab: string;
  /** The last exchange of each tab, by its id. */
  readonly byTab: Readonly<Record<string, Exchange>>;
}

export const exchanges = createStore<Exchanges>(() => ({ activeTab: "", byTab: {} }));

function changeExchange(tab: string, changed: Partial<Exchange>): void {
  exchanges.setState(({ byTab }) => ({ byTab: { ...byTab, [tab]: { ...noExchange, ...byTab[tab], ...changed } } }));
}

const noExchange: Exchange = { status: 0, milliseconds: 0, bytes: 0, cost: null, statements: null, sharedStatements: 0 };

/** Resolves when a tab is the one that is shown: GraphiQL gives every answer to that one. */
function whenActive(tab: string): Promise<void> {
  if (exchanges.getState().activeTab === tab) return Promise.resolve();
  return new Promise((resolve) => {
    const unsubscribe = exchanges.subscribe(({ activeTab }) => {
      if (activeTab !== tab) return;
      unsubscribe();
      resolve();
    });
  });
}

/** Sends a request of a tab as the person who is signed in, and asks what it takes. */
async function send(tab: string, input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const { apiKey } = identity.getState();
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(apiKey === null ? {} : credentialHeader(apiKey))) headers.set(name, value);
  const begun = performance.now();
  const response = await fetch(input, { ...init, headers, body: withCost(init.body) });
  const milliseconds = performance.now() - begun;
  const isWhole = response.headers.get("content-type")?.includes("json") ?? false;
  const bytes = isWhole ? (await response.clone().arrayBuffer()).byteLength : 0;
  changeExchange(tab, { ...noExchange, status: response.status, milliseconds, bytes });
  return response;
}

function withCost(body: RequestInit["body"]): string {
  return JSON.stringify({
    ...(JSON.parse(typeof body === "string" ? body : "{}") as object),
    extensions: { cost: true, statements: true },
  });
}

/** Performs operations for GraphiQL. The schema comes as a file that browsers keep. */
export const fetcher: Fetcher = async (parameters: FetcherParams, options) => {
  if (parameters.operationName === "IntrospectionQuery") return (await fetch(settings.schema)).json() as Promise<object>;
  const { activeTab: tab } = exchanges.getState();
  const fetchOperation = createGraphiQLFetcher({ url: settings.endpoint, fetch: (input, init) => send(tab, input, init) });
  const result: unknown = await fetchOperation(withOwnName(parameters), options);
  if (!isInParts(result)) await whenActive(tab);
  // It is what came, without its cost.
  return (isInParts(result) ? partsWithoutCost(tab, result) : withoutCost(tab, result)) as Awaited<ReturnType<Fetcher>>;
};

/**
 * Leaves out the name of an operation that the document does not have. GraphiQL learns the name from the editor a tenth
 * of a second after its text, and who runs it at once would send the name of the operation before.
 */
function withOwnName({ operationName, ...parameters }: FetcherParams): FetcherParams {
  const isOwn = new RegExp(String.raw`\b(query|mutation|subscription)\s+${operationName}\b`).test(parameters.query);
  return isOwn && operationName ? { ...parameters, operationName } : parameters;
}

/** A result that may come in parts, for `@defer`. GraphiQL's fetcher returns each result so. */
function isInParts(result: unknown): result is AsyncIterable<unknown> {
  return typeof result === "object" && result !== null && Symbol.asyncIterator in result;
}

async function* partsWithoutCost(tab: string, parts: AsyncIterable<unknown>): AsyncIterable<unknown> {
  const take = (part: unknown) => withoutCost(tab, part);
  for await (const part of parts) {
    const shown: unknown = Array.isArray(part) ? part.map(take) : take(part);
    await whenActive(tab);
    yield shown;
  }
}

/** Takes the cost out of a result, which is shown above it. */
function withoutCost(tab: string, result: unknown): unknown {
  if (!hasExtensions(result)) return result;
  const { cost = null, statements = null, sharedStatements = 0, ...others } = result.extensions;
  changeExchange(tab, { cost, statements, sharedStatements });
  const { extensions: _extensions, ...rest } = result;
  return Object.keys(others).length === 0 ? rest : { ...rest, extensions: others };
}

interface OwnExtensions {
  readonly cost?: Cost;
  readonly statements?: number;
  readonly sharedStatements?: number;
}

function hasExtensions(result: unknown): result is { extensions: OwnExtensions } {
  return typeof result === "object" && result !== null && "extensions" in result && typeof result.extensions === "object";
}
