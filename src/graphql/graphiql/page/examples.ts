/** An operation to learn from, which runs as it is once what it needs is there. */
export interface Example {
  /** The field of Query or Mutation that it shows. */
  readonly field: string;
  readonly title: string;
  readonly group: "Read" | "Write" | "Administer";
  readonly query: string;
  /** Whether customers may not run it. Those of the group Administer are for administrators only. */
  readonly isForStaff?: boolean;
  /** Finds what the variables name. It reads only, so that choosing an example changes nothing. */
  readonly lookup?: Lookup;
}

interface Lookup {
  readonly query: string;
  /** Returns the variables from the answer's data, or undefined if there is nothing to name. */
  readonly variables: (data: Found) => object | undefined;
  /** What to do if there is nothing. */
  readonly otherwise: string;
  /** Returns the note to which a file must be uploaded first, if that is what is missing. */
  readonly fileMissingAt?: (data: Found) => string | undefined;
}

/** The data of a lookup: the nodes of each connection. Each has the fields that the lookup selects. */
type Found = Readonly<Record<string, readonly FoundNode[]>>;

interface FoundNode {
  readonly id?: string;
  readonly number?: number;
  readonly version?: number;
  readonly name?: string;
  readonly entityId?: string;
  readonly createdAt?: string;
  readonly viewerCanUpdate?: boolean;
  readonly filename?: string;
  readonly state?: string;
  readonly attachments?: readonly FoundNode[];
  readonly edits?: readonly FoundNode[];
}

const errors = `    ... on Error {
      code
      message
    }
    ... on InvalidInputError {
      fields {
        path
        message
      }
    }`;

/** The marks by which the examples find again what they have made, and touch nothing else. */
const made = { text: "Cleared the fault codes", key: "Made in GraphiQL", email: "nora.vance@brightwater.example" };

/** Returns a mutation that takes an input and selects `selection` from its payload. */
function mutation(field: string, selection: string, comment: string): string {
  const name = `${field[0]?.toUpperCase()}${field.slice(1)}`;
  return `${comment}
mutation ${name}($input: ${name}Input!) {
  ${field}(input: $input) {
    ... on ${name}Payload {
${selection}
    }
${errors}
  }
}
`;
}

const firstTicket: Omit<Lookup, "variables"> = {
  query: "{ tickets(first: 1, filter: { status: [PENDING, IN_PROGRESS] }) { nodes { id number version subject } } }",
  otherwise: "You see no open ticket. Run addTicket first.",
};
const firstNote: Omit<Lookup, "variables"> = {
  query: "{ notes(first: 1) { nodes { id number } } }",
  otherwise: "You see no note. Run addNote first.",
};
const ownNote: Omit<Lookup, "variables"> = {
  query: `{ searchNotes(query: "${made.text.toLowerCase()}", first: 50) { nodes { id version viewerCanUpdate createdAt attachments(first: 5) { nodes { id filename state } } edits(first: 1) { nodes { id } } } } }`,
  otherwise: "The examples change only the note that they have added. Run addNote first.",
};

const none: readonly FoundNode[] = [];

/** Returns the newest note of the examples for which `isRight` holds. */
function newest({ searchNotes = [] }: Found, isRight: (note: FoundNode) => boolean = () => true): FoundNode | undefined {
  return searchNotes
    .filter((note) => note.viewerCanUpdate === true && isRight(note))
    .toSorted((one, other) => (other.createdAt ?? "").localeCompare(one.createdAt ?? ""))[0];
}

const readyFileOf = ({ attachments = [] }: FoundNode) => attachments.find(({ state }) => state === "READY");
const hasReadyFile = (note: FoundNode) => readyFileOf(note) !== undefined;

/** For examples that take a file away, each of which needs one to be there. */
const fileMissing: Pick<Lookup, "fileMissingAt" | "otherwise"> = {
  fileMissingAt: (data) => newest(data)?.id,
  otherwise: "The examples take away only files of the note that they have added. Run addNote first.",
};

const input = (fields: object | undefined): object | undefined => fields && { input: fields };

