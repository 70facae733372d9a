/** API keys of one account. */
export type LoadKeys = Readonly<Record<"admin" | "specialist" | "customer", string>>;

export interface MixedLoadOptions {
  readonly url: string;
  readonly keys: LoadKeys;
  /** The number of clients, each of which sends one request after the other. */
  readonly clients: number;
  readonly isGoingOn: () => boolean;
  /**
   * Whether requests ask how many notes there are. Without, single notes are read on /v2 and the oldest notes on /v1,
   * because these APIs count each list.
   */
  readonly isCounting?: boolean;
}

export interface MixedLoad {
  /** The number of requests so far, by kind and outcome. */
  readonly counts: ReadonlyMap<string, number>;
  /** The longest time of a request so far, by kind and outcome. */
  readonly longestMilliseconds: ReadonlyMap<string, number>;
  readonly done: Promise<unknown>;
}

/** Starts clients that read and write through all three APIs. Every third request is a write. */
export async function startMixedLoad(options: MixedLoadOptions): Promise<MixedLoad> {
  const { url, keys, clients } = options;
  const counts = new Map<string, number>();
  const longestMilliseconds = new Map<string, number>();
  const tickets = await ticketsOf(url, keys.specialist);
  const work = async (index: number) => {
    for (let turn = index; options.isGoingOn(); turn += 1) {
      const request = requestOf(turn, tickets, options);
      const began = performance.now();
      const { status, body } = await ask(url, request);
      const isAnswered = status < 300 && !JSON.stringify(body).includes('"errors":[');
      const outcome = isAnswered ? request.what : `${request.what} answered ${status}`;
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      longestMilliseconds.set(outcome, Math.max(longestMilliseconds.get(outcome) ?? 0, performance.now() - began));
    }
  };
  return { counts, longestMilliseconds, done: Promise.all(Array.from({ length: clients }, (_, index) => work(index))) };
}

interface LoadRequest {
  readonly what: string;
  readonly key: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: unknown;
}

interface LoadTicket {
  readonly uuid: string;
  readonly notes: { readonly nodes: readonly { readonly uuid: string }[] };
}

function requestOf(turn: number, tickets: readonly LoadTicket[], { keys, isCounting = true }: MixedLoadOptions): LoadRequest {
  const ticket = tickets[turn % tickets.length];
  const id = ticket?.uuid ?? "";
  const totalCount = isCounting ? "totalCount" : "";
  const ofCustomer = `{ viewer { person { name } } notes(first: 25) { ${totalCount} nodes { text } } }`;
  const page = `{ tickets(first: 20) { nodes { number subject notes(first: 10) { ${totalCount} nodes { textHtml author { name } attachments(first: 3) { nodes { filename } } } } } } }`;
  const addNote = "mutation($id: ID!, $text: String!) { addNote(input: { ticketId: $id, text: $text }) { __typename } }";
  const readV2 = isCounting
    ? `/v2/tickets/notes?ticket_id=${id}&limit=25`
    : `/v2/tickets/notes/${ticket?.notes.nodes[0]?.uuid}`;
  const readV1 = `/v1/notes?per_page=25&page=${1 + (turn % 5)}${isCounting ? "" : "&created_at=<2024-01-01T12:00:00Z"}`;
  const requests: readonly LoadRequest[] = [
    { what: "graphql read", key: keys.specialist, ...posted("/graphql", { query: page }) },
    { what: "v2 read", key: keys.specialist, method: "GET", path: readV2 },
    { what: "v1 read", key: keys.admin, method: "GET", path: readV1 },
    { what: "graphql read", key: keys.customer, ...posted("/graphql", { query: ofCustomer }) },
    {
      ...{ what: "v2 write", key: keys.specialist },
      ...posted("/v2/tickets/notes", { ticket_id: id, value: `Seen again, **${turn}** times.` }),
    },
    {
      ...{ what: "graphql write", key: keys.specialist },
      ...posted("/graphql", { query: addNote, variables: { id, text: `Looked at ${turn} times` } }),
    },
  ];
  const request = requests[turn % requests.length];
  if (request === undefined) throw new Error("There is no request.");
  return request;
}

function posted(path: string, body: unknown): Pick<LoadRequest, "method" | "path" | "body"> {
  return { method: "POST", path, body };
}

async function ticketsOf(url: string, key: string): Promise<readonly LoadTicket[]> {
  const query = "{ tickets(first: 50) { nodes { uuid notes(first: 1) { nodes { uuid } } } } }";
  const { body } = await ask(url, { what: "tickets", key, ...posted("/graphql", { query }) });
  return (body as { data: { tickets: { nodes: LoadTicket[] } } }).data.tickets.nodes; // what the query selects
}

async function ask(url: string, { key, method, path, body }: LoadRequest): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { "x-api-key": key, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json().catch((_notJson: unknown) => undefined) };
}
