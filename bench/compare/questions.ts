import type { DataSetSize } from "../data-set.ts";
import type { Sent } from "../load.ts";
import {
  apolloAccept,
  type Cursors,
  plainAccept,
  questionNames,
  questionTitles,
  inTurn,
  requestsOf,
  type Selection,
  ticketOfTurn,
} from "../questions.ts";

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
  /** The gateway's own cursors. */
  readonly cursors: Cursors;
}

/** The clients whose requests are compared: what they select, and the Accept header of their network layer. */
const clients: readonly { readonly name: string; readonly selection: Selection; readonly accept: string }[] = [
  { name: "", selection: "lean", accept: plainAccept },
  { name: "Relay", selection: "client", accept: plainAccept },
  { name: "Apollo", selection: "client", accept: apolloAccept },
];

/** The names of all questions, in the order of the report. */
export const comparedNames = [
  ...clients.flatMap(({ name }) => questionNames.map((question) => (name === "" ? question : `${name}-${question}`))),
  "v1",
  "v2",
];

/**
 * Returns the questions of bench/questions.ts as lean clients, Relay and Apollo's mobile clients send them, and a list
 * of each REST API.
 */
export function questionsOf({ key, v1Keys, size, cursors }: QuestionContext): Question[] {
  const asked = clients.flatMap(({ name, selection, accept }) =>
    questionNames.map((question) => ({
      name: name === "" ? question : `${name}-${question}`,
      title: `${questionTitles[question]}${name === "" ? "" : `, as ${name} asks`}`,
      writes: question === "M1",
      requests: requestsOf({ contestant: "gateway", selection, size, cursors }, question, {
        path: "/graphql",
        headers: { accept, "x-api-key": key },
      }),
    })),
  );
  return [
    ...asked,
    {
      name: "v1",
      title: "GET /v1/notes, 50 of them, pages 1 to 20",
      writes: false,
      requests: inTurn((n) => get(`/v1/notes?per_page=50&page=${1 + (n % 20)}`, v1Keys[n % v1Keys.length]!)),
    },
    {
      name: "v2",
      title: "GET /v2/tickets/notes, 25 of a ticket",
      writes: false,
      requests: inTurn((n) => get(`/v2/tickets/notes?ticket_id=${ticketOfTurn(n, size)}&limit=25`, key)),
    },
  ];
}

function get(path: string, key: string): Sent {
  return { method: "GET", path, headers: { "content-type": "application/json", "x-api-key": key } };
}
