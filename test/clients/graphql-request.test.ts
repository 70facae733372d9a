import { ClientError, gql, GraphQLClient, request } from "graphql-request";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recordingFetch, type Served, serve } from "./support.ts";

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served.app.close());

const document = gql`
  query Notes($id: ID!) {
    ticket(id: $id) {
      notes(first: 5) {
        totalCount
        nodes {
          text
        }
      }
    }
  }
`;

test.each(["POST", "GET"] as const)("graphql-request reads by %s", async (method) => {
  const recorder = recordingFetch();
  const client = new GraphQLClient(served.endpoint, { headers: served.headers, method, fetch: recorder.fetch });
  const data = await client.request<{ ticket: { notes: { totalCount: number; nodes: unknown[] } } }>(document, {
    id: served.ticket.id,
  });
  expect(data.ticket.notes.nodes.length).toBe(5);
  expect(recorder.take().map((sent) => [sent.method, sent.status])).toEqual([[method, 200]]);
});

test("graphql-request is told what is wrong", async () => {
  const failure = await request(served.endpoint, "{ nonsense }", {}, served.headers).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ClientError);
  expect((failure as ClientError).response.errors?.[0]?.extensions).toEqual({ code: "INVALID_INPUT" });
});
