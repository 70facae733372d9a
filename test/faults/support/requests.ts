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

/** `work` of the numbers below `count`, `width` of them at a time. */
export async function inParallel(count: number, width: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** Every combination of one element of each list. */
export function combinations<Element>(...lists: readonly (readonly Element[])[]): Element[][] {
  return lists.reduce<Element[][]>((made, list) => made.flatMap((head) => list.map((last) => [...head, last])), [[]]);
}
