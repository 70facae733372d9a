// Pages through the notes of a ticket and adds one, with Apollo Client 4, its cache and persisted queries.
//
//   KEY=tnk_… npx node examples/apollo-client.ts
import { createHash, randomUUID } from "node:crypto";
import { ApolloClient, gql, HttpLink, InMemoryCache, type TypedDocumentNode } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { relayStylePagination } from "@apollo/client/utilities";

const { GATEWAY: gateway = "http://127.0.0.1:4000", KEY: key = "" } = process.env;

// The cache joins pages, and knows by a list which types implement Error.
const client = new ApolloClient({
  link: new PersistedQueryLink({ sha256: (text) => createHash("sha256").update(text).digest("hex") }).concat(
    new HttpLink({ uri: `${gateway}/graphql`, headers: { "X-API-Key": key } }),
  ),
  cache: new InMemoryCache({
    typePolicies: { Query: { fields: { notes: relayStylePagination() } } },
    possibleTypes: { Error: ["ConflictError", "ForbiddenError", "InvalidInputError", "NotFoundError"] },
  }),
});

// GraphQL Code Generator writes these types for an app.
type Note = { id: string; text: string; ticket: { id: string; subject: string } };
type Notes = { notes: { edges: { node: Note }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } };
type Added = { addNote: { note: { id: string; text: string } } | { message: string } };

const NotesByApollo: TypedDocumentNode<Notes, { after?: string | null }> = gql`
  query NotesByApollo($after: String) {
    notes(first: 25, after: $after) {
      edges {
        node {
          id
          text
          ticket {
            id
            subject
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;
const AddNoteByApollo: TypedDocumentNode<Added, { input: object }> = gql`
  mutation AddNoteByApollo($input: AddNoteInput!) {
    addNote(input: $input) {
      ... on AddNotePayload {
        note {
          id
          text
        }
      }
      ... on Error {
        message
      }
    }
  }
`;

const pages = client.watchQuery({ query: NotesByApollo, variables: {} });
// A list would be rendered here. Each page that is fetched has the cache show all that it has so far.
const notes = await new Promise<Note[]>((show, fail) => {
  pages.subscribe(({ data, dataState, loading, error }) => {
    if (error) return fail(new Error(error.message));
    if (dataState !== "complete" || loading) return undefined;
    const { edges, pageInfo } = data.notes;
    if (!pageInfo.hasNextPage) return show(edges.map(({ node }) => node));
    return void pages.fetchMore({ variables: { after: pageInfo.endCursor } }).catch(fail);
  });
});
console.log(`${notes.length} notes, the oldest about: ${notes.at(-1)?.ticket.subject}`);
const input = { ticketId: notes[0]?.ticket.id, text: "By Apollo Client.", isPublic: true, idempotencyKey: randomUUID() };
const { data } = await client.mutate({ mutation: AddNoteByApollo, variables: { input } });
const added = data?.addNote;
if (added === undefined || "message" in added) throw new Error(added?.message);
console.log(`Added: ${added.note.text}`);
client.stop();
