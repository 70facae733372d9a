// What relay-compiler reads: npx relay-compiler relay.config.json in this folder. It writes __generated__, which
// app.mjs runs. A bundler with Relay's plugin would replace these texts by the same files.
import { graphql } from "relay-runtime";

export const page = graphql`
  query operationsPageQuery($count: Int!) {
    tickets(first: 1) {
      nodes {
        id
        subject
        ...operationsNotes @arguments(count: $count)
      }
    }
  }
`;

export const notes = graphql`
  fragment operationsNotes on Ticket
  @argumentDefinitions(count: { type: "Int!" }, cursor: { type: "String" })
  @refetchable(queryName: "operationsNextPageQuery") {
    notes(first: $count, after: $cursor) @connection(key: "operations_notes") {
      edges {
        node {
          id
          text
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;
