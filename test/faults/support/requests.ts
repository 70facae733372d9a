/** One request to a gateway. */
export interface Asked {
  readonly key: string;
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly body?: unknown;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Sends `asked` to the gateway at `url`. */
export async function ask(url: string, { key, method, path, body }: Asked): Promise<Answered> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { "x-api-key": key, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

export function graphql(key: string, query: string, variables: object = {}): Asked {
  return { key, method: "POST", path: "/graphql", body: { query, variables } };
}

/** Calls `work` with the numbers below `count`, `width` of them at a time. */
export async function inParallel(count: number, width: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** Returns every combination of one element of each list. */
export function combinations<Element>(...lists: readonly (readonly Element[])[]): Element[][] {
  return lists.reduce<Element[][]>((made, list) => made.flatMap((head) => list.map((last) => [...head, last])), [[]]);
}

export interface Ticket {
  readonly uuid: string;
  readonly number: number;
  readonly kind: string;
}

/** Returns the newest tickets that the holder of `key` may see. */
export async function ticketsOf(url: string, key: string): Promise<readonly Ticket[]> {
  const { text } = await ask(url, graphql(key, "{ tickets(first: 100) { nodes { uuid number kind } } }"));
  return (JSON.parse(text) as { data: { tickets: { nodes: Ticket[] } } }).data.tickets.nodes; // as the query selects
}

/** Returns one of them on which every API can write notes. Throws an `Error` if there is none. */
export async function requestOf(url: string, key: string): Promise<Ticket> {
  const ticket = (await ticketsOf(url, key)).find(({ kind }) => kind === "REQUEST");
  if (ticket === undefined) throw new Error("The demo data has requests");
  return ticket;
}

/** Returns a request that writes a note through one of the three APIs, each in turn. */
export function writeOf(key: string, ticket: Ticket, text: string, index: number): Asked {
  const add = "mutation ($input: AddNoteInput!) { addNote(input: $input) { ... on AddNotePayload { note { uuid text } } } }";
  if (index % 3 === 0) return graphql(key, add, { input: { ticketId: ticket.uuid, text } });
  if (index % 3 === 1)
    return {
      key,
      method: "POST",
      path: "/v2/tickets/notes",
      body: { ticket_id: ticket.uuid, value: text, is_public: false, categories: [] },
    };
  return { key, method: "POST", path: `/v1/requests/${ticket.number}/notes`, body: { text, internal: true } };
}