/** All examples: one for each field of Query and Mutation. Each finds what those before it have made. */
export const examples: readonly Example[] = [
  {
    field: "viewer",
    title: "Who am I?",
    group: "Read",
    query: `# For whom the key acts, and what it may do.
#
# Ctrl-Enter runs it.
# Ctrl-Space suggests fields.
query Viewer {
  viewer {
    person {
      id
      name
      email
    }
    account {
      name
      timeZone
    }
    role
    scopes
  }
}
`,
  },
  {
    field: "tickets",
    title: "Tickets with their newest notes and files",
    group: "Read",
    query: `# One SQL statement reads all of it.
# Pass endCursor as "after" for the next page.
query Tickets($first: Int = 5, $after: String) {
  tickets(first: $first, after: $after) {
    totalCount
    nodes {
      id
      number
      kind
      status
      subject
      noteCount
      notes(first: 3) {
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
              size
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
`,
  },
  {
    field: "ticket",
    title: "One ticket and who takes part in it",
    group: "Read",
    query: `query Ticket($id: ID!) {
  ticket(id: $id) {
    number
    subject
    status
    version
    requester {
      name
    }
    participants(first: 10) {
      nodes {
        name
      }
    }
    viewerCanAddNote
  }
}
`,
    lookup: { ...firstTicket, variables: ({ tickets: [first] = none }) => first && { id: first.id } },
  },
  {
    field: "ticketByNumber",
    title: "A ticket by the number that people say",
    group: "Read",
    query: `query TicketByNumber($number: SafeInt!) {
  ticketByNumber(number: $number) {
    id
    uuid
    subject
    lastNoteAt
  }
}
`,
    lookup: { ...firstTicket, variables: ({ tickets: [first] = none }) => first && { number: first.number } },
  },
  {
    field: "notes",
    title: "Notes on all tickets, with a filter",
    group: "Read",
    query: `query Notes {
  notes(
    first: 5
    filter: { hasAttachments: true }
    orderBy: { field: CREATED_AT, direction: DESC }
  ) {
    totalCount
    edges {
      cursor
      node {
        id
        textPlain
        ticket {
          number
          subject
        }
        attachments(first: 5) {
          nodes {
            filename
            contentType
            download {
              url
              expiresAt
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
`,
  },
  {
    field: "note",
    title: "One note, and what I may do with it",
    group: "Read",
    query: `query Note($id: ID!) {
  note(id: $id) {
    number
    text
    textHtml
    version
    isEdited
    viewerCanUpdate
    viewerCanDelete
    edits(first: 5) {
      nodes {
        editedAt
        diff {
          kind
          text
        }
      }
    }
  }
}
`,
    lookup: { ...firstNote, variables: ({ notes: [first] = none }) => first && { id: first.id } },
  },
  {
    field: "noteByNumber",
    title: "A note by its number, its id on /v1",
    group: "Read",
    query: `query NoteByNumber($number: SafeInt!) {
  noteByNumber(number: $number) {
    id
    uuid
    createdAt
  }
}
`,
    lookup: { ...firstNote, variables: ({ notes: [first] = none }) => first && { number: first.number } },
  },
  {
    field: "searchNotes",
    title: "Search, with the words that were found",
    group: "Read",
    query: `# Words, "phrases", -words to leave out, beginnings*.
query SearchNotes($query: String = "lamp -third") {
  searchNotes(query: $query, first: 5) {
    edges {
      score
      highlights {
        text
        isMatch
      }
      node {
        id
        ticket {
          number
        }
      }
    }
  }
}
`,
  },
  {
    field: "people",
    title: "People whom I can find",
    group: "Read",
    query: `query People {
  people(first: 10) {
    totalCount
    nodes {
      id
      number
      name
      role
    }
  }
}
`,
  },
  {
    field: "node",
    title: "Any object by its global id (Relay)",
    group: "Read",
    query: `query Node($id: ID!) {
  node(id: $id) {
    __typename
    id
    ... on Ticket {
      number
      subject
    }
  }
}
`,
    lookup: { ...firstTicket, variables: ({ tickets: [first] = none }) => first && { id: first.id } },
  },
  {
    field: "nodes",
    title: "Several objects by their global ids",
    group: "Read",
    query: `query Nodes($ids: [ID!]!) {
  nodes(ids: $ids) {
    __typename
    id
    ... on Note {
      textPlain
    }
    ... on Ticket {
      subject
    }
  }
}
`,
    lookup: {
      query: "{ tickets(first: 1) { nodes { id } } notes(first: 1) { nodes { id } } }",
      variables: ({ tickets = [], notes = [] }) => ({ ids: [...tickets, ...notes].map(({ id }) => id) }),
      otherwise: "",
    },
  },
  {
    field: "rateLimit",
    title: "What a query would cost, without running it",
    group: "Read",
    query: `query RateLimit {
  rateLimit(dryRun: true) {
    cost
    nodeCount
    remaining
    resetAt
  }
  tickets(first: 50) {
    nodes {
      notes(first: 10) {
        nodes {
          id
        }
      }
    }
  }
}
`,
  },
  {
    field: "addTicket",
    title: "Add a ticket",
    group: "Write",
    query: mutation(
      "addTicket",
      `      ticket {
        id
        number
        status
        createdAt
      }`,
      "# What can go wrong is a part of the answer:\n# ask for the errors beside the result.",
    ),
    lookup: {
      query: "{ viewer { role } }",
      variables: () => input({ kind: "REQUEST", subject: "Warning light is on again" }),
      otherwise: "",
    },
  },
  {
    field: "updateTicket",
    title: "Change a ticket, unless somebody else has",
    group: "Write",
    isForStaff: true,
    query: mutation(
      "updateTicket",
      `      ticket {
        number
        status
        version
        notes(first: 1) {
          nodes {
            medium
            textPlain
          }
        }
      }`,
      "# With expectedVersion nothing is overwritten unseen.\n# Customers may not change tickets.",
    ),
    lookup: {
      ...firstTicket,
      variables: ({ tickets: [first] = none }) =>
        input(first && { id: first.id, status: "IN_PROGRESS", expectedVersion: first.version }),
    },
  },
  {
    field: "addNote",
    title: "Add a note to a ticket",
    group: "Write",
    query: mutation(
      "addNote",
      `      note {
        id
        number
        text
        author {
          name
        }
        createdAt
      }`,
      "# Its author is the person of the key.",
    ),
    lookup: {
      ...firstTicket,
      variables: ({ tickets: [first] = none }) =>
        input(first && { ticketId: first.id, text: `${made.text} and drove 12 km: none came back.`, isPublic: true }),
    },
  },
  {
    field: "updateNote",
    title: "Change a note, unless somebody else has",
    group: "Write",
    query: mutation(
      "updateNote",
      `      note {
        text
        version
        editor {
          name
        }
      }`,
      "# If somebody was faster, the answer is a NoteChangedError\n# with the note as it is now.",
    ),
    lookup: {
      ...ownNote,
      variables: (data) => {
        const note = newest(data);
        const text = `${made.text} and drove 15 km: none came back.`;
        return input(note && { id: note.id, text, expectedVersion: note.version });
      },
    },
  },
  {
    field: "restoreNote",
    title: "Give a note its earlier text back",
    group: "Write",
    query: mutation(
      "restoreNote",
      `      note {
        text
        version
      }`,
      "# An edit has the state before it.",
    ),
    lookup: {
      ...ownNote,
      variables: (data) => {
        const note = newest(data, ({ edits = [] }) => edits.length > 0);
        return input(note && { id: note.id, editId: note.edits?.[0]?.id });
      },
      otherwise: "The note of the examples has no earlier state. Run addNote and updateNote first.",
    },
  },
  {
    field: "requestAttachmentUpload",
    title: "Ask for an upload",
    group: "Write",
    query: mutation(
      "requestAttachmentUpload",
      `      attachment {
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
      }`,
      '# Then send the bytes to the url, within 60 seconds,\n# with this method and these headers. The panel\n# "Upload" does both.',
    ),
    lookup: {
      ...ownNote,
      variables: (data) => {
        const note = newest(data);
        return input(note && { noteId: note.id, filename: "post-scan.txt" });
      },
    },
  },
  {
    field: "deleteAttachment",
    title: "Delete a file of a note",
    group: "Write",
    query: mutation(
      "deleteAttachment",
      `      deletedAttachmentId
      note {
        id
        version
      }`,
      "# The file and its download URLs are gone at once.",
    ),
    lookup: {
      ...ownNote,
      ...fileMissing,
      variables: (data) => {
        const note = newest(data, hasReadyFile);
        return input(note && { noteId: note.id, filename: readyFileOf(note)?.filename });
      },
    },
  },
  {
    field: "deleteNote",
    title: "Delete a note",
    group: "Write",
    query: mutation(
      "deleteNote",
      `      deletedNoteId
      ticket {
        number
        noteCount
      }`,
      "# For 30 days an administrator can bring it back.",
    ),
    lookup: {
      ...ownNote,
      variables: (data) => {
        const note = newest(data);
        return input(note && { id: note.id });
      },
    },
  },
  {
    field: "undeleteNote",
    title: "Bring a deleted note back",
    group: "Administer",
    query: mutation(
      "undeleteNote",
      `      note {
        id
        text
        version
      }`,
      "# The audit knows which note was deleted last.",
    ),
    lookup: {
      query: "{ auditEvents(first: 1, filter: { entity: [NOTE], action: [DELETED] }) { nodes { entityId } } }",
      variables: ({ auditEvents: [last] = none }) => input(last && { id: last.entityId }),
      otherwise: "No note was deleted. Run deleteNote first.",
    },
  },
  {
    field: "redactAttachment",
    title: "Remove a file for good",
    group: "Administer",
    query: mutation(
      "redactAttachment",
      `      attachment {
        id
        state
        filename
      }`,
      "# Nobody can undo it.",
    ),
    lookup: {
      ...ownNote,
      ...fileMissing,
      variables: (data) => {
        const note = newest(data, hasReadyFile);
        return input(note && { id: readyFileOf(note)?.id, reason: "PERSONAL_DATA" });
      },
    },
  },
  {
    field: "redactNote",
    title: "Black out a part of a note for good",
    group: "Administer",
    query: mutation(
      "redactNote",
      `      note {
        text
        redactions {
          at
          reason
          by {
            name
          }
        }
      }`,
      "# The old text is gone everywhere. Nobody can undo it.",
    ),
    lookup: {
      ...ownNote,
      variables: (data) => {
        const note = newest(data);
        return input(
          note && { id: note.id, reason: "PERSONAL_DATA", spans: [{ offset: 28, length: 5 }], expectedVersion: note.version },
        );
      },
    },
  },
  {
    field: "addPerson",
    title: "Add a person",
    group: "Administer",
    query: mutation(
      "addPerson",
      `      person {
        id
        number
        name
        role
      }`,
      "# A person who was removed comes back by their address.",
    ),
    lookup: {
      query: "{ viewer { role } }",
      variables: () => input({ name: "Nora Vance", email: made.email, role: "SPECIALIST" }),
      otherwise: "",
    },
  },
  {
    field: "updatePerson",
    title: "Change a person's role",
    group: "Administer",
    query: mutation(
      "updatePerson",
      `      person {
        name
        role
      }`,
      "# The last administrator keeps that role.",
    ),
    lookup: personLookup((person) => ({ id: person.id, role: "CUSTOMER" })),
  },
  {
    field: "removePerson",
    title: "Remove a person",
    group: "Administer",
    query: mutation(
      "removePerson",
      `      person {
        name
        role
      }`,
      "# Their notes stay; their keys stop working.",
    ),
    lookup: personLookup((person) => ({ id: person.id })),
  },
  {
    field: "apiKeys",
    title: "API keys of the account",
    group: "Administer",
    query: credentialsQuery("apiKeys"),
  },
  {
    field: "createApiKey",
    title: "Create an API key",
    group: "Administer",
    query: mutation(
      "createApiKey",
      `      secret
      apiKey {
        id
        name
        scopes
      }`,
      "# The secret is shown this once.",
    ),
    lookup: {
      query: "{ viewer { role } }",
      variables: () => input({ name: made.key, scopes: ["TICKETS_READ", "NOTES_READ"] }),
      otherwise: "",
    },
  },
  {
    field: "revokeApiKey",
    title: "Revoke an API key",
    group: "Administer",
    query: mutation(
      "revokeApiKey",
      `      apiKey {
        name
        revokedAt
      }`,
      "# It stops working within one second.",
    ),
    lookup: credentialLookup("apiKeys", "createApiKey"),
  },
  {
    field: "oauthClients",
    title: "OAuth clients of the account",
    group: "Administer",
    query: credentialsQuery("oauthClients"),
  },
  {
    field: "createOAuthClient",
    title: "Create an OAuth client",
    group: "Administer",
    query: mutation(
      "createOAuthClient",
      `      secret
      oauthClient {
        clientId
        name
        scopes
      }`,
      "# It gets its tokens at /oauth2/token.",
    ),
    lookup: {
      query: "{ viewer { role } }",
      variables: () => input({ name: made.key, scopes: ["TICKETS_READ", "NOTES_READ"] }),
      otherwise: "",
    },
  },
  {
    field: "revokeOAuthClient",
    title: "Revoke an OAuth client",
    group: "Administer",
    query: mutation(
      "revokeOAuthClient",
      `      oauthClient {
        name
        revokedAt
      }`,
      "# Its tokens stop working within one second.",
    ),
    lookup: credentialLookup("oauthClients", "createOAuthClient"),
  },
  {
    field: "auditEvents",
    title: "Who did what, and when",
    group: "Administer",
    query: `query AuditEvents {
  auditEvents(first: 10) {
    nodes {
      createdAt
      action
      entity
      entityId
      person {
        name
      }
      address
    }
  }
}
`,
  },
];

