/**
 * What calls cost, in points: one price list for all three APIs. A point is about what reading one row by its key takes, request and all.
 *
 * Prices are worst cases that are known before anything is begun: a page costs what it would if it were full. docs/decisions/0087 says how they
 * were found.
 */
export const prices = {
  /** Every call. */
  call: 1,
  /** A row that a page may hold, or a row related to one. */
  row: 1 / 100,
  /** A row that is looked for by an id of its own. */
  lookup: 1 / 10,
  /** A value of a list in a filter. */
  listedValue: 1 / 100,
  /** A value of an answer. */
  value: 1 / 200,
  /** A field that its row already has under several names: those are completed one by one. */
  repeatedValue: 1 / 20,
  /** A text that is rendered. */
  renderedText: 1 / 2,
  /** A URL that is signed. */
  signedUrl: 1 / 25,
  /** How many rows there are across tickets. */
  total: 20,
  /** How many rows one other row has, such as the notes of a ticket. */
  totalOfRow: 1 / 2,
  /** Each root field of a query after the first: a statement more. */
  read: 5,
  /** A change, with its line in the audit. */
  write: 10,
  /** A value that introspection answers. */
  introspectedValue: 1 / 100,
  /** An access token: a secret that is looked up, and a signature. */
  token: 10,
} as const;

/** The maximum cost of one call in points, whatever remains of the rate limit. */
export const maximumPoints = 1_000;

/** The most values that the filters of a REST call may have together. */
export const maximumFilterValues = 100;

/** What a REST call costs, in whole points. */
export function costOfRest(call: { readonly method: string; readonly isList: boolean; readonly rows: number }): number {
  if (call.method !== "GET" && call.method !== "HEAD") return prices.write;
  return call.isList ? wholePoints(prices.call + prices.total + call.rows * prices.row) : prices.call;
}

/** Rounds to whole points: points are reported and counted as integers, and each call costs at least one. */
export function wholePoints(points: number): number {
  return Math.max(prices.call, Math.round(points));
}
