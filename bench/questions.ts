import { accountId, type DataSetSize, noteId, ticketId } from "./data-set.ts";

export const questionTitles = {
  Q1: "one note",
  Q2: "a ticket, 25 notes, author, attachments",
  Q3: "50 tickets × 10 notes × author, 3 attachments",
  Q4: "Q2 and totalCount",
  Q5: "a deep page: 50 notes and authors",
  M1: "add a note",
} as const;

export type QuestionName = keyof typeof questionTitles;
export const questionNames = Object.keys(questionTitles) as QuestionName[]; // Object.keys forgets its keys

export type Contestant = "bare" | "postgraphile" | "plugin-prisma" | "gateway";

/** The nth request of a question to a contestant. */
export interface Request {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** The row after which page 2,000 begins, and each contestant's own cursor for it. */
export interface DeepPosition {
  readonly createdAt: string;
  readonly id: string;
  readonly cursors: Readonly<Record<"postgraphile" | "plugin-prisma" | "gateway", string>>;
}

/** Returns how many rows Q5 skips: 2,000 pages of 50, or half of the data set if that is less. */
export const deepOffset = (size: DataSetSize) => Math.min(100_000, (size.tickets * size.notesPerTicket) / 2);

const note = "text isPublic createdAt";

// The document for the gateway, and for the contestant that has its schema.
const ours = (nodes: (fields: string) => string) => {
  const notes = (size: number, files: number, extra = "") =>
    `notes(first: ${size}) { ${extra} ${nodes(`uuid ${note} author { uuid name } attachments(first: ${files}) { ${nodes("filename size")} }`)} }`;
  return {
    Q1: `query($id: ID!) { note(id: $id) { uuid ${note} } }`,
    Q2: `query($id: ID!) { ticket(id: $id) { uuid subject ${notes(25, 5)} } }`,
    Q3: `{ tickets(first: 50) { ${nodes(`uuid subject ${notes(10, 3)}`)} } }`,
    Q4: `query($id: ID!) { ticket(id: $id) { uuid subject ${notes(25, 5, "totalCount")} } }`,
    Q5: `query($after: String!) { notes(first: 50, after: $after) { ${nodes(`uuid ${note} author { uuid name }`)} } }`,
  };
};

const newestFirst = "orderBy: [CREATED_AT_DESC, ROW_ID_DESC]";
const postgraphileNotes = (size: number, files: number, extra = "") =>
  `notesByAccountIdAndTicketId(first: ${size}, ${newestFirst}) { ${extra} nodes { rowId ${note} personByAuthorNumber { rowId name }
   attachmentsByAccountIdAndNoteId(first: ${files}, orderBy: [CREATED_AT_ASC, ROW_ID_ASC]) { nodes { filename size } } } }`;

const operations: Readonly<Record<Contestant, Readonly<Record<QuestionName, string>>>> = {
  bare: { Q1: "Q1", Q2: "Q2", Q3: "Q3", Q4: "Q4", Q5: "Q5", M1: "M1" },
  gateway: {
    ...ours((fields) => `nodes { ${fields} }`),
    M1: `mutation($id: ID!, $text: String!) { addNote(input: { ticketId: $id, text: $text, isPublic: true }) { ... on AddNotePayload { note { uuid text } } } }`,
  },
  "plugin-prisma": {
    ...ours((fields) => `edges { node { ${fields} } }`),
    M1: `mutation($id: ID!, $text: String!, $newId: ID!) { addNote(ticketId: $id, text: $text, newId: $newId) { uuid text } }`,
  },
  postgraphile: {
    Q1: `query($id: UUID!) { noteByRowId(rowId: $id) { rowId ${note} } }`,
    Q2: `query($id: UUID!) { ticketByRowId(rowId: $id) { rowId subject ${postgraphileNotes(25, 5)} } }`,
    Q3: `{ allTickets(first: 50, ${newestFirst}) { nodes { rowId subject ${postgraphileNotes(10, 3)} } } }`,
    Q4: `query($id: UUID!) { ticketByRowId(rowId: $id) { rowId subject ${postgraphileNotes(25, 5, "totalCount")} } }`,
    Q5: `query($after: Cursor!) { allNotes(first: 50, after: $after, ${newestFirst}) { nodes { rowId ${note} personByAuthorNumber { rowId name } } } }`,
    M1: `mutation($id: UUID!, $text: String!, $newId: UUID!, $account: UUID!, $now: Datetime!) {
      createNote(input: { note: { rowId: $newId, accountId: $account, ticketId: $id, authorNumber: 5, text: $text, isPublic: true, categories: [], createdAt: $now } }) { note { rowId text } } }`,
  },
};

/**
 * Returns the nth row number. The step shares no factor with the size of the data set, so the numbers spread over all
 * of it.
 */
const spread = (n: number, count: number) => 1 + ((n * 7919) % count);

/** Returns the nth request of a question. It reads the same rows on every contestant. */
export function requestOf(
  contestant: Contestant,
  name: QuestionName,
  n: number,
  size: DataSetSize,
  deep: DeepPosition,
): Request {
  const id = name === "Q1" ? noteId(spread(n, size.tickets * size.notesPerTicket)) : ticketId(spread(n, size.tickets));
  const query = operations[contestant][name];
  if (name === "Q3") return { query, variables: {} };
  if (name === "Q5") {
    return {
      query,
      variables: contestant === "bare" ? { createdAt: deep.createdAt, id: deep.id } : { after: deep.cursors[contestant] },
    };
  }
  if (name !== "M1") return { query, variables: { id } };
  const text = `Added by the benchmark, ${n}`;
  const variables = { id, text, newId: crypto.randomUUID(), account: accountId, now: new Date().toISOString() };
  return { query, variables: contestant === "gateway" ? { id, text } : variables };
}

const commonNames: Readonly<Record<string, string>> = {
  uuid: "id",
  rowId: "id",
  notesByAccountIdAndTicketId: "notes",
  personByAuthorNumber: "author",
  attachmentsByAccountIdAndNoteId: "attachments",
};

/**
 * Returns a response without the parts that differ between contestants: names, wrappers, and the formats of times and
 * numbers.
 */
export function factsOf(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(factsOf);
  if (typeof answer !== "object" || answer === null) return answer;
  const record = answer as Record<string, unknown>; // an object of JSON
  if ("nodes" in record) return factsOf(record["nodes"]);
  if ("edges" in record && Array.isArray(record["edges"]))
    return factsOf(record["edges"].map((edge: { node: unknown }) => edge.node));
  const entries = Object.entries(record).flatMap(([name, value]): [string, unknown][] => {
    const total =
      typeof value === "object" && value !== null && "totalCount" in value
        ? [["totalCount", value.totalCount] as [string, unknown]]
        : [];
    if (name === "createdAt") return [["createdAt", Date.parse(String(value))]];
    if (name === "size") return [["size", Number(value)]];
    return [[commonNames[name] ?? name, factsOf(value)], ...total];
  });
  return Object.fromEntries(entries.toSorted(([one], [other]) => one.localeCompare(other)));
}

/**
 * Returns the content of a response: the only field of a GraphQL response's data, or the whole response of the bare
 * server.
 */
export function rootOf(contestant: Contestant, body: unknown): unknown {
  if (contestant === "bare") return body;
  const { data, errors } = body as { data?: Record<string, unknown>; errors?: unknown }; // GraphQL over HTTP
  if (errors !== undefined || !data) throw new Error(`${contestant} answered ${JSON.stringify(body).slice(0, 500)}`);
  return Object.values(data)[0];
}