function personLookup(fields: (person: FoundNode) => object): Lookup {
  return {
    query: '{ people(first: 1, filter: { query: "Nora Vance" }) { nodes { id } } }',
    variables: ({ people: [first] = none }) => input(first && fields(first)),
    otherwise: "The examples change only the person whom they have added. Run addPerson first.",
  };
}

function credentialLookup(connection: string, maker: string): Lookup {
  return {
    query: `{ ${connection}(first: 100, filter: { isRevoked: false }) { nodes { id name } } }`,
    variables: (data) => {
      const found = data[connection]?.find(({ name }) => name === made.key);
      return input(found && { id: found.id });
    },
    otherwise: `The examples revoke only what they have made. Run ${maker} first.`,
  };
}

function credentialsQuery(field: "apiKeys" | "oauthClients"): string {
  return `query ${field[0]?.toUpperCase()}${field.slice(1)} {
  ${field}(first: 10, filter: { isRevoked: false }) {
    nodes {
      id
      name
      scopes
      lastUsedAt
      person {
        name
      }
    }
  }
}
`;
}

/** Returns the name of an example's operation, which is also the title of its tab. */
export function operationNameOf({ field }: Pick<Example, "field">): string {
  return `${field[0]?.toUpperCase()}${field.slice(1)}`;
}

