import type { DataSetSize } from "../data-set.ts";
import type { Sent } from "../harness.ts";
import { type DeepPosition, type QuestionName, questionNames, questionTitles, requestOf } from "../questions.ts";

/** A question for both gateways, with the requests that are sent in turn. */
export interface Question {
  readonly name: string;
  readonly title: string;
  readonly writes: boolean;
  readonly requests: readonly Sent[];
}

/** The facts about a gateway and its data set from which requests are made. */
export interface QuestionContext {
  readonly size: DataSetSize;
  readonly key: string;
  /**
   * Several keys for /v1, because older gateways allow each key 3,600 requests an hour, whatever their configuration
   * says.
   */
  readonly v1Keys: readonly string[];
  /** The gateway's own cursor after which the deep page begins. */
  readonly deep: string;
  readonly ticketCursors: readonly string[];
  readonly noteCursors: readonly string[];
}

/** The number of different requests of a question. */
const requestCount = 1_000;

/** The Accept headers of the clients' network layers. */
const relayAccept = "application/json";
const apolloAccept = "multipart/mixed;deferSpec=20220824, application/graphql-response+json, application/json";

/** The names of all questions, in the order of the report. */
export const comparedNames = [
  ...questionNames,
  ...questionNames.map((name) => `Relay-${name}`),
  ...questionNames.map((name) => `Apollo-${name}`),
  "v1",
  "v2",
];

/**
 * Returns Q1 to M1 as in bench/questions.ts; the same as Relay and Apollo Client send them, with edges, cursors,
 * `pageInfo`, `__typename`, named operations and variables that differ each time; and a list of each REST API.
 */
export function questionsOf(context: QuestionContext): Question[] {
  const { key, v1Keys, size } = context;
  const times = Array.from({ length: requestCount }, (_, index) => index + 1);
  const posted = (body: unknown, accept: string): Sent => ({
    method: "POST",
    path: "/graphql",
    headers: { "content-type": "application/json", accept, "x-api-key": key },
    body: JSON.stringify(body),
  });
  const asClients = (client: "Relay" | "Apollo", accept: string): Question[] =>
    questionNames.map((name) => ({
      name: `${client}-${name}`,
      title: `${questionTitles[name]}, as ${client} asks`,
      writes: name === "M1",
      requests: times.map((n) => posted(clientBody(name, n, context), accept)),
    }));
  return [
    ...questionNames.map((name) => ({
      name,
      title: questionTitles[name],
      writes: name === "M1",
      requests: times.map((n) => posted(requestOf("gateway", name, n, size, deepPosition(context)), "application/json")),
    })),
    ...asClients("Relay", relayAccept),
    ...asClients("Apollo", apolloAccept),
    {
      name: "v1",
      title: "GET /v1/notes, 50 of them, pages 1 to 20",
      writes: false,
      requests: times.map((n) => get(`/v1/notes?per_page=50&page=${1 + (n % 20)}`, valueAt(v1Keys, n))),
    },
    {
      name: "v2",
      title: "GET /v2/tickets/notes, 25 of a ticket",
      writes: false,
      requests: times.map((n) => get(`/v2/tickets/notes?ticket_id=${idOf("Q2", n, context)}&limit=25`, key)),
    },
  ];
}

function get(path: string, key: string): Sent {
  return { method: "GET", path, headers: { "content-type": "application/json", "x-api-key": key } };
}

/** Returns the position for `requestOf`. The gateway uses only its own cursor of it. */
function deepPosition({ deep }: QuestionContext): DeepPosition {
  return { createdAt: "", id: "", cursors: { gateway: deep, postgraphile: "", "plugin-prisma": "" } };
}

const connection = (fields: string, extra = "") =>
  `{ ${extra} edges { cursor node { __typename id ${fields} } } pageInfo { hasNextPage endCursor } }`;
const noteFields = "text isPublic createdAt";
const authorField = "author { __typename id name }";
const notesOf = (extra = "") =>
  `notes(first: $notes) ${connection(`${noteFields} ${authorField} attachments(first: $files) ${connection("filename size")}`, extra)}`;

const clientOperations: Readonly<Record<QuestionName, string>> = {
  Q1: `query NoteQuery($id: ID!) { note(id: $id) { __typename id ${noteFields} } }`,
  Q2: `query TicketQuery($id: ID!, $notes: Int!, $files: Int!) { ticket(id: $id) { __typename id subject ${notesOf()} } }`,
  Q3: `query TicketsQuery($first: Int!, $after: String, $notes: Int!, $files: Int!) { tickets(first: $first, after: $after) ${connection(`subject ${notesOf()}`)} }`,
  Q4: `query TicketQuery($id: ID!, $notes: Int!, $files: Int!) { ticket(id: $id) { __typename id subject ${notesOf("totalCount")} } }`,
  Q5: `query NotesQuery($first: Int!, $after: String) { notes(first: $first, after: $after) ${connection(`${noteFields} ${authorField}`)} }`,
  M1: `mutation AddNoteMutation($input: AddNoteInput!) { addNote(input: $input) { __typename ... on AddNotePayload { note { __typename id text } } } }`,
};

function clientBody(name: QuestionName, n: number, context: QuestionContext) {
  const query = clientOperations[name];
  return { operationName: /^\w+ (\w+)/.exec(query)?.[1], query, variables: variablesOf(name, n, context) };
}

function variablesOf(name: QuestionName, n: number, context: QuestionContext): Readonly<Record<string, unknown>> {
  switch (name) {
    case "Q1":
      return { id: idOf("Q1", n, context) };
    case "Q2":
    case "Q4":
      return { id: idOf("Q2", n, context), notes: 25, files: 5 };
    case "Q3":
      return { first: 50, after: valueAt(context.ticketCursors, n), notes: 10, files: 3 };
    case "Q5":
      return { first: 50, after: valueAt(context.noteCursors, n) };
    case "M1":
      return { input: { ticketId: idOf("Q2", n, context), text: `Added by the benchmark, ${n}`, isPublic: true } };
  }
}

/** Returns the id in the nth request of bench/questions.ts: of a note in Q1, of a ticket in Q2. */
function idOf(name: "Q1" | "Q2", n: number, context: QuestionContext): string {
  return String(requestOf("gateway", name, n, context.size, deepPosition(context)).variables["id"]);
}

function valueAt(values: readonly string[], n: number): string {
  const value = values[n % values.length];
  if (value === undefined) throw new Error("There is nothing to choose from.");
  return value;
}
