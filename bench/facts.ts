import type { ContestantName, Selection } from "./questions.ts";

const commonNames: Readonly<Record<string, string>> = {
  uuid: "id",
  rowId: "id",
  notesByAccountIdAndTicketId: "notes",
  personByAuthorNumber: "author",
  attachmentsByAccountIdAndNoteId: "attachments",
};

/**
 * Returns the facts in a response, which are the same on every contestant: without names of types, wrappers, cursors,
 * and the formats of times and numbers. Ids are facts where they are the stored ones: clients ask for global ids, which
 * each contestant writes in its own way.
 */
export function factsOf(answer: unknown, selection: Selection): unknown {
  if (Array.isArray(answer)) return answer.map((element) => factsOf(element, selection));
  if (typeof answer !== "object" || answer === null) return answer;
  const record = answer as Record<string, unknown>; // an object of JSON
  if ("note" in record) return factsOf(record["note"], selection); // the payload of a mutation
  if ("nodes" in record) return factsOf(record["nodes"], selection);
  if (Array.isArray(record["edges"])) return record["edges"].map((edge: { node: unknown }) => factsOf(edge.node, selection));
  const entries = Object.entries(record).flatMap(([name, value]): [string, unknown][] => {
    const commonName = commonNames[name] ?? name;
    if (name === "__typename" || (commonName === "id" && selection === "client")) return [];
    const total =
      typeof value === "object" && value !== null && "totalCount" in value
        ? [["totalCount", value.totalCount] as [string, unknown]]
        : [];
    if (name === "createdAt") return [["createdAt", Date.parse(String(value))]];
    if (name === "size") return [["size", Number(value)]];
    return [[commonName, factsOf(value, selection)], ...total];
  });
  return Object.fromEntries(entries.toSorted(([one], [other]) => one.localeCompare(other)));
}

/**
 * Returns whether a page follows, for every connection in a response in its order. Throws an `Error` if a connection
 * does not end with the cursor of its last edge.
 */
export function pagesOf(answer: unknown): boolean[] {
  if (typeof answer !== "object" || answer === null) return [];
  const { edges, pageInfo } = answer as Partial<{
    readonly edges: readonly { readonly cursor: string }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  }>; // a connection, or anything else
  const below = Object.values(answer).flatMap((value) => pagesOf(value));
  if (!edges || !pageInfo) return below;
  const last = edges.at(-1)?.cursor ?? null;
  if (pageInfo.endCursor !== last || edges.some(({ cursor }) => cursor === ""))
    throw new Error(`A connection ends with ${last} and says ${pageInfo.endCursor}.`);
  return [pageInfo.hasNextPage, ...below];
}

/**
 * Returns the content of a response: the only field of its data, or the whole response of the bare server. Throws an
 * `Error` if there is none.
 */
export function rootOf(contestant: ContestantName, body: unknown): unknown {
  if (contestant === "bare") return body;
  const { data } = body as { data?: Record<string, unknown> }; // GraphQL over HTTP
  const [root] = Object.values(data ?? {});
  if (root === undefined || root === null) throw new Error(`${contestant} answered ${JSON.stringify(body).slice(0, 500)}`);
  return root;
}
