// What relay-compiler reads. Its artifacts are what runs: nothing imports this file.
import { graphql } from "relay-runtime";

export const page = graphql`
  query operationsPageQuery($id: ID!, $count: Int!) {
    ticket(id: $id) {
      id
      subject
      ...operationsNotes @arguments(count: $count)
    }
  }
`;

export const notes = graphql`
  fragment operationsNotes on Ticket
  @argumentDefinitions(count: { type: "Int", defaultValue: 10 }, cursor: { type: "String" })
  @refetchable(queryName: "operationsNotesPaginationQuery") {
    notes(first: $count, after: $cursor) @connection(key: "operations_notes") {
      edges {
        node {
          id
          text
        }
      }
    }
  }
`;

export const add = graphql`
  mutation operationsAddMutation($input: AddNoteInput!) {
    addNote(input: $input) {
      ... on AddNotePayload {
        note {
          id
          text
        }
      }
    }
  }
`;
