import * as apollo3 from "apollo-client-3/core/core.cjs";
import * as links3 from "apollo-client-3/link/persisted-queries/persisted-queries.cjs";
import * as utilities3 from "apollo-client-3/utilities/utilities.cjs";
import * as apollo4 from "@apollo/client/core";
import * as links4 from "@apollo/client/link/persisted-queries";
import * as utilities4 from "@apollo/client/utilities";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noteCount, recordingFetch, type Served, serve, sha256 } from "./support.ts";

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served.app.close());

type Client = Pick<apollo4.ApolloClient, "query" | "mutate" | "stop"> | apollo3.ApolloClient<apollo3.NormalizedCacheObject>;

interface Asked {
  readonly fetch: typeof fetch;
  readonly useGETForHashedQueries: boolean;
}

/** The client of each version, as its documentation makes it. */
const versions = {
  "Apollo Client 3": ({ fetch, useGETForHashedQueries }: Asked) =>
    new apollo3.ApolloClient({
      link: links3
        .createPersistedQueryLink({ sha256, useGETForHashedQueries })
        .concat(new apollo3.HttpLink({ uri: served.endpoint, headers: served.headers, fetch })),
      cache: new apollo3.InMemoryCache({
        typePolicies: { Ticket: { fields: { notes: utilities3.relayStylePagination() } } },
      }),
    }),
  "Apollo Client 4": ({ fetch, useGETForHashedQueries }: Asked) =>
    new apollo4.ApolloClient({
      link: new links4.PersistedQueryLink({ sha256, useGETForHashedQueries }).concat(
        new apollo4.HttpLink({
          ...{ uri: served.endpoint, headers: served.headers, fetch },
          // Version 4 adds its name and version to each request, 59 bytes.
          enhancedClientAwareness: { transport: false },
        }),
      ),
      cache: new apollo4.InMemoryCache({
        typePolicies: { Ticket: { fields: { notes: utilities4.relayStylePagination() } } },
      }),
    }),
};

interface Page {
  readonly ticket: {
    readonly notes: {
      readonly edges: readonly { readonly node: { readonly text: string } }[];
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
    };
  };
}

describe.each(Object.entries(versions))("%s with persisted queries", (name, create) => {
  test.each([
    ["POST", false],
    ["GET", true],
  ])("by %s: a document travels once, then its hash", async (method, useGETForHashedQueries) => {
    const recorder = recordingFetch();
    const newClient = () => create({ fetch: recorder.fetch, useGETForHashedQueries }) as Client;
    const client = newClient();
    // A document of this case alone: others are known already.
    const query = apollo4.gql`
      query NotesBy${name.replaceAll(" ", "")}${method}($id: ID!, $after: String) {
        ticket(id: $id) {
          id
          notes(first: 10, after: $after) {
            edges { cursor node { id text author { id name } } }
            pageInfo { hasNextPage endCursor }
          }
        }
      }
    `;
    const ask = async (asked: Client, variables: Record<string, string>): Promise<Page> => {
      const { data } = await (asked as apollo4.ApolloClient).query({ query, variables, fetchPolicy: "network-only" });
      return data as Page; // as the query selects it
    };
    const first = await ask(client, { id: served.ticket.id });
    expect(first.ticket.notes.edges.length).toBe(10);
    const begun = recorder.take();
    expect(begun.map(({ status }) => status)).toEqual([200, 200]);
    // The link registers a document by POST in any case.
    expect(begun.map(({ method: used }) => used)).toEqual([method, "POST"]);
    expect(begun[0]!.path + begun[0]!.body).not.toContain("pageInfo");
    expect(begun[1]!.path + begun[1]!.body).toContain("pageInfo");

    // All pages, each by the hash.
    const texts = new Set(first.ticket.notes.edges.map(({ node }) => node.text));
    let { pageInfo } = first.ticket.notes;
    while (pageInfo.hasNextPage) {
      const page = await ask(client, { id: served.ticket.id, after: pageInfo.endCursor });
      for (const { node } of page.ticket.notes.edges) texts.add(node.text);
      ({ pageInfo } = page.ticket.notes);
    }
    expect(texts.size).toBe(noteCount);
    const paged = recorder.take();
    expect(paged.length).toBe(2);
    for (const request of paged) {
      expect([request.method, request.status]).toEqual([method, 200]);
      expect(request.path + request.body).not.toContain("pageInfo");
    }

    // Another installation of the app sends no document at all.
    const other = newClient();
    expect((await ask(other, { id: served.ticket.id })).ticket.notes.edges.length).toBe(10);
    expect(recorder.take().length).toBe(1);
    client.stop();
    other.stop();
  });

  test("a hashed request takes at most 200 bytes, and a mutation is a POST", async () => {
    const recorder = recordingFetch();
    const client = create({ fetch: recorder.fetch, useGETForHashedQueries: false }) as Client;
    const query = apollo4.gql`query Role { viewer { role person { id name } } }`;
    const ask = () => (client as apollo4.ApolloClient).query({ query, fetchPolicy: "network-only" });
    await ask();
    recorder.take();
    expect((await ask()).data).toMatchObject({ viewer: { role: "SPECIALIST" } });
    const [hashed, ...others] = recorder.take();
    expect(others).toEqual([]);
    expect(hashed!.body.length).toBeLessThanOrEqual(200);

    const mutation = apollo4.gql`
      mutation Add($input: AddNoteInput!) { addNote(input: $input) { ... on AddNotePayload { note { id text } } } }
    `;
    const variables = { input: { ticketId: served.ticket.id, text: `by ${name}` } };
    const { data } = await (client as apollo4.ApolloClient).mutate({ mutation, variables });
    expect(data).toMatchObject({ addNote: { note: { text: `by ${name}` } } });
    expect(recorder.take().every(({ method }) => method === "POST")).toBe(true);
    // It is taken away again: the pages of the others have a known number of notes.
    const removed = apollo4.gql`
      mutation Remove($input: DeleteNoteInput!) { deleteNote(input: $input) { ... on DeleteNotePayload { deletedNoteId } } }
    `;
    const { id } = (data as { addNote: { note: { id: string } } }).addNote.note;
    await (client as apollo4.ApolloClient).mutate({ mutation: removed, variables: { input: { id } } });
    client.stop();
  });
});
