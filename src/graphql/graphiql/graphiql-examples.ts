/** Global ids or UUIDs of existing objects that the user of the examples may see, such as those of the demo data. */
export interface ExampleIds {
  readonly ticketId?: string | undefined;
  readonly noteId?: string | undefined;
}

/** One tab of GraphiQL. */
export interface ExampleOperation {
  readonly query: string;
  /** The JSON text in the variables editor. */
  readonly variables?: string;
}

/**
 * Returns the operations in GraphiQL's initial tabs, from "who am I" to an upload. Without {@link ExampleIds} the
 * variables say where to find one.
 */
export function exampleOperations({ ticketId, noteId }: ExampleIds): ExampleOperation[] {
  return [
    { query: viewerQuery },
    { query: ticketsQuery },
    { query: addTicketMutation },
    {
      query: addNoteMutation,
      variables: asIndentedJson({
        input: {
          ticketId: ticketId ?? "the id of a ticket, from the Tickets tab",
          text: "Cleared the fault codes and drove 12 km: none came back.",
          categories: ["POST_SCAN"],
          isPublic: true,
        },
      }),
    },
    {
      query: requestUploadMutation,
      variables: asIndentedJson({
        input: {
          noteId: noteId ?? "the id of a note, from the Tickets or the AddNote tab",
          filename: "post-scan.pdf",
        },
      }),
    },
  ];
}

function asIndentedJson(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

const viewerQuery = `# Whose key is it, and what may it do?
#
# Paste a key under "Headers" below, once
# for all tabs: one of demo-keys.json, say.
# Then press the play button, or Ctrl-Enter.
#
# Ctrl-Space suggests fields. The book at
# the left documents the whole schema.

query Viewer {
  viewer {
    person {
      id
      name
    }
    account {
      name
    }
    role
    scopes
  }
}
`;

const ticketsQuery = `# Tickets, with the newest notes of each,
# their authors and their attachments.

query Tickets {
  tickets(first: 5) {
    totalCount
    nodes {
      id
      number
      kind
      status
      subject
      notes(first: 3) {
        totalCount
        nodes {
          id
          createdAt
          isPublic
          text
          author {
            name
          }
          attachments(first: 5) {
            nodes {
              filename
              contentType
              size
              download {
                url
                expiresAt
              }
            }
          }
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

const addTicketMutation = `# What can go wrong is a part of the answer:
# ask for the errors beside the result.

mutation AddTicket {
  addTicket(
    input: {
      kind: REQUEST
      subject: "Warning light is on again"
    }
  ) {
    ... on AddTicketPayload {
      ticket {
        id
        number
        status
        createdAt
      }
    }
    ... on Error {
      code
      message
    }
    ... on InvalidInputError {
      fields {
        path
        message
      }
    }
  }
}
`;

const addNoteMutation = `# Adds a note to the ticket that the
# variables name.

mutation AddNote($input: AddNoteInput!) {
  addNote(input: $input) {
    ... on AddNotePayload {
      note {
        id
        text
        author {
          name
        }
        createdAt
      }
    }
    ... on Error {
      code
      message
    }
    ... on InvalidInputError {
      fields {
        path
        message
      }
    }
  }
}
`;

const requestUploadMutation = `# A file takes two steps: ask for an upload,
# then send the bytes to its url, within 60
# seconds, with its method and headers.

mutation RequestUpload(
  $input: RequestAttachmentUploadInput!
) {
  requestAttachmentUpload(input: $input) {
    ... on RequestAttachmentUploadPayload {
      attachment {
        id
        state
      }
      upload {
        method
        url
        headers {
          name
          value
        }
        expiresAt
      }
    }
    ... on Error {
      code
      message
    }
    ... on InvalidInputError {
      fields {
        path
        message
      }
    }
  }
}
`;
