import { Client, fetchExchange, gql } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import { persistedExchange } from "@urql/exchange-persisted";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noteCount, recordingFetch, type Served, serve } from "./support.ts";

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served.app.close());

interface Page {
  readonly ticket: {
    readonly notes: {
      readonly edges: readonly { readonly node: { readonly id: string; readonly text: string } }[];
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
    };
  };
}

test.each([
  ["POST", false],
  ["GET", "force"],
] as const)("urql with its normalized cache pages by hashes, by %s", async (method, preferGetForPersistedQueries) => {
  const recorder = recordingFetch();
  const client = new Client({
    url: served.endpoint,
    exchanges: [
      cacheExchange({
        resolvers: { Ticket: { notes: relayPagination() } },
        keys: { PageInfo: () => null },
      }),
      persistedExchange({ preferGetForPersistedQueries }),
      fetchExchange,
    ],
    fetch: recorder.fetch,
    fetchOptions: { headers: served.headers },
    preferGetMethod: false,
  });
  const query = gql<Page>`
    query NotesBy${method}($id: ID!, $after: String) {
      ticket(id: $id) {
        id
        notes(first: 10, after: $after) {
          edges { cursor node { id text } }
          pageInfo { hasNextPage endCursor }
        }
      }
    }
  `;
  const ask = async (after?: string): Promise<Page["ticket"]["notes"]> => {
    const { data, error } = await client.query<Page>(query, { id: served.ticket.id, ...(after !== undefined && { after }) });
    expect(error).toBeUndefined();
    return data!.ticket.notes;
  };
  let page = await ask();
  expect(recorder.take().map((request) => [request.method, request.status])).toEqual([
    [method, 200],
    [method, 200],
  ]);
  while (page.pageInfo.hasNextPage) page = await ask(page.pageInfo.endCursor);
  // The cache has joined the pages.
  expect(new Set(page.edges.map(({ node }) => node.text)).size).toBe(noteCount);
  const paged = recorder.take();
  expect(paged.map((request) => [request.method, request.status])).toEqual([
    [method, 200],
    [method, 200],
  ]);
  for (const { path, body } of paged) expect(path + body).not.toContain("pageInfo");

  // A mutation changes what the cache has, without another request.
  const [{ node }] = page.edges as [Page["ticket"]["notes"]["edges"][number]];
  const update = gql`
    mutation Update($input: UpdateNoteInput!) {
      updateNote(input: $input) {
        ... on UpdateNotePayload {
          note {
            id
            text
          }
        }
      }
    }
  `;
  const changed = await client.mutation(update, { input: { id: node.id, text: `${node.text}, changed by ${method}` } });
  expect(changed.error).toBeUndefined();
  recorder.take();
  const again = await ask();
  expect(again.edges.some((edge) => edge.node.text.endsWith(`, changed by ${method}`))).toBe(true);
  expect(recorder.take()).toEqual([]);
});