/** Sends a query, and returns its answer. */
export type Ask = (query: string) => Promise<{ readonly data?: unknown; readonly errors?: readonly { message: string }[] }>;

/** What must be done before an example runs: what the text says, or an upload of a file to a note. */
export interface Missing {
  readonly problem: string;
  readonly fileMissingAt?: string;
}

/** For whom the examples are to run. Undefined if nobody is signed in. */
export type ExampleRole = "ADMINISTRATOR" | "SPECIALIST" | "CUSTOMER";

/**
 * Returns the text of the variables with which an example runs as it is, or what must be done before it can. A
 * connection in the data of a lookup is its nodes.
 */
export async function variablesFor(
  example: Example,
  role: ExampleRole | undefined,
  ask: Ask,
): Promise<{ text: string } | Missing> {
  const problem = missingRole(example, role);
  if (problem !== undefined) return { problem };
  const { lookup } = example;
  if (!lookup) return { text: "" };
  const { data, errors: refused } = await ask(lookup.query);
  if (data === null || data === undefined) return { problem: refused?.[0]?.message ?? lookup.otherwise };
  const found = withNodes(data) as Found; // as the query of the lookup selects it
  const variables = lookup.variables(found);
  if (variables !== undefined) return { text: JSON.stringify(variables, null, 2) };
  const fileMissingAt = lookup.fileMissingAt?.(found);
  if (fileMissingAt === undefined) return { problem: lookup.otherwise };
  return { problem: "The note of the examples has no file yet.", fileMissingAt };
}

/** Returns as whom to sign in before an example, or undefined if `role` may run it. */
function missingRole({ group, isForStaff, lookup }: Example, role: ExampleRole | undefined): string | undefined {
  // Without a key an example shows at least how it is written, if it needs no variables.
  if (role === undefined) return lookup && "Its variables name what you see. Sign in first.";
  if (group === "Administer" && role !== "ADMINISTRATOR") return "Only administrators may do this. Sign in as one.";
  if (isForStaff === true && role === "CUSTOMER") return "Customers may not do this. Sign in as a specialist.";
  return undefined;
}

/** Puts its nodes in place of each connection. */
function withNodes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withNodes);
  if (typeof value !== "object" || value === null) return value;
  if ("nodes" in value && Array.isArray(value.nodes)) return value.nodes.map(withNodes);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withNodes(member)]));
}
